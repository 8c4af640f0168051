//! JSON that says what it looks like: a type made by [`shape!`] is written as an object, and has the JSON Schema of that object
//! from the same lines. So a document about it cannot say anything else than the program does.

use super::clock;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Schemas by the names that others refer to them by.
pub type Named = BTreeMap<String, Value>;

/// What schemas refer to each other by, in front of a name.
pub const PLACE: &str = "#/components/schemas/";

/// A type that is written as JSON.
pub trait Shape {
    /// Whether the key may be left out.
    const OPTIONAL: bool = false;

    /// The JSON Schema. What has a name is put into `named`, and only referred to.
    fn schema(named: &mut Named) -> Value;

    /// Whether the key is left out this time.
    fn is_left_out(&self) -> bool {
        false
    }
}

/// A value whose key is left out if there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Maybe<T>(pub Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> From<T> for Maybe<T> {
    fn from(value: T) -> Self {
        Self(Some(value))
    }
}

impl Maybe<Vec<String>> {
    /// Texts, if there are any.
    pub fn some(texts: &[String]) -> Self {
        Self((!texts.is_empty()).then(|| texts.to_vec()))
    }
}

impl<T: Shape> Shape for Maybe<T> {
    const OPTIONAL: bool = true;

    fn schema(named: &mut Named) -> Value {
        T::schema(named)
    }

    fn is_left_out(&self) -> bool {
        self.0.is_none()
    }
}

/// A point in time, in seconds since 1970; written as `2026-11-20T03:25:36Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&clock::iso(self.0))
    }
}

/// Types that JSON has a word for.
macro_rules! simple {
    ($($type:ty: $schema:tt),* $(,)?) => {
        $(impl Shape for $type {
            fn schema(_: &mut Named) -> Value {
                json!($schema)
            }
        })*
    };
}

simple! {
    String: {"type": "string"},
    &'static str: {"type": "string"},
    bool: {"type": "boolean"},
    usize: {"type": "integer", "minimum": 0},
    u64: {"type": "integer", "minimum": 0},
    u32: {"type": "integer", "minimum": 0},
    i64: {"type": "integer"},
    f64: {"type": "number"},
    Time: {"type": "string", "format": "date-time"},
}

impl<T: Shape> Shape for Vec<T> {
    fn schema(named: &mut Named) -> Value {
        json!({"type": "array", "items": T::schema(named)})
    }
}

impl<T: Shape> Shape for BTreeMap<String, T> {
    fn schema(named: &mut Named) -> Value {
        json!({"type": "object", "additionalProperties": T::schema(named)})
    }
}

impl<T: Shape> Shape for Option<T> {
    fn schema(named: &mut Named) -> Value {
        let mut schema = T::schema(named);
        match schema.get("type").and_then(Value::as_str).map(str::to_owned) {
            Some(kind) => {
                schema["type"] = json!([kind, "null"]);
                schema
            }
            None => json!({"anyOf": [schema, {"type": "null"}]}),
        }
    }
}

/// One key of an object.
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it tells, as its documentation says it.
    pub about: &'static str,
    /// What its value looks like.
    pub schema: Value,
    /// Whether it may be left out.
    pub optional: bool,
}

/// A reference to the schema of an object, which is made when it is first asked for.
pub fn object(
    (name, about): (&str, &str),
    named: &mut Named,
    keys: impl FnOnce(&mut Named) -> Vec<Key>,
) -> Value {
    let known = named.get(name).map(|known| known["description"].clone());
    debug_assert!(
        known.as_ref().is_none_or(|known| known.is_null() || known == about.trim()),
        "two types are called {name}"
    );
    if known.is_none() {
        // Before its keys are known: one of them may be of the same type.
        named.insert(name.to_owned(), Value::Null);
        let keys = keys(named);
        let required: Vec<&str> = keys.iter().filter(|key| !key.optional).map(|key| key.name).collect();
        let properties: Map<String, Value> =
            keys.iter().map(|key| (key.name.to_owned(), described(key))).collect();
        let schema = json!({
            "description": about.trim(),
            "type": "object",
            "required": required,
            "properties": properties,
        });
        named.insert(name.to_owned(), schema);
    }
    json!({"$ref": format!("{PLACE}{name}")})
}

