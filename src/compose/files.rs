//! How the loader reads files: through this trait only, so that a directory, a git tree and a test's map are alike.

use std::io;
use std::path::{Path, PathBuf};

/// What stands at a path, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file (or anything readable as one, such as a pipe).
    File,
    /// A directory.
    Directory,
}

/// What stands at a path, symbolic links not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits.
    pub mode: u32,
    /// Size of a regular file in bytes; 0 for anything else.
    pub len: u64,
}

/// What an [`Entry`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link and where it leads, as written.
    Symlink(String),
    /// A socket, pipe or device: there is nothing to read that could count.
    Other,
}

/// Read access to the files that a project names. Paths are absolute.
pub trait Files: Sync {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// What stands at a path; `None` if nothing does.
    fn kind(&self, path: &Path) -> Option<FileKind>;
    /// The path with every symbolic link on it resolved.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;
    /// Where a symbolic link leads, if the path is one.
    fn read_link(&self, path: &Path) -> Option<PathBuf>;
    /// The names in a directory, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// What stands at a path itself; `None` if nothing does.
    fn entry(&self, path: &Path) -> Option<Entry>;
}
