//! The readable difference between the spec that runs and the one that is wanted.

use super::compare::{Environment, recorded};
use super::sensitive::{HIDDEN, is_sensitive_key, shown};
use crate::model::desired::DesiredService;
use crate::model::observed::ObservedContainer;
use serde_json::Value;

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
    let (old, new) = (render(&old), render(&new));
    if old == new {
        return String::new();
    }
    let diff = similar::TextDiff::from_lines(&*old, &*new);
    diff.unified_diff().context_radius(3).to_string()
}

/// Writes the values of variables into both specs, or that they changed where they may not be shown.
fn fill_environment(service: &DesiredService, environment: &Environment, old: &mut Value, new: &mut Value) {
    for (key, value) in &service.spec.environment {
        let (before, after) = (environment.get(key), value.as_ref());
        let hide = [before, after].into_iter().flatten().any(|value| shown(key, value) == HIDDEN);
        let text = |value: Option<&String>, changed: &str| match value {
            None => Value::from("(unset)"),
            Some(_) if hide => Value::from(format!("{HIDDEN}{changed}")),
            Some(value) => Value::from(value.as_str()),
        };
        if let Some(slot) = old.pointer_mut("/spec/environment").and_then(|map| map.get_mut(key)) {
            *slot = text(before, "");
        }
        if let Some(slot) = new.pointer_mut("/spec/environment").and_then(|map| map.get_mut(key)) {
            let changed = if before == after { "" } else { " (changed)" };
            *slot = text(after, changed);
        }
    }
    // What is no longer wanted had a value that may be shown under the same rule.
    if let Some(Value::Object(map)) = old.pointer_mut("/spec/environment") {
        for (key, slot) in map {
            if let (Value::Null, Some(value)) = (&*slot, environment.get(key)) {
                *slot = Value::from(shown(key, value));
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
        other => line(out, depth, &[key, ": ", &scalar(key, other)]),
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
        other => line(out, depth, &["- ", &scalar("", other)]),
    }
}

fn line(out: &mut String, depth: usize, parts: &[&str]) {
    out.extend(std::iter::repeat_n("  ", depth));
    out.extend(parts.iter().copied());
    out.push('\n');
}

fn scalar(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with(HIDDEN) || text == "(unset)" => text.clone(),
        Value::String(text) if text.contains('\n') => format!("{:?}", shown(key, text)),
        Value::String(text) => shown(key, text).to_owned(),
        other if is_sensitive_key(key) && other.is_number() => HIDDEN.to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::spec_diff;
    use crate::model::desired::DesiredService;
    use crate::model::labels;
    use crate::model::observed::ObservedContainer;
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
}
