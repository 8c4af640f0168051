//! Replacements that fail: what is told, what serves, and what the next run does.

use super::beside_compose::compose;
use crate::lab::{IMAGE, Lab, Run, changed, docker};
use serde_json::Value;

/// A service that can be broken by its variable, and one that has nothing to do with it.
const STACK: &str = "\
name: PREFIX-f
services:
  app:
    image: IMAGE
    command: [sh, -c, 'echo the token is $$API_TOKEN and $$(cat /run/secrets/word); test $$MODE = good || exit 7; sleep infinity']
    environment: {MODE: good, API_TOKEN: hunter2hunter2}
    secrets: [word]
    init: true
    stop_grace_period: 0s
  other:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 0s
secrets: {word: {file: ./word.txt}}
";

fn lab(test: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    lab.write("compose.yaml", STACK);
    lab.write("word.txt", "open-sesame\n");
    lab.reconcile(&["."]).exits(0);
    Some(lab)
}

/// What was said of a service in the test's stack. `status` lists every stack on the engine, those of other tests too.
fn service<'a>(lab: &Lab, report: &'a Value, name: &str) -> &'a Value {
    let stacks = report["stacks"].as_array().expect("stacks");
    let stack = stacks.iter().find(|stack| stack["name"] == lab.stack("f")).expect("the stack");
    let services = stack["services"].as_array().expect("services");
    services.iter().find(|service| service["name"] == name).expect("the service")
}

fn outcome(lab: &Lab, run: &Run, name: &str) -> String {
    service(lab, &run.json(), name)["outcome"].as_str().expect("an outcome").to_owned()
}

#[test]
fn what_a_failed_container_said_is_told_without_secrets() {
    let Some(lab) = lab("said") else { return };
    let before = lab.inspect("f-app-1", "{{.Id}}");
    lab.edit("compose.yaml", "MODE: good", "MODE: bad");
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    assert!(!run.to_string().contains("hunter2") && !run.to_string().contains("sesame"), "{run}");
    assert!(run.stderr.contains("| the token is *** and ***"), "{run}");
    let report = run.json();
    let failure = &report["failures"][0];
    assert_eq!(failure["service"], "app", "{run}");
    assert_eq!(failure["container"], lab.stack("f-app-1"), "{run}");
    assert_eq!(failure["exit_code"], 7, "{run}");
    assert_eq!(failure["logs"], serde_json::json!(["the token is *** and ***"]), "{run}");
    assert!(failure["reason"].as_str().is_some_and(|reason| reason.contains("code 7")), "{run}");
    assert_eq!(outcome(&lab, &run, "app"), "rolled_back", "{run}");
    assert_eq!(outcome(&lab, &run, "other"), "unchanged", "{run}");
    assert_eq!(lab.inspect("f-app-1", "{{.Id}} {{.State.Running}}"), format!("{before} true"));
}

#[test]
fn a_first_deployment_that_fails_as_a_whole_is_a_failure() {
    let Some(lab) = Lab::new("first") else { return };
    lab.write(
        "compose.yaml",
        "name: PREFIX-f\nservices:\n  app: {image: IMAGE, command: [/no/such/program]}\n",
    );
    let run = lab.reconcile(&["--format", "json", "."]).exits(1);
    assert_eq!(outcome(&lab, &run, "app"), "failed", "{run}");
}

const MARK: &str = "f-app-1.failed";

fn is_marked(lab: &Lab) -> bool {
    lab.containers().contains_key(&lab.stack(MARK))
}

/// Breaks the service, and lets the change fail once.
fn broken(test: &str) -> Option<Lab> {
    let lab = lab(test)?;
    lab.edit("compose.yaml", "MODE: good", "MODE: bad");
    lab.reconcile(&["."]).exits(3);
    assert!(is_marked(&lab));
    Some(lab)
}

#[test]
fn what_failed_is_not_tried_again_and_nothing_is_interrupted() {
    let Some(lab) = broken("again") else { return };
    let before = lab.containers();
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    assert_eq!(outcome(&lab, &run, "app"), "quarantined", "{run}");
    let report = run.json();
    assert_eq!(service(&lab, &report, "app")["action"], "blocked", "{run}");
    let cause = &service(&lab, &report, "app")["causes"][0];
    assert_eq!(cause["kind"], "quarantined", "{run}");
    assert!(
        cause["old"].as_str().is_some_and(|text| text.starts_with("exited with code 7, tried 2")),
        "{run}"
    );
    assert_eq!(report["steps"], serde_json::json!([]), "{run}");
    let dry = lab.reconcile(&["--dry-run", "."]).exits(3);
    assert!(dry.stdout.contains("quarantined") && dry.stdout.contains("--retry"), "{dry}");
    let status = lab.reconcile(&["status", "."]).exits(0);
    assert!(status.stdout.contains("quarantined (exited with code 7, rolled back 2"), "{status}");
    let status = lab.reconcile(&["status", "--format", "json", "."]).exits(0).json();
    assert_eq!(service(&lab, &status, "app")["quarantine"]["reason"], "exited with code 7", "{status}");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

#[test]
fn a_retry_tries_again() {
    let Some(lab) = broken("retry") else { return };
    let before = lab.containers();
    // Of two failures in one second the mark would be the same.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let run = lab.reconcile(&["--retry=nothing/here", "."]).exits(3);
    assert!(run.stderr.contains("nothing of that name is quarantined"), "{run}");
    let run = lab.reconcile(&["--retry", "--format", "json", "."]).exits(3);
    assert_eq!(outcome(&lab, &run, "app"), "rolled_back", "{run}");
    let (app, mark) = (lab.stack("f-app-1"), lab.stack(MARK));
    let after = lab.containers();
    assert_eq!(before[&app].0, after[&app].0, "the old container is still the one that serves");
    assert_ne!(before[&app].1, after[&app].1, "and was interrupted");
    assert_ne!(before[&mark].0, after[&mark].0, "the mark is a new one");
    // What made it fail lies outside of the files.
    lab.edit("compose.yaml", "test $$MODE = good || exit 7", "test -e /data/ok || exit 7");
    lab.edit("compose.yaml", "secrets: [word]", "secrets: [word]\n    volumes: ['data:/data']");
    let text = std::fs::read_to_string(lab.path().join("compose.yaml")).unwrap();
    lab.write("compose.yaml", &format!("{text}volumes: {{data: {{}}}}\n"));
    lab.reconcile(&["."]).exits(3);
    let volume = format!("{}:/data", lab.stack("f_data"));
    docker(&["run", "--rm", "-v", &volume, IMAGE, "touch", "/data/ok"]).exits(0);
    lab.reconcile(&["."]).exits(3);
    let stack = format!("--retry={}/app", lab.stack("f"));
    lab.reconcile(&[&stack, "."]).exits(0);
    assert!(!is_marked(&lab));
}

#[test]
fn a_corrected_file_lifts_the_quarantine() {
    let Some(lab) = broken("lifted") else { return };
    lab.edit("compose.yaml", "MODE: bad", "MODE: good, MORE: words");
    let run = lab.reconcile(&["--format", "json", "."]).exits(0);
    assert_eq!(outcome(&lab, &run, "app"), "applied", "{run}");
    assert!(!is_marked(&lab));
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
}

#[test]
fn a_change_taken_back_lifts_the_quarantine_and_touches_nothing() {
    let Some(lab) = broken("back") else { return };
    let before = lab.containers();
    lab.edit("compose.yaml", "MODE: bad", "MODE: good");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack(MARK)]);
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
}

