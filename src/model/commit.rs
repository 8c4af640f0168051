//! A commit of a git repository, as people are told of it.

use super::shape::{Time, shape};
use serde::{Deserialize, Serialize};

/// A commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its full id, in hexadecimal.
    pub id: String,
    /// Name of its author.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
    /// When it was made, in seconds since 1970.
    pub time: i64,
}

impl Commit {
    /// Its id as people say it.
    pub fn short(&self) -> &str {
        self.id.get(..8).unwrap_or(&self.id)
    }
}

shape! {
    /// A commit.
    pub struct ShownCommit {
        /// Its full id.
        id: String,
        /// Its author.
        author: String,
        /// The first line of its message.
        subject: String,
        /// When it was made.
        time: Time,
    }
}

impl From<&Commit> for ShownCommit {
    fn from(commit: &Commit) -> Self {
        let Commit { id, author, subject, time } = commit.clone();
        Self { id, author, subject, time: Time(time) }
    }
}
