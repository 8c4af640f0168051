//! Rollouts: what a client of a service notices of an update, and what becomes of replicas when one of them fails.

use crate::lab::{Lab, Run, docker};
use serde_json::Value;
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A web server, and a client that asks it again and again. Like the common HTTP clients, it tries every address that
/// the name stands for before it takes a request for refused.
const SERVED: &str = "\
name: PREFIX-w
services:
  web:
    image: IMAGE
    command: [sh, -c, 'mkdir /www; echo $$EDITION > /www/index.html; exec httpd -f -p 8080 -h /www']
    environment: {EDITION: first}
    healthcheck: {test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8080/'], interval: 300ms, timeout: 5s, retries: 50}
    stop_grace_period: 1s
    deploy: {update_config: {order: ORDER}}
  client:
    image: IMAGE
    init: true
    stop_grace_period: 0s
    command:
      - sh
      - -c
      - |
        while :; do
          answer=refused
          for address in $$(nslookup web | awk '/^Name/ {found=1} found && /^Address/ {print $$NF}'); do
            body=$$(printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 $$address 8080 2>/dev/null | tail -n 1)
            if [ -n \"$$body\" ]; then answer=$$body; break; fi
          done
          echo $$answer
        done
";

/// What the client was told so far, one line for each request.
fn answers(lab: &Lab) -> Vec<String> {
    let log = docker(&["logs", &lab.stack("w-client-1")]).stdout;
    log.lines().map(str::to_owned).collect()
}

/// Waits until the client has got an answer some more times.
fn wait_for(lab: &Lab, answer: &str) {
    let start = Instant::now();
    let count = || answers(lab).iter().filter(|line| *line == answer).count();
    let before = count();
    while count() < before + 10 {
        assert!(start.elapsed() < Duration::from_secs(60), "no answer {answer}: {:?}", answers(lab));
        sleep(Duration::from_millis(100));
    }
}

/// Requests that were refused while the server was replaced.
fn refused(test: &str, order: &str) -> Option<usize> {
    let lab = Lab::new(test)?;
    lab.write("compose.yaml", &SERVED.replace("ORDER", order));
    lab.reconcile(&["."]).exits(0);
    wait_for(&lab, "first");
    let before = answers(&lab).len();
    lab.edit("compose.yaml", "EDITION: first", "EDITION: second");
    lab.reconcile(&["."]).exits(0);
    wait_for(&lab, "second");
    let during = answers(&lab).split_off(before);
    assert_eq!(during.last().map(String::as_str), Some("second"));
    Some(during.iter().filter(|answer| *answer == "refused").count())
}

#[test]
fn start_first_refuses_no_request() {
    let Some(count) = refused("first", "start-first") else { return };
    assert_eq!(count, 0);
}

#[test]
fn stop_first_refuses_some_so_the_client_would_notice() {
    let Some(count) = refused("stop", "stop-first") else { return };
    assert!(count > 0);
}

fn outcome(run: &Run, service: &str) -> (String, String) {
    let report = run.json();
    let services = report["stacks"][0]["services"].as_array().expect("services").clone();
    let found = services.iter().find(|found| found["name"] == service).expect("the service");
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("reason"))
}

/// Three replicas of which only one can have what the new version wants.
const REPLICAS: &str = "\
name: PREFIX-r
services:
  app:
    image: IMAGE
    init: true
    stop_grace_period: 0s
    command: [sh, -c, '{ test $$EDITION = 1 || mkdir /data/$$EDITION; } && sleep infinity']
    environment: {EDITION: '1'}
    volumes: ['data:/data']
    deploy: {replicas: 3}
    x-reconcile: {rollout: {running_for: 1s}}
volumes: {data: {}}
";

#[test]
fn a_second_batch_that_fails_takes_the_first_one_back() {
    let Some(lab) = Lab::new("replicas") else { return };
    lab.write("compose.yaml", REPLICAS);
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    lab.edit("compose.yaml", "EDITION: '1'", "EDITION: '2'");
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    let (outcome, reason) = outcome(&run, "app");
    assert_eq!(outcome, "rolled_back", "{run}");
    assert!(reason.contains("r-app-2"), "{run}");
    let mut after = lab.containers();
    after.remove(&lab.stack("r-app-1.failed")).expect("the mark");
    let ids = |all: &BTreeMap<String, (String, String)>| -> BTreeMap<String, String> {
        all.iter().map(|(name, (id, _))| (name.clone(), id.clone())).collect()
    };
    assert_eq!(ids(&after), ids(&before), "{run}");
    for number in 1..=3 {
        assert_eq!(lab.inspect(&format!("r-app-{number}"), "{{.State.Running}}"), "true", "{run}");
    }
    let third = lab.stack("r-app-3");
    assert_eq!(after[&third], before[&third], "the third one was not touched: {run}");
    let failure = &run.json()["failures"][0];
    assert!(failure["logs"].to_string().contains("File exists"), "{run}");
    assert_eq!(failure["logs"].as_array().map(Vec::len), Some(1), "{run}");
}

#[test]
fn a_pause_keeps_the_first_batch() {
    let Some(lab) = Lab::new("pause") else { return };
    lab.write("compose.yaml", &REPLICAS.replace("running_for: 1s", "running_for: 1s, on_failure: pause"));
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    lab.edit("compose.yaml", "EDITION: '1'", "EDITION: '2'");
    let run = lab.reconcile(&["--format", "json", "."]);
    let (outcome, reason) = outcome(&run, "app");
    assert_eq!(outcome, "failed", "{run}");
    assert!(reason.ends_with("1 of 3 replicas are replaced, the others serve as before"), "{run}");
    let edition = |number: u32| lab.exec(&format!("r-app-{number}"), "echo $EDITION").stdout;
    assert_eq!([edition(1), edition(2), edition(3)].concat(), "2\n1\n1\n", "{run}");
    let after = lab.containers();
    assert_ne!(after[&lab.stack("r-app-1")], before[&lab.stack("r-app-1")]);
    assert_eq!(after.len(), 4, "three replicas and the mark: {after:?}");
    let again = lab.reconcile(&["."]).exits(3);
    assert_eq!(lab.containers(), after, "{again}");
}

/// A service, and one in its network.
const FAMILY: &str = "\
name: PREFIX-n
services:
  vpn:
    image: IMAGE
    init: true
    stop_grace_period: 0s
    command: [sleep, infinity]
    environment: {EDITION: '1'}
  app:
    image: IMAGE
    init: true
    stop_grace_period: 0s
    network_mode: service:vpn
    command: [sh, -c, 'test $$EDITION = 1 || exit 7; sleep infinity']
    environment: {EDITION: '1'}
";

#[test]
fn a_child_that_fails_takes_the_parent_of_its_network_back() {
    let Some(lab) = Lab::new("family") else { return };
    lab.write("compose.yaml", FAMILY);
    lab.reconcile(&["."]).exits(0);
    let ids = |lab: &Lab| ["n-vpn-1", "n-app-1"].map(|name| lab.inspect(name, "{{.Id}} {{.State.Running}}"));
    let before = ids(&lab);
    lab.edit("compose.yaml", "EDITION: '1'", "EDITION: '2'");
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    assert_eq!(ids(&lab), before, "{run}");
    assert_eq!(outcome(&run, "vpn").0, "rolled_back", "{run}");
    assert_eq!(outcome(&run, "app").0, "rolled_back", "{run}");
    // They share one network, so the child sees its parent's address.
    let address = |name: &str| lab.exec(name, "ip -o -4 addr show eth0").stdout;
    assert!(address("n-app-1").contains("inet"), "{run}");
    assert_eq!(address("n-app-1"), address("n-vpn-1"), "{run}");
}

#[test]
fn what_forbids_start_first_is_told_and_nothing_is_stopped() {
    let Some(lab) = Lab::new("forbids") else { return };
    let file = SERVED.replace("ORDER", "start-first");
    lab.write("compose.yaml", &file.replace("stop_grace_period: 1s", "container_name: PREFIX-w-fixed"));
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("start-first` will not be possible: container_name"), "{run}");
    let before = lab.containers();
    lab.edit("compose.yaml", "EDITION: first", "EDITION: second");
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    assert_eq!(outcome(&run, "web").0, "blocked", "{run}");
    let report: Value = run.json();
    let blocked = report["stacks"][0]["blocked"].to_string();
    assert!(blocked.contains("start-first") && blocked.contains("container_name"), "{run}");
    assert_eq!(lab.containers(), before, "{run}");
}
