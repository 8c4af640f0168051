//! From the merged tree to the canonical project: every attribute typed and written one way.
//!
//! The result is JSON whose objects have their keys in the reference's printing order, with what is zero
//! left out (the table of [`attributes`](super::attributes) says how). `x-` keys stand at the end of their object; the renderers decide whether
//! they print. A value that JSON cannot hold (a timestamp, an infinity) is an object with the one key
//! [`PLAIN`], whose text is what YAML prints.

mod collection;
mod decode;
mod extension;
mod place;
mod plain;
mod scalar;
mod text;

pub use decode::decode;
pub use extension::{PLAIN, any as untyped, plain_text};

use super::attributes::Object;
use super::attributes::canon::Type;
use super::node::Node;
use serde_json::{Map, Value};

/// The object without the `x-` keys of it and of the objects inside it. Names that a user chose freely
/// (labels, environment) stay.
pub fn without_extensions(object: &Object, value: &Map<String, Value>) -> Map<String, Value> {
    let mut stripped = Map::new();
    for (key, value) in value {
        match object.printed().find(|(field, _)| field.json == key) {
            Some((_, ty)) => {
                stripped.insert(key.clone(), strip(ty, value));
            }
            None if key.starts_with("x-") => {}
            None => {
                stripped.insert(key.clone(), value.clone());
            }
        }
    }
    stripped
}

/// True or false as a canonical project would have it; `None` for anything else.
pub fn boolean(node: &Node) -> Option<bool> {
    scalar::boolean(node).ok()
}

fn strip(kind: &Type, value: &Value) -> Value {
    match (kind, value) {
        (Type::One(object), Value::Object(map)) => Value::Object(without_extensions(object, map)),
        (Type::List(object), Value::Array(items)) => {
            items.iter().map(|item| strip(&Type::One(object), item)).collect()
        }
        (Type::Named(object) | Type::Map(object), Value::Object(map)) => {
            let strip = |value| strip(&Type::One(object), value);
            Value::Object(map.iter().map(|(name, value)| (name.clone(), strip(value))).collect())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests;
