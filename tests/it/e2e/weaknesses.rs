//! What `docker compose` is known to do badly, done on a real engine: docs/reliability.md lists it all.

use crate::lab::{IMAGE, Lab, Run, STATE_DIR, changed, docker};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What every service has in common.
const BASE: &str = "image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 0s";

/// A stack `PREFIX-w` of these services, up.
fn up(test: &str, services: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    lab.write("compose.yaml", &format!("name: PREFIX-w\n{}", services.replace("BASE", BASE)));
    lab.reconcile(&["."]).exits(0);
    Some(lab)
}

fn outcome(lab: &Lab, run: &Run, service: &str) -> String {
    let report = run.json();
    let stacks = report["stacks"].as_array().expect("stacks");
    let stack = stacks.iter().find(|stack| stack["name"] == lab.stack("w")).expect("the stack");
    let services = stack["services"].as_array().expect("services");
    let found = services.iter().find(|found| found["name"] == service).expect("the service");
    found["outcome"].as_str().unwrap_or_default().to_owned()
}

fn names(lab: &Lab) -> Vec<String> {
    lab.containers().into_keys().collect()
}

#[track_caller]
fn in_sync(lab: &Lab) {
    let run = lab.reconcile(&["--dry-run", "--detailed-exitcode", "."]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_dependency_that_cannot_be_created_stops_no_dependent() {
    let text = "services:\n  db: {BASE}\n  app: {BASE, depends_on: {db: {condition: service_started, restart: true}}}\n";
    let Some(lab) = up("w3", text) else { return };
    let before = lab.containers();
    // More processors than any machine has: the engine refuses it when the container is created.
    lab.edit("compose.yaml", "db: {image", "db: {cpus: 9999, image");
    let run = lab.reconcile(&["."]);
    assert_ne!(run.code, 0, "{run}");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new(), "{run}");
}

#[test]
fn one_failure_interrupts_no_other_replacement() {
    let slow = "healthcheck: {test: [CMD, test, -e, /tmp/up], interval: 200ms, timeout: 5s, retries: 100}";
    let text = format!(
        "services:\n  bad: {{BASE, environment: {{LEVEL: a}}}}\n  good: {{BASE, environment: {{LEVEL: a}}, {slow}}}\n"
    );
    let text = text.replace(
        "good: {BASE",
        "good: {image: IMAGE, command: [sh, -c, 'sleep 2; touch /tmp/up; exec sleep 9999'], init: true, stop_grace_period: 0s",
    );
    let Some(lab) = up("w4", &text) else { return };
    lab.edit("compose.yaml", "LEVEL: a", "LEVEL: b");
    lab.edit("compose.yaml", "command: [sleep, infinity]", "command: [/no/such/program]");
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    assert_eq!(outcome(&lab, &run, "bad"), "rolled_back", "{run}");
    assert_eq!(outcome(&lab, &run, "good"), "applied", "{run}");
    assert_eq!(lab.exec("w-good-1", "echo $LEVEL").stdout, "b\n");
    assert_eq!(lab.inspect("w-bad-1", "{{.State.Running}}"), "true");
    assert_eq!(names(&lab), ["w-bad-1", "w-bad-1.failed", "w-good-1"].map(|name| lab.stack(name)), "{run}");
}

#[test]
fn a_leftover_name_is_put_right_without_a_restart() {
    let Some(lab) = up("w5", "services:\n  app: {BASE}\n") else { return };
    let before = lab.containers().remove(&lab.stack("w-app-1"));
    docker(&["rename", &lab.stack("w-app-1"), &format!("0123456789ab_{}", lab.stack("w-app-1"))]).exits(0);
    lab.reconcile(&["."]).exits(0);
    assert_eq!(names(&lab), [lab.stack("w-app-1")]);
    assert_eq!(lab.containers().remove(&lab.stack("w-app-1")), before);
}

#[test]
fn two_old_containers_of_one_number_become_one_new_one() {
    let Some(lab) = up("w6", "services:\n  app: {BASE, environment: {LEVEL: a}}\n") else { return };
    let (name, leftover) = (lab.stack("w-app-1"), format!("0123456789ab_{}", lab.stack("w-app-1")));
    let labels = lab
        .inspect("w-app-1", "{{range $key, $value := .Config.Labels}}{{$key}}={{$value}}{{println}}{{end}}");
    let mut create = vec!["run", "-d", "--name", &leftover];
    create.extend(labels.lines().filter(|line| !line.is_empty()).flat_map(|label| ["--label", label]));
    docker(&[&create[..], &[IMAGE, "sleep", "9999"]].concat()).exits(0);
    lab.edit("compose.yaml", "LEVEL: a", "LEVEL: b");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(names(&lab), [name]);
    assert_eq!(lab.exec("w-app-1", "echo $LEVEL").stdout, "b\n");
    in_sync(&lab);
}

/// Two services at fixed addresses of a network whose subnets are the test's own, by the number of its process and its
/// own: other tests run on the same engine.
fn addressed(test: &str, number: u32) -> Option<(Lab, [String; 2])> {
    let process = std::process::id();
    let first = 6 * (process % 42) + 2 * number;
    let nets = [first, first + 1].map(|last| format!("10.{}.{last}", 64 + process / 42 % 128));
    let services = "services:
  db: {BASE, networks: {net: {ipv4_address: NET.10, aliases: [store]}}}
  app: {BASE, networks: {net: {ipv4_address: NET.11, aliases: [door]}}}
networks: {net: {ipam: {config: [{subnet: NET.0/24}]}}}
";
    let lab = up(test, &services.replace("NET", &nets[0]))?;
    Some((lab, nets))
}

#[track_caller]
fn is_addressed(lab: &Lab, net: &str) {
    for (from, to, last) in
        [("w-app-1", "store", 10), ("w-app-1", "db", 10), ("w-db-1", "door", 11), ("w-db-1", "app", 11)]
    {
        let said = lab.exec(from, &format!("nslookup {to} 2>&1")).stdout;
        assert!(said.contains(&format!("{net}.{last}")), "{to} from {from}: {said}");
    }
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    assert_eq!(lab.inspect("w-db-1", format), format!("{net}.10"));
    assert_eq!(names(lab), ["w-app-1", "w-db-1"].map(|name| lab.stack(name)));
}

#[test]
fn a_network_made_anew_brings_back_addresses_and_aliases_also_after_a_kill() {
    let Some((lab, [old, new])) = addressed("w8", 0) else { return };
    is_addressed(&lab, &old);
    lab.edit("compose.yaml", &old, &new);
    let mut run = Command::new(env!("CARGO_BIN_EXE_reconcile"))
        .arg(".")
        .current_dir(lab.path())
        .env(STATE_DIR, lab.path().join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    // The worst moment: the network is gone, or a new one of its name stands empty.
    let id = |lab: &Lab| docker(&["network", "inspect", "-f", "{{.Id}}", &lab.stack("w_net")]).stdout;
    let (before, end) = (id(&lab), Instant::now() + Duration::from_secs(60));
    while id(&lab) == before {
        assert!(Instant::now() < end, "the network is not replaced");
    }
    run.kill().expect("killed");
    run.wait().expect("it ended");
    lab.reconcile(&["."]).exits(0);
    is_addressed(&lab, &new);
    in_sync(&lab);
}

#[test]
fn a_network_that_a_foreign_container_uses_is_not_replaced_until_that_is_gone() {
    let Some((lab, [old, new])) = addressed("w9", 1) else { return };
    let guest = lab.stack("guest");
    docker(&["run", "-d", "--name", &guest, "--network", &lab.stack("w_net"), IMAGE, "sleep", "9999"])
        .exits(0);
    let before = lab.containers();
    lab.edit("compose.yaml", &old, &new);
    let run = lab.reconcile(&["."]);
    assert_ne!(run.code, 0, "{run}");
    assert!(run.stderr.contains(&guest) && run.stderr.contains("is attached to it"), "{run}");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new(), "{run}");
    docker(&["rm", "-f", &guest]).exits(0);
    lab.reconcile(&["."]).exits(0);
    is_addressed(&lab, &new);
    in_sync(&lab);
}

#[test]
fn a_network_that_the_engine_refuses_comes_back_as_it_was_and_is_not_tried_again() {
    let Some((lab, nets)) = addressed("w8-refused", 2) else { return };
    let ids = |lab: &Lab| lab.containers().into_iter().map(|(name, (id, _))| (name, id)).collect::<Vec<_>>();
    let before = ids(&lab);
    let subnet = format!("subnet: {}.0/24", nets[0]);
    let refused = format!("{subnet}, gateway: 10.255.255.254");
    lab.edit("compose.yaml", &subnet, &refused);
    let run = lab.reconcile(&["."]).exits(3);
    assert_eq!(ids(&lab), before, "{run}");
    is_addressed(&lab, &nets[0]);
    let served = lab.containers();
    let run = lab.reconcile(&["."]).exits(3);
    assert!(run.stderr.contains("refused by the engine"), "{run}");
    assert_eq!(lab.containers(), served, "{run}");
    // Told to try again, it does, and all comes back once more.
    let run = lab.reconcile(&["--retry", "."]).exits(3);
    assert_ne!(lab.containers(), served, "{run}");
    assert_eq!(ids(&lab), before, "{run}");
    is_addressed(&lab, &nets[0]);
    let served = lab.containers();
    lab.edit("compose.yaml", &refused, &subnet);
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.containers(), served);
    in_sync(&lab);
}

