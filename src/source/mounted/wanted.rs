//! What of a commit a service has mounted.

use super::manifest::{Kind, Version};
use crate::source::git::{Node, NodeKind, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links on the way to a mounted path at most.
const MOST_LINKS: usize = 40;

/// What is to stand below the directory for a service.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Files and links; whether a container may write to them.
    pub(super) files: BTreeMap<PathBuf, (Version, bool)>,
    /// Directories, of which each lies in one before it.
    pub(super) directories: BTreeSet<PathBuf>,
}

/// What is to stand there for paths that a service has mounted.
pub(super) fn of(tree: &Tree, paths: &[(String, bool)]) -> io::Result<Wanted> {
    let mut wanted = Wanted::default();
    for (path, writable) in paths {
        if let Ok(inside) = Path::new(path).strip_prefix(tree.place()) {
            wanted.add(tree, inside, *writable, 0)?;
        }
    }
    Ok(wanted)
}

impl Wanted {
    /// A path with all that leads to it and all that is in it.
    fn add(&mut self, tree: &Tree, inside: &Path, writable: bool, links: usize) -> io::Result<()> {
        if links > MOST_LINKS {
            return Err(io::Error::other("too many links lead to one another"));
        }
        let mut here = PathBuf::new();
        let mut node = tree.top();
        let mut parts: Vec<&std::ffi::OsStr> = inside.components().map(Component::as_os_str).collect();
        parts.reverse();
        self.directories.insert(here.clone());
        while let Some(part) = parts.pop() {
            let Some(next) = tree.child(node, &part.to_string_lossy())? else { return Ok(()) };
            here.push(part);
            node = next;
            if node.kind == NodeKind::Link {
                self.file(&here, node, writable);
                let rest: PathBuf = parts.iter().rev().collect();
                let target = here.parent().unwrap_or(Path::new("")).join(tree.link(node)?).join(rest);
                return match plain(tree, &target) {
                    Some(target) => self.add(tree, &target, writable, links + 1),
                    None => Ok(()),
                };
            }
            if !parts.is_empty() {
                self.directories.insert(here.clone());
            }
        }
        self.below(tree, &here, node, writable)
    }

    fn below(&mut self, tree: &Tree, path: &Path, node: Node, writable: bool) -> io::Result<()> {
        match node.kind {
            NodeKind::File { .. } | NodeKind::Link => {
                self.file(path, node, writable);
                Ok(())
            }
            NodeKind::Directory | NodeKind::Module => {
                self.directories.insert(path.to_owned());
                for (name, node) in tree.children(node)?.iter() {
                    self.below(tree, &path.join(name), *node, writable)?;
                }
                Ok(())
            }
        }
    }

    fn file(&mut self, path: &Path, node: Node, writable: bool) {
        let kind = match node.kind {
            NodeKind::File { executable: false } => Kind::File,
            NodeKind::File { executable: true } => Kind::Executable,
            NodeKind::Link => Kind::Link,
            NodeKind::Directory | NodeKind::Module => return,
        };
        let version = Version { kind, id: node.id.to_string() };
        let found = self.files.entry(path.to_owned()).or_insert((version, writable));
        found.1 |= writable;
    }
}

/// A target of a link as a path below the directory; `None` if it leads out of it.
fn plain(tree: &Tree, target: &Path) -> Option<PathBuf> {
    let target = if target.is_absolute() { target.strip_prefix(tree.place()).ok()? } else { target };
    let mut kept = PathBuf::new();
    for part in target.components() {
        match part {
            Component::Normal(name) => kept.push(name),
            Component::ParentDir => {
                if !kept.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(kept)
}
