//! The walk over the tree along the [`attributes`](crate::compose::attributes).

use super::collection;
use super::extension;
use super::place::{Place, Step};
use super::plain;
use super::scalar;
use super::text;
use crate::compose::attributes::canon::{Keep, Type, Width};
use crate::compose::attributes::{Object, PROJECT};
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::{Map, Node, Value};
use serde_json::{Map as JsonMap, Value as Json, json};
use std::collections::BTreeMap;

/// Types the merged, long-form, normalised tree of a project.
///
/// Every value that does not fit its attribute gives an error, worded as the reference words it
/// (`'services[a].mem_limit' invalid size: 'lots'`) and placed where the value stands; the rest of the
/// project is still typed, so that all errors come at once.
pub fn decode(root: &Node, diagnostics: &mut Vec<Diagnostic>) -> JsonMap<String, Json> {
    let mut decoder = Decoder { diagnostics };
    let place = Place::default();
    match root.as_map() {
        Some(map) => decoder.fields(&PROJECT, map, &place),
        None => decoder.fields(&PROJECT, &Map::default(), &place),
    }
}

struct Decoder<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Decoder<'_> {
    fn refuse(&mut self, node: &Node, place: &Place<'_>, error: &str) {
        let message = format!("'{}' {error}", place.quoted());
        let refused = Diagnostic::error(message).plain(error).at(place.dotted()).span(node.span);
        self.diagnostics.push(refused.hint("compare it with the Compose specification"));
    }

    fn checked(&mut self, node: &Node, place: &Place<'_>, result: Result<Json, String>) -> Option<Json> {
        result.map_err(|error| self.refuse(node, place, &error)).ok()
    }

    /// As [`Self::checked`], and tells what the kind looks like.
    fn explained(
        &mut self,
        kind: &Type,
        node: &Node,
        place: &Place<'_>,
        result: Result<Json, String>,
    ) -> Option<Json> {
        result
            .map_err(|error| {
                self.refuse(node, place, &error);
                let Some(last) = self.diagnostics.last_mut() else { return };
                *last = plain::explained(kind, node, &error, last.clone());
            })
            .ok()
    }

    fn fields(&mut self, object: &'static Object, map: &Map, place: &Place<'_>) -> JsonMap<String, Json> {
        let mut json = JsonMap::new();
        for (field, ty) in object.printed() {
            let here = place.down(Step::Field(field.name));
            let given = map.get(field.name).filter(|node| !node.is_null());
            let value = given.and_then(|node| self.value(ty, node, &here));
            let kept = match field.keep {
                Keep::NonZero => value.filter(|value| !is_zero(ty, value)),
                Keep::Set => value,
                Keep::JsonAlways | Keep::Always => Some(value.unwrap_or_else(|| self.zero(ty, &here))),
            };
            if let Some(value) = kept {
                json.insert(field.json.to_owned(), value);
            }
        }
        if object.extensions {
            let extra: BTreeMap<&str, &Node> = map
                .iter()
                .map(|(key, node)| (&*key.name, node))
                .filter(|(key, _)| key.starts_with("x-"))
                .collect();
            json.extend(extra.into_iter().map(|(key, node)| (key.to_owned(), extension::any(node))));
        }
        json
    }

    fn zero(&mut self, kind: &Type, place: &Place<'_>) -> Json {
        match kind {
            Type::One(object) => Json::Object(self.fields(object, &Map::default(), place)),
            Type::Bool => json!(false),
            Type::Text => json!(""),
            Type::Bytes => json!("0"),
            Type::Int(_) => json!(0),
            Type::Named(_) | Type::Map(_) | Type::Ulimits => json!({}),
            _ => Json::Null,
        }
    }

    fn value(&mut self, kind: &Type, node: &Node, place: &Place<'_>) -> Option<Json> {
        if let Some(result) = scalar::scalar(kind, node).or_else(|| collection::collection(kind, node)) {
            return self.explained(kind, node, place, result);
        }
        match kind {
            Type::Bool => self.boolean(node, place),
            Type::Texts => {
                let items = self.items(node, place)?;
                let texts = items.iter().enumerate().filter_map(|(index, item)| {
                    let here = place.down(Step::Index(index));
                    self.checked(item, &here, scalar::text(item).map(Json::from))
                });
                Some(texts.collect())
            }
            Type::StringMap => {
                let text = |decoder: &mut Self, node: &Node, here: &Place<'_>| {
                    decoder.value(&Type::Text, node, here)
                };
                self.named(node, place, Names::Swept(json!("")), &text)
            }
            Type::One(object) => self.object(object, node, place),
            Type::List(object) => {
                let items = self.items(node, place)?;
                let values = items
                    .iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.object(object, item, &place.down(Step::Index(index))));
                Some(values.collect())
            }
            Type::Named(object) => self
                .named(node, place, Names::Free, &|decoder, node, here| decoder.object(object, node, here)),
            Type::Map(object) => self.named(node, place, Names::Swept(Json::Null), &|decoder, node, here| {
                decoder.object(object, node, here)
            }),
            Type::Ulimits => self.named(node, place, Names::Swept(Json::Null), &Self::ulimit),
            // Plain values and collections of them are done above.
            _ => None,
        }
    }

    fn boolean(&mut self, node: &Node, place: &Place<'_>) -> Option<Json> {
        let value = scalar::boolean(node);
        if let (Ok(value), Some(word)) = (&value, node.as_str())
            && !word.eq_ignore_ascii_case(if *value { "true" } else { "false" })
        {
            let message =
                format!("\"{word}\" for boolean is not supported by YAML 1.2, please use `{value}`");
            let warning = Diagnostic::warning(message)
                .plain(format!("`{word}` is not a boolean in YAML 1.2; it is read as `{value}`"))
                .hint(format!("write {value}"));
            self.diagnostics.push(warning.at(place.dotted()).span(node.span).allowed(["true", "false"]));
        }
        self.checked(node, place, value.map(Json::from))
    }

    fn items<'n>(&mut self, node: &'n Node, place: &Place<'_>) -> Option<&'n [Node]> {
        let items = node.as_list();
        if items.is_none() {
            let error = format!("source data must be an array or slice, got {}", text::sort_name(node));
            self.refuse(node, place, &error);
        }
        items
    }

    fn object(&mut self, object: &'static Object, node: &Node, place: &Place<'_>) -> Option<Json> {
        match &node.value {
            Value::Map(map) => Some(Json::Object(self.fields(object, map, place))),
            Value::Null => Some(Json::Object(self.fields(object, &Map::default(), place))),
            _ => {
                let error = format!("expected a map or struct, got \"{}\"", text::sort_name(node));
                self.refuse(node, place, &error);
                None
            }
        }
    }

    fn named(
        &mut self,
        node: &Node,
        place: &Place<'_>,
        names: Names,
        value: &dyn Fn(&mut Self, &Node, &Place<'_>) -> Option<Json>,
    ) -> Option<Json> {
        let Some(map) = node.as_map() else {
            self.refuse(node, place, &format!("expected a map, got '{}'", text::sort_name(node)));
            return None;
        };
        let (swept, null) = match names {
            Names::Free => (None, None),
            Names::Swept(null) => (extension::sweep(map), Some(null)),
        };
        let mut json = BTreeMap::new();
        for (key, node) in swept.as_ref().unwrap_or(map) {
            let here = place.down(Step::Key(&key.name));
            let value = match &null {
                Some(null) if node.is_null() => Some(null.clone()),
                Some(_) | None => value(self, node, &here),
            };
            if let Some(value) = value {
                json.insert(key.name.to_string(), value);
            }
        }
        Some(Json::Object(json.into_iter().collect()))
    }

    /// Reference: a single limit of 0 is the same as no limit at all and prints as an empty object.
    fn ulimit(&mut self, node: &Node, place: &Place<'_>) -> Option<Json> {
        match &node.value {
            Value::Int(0) => Some(json!({})),
            Value::Int(value) => i64::try_from(*value).ok().map(Json::from),
            Value::Map(map) => {
                let limits = ["soft", "hard"].into_iter().filter_map(|name| {
                    let node = map.get(name)?;
                    let here = place.down(Step::Field(name));
                    let kind = Type::Int(Width::Int);
                    let value = self.value(&kind, node, &here)?;
                    (!is_zero(&kind, &value)).then(|| (name.to_owned(), value))
                });
                Some(Json::Object(limits.collect()))
            }
            _ => {
                let error = format!("unexpected value type {} for ulimit", text::type_name(node));
                self.refuse(node, place, &error);
                None
            }
        }
    }
}

/// What the names in a mapping may be.
enum Names {
    /// Any, also such that begin with `x-`; null is the empty object.
    Free,
    /// Names that begin with `x-` are swept together; null becomes this.
    Swept(Json),
}

fn is_zero(kind: &Type, value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Bool(true) => false,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => {
            text.is_empty() || matches!((kind, text.as_str()), (Type::Bytes, "0") | (Type::Duration, "0s"))
        }
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
    }
}
