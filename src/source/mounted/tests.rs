//! Changes of mounted files, on real repositories and a real directory.

use super::{Mounted, Mounts, Service, written};
use crate::source::git::{Place, Tree};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

struct Lab {
    temp: tempfile::TempDir,
    repository: git2::Repository,
}

/// A file: its path, its bytes, its mode in git.
type File = (&'static str, &'static str, i32);

const PLAIN: i32 = 0o100_644;
const PROGRAM: i32 = 0o100_755;
const LINK: i32 = 0o120_000;

impl Lab {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("folder");
        let repository = git2::Repository::init_bare(temp.path().join("store.git")).expect("store");
        Self { temp, repository }
    }

    fn folder(&self) -> PathBuf {
        self.temp.path().join("source")
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder().join("files").join(file)
    }

    fn text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.path(file)).ok()
    }

    /// The files of a commit.
    fn at(&self, files: &[File]) -> Mounts {
        let mut index = git2::Index::new().expect("index");
        for (path, text, mode) in files {
            let entry = git2::IndexEntry {
                ctime: git2::IndexTime::new(0, 0),
                mtime: git2::IndexTime::new(0, 0),
                dev: 0,
                ino: 0,
                mode: u32::try_from(*mode).expect("mode"),
                uid: 0,
                gid: 0,
                file_size: 0,
                id: self.repository.blob(text.as_bytes()).expect("blob"),
                flags: 0,
                flags_extended: 0,
                path: path.as_bytes().to_vec(),
            };
            index.add(&entry).expect("entry");
        }
        let tree = index.write_tree_to(&self.repository).expect("tree");
        let tree = self.repository.find_tree(tree).expect("tree");
        let who = git2::Signature::new("Ann", "ann@example.org", &git2::Time::new(5, 0)).expect("who");
        let commit = self.repository.commit(None, &who, &who, "x", &tree, &[]).expect("commit");
        let place = Place { engine: PathBuf::from("/of/the/host"), own: self.path("") };
        let store = self.temp.path().join("store.git");
        let tree = Tree::open(&store, &commit.to_string(), place, false, BTreeSet::new()).expect("tree");
        Mounts::new(Arc::new(tree), &self.folder())
    }
}

fn service(name: &str) -> Service {
    ("stack".to_owned(), name.to_owned())
}

/// What services have mounted: `name path` read-only, `name path rw` writable.
fn mounted(list: &[&str]) -> Mounted {
    let mut all = Mounted::new();
    for line in list {
        let words: Vec<&str> = line.split(' ').collect();
        let path = format!("/of/the/host/{}", words[1]);
        all.entry(service(words[0])).or_default().push((path, words.len() > 2));
    }
    all
}

fn only(name: &str) -> BTreeSet<Service> {
    BTreeSet::from([service(name)])
}

#[test]
fn what_is_mounted_is_written_and_nothing_else() {
    let lab = Lab::new();
    let mounts = lab.at(&[
        ("web/conf/a", "one", PLAIN),
        ("web/conf/run", "two", PROGRAM),
        ("web/conf/b", "a", LINK),
        ("web/current", "../releases/2", LINK),
        ("releases/2/x", "three", PLAIN),
        ("releases/1/x", "four", PLAIN),
        ("web/compose.yaml", "five", PLAIN),
    ]);
    assert_eq!(
        mounts.put(&mounted(&["app web/conf", "app web/current/x", "app web/gone"]), &Mounted::new()),
        Ok(vec![])
    );
    assert_eq!(lab.text("web/conf/b").as_deref(), Some("one"), "the link leads on");
    assert_eq!(lab.text("web/current/x").as_deref(), Some("three"));
    let mode = |file: &str| fs::metadata(lab.path(file)).expect("file").permissions().mode() & 0o777;
    assert_eq!((mode("web/conf/a"), mode("web/conf/run"), mode("web/conf")), (0o644, 0o755, 0o755));
    for file in ["web/compose.yaml", "releases/1", "web/gone"] {
        assert!(!lab.path(file).exists(), "{file}");
    }
    let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(lab.path("web/conf/a")).expect("file"));
    let before = inode();
    assert_eq!(mounts.put(&mounted(&["app web/conf"]), &Mounted::new()), Ok(vec![]));
    assert_eq!(inode(), before, "what is as it should be is left alone");
}

