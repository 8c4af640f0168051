//! Field by field.

use super::known;
use super::look::Recorded;
use serde_json::Value;
use std::collections::BTreeMap;

/// Fields where an empty list is something else than none.
const EMPTY_COUNTS: [&str; 4] = ["Cmd", "Entrypoint", "MaskedPaths", "ReadonlyPaths"];

/// What differs and is not meant to.
pub fn differences(case: &str, theirs: &Recorded, ours: &Recorded) -> Vec<String> {
    let (theirs, ours) = (flat(theirs), flat(ours));
    let mut found = Vec::new();
    for path in theirs.keys().chain(ours.keys().filter(|path| !theirs.contains_key(*path))) {
        let (their, our) = (theirs.get(path), ours.get(path));
        if their != our && known::reason(case, path).is_none() {
            let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            found.push(format!("{path}: docker compose {}, reconcile {}", show(their), show(our)));
        }
    }
    found
}

fn flat(recorded: &Recorded) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (name, value) in recorded {
        walk(name.clone(), "", value, &mut all);
    }
    all
}

fn walk(path: String, key: &str, value: &Value, all: &mut BTreeMap<String, Value>) {
    let is_empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    match value {
        _ if is_empty && !EMPTY_COUNTS.contains(&key) => {}
        Value::Object(map) if !is_empty => {
            for (key, value) in map {
                walk(format!("{path}/{key}"), key, value, all);
            }
        }
        Value::Array(items) if !is_empty => {
            for (at, value) in items.iter().enumerate() {
                walk(format!("{path}/{at}"), "", value, all);
            }
        }
        value => {
            all.insert(path, value.clone());
        }
    }
}
