//! The files of a commit, read from the objects of a store: nothing is checked out.
//!
//! They appear at a stable path, where files that containers mount are written when a stack is applied. What lies at that
//! path and was not written by this program is local: values that belong to the host and not into the repository, such as
//! an `.env` that git ignores. It is read where the repository has no such file. Compose files and settings are never
//! local: what runs is for the repository to say.

use super::protocol::Failure;
use super::store::GITLINK;
use crate::compose::desired::{Tracked, clean};
use crate::compose::files::{Entry, EntryKind, FileKind, Files, Refused};
use crate::compose::inputs::CONFIG_NAMES;
use crate::compose::settings;
use crate::model::desired::Stored;
use crate::source::Disk;
use git2::{ObjectType, Oid, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Links on the way to a file at most, as the kernel has it.
const MOST_LINKS: usize = 40;
/// How a Git LFS pointer begins; none is larger than this.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
const LARGEST_POINTER: usize = 1024;

static DISK: Disk = Disk;

/// Where a source's files appear, and where they are written. The two differ only for a program in a container of its
/// own, which sees the directory of the host at another path than the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path that the engine takes.
    pub engine: PathBuf,
    /// The path that this process sees.
    pub own: PathBuf,
}

/// One entry of a directory of the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Its object.
    pub id: Oid,
    /// What it is.
    pub kind: NodeKind,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A file.
    File {
        /// Whether it may be executed.
        executable: bool,
    },
    /// A symbolic link.
    Link,
    /// A directory, also a submodule that was fetched.
    Directory,
    /// A submodule that was not fetched: an empty directory.
    Module,
}

type Folder = BTreeMap<String, Node>;

/// Where a path leads.
enum Found {
    /// To an entry of the commit; its path there, links resolved.
    Here(Node, PathBuf),
    /// To nothing of the commit; the path at which there is nothing.
    Nothing(PathBuf),
    /// Out of the repository.
    Outside(PathBuf),
}

/// What a local file was like when it was asked for: size, time in nanoseconds, inode. `None` if it was not there.
pub type Seen = Option<(u64, i128, u64)>;

/// The files of a commit.
pub struct Tree {
    repository: Mutex<Repository>,
    store: PathBuf,
    root: Oid,
    /// When the commit was made, in seconds since 1970.
    time: i64,
    place: Place,
    submodules: bool,
    /// Files that this program wrote below the place: they are no local ones. Relative to it.
    written: BTreeSet<PathBuf>,
    folders: Mutex<BTreeMap<Oid, Arc<Folder>>>,
    locals: Mutex<BTreeMap<PathBuf, Seen>>,
    broken: AtomicBool,
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tree({} in {})", self.root, self.store.display())
    }
}

impl Tree {
    /// Opens a commit in a store.
    pub fn open(
        store: &Path,
        commit: &str,
        place: Place,
        submodules: bool,
        written: BTreeSet<PathBuf>,
    ) -> Result<Self, Failure> {
        let open = || {
            let repository = Repository::open_bare(store)?;
            let commit = repository.find_commit(Oid::from_str(commit)?)?;
            let (root, time) = (commit.tree_id(), commit.time().seconds());
            drop(commit);
            Ok((repository, root, time))
        };
        let (repository, root, time) = open().map_err(|error: git2::Error| super::store::broken(&error))?;
        Ok(Self {
            repository: Mutex::new(repository),
            store: store.to_owned(),
            root,
            time,
            place,
            submodules,
            written,
            folders: Mutex::default(),
            locals: Mutex::default(),
            broken: AtomicBool::new(false),
        })
    }

    /// The path at which its files appear to the engine.
    pub fn place(&self) -> &Path {
        &self.place.engine
    }

    /// The same directory as this process sees it.
    pub fn own_place(&self) -> &Path {
        &self.place.own
    }

    /// The directory that holds everything.
    pub const fn top(&self) -> Node {
        Node { id: self.root, kind: NodeKind::Directory }
    }

    /// An entry of a directory.
    pub fn child(&self, of: Node, name: &str) -> io::Result<Option<Node>> {
        match of.kind {
            NodeKind::Directory => Ok(self.folder(of)?.get(name).copied()),
            NodeKind::File { .. } | NodeKind::Link | NodeKind::Module => Ok(None),
        }
    }

    /// The entries of a directory by name.
    pub fn children(&self, of: Node) -> io::Result<Arc<BTreeMap<String, Node>>> {
        self.folder(of)
    }

    /// Where a link leads, as written.
    pub fn link(&self, node: Node) -> io::Result<PathBuf> {
        self.target(node.id)
    }

    /// The bytes of a file or link, by the id of its object.
    pub fn bytes(&self, id: &str) -> io::Result<Vec<u8>> {
        self.blob(Oid::from_str(id).map_err(|error| self.corrupt(&error))?)
    }

