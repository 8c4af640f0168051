//! Why a container's recorded spec differs from the one that is wanted.

use super::sensitive::{mask, mask_pair, shown_pair};
use crate::model::change::{Cause, CauseKind};
use crate::model::desired::DesiredService;
use crate::model::hash::HASH_VERSION;
use crate::model::labels;
use crate::model::observed::ObservedContainer;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Environment of a container as the engine holds it.
pub(super) type Environment = BTreeMap<String, String>;

/// Whether a container was made from this spec. A label whose recipe is of another version says nothing, so the
/// recorded spec decides then: upgrading this program restarts nothing.
pub(super) fn is_same(
    service: &DesiredService,
    hash: &str,
    container: &ObservedContainer,
    environment: Option<&Environment>,
) -> bool {
    let label = container.label(labels::HASH);
    if label == hash {
        return true;
    }
    let version = label.split_once(':').map_or("", |(version, _)| version);
    version != HASH_VERSION.to_string()
        && recorded(container).is_some_and(|old| old == service.recorded())
        && environment.is_none_or(|old| environment_causes(service, old).is_empty())
}

/// The spec recorded in a container's label, if it can be read.
pub(super) fn recorded(container: &ObservedContainer) -> Option<Value> {
    serde_json::from_str(container.labels.get(labels::SPEC)?).ok()
}

/// The reasons, in the order of the key paths. Never empty: an unreadable label gives the two hashes.
pub(super) fn causes(
    service: &DesiredService,
    hash: &str,
    container: &ObservedContainer,
    environment: Option<&Environment>,
) -> Vec<Cause> {
    let Some(old) = recorded(container) else {
        let short = |hash: &str| Some(hash.chars().take(14).collect());
        let cause = Cause::new(CauseKind::Attribute, "spec");
        return vec![cause.values(short(container.label(labels::HASH)), short(hash))];
    };
    let new = service.recorded();
    let mut found = Vec::new();
    walk("", &old["spec"], &new["spec"], &mut found);
    contents(&old["contents"], &new["contents"], &mut found);
    walk("names", &old["names"], &new["names"], &mut found);
    walk("job", &old["job"], &new["job"], &mut found);
    if old["build"] != new["build"] {
        let short = |value: &Value| value.as_str().map(|text| text.chars().take(12).collect());
        let cause = Cause::new(CauseKind::BuildInputs, "build");
        found.push(cause.values(short(&old["build"]), short(&new["build"])));
    }
    if let Some(environment) = environment {
        let known: BTreeSet<String> = found.iter().map(|cause| cause.path.clone()).collect();
        let changed = environment_causes(service, environment);
        found.extend(changed.into_iter().filter(|cause| !known.contains(&cause.path)));
    }
    if found.is_empty() {
        // Values of environment variables are all that the record leaves out.
        found.push(Cause::new(CauseKind::Environment, "environment"));
    }
    found
}

/// Variables whose value differs. Those that only the image sets are not in the spec and do not count.
fn environment_causes(service: &DesiredService, old: &Environment) -> Vec<Cause> {
    let wanted = &service.spec.environment;
    let differs = |(key, value): &(&String, &Option<String>)| old.get(*key) != value.as_ref();
    let cause = |(key, value): (&String, &Option<String>)| {
        let (before, after) = shown_pair(key, old.get(key).map(String::as_str), value.as_deref());
        Cause::new(CauseKind::Environment, format!("environment.{key}")).values(before, after)
    };
    wanted.iter().filter(differs).map(cause).collect()
}

fn contents(old: &Value, new: &Value, found: &mut Vec<Cause>) {
    for key in keys(old, new) {
        let (before, after) = (&old[key], &new[key]);
        if before == after {
            continue;
        }
        let (kind, path) = match key.split_once(' ') {
            Some(("bind", path)) => (CauseKind::MountedFileContent, path),
            Some(("config", path)) => (CauseKind::ConfigContent, path),
            // A digest of a short secret can be guessed back, so it is not shown.
            Some(("secret", path)) => {
                found.push(Cause::new(CauseKind::SecretContent, path));
                continue;
            }
            _ => (CauseKind::Attribute, key),
        };
        let short = |value: &Value| value.as_str().map(|text| text.chars().take(12).collect());
        found.push(Cause::new(kind, path).values(short(before), short(after)));
    }
}

fn keys<'a>(old: &'a Value, new: &'a Value) -> BTreeSet<&'a str> {
    let of = |value: &'a Value| value.as_object().into_iter().flat_map(serde_json::Map::keys);
    of(old).chain(of(new)).map(String::as_str).collect()
}

fn walk(path: &str, old: &Value, new: &Value, found: &mut Vec<Cause>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(_), Value::Object(_)) => {
            for key in keys(old, new) {
                let inner = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                walk(&inner, &old[key], &new[key], found);
            }
        }
        // Variables come and go one by one, also when there were none before.
        (Value::Null, Value::Object(_)) | (Value::Object(_), Value::Null) if is_environment(path) => {
            for key in keys(old, new) {
                found.push(Cause::new(CauseKind::Environment, format!("{path}.{key}")));
            }
        }
        (Value::Array(before), Value::Array(after))
            if before.len() == after.len() && before.iter().chain(after).all(Value::is_object) =>
        {
            for (at, (before, after)) in before.iter().zip(after).enumerate() {
                walk(&format!("{path}[{at}]"), before, after, found);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.iter().chain(after).any(Value::is_object) => {
            let told = |item: &Value| {
                let mut item = item.clone();
                mask("", &mut item);
                brief(&item)
            };
            let only = |some: &[Value], others: &[Value]| {
                let list: Vec<_> = some.iter().filter(|item| !others.contains(item)).map(told).collect();
                (!list.is_empty()).then(|| list.join(", "))
            };
            let cause = Cause::new(kind_of(path), path);
            found.push(cause.values(only(before, after), only(after, before)));
        }
        _ => leaf(path, old, new, found),
    }
}

