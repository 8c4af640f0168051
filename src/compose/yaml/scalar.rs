//! What a scalar means. Reference: docker compose 2.40, whose YAML is 1.2 core with leftovers of 1.1:
//! `yes` and `no` are text, `0777` is octal, `1_000` is a number, sexagesimal numbers are text.

use super::super::node::Value;
use super::timestamp::is_timestamp;
use base64::Engine as _;

const CORE: &str = "tag:yaml.org,2002:";

/// A plain (unquoted, untagged) scalar as the reference reads it.
pub fn resolve_plain(text: &str) -> Value {
    if let Some(value) = keyword(text) {
        return value;
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-') => {
            if is_timestamp(text) {
                return Value::Timestamp(text.to_owned());
            }
            number(text)
        }
        Some(b'.') => float(text).map(Value::Float),
        _ => None,
    }
    .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A scalar with its tag and style; the error is the reference's text, without its `yaml: ` in front.
///
/// A tag of the core schema is obeyed; under any other tag every scalar is text.
pub(super) fn decode(text: String, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    let core = match tag {
        None if plain => return Ok(resolve_plain(&text)),
        None => return Ok(Value::String(text)),
        Some(tag) => tag.strip_prefix(CORE).unwrap_or(""),
    };
    let value = match core {
        "binary" => return binary(&text),
        "timestamp" => {
            if is_timestamp(&text) {
                return Ok(Value::Timestamp(text));
            }
            resolve_untimed(&text)
        }
        "int" | "float" | "bool" | "null" => resolve_untimed(&text),
        _ => return Ok(Value::String(text)),
    };
    match (core, value) {
        ("int", value @ Value::Int(_))
        | ("float", value @ Value::Float(_))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
        ("float", Value::Int(number)) => Ok(Value::Float(number as f64)),
        (_, value) => Err(format!("cannot decode !!{} `{text}` as a !!{core}", kind(&value))),
    }
}

/// As [`resolve_plain`], but a date is text: another tag was asked for.
fn resolve_untimed(text: &str) -> Value {
    match resolve_plain(text) {
        Value::Timestamp(text) => Value::String(text),
        value => value,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Timestamp(_) => "timestamp",
        Value::String(_) => "str",
        Value::List(_) => "seq",
        Value::Map(_) => "map",
    }
}

fn binary(text: &str) -> Result<Value, String> {
    let packed: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(packed)
        .map_err(|_| "!!binary value contains invalid base64 data".to_owned())?;
    Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

fn keyword(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Value> {
    // A number with an embedded `_` is rare: only then is a copy needed.
    let bare;
    let digits = if text.contains('_') {
        bare = text.replace('_', "");
        bare.as_str()
    } else {
        text
    };
    int(digits).map(Value::Int).or_else(|| float(digits).map(Value::Float))
}

fn int(text: &str) -> Option<i128> {
    let (signed, negative, body) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (true, false, &text[1..]),
        _ => (false, false, text),
    };
    let (radix, digits) = match body.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &body[2..]),
        [b'0', b'o' | b'O', ..] => (8, &body[2..]),
        [b'0', b'b' | b'B', ..] => (2, &body[2..]),
        [b'0', _, ..] => (8, &body[1..]),
        _ => (10, body),
    };
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let number = if negative { -magnitude } else { magnitude };
    // A sign rules the unsigned range out.
    let highest = if signed { i128::from(i64::MAX) } else { i128::from(u64::MAX) };
    (i128::from(i64::MIN)..=highest).contains(&number).then_some(number)
}

/// `[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?`, if its value is finite.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|part| {
        let digits = part.strip_prefix(['+', '-']).unwrap_or(part);
        !digits.is_empty() && all_digits(digits)
    });
    let mantissa_fits =
        !(whole.is_empty() && fraction.is_empty()) && all_digits(whole) && all_digits(fraction);
    if !mantissa_fits || !exponent_fits {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
#[path = "scalar_tests.rs"]
mod tests;
