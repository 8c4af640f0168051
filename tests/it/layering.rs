//! The plan of the house, checked on the `use` lines: `docs/architecture.md` says which room may use which.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, the rooms of ours it may use, and crates or modules it must not touch.
const RULES: &[(&str, &[&str], &[&str])] = &[
    ("model", &["model"], &["std::fs", "std::env", "tokio", "bollard", "tracing", "SystemTime", "Instant"]),
    (
        "compose",
        &["compose", "model"],
        &["std::fs", "std::env", "tokio", "bollard", "tracing", "SystemTime", "Instant"],
    ),
    (
        "wire",
        &["wire", "model"],
        &["std::fs", "std::env", "tokio", "bollard", "tracing", "SystemTime", "Instant"],
    ),
    (
        "plan",
        &["plan", "model", "wire"],
        &["std::fs", "std::env", "tokio", "bollard", "tracing", "SystemTime", "Instant"],
    ),
    ("source", &["source", "compose", "model"], &["tokio", "bollard"]),
    ("engine", &["engine", "model", "wire"], &["crate::plan", "crate::compose"]),
    ("execute", &["engine", "model", "execute"], &["bollard"]),
    ("locks", &["engine", "model", "locks"], &["bollard", "std::fs", "std::env", "SystemTime"]),
    ("cycle", &["engine", "model", "plan", "execute", "locks", "cycle", "source", "compose"], &["bollard"]),
    (
        "daemon",
        &["engine", "model", "plan", "execute", "locks", "cycle", "source", "daemon"],
        &["bollard", "std::fs", "std::env", "SystemTime"],
    ),
    ("history", &["history", "model"], &["tokio", "bollard", "std::env", "SystemTime", "Instant", "println"]),
    (
        "http",
        &["http", "daemon", "history", "plan", "model"],
        &["bollard", "std::fs", "std::env", "SystemTime", "println"],
    ),
    ("sinks", &["sinks", "compose", "model"], &["bollard", "std::env", "SystemTime::now", "println"]),
    (
        "cli",
        &[
            "cli",
            "daemon",
            "engine",
            "model",
            "plan",
            "execute",
            "locks",
            "cycle",
            "source",
            "compose",
            "sinks",
            "history",
            "http",
            "telemetry",
        ],
        &["bollard"],
    ),
];

fn rust_files(at: &Path, found: &mut Vec<PathBuf>) {
    if at.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for entry in &entries {
            rust_files(entry, found);
        }
    } else if at.extension().is_some_and(|extension| extension == "rs") {
        found.push(at.to_owned());
    }
}

#[test]
fn every_room_uses_only_the_rooms_it_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, allowed, forbidden) in RULES {
        let mut files = Vec::new();
        rust_files(&src.join(room), &mut files);
        rust_files(&src.join(format!("{room}.rs")), &mut files);
        files.retain(|file| file.exists() && !is_test(file));
        assert!(!files.is_empty(), "the room {room} is empty");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for (number, line) in
                code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                let place = format!("{}:{}", file.strip_prefix(&src).unwrap().display(), number + 1);
                for after in line.split("crate::").skip(1) {
                    let used: String =
                        after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if !allowed.contains(&used.as_str()) {
                        wrong.push(format!("{place}: {room} uses {used}"));
                    }
                }
                for word in forbidden.iter().filter(|word| line.contains(**word)) {
                    wrong.push(format!("{place}: {room} touches {word}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_test(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.contains("test") || file.components().any(|part| part.as_os_str() == "tests")
}
