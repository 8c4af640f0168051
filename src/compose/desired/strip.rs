//! Takes out of a canonical service what does not shape its containers.

use crate::compose::attributes::SERVICE;
use crate::compose::canonical::without_extensions;
use crate::model::service::{Deploy, ServiceSpec};
use serde::Deserialize as _;
use serde_json::{Map, Value};

/// Keys that shape no container.
const NOT_CONTAINER: [&str; 11] = [
    "attach",
    "build",
    "depends_on",
    "develop",
    "env_file",
    "extends",
    "label_file",
    "profiles",
    "pull_policy",
    "pull_refresh_after",
    "scale",
];
/// Keys that are refused by the support table; a service that has one never gets a spec that is used.
const REFUSED: [&str; 4] = ["credential_spec", "models", "provider", "use_api_socket"];
/// Keys of `deploy` that shape a container.
const DEPLOY: [&str; 2] = ["resources", "restart_policy"];
/// Where the reference gathers the `x-` keys of a mapping of free names, by mistake as if it were one of them.
const GATHERED: &str = "#extensions";

/// The typed spec, or the keys that no field takes.
pub(super) fn spec(service: &Map<String, Value>) -> Result<ServiceSpec, Vec<String>> {
    match ServiceSpec::deserialize(Value::Object(container_part(service))) {
        Ok(mut spec) => {
            blank_ignored(&mut spec);
            Ok(spec)
        }
        // The error's own text is not shown: it can hold a value.
        Err(_) => Err(culprits(container_part(service))),
    }
}

fn culprits(part: Map<String, Value>) -> Vec<String> {
    part.into_iter()
        .filter(|(key, value)| {
            ServiceSpec::deserialize(&Value::Object(Map::from_iter([(key.clone(), value.clone())]))).is_err()
        })
        .map(|(key, _)| key)
        .collect()
}

fn container_part(service: &Map<String, Value>) -> Map<String, Value> {
    let mut part = without_extensions(&SERVICE, service);
    part.retain(|key, _| !NOT_CONTAINER.contains(&&**key) && !REFUSED.contains(&&**key));
    if let Some(Value::Object(deploy)) = part.get_mut("deploy") {
        deploy.retain(|key, _| DEPLOY.contains(&&**key));
    }
    part.values_mut().for_each(drop_gathered);
    part
}

/// Drops what the reference gathers by mistake.
pub(super) fn drop_gathered(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove(GATHERED);
            map.values_mut().for_each(drop_gathered);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_gathered),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Mappings of a service that have `x-` names, which the reference takes for extensions.
pub(super) fn gathered(service: &Map<String, Value>) -> Vec<&'static str> {
    let has = |key: &&str| {
        service.get(*key).and_then(Value::as_object).is_some_and(|map| map.contains_key(GATHERED))
    };
    ["environment", "labels", "annotations", "sysctls"].into_iter().filter(has).collect()
}

/// Blanks what the engine never sees, so that changing it replaces nothing. The rows of the support table that are
/// ignored and have a field in the spec.
fn blank_ignored(spec: &mut ServiceSpec) {
    for port in &mut spec.ports {
        port.name.clear();
        port.mode.clear();
        port.app_protocol.clear();
    }
    for mount in &mut spec.volumes {
        mount.consistency.clear();
    }
    let Some(deploy) = &mut spec.deploy else { return };
    if let Some(policy) = &mut deploy.restart_policy {
        policy.delay = None;
        policy.window = None;
    }
    if let Some(reservations) = &mut deploy.resources.reservations {
        reservations.cpus = 0.0;
        reservations.generic_resources.clear();
    }
    for side in [&mut deploy.resources.limits, &mut deploy.resources.reservations] {
        side.take_if(|side| *side == crate::model::service::Limits::default());
    }
    spec.deploy.take_if(|deploy| *deploy == Deploy::default());
}

#[cfg(test)]
mod tests {
    use super::spec;
    use serde_json::{Map, Value, json};

    fn service(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { return Map::new() };
        map
    }

    #[test]
    fn a_key_that_no_field_takes_is_named() {
        let with = service(json!({"image": "a", "brand_new": 1, "ports": [{"target": 80, "odd": "secret"}]}));
        assert_eq!(spec(&with).expect_err("unmapped"), ["brand_new", "ports"]);
    }

    #[test]
    fn replicas_and_what_only_a_swarm_reads_leave_no_trace() {
        let plain = spec(&service(json!({"image": "a"}))).expect("spec");
        let with = json!({"image": "a", "deploy": {"replicas": 3, "mode": "replicated", "resources":
            {"reservations": {"cpus": 0.5}}, "placement": {"constraints": ["a"]}}, "scale": 3, "x-a": 1});
        assert_eq!(spec(&service(with)).expect("spec"), plain);
    }

    #[test]
    fn extensions_go_but_names_that_look_like_them_stay() {
        let with = json!({"image": "a", "environment": {"x-a": "1", "#extensions": "map[x-b:2]"}, "networks": {"x-n": {"x-k": 1, "priority": 1}},
            "ports": [{"target": 80, "x-p": 1}]});
        let spec = spec(&service(with)).expect("spec");
        assert_eq!(spec.environment.keys().collect::<Vec<_>>(), ["x-a"]);
        assert_eq!(spec.networks["x-n"].as_ref().map(|endpoint| endpoint.priority), Some(1));
    }
}