#[test]
fn a_quarantined_service_that_stopped_is_started_as_it_was() {
    let Some(lab) = broken("stopped") else { return };
    let id = lab.inspect("f-app-1", "{{.Id}}");
    docker(&["kill", &lab.stack("f-app-1")]).exits(0);
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    assert_eq!(outcome(&lab, &run, "app"), "quarantined", "{run}");
    assert_eq!(lab.inspect("f-app-1", "{{.Id}} {{.State.Running}}"), format!("{id} true"));
}

#[test]
fn a_failed_job_is_not_run_again_until_it_is_another_one() {
    let Some(lab) = Lab::new("job") else { return };
    lab.write(
        "compose.yaml",
        "\
name: PREFIX-f
services:
  job:
    image: IMAGE
    command: [sh, -c, 'echo ran >> /data/log; exit 0']
    volumes: ['data:/data']
  app:
    image: IMAGE
    command: [sleep, infinity]
    environment: {VERSION: '1'}
    init: true
    stop_grace_period: 0s
    volumes: ['data:/data']
    depends_on: {job: {condition: service_completed_successfully}}
volumes: {data: {}}
",
    );
    lab.reconcile(&["."]).exits(0);
    let app = lab.inspect("f-app-1", "{{.Id}} {{.State.StartedAt}}");
    lab.edit("compose.yaml", "exit 0", "exit 3");
    lab.edit("compose.yaml", "VERSION: '1'", "VERSION: '2'");
    let run = lab.reconcile(&["--format", "json", "."]).exits(1);
    assert_eq!(
        (outcome(&lab, &run, "job"), outcome(&lab, &run, "app")),
        ("failed".into(), "skipped".into()),
        "{run}"
    );
    for _ in 0..2 {
        let run = lab.reconcile(&["--format", "json", "."]).exits(3);
        assert_eq!(
            (outcome(&lab, &run, "job"), outcome(&lab, &run, "app")),
            ("quarantined".into(), "blocked".into()),
            "{run}"
        );
    }
    assert_eq!(lab.inspect("f-app-1", "{{.Id}} {{.State.StartedAt}}"), app);
    assert_eq!(lab.exec("f-app-1", "cat /data/log").stdout, "ran\nran\n");
    lab.edit("compose.yaml", "exit 3", "exit 0");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.exec("f-app-1", "cat /data/log; echo $VERSION").stdout, "ran\nran\nran\n2\n");
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
}

#[test]
fn down_takes_the_mark_along() {
    let Some(lab) = broken("down") else { return };
    lab.reconcile(&["down", &lab.stack("f")]).exits(0);
    assert!(lab.containers().is_empty());
}

#[test]
fn docker_compose_does_not_see_the_mark() {
    let Some(lab) = broken("compose") else { return };
    let name = lab.stack("f");
    let Some(ps) = compose(lab.path(), &["-p", &name, "ps", "-a", "--format", "json"]) else { return };
    assert!(ps.stdout.contains("f-app-1") && !ps.stdout.contains(".failed"), "{ps}");
    let filter = format!("name={name}");
    let ls =
        compose(lab.path(), &["ls", "-a", "--filter", &filter, "--format", "json"]).expect("checked above");
    assert!(ls.stdout.contains(&name) && !ls.stdout.contains("created"), "{ls}");
    // Compose takes the changed service for its own and makes it anew; the mark is not in its way.
    lab.edit("compose.yaml", "MODE: bad", "MODE: good");
    let before = lab.containers();
    let up = compose(lab.path(), &["up", "-d"]).expect("checked above").exits(0);
    assert!(!up.stderr.contains(".failed"), "{up}");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
    compose(lab.path(), &["down", "--remove-orphans"]).expect("checked above").exits(0);
    assert_eq!(lab.containers().into_keys().collect::<Vec<_>>(), [lab.stack(MARK)]);
    // All that is left of the stack is its mark, and it goes with the next change for the better.
    lab.reconcile(&["."]).exits(0);
    assert!(!is_marked(&lab));
}
