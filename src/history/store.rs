//! The files of the history: for each stack one of lines of JSON, of which the newest count.
//!
//! A line is appended with one write under a lock of the whole directory. Whoever reads takes no lock: a line that is cut
//! off, or that nobody can read, is passed over. A file that has outgrown its bound is written anew beside and put in place.

use crate::model::hash;
use crate::model::history::Deployment;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// The largest entry, in bytes.
const LARGEST: usize = 32 << 10;
/// The largest file that is read, in bytes: what is larger is nobody's history.
const LARGEST_FILE: u64 = 1 << 30;
/// How many entries beyond those that count a file may hold, as a share of them.
const SLACK: usize = 2;
/// How often the lock is asked for, and how long to wait in between: a second in all, for it is held for moments.
const TRIES: u32 = 100;
const WAIT: Duration = Duration::from_millis(10);
/// How the names of files end.
const END: &str = "jsonl";

/// The history of all stacks, in a directory.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    keep: usize,
}

impl Store {
    /// A directory, which need not be there, that keeps so many deployments of each stack.
    pub const fn new(directory: PathBuf, keep: usize) -> Self {
        Self { directory, keep }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds a deployment under the next number of its stack, unless it repeats what the last one told. Gives that number.
    pub fn append(&self, mut deployment: Deployment) -> io::Result<Option<u64>> {
        if self.keep == 0 {
            return Ok(None);
        }
        // For its owner alone: output of containers may hold what others should not read.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let _lock = self.lock()?;
        let path = self.file(&deployment.stack);
        let mut file = File::options().read(true).append(true).create(true).mode(0o600).open(&path)?;
        let text = text(&mut file)?;
        let entries = entries(&text);
        if let Some(last) = entries.last() {
            if deployment.repeats(last) {
                return Ok(None);
            }
            deployment.number = last.number;
        }
        deployment.number += 1;
        let line = deployment.line(LARGEST).map_err(io::Error::other)? + "\n";
        if entries.len() >= self.keep + self.keep / SLACK {
            self.rewrite(&path, &entries, &line)?;
            return Ok(Some(deployment.number));
        }
        // A line that was cut off stays one of its own.
        let is_torn = !text.is_empty() && !text.ends_with(b"\n");
        let line = if is_torn { format!("\n{line}") } else { line };
        file.write_all(line.as_bytes())?;
        Ok(Some(deployment.number))
    }

    /// The deployments of a stack that count, oldest first; none if there is no such stack.
    pub fn read(&self, stack: &str) -> io::Result<Vec<Deployment>> {
        let mut file = match File::open(self.file(stack)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut entries = entries(&text(&mut file)?);
        entries.retain(|entry| entry.stack == stack);
        entries.drain(..entries.len().saturating_sub(self.keep));
        Ok(entries)
    }

    /// The stacks that have a history, by name.
    pub fn stacks(&self) -> io::Result<Vec<String>> {
        let listed = match fs::read_dir(&self.directory) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut stacks = Vec::new();
        for entry in listed {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == END) {
                let found = entries(&text(&mut File::open(&path)?)?);
                stacks.extend(found.into_iter().next_back().map(|last| last.stack));
            }
        }
        stacks.sort();
        Ok(stacks)
    }

    /// The file of a stack. Names of stacks are fit to be names of files; what the engine calls a stack need not be.
    fn file(&self, stack: &str) -> PathBuf {
        let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let name = if !stack.is_empty() && stack.len() <= 200 && stack.chars().all(is_fit) {
            stack.to_owned()
        } else {
            format!("other.{}", hash::digest(stack.as_bytes()))
        };
        self.directory.join(format!("{name}.{END}"))
    }

    /// Keeps other processes from writing until the result is dropped. It is not waited for long: who has it may have been
    /// stopped, and a deployment that is not noted harms nobody.
    fn lock(&self) -> io::Result<File> {
        let path = self.directory.join("lock");
        let file = File::options().create(true).write(true).truncate(false).mode(0o600).open(path)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => sleep(WAIT),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "another process keeps it locked"))
    }

    /// Writes the entries that count, with a new one. Under the lock, so one file beside is enough.
    fn rewrite(&self, path: &Path, entries: &[Deployment], line: &str) -> io::Result<()> {
        let beside = path.with_extension("new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let mut text = String::new();
        for entry in &entries[entries.len().saturating_sub(self.keep - 1)..] {
            text += &serde_json::to_string(entry).map_err(io::Error::other)?;
            text.push('\n');
        }
        text += line;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

fn text(file: &mut File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LARGEST_FILE).read_to_end(&mut text)?;
    Ok(text)
}

fn entries(text: &[u8]) -> Vec<Deployment> {
    text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::Store;
    use crate::model::history::{Deployment, Outcome, ServiceNote};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    fn one(stack: &str, trigger: &str) -> Deployment {
        Deployment { stack: stack.to_owned(), trigger: trigger.to_owned(), ..Deployment::default() }
    }

    fn numbers(store: &Store, stack: &str) -> Vec<u64> {
        store.read(stack).expect("read").iter().map(|entry| entry.number).collect()
    }

    fn store(directory: &Path, keep: usize) -> Store {
        Store::new(directory.join("history"), keep)
    }

    #[test]
    fn the_newest_count_and_the_file_stays_small() {
        let folder = tempfile::tempdir().expect("folder");
        let store = store(folder.path(), 4);
        assert!(store.read("a").expect("read").is_empty() && store.stacks().expect("listed").is_empty());
        for _ in 0..23 {
            store.append(one("a", "poll")).expect("written");
            let lines = fs::read_to_string(store.file("a")).expect("file").lines().count();
            assert!(lines <= 6, "{lines}");
        }
        store.append(one("b", "poll")).expect("written");
        assert_eq!(numbers(&store, "a"), [20, 21, 22, 23]);
        assert_eq!(store.stacks().expect("listed"), ["a", "b"]);
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(store.directory()), mode(&store.file("a"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(store.directory()).expect("folder").count(), 3, "two files and the lock");
    }

    #[test]
    fn a_torn_line_is_passed_over_and_harms_no_other() {
        let folder = tempfile::tempdir().expect("folder");
        let store = store(folder.path(), 50);
        for _ in 0..3 {
            store.append(one("a", "poll")).expect("written");
        }
        let path = store.file("a");
        let text = fs::read_to_string(&path).expect("file");
        for cut in [1, 2, 20] {
            fs::write(&path, &text[..text.len() - cut]).expect("torn");
            let whole = if cut == 1 { 3 } else { 2 };
            assert_eq!(numbers(&store, "a").len(), whole, "only the end of the line is missing, or more");
            store.append(one("a", "files")).expect("written");
            let read = store.read("a").expect("read");
            assert_eq!(read.len(), whole + 1);
            assert_eq!(read[whole].trigger, "files");
        }
        fs::write(&path, b"\xff\xfe nonsense\n{}\n").expect("nonsense");
        store.append(one("a", "files")).expect("written");
        assert_eq!(numbers(&store, "a"), [1]);
    }

    #[test]
    fn two_writers_lose_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let stores = [store(folder.path(), 100), store(folder.path(), 100)];
        std::thread::scope(|scope| {
            for store in &stores {
                scope.spawn(move || {
                    for _ in 0..200 {
                        store.append(one("a", "poll")).expect("written");
                    }
                });
            }
        });
        let expected: Vec<u64> = (301..=400).collect();
        assert_eq!(numbers(&stores[0], "a"), expected);
    }

    #[test]
    fn a_lock_that_is_never_given_back_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("folder");
        let store = store(folder.path(), 5);
        store.append(one("a", "poll")).expect("written");
        let held = store.lock().expect("locked");
        assert!(store.append(one("a", "poll")).is_err());
        assert_eq!(numbers(&store, "a"), [1], "reading takes none");
        drop(held);
        store.append(one("a", "poll")).expect("written");
    }

    #[test]
    fn what_is_blocked_is_told_once() {
        let folder = tempfile::tempdir().expect("folder");
        let store = store(folder.path(), 5);
        let blocked = |reason: &str| Deployment {
            outcome: Outcome::Blocked,
            services: vec![ServiceNote {
                outcome: "blocked".to_owned(),
                reason: reason.to_owned(),
                ..ServiceNote::default()
            }],
            ..one("a", "poll")
        };
        for reason in ["x", "x", "y", "y"] {
            store.append(blocked(reason)).expect("written");
        }
        assert_eq!(numbers(&store, "a"), [1, 2]);
    }

    #[test]
    fn no_name_of_a_stack_leads_out_of_the_directory() {
        let folder = tempfile::tempdir().expect("folder");
        let store = store(folder.path(), 5);
        for name in ["../../x", "", "lock", "A/b", &"x".repeat(400)] {
            store.append(one(name, "poll")).expect("written");
            assert_eq!(numbers(&store, name), [1], "{name}");
            assert_eq!(store.file(name).parent(), Some(store.directory()));
        }
        assert!(super::Store::new(folder.path().join("none"), 0).append(one("a", "poll")).is_ok());
        assert!(!folder.path().join("none").exists(), "a history of nothing is none");
    }
}
