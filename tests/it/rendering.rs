//! Canonical projects against the recorded output of `docker compose config` 2.40.
//!
//! The cases lie in `tests/corpus/cases`, or where `COMPOSE_CORPUS` points; without them the tests pass
//! with a note.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use reconcile::compose::canonical;
use reconcile::compose::diagnostic::Severity;
use reconcile::compose::node::{Key, Map as NodeMap, Node, Span, Value as NodeValue};
use reconcile::compose::{reference_hash, render};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

struct Case {
    id: String,
    folder: PathBuf,
}

impl Case {
    /// A file of the case, with the folder in which the recording was made.
    fn read(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join(name)).ok()?;
        let root = format!("/tmp/compose-corpus/{}", self.id);
        Some(text.replace("@CASE@", &root).replace("@PARENT@", "/tmp/compose-corpus"))
    }

    /// Whether the recording is of the untyped model.
    fn is_untyped(&self) -> bool {
        self.read("case.json").unwrap().contains("--no-interpolate")
    }

    /// The recorded project with `$$` undone.
    fn project(&self) -> Option<Map<String, Value>> {
        let text = self.read("expected.json")?.replace("$$", "$");
        Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.id)))
    }
}

fn cases() -> Vec<Case> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/cases");
    let folder = std::env::var_os("COMPOSE_CORPUS").map_or(default, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no cases in {}", folder.display());
        return Vec::new();
    };
    let mut cases: Vec<Case> = entries
        .map(Result::unwrap)
        .map(|entry| Case { id: entry.file_name().into_string().unwrap(), folder: entry.path() })
        .collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    cases
}

/// Fails with the first difference of the first few cases.
fn report(compared: usize, differences: &[String]) {
    eprintln!("{} of {compared} cases differ", differences.len());
    assert!(differences.is_empty(), "{}", differences[..differences.len().min(20)].join("\n"));
}

fn first_difference(id: &str, ours: &str, theirs: &str) -> Option<String> {
    let at = ours.lines().zip(theirs.lines()).position(|(a, b)| a != b);
    if ours == theirs {
        return None;
    }
    let at = at.unwrap_or_else(|| ours.lines().count().min(theirs.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("<end>").chars().take(160).collect::<String>();
    Some(format!("{id}:{}:\n  ours   {}\n  theirs {}", at + 1, line(ours), line(theirs)))
}

#[test]
fn json_is_reproduced_to_the_byte() {
    let mut differences = Vec::new();
    let mut compared = 0;
    for case in cases() {
        let Some(project) = case.project() else { continue };
        let theirs = case.read("expected.json").unwrap();
        compared += 1;
        let ours = if case.is_untyped() {
            let model = serde_json::from_str(&theirs).unwrap();
            render::untyped_json(&model)
        } else {
            render::json(&project)
        };
        differences.extend(first_difference(&case.id, &ours, &theirs));
    }
    report(compared, &differences);
}

#[test]
fn yaml_is_reproduced_to_the_byte() {
    let mut differences = Vec::new();
    let mut compared = 0;
    for case in cases() {
        let (Some(project), Some(theirs)) = (case.project(), case.read("expected.yaml")) else { continue };
        // JSON has no `x-` keys below the top level, no models, and no difference between 1e6 and 1000000.
        if theirs.lines().any(|line| line.starts_with(' ') && line.trim_start().starts_with("x-"))
            || theirs.contains("\nmodels:")
            || project.keys().any(|key| key.starts_with("x-"))
        {
            continue;
        }
        compared += 1;
        let ours = if case.is_untyped() {
            let model = serde_json::from_str(&case.read("expected.json").unwrap()).unwrap();
            render::untyped_yaml(&model)
        } else {
            render::yaml(&project)
        };
        differences.extend(first_difference(&case.id, &ours, &theirs));
    }
    report(compared, &differences);
}

#[test]
fn a_canonical_project_decodes_to_itself() {
    let mut differences = Vec::new();
    let mut compared = 0;
    for case in cases() {
        let Some(project) = case.project() else { continue };
        let theirs = case.read("expected.json").unwrap();
        // The untyped model, and what canonical form writes otherwise than a file may.
        if case.is_untyped()
            || ["\"blkio_config\": {\n", "#extensions", "\"ssh\": [", "\"-1\""]
                .iter()
                .any(|s| theirs.contains(s))
        {
            continue;
        }
        let mut diagnostics = Vec::new();
        let decoded = canonical::decode(&node(&Value::Object(project)), &mut diagnostics);
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        differences.extend(errors.map(|error| format!("{}: {}", case.id, error.message)));
        compared += 1;
        differences.extend(first_difference(&case.id, &render::json(&decoded), &theirs));
    }
    report(compared, &differences);
}

fn node(value: &Value) -> Node {
    let value = match value {
        Value::Null => NodeValue::Null,
        Value::Bool(flag) => NodeValue::Bool(*flag),
        Value::Number(number) if number.is_f64() => NodeValue::Float(number.as_f64().unwrap()),
        Value::Number(number) => NodeValue::Int(number.to_string().parse().unwrap()),
        Value::String(text) => NodeValue::String(text.clone()),
        Value::Array(items) => NodeValue::List(items.iter().map(node).collect()),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (Key::from(key.as_str()), node(value)));
            NodeValue::Map(entries.collect::<NodeMap>())
        }
    };
    Node::new(value, Span::default())
}

#[test]
fn service_hashes_are_the_recorded_ones() {
    let mut differences = Vec::new();
    let mut compared = 0;
    for case in cases() {
        let (Some(project), Some(hashes)) = (case.project(), case.read("hashes.txt")) else { continue };
        // The recorded hashes are of services before their env files are read.
        if has_env_file(&case.folder) {
            continue;
        }
        compared += 1;
        let services = project["services"].as_object().unwrap();
        let lines = services.iter().map(|(name, service)| {
            let hash = reference_hash::service_hash(service.as_object().unwrap());
            format!("{} {hash}", name.replace('$', "$$"))
        });
        let ours = lines.collect::<Vec<_>>().join("\n");
        differences.extend(first_difference(&case.id, &ours, hashes.trim_end()));
    }
    report(compared, &differences);
}

fn has_env_file(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return has_env_file(&path);
        }
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        is_yaml && std::fs::read_to_string(&path).is_ok_and(|text| text.contains("env_file"))
    })
}
