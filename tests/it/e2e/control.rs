//! The control socket: what commands and the daemon of one machine have to say to each other.

use super::daemon::{Daemon, STACK};
use crate::lab::{Lab, Run};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

fn stack(lab: &Lab) {
    lab.write("stacks/a/compose.yaml", &(STACK.replace("NAME", "a") + "    network_mode: none\n"));
}

fn status(lab: &Lab) -> Run {
    lab.reconcile(&["status", "--stack", &lab.stack("a"), "stacks"])
}

fn is_settled(lab: &Lab) -> bool {
    status(lab).stdout.lines().any(|line| line.ends_with("  in sync"))
}

fn of_daemon(run: &Run) -> Vec<String> {
    let lines = run.stdout.lines().skip_while(|line| !line.starts_with("daemon"));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_status_tells_what_only_the_daemon_knows() {
    let Some(lab) = Lab::new("control") else { return };
    stack(&lab);
    assert!(of_daemon(&status(&lab)).is_empty(), "no daemon, no word of it");
    let json = || lab.reconcile(&["status", "--format", "json", "stacks"]).exits(0).json();
    assert!(json()["daemon"].is_null());

    let daemon = Daemon::start(&lab, &["stacks"]);
    let socket = lab.path().join("state/control.sock");
    daemon.until("its first look", || json()["daemon"]["sources"][0]["looked_at"].is_string());
    assert_eq!(fs::metadata(&socket).expect("the socket").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(lab.path().join("state")).expect("it").permissions().mode() & 0o777, 0o700);
    daemon.until("the stack", || is_settled(&lab));
    let lines = of_daemon(&status(&lab).exits(0));
    assert!(lines[0].ends_with(&format!("process {}", daemon.process())), "{lines:?}");
    assert!(lines[1].starts_with("  stacks: looked at 2") && lines[1].contains(", next at 2"), "{lines:?}");
    let told = json()["daemon"].clone();
    assert_eq!((&told["process"], &told["sources"][0]["name"]), (&daemon.process().into(), &"stacks".into()));
    assert!(told["sources"][0].get("stacks").is_none(), "{told}");

    // A mark that is made is no event of the engine: the hint tells the daemon.
    lab.reconcile(&["suspend", &lab.stack("a")]).exits(0);
    let debug = |text: &str| daemon.said().contains(text);
    lab.edit("stacks/a/compose.yaml", "LEVEL: info", "LEVEL: debug");
    daemon.until("the change that waits", || status(&lab).stdout.contains("waiting"));
    lab.reconcile(&["resume", &lab.stack("a")]).exits(0);
    daemon.until("the deployment", || debug("1 replaced") && is_settled(&lab));

    lab.write("stacks/b/compose.yaml", "services: [");
    daemon.until("the broken stack", || {
        of_daemon(&status(&lab)).iter().any(|line| line.ends_with("; 1 stack does not load"))
    });
    assert_eq!(daemon.stop(), Some(0));
    assert!(!socket.exists(), "it goes with its daemon");
    assert!(of_daemon(&status(&lab)).is_empty());
}

#[test]
fn a_daemon_that_hangs_or_died_holds_up_nobody() {
    let Some(lab) = Lab::new("hung") else { return };
    stack(&lab);
    let first = Daemon::start(&lab, &["stacks"]);
    first.until("the stack", || is_settled(&lab));
    let second = Daemon::start_beside(&lab, &["stacks"]);
    second.until("that the socket is taken", || second.said().contains("another daemon keeps"));
    assert!(of_daemon(&status(&lab))[0].ends_with(&format!("process {}", first.process())));

    first.signal("STOP");
    let begin = Instant::now();
    let run = status(&lab).exits(0);
    assert_eq!(of_daemon(&run), ["daemon: it runs, and does not answer"], "{run}");
    lab.reconcile(&["suspend", &lab.stack("a")]).exits(0);
    lab.reconcile(&["resume", &lab.stack("a")]).exits(0);
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());

    first.signal("KILL");
    // Until the other one takes its place, which it tries every ten seconds.
    let lines = of_daemon(&status(&lab).exits(0));
    assert!(lines.is_empty() || lines[0].ends_with(&format!("process {}", second.process())), "{lines:?}");
    second.until("its socket", || {
        let lines = of_daemon(&status(&lab).exits(0));
        lines.first().is_some_and(|line| line.ends_with(&format!("process {}", second.process())))
    });
    assert_eq!(second.stop(), Some(0));
}

#[test]
fn a_socket_that_cannot_be_made_keeps_nothing_else_from_being_done() {
    let Some(lab) = Lab::new("nosocket") else { return };
    stack(&lab);
    let long = format!("state/{}", "x".repeat(120));
    let long = lab.path().join(long);
    let variables = [("RECONCILE_STATE_DIR", long.to_str().expect("text"))];
    let daemon = Daemon::start_with(&lab, &["stacks"], &variables);
    daemon.until("the deployment", || daemon.said().contains("1 created"));
    assert!(daemon.said().contains("control.sock cannot be made"), "{}", daemon.said());
    assert_eq!(daemon.stop(), Some(0));
}
