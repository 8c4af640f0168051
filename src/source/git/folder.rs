//! The folder of a source: what was fetched, and which revision of it is the last good one.
//!
//! A revision counts once all of it has been fetched and looked through; until then the state names the one before.
//! Stores have numbers, and the state says which one holds: a new one takes over with the state, in one rename.

use super::protocol::{Failure, Update, Wanted};
use crate::model::commit::Commit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};

const STATE: &str = "state.json";
const VERSION: u32 = 1;

/// A folder.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// What is known of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// Whose it is.
    pub address: String,
    /// The store that holds the revisions: a name in the folder.
    pub store: String,
    /// The last good revision of everything that was wanted, by how it was wanted.
    pub revisions: BTreeMap<String, Known>,
}

/// The last good revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What the repository said is there: a commit, or a tag that names one.
    pub advertised: String,
    /// The commit.
    pub commit: Commit,
    /// When the repository was last seen to say so, in seconds since 1970; a few minutes may be missing.
    pub seen: i64,
    /// Whether the repositories in it were fetched too.
    pub submodules: bool,
}

impl Folder {
    /// The folder at a path, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes it, for its owner alone: a repository may hold what others should not read.
    pub(super) fn make(&self) -> Result<(), Failure> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(|error| {
            Failure::new(format!("cannot make {}: {error}", self.path.display()))
                .hint("`state_dir` in reconcile.yaml, or --state-dir, names a directory that may be written")
        })
    }

    /// Keeps other processes from fetching until the result is dropped.
    pub(super) fn lock(&self) -> Result<File, Failure> {
        let path = self.path.join("lock");
        let lock = || {
            let file = File::options().create(true).write(true).truncate(false).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error: io::Error| Failure::new(format!("cannot lock {}: {error}", path.display())))
    }

    /// What is known of the repository with this identity; nothing if the state is of another one or unreadable.
    pub fn state(&self, address: &str) -> State {
        let read = || serde_json::from_slice::<State>(&fs::read(self.path.join(STATE)).ok()?).ok();
        let is_ours = |state: &State| state.version == VERSION && state.address == address;
        let known = read().filter(is_ours).filter(|state| is_name(&state.store));
        known.unwrap_or_else(|| State { version: VERSION, address: address.to_owned(), ..State::default() })
    }

    /// The last good revision.
    pub fn known(&self, address: &str, wanted: &Wanted) -> Option<(Update, i64)> {
        let state = self.state(address);
        let known = state.revisions.get(&wanted.to_string())?;
        Some((Update { commit: known.commit.clone(), store: state.store.clone() }, known.seen))
    }

    /// Writes what is known, whole or not at all.
    pub(super) fn write(&self, state: &State) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(state).unwrap_or_default();
        replace(&self.path.join(STATE), &text).map_err(|error| {
            Failure::new(format!("cannot write {}: {error}", self.path.join(STATE).display()))
        })
    }

    /// A store by its name.
    pub fn store(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A name that no store has.
    pub(super) fn new_store(&self) -> String {
        let last = self.stores().iter().filter_map(|name| number(name)).max().unwrap_or(0);
        format!("store-{}.git", last + 1)
    }

    /// Removes all stores but one.
    pub(super) fn tidy(&self, keep: &str) {
        for name in self.stores().iter().filter(|name| *name != keep) {
            if let Err(error) = fs::remove_dir_all(self.store(name)) {
                tracing::warn!(%error, name, "an old store could not be removed");
            }
        }
    }

    fn stores(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_name(name))
            .collect()
    }

    /// A home directory for libgit2: it looks there for host keys, to know which kind to ask for, and for directories
    /// that it may read although another user owns them. The repository was named by the host's owner: it may.
    pub fn home(&self, known_hosts: Option<&Path>, home: Option<&Path>) -> io::Result<PathBuf> {
        let own = self.path.join("home");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(own.join(".ssh"))?;
        let include = home.map(|home| home.join(".gitconfig")).filter(|path| path.is_file());
        let include = include.map(|path| format!("[include]\n\tpath = {:?}\n", path.display().to_string()));
        replace(
            &own.join(".gitconfig"),
            format!("{}[safe]\n\tdirectory = *\n", include.unwrap_or_default()).as_bytes(),
        )?;
        let link = own.join(".ssh/known_hosts");
        if fs::read_link(&link).ok().as_deref() != known_hosts {
            fs::remove_file(&link).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
            if let Some(target) = known_hosts {
                symlink(target, &link)?;
            }
        }
        Ok(own)
    }
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix("store-")?.strip_suffix(".git")?.parse().ok()
}

fn is_name(name: &str) -> bool {
    number(name).is_some()
}

/// Writes a file beside, makes sure that it is on the disk, and puts it in place.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::{Folder, Known, State, VERSION};
    use crate::model::commit::Commit;
    use crate::source::git::protocol::Wanted;

    #[test]
    fn a_state_of_another_repository_or_half_a_state_is_none() {
        let temp = tempfile::tempdir().expect("temp");
        let folder = Folder::new(temp.path().join("a"));
        folder.make().expect("made");
        let mut state = folder.state("file:///x");
        assert_eq!(state.version, VERSION);
        state.store = folder.new_store();
        let known = Known { advertised: "1".into(), commit: Commit::default(), seen: 5, submodules: false };
        state.revisions.insert(Wanted::Default.to_string(), known);
        folder.write(&state).expect("written");
        assert_eq!(folder.state("file:///x"), state);
        assert_eq!(folder.known("file:///x", &Wanted::Default).expect("known").1, 5);
        assert_eq!(folder.known("file:///y", &Wanted::Default), None);
        let path = temp.path().join("a/state.json");
        let text = std::fs::read_to_string(&path).expect("text");
        std::fs::write(&path, &text[..text.len() / 2]).expect("half");
        assert_eq!(folder.state("file:///x").revisions.len(), 0);
        let foreign = State { store: "../../etc".into(), ..state };
        folder.write(&foreign).expect("written");
        assert_eq!(folder.state("file:///x").store, "", "a store lies in the folder");
    }

    #[test]
    fn stores_are_counted_and_one_is_kept() {
        let temp = tempfile::tempdir().expect("temp");
        let folder = Folder::new(temp.path());
        for name in ["store-1.git", "store-10.git", "other"] {
            std::fs::create_dir(temp.path().join(name)).expect("folder");
        }
        assert_eq!(folder.new_store(), "store-11.git");
        folder.tidy("store-10.git");
        assert!(temp.path().join("other").exists() && temp.path().join("store-10.git").exists());
        assert!(!temp.path().join("store-1.git").exists());
    }
}
