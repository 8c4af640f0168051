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
    assert!(run.stderr.contains("data at risk: /data is on volume"), "{run}");
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
    assert!(run.stderr.contains("data at risk: driver"), "{run}");
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

const DATABASE: &str = "\
name: PREFIX-v
services:
  db:
    image: reconcile-test/postgres:17
    environment: {POSTGRES_PASSWORD: example, LEVEL: info}
    stop_grace_period: 20s
    volumes: ['rows:/var/lib/postgresql/data', './postgresql.conf:/etc/postgresql.conf:ro']
    command: [postgres, -c, config_file=/etc/postgresql.conf]
    healthcheck: {test: [CMD, pg_isready, -q, -h, 127.0.0.1, -U, postgres], interval: 500ms, retries: 40}
volumes: {rows: {}}
";

#[test]
fn a_database_keeps_its_rows_when_its_service_is_replaced() {
    let Some(lab) = Lab::new("postgres") else { return };
    if docker(&["image", "inspect", "reconcile-test/postgres:17"]).code != 0 {
        return eprintln!("skipped: `scripts/images.sh test` makes reconcile-test/postgres:17");
    }
    lab.write("compose.yaml", DATABASE);
    lab.write("postgresql.conf", "listen_addresses = '*'\nmax_connections = 20\n");
    let wait = |lab: &Lab| {
        let healthy = || lab.inspect("v-db-1", "{{.State.Health.Status}}") == "healthy";
        (0..120).any(|_| {
            healthy() || {
                std::thread::sleep(std::time::Duration::from_millis(250));
                false
            }
        })
    };
    let sql = |lab: &Lab, text: &str| {
        lab.exec("v-db-1", &format!("psql -U postgres -tAc \"{text}\"")).exits(0).stdout
    };
    lab.reconcile(&["."]).exits(0);
    assert!(wait(&lab), "the database comes up");
    sql(&lab, "create table t(n int); insert into t select generate_series(1, 1000)");
    let id = lab.inspect("v-db-1", "{{.Id}}");
    lab.edit("postgresql.conf", "max_connections = 20", "max_connections = 21");
    lab.reconcile(&["."]).exits(0);
    assert!(wait(&lab), "the database comes up again");
    assert_ne!(lab.inspect("v-db-1", "{{.Id}}"), id);
    assert_eq!(sql(&lab, "select count(*), current_setting('max_connections') from t"), "1000|21\n");
}
