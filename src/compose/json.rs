//! Small helpers for reading and changing the canonical tree.

use serde_json::{Map, Value};

/// The string at a key; empty if there is none.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The elements of a list; none if it is not one.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The strings in a list.
pub(super) fn strings(value: Option<&Value>) -> Vec<&str> {
    list(value).iter().filter_map(Value::as_str).collect()
}

/// The entries of a mapping; none if it is not one.
pub(super) fn fields(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// The entries of a section of the project.
pub(super) fn entries<'t>(
    tree: &'t Map<String, Value>,
    section: &str,
) -> impl Iterator<Item = (&'t String, &'t Value)> + use<'t> {
    fields(tree.get(section))
}

/// Sets a key; a new one is put behind the last of the keys that come before it in the canonical order.
pub(super) fn put(map: &mut Map<String, Value>, key: &str, value: Value, before: &[&str]) {
    if let Some(slot) = map.get_mut(key) {
        *slot = value;
        return;
    }
    let index = map.keys().rposition(|known| before.contains(&known.as_str())).map_or(0, |index| index + 1);
    map.shift_insert(index, key.to_owned(), value);
}
