//! Digests of files and directories that containers see: what makes a changed `nginx.conf` a change.

use super::{DesiredContext, string};
use crate::compose::files::{Entry, EntryKind, FileKind, Files, Refused};
use crate::compose::load::Project;
use crate::compose::settings::StackSettings;
use crate::model::service::Mount;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// Above this sum of sizes the sizes count in place of the bytes: 256 MiB.
const MAX_BYTES: u64 = 256 << 20;
/// Above this number of files nothing counts.
const MAX_FILES: usize = 20_000;
/// Ends of names of files that programs write. Outside of a work tree nothing else tells them from configuration.
const DATA_NAMES: [&str; 8] = [".db", ".sqlite", ".sqlite3", ".log", ".lock", ".pid", ".sock", "acme.json"];

/// What was found about one mount.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    /// Its readable name, `bind ./nginx.conf`.
    pub(super) name: String,
    /// The digest, if its contents count.
    pub(super) digest: Option<String>,
    /// Something its author should know.
    pub(super) problem: Option<String>,
    /// Why it cannot be mounted: it would be there, but not with its contents.
    pub(super) error: Option<String>,
}

/// What was found at a path.
#[derive(Clone, Default)]
struct Found {
    digest: Option<String>,
    problem: Option<String>,
    error: Option<String>,
}

impl Found {
    /// A digest; what cannot be read does not count, except for a pointer in the place of the contents.
    fn of(digest: io::Result<Option<String>>, problem: impl FnOnce(io::Error) -> Option<String>) -> Self {
        match digest {
            Ok(digest) => Self { digest, ..Self::default() },
            Err(error) if matches!(Refused::of(&error), Some(Refused::Pointer(_))) => {
                Self { error: Some(error.to_string()), ..Self::default() }
            }
            Err(error) => Self { problem: problem(error), ..Self::default() },
        }
    }
}

/// Digests the mounts of a stack, each path once.
pub(super) struct Contents<'a> {
    context: &'a DesiredContext<'a>,
    working_dir: &'a Path,
    /// The source's and the project's directory, links resolved.
    inside: Vec<PathBuf>,
    ignored: Vec<PathBuf>,
    written: Vec<PathBuf>,
    known: BTreeMap<(PathBuf, bool), Found>,
}

impl<'a> Contents<'a> {
    pub(super) fn new(
        project: &'a Project,
        settings: &StackSettings,
        context: &'a DesiredContext<'a>,
        services: &Map<String, Value>,
    ) -> Self {
        let real = |path: &Path| context.files.canonicalize(path).ok();
        let ignored = settings.ignore_contents.iter().map(|path| clean(&project.working_dir.join(path)));
        // As written and as it really lies: mounts are compared by either.
        let ignored = ignored.flat_map(|path| real(&path).into_iter().chain([path]));
        let mounts = services.values().filter_map(|service| service.get("volumes")?.as_array()).flatten();
        let writable = mounts.filter_map(Value::as_object).filter(|mount| {
            string(mount, "type") == "bind" && mount.get("read_only").and_then(Value::as_bool) != Some(true)
        });
        Self {
            context,
            working_dir: &project.working_dir,
            inside: [context.root, &project.working_dir].into_iter().filter_map(real).collect(),
            ignored: ignored.collect(),
            written: writable.map(|mount| clean(Path::new(string(mount, "source")))).collect(),
            known: BTreeMap::new(),
        }
    }

    /// Whether and how the contents of a bind mount count.
    ///
    /// Only what lies in the source or in the project's directory counts. A read-only mount counts whole, unless
    /// another service of the stack may write to it. Of a writable directory only tracked files count, so that a
    /// database never causes its own replacement; a writable file counts if it is tracked, and outside of any work tree
    /// if it does not look like data.
    pub(super) fn of_bind(&mut self, mount: &Mount) -> Counted {
        let path = clean(Path::new(&mount.source));
        if !(path.starts_with(self.context.root) || path.starts_with(self.working_dir))
            || self.is_ignored(&path)
        {
            return Counted::default();
        }
        let whole = mount.read_only && !self.is_written(&path);
        let name = format!("bind {}", relative(self.working_dir, &path));
        let slot = (path, whole);
        let found = if let Some(found) = self.known.get(&slot) {
            found.clone()
        } else {
            let found = self.look(&slot.0, whole);
            self.known.insert(slot, found.clone());
            found
        };
        Counted { name, digest: found.digest, problem: found.problem, error: found.error }
    }

