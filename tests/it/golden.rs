//! Golden hashes: what stands in `tests/cases/golden-hashes.txt` stands in the labels of every user's containers.
//!
//! The five example stacks go the whole way from files to hashes, and every attribute of a service is hashed alone, so
//! that a new attribute adds a line and changes none. Absolute paths are told apart from the machine by putting the
//! sources at [`ROOT`]; environment values are in the hashes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::kept;
use reconcile::compose::desired::Tracked as _;
use reconcile::compose::support::{SUPPORT, Status};
use reconcile::model::desired::{BuildSpec, DesiredService};
use reconcile::model::service::ServiceSpec;
use reconcile::source::{GitIndex, SourceRequest, load_source};
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FILE: &str = "tests/cases/golden-hashes.txt";
/// Where the sources would stand on a server.
const ROOT: &str = "/srv/stacks";
const HEAD: &str = "\
# Config hashes of the example stacks and of every attribute of a service: `KIND NAME HASH`.
#
# They stand in the labels of containers that run. A line that changes here replaces containers of every user when
# they upgrade, databases too. Lines may be added; if one must change, raise HASH_VERSION in src/model/hash.rs, so that
# containers with the old version are compared by their recorded spec, and make sure that the record compares equal.
# UPDATE=1 cargo test --test it golden writes the file anew.

";

#[test]
fn hashes_are_those_of_every_version_before() {
    let text = format!("{HEAD}{}\n{}", examples(), attributes());
    let how = "a changed line replaces every user's containers at upgrade: read the head of the file";
    kept::hold(FILE, &text, how);
}

/// The example stacks as a server has them: in a work tree, so that tracked files count.
fn examples() -> String {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    copy(&kept::path("examples/stacks"), &root);
    track(&root);
    let request = SourceRequest {
        root: root.clone(),
        cwd: root.clone(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        ..SourceRequest::default()
    };
    let loaded = load_source(&request);
    assert!(loaded.desired.complete, "{:#?}", loaded.diagnostics);
    let mut text = String::new();
    for (name, stack) in &loaded.desired.stacks {
        for (key, network) in &stack.networks {
            let _ = writeln!(text, "network {name}/{key} {}", network.hash());
        }
        for (key, service) in &stack.services {
            let _ = writeln!(text, "service {name}/{key} {}", placed(service, &root).hash());
        }
    }
    text
}

/// The service as it would be with its source at [`ROOT`].
fn placed(service: &DesiredService, root: &Path) -> DesiredService {
    let spec = serde_json::to_string(&service.spec).unwrap().replace(root.to_str().unwrap(), ROOT);
    DesiredService { spec: serde_json::from_str(&spec).unwrap(), ..service.clone() }
}

/// Copies what the repository tracks; without a work tree, everything. A run leaves files of its own in the examples.
fn copy(from: &Path, to: &Path) {
    let files = GitIndex::default()
        .tracked(from)
        .filter(|files| !files.is_empty())
        .unwrap_or_else(|| all_files(from));
    for file in files {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

/// Makes a work tree that tracks everything.
fn track(root: &Path) {
    let repository = git2::Repository::init(root).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::FORCE, None).unwrap();
    index.write().unwrap();
}

/// Every attribute that shapes a container, with every attribute in it, in canonical form.
fn all_attributes() -> Value {
    serde_json::from_str(include_str!("../cases/golden-service.json")).unwrap()
}

fn spec(value: Value) -> ServiceSpec {
    ServiceSpec::deserialize(value).unwrap()
}

fn attributes() -> String {
    let all = all_attributes();
    let image = || DesiredService { spec: spec(json!({"image": "app:1"})), ..DesiredService::default() };
    let mut lines = vec![("image alone".to_owned(), image())];
    for (key, value) in all.as_object().unwrap().iter().filter(|(key, _)| *key != "image") {
        let one = spec(json!({"image": "app:1", key: value}));
        lines.push((key.clone(), DesiredService { spec: one, ..image() }));
    }
    let pair = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    lines.push(("(contents)".into(), DesiredService { contents: pair("bind ./a", "d1ge57"), ..image() }));
    lines.push((
        "(names)".into(),
        DesiredService { names: pair("network default", "shop_default"), ..image() },
    ));
    let mut built = image();
    built.image.build = Some(Arc::new(BuildSpec { digest: "d1ge57".into(), ..BuildSpec::default() }));
    lines.push(("(build)".into(), built));
    let mut text = String::new();
    for (name, service) in lines {
        let _ = writeln!(text, "attribute {name} {}", service.hash());
    }
    text
}

/// Full rows of a service that its own spec does not hold: they decide what is made, not how the container looks.
const NOT_IN_SPEC: [&str; 9] = [
    "build",
    "depends_on",
    "env_file",
    "extends",
    "label_file",
    "profiles",
    "pull_policy",
    "scale",
    "x-reconcile",
];

#[test]
fn every_attribute_that_shapes_a_container_has_a_golden_hash() {
    let first = |path: &'static str| path.strip_prefix("services.*.")?.split(['.', '[', '=']).next();
    let supported =
        SUPPORT.iter().filter(|row| row.status == Status::Full).filter_map(|row| first(&row.path));
    let wanted: BTreeSet<&str> = supported.filter(|key| !NOT_IN_SPEC.contains(key)).collect();
    let all = all_attributes();
    let there: BTreeSet<&str> = all.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(there, wanted);
}
