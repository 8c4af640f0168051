//! A store: a bare repository that holds what was fetched.

use super::protocol::Failure;
use crate::model::commit::Commit;
use git2::{ObjectType, Odb, Oid, Repository};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Kind of tree entries that are commits of submodules.
pub(super) const GITLINK: i32 = 0o160_000;

/// Makes a store.
pub(super) fn create(path: &Path) -> Result<Repository, Failure> {
    let make = || {
        let repository = Repository::init_bare(path)?;
        // A power cut must not leave a state that names objects which never reached the disk.
        repository.config()?.set_bool("core.fsyncObjectFiles", true)?;
        Ok(repository)
    };
    make().map_err(|error: git2::Error| {
        Failure::new(format!("cannot make a store in {}: {}", path.display(), error.message()))
    })
}

/// Number of packs.
pub(super) fn packs(path: &Path) -> usize {
    let entries = fs::read_dir(path.join("objects/pack")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count()
}

/// Whether a text is the id of a commit.
pub fn is_commit_id(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// Gives a commit a name, so that what leads to it is known to be there.
pub(super) fn name(store: &Repository, name: &str, commit: Oid) -> Result<(), Failure> {
    store.reference(name, commit, true, "").map(drop).map_err(|error| broken(&error))
}

/// Whether everything that a commit needs is in the store, history aside.
pub(super) fn is_whole(store: &Repository, commit: Oid) -> bool {
    let Ok(odb) = store.odb() else { return false };
    let Ok(tree) = store.find_commit(commit).and_then(|commit| commit.tree()) else { return false };
    all_there(store, &odb, tree.id(), &mut BTreeSet::new())
}

fn all_there(store: &Repository, odb: &Odb<'_>, tree: Oid, seen: &mut BTreeSet<Oid>) -> bool {
    let mut open = vec![tree];
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Ok(tree) = store.find_tree(id) else { return false };
        for entry in &tree {
            match entry.kind() {
                Some(ObjectType::Tree) => open.push(entry.id()),
                Some(ObjectType::Commit) => {}
                _ if seen.insert(entry.id()) && !odb.exists(entry.id()) => return false,
                _ => {}
            }
        }
    }
    true
}

/// A commit as people are told of it.
pub(super) fn describe(store: &Repository, commit: Oid) -> Result<Commit, git2::Error> {
    let commit = store.find_commit(commit)?;
    let plain = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
    };
    Ok(Commit {
        id: commit.id().to_string(),
        author: plain(commit.author().name_bytes()),
        subject: plain(commit.summary_bytes().unwrap_or_default()),
        time: commit.time().seconds(),
    })
}

/// What is in a store is not as it was written.
pub(super) fn broken(error: &git2::Error) -> Failure {
    Failure::new(format!("what was fetched cannot be read: {}", error.message()))
}