    fn is_ignored(&self, path: &Path) -> bool {
        self.ignored.iter().any(|ignored| path.starts_with(ignored))
    }

    /// Whether some service may write to the path. A mount of the whole project directory says nothing about a file in
    /// it that another service mounts for itself.
    fn is_written(&self, path: &Path) -> bool {
        let touches = |written: &PathBuf| {
            written.starts_with(path) || (path.starts_with(written) && written != self.working_dir)
        };
        self.written.iter().any(touches)
    }

    /// Looks at what the path leads to. A link out of the source is not followed: what is there is not of the source.
    fn look(&self, path: &Path, whole: bool) -> Found {
        let Ok(real) = self.context.files.canonicalize(path) else { return Found::default() };
        if !self.inside.iter().any(|inside| real.starts_with(inside)) || self.is_ignored(&real) {
            return Found::default();
        }
        match self.context.files.kind(&real) {
            None => Found::default(),
            Some(FileKind::File) => Found::of(self.file(&real, whole), |_| None),
            Some(FileKind::Directory) => self.directory(&real, whole),
        }
    }

    fn file(&self, path: &Path, whole: bool) -> io::Result<Option<String>> {
        let Some(entry) = self.context.files.entry(path).filter(|entry| entry.kind == EntryKind::File) else {
            return Ok(None);
        };
        let digest = || digest_file(self.context.files, path, &entry).map(Some);
        if whole {
            return digest();
        }
        match self.context.tracked.tracked(path) {
            Some(tracked) if tracked.is_empty() => Ok(None),
            Some(_) => digest(),
            None => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                if DATA_NAMES.iter().any(|data| name.ends_with(data)) || entry.len > MAX_BYTES {
                    return Ok(None);
                }
                let mut start = Vec::with_capacity(8192);
                self.context.files.open(path)?.take(8192).read_to_end(&mut start)?;
                if start.contains(&0) { Ok(None) } else { digest() }
            }
        }
    }

    fn directory(&self, path: &Path, whole: bool) -> Found {
        let listed = if whole {
            let skip = |path: &Path| self.is_ignored(path);
            walk(self.context.files, path, &skip)
        } else {
            let tracked = self.context.tracked.tracked(path).unwrap_or_default();
            let kept = tracked.into_iter().filter(|file| !self.is_ignored(file));
            let entry = |file: PathBuf| Some((self.context.files.entry(&file)?, file));
            Ok(kept.filter_map(entry).map(|(entry, file)| (file, entry)).collect())
        };
        let unread = |error: io::Error| Some(format!("its contents do not count: {error}"));
        match listed {
            Ok(entries) if entries.is_empty() => Found::default(),
            Ok(entries) => match digest_entries(self.context.files, path, &entries) {
                Ok((digest, false)) => Found {
                    digest: Some(digest),
                    problem: Some(
                        "more than 256 MiB are mounted from here: only names and sizes count, not the bytes"
                            .to_owned(),
                    ),
                    error: None,
                },
                digest => Found::of(digest.map(|(digest, _)| Some(digest)), unread),
            },
            Err(error) => Found::of(Err(error), unread),
        }
    }
}

/// Digest of a file's bytes and executable bit, or of a directory's files. Links at the path itself are followed.
pub fn digest_path(files: &dyn Files, path: &Path) -> io::Result<String> {
    let real = files.canonicalize(path)?;
    let entry = files.entry(&real).ok_or(io::ErrorKind::NotFound)?;
    match entry.kind {
        EntryKind::Directory => Ok(digest_entries(files, &real, &walk(files, &real, &|_| false)?)?.0),
        EntryKind::File => digest_file(files, &real, &entry),
        EntryKind::Symlink(_) | EntryKind::Other => Err(io::Error::other("it is no regular file")),
    }
}

