//! What was written, for whom, and what stood there before.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A service: `stack/service`.
pub(super) type User = String;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link; its content is where it leads.
    Link,
}

/// A content: the id that git gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) kind: Kind,
    pub(super) id: String,
}

/// What is known of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// What was written; `None` if it was taken away.
    pub(super) now: Option<Version>,
    /// What stood there before the change that is not settled yet; the inner `None` is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Before>,
    /// The services that have it mounted.
    pub(super) users: BTreeSet<User>,
    /// The services whose change is not settled yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) changed_for: BTreeSet<User>,
}

/// What stood at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) version: Option<Version>,
}

/// All that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Files and links, by their path below the directory.
    pub(super) files: BTreeMap<PathBuf, Entry>,
    /// Directories that were made.
    pub(super) directories: BTreeSet<PathBuf>,
}
