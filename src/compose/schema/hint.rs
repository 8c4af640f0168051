//! What would be right in place of a violation.

use super::nearest;
use crate::compose::attributes::shape::{Kind, Names, Others, Shape};
use crate::compose::attributes::{Object, SERVICE};
use crate::compose::node::{Key, Map, Node, Value};
use std::sync::Arc;

/// How deep below an object an unknown key is looked for.
const MAX_SEARCH: usize = 3;

/// For a scalar that must be a string.
pub(super) fn quoted(text: &str) -> String {
    format!("put it in quotes: \"{text}\"")
}

/// How many words a hint lists.
const MAX_LISTED: usize = 14;

/// For a key that has no place: what to say, and what to do.
pub(super) struct Advice {
    pub plain: String,
    pub hint: String,
    pub allowed: Arc<[String]>,
    /// The field that was probably meant.
    pub meant: Option<&'static str>,
}

/// For a value that is not one of a few words.
pub(super) fn one_of(text: &str, words: &[&str]) -> String {
    let all = words.join(", ");
    match (nearest(text, words.iter().copied()), words) {
        (_, [only]) => format!("the only value is `{only}`"),
        (Some(word), _) => format!("did you mean `{word}`? the values are {all}"),
        (None, _) => format!("the values are {all}"),
    }
}

/// For a value of a kind that the shapes do not have.
pub(super) fn wrong_kind(shapes: &[Shape], value: &Value, is_entry: bool) -> Option<String> {
    let all = || {
        shapes.iter().flat_map(|shape| {
            if let Shape::OneOf(branches) = shape { branches } else { std::slice::from_ref(shape) }
        })
    };
    let wants_text = all().any(|shape| match shape {
        Shape::Kinds(kinds) => kinds.contains(&Kind::String),
        Shape::Word(_) | Shape::Pattern { .. } => true,
        Shape::Any
        | Shape::Range { .. }
        | Shape::List { .. }
        | Shape::Map { .. }
        | Shape::Object { .. }
        | Shape::OneOf(_) => false,
    });
    let wants_list = all().any(|shape| matches!(shape, Shape::List { .. }));
    let wants_map = all().any(|shape| matches!(shape, Shape::Map { .. } | Shape::Object { .. }));
    match value {
        Value::Bool(value) if wants_text => Some(quoted(&value.to_string())),
        Value::Int(value) if wants_text => Some(quoted(&value.to_string())),
        Value::Float(value) if wants_text => Some(quoted(&value.to_string())),
        Value::String(text) if wants_list && text.trim_start().starts_with('-') => {
            Some("a list entry needs a blank behind its dash: `- entry`".to_owned())
        }
        Value::String(text) if wants_list && !text.contains('"') => {
            Some(format!("write a list: [\"{text}\"]"))
        }
        Value::String(_) if wants_map => Some("write `name: value` lines below the key, indented".to_owned()),
        Value::Map(map) if is_entry && wants_text && map.len() == 1 => Some(
            "a colon and a blank make a mapping: put the whole entry in quotes if it is a string".to_owned(),
        ),
        Value::Null => Some("give it a value, or remove the key".to_owned()),
        Value::Map(_) if wants_list => Some("begin every entry with `- `".to_owned()),
        Value::List(_) if wants_map && !is_entry => {
            Some("leave the dashes out: write `name: value` lines".to_owned())
        }
        _ => None,
    }
}

/// For a name outside the set that users may choose from.
pub(super) fn bad_name(key: &Key, names: Names) -> Advice {
    let name = &*key.name;
    let hint = match names {
        Names::Resource => {
            let fixed: String = name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
                .collect();
            if name.contains('$') {
                "variables are not replaced in keys: write the name out".to_owned()
            } else if fixed.chars().filter(char::is_ascii_alphanumeric).count() * 2 > fixed.len() {
                format!("a name holds a-z, A-Z, 0-9, `.`, `_` and `-`, such as `{fixed}`")
            } else {
                "a name holds a-z, A-Z, 0-9, `.`, `_` and `-`".to_owned()
            }
        }
        Names::Lowercase => "write a name of lower-case letters".to_owned(),
        Names::Line | Names::Text => "write a name on one line".to_owned(),
    };
    Advice {
        plain: format!("`{}` cannot be a name", name.escape_debug()),
        hint,
        allowed: Arc::default(),
        meant: None,
    }
}

/// For a key that an object does not have; `allowed` are those that it has.
pub(super) fn unknown_field(
    key: &Key,
    map: &Map,
    object: &Object,
    allowed: &Arc<[String]>,
    is_top: bool,
) -> Advice {
    let name = &*key.name;
    let plain = format!("unknown key `{}`", name.escape_debug());
    let hint = likely_field(name, map.get(name), object, is_top).unwrap_or_else(|| {
        if allowed.len() <= MAX_LISTED {
            return format!("the keys here are {}", allowed.join(", "));
        }
        match object.others {
            Others::Extensions => format!(
                "no key here is like it; a key of your own begins with `x-`: `x-{}`",
                name.escape_debug()
            ),
            Others::Refused | Others::Unchecked => "no key here is like it: remove it".to_owned(),
        }
    });
    Advice { plain, hint, allowed: Arc::clone(allowed), meant: field_meant(name, object) }
}

/// The field that an unknown key was probably meant to be.
pub(super) fn field_meant(name: &str, object: &Object) -> Option<&'static str> {
    nearest(name, object.sorted().into_iter().map(|field| field.name))
}

fn likely_field(name: &str, value: Option<&Node>, object: &Object, is_top: bool) -> Option<String> {
    if is_top && value.is_some_and(|value| value.get("image").is_some() || value.get("build").is_some()) {
        return Some(format!("`{name}` looks like a service: services stand under `services:`"));
    }
    if is_top && SERVICE.field(name).is_some() {
        return Some(format!("`{name}` belongs to a service: `services.NAME.{name}`"));
    }
    let near = field_meant(name, object);
    let is_plural = |near: &str| near.trim_end_matches('s') == name.trim_end_matches('s');
    let deeper = find_below(name, object, if is_top { 0 } else { MAX_SEARCH })
        .filter(|_| !near.is_some_and(is_plural))
        .map(|path| format!("`{name}` belongs deeper: `{path}`"));
    deeper.or_else(|| near.map(|near| format!("did you mean `{near}`?")))
}

/// The path of a field with this name below an object, the nearest first.
fn find_below(name: &str, object: &Object, depth: usize) -> Option<String> {
    let below = || object.sorted().into_iter().filter_map(|field| Some((field.name, inner(&field.shape)?)));
    if depth == 0 {
        return None;
    }
    below()
        .find(|(_, inner)| inner.field(name).is_some())
        .map(|(parent, _)| format!("{parent}.{name}"))
        .or_else(|| {
            below().find_map(|(parent, inner)| {
                find_below(name, inner, depth - 1).map(|path| format!("{parent}.{path}"))
            })
        })
}

fn inner(shape: &Shape) -> Option<&'static Object> {
    match shape {
        Shape::Object { object, .. } => Some(object),
        Shape::OneOf(branches) => branches.iter().find_map(inner),
        Shape::Any
        | Shape::Kinds(_)
        | Shape::Word(_)
        | Shape::Pattern { .. }
        | Shape::Range { .. }
        | Shape::List { .. }
        | Shape::Map { .. } => None,
    }
}
