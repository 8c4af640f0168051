//! Going back to an earlier commit, staying there, and going on.

use super::{Repository, reconcile};
use crate::e2e::daemon::Daemon;
use crate::lab::{IMAGE, Lab, Run, changed};
use serde_json::Value;
use std::process::{Command, Stdio};

const FILES: &str = "\
name: NAME
services:
  app:
    image: IMAGE
    command: [sh, -c, 'test \"$$(cat /conf/flag)\" != broken && exec sleep infinity']
    init: true
    network_mode: none
    stop_grace_period: 1s
    volumes: ['./conf:/conf:ro']
  other:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    network_mode: none
    stop_grace_period: 1s
";

struct Case {
    lab: Lab,
    repository: Repository,
    commits: Vec<String>,
}

impl Case {
    /// Three commits, each applied by a run, and a second stack that none of them changes.
    fn new(test: &str) -> Option<Self> {
        let lab = Lab::new(test)?;
        let repository = Repository::empty();
        lab.write(
            "reconcile.yaml",
            &format!("state_dir: state\nsources:\n  x: {{git: '{}', interval: 1s}}\n", repository.address()),
        );
        let mut case = Self { lab, repository, commits: Vec::new() };
        for flag in ["one", "two", "three"] {
            case.push(flag);
            case.run(&[]).exits(0);
        }
        Some(case)
    }

    fn push(&mut self, flag: &str) {
        let text = |name: &str| FILES.replace("NAME", &self.lab.stack(name)).replace("IMAGE", IMAGE);
        let (web, quiet) = (text("web"), text("quiet"));
        let files = [
            ("web/compose.yaml", web.as_str()),
            ("web/conf/flag", flag),
            ("quiet/compose.yaml", &quiet),
            ("quiet/conf/flag", "x"),
        ];
        self.commits.push(self.repository.push(flag, &files));
    }

    fn run(&self, args: &[&str]) -> Run {
        reconcile(&self.lab, &[&["--config", "reconcile.yaml"], args].concat())
    }

    fn flag(&self) -> String {
        self.lab.exec("web-app-1", "cat /conf/flag").stdout
    }

    /// The deployments of the stack, newest first.
    fn history(&self) -> Vec<Value> {
        let run = self.run(&["history", &self.lab.stack("web"), "--format", "json"]);
        run.json()["deployments"].as_array().expect("a list").clone()
    }

    fn status(&self) -> Value {
        let run = self.run(&["status", "--format", "json"]).json();
        let stacks = run["stacks"].as_array().expect("stacks").clone();
        let name = self.lab.stack("web");
        stacks.into_iter().find(|stack| stack["name"] == name.as_str()).expect("the stack")
    }
}

#[test]
fn a_stack_goes_back_and_stays_until_it_is_resumed() {
    let Some(mut case) = Case::new("rollback") else { return };
    let web = case.lab.stack("web");
    let commits: Vec<Value> = case.history().iter().map(|one| one["commit"]["id"].clone()).collect();
    let expected: Vec<Value> = case.commits.iter().rev().map(|id| id.as_str().into()).collect();
    assert_eq!(commits, expected);
    assert_eq!(case.history()[0]["commit"]["subject"], "three");
    assert_eq!(case.status()["commit"]["id"], case.commits[2].as_str());

    let before = case.lab.containers();
    let dry = case.run(&["rollback", &web, "--dry-run", "--format", "json"]).exits(0).json();
    assert_eq!((&dry["commit"]["subject"], &dry["commit"]["author"]), (&"two".into(), &"Ann".into()));
    assert_eq!(dry["stacks"].as_array().map(Vec::len), Some(1), "only that stack");
    assert_eq!(dry["suspends"], web.as_str());
    let dry = case.run(&["rollback", &web, "1", "--dry-run"]).exits(0);
    let lines: Vec<&str> = dry.stdout.lines().map(str::trim).collect();
    for line in ["web/conf/flag", "-three", "+one"] {
        assert!(lines.contains(&line), "what the mounted file says: {dry}");
    }
    let short = &case.commits[0][..8];
    assert!(dry.stdout.contains(&format!("Stack {web} would be suspended as {short} says")), "{dry}");
    assert_eq!(changed(&before, &case.lab.containers()), Vec::<String>::new());

    // To the first, by its number, with its files, while the repository cannot be reached.
    let away = case.repository.root().join("away");
    std::fs::rename(case.repository.bare(), &away).expect("moved");
    let run = case.run(&["rollback", &web, "1"]).exits(0);
    assert!(run.stderr.contains(&format!("reconcile resume {web}")), "{run}");
    std::fs::rename(&away, case.repository.bare()).expect("moved");
    assert_eq!(case.flag(), "one");
    let names = [case.lab.stack("web-app-1"), format!("{web}.suspended")];
    assert_eq!(changed(&before, &case.lab.containers()), names);
    assert_eq!(
        (&case.history()[0]["trigger"], &case.history()[0]["outcome"]),
        (&"rollback".into(), &"applied".into())
    );
    let status = case.status();
    let short = &case.commits[0][..8];
    assert_eq!(status["suspended"]["reason"], format!("rolled back to {short}"));
    assert_eq!(status["commit"]["id"], case.commits[0].as_str());

    // Neither a run nor the daemon takes it forward, not even to something new.
    case.run(&[]).exits(0);
    assert_eq!(case.flag(), "one");
    let daemon = Daemon::start(&case.lab, &["--config", "reconcile.yaml"]);
    case.push("four");
    let fourth = case.commits[3][..8].to_owned();
    daemon.until("the look", || daemon.said().contains(&fourth));
    crate::lab::docker(&["stop", "-t", "1", &case.lab.stack("web-app-1")]);
    daemon.until("its repair", || case.flag() == "one");
    reconcile(&case.lab, &["resume", &web]).exits(0);
    daemon.until("the newest revision", || case.flag() == "four");
    daemon.until("its note", || case.history()[0]["commit"]["subject"] == "four");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(case.status()["suspended"], Value::Null);

    // By the begin of its id; then once more, which leads further back and not to where it came from.
    case.run(&["rollback", &web, &case.commits[1][..7]]).exits(0);
    assert_eq!(case.flag(), "two");
    case.run(&["rollback", &web]).exits(0);
    assert_eq!(case.flag(), "one");
}