fn leaf(path: &str, old: &Value, new: &Value, found: &mut Vec<Cause>) {
    let kind = kind_of(path);
    let key = key_of(path);
    let (mut before, mut after) = (old.clone(), new.clone());
    mask_pair(key, &mut before, &mut after);
    let text = |value: &Value| (!value.is_null()).then(|| brief(value));
    let (old, new) = (&before, &after);
    let (path, old, new) = match (kind, path.strip_prefix("names.")) {
        // The record holds keys only: there is nothing to show but that one came or went.
        (CauseKind::Environment, _) => (path.to_owned(), None, None),
        (_, Some(name)) => (engine_name_path(name), text(old), text(new)),
        (_, None) => (path.to_owned(), text(old), text(new)),
    };
    found.push(Cause::new(kind, path).values(old, new));
}

/// Maps whose keys may hold dots: the whole of such a key tells a secret.
const DOTTED: [&str; 5] = ["labels.", "annotations.", "sysctls.", "storage_opt.", "logging.options."];

/// The name of what stands at a path.
fn key_of(path: &str) -> &str {
    let dotted = DOTTED.iter().find_map(|map| path.strip_prefix(map));
    dotted.unwrap_or_else(|| path.rsplit('.').next().unwrap_or(path))
}

/// `network front` stands for the name of `networks.front`.
fn engine_name_path(name: &str) -> String {
    match name.split_once(' ') {
        Some((kind, key)) => format!("{kind}s.{key}.name"),
        None => name.to_owned(),
    }
}

fn is_environment(path: &str) -> bool {
    path == "environment" || path.ends_with("].environment")
}

fn kind_of(path: &str) -> CauseKind {
    if path == "image" {
        return CauseKind::Image;
    }
    let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
    // A variable's name may hold dots, so the attribute is looked for from the left.
    if is_environment(parent) || path.starts_with("environment.") {
        CauseKind::Environment
    } else {
        CauseKind::Attribute
    }
}

/// A value on one line; nothing in it is hidden any more.
fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(brief).collect::<Vec<_>>().join(" "),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{key}={}", brief(value)));
            pairs.collect::<Vec<_>>().join(" ")
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{causes, is_same};
    use crate::model::desired::DesiredService;
    use crate::model::labels;
    use crate::model::observed::ObservedContainer;
    use crate::model::service::{Port, ServiceSpec};
    use std::collections::BTreeMap;

    fn service(published: &str, level: &str) -> DesiredService {
        let port = |target, published: &str| Port {
            target,
            published: published.into(),
            protocol: "tcp".into(),
            ..Port::default()
        };
        DesiredService {
            spec: ServiceSpec {
                image: "app:1".into(),
                ports: vec![port(80, published), port(81, "81")],
                environment: BTreeMap::from([("LEVEL".to_owned(), Some(level.to_owned()))]),
                ..ServiceSpec::default()
            },
            ..DesiredService::default()
        }
    }

    fn container(service: &DesiredService, version: &str) -> ObservedContainer {
        let hash = service.hash().0.replacen("1:", version, 1);
        let labels = [(labels::HASH, hash), (labels::SPEC, service.recorded().to_string())];
        ObservedContainer {
            labels: labels.map(|(key, value)| (key.to_owned(), value)).into(),
            ..ObservedContainer::default()
        }
    }

    #[test]
    fn a_changed_list_item_is_named_by_its_index() {
        let new = service("8081", "info");
        let found = causes(&new, &new.hash().0, &container(&service("8080", "info"), "1:"), None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "ports[0].published");
        assert_eq!((found[0].old.as_deref(), found[0].new.as_deref()), (Some("8080"), Some("8081")));
    }

    #[test]
    fn a_changed_variable_is_named_when_the_container_was_looked_into() {
        let (old, new) = (container(&service("1", "info"), "1:"), service("1", "debug"));
        assert_eq!(causes(&new, &new.hash().0, &old, None)[0].path, "environment");
        let environment = BTreeMap::from([("LEVEL".to_owned(), "info".to_owned())]);
        let found = causes(&new, &new.hash().0, &old, Some(&environment));
        assert_eq!(found[0].path, "environment.LEVEL");
        assert_eq!(found[0].old.as_deref(), Some("info"));
    }

    #[test]
    fn a_key_with_dots_tells_a_secret_as_a_whole() {
        assert_eq!(super::key_of("labels.traefik.auth.users"), "traefik.auth.users");
        assert_eq!(super::key_of("ports[0].published"), "published");
        let with = |users: &str| {
            let mut service = service("1", "info");
            service.spec.labels = BTreeMap::from([("auth.users".to_owned(), users.to_owned())]);
            service
        };
        let (old, new) = (with("a:b"), with("a:c"));
        let found = causes(&new, &new.hash().0, &container(&old, "1:"), None);
        assert_eq!((found[0].old.as_deref(), found[0].new.as_deref()), (Some("***"), Some("*** (changed)")));
    }

    #[test]
    fn another_recipe_of_the_hash_replaces_nothing() {
        let wanted = service("1", "info");
        assert!(is_same(&wanted, &wanted.hash().0, &container(&wanted, "0:"), None));
        assert!(!is_same(&wanted, &wanted.hash().0, &container(&service("2", "info"), "0:"), None));
        let environment = BTreeMap::from([("LEVEL".to_owned(), "debug".to_owned())]);
        assert!(!is_same(&wanted, &wanted.hash().0, &container(&wanted, "0:"), Some(&environment)));
    }
}
