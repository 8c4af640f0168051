//! Git repositories as sources: real repositories, and servers on loopback.

mod following;
mod getting_started;
mod network;
mod reading;
mod rollback;
mod server;

use crate::lab::{Lab, Run};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository, with a work tree that is pushed to it.
pub struct Repository {
    dir: tempfile::TempDir,
}

impl Repository {
    /// A bare repository with nothing in it.
    pub fn empty() -> Self {
        let repository = Self { dir: tempfile::tempdir().expect("folder") };
        for args in
            [&["init", "-q", "-b", "main", "work"][..], &["init", "-q", "--bare", "-b", "main", "x.git"]]
        {
            repository.run(repository.dir.path(), args);
        }
        repository.git(&["remote", "add", "origin", "../x.git"]);
        for (key, value) in
            [("uploadpack.allowAnySHA1InWant", "false"), ("receive.denyDeleteCurrent", "ignore")]
        {
            repository.run(&repository.bare(), &["config", key, value]);
        }
        repository
    }

    /// A repository whose stacks are these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repository = Self::empty();
        repository.push("first", files);
        repository
    }

    /// The bare repository.
    pub fn bare(&self) -> PathBuf {
        self.dir.path().join("x.git")
    }

    /// The folder that the bare repository lies in.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Its address on this machine.
    pub fn address(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    /// The work tree.
    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// A git command in the work tree.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        self.run(&self.work(), args)
    }

    #[track_caller]
    fn run(&self, directory: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=Ann",
                "-c",
                "user.email=ann@example.org",
                "-c",
                "protocol.file.allow=always",
            ])
            .args(args)
            .current_dir(directory)
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null())
            .output()
            .expect("git is installed");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Writes files, commits and pushes all; gives the commit's id.
    #[track_caller]
    pub fn push(&self, subject: &str, files: &[(&str, &str)]) -> String {
        for (file, text) in files {
            let path = self.work().join(file);
            std::fs::create_dir_all(path.parent().expect("a file has a parent")).expect("folder");
            std::fs::write(path, text).expect("file");
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", subject]);
        self.git(&["push", "-q", "-f", "origin", "HEAD:main"]);
        self.git(&["rev-parse", "HEAD"])
    }
}

/// One stack of one service.
pub const STACK: &str = "name: git-try\nservices: {app: {image: x, environment: {LEVEL: one}}}\n";

/// Runs the program on a repository, with a state directory in the lab.
pub fn reconcile(lab: &Lab, args: &[&str]) -> Run {
    reconcile_with(lab, args, &[("SSH_AUTH_SOCK", "")])
}

/// The same with variables of the environment.
pub fn reconcile_with(lab: &Lab, args: &[&str], variables: &[(&str, &str)]) -> Run {
    let state = lab.path().join("state");
    let home = lab.path().join("home");
    std::fs::create_dir_all(&home).expect("folder");
    let state = state.to_string_lossy().into_owned();
    let all: Vec<&str> = ["--state-dir", &state].into_iter().chain(args.iter().copied()).collect();
    let home = home.to_string_lossy();
    let variables: Vec<(&str, &str)> =
        [("HOME", &*home)].into_iter().chain(variables.iter().copied()).collect();
    lab.reconcile_with(&all, &variables)
}

/// The value of `LEVEL` that a source asks for.
#[track_caller]
pub fn level(run: Run) -> String {
    let text = run.exits(0).stdout;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("LEVEL: "));
    line.unwrap_or_else(|| panic!("no level in {text}")).to_owned()
}