#[test]
fn changed_contents_of_configs_and_secrets_replace_the_service() {
    let text = "services:\n  app: {BASE, configs: [{source: conf, target: /conf}], secrets: [word]}\nconfigs: {conf: {content: one}}\nsecrets: {word: {environment: WORD}}\n";
    let lab = Lab::new("w12");
    let Some(lab) = lab else { return };
    lab.write("compose.yaml", &format!("name: PREFIX-w\n{}", text.replace("BASE", BASE)));
    let run = |word: &str| lab.reconcile_with(&["."], &[("WORD", word)]).exits(0);
    let read = || lab.exec("w-app-1", "cat /conf /run/secrets/word").stdout;
    run("alpha");
    assert_eq!(read(), "onealpha");
    lab.edit("compose.yaml", "content: one", "content: two");
    run("alpha");
    assert_eq!(read(), "twoalpha");
    run("omega");
    assert_eq!(read(), "twoomega");
}

#[test]
fn no_replicas_is_a_number_like_any_other() {
    let Some(lab) = up("w15", "services:\n  app: {BASE, deploy: {replicas: 2}}\n") else { return };
    lab.edit("compose.yaml", "replicas: 2", "replicas: 0");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(names(&lab), Vec::<String>::new());
    in_sync(&lab);
}

