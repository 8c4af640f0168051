//! Which services are part of a run (reference: docker compose 2.40).

use super::environment::Environment;
use super::load::{LoadOptions, Project};
use serde_json::{Map, Value};

/// The active profiles: those asked for, else those of `COMPOSE_PROFILES`.
pub(super) fn active(options: &LoadOptions, environment: &Environment) -> Vec<String> {
    if !options.profiles.is_empty() {
        return options.profiles.clone();
    }
    let listed = environment.get("COMPOSE_PROFILES").map_or("", String::as_str);
    listed.split(',').map(|profile| profile.trim().to_owned()).collect()
}

/// Whether a service is on: it has no profiles, one of them is active, or all are.
pub(super) fn is_enabled(service: &Value, active: &[String]) -> bool {
    let own = names(service);
    own.is_empty() || active.iter().any(|profile| profile == "*" || own.contains(&profile.as_str()))
}

/// The profiles of a service.
pub(super) fn names(service: &Value) -> Vec<&str> {
    let list = service.get("profiles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(Value::as_str).collect()
}

/// Takes the services that are off out of the project and gives them back.
pub(super) fn split(project: &mut Project, active: &[String]) -> Map<String, Value> {
    let mut off = Map::new();
    let Some(Value::Object(services)) = project.tree.get_mut("services") else { return off };
    for (name, service) in std::mem::take(services) {
        let target = if is_enabled(&service, active) { &mut *services } else { &mut off };
        target.insert(name, service);
    }
    project.disabled_services = off.keys().cloned().collect();
    project.disabled_services.sort();
    off
}
