//! What would be right in place of a violation.

use super::check::kinds;
use super::nearest;
use super::service::SERVICE;
use super::shape::{Kind, Names, Object, Shape};
use crate::compose::node::{Key, Map, Node, Value};

/// How deep below an object an unknown key is looked for.
const MAX_SEARCH: usize = 3;

/// For a scalar that must be a string.
pub(super) fn quoted(text: &str) -> String {
    format!("put it in quotes: \"{text}\"")
}

/// For a value that is near to one of a few words.
pub(super) fn nearest_word(text: &str, words: &[&str]) -> Option<String> {
    nearest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"))
}

/// For a value of a kind that no form of the attribute has.
pub(super) fn forms(branches: &[Shape]) -> String {
    let article = |words: String| {
        let vowel = words.starts_with(['a', 'e', 'i', 'o', 'u']);
        if vowel { format!("an {words}") } else { format!("a {words}") }
    };
    // Messages speak of arrays as the reference does; YAML calls them lists.
    let forms: Vec<String> =
        branches.iter().map(|branch| article(kinds(branch).replace("array", "list"))).collect();
    format!("write {}", forms.join(", or "))
}

/// For a value of a kind that the shape does not have.
pub(super) fn wrong_kind(shape: &Shape, value: &Value) -> Option<String> {
    let wants_text = match shape {
        Shape::Kinds(kinds) => kinds.contains(&Kind::String),
        Shape::Word(_) | Shape::Pattern { .. } => true,
        _ => false,
    };
    match value {
        Value::Bool(value) if wants_text => Some(quoted(&value.to_string())),
        Value::Int(value) if wants_text => Some(quoted(&value.to_string())),
        Value::Float(value) if wants_text => Some(quoted(&value.to_string())),
        Value::String(text) if matches!(shape, Shape::List { .. }) => {
            Some(format!("write a list: [\"{text}\"]"))
        }
        Value::Null => Some("give it a value, or remove the key".to_owned()),
        _ => None,
    }
}

/// For names outside the set that users may choose from.
pub(super) fn bad_names(keys: &[&Key], names: Names) -> Option<String> {
    match names {
        Names::Resource => {
            let key = keys.first()?;
            let fixed: String = key
                .name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
                .collect();
            Some(format!("names hold letters, digits, `.`, `_` and `-`, such as `{fixed}`"))
        }
        Names::Lowercase | Names::Line | Names::Text => Some("write a name on one line".to_owned()),
    }
}

/// For keys that an object does not have.
pub(super) fn unknown_fields(keys: &[&Key], map: &Map, object: &Object, is_top: bool) -> Option<String> {
    let hints: Vec<String> =
        keys.iter().filter_map(|key| unknown_field(key, map.get(&*key.name), object, is_top)).collect();
    (!hints.is_empty()).then(|| hints.join("; "))
}

fn unknown_field(key: &Key, value: Option<&Node>, object: &Object, is_top: bool) -> Option<String> {
    let name = &*key.name;
    if is_top && value.is_some_and(|value| value.get("image").is_some() || value.get("build").is_some()) {
        return Some(format!("`{name}` looks like a service: services stand under `services:`"));
    }
    if is_top && SERVICE.field(name).is_some() {
        return Some(format!("`{name}` belongs to a service: `services.NAME.{name}`"));
    }
    if let Some(other) = nearest(name, object.fields.iter().map(|field| field.name)) {
        return Some(format!("did you mean `{other}` instead of `{name}`?"));
    }
    let path = find_below(name, object, if is_top { 0 } else { MAX_SEARCH })?;
    Some(format!("`{name}` belongs one level deeper: `{path}`"))
}

/// The path of a field with this name below an object, the nearest first.
fn find_below(name: &str, object: &Object, depth: usize) -> Option<String> {
    let below = || object.fields.iter().filter_map(|field| Some((field.name, inner(&field.shape)?)));
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