fn described(key: &Key) -> Value {
    let mut schema = key.schema.clone();
    schema["description"] = json!(key.about.trim());
    schema
}

/// A schema of which only some words are allowed.
pub fn narrow(mut schema: Value, words: &[&str]) -> Value {
    let may_be_null = schema["type"].is_array();
    schema["enum"] = words.iter().map(|word| json!(word)).chain(may_be_null.then_some(Value::Null)).collect();
    schema
}

/// Makes a struct that is written as JSON and has a [`Shape`]: documentation becomes descriptions, and `[WORDS]` behind a type
/// lists the words that a text may be.
macro_rules! shape {
    ($($(#[doc = $about:expr])+ $(#[derive($($derive:ident),+)])? $vis:vis struct $name:ident {
        $($(#[doc = $doc:expr])+ $key:ident : $type:ty $([$words:expr])?,)+
    })+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq, serde::Serialize)]
            $(#[derive($($derive),+)])?
            #[allow(clippy::struct_field_names, reason = "names of keys are promised to those who read them")]
            $vis struct $name {
                $(
                    $(#[doc = $doc])+
                    #[serde(skip_serializing_if = "crate::model::shape::Shape::is_left_out")]
                    pub $key: $type,
                )+
            }

            impl crate::model::shape::Shape for $name {
                fn schema(named: &mut crate::model::shape::Named) -> serde_json::Value {
                    let about = (stringify!($name), concat!($($about),+));
                    crate::model::shape::object(about, named, |named| {
                        vec![$({
                            let schema = <$type as crate::model::shape::Shape>::schema(named);
                            $(let schema = crate::model::shape::narrow(schema, &$words);)?
                            crate::model::shape::Key {
                                name: stringify!($key),
                                about: concat!($($doc),+),
                                schema,
                                optional: <$type as crate::model::shape::Shape>::OPTIONAL,
                            }
                        }),+]
                    })
                }
            }
        )+
    };
}

pub(crate) use shape;

#[cfg(test)]
mod tests {
    use super::{Maybe, Named, Shape, Time};
    use serde_json::json;

    const WORDS: [&str; 2] = ["up", "down"];

    shape! {
        /// A thing.
        struct Thing {
            /// What it
            /// is called.
            name: String,
            /// How it is.
            state: Option<&'static str> [WORDS],
            /// Since when.
            since: Maybe<Time>,
            /// What is in it.
            parts: Vec<Thing>,
        }
    }

    #[test]
    fn a_value_and_its_schema_come_from_the_same_lines() {
        let inner = Thing { name: "b".into(), state: None, since: Time(0).into(), parts: vec![] };
        let thing = Thing { name: "a".into(), state: Some("up"), since: Maybe(None), parts: vec![inner] };
        assert_eq!(
            serde_json::to_value(&thing).unwrap(),
            json!({"name": "a", "state": "up", "parts": [
                {"name": "b", "state": null, "since": "1970-01-01T00:00:00Z", "parts": []}]})
        );
        let mut named = Named::new();
        assert_eq!(Thing::schema(&mut named), json!({"$ref": "#/components/schemas/Thing"}));
        assert_eq!(
            named["Thing"],
            json!({"description": "A thing.", "type": "object", "required": ["name", "state", "parts"],
            "properties": {
                "name": {"type": "string", "description": "What it is called."},
                "state": {"type": ["string", "null"], "enum": ["up", "down", null], "description": "How it is."},
                "since": {"type": "string", "format": "date-time", "description": "Since when."},
                "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"},
                    "description": "What is in it."},
            }})
        );
    }
}
