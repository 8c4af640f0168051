//! What a run without changes costs the engine.

use crate::lab::Lab;
use crate::proxy::{Proxy, engine_socket};
use std::fmt::Write as _;

fn stacks(lab: &Lab, stacks: usize, services: usize) {
    for stack in 0..stacks {
        let mut text = format!("name: PREFIX-s{stack}\nservices:\n");
        for service in 0..services {
            let _ = writeln!(
                text,
                "  app{service}: {{image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 1s}}"
            );
        }
        lab.write(&format!("s{stack}/compose.yaml"), &text);
    }
}

#[test]
fn the_number_of_requests_without_changes_does_not_grow() {
    let (Some(lab), Some(engine)) = (Lab::new("requests"), engine_socket()) else { return };
    let proxy = Proxy::start(&lab.path().join("engine.sock"), &engine);
    let environment = [("DOCKER_HOST", proxy.address())];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut counts = Vec::new();
    for (number, size) in [(1, 1), (3, 4)] {
        stacks(&lab, number, size);
        lab.reconcile_with(&["."], &environment).exits(0);
        proxy.take();
        let run = lab.reconcile_with(&["."], &environment).exits(0);
        let requests = proxy.take();
        assert!(run.stderr.contains("Nothing to do"), "{run}");
        assert!(requests.iter().all(|line| line.starts_with("GET ")), "{requests:?}");
        counts.push(requests);
    }
    assert_eq!(counts[0].len(), counts[1].len(), "{counts:?}");
    assert!(counts[0].len() <= 5, "{counts:?}");
}

#[test]
fn what_shares_a_network_costs_one_request_for_each_that_does() {
    let (Some(lab), Some(engine)) = (Lab::new("sharing"), engine_socket()) else { return };
    let proxy = Proxy::start(&lab.path().join("engine.sock"), &engine);
    let environment = [("DOCKER_HOST", proxy.address())];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let service = "image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 0s";
    let mut counts = Vec::new();
    for mode in ["", ", network_mode: 'service:vpn'"] {
        let text = format!(
            "name: PREFIX-s\nservices:\n  vpn: {{{service}}}\n  one: {{{service}{mode}}}\n  two: {{{service}{mode}}}\n"
        );
        lab.write("compose.yaml", &text);
        lab.reconcile(&["."]).exits(0);
        proxy.take();
        lab.reconcile_with(&["."], &environment).exits(0);
        // Other tests share networks on the same engine.
        let own: Vec<String> =
            lab.containers().into_values().map(|(id, _)| format!("/containers/{id}/json")).collect();
        let is_own = |line: &&String| own.iter().any(|path| line.contains(path));
        counts.push(proxy.take().iter().filter(is_own).count());
    }
    assert_eq!(counts, [0, 3], "vpn, one and two");
}

#[test]
fn a_dry_run_sends_no_request_that_changes_anything() {
    let (Some(lab), Some(engine)) = (Lab::new("readonly"), engine_socket()) else { return };
    let proxy = Proxy::start(&lab.path().join("engine.sock"), &engine);
    stacks(&lab, 1, 2);
    lab.reconcile_with(&["--dry-run", "."], &[("DOCKER_HOST", &proxy.address())]).exits(0);
    let requests = proxy.take();
    assert!(!requests.is_empty() && requests.iter().all(|line| line.starts_with("GET ")), "{requests:?}");
}
