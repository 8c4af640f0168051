//! A build context as a tar archive, made while it is sent: it is never whole in memory.

use super::transport::Body;
use crate::model::desired::{BuildSpec, ContextFile, ContextKind, Stored};
use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Size of a piece, and how many wait for the network.
const PIECE: usize = 64 << 10;
const WAITING: usize = 8;
/// Name of the file that tells what is not part of a context.
const IGNORE: &str = ".dockerignore";

type Packing = JoinHandle<Result<(), String>>;

/// The name under which a Dockerfile of our own is put into the context.
pub(super) fn dockerfile_name(build: &BuildSpec) -> String {
    if build.dockerfile_text.is_none() {
        return build.dockerfile.clone();
    }
    format!(".reconcile-{}.Dockerfile", build.digest.get(..12).unwrap_or("inline"))
}

/// Starts packing. The handle tells why packing stopped, if it did.
pub(super) fn stream(build: Arc<BuildSpec>) -> (Body, Packing) {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(WAITING);
    let packing = tokio::task::spawn_blocking(move || {
        let writer = BufWriter::with_capacity(PIECE, Pipe(sender.clone()));
        pack(&build, writer).map_err(|error| {
            let text = error.to_string();
            // An archive that just ended would be taken for a whole one.
            let _ = sender.blocking_send(Err(error));
            text
        })
    });
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece.map(Frame::data), receiver))
    });
    (StreamBody::new(pieces).map_err(Into::into).boxed_unsync(), packing)
}

/// The writing end.
struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine takes no more"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the archive: the files, then a Dockerfile of our own with the entry that keeps it out of the image.
fn pack(build: &BuildSpec, writer: impl Write) -> io::Result<()> {
    let mut builder = tar::Builder::new(writer);
    let mut ignore = None;
    let mut stores = Stores::default();
    for file in &build.files {
        if build.dockerfile_text.is_some() && file.path == IGNORE {
            let mut list = Vec::new();
            let read = stores.bytes(file).and_then(|mut bytes| bytes.read_to_end(&mut list));
            read.map_err(|error| of_file(file, &error))?;
            ignore = Some(list);
        } else {
            append(&mut builder, file, &mut stores).map_err(|error| of_file(file, &error))?;
        }
    }
    if let Some(text) = &build.dockerfile_text {
        let name = dockerfile_name(build);
        let list = match ignore {
            Some(mut list) => {
                list.extend_from_slice(format!("\n{name}\n").as_bytes());
                list
            }
            None => format!("{name}\n{IGNORE}\n").into_bytes(),
        };
        append_text(&mut builder, &name, text.as_bytes())?;
        append_text(&mut builder, IGNORE, &list)?;
    }
    builder.into_inner()?.flush()
}

fn of_file(file: &ContextFile, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("build context: {}: {error}", file.source.display()))
}

/// Owner root, as the reference has it. Times are the files' own: the engine's cache does not look at them, but web servers
/// and interpreters in the image do.
fn header(kind: tar::EntryType, mode: u32, modified: u64, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(modified);
    header.set_size(size);
    header
}

fn append<W: Write>(
    builder: &mut tar::Builder<W>,
    file: &ContextFile,
    stores: &mut Stores,
) -> io::Result<()> {
    let ContextFile { path, source: _, stored, kind, mode } = file;
    let modified = match stored {
        Stored::File(source) => {
            let modified = std::fs::symlink_metadata(source)?.modified().ok();
            modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs())
        }
        Stored::Object { time, .. } => u64::try_from(*time).unwrap_or(0),
    };
    match kind {
        ContextKind::Directory => {
            let mut header = header(tar::EntryType::Directory, *mode, modified, 0);
            builder.append_data(&mut header, format!("{path}/"), io::empty())
        }
        ContextKind::Symlink(to) => {
            let mut header = header(tar::EntryType::Symlink, *mode, modified, 0);
            builder.append_link(&mut header, path, to)
        }
        ContextKind::File => {
            let mut bytes = stores.bytes(file)?;
            let mut header = header(tar::EntryType::Regular, *mode, modified, bytes.left);
            builder.append_data(&mut header, path, &mut bytes)
        }
    }
}

/// Repositories that files of a context are in, each opened once.
#[derive(Default)]
struct Stores(BTreeMap<PathBuf, git2::Repository>);

impl Stores {
    fn bytes(&mut self, file: &ContextFile) -> io::Result<Exact> {
        match &file.stored {
            Stored::File(source) => {
                let file = File::open(source)?;
                let left = file.metadata()?.len();
                Ok(Exact { bytes: Box::new(file), left })
            }
            Stored::Object { store, id, .. } => {
                let bytes = self.object(store, id).map_err(|error| {
                    io::Error::other(format!(
                        "it cannot be read from {}: {}",
                        store.display(),
                        error.message()
                    ))
                })?;
                Ok(Exact { left: bytes.len() as u64, bytes: Box::new(Cursor::new(bytes)) })
            }
        }
    }

    fn object(&mut self, store: &Path, id: &str) -> Result<Vec<u8>, git2::Error> {
        if !self.0.contains_key(store) {
            self.0.insert(store.to_owned(), git2::Repository::open_bare(store)?);
        }
        let blob = self.0[store].find_blob(git2::Oid::from_str(id)?)?;
        Ok(blob.content().to_vec())
    }
}

