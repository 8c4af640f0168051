//! Files of tests: a map from path to text, below `/p`.

use super::diagnostic::Severity;
use super::files::{Entry, EntryKind, FileKind, Files};
use super::load::{LoadOptions, Loaded, load};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Files in memory.
pub(crate) struct Memory(BTreeMap<PathBuf, String>);

impl Memory {
    /// Files named relative to `/p`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (Path::new("/p").join(path), (*text).to_owned())).collect())
    }
}

impl Files for Memory {
    fn open(&self, path: &Path) -> io::Result<Box<dyn io::Read + '_>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(text.as_bytes()))
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
        let names = below.filter_map(|file| Some(file.iter().next()?.to_string_lossy().into_owned()));
        let names: std::collections::BTreeSet<String> = names.collect();
        Ok(names.into_iter().collect())
    }
    fn entry(&self, path: &Path) -> Option<Entry> {
        let (kind, mode) = match self.kind(path)? {
            FileKind::File => (EntryKind::File, 0o644),
            FileKind::Directory => (EntryKind::Directory, 0o755),
        };
        Some(Entry { kind, mode, len: self.0.get(path).map_or(0, |text| text.len() as u64) })
    }
}

/// Options in `/p` with an environment.
pub(crate) fn options(environment: &[(&str, &str)]) -> LoadOptions {
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    LoadOptions::new("/p", environment)
}

/// Loads files with changed options.
pub(crate) fn load_with(files: &[(&str, &str)], change: impl FnOnce(&mut LoadOptions)) -> Loaded {
    let mut options = options(&[]);
    change(&mut options);
    load(&Memory::new(files), &options)
}

/// The canonical tree of files that load.
pub(crate) fn tree(files: &[(&str, &str)]) -> Value {
    tree_with(files, |_| ())
}

/// The same with changed options.
pub(crate) fn tree_with(files: &[(&str, &str)], change: impl FnOnce(&mut LoadOptions)) -> Value {
    let loaded = load_with(files, change);
    let errors: Vec<String> = errors_of(&loaded);
    Value::Object(loaded.project.unwrap_or_else(|| panic!("does not load: {errors:?}")).tree)
}

/// The messages of the errors of files that do not load.
pub(crate) fn errors(files: &[(&str, &str)]) -> Vec<String> {
    errors_of(&load_with(files, |_| ()))
}

/// The messages of errors, each with line and column if known.
pub(crate) fn errors_of(loaded: &Loaded) -> Vec<String> {
    let errors = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    errors
        .map(|one| match one.span {
            Some(span) => {
                let (line, column) = loaded.sources.position(span);
                format!("{line}:{column} {}", one.message)
            }
            None => one.message.clone(),
        })
        .collect()
}
