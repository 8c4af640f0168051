//! Whether text written without quotes would read back as text.

/// Whether a YAML reader takes the unquoted text for something else than text: null, boolean, number or
/// timestamp, or for a boolean or a base-60 number by YAML 1.1's rules.
pub(super) fn reads_as_other(text: &str) -> bool {
    matches!(
        text,
        "" | "~"
            | "null"
            | "Null"
            | "NULL"
            | "true"
            | "True"
            | "TRUE"
            | "false"
            | "False"
            | "FALSE"
            | "y"
            | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
            | ".nan"
            | ".NaN"
            | ".NAN"
            | ".inf"
            | ".Inf"
            | ".INF"
            | "+.inf"
            | "+.Inf"
            | "+.INF"
            | "-.inf"
            | "-.Inf"
            | "-.INF"
    ) || reads_as_number(text)
        || reads_as_timestamp(text)
        || is_base_60(text)
}

fn reads_as_number(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return false;
    }
    let bare = text.replace('_', "");
    if text.starts_with('.') {
        return is_float(text);
    }
    is_integer(&bare) || is_float(&bare)
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, radix) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (&digits[2..], 16),
        Some("0o") => (&digits[2..], 8),
        Some("0b") => (&digits[2..], 2),
        _ if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
        _ => (digits, 10),
    };
    !digits.starts_with(['+', '-']) && u64::from_str_radix(digits, radix).is_ok()
}

fn is_float(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    has_digits
        && all_digits(whole)
        && all_digits(fraction)
        && exponent_fits
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `2024-01-02`, alone or with a time after `T`, `t` or a blank.
fn reads_as_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |text: &str, longest: usize| {
        let fits = !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) =
        (number(year, 4).filter(|_| year.len() == 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=last).contains(&day) && time.is_none_or(is_clock)
}

/// A time of day with its separator; a zone must follow `T` and must not follow a blank.
fn is_clock(text: &str) -> bool {
    let (separator, rest) = text.split_at(1);
    let (clock, zone) = rest.split_at(rest.find(['Z', '+', '-']).unwrap_or(rest.len()));
    let zone_fits = match zone.as_bytes() {
        [] => separator == " ",
        [b'Z'] => separator != " ",
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            separator != " " && [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return false };
    let below = |text: &str, limit: u32| {
        matches!(text.len(), 1 | 2)
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|value| value < limit)
    };
    zone_fits
        && below(hour, 24)
        && below(minute, 60)
        && below(second, 60)
        && fraction.is_none_or(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
}

/// `190:20:30` and the like: whole numbers in base 60 by YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or("");
    let rest: Vec<&str> = parts.collect();
    let digit_or_underscore = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    first.starts_with(|c: char| c.is_ascii_digit())
        && digit_or_underscore(first)
        && digit_or_underscore(fraction)
        && !rest.is_empty()
        && rest.iter().all(|part| match part.as_bytes() {
            [one] => one.is_ascii_digit(),
            [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_read_as_something_else_is_found() {
        for text in [
            "",
            "~",
            "yes",
            "Off",
            "1",
            "1_000",
            "0x1F",
            "0o17",
            "017",
            "08",
            "+1",
            "1e3",
            ".5",
            "5.",
            "12:30",
            "1:2:3",
            "2024-01-01",
            "2024-1-1",
            "2024-01-01T00:00:00Z",
            "2001-12-14 21:59:43.10",
            "-.Inf",
            "0b1",
            "1__0",
        ] {
            assert!(reads_as_other(text), "{text}");
        }
        for text in [
            "nULL",
            "1e400",
            "1.2.3",
            "_1",
            "+",
            "-x",
            "0x",
            "0xZZ",
            "1e",
            "e1",
            "12:60",
            "80:80:80a",
            "2024-13-01",
            "2023-02-29",
            "inf",
            "nan",
            "<<",
            "=",
            ".",
            "..",
            "2001-12-14T21:59:43",
            "0.1.",
        ] {
            assert!(!reads_as_other(text), "{text}");
        }
    }
}
