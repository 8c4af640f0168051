//! The services that were asked for, with what they need, and the resources that are left without a user
//! (reference: docker compose 2.40).

use super::diagnostic::{Diagnostic, Lack};
use super::json;
use super::load::Project;
use super::profiles;
use super::session::Session;
use super::suggest;
use super::walk;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Switches on the services that were asked for and are off. Their profiles count for the whole project then.
pub(super) fn enable(
    session: &Session<'_>,
    project: &mut Project,
    active: &[String],
    off: Map<String, Value>,
) {
    let mut active = active.to_vec();
    for name in &session.options.services {
        if let Some(service) = off.get(name) {
            active.extend(profiles::names(service).into_iter().map(str::to_owned));
        }
    }
    let Some(Value::Object(services)) = project.tree.get_mut("services") else { return };
    let asked = !session.options.services.is_empty();
    for (name, service) in off {
        if asked && profiles::is_enabled(&service, &active) {
            project.disabled_services.retain(|known| *known != name);
            services.insert(name, service);
        }
    }
    services.sort_keys();
}

/// Keeps the services that were asked for with their dependencies, and drops resources without a user.
pub(super) fn apply(session: &mut Session<'_>, project: &mut Project) {
    if !session.options.services.is_empty() {
        let wanted = closure(&project.tree, &session.options.services, &mut session.diagnostics);
        keep(&mut project.tree, &wanted);
    }
    if !session.options.all_resources {
        prune(&mut project.tree);
    }
    session.diagnostics.extend(shared_container_names(project));
}

/// The services that names or patterns mean, with what they depend on.
fn closure(
    tree: &Map<String, Value>,
    names: &[String],
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    let mut open: Vec<(String, bool)> = names.iter().rev().map(|name| (name.clone(), true)).collect();
    while let Some((name, required)) = open.pop() {
        let found = matching(tree, &name);
        if found.is_empty() && required {
            let known: Vec<&str> = json::entries(tree, "services").map(|(name, _)| name.as_str()).collect();
            let hint = suggest::instead_of(&name, "services that are switched on", &known);
            let error = Diagnostic::error(format!("no such service: {name}"));
            diagnostics.push(error.lacks(Lack::Entry("services")).hint(hint));
        }
        for (service, body) in found {
            if wanted.insert(service.clone()) {
                open.extend(json::fields(body.get("depends_on")).map(|(target, dependency)| {
                    let required = dependency.get("required").and_then(Value::as_bool) != Some(false);
                    (target.clone(), required)
                }));
            }
        }
    }
    wanted
}

fn matching<'t>(tree: &'t Map<String, Value>, name: &str) -> Vec<(&'t String, &'t Value)> {
    json::entries(tree, "services").filter(|(service, _)| *service == name || glob(name, service)).collect()
}

/// Whether a pattern of `*`, `?` and `[a-z]` names a text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = letters.as_str();
            text.char_indices().map(|(i, _)| i).chain([text.len()]).any(|i| glob(rest, &text[i..]))
        }
        Some('?') => text.chars().next().is_some_and(|c| glob(letters.as_str(), &text[c.len_utf8()..])),
        Some('[') => {
            let (Some((class, rest)), Some(c)) = (letters.as_str().split_once(']'), text.chars().next())
            else {
                return false;
            };
            in_class(class, c) && glob(rest, &text[c.len_utf8()..])
        }
        Some(letter) => text.strip_prefix(letter).is_some_and(|rest| glob(letters.as_str(), rest)),
    }
}

fn in_class(class: &str, c: char) -> bool {
    let (negated, class) = class.strip_prefix('^').map_or((false, class), |rest| (true, rest));
    let letters: Vec<char> = class.chars().collect();
    let mut rest = letters.as_slice();
    let mut found = false;
    while let Some((&first, tail)) = rest.split_first() {
        if let ['-', last, after @ ..] = tail {
            found |= (first..=*last).contains(&c);
            rest = after;
        } else {
            found |= first == c;
            rest = tail;
        }
    }
    found != negated
}

fn keep(tree: &mut Map<String, Value>, wanted: &BTreeSet<String>) {
    let Some(Value::Object(services)) = tree.get_mut("services") else { return };
    services.retain(|name, _| wanted.contains(name));
    for service in services.values_mut().filter_map(Value::as_object_mut) {
        let Some(Value::Object(dependencies)) = service.get_mut("depends_on") else { continue };
        dependencies.retain(|name, _| wanted.contains(name));
        if dependencies.is_empty() {
            service.shift_remove("depends_on");
        }
    }
}

/// Drops networks, volumes, secrets, configs and models that no service uses.
fn prune(tree: &mut Map<String, Value>) {
    for section in ["networks", "volumes", "secrets", "configs", "models"] {
        let used: BTreeSet<String> =
            json::entries(tree, "services").flat_map(|(_, service)| uses(service, section)).collect();
        if let Some(Value::Object(entries)) = tree.get_mut(section) {
            entries.retain(|name, _| used.contains(name));
            if entries.is_empty() {
                tree.shift_remove(section);
            }
        }
    }
}

fn uses(service: &Value, section: &str) -> Vec<String> {
    let source = |item: &Value| json::text(item, "source").to_owned();
    match section {
        "networks" | "models" => json::fields(service.get(section)).map(|(name, _)| name.clone()).collect(),
        "volumes" => {
            let named =
                json::list(service.get(section)).iter().filter(|item| json::text(item, "type") == "volume");
            named.map(source).collect()
        }
        _ => {
            let build =
                service.get("build").filter(|_| section == "secrets").and_then(|build| build.get(section));
            json::list(service.get(section)).iter().chain(json::list(build)).map(source).collect()
        }
    }
}

/// Two containers cannot have one name.
fn shared_container_names(project: &Project) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (service, body) in json::entries(&project.tree, "services") {
        let name = json::text(body, "container_name");
        let Some(other) = seen.get(name).copied().filter(|_| !name.is_empty()) else {
            seen.insert(name, service);
            continue;
        };
        let span = |service: &str| walk::span_of(&project.nodes, &["services", service, "container_name"]);
        let message =
            format!("services.{service}: container name {name:?} is already in use by service {{}}\"");
        found.push(
            Diagnostic::error(message)
                .plain(format!("two services have the container name `{name}`"))
                .at(format!("services.{service}.container_name"))
                .span(span(service))
                .also(span(other), "the other one")
                .hint("give each service its own container_name, or none"),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_services() {
        assert!(glob("w*", "web"));
        assert!(glob("w?b", "web"));
        assert!(glob("[a-z]eb", "web"));
        assert!(!glob("[^a-z]eb", "web"));
        assert!(!glob("w", "web"));
    }
}
