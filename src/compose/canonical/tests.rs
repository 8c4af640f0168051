use super::*;
use crate::compose::diagnostic::{Diagnostic, Severity};
use crate::compose::node::{FileId, Key, Node, Span, Value as NodeValue};
use crate::compose::render;
use serde_json::json;

/// Where every node of the tests stands.
const SPAN: Span = Span { file: FileId(1), start: 3, end: 5 };

fn node(value: &Value) -> Node {
    let value = match value {
        Value::Null => NodeValue::Null,
        Value::Bool(flag) => NodeValue::Bool(*flag),
        Value::Number(number) if number.is_f64() => NodeValue::Float(number.as_f64().unwrap()),
        Value::Number(number) => NodeValue::Int(number.to_string().parse().unwrap()),
        Value::String(text) => NodeValue::String(text.clone()),
        Value::Array(items) => NodeValue::List(items.iter().map(node).collect()),
        Value::Object(map) => {
            NodeValue::Map(map.iter().map(|(key, value)| (Key::from(key.as_str()), node(value))).collect())
        }
    };
    Node::new(value, SPAN)
}

fn decoded(project: &Value) -> (Map<String, Value>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let tree = decode(&node(project), &mut diagnostics);
    (tree, diagnostics)
}

/// The canonical form of a service, without the keys that are always there.
fn service(attributes: &Value) -> Value {
    let (mut tree, diagnostics) = decoded(&json!({"services": {"a": attributes}}));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let service = tree["services"]["a"].as_object_mut().unwrap();
    for key in ["command", "entrypoint"] {
        if service[key].is_null() {
            service.shift_remove(key);
        }
    }
    json!(service)
}

fn errors(attributes: &Value) -> Vec<String> {
    let (_, diagnostics) = decoded(&json!({"services": {"a": attributes}}));
    diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect()
}

#[test]
fn keys_come_in_table_order_and_zero_values_are_left_out() {
    let service = service(&json!({
        "tty": false, "image": "x", "cap_add": [], "labels": {}, "hostname": "", "mem_limit": 0, "cpus": 0.0,
        "annotations": {"b": 1, "a": null}, "stop_grace_period": "0s", "init": false, "scale": 0
    }));
    let expected =
        r#"{"annotations":{"a":"","b":"1"},"image":"x","init":false,"scale":0,"stop_grace_period":"0s"}"#;
    assert_eq!(service.to_string(), expected);
}

#[test]
fn a_command_is_null_unless_it_is_set() {
    let (tree, _) =
        decoded(&json!({"services": {"a": {}, "b": {"command": [], "entrypoint": "sh -c 'a b'"}}}));
    assert_eq!(tree["services"]["a"]["command"], json!(null));
    assert_eq!(tree["services"]["b"]["command"], json!([]));
    assert_eq!(tree["services"]["b"]["entrypoint"], json!(["sh", "-c", "a b"]));
    assert_eq!(
        render::yaml(&tree),
        "services:\n  a: {}\n  b:\n    command: []\n    entrypoint:\n      - sh\n      - -c\n      - a b\n"
    );
}

#[test]
fn values_take_their_canonical_form() {
    let service = service(&json!({
        "cpus": "0.1", "mem_limit": "64m", "memswap_limit": -1, "shm_size": 1.5, "expose": [80, "90"],
        "environment": ["A=1", "B", "C="], "extra_hosts": {"h": "::1"}, "dns": "1.1.1.1", "pids_limit": "7",
        "configs": [{"source": "c", "mode": 288}], "healthcheck": {"test": "true", "retries": 1.5, "interval": "90s"},
        "ulimits": {"a": 0, "b": {"soft": 1, "hard": 0}, "c": 3}, "gpus": [{"count": "all"}]
    }));
    assert_eq!(
        service,
        json!({
            "cpus": 0.1, "mem_limit": "67108864", "memswap_limit": "-1", "expose": ["80", "90"],
            "environment": {"A": "1", "B": null, "C": ""}, "extra_hosts": ["h=::1"], "dns": ["1.1.1.1"], "pids_limit": 7,
            "configs": [{"source": "c", "mode": "0440"}],
            "healthcheck": {"test": ["CMD-SHELL", "true"], "retries": 1, "interval": "1m30s"},
            "ulimits": {"a": {}, "b": {"soft": 1}, "c": 3}, "gpus": [{"count": -1}]
        })
    );
}

#[test]
fn every_error_is_told_with_its_place() {
    let (_, diagnostics) = decoded(&json!({
        "services": {"web": {"mem_limit": "lots", "ports": [{"target": -1}], "group_add": ["a", 1.5]}},
        "models": {"b m": 1}
    }));
    let told: Vec<(&str, &str)> = diagnostics.iter().map(|d| (d.message.as_str(), d.path.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "'services[web].group_add[1]' expected type 'string', got unconvertible type 'float64'",
                "services.web.group_add[1]"
            ),
            ("'services[web].mem_limit' invalid size: 'lots'", "services.web.mem_limit"),
            (
                "'services[web].ports[0].target' cannot parse value as 'uint32': -1 overflows uint",
                "services.web.ports[0].target"
            ),
            ("'models[b m]' expected a map or struct, got \"int\"", "models.b m"),
        ]
    );
    assert!(diagnostics.iter().all(|d| d.span == Some(SPAN) && d.severity == Severity::Error));
}

