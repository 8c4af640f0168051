//! What is asked of a source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A source and how to read it.
#[derive(Debug, Clone, Default)]
pub struct SourceRequest {
    /// A directory or a compose file; relative to `cwd`.
    pub root: PathBuf,
    /// Flags that Compose users know.
    pub flags: ProjectFlags,
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// The process's working directory, absolute.
    pub cwd: PathBuf,
    /// Names of the stacks that are wanted; empty is all.
    pub only: BTreeSet<String>,
    /// Whether files outside of the root may not be read, also not through links.
    pub may_not_leave: bool,
    /// Whether other sources may have the stacks that are wanted and this one lacks.
    pub among_others: bool,
    /// What `-f -` reads.
    pub stdin: Option<Vec<u8>>,
}

/// Flags with the meaning they have for Compose. They fit one project only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFlags {
    /// `-f`, relative to the process's working directory.
    pub files: Vec<String>,
    /// `-p`.
    pub project_name: Option<String>,
    /// `--project-directory`.
    pub project_directory: Option<String>,
    /// `--env-file`.
    pub env_files: Vec<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
}

impl ProjectFlags {
    /// Whether none is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether they say which project it is. Then the source may hold others, which must not be taken for removed.
    pub fn select(&self) -> bool {
        !self.files.is_empty() || self.project_name.is_some() || self.project_directory.is_some()
    }
}

/// Variables that say which project is meant: they are for one project, not for a tree of stacks.
pub(super) const PROJECT_VARIABLES: [&str; 5] = [
    "COMPOSE_ENV_FILES",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "COMPOSE_PROFILES",
    "COMPOSE_PROJECT_NAME",
];

impl SourceRequest {
    /// Whether the environment says which project it is.
    pub(super) fn selected_by_environment(&self) -> bool {
        let is_set = |name: &str| self.environment.get(name).is_some_and(|value| !value.is_empty());
        is_set("COMPOSE_FILE") || is_set("COMPOSE_PROJECT_NAME")
    }
}
