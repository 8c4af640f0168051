//! Which files a git work tree tracks: they are sources, everything else in it is data.

use crate::compose::desired::Tracked;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Kind of index entries that are no files: the commits of submodules.
const GITLINK: u32 = 0o160_000;

/// Reads the index of every work tree it is asked about, once.
///
/// The index file is read directly, not through the repository: whoever may read the files may also know which of them
/// are tracked, whatever git thinks of the owner of the directory.
#[derive(Debug, Default)]
pub struct GitIndex {
    work_trees: Mutex<BTreeMap<PathBuf, Option<Arc<WorkTree>>>>,
}

#[derive(Debug)]
struct WorkTree {
    root: PathBuf,
    files: BTreeSet<PathBuf>,
}

impl GitIndex {
    /// The work tree that holds a directory.
    fn work_tree(&self, directory: &Path) -> Option<Arc<WorkTree>> {
        let root = directory.ancestors().find(|ancestor| ancestor.join(".git").exists())?;
        let mut known = self.work_trees.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(root.to_owned()).or_insert_with(|| read(root).map(Arc::new)).clone()
    }
}

impl Tracked for GitIndex {
    fn tracked(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let real = fs::canonicalize(path).ok()?;
        let directory = if real.is_dir() { real.as_path() } else { real.parent()? };
        let tree = self.work_tree(directory)?;
        let inside = real.strip_prefix(&tree.root).ok()?;
        let below = tree.files.range(inside.to_owned()..).take_while(|file| file.starts_with(inside));
        // By its components, for joining an empty path leaves a separator at the end.
        Some(
            below
                .map(|file| path.join(file.strip_prefix(inside).unwrap_or(file)))
                .map(|file| file.components().collect())
                .collect(),
        )
    }
}

/// `None` if there is no readable index; then nothing is known, as outside of any work tree.
fn read(root: &Path) -> Option<WorkTree> {
    let index = git2::Index::open(&git_directory(root)?.join("index")).ok()?;
    let tracked = index.iter().filter(|entry| entry.mode != GITLINK);
    let files =
        tracked.map(|entry| PathBuf::from(String::from_utf8_lossy(&entry.path).into_owned())).collect();
    Some(WorkTree { root: root.to_owned(), files })
}

/// `.git` itself, or where it leads if it is a file (linked work trees, submodules).
fn git_directory(root: &Path) -> Option<PathBuf> {
    let path = root.join(".git");
    if path.is_dir() {
        return Some(path);
    }
    let text = fs::read_to_string(&path).ok()?;
    Some(root.join(text.strip_prefix("gitdir:")?.trim()))
}

#[cfg(test)]
mod tests {
    use super::GitIndex;
    use crate::compose::desired::Tracked as _;
    use std::fs;
    use std::path::Path;

    fn write(root: &Path, path: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, "x").expect("file");
    }

    #[test]
    fn tracked_files_are_those_of_the_index() {
        let temp = tempfile::tempdir().expect("temp");
        let root = temp.path().canonicalize().expect("real");
        let repository = git2::Repository::init(&root).expect("init");
        for path in ["conf/a.conf", "conf/sub/b.conf", "conf/untracked", "config.txt", "data/db"] {
            write(&root, path);
        }
        let mut index = repository.index().expect("index");
        for path in ["conf/a.conf", "conf/sub/b.conf", "config.txt"] {
            index.add_path(Path::new(path)).expect("add");
        }
        index.write().expect("write");
        let tracked = GitIndex::default();
        let expected = Some(vec![root.join("conf/a.conf"), root.join("conf/sub/b.conf")]);
        assert_eq!(tracked.tracked(&root.join("conf")), expected);
        assert_eq!(tracked.tracked(&root.join("config.txt")), Some(vec![root.join("config.txt")]));
        assert_eq!(tracked.tracked(&root.join("data")), Some(Vec::new()));
        assert_eq!(tracked.tracked(&root.join("data/db")), Some(Vec::new()));
    }

    #[test]
    fn nothing_is_known_outside_of_a_work_tree() {
        let temp = tempfile::tempdir().expect("temp");
        write(temp.path(), "a");
        assert_eq!(GitIndex::default().tracked(temp.path()), None);
    }
}
