//! Amounts of memory: `64m`, `1.5 GiB`, `1024`. Units are always powers of 1024.

use super::number;

/// Reads an amount in bytes; fractions of a byte are cut.
///
/// Reference: the number is decimal with an optional exponent, one space may stand before the unit, and a
/// unit is `b` or one of `k m g t p` with an optional `b` or `ib`, in any case. Negative text is refused,
/// unlike a negative YAML integer.
pub fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("invalid size: '{text}'");
    let last = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').ok_or_else(invalid)?;
    let suffix = &text[last + 1..];
    let number = if text[last..].starts_with(' ') { &text[..last] } else { &text[..=last] };
    let size = number::parse_float(number)?;
    if size < 0.0 {
        return Err(invalid());
    }
    Ok(number::truncate(size * multiplier(suffix)?))
}

fn multiplier(suffix: &str) -> Result<f64, String> {
    if suffix.len() > 3 {
        return Err(format!("invalid suffix: '{suffix}'"));
    }
    let lower = suffix.to_lowercase();
    let unit = match lower.strip_suffix("ib").filter(|unit| !unit.is_empty()) {
        Some(unit) => unit,
        None => lower.strip_suffix('b').unwrap_or(&lower),
    };
    let power = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(format!("invalid suffix: '{lower}'")),
    };
    Ok(1024_f64.powi(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024_in_any_case() {
        for (text, bytes) in [
            ("1024", 1024),
            ("64M", 67_108_864),
            ("1.5gb", 1_610_612_736),
            ("1 KiB", 1024),
            ("10b", 10),
            ("1e3", 1000),
            ("1.9", 1),
            ("2p", 2_251_799_813_685_248),
            ("5 ", 5),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn broken_amounts_say_which_part() {
        for (text, error) in [
            ("lots", "invalid size: 'lots'"),
            ("", "invalid size: ''"),
            ("-1", "invalid size: '-1'"),
            ("1x", "invalid suffix: 'x'"),
            ("1i", "invalid suffix: 'i'"),
            ("1kB ", "strconv.ParseFloat: parsing \"1kB\": invalid syntax"),
            ("1bytes", "invalid suffix: 'bytes'"),
            ("1ib", "invalid suffix: 'ib'"),
        ] {
            assert_eq!(parse(text), Err(error.to_owned()));
        }
    }
}
