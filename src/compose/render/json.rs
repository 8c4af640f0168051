//! `config --format json`.

use super::go_json::pretty;
use crate::compose::attributes::PROJECT;
use crate::compose::canonical::{plain_text, without_extensions};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A canonical project as indented JSON without a final newline.
///
/// Reference: top-level keys are sorted, `models` are missing, `x-` keys print at the top level only and
/// empty lists in them as `null`; every `$` is doubled.
pub fn json(tree: &Map<String, Value>) -> String {
    let mut sorted: BTreeMap<String, Value> = without_extensions(&PROJECT, tree).into_iter().collect();
    sorted.remove("models");
    for (key, value) in tree.iter().filter(|(key, _)| key.starts_with("x-")) {
        sorted.insert(key.clone(), without_empty_lists(value));
    }
    pretty(&Value::Object(sorted.into_iter().collect())).replace('$', "$$")
}

/// The untyped model as indented JSON: keys sorted, nothing left out, no `$` doubled
/// (reference: `config --no-interpolate --format json`).
pub fn untyped_json(model: &Value) -> String {
    pretty(&sorted(model))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(map) => {
            let entries: BTreeMap<String, Value> =
                map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            Value::Object(entries.into_iter().collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn without_empty_lists(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Array(items) => items.iter().map(without_empty_lists).collect(),
        Value::Object(_) if plain_text(value).is_some() => value.clone(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), without_empty_lists(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
