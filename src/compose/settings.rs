//! Settings of a stack: the `x-reconcile:` block of its first compose file, or a `.reconcile.yaml` beside it.
//!
//! They are read before the project is loaded, because they say what to load; so no variable is resolved in them.

use super::diagnostic::Diagnostic;
use super::node::{Key, Map, Node, Value};
use super::schema::nearest;
use crate::model::units::Nanos;
use std::collections::BTreeMap;

/// Name of the top-level and service-level key.
pub const KEY: &str = "x-reconcile";
/// Name of the file that holds the same keys.
pub const FILE: &str = ".reconcile.yaml";

/// Settings of a stack. Paths mean what the flags of the same name mean when given in the stack's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackSettings {
    /// Project name.
    pub name: Option<String>,
    /// Compose files, in order.
    pub files: Vec<String>,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// Files of variables in place of `.env`.
    pub env_files: Vec<String>,
    /// Stacks that must be up first.
    pub depends_on: Vec<String>,
    /// Paths, relative to the project directory, whose contents never count.
    pub ignore_contents: Vec<String>,
}

/// What a `.reconcile.yaml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderSettings {
    /// The folder is one stack.
    One(StackSettings),
    /// The folder's files make several stacks, by project name.
    Several(BTreeMap<String, StackSettings>),
}

/// Settings of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// Whether it is a job, if its owner says so.
    pub job: Option<bool>,
    /// Whether it may start on an empty volume.
    pub allow_empty_volume: bool,
    /// How long to wait for its health or completion.
    pub wait_timeout: Option<Nanos>,
}

const STACK_KEYS: [&str; 6] = ["name", "files", "profiles", "env_files", "depends_on", "ignore_contents"];
const SERVICE_KEYS: [&str; 3] = ["job", "allow_empty_volume", "wait_timeout"];
/// Keys of the plan of record that this version does not carry out yet.
const PLANNED: [&str; 3] = ["rollout", "schedule", "drift"];

/// Reads a `.reconcile.yaml`.
pub fn folder(root: &Node, diagnostics: &mut Vec<Diagnostic>) -> FolderSettings {
    let Some(stacks) = root.get("stacks") else {
        return FolderSettings::One(stack(root, "", diagnostics));
    };
    for (key, _) in root.as_map().into_iter().flatten().filter(|(key, _)| &*key.name != "stacks") {
        diagnostics.push(
            Diagnostic::error(format!("`{}` stands beside `stacks`", key.name))
                .at(&*key.name)
                .span(key.span)
                .hint("put it into the stacks that it is meant for"),
        );
    }
    let Some(map) = mapping(stacks, "stacks", diagnostics) else {
        return FolderSettings::Several(BTreeMap::new());
    };
    let read = |(key, node): (&Key, &Node)| {
        (key.name.to_string(), stack(node, &format!("stacks.{}", key.name), diagnostics))
    };
    FolderSettings::Several(map.iter().map(read).collect())
}

/// Reads the settings of one stack; `path` is where they stand in their file.
pub fn stack(node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) -> StackSettings {
    let mut settings = StackSettings::default();
    if node.is_null() {
        return settings;
    }
    let Some(map) = mapping(node, path, diagnostics) else { return settings };
    for (key, value) in map {
        let place = join(path, &key.name);
        match &*key.name {
            "name" => settings.name = text(value, &place, diagnostics),
            "files" => settings.files = list(value, &place, diagnostics),
            "profiles" => settings.profiles = list(value, &place, diagnostics),
            "env_files" => settings.env_files = list(value, &place, diagnostics),
            "depends_on" => settings.depends_on = list(value, &place, diagnostics),
            "ignore_contents" => settings.ignore_contents = list(value, &place, diagnostics),
            _ => diagnostics.push(unknown(key, &place, &STACK_KEYS)),
        }
    }
    settings
}

/// Reads the `x-reconcile:` block of a service.
pub fn service(node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) -> ServiceSettings {
    let mut settings = ServiceSettings::default();
    if node.is_null() {
        return settings;
    }
    let Some(map) = mapping(node, path, diagnostics) else { return settings };
    for (key, value) in map {
        let place = join(path, &key.name);
        match &*key.name {
            "job" => settings.job = switch(value, &place, diagnostics),
            "allow_empty_volume" => {
                settings.allow_empty_volume = switch(value, &place, diagnostics).unwrap_or_default();
            }
            "wait_timeout" => settings.wait_timeout = duration(value, &place, diagnostics),
            _ => diagnostics.push(unknown(key, &place, &SERVICE_KEYS)),
        }
    }
    settings
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn unknown(key: &Key, place: &str, known: &[&'static str]) -> Diagnostic {
    let message = if PLANNED.contains(&&*key.name) && known.contains(&"files") {
        format!("`{}` is not supported by this version", key.name)
    } else {
        format!("unknown key `{}`", key.name)
    };
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

fn mapping<'a>(node: &'a Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<&'a Map> {
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

#[cfg(test)]
mod tests;