#[test]
fn a_failed_change_goes_back_and_a_good_one_stays() {
    let lab = Lab::new();
    let list = mounted(&["app conf", "other other"]);
    let (one, two) = (
        lab.at(&[("conf/a", "one", PLAIN), ("conf/old", "o", PROGRAM), ("other/x", "x", PLAIN)]),
        lab.at(&[("conf/a", "two", PLAIN), ("conf/new", "n", PLAIN), ("other/x", "y", PLAIN)]),
    );
    one.put(&list, &Mounted::new()).expect("put");
    one.settle(&list).expect("settled");
    let state = || {
        (
            lab.text("conf/a"),
            lab.text("conf/old").is_some(),
            lab.text("conf/new").is_some(),
            lab.text("other/x"),
        )
    };
    let text = |text: &str| Some(text.to_owned());
    let old = (text("one"), true, false, text("x"));
    assert_eq!(state(), old);
    two.put(&list, &Mounted::new()).expect("put");
    assert_eq!(state(), (text("two"), false, true, text("y")));
    // A run that was killed here is followed by one that puts the same once more, and fails.
    two.put(&list, &Mounted::new()).expect("put");
    two.take_back(&only("app")).expect("taken back");
    two.settle(&mounted(&["other other"])).expect("settled");
    assert_eq!(state(), (text("one"), true, false, text("y")), "each service by itself");
    let mode = fs::metadata(lab.path("conf/old")).expect("file").permissions().mode() & 0o777;
    assert_eq!(mode, 0o755);
    two.put(&list, &Mounted::new()).expect("put");
    two.settle(&list).expect("settled");
    two.take_back(&only("app")).expect("nothing to take back");
    assert_eq!(state(), (text("two"), false, true, text("y")));
    assert_eq!(
        fs::read_dir(lab.folder().join("kept")).expect("kept").count(),
        0,
        "copies go when all is settled"
    );
}

#[test]
fn what_others_put_there_stays() {
    let lab = Lab::new();
    let (one, two) = (
        lab.at(&[
            ("data/seed", "one", PLAIN),
            ("data/conf", "one", PLAIN),
            ("ro/conf", "one", PLAIN),
            ("ro/gone", "one", PLAIN),
        ]),
        lab.at(&[
            ("data/seed", "one", PLAIN),
            ("data/conf", "two", PLAIN),
            ("ro/conf", "two", PLAIN),
            ("ro/late", "two", PLAIN),
        ]),
    );
    let list = mounted(&["app data rw", "app ro"]);
    one.put(&list, &Mounted::new()).expect("put");
    one.settle(&list).expect("settled");
    fs::write(lab.path("data/db"), "rows").expect("a container's file");
    for edited in ["data/seed", "data/conf", "ro/conf", "ro/gone"] {
        fs::write(lab.path(edited), "edited").expect("edit");
    }
    fs::write(lab.path("ro/late"), "local").expect("in the way");
    let notes = two.put(&list, &Mounted::new()).expect("put").join("\n");
    two.settle(&list).expect("settled");
    assert_eq!(lab.text("data/db").as_deref(), Some("rows"));
    assert_eq!(lab.text("data/seed").as_deref(), Some("edited"), "its own work, and nothing new to say");
    assert_eq!(lab.text("data/conf").as_deref(), Some("two"));
    assert_eq!(lab.text("data/conf.reconcile-backup").as_deref(), Some("edited"));
    assert_eq!(lab.text("ro/conf.reconcile-backup").as_deref(), Some("edited"));
    assert_eq!(lab.text("ro/late.reconcile-backup").as_deref(), Some("local"));
    assert_eq!(lab.text("ro/gone").as_deref(), Some("edited"), "not removed");
    for told in [
        "data/seed was changed",
        "data/conf was edited",
        "ro/conf was edited",
        "ro/late was edited",
        "ro/gone is gone from the repository",
    ] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
    assert!(!written(&lab.folder()).contains(&PathBuf::from("data/db")));
    two.remove(&only("app")).expect("removed");
    assert!(!lab.path("ro/conf").exists() && lab.path("data/db").exists() && lab.path("data/seed").exists());
}

