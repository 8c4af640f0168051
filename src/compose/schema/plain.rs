//! Violations in plain words.

use super::check::kinds_of;
use crate::compose::attributes::shape::{Kind, Shape};
use crate::compose::node::Value;
use crate::compose::text;

/// What a sentence about the node at a path is about.
pub(super) fn subject(path: &[String]) -> String {
    match path {
        [] => "the file".to_owned(),
        [.., name, last] if last.starts_with('[') => format!("an entry of `{name}`"),
        [.., last] => format!("`{last}`"),
    }
}

/// The kinds of value that several shapes are for, with an article. What may be left out needs no mention.
pub(super) fn kinds_of_all(shapes: &[Shape]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for shape in shapes {
        let inner: Vec<Kind> = match shape {
            Shape::OneOf(branches) => branches.iter().flat_map(kinds_of).collect(),
            other => kinds_of(other),
        };
        for kind in inner {
            let name = match kind {
                Kind::Null => continue,
                Kind::Bool => "a boolean",
                Kind::Int => "a whole number",
                Kind::Number => "a number",
                Kind::String => "a string",
                Kind::List => "a list",
                Kind::Map => "a mapping",
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// What a node is, and what it must be.
pub(in crate::compose) fn wrong_kind(subject: &str, found: &Value, allowed: &[&str]) -> String {
    let written = text::of_scalar(found).unwrap_or_default();
    let found = match found {
        Value::Null => "empty".to_owned(),
        Value::Bool(_) => format!("the boolean `{written}`"),
        Value::Int(_) | Value::Float(_) => format!("the number `{written}`"),
        Value::Timestamp(_) => format!("the date `{written}`"),
        Value::String(_) => "a string".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    };
    let allowed = match allowed {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    };
    format!("{subject} is {found}, but must be {allowed}")
}

/// The words of a pattern that is a list of words; parts of them may be patterns again.
pub(super) fn words_of_pattern(shown: &str) -> Vec<String> {
    if !shown.contains('|') {
        return Vec::new();
    }
    let word = |part: &str| match part.split_once('(') {
        Some((start, _)) => format!("{start}<time>"),
        None => part.to_owned(),
    };
    shown.split('|').map(word).collect()
}
