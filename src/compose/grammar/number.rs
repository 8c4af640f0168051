//! Numbers read and written the way the reference's standard library does.

use std::fmt::Write as _;

/// How far from the decimal point a float may reach before it is written with an exponent.
#[derive(Clone, Copy)]
struct Window {
    low: i32,
    high: i32,
}

/// A float as text in labels, environment and YAML: the shortest digits that read back, with an exponent
/// of at least two digits outside 1e-4..1e6 (reference: `1e+06`, `1e-05`, `123456.5`, `+Inf`, `NaN`).
pub fn format_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    shortest(value, Window { low: -4, high: 6 }, 2)
}

/// A float in JSON: like [`format_float`], but plain between 1e-6 and 1e21 and with exponents as short as
/// they are (`1e-7`). JSON knows no infinities; they come out as [`format_float`] writes them.
pub fn format_json_float(value: f64) -> String {
    if !value.is_finite() {
        return format_float(value);
    }
    shortest(value, Window { low: -6, high: 21 }, 1)
}

fn shortest(value: f64, window: Window, exponent_digits: usize) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent >= window.low && exponent < window.high {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let mut text = format!("{mantissa}e{sign}");
    // Writing to a string cannot fail.
    let _ = write!(text, "{:0width$}", exponent.unsigned_abs(), width = exponent_digits);
    text
}

/// The double whose shortest digits are those of the single: `0.1f32` gives `0.1`, not `0.10000000149…`.
/// The reference keeps CPU counts and ratios in single precision and prints the shortest digits.
pub fn widen(value: f32) -> f64 {
    format!("{value:e}").parse().unwrap_or_else(|_| f64::from(value))
}

/// The single nearest to a double.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to single precision is what the reference does"
)]
pub fn narrow(value: f64) -> f32 {
    value as f32
}

/// Reads a decimal float; the error is the reference's.
pub fn parse_float(text: &str) -> Result<f64, String> {
    let syntax = || format!("strconv.ParseFloat: parsing {}: invalid syntax", quote(text));
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let word = matches!(unsigned.to_ascii_lowercase().as_str(), "inf" | "infinity" | "nan");
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !word && !numeric {
        return Err(syntax());
    }
    let value: f64 = text.parse().map_err(|_| syntax())?;
    if numeric && value.is_infinite() {
        return Err(format!("strconv.ParseFloat: parsing {}: value out of range", quote(text)));
    }
    Ok(value)
}

/// Reads a whole number in base 10; `function` is the name that the reference's error carries
/// (`Atoi` or `ParseInt`).
pub fn parse_int(text: &str, function: &str) -> Result<i64, String> {
    parse_radix(text, 10, function)
}

/// Reads a whole number in a base.
pub fn parse_radix(text: &str, radix: u32, function: &str) -> Result<i64, String> {
    let problem = |what: &str| format!("strconv.{function}: parsing {}: {what}", quote(text));
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(problem("invalid syntax"));
    }
    i64::from_str_radix(text, radix).map_err(|_| problem("value out of range"))
}

/// A float as a whole number, cut towards zero; what does not fit becomes the smallest number, as on the
/// machines that the reference runs on.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "checked against the range first"
)]
pub fn truncate(value: f64) -> i64 {
    if value >= i64::MIN as f64 && value < i64::MAX as f64 { value as i64 } else { i64::MIN }
}

/// Text in double quotes, with quotes, backslashes and control characters escaped.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_with_an_exponent_from_a_million_on() {
        for (value, text) in [
            (1.5, "1.5"),
            (3.0, "3"),
            (123_456.5, "123456.5"),
            (1_234_567.5, "1.2345675e+06"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1e30, "1e+30"),
            (-0.0, "-0"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_float(value), text);
        }
    }

    #[test]
    fn json_floats_stay_plain_up_to_1e21() {
        for (value, text) in [
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-5, "0.00001"),
            (1e-7, "1e-7"),
            (2.0, "2"),
            (12_345_678.5, "12345678.5"),
        ] {
            assert_eq!(format_json_float(value), text);
        }
    }

    #[test]
    fn singles_keep_their_short_digits() {
        assert_eq!(format_json_float(widen(0.1)), "0.1");
        assert_eq!(format_json_float(widen(narrow(1.0 / 3.0))), "0.33333334");
    }

    #[test]
    fn broken_numbers_say_what_was_parsed() {
        assert_eq!(parse_int("abc", "Atoi"), Err("strconv.Atoi: parsing \"abc\": invalid syntax".into()));
        assert_eq!(
            parse_int("99999999999999999999", "ParseInt"),
            Err("strconv.ParseInt: parsing \"99999999999999999999\": value out of range".into())
        );
        assert_eq!(parse_radix("0440", 8, "ParseInt"), Ok(288));
        assert!(parse_float("abc").is_err() && parse_float("").is_err() && parse_float("1_0").is_err());
        assert_eq!(parse_float("1e3"), Ok(1000.0));
        assert_eq!(parse_float(".5"), Ok(0.5));
    }
}
