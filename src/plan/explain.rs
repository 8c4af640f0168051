//! The readable difference between the spec that runs and the one that is wanted.

use super::compare::{Environment, recorded};
use super::sensitive::{HIDDEN, mask_pair, shown_pair};
use crate::model::desired::{DesiredService, NetworkSpec};
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedNetwork};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Unified diff with three lines of context; empty if nothing readable differs.
pub(super) fn spec_diff(
    service: &DesiredService,
    container: &ObservedContainer,
    environment: Option<&Environment>,
) -> String {
    let Some(mut old) = recorded(container) else {
        return String::new();
    };
    let mut new = service.recorded();
    hide_contents(&mut old, &mut new);
    if let Some(environment) = environment {
        fill_environment(service, environment, &mut old, &mut new);
    }
    for key in ["spec", "names", "job"] {
        mask_pair("", &mut old[key], &mut new[key]);
    }
    unified(&render(&old), &render(&new))
}

/// The unified diff of two texts with three lines of context; empty if they are equal.
pub fn unified(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(3).to_string()
}

/// The value of a variable that is to be taken away.
const UNSET: &str = "(unset)";

/// The readable difference between a network that stands and its definition. The engine fills in what nobody asks for, so
/// that is left out.
pub(super) fn network_diff(spec: &NetworkSpec, found: &ObservedNetwork) -> String {
    let (mut old, mut new) = (standing(spec, found), wanted(spec, found));
    mask_pair("", &mut old, &mut new);
    let text = |value: &Value| {
        let mut out = String::new();
        mapping(&mut out, 0, value);
        out
    };
    unified(&text(&old), &text(&new))
}

fn standing(spec: &NetworkSpec, found: &ObservedNetwork) -> Value {
    let mut map = Map::new();
    map.insert("driver".into(), json!(found.driver));
    let options: BTreeMap<_, _> =
        found.driver_opts.iter().filter(|(key, _)| spec.driver_opts.contains_key(*key)).collect();
    put(&mut map, "driver_opts", json!(options));
    map.insert("internal".into(), json!(found.internal));
    map.insert("attachable".into(), json!(found.attachable));
    if spec.enable_ipv6.is_some() {
        map.insert("enable_ipv6".into(), json!(found.enable_ipv6));
    }
    if spec.ipam_pools.iter().any(|pool| !pool.subnet.is_empty()) {
        let pool = |(subnet, gateway): &(String, String)| {
            let asks = spec.ipam_pools.iter().any(|pool| !pool.gateway.is_empty());
            if asks { json!({"subnet": subnet, "gateway": gateway}) } else { json!({"subnet": subnet}) }
        };
        let pools: Vec<Value> = found.pools.iter().map(pool).collect();
        put(&mut map, "ipam", json!({"config": pools}));
    }
    let is_own = |key: &str| key.starts_with(labels::DOCKERS) || key.starts_with(labels::OURS);
    let labels: BTreeMap<_, _> = found.labels.iter().filter(|(key, _)| !is_own(key)).collect();
    put(&mut map, "labels", json!(labels));
    Value::Object(map)
}

fn wanted(spec: &NetworkSpec, found: &ObservedNetwork) -> Value {
    let mut map = Map::new();
    let driver = if spec.driver.is_empty() { &found.driver } else { &spec.driver };
    map.insert("driver".into(), json!(driver));
    put(&mut map, "driver_opts", json!(spec.driver_opts));
    map.insert("internal".into(), json!(spec.internal));
    map.insert("attachable".into(), json!(spec.attachable));
    if let Some(enable) = spec.enable_ipv6 {
        map.insert("enable_ipv6".into(), json!(enable));
    }
    let pools = spec.ipam_pools.iter().filter(|pool| !pool.subnet.is_empty());
    let pools: Vec<Value> = pools
        .map(|pool| match pool.gateway.as_str() {
            "" => json!({"subnet": pool.subnet}),
            gateway => json!({"subnet": pool.subnet, "gateway": gateway}),
        })
        .collect();
    if !pools.is_empty() {
        put(&mut map, "ipam", json!({"config": pools}));
    }
    put(&mut map, "labels", json!(spec.labels));
    Value::Object(map)
}

/// Adds what is not empty.
fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    let is_empty = value.as_object().is_some_and(Map::is_empty);
    if !is_empty {
        map.insert(key.to_owned(), value);
    }
}

/// Writes the values of variables into both specs, or that they changed where they may not be shown.
fn fill_environment(service: &DesiredService, environment: &Environment, old: &mut Value, new: &mut Value) {
    for (key, value) in &service.spec.environment {
        let (before, after) = (environment.get(key), value.as_ref());
        let (told, told_now) = shown_pair(key, before.map(String::as_str), after.map(String::as_str));
        let text = |value: Option<String>| Value::from(value.unwrap_or_else(|| UNSET.to_owned()));
        if let Some(slot) = old.pointer_mut("/spec/environment").and_then(|map| map.get_mut(key)) {
            *slot = text(told);
        }
        if let Some(slot) = new.pointer_mut("/spec/environment").and_then(|map| map.get_mut(key)) {
            *slot = text(told_now);
        }
    }
    // What is no longer wanted had a value that may be shown under the same rule.
    if let Some(Value::Object(map)) = old.pointer_mut("/spec/environment") {
        for (key, slot) in map {
            if let (Value::Null, Some(value)) = (&*slot, environment.get(key)) {
                *slot = shown_pair(key, Some(value), None).0.map_or(Value::Null, Value::from);
            }
        }
    }
}

