//! What the program and its own child process that talks to repositories say to each other: one JSON object each way, on
//! standard input and output, since arguments and environment can be read by others.

use super::address::Address;
use crate::model::commit::Commit;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Which revision of a repository is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// What the repository's `HEAD` names.
    #[default]
    Default,
    /// The tip of a branch.
    Branch(String),
    /// What a tag names.
    Tag(String),
    /// A commit, by its full id.
    Commit(String),
    /// A branch, a tag, a full name of a reference, or a commit: the first that there is.
    Any(String),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default branch"),
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Commit(id) => write!(f, "commit {id}"),
            Self::Any(name) => f.write_str(name),
        }
    }
}

/// How to prove who asks, and whom to believe. Files are read by the child, each time anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// User name for http; that of the address, else one that forges take beside a token.
    pub username: Option<String>,
    /// A file with a token.
    pub token_file: Option<PathBuf>,
    /// A file with a password.
    pub password_file: Option<PathBuf>,
    /// A file of lines `machine HOST login USER password PASSWORD`.
    pub credentials_file: Option<PathBuf>,
    /// A command that speaks git's protocol of credential helpers.
    pub credential_helper: Option<String>,
    /// A private key.
    pub key_file: Option<PathBuf>,
    /// A file with the passphrase of the key.
    pub passphrase_file: Option<PathBuf>,
    /// Whether to ask the agent for keys. If not said: if no key is named.
    pub agent: Option<bool>,
    /// Host keys that are believed, in the form of OpenSSH.
    pub known_hosts: Option<PathBuf>,
    /// Certificates that are believed in place of those of the system.
    pub ca_file: Option<PathBuf>,
}

/// What the child is asked for: that the folder of the source holds the wanted revision.
#[derive(Serialize, Deserialize)]
pub struct Request {
    /// The folder of the source.
    pub folder: PathBuf,
    /// What libgit2 takes.
    pub url: String,
    /// The user that the address named.
    pub user: Option<String>,
    /// A password that the address held.
    pub password: Option<String>,
    /// The revision.
    pub wanted: Wanted,
    /// Credentials.
    pub access: Access,
    /// Whether repositories in it are fetched too.
    pub submodules: bool,
    /// Whether everything is fetched anew: what is there is broken.
    pub anew: bool,
    /// The user's home directory.
    pub home: Option<PathBuf>,
}

impl Request {
    /// The address.
    pub fn address(&self) -> Result<Address, Failure> {
        let found = Address::parse(&self.url, &PathBuf::from("/"));
        let mut address = found
            .unwrap_or_else(|| Ok(Address::local(&PathBuf::from(&self.url))))
            .map_err(|error| Failure::new(format!("{}: {error}", self.url)))?;
        address.user = self.user.clone().or(address.user);
        address.password.clone_from(&self.password);
        Ok(address)
    }
}

/// What the child says, a line each; the last is no `Fetching`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// There is something new, which takes longer.
    Fetching,
    /// The folder holds the wanted revision.
    Done(Update),
    /// It does not.
    Failed(Failure),
}

/// A revision that a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The commit.
    pub commit: Commit,
    /// The store that holds it: a name in the folder.
    pub store: String,
}

/// Why a repository could not be asked, or what is wrong with what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// What would help.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// The same, with what would help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
