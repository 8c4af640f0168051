//! Holding a tree against a shape. The texts of violations are those of the reference (docker compose 2.40).

use super::hint;
use super::shape::{Field, Kind, Object, Others, Presence, Repeats, Shape};
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::{Key, Map, Node, Span, Value};
use std::collections::HashMap;
use std::fmt::Write as _;

/// A violation and how deep in the tree it is: of several, the reference tells the deepest.
pub(super) struct Violation {
    pub depth: usize,
    pub diagnostic: Diagnostic,
}

/// The path to the node that is looked at.
#[derive(Default)]
pub(super) struct Checker {
    path: Vec<String>,
}

type Found = Vec<Violation>;

impl Checker {
    /// Every violation below a node, in document order.
    pub fn check(&mut self, shape: &Shape, node: &Node) -> Found {
        match shape {
            Shape::Any => Vec::new(),
            Shape::OneOf(branches) => self.one_of(branches, node),
            shape if !admits(shape, &node.value) => vec![self.wrong_kind(shape, node)],
            Shape::Kinds(_) => Vec::new(),
            Shape::Word(words) => self.word(words, node),
            Shape::Pattern { shown, matches } => self.pattern(shown, *matches, node),
            Shape::Range { min, max } => self.range(*min, *max, node),
            Shape::List { items, repeats } => self.list(items, *repeats, node),
            Shape::Map { names, values, others } => self.map(
                node,
                |name| names.accept(name).then_some(*values),
                *others,
                |keys| hint::bad_names(keys, *names),
            ),
            Shape::Object { object, .. } => self.object(object, node),
        }
    }

    /// The branch that is for this kind of value decides. As in the reference, of equally deep violations the
    /// one of the first branch is told; what the right branch lacks then becomes the hint.
    fn one_of(&mut self, branches: &[Shape], node: &Node) -> Found {
        let Some(chosen) = branches.iter().position(|branch| admits(branch, &node.value)) else {
            let mut found = branches.first().map(|first| self.wrong_kind(first, node));
            if let Some(found) = &mut found
                && !matches!(node.value, Value::Timestamp(_))
            {
                found.diagnostic.hint = Some(hint::forms(branches));
            }
            return found.into_iter().collect();
        };
        let mut found = self.check(&branches[chosen], node);
        let deepest = found.iter().map(|violation| violation.depth).max();
        if chosen == 0 || deepest.is_none_or(|depth| depth > self.path.len()) {
            return found;
        }
        let own = found.swap_remove(0).diagnostic;
        let mut first = self.wrong_kind(&branches[0], node);
        first.diagnostic.hint = Some(match own.hint {
            Some(hint) => format!("{}: {hint}", own.message),
            None => own.message,
        });
        vec![first]
    }

    fn wrong_kind(&self, shape: &Shape, node: &Node) -> Violation {
        if let Value::Timestamp(text) = &node.value {
            return self.at(node.span, "invalid jsonType time.Time".to_owned(), Some(hint::quoted(text)));
        }
        let hint = hint::wrong_kind(shape, &node.value);
        self.at(node.span, format!("must be a {}", kinds(shape)), hint)
    }

    fn word(&self, words: &[&str], node: &Node) -> Found {
        let Some(text) = node.as_str().filter(|text| !words.contains(text)) else { return Vec::new() };
        let shown: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let message = match &shown[..] {
            [only] => format!("value must be {only}"),
            _ => format!("value must be one of {}", shown.join(", ")),
        };
        vec![self.at(node.span, message, hint::nearest_word(text, words))]
    }

    fn pattern(&self, shown: &str, matches: fn(&str) -> bool, node: &Node) -> Found {
        let Some(text) = node.as_str().filter(|text| !matches(text)) else { return Vec::new() };
        vec![self.at(node.span, format!("'{text}' does not match pattern '{shown}'"), None)]
    }

    fn range(&self, min: i128, max: i128, node: &Node) -> Found {
        let number = match &node.value {
            Value::Int(number) => *number,
            #[expect(clippy::cast_possible_truncation, reason = "too large a float is still too large")]
            Value::Float(number) => *number as i128,
            _ => return Vec::new(),
        };
        let message = if number < min {
            format!("must be greater than or equal to {min}")
        } else if number > max {
            format!("must be less than or equal to {max}")
        } else {
            return Vec::new();
        };
        vec![self.at(node.span, message, None)]
    }

    fn list(&mut self, items: &Shape, repeats: Repeats, node: &Node) -> Found {
        let list = node.as_list().unwrap_or_default();
        let mut found = Vec::new();
        for (index, element) in list.iter().enumerate() {
            self.path.push(format!("[{index}]"));
            found.extend(self.check(items, element));
            self.path.pop();
        }
        if repeats == Repeats::Refused
            && let Some((first, second)) = equal_elements(list)
        {
            let hint = Some("keep one of the two".to_owned());
            found.push(self.at(list[second].span, format!("items at {first} and {second} are equal"), hint));
        }
        found
    }

