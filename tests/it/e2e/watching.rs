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
