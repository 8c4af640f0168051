use super::super::diagnostic::{Diagnostic, Severity};
use super::super::node::{FileId, Node, Value};
use super::interpolate;
use crate::compose::growth::Growth;
use crate::compose::yaml::decode;

fn run(text: &str) -> (Node, Vec<Diagnostic>) {
    let mut root = decode(FileId(1), text).expect("valid yaml").remove(0).root;
    let mut found = Vec::new();
    let lookup = |name: &str| match name {
        "N" => Some("5".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    interpolate(&mut root, &lookup, &mut Growth::default(), &mut found);
    (root, found)
}

fn at<'a>(root: &'a Node, path: &str) -> &'a Value {
    let node = path.split('/').fold(root, |node, step| match node.as_list() {
        Some(list) => &list[step.parse::<usize>().expect("an index")],
        None => node.get(step).expect(step),
    });
    &node.value
}

fn messages(text: &str) -> Vec<String> {
    run(text).1.into_iter().map(|found| found.message).collect()
}

#[test]
fn strings_are_substituted_everywhere_and_keys_never() {
    let (root, found) = run("x-a: {l: [$N, '$$']}\nservices: {$N: {image: 'a:${N}'}}\n");
    assert!(found.is_empty());
    assert!(matches!(at(&root, "x-a/l/0"), Value::String(text) if text == "5"));
    assert!(matches!(at(&root, "x-a/l/1"), Value::String(text) if text == "$"));
    assert!(matches!(at(&root, "services/$N/image"), Value::String(text) if text == "a:5"));
}

#[test]
fn numbers_and_booleans_at_known_paths_are_converted() {
    let text = "services:\n  my.svc: {scale: $N, pids_limit: '7', cpus: '0.5', tty: 'TRUE', hostname: '5',
      ulimits: {nofile: '3', nproc: {soft: $N}}, ports: [{target: '80'}], volumes: [{volume: {nocopy: 'false'}}]}
networks: {n: {internal: 'true'}}\nvolumes: {v: {external: 'true'}}\n";
    let (root, found) = run(text);
    assert!(found.is_empty(), "{found:?}");
    let service = |path: &str| at(&root, &format!("services/my.svc/{path}"));
    assert!(matches!(service("scale"), Value::Int(5)));
    assert!(matches!(service("pids_limit"), Value::Int(7)));
    assert!(matches!(service("cpus"), Value::Float(cpus) if (cpus - 0.5).abs() < 1e-9));
    assert!(matches!(service("tty"), Value::Bool(true)));
    assert!(matches!(service("hostname"), Value::String(_)));
    assert!(matches!(service("ulimits/nofile"), Value::Int(3)));
    assert!(matches!(service("ulimits/nproc/soft"), Value::Int(5)));
    assert!(matches!(service("ports/0/target"), Value::Int(80)));
    assert!(matches!(service("volumes/0/volume/nocopy"), Value::Bool(false)));
    assert!(matches!(at(&root, "networks/n/internal"), Value::Bool(true)));
    assert!(matches!(at(&root, "volumes/v/external"), Value::Bool(true)));
}

#[test]
fn what_cannot_be_converted_is_an_error_with_the_references_text() {
    for (text, message) in [
        (
            "scale: abc",
            "services.a.scale: failed to cast to expected type: strconv.Atoi: parsing \"abc\": invalid syntax",
        ),
        (
            "pids_limit: '1.5'",
            "services.a.pids_limit: failed to cast to expected type: strconv.ParseInt: parsing \"1.5\": invalid syntax",
        ),
        (
            "scale: '99999999999999999999'",
            "services.a.scale: failed to cast to expected type: strconv.Atoi: parsing \"99999999999999999999\": value out of range",
        ),
        (
            "cpus: abc",
            "services.a.cpus: failed to cast to expected type: strconv.ParseFloat: parsing \"abc\": invalid syntax",
        ),
        (
            "cpu_percent: '1e999'",
            "services.a.cpu_percent: failed to cast to expected type: strconv.ParseFloat: parsing \"1e999\": value out of range",
        ),
        ("privileged: $EMPTY", "services.a.privileged: failed to cast to expected type: invalid boolean: "),
        (
            "ports: [{target: x}]",
            "services.a.ports.[].target: failed to cast to expected type: strconv.Atoi: parsing \"x\": invalid syntax",
        ),
    ] {
        assert_eq!(
            messages(&format!("services: {{a: {{{text}}}}}")),
            [format!("error while interpolating {message}")]
        );
    }
}

#[test]
fn old_words_for_booleans_are_warned_about() {
    let (root, found) = run("services: {a: {init: 'No', tty: 'on'}}");
    assert!(matches!(at(&root, "services/a/init"), Value::Bool(false)));
    assert!(matches!(at(&root, "services/a/tty"), Value::Bool(true)));
    assert_eq!(found[0].message, "\"No\" for boolean is not supported by YAML 1.2, please use `false`");
    assert!(found.iter().all(|found| found.severity == Severity::Warning && found.span.is_some()));
}

#[test]
fn all_errors_are_collected_with_path_and_place() {
    let text = "services: {a: {command: [x, '${'], image: '${T:?no tag}', user: $U}}";
    let (root, found) = run(text);
    let shown: Vec<_> = found.iter().map(|found| (found.path.as_str(), found.message.as_str())).collect();
    assert_eq!(
        shown,
        [
            (
                "services.a.command[1]",
                "invalid interpolation format for services.a.command.[].\nYou may need to escape any $ with another $.\n${"
            ),
            (
                "services.a.image",
                "error while interpolating services.a.image: required variable T is missing a value: no tag"
            ),
            ("services.a.user", "The \"U\" variable is not set. Defaulting to a blank string."),
        ]
    );
    let span = found[0].span.expect("a place");
    assert_eq!(&text[span.start as usize..span.end as usize], "'${'");
    assert!(matches!(at(&root, "services/a/command/1"), Value::String(text) if text == "${"));
}
