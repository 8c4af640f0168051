//! The manual holds what the program does: `docs/compatibility.md` and `docs/plans.md` below their marks, `docs/schema/` and
//! `docs/openapi.json`.
//! `make docs` (`UPDATE=1`) writes them anew.

mod plans;

use crate::kept;
use reconcile::compose::settings::schema;
use reconcile::compose::support::{Row, SUPPORT, Status};
use reconcile::plan::{Before, VERSIONED, Versioned};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

const MANUAL: &str = "docs/compatibility.md";
const HOW: &str = "`make docs` writes it anew, read the difference before you commit it";
/// What follows is made from the tables.
const MARK: &str = "<!-- From here on made from the tables of the program by `make docs`. -->\n";

/// Sections: title, what its paths begin with, what stands above them. The first that fits has the row.
const SECTIONS: [(&str, &str, &str); 8] = [
    ("Service: `build`", "services.*.build.", "Paths below `services.<name>.build`."),
    ("Service: `deploy`", "services.*.deploy.", "Paths below `services.<name>.deploy`."),
    ("Service", "services.*.", "Paths below `services.<name>`."),
    ("Networks", "networks.*.", "Paths below `networks.<name>`."),
    ("Volumes", "volumes.*.", "Paths below `volumes.<name>`."),
    ("Configs", "configs.*.", "Paths below `configs.<name>`."),
    ("Secrets", "secrets.*.", "Paths below `secrets.<name>`."),
    ("Top level", "", "Paths from the top of the file."),
];
/// The order in which they stand.
const ORDER: [&str; 8] = [
    "Top level",
    "Service",
    "Service: `build`",
    "Service: `deploy`",
    "Networks",
    "Volumes",
    "Configs",
    "Secrets",
];

fn section(path: &str) -> (&'static str, &'static str) {
    let (title, start, _) =
        SECTIONS.iter().find(|(_, start, _)| path.starts_with(start)).expect("the last fits");
    (title, start)
}

fn tables() -> String {
    let mut text = String::from(MARK);
    let count = |kind: fn(&Status) -> bool| SUPPORT.iter().filter(|row| kind(&row.status)).count();
    let _ = writeln!(
        text,
        "\n## Attributes\n\n{} rows: {} supported, {} ignored, {} ignored with a warning, {} refused. `*` is any name, \
         `[]` any element of a list, `[1]` the second one; `=value` narrows a row to a value.",
        SUPPORT.len(),
        count(|status| *status == Status::Full),
        count(|status| matches!(status, Status::Ignored(_))),
        count(|status| matches!(status, Status::Warned(_))),
        count(|status| matches!(status, Status::Refused(_))),
    );
    for title in ORDER {
        let (_, start, about) = SECTIONS.iter().find(|section| section.0 == title).expect("a section");
        let mut rows: Vec<&Row> = SUPPORT.iter().filter(|row| section(&row.path).0 == title).collect();
        rows.sort_by_key(|row| &row.path);
        let _ =
            writeln!(text, "\n### {title}\n\n{about}\n\n| attribute | here | notes |\n| --- | --- | --- |");
        for row in rows {
            let _ = writeln!(text, "{}", line(row, start));
        }
    }
    text
}

fn line(row: &Row, start: &str) -> String {
    let path = row.path.strip_prefix(start).unwrap_or(&row.path);
    let (word, reason) = match row.status {
        Status::Full => ("supported", ""),
        Status::Ignored(reason) => ("ignored", reason),
        Status::Warned(reason) => ("ignored, with a warning", reason),
        Status::Refused(reason) => ("**refused**", reason),
    };
    let gates =
        VERSIONED.iter().filter(|gate| gate.path.split('=').next() == Some(row.path.as_str())).map(gate);
    let notes: Vec<String> =
        Some(reason.to_owned()).filter(|reason| !reason.is_empty()).into_iter().chain(gates).collect();
    format!("| `{path}` | {word} | {} |", notes.join("; ").replace('|', "\\|"))
}

