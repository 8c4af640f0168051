use crate::compose::memory::{errors, load_with, tree};

/// The message of the only error of a project whose service `a` has this body.
fn refusal(body: &str) -> String {
    let text = format!("services: {{a: {body}, b: {{image: x}}, off: {{image: x, profiles: [p]}}}}");
    let found = errors(&[("compose.yaml", &text)]);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].split_once(' ').unwrap_or_default().1.trim_end_matches(": invalid compose project").to_owned()
}

#[test]
fn references_must_lead_somewhere() {
    assert_eq!(refusal("{image: x, networks: [n]}"), "service \"a\" refers to undefined network n");
    assert_eq!(refusal("{image: x, volumes: ['vol:/v']}"), "service \"a\" refers to undefined volume vol");
    assert_eq!(refusal("{image: x, configs: [c]}"), "service \"a\" refers to undefined config c");
    assert_eq!(refusal("{image: x, secrets: [s]}"), "service \"a\" refers to undefined secret s");
    assert_eq!(refusal("{image: x, models: [m]}"), "service \"a\" refers to undefined model m");
    assert_eq!(refusal("{build: {secrets: [s]}}"), "service \"a\" refers to undefined build secret s");
    assert_eq!(
        refusal("{build: {additional_contexts: {x: 'service:b'}}}"),
        "service \"a\" declares non-buildable service \"b\" as additional contexts x"
    );
}

#[test]
fn a_dependency_may_be_switched_off_only_if_it_is_optional() {
    assert_eq!(
        refusal("{image: x, depends_on: [off]}"),
        "service \"a\" depends on undefined service \"off\""
    );
    let optional = "services: {a: {image: x, depends_on: {off: {condition: service_started, required: false}}}, \
                    off: {image: x, profiles: [p]}}";
    assert!(errors(&[("compose.yaml", optional)]).is_empty());
}

#[test]
fn what_is_said_twice_must_be_the_same() {
    let distinct = "services.a: can't set distinct values on";
    assert_eq!(
        refusal("{image: x, scale: 1, deploy: {replicas: 2}}"),
        format!("{distinct} 'scale' and 'deploy.replicas'")
    );
    assert_eq!(
        refusal("{image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}"),
        format!("{distinct} 'mem_limit' and 'deploy.resources.limits.memory'")
    );
    assert_eq!(
        refusal("{image: x, cpus: 1, deploy: {resources: {limits: {memory: 2g}}}}"),
        format!("{distinct} 'cpus' and 'deploy.resources.limits.cpus'")
    );
    let same = "services: {a: {image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 1024m}}}}}";
    assert!(errors(&[("compose.yaml", same)]).is_empty());
}

#[test]
fn scale_sets_the_replicas() {
    let tree = tree(&[("compose.yaml", "services: {a: {image: x, scale: 3, deploy: {mode: replicated}}}")]);
    assert_eq!(tree["services"]["a"]["deploy"]["replicas"], 3);
}

#[test]
fn a_named_container_runs_once() {
    assert_eq!(
        refusal("{image: x, container_name: cc, scale: 2}"),
        "services.scale: can't set container_name and a as container name must be unique"
    );
    let twice = "services: {a: {image: x, container_name: cc}, b: {image: x, container_name: cc}}";
    assert_eq!(
        errors(&[("compose.yaml", twice)]),
        ["1:61 services.b: container name \"cc\" is already in use by service {}\""]
    );
}

#[test]
fn one_target_has_one_mount() {
    assert_eq!(
        refusal("{image: x, tmpfs: ['/t:size=1'], volumes: ['./d:/t']}"),
        "services.a.volumes[0]: target /t already mounted as services.a.tmpfs[0]"
    );
}

#[test]
fn a_health_test_starts_with_its_kind() {
    assert!(refusal("{image: x, healthcheck: {test: [curl, x]}}").starts_with("healthcheck.test must start"));
}

#[test]
fn the_checks_can_be_left_out() {
    let files = [("compose.yaml", "services: {a: {image: x, networks: [n]}}")];
    assert!(load_with(&files, |options| options.check_consistency = false).project.is_some());
}
