use super::{LoadedSource, load_source};
use crate::compose::diagnostic::{Diagnostic, Severity};
use crate::source::{ProjectFlags, SourceRequest};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A source on disk.
pub(in crate::source) struct Tree {
    _temp: tempfile::TempDir,
    pub(in crate::source) root: PathBuf,
}

impl Tree {
    pub(in crate::source) fn new(files: &[(&str, &str)]) -> Self {
        let temp = tempfile::tempdir().expect("temp");
        let root = temp.path().canonicalize().expect("real").join("src");
        fs::create_dir(&root).expect("root");
        let tree = Self { _temp: temp, root };
        tree.write(files);
        tree
    }

    fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.root.join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs::write(path, text).expect("file");
        }
    }

    fn request(&self) -> SourceRequest {
        SourceRequest { root: ".".into(), cwd: self.root.clone(), ..SourceRequest::default() }
    }

    pub(in crate::source) fn load(&self) -> LoadedSource {
        load_source(&self.request())
    }

    fn load_with(&self, change: impl FnOnce(&mut SourceRequest)) -> LoadedSource {
        let mut request = self.request();
        change(&mut request);
        load_source(&request)
    }
}

pub(in crate::source) fn names(loaded: &LoadedSource) -> Vec<&str> {
    loaded.desired.stacks.keys().map(String::as_str).collect()
}

/// The errors of all stacks and of the source.
pub(in crate::source) fn errors(loaded: &LoadedSource) -> Vec<String> {
    let all = loaded.stacks.iter().flat_map(|stack| &stack.diagnostics).chain(&loaded.diagnostics);
    let text = |one: &Diagnostic| {
        if one.path.is_empty() { one.message.clone() } else { format!("{}: {}", one.path, one.message) }
    };
    all.filter(|one| one.severity == Severity::Error).map(text).collect()
}

const PLAIN: &str = "services: {a: {image: x}}";

#[test]
fn every_stack_of_a_tree_is_loaded_with_its_directory_s_name() {
    let tree = Tree::new(&[("One/compose.yaml", PLAIN), ("two/x/docker-compose.yml", PLAIN)]);
    let loaded = tree.load();
    assert_eq!(names(&loaded), ["one", "x"]);
    assert!(loaded.desired.complete);
    assert_eq!(loaded.desired.source, tree.root.to_string_lossy());
    assert_eq!(loaded.desired.stacks["x"].working_dir, tree.root.join("two/x").to_string_lossy());
    assert!(loaded.stacks.iter().all(|stack| stack.desired && stack.project.is_some()));
}

#[test]
fn the_revision_is_that_of_the_content() {
    let tree = Tree::new(&[("a/compose.yaml", PLAIN), ("a/other.txt", "1")]);
    let first = tree.load().desired.revision.clone();
    tree.write(&[("a/other.txt", "2")]);
    assert_eq!(first, tree.load().desired.revision.clone());
    tree.write(&[("a/compose.yaml", "services: {a: {image: x, scale: 2}}")]);
    assert_ne!(first, tree.load().desired.revision.clone());
}

#[test]
fn another_mistake_in_a_broken_stack_is_another_revision() {
    let tree = Tree::new(&[("a/compose.yaml", PLAIN), ("b/compose.yaml", "")]);
    let empty = tree.load().desired.revision.clone();
    assert_eq!(tree.load().desired.revision, empty);
    tree.write(&[("b/compose.yaml", "services: [")]);
    assert_ne!(tree.load().desired.revision, empty, "else nobody would be told of it");
}

#[test]
fn a_broken_stack_holds_up_no_other_but_nothing_is_complete() {
    let tree = Tree::new(&[("good/compose.yaml", PLAIN), ("bad/compose.yaml", "name: other\nservices: [")]);
    let loaded = tree.load();
    assert_eq!(names(&loaded), ["good"]);
    assert!(!loaded.desired.complete);
    let bad = &loaded.stacks[0];
    assert_eq!((bad.name.as_deref(), bad.desired), (Some("other"), false));
    assert!(bad.diagnostics[0].severity == Severity::Error);
}