#[test]
fn errors_are_worded_like_the_reference() {
    for (attributes, error) in [
        (
            json!({"environment": ["A =1"]}),
            "environment' environment variable A  is declared with a trailing space",
        ),
        (json!({"extra_hosts": ["=1"]}), "extra_hosts' bad host name ''"),
        (json!({"command": "a 'b"}), "command' invalid command line string"),
        (
            json!({"blkio_config": {"weight": "1"}}),
            "blkio_config.weight' expected type 'uint16', got unconvertible type 'string'",
        ),
        (
            json!({"healthcheck": {"retries": -1}}),
            "healthcheck.retries' cannot parse value as 'uint64': -1 overflows uint",
        ),
        (
            json!({"deploy": {"resources": {"limits": {"cpus": "abc"}}}}),
            "deploy.resources.limits.cpus' strconv.ParseFloat: parsing \"abc\": invalid syntax",
        ),
        (json!({"stop_grace_period": "10"}), "stop_grace_period' time: missing unit in duration \"10\""),
        (
            json!({"gpus": [{"count": "some"}]}),
            "gpus[0].count' invalid value \"some\", the only value allowed is 'all' or a number",
        ),
        (
            json!({"storage_opt": {"x-s": "a", "b": "c"}}),
            "storage_opt[#extensions]' expected type 'string', got unconvertible type 'map[string]interface {}'",
        ),
        (
            json!({"extra_hosts": {"x-h": "1.1.1.1"}}),
            "extra_hosts' unexpected value type map[string]interface {} for extra_hosts entry",
        ),
    ] {
        assert_eq!(errors(&attributes), [format!("'services[a].{error}")]);
    }
}

#[test]
fn an_old_boolean_word_is_read_with_a_warning() {
    let (tree, diagnostics) = decoded(&json!({"services": {"a": {"tty": "yes"}}}));
    assert_eq!(tree["services"]["a"]["tty"], json!(true));
    assert_eq!(diagnostics[0].severity, Severity::Warning);
    assert_eq!(diagnostics[0].message, "\"yes\" for boolean is not supported by YAML 1.2, please use `true`");
}

#[test]
fn x_keys_of_free_mappings_are_swept_together() {
    let service = service(&json!({"environment": {"x-foo": "bar", "A": 1}, "labels": ["x-bar=1"]}));
    assert_eq!(service["environment"].to_string(), r##"{"#extensions":"map[x-foo:bar]","A":"1"}"##);
    assert_eq!(service["labels"], json!({"x-bar": "1"}));
}

#[test]
fn x_keys_print_in_yaml_and_at_the_top_of_json() {
    let (tree, _) = decoded(&json!({
        "services": {"a": {"x-svc": {"b10": 1, "b2": []}, "image": "x"}, "x-b": {"image": "y"}},
        "x-n": [1.0, 1e6, 1e-7, 0.1, -0.0, {}, []]
    }));
    assert_eq!(
        render::yaml(&tree),
        "services:\n  a:\n    image: x\n    x-svc:\n      b2: []\n      b10: 1\n  x-b:\n    image: \"y\"\n\
         x-n:\n  - 1\n  - 1e+06\n  - 1e-07\n  - 0.1\n  - -0\n  - {}\n  - []\n"
    );
    let json: Value = serde_json::from_str(&render::json(&tree)).unwrap();
    assert_eq!(json["services"]["a"], json!({"command": null, "entrypoint": null, "image": "x"}));
    assert!(json["services"].as_object().unwrap().contains_key("x-b"));
    assert_eq!(json["x-n"].to_string(), "[1,1000000,1e-7,0.1,-0.0,{},null]");
}

#[test]
fn what_json_cannot_hold_prints_in_yaml() {
    let date = NodeValue::Timestamp("2024-01-01".into());
    let list = NodeValue::List(vec![Node::new(NodeValue::Float(f64::INFINITY), SPAN), Node::new(date, SPAN)]);
    let root = NodeValue::Map([(Key::from("x-l"), Node::new(list, SPAN))].into_iter().collect());
    let tree = decode(&Node::new(root, SPAN), &mut Vec::new());
    assert_eq!(render::yaml(&tree), "services: {}\nx-l:\n  - .inf\n  - 2024-01-01T00:00:00Z\n");
    assert!(render::json(&tree).ends_with("\"x-l\": [\n    \".inf\",\n    \"2024-01-01T00:00:00Z\"\n  ]\n}"));
}

#[test]
fn objects_that_only_json_prints_are_left_out_of_yaml() {
    let (tree, _) = decoded(&json!({
        "services": {"a": {"deploy": {}, "depends_on": {"b": {"condition": "service_started"}},
            "blkio_config": {"weight_device": [{"path": "p"}]}, "ulimits": {"core": 0}}},
        "networks": {"default": null}
    }));
    assert_eq!(tree["networks"], json!({"default": {"ipam": {}}}));
    assert_eq!(tree["services"]["a"]["deploy"], json!({"resources": {}, "placement": {}}));
    assert_eq!(tree["services"]["a"]["blkio_config"], json!({"weight_device": [{"Path": "p", "Weight": 0}]}));
    assert_eq!(
        render::yaml(&tree),
        "services:\n  a:\n    blkio_config:\n      weight_device:\n        - path: p\n          weight: 0\n\
         \x20   depends_on:\n      b:\n        condition: service_started\n        required: false\n\
         \x20   deploy: {}\n    ulimits:\n      core:\n        soft: 0\n        hard: 0\nnetworks:\n  default: {}\n"
    );
}
