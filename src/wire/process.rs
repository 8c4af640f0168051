//! Environment, restart policy, logging, hosts.

use super::fields::Gate;
use crate::model::service::{Deploy, Logging, Pairs};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `KEY=VALUE` entries in key order, proxies underneath. A bare `KEY` removes what the image sets.
pub(super) fn environment(environment: &BTreeMap<String, Option<String>>, proxies: &Pairs) -> Vec<String> {
    let mut all: BTreeMap<&str, Option<&str>> =
        proxies.iter().map(|(key, value)| (key.as_str(), Some(value.as_str()))).collect();
    all.extend(environment.iter().map(|(key, value)| (key.as_str(), value.as_deref())));
    all.into_iter()
        .map(|(key, value)| value.map_or_else(|| key.to_owned(), |value| format!("{key}={value}")))
        .collect()
}

/// A restart policy as the engine takes it.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RestartPolicy {
    name: String,
    maximum_retry_count: i64,
}

/// `deploy.restart_policy`, else `restart`. Reference: docker compose 2.40 makes a missing condition "no restart", although
/// the specification's default is `any`; here it is `any`.
pub(super) fn restart_policy(restart: &str, deploy: Option<&Deploy>, gate: &mut Gate) -> RestartPolicy {
    let Some(policy) = deploy.and_then(|deploy| deploy.restart_policy.as_ref()) else {
        return of_text(restart);
    };
    let attempts = policy.max_attempts.and_then(|attempts| i64::try_from(attempts).ok()).unwrap_or_default();
    let name = match policy.condition.as_str() {
        "none" | "no" => "no",
        "any" | "always" | "" => "always",
        other => other,
    };
    let counts = name == "on-failure";
    if attempts != 0 && !counts {
        gate.warnings.push(format!(
            "`deploy.restart_policy.max_attempts` has no effect: the engine counts restarts only with the condition \
             `on-failure`, and the condition is `{}`",
            if policy.condition.is_empty() { "any" } else { &policy.condition }
        ));
    }
    RestartPolicy { name: name.to_owned(), maximum_retry_count: if counts { attempts } else { 0 } }
}

/// `on-failure:3` and the like. Unknown words go to the engine, which names them in its error.
fn of_text(text: &str) -> RestartPolicy {
    match text.split_once(':') {
        Some((name, count)) => match count.parse() {
            Ok(maximum_retry_count) => RestartPolicy { name: name.to_owned(), maximum_retry_count },
            Err(_) => RestartPolicy { name: text.to_owned(), maximum_retry_count: 0 },
        },
        None => RestartPolicy { name: text.to_owned(), maximum_retry_count: 0 },
    }
}

/// Driver and options. An empty driver is the engine's default one, with these options.
pub(super) fn log_config(logging: &Logging) -> Value {
    let Logging { driver, options } = logging;
    json!({"Type": driver, "Config": options})
}

/// `host:address` entries. Written are `host=address` and `host:address`, IPv6 addresses also in brackets.
pub(crate) fn extra_hosts(entries: &[String]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match entry.split_once('=').or_else(|| entry.split_once(':')) {
            Some((host, address)) => {
                format!("{host}:{}", address.trim_start_matches('[').trim_end_matches(']'))
            }
            None => entry.clone(),
        })
        .collect()
}
