//! Who is told what becomes of stacks.

use super::daemon::Daemon;
use crate::lab::{Lab, docker};
use crate::receiver::{Manner, Received, Receiver};
use serde_json::Value;
use std::time::Duration;

const STACK: &str = "\
name: PREFIX-shop
services:
  app:
    image: IMAGE
    command: [sh, -c, \"echo says $$API_TOKEN; sleep infinity\"]
    init: true
    stop_grace_period: 1s
    environment: {API_TOKEN: hunter2secret}
";

fn settings(lab: &Lab, receiver: &Receiver, more: &str) {
    let sinks = format!("- webhook: {{url: 'http://{}/alerts'}}\n{more}", receiver.address);
    lab.write(
        "settings.yaml",
        &format!("sources: {{home: {{dir: stacks, interval: 1s}}}}\nnotify:\n{sinks}"),
    );
}

fn events(received: &[Received]) -> Vec<String> {
    let event = |one: &Received| one.json()["event"].as_str().unwrap_or_default().to_owned();
    received.iter().filter(|one| one.line.starts_with("POST")).map(event).collect()
}

#[test]
fn the_daemon_tells_once_what_was_rolled_back_and_once_that_it_is_right_again() {
    let Some(lab) = Lab::new("alerts") else { return };
    let (receiver, beats) =
        (Receiver::http(Manner::Answer(200, "ok")), Receiver::http(Manner::Answer(200, "")));
    let hanging = Receiver::http(Manner::Hang);
    let more = format!(
        "- heartbeat: {{url: 'http://{}/beat', every: 1s}}\n- slack: {{url: 'http://{}/x'}}\n",
        beats.address, hanging.address
    );
    settings(&lab, &receiver, &more);
    lab.write("stacks/shop/compose.yaml", STACK);
    let daemon = Daemon::start(&lab, &["--config", "settings.yaml"]);
    let name = lab.stack("shop-app-1");
    let is_up = || docker(&["inspect", "-f", "{{.State.Running}}", &name]).stdout.trim() == "true";
    daemon.until("the stack", is_up);
    daemon.until("the end of the first run", || lab.containers().len() == 1 && beats.received().len() > 1);
    assert_eq!(receiver.received(), [], "what goes as planned is not told");

    lab.edit("stacks/shop/compose.yaml", "sleep infinity", "exit 3");
    let told = receiver.wait_for(1)[0].json();
    assert_eq!(told["event"], "rolled_back", "{told}");
    let stack = lab.stack("shop");
    assert_eq!((&told["source"], &told["stack"]), (&"home".into(), &Value::from(stack.as_str())));
    assert!(
        told["summary"].as_str().is_some_and(|text| text.ends_with(&format!("{stack} was rolled back: app")))
    );
    let service = &told["services"][0];
    assert_eq!((&service["name"], &service["outcome"]), (&"app".into(), &"rolled_back".into()));
    assert_eq!(service["exit_code"], 3, "{told}");
    assert_eq!(service["logs"][0], "says ***", "{told}");
    assert!(told["causes"][0].as_str().is_some_and(|cause| cause.starts_with("app: command")), "{told}");
    assert!(!told.to_string().contains("hunter2"), "{told}");

    let so_far = beats.received().len();
    beats.wait_for(so_far + 3);
    assert_eq!(receiver.received().len(), 1, "looks that find the same tell nothing");

    lab.edit("stacks/shop/compose.yaml", "exit 3", "sleep infinity");
    let told = receiver.wait_for(2)[1].json();
    assert_eq!((&told["event"], &told["before"]), (&"recovered".into(), &"rolled_back".into()), "{told}");

    docker(&["rm", "-f", &name]);
    daemon.until("the container that was removed by hand", is_up);
    assert_eq!(receiver.wait_for(3)[2].json()["event"], "drift");

    lab.write("stacks/shop/compose.yaml", "services: [");
    let told = receiver.wait_for(4)[3].json();
    assert_eq!(told["event"], "failed");
    assert!(told["problems"][0].as_str().is_some_and(|text| text.contains("compose.yaml:1:12")), "{told}");
    lab.write("stacks/shop/compose.yaml", STACK);
    receiver.wait_for(5);
    std::thread::sleep(Duration::from_secs(2));
    let all = events(&receiver.received());
    assert_eq!(all, ["rolled_back", "recovered", "drift", "failed", "recovered"], "{}", daemon.said());
    assert!(!daemon.said().contains("hunter2"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_single_run_tells_each_time_and_its_end_does_not_hang_on_it() {
    let Some(lab) = Lab::new("alert-once") else { return };
    let (receiver, refusing) =
        (Receiver::http(Manner::Answer(200, "ok")), Receiver::http(Manner::Answer(400, "no")));
    settings(&lab, &receiver, &format!("- slack: {{url: 'http://{}/hunter2'}}\n", refusing.address));
    lab.write("stacks/shop/compose.yaml", STACK);
    lab.reconcile(&["--config", "settings.yaml"]).exits(0);
    assert_eq!(receiver.received(), []);
    lab.edit("stacks/shop/compose.yaml", "sleep infinity", "exit 3");
    lab.reconcile(&["--config", "settings.yaml", "--dry-run"]).exits(0);
    let run = lab.reconcile(&["--config", "settings.yaml"]).exits(3);
    assert!(run.stderr.contains("alert slack: a message was lost: 400 Bad Request: no"), "{run}");
    assert!(!run.stderr.contains("hunter2"), "{run}");
    lab.reconcile(&["--config", "settings.yaml"]).exits(3);
    lab.write("stacks/shop/compose.yaml", "services: [");
    lab.reconcile(&["--config", "settings.yaml"]).exits(1);
    assert_eq!(events(&receiver.received()), ["rolled_back", "rolled_back", "failed"]);
    assert_eq!(refusing.received().len(), 3, "what is refused for good is not tried again");
}