fn gate(gate: &Versioned) -> String {
    let (major, minor) = gate.api;
    let what = gate.path.split_once('=').map_or_else(String::new, |(_, value)| format!("`{value}` "));
    match gate.before {
        Before::Blocked => {
            format!("{what}needs engine API {major}.{minor}: the service is blocked on older ones")
        }
        Before::NoEffect => {
            format!("{what}has no effect before engine API {major}.{minor}: a warning says so")
        }
    }
}

#[test]
fn the_manual_lists_every_attribute_as_the_program_treats_it() {
    let manual = fs::read_to_string(kept::path(MANUAL)).expect("the manual");
    let head = manual.split(MARK).next().unwrap_or_default();
    kept::hold(MANUAL, &format!("{head}{}", tables()), HOW);
}

#[test]
fn the_schemas_are_those_that_the_program_prints() {
    for (name, value) in [
        ("stack", schema::stack()),
        ("service", schema::service()),
        ("compose", schema::compose()),
        ("host", schema::host()),
    ] {
        let text = format!("{}\n", serde_json::to_string_pretty(&value).expect("a schema is JSON"));
        kept::hold(&format!("docs/schema/{name}.json"), &text, HOW);
        let printed =
            Command::new(env!("CARGO_BIN_EXE_reconcile")).args(["schema", name]).output().expect("runs");
        assert_eq!(String::from_utf8_lossy(&printed.stdout), text, "reconcile schema {name}");
    }
}

#[test]
fn the_document_about_the_http_interface_is_the_one_that_the_daemon_tells() {
    let text = format!("{}\n", serde_json::to_string_pretty(&reconcile::http::document()).expect("JSON"));
    kept::hold("docs/openapi.json", &text, HOW);
}

/// The rows of a table of `docs/http.md` whose first cell is a request.
fn routes_of_the_manual() -> Vec<String> {
    let page = fs::read_to_string(kept::path("docs/http.md")).expect("the page");
    let cells =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned));
    let mut rows: Vec<String> =
        cells.filter(|cell| cell.starts_with("GET /") || cell.starts_with("POST /")).collect();
    rows.sort();
    rows
}

#[test]
fn the_manual_lists_every_route() {
    let document = reconcile::http::document();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let path = path.replace("{stack}", "NAME").replace("{source}", "NAME");
            routes.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    routes.sort();
    assert_eq!(routes_of_the_manual(), routes);
}

#[test]
fn links_of_the_manual_lead_somewhere() {
    let mut files: Vec<_> =
        fs::read_dir(kept::path("docs")).expect("docs").map(|entry| entry.expect("entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    for file in files {
        let text = fs::read_to_string(&file).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or(link);
            let is_local = !target.is_empty() && !target.contains("://");
            let found = file.parent().expect("a folder").join(target).exists();
            assert!(!is_local || found, "{}: {link}", file.display());
        }
    }
}

/// The tests that the table of weaknesses names, by row.
fn named_tests() -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(kept::path("docs/reliability.md")).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| W"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let tests = cells.last().expect("a row has cells").split('`').skip(1).step_by(2);
        (cells[0].to_owned(), tests.map(str::to_owned).collect())
    })
    .collect()
}

#[test]
fn every_weakness_names_tests_that_exist() {
    let rows = named_tests();
    let wanted: Vec<String> = (1..=20).map(|number| format!("W{number}")).collect();
    assert_eq!(rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>(), wanted);
    for (row, tests) in rows {
        assert!(!tests.is_empty(), "{row} names no test");
        for test in tests {
            let found = match test.rsplit_once("::") {
                None => kept::path("tests/cases/plan").join(&test).join("plan.txt").exists(),
                Some((module, name)) => {
                    let file = kept::path("tests/it").join(format!("{}.rs", module.replace("::", "/")));
                    let text = fs::read_to_string(&file).unwrap_or_default();
                    let head = format!("fn {name}()");
                    text.lines().any(|line| line.trim_start_matches("async ") == format!("{head} {{"))
                }
            };
            assert!(found, "{row} names {test}, which is no test");
        }
    }
}
