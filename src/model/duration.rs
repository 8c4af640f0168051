//! Spans of time: `1m30s`, `1.5h`, `2d`. Held in nanoseconds.

const SECOND: u64 = 1_000_000_000;

/// Reads a span of time in nanoseconds: an optional sign, then numbers each with a unit of
/// `ns us µs ms s m h d w`; a bare `0` needs none.
pub fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (amount, after) = leading_number(rest).ok_or_else(invalid)?;
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let size =
            unit_size(unit).ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
        total = amount.times(size).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
        rest = after;
    }
    let total = i64::try_from(total).map_err(|_| invalid())?;
    Ok(if negative { -total } else { total })
}

/// A decimal number: digits before and after the point.
struct Amount<'a> {
    whole: &'a str,
    fraction: &'a str,
}

impl Amount<'_> {
    fn times(&self, size: u64) -> Option<u64> {
        let whole =
            if self.whole.is_empty() { 0 } else { self.whole.parse::<u64>().ok()?.checked_mul(size)? };
        // Beyond 18 digits a fraction of the largest unit no longer changes a nanosecond.
        let digits = &self.fraction[..self.fraction.len().min(18)];
        let part = if digits.is_empty() {
            0
        } else {
            let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
            u64::try_from(digits.parse::<u128>().ok()? * u128::from(size) / scale).ok()?
        };
        whole.checked_add(part)
    }
}

fn leading_number(text: &str) -> Option<(Amount<'_>, &str)> {
    let digits_end = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(digits_end(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits_end(rest)),
        None => ("", rest),
    };
    (!whole.is_empty() || !fraction.is_empty()).then_some((Amount { whole, fraction }, rest))
}

fn unit_size(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => 24 * 3_600 * SECOND,
        "w" => 7 * 24 * 3_600 * SECOND,
        _ => return None,
    })
}

/// Writes nanoseconds as the reference does: `1h0m0s`, `1m30.5s`, `100µs`, `0s`.
pub fn format(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = nanoseconds.unsigned_abs();
    if total == 0 {
        return "0s".to_owned();
    }
    if total < SECOND {
        let (unit, size) = match total {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("\u{b5}s", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", decimal(total, size));
    }
    let seconds = decimal(total % (60 * SECOND), SECOND);
    let minutes = total / (60 * SECOND);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / size` as a decimal without trailing zeros; `size` is a power of ten.
fn decimal(value: u64, size: u64) -> String {
    let (whole, fraction) = (value / size, value % size);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = size.ilog10() as usize;
    let fraction = format!("{fraction:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_normalised() {
        for (text, printed) in [
            ("90s", "1m30s"),
            ("1d", "24h0m0s"),
            ("1w", "168h0m0s"),
            ("1.5s", "1.5s"),
            ("1m30s500ms", "1m30.5s"),
            ("100us", "100\u{b5}s"),
            ("0", "0s"),
            ("0s", "0s"),
            ("-1h", "-1h0m0s"),
            ("+.5s", "500ms"),
            ("1500us", "1.5ms"),
            ("3ns", "3ns"),
        ] {
            assert_eq!(parse(text).map(format), Ok(printed.to_owned()), "{text}");
        }
    }

    #[test]
    fn broken_durations_say_what_is_missing() {
        for (text, error) in [
            ("10", "time: missing unit in duration \"10\""),
            ("10 s", "time: unknown unit \" s\" in duration \"10 s\""),
            ("", "time: invalid duration \"\""),
            ("s", "time: invalid duration \"s\""),
            ("999999999999h", "time: invalid duration \"999999999999h\""),
        ] {
            assert_eq!(parse(text), Err(error.to_owned()));
        }
    }
}
