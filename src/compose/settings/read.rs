//! Reads settings by their table.

use super::table::{Keys, Setting, Takes};
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::{Key, Map, Node, Value};
use crate::compose::schema::nearest;
use crate::model::units::Nanos;

/// Reads a mapping of the keys in a table. What is wrong is said, and left at its default.
pub(super) fn settings<T: Default>(
    keys: &Keys<T>,
    node: &Node,
    path: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> T {
    let mut settings = T::default();
    if node.is_null() {
        return settings;
    }
    let Some(map) = mapping(node, path, diagnostics) else { return settings };
    for (key, value) in map {
        let place = join(path, &key.name);
        match keys.rows.iter().find(|row| row.key == &*key.name) {
            Some(row) => take(row, &mut settings, (value, &place), diagnostics),
            None => diagnostics.push(unknown(key, &place, keys)),
        }
    }
    settings
}

fn take<T>(
    row: &Setting<T>,
    settings: &mut T,
    (node, place): (&Node, &str),
    diagnostics: &mut Vec<Diagnostic>,
) {
    match &row.takes {
        Takes::Text(put) => {
            if let Some(text) = text(node, place, diagnostics) {
                put(settings, text);
            }
        }
        Takes::Texts(put) => put(settings, list(node, place, diagnostics)),
        Takes::Switch(put) => {
            if let Some(on) = switch(node, place, diagnostics) {
                put(settings, on);
            }
        }
        Takes::Duration(put) => {
            if let Some(time) = duration(node, place, diagnostics) {
                put(settings, time);
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn unknown<T>(key: &Key, place: &str, keys: &Keys<T>) -> Diagnostic {
    let message = if keys.planned.contains(&&*key.name) {
        format!("`{}` is not supported by this version", key.name)
    } else {
        format!("unknown key `{}`", key.name)
    };
    let known: Vec<&'static str> = keys.rows.iter().map(|row| row.key).collect();
    let hint = match nearest(&key.name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys are {}", known.join(", ")),
    };
    Diagnostic::error(message).at(place).span(key.span).allowed(known.iter().copied()).hint(hint)
}

fn wrong(node: &Node, place: &str, wanted: &str) -> Diagnostic {
    let name = place.rsplit('.').next().unwrap_or(place);
    let message = if name.is_empty() {
        format!("the settings must be {wanted}")
    } else {
        format!("`{name}` must be {wanted}")
    };
    Diagnostic::error(message).at(place).span(node.span)
}

/// A mapping; anything else is said.
pub(super) fn mapping<'a>(node: &'a Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<&'a Map> {
    let map = node.as_map();
    if map.is_none() {
        diagnostics
            .push(wrong(node, place, "a mapping").hint("write `name: value` lines below it, indented"));
    }
    map
}

fn text(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<String> {
    let Some(text) = node.as_str().filter(|text| !text.is_empty()) else {
        diagnostics.push(wrong(node, place, "a text").hint("quote a value that reads as a number"));
        return None;
    };
    if text.contains('$') {
        let refused = wrong(node, place, "written out").focus("$");
        diagnostics.push(refused.hint("variables are not resolved in settings of a stack"));
        return None;
    }
    Some(text.to_owned())
}

fn list(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<String> {
    match &node.value {
        Value::Null => Vec::new(),
        Value::String(_) => text(node, place, diagnostics).into_iter().collect(),
        Value::List(items) => {
            let item = |(index, node)| text(node, &format!("{place}[{index}]"), diagnostics);
            items.iter().enumerate().filter_map(item).collect()
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Timestamp(_) | Value::Map(_) => {
            diagnostics.push(wrong(node, place, "a list of texts").hint("write [one, two]"));
            Vec::new()
        }
    }
}

fn switch(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<bool> {
    if let Value::Bool(on) = node.value {
        return Some(on);
    }
    diagnostics
        .push(wrong(node, place, "true or false").allowed(["true", "false"]).hint("write true or false"));
    None
}

fn duration(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Nanos> {
    let read = node.as_str().and_then(|text| Nanos::parse(text).ok()).filter(|time| time.0 > 0);
    if read.is_none() {
        diagnostics.push(wrong(node, place, "a time").hint("write a time such as 90s or 5m"));
    }
    read
}
