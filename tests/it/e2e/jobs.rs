//! Services that run at times: a container for each run, on a real engine.

use super::daemon::Daemon;
use crate::lab::{Lab, changed, docker};
use std::collections::BTreeSet;

const JOBS: &str = "\
name: PREFIX-jobs
services:
  tick:
    image: IMAGE
    command: [sh, -c, 'cat /etc/note; echo $$LEVEL; hostname >> /data/log']
    environment: {LEVEL: info}
    configs: [{source: note, target: /etc/note}]
    volumes: ['data:/data', /cache]
    x-reconcile: {job: {schedule: '*/3 * * * * *', keep: 2}}
  slow:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    x-reconcile: {job: {schedule: '*/10 * * * * *', timeout: 2s, keep: 2}}
  web:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    volumes: ['data:/data']
configs: {note: {content: 'a note'}}
volumes: {data: {}}
";

/// Names of containers of a service's runs, in one state or in any.
fn runs(lab: &Lab, service: &str, state: &str) -> BTreeSet<String> {
    let name = format!("name={}-run-", lab.stack(&format!("jobs-{service}")));
    let state = if state.is_empty() { String::new() } else { format!("status={state}") };
    let mut args = vec!["ps", "-a", "--format", "{{.Names}}", "--filter", name.as_str()];
    if !state.is_empty() {
        args.extend(["--filter", state.as_str()]);
    }
    let listed = docker(&args).stdout;
    listed.lines().map(str::to_owned).collect()
}

fn lines(lab: &Lab) -> usize {
    lab.exec("jobs-web-1", "cat /data/log").stdout.lines().count()
}

#[test]
fn runs_come_at_their_times_once_and_stay_with_their_logs() {
    let Some(lab) = Lab::new("jobs") else { return };
    lab.write("compose.yaml", JOBS);
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.inspect("jobs-tick-1", "{{.State.Status}}"), "created", "a deployment runs nothing");
    let before = lab.containers();

    let daemon = Daemon::start(&lab, &["."]);
    daemon.until("two runs", || lines(&lab) >= 2);
    let other = Daemon::start_beside(&lab, &["."]);
    daemon.until("two more beside another daemon", || lines(&lab) >= 4);
    daemon.until("one that takes too long", || {
        runs(&lab, "slow", "exited").iter().any(|name| name.ends_with(".timed-out"))
    });
    assert_eq!(other.stop(), Some(0));
    assert_eq!(daemon.stop(), Some(0));
    let ran = lab.exec("jobs-web-1", "cat /data/log").stdout;
    let hosts: BTreeSet<&str> = ran.lines().collect();
    assert_eq!(hosts.len(), ran.lines().count(), "no run is started twice: {ran}");

    let kept = runs(&lab, "tick", "exited");
    assert!((1..=3).contains(&kept.len()), "{kept:?}");
    let last = kept.last().expect("one");
    assert_eq!(docker(&["logs", last]).stdout, "a noteinfo\n");
    // The engine lists them in no order.
    let volumes = |name: &str| -> BTreeSet<String> {
        let found = docker(&["inspect", "-f", "{{range .Mounts}}{{println .Name}}{{end}}", name]).stdout;
        found.lines().map(str::to_owned).collect()
    };
    assert_eq!(volumes(last), volumes(&lab.stack("jobs-tick-1")), "no volume is left behind by a run");

    let again = lab.reconcile(&["--dry-run", "--detailed-exitcode", "."]).exits(0);
    assert!(again.stdout.starts_with("Nothing to do: 3 services"), "{again}");
    let own =
        |all: std::collections::BTreeMap<String, (String, String)>| -> std::collections::BTreeMap<_, _> {
            all.into_iter().filter(|(name, _)| !name.contains("-run-")).collect()
        };
    assert_eq!(changed(&own(before), &own(lab.containers())), Vec::<String>::new());

    let status = lab.reconcile(&["status", "--format", "json", "."]).exits(0).json();
    let stacks = status["stacks"].as_array().expect("stacks");
    let own_stack =
        stacks.iter().find(|stack| stack["name"] == lab.stack("jobs").as_str()).expect("the stack");
    let services = own_stack["services"].as_array().expect("services");
    let tick = services.iter().find(|service| service["name"] == "tick").expect("the job");
    assert_eq!(tick["job"]["schedule"], "*/3 * * * * *");
    assert!(tick["job"]["next"].is_string() && tick["job"]["runs"][0]["outcome"] == "succeeded", "{tick}");
    let text = lab.reconcile(&["status", "."]).exits(0).stdout;
    assert!(text.contains("scheduled") && text.contains("last timed out at"), "{text}");

    lab.reconcile(&["down", &lab.stack("jobs")]).exits(0);
    assert!(lab.containers().is_empty(), "{:?}", lab.containers());
}