#[test]
fn kinds_may_change_and_directories_with_foreign_files_are_no_place_for_a_file() {
    let lab = Lab::new();
    let list = mounted(&["app x"]);
    let forms: [&[File]; 4] = [
        &[("x/a", "one", PLAIN)],
        &[("x", "file", PLAIN)],
        &[("x", "y", LINK), ("y", "t", PLAIN)],
        &[("x/b/c", "two", PLAIN)],
    ];
    for form in forms {
        let mounts = lab.at(form);
        assert_eq!(mounts.put(&list, &Mounted::new()), Ok(vec![]));
        mounts.settle(&list).expect("settled");
        assert!(lab.path(form[0].0).exists(), "{form:?}");
    }
    fs::write(lab.path("x/b/foreign"), "kept").expect("file");
    let error = lab.at(&[("x", "file", PLAIN)]).put(&list, &Mounted::new()).expect_err("refused");
    assert!(error.contains("x: a directory stands here"), "{error}");
    assert_eq!(lab.text("x/b/foreign").as_deref(), Some("kept"));
    assert_eq!(lab.text("x/b/c").as_deref(), Some("two"), "as it was");
}

#[test]
fn a_change_that_cannot_be_made_changes_nothing() {
    let lab = Lab::new();
    let list = mounted(&["app a", "last z"]);
    let one = lab.at(&[("a", "one", PLAIN), ("z/x", "one", PLAIN)]);
    one.put(&list, &Mounted::new()).expect("put");
    one.settle(&list).expect("settled");
    fs::remove_dir_all(lab.path("z")).expect("removed");
    std::os::unix::fs::symlink(lab.temp.path(), lab.path("z")).expect("a way out");
    let two = lab.at(&[("a", "two", PLAIN), ("z/x", "two", PLAIN)]);
    let notes = two.put(&list, &Mounted::new()).expect("the link is put aside");
    assert!(notes.join(" ").contains("z was edited"), "{notes:?}");
    assert!(!lab.temp.path().join("x").exists(), "nothing is written through it");
    two.settle(&list).expect("settled");
    fs::write(lab.folder().join("written.json"), "{").expect("broken");
    assert!(lab.at(&[("a", "three", PLAIN)]).put(&list, &Mounted::new()).is_err());
    assert_eq!(lab.text("a").as_deref(), Some("two"));
}

#[test]
fn what_got_lost_is_written_again() {
    let lab = Lab::new();
    let list = mounted(&["app conf"]);
    let mounts = lab.at(&[("conf/a", "one", PLAIN), ("conf/b", "two", PLAIN)]);
    mounts.put(&list, &Mounted::new()).expect("put");
    fs::remove_file(lab.path("conf/a")).expect("removed");
    fs::write(lab.path("conf/b"), "edited").expect("edited");
    mounts.settle(&list).expect("settled");
    assert_eq!((lab.text("conf/a").as_deref(), lab.text("conf/b").as_deref()), (Some("one"), Some("edited")));
    fs::remove_dir_all(lab.folder()).expect("all of it");
    mounts.settle(&list).expect("settled");
    assert_eq!(lab.text("conf/b").as_deref(), Some("two"));
}
