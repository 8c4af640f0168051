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
}
