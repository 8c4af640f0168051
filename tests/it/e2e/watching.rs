//! The daemon: what it follows, mends and leaves alone.

use super::daemon::{Daemon, STACK};
use crate::lab::{Lab, changed, docker};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

#[test]
fn the_daemon_applies_what_changes_and_mends_what_was_taken_away() {
    let Some(lab) = Lab::new("watch") else { return };
    for name in ["a", "b"] {
        lab.write(&format!("{name}/compose.yaml"), &STACK.replace("NAME", name));
    }
    let daemon = Daemon::start(&lab, &["."]);
    let is_up = |name: &str| docker(&["inspect", "-f", "{{.State.Running}}", name]).stdout.trim() == "true";
    let (a, b) = (lab.stack("a-app-1"), lab.stack("b-app-1"));
    daemon.until("both stacks", || is_up(&a) && is_up(&b));

    let before = lab.containers();
    lab.edit("a/compose.yaml", "info", "debug");
    daemon.until("the new value", || lab.exec("a-app-1", "echo $LEVEL").stdout == "debug\n");
    daemon.until("the end of the update", || lab.containers().len() == 2);
    assert_eq!(changed(&before, &lab.containers()), std::slice::from_ref(&a), "{}", daemon.said());

    docker(&["rm", "-f", &b]);
    daemon.until("the container that was removed by hand", || is_up(&b));

    lab.write("a/compose.yaml", "services: [");
    daemon.until("the complaint", || daemon.said().contains("a/compose.yaml:1:12"));
    let before = lab.containers();
    lab.edit("b/compose.yaml", "info", "warn");
    daemon.until("the other stack", || lab.exec("b-app-1", "echo $LEVEL").stdout == "warn\n");
    daemon.until("the end of the update", || lab.containers().len() == 2);
    assert_eq!(changed(&before, &lab.containers()), [b], "a broken stack is left as it is");

    daemon.signal("HUP");
    let before = lab.containers();
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new(), "ending changes nothing");
}

#[test]
fn limits_that_docker_update_changed_are_mended_by_the_daemon_and_by_a_run_that_looks() {
    let Some(lab) = Lab::new("update") else { return };
    let limited =
        |name: &str, more: &str| format!("{}    mem_limit: 64m\n{more}", STACK.replace("NAME", name));
    lab.write("a/compose.yaml", &limited("a", ""));
    lab.write("b/compose.yaml", &limited("b", "    x-reconcile: {drift: warn}\n"));
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    let (a, b) = (lab.stack("a-app-1"), lab.stack("b-app-1"));
    let memory =
        |name: &str| docker(&["inspect", "-f", "{{.HostConfig.Memory}}", name]).stdout.trim().to_owned();
    let [small, large] = [64 << 20, 96 << 20].map(|bytes: u64| bytes.to_string());
    let raise = |name: &str| {
        docker(&["update", "--memory", "96m", "--memory-swap", "-1", name]).exits(0);
        assert_eq!(memory(name), large);
    };

    raise(&a);
    lab.reconcile(&["--dry-run", "--detailed-exitcode", "."]).exits(0);
    let run = lab.reconcile(&["--dry-run", "--detailed-exitcode", "--inspect", "."]).exits(2);
    assert!(run.stdout.contains("changed on the engine: mem_limit: 96m -> 64m"), "{run}");
    lab.reconcile(&["--dry-run", "--inspect", "--out", "p.json", "."]).exits(0);
    lab.reconcile(&["apply", "p.json"]).exits(0);
    assert_eq!((memory(&a), changed(&before, &lab.containers())), (small.clone(), vec![a.clone()]));

    // What was changed while nobody looked is found at the start, or as soon as its stack loads.
    raise(&a);
    lab.write("a/compose.yaml", "services: [");
    let daemon = Daemon::start(&lab, &["."]);
    daemon.until("the complaint", || daemon.said().contains("a/compose.yaml:1:12"));
    assert_eq!(memory(&a), large, "a broken stack is left as it is");
    lab.write("a/compose.yaml", &limited("a", ""));
    daemon.until("the limit at the start", || memory(&a) == small);
    daemon.until("the end of the update", || lab.containers().len() == 2);
    let before = lab.containers();
    raise(&b);
    daemon.until("the word about the other one", || daemon.said().contains("mem_limit: 96m -> 64m"));
    raise(&a);
    daemon.until("the limit later on", || memory(&a) == small);
    daemon.until("the end of the update", || lab.containers().len() == 2);
    assert_eq!(changed(&before, &lab.containers()), [a], "{}", daemon.said());
    assert_eq!(memory(&b), large, "its owner wants it left");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn systemd_is_told_that_it_is_up_alive_and_about_to_end() {
    let Some(lab) = Lab::new("notify") else { return };
    lab.write("a/compose.yaml", &STACK.replace("NAME", "a"));
    let path = lab.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    let heard = || {
        let mut text = [0; 100];
        let length = socket.recv(&mut text).expect("a message");
        String::from_utf8_lossy(&text[..length]).trim().to_owned()
    };
    let path = path.display().to_string();
    let variables = [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "300000")];
    let daemon = Daemon::start_with(&lab, &["a"], &variables);
    assert_eq!(heard(), "READY=1");
    for _ in 0..5 {
        assert_eq!(heard(), "WATCHDOG=1");
    }
    daemon.signal("TERM");
    while heard() != "STOPPING=1" {}
    assert_eq!(daemon.stop(), Some(0));
}
