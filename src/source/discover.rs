//! Finds the stacks of a directory tree.
//!
//! A directory is a stack if it holds a compose file or a `.reconcile.yaml`. If the source's own directory is one, it is
//! the only one; otherwise the tree is searched, below stacks too. Hidden directories and `node_modules` are left out.
//! Links to directories are followed inside the source only.

use crate::compose::diagnostic::Diagnostic;
use crate::compose::files::{EntryKind, FileKind, Files};
use crate::compose::inputs::CONFIG_NAMES;
use crate::compose::settings;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A directory that is a stack (or several, if its settings say so).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The directory.
    pub directory: PathBuf,
    /// Its compose file, if it has one of the names that are looked for.
    pub compose_file: Option<PathBuf>,
    /// Whether it has a `.reconcile.yaml`.
    pub has_settings: bool,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The stacks' directories, sorted.
    pub folders: Vec<Folder>,
    /// Directories that could not be read: stacks may be missing.
    pub diagnostics: Vec<Diagnostic>,
}

/// The folder at a directory, if it is one of a stack.
pub fn folder(files: &dyn Files, directory: &Path) -> Option<Folder> {
    let is_file = |name: &str| files.kind(&directory.join(name)) == Some(FileKind::File);
    let compose_file = CONFIG_NAMES.into_iter().find(|name| is_file(name)).map(|name| directory.join(name));
    let has_settings = is_file(settings::FILE);
    let is_stack = compose_file.is_some() || has_settings;
    is_stack.then(|| Folder { directory: directory.to_owned(), compose_file, has_settings })
}

/// Searches a directory.
pub fn discover(files: &dyn Files, root: &Path) -> Discovered {
    if let Some(only) = folder(files, root) {
        return Discovered { folders: vec![only], diagnostics: Vec::new() };
    }
    let mut search = Search {
        files,
        real_root: files.canonicalize(root).unwrap_or_else(|_| root.to_owned()),
        visited: BTreeSet::new(),
        links: Vec::new(),
        found: Discovered::default(),
    };
    search.run(root);
    search.found.folders.sort_by(|a, b| a.directory.cmp(&b.directory));
    search.found
}

struct Search<'a> {
    files: &'a dyn Files,
    real_root: PathBuf,
    /// Directories searched, links resolved.
    visited: BTreeSet<PathBuf>,
    /// Links to directories, for after the directories: a directory goes by its own name where it has one.
    links: Vec<PathBuf>,
    found: Discovered,
}

impl Search<'_> {
    fn run(&mut self, root: &Path) {
        self.descend(root.to_owned());
        while !self.links.is_empty() {
            let mut links = std::mem::take(&mut self.links);
            links.sort();
            for link in links {
                self.descend(link);
            }
        }
    }

    fn descend(&mut self, start: PathBuf) {
        let Ok(real) = self.files.canonicalize(&start) else { return };
        if !real.starts_with(&self.real_root) {
            return;
        }
        // The path as it is called, where it really is, and whether a stack lies above it.
        let mut open = vec![(start, real, false)];
        while let Some((directory, real, below_stack)) = open.pop() {
            if !self.visited.insert(real.clone()) {
                continue;
            }
            let names = match self.files.list(&directory) {
                Ok(names) => names,
                // Below a stack such a directory is a container's data.
                Err(_) if below_stack => continue,
                Err(error) => {
                    let message = format!("cannot read {}: {error}", directory.display());
                    let hint = "stacks in it are not seen, so no stack is removed";
                    self.found.diagnostics.push(Diagnostic::error(message).hint(hint));
                    continue;
                }
            };
            let found = self.look(&directory, &names);
            let below_stack = below_stack || found.is_some();
            self.found.folders.extend(found);
            for name in names.iter().filter(|name| !name.starts_with('.') && *name != "node_modules") {
                let path = directory.join(name);
                match self.files.entry(&path).map(|entry| entry.kind) {
                    Some(EntryKind::Directory) => open.push((path, real.join(name), below_stack)),
                    Some(EntryKind::Symlink(_)) if self.files.kind(&path) == Some(FileKind::Directory) => {
                        self.links.push(path);
                    }
                    Some(EntryKind::File | EntryKind::Symlink(_) | EntryKind::Other) | None => {}
                }
            }
        }
    }

    /// The folder at a directory, asking only for names that are there.
    fn look(&self, directory: &Path, names: &[String]) -> Option<Folder> {
        let wanted = |name: &String| name == settings::FILE || CONFIG_NAMES.contains(&name.as_str());
        names.iter().any(wanted).then(|| folder(self.files, directory)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::discover;
    use crate::source::Disk;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    fn tree(paths: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let temp = tempfile::tempdir().expect("temp");
        let root = temp.path().canonicalize().expect("real");
        for path in paths {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs::write(path, "").expect("file");
        }
        (temp, root)
    }

    fn found(root: &Path) -> Vec<String> {
        let found = discover(&Disk, root).folders;
        let relative = |path: &Path| path.strip_prefix(root).expect("below").display().to_string();
        found.iter().map(|folder| relative(&folder.directory)).collect()
    }

    #[test]
    fn every_directory_with_a_compose_file_or_settings_is_a_stack() {
        let (_temp, root) =
            tree(&["b/compose.yml", "a/x/docker-compose.yaml", "c/.reconcile.yaml", "d/other.yaml"]);
        assert_eq!(found(&root), ["a/x", "b", "c"]);
    }

    #[test]
    fn a_source_that_is_a_stack_is_the_only_one() {
        let (_temp, root) = tree(&["compose.yaml", "a/compose.yaml"]);
        assert_eq!(found(&root), [""]);
    }

    #[test]
    fn the_search_goes_on_below_a_stack() {
        let (_temp, root) = tree(&["a/compose.yaml", "a/b/compose.yaml"]);
        assert_eq!(found(&root), ["a", "a/b"]);
    }

    #[test]
    fn hidden_directories_and_node_modules_are_left_out() {
        let (_temp, root) = tree(&["a/compose.yaml", ".git/compose.yaml", "a/node_modules/m/compose.yaml"]);
        assert_eq!(found(&root), ["a"]);
    }

    #[test]
    fn links_are_followed_inside_the_source_and_never_twice() {
        let (_temp, root) =
            tree(&["s/real/compose.yaml", "s/.versions/2/compose.yaml", "outside/compose.yaml"]);
        let root = root.join("s");
        symlink(root.join("real"), root.join("alias")).expect("link");
        symlink(root.join(".versions/2"), root.join("current")).expect("link");
        symlink(root.parent().expect("parent").join("outside"), root.join("out")).expect("link");
        symlink(&root, root.join("real/loop")).expect("link");
        assert_eq!(found(&root), ["current", "real"]);
    }
}