/// Digests are cut to what people compare; those of secrets only tell that they changed.
fn hide_contents(old: &mut Value, new: &mut Value) {
    let before = old["contents"].clone();
    for (spec, other) in [(old, None), (new, Some(before))] {
        let Some(map) = spec.get_mut("contents").and_then(Value::as_object_mut) else {
            continue;
        };
        for (key, digest) in map {
            let changed = other.as_ref().is_some_and(|other| other.get(key).is_some_and(|old| old != digest));
            let short = digest.as_str().map_or_else(String::new, |text| text.chars().take(12).collect());
            *digest = match (key.starts_with("secret "), changed) {
                (true, true) => Value::from(format!("{HIDDEN} (changed)")),
                (true, false) => Value::from(HIDDEN),
                (false, _) => Value::from(short),
            };
        }
    }
}

/// The record as text: the spec's keys first, then what else counts.
fn render(recorded: &Value) -> String {
    let mut out = String::new();
    mapping(&mut out, 0, &recorded["spec"]);
    for key in ["contents", "names", "build", "job"] {
        match &recorded[key] {
            Value::Null => {}
            Value::Object(map) if map.is_empty() => {}
            Value::String(digest) => {
                entry(&mut out, 0, key, &Value::from(digest.get(..12).unwrap_or(digest)));
            }
            value => entry(&mut out, 0, key, value),
        }
    }
    out
}

fn mapping(out: &mut String, depth: usize, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        entry(out, depth, key, value);
    }
}

fn entry(out: &mut String, depth: usize, key: &str, value: &Value) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            line(out, depth, &[key, ":"]);
            mapping(out, depth + 1, value);
        }
        Value::Array(items) if !items.is_empty() => {
            line(out, depth, &[key, ":"]);
            for value in items {
                item(out, depth + 1, value);
            }
        }
        Value::Null => line(out, depth, &[key, ":"]),
        other => line(out, depth, &[key, ": ", &scalar(other)]),
    }
}

fn item(out: &mut String, depth: usize, value: &Value) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let start = out.len();
            mapping(out, depth + 1, value);
            // The dash takes the place of the first key's indentation.
            out.replace_range((start + 2 * depth)..=(start + 2 * depth), "-");
        }
        other => line(out, depth, &["- ", &scalar(other)]),
    }
}

fn line(out: &mut String, depth: usize, parts: &[&str]) {
    out.extend(std::iter::repeat_n("  ", depth));
    out.extend(parts.iter().copied());
    out.push('\n');
}

/// Text is not quoted where it stands on one line: this is for people.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(char::is_control) => format!("{text:?}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{network_diff, spec_diff};
    use crate::model::desired::{DesiredService, IpamPool, NetworkSpec};
    use crate::model::labels;
    use crate::model::observed::{ObservedContainer, ObservedNetwork};
    use crate::model::service::{Mount, ServiceSpec};
    use std::collections::BTreeMap;

    fn service(level: &str, password: &str, target: &str) -> DesiredService {
        let pair = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
        DesiredService {
            spec: ServiceSpec {
                image: "app:1".into(),
                command: Some(vec!["serve".into(), "now".into()]),
                environment: BTreeMap::from([pair("LEVEL", level), pair("PASSWORD", password)]),
                volumes: vec![Mount {
                    kind: "volume".into(),
                    source: "data".into(),
                    target: target.into(),
                    ..Mount::default()
                }],
                ..ServiceSpec::default()
            },
            ..DesiredService::default()
        }
    }

    #[test]
    fn the_diff_shows_lines_and_hides_secrets() {
        let (old, new) = (service("info", "hunter2", "/a"), service("debug", "hunter3", "/b"));
        let container = ObservedContainer {
            labels: BTreeMap::from([(labels::SPEC.to_owned(), old.recorded().to_string())]),
            ..ObservedContainer::default()
        };
        let environment = BTreeMap::from(
            [("LEVEL", "info"), ("PASSWORD", "hunter2"), ("PATH", "/bin")]
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let text = spec_diff(&new, &container, Some(&environment));
        assert_eq!(
            text,
            "@@ -2,10 +2,10 @@\n   - serve\n   - now\n environment:\n-  LEVEL: info\n-  PASSWORD: ***\n\
             +  LEVEL: debug\n+  PASSWORD: *** (changed)\n image: app:1\n volumes:\n   - type: volume\n     \
             source: data\n-    target: /a\n+    target: /b\n"
        );
        assert!(!text.contains("hunter"));
    }

    #[test]
    fn the_diff_of_a_network_shows_what_is_asked_for() {
        let spec = NetworkSpec {
            internal: true,
            ipam_pools: vec![IpamPool { subnet: "172.30.0.0/16".into(), ..IpamPool::default() }],
            labels: BTreeMap::from([("tier".into(), "back".into())]),
            ..NetworkSpec::default()
        };
        let found = ObservedNetwork {
            driver: "bridge".into(),
            pools: vec![("172.29.0.0/16".into(), "172.29.0.1".into())],
            labels: BTreeMap::from([(labels::PROJECT.to_owned(), "shop".to_owned())]),
            ..ObservedNetwork::default()
        };
        assert_eq!(
            network_diff(&spec, &found),
            "@@ -1,6 +1,8 @@\n driver: bridge\n-internal: false\n+internal: true\n attachable: false\n ipam:\n   \
             config:\n-    - subnet: 172.29.0.0/16\n+    - subnet: 172.30.0.0/16\n+labels:\n+  tier: back\n"
        );
    }
}
