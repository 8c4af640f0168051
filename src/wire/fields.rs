//! JSON objects of the engine's API, and what older engines cannot do.

use serde::Serialize;
use serde_json::{Map, Value};

/// A JSON object in the making.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Sets a field. Everything put here (texts, numbers, lists, maps with text keys) has a JSON form.
    pub(crate) fn put(&mut self, key: &str, value: impl Serialize) {
        self.0.insert(key.to_owned(), serde_json::to_value(value).unwrap_or_default());
    }

    /// Sets a field unless the value is the default: empty, zero, false, none.
    pub(crate) fn set<T: Serialize + Default + PartialEq>(&mut self, key: &str, value: &T) {
        if *value != T::default() {
            self.put(key, value);
        }
    }

    /// Sets a field to an object unless that is empty.
    pub(crate) fn set_object(&mut self, key: &str, value: Self) {
        if !value.0.is_empty() {
            self.0.insert(key.to_owned(), Value::Object(value.0));
        }
    }

    /// The object.
    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// Why a container cannot be said in the API's words, for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub String);

/// What the engine's API version allows, and what it will ignore.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Agreed API version.
    pub api: (u32, u32),
    /// What the engine ignores without saying so.
    pub warnings: Vec<String>,
}

impl Gate {
    /// A gate for an API version.
    pub(crate) const fn new(api: (u32, u32)) -> Self {
        Self { api, warnings: Vec::new() }
    }

    /// Refuses an attribute whose loss would change what the container does: an older engine drops it in silence.
    pub(crate) fn need(&self, attribute: &str, api: (u32, u32)) -> Result<(), Refusal> {
        if self.api >= api {
            return Ok(());
        }
        Err(Refusal(format!(
            "`{attribute}` needs engine API {}.{}; this engine speaks {}.{}",
            api.0, api.1, self.api.0, self.api.1
        )))
    }

    /// Whether the engine takes an attribute that it can do without; if not, that is worth a warning.
    pub(crate) fn takes(&mut self, attribute: &str, api: (u32, u32)) -> bool {
        let takes = self.api >= api;
        if !takes {
            self.warnings.push(format!(
                "`{attribute}` has no effect: it needs engine API {}.{}, this engine speaks {}.{}",
                api.0, api.1, self.api.0, self.api.1
            ));
        }
        takes
    }
}
