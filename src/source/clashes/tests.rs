use crate::source::load::tests::{Tree, errors, names};

fn two(a: &str, b: &str) -> Vec<String> {
    let tree = Tree::new(&[
        ("a/compose.yaml", a),
        ("b/compose.yaml", b),
        ("c/compose.yaml", "services: {s: {image: x}}"),
    ]);
    let loaded = tree.load();
    let errors = errors(&loaded);
    assert_eq!(names(&loaded).contains(&"a"), errors.is_empty());
    assert_eq!(loaded.desired.complete, errors.is_empty());
    assert!(names(&loaded).contains(&"c"));
    errors
}

fn ports(a: &str, b: &str) -> Vec<String> {
    let service = |ports: &str| format!("services: {{s: {{image: x, ports: [{ports}]}}}}");
    two(&service(a), &service(b))
}

#[test]
fn one_project_name_twice_is_told_to_both() {
    let named = "name: same\nservices: {s: {image: x}}";
    assert_eq!(
        two(named, named),
        [
            "name: the project name same is also that of b/compose.yaml:1:1",
            "name: the project name same is also that of a/compose.yaml:1:1"
        ]
    );
}

#[test]
fn one_container_name_twice_is_told_to_both_with_the_place() {
    let found = two(
        "services: {s: {image: x, container_name: db}}",
        "services:\n  t:\n    image: x\n    container_name: db",
    );
    assert_eq!(
        found,
        [
            "services.s.container_name: the container name db is also that of service t of stack b (b/compose.yaml:4:5)",
            "services.t.container_name: the container name db is also that of service s of stack a (a/compose.yaml:1:26)"
        ]
    );
}

#[test]
fn a_made_up_name_may_clash_with_a_fixed_one() {
    assert_eq!(two("services: {s: {image: x}}", "services: {t: {image: x, container_name: a-s-1}}").len(), 2);
    assert_eq!(two("services: {s: {image: x}}", "services: {t: {image: x, container_name: a-s-2}}").len(), 0);
}

#[test]
fn one_host_port_twice_is_told_to_both() {
    let found = ports("'8080:80'", "'127.0.0.1:8080:81'");
    assert_eq!(found.len(), 2);
    assert!(
        found[0].starts_with(
            "services.s.ports[0]: the host port 8080/tcp is also published by service s of stack b (b/compose.yaml:1:"
        ),
        "{}",
        found[0]
    );
    assert!(found[1].contains("the host port 127.0.0.1:8080/tcp is also published by service s of stack a"));
}

#[test]
fn ports_that_do_not_meet_are_fine() {
    assert!(ports("'8080:80'", "'8080:80/udp'").is_empty());
    assert!(ports("'127.0.0.1:8080:80'", "'127.0.0.2:8080:80'").is_empty());
    assert!(ports("'80'", "'80'").is_empty());
    assert!(ports("'8080:80'", "'8081:80'").is_empty());
}

#[test]
fn a_range_clashes_only_when_it_leaves_no_choice() {
    assert!(ports("'8000-8001:80'", "'8000:80'").is_empty());
    let found = ports("'8000-8001:80'", "'8000:80', '8001:81'");
    assert!(
        found[0].starts_with("services.s.ports[0]: the host port 8000-8001/tcp is also published by"),
        "{found:?}"
    );
}

#[test]
fn replicas_cannot_share_a_host_port() {
    let found = two("services: {s: {image: x, scale: 2, ports: ['80:80']}}", "services: {s: {image: x}}");
    assert_eq!(found, ["services.s.ports[0]: 2 replicas cannot share the host port 80/tcp"]);
    assert!(
        two("services: {s: {image: x, scale: 2, ports: ['80-81:80']}}", "services: {s: {image: x}}")
            .is_empty()
    );
}

#[test]
fn services_of_one_stack_clash_too() {
    let found = two(
        "services: {s: {image: x, ports: ['80:80']}, t: {image: x, ports: ['80:81']}}",
        "services: {s: {image: x}}",
    );
    assert_eq!(found.len(), 2);
}

#[test]
fn a_stack_that_is_not_there_cannot_be_depended_on() {
    let found =
        two("x-reconcile: {depends_on: [cc]}\nservices: {s: {image: x}}", "services: {s: {image: x}}");
    assert_eq!(found, ["x-reconcile.depends_on[0]: there is no stack `cc` to depend on"]);
    assert!(
        two("x-reconcile: {depends_on: [b, c]}\nservices: {s: {image: x}}", "services: {s: {image: x}}")
            .is_empty()
    );
}

#[test]
fn stacks_that_wait_for_each_other_are_left_out() {
    let on = |name: &str| format!("x-reconcile: {{depends_on: [{name}]}}\nservices: {{s: {{image: x}}}}");
    assert_eq!(
        two(&on("b"), &on("a")),
        [
            "x-reconcile.depends_on[0]: stacks wait for each other in a circle: `a` depends on `b`, which depends on `a`",
            "x-reconcile.depends_on[0]: stacks wait for each other in a circle: `b` depends on `a`, which depends on `b`"
        ]
    );
}
