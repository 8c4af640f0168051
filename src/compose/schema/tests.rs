use super::super::diagnostic::Diagnostic;
use super::super::node::FileId;
use super::super::yaml::decode;
use super::{Violation, check};

/// The violations, with the path of the node that the reference names.
fn violations(text: &str) -> Vec<Diagnostic> {
    let root = decode(FileId(1), text).expect("valid yaml").remove(0).root;
    let named = |found: Violation| {
        let place = found.place.join(".").replace(".[", "[");
        found.diagnostic.at(place)
    };
    check(&root).into_iter().map(named).collect()
}

/// Path and message of the violations of a service `a`.
fn of_service(attributes: &str) -> Vec<String> {
    violations(&format!("services: {{a: {{{attributes}}}}}"))
        .into_iter()
        .map(|found| format!("{} {}", found.path, found.message))
        .collect()
}

fn first(text: &str) -> Diagnostic {
    violations(text).into_iter().next().unwrap_or_else(|| panic!("{text} is refused"))
}

#[test]
fn the_first_violation_is_the_one_that_the_reference_tells() {
    for (attributes, told) in [
        ("DNS: 1", "services.a additional properties 'DNS' not allowed"),
        ("key1: 1, key2: 2", "services.a additional properties 'key1', 'key2' not allowed"),
        ("ports: [~]", "services.a.ports[0] must be a number"),
        ("ports: '80'", "services.a.ports must be a array"),
        ("hostname: 1", "services.a.hostname must be a string"),
        ("ulimits: {locks: a.b, nofile: [1]}", "services.a.ulimits.nofile must be a integer or string"),
        ("develop: {watch: [{path: x}]}", "services.a.develop.watch[0] missing property 'action'"),
        ("develop: {watch: [{}]}", "services.a.develop.watch[0] missing properties 'path', 'action'"),
        ("environment: {FOO: [x]}", "services.a.environment.FOO must be a boolean, null, number or string"),
        ("environment: x", "services.a.environment must be a mapping"),
        ("labels: ~", "services.a.labels must be a mapping"),
        ("labels: {\"\\n\": 1}", "services.a.labels additional properties '\\n' not allowed"),
        ("networks: {default: {priority: x}}", "services.a.networks.default.priority must be a number"),
        ("networks: {n: {foo: 1}}", "services.a.networks.n additional properties 'foo' not allowed"),
        ("networks: {a: x}", "services.a.networks.a must be a mapping"),
        ("networks: x", "services.a.networks must be a array"),
        ("networks: [n, n]", "services.a.networks items at 0 and 1 are equal"),
        ("hostname: 2001-01-01", "services.a.hostname invalid jsonType time.Time"),
        ("environment: {A: 2001-01-01}", "services.a.environment.A invalid jsonType time.Time"),
        ("env_file: [{path: x, foo: 1}]", "services.a.env_file[0] additional properties 'foo' not allowed"),
        ("env_file: [1]", "services.a.env_file[0] must be a string"),
        (
            "volumes: [{type: tmpfs, tmpfs: {size: -1}}]",
            "services.a.volumes[0].tmpfs.size must be greater than or equal to 0",
        ),
        (
            "volumes: [{type: tmpfs, tmpfs: {size: 1.5}}]",
            "services.a.volumes[0].tmpfs.size must be a integer",
        ),
        (
            "volumes: [{type: nfs}]",
            "services.a.volumes[0].type value must be one of 'bind', 'volume', 'tmpfs', 'cluster', 'npipe', 'image'",
        ),
        ("build: {platform: x}", "services.a.build additional properties 'platform' not allowed"),
        ("build: 1", "services.a.build must be a string"),
        ("build: {ssh: x}", "services.a.build.ssh must be a mapping"),
        (
            "deploy: {resources: {reservations: {devices: [{}]}}}",
            "services.a.deploy.resources.reservations.devices[0] missing property 'capabilities'",
        ),
        ("deploy: x", "services.a.deploy must be a mapping or null"),
        ("depends_on: {b: {}}", "services.a.depends_on.b missing property 'condition'"),
        ("depends_on: [1]", "services.a.depends_on[0] must be a string"),
        ("devices: [{target: x}]", "services.a.devices[0] must be a string"),
        ("extra_hosts: {h: 1}", "services.a.extra_hosts.h must be a string"),
        ("gpus: some", "services.a.gpus value must be 'all'"),
        ("gpus: {}", "services.a.gpus must be a string"),
        ("oom_score_adj: 2000", "services.a.oom_score_adj must be a string"),
        (
            "container_name: _",
            "services.a.container_name '_' does not match pattern '[a-zA-Z0-9][a-zA-Z0-9_.-]+'",
        ),
        ("command: 1", "services.a.command must be a null"),
        ("pre_stop: [{command: 1}]", "services.a.pre_stop[0].command must be a null"),
        ("blkio_config: {x-b: 1}", "services.a.blkio_config additional properties 'x-b' not allowed"),
        ("security_opt: [a, b, a]", "services.a.security_opt items at 0 and 2 are equal"),
        ("expose: [1, 1.0]", "services.a.expose items at 0 and 1 are equal"),
        ("tty: 1", "services.a.tty must be a boolean or string"),
        ("storage_opt: x", "services.a.storage_opt must be a mapping"),
        ("image: 1, deploy: {foo: 1}", "services.a.deploy additional properties 'foo' not allowed"),
    ] {
        assert_eq!(of_service(attributes).first().map(String::as_str), Some(told), "{attributes}");
    }
}

