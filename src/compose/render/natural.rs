//! The order of mapping keys in YAML: letters by code point, numbers by value.

use std::cmp::Ordering;

/// Whether `a` stands before `b`.
///
/// Reference: at the first rune that differs, two letters compare by code point; a letter stands after what
/// is no letter, but before it if the rune before was a digit; else the number that begins there counts (no
/// digits count as 0), then the shorter run of digits, then the code point.
fn precedes(a: &str, b: &str) -> bool {
    let left: Vec<char> = a.chars().collect();
    let right: Vec<char> = b.chars().collect();
    let Some(at) = left.iter().zip(&right).position(|(a, b)| a != b) else {
        return left.len() < right.len();
    };
    let (l, r) = (left[at], right[at]);
    match (l.is_alphabetic(), r.is_alphabetic()) {
        (true, true) => l < r,
        (false, false) => {
            let number = |text: &[char]| digits(text, at, l == '0' || r == '0');
            number(&left).cmp(&number(&right)).then(l.cmp(&r)) == Ordering::Less
        }
        (l_is_letter, r_is_letter) => {
            let after_digit = at > 0 && left[at - 1].is_numeric();
            if after_digit { l_is_letter } else { r_is_letter }
        }
    }
}

/// Value and length of the run of digits at `at`. Where one side has a zero there, a number that began
/// before counts too, so that its zeros are not taken for leading ones.
fn digits(text: &[char], at: usize, zero: bool) -> (u64, usize) {
    let inside = text[..at].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
    let start = u64::from(zero && inside);
    let run = text[at..].iter().map_while(|c| c.to_digit(10));
    let length = run.clone().count();
    (run.fold(start, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit))), length)
}

/// As many entries are sorted by insertion; more are halved first.
const FEW: usize = 32;

/// Sorts by key, equal ones as they stand. Insertion and merging, since the order above is not total: with keys such as
/// `1a`, `1.5` and `1` the standard library's sorts may give up.
pub(super) fn sort<T>(entries: impl IntoIterator<Item = (String, T)>) -> Vec<(String, T)> {
    let mut left: Vec<(String, T)> = entries.into_iter().collect();
    if left.len() <= FEW {
        return inserted(left);
    }
    let right = sort(left.split_off(left.len() / 2));
    merged(sort(left), right)
}

fn inserted<T>(entries: Vec<(String, T)>) -> Vec<(String, T)> {
    let mut sorted: Vec<(String, T)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let at = sorted.iter().rposition(|(key, _)| !precedes(&entry.0, key)).map_or(0, |at| at + 1);
        sorted.insert(at, entry);
    }
    sorted
}

fn merged<T>(left: Vec<(String, T)>, right: Vec<(String, T)>) -> Vec<(String, T)> {
    let mut sorted = Vec::with_capacity(left.len() + right.len());
    let mut right = right.into_iter().peekable();
    for entry in left {
        while let Some(other) = right.next_if(|(key, _)| precedes(key, &entry.0)) {
            sorted.push(other);
        }
        sorted.push(entry);
    }
    sorted.extend(right);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(keys: &str) -> String {
        let sorted = sort(keys.split(' ').map(|key| (key.to_owned(), ())));
        sorted.into_iter().map(|(key, ())| key).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn numbers_sort_by_value_and_prefixes_come_first() {
        assert_eq!(sorted("a10 a2 a1"), "a1 a2 a10");
        assert_eq!(sorted("web-1 web"), "web web-1");
        assert_eq!(sorted("a_b a-b a.b aB a1"), "a-b a.b a_b a1 aB");
        assert_eq!(sorted("1.5 1a"), "1a 1.5");
        assert_eq!(sorted("a01 a1 a001"), "a1 a01 a001");
    }

    #[test]
    fn many_keys_are_sorted_as_few_are() {
        let keys: Vec<(String, usize)> = (0..500).map(|i| (format!("app{}", i * 7919 % 500), i)).collect();
        let sorted: Vec<String> = sort(keys).into_iter().map(|(key, _)| key).collect();
        assert_eq!(sorted, (0..500).map(|i| format!("app{i}")).collect::<Vec<_>>());
    }
}
