//! `Config`: what a process is started with. The image gives what the container does not say.

use super::super::sensitive::{CHANGED, HIDDEN};
use super::value::{Values, entries_of, text, text_of, texts, tidy};
use super::{Comparison, differs, entries};
use crate::model::change::{Cause, CauseKind};
use crate::model::observed::normalize_reference;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Labels that Docker's own tools add: nothing of the file.
const TOOLS: [&str; 2] = ["com.docker.compose.", "desktop.docker.io/"];
/// Variables that Docker's clients add by the settings of their user: nothing of the file.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];
/// Fields that hold the image's value if the container has none: field, attribute.
const IMAGE_GIVES: [(&str, &str); 3] =
    [("User", "user"), ("WorkingDir", "working_dir"), ("StopSignal", "stop_signal")];
/// Fields that have no value unless it is asked for.
const PLAIN: [(&str, &str); 5] = [
    ("Domainname", "domainname"),
    ("Tty", "tty"),
    ("OpenStdin", "stdin_open"),
    ("StopTimeout", "stop_grace_period"),
    ("NetworkDisabled", "network_mode"),
];

/// Compares all that `Config` holds.
pub(super) fn compare(comparison: &Comparison, image: &Value, causes: &mut Vec<Cause>) {
    let (wanted, found) = (&comparison.body, &comparison.inspected.config);
    for (field, attribute) in PLAIN {
        // No stop time is the engine's, and none at all is a time of its own.
        let (old, new) = match field {
            "StopTimeout" => (found[field].clone(), wanted[field].clone()),
            _ => (tidy(&found[field]), tidy(&wanted[field])),
        };
        if old != new {
            causes.push(differs(attribute, &old, &new));
        }
    }
    for (field, attribute) in IMAGE_GIVES {
        let given = |value: &Value| {
            let own = text_of(value);
            let text = if own.is_empty() { text_of(&image[field]) } else { own };
            json!(canonical(field, text))
        };
        // An inspection shows the merged value already.
        let (old, new) = (json!(canonical(field, text_of(&found[field]))), given(&wanted[field]));
        if old != new {
            causes.push(differs(attribute, &old, &new));
        }
    }
    reference(comparison, causes);
    process(wanted, found, image, causes);
    environment(wanted, found, image, causes);
    let given = |config: &Value| labels(&image["Labels"], &config["Labels"]);
    entries("labels", &given(found), &given(wanted), causes);
    health(wanted, found, image, causes);
    let ports = |value: &Value| -> BTreeSet<String> {
        let keys = value["ExposedPorts"].as_object().into_iter().flatten().map(|(port, _)| port.as_str());
        keys.flat_map(exposed).collect()
    };
    let (old, mut new) = (ports(found), ports(wanted));
    new.extend(ports(image));
    if old != new {
        causes.push(differs("expose", &json!(old), &json!(new)));
    }
    hostname(comparison, causes);
}

/// Another image, unless both names lead to the same one. What the tag that is wanted names now is found out elsewhere.
fn reference(comparison: &Comparison, causes: &mut Vec<Cause>) {
    let (old, new) =
        (text_of(&comparison.inspected.config["Image"]), &comparison.candidate.service.image.reference);
    let container = comparison.candidate.container;
    let is_same = normalize_reference(old) == normalize_reference(new)
        || comparison.observed.image(new).is_some_and(|local| local.id == container.image_id);
    if !is_same {
        let cause = Cause::new(CauseKind::Image, "image");
        causes.push(cause.values(Some(old.to_owned()), Some(new.clone())));
    }
}

/// What the engine takes for the same.
fn canonical<'a>(field: &str, text: &'a str) -> &'a str {
    match (field, text) {
        ("StopSignal", "" | "TERM" | "15") => "SIGTERM",
        ("WorkingDir", "") => "/",
        ("WorkingDir", path) if path.len() > 1 => path.trim_end_matches('/'),
        _ => text,
    }
}

