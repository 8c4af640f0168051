use super::*;
use crate::compose::diagnostic::Severity;
use crate::compose::memory::{errors, errors_of, load_with, tree, tree_with};
use serde_json::json;

const ONE: (&str, &str) = ("compose.yaml", "services: {a: {image: x}}");

#[test]
fn the_nearest_compose_file_above_is_found_with_its_override() {
    let files = [ONE, ("compose.override.yml", "services: {a: {hostname: h}}"), ("sub/x", "")];
    let tree = tree_with(&files, |options| options.cwd = "/p/sub".into());
    assert_eq!(tree["services"]["a"]["hostname"], "h");
    assert_eq!(tree["name"], "p");
}

#[test]
fn an_override_is_not_looked_for_beside_a_file_named_by_hand() {
    let files = [ONE, ("compose.override.yml", "services: {a: {hostname: h}}")];
    let tree = tree_with(&files, |options| options.files = vec!["compose.yaml".to_owned()]);
    assert_eq!(tree["services"]["a"].get("hostname"), None);
}

#[test]
fn no_compose_file_is_an_error_with_the_names_looked_for() {
    let loaded = load_with(&[], |_| ());
    assert!(loaded.project.is_none());
    assert_eq!(loaded.diagnostics[0].message, "no configuration file provided: not found");
    assert!(loaded.diagnostics[0].hint.as_deref().is_some_and(|hint| hint.contains("docker-compose.yml")));
}

#[test]
fn the_process_environment_wins_over_env_files() {
    let files =
        [("compose.yaml", "services: {a: {image: x, environment: [A, B]}}"), (".env", "A=file\nB=file\n")];
    let tree = tree_with(&files, |options| {
        options.environment.insert("A".to_owned(), "process".to_owned());
    });
    let environment = &tree["services"]["a"]["environment"];
    assert!(environment.to_string().contains("process"), "{environment}");
    assert!(environment.to_string().contains("file"), "{environment}");
}

#[test]
fn the_name_is_that_of_the_last_file_unless_asked_for() {
    let files = [("a.yaml", "name: one\nservices: {}"), ("b.yaml", "name: Two.2\n")];
    let both = |options: &mut LoadOptions| options.files = vec!["a.yaml".to_owned(), "b.yaml".to_owned()];
    assert_eq!(tree_with(&files, both)["name"], "two2");
    let asked = tree_with(&files, |options| {
        both(options);
        options.project_name = Some("three".to_owned());
    });
    assert_eq!(asked["name"], "three");
}

#[test]
fn a_base_of_another_file_brings_its_paths_from_there() {
    let files = [
        ("compose.yaml", "services: {a: {extends: {file: sub/base.yaml, service: b}}}"),
        ("sub/base.yaml", "services: {b: {image: x, build: ./ctx, extends: {file: ../c.yaml, service: c}}}"),
        ("c.yaml", "services: {c: {hostname: h, label_file: l}}"),
        ("l", "k=v"),
    ];
    let tree = tree(&files);
    assert_eq!(tree["services"]["a"]["build"]["context"], "/p/sub/ctx");
    assert_eq!(tree["services"]["a"]["hostname"], "h");
    assert_eq!(tree["services"]["a"]["labels"], json!({"k": "v"}));
}

#[test]
fn services_that_extend_each_other_are_refused() {
    let found = errors(&[("compose.yaml", "services:\n  a: {extends: b}\n  b: {extends: a}\n")]);
    let chain = "Circular reference:\n  a in /p/compose.yaml\n  extends b in /p/compose.yaml\n  \
                 extends a in /p/compose.yaml";
    assert_eq!(found, [format!("2:16 {chain}")]);
}

#[test]
fn reset_takes_out_what_came_before_and_override_replaces_it() {
    let files = [
        ("a.yaml", "services: {a: {image: x, ports: ['1'], expose: ['2'], hostname: h}}"),
        ("b.yaml", "services: {a: {ports: !override ['3'], expose: !reset [], hostname: !reset null}}"),
    ];
    let tree = tree_with(&files, |options| options.files = vec!["a.yaml".to_owned(), "b.yaml".to_owned()]);
    let service = &tree["services"]["a"];
    assert_eq!(service["ports"].as_array().map(Vec::len), Some(1));
    assert_eq!(service["ports"][0]["target"], 3);
    assert_eq!(service.get("expose"), None);
    assert_eq!(service.get("hostname"), None);
}

