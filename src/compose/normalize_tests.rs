use crate::compose::memory::{tree, tree_with};
use serde_json::{Value, json};

fn project(text: &str) -> Value {
    tree_with(&[("compose.yaml", text)], |options| {
        options.environment.insert("SET".to_owned(), "value".to_owned());
    })
}

#[test]
fn services_without_network_join_the_default_one() {
    let tree = project("services: {a: {image: x}, b: {image: x, network_mode: host}}");
    assert_eq!(tree["services"]["a"]["networks"], json!({"default": null}));
    assert_eq!(tree["services"]["b"].get("networks"), None);
    assert_eq!(tree["networks"]["default"]["name"], "p_default");
}

#[test]
fn resources_are_named_after_the_project_unless_external_or_named() {
    let text = "services: {a: {image: x, volumes: ['one:/1', 'two:/2', 'three:/3']}}\n\
                volumes: {one: , two: {external: true}, three: {name: own}}";
    let volumes = project(text)["volumes"].take();
    assert_eq!(
        [&volumes["one"]["name"], &volumes["two"]["name"], &volumes["three"]["name"]],
        ["p_one", "two", "own"]
    );
}

#[test]
fn links_and_shared_namespaces_are_dependencies() {
    let text = "services:\n  a: {image: x, links: ['b:alias'], pid: 'service:c', volumes_from: ['d:ro', 'container:e']}\n  \
                b: {image: x}\n  c: {image: x}\n  d: {image: x}";
    let dependencies = project(text)["services"]["a"]["depends_on"].take();
    let names: Vec<&String> = dependencies.as_object().unwrap().keys().collect();
    assert_eq!(names, ["b", "c", "d"]);
    assert_eq!(dependencies["b"], json!({"condition": "service_started", "restart": true, "required": true}));
    assert_eq!(dependencies["d"], json!({"condition": "service_started", "required": true}));
}

#[test]
fn a_dependency_that_is_written_is_not_replaced() {
    let text =
        "services: {a: {image: x, links: [b], depends_on: {b: {condition: service_healthy}}}, b: {image: x}}";
    let dependency = project(text)["services"]["a"]["depends_on"]["b"].take();
    assert_eq!(dependency, json!({"condition": "service_healthy", "required": true}));
}

#[test]
fn names_without_value_take_that_of_the_environment() {
    let text = "services: {a: {build: {args: [SET, UNSET]}, environment: {SET: , UNSET: , EMPTY: ''}}}";
    let service = project(text)["services"]["a"].take();
    assert_eq!(service["build"]["args"], json!({"SET": "value"}));
    assert_eq!(service["environment"], json!({"EMPTY": "", "SET": "value", "UNSET": null}));
}

#[test]
fn a_build_has_a_context_and_a_dockerfile() {
    let build = project("services: {a: {build: {target: t}}}")["services"]["a"]["build"].take();
    assert_eq!(build, json!({"context": "/p", "dockerfile": "Dockerfile", "target": "t"}));
}

#[test]
fn normalisation_can_be_left_out() {
    let tree =
        tree_with(&[("compose.yaml", "services: {a: {image: x}}")], |options| options.normalize = false);
    assert_eq!(tree["services"]["a"].get("networks"), None);
    assert_eq!(tree["name"], "p");
}

#[test]
fn an_unused_network_is_left_out_unless_all_are_asked_for() {
    let text = "services: {a: {image: x}}\nnetworks: {n: }";
    assert_eq!(tree(&[("compose.yaml", text)])["networks"].get("n"), None);
    let all = tree_with(&[("compose.yaml", text)], |options| options.all_resources = true);
    assert_eq!(all["networks"]["n"]["name"], "p_n");
}
