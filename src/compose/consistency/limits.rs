//! Attributes that can be said twice must say the same, and numbers of containers must make sense.

use super::Service;
use crate::compose::json;
use serde_json::{Map, Value};

/// An attribute of a service, and where `deploy` can say the same.
struct Twin {
    own: &'static str,
    side: &'static str,
    other: &'static str,
}

const TWINS: [Twin; 4] = [
    Twin { own: "cpus", side: "limits", other: "cpus" },
    Twin { own: "mem_limit", side: "limits", other: "memory" },
    Twin { own: "mem_reservation", side: "reservations", other: "memory" },
    Twin { own: "pids_limit", side: "limits", other: "pids" },
];

/// Checks scale and limits.
pub(super) fn check(service: &mut Service<'_, '_>) {
    let scale = service.tree.get("scale").and_then(Value::as_i64);
    let deploy = service.tree.get("deploy").filter(|deploy| deploy.is_object());
    let replicas = deploy.and_then(|deploy| deploy.get("replicas")).and_then(Value::as_i64);
    let name = service.name;
    if let (Some(scale), Some(replicas)) = (scale, replicas)
        && scale != replicas
    {
        let plain = format!("`scale` is {scale}, but `deploy.replicas` is {replicas}");
        let error = service
            .error((distinct(name, "scale", "deploy.replicas"), plain), &["scale"])
            .also(service.span(&["deploy", "replicas"]), "the other one")
            .hint("keep one of the two");
        service.found.push(error);
    }
    for (value, key) in [(scale, "scale"), (replicas, "deploy.replicas")] {
        if value.is_some_and(|number| number < 0) {
            let message = format!("services.{name}.{key}: must be greater than or equal to 0");
            let plain = format!("`{key}` cannot be less than 0");
            let error = service.error((message, plain), &key.split('.').collect::<Vec<_>>());
            service.found.push(error.hint("0 stops the service"));
        }
    }
    if let Some(resources) = deploy.and_then(|deploy| deploy.get("resources")) {
        twins(service, resources);
    }
    if scale.or(replicas).is_some_and(|number| number > 1) && !service.text("container_name").is_empty() {
        let key = if scale.is_some() { "scale" } else { "deploy.replicas" };
        let message = format!(
            "services.{key}: can't set container_name and {name} as container name must be unique: invalid compose project"
        );
        let error = service
            .error((message, "a service with a `container_name` runs once only"), &["container_name"])
            .also(service.span(&key.split('.').collect::<Vec<_>>()), "but this asks for more")
            .hint("remove `container_name`: containers are then called PROJECT-SERVICE-NUMBER");
        service.found.push(error);
    }
}

/// An unset limit beside an existing `limits` counts as distinct, as in the reference.
fn twins(service: &mut Service<'_, '_>, resources: &Value) {
    for Twin { own, side, other } in TWINS {
        let Some(set) = service.tree.get(own).and_then(number).filter(|number| *number != 0.0) else {
            continue;
        };
        let Some(limits) = resources.get(side).filter(|limits| limits.is_object()) else { continue };
        if limits.get(other).and_then(number).unwrap_or(0.0).total_cmp(&set).is_ne() {
            let message = distinct(service.name, own, &format!("deploy.resources.{side}.{other}"));
            let plain = format!("`{own}` and `deploy.resources.{side}.{other}` differ");
            let error = service
                .error((message, plain), &[own])
                .also(service.span(&["deploy", "resources", side, other]), "this counts too")
                .hint("keep one of the two");
            service.found.push(error);
        }
    }
}

fn distinct(service: &str, own: &str, other: &str) -> String {
    format!("services.{service}: can't set distinct values on '{own}' and '{other}': invalid compose project")
}

/// A number, also one that is printed as a string.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

/// `deploy.replicas` takes the value of `scale` where both could be meant.
pub(super) fn settle_replicas(tree: &mut Map<String, Value>) {
    let services = tree.get_mut("services").and_then(Value::as_object_mut);
    for service in services.into_iter().flat_map(Map::values_mut) {
        let Some(scale) = service.get("scale").filter(|scale| !scale.is_null()).cloned() else { continue };
        if let Some(deploy) = service.get_mut("deploy").and_then(Value::as_object_mut) {
            json::put(deploy, "replicas", scale, &["mode"]);
        }
    }
}