#[test]
fn an_included_project_has_its_own_directory_and_environment() {
    let files = [
        ("compose.yaml", "include: [inc/compose.yaml]\nservices: {a: {image: x}}"),
        ("inc/compose.yaml", "services: {b: {build: ., environment: [WHO]}}"),
        ("inc/.env", "WHO=inner"),
    ];
    let tree = tree(&files);
    assert_eq!(tree["services"]["b"]["build"]["context"], "/p/inc");
    assert!(tree["services"]["b"]["environment"].to_string().contains("inner"));
}

#[test]
fn an_imported_resource_must_not_differ() {
    let files = [
        ("compose.yaml", "include: [inc.yaml]\nservices: {b: {image: y}}"),
        ("inc.yaml", "services: {b: {image: x}}"),
    ];
    assert_eq!(errors(&files), ["2:12 services.b conflicts with imported resource"]);
}

#[test]
fn projects_that_include_each_other_are_refused() {
    let files = [("compose.yaml", "include: [inc.yaml]"), ("inc.yaml", "include: [compose.yaml]")];
    assert!(errors(&files)[0].contains("include cycle detected:\n/p/compose.yaml\n include /p/inc.yaml"));
}

#[test]
fn several_mistakes_are_told_at_once_with_their_places() {
    let text = "services:\n  a:\n    image: x\n    depends_on: [zz]\n    volumes: ['vol:/v']\n  b: {}\n";
    let found = errors(&[("compose.yaml", text)]);
    assert_eq!(
        found,
        [
            "4:18 service \"a\" depends on undefined service \"zz\": invalid compose project",
            "5:15 service \"a\" refers to undefined volume vol: invalid compose project",
            "6:3 service \"b\" has neither an image nor a build context specified: invalid compose project",
        ]
    );
}

#[test]
fn circles_of_dependencies_are_told_by_name() {
    let text = "services: {a: {image: x, depends_on: [b]}, b: {image: x, links: ['a:z']}}";
    assert!(errors(&[("compose.yaml", text)])[0].ends_with("dependency cycle detected: a -> b -> a"));
}

#[test]
fn services_of_inactive_profiles_are_left_out_and_unchecked() {
    let files = [("compose.yaml", "services: {a: {image: x}, b: {profiles: [p], depends_on: [zz]}}")];
    let loaded = load_with(&files, |_| ());
    let project = loaded.project.unwrap();
    assert_eq!(project.disabled_services, ["b"]);
    assert_eq!(project.tree["services"].as_object().map(serde_json::Map::len), Some(1));
    let active = load_with(&files, |options| options.profiles = vec!["p".to_owned()]);
    assert!(active.project.is_none());
}

