//! `docs/getting-started.md`, followed word by word: its blocks are one shell script. A forge, a service for alerts and an
//! image stand in for those that it names, all on this machine.

use super::Repository;
use super::server::{Http, Manner};
use crate::lab::{IMAGE, Lab, Run};
use crate::receiver::{self, Receiver};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

const PAGE: &str = include_str!("../../../docs/getting-started.md");

/// What a reader would paste.
fn script() -> String {
    let blocks = PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| block).collect()
}

/// Puts this in place of all of that, which the page has to hold.
#[track_caller]
fn put(script: &mut String, from: &str, to: &str) {
    assert!(script.contains(from), "the page does not hold {from:?}");
    *script = script.replace(from, to);
}

#[test]
fn a_new_user_follows_the_page() {
    let Some(lab) = Lab::new("page") else { return };
    let repository = Repository::empty();
    let bare = repository.bare();
    repository.git(&["-C", &bare.to_string_lossy(), "config", "http.receivepack", "true"]);
    let forge = Http::start(repository.root(), Manner::Open);
    let topic = Receiver::http(receiver::Manner::Answer(200, "{}"));
    // Free a moment ago, and nobody else is given it so soon.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let mut script = script();
    let stack = lab.stack("hello");
    for (from, to) in [
        ("https://git.example.org/me/homelab.git", forge.address().as_str()),
        ("https://ntfy.sh/", &format!("http://{}/", topic.address)),
        ("busybox:1.37", IMAGE),
        ("8088", &port.to_string()),
        ("homelab/hello", &format!("homelab/{stack}")),
        ("down hello", &format!("down {stack}")),
    ] {
        put(&mut script, from, to);
    }
    let run = shell(&lab, &script).exits(0);
    for told in ["Hello.\n", "Hello again.\n", "quarantined", "in sync", "1 to create"] {
        assert!(run.stdout.contains(told), "{told:?} is not in {run}");
    }
    let said: String = topic.received().into_iter().map(|message| message.body + "\n").collect();
    assert!(said.contains("rolled back") && said.contains("frobnicate"), "{said}\n{run}");
    assert!(said.contains("as it should be again"), "{said}\n{run}");
    let left = lab.containers();
    assert!(left.is_empty(), "{left:?}");
}

/// Runs the script as a user whose home is the folder. Whatever it started ends with it.
fn shell(lab: &Lab, script: &str) -> Run {
    let program = Path::new(env!("CARGO_BIN_EXE_reconcile")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let guarded = format!("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
    let output = Command::new("timeout")
        .args(["240", "bash", "-c", &guarded])
        .current_dir(lab.path())
        .env("PATH", path)
        .env("HOME", lab.path())
        .envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.org")])
        .envs([("GIT_COMMITTER_NAME", "Ann"), ("GIT_COMMITTER_EMAIL", "ann@example.org")])
        .stdin(Stdio::null())
        .output()
        .expect("bash is installed");
    let log = std::fs::read_to_string(lab.path().join("server/log")).unwrap_or_default();
    let mut run = Run::from(output);
    run.stderr = format!("{}\n--- log of the daemon\n{log}", run.stderr);
    run
}
