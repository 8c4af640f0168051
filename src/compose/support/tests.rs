use super::{SUPPORT, check};
use crate::compose::canonical::PROJECT;
use crate::compose::canonical::table::{Kind, Object};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

fn hits(tree: Value) -> Vec<String> {
    let Value::Object(tree) = tree else { return Vec::new() };
    check(&tree).iter().map(|hit| hit.path.join("/")).collect()
}

#[test]
fn every_row_is_there_once() {
    let paths: BTreeSet<&str> = SUPPORT.iter().map(|row| row.path).collect();
    assert_eq!(paths.len(), SUPPORT.len());
}

#[test]
fn a_refused_attribute_is_found_with_its_place() {
    assert_eq!(
        hits(json!({"services": {"a": {"provider": {"type": "x"}}, "b.c": {"build": {"ssh": ["default"]}}}})),
        ["services/a/provider", "services/b.c/build/ssh"]
    );
}

#[test]
fn a_value_narrows_a_row() {
    let mounts = json!([{"type": "bind"}, {"type": "npipe"}]);
    assert_eq!(hits(json!({"services": {"a": {"volumes": mounts}}})), ["services/a/volumes/1/type"]);
    assert!(hits(json!({"services": {"a": {"deploy": {"mode": "replicated"}}}})).is_empty());
}

#[test]
fn one_platform_is_fine_and_a_second_is_not() {
    assert!(hits(json!({"services": {"a": {"build": {"platforms": ["linux/amd64"]}}}})).is_empty());
    assert_eq!(
        hits(json!({"services": {"a": {"build": {"platforms": ["linux/amd64", "linux/arm64"]}}}})),
        ["services/a/build/platforms/1"]
    );
}

#[test]
fn an_attribute_that_asks_for_nothing_is_no_hit() {
    let off = json!({"use_api_socket": false, "credential_spec": {}, "build": {"provenance": "false", "ssh": null}});
    assert!(hits(json!({"services": {"a": off}})).is_empty());
    assert!(check(&Map::new()).is_empty());
}

/// Paths of the attributes of an object, as the table of canonical objects has them; a mapping is `*`, a list `[]`.
fn attributes(object: &Object, prefix: &str, found: &mut BTreeSet<String>) {
    for field in object.fields {
        let path = if prefix.is_empty() { field.name.to_owned() } else { format!("{prefix}.{}", field.name) };
        below(&field.kind, path, found);
    }
}

fn below(kind: &Kind, path: String, found: &mut BTreeSet<String>) {
    match kind {
        Kind::One(object) => attributes(object, &path, found),
        Kind::List(kind) => below(kind, format!("{path}[]"), found),
        Kind::Named(kind) | Kind::Map(kind) => below(kind, format!("{path}.*"), found),
        _ => {
            found.insert(path);
        }
    }
}

/// The reference's types have these, but its schema refuses them.
const UNREACHABLE: [&str; 5] = [
    "configs.*.driver",
    "configs.*.driver_opts",
    "services.*.deploy.resources.limits.devices",
    "services.*.deploy.resources.limits.generic_resources",
    "services.*.deploy.resources.reservations.pids",
];

#[test]
fn every_attribute_of_the_canonical_project_has_a_row() {
    let rows: BTreeSet<&str> = SUPPORT.iter().map(|row| row.path).collect();
    let mut paths = BTreeSet::new();
    attributes(&PROJECT, "", &mut paths);
    let covered = |path: &String| {
        let ends = path.char_indices().filter(|(_, char)| matches!(char, '.' | '[')).map(|(at, _)| at);
        ends.chain([path.len()]).any(|end| rows.contains(&path[..end]) || UNREACHABLE.contains(&&path[..end]))
    };
    let missing: Vec<&String> = paths.iter().filter(|path| !covered(path)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
