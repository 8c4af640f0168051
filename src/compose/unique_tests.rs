use super::super::node::{FileId, Node, Value};
use super::super::yaml::decode;
use super::{enforce, volume_target};

fn tree(text: &str) -> Node {
    decode(FileId(1), text).expect("valid yaml").remove(0).root
}

/// The list at `services.a.KEY` after the rule, its elements as flow text.
fn kept(service: &str, key: &str) -> Vec<String> {
    let mut root = tree(&format!("services: {{a: {{{service}}}}}"));
    let found = enforce(&mut root);
    assert!(found.is_empty(), "{service}: {found:?}");
    let mut node = &root.get("services").and_then(|services| services.get("a")).expect("a").clone();
    for step in key.split('.') {
        node = node.get(step).expect(step);
    }
    node.as_list().expect("a list").iter().map(flow).collect()
}

fn flow(node: &Node) -> String {
    match &node.value {
        Value::Map(map) => {
            map.iter().map(|(key, node)| format!("{}:{}", key.name, flow(node))).collect::<Vec<_>>().join(" ")
        }
        Value::String(text) => text.clone(),
        Value::Int(number) => format!("#{number}"),
        other => format!("{other:?}"),
    }
}

fn fault(service: &str) -> String {
    let found = enforce(&mut tree(&format!("services: {{a: {{{service}}}}}")));
    found.into_iter().next().unwrap_or_else(|| panic!("{service} is refused")).message
}

#[test]
fn a_later_element_replaces_the_earlier_one_in_its_position() {
    assert_eq!(kept("environment: [A=1, B=2, A=3, C, C=4]", "environment"), ["A=3", "B=2", "C=4"]);
    assert_eq!(kept("build: {args: [X=1, X=2]}", "build.args"), ["X=2"]);
    assert_eq!(kept("networks: {n: {aliases: [x, y, x]}}", "networks.n.aliases"), ["x", "y"]);
    assert_eq!(kept("profiles: [p, q, p]", "profiles"), ["p", "q"]);
}

#[test]
fn lists_without_identity_keep_their_repeats() {
    assert_eq!(kept("security_opt: [a, a]", "security_opt"), ["a", "a"]);
    assert_eq!(kept("command: [a, a]", "command"), ["a", "a"]);
}

#[test]
fn exposed_ports_are_compared_as_text() {
    assert_eq!(kept("expose: [3000, '3000', '80-90']", "expose"), ["3000", "80-90"]);
    assert!(fault("expose: [3000.5]").starts_with("services.a.expose.[0]: unsupported expose value"));
}

#[test]
fn mounts_are_told_apart_by_their_target() {
    assert_eq!(kept("volumes: ['./a:/x', '/x', {type: tmpfs, target: /x}, 'b:/y:ro']", "volumes").len(), 2);
    assert_eq!(kept("devices: ['/dev/a:/dev/x', '/dev/x', {source: b, target: /dev/x}]", "devices").len(), 1);
    assert_eq!(kept("secrets: [s, {source: t, target: /run/secrets/s}, {source: s}]", "secrets").len(), 1);
    assert_eq!(kept("configs: [s, {source: t, target: /s}, u]", "configs").len(), 2);
    assert_eq!(kept("env_file: [a.env, {path: a.env, required: false}, b.env]", "env_file").len(), 2);
}

#[test]
fn ports_are_told_apart_by_address_port_and_protocol() {
    let ports =
        "ports: [{target: 80, published: '1'}, {target: 80, published: '1', protocol: tcp, host_ip: 0.0.0.0},
      {target: 80, published: 1}, {target: 80, published: '1', protocol: udp}, '80:80', '80:80', 81]";
    assert_eq!(kept(ports, "ports").len(), 5);
}

#[test]
fn what_has_no_identity_is_an_error_with_the_references_text() {
    for (service, message) in [
        ("environment: [1]", "services.a.environment.[0]: unexpected type int"),
        ("environment: [A=1, ~]", "services.a.environment.[1]: unexpected type <nil>"),
        ("environment: [{A: 1}]", "services.a.environment.[0]: unexpected type map[string]interface {}"),
        ("labels: [2001-01-01]", "services.a.labels.[0]: unexpected type time.Time"),
        ("devices: [a, {source: b}]", "service device services.a.devices.[1] is missing a mount target"),
        ("volumes: [{type: bind}]", "service volume services.a.volumes.[0] is missing a mount target"),
        ("ports: [{published: 80}]", "service ports services.a.ports.[0] is missing a target port"),
        ("volumes: [':/x']", "invalid spec: :/x: empty section between colons"),
        ("volumes: ['a1:/b:ro:x']", "invalid spec: a1:/b:ro:x: too many colons"),
        ("volumes: ['']", "invalid empty volume spec"),
    ] {
        assert_eq!(fault(service), message);
    }
}

#[test]
fn short_mounts_are_cut_at_colons_but_not_after_a_drive_letter() {
    for (spec, target) in [
        ("/x", "/x"),
        ("a:", "a:"),
        ("data:/x", "/x"),
        ("data:/x:ro", "/x"),
        ("a:/a", "a:/a"),
        ("b:/b:ro", "ro"),
        ("c:\\x:d:\\y", "d:\\y"),
    ] {
        assert_eq!(volume_target(spec), Ok(target), "{spec}");
    }
}

#[test]
fn other_sections_are_covered_and_odd_shapes_are_left_alone() {
    let mut root =
        tree("networks: {n: {labels: [a=1, a=2]}}\nvolumes: {v: {labels: [a=1, a=2]}}\nservices: [x]\n");
    assert!(enforce(&mut root).is_empty());
    for (section, name) in [("networks", "n"), ("volumes", "v")] {
        let labels =
            root.get(section).and_then(|s| s.get(name)).and_then(|n| n.get("labels")).expect("labels");
        assert_eq!(labels.as_list().map(<[Node]>::len), Some(1));
    }
}