#[test]
fn a_service_asked_for_comes_with_what_it_needs_and_no_more() {
    let text = "services: {a: {image: x, depends_on: [b]}, b: {image: x, volumes: ['vol:/v']}, c: {image: x, \
                networks: [n]}}\nvolumes: {vol: }\nnetworks: {n: }";
    let tree = tree_with(&[("compose.yaml", text)], |options| options.services = vec!["a".to_owned()]);
    let names: Vec<&String> = tree["services"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(tree["networks"].as_object().map(serde_json::Map::len), Some(1));
    let unknown = load_with(&[("compose.yaml", text)], |options| options.services = vec!["zz".to_owned()]);
    assert_eq!(errors_of(&unknown), ["no such service: zz"]);
}

#[test]
fn variables_of_a_service_win_over_its_env_files() {
    let files = [
        (
            "compose.yaml",
            "services: {a: {image: x, env_file: [e, {path: none, required: false}], environment: {A: own}}}",
        ),
        ("e", "A=file\nB=file"),
    ];
    assert_eq!(tree(&files)["services"]["a"]["environment"], json!({"A": "own", "B": "file"}));
    let missing = errors(&[("compose.yaml", "services: {a: {image: x, env_file: e}}")]);
    assert_eq!(missing, ["1:36 env file /p/e not found: stat /p/e: no such file or directory"]);
}

#[test]
fn an_obsolete_version_is_a_warning() {
    let loaded = load_with(&[("compose.yaml", "version: '3'\nservices: {}")], |_| ());
    assert!(loaded.project.is_some());
    assert_eq!(loaded.diagnostics[0].severity, Severity::Warning);
    assert!(loaded.diagnostics[0].message.contains("the attribute `version` is obsolete"));
}

/// A project that uses a bit of everything, to be broken.
const RICH: &str = "\
name: rich
include:
  - path: inc.yaml
    env_file: e
x-base: &base {image: x, restart: always}
services:
  a:
    <<: *base
    extends: {file: base.yaml, service: b}
    build: {context: ., args: [A], ssh: [default], secrets: [s]}
    ports: ['8000-8002:80-82/udp', 90, {target: 1, published: 2}]
    volumes: ['./d:/d:ro', 'vol:/v', {type: bind, source: ~/x, target: /x}]
    environment: {A: '${A:-b}', B: , C: 1.5}
    env_file: [e, {path: f, required: false}]
    label_file: e
    depends_on: {b: {condition: service_healthy}}
    healthcheck: {test: curl x, interval: 1m30s}
    deploy: {replicas: 2, resources: {limits: {cpus: 0.5, memory: 1g}}}
    develop: {watch: [{path: ./w, action: sync, target: /w}]}
    networks: {n: {aliases: [q]}, default: }
    ulimits: {nofile: {soft: 1, hard: 2}}
    secrets: [s, {source: s, target: t}]
  b: {image: x, profiles: [p, ''], links: ['c:d'], network_mode: none}
networks: {n: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}
volumes: {vol: {external: {name: z}}}
secrets: {s: {file: ./s}}
";

fn rich(main: &str) -> Loaded {
    let files = [
        ("compose.yaml", main),
        ("inc.yaml", "services: {c: {image: x, ports: !override [1]}}"),
        ("base.yaml", "services: {b: {extends: c, hostname: h}, c: {image: y, command: a 'b c'}}"),
        ("e", "A=${B:-x}\nC"),
    ];
    load_with(&files, |options| options.profiles = vec!["p".to_owned()])
}

#[test]
fn the_rich_project_loads() {
    assert_eq!(errors_of(&rich(RICH)), Vec::<String>::new());
}

/// Text that is out of place wherever it goes.
const MISFITS: [&str; 16] = [
    "null",
    "[]",
    "{}",
    "-1",
    "1.5",
    "x",
    "[x]",
    "{a: b}",
    "${",
    "$A",
    "!reset null",
    "&a [*a]",
    "2001-01-01",
    ".inf",
    "::",
    "1-2:3",
];

proptest::proptest! {
    #[test]
    fn a_broken_project_is_refused_or_loads_but_never_panics(
        changes in proptest::collection::vec((0_usize..64, 0_usize..5, 0_usize..MISFITS.len(), 0_usize..80), 1..4)
    ) {
        let mut lines: Vec<String> = RICH.lines().map(str::to_owned).collect();
        for (line, change, misfit, column) in changes {
            let line = line % lines.len();
            let text = lines[line].clone();
            let column = column.min(text.len());
            let key = text.split_once(": ").map_or(text.as_str(), |(key, _)| key);
            match change {
                0 if lines.len() > 1 => drop(lines.remove(line)),
                1 => lines.insert(line, text),
                2 => lines[line] = format!("{key}: {}", MISFITS[misfit]),
                3 => lines[line] = format!("{}{}{}", &text[..column], MISFITS[misfit], &text[column..]),
                _ => lines[line] = text[..column].to_owned(),
            }
        }
        let loaded = rich(&lines.join("\n"));
        let failed = loaded.diagnostics.iter().any(|one| one.severity == Severity::Error);
        proptest::prop_assert_eq!(failed, loaded.project.is_none());
    }
}
