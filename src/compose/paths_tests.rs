use crate::compose::memory::{errors, tree, tree_with};
use serde_json::{Value, json};

/// A service of a project in `/p`, with a home directory.
fn service(body: &str) -> Value {
    let text = format!("services: {{a: {body}}}");
    tree_with(&[("compose.yaml", &text)], |options| {
        options.environment.insert("HOME".to_owned(), "/home/me".to_owned());
    })["services"]["a"]
        .take()
}

fn source(short: &str) -> Value {
    service(&format!("{{image: x, volumes: ['{short}']}}"))["volumes"][0]["source"].take()
}

#[test]
fn sources_of_binds_start_at_the_project_directory() {
    assert_eq!(source("./d:/d"), "/p/d");
    assert_eq!(source("../d/../e:/d"), "/e");
    assert_eq!(source("/abs/../kept/:/d"), "/abs/../kept/");
}

#[test]
fn a_tilde_is_the_home_directory_whatever_follows() {
    assert_eq!(source("~/d:/d"), "/home/me/d");
    assert_eq!(source("~you/d:/d"), "/home/me/you/d");
}

#[test]
fn windows_paths_are_absolute() {
    assert_eq!(source("C:\\\\d:/d"), "C:\\\\d");
}

#[test]
fn addresses_and_services_are_no_paths() {
    let build = service(
        "{build: {context: 'https://h/r.git', additional_contexts: {b: 'docker-image://x', c: ./c}}}",
    )["build"]
        .take();
    assert_eq!(build["context"], "https://h/r.git");
    assert_eq!(build["additional_contexts"], json!({"b": "docker-image://x", "c": "/p/c"}));
}

#[test]
fn the_device_of_a_local_bind_volume_is_a_path() {
    let text = "services: {a: {image: x, volumes: ['vol:/v', 'wol:/w']}}\n\
                volumes:\n  vol: {driver: local, driver_opts: {o: bind, device: ./d}}\n  \
                wol: {driver: local, driver_opts: {o: rw, device: ./d}}";
    let tree = tree(&[("compose.yaml", text)]);
    assert_eq!(tree["volumes"]["vol"]["driver_opts"]["device"], "/p/d");
    assert_eq!(tree["volumes"]["wol"]["driver_opts"]["device"], "./d");
}

#[test]
fn a_bind_needs_a_source() {
    let found = errors(&[("compose.yaml", "services: {a: {image: x, volumes: [{type: bind, target: /t}]}}")]);
    assert!(found[0].contains("field Source must not be empty"), "{found:?}");
}
