//! What a service waits for, and what waits for its completion.

use super::{Scope, section, string};
use crate::model::desired::{Condition, Dependency};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const COMPLETED: &str = "service_completed_successfully";

/// Services whose completion another one waits for: they are jobs.
pub(super) fn completed(services: &Map<String, Value>) -> BTreeSet<String> {
    let conditions =
        services.values().filter_map(Value::as_object).flat_map(|service| section(service, "depends_on"));
    let awaited =
        conditions.filter(|(_, entry)| entry.get("condition").and_then(Value::as_str) == Some(COMPLETED));
    awaited.map(|(key, _)| key.clone()).collect()
}

/// The dependencies of a service on enabled services. An optional one on a service that a profile switches off is gone,
/// and a required one never gets here: the loader refuses it.
pub(super) fn of(
    scope: &mut Scope<'_>,
    key: &str,
    service: &Map<String, Value>,
) -> BTreeMap<String, Dependency> {
    let enabled = section(&scope.project.tree, "services");
    let mut dependencies = BTreeMap::new();
    for (on, entry) in section(service, "depends_on") {
        let Some(entry) = entry.as_object().filter(|_| enabled.contains_key(on)) else { continue };
        let flag = |key: &str, default| entry.get(key).and_then(Value::as_bool).unwrap_or(default);
        let condition = match string(entry, "condition") {
            "" | "service_started" => Condition::Started,
            "service_healthy" => Condition::Healthy,
            COMPLETED => Condition::Completed,
            other => {
                let path = ["services", key, "depends_on", on, "condition"];
                let message = format!("unknown condition {other:?}");
                let hint =
                    "the conditions are service_started, service_healthy, service_completed_successfully";
                scope.report.error(&path, message).hint = Some(hint.to_owned());
                continue;
            }
        };
        let dependency =
            Dependency { condition, restart: flag("restart", false), required: flag("required", true) };
        dependencies.insert(on.clone(), dependency);
    }
    dependencies
}
