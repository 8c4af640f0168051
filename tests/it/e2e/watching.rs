//! The daemon: what it follows, mends and leaves alone.

use crate::lab::{Lab, changed, docker};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STACK: &str = "\
name: PREFIX-NAME
services:
  app:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    environment: {LEVEL: info}
";

/// A daemon over the folder of a test, with what it says in a file beside it.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    pub fn start(lab: &Lab) -> Self {
        let log = std::env::temp_dir().join(format!("{}.log", lab.prefix));
        let file = File::create(&log).expect("log");
        let child = Command::new(env!("CARGO_BIN_EXE_reconcile"))
            .args(["watch", ".", "--interval", "1h"])
            .current_dir(lab.path())
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("log"))
            .stderr(file)
            .spawn()
            .expect("the program starts");
        Self { child, log }
    }

    /// Waits for something to hold.
    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < end, "{what} did not come:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().is_ok_and(|status| status.success()));
    }

    /// Asks it to end, and gives its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.code();
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After a failed assertion; what has ended already does not mind.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_file(&self.log));
    }
}

#[test]
fn the_daemon_applies_what_changes_and_mends_what_was_taken_away() {
    let Some(lab) = Lab::new("watch") else { return };
    for name in ["a", "b"] {
        lab.write(&format!("{name}/compose.yaml"), &STACK.replace("NAME", name));
    }
    let daemon = Daemon::start(&lab);
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
