//! `config` without a format.

use super::{natural, yaml_text};
use crate::compose::attributes::canon::{Keep, Type};
use crate::compose::attributes::{Object, PROJECT};
use crate::compose::canonical::plain_text;
use serde_json::{Map, Value, json};

/// A canonical project as YAML that ends with a newline.
///
/// Reference: attributes in table order, `x-` keys after them, names and other keys in natural order; empty
/// objects that only JSON prints are left out; every `$` is doubled.
pub fn yaml(tree: &Map<String, Value>) -> String {
    yaml_text::document(&object(&PROJECT, tree)).replace('$', "$$")
}

/// The untyped model as YAML: keys in natural order, nothing left out, no `$` doubled
/// (reference: `config --no-interpolate`).
pub fn untyped_yaml(model: &Value) -> String {
    match free(model) {
        Value::Object(map) => yaml_text::document(&map),
        _ => yaml_text::document(&Map::new()),
    }
}

/// An object as YAML holds it.
fn object(object: &Object, map: &Map<String, Value>) -> Map<String, Value> {
    let mut ordered = Map::new();
    for (field, ty) in object.printed() {
        if let Some(value) = map.get(field.json).and_then(|value| attribute(field.keep, ty, value)) {
            ordered.insert(field.name.to_owned(), value);
        }
    }
    let known = |key: &str| object.printed().any(|(field, _)| field.json == key);
    let extra = map.iter().filter(|(key, _)| !known(key)).map(|(key, value)| (key.clone(), free(value)));
    ordered.extend(natural::sort(extra));
    ordered
}

fn attribute(keep: Keep, ty: &Type, value: &Value) -> Option<Value> {
    let value = typed(ty, value);
    let printed = match keep {
        Keep::NonZero | Keep::Set | Keep::Always => true,
        Keep::JsonAlways => !value.is_null() && value != json!({}),
    };
    printed.then_some(value)
}

fn typed(ty: &Type, value: &Value) -> Value {
    match (ty, value) {
        (Type::One(inner), Value::Object(map)) => Value::Object(object(inner, map)),
        (Type::List(inner), Value::Array(items)) => {
            items.iter().map(|item| typed(&Type::One(inner), item)).collect()
        }
        (Type::Named(inner) | Type::Map(inner), Value::Object(map)) => {
            let entries = map.iter().map(|(name, value)| (name.clone(), typed(&Type::One(inner), value)));
            Value::Object(natural::sort(entries).into_iter().collect())
        }
        (Type::Ulimits, Value::Object(map)) => {
            let limits = map.iter().map(|(name, value)| (name.clone(), ulimit(value)));
            Value::Object(natural::sort(limits).into_iter().collect())
        }
        _ => free(value),
    }
}

/// A limit that is an object has both of its numbers.
fn ulimit(value: &Value) -> Value {
    let Value::Object(map) = value else { return free(value) };
    let limit = |name: &str| map.get(name).cloned().unwrap_or(json!(0));
    json!({"soft": limit("soft"), "hard": limit("hard")})
}

/// A value without a table: all mappings in natural order.
fn free(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(free).collect(),
        Value::Object(_) if plain_text(value).is_some() => value.clone(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), free(value)));
            Value::Object(natural::sort(entries).into_iter().collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
