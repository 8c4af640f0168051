use super::*;
use crate::compose::canonical;
use crate::compose::node::FileId;
use crate::compose::yaml;
use serde_json::{Value as Json, json};

fn map(text: &str) -> Map {
    match yaml::decode(FileId(1), text).unwrap().remove(0).root.value {
        Value::Map(map) => map,
        other => panic!("not a mapping: {other:?}"),
    }
}

fn merged(base: &str, over: &str) -> Json {
    let mut found = Vec::new();
    let map = documents(map(base), map(over), &mut found);
    assert!(found.is_empty(), "{found:?}");
    canonical::untyped(&Node { value: Value::Map(map), ..Node::default() })
}

/// Merges two bodies of a service.
fn service_of(base: &str, over: &str) -> Json {
    merged(&format!("services: {{a: {base}}}"), &format!("services: {{a: {over}}}"))["services"]["a"].take()
}

fn refusal(base: &str, over: &str) -> String {
    let mut found = Vec::new();
    let service = |body: &str| map(&format!("services: {{a: {body}}}"));
    documents(service(base), service(over), &mut found);
    found.swap_remove(0).message
}

#[test]
fn null_never_erases_except_for_commands() {
    assert_eq!(
        service_of("{image: x, environment: [A]}", "{image: , environment: }"),
        json!({"image": "x", "environment": ["A"]})
    );
    assert_eq!(
        service_of("{command: [x], entrypoint: [y]}", "{command: , entrypoint: }"),
        json!({"command": null, "entrypoint": null})
    );
}

#[test]
fn lists_append_and_commands_replace() {
    let over = "{command: [z], expose: [2], healthcheck: {test: [NONE]}}";
    assert_eq!(
        service_of("{command: [x, y], expose: [1], healthcheck: {test: [CMD, a], retries: 3}}", over),
        json!({"command": ["z"], "expose": [1, 2], "healthcheck": {"test": ["NONE"], "retries": 3}})
    );
}

#[test]
fn a_list_and_a_mapping_do_not_merge() {
    assert_eq!(refusal("{ports: [1]}", "{ports: {a: b}}"), "cannot override services.a.ports");
    assert_eq!(refusal("{deploy: {mode: x}}", "{deploy: x}"), "cannot override services.a.deploy");
}

#[test]
fn variables_of_both_forms_become_one_list_of_pairs() {
    assert_eq!(
        service_of("{environment: {B: 1, A: true, C: }}", "{environment: [A=2]}"),
        json!({"environment": ["A=true", "B=1", "C", "A=2"]})
    );
}

#[test]
fn a_list_of_dependencies_resets_the_condition() {
    let started = json!({"condition": "service_started", "required": true});
    assert_eq!(
        service_of("{depends_on: {b: {condition: service_healthy, restart: true}}}", "{depends_on: [b, c]}"),
        json!({"depends_on": {"b": {"condition": "service_started", "required": true, "restart": true}, "c": started}})
    );
}

#[test]
fn networks_of_both_forms_merge_by_name() {
    assert_eq!(
        service_of("{networks: [x, y]}", "{networks: {y: {priority: 1}}}"),
        json!({"networks": {"x": null, "y": {"priority": 1}}})
    );
}

#[test]
fn options_of_another_logging_driver_are_dropped() {
    let base = "{logging: {driver: json-file, options: {a: x}}}";
    assert_eq!(service_of(base, "{logging: {driver: syslog}}"), json!({"logging": {"driver": "syslog"}}));
    assert_eq!(
        service_of(base, "{logging: {options: {b: y}}}"),
        json!({"logging": {"driver": "json-file", "options": {"a": "x", "b": "y"}}})
    );
}

#[test]
fn a_build_given_as_a_string_merges_as_its_context() {
    assert_eq!(
        service_of("{build: {context: ., target: t}}", "{build: ./x}"),
        json!({"build": {"context": "./x", "target": "t"}})
    );
}

#[test]
fn hosts_are_not_repeated() {
    assert_eq!(
        service_of("{extra_hosts: [a=1.1.1.1]}", "{extra_hosts: {a: 1.1.1.1, b: 2.2.2.2}}"),
        json!({"extra_hosts": ["a=1.1.1.1", "b=2.2.2.2"]})
    );
}

#[test]
fn ulimits_replace() {
    assert_eq!(
        service_of("{ulimits: {nofile: {soft: 1, hard: 2}}}", "{ulimits: {nofile: 5}}"),
        json!({"ulimits": {"nofile": 5}})
    );
}

#[test]
fn address_pools_merge_by_subnet() {
    let base = "networks: {n: {ipam: {config: [{subnet: 10.0.0.0/8, gateway: 10.0.0.1}]}}}";
    let over = "networks: {n: {ipam: {config: [{subnet: 10.0.0.0/8, ip_range: 10.1.0.0/16}, {subnet: 11.0.0.0/8}]}}}";
    assert_eq!(
        merged(base, over)["networks"]["n"]["ipam"]["config"],
        json!([
            {"subnet": "10.0.0.0/8", "gateway": "10.0.0.1", "ip_range": "10.1.0.0/16"},
            {"subnet": "11.0.0.0/8"}
        ])
    );
}
