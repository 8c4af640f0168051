//! Values as text, the way the reference prints values of any type.

use crate::compose::grammar::number;
use crate::compose::node::{Node, Value};

/// The text of a value: numbers in their shortest form, null as `<nil>`, lists as `[a b]`, mappings as
/// `map[a:1 b:2]` with sorted keys.
pub(super) fn print(node: &Node) -> String {
    match &node.value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => number::format_float(*value),
        Value::Timestamp(text) | Value::String(text) => text.clone(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(print).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(map) => {
            let mut entries: Vec<(&str, &Node)> = map.iter().map(|(key, node)| (&*key.name, node)).collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<String> =
                entries.into_iter().map(|(key, node)| format!("{key}:{}", print(node))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// The name of a value's type in the reference's errors.
pub(super) fn type_name(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(value) if i64::try_from(*value).is_ok() => "int",
        Value::Int(_) => "uint64",
        Value::Float(_) => "float64",
        Value::Timestamp(_) => "time.Time",
        Value::String(_) => "string",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
    }
}

/// The name of a value's sort, for errors about a mapping or list that is none.
pub(super) fn sort_name(node: &Node) -> &'static str {
    match &node.value {
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Timestamp(_) => "struct",
        _ => type_name(node),
    }
}
