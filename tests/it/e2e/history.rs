//! What was deployed, as the files of the history tell it.

use super::daemon::{Daemon, STACK};
use crate::lab::{Lab, docker};
use serde_json::Value;

/// The deployments of a stack, newest first.
fn deployments(lab: &Lab, stack: &str) -> Vec<Value> {
    let run = lab.reconcile(&["history", &lab.stack(stack), "--format", "json"]);
    if run.code == 0 { run.json()["deployments"].as_array().expect("a list").clone() } else { Vec::new() }
}

#[test]
fn what_was_changed_is_told_and_what_was_not_is_not() {
    let Some(lab) = Lab::new("history") else { return };
    let text = STACK.replace("NAME", "a").replace("{LEVEL: info}", "{LEVEL: info, DB_PASSWORD: hunter22}");
    lab.write("stacks/a/compose.yaml", &text);
    lab.write("stacks/b/compose.yaml", &STACK.replace("NAME", "b"));
    lab.reconcile(&["--dry-run", "stacks"]).exits(0);
    assert!(!lab.path().join("state").exists(), "a dry run is no deployment");
    lab.reconcile(&["stacks"]).exits(0);
    lab.reconcile(&["stacks"]).exits(0);
    assert_eq!((deployments(&lab, "a").len(), deployments(&lab, "b").len()), (1, 1));
    lab.edit("stacks/a/compose.yaml", "[sleep, infinity]", "[sh, -c, 'echo it is hunter22; exit 7']");
    lab.edit("stacks/a/compose.yaml", "LEVEL: info", "LEVEL: debug");
    lab.reconcile(&["stacks"]).exits(3);
    lab.reconcile(&["stacks"]).exits(3);

    let all = deployments(&lab, "a");
    assert_eq!((all.len(), deployments(&lab, "b").len()), (2, 1), "of the quarantine it was told before");
    let last = &all[0];
    assert_eq!(
        (&last["number"], &last["outcome"], &last["trigger"], &last["by"]),
        (&2.into(), &"rolled_back".into(), &"run".into(), &"command".into())
    );
    let app = &last["services"][0];
    assert_eq!(app["failures"][0]["logs"][0], "it is ***");
    assert_eq!(app["failures"][0]["exit_code"], 7);
    assert!(app["causes"].to_string().contains("environment.LEVEL: info -> debug"), "{app}");
    let files = std::fs::read_to_string(lab.path().join(format!("state/history/{}.jsonl", lab.stack("a"))));
    assert!(!files.expect("a file").contains("hunter22"));

    let listed = lab.reconcile(&["history"]).exits(0).stdout;
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let told = lab.reconcile(&["history", &lab.stack("a"), "2"]).exits(0).stdout;
    assert!(told.contains("service app: replace, rolled back") && told.contains("| it is ***"), "{told}");
    let run = lab.reconcile(&["history", &lab.stack("c")]).exits(1);
    assert!(run.stderr.contains("did you mean"), "{run}");
    lab.reconcile(&["history", &lab.stack("a"), "3"]).exits(1);
}

#[test]
fn the_daemon_tells_why_it_looked() {
    let Some(lab) = Lab::new("historyd") else { return };
    lab.write("stacks/a/compose.yaml", &STACK.replace("NAME", "a"));
    lab.write("reconcile.yaml", "history: 2\nsources:\n  home: {dir: stacks}\n");
    let daemon = Daemon::start(&lab, &["--config", "reconcile.yaml"]);
    let last = || deployments(&lab, "a").first().cloned().unwrap_or_default();
    daemon.until("the first deployment", || last()["trigger"] == "start");
    lab.edit("stacks/a/compose.yaml", "info", "debug");
    daemon.until("the change", || last()["trigger"] == "files");
    docker(&["stop", "-t", "1", &lab.stack("a-app-1")]);
    daemon.until("the repair", || last()["trigger"] == "engine");
    let last = last();
    assert_eq!(
        (&last["number"], &last["by"], &last["source"]),
        (&3.into(), &"daemon".into(), &"home".into())
    );
    assert_eq!(last["outcome"], "applied");
    assert_eq!(deployments(&lab, "a").len(), 2, "as many as the settings say");
    // A history that cannot be written holds nothing up.
    std::fs::remove_dir_all(lab.path().join("state/history")).expect("removed");
    std::fs::write(lab.path().join("state/history"), "in the way").expect("file");
    lab.edit("stacks/a/compose.yaml", "debug", "trace");
    let level = || lab.exec("a-app-1", "echo $LEVEL").stdout;
    daemon.until("the next change", || level() == "trace\n");
    daemon.until("the warning", || daemon.said().contains("cannot be written"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_is_blocked_is_noted_once() {
    let Some(lab) = Lab::new("historyb") else { return };
    let text = "\
name: PREFIX-a
services:
  app: {image: IMAGE, command: [sleep, infinity], platform: linux/s390x, pull_policy: never}
";
    lab.write("compose.yaml", text);
    lab.reconcile(&["."]).exits(3);
    lab.reconcile(&["."]).exits(3);
    let all = deployments(&lab, "a");
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(
        (&all[0]["outcome"], &all[0]["services"][0]["outcome"]),
        (&"blocked".into(), &"blocked".into())
    );
}