/// Command and entry point: an entry point of its own drops the image's command, an empty one keeps it.
fn process(wanted: &Value, found: &Value, image: &Value, causes: &mut Vec<Cause>) {
    let own = |field: &str| words_of(&wanted[field]);
    let (command, entrypoint) = (own("Cmd"), own("Entrypoint"));
    let new_command = match (&command, &entrypoint) {
        (None, None) => words_of(&image["Cmd"]),
        _ => command,
    };
    let new_entrypoint = match &wanted["Entrypoint"] {
        Value::Null => words_of(&image["Entrypoint"]),
        _ => entrypoint,
    };
    for (field, attribute, new) in
        [("Cmd", "command", new_command), ("Entrypoint", "entrypoint", new_entrypoint)]
    {
        let old = words_of(&found[field]);
        if old != new {
            causes.push(differs(attribute, &json!(old), &json!(new)));
        }
    }
}

/// The words of a command; `None` for none. A single empty word is how older clients say that there is none.
fn words_of(value: &Value) -> Option<Vec<String>> {
    let words: Vec<String> = texts(value).map(str::to_owned).collect();
    let is_none = words.is_empty() || words.len() == 1 && words.iter().all(String::is_empty);
    (!is_none).then_some(words)
}

/// Variables by name; those without a value are not set, and take the image's away.
fn variables(value: &Value) -> BTreeMap<&str, Option<&str>> {
    let pair = |entry| match str::split_once(entry, '=') {
        Some((key, value)) => (key, Some(value)),
        None => (entry, None),
    };
    texts(&value["Env"]).map(pair).collect()
}

fn environment(wanted: &Value, found: &Value, image: &Value, causes: &mut Vec<Cause>) {
    let mut new = variables(image);
    new.extend(variables(wanted));
    let old = variables(found);
    let is_proxy = |key: &str| PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(key));
    let keys: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for key in keys {
        let value = |all: &BTreeMap<&str, Option<&str>>| all.get(key).copied().flatten().map(str::to_owned);
        let (before, after) = (value(&old), value(&new));
        if before == after || is_proxy(key) && !new.contains_key(key) {
            continue;
        }
        let shown = |value: Option<String>| {
            Some(value.map_or_else(|| "(unset)".to_owned(), |value| text(key, &Value::String(value))))
        };
        let cause = Cause::new(CauseKind::Environment, format!("environment.{key}"));
        let (old, new) = (shown(before), shown(after));
        // They differ, also where that may not be shown.
        let new = if old == new && old.as_deref() == Some(HIDDEN) { Some(CHANGED.to_owned()) } else { new };
        causes.push(cause.values(old, new));
    }
}

/// Labels that are not a tool's: the container's own over the image's.
fn labels(image: &Value, own: &Value) -> Values {
    let mut all = entries_of(image);
    all.extend(entries_of(own));
    all.retain(|key, _| !TOOLS.iter().any(|tool| key.starts_with(tool)));
    all
}

/// A health check's fields, each the image's if the container does not say.
fn health(wanted: &Value, found: &Value, image: &Value, causes: &mut Vec<Cause>) {
    const FIELDS: [(&str, &str); 6] = [
        ("Test", "test"),
        ("Interval", "interval"),
        ("Timeout", "timeout"),
        ("StartPeriod", "start_period"),
        ("StartInterval", "start_interval"),
        ("Retries", "retries"),
    ];
    for (field, key) in FIELDS {
        let own = tidy(&wanted["Healthcheck"][field]);
        let new = if own.is_null() { tidy(&image["Healthcheck"][field]) } else { own };
        let old = tidy(&found["Healthcheck"][field]);
        if old != new {
            causes.push(differs(format!("healthcheck.{key}"), &old, &new));
        }
    }
}

/// `80`, `80/udp` and `80-82` as single ports with their protocol.
fn exposed(port: &str) -> Vec<String> {
    let (range, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).map(|port| format!("{port}/{protocol}")).collect(),
        _ => vec![port.to_owned()],
    }
}

/// Without one of its own a container is called by the start of its id, or by the name of what it shares a namespace with.
fn hostname(comparison: &Comparison, causes: &mut Vec<Cause>) {
    let (old, new) = (&comparison.inspected.config["Hostname"], &comparison.body["Hostname"]);
    let mode = text_of(&comparison.body["HostConfig"]["NetworkMode"]);
    let shares = mode == "host"
        || mode.starts_with("container:")
        || comparison.body["HostConfig"]["UTSMode"] == "host";
    let is_own_id = comparison.candidate.container.id.starts_with(text_of(old));
    if tidy(old) != tidy(new) && !(new.is_null() && (shares || is_own_id)) {
        causes.push(differs("hostname", &if is_own_id { Value::Null } else { old.clone() }, new));
    }
}
