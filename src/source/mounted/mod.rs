//! Files of a repository that containers mount: written when a stack is applied, taken back when its change fails.
//!
//! They lie in one directory for each source. What this program wrote there stands in a manifest; everything else belongs
//! to somebody else, mostly to containers, and is never overwritten or removed: what stands in the way is kept under
//! another name. The manifest also says what stood at a path before a change that is not settled, so that a run that was
//! killed loses nothing.

mod change;
mod compare;
mod disk;
mod manifest;
mod wanted;

use super::git::{Seen, Tree, replace};
use crate::compose::files::Files as _;
use crate::model::desired::{DesiredService, DesiredState};
use crate::model::redact::LARGEST_SECRET;
use change::Change;
pub use compare::Difference;
use disk::Root;
use manifest::Manifest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wanted::Wanted;

/// A service: its stack and its key.
pub type Service = (String, String);

/// Paths that services have mounted, and whether they may write there.
pub type Mounted = BTreeMap<Service, Vec<(String, bool)>>;

/// What services have mounted. Those that are not desired have nothing.
pub fn mounted(desired: &DesiredState, services: &BTreeSet<Service>) -> Mounted {
    let of = |service: &Arc<DesiredService>| -> Vec<(String, bool)> {
        let binds = service.spec.volumes.iter().filter(|mount| mount.kind == "bind");
        let binds = binds.map(|mount| (mount.source.clone(), !mount.read_only));
        binds.chain(service.mounted_files.iter().map(|file| (file.source.clone(), false))).collect()
    };
    let found = services.iter().map(|name| {
        let service = desired.stacks.get(&name.0).and_then(|stack| stack.services.get(&name.1));
        (name.clone(), service.map(of).unwrap_or_default())
    });
    found.collect()
}

/// The mounted files of one source at one revision.
#[derive(Debug)]
pub struct Mounts {
    tree: Arc<Tree>,
    /// The folder of the source.
    folder: PathBuf,
}

impl Mounts {
    /// The files of a tree, for a source with this folder.
    pub fn new(tree: Arc<Tree>, folder: &Path) -> Self {
        Self { tree, folder: folder.to_owned() }
    }

    /// The local files that were asked for when the stacks were loaded, with what they were like.
    pub fn locals(&self) -> BTreeMap<PathBuf, Seen> {
        self.tree.locals()
    }

    /// The bytes of a file that is a secret, to mask them in reports. What is larger than any secret is left out.
    pub fn secret(&self, path: &Path) -> Option<Vec<u8>> {
        self.tree.entry(path).filter(|entry| entry.len <= LARGEST_SECRET)?;
        self.tree.read(path).ok()
    }

    /// Writes what services have mounted, and what is lost of others. Gives what people should know; fails if one file
    /// cannot be written, and then everything is as before.
    pub fn put(&self, services: &Mounted, others: &Mounted) -> Result<Vec<String>, String> {
        self.change(|change| {
            for (user, wanted) in self.wanted(others)? {
                change.mend(&self.tree, &user, &wanted)?;
            }
            let mut done = BTreeSet::new();
            for (user, wanted) in self.wanted(services)? {
                let put = change.put(&self.tree, &user, &wanted);
                done.insert(user);
                if let Err(error) = put {
                    change.take_back(&done)?;
                    return Err(error);
                }
            }
            Ok(())
        })
    }

    /// Puts back what stood there before the changes of services that failed.
    pub fn take_back(&self, services: &BTreeSet<Service>) -> Result<Vec<String>, String> {
        self.change(|change| change.take_back(&services.iter().map(user).collect()))
    }

    /// Forgets what stood there before the changes of services that are as they should be, and writes what of theirs has
    /// got lost.
    pub fn settle(&self, services: &Mounted) -> Result<Vec<String>, String> {
        self.change(|change| {
            for (user, wanted) in self.wanted(services)? {
                change.mend(&self.tree, &user, &wanted)?;
            }
            change.settle(&services.keys().map(user).collect());
            Ok(())
        })
    }

    /// Removes the files of services that are gone.
    pub fn remove(&self, services: &BTreeSet<Service>) -> Result<Vec<String>, String> {
        if services.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|change| change.remove(&services.iter().map(user).collect()))
    }

    fn wanted(&self, services: &Mounted) -> io::Result<BTreeMap<String, Wanted>> {
        let wanted = |(service, paths): (&Service, &Vec<(String, bool)>)| {
            Ok((user(service), wanted::of(&self.tree, paths)?))
        };
        services.iter().map(wanted).collect()
    }

    /// Changes files, one change of the source at a time: stacks are worked on side by side, also by other processes.
    ///
    /// The manifest is written afterwards. Files that a killed run wrote are therefore unknown to the next one: those
    /// that are as they should be are taken over, others are kept under another name, so nothing is lost either way.
    fn change(&self, work: impl FnOnce(&mut Change<'_>) -> io::Result<()>) -> Result<Vec<String>, String> {
        let own = self.tree.own_place();
        let run = || {
            let _lock = lock(&self.folder)?;
            let before = read(&self.folder)?;
            let mut change = Change::new(Root::new(own), &self.folder, before.clone());
            let done = work(&mut change);
            let (manifest, notes) = change.finish();
            if manifest != before {
                write(&self.folder, &manifest)?;
            }
            done.map(|()| notes)
        };
        run().map_err(|error: io::Error| format!("files in {}: {error}", own.display()))
    }
}

fn user((stack, service): &Service) -> String {
    format!("{stack}/{service}")
}

const MANIFEST: &str = "written.json";

/// Paths below the directory at which files were written.
pub fn written(folder: &Path) -> BTreeSet<PathBuf> {
    read(folder).map(|manifest| manifest.files.into_keys().collect()).unwrap_or_default()
}

/// Another process may work on another stack of the source.
fn lock(folder: &Path) -> io::Result<fs::File> {
    fs::create_dir_all(folder)?;
    let file =
        fs::File::options().create(true).write(true).truncate(false).open(folder.join("written.lock"))?;
    file.lock()?;
    Ok(file)
}

/// A manifest that is not there is empty; one that cannot be read would make our own files look like somebody else's.
fn read(folder: &Path) -> io::Result<Manifest> {
    match fs::read(folder.join(MANIFEST)) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|error| io::Error::other(format!("{}: {error}", folder.join(MANIFEST).display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(error),
    }
}

fn write(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::other)?;
    replace(&folder.join(MANIFEST), &text)
}

#[cfg(test)]
mod tests;
