//! The directory that mounted files are written to.
//!
//! Containers write there too, some as root. So no link in it is ever followed: whoever can put one in place of a
//! directory must not lead this program out of it.

use super::manifest::{Kind, Version};
use git2::{ObjectType, Oid};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, fchmod, mkdirat, openat, readlinkat, renameat, statat, symlinkat,
    unlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Present {
    /// Nothing.
    Nothing,
    /// A directory.
    Directory,
    /// A file or link with this content.
    Version(Version),
    /// Something else, such as a socket.
    Other,
}

/// The directory.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// For names of files that are not there yet.
    number: u32,
}

impl Root {
    /// The directory at a path; it is made when something is written.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), number: std::process::id() }
    }

    fn top(&self) -> io::Result<OwnedFd> {
        Ok(openat(CWD, &self.path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// The directory that holds a path. Fails with `NotADirectory` if a link is on the way.
    fn parent(&self, inside: &Path) -> io::Result<OwnedFd> {
        let mut here = self.top()?;
        for part in inside.parent().into_iter().flat_map(Path::components) {
            here = openat(
                &here,
                part.as_os_str(),
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
        }
        Ok(here)
    }

    fn name(inside: &Path) -> io::Result<&std::ffi::OsStr> {
        inside.file_name().ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// What stands at a path.
    pub(super) fn look(&self, inside: &Path) -> io::Result<Present> {
        let parent = match self.parent(inside) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Present::Nothing);
            }
            parent => parent?,
        };
        let name = Self::name(inside)?;
        let found = match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(Present::Nothing),
            found => found?,
        };
        Ok(match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => Present::Directory,
            FileType::Symlink => {
                let target = readlinkat(&parent, name, Vec::new())?;
                Present::Version(version(Kind::Link, target.as_bytes())?)
            }
            FileType::RegularFile => {
                let kind = if found.st_mode & 0o111 == 0 { Kind::File } else { Kind::Executable };
                let bytes = self.read(inside)?;
                Present::Version(version(kind, &bytes)?)
            }
            _ => Present::Other,
        })
    }

    /// Whether something stands at a path, a link counts by itself.
    pub(super) fn is_there(&self, inside: &Path) -> bool {
        let Ok(parent) = self.parent(inside) else { return false };
        let Ok(name) = Self::name(inside) else { return false };
        statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// The bytes of a file, or the target of a link.
    pub(super) fn read(&self, inside: &Path) -> io::Result<Vec<u8>> {
        let (parent, name) = (self.parent(inside)?, Self::name(inside)?);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(&parent, name, flags, Mode::empty()) {
            Err(Errno::LOOP) => Ok(readlinkat(&parent, name, Vec::new())?.into_bytes()),
            file => {
                let mut bytes = Vec::new();
                File::from(file?).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Makes a directory, whose parent is there.
    pub(super) fn make_directory(&self, inside: &Path) -> io::Result<()> {
        if inside.as_os_str().is_empty() {
            return std::fs::create_dir_all(&self.path);
        }
        let parent = self.parent(inside)?;
        // Whatever the mask of this process: containers of other users read it.
        mkdirat(&parent, Self::name(inside)?, Mode::from_raw_mode(0o755))?;
        let made = openat(
            &parent,
            Self::name(inside)?,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(fchmod(&made, Mode::from_raw_mode(0o755))?)
    }

    /// Puts a file or link in place, whole or not at all; what stood there is gone.
    pub(super) fn write(&mut self, inside: &Path, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let (parent, name) = (self.parent(inside)?, Self::name(inside)?);
        self.number = self.number.wrapping_add(1);
        let beside = format!(".reconcile-{}.new", self.number);
        match unlinkat(&parent, beside.as_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let write = || -> io::Result<()> {
            if kind == Kind::Link {
                symlinkat(std::ffi::OsStr::from_bytes(bytes), &parent, beside.as_str())?;
                return Ok(());
            }
            let mode = if kind == Kind::Executable { 0o755 } else { 0o644 };
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file = File::from(openat(&parent, beside.as_str(), flags, Mode::from_raw_mode(mode))?);
            file.write_all(bytes)?;
            fchmod(file.as_fd(), Mode::from_raw_mode(mode))?;
            file.sync_all()
        };
        let done = write().and_then(|()| Ok(renameat(&parent, beside.as_str(), &parent, name)?));
        if done.is_err() {
            // Half a file is of no use to anybody.
            let _ = unlinkat(&parent, beside.as_str(), AtFlags::empty());
        }
        done
    }

    /// Gives what stands at a path another name in the same directory.
    pub(super) fn rename(&self, inside: &Path, to: &str) -> io::Result<()> {
        let parent = self.parent(inside)?;
        Ok(renameat(&parent, Self::name(inside)?, &parent, to)?)
    }

    /// Removes a file or link; not being there is fine.
    pub(super) fn remove(&self, inside: &Path) -> io::Result<()> {
        self.unlink(inside, AtFlags::empty())
    }

    /// Removes a directory if nothing is in it; gives whether it is gone.
    pub(super) fn remove_directory(&self, inside: &Path) -> io::Result<bool> {
        match self.unlink(inside, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn unlink(&self, inside: &Path, flags: AtFlags) -> io::Result<()> {
        let parent = match self.parent(inside) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            parent => parent?,
        };
        match unlinkat(&parent, Self::name(inside)?, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What some bytes are as a version.
pub(super) fn version(kind: Kind, bytes: &[u8]) -> io::Result<Version> {
    let id = Oid::hash_object(ObjectType::Blob, bytes)
        .map_err(|error| io::Error::other(error.message().to_owned()))?;
    Ok(Version { kind, id: id.to_string() })
}

#[cfg(test)]
mod tests {
    use super::{Kind, Present, Root, version};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    #[test]
    fn files_and_links_are_put_in_place_with_their_modes() {
        let temp = tempfile::tempdir().expect("temp");
        let mut root = Root::new(&temp.path().join("files"));
        root.make_directory(Path::new("")).expect("top");
        root.make_directory(Path::new("web")).expect("below");
        for (kind, mode) in [(Kind::File, 0o644), (Kind::Executable, 0o755), (Kind::File, 0o644)] {
            root.write(Path::new("web/a"), kind, b"text").expect("written");
            assert_eq!(
                root.look(Path::new("web/a")).expect("look"),
                Present::Version(version(kind, b"text").expect("id"))
            );
            let found = std::fs::metadata(temp.path().join("files/web/a")).expect("file");
            assert_eq!(found.permissions().mode() & 0o777, mode);
        }
        root.write(Path::new("web/a"), Kind::Link, b"../b").expect("link");
        assert_eq!(root.read(Path::new("web/a")).expect("target"), b"../b");
        assert_eq!(
            std::fs::read_dir(temp.path().join("files/web")).expect("list").count(),
            1,
            "nothing is left beside"
        );
        assert!(!root.remove_directory(Path::new("web")).expect("not empty"));
        root.remove(Path::new("web/a")).expect("removed");
        assert!(root.remove_directory(Path::new("web")).expect("empty"));
        assert_eq!(root.look(Path::new("web/a")).expect("look"), Present::Nothing);
    }

    #[test]
    fn no_link_leads_out() {
        let temp = tempfile::tempdir().expect("temp");
        let outside = temp.path().join("outside");
        std::fs::create_dir_all(&outside).expect("folder");
        std::fs::write(outside.join("a"), "kept").expect("file");
        let mut root = Root::new(&temp.path().join("files"));
        root.make_directory(Path::new("")).expect("top");
        symlink(&outside, temp.path().join("files/web")).expect("link");
        assert!(root.write(Path::new("web/a"), Kind::File, b"evil").is_err());
        assert!(root.rename(Path::new("web/a"), "b").is_err());
        root.remove(Path::new("web/a")).expect("nothing to remove");
        assert_eq!(std::fs::read_to_string(outside.join("a")).expect("file"), "kept");
        symlink(outside.join("a"), temp.path().join("files/b")).expect("link");
        root.write(Path::new("b"), Kind::File, b"new").expect("the link itself is replaced");
        assert_eq!(std::fs::read_to_string(outside.join("a")).expect("file"), "kept");
    }
}
