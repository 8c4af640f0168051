//! How the loader reads files: through this trait only, so that a directory, a git tree and a test's map are alike.

use crate::model::desired::Stored;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Bytes of the largest file that is read whole: 32 MiB. Larger ones are only digested.
pub const MAX_READ: u64 = 32 << 20;

/// Why a file is not read although it is there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// It is larger than [`MAX_READ`].
    #[error("it is larger than {} MiB", MAX_READ >> 20)]
    TooLarge,
    /// It is a pipe, a socket or a device, whose reading may never end.
    #[error("it is {0}, not a file")]
    NoFile(&'static str),
    /// It lies outside of the directory that files must lie in.
    #[error("it lies outside of the source, {}", .0.display())]
    Outside(PathBuf),
    /// It stands for a file that Git LFS keeps elsewhere.
    #[error("{} is a Git LFS pointer: its contents are not in the repository", .0.display())]
    Pointer(PathBuf),
}

impl Refused {
    /// The refusal that an error of [`Files`] stands for.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        Self::other(refused)
    }
}

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
    /// Opens a file.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>>;
    /// The bytes of a file of up to [`MAX_READ`].
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.take(MAX_READ + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_READ { Err(Refused::TooLarge.into()) } else { Ok(bytes) }
    }
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
    /// Where the bytes of a path are, for whoever reads them later without this trait.
    fn stored(&self, path: &Path) -> Stored {
        Stored::File(path.to_owned())
    }
}
