//! Files of a source that may not leave its directory.

use crate::compose::desired::clean;
use crate::compose::files::{Entry, FileKind, Files, Refused};
use crate::model::desired::Stored;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Reads only what lies in one directory, links followed: for sources whose authors are not those of the host, such as a
/// repository. What is asked without reading (whether a file is there, where a link leads) is answered for any path,
/// so that an error can say what was found there.
pub struct Confined<'a> {
    files: &'a dyn Files,
    /// Links resolved.
    root: PathBuf,
}

impl<'a> Confined<'a> {
    /// Confines files to a directory.
    pub fn new(files: &'a dyn Files, root: &Path) -> Self {
        Self { files, root: files.canonicalize(root).unwrap_or_else(|_| clean(root)) }
    }

    /// Refuses a path that leads out of the directory.
    fn check(&self, path: &Path) -> io::Result<()> {
        // What is not there leads nowhere: its text decides.
        let real = self.files.canonicalize(path).unwrap_or_else(|_| clean(path));
        if real.starts_with(&self.root) { Ok(()) } else { Err(Refused::Outside(self.root.clone()).into()) }
    }
}

impl Files for Confined<'_> {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        self.check(path)?;
        self.files.open(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.check(path)?;
        self.files.read(path)
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        self.files.kind(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.files.canonicalize(path)
    }

    fn read_link(&self, path: &Path) -> Option<PathBuf> {
        self.files.read_link(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.check(path)?;
        self.files.list(path)
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        self.files.entry(path)
    }

    fn stored(&self, path: &Path) -> Stored {
        self.files.stored(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Disk, SourceRequest, load_source};
    use std::fs;
    use std::os::unix::fs::symlink;

    fn request(root: &Path, may_not_leave: bool) -> SourceRequest {
        SourceRequest {
            root: root.to_owned(),
            cwd: root.to_owned(),
            may_not_leave,
            ..SourceRequest::default()
        }
    }

    /// What is wrong with a source of one stack, whose directory has secrets beside it.
    fn errors(compose: &str, may_not_leave: bool) -> Vec<String> {
        let temp = tempfile::tempdir().expect("temp");
        let root = temp.path().join("source");
        fs::create_dir_all(root.join("web")).expect("directory");
        fs::write(temp.path().join("host.env"), "A=b\n").expect("file");
        fs::write(temp.path().join("other.yaml"), "services: {b: {image: x}}\n").expect("file");
        fs::write(temp.path().join("Dockerfile"), "FROM x\n").expect("file");
        symlink(temp.path().join("host.env"), root.join("web/linked.env")).expect("link");
        fs::write(root.join("near.env"), "A=b\n").expect("file");
        fs::write(root.join("web/compose.yaml"), compose).expect("file");
        let loaded = load_source(&request(&root, may_not_leave));
        let found = loaded.stacks.iter().flat_map(|stack| &stack.diagnostics).filter(|one| one.is_error());
        let base = temp.path().canonicalize().expect("real").display().to_string();
        found.map(|one| one.text().replace(&base, "BASE")).collect()
    }

    #[test]
    fn nothing_outside_of_the_source_is_read() {
        for (compose, wrong) in [
            ("services: {a: {image: x, env_file: ../../host.env}}", "BASE/host.env"),
            ("services: {a: {image: x, env_file: linked.env}}", "BASE/source/web/linked.env"),
            ("services: {a: {image: x, label_file: ../../host.env}}", "BASE/host.env"),
            ("services: {a: {extends: {file: ../../other.yaml, service: b}}}", "BASE/other.yaml"),
            ("include: [../../other.yaml]\nservices: {a: {image: x}}", "BASE/other.yaml"),
            ("services: {a: {build: ../..}}", "BASE"),
            (
                "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {file: ../../host.env}}",
                "BASE/host.env",
            ),
        ] {
            assert_eq!(errors(compose, false), [""; 0], "{compose}");
            let refused = errors(compose, true);
            assert!(
                refused
                    .iter()
                    .any(|one| one.contains("outside of the source, BASE/source") && one.contains(wrong)),
                "{compose}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_lies_elsewhere_in_the_source_is_read() {
        assert_eq!(errors("services: {a: {image: x, env_file: ../near.env}}", true), [""; 0]);
    }

    #[test]
    fn a_path_that_is_not_there_is_judged_by_its_text() {
        let files = Confined::new(&Disk, Path::new("/nowhere/at/all"));
        let refused = |path: &str| {
            let error = files.open(Path::new(path)).err().expect("nothing is there");
            Refused::of(&error).is_some()
        };
        assert!(refused("/nowhere/at/all/../else"));
        assert!(!refused("/nowhere/at/all/x/../y"));
    }
}
