//! Holding a tree against a shape. The texts of violations are those of the reference (docker compose 2.40).

use super::{hint, plain};
use crate::compose::attributes::shape::{Kind, Others, Presence, Repeats, Shape};
use crate::compose::attributes::{Field, Object};
use crate::compose::diagnostic::{Diagnostic, Lack};
use crate::compose::node::{Key, Map, Node, Span, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::sync::Arc;

/// Something that the schema does not allow.
#[derive(Debug)]
pub struct Violation {
    /// How deep in the tree it is: of several, the reference tells the deepest.
    pub(super) depth: usize,
    /// The keys (list positions as `[0]`) down to the node that the reference names.
    pub place: Vec<String>,
    /// The keys down to what would have to go: the same, or a key below.
    pub target: Vec<String>,
    /// The key path that a wrong key was probably meant to be.
    pub meant: Option<String>,
    /// What there is to say. The message lacks the `validating FILE: PATH ` of the reference.
    pub diagnostic: Diagnostic,
}

/// Violations of one project that are told: who has more must begin somewhere.
const MAX_VIOLATIONS: usize = 1000;

/// The path to the node that is looked at.
#[derive(Default)]
pub(super) struct Checker {
    path: Vec<String>,
    /// Where the keys of the path stand; the default for list positions.
    keys: Vec<Span>,
    /// How many violations were found.
    count: usize,
    /// The names of an object's fields, which all diagnostics about it share.
    names: HashMap<*const Object, Arc<[String]>>,
}

type Found = Vec<Violation>;

impl Checker {
    /// Every violation below a node, in document order.
    pub fn check(&mut self, shape: &Shape, node: &Node) -> Found {
        if self.count >= MAX_VIOLATIONS {
            return Vec::new();
        }
        match shape {
            Shape::Any => Vec::new(),
            Shape::OneOf(branches) => self.one_of(branches, node),
            shape if !admits(shape, &node.value) => vec![self.wrong_kind(std::slice::from_ref(shape), node)],
            Shape::Kinds(_) => Vec::new(),
            Shape::Word(words) => self.word(words, node),
            Shape::Pattern { shown, matches } => self.pattern(shown, *matches, node),
            Shape::Range { min, max } => self.range(*min, *max, node),
            Shape::List { items, repeats } => self.list(items, *repeats, node),
            Shape::Map { names, values, others } => self.map(
                node,
                |name| names.accept(name).then_some(*values),
                *others,
                |key| hint::bad_name(key, *names),
            ),
            Shape::Object { object, .. } => self.object(object, node),
        }
    }

    /// The branch that is for this kind of value decides. As in the reference, of equally deep violations the
    /// one of the first branch is told; what the right branch lacks then becomes the hint.
    fn one_of(&mut self, branches: &[Shape], node: &Node) -> Found {
        let Some(chosen) = branches.iter().position(|branch| admits(branch, &node.value)) else {
            return vec![self.wrong_kind(branches, node)];
        };
        let mut found = self.check(&branches[chosen], node);
        let deepest = found.iter().map(|violation| violation.depth).max();
        if chosen == 0 || deepest.is_none_or(|depth| depth > self.path.len()) {
            return found;
        }
        let mut own = found.swap_remove(0);
        own.diagnostic.message = self.wrong_kind(branches, node).diagnostic.message;
        vec![own]
    }

    /// The reference names the kinds of the first shape only.
    fn wrong_kind(&mut self, shapes: &[Shape], node: &Node) -> Violation {
        let allowed = plain::kinds_of_all(shapes);
        let text = plain::wrong_kind(&self.subject(), &node.value, &allowed);
        if let Value::Timestamp(written) = &node.value {
            return self.at(node.span, "invalid jsonType time.Time", text, Some(hint::quoted(written)));
        }
        let is_entry = self.path.last().is_some_and(|last| last.starts_with('['));
        let hint = hint::wrong_kind(shapes, &node.value, is_entry)
            .or_else(|| (!allowed.is_empty()).then(|| format!("write {} instead", allowed.join(" or "))));
        let message = format!("must be a {}", shapes.first().map(kinds).unwrap_or_default());
        let mut violation = self.at(self.span_of(node), &message, text, hint);
        violation.diagnostic = violation.diagnostic.allowed(allowed);
        violation
    }

    /// Where a node stands: for one that may have many lines, its key.
    fn span_of(&self, node: &Node) -> Span {
        match (&node.value, self.keys.last()) {
            (Value::Null | Value::List(_) | Value::Map(_), Some(key)) if key.file == node.span.file => *key,
            _ => node.span,
        }
    }

    /// What the sentence is about.
    fn subject(&self) -> String {
        plain::subject(&self.path)
    }

    fn enter(&mut self, name: String, key: Span, shape: &Shape, node: &Node) -> Found {
        self.path.push(name);
        self.keys.push(key);
        let found = self.check(shape, node);
        self.path.pop();
        self.keys.pop();
        found
    }

    fn word(&mut self, words: &[&str], node: &Node) -> Found {
        let Some(text) = node.as_str().filter(|text| !words.contains(text)) else { return Vec::new() };
        let shown: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let message = match &shown[..] {
            [only] => format!("value must be {only}"),
            _ => format!("value must be one of {}", shown.join(", ")),
        };
        let plain = format!("{} cannot be `{text}`", self.subject());
        let mut found = self.at(node.span, &message, plain, Some(hint::one_of(text, words)));
        found.diagnostic = found.diagnostic.allowed(words.iter().copied());
        vec![found]
    }

    fn pattern(&mut self, shown: &str, matches: fn(&str) -> bool, node: &Node) -> Found {
        let Some(text) = node.as_str().filter(|text| !matches(text)) else { return Vec::new() };
        let message = format!("'{text}' does not match pattern '{shown}'");
        let words = plain::words_of_pattern(shown);
        let plain = format!("{} cannot be `{text}`", self.subject());
        let hint = if words.is_empty() {
            "begin with a letter or digit; at least one more of these, or `_`, `.`, `-`, follows".to_owned()
        } else {
            hint::one_of(text, &words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let mut found = self.at(node.span, &message, plain, Some(hint));
        found.diagnostic = found.diagnostic.allowed(words);
        vec![found]
    }

    fn range(&mut self, min: i128, max: i128, node: &Node) -> Found {
        let number = match &node.value {
            Value::Int(number) => *number,
            #[expect(clippy::cast_possible_truncation, reason = "too large a float is still too large")]
            Value::Float(number) => *number as i128,
            _ => return Vec::new(),
        };
        let (message, hint) = if number < min {
            (format!("must be greater than or equal to {min}"), format!("write {min} or more"))
        } else if number > max {
            (format!("must be less than or equal to {max}"), format!("write {max} or less"))
        } else {
            return Vec::new();
        };
        let plain = format!("{} cannot be {number}", self.subject());
        vec![self.at(node.span, &message, plain, Some(hint))]
    }

    fn list(&mut self, items: &Shape, repeats: Repeats, node: &Node) -> Found {
        let list = node.as_list().unwrap_or_default();
        let mut found = Vec::new();
        for (index, element) in list.iter().enumerate() {
            found.extend(self.enter(format!("[{index}]"), Span::default(), items, element));
        }
        let repeated = if repeats == Repeats::Refused { equal_elements(list) } else { Vec::new() };
        for (first, second) in repeated {
            let message = format!("items at {first} and {second} are equal");
            let plain = format!("this entry of {} stands there already", self.subject());
            let mut repeat =
                self.at(list[second].span, &message, plain, Some("keep one of the two".to_owned()));
            repeat.diagnostic = repeat.diagnostic.also(list[first].span, "here");
            found.push(repeat);
        }
        found
    }

    fn object(&mut self, object: &'static Object, node: &Node) -> Found {
        let Some(map) = node.as_map() else { return Vec::new() };
        let is_top = self.path.is_empty();
        let of_field = |name: &str| object.field(name).map(|field| &field.shape);
        let names = || object.sorted().into_iter().map(|field| field.name.to_owned()).collect();
        let allowed = Arc::clone(self.names.entry(std::ptr::from_ref(object)).or_insert_with(names));
        let mut found = self.map(node, of_field, object.others, |key| {
            hint::unknown_field(key, map, object, &allowed, is_top)
        });
        found.extend(self.missing(object, map, node));
        found
    }

    /// Required fields that are not there. One that a wrong key was probably meant to be is not told twice.
    fn missing(&mut self, object: &'static Object, map: &Map, node: &Node) -> Option<Violation> {
        let unknown = || map.keys().filter(|key| object.field(&key.name).is_none());
        let is_missing = |field: &&Field| {
            let meant = |key: &Key| hint::field_meant(&key.name, object) == Some(field.name);
            field.presence == Presence::Required && !map.contains_key(field.name) && !unknown().any(meant)
        };
        let names: Vec<&'static str> =
            object.fields.iter().filter(is_missing).map(|field| field.name).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        let noun = if names.len() == 1 { "property" } else { "properties" };
        let message = format!("missing {noun} {}", quoted.join(", "));
        let keys: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        let plain = format!("{} {verb} missing in {}", keys.join(", "), self.subject());
        let hint =
            format!("add {}", names.iter().map(|name| format!("`{name}:`")).collect::<Vec<_>>().join(", "));
        if names.is_empty() {
            return None;
        }
        let mut found = self.at(self.span_of(node), &message, plain, Some(hint));
        found.diagnostic = found.diagnostic.lacks(Lack::Key(names));
        Some(found)
    }

    fn map<'s>(
        &mut self,
        node: &Node,
        shape_of: impl Fn(&str) -> Option<&'s Shape>,
        others: Others,
        advice: impl Fn(&Key) -> hint::Advice,
    ) -> Found {
        let mut found = Vec::new();
        let mut refused: Vec<&Key> = Vec::new();
        for (key, value) in node.as_map().into_iter().flatten() {
            if let Some(shape) = shape_of(&key.name) {
                found.extend(self.enter(key.name.to_string(), key.span, shape, value));
            } else if others == Others::Refused
                || (others == Others::Extensions && !key.name.starts_with("x-"))
            {
                refused.push(key);
            }
        }
        // The reference tells all of them in one sentence, which the first has; each has its own place and correction.
        let shown: Vec<String> = refused.iter().map(|key| escaped(&key.name)).collect();
        for (index, key) in refused.into_iter().enumerate().take(MAX_VIOLATIONS) {
            let hint::Advice { plain, hint, allowed, meant } = advice(key);
            let names = if index == 0 { shown.join(", ") } else { escaped(&key.name) };
            let message = format!("additional properties {names} not allowed");
            let mut violation = self.at(key.span, &message, plain, Some(hint));
            violation.depth += 1;
            violation.meant =
                meant.map(|field| dotted(&[&violation.target[..], &[field.to_owned()]].concat()));
            violation.target.push(key.name.to_string());
            let path = dotted(&violation.target);
            violation.diagnostic = violation.diagnostic.at(path).choose_from(allowed);
            found.push(violation);
        }
        found
    }

    fn at(&mut self, span: Span, message: &str, plain: String, hint: Option<String>) -> Violation {
        self.count += 1;
        let mut diagnostic = Diagnostic::error(message).plain(plain).at(dotted(&self.path)).span(span);
        diagnostic.hint = hint;
        Violation {
            depth: self.path.len(),
            place: self.path.clone(),
            target: self.path.clone(),
            meant: None,
            diagnostic,
        }
    }
}

fn dotted(path: &[String]) -> String {
    path.join(".").replace(".[", "[")
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
pub(super) fn kinds_of(shape: &Shape) -> Vec<Kind> {
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

/// The elements of a list that repeat an earlier one, each with that.
fn equal_elements(list: &[Node]) -> Vec<(usize, usize)> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let again = |(index, element): (usize, &Node)| {
        let mut text = String::new();
        canonical(element, &mut text);
        match seen.entry(text) {
            Entry::Occupied(first) => Some((*first.get(), index)),
            Entry::Vacant(free) => {
                free.insert(index);
                None
            }
        }
    };
    list.iter().enumerate().filter_map(again).collect()
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