fn digest_file(files: &dyn Files, path: &Path, entry: &Entry) -> io::Result<String> {
    if entry.len > MAX_BYTES {
        return Ok(digest_bytes(entry, format!("size {}", entry.len).as_bytes()));
    }
    let mut sum = Sha256::new();
    sum.update([executable(entry)]);
    digest_into(files, path, &mut sum)?;
    Ok(hex::encode(sum.finalize()))
}

/// Adds the bytes of a file to a digest, a piece at a time.
pub(super) fn digest_into(files: &dyn Files, path: &Path, sum: &mut Sha256) -> io::Result<()> {
    let mut file = files.open(path)?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(()),
            read => sum.update(&piece[..read]),
        }
    }
}

fn digest_bytes(entry: &Entry, bytes: &[u8]) -> String {
    let mut sum = Sha256::new();
    sum.update([executable(entry)]);
    sum.update(bytes);
    hex::encode(sum.finalize())
}

fn executable(entry: &Entry) -> u8 {
    u8::from(entry.mode & 0o111 != 0)
}

/// Every file and link below a directory, sorted by path; `.git` is left out, since it changes with every fetch.
fn walk(
    files: &dyn Files,
    directory: &Path,
    skip: &dyn Fn(&Path) -> bool,
) -> io::Result<Vec<(PathBuf, Entry)>> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for name in files.list(&directory)? {
            let path = directory.join(&name);
            if name == ".git" || skip(&path) {
                continue;
            }
            match files.entry(&path) {
                Some(entry) if entry.kind == EntryKind::Directory => open.push(path),
                Some(entry) if entry.kind != EntryKind::Other => found.push((path, entry)),
                Some(_) | None => {}
            }
        }
        if found.len() > MAX_FILES {
            return Err(io::Error::other(format!("there are more than {MAX_FILES} files")));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// The digest of files below a directory, and whether it is over their bytes (else over their sizes).
fn digest_entries(
    files: &dyn Files,
    directory: &Path,
    entries: &[(PathBuf, Entry)],
) -> io::Result<(String, bool)> {
    let bytes_count = entries.iter().map(|(_, entry)| entry.len).sum::<u64>() <= MAX_BYTES;
    let mut sum = Sha256::new();
    for (path, entry) in entries {
        let name = path.strip_prefix(directory).unwrap_or(path).to_string_lossy();
        let digest = match &entry.kind {
            EntryKind::File if bytes_count => digest_file(files, path, entry)?,
            EntryKind::File => digest_bytes(entry, format!("size {}", entry.len).as_bytes()),
            EntryKind::Symlink(target) => format!("link {target}"),
            EntryKind::Directory | EntryKind::Other => continue,
        };
        sum.update((name.len() as u64).to_be_bytes());
        sum.update(name.as_bytes());
        sum.update((digest.len() as u64).to_be_bytes());
        sum.update(digest.as_bytes());
    }
    Ok((hex::encode(sum.finalize()), bytes_count))
}

/// A path without `.`, `..` and doubled separators, by its text alone.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => cleaned.push(part),
        }
    }
    cleaned
}

/// A path as written from a directory: `./a`, `../b`; the same wherever the directory stands.
pub(super) fn relative(from: &Path, path: &Path) -> String {
    let from = clean(from);
    let mut up = 0;
    let mut base = from.as_path();
    while !path.starts_with(base) {
        let Some(parent) = base.parent() else { return path.to_string_lossy().into_owned() };
        base = parent;
        up += 1;
    }
    let rest = path.strip_prefix(base).unwrap_or(path).to_string_lossy();
    let start = if up == 0 { "./".to_owned() } else { "../".repeat(up) };
    let joined = format!("{start}{rest}");
    if rest.is_empty() { joined.trim_end_matches('/').to_owned() } else { joined }
}

#[cfg(test)]
mod tests;
