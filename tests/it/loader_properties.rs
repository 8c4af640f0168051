//! Properties of the loader over random trees and over mutations of the example and error stacks: nothing makes it panic,
//! and what it renders renders again to the same.

use crate::fuzz_checks;
use crate::in_memory::InMemory;
use crate::plan_properties::seed;
use proptest::prelude::*;
use reconcile::compose::render;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Words that mean something at some place, as YAML flow text.
const WORDS: &[&str] = &[
    "1",
    "-1",
    "0",
    "null",
    "true",
    "~",
    "''",
    "' '",
    "x",
    "web",
    "db",
    "./a",
    "../..",
    "/",
    "80",
    "8000-8010:80",
    "1-65535",
    "127.0.0.1:80:80/udp",
    "10s",
    "1.5",
    "1e400",
    ".nan",
    "64m",
    "0o17",
    "2001-01-01",
    "[]",
    "{}",
    "[x]",
    "{x: y}",
    "{x: }",
    "[{}]",
    "$A",
    "${A:-x}",
    "${UNSET}",
    "${A:?}",
    "$$",
    "${",
    "!reset null",
    "!override [x]",
    "!!str 1",
    "*x",
    "&x y",
    "|-",
    "service_healthy",
    "always",
    "host",
    "none",
    "service:web",
    "KEY=value",
    "KEY=",
    "=",
    "a:b:c",
    "a:/b:ro",
    "99999999999999999999",
    "0x10",
    "\"\\u0000\"",
    "\u{feff}",
    "é",
    "\u{85}",
    "x: y",
];

/// The keys of services and what else is a key somewhere.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let own = [
        "name",
        "services",
        "networks",
        "volumes",
        "configs",
        "secrets",
        "include",
        "x-reconcile",
        "web",
        "db",
        "default",
    ];
    let deeper = [
        "test",
        "interval",
        "condition",
        "required",
        "restart",
        "target",
        "source",
        "type",
        "published",
        "protocol",
        "mode",
        "external",
        "driver",
        "driver_opts",
        "ipam",
        "config",
        "subnet",
        "file",
        "content",
        "environment",
        "context",
        "dockerfile",
        "args",
        "resources",
        "limits",
        "cpus",
        "memory",
        "replicas",
        "path",
        "service",
        "aliases",
        "labels",
    ];
    let attributes = fs::read_to_string(root("docs/compatibility.md")).unwrap_or_default();
    let named = attributes.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', '.', '[']).next());
    assert!(!attributes.is_empty());
    own.into_iter().chain(deeper).chain(named).map(str::to_owned).collect()
});

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The stacks that are mutated, each packed into one text.
static STACKS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut found = Vec::new();
    for folder in ["examples/stacks", "tests/cases/errors"] {
        let mut stacks: Vec<_> =
            fs::read_dir(root(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        stacks.sort();
        found.extend(stacks.iter().filter_map(|stack| pack(stack)));
    }
    assert!(found.len() > 100, "{}", found.len());
    found
});

fn pack(stack: &Path) -> Option<String> {
    let mains = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
    let main = mains.iter().map(|name| stack.join(name)).find(|path| path.is_file())?;
    let mut packed = fs::read_to_string(&main).ok()?;
    let mut open = vec![stack.to_owned()];
    while let Some(directory) = open.pop() {
        let mut entries: Vec<_> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                open.push(path);
            } else if path != main && path.metadata().is_ok_and(|data| data.len() < 16_384) {
                let Ok(text) = fs::read_to_string(&path) else { continue };
                let name = path.strip_prefix(stack).unwrap().display().to_string();
                packed.extend(["\n#@ ", name.as_str(), "\n", text.as_str()]);
            }
        }
    }
    Some(packed)
}

/// One edit of a text: what, at which line, and a number that chooses among the ways.
type Edit = (u8, usize, usize);

