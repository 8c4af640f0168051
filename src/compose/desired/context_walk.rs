//! The files of a local build context.

use super::glob::Ignore;
use crate::compose::files::{EntryKind, Files};
use crate::model::desired::{ContextFile, ContextKind};
use std::io;
use std::path::{Path, PathBuf};

const IGNORE_FILE: &str = ".dockerignore";

/// What of a context is sent.
pub(super) struct Walk<'a> {
    files: &'a dyn Files,
    ignore: Ignore,
    always: Vec<String>,
    never: Option<&'static str>,
}

impl<'a> Walk<'a> {
    /// Reads the ignore file of a context.
    ///
    /// One named after the Dockerfile (`<Dockerfile>.dockerignore`) takes the place of `.dockerignore`. The Dockerfile
    /// and the `.dockerignore` in use are always sent: the engine needs both. A `.dockerignore` that is not in use is
    /// not sent, for the engine would apply it.
    pub(super) fn new(files: &'a dyn Files, context: &Path, dockerfile: Option<&str>) -> Self {
        let read =
            |path: PathBuf| files.read(&path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let own = dockerfile.and_then(|dockerfile| read(context.join(format!("{dockerfile}{IGNORE_FILE}"))));
        let mut always: Vec<String> = dockerfile.map(str::to_owned).into_iter().collect();
        let (text, never) = match own {
            Some(text) => (Some(text), Some(IGNORE_FILE)),
            None => (read(context.join(IGNORE_FILE)), None),
        };
        if never.is_none() {
            always.push(IGNORE_FILE.to_owned());
        }
        Self { files, ignore: Ignore::parse(&text.unwrap_or_default()), always, never }
    }

    /// Every entry that is sent, sorted by path.
    pub(super) fn entries(&self, context: &Path) -> io::Result<Vec<ContextFile>> {
        let mut found = Vec::new();
        let mut open = vec![(context.to_owned(), String::new())];
        while let Some((directory, prefix)) = open.pop() {
            for name in self.files.list(&directory)? {
                let (source, path) = (directory.join(&name), format!("{prefix}{name}"));
                let Some(entry) = self.files.entry(&source) else { continue };
                let sent = self.is_sent(&path);
                let kind = match entry.kind {
                    EntryKind::File => ContextKind::File,
                    EntryKind::Symlink(target) => ContextKind::Symlink(target),
                    EntryKind::Directory => {
                        if sent || self.leads_on(&path) {
                            open.push((source.clone(), format!("{path}/")));
                        }
                        ContextKind::Directory
                    }
                    // Sockets and pipes cannot be sent.
                    EntryKind::Other => continue,
                };
                if sent {
                    let stored = self.files.stored(&source);
                    found.push(ContextFile { path, source, stored, kind, mode: entry.mode });
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn is_sent(&self, path: &str) -> bool {
        if self.always.iter().any(|always| always == path) {
            return true;
        }
        self.never != Some(path) && !self.ignore.ignores(path)
    }

    /// Whether something below an ignored directory may be sent all the same.
    fn leads_on(&self, path: &str) -> bool {
        let inside = |always: &String| always.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        self.ignore.has_exceptions() || self.always.iter().any(inside)
    }
}
