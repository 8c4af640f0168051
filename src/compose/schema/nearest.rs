//! The known name that a wrong one was probably meant to be.

/// The known name nearest to `wrong`, if one is near enough to be worth a hint.
///
/// Near means few edits for its length (an insertion, deletion, replacement or swap of neighbours each count
/// one), or that one name begins with the other. Of equally near names the first wins.
pub fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.to_lowercase().chars().take(MAX_LENGTH).collect();
    let allowed = (wrong.len() / 3).max(1);
    known
        .filter_map(|name| {
            let other: Vec<char> = name.to_lowercase().chars().take(MAX_LENGTH).collect();
            let edits = distance(&wrong, &other);
            let shorter = wrong.len().min(other.len());
            let prefix = shorter >= 3 && wrong[..shorter] == other[..shorter];
            (edits <= allowed || prefix).then_some((edits, name))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Longer names are compared by their beginning.
const MAX_LENGTH: usize = 64;

/// Optimal string alignment distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KNOWN: [&str; 5] = ["image", "environment", "depends_on", "ports", "profiles"];

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        for (wrong, right) in [
            ("imge", "image"),
            ("iamge", "image"),
            ("Image", "image"),
            ("port", "ports"),
            ("depends", "depends_on"),
        ] {
            assert_eq!(nearest(wrong, KNOWN.into_iter()), Some(right), "{wrong}");
        }
    }

    #[test]
    fn a_strange_word_gets_no_guess() {
        for wrong in ["x", "", "zzz", "restart", "po"] {
            assert_eq!(nearest(wrong, KNOWN.into_iter()), None, "{wrong}");
        }
    }
}
