use super::{SUPPORT, check};
use crate::compose::attributes::{self, Inside};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

fn hits(tree: Value) -> Vec<String> {
    let Value::Object(tree) = tree else { return Vec::new() };
    check(&tree).iter().map(|hit| hit.path.join("/")).collect()
}

#[test]
fn every_row_is_there_once() {
    let paths: BTreeSet<&str> = SUPPORT.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(paths.len(), SUPPORT.len());
}

#[test]
fn a_refused_attribute_is_found_with_its_place() {
    assert_eq!(
        hits(json!({"services": {"a": {"provider": {"type": "x"}}, "b.c": {"build": {"ssh": ["default"]}}}})),
        ["services/b.c/build/ssh", "services/a/provider"]
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

#[test]
fn every_attribute_says_what_becomes_of_it() {
    let mut silent: Vec<String> = Vec::new();
    attributes::each(&mut |path, field| {
        // What an attribute holds speaks for it; the first of that takes it off the list again.
        while silent.last().is_some_and(|above| {
            path.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']))
        }) {
            silent.pop();
        }
        if field.status.is_none() {
            silent.push(path.to_owned());
            return Inside::Visited;
        }
        Inside::Skipped
    });
    assert!(silent.is_empty(), "{silent:#?}");
}
