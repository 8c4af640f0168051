//! Processes that want the same stack at the same time.

use super::daemon::Daemon;
use crate::lab::{IMAGE, Lab, Run, STATE_DIR, changed, docker};
use crate::proxy::{Proxy, engine_socket};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An update takes some seconds: until the health check says so.
const STACK: &str = "\
name: PREFIX-l
services:
  app:
    image: IMAGE
    command: [sh, -c, 'sleep 3; touch /tmp/up; exec sleep 9999']
    environment: {LEVEL: info}
    init: true
    stop_grace_period: 0s
    healthcheck: {test: [CMD, test, -e, /tmp/up], interval: 200ms, timeout: 5s, retries: 100}
";

fn lab(test: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    lab.write("compose.yaml", STACK);
    lab.reconcile(&["."]).exits(0);
    Some(lab)
}

/// A run that goes on by itself.
fn begin(lab: &Lab, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_reconcile"))
        .args(args)
        .current_dir(lab.path())
        .env(STATE_DIR, lab.path().join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn end(child: Child) -> Run {
    child.wait_with_output().expect("it ends").into()
}

/// Waits until an update is under way: the lock is there, and the old container has made place.
#[track_caller]
fn under_way(lab: &Lab) {
    let (lock, old) = (lab.stack("l.lock"), lab.stack("l-app-1.prev"));
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let names = lab.containers();
        if names.contains_key(&lock) && names.contains_key(&old) {
            return;
        }
        assert!(Instant::now() < end, "no update is under way: {names:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Makes the update that follows take until [`release`].
fn hold(lab: &Lab) {
    lab.edit("compose.yaml", "sleep 3", "sleep 600");
}

/// Lets the new container of an update become healthy.
fn release(lab: &Lab) {
    lab.exec("l-app-1", "touch /tmp/up").exits(0);
}

fn names(lab: &Lab) -> Vec<String> {
    lab.containers().into_keys().collect()
}

#[test]
fn the_second_process_waits_and_finds_nothing_left_to_do() {
    let Some(lab) = lab("second") else { return };
    lab.edit("compose.yaml", "info", "debug");
    let first = begin(&lab, &["."]);
    under_way(&lab);
    let second = begin(&lab, &["."]);
    let first = end(first).exits(0);
    let updated = lab.containers().remove(&lab.stack("l-app-1"));
    let second = end(second).exits(0);
    assert!(first.stderr.contains("1 replaced"), "{first}");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a host name");
    let holder = format!("{} is being worked on by reconcile on {} (process ", lab.stack("l"), host.trim());
    assert!(second.stderr.contains(&holder) && second.stderr.contains(") since 2"), "{second}");
    assert!(second.stderr.contains("Nothing to do"), "{second}");
    assert_eq!(lab.containers().remove(&lab.stack("l-app-1")), updated, "it was replaced once");
    assert_eq!(names(&lab), [lab.stack("l-app-1")]);
}

#[test]
fn what_was_read_before_the_wait_does_not_undo_what_the_files_say_now() {
    let Some(lab) = lab("outdated") else { return };
    hold(&lab);
    lab.edit("compose.yaml", "info", "debug");
    let first = begin(&lab, &["."]);
    under_way(&lab);
    lab.edit("compose.yaml", "debug", "warn");
    let (lock, mut second) = (lab.stack("l.lock"), begin(&lab, &["."]));
    let mut said = BufReader::new(second.stderr.take().expect("its output")).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("waiting")), "it waits for the lock");
    assert!(names(&lab).contains(&lock), "the first one still works");
    lab.edit("compose.yaml", "warn", "error");
    lab.edit("compose.yaml", "sleep 600", "sleep 3");
    release(&lab);
    end(first).exits(0);
    let said: Vec<String> = said.collect();
    end(second).exits(0);
    assert!(said.iter().any(|line| line.contains("read again")), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("warn")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("error")), "{said:?}");
    assert_eq!(lab.exec("l-app-1", "echo $LEVEL").stdout, "error\n");
    assert_eq!(names(&lab), [lab.stack("l-app-1")]);
}

#[test]
fn who_does_not_want_to_wait_changes_nothing_and_who_only_looks_need_not() {
    let Some(lab) = lab("impatient") else { return };
    hold(&lab);
    lab.edit("compose.yaml", "info", "debug");
    let first = begin(&lab, &["."]);
    under_way(&lab);
    let before = lab.containers();
    let run = lab.reconcile(&["--lock-timeout", "0s", "--format", "json", "."]).exits(3);
    assert!(run.stderr.contains("nothing was changed"), "{run}");
    let report = run.json();
    assert_eq!(report["stacks"][0]["services"][0]["outcome"], "locked", "{run}");
    assert_eq!(report["outcomes"], serde_json::json!([]), "{run}");
    lab.reconcile(&["down", "--lock-timeout", "0s", &lab.stack("l")]).exits(3);
    lab.reconcile(&["--dry-run", "."]).exits(0);
    lab.reconcile(&["status", "."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
    release(&lab);
    end(first).exits(0);
}

#[test]
fn a_killed_process_does_not_block_the_next() {
    let Some(lab) = lab("killed") else { return };
    lab.edit("compose.yaml", "info", "debug");
    let mut first = begin(&lab, &["."]);
    under_way(&lab);
    first.kill().expect("killed");
    assert!(names(&lab).contains(&lab.stack("l.lock")), "its lock is left behind");
    // Nobody has asked for its exit code yet: it is a zombie.
    let run = lab.reconcile(&["--lock-timeout", "0s", "."]).exits(0);
    assert!(!run.stderr.contains("being worked on"), "{run}");
    assert_eq!(names(&lab), [lab.stack("l-app-1")]);
    assert_eq!(lab.exec("l-app-1", "echo $LEVEL").stdout, "debug\n");
    first.wait().expect("it ended");
}

#[test]
fn a_lock_that_a_dead_process_left_goes_with_a_run_that_has_nothing_to_do() {
    let Some(lab) = lab("swept") else { return };
    lab.edit("compose.yaml", "info", "debug");
    let mut first = begin(&lab, &["."]);
    under_way(&lab);
    first.kill().expect("killed");
    first.wait().expect("it ended");
    let labels = lab
        .inspect("l.lock", "{{range $key, $value := .Config.Labels}}{{$key}}={{$value}}{{println}}{{end}}");
    lab.reconcile(&["."]).exits(0);
    // As if it had been killed after its last step.
    let name = lab.stack("l.lock");
    let mut create = vec!["create", "--name", &name];
    create.extend(labels.lines().flat_map(|label| ["--label", label]));
    docker(&[&create[..], &[IMAGE, "true"]].concat()).exits(0);
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("Nothing to do"), "{run}");
    assert_eq!(names(&lab), [lab.stack("l-app-1")]);
}

#[test]
fn the_daemon_and_the_command_line_do_not_fight() {
    let Some(lab) = lab("daemon") else { return };
    let daemon = Daemon::start(&lab, &["."]);
    for (from, to) in [("info", "debug"), ("debug", "warn")] {
        lab.edit("compose.yaml", from, to);
        // Both see the change at the same time, more or less.
        let run = lab.reconcile(&["."]).exits(0);
        assert!(!run.stderr.contains("failed"), "{run}");
        assert_eq!(lab.exec("l-app-1", "echo $LEVEL").stdout, format!("{to}\n"));
    }
    let said = daemon.said();
    assert!(!said.contains("failed") && !said.contains("rolled back"), "{said}");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(names(&lab), [lab.stack("l-app-1")]);
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
}

#[test]
fn an_update_takes_one_lock_and_gives_it_back() {
    let (Some(lab), Some(engine)) = (lab("once"), engine_socket()) else { return };
    let proxy = Proxy::start(&lab.path().join("engine.sock"), &engine);
    lab.edit("compose.yaml", "info", "debug");
    lab.reconcile_with(&["."], &[("DOCKER_HOST", &proxy.address())]).exits(0);
    let requests = proxy.take();
    let taken: Vec<_> =
        requests.iter().filter(|line| line.contains("create?name=") && line.contains(".lock")).collect();
    assert_eq!(taken.len(), 1, "{requests:?}");
    let last = requests.last().expect("requests");
    assert!(last.starts_with("DELETE /"), "{requests:?}");
    assert_eq!(names(&lab), [lab.stack("l-app-1")]);
}
