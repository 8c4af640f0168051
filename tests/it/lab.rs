//! What a test on a real engine needs: a folder, the program, the engine's own view, and a clean end.
//!
//! Everything a test makes carries a stack name with the test's unique prefix, and is removed when the [`Lab`] is dropped,
//! also after a panic. Nothing else on the engine is touched.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A tiny image with busybox that `scripts/images.sh test` makes.
pub const IMAGE: &str = "reconcile-test/busybox:1";

/// The variable that says where the program keeps what it has to remember: never where this machine's own does.
pub const STATE_DIR: &str = "RECONCILE_STATE_DIR";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of stacks and the engine they are applied to.
pub struct Lab {
    dir: tempfile::TempDir,
    /// Prefix of every stack's name.
    pub prefix: String,
}

/// How a run of the program ended.
pub struct Run {
    /// Exit code.
    pub code: i32,
    /// Result.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
}

impl Run {
    /// The result as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The same, after checking the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Asserts that something was said, to stdout or stderr.
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "{text}: {self}");
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A command of Docker's own client.
pub fn docker(args: &[&str]) -> Run {
    Command::new("docker")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the docker client is installed")
        .into()
}

/// Whether an engine answers. Without one, tests on it are skipped, unless `RECONCILE_TEST_ENGINE=required`.
pub fn engine_is_there() -> bool {
    let there = Command::new("docker")
        .args(["version", "--format", "{{.Server.Version}}"])
        .output()
        .is_ok_and(|output| output.status.success());
    let required = std::env::var("RECONCILE_TEST_ENGINE").is_ok_and(|value| value == "required");
    assert!(there || !required, "an engine is required and none answers");
    if !there {
        eprintln!("skipped: no Docker engine answers");
    }
    there
}

impl Lab {
    /// An empty folder, or `None` (with a message) if there is no engine.
    pub fn new(test: &str) -> Option<Self> {
        if !engine_is_there() {
            return None;
        }
        assert_eq!(docker(&["image", "inspect", IMAGE]).code, 0, "run `scripts/images.sh test` for {IMAGE}");
        Some(Self::without_engine(test))
    }

    /// An empty folder for a test that needs no engine.
    pub fn without_engine(test: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("reconcile-test-{}-{number}-{test}", std::process::id());
        Self { dir: tempfile::tempdir().expect("a temporary folder"), prefix }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The full name of a stack.
    pub fn stack(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// Writes a file below the folder; `PREFIX` and `IMAGE` in it are filled in.
    pub fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().expect("a file has a parent")).expect("folder");
        fs::write(&path, text.replace("PREFIX", &self.prefix).replace("IMAGE", IMAGE)).expect("file");
        path
    }

    /// Replaces text in a file.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).expect("file");
        assert!(text.contains(from), "{file} does not hold {from:?}");
        fs::write(&path, text.replace(from, to)).expect("file");
    }

    /// Runs the program in the folder.
    pub fn reconcile(&self, args: &[&str]) -> Run {
        self.reconcile_with(args, &[])
    }

    /// Runs the program in the folder with more environment.
    pub fn reconcile_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Run {
        Command::new(env!("CARGO_BIN_EXE_reconcile"))
            .args(args)
            .current_dir(self.path())
            .env(STATE_DIR, self.path().join("state"))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("the program starts")
            .into()
    }

    /// Every container of the test's stacks: name to (id, start time), by the engine's own client.
    pub fn containers(&self) -> BTreeMap<String, (String, String)> {
        let names =
            docker(&["ps", "-a", "--filter", &format!("name={}", self.prefix), "--format", "{{.Names}}"]);
        names
            .stdout
            .lines()
            .filter_map(|name| {
                // The daemon may have removed or renamed it meanwhile.
                let facts = docker(&["inspect", "-f", "{{.Id}} {{.State.StartedAt}}", name]).stdout;
                let (id, started) = facts.trim().split_once(' ')?;
                Some((name.to_owned(), (id.to_owned(), started.to_owned())))
            })
            .collect()
    }

    /// Runs a shell line in a container of a stack.
    pub fn exec(&self, container: &str, line: &str) -> Run {
        docker(&["exec", &self.stack(container), "sh", "-c", line])
    }

    /// A value of `docker inspect`.
    pub fn inspect(&self, container: &str, format: &str) -> String {
        docker(&["inspect", "-f", format, &self.stack(container)]).stdout.trim().to_owned()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let filter = format!("name={}", self.prefix);
        for (list, remove) in [
            (&["ps", "-aq"][..], &["rm", "-f", "-v"][..]),
            (&["network", "ls", "-q"], &["network", "rm"]),
            (&["volume", "ls", "-q"], &["volume", "rm"]),
        ] {
            let found = docker(&[list, &["--filter", &filter]].concat()).stdout;
            let found: Vec<&str> = found.lines().collect();
            if !found.is_empty() {
                docker(&[remove, &found].concat());
            }
        }
        let images = docker(&[
            "images",
            "--filter",
            &format!("reference={}*", self.prefix),
            "--format",
            "{{.Repository}}:{{.Tag}}",
        ])
        .stdout;
        // Podman lists every name of an image that has one such; and, forced, removes it with all containers of it.
        for image in images.lines().filter(|image| image.contains(&self.prefix)) {
            docker(&["rmi", image]);
        }
    }
}

/// Names that are in both maps with different values, or in one only: what changed between two looks.
pub fn changed(
    before: &BTreeMap<String, (String, String)>,
    after: &BTreeMap<String, (String, String)>,
) -> Vec<String> {
    let mut names: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|name| before.get(*name) != after.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}
