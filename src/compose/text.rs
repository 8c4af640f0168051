//! How the reference turns scalars into text when it needs text (`%v` of Go).

use super::node::Value;

/// The text of a scalar; `None` for null, lists and mappings.
///
/// reference: docker compose 2.40 prints floats in the shortest form, with an exponent below 1e-4 and from 1e6
/// on; that is Go's `%v`.
pub(super) fn of_scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(of_float(*number)),
        Value::Timestamp(text) | Value::String(text) => Some(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// A float as the reference's `%v` prints it.
pub(super) fn of_float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// The name that the reference's messages give to the type of a value.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float64",
        Value::Timestamp(_) => "time.Time",
        Value::String(_) => "string",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_take_the_shortest_form() {
        assert_eq!(of_float(1.5), "1.5");
        assert_eq!(of_float(3.0), "3");
        assert_eq!(of_float(0.00001), "1e-05");
        assert_eq!(of_float(123_456.5), "123456.5");
        assert_eq!(of_float(1_234_567.5), "1.2345675e+06");
    }
}