#[test]
fn an_empty_tree_is_an_error_that_says_what_is_looked_for() {
    let loaded = Tree::new(&[("a/readme.md", "")]).load();
    assert!(errors(&loaded)[0].starts_with("no compose file in "));
    assert!(loaded.diagnostics[0].hint.as_ref().is_some_and(|hint| hint.contains("docker-compose.yml")));
    assert!(!loaded.desired.complete);
    let missing = Tree::new(&[]).load_with(|request| request.root = "nowhere".into());
    assert!(errors(&missing)[0].starts_with("there is no "));
}

#[test]
fn variables_for_one_project_do_not_reach_a_tree() {
    let set = |request: &mut SourceRequest| {
        request.environment = BTreeMap::from_iter([("COMPOSE_PROJECT_NAME".into(), "forced".into())]);
    };
    let tree = Tree::new(&[("a/compose.yaml", PLAIN), ("b/compose.yaml", PLAIN)]);
    assert_eq!(names(&tree.load_with(set)), ["a", "b"]);
    let alone = Tree::new(&[("compose.yaml", PLAIN)]).load_with(set);
    assert_eq!(names(&alone), ["forced"]);
    assert!(!alone.desired.complete);
}

#[test]
fn flags_fit_one_project_only() {
    let name = |request: &mut SourceRequest| request.flags.project_name = Some("named".into());
    let tree = Tree::new(&[("a/compose.yaml", PLAIN), ("b/compose.yaml", PLAIN)]);
    let refused = tree.load_with(name);
    assert!(errors(&refused)[0].contains("are for one project"));
    assert!(refused.stacks.is_empty() && !refused.desired.complete);
    assert_eq!(names(&Tree::new(&[("a/compose.yaml", PLAIN)]).load_with(name)), ["named"]);
}

#[test]
fn files_of_flags_start_from_the_working_directory() {
    let tree = Tree::new(&[("a/base.yaml", PLAIN), ("a/more.yaml", "services: {b: {image: y}}")]);
    let loaded = tree.load_with(|request| {
        let files = vec!["a/base.yaml".into(), "a/more.yaml".into()];
        request.flags = ProjectFlags { files, ..ProjectFlags::default() };
    });
    assert_eq!(loaded.desired.stacks["a"].services.len(), 2);
    assert_eq!(loaded.desired.source, tree.root.join("a/base.yaml").to_string_lossy());
    assert!(!loaded.desired.complete);
}

#[test]
fn a_project_directory_is_where_the_files_are_looked_for() {
    let tree = Tree::new(&[("a/compose.yaml", "x-reconcile: {name: shop}\nservices: {a: {image: x}}")]);
    let loaded = tree.load_with(|request| request.flags.project_directory = Some("a".into()));
    assert_eq!(names(&loaded), ["shop"]);
    assert!(!loaded.desired.complete);
}

#[test]
fn a_compose_file_as_source_is_that_file() {
    let tree = Tree::new(&[("a/compose.yaml", PLAIN), ("a/other.yaml", "services: {b: {image: y}}")]);
    let loaded = tree.load_with(|request| request.root = Path::new("a/other.yaml").into());
    assert_eq!(loaded.desired.stacks["a"].services.keys().collect::<Vec<_>>(), ["b"]);
    assert!(loaded.desired.complete);
}

#[test]
fn a_filter_leaves_out_the_others_and_names_what_is_unknown() {
    let tree = Tree::new(&[("web/compose.yaml", PLAIN), ("db/compose.yaml", PLAIN)]);
    let only = |name: &str| tree.load_with(|request| request.only = BTreeSet::from([name.to_owned()]));
    let loaded = only("web");
    assert_eq!((names(&loaded), loaded.stacks.len(), loaded.desired.complete), (vec!["web"], 1, false));
    assert_eq!(errors(&only("wep")), ["there is no stack \"wep\" in the source"]);
}

