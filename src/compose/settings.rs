//! Settings of a stack: the `x-reconcile:` block of its first compose file, or a `.reconcile.yaml` beside it.
//!
//! They are read before the project is loaded, because they say what to load; so no variable is resolved in them.
//! One table of keys drives the reader and the JSON schemas.

mod read;
pub mod schema;
mod table;

use super::diagnostic::Diagnostic;
use super::node::{Key, Node};
use crate::model::units::Nanos;
use read::mapping;
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
    read::settings(&table::STACK, node, path, diagnostics)
}

/// Reads the `x-reconcile:` block of a service.
pub fn service(node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) -> ServiceSettings {
    read::settings(&table::SERVICE, node, path, diagnostics)
}

#[cfg(test)]
mod tests;