    fn object(&mut self, object: &Object, node: &Node) -> Found {
        let Some(map) = node.as_map() else { return Vec::new() };
        let is_top = self.path.is_empty();
        let of_field = |name: &str| object.field(name).map(|field| &field.shape);
        let mut found =
            self.map(node, of_field, object.others, |keys| hint::unknown_fields(keys, map, object, is_top));
        let is_missing =
            |field: &&Field| field.presence == Presence::Required && !map.contains_key(field.name);
        let missing: Vec<String> =
            object.fields.iter().filter(is_missing).map(|field| format!("'{}'", field.name)).collect();
        match missing.len() {
            0 => {}
            1 => found.push(self.at(node.span, format!("missing property {}", missing[0]), None)),
            _ => {
                found.push(self.at(node.span, format!("missing properties {}", missing.join(", ")), None));
            }
        }
        found
    }

    fn map<'s>(
        &mut self,
        node: &Node,
        shape_of: impl Fn(&str) -> Option<&'s Shape>,
        others: Others,
        hint: impl Fn(&[&Key]) -> Option<String>,
    ) -> Found {
        let mut found = Vec::new();
        let mut refused: Vec<&Key> = Vec::new();
        for (key, value) in node.as_map().into_iter().flatten() {
            if let Some(shape) = shape_of(&key.name) {
                self.path.push(key.name.to_string());
                found.extend(self.check(shape, value));
                self.path.pop();
            } else if others == Others::Refused
                || (others == Others::Extensions && !key.name.starts_with("x-"))
            {
                refused.push(key);
            }
        }
        if let Some(first) = refused.first() {
            let shown: Vec<String> = refused.iter().map(|key| escaped(&key.name)).collect();
            let message = format!("additional properties {} not allowed", shown.join(", "));
            let violation = self.at(first.span, message, hint(&refused));
            found.push(Violation { depth: violation.depth + 1, ..violation });
        }
        found
    }

    fn at(&self, span: Span, message: String, hint: Option<String>) -> Violation {
        let mut diagnostic = Diagnostic::error(message).at(self.path.join(".").replace(".[", "[")).span(span);
        diagnostic.hint = hint;
        Violation { depth: self.path.len(), diagnostic }
    }
}

fn escaped(name: &str) -> String {
    format!("'{}'", name.escape_debug().to_string().replace("\\\"", "\""))
}

/// Whether a value is of a kind that a shape is for.
pub(super) fn admits(shape: &Shape, value: &Value) -> bool {
    if let Shape::OneOf(branches) = shape {
        return branches.iter().any(|branch| admits(branch, value));
    }
    matches!(shape, Shape::Any) || kinds_of(shape).iter().any(|kind| is_of(*kind, value))
}

fn is_of(kind: Kind, value: &Value) -> bool {
    match value {
        Value::Null => kind == Kind::Null,
        Value::Bool(_) => kind == Kind::Bool,
        Value::Int(_) => matches!(kind, Kind::Int | Kind::Number),
        Value::Float(number) => kind == Kind::Number || (kind == Kind::Int && number.fract() == 0.0),
        Value::Timestamp(_) => false,
        Value::String(_) => kind == Kind::String,
        Value::List(_) => kind == Kind::List,
        Value::Map(_) => kind == Kind::Map,
    }
}

/// The kinds of value that a shape is for; of several shapes, those of the first.
fn kinds_of(shape: &Shape) -> Vec<Kind> {
    match shape {
        Shape::Any => Vec::new(),
        Shape::Kinds(kinds) => kinds.to_vec(),
        Shape::Word(_) | Shape::Pattern { .. } => vec![Kind::String],
        Shape::Range { .. } => vec![Kind::Int],
        Shape::List { .. } => vec![Kind::List],
        Shape::Map { .. } => vec![Kind::Map],
        Shape::Object { or, .. } => [&[Kind::Map], *or].concat(),
        Shape::OneOf(branches) => branches.first().map(kinds_of).unwrap_or_default(),
    }
}

/// The kinds of value that a shape is for, as messages name them.
pub(super) fn kinds(shape: &Shape) -> String {
    let mut names: Vec<&str> = kinds_of(shape)
        .into_iter()
        .map(|kind| match kind {
            Kind::Null => "null",
            Kind::Bool => "boolean",
            Kind::Int => "integer",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::List => "array",
            Kind::Map => "mapping",
        })
        .collect();
    names.sort_unstable();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The first two equal elements of a list.
fn equal_elements(list: &[Node]) -> Option<(usize, usize)> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    list.iter().enumerate().find_map(|(index, element)| {
        let mut text = String::new();
        canonical(element, &mut text);
        seen.insert(text, index).map(|first| (first, index))
    })
}

/// A text that equal values share: keys sorted, numbers by value.
fn canonical(node: &Node, out: &mut String) {
    let written = match &node.value {
        Value::Null => write!(out, "n"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(number) => write!(out, "{number}"),
        Value::Float(number) => write!(out, "{number}"),
        Value::Timestamp(text) | Value::String(text) => write!(out, "{text:?}"),
        Value::List(list) => {
            out.push('[');
            for element in list {
                canonical(element, out);
                out.push(',');
            }
            write!(out, "]")
        }
        Value::Map(map) => {
            canonical_map(map, out);
            Ok(())
        }
    };
    // Writing to a string cannot fail.
    let _ = written;
}

fn canonical_map(map: &Map, out: &mut String) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    out.push('{');
    for (key, value) in entries {
        let _ = write!(out, "{:?}:", key.name);
        canonical(value, out);
        out.push(',');
    }
    out.push('}');
}