#[test]
fn what_the_schema_allows_is_not_refused() {
    for attributes in [
        "x-any: {a: 2001-01-01}, image: x, build: {x-b: 1}",
        "scale: 1.0, cpu_count: 3, mem_limit: 1.5, pid: ~, command: ~, deploy: ~",
        "ports: [80, '80', 80.5, {target: 80, published: '1'}], expose: [3000, '3000']",
        "ulimits: {NOFILE: {any: thing}, nofile: 5}",
        "gpus: [{any: 1, count: all}], storage_opt: {any: [1]}",
        "environment: {A: ~, B: 1, C: true, D: x}, labels: [a=1]",
        "pull_policy: xx_every_12h, networks: {n: , m: {}}",
        "volumes: ['a:/b', {type: bind, source: a, target: b, bind: {selinux: z}}]",
    ] {
        assert_eq!(of_service(attributes), Vec::<String>::new(), "{attributes}");
    }
    let others = "name: x\nversion: '3'\nx-a: 2001-01-01\nnetworks: {n: , 'a b': 5}\nvolumes: {v: }\n\
                  secrets: {s: {external: {any: 1}}}\nconfigs: {c: {content: x}}\nmodels: {m: {model: x}}\n";
    assert!(violations(others).is_empty());
}

#[test]
fn sections_are_checked_too() {
    for (text, told) in [
        ("services: [x]", "services must be a mapping"),
        ("services: ", "services must be a mapping"),
        ("services: {web: }", "services.web must be a mapping"),
        ("services: {'a b': {}}", "services additional properties 'a b' not allowed"),
        ("foo: 1", " additional properties 'foo' not allowed"),
        ("version: 3", "version must be a string"),
        ("volumes: {v: x}", "volumes.v must be a mapping or null"),
        ("configs: {c: }", "configs.c must be a mapping"),
        ("models: {m: {}}", "models.m missing property 'model'"),
        ("networks: {n: {external: 1}}", "networks.n.external must be a boolean, mapping or string"),
        ("networks: {n: {external: {a: 1}}}", "networks.n.external additional properties 'a' not allowed"),
        ("secrets: {'a b': {}}", "secrets additional properties 'a b' not allowed"),
    ] {
        let found = first(text);
        assert_eq!(format!("{} {}", found.path, found.message), told, "{text}");
    }
}

#[test]
fn all_violations_are_told_deepest_first() {
    let found = of_service(
        "imge: 1, hostname: 2, healthcheck: {retries: [1], x: 1}, ports: [~, {target: 1, foo: 2}]",
    );
    assert_eq!(
        found,
        [
            "services.a.ports[1] additional properties 'foo' not allowed",
            "services.a.healthcheck.retries must be a number or string",
            "services.a.healthcheck additional properties 'x' not allowed",
            "services.a.ports[0] must be a number",
            "services.a.hostname must be a string",
            "services.a additional properties 'imge' not allowed",
        ]
    );
}

#[test]
fn hints_name_what_would_be_right() {
    for (text, hint) in [
        ("services: {a: {imge: x}}", "did you mean `image`?"),
        ("services: {a: {replicas: 2}}", "`replicas` belongs deeper: `deploy.replicas`"),
        ("services: {a: {memory: 2}}", "`memory` belongs deeper: `deploy.resources.limits.memory`"),
        ("servces: {}", "did you mean `services`?"),
        ("web: {image: x}", "`web` looks like a service: services stand under `services:`"),
        ("environment: {}", "`environment` belongs to a service: `services.NAME.environment`"),
        ("services: {'my app': {}}", "a name holds a-z, A-Z, 0-9, `.`, `_` and `-`, such as `my-app`"),
        ("services: {a: {hostname: 5}}", "put it in quotes: \"5\""),
        ("services: {a: {hostname: 2001-01-01}}", "put it in quotes: \"2001-01-01\""),
        ("services: {a: {cgroup: hst}}", "did you mean `host`? the values are host, private"),
        ("services: {a: {devices: [{target: x}]}}", "add `source:`"),
        ("services: {a: {profiles: dev}}", "write a list: [\"dev\"]"),
        ("services: {a: {privileged: [x]}}", "write a boolean or a string instead"),
    ] {
        assert_eq!(first(text).hint.as_deref().unwrap_or_default(), hint, "{text}");
    }
}

#[test]
fn violations_point_at_the_key_or_value() {
    let text = "services:\n  a:\n    imge: x\n    ports:\n      - [1]\n";
    let pieces: Vec<&str> = violations(text)
        .iter()
        .map(|found| {
            let span = found.span.expect("a place");
            &text[span.start as usize..span.end as usize]
        })
        .collect();
    assert_eq!(pieces, ["[1]", "imge"]);
}

#[test]
fn forms_of_an_attribute_are_for_different_kinds_of_value() {
    use super::check::admits;
    use crate::compose::attributes::shape::Shape;
    use crate::compose::node::{Map, Value};
    fn visit(shape: &Shape) {
        match shape {
            Shape::OneOf(branches) => {
                let values = [
                    Value::Null,
                    Value::Bool(true),
                    Value::Int(1),
                    Value::String("x".to_owned()),
                    Value::List(Vec::new()),
                    Value::Map(Map::default()),
                ];
                for value in values {
                    let takers = branches.iter().filter(|branch| admits(branch, &value)).count();
                    assert!(takers <= 1, "{value:?} fits {takers} of {branches:?}");
                }
                branches.iter().for_each(visit);
            }
            Shape::List { items, .. } => visit(items),
            Shape::Map { values, .. } => visit(values),
            Shape::Object { object, .. } => {
                object.fields.iter().for_each(|field| visit(&field.shape));
            }
            Shape::Any | Shape::Kinds(_) | Shape::Word(_) | Shape::Pattern { .. } | Shape::Range { .. } => {}
        }
    }
    visit(&Shape::Object { object: &super::PROJECT, or: &[] });
}