#[test]
fn a_rollback_that_cannot_be_done_changes_nothing() {
    let Some(case) = Case::new("rollbackno") else { return };
    let web = case.lab.stack("web");
    let before = case.lab.containers();
    let unknown = "0123456789012345678901234567890123456789";
    for (revision, expected) in [
        (unknown, "there is no commit 0123456789"),
        ("nonsense", "there is no branch, tag or commit nonsense"),
        ("abcdef1", "all 40 digits"),
    ] {
        let run = case.run(&["rollback", &web, revision]).exits(1);
        assert!(run.stderr.contains(expected), "{run}");
    }
    let run = case.run(&["rollback", &case.lab.stack("nobody"), "main"]).exits(1);
    assert!(run.stderr.contains("there is no stack"), "{run}");
    let run = case.run(&["rollback", &case.lab.stack("quiet")]).exits(1);
    assert!(run.stderr.contains("no other commit was applied to it before"), "{run}");
    case.lab.write("dir/compose.yaml", "name: x\nservices: {a: {image: IMAGE}}\n");
    let run = reconcile(&case.lab, &["rollback", &web, "1", "dir"]).exits(1);
    assert!(run.stderr.contains("is a directory, which has no earlier revisions"), "{run}");
    assert_eq!(changed(&before, &case.lab.containers()), Vec::<String>::new());
}

#[test]
fn one_that_fails_says_so_and_one_that_is_killed_is_not_undone() {
    let Some(mut case) = Case::new("rollbackfail") else { return };
    let web = case.lab.stack("web");
    case.push("broken");
    let broken = case.commits[3].clone();
    let run = case.run(&["rollback", &web, &broken]).exits(3);
    assert!(run.stderr.contains("is not as") && run.stderr.contains("It is suspended"), "{run}");
    assert_eq!(case.flag(), "three", "what served before serves");
    assert_eq!(case.status()["suspended"]["reason"], format!("rollback to {} is incomplete", &broken[..8]));
    reconcile(&case.lab, &["resume", &web]).exits(0);

    // Killed as soon as it begins to replace: the daemon puts nothing back to where it came from.
    let before = case.lab.inspect("web-app-1", "{{.Id}}");
    let mut child = Command::new(env!("CARGO_BIN_EXE_reconcile"))
        .args(["--config", "reconcile.yaml", "rollback", &web, "1"])
        .current_dir(case.lab.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while case.lab.inspect("web-app-1.prev", "{{.Id}}") != before {
        assert!(std::time::Instant::now() < end, "it does not begin");
    }
    child.kill().expect("killed");
    child.wait().expect("it ended");
    assert!(
        case.status()["suspended"]["reason"].as_str().is_some_and(|text| text.starts_with("rolled back"))
    );
    case.run(&[]);
    case.run(&["rollback", &web, "1"]).exits(0);
    assert_eq!(case.flag(), "one");
    case.run(&[]).exits(0);
    assert_eq!(case.flag(), "one");
}
