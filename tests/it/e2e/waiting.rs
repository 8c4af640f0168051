//! Stacks that are not to be changed now.

use crate::lab::{Lab, changed, docker};

const STACK: &str = "\
name: PREFIX-w
x-reconcile: SETTINGS
services:
  app:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 0s
    environment: {LEVEL: info}
";
/// A window that opens each minute for an hour never closes.
const FROZEN: &str = "{schedule: {freeze: {audit: {cron: '* * * * *', duration: 1h}}}}";

fn lab(test: &str, settings: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    lab.write("compose.yaml", &STACK.replace("SETTINGS", settings));
    Some(lab)
}

#[test]
fn a_frozen_stack_waits_and_is_kept_running() {
    let Some(lab) = lab("frozen", FROZEN) else { return };
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("frozen") && lab.containers().is_empty(), "{run}");
    lab.reconcile(&["--now", "."]).exits(0);
    let before = lab.containers();
    assert_eq!(before.len(), 1);

    lab.edit("compose.yaml", "info", "debug");
    let preview = lab.reconcile(&["--dry-run", "--format", "json", "."]).exits(0).json();
    assert_eq!(preview["stacks"][0]["services"][0]["action"], "wait", "{preview}");
    assert_eq!(
        preview["stacks"][0]["services"][0]["causes"][0]["path"], "schedule.freeze.audit",
        "{preview}"
    );
    assert_eq!((&preview["summary"]["wait"], &preview["steps"]), (&1.into(), &serde_json::json!([])));
    docker(&["stop", "-t", "0", &lab.stack("w-app-1")]).exits(0);
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("1 started"), "{run}");
    assert_eq!(lab.exec("w-app-1", "echo $LEVEL").stdout, "info\n");
    let status = lab.reconcile(&["status", "."]).exits(0);
    assert!(status.stdout.contains("waiting (schedule: schedule.freeze.audit"), "{status}");

    lab.reconcile(&["--now", "."]).exits(0);
    assert_eq!(lab.exec("w-app-1", "echo $LEVEL").stdout, "debug\n");
}

#[test]
fn a_suspended_stack_waits_for_whoever_steers_the_engine() {
    let Some(lab) = lab("suspended", "{}") else { return };
    lab.reconcile(&["."]).exits(0);
    let stack = lab.stack("w");
    let run = lab.reconcile(&["suspend", &stack[..stack.len() - 1]]).exits(1);
    assert!(run.stderr.contains(&format!("did you mean {stack:?}?")), "{run}");
    lab.reconcile(&["suspend", &stack]).exits(0);
    lab.reconcile(&["suspend", &stack, "--reason", "looking into the leak", "--for", "2h"]).exits(0);
    let before = lab.containers();
    lab.edit("compose.yaml", "info", "debug");
    let run = lab.reconcile(&["--now", "."]).exits(0);
    assert!(run.stderr.contains("looking into the leak"), "{run}");
    let status = lab.reconcile(&["status", "."]).exits(0);
    assert!(status.stdout.contains(&format!("{stack} is suspended since")), "{status}");
    let status = lab.reconcile(&["status", "--stack", &stack, "--format", "json", "."]).exits(0).json();
    assert_eq!(status["stacks"][0]["suspended"]["reason"], "looking into the leak", "{status}");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());

    // A suspension whose time is over holds nothing back, and nobody is told of it. Tests beside this one suspend stacks
    // of their own.
    lab.reconcile(&["suspend", &stack, "--for", "1s"]).exits(0);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let status = lab.reconcile(&["status", "."]).exits(0);
    assert!(!status.stdout.contains(&format!("{stack} is suspended")), "{status}");
    lab.reconcile(&["resume", &stack]).exits(0);
    let run = lab.reconcile(&["resume", &stack]).exits(0);
    assert!(run.stderr.contains("not suspended"), "{run}");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.exec("w-app-1", "echo $LEVEL").stdout, "debug\n");
    assert_eq!(lab.containers().len(), 1, "the mark is gone");
}