    /// Whether an object could not be read.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// The local files that were asked for, with what they were like. Paths are those of this process.
    pub fn locals(&self) -> BTreeMap<PathBuf, Seen> {
        self.locals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn repository(&self) -> MutexGuard<'_, Repository> {
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn corrupt(&self, error: &git2::Error) -> io::Error {
        self.broken.store(true, Ordering::Relaxed);
        io::Error::other(format!("what was fetched cannot be read: {}", error.message()))
    }

    fn folder(&self, node: Node) -> io::Result<Arc<Folder>> {
        if node.kind == NodeKind::Module {
            return Ok(Arc::default());
        }
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folders.get(&node.id) {
            return Ok(Arc::clone(folder));
        }
        let repository = self.repository();
        let tree = repository.find_tree(node.id).map_err(|error| self.corrupt(&error))?;
        let folder = tree.iter().map(|entry| {
            let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
            let node = |kind| Node { id: entry.id(), kind };
            let node = match (entry.kind(), entry.filemode()) {
                (Some(ObjectType::Tree), _) => node(NodeKind::Directory),
                (_, GITLINK) => self.module(&repository, entry.id()),
                (_, 0o120_000) => node(NodeKind::Link),
                (_, mode) => node(NodeKind::File { executable: mode & 0o111 != 0 }),
            };
            (name, node)
        });
        let folder: Arc<Folder> = Arc::new(folder.collect());
        folders.insert(node.id, Arc::clone(&folder));
        Ok(folder)
    }

    fn module(&self, repository: &Repository, commit: Oid) -> Node {
        let tree = || Some(repository.find_commit(commit).ok()?.tree_id());
        match tree().filter(|_| self.submodules) {
            Some(id) => Node { id, kind: NodeKind::Directory },
            None => Node { id: commit, kind: NodeKind::Module },
        }
    }

    fn blob(&self, id: Oid) -> io::Result<Vec<u8>> {
        let repository = self.repository();
        let blob = repository.find_blob(id).map_err(|error| self.corrupt(&error))?;
        Ok(blob.content().to_vec())
    }

    fn target(&self, id: Oid) -> io::Result<PathBuf> {
        Ok(PathBuf::from(String::from_utf8_lossy(&self.blob(id)?).into_owned()))
    }

    /// Where a path below the place leads; the last link is followed or not.
    fn find(&self, path: &Path, follow: bool) -> io::Result<Found> {
        let Ok(inside) = path.strip_prefix(&self.place.engine) else {
            return Ok(Found::Outside(clean(path)));
        };
        let mut way: Vec<(PathBuf, Node)> = vec![(PathBuf::new(), self.top())];
        let mut rest: Vec<String> = parts(inside);
        rest.reverse();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == ".." {
                way.pop();
                if way.is_empty() {
                    let left: PathBuf = rest.iter().rev().collect();
                    let above = self.place.engine.parent().unwrap_or(Path::new("/"));
                    return Ok(Found::Outside(clean(&above.join(left))));
                }
                continue;
            }
            let Some((here, node)) = way.last() else { break };
            let next = here.join(&part);
            let below = || next.join(rest.iter().rev().collect::<PathBuf>());
            let Some(found) = self.child(*node, &part)? else { return Ok(Found::Nothing(lexical(&below()))) };
            if found.kind != NodeKind::Link || (rest.is_empty() && !follow) {
                way.push((next, found));
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::other("too many links lead to one another"));
            }
            let mut target = self.target(found.id)?;
            if target.is_absolute() {
                let Ok(inside) = target.strip_prefix(&self.place.engine) else {
                    return Ok(Found::Outside(clean(&target.join(rest.iter().rev().collect::<PathBuf>()))));
                };
                target = inside.to_owned();
                way.truncate(1);
            }
            rest.extend(parts(&target).into_iter().rev());
        }
        Ok(match way.pop() {
            Some((path, node)) => Found::Here(node, path),
            None => Found::Outside(self.place.engine.clone()),
        })
    }

    /// The local file at a path relative to the place, if there may be one. It is noted that it was asked for.
    fn local(&self, inside: &Path) -> Option<PathBuf> {
        let name = inside.file_name()?.to_string_lossy().into_owned();
        let is_override = name.contains("compose.override.");
        if is_override
            || name == settings::FILE
            || CONFIG_NAMES.contains(&name.as_str())
            || self.written.contains(inside)
        {
            return None;
        }
        let own = self.place.own.join(inside);
        let seen = look(&own);
        self.locals.lock().unwrap_or_else(PoisonError::into_inner).insert(own.clone(), seen);
        seen.map(|_| own)
    }

    /// A path of this process as the engine has it.
    fn engine_path(&self, own: &Path) -> PathBuf {
        let real = self.place.own.canonicalize().unwrap_or_else(|_| self.place.own.clone());
        match own.strip_prefix(&real).or_else(|_| own.strip_prefix(&self.place.own)) {
            Ok(inside) => self.place.engine.join(inside),
            Err(_) => own.to_owned(),
        }
    }

    /// What serves a path: an entry of the commit, or a path of the disk.
    fn serve(&self, path: &Path, follow: bool) -> io::Result<Served> {
        match self.find(path, follow)? {
            Found::Here(node, real) => Ok(Served::Node(node, real)),
            Found::Nothing(inside) => {
                self.local(&inside).map(Served::Disk).ok_or_else(|| io::ErrorKind::NotFound.into())
            }
            Found::Outside(path) => Ok(Served::Disk(path)),
        }
    }

    fn all_below(&self, node: Node, path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
        match node.kind {
            NodeKind::File { .. } | NodeKind::Link => found.push(path.to_owned()),
            NodeKind::Module => {}
            NodeKind::Directory => {
                for (name, node) in self.folder(node)?.iter() {
                    self.all_below(*node, &path.join(name), found)?;
                }
            }
        }
        Ok(())
    }
}