fn mutated(stack: usize, edits: &[Edit]) -> String {
    let text = &STACKS[stack % STACKS.len()];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (what, at, choice) in edits {
        if lines.is_empty() {
            break;
        }
        let at = at % lines.len();
        let word = WORDS[choice % WORDS.len()];
        let key = &KEYS[choice % KEYS.len()];
        let indent = lines[at].len() - lines[at].trim_start().len();
        match what % 9 {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[choice % lines.len()].clone()),
            2 => {
                let other = choice % lines.len();
                lines.swap(at, other);
            }
            3 => lines[at] = format!("{}{}", " ".repeat(choice % 9), lines[at].trim_start()),
            4 => match lines[at].find(": ") {
                Some(colon) => lines[at].replace_range(colon + 2.., word),
                None => lines[at].push_str(word),
            },
            5 => match lines[at].find(':') {
                Some(colon) => lines[at].replace_range(indent..colon, key),
                None => lines[at] = format!("{}- {word}", " ".repeat(indent)),
            },
            6 => lines.insert(at, format!("{}{key}: {word}", " ".repeat(indent))),
            7 => lines.insert(at, format!("{}- {word}", " ".repeat(indent))),
            _ => {
                let cut = lines[at].char_indices().map(|(at, _)| at).nth(choice % 20);
                lines[at].truncate(cut.unwrap_or(0));
            }
        }
    }
    lines.join("\n")
}

/// A tree whose keys and scalars are those of compose files.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-9_i64..100).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..WORDS.len()).prop_map(|at| Value::from(WORDS[at])),
        "[ -~]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let key = prop_oneof![4 => any::<prop::sample::Index>().prop_map(|at| KEYS[at.index(KEYS.len())].clone()), 1 => "[ -~]{0,8}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What a text renders to, if it loads.
fn rendered(packed: &[u8]) -> Option<String> {
    let loaded = fuzz_checks::load_files(&InMemory::unpack(packed));
    loaded.project.map(|project| render::yaml(&project.tree))
}

fn renders_to_itself(packed: &[u8]) -> Result<(), TestCaseError> {
    let Some(first) = rendered(packed) else { return Ok(()) };
    let again = rendered(first.as_bytes());
    prop_assert_eq!(again.as_deref(), Some(&*first));
    Ok(())
}

/// How many cases, unless `PROPTEST_CASES` says.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(400),
        failure_persistence: None,
        // The same texts every time; PROPTEST_CASES and PROPTEST_RNG_SEED look further.
        rng_seed: seed(),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_mutated_stack_loads_or_is_refused_and_renders_to_itself(
        stack in any::<usize>(),
        edits in prop::collection::vec(any::<Edit>(), 0..6),
    ) {
        let text = mutated(stack, &edits);
        fuzz_checks::loader(text.as_bytes());
        renders_to_itself(text.as_bytes())?;
    }

    #[test]
    fn a_random_tree_loads_or_is_refused_and_renders_to_itself(service in tree(), other in tree(), place in any::<prop::sample::Index>()) {
        let key = &KEYS[place.index(KEYS.len())];
        let whole = json!({"services": {"web": service, "db": {"image": "x", key: other.clone()}}, key: other});
        let text = whole.to_string();
        fuzz_checks::loader(text.as_bytes());
        renders_to_itself(text.as_bytes())?;
    }

    #[test]
    fn any_text_is_a_file_of_variables_or_is_refused(text in "(([A-Z]{1,3}|export A|#)[=: ]?('|\"|\\$\\{?[A-Z]{0,2}[:?+-]{0,2}|[ -~\n\r\t]|\\PC){0,6}(\n|\r\n)?){0,8}") {
        fuzz_checks::dotenv(text.as_bytes());
        fuzz_checks::interpolation(text.as_bytes());
    }
}

type Check = fn(&[u8]);

#[test]
fn every_finding_of_a_fuzz_run_is_mended() {
    let checks: [(&str, Check); 3] = [
        ("loader", fuzz_checks::loader),
        ("dotenv", fuzz_checks::dotenv),
        ("interpolation", fuzz_checks::interpolation),
    ];
    for (target, check) in checks {
        let Ok(entries) = fs::read_dir(root("tests/cases/fuzz").join(target)) else { continue };
        for entry in entries {
            check(&fs::read(entry.unwrap().path()).unwrap());
        }
    }
}
