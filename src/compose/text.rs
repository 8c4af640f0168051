//! How the reference turns scalars into text when it needs text (`%v` of Go).

use super::grammar::number;
use super::node::Value;

/// The text of a scalar; `None` for null, lists and mappings.
pub(super) fn of_scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number::format_float(*number)),
        Value::Timestamp(text) | Value::String(text) => Some(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
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
