//! One change of the files, in memory as far as the manifest is concerned.

use super::disk::{Present, Root, version};
use super::manifest::{Before, Entry, Manifest, User, Version};
use super::wanted::Wanted;
use crate::source::git::{Tree, replace};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What stands in the name of a file that was put aside.
const ASIDE: &str = "reconcile-backup";

pub(super) struct Change<'a> {
    root: Root,
    folder: &'a Path,
    manifest: Manifest,
    notes: Vec<String>,
}

impl<'a> Change<'a> {
    pub(super) fn new(root: Root, folder: &'a Path, manifest: Manifest) -> Self {
        Self { root, folder, manifest, notes: Vec::new() }
    }

    /// The manifest as it is now, and what people should know.
    pub(super) fn finish(self) -> (Manifest, Vec<String>) {
        self.drop_kept();
        (self.manifest, self.notes)
    }

    /// Writes what a service is to find, and takes away what it had and is to find no more.
    pub(super) fn put(&mut self, tree: &Tree, user: &User, wanted: &Wanted) -> io::Result<()> {
        if wanted.files.is_empty() && !self.manifest.files.values().any(|entry| entry.users.contains(user)) {
            return Ok(());
        }
        let gone: Vec<PathBuf> =
            self.of(user).filter(|path| !wanted.files.contains_key(*path)).cloned().collect();
        for path in gone {
            self.leave(user, &path, true).map_err(|error| named(&path, &error))?;
        }
        for path in &wanted.directories {
            self.directory(path).map_err(|error| named(path, &error))?;
        }
        for (path, (version, writable)) in &wanted.files {
            self.file(tree, user, path, (version, *writable)).map_err(|error| named(path, &error))?;
        }
        Ok(())
    }

    /// Writes what has got lost of a service that is as it should be.
    pub(super) fn mend(&mut self, tree: &Tree, user: &User, wanted: &Wanted) -> io::Result<()> {
        let lost: Vec<(&PathBuf, &Version)> = wanted
            .files
            .iter()
            .filter(|(path, _)| !self.root.is_there(path))
            .map(|(path, (version, _))| (path, version))
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        for path in &wanted.directories {
            self.directory(path).map_err(|error| named(path, &error))?;
        }
        for (path, version) in lost {
            self.root
                .write(path, version.kind, &tree.bytes(&version.id)?)
                .map_err(|error| named(path, &error))?;
            let entry = self.manifest.files.entry(path.clone()).or_default();
            entry.now = Some(version.clone());
            entry.users.insert(user.clone());
        }
        Ok(())
    }

    /// Puts back what was there before the changes for these services and no other.
    pub(super) fn take_back(&mut self, users: &BTreeSet<User>) -> io::Result<()> {
        let is_theirs = |entry: &Entry| {
            entry.before.is_some() && !entry.changed_for.is_empty() && entry.changed_for.is_subset(users)
        };
        let paths: Vec<PathBuf> = self
            .manifest
            .files
            .iter()
            .filter(|(_, entry)| is_theirs(entry))
            .map(|(path, _)| path.clone())
            .collect();
        for path in paths {
            self.restore(&path).map_err(|error| named(&path, &error))?;
        }
        Ok(())
    }

    fn restore(&mut self, path: &Path) -> io::Result<()> {
        let Some(entry) = self.manifest.files.get(path).cloned() else { return Ok(()) };
        let Some(before) = entry.before else { return Ok(()) };
        let is_ours = match (self.root.look(path)?, &entry.now) {
            (Present::Nothing, _) => true,
            (Present::Version(found), Some(now)) => found == *now,
            (Present::Version(_) | Present::Directory | Present::Other, _) => false,
        };
        if !is_ours {
            self.note(path, "was changed on the server meanwhile and is left as it is");
        } else if let Some(version) = &before.version {
            let bytes = fs::read(self.kept(&version.id))?;
            self.parents(path)?;
            self.root.write(path, version.kind, &bytes)?;
        } else {
            self.root.remove(path)?;
        }
        match before.version {
            Some(version) => {
                let entry = self.manifest.files.entry(path.to_owned()).or_default();
                entry.users.extend(std::mem::take(&mut entry.changed_for));
                (entry.now, entry.before) = (Some(version), None);
            }
            None => {
                self.manifest.files.remove(path);
            }
        }
        Ok(())
    }

