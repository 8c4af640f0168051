//! Several sources on one host, named by its settings.

use super::daemon::{Daemon, STACK};
use crate::lab::{Lab, changed, docker};

fn two_sources(test: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    for (folder, name) in [("one", "a"), ("two", "b"), ("two", "c")] {
        lab.write(&format!("{folder}/{name}/compose.yaml"), &STACK.replace("NAME", name));
    }
    lab.write("reconcile.yaml", "sources:\n  first: {dir: one}\n  second: {dir: two, prune: true}\n");
    Some(lab)
}

#[test]
fn one_run_applies_all_sources_and_takes_none_for_the_other() {
    let Some(lab) = two_sources("sources") else { return };
    lab.reconcile(&[]).exits(0);
    let before = lab.containers();
    assert_eq!(before.len(), 3, "{before:?}");
    lab.reconcile(&["--detailed-exitcode", "--config", "reconcile.yaml"]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());

    let status = lab.reconcile(&["status", "--format", "json"]).exits(0).json();
    let stacks: Vec<&str> = status["stacks"]
        .as_array()
        .expect("stacks")
        .iter()
        .filter_map(|stack| stack["name"].as_str())
        .collect();
    for name in ["a", "b", "c"] {
        assert!(stacks.contains(&lab.stack(name).as_str()), "{status}");
    }

    std::fs::remove_dir_all(lab.path().join("two/c")).expect("removed");
    lab.edit("one/a/compose.yaml", "info", "debug");
    let preview = lab.reconcile(&["--dry-run"]).exits(0);
    assert!(preview.stderr.contains("source first") && preview.stderr.contains("source second"), "{preview}");
    lab.write("reconcile.yaml", "sources:\n  first: {dir: one}\n  second: {dir: two, prune: false}\n");
    lab.reconcile(&[]).exits(0);
    assert_eq!(
        changed(&before, &lab.containers()),
        [lab.stack("a-app-1")],
        "without prune a stack that is gone stays"
    );
    lab.write("reconcile.yaml", "sources:\n  first: {dir: one}\n  second: {dir: two}\n");
    lab.reconcile(&[]).exits(0);
    assert_eq!(lab.containers().len(), 2);
}

#[test]
fn settings_that_are_wrong_change_nothing() {
    let Some(lab) = two_sources("badsources") else { return };
    lab.write("reconcile.yaml", "sources:\n  first: {dir: one}\n  second: {dri: two}\n");
    let run = lab.reconcile(&[]).exits(1);
    assert!(
        run.stderr.contains("reconcile.yaml:3:12") && run.stderr.contains("did you mean `dir`?"),
        "{run}"
    );
    assert!(lab.containers().is_empty());
    // A stack that both have belongs to the first.
    lab.write("two/b/compose.yaml", &STACK.replace("NAME", "a").replace("info", "other"));
    lab.write("reconcile.yaml", "sources:\n  first: {dir: one}\n  second: {dir: two}\n");
    let run = lab.reconcile(&[]).exits(3);
    assert!(run.stderr.contains("two/b/compose.yaml:1:1"), "{run}");
    assert_eq!(lab.exec("a-app-1", "echo $LEVEL").stdout, "info\n");
    assert_eq!(lab.containers().len(), 2, "a of the first, and c");
}

#[test]
fn the_daemon_follows_all_sources() {
    let Some(lab) = two_sources("watchsources") else { return };
    let daemon = Daemon::start(&lab, &["--config", "reconcile.yaml"]);
    daemon.until("all stacks", || lab.containers().len() == 3);
    lab.edit("two/b/compose.yaml", "info", "debug");
    daemon.until("the new value", || lab.exec("b-app-1", "echo $LEVEL").stdout == "debug\n");
    docker(&["rm", "-f", &lab.stack("a-app-1")]);
    daemon.until("what was removed by hand", || lab.containers().contains_key(&lab.stack("a-app-1")));
    assert_eq!(daemon.stop(), Some(0));
}
