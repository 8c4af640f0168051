use crate::compose::memory::{errors, tree, tree_with};
use serde_json::{Value, json};

fn service(body: &str) -> Value {
    tree(&[("compose.yaml", &format!("services: {{a: {body}, b: {{image: x}}}}\nvolumes: {{vol: }}"))])["services"]["a"]
        .take()
}

fn refusal(body: &str) -> String {
    errors(&[("compose.yaml", &format!("services: {{a: {body}}}"))]).join("\n")
}

#[test]
fn a_range_of_ports_gives_one_entry_each() {
    let ports = service("{image: x, ports: ['8000-8001:80-81', 90]}")["ports"].take();
    let pairs: Vec<(&Value, &Value)> =
        ports.as_array().unwrap().iter().map(|port| (&port["target"], &port["published"])).collect();
    assert_eq!(
        pairs,
        [(&json!(80), &json!("8000")), (&json!(81), &json!("8001")), (&json!(90), &Value::Null)]
    );
}

#[test]
fn short_mounts_are_binds_or_volumes_by_their_source() {
    let mounts = service("{image: x, volumes: ['./d:/d/:ro', 'vol:/v', /anonymous]}")["volumes"].take();
    let bind = json!({"type": "bind", "source": "/p/d", "target": "/d", "read_only": true, "bind": {"create_host_path": true}});
    assert_eq!(mounts[0], bind);
    assert_eq!(mounts[1]["type"], "volume");
    assert_eq!(mounts[2], json!({"type": "volume", "target": "/anonymous", "volume": {}}));
}

#[test]
fn dependencies_in_either_form_say_whether_they_are_required() {
    let started = json!({"b": {"condition": "service_started", "required": true}});
    assert_eq!(service("{image: x, depends_on: [b]}")["depends_on"], started);
    assert_eq!(service("{image: x, depends_on: {b: {condition: service_started}}}")["depends_on"], started);
}

#[test]
fn devices_and_gpus_have_long_forms() {
    let tree = service("{image: x, devices: ['/dev/a:/dev/b'], gpus: all}");
    assert_eq!(tree["devices"], json!([{"source": "/dev/a", "target": "/dev/b", "permissions": "rwm"}]));
    assert_eq!(tree["gpus"][0]["count"], -1);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    assert_eq!(refusal("{image: x, ports: ['a:b']}"), "1:34 Invalid containerPort: b");
    assert_eq!(
        refusal("{image: x, volumes: [':/x']}"),
        "1:36 invalid spec: :/x: empty section between colons"
    );
    assert!(refusal("{image: x, devices: ['a:b:c:d']}").contains("confusing device mapping"));
    assert!(refusal("{build: {context: ., ssh: [k]}}").contains("invalid ssh key \"k\""));
    assert!(
        refusal("{build: {additional_contexts: [foo]}}").contains("invalid value foo, expected key=value")
    );
}

#[test]
fn an_external_name_becomes_the_name() {
    let text = "services: {a: {image: x, volumes: ['vol:/v']}}\nvolumes: {vol: {external: {name: n}}}";
    assert_eq!(tree(&[("compose.yaml", text)])["volumes"]["vol"], json!({"name": "n", "external": true}));
}

#[test]
fn without_interpolation_ports_with_variables_stay_as_written() {
    let text = "services: {a: {image: x, ports: ['${P}:80', '90:90']}}";
    let tree = tree_with(&[("compose.yaml", text)], |options| options.interpolate = false);
    assert_eq!(tree["services"]["a"]["ports"], json!(["${P}:80", "90:90"]));
}
