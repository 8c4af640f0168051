//! Mounts, in whichever of the engine's two forms they were asked for.

use super::Comparison;
use super::value::{text_of, texts, tidy};
use crate::model::change::{Cause, CauseKind};
use crate::plan::volumes::is_anonymous_name;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a mount is, for comparing and for people.
type Facts = BTreeMap<&'static str, String>;

/// Options of a bind, as a text says them.
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// Compares the mounts by their path in the container.
pub(super) fn compare(comparison: &Comparison, image: &Value, causes: &mut Vec<Cause>) {
    let (mut old, new) = (mounts(&comparison.inspected.host), mounts(&comparison.body["HostConfig"]));
    // The engine makes volumes for the paths that the image declares, and tools hand them on by their names.
    let declared = image["Volumes"].as_object();
    let is_declared = |target: &str| declared.is_some_and(|all| all.contains_key(target));
    old.retain(|target, facts| {
        new.contains_key(target) || !is_declared(target) || facts.get("source").is_some()
    });
    let targets = old.keys().chain(new.keys().filter(|target| !old.contains_key(*target)));
    for target in targets {
        let (before, after) = (old.get(target), new.get(target));
        if before != after {
            let cause = Cause::new(CauseKind::Attribute, format!("volumes.{target}"));
            causes.push(cause.values(Some(told(before)), Some(told(after))));
        }
    }
}

/// Mounts by their path in the container.
fn mounts(host: &Value) -> BTreeMap<String, Facts> {
    let texts = texts(&host["Binds"]).filter_map(of_text);
    let long = host["Mounts"].as_array().into_iter().flatten().map(of_mount);
    texts.chain(long).map(|(target, facts)| (path(&target), facts)).collect()
}

fn path(path: &str) -> String {
    if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path.to_owned() }
}

fn facts(kind: &str, source: &str, read_only: bool) -> Facts {
    let mut facts = Facts::from([("type", kind.to_owned())]);
    // A volume without a name has one that the engine made up, which tools hand on to the next container.
    let is_anonymous = kind == "volume" && (source.is_empty() || is_anonymous_name(source));
    if !is_anonymous && !source.is_empty() {
        facts.insert("source", if kind == "bind" { path(source) } else { source.to_owned() });
    }
    if read_only {
        facts.insert("access", "read-only".to_owned());
    }
    facts
}

/// `source:target[:options]`.
fn of_text(text: &str) -> Option<(String, Facts)> {
    let (source, rest) = text.split_once(':')?;
    let (target, options) = rest.split_once(':').unwrap_or((rest, ""));
    let options: Vec<&str> = options.split(',').collect();
    let kind = if source.starts_with('/') { "bind" } else { "volume" };
    let mut facts = facts(kind, source, options.contains(&"ro"));
    for option in options {
        match option {
            "z" | "Z" => drop(facts.insert("selinux", option.to_owned())),
            "nocopy" => drop(facts.insert("nocopy", "true".to_owned())),
            // The engine's default.
            "rprivate" => {}
            option if PROPAGATIONS.contains(&option) => drop(facts.insert("propagation", option.to_owned())),
            _ => {}
        }
    }
    Some((target.to_owned(), facts))
}

fn of_mount(mount: &Value) -> (String, Facts) {
    let kind = text_of(&mount["Type"]);
    let mut facts = facts(kind, text_of(&mount["Source"]), mount["ReadOnly"] == true);
    let mut note = |key, value: &Value| {
        let value = tidy(value);
        if !value.is_null() && value != json!("rprivate") {
            facts.insert(key, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    };
    let (bind, volume) = (&mount["BindOptions"], &mount["VolumeOptions"]);
    note("propagation", &bind["Propagation"]);
    note("not recursive", &bind["NonRecursive"]);
    note("writable below", &bind["ReadOnlyNonRecursive"]);
    note("read-only below", &bind["ReadOnlyForceRecursive"]);
    note("nocopy", &volume["NoCopy"]);
    note("labels", &volume["Labels"]);
    note("subpath", &volume["Subpath"]);
    note("image subpath", &mount["ImageOptions"]["Subpath"]);
    note("size", &mount["TmpfsOptions"]["SizeBytes"]);
    note("mode", &mount["TmpfsOptions"]["Mode"]);
    (text_of(&mount["Target"]).to_owned(), facts)
}

/// `volume web_data (read-only)`, for people.
fn told(facts: Option<&Facts>) -> String {
    let Some(facts) = facts else { return "nothing".to_owned() };
    let kind = facts.get("type").map_or("", String::as_str);
    let source = facts.get("source").map_or("", String::as_str);
    let mut text = match (kind, source) {
        ("volume", "") => "an unnamed volume".to_owned(),
        (kind, "") => kind.to_owned(),
        (kind, source) => format!("{kind} {source}"),
    };
    let others = facts.iter().filter(|(key, _)| !matches!(**key, "type" | "source"));
    let others: Vec<String> = others
        .map(|(key, value)| if *key == "access" { value.clone() } else { format!("{key} {value}") })
        .collect();
    if !others.is_empty() {
        text = format!("{text} ({})", others.join(", "));
    }
    text
}