#[test]
fn a_suspended_stack_runs_nothing_and_a_failure_is_told() {
    let Some(lab) = Lab::new("jobs-failing") else { return };
    lab.write("compose.yaml", &JOBS.replace("cat /etc/note;", "exit 3;"));
    let daemon = Daemon::start(&lab, &["."]);
    daemon.until("the failure", || daemon.said().contains("failed with exit code 3; `docker logs"));
    lab.reconcile(&["suspend", &lab.stack("jobs")]).exits(0);
    daemon.until("the word", || daemon.said().contains("is suspended"));
    let kept = runs(&lab, "tick", "");
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(runs(&lab, "tick", ""), kept);
    lab.reconcile(&["resume", &lab.stack("jobs")]).exits(0);
    daemon.until("the next run", || runs(&lab, "tick", "") != kept);

    // A broken file is no reason to stop what was deployed.
    lab.edit("compose.yaml", "services:", "services: [");
    daemon.until("the complaint", || daemon.said().contains("compose.yaml:"));
    let kept = runs(&lab, "tick", "");
    daemon.until("a run of what was deployed", || runs(&lab, "tick", "") != kept);
    assert_eq!(daemon.stop(), Some(0));
}

const BY_HAND: &str = "\
name: PREFIX-byhand
services:
  good:
    image: IMAGE
    command: [echo, done]
    x-reconcile: {job: {schedule: '0 0 1 1 *'}}
  bad:
    image: IMAGE
    command: [sh, -c, 'echo no room; echo $$DB_PASSWORD; exit 3']
    environment: {DB_PASSWORD: hunter2-by-hand}
    x-reconcile: {job: {schedule: '0 0 1 1 *'}}
  slow:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    x-reconcile: {job: {schedule: '0 0 1 1 *', timeout: 1s}}
  long:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    x-reconcile: {job: {schedule: '0 0 1 1 *'}}
";

#[test]
fn a_job_is_run_by_hand_and_waited_for() {
    let Some(lab) = Lab::new("byhand") else { return };
    lab.write("compose.yaml", BY_HAND);
    let job = |service: &str| format!("{}/{service}", lab.stack("byhand"));
    lab.reconcile(&["run", &job("good")]).exits(1).says("the engine has no job");
    lab.reconcile(&["."]).exits(0);

    lab.reconcile(&["run", &job("good")]).exits(0).says("succeeded after");
    lab.reconcile(&["run", &job("good")]).exits(0).says("succeeded after");
    assert_eq!(runs_of(&lab, "good").len(), 2, "each is a run of its own");
    let bad = lab.reconcile(&["run", &job("bad")]).exits(1).says("failed with exit code 3").says("| no room");
    assert!(!format!("{bad}").contains("hunter2"), "{bad}");
    lab.reconcile(&["run", &job("slow")]).exits(1).says("timed out");
    assert!(runs_of(&lab, "slow").iter().all(|name| name.ends_with(".timed-out")));

    lab.reconcile(&["run", "--detach", &job("long")]).exits(0).says("docker logs -f");
    lab.reconcile(&["run", &job("long")]).exits(1).says("still runs");
    lab.reconcile(&["run", &job("goood")]).exits(1).says(&format!("did you mean {}?", job("good")));
    lab.reconcile(&["suspend", &lab.stack("byhand")]).exits(0);
    lab.reconcile(&["run", &job("good")]).exits(1).says("is suspended");
}

fn runs_of(lab: &Lab, service: &str) -> Vec<String> {
    let name = format!("name={}-run-", lab.stack(&format!("byhand-{service}")));
    docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &name])
        .stdout
        .lines()
        .map(str::to_owned)
        .collect()
}