fn append_text<W: Write>(builder: &mut tar::Builder<W>, path: &str, text: &[u8]) -> io::Result<()> {
    let mut header = header(tar::EntryType::Regular, 0o644, 0, text.len() as u64);
    builder.append_data(&mut header, path, text)
}

/// As many bytes as the file had when it was opened: an archive with another number would be broken from there on.
struct Exact {
    bytes: Box<dyn Read>,
    left: u64,
}

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.as_mut().take(self.left).read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::{IGNORE, pack};
    use crate::model::desired::{BuildSpec, ContextFile, ContextKind, Stored};
    use std::collections::BTreeMap;
    use std::io::Read as _;

    fn entries(build: &BuildSpec) -> BTreeMap<String, (u32, String)> {
        let mut bytes = Vec::new();
        pack(build, &mut bytes).expect("archive");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = BTreeMap::new();
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("entry");
            let path = entry.path().expect("path").to_string_lossy().into_owned();
            assert_eq!((entry.header().uid().expect("uid"), entry.header().gid().expect("gid")), (0, 0));
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            if let Some(link) = entry.link_name().expect("link") {
                text = format!("-> {}", link.to_string_lossy());
            }
            found.insert(path, (entry.header().mode().expect("mode"), text));
        }
        found
    }

    fn file(root: &std::path::Path, path: &str, text: &str, mode: u32) -> ContextFile {
        let source = root.join(path);
        std::fs::create_dir_all(source.parent().expect("parent")).expect("directory");
        std::fs::write(&source, text).expect("file");
        let stored = Stored::File(source.clone());
        ContextFile { path: path.to_owned(), source, stored, kind: ContextKind::File, mode }
    }

    #[test]
    fn files_directories_and_links_are_packed() {
        let root = tempfile::tempdir().expect("temporary directory");
        let run = file(root.path(), "bin/run", "x", 0o755);
        let directory = ContextFile {
            path: "bin".into(),
            source: root.path().join("bin"),
            stored: Stored::File(root.path().join("bin")),
            kind: ContextKind::Directory,
            mode: 0o700,
        };
        std::os::unix::fs::symlink("bin/run", root.path().join("l")).expect("link");
        let link = ContextFile {
            path: "l".into(),
            source: root.path().join("l"),
            stored: Stored::File(root.path().join("l")),
            kind: ContextKind::Symlink("bin/run".into()),
            mode: 0o777,
        };
        let build = BuildSpec { files: vec![directory, run, link], ..BuildSpec::default() };
        let found = entries(&build);
        assert_eq!(found.get("bin/run"), Some(&(0o755, "x".to_owned())));
        assert_eq!(found.get("bin/").map(|entry| entry.0), Some(0o700));
        assert_eq!(found.get("l").map(|entry| entry.1.as_str()), Some("-> bin/run"));
    }

    #[test]
    fn a_dockerfile_of_our_own_is_packed_and_kept_out_of_the_image() {
        let root = tempfile::tempdir().expect("temporary directory");
        let ignore = file(root.path(), IGNORE, "*.log", 0o644);
        let build = BuildSpec {
            files: vec![ignore],
            dockerfile_text: Some("FROM x".into()),
            digest: "0123456789abcdef".into(),
            ..BuildSpec::default()
        };
        let found = entries(&build);
        let text = |name: &str| found.get(name).map(|entry| entry.1.as_str());
        assert_eq!(text(".reconcile-0123456789ab.Dockerfile"), Some("FROM x"));
        assert_eq!(text(IGNORE), Some("*.log\n.reconcile-0123456789ab.Dockerfile\n"));
        let bare = BuildSpec { dockerfile_text: Some("FROM x".into()), ..BuildSpec::default() };
        assert_eq!(
            entries(&bare).get(IGNORE).map(|entry| entry.1.as_str()),
            Some(".reconcile-inline.Dockerfile\n.dockerignore\n")
        );
    }

    #[test]
    fn a_file_that_is_gone_is_named() {
        let file = ContextFile {
            path: "a".into(),
            source: "/nowhere/at/all".into(),
            stored: Stored::File("/nowhere/at/all".into()),
            kind: ContextKind::File,
            mode: 0o644,
        };
        let build = BuildSpec { files: vec![file], ..BuildSpec::default() };
        let error = pack(&build, Vec::new()).expect_err("gone").to_string();
        assert!(error.contains("/nowhere/at/all"), "{error}");
    }

    #[test]
    fn files_of_a_repository_are_packed_from_its_objects() {
        let root = tempfile::tempdir().expect("temporary directory");
        let repository = git2::Repository::init_bare(root.path()).expect("repository");
        let id = repository.blob(b"text").expect("object").to_string();
        let stored = Stored::Object { store: root.path().to_owned(), id, time: 5 };
        let source = "/nowhere/a".into();
        let file = ContextFile { path: "a".into(), source, stored, kind: ContextKind::File, mode: 0o755 };
        let build = BuildSpec { files: vec![file.clone()], ..BuildSpec::default() };
        assert_eq!(entries(&build).get("a"), Some(&(0o755, "text".to_owned())));
        let id = "1".repeat(40);
        let stored = Stored::Object { store: root.path().to_owned(), id, time: 5 };
        let build = BuildSpec { files: vec![ContextFile { stored, ..file }], ..BuildSpec::default() };
        let error = pack(&build, Vec::new()).expect_err("gone").to_string();
        assert!(error.contains("/nowhere/a"), "{error}");
    }
}
