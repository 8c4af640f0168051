//! Volumes stay, always.

use crate::lab::{Lab, docker};

const STACK: &str = "\
name: PREFIX-v
services:
  db:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    environment: {LEVEL: info}
    volumes: ['data:/data', '/scratch']
volumes:
  data: {}
";

fn with_rows(test: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    lab.write("compose.yaml", STACK);
    lab.reconcile(&["."]).exits(0);
    lab.exec("v-db-1", "echo named > /data/row; echo anonymous > /scratch/row").exits(0);
    Some(lab)
}

#[test]
fn named_and_anonymous_volumes_move_to_the_new_container() {
    let Some(lab) = with_rows("move") else { return };
    let id = lab.inspect("v-db-1", "{{.Id}}");
    lab.edit("compose.yaml", "LEVEL: info", "LEVEL: debug");
    lab.reconcile(&["."]).exits(0);
    assert_ne!(lab.inspect("v-db-1", "{{.Id}}"), id);
    assert_eq!(lab.exec("v-db-1", "cat /data/row /scratch/row").stdout, "named\nanonymous\n");
}

#[test]
fn a_renamed_volume_is_blocked_and_explained() {
    let Some(lab) = with_rows("rename") else { return };
    let id = lab.inspect("v-db-1", "{{.Id}}");
    lab.edit("compose.yaml", "'data:/data'", "'other:/data'");
    lab.edit("compose.yaml", "volumes:\n  data: {}", "volumes:\n  other: {}");
    let run = lab.reconcile(&["."]);
    assert_ne!(run.code, 0, "{run}");
    assert!(run.stderr.contains("empty-volume"), "{run}");
    assert_eq!(lab.inspect("v-db-1", "{{.Id}} {{.State.Running}}"), format!("{id} true"));
    assert_eq!(lab.exec("v-db-1", "cat /data/row").stdout, "named\n");
    // Its owner may say that it is meant.
    lab.edit(
        "compose.yaml",
        "    init: true\n",
        "    init: true\n    x-reconcile: {allow_empty_volume: true}\n",
    );
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.exec("v-db-1", "ls /data").stdout, "");
    let volumes = docker(&["volume", "ls", "-q", "--filter", &format!("name={}", lab.prefix)]).stdout;
    assert!(volumes.contains(&lab.stack("v_data")), "the old volume stays: {volumes}");
}

#[test]
fn a_changed_volume_definition_is_blocked_and_a_changed_label_is_not() {
    let Some(lab) = with_rows("definition") else { return };
    lab.edit("compose.yaml", "  data: {}", "  data: {labels: {team: a}}");
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("Nothing to do"), "{run}");
    lab.edit(
        "compose.yaml",
        "  data: {labels: {team: a}}",
        "  data: {driver_opts: {type: tmpfs, device: tmpfs}}",
    );
    let run = lab.reconcile(&["."]);
    assert_ne!(run.code, 0, "{run}");
    assert!(run.stderr.contains("volume-definition"), "{run}");
    assert_eq!(lab.exec("v-db-1", "cat /data/row").stdout, "named\n");
}

#[test]
fn a_missing_external_volume_is_an_error_that_names_it() {
    let Some(lab) = Lab::new("external") else { return };
    lab.write("compose.yaml", &STACK.replace("data: {}", "data: {external: true, name: PREFIX-elsewhere}"));
    let run = lab.reconcile(&["."]);
    assert_ne!(run.code, 0, "{run}");
    assert!(run.stderr.contains(&format!("{}-elsewhere", lab.prefix)), "{run}");
    assert!(lab.containers().is_empty());
}
