//! Values of the engine's API in one form, so that equal ones are equal: what is empty is nothing, what has no order is
//! sorted.

use crate::plan::sensitive::shown;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Values by key.
pub(super) type Values = BTreeMap<String, Value>;

/// Longest value that a plan shows.
const LONGEST: usize = 120;

/// A value without what is empty, zero or false: the engine leaves such fields out, or fills them in, as it likes.
pub(super) fn tidy(value: &Value) -> Value {
    match value {
        Value::Bool(false) => Value::Null,
        Value::Number(number) if number.as_f64() == Some(0.0) => Value::Null,
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().map(tidy).collect();
            if items.is_empty() { Value::Null } else { Value::Array(items) }
        }
        Value::Object(fields) => {
            // Sorted, so that the text of two equal objects is the same.
            let fields: Values = fields.iter().map(|(key, value)| (key.clone(), tidy(value))).collect();
            let fields: Map<String, Value> =
                fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
            if fields.is_empty() { Value::Null } else { Value::Object(fields) }
        }
        other => other.clone(),
    }
}

/// The same for a list without an order, each entry once.
pub(super) fn set(value: &Value) -> Value {
    let Value::Array(mut items) = tidy(value) else { return Value::Null };
    items.sort_by_key(Value::to_string);
    items.dedup();
    Value::Array(items)
}

/// The entries of an object, empty texts included: an empty label is a label.
pub(super) fn entries_of(value: &Value) -> Values {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The texts in a list.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A text; empty for anything else.
pub(super) fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A value for people: hidden where its key or its shape says so, and not too long.
pub(super) fn text(path: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = shown(path, &text);
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(LONGEST).collect::<String>())
}