#[test]
fn a_hook_that_fails_is_a_failure_and_is_not_forgotten() {
    let Some(lab) = up("w16", "services:\n  app: {BASE, environment: {LEVEL: a}}\n") else { return };
    let before = lab.containers();
    lab.edit(
        "compose.yaml",
        "LEVEL: a}",
        "LEVEL: b}, post_start: [{command: [sh, -c, 'echo no table; exit 4']}]",
    );
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    assert_eq!(outcome(&lab, &run, "app"), "rolled_back", "{run}");
    let run = lab.reconcile(&["--format", "json", "."]).exits(3);
    assert_eq!(outcome(&lab, &run, "app"), "quarantined", "{run}");
    let (name, id) =
        (lab.stack("w-app-1"), |all: &std::collections::BTreeMap<String, (String, String)>, name: &str| {
            all[name].0.clone()
        });
    assert_eq!(id(&before, &name), id(&lab.containers(), &name), "the old container serves");
}

#[test]
fn what_is_unhealthy_is_told_although_nothing_changed() {
    let check = "healthcheck: {test: [CMD, test, -e, /tmp/up], interval: 200ms, timeout: 5s, retries: 3}";
    let text = format!("services:\n  app: {{BASE, {check}}}\n")
        .replace("BASE", "image: IMAGE, command: [sh, -c, 'touch /tmp/up; exec sleep 9999'], init: true, stop_grace_period: 0s");
    let Some(lab) = up("w17", &text) else { return };
    let health = || lab.inspect("w-app-1", "{{.State.Health.Status}}");
    let end = Instant::now() + Duration::from_secs(60);
    while health() != "healthy" {
        assert!(Instant::now() < end);
    }
    lab.exec("w-app-1", "rm /tmp/up").exits(0);
    while health() != "unhealthy" {
        assert!(Instant::now() < end);
    }
    let status = lab.reconcile(&["status", "--stack", &lab.stack("w"), "."]).exits(0);
    assert!(status.stdout.contains("unhealthy"), "{status}");
}

#[test]
fn what_joined_a_network_restarts_after_somebody_restarted_its_owner() {
    let text = "services:
  vpn: {BASE}
  app: {BASE, network_mode: 'service:vpn'}
  alone: {BASE}
";
    let tells = "app: {image: IMAGE, command: [sh, -c, 'ip -o addr show dev eth0; exec sleep 9999'], init: true, stop_grace_period: 0s";
    let Some(lab) = up("w14", &text.replace("app: {BASE", tells)) else { return };
    // How often it found the owner's network when it started.
    let joined = |lab: &Lab| {
        docker(&["logs", &lab.stack("w-app-1")]).stdout.lines().filter(|line| line.contains("inet ")).count()
    };
    assert_eq!(joined(&lab), 1);
    docker(&["restart", "-t", "0", &lab.stack("w-vpn-1")]).exits(0);
    let before = lab.containers();
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("the namespace that this one joined is gone"), "{run}");
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("w-app-1")], "{run}");
    assert_eq!(joined(&lab), 2, "{run}");
    in_sync(&lab);
}
