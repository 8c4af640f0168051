//! A tree of files in memory, below `/p`.

use reconcile::compose::files::{Entry, EntryKind, FileKind, Files};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// The directory that the files lie in.
pub const ROOT: &str = "/p";

/// Files by path.
#[derive(Debug, Clone, Default)]
pub struct InMemory(BTreeMap<PathBuf, Vec<u8>>);

impl InMemory {
    /// Several files written as one: a line `#@ path` begins each but the first, which is `compose.yaml`. Each file ends
    /// in front of the line break before that line.
    pub fn unpack(packed: &[u8]) -> Self {
        let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        let mut path = PathBuf::from("compose.yaml");
        let mut lines: Vec<&[u8]> = Vec::new();
        let mut close = |path: &Path, lines: &mut Vec<&[u8]>| {
            files.insert(Path::new(ROOT).join(path), lines.join(&b'\n'));
            lines.clear();
        };
        for line in packed.split(|byte| *byte == b'\n') {
            match line.strip_prefix(b"#@ ") {
                Some(name) => {
                    close(&path, &mut lines);
                    path = PathBuf::from(String::from_utf8_lossy(name).trim().to_owned());
                }
                None => lines.push(line),
            }
        }
        close(&path, &mut lines);
        Self(files)
    }
}

impl Files for InMemory {
    fn open(&self, path: &Path) -> io::Result<Box<dyn io::Read + '_>> {
        let bytes = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes.as_slice()))
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        if self.0.contains_key(path) {
            return Some(FileKind::File);
        }
        self.0.keys().any(|file| file.starts_with(path)).then_some(FileKind::Directory)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn read_link(&self, _: &Path) -> Option<PathBuf> {
        None
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let below = self.0.keys().filter_map(|file| file.strip_prefix(path).ok());
        let names: BTreeSet<String> = below
            .filter_map(|file| Some(file.components().next()?.as_os_str().to_string_lossy().into_owned()))
            .collect();
        Ok(names.into_iter().collect())
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        let (kind, mode) = match self.kind(path)? {
            FileKind::File => (EntryKind::File, 0o644),
            FileKind::Directory => (EntryKind::Directory, 0o755),
        };
        Some(Entry { kind, mode, len: self.0.get(path).map_or(0, |bytes| bytes.len() as u64) })
    }
}