#[test]
fn settings_of_a_compose_file_say_what_to_load() {
    let block = "x-reconcile: {name: shop, profiles: [dev], env_files: [dev.env], files: [compose.yaml, more.yaml]}\n\
                 services: {a: {image: 'x:${TAG}'}, b: {image: y, profiles: [dev]}}";
    let tree = Tree::new(&[
        ("s/compose.yaml", block),
        ("s/more.yaml", "services: {c: {image: z}}"),
        ("s/dev.env", "TAG=7"),
    ]);
    let loaded = tree.load();
    assert!(errors(&loaded).is_empty(), "{:?}", errors(&loaded));
    let stack = &loaded.desired.stacks["shop"];
    assert_eq!(stack.services.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(stack.services["a"].spec.image, "x:7");
}

#[test]
fn a_settings_file_may_hold_several_stacks() {
    let tree = Tree::new(&[
        (
            "s/.reconcile.yaml",
            "stacks:\n  one: {files: [a.yaml]}\n  two: {files: [b.yaml], depends_on: [one]}\n",
        ),
        ("s/a.yaml", PLAIN),
        ("s/b.yaml", PLAIN),
    ]);
    let loaded = tree.load();
    assert_eq!(names(&loaded), ["one", "two"]);
    assert_eq!(loaded.desired.stacks["two"].depends_on, ["one"]);
}

#[test]
fn settings_in_two_places_are_an_error() {
    let loaded = Tree::new(&[
        ("s/.reconcile.yaml", "profiles: [a]"),
        ("s/compose.yaml", "x-reconcile: {profiles: [b]}\nservices: {a: {image: x}}"),
    ])
    .load();
    assert!(errors(&loaded)[0].starts_with("the stack has settings in .reconcile.yaml and in"));
    assert!(loaded.desired.stacks.is_empty());
}

#[test]
fn settings_that_come_too_late_are_an_error() {
    let loaded =
        Tree::new(&[("s/compose.yaml", PLAIN), ("s/compose.override.yaml", "x-reconcile: {profiles: [b]}")])
            .load();
    assert_eq!(errors(&loaded), ["x-reconcile: these settings are not read"]);
}

#[test]
fn unknown_settings_are_errors_with_their_place() {
    let loaded =
        Tree::new(&[("s/compose.yaml", "x-reconcile:\n  drifts: {}\nservices: {a: {image: x}}")]).load();
    assert_eq!(errors(&loaded), ["x-reconcile.drifts: unknown key `drifts`"]);
    let stack = &loaded.stacks[0];
    let position = stack.diagnostics[0].span.map(|span| stack.sources.position(span));
    assert_eq!(position, Some((2, 3)));
}

#[test]
fn settings_without_any_compose_file_are_an_error() {
    let loaded = Tree::new(&[("s/.reconcile.yaml", "profiles: [a]")]).load();
    assert!(errors(&loaded)[0].contains("names no compose file"));
}

#[test]
fn an_included_directory_is_no_stack_of_its_own() {
    let tree = Tree::new(&[
        ("app/compose.yaml", "include: [db/compose.yaml]\nservices: {a: {image: x}}"),
        ("app/db/compose.yaml", "services: {db: {image: y}}"),
        ("app/own/compose.yaml", PLAIN),
    ]);
    let loaded = tree.load();
    assert_eq!(names(&loaded), ["app", "own"]);
    assert!(loaded.desired.complete);
}

#[test]
fn what_containers_may_write_is_no_stack() {
    let tree = Tree::new(&[
        ("git/compose.yaml", "services: {a: {image: x, volumes: ['./data:/data']}}"),
        ("git/data/repositories/them/compose.yaml", PLAIN),
    ]);
    let loaded = tree.load();
    assert_eq!(names(&loaded), ["git"]);
    assert!(loaded.desired.complete);
}

#[test]
fn a_stack_below_a_broken_one_is_left_as_it_is() {
    let tree = Tree::new(&[("app/compose.yaml", "services: ["), ("app/db/compose.yaml", PLAIN)]);
    let loaded = tree.load();
    assert!(loaded.desired.stacks.is_empty());
    assert!(errors(&loaded)[1].starts_with("left as it is: the stack above it"));
}

#[test]
fn what_is_mounted_from_the_source_counts_also_beside_the_project() {
    let tree = Tree::new(&[
        ("web/compose.yaml", "services: {a: {image: x, volumes: ['../common/c.conf:/c:ro']}}"),
        ("common/c.conf", "1"),
    ]);
    let hash = || tree.load().desired.stacks["web"].services["a"].hash();
    let first = hash();
    assert_eq!(first, hash());
    tree.write(&[("common/c.conf", "2")]);
    assert_ne!(first, hash());
}
