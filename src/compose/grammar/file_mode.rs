//! Permission bits of files made from configs and secrets.

use super::number;

/// Reads permission bits written as text, which is octal with or without a leading zero.
pub fn parse(text: &str) -> Result<i64, String> {
    number::parse_radix(text, 8, "ParseInt")
}

/// Writes permission bits as octal with one leading zero: `0440`.
pub fn format(mode: i64) -> String {
    let sign = if mode < 0 { "-" } else { "" };
    format!("0{sign}{:o}", mode.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_octal_and_prints_with_one_zero() {
        assert_eq!(parse("0440").map(format), Ok("0440".to_owned()));
        assert_eq!(parse("644").map(format), Ok("0644".to_owned()));
        assert_eq!(format(440), "0670");
        assert!(parse("888").is_err());
    }
}
