//! What people read when something is wrong with their files: `reconcile validate` over a folder of bad inputs.
//!
//! Each folder of `tests/cases/errors` is a case: its files, `args.txt` if the command takes more than `validate .`,
//! `stdin.txt` for what it reads, and `errors.txt` with what it must say. `UPDATE=1` writes the latter anew.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const EXPECTED: &str = "errors.txt";

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/errors");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// Runs the program in the folder of a case, with nothing of this process's environment.
fn run(case: &Path, more: &[&str]) -> Output {
    let args = fs::read_to_string(case.join("args.txt")).unwrap_or_else(|_| ".".to_owned());
    let stdin = fs::File::open(case.join("stdin.txt")).map_or_else(|_| Stdio::null(), Stdio::from);
    Command::new(env!("CARGO_BIN_EXE_reconcile"))
        .arg("validate")
        .args(args.split_whitespace())
        .args(more)
        .current_dir(case)
        .env_clear()
        .env("HOME", "/home/nobody")
        .stdin(stdin)
        .output()
        .unwrap()
}

/// What a case must say, without the place of this repository.
fn said(case: &Path) -> String {
    let text = String::from_utf8(run(case, &[]).stderr).unwrap();
    text.replace(&case.display().to_string(), "CASE")
}

#[test]
fn every_mistake_is_told_as_recorded() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 85, "only {} cases", cases.len());
    for case in &cases {
        let mut files = fs::read_dir(case).unwrap_or_else(|_| panic!("{} is no folder", case.display()));
        let is_input = |file: fs::DirEntry| file.file_name() != EXPECTED;
        assert!(files.any(|file| is_input(file.unwrap())), "{} has no input", case.display());
        let said = said(case);
        if update {
            fs::write(case.join(EXPECTED), &said).unwrap();
        }
        match fs::read_to_string(case.join(EXPECTED)) {
            Ok(expected) if expected == said => {}
            Ok(expected) => wrong.push(format!("--- {}\nexpected:\n{expected}\nsaid:\n{said}", name(case))),
            Err(_) => wrong.push(format!("--- {} has no {EXPECTED}\nsaid:\n{said}", name(case))),
        }
    }
    assert!(wrong.is_empty(), "{} cases differ (UPDATE=1 records them):\n{}", wrong.len(), wrong.join("\n"));
}

/// Cases about something that no file holds: a flag, a variable of the process, a file that is not there at all.
const NO_PLACE: [&str; 10] = [
    "encoding-utf16",
    "file-env-file-flag-missing",
    "file-given-with-f-missing",
    "file-no-compose-file",
    "flags-for-several-stacks",
    "host-settings-missing",
    "nested-below-broken",
    "warning-several-compose-files",
    "yaml-empty-file",
    "yaml-only-comments",
];

#[test]
fn every_mistake_has_a_place_a_path_and_a_correction() {
    let mut lacking = Vec::new();
    for case in cases() {
        let output = run(&case, &["--format", "json"]);
        // Each source answers for itself.
        let answers = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        let has_place = !NO_PLACE.iter().any(|start| name(&case).starts_with(start));
        let told = answers.flat_map(|answer| answer.unwrap()["diagnostics"].as_array().unwrap().clone());
        for one in told {
            let place = one["file"].is_string() && one["line"].is_u64() && one["column"].is_u64();
            let is_about_text = one["file"].as_str().is_some_and(|file| file.contains("env"))
                || ["yaml-", "malformed", "encoding", "many-stacks"]
                    .iter()
                    .any(|part| name(&case).contains(part));
            let path = one["path"].as_str().is_some_and(|path| !path.is_empty());
            let hint = one["hint"].as_str().is_some_and(|hint| !hint.is_empty());
            if !hint || (has_place && (!place || (!path && !is_about_text))) {
                lacking.push(format!("{}: {one}", name(&case)));
            }
        }
    }
    assert!(lacking.is_empty(), "{} lack something:\n{}", lacking.len(), lacking.join("\n"));
}

/// What a person sees underlined is what a program gets, and stands where it says.
#[test]
fn the_caret_is_under_what_was_found() {
    let mut told = 0;
    for case in cases() {
        let output = run(&case, &["--format", "json"]);
        for answer in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>() {
            for one in answer.unwrap()["diagnostics"].as_array().unwrap() {
                let found = one["found"].as_str().unwrap_or_default();
                let file = case.join(one["file"].as_str().unwrap_or_default());
                // Standard input and other encodings are not read here, and secrets are masked.
                let Ok(text) = fs::read_to_string(&file) else { continue };
                if found.is_empty() || found.contains('*') {
                    continue;
                }
                let number = |key: &str| usize::try_from(one[key].as_u64().unwrap()).unwrap();
                let line = text.trim_start_matches('\u{feff}').lines().nth(number("line") - 1).unwrap();
                let at: String = line.chars().skip(number("column") - 1).collect();
                assert!(at.starts_with(found), "{}: {one}", name(&case));
                told += 1;
            }
        }
    }
    assert!(told > 200, "only {told}");
}

#[test]
fn a_mistake_makes_the_command_fail_and_a_warning_does_not() {
    for case in cases() {
        let output = run(&case, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), !said.contains("error: "), "{}", name(&case));
    }
}

#[test]
fn no_value_of_a_variable_is_shown() {
    for case in cases() {
        for more in [&[][..], &["--format", "json"]] {
            let output = run(&case, more);
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(!text.contains("geheim"), "{}:\n{text}", name(&case));
        }
    }
}
