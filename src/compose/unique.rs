//! Lists whose elements have identities: a later element replaces the earlier one in its position.
//! Reference: docker compose 2.40; texts of errors are its own.

use super::attributes;
use super::diagnostic::{Diagnostic, Lack};
use super::node::{Node, Span, Value};
use super::walk::{self, Place};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What tells the elements of a list apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Identity {
    /// The text before the first `=`, or the whole text.
    BeforeEquals,
    /// The text of a string or whole number.
    Text,
    /// The path of an env file.
    EnvFile,
    /// The path inside the container of a device.
    DeviceTarget,
    /// The path inside the container of a mount.
    VolumeTarget,
    /// The path inside the container of a config or secret; this stands in front of one that is not given.
    MountTarget(&'static str),
    /// The address, published port, target port and protocol of a port in long form; a short form is itself.
    Port,
}

use Identity::{BeforeEquals, DeviceTarget, EnvFile, MountTarget, Port, Text, VolumeTarget};

static LISTS: LazyLock<Vec<(String, Identity)>> = LazyLock::new(|| attributes::rules(|facts| facts.unique));

/// Lets a later element of a list replace the earlier one with the same identity, in its position.
///
/// Elements whose identity cannot be told stay, and are errors.
pub fn enforce(root: &mut Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (pattern, identity) in LISTS.iter() {
        walk::each_mut(root, pattern, &mut |node, place| {
            if let Value::List(list) = &mut node.value {
                *list = replaced(std::mem::take(list), *identity, place, &mut found);
            }
        });
    }
    found
}

fn replaced(list: Vec<Node>, identity: Identity, path: &Place, found: &mut Vec<Diagnostic>) -> Vec<Node> {
    let mut kept: Vec<Node> = Vec::with_capacity(list.len());
    let mut positions: HashMap<String, usize> = HashMap::new();
    for (index, element) in list.into_iter().enumerate() {
        match identity.of(&element) {
            Ok(key) => {
                if let Some(position) = positions.get(&key) {
                    kept[*position] = element;
                    continue;
                }
                positions.insert(key, kept.len());
            }
            Err(problem) => {
                let place = format!("{path}.[{index}]");
                found.push(problem.at(&place, format!("{path}[{index}]"), element.span));
            }
        }
        kept.push(element);
    }
    kept
}

/// Why an element has no identity.
enum Problem {
    /// Text that follows the path of the element; the same in plain words, and what would be right.
    After { text: String, plain: String, hint: String },
    /// What the element is, what it lacks, and the key of that.
    Missing { what: &'static str, lacks: &'static str, key: &'static str },
    /// The whole text, and the same in plain words.
    Alone { text: String, plain: String },
}

impl Problem {
    fn at(self, place: &str, path: String, span: Span) -> Diagnostic {
        let lack = if let Self::Missing { key, .. } = self { Some(Lack::Key(vec![key])) } else { None };
        let (message, plain, hint) = match self {
            Self::After { text, plain, hint } => (format!("{place}: {text}"), plain, hint),
            Self::Missing { what, lacks, key } => {
                let hint = format!("add `{key}:`");
                (
                    format!("{what} {place} is missing {lacks}"),
                    format!("`{key}` is missing in this entry"),
                    hint,
                )
            }
            Self::Alone { text, plain } => (text, plain, "write \"[SOURCE:]TARGET[:ro]\"".to_owned()),
        };
        let error = Diagnostic::error(message).plain(plain).at(path).span(span).hint(hint);
        lack.into_iter().fold(error, Diagnostic::lacks)
    }

    fn missing(what: &'static str, lacks: &'static str, key: &'static str) -> Self {
        Self::Missing { what, lacks, key }
    }
}

impl Identity {
    fn of(self, element: &Node) -> Result<String, Problem> {
        let text = |key: &str| element.get(key).and_then(Node::as_str).map(str::to_owned);
        match (self, &element.value) {
            (BeforeEquals, Value::String(value)) => Ok(value.split('=').next().unwrap_or(value).to_owned()),
            (Text, value) => plain(value).ok_or_else(|| Problem::After {
                text: format!("unsupported expose value {}", show(value)),
                plain: format!("{} is no port", shown(value)),
                hint: "write a port such as 80 or \"80-90\"".to_owned(),
            }),
            (EnvFile, Value::Map(_)) => {
                text("path").ok_or(Problem::missing("environment path attribute", "a path", "path"))
            }
            (DeviceTarget, Value::Map(_)) => {
                text("target").ok_or(Problem::missing("service device", "a mount target", "target"))
            }
            (DeviceTarget, Value::String(device)) => {
                Ok(device.split(':').nth(1).unwrap_or(device).to_owned())
            }
            (VolumeTarget, Value::Map(_)) => {
                text("target").ok_or(Problem::missing("service volume", "a mount target", "target"))
            }
            (VolumeTarget, Value::String(spec)) => {
                let problem =
                    |(text, plain): (String, &str)| Problem::Alone { text, plain: plain.to_owned() };
                volume_target(spec).map(str::to_owned).map_err(problem)
            }
            (MountTarget(directory), Value::String(source)) => Ok(format!("{directory}/{source}")),
            (MountTarget(directory), Value::Map(_)) => Ok(text("target")
                .unwrap_or_else(|| format!("{directory}/{}", text("source").unwrap_or_default()))),
            (BeforeEquals | MountTarget(_), value) => Err(Problem::After {
                text: format!("unexpected type {}", go_type(value)),
                plain: format!("{} cannot be an entry of this list", shown(value)),
                hint: hint(value),
            }),
            (Port, Value::Map(_)) => port(element),
            // What has no place here is left to the schema check; as in the reference, the last one stays.
            (EnvFile | Port, value) => Ok(plain(value).unwrap_or_default()),
            (DeviceTarget | VolumeTarget, _) => Ok(String::new()),
        }
    }
}

/// The identity of a port in long form. Reference: a published port given as number differs from the same one
/// given as text.
fn port(element: &Node) -> Result<String, Problem> {
    let part = |key: &str| element.get(key).map(|node| show(&node.value));
    let target = part("target").ok_or(Problem::missing("service ports", "a target port", "target"))?;
    let published = part("published").unwrap_or_default();
    let host = part("host_ip").unwrap_or_else(|| "\"0.0.0.0\"".to_owned());
    let protocol = part("protocol").unwrap_or_else(|| "\"tcp\"".to_owned());
    Ok(format!("{host}:{published}:{target}/{protocol}"))
}

/// A string or whole number as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Null
        | Value::Bool(_)
        | Value::Float(_)
        | Value::Timestamp(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

/// A value as text that tells strings from other kinds.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Timestamp(text) => text.clone(),
        Value::String(text) => format!("{text:?}"),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}

/// What an entry that must be a text should be.
fn hint(value: &Value) -> String {
    match value {
        Value::Map(map) if map.len() == 1 => {
            let name = map.keys().next().map_or("NAME", |key| &*key.name);
            format!("write `- {name}=VALUE`, or leave out the dashes of all entries")
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Timestamp(_) => {
            format!("put it in quotes: \"{}\"", show(value))
        }
        Value::Null | Value::String(_) | Value::List(_) | Value::Map(_) => "write a string".to_owned(),
    }
}

/// A value in plain words.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "an empty entry".to_owned(),
        Value::List(_) | Value::Map(_) => show(value),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Timestamp(_) | Value::String(_) => {
            format!("`{}`", show(value))
        }
    }
}

/// A kind of value as the reference names it.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(number) if i64::try_from(*number).is_err() => "uint64",
        Value::Int(_) => "int",
        Value::Float(_) => "float64",
        Value::Timestamp(_) => "time.Time",
        Value::String(_) => "string",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
    }
}

/// The path inside the container of a mount in short form; the error is the reference's text, and plain words.
fn volume_target(spec: &str) -> Result<&str, (String, &'static str)> {
    if spec.is_empty() {
        return Err(("invalid empty volume spec".to_owned(), "a volume cannot be empty"));
    }
    if spec.len() <= 2 {
        return Ok(spec);
    }
    let sections = sections(spec);
    if sections.iter().any(|section| section.is_empty()) {
        let message = format!("invalid spec: {spec}: empty section between colons");
        return Err((message, "a part of this volume is empty"));
    }
    match sections[..] {
        [target] | [_, target] | [_, target, _] => Ok(target),
        _ => Err((format!("invalid spec: {spec}: too many colons"), "this volume has too many parts")),
    }
}

/// The sections between colons, where one letter and a colon begin a Windows path.
fn sections(spec: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut start = 0;
    for (at, _) in spec.match_indices(':') {
        let section = &spec[start..at];
        let mut letters = section.chars();
        let is_drive = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
        if !is_drive {
            sections.push(section);
            start = at + 1;
        }
    }
    sections.push(&spec[start..]);
    sections
}

#[cfg(test)]
#[path = "unique_tests.rs"]
mod tests;
