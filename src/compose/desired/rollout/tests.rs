use crate::compose::desired::Untracked;
use crate::compose::desired::tests::{convert_with, errors, stack};
use crate::compose::settings::{RolloutSettings, StackSettings};
use crate::model::rollout::{FailureAction, Order, Pace, Rollout, WaitFor};
use crate::model::units::Nanos;

const fn seconds(count: i64) -> Nanos {
    Nanos(count * 1_000_000_000)
}

fn one(service: &str) -> Rollout {
    let compose = format!("services:\n  a:\n    image: x\n{service}");
    stack(&[("compose.yaml", &compose)]).services["a"].rollout.clone()
}

#[test]
fn without_a_word_replicas_go_one_by_one_and_come_back_together() {
    let rollout = one("");
    assert_eq!(rollout, Rollout::default());
    assert_eq!((rollout.update.parallelism, rollout.update.order), (1, Order::StopFirst));
    assert_eq!(rollout.update.failure_action, FailureAction::Rollback);
    assert_eq!(rollout.rollback.failure_action, FailureAction::Pause);
}

#[test]
fn update_config_is_read_as_on_a_swarm() {
    let rollout = one(
        "    deploy:\n      update_config: {parallelism: 2, order: start-first, delay: 10s, monitor: 5s, \
                       failure_action: pause, max_failure_ratio: 0.25}\n",
    );
    let expected = Pace {
        order: Order::StartFirst,
        parallelism: 2,
        delay: seconds(10),
        monitor: Some(seconds(5)),
        failure_action: FailureAction::Pause,
        max_failure_ratio: 0.25,
    };
    assert_eq!(rollout.update, expected);
    // Nobody said how to go back: likewise, but without delay.
    let back =
        Pace { delay: Nanos(0), failure_action: FailureAction::Pause, max_failure_ratio: 0.0, ..expected };
    assert_eq!(rollout.rollback, back);
}

#[test]
fn rollback_config_is_the_way_back() {
    let rollout = one(
        "    deploy:\n      update_config: {order: start-first, parallelism: 4}\n      rollback_config: \
                       {parallelism: 0, delay: 1s, failure_action: continue}\n",
    );
    let Pace { order, parallelism, delay, failure_action, .. } = rollout.rollback;
    let found = (order, parallelism, delay, failure_action);
    assert_eq!(found, (Order::StartFirst, 0, seconds(1), FailureAction::Continue));
}

#[test]
fn what_is_said_closest_to_the_service_counts() {
    let text = "services:\n  own: {image: x, deploy: {update_config: {parallelism: 2, delay: 2s}}, \
                x-reconcile: {rollout: {parallelism: 3}}}\n  swarm: {image: x, deploy: {update_config: {parallelism: 2}}}\n  \
                plain: {image: x}";
    let general = RolloutSettings {
        parallelism: Some(9),
        delay: Some(seconds(9)),
        wait: Some(WaitFor::Healthy),
        ..RolloutSettings::default()
    };
    let settings = StackSettings { rollout: general, ..StackSettings::default() };
    let (stack, _) = convert_with(&[("compose.yaml", text)], &settings, &Untracked);
    let stack = stack.expect("the stack");
    let found = |key: &str| {
        let update = &stack.services[key].rollout.update;
        (update.parallelism, update.delay)
    };
    assert_eq!(found("own"), (3, seconds(2)));
    assert_eq!(found("swarm"), (2, seconds(9)));
    assert_eq!(found("plain"), (9, seconds(9)));
    // A stack's wish for health says nothing about services that have no check.
    assert_eq!(stack.services["plain"].rollout.wait, None);
}

#[test]
fn the_block_sets_what_a_swarm_does_not_know() {
    let rollout = one(
        "    x-reconcile: {rollout: {wait: running, running_for: 20s, timeout: 1m, share_volumes: true, \
                       on_failure: continue, monitor: 0s}}\n",
    );
    assert_eq!(rollout.wait, Some(WaitFor::Running));
    assert_eq!((rollout.running_for, rollout.timeout), (Some(seconds(20)), Some(seconds(60))));
    assert!(rollout.share_volumes);
    assert_eq!(rollout.update.failure_action, FailureAction::Continue);
    assert_eq!(rollout.update.monitor, Some(Nanos(0)));
}

#[test]
fn words_that_a_swarm_does_not_know_are_errors() {
    let refused = |service: &str| {
        errors(&[("compose.yaml", &format!("services: {{a: {{image: x, {service}}}}}"))]).concat()
    };
    assert_eq!(
        refused("deploy: {update_config: {failure_action: resume}}"),
        "services.a.deploy.update_config.failure_action: `failure_action` cannot be `resume`"
    );
    assert_eq!(
        refused("deploy: {rollback_config: {failure_action: rollback}}"),
        "services.a.deploy.rollback_config.failure_action: `failure_action` cannot be `rollback`"
    );
    assert_eq!(
        refused("deploy: {update_config: {max_failure_ratio: 20}}"),
        "services.a.deploy.update_config.max_failure_ratio: `max_failure_ratio` cannot be 20"
    );
    assert_eq!(
        refused("healthcheck: {disable: true}, x-reconcile: {rollout: {wait: healthy}}"),
        "services.a.x-reconcile.rollout.wait: `wait: healthy` needs a health check, and this service switches it off"
    );
}

#[test]
fn how_containers_are_replaced_changes_no_hash() {
    let hash = |service: &str| {
        let compose = format!("services: {{a: {{image: x{service}}}}}");
        stack(&[("compose.yaml", &compose)]).services["a"].hash()
    };
    let with = ", deploy: {update_config: {parallelism: 3}}, x-reconcile: {rollout: {order: start-first}}";
    assert_eq!(hash(""), hash(with));
}
