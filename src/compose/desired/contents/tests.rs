use super::{clean, relative};
use crate::compose::desired::tests::{Repository, convert_with, stack};
use crate::compose::settings::StackSettings;
use std::collections::BTreeMap;
use std::path::Path;

const READ_ONLY: &str = "services: {a: {image: x, volumes: ['./d:/d:ro']}}";
const WRITABLE: &str = "services: {a: {image: x, volumes: ['./d:/d']}}";
const FILE: &str = "services: {a: {image: x, volumes: ['./f.conf:/f.conf']}}";

fn contents(
    compose: &str,
    files: &[(&'static str, &str)],
    tracked: Option<Vec<&'static str>>,
) -> BTreeMap<String, String> {
    let mut all = vec![("compose.yaml", compose)];
    all.extend(files);
    let (stack, diagnostics) = convert_with(&all, &StackSettings::default(), &Repository(tracked));
    let stack = stack.unwrap_or_else(|| panic!("{diagnostics:?}"));
    stack.services.into_values().next().map(|service| service.contents.clone()).unwrap_or_default()
}

#[test]
fn every_file_of_a_read_only_directory_counts() {
    let with = |files: &[(&'static str, &str)]| contents(READ_ONLY, files, Some(Vec::new()));
    let old = with(&[("d/a", "1"), ("d/s/b", "2")]);
    assert_eq!(old.keys().collect::<Vec<_>>(), ["bind ./d"]);
    assert_eq!(old, with(&[("d/a", "1"), ("d/s/b", "2"), ("d/.git/index", "x"), ("elsewhere", "x")]));
    assert_ne!(old, with(&[("d/a", "1"), ("d/s/b", "3")]));
    assert_ne!(old, with(&[("d/a", "1"), ("d/b", "2")]));
    assert_ne!(old, with(&[("d/a", "1")]));
}

#[test]
fn only_tracked_files_of_a_writable_directory_count() {
    let with = |data| contents(WRITABLE, &[("d/conf", "1"), ("d/data", data)], Some(vec!["d/conf"]));
    assert_eq!(with("1"), with("2"));
    assert_eq!(with("1").len(), 1);
    assert!(contents(WRITABLE, &[("d/data", "1")], Some(Vec::new())).is_empty());
    assert!(contents(WRITABLE, &[("d/data", "1")], None).is_empty());
}

#[test]
fn a_directory_without_files_is_like_one_that_is_missing() {
    assert!(contents(READ_ONLY, &[], None).is_empty());
    assert!(contents(READ_ONLY, &[("d/.git/x", "")], None).is_empty());
}

#[test]
fn a_writable_file_counts_if_it_is_tracked_or_nobody_tracks_and_it_is_no_data() {
    let file = [("f.conf", "1")];
    assert_eq!(contents(FILE, &file, Some(vec!["f.conf"])).len(), 1);
    assert_eq!(contents(FILE, &file, Some(Vec::new())).len(), 0);
    assert_eq!(contents(FILE, &file, None).len(), 1);
    assert_eq!(contents(FILE, &[("f.conf", "SQLite\0")], None).len(), 0);
    let acme = "services: {a: {image: x, volumes: ['./acme.json:/acme.json']}}";
    assert_eq!(contents(acme, &[("acme.json", "{}")], None).len(), 0);
}

#[test]
fn a_read_only_mount_of_what_another_service_writes_is_data() {
    let compose = "services: {a: {image: x, volumes: ['./d:/d:ro']}, b: {image: x, volumes: ['./d:/d']}}";
    assert!(contents(compose, &[("d/data", "1")], None).is_empty());
    let project =
        "services: {a: {image: x, volumes: ['./f.conf:/f:ro']}, b: {image: x, volumes: ['.:/src']}}";
    assert_eq!(contents(project, &[("f.conf", "1")], Some(Vec::new())).len(), 1);
}

#[test]
fn what_lies_outside_of_the_source_does_not_count() {
    let compose = "services: {a: {image: x, volumes: ['/etc/hosts:/h:ro', '/var/run/docker.sock:/s']}}";
    assert!(contents(compose, &[], None).is_empty());
}

#[test]
fn ignored_contents_do_not_count() {
    let files = |data| [("compose.yaml", READ_ONLY), ("d/a", "1"), ("d/cache/x", data)];
    let convert = |data, ignored: &str| {
        let settings =
            StackSettings { ignore_contents: vec![ignored.to_owned()], ..StackSettings::default() };
        let stack = convert_with(&files(data), &settings, &Repository(None)).0.expect("stack");
        stack.services["a"].contents.clone()
    };
    assert!(convert("1", "d").is_empty());
    assert_eq!(convert("1", "./d/cache"), convert("2", "d/cache/"));
    assert_ne!(convert("1", "other"), convert("2", "other"));
}

#[test]
fn names_are_relative_to_the_project() {
    let found = stack(&[("compose.yaml", FILE), ("f.conf", "1")]);
    assert!(found.services["a"].contents.contains_key("bind ./f.conf"));
    for (from, path, name) in
        [("/p", "/p", "."), ("/p", "/p/a/b", "./a/b"), ("/p/a", "/p/b", "../b"), ("/p/a", "/p", "..")]
    {
        assert_eq!(relative(Path::new(from), Path::new(path)), name);
    }
    assert_eq!(clean(Path::new("/a/./b/../c/")), Path::new("/a/c"));
}
