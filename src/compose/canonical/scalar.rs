//! Typing of single values. Errors are texts without the place, as the reference words them.

use super::extension::finite;
use super::text;
use crate::compose::attributes::canon::{Type, Width};
use crate::compose::grammar::{bytes, duration, file_mode, number, shell};
use crate::compose::node::{Node, Value};
use serde_json::{Value as Json, json};

fn unconvertible(wanted: &str, node: &Node) -> String {
    format!("expected type '{wanted}', got unconvertible type '{}'", text::type_name(node))
}

/// A text; integers are taken as their decimal text.
pub(super) fn text(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::String(text) => Ok(text.clone()),
        Value::Int(value) => Ok(value.to_string()),
        _ => Err(unconvertible("string", node)),
    }
}

/// True or false; a word other than `true` and `false` is read for old files' sake.
pub(super) fn boolean(node: &Node) -> Result<bool, String> {
    match &node.value {
        Value::Bool(value) => Ok(*value),
        Value::String(word) => match word.to_lowercase().as_str() {
            "true" | "y" | "yes" | "on" => Ok(true),
            "false" | "n" | "no" | "off" => Ok(false),
            _ => Err(format!("invalid boolean: {word}")),
        },
        _ => Err(unconvertible("bool", node)),
    }
}

/// The value of a kind that holds one value; `None` for kinds that hold several.
pub(super) fn scalar(kind: &Type, node: &Node) -> Option<Result<Json, String>> {
    Some(match kind {
        Type::Text => text(node).map(Json::from),
        Type::Int(width) => integer(*width, node),
        Type::Float => single(node).map(|value| finite(number::widen(value))),
        Type::Cpus => cpus(node).map(|value| finite(number::widen(value))),
        Type::Bytes => amount(node).map(|value| Json::from(value.to_string())),
        Type::Duration => {
            duration::parse(&text::print(node)).map(|value| Json::from(duration::format(value)))
        }
        Type::FileMode => mode(node).map(|value| Json::from(file_mode::format(value))),
        Type::DeviceCount => device_count(node).map(Json::from),
        Type::Command => command(node),
        Type::Test => test(node),
        _ => return None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the reference wraps numbers that do not fit")]
fn wrap(value: i128) -> i64 {
    value as i64
}

fn integer(width: Width, node: &Node) -> Result<Json, String> {
    let (name, function) = match width {
        Width::Int => ("int", Some("Atoi")),
        Width::Int64 => ("int64", Some("ParseInt")),
        Width::Uint64 => ("uint64", Some("ParseInt")),
        Width::Uint32 => ("uint32", None),
        Width::Uint16 => ("uint16", None),
    };
    let signed = matches!(width, Width::Int | Width::Int64);
    let overflow = |value: String| format!("cannot parse value as '{name}': {value} overflows uint");
    let value = match (&node.value, function) {
        (Value::Int(value), _) => *value,
        (Value::Float(value), _) if !signed && *value < 0.0 => return Err(overflow(format!("{value:.6}"))),
        (Value::Float(value), _) => i128::from(number::truncate(*value)),
        (Value::String(text), Some(function)) => i128::from(number::parse_int(text, function)?),
        _ => return Err(unconvertible(name, node)),
    };
    if signed {
        return Ok(json!(wrap(value)));
    }
    let bits = match width {
        Width::Uint16 => 16,
        Width::Uint32 => 32,
        Width::Int | Width::Int64 | Width::Uint64 => 64,
    };
    let value = u64::try_from(value).map_err(|_| overflow(value.to_string()))?;
    Ok(json!(if bits == 64 { value } else { value & ((1 << bits) - 1) }))
}

#[expect(clippy::cast_precision_loss, reason = "the reference converts whole numbers to floats likewise")]
fn float_of(value: i128) -> f64 {
    value as f64
}

fn single(node: &Node) -> Result<f32, String> {
    match &node.value {
        Value::Int(value) => Ok(number::narrow(float_of(*value))),
        Value::Float(value) => Ok(number::narrow(*value)),
        Value::String(text) => number::parse_float(text).map(number::narrow),
        _ => Err(unconvertible("float32", node)),
    }
}

fn cpus(node: &Node) -> Result<f32, String> {
    single(node).map_err(|error| match &node.value {
        Value::String(_) => error,
        _ => format!("unexpected value type {} for cpus", text::type_name(node)),
    })
}

/// Bytes. Reference: a float here silently counts as nothing.
fn amount(node: &Node) -> Result<i64, String> {
    match &node.value {
        Value::Int(value) => Ok(wrap(*value)),
        Value::String(text) => bytes::parse(text),
        _ => Ok(0),
    }
}

fn mode(node: &Node) -> Result<i64, String> {
    match &node.value {
        Value::Int(value) => Ok(wrap(*value)),
        Value::String(text) => file_mode::parse(text),
        _ => Err(format!("unexpected value type {} for mode", text::type_name(node))),
    }
}

fn device_count(node: &Node) -> Result<i64, String> {
    match &node.value {
        Value::Int(value) => Ok(wrap(*value)),
        Value::String(text) if text.eq_ignore_ascii_case("all") => Ok(-1),
        Value::String(text) => number::parse_int(text, "ParseInt").map_err(|_| {
            format!("invalid value {}, the only value allowed is 'all' or a number", number::quote(text))
        }),
        _ => Err(format!("invalid type {} for device count", text::type_name(node))),
    }
}

fn command(node: &Node) -> Result<Json, String> {
    match &node.value {
        Value::String(line) => shell::words(line).map(Json::from),
        Value::List(items) => texts_of(items).map(Json::from),
        _ => Err(unconvertible("types.ShellCommand", node)),
    }
}

fn test(node: &Node) -> Result<Json, String> {
    match &node.value {
        Value::String(line) => Ok(json!(["CMD-SHELL", line])),
        Value::List(items) => texts_of(items).map(Json::from),
        _ => Err(format!("unexpected value type {} for healthcheck.test", text::type_name(node))),
    }
}

fn texts_of(items: &[Node]) -> Result<Vec<String>, String> {
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| unconvertible("string", item)))
        .collect()
}
