//! The files of this machine.

use crate::compose::files::{Entry, EntryKind, FileKind, Files, MAX_READ, Refused};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Reads from the file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    /// Pipes, sockets and devices are refused: opening or reading them may never end. Those that the process was given,
    /// such as the shell's `<(…)`, are the user's to end.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        let kind = fs::metadata(path)?.file_type();
        let what = match kind {
            _ if path.starts_with("/dev/fd") || path == Path::new("/dev/stdin") => None,
            kind if kind.is_fifo() => Some("a named pipe"),
            kind if kind.is_socket() => Some("a socket"),
            kind if kind.is_block_device() || kind.is_char_device() => Some("a device"),
            _ => None,
        };
        match what {
            Some(_) if fs::canonicalize(path)? == Path::new("/dev/null") => Ok(Box::new(io::empty())),
            Some(what) => Err(Refused::NoFile(what).into()),
            None => Ok(Box::new(File::open(path)?)),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Before it is read: a sparse file of many GiB costs nothing to write.
        if fs::metadata(path)?.len() > MAX_READ {
            return Err(Refused::TooLarge.into());
        }
        let mut bytes = Vec::new();
        self.open(path)?.take(MAX_READ + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_READ { Err(Refused::TooLarge.into()) } else { Ok(bytes) }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let metadata = fs::metadata(path).ok()?;
        Some(if metadata.is_dir() { FileKind::Directory } else { FileKind::File })
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn read_link(&self, path: &Path) -> Option<PathBuf> {
        fs::read_link(path).ok()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        let metadata = fs::symlink_metadata(path).ok()?;
        let kind = match metadata.file_type() {
            kind if kind.is_file() => EntryKind::File,
            kind if kind.is_dir() => EntryKind::Directory,
            kind if kind.is_symlink() => {
                EntryKind::Symlink(fs::read_link(path).ok()?.to_string_lossy().into_owned())
            }
            _ => EntryKind::Other,
        };
        let len = if kind == EntryKind::File { metadata.len() } else { 0 };
        Some(Entry { kind, mode: metadata.permissions().mode() & 0o7777, len })
    }
}
