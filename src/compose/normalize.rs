//! What a project implies is written out: default network, names of resources, dependencies, values of the
//! environment (reference: docker compose 2.40).

use super::environment::Environment;
use super::long_form::mapping;
use super::node::{Key, Map, Node, Span, Value};
use super::session;
use super::validation::is_true;
use super::walk;
use std::path::Path;

/// Sections whose entries get a name.
const NAMED: [&str; 4] = ["networks", "volumes", "configs", "secrets"];

/// Writes out what a project of this name implies.
pub(super) fn apply(root: &mut Node, project: &str, environment: &Environment) {
    default_network(root);
    walk::each_mut(root, "services.*", &mut |service, _| {
        if service.as_map().is_some() {
            service_parts(service, environment);
        }
    });
    if let Some(map) = root.as_map_mut() {
        map.entry("name".into()).or_default().value = Value::String(project.to_owned());
        for section in NAMED {
            if let Some(entries) = map.get_mut(section).and_then(Node::as_map_mut) {
                name_entries(entries, project);
            }
        }
    }
}

fn default_network(root: &mut Node) {
    let mut used: Option<Span> = None;
    walk::each_mut(root, "services.*", &mut |service, _| {
        let span = service.span;
        let Some(map) = service.as_map_mut() else { return };
        if map.contains_key("provider") || map.contains_key("network_mode") {
            return;
        }
        match map.get("networks").map(|node| &node.value) {
            Some(Value::Map(networks)) if !networks.is_empty() => {
                if networks.contains_key("default") {
                    used.get_or_insert(span);
                }
            }
            _ => {
                used.get_or_insert(span);
                map.insert("networks".into(), Node::new(mapping([("default", Value::Null)], span), span));
            }
        }
    });
    let (Some(span), Some(map)) = (used, root.as_map_mut()) else { return };
    let networks = map.entry("networks".into()).or_default();
    if networks.is_null() {
        networks.value = Value::Map(Map::default());
    }
    if let Some(networks) = networks.as_map_mut() {
        networks.entry(Key { name: "default".into(), span }).or_insert_with(|| Node::new(Value::Null, span));
    }
}

fn service_parts(service: &mut Node, environment: &Environment) {
    let Some(map) = service.as_map_mut() else { return };
    if let Some(policy) = map.get_mut("pull_policy")
        && policy.as_str() == Some("if_not_present")
    {
        policy.value = Value::String("missing".to_owned());
    }
    if let Some(build) = map.get_mut("build").filter(|build| build.as_map().is_some()) {
        complete_build(build, environment);
    }
    if let Some(variables) = map.get_mut("environment") {
        fill(variables, environment, Unresolved::Kept);
    }
    depend(map);
    clean_targets(map);
}

fn complete_build(build: &mut Node, environment: &Environment) {
    let span = build.span;
    let Some(map) = build.as_map_mut() else { return };
    let unset = |map: &Map, key: &str| map.get(key).is_none_or(Node::is_null);
    if unset(map, "context") {
        map.insert("context".into(), Node::string(".", span));
    }
    if unset(map, "dockerfile") && unset(map, "dockerfile_inline") {
        map.insert("dockerfile".into(), Node::string("Dockerfile", span));
    }
    if let Some(args) = map.get_mut("args") {
        fill(args, environment, Unresolved::Dropped);
    }
}

/// What becomes of a name without value that the environment lacks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unresolved {
    Kept,
    Dropped,
}

/// Gives names without value that of the environment.
fn fill(node: &mut Node, environment: &Environment, unresolved: Unresolved) {
    match &mut node.value {
        Value::Map(map) => {
            for (key, value) in map.iter_mut().filter(|(_, value)| value.is_null()) {
                if let Some(found) = environment.get(&*key.name) {
                    value.value = Value::String(found.clone());
                }
            }
            map.retain(|_, value| unresolved == Unresolved::Kept || !value.is_null());
        }
        Value::List(list) => {
            let bare = |node: &Node| node.as_str().is_some_and(|text| !text.contains('='));
            for item in list.iter_mut().filter(|item| bare(item)) {
                let name = item.as_str().unwrap_or_default().to_owned();
                if let Some(found) = environment.get(&name) {
                    item.value = Value::String(format!("{name}={found}"));
                }
            }
            list.retain(|item| unresolved == Unresolved::Kept || !bare(item));
        }
        _ => {}
    }
}

/// Adds the dependencies that links and shared namespaces or volumes imply.
fn depend(service: &mut Map) {
    let mut implied: Vec<(String, bool, Span)> = Vec::new();
    for link in strings(service, "links") {
        let text = link.as_str().unwrap_or_default();
        let parts: Vec<&str> = text.split(':').collect();
        let target = if let [service, _] = parts.as_slice() { service } else { text };
        implied.push((target.to_owned(), true, link.span));
    }
    for key in ["network_mode", "ipc", "pid", "uts"] {
        let Some(node) = service.get(key) else { continue };
        if let Some(target) = node.as_str().and_then(|text| text.strip_prefix("service:")) {
            implied.push((target.to_owned(), true, node.span));
        }
    }
    for source in strings(service, "volumes_from") {
        let text = source.as_str().unwrap_or_default();
        if !text.starts_with("container:") {
            let target = text.split(':').next().unwrap_or(text);
            implied.push((target.to_owned(), false, source.span));
        }
    }
    if implied.is_empty() {
        return;
    }
    let dependencies = service.entry("depends_on".into()).or_default();
    if dependencies.is_null() {
        dependencies.value = Value::Map(Map::default());
    }
    let Some(dependencies) = dependencies.as_map_mut() else { return };
    for (target, restart, span) in implied {
        dependencies.entry(Key { name: target.into(), span }).or_insert_with(|| {
            let condition = Value::String("service_started".to_owned());
            let fields = [
                ("condition", condition),
                ("restart", Value::Bool(restart)),
                ("required", Value::Bool(true)),
            ];
            Node::new(mapping(fields, span), span)
        });
    }
}

fn strings<'m>(service: &'m Map, key: &str) -> impl Iterator<Item = &'m Node> {
    let list = service.get(key).and_then(Node::as_list).unwrap_or_default();
    list.iter().filter(|node| node.as_str().is_some())
}

fn clean_targets(service: &mut Map) {
    let Some(Value::List(volumes)) = service.get_mut("volumes").map(|node| &mut node.value) else { return };
    for volume in volumes {
        let target = volume.as_map_mut().and_then(|map| map.get_mut("target"));
        if let Some(Value::String(target)) = target.map(|node| &mut node.value) {
            *target = session::clean(Path::new(target)).to_string_lossy().into_owned();
        }
    }
}

fn name_entries(entries: &mut Map, project: &str) {
    for (key, entry) in entries.iter_mut() {
        if entry.is_null() {
            entry.value = Value::Map(Map::default());
        }
        let span = entry.span;
        let Some(map) = entry.as_map_mut() else { continue };
        if map.get("name").is_some_and(|name| !name.is_null()) {
            continue;
        }
        let external = is_true(map.get("external"));
        let name = if external { key.name.to_string() } else { format!("{project}_{}", key.name) };
        map.insert("name".into(), Node::string(name, span));
    }
}

#[cfg(test)]
#[path = "normalize_tests.rs"]
mod tests;
