//! Docker's own tools see the stacks. Skipped where the reference is not installed (`scripts/reference-compose.sh`).

use crate::lab::{Lab, Run, changed};
use std::path::Path;
use std::process::Command;

/// The reference in a directory: from `RECONCILE_TEST_COMPOSE`, a path to the `docker-compose` program.
pub fn compose(at: &Path, args: &[&str]) -> Option<Run> {
    let named = std::env::var_os("RECONCILE_TEST_COMPOSE").filter(|name| !name.is_empty());
    let Some(program) = named else {
        eprintln!("skipped: RECONCILE_TEST_COMPOSE names no docker-compose program");
        return None;
    };
    Some(Command::new(program).args(args).current_dir(at).output().expect("docker-compose starts").into())
}

const STACK: &str = "\
name: PREFIX-c
services:
  app:
    image: IMAGE
    command: [sh, -c, 'echo hello from app; sleep infinity']
    init: true
    stop_grace_period: 1s
    volumes: ['data:/data']
volumes: {data: {}}
";

#[test]
fn ls_ps_logs_exec_and_down_work_on_the_result() {
    let Some(lab) = Lab::new("compose") else { return };
    lab.write("compose.yaml", STACK);
    lab.reconcile(&["."]).exits(0);
    let name = lab.stack("c");
    let Some(ls) = compose(lab.path(), &["ls", "--format", "json"]) else { return };
    assert!(ls.stdout.contains(&name) && ls.stdout.contains("running(1)"), "{ls}");
    let project = |args: &[&str]| {
        compose(lab.path(), &[&["-p", &name], args].concat()).expect("checked above").exits(0)
    };
    let ps = project(&["ps", "--format", "json"]);
    assert!(ps.stdout.contains(&format!("{name}-app-1")), "{ps}");
    let logs = project(&["logs"]);
    assert!(logs.stdout.contains("hello from app"), "{logs}");
    let exec = project(&["exec", "-T", "app", "echo", "inside"]);
    assert_eq!(exec.stdout, "inside\n");
    let images = project(&["images"]);
    assert!(images.stdout.contains("busybox"), "{images}");
    project(&["down"]);
    assert!(lab.containers().is_empty());
}

#[test]
fn compose_up_finds_our_containers_running() {
    let Some(lab) = Lab::new("adopted") else { return };
    lab.write("compose.yaml", STACK);
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    let up = up.exits(0);
    assert!(up.stderr.contains("Running"), "{up}");
    assert_eq!(lab.containers(), before);
}

/// Docker's own hash of a service that shares a namespace covers the id of the other container.
#[test]
fn compose_up_finds_what_followed_a_replaced_service_running() {
    let Some(lab) = Lab::new("followed") else { return };
    lab.write(
        "compose.yaml",
        "\
name: PREFIX-c
x-base: &base {image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 0s}
services:
  base: {<<: *base, environment: {A: old}, volumes: ['data:/data', /cache]}
  sidecar: {<<: *base, network_mode: 'service:base', pid: 'service:base'}
  backup: {<<: *base, volumes_from: ['base:ro']}
volumes: {data: {}}
",
    );
    lab.reconcile(&["."]).exits(0);
    let first = lab.containers();
    lab.edit("compose.yaml", "A: old", "A: new");
    lab.reconcile(&["."]).exits(0);
    let second = lab.containers();
    assert_eq!(changed(&first, &second).len(), 3);
    assert!(
        !lab.exec("c-backup-1", "touch /cache/x || touch /data/x").stderr.is_empty(),
        "read-only it stays"
    );
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    up.exits(0);
    assert_eq!(lab.containers(), second);
}
