//! What of a service's mounted files is another one than what lies there now.

use super::disk::Root;
use super::manifest::{Kind, Manifest};
use super::{Mounts, Service, read, user, wanted};
use std::io;
use std::path::{Path, PathBuf};

/// A file that is to be another one.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its path below the top of the source.
    pub path: PathBuf,
    /// What lies there now.
    pub old: Option<Vec<u8>>,
    /// What is to lie there.
    pub new: Option<Vec<u8>>,
}

impl Mounts {
    /// What would change if a service got the files of these paths. Nothing is written.
    pub fn differences(&self, service: &Service, paths: &[(String, bool)]) -> io::Result<Vec<Difference>> {
        let manifest: Manifest = read(&self.folder)?;
        let root = Root::new(self.tree.own_place());
        let wanted = wanted::of(&self.tree, paths)?;
        let mut found = Vec::new();
        for (path, (version, _)) in &wanted.files {
            let written = manifest.files.get(path).and_then(|entry| entry.now.as_ref());
            if version.kind == Kind::Link || written == Some(version) {
                continue;
            }
            let (old, new) = (lying(&root, path)?, Some(self.tree.bytes(&version.id)?));
            if old != new {
                found.push(Difference { path: path.clone(), old, new });
            }
        }
        let user = user(service);
        let own = manifest.files.iter().filter(|(path, entry)| {
            entry.now.is_some() && entry.users.contains(&user) && !wanted.files.contains_key(*path)
        });
        for (path, _) in own {
            let old = lying(&root, path)?;
            if old.is_some() {
                found.push(Difference { path: path.clone(), old, new: None });
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }
}

/// The bytes that lie at a path, if a file does.
fn lying(root: &Root, path: &Path) -> io::Result<Option<Vec<u8>>> {
    match root.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // A directory, or a link on the way.
        Err(error) if matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