enum Served {
    Node(Node, PathBuf),
    Disk(PathBuf),
}

/// What a file of the disk is like; `None` if it is not there.
pub fn look(path: &Path) -> Seen {
    let found = std::fs::metadata(path).ok()?;
    let time = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
    Some((found.len(), time, found.ino()))
}

fn parts(path: &Path) -> Vec<String> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::ParentDir => Some("..".to_owned()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    names.collect()
}

/// A relative path without `..`, as its text has it.
fn lexical(path: &Path) -> PathBuf {
    let mut kept = PathBuf::new();
    for part in parts(path) {
        if part == ".." {
            kept.pop();
        } else {
            kept.push(part);
        }
    }
    kept
}

const fn mode(kind: NodeKind) -> u32 {
    match kind {
        NodeKind::File { executable: false } => 0o644,
        NodeKind::File { executable: true } | NodeKind::Directory | NodeKind::Module => 0o755,
        NodeKind::Link => 0o777,
    }
}

impl Files for Tree {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        match self.serve(path, true)? {
            Served::Node(Node { id, kind: NodeKind::File { .. } }, _) => {
                let bytes = self.blob(id)?;
                if bytes.len() < LARGEST_POINTER && bytes.starts_with(POINTER) {
                    return Err(Refused::Pointer(path.to_owned()).into());
                }
                Ok(Box::new(Cursor::new(bytes)))
            }
            Served::Node(..) => Err(io::ErrorKind::IsADirectory.into()),
            Served::Disk(path) => DISK.open(&path),
        }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        match self.serve(path, true).ok()? {
            Served::Node(Node { kind: NodeKind::File { .. } | NodeKind::Link, .. }, _) => {
                Some(FileKind::File)
            }
            Served::Node(..) => Some(FileKind::Directory),
            Served::Disk(path) => DISK.kind(&path),
        }
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        match self.serve(path, true)? {
            Served::Node(_, real) => Ok(self.place.engine.join(real)),
            Served::Disk(path) => Ok(self.engine_path(&DISK.canonicalize(&path)?)),
        }
    }

    fn read_link(&self, path: &Path) -> Option<PathBuf> {
        match self.serve(path, false).ok()? {
            Served::Node(Node { id, kind: NodeKind::Link }, _) => self.target(id).ok(),
            Served::Node(..) => None,
            Served::Disk(path) => DISK.read_link(&path),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        match self.serve(path, true)? {
            Served::Node(node @ Node { kind: NodeKind::Directory | NodeKind::Module, .. }, _) => {
                Ok(self.folder(node)?.keys().cloned().collect())
            }
            Served::Node(..) => Err(io::ErrorKind::NotADirectory.into()),
            Served::Disk(path) => DISK.list(&path),
        }
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        match self.serve(path, false).ok()? {
            Served::Node(Node { id, kind }, _) => {
                let (entry, len) = match kind {
                    NodeKind::File { .. } => {
                        let odb = self.repository().odb().ok()?.read_header(id).map(|(len, _)| len);
                        let len = odb.map_err(|error| self.corrupt(&error)).ok()?;
                        (EntryKind::File, u64::try_from(len).unwrap_or(u64::MAX))
                    }
                    NodeKind::Link => {
                        (EntryKind::Symlink(self.target(id).ok()?.to_string_lossy().into_owned()), 0)
                    }
                    NodeKind::Directory | NodeKind::Module => (EntryKind::Directory, 0),
                };
                Some(Entry { kind: entry, mode: mode(kind), len })
            }
            Served::Disk(path) => DISK.entry(&path),
        }
    }

    fn stored(&self, path: &Path) -> Stored {
        match self.serve(path, false) {
            Ok(Served::Node(Node { id, .. }, _)) => {
                Stored::Object { store: self.store.clone(), id: id.to_string(), time: self.time }
            }
            Ok(Served::Disk(path)) => Stored::File(path),
            Err(_) => Stored::File(path.to_owned()),
        }
    }
}

impl Tracked for Tree {
    fn tracked(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let (node, _) = match self.serve(path, true).ok()? {
            Served::Node(node, real) => (node, real),
            Served::Disk(_) => return Some(Vec::new()),
        };
        let mut found = Vec::new();
        self.all_below(node, path, &mut found).ok()?;
        found.sort();
        Some(found)
    }
}
