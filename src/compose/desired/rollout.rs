//! How a service's containers are replaced: `deploy.update_config` and `deploy.rollback_config` as on a Swarm, and the
//! `rollout` of `x-reconcile`.
//!
//! What is said closest to the service counts: its own block, then its `update_config`, then the stack's block.

use super::{Scope, section, string, words};
use crate::compose::settings::{KEY, RolloutSettings};
use crate::model::rollout::{FailureAction, Order, Pace, Rollout, WaitFor};
use crate::model::units::Nanos;
use serde_json::{Map, Value};

/// What a Swarm takes when a way back fails.
const BACK: [&str; 2] = ["pause", "continue"];

/// The rollout of a service. `own` is its block's.
pub(super) fn of(
    scope: &mut Scope<'_>,
    key: &str,
    service: &Map<String, Value>,
    own: &RolloutSettings,
) -> Rollout {
    let deploy = section(service, "deploy");
    let written = |name: &str| deploy.get(name).and_then(Value::as_object);
    let general = scope.settings.rollout.clone();
    let update = written("update_config").map(|config| swarm(scope, key, "update_config", config));
    let back = written("rollback_config").map(|config| swarm(scope, key, "rollback_config", config));
    no_check_to_wait_for(scope, key, service, own);
    // A stack's wish for health is met where there is a check.
    let general = RolloutSettings { wait: general.wait.filter(|wait| *wait == WaitFor::Running), ..general };
    let max_failure_ratio = update.as_ref().map_or(0.0, |(_, ratio)| *ratio);
    let said = own.clone().or(&update.map(|(said, _)| said).unwrap_or_default()).or(&general);
    let plain = Rollout::default();
    let update = Pace { max_failure_ratio, ..pace(&said, &plain.update) };
    let likewise = Pace {
        order: update.order,
        parallelism: update.parallelism,
        monitor: update.monitor,
        ..plain.rollback
    };
    let rollback = match back {
        Some((said, max_failure_ratio)) => {
            let base = Pace { order: update.order, ..Rollout::default().rollback };
            Pace { max_failure_ratio, ..pace(&said, &base) }
        }
        None => likewise,
    };
    Rollout {
        update,
        rollback,
        wait: said.wait,
        running_for: said.running_for,
        timeout: said.timeout,
        share_volumes: said.share_volumes.unwrap_or_default(),
    }
}

fn pace(said: &RolloutSettings, plain: &Pace) -> Pace {
    Pace {
        order: said.order.unwrap_or(plain.order),
        parallelism: said.parallelism.unwrap_or(plain.parallelism),
        delay: said.delay.unwrap_or(plain.delay),
        monitor: said.monitor.or(plain.monitor),
        failure_action: said.on_failure.unwrap_or(plain.failure_action),
        max_failure_ratio: plain.max_failure_ratio,
    }
}

/// What a section for a Swarm says, and its share of failures. The schema has seen to it that the types are right.
fn swarm(
    scope: &mut Scope<'_>,
    key: &str,
    name: &str,
    config: &Map<String, Value>,
) -> (RolloutSettings, f64) {
    let path = |field| ["services", key, "deploy", name, field];
    let time = |field| Nanos::parse(string(config, field)).ok().filter(|time| time.0 >= 0);
    let action = string(config, "failure_action");
    let words = if name == "rollback_config" { &BACK[..] } else { FailureAction::WORDS };
    if !action.is_empty() && !words.contains(&action) {
        words::refuse(scope, &path("failure_action"), action, words);
    }
    let ratio = config.get("max_failure_ratio").and_then(Value::as_f64).unwrap_or_default();
    if !(0.0..=1.0).contains(&ratio) {
        let message = format!("`max_failure_ratio` cannot be {ratio}");
        scope.report.value(&path("max_failure_ratio"), message).hint =
            Some("it is a share of the replicas: 0 is none, 1 is all".to_owned());
    }
    let said = RolloutSettings {
        order: Order::parse(string(config, "order")),
        parallelism: config
            .get("parallelism")
            .and_then(Value::as_u64)
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        delay: time("delay"),
        monitor: time("monitor"),
        on_failure: FailureAction::parse(action),
        ..RolloutSettings::default()
    };
    (said, ratio)
}

/// A service that is to wait for the health check that it switches off.
fn no_check_to_wait_for(
    scope: &mut Scope<'_>,
    key: &str,
    service: &Map<String, Value>,
    own: &RolloutSettings,
) {
    let check = section(service, "healthcheck");
    let first = check.get("test").and_then(Value::as_array).and_then(|test| test.first());
    let is_off = check.get("disable").and_then(Value::as_bool).unwrap_or_default()
        || first.and_then(Value::as_str) == Some("NONE");
    if is_off && own.wait == Some(WaitFor::Healthy) {
        let path = ["services", key, KEY, "rollout", "wait"];
        let message = "`wait: healthy` needs a health check, and this service switches it off";
        scope.report.error(&path, message).hint = Some("write `wait: running`, or leave it out".to_owned());
    }
}

#[cfg(test)]
mod tests;