    /// The changes for these services are meant to stay.
    pub(super) fn settle(&mut self, users: &BTreeSet<User>) {
        for entry in self.manifest.files.values_mut() {
            entry.changed_for.retain(|user| !users.contains(user));
            if entry.changed_for.is_empty() {
                entry.before = None;
            }
        }
        self.manifest.files.retain(|_, entry| entry.now.is_some() || entry.before.is_some());
        self.drop_directories();
    }

    /// Takes away what only these services had.
    pub(super) fn remove(&mut self, users: &BTreeSet<User>) -> io::Result<()> {
        for user in users {
            let paths: Vec<PathBuf> = self.of(user).cloned().collect();
            for path in paths {
                self.leave(user, &path, false).map_err(|error| named(&path, &error))?;
            }
        }
        self.settle(users);
        Ok(())
    }

    fn of<'s>(&'s self, user: &'s User) -> impl Iterator<Item = &'s PathBuf> {
        self.manifest.files.iter().filter(|(_, entry)| entry.users.contains(user)).map(|(path, _)| path)
    }

    /// A service does not need a path any more. Nobody else does: it goes, if it is as it was written.
    fn leave(&mut self, user: &User, path: &Path, may_come_back: bool) -> io::Result<()> {
        let Some(entry) = self.manifest.files.get_mut(path) else { return Ok(()) };
        entry.users.remove(user);
        if !entry.users.is_empty() {
            return Ok(());
        }
        let Some(now) = entry.now.clone() else { return Ok(()) };
        match self.root.look(path)? {
            Present::Nothing => {}
            Present::Version(found) if found == now => {
                if may_come_back {
                    self.keep(path, &now)?;
                    self.changes(path, user, Some(now));
                }
                self.root.remove(path)?;
            }
            Present::Version(_) | Present::Directory | Present::Other => {
                self.note(
                    path,
                    "is gone from the repository, but was edited on the server: it is left there",
                );
            }
        }
        match self.manifest.files.get_mut(path) {
            Some(entry) if entry.before.is_some() => entry.now = None,
            _ => drop(self.manifest.files.remove(path)),
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path) -> io::Result<()> {
        if path.as_os_str().is_empty() {
            return self.root.make_directory(path);
        }
        match self.root.look(path)? {
            Present::Directory => return Ok(()),
            Present::Nothing => {}
            Present::Version(found) => {
                let entry = self.manifest.files.get(path);
                if entry.is_some_and(|entry| entry.now.as_ref() == Some(&found)) {
                    self.root.remove(path)?;
                    self.manifest.files.remove(path);
                } else {
                    self.put_aside(path)?;
                }
            }
            Present::Other => self.put_aside(path)?,
        }
        self.root.make_directory(path)?;
        self.manifest.directories.insert(path.to_owned());
        Ok(())
    }

    fn parents(&mut self, path: &Path) -> io::Result<()> {
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        above.into_iter().try_for_each(|path| self.directory(path))
    }

    fn file(
        &mut self,
        tree: &Tree,
        user: &User,
        path: &Path,
        (wanted, writable): (&Version, bool),
    ) -> io::Result<()> {
        let now = self.manifest.files.get(path).and_then(|entry| entry.now.clone());
        let replaced = match self.root.look(path)? {
            Present::Version(found) if found == *wanted => {
                let entry = self.manifest.files.entry(path.to_owned()).or_default();
                entry.now = Some(wanted.clone());
                entry.users.insert(user.clone());
                if entry.before.is_some() {
                    entry.changed_for.insert(user.clone());
                }
                return Ok(());
            }
            Present::Nothing => None,
            Present::Directory => {
                self.empty(path)?;
                None
            }
            Present::Version(found) => {
                if now.as_ref() == Some(wanted) && writable {
                    // Rather a container's own work than anybody's mistake.
                    self.note(
                        path,
                        "was changed on the server and is left as it is: the repository has nothing new",
                    );
                    return Ok(());
                }
                self.keep(path, &found)?;
                if now.as_ref() != Some(&found) {
                    self.put_aside(path)?;
                }
                Some(found)
            }
            Present::Other => {
                self.put_aside(path)?;
                None
            }
        };
        self.changes(path, user, replaced);
        self.root.write(path, wanted.kind, &tree.bytes(&wanted.id)?)?;
        let entry = self.manifest.files.entry(path.to_owned()).or_default();
        entry.now = Some(wanted.clone());
        entry.users.insert(user.clone());
        Ok(())
    }

    /// Notes what stood at a path, unless an earlier change that is not settled has noted it.
    fn changes(&mut self, path: &Path, user: &User, before: Option<Version>) {
        let entry = self.manifest.files.entry(path.to_owned()).or_default();
        entry.before.get_or_insert(Before { version: before });
        entry.changed_for.insert(user.clone());
    }

    /// Empties a directory of what is ours, since a file takes its place. What a service needs no more is gone already.
    fn empty(&mut self, path: &Path) -> io::Result<()> {
        let below: Vec<PathBuf> =
            self.manifest.directories.iter().filter(|below| below.starts_with(path)).cloned().collect();
        for directory in below.iter().rev() {
            if self.root.remove_directory(directory)? {
                self.manifest.directories.remove(directory);
            }
        }
        if self.root.is_there(path) && !self.root.remove_directory(path)? {
            return Err(io::Error::other(
                "a directory stands here with files that are not of the repository; move them away",
            ));
        }
        Ok(())
    }

    /// Gives what stands in the way another name: it is not ours.
    fn put_aside(&mut self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let free = |name: &String| !self.root.is_there(&path.with_file_name(name));
        let names = std::iter::once(format!("{name}.{ASIDE}"))
            .chain((2..1000).map(|n| format!("{name}.{ASIDE}-{n}")));
        let Some(aside) = names.into_iter().find(free) else {
            return Err(io::Error::other("too many backups of it are there"));
        };
        self.root.rename(path, &aside)?;
        self.note(path, &format!("was edited on the server: what stood there is kept as {aside}"));
        Ok(())
    }

    fn note(&mut self, path: &Path, what: &str) {
        self.notes.push(format!("{} {what}", path.display()));
    }

    fn kept(&self, id: &str) -> PathBuf {
        self.folder.join("kept").join(id)
    }

    /// Keeps a copy until the change is settled.
    fn keep(&self, path: &Path, found: &Version) -> io::Result<()> {
        let kept = self.kept(&found.id);
        if kept.exists() {
            return Ok(());
        }
        let bytes = self.root.read(path)?;
        if version(found.kind, &bytes)?.id != found.id {
            return Err(io::Error::other("it is changed while it is read"));
        }
        fs::create_dir_all(self.folder.join("kept"))?;
        replace(&kept, &bytes)
    }

    /// Copies that no change needs any more.
    fn drop_kept(&self) {
        let before = self.manifest.files.values().filter_map(|entry| entry.before.as_ref()?.version.as_ref());
        let needed: BTreeSet<&str> = before.map(|version| version.id.as_str()).collect();
        for entry in fs::read_dir(self.folder.join("kept")).into_iter().flatten().flatten() {
            if !needed.contains(entry.file_name().to_string_lossy().as_ref()) {
                // One that stays does no harm.
                drop(fs::remove_file(entry.path()));
            }
        }
    }

    /// Directories that were made and in which nothing is any more.
    fn drop_directories(&mut self) {
        let is_used =
            |directory: &PathBuf| self.manifest.files.keys().any(|file| file.starts_with(directory));
        let unused: Vec<PathBuf> =
            self.manifest.directories.iter().filter(|directory| !is_used(directory)).cloned().collect();
        for directory in unused.iter().rev() {
            if self.root.remove_directory(directory).unwrap_or(false) {
                self.manifest.directories.remove(directory);
            }
        }
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
