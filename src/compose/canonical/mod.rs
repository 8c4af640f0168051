//! From the merged tree to the canonical project: every attribute typed and written one way.
//!
//! The result is JSON whose objects have their keys in the reference's printing order, with what is zero
//! left out ([`table`] says how). `x-` keys stand at the end of their object; the renderers decide whether
//! they print. A value that JSON cannot hold (a timestamp, an infinity) is an object with the one key
//! [`PLAIN`], whose text is what YAML prints.

mod build;
mod collection;
mod decode;
mod deploy;
mod extension;
mod place;
mod plain;
mod project;
mod scalar;
mod service;
pub mod table;
mod text;

pub use decode::decode;
pub use extension::{PLAIN, any as untyped, plain_text};
pub use project::{NETWORK, PROJECT, VOLUME};
pub use service::{ENV_FILE, SERVICE};

use super::node::Node;
use serde_json::{Map, Value};
use table::{Kind, Object};

/// The object without the `x-` keys of it and of the objects inside it. Names that a user chose freely
/// (labels, environment) stay.
pub fn without_extensions(object: &Object, value: &Map<String, Value>) -> Map<String, Value> {
    let mut stripped = Map::new();
    for (key, value) in value {
        match object.fields.iter().find(|field| field.json == key) {
            Some(field) => {
                stripped.insert(key.clone(), strip(&field.kind, value));
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

fn strip(kind: &Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::One(object), Value::Object(map)) => Value::Object(without_extensions(object, map)),
        (Kind::List(kind), Value::Array(items)) => items.iter().map(|item| strip(kind, item)).collect(),
        (Kind::Named(kind) | Kind::Map(kind), Value::Object(map)) => {
            Value::Object(map.iter().map(|(name, value)| (name.clone(), strip(kind, value))).collect())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests;
