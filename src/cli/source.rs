//! From the command line to loaded stacks, with their diagnostics printed.

use super::args::SourceArgs;
use super::diagnostics::{self, Scene};
use super::output::Output;
use crate::compose::diagnostic::{Diagnostic, Severity, Sources};
use crate::model::commit::{Commit, ShownCommit};
use crate::model::problem::Problem;
use crate::model::redact::LARGEST_SECRET;
use crate::source::{LoadedSource, ProjectFlags, SourceRequest};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

/// The process environment; names and values that are no UTF-8 are left out.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// What is asked of a source; with `among_others` set, other sources may have the stacks that are wanted and this one
/// lacks.
pub fn request(
    args: &SourceArgs,
    environment: &BTreeMap<String, String>,
    among_others: bool,
) -> SourceRequest {
    SourceRequest {
        root: args.source.clone().unwrap_or_else(|| PathBuf::from(".")),
        flags: ProjectFlags {
            files: args.files.clone(),
            project_name: args.project_name.clone(),
            project_directory: args.project_directory.clone(),
            env_files: args.env_files.clone(),
            profiles: args.profiles.clone(),
        },
        environment: environment.clone(),
        cwd: current_dir(),
        among_others,
        only: args.stacks.iter().cloned().collect::<BTreeSet<_>>(),
        may_not_leave: false,
        stdin: args.files.iter().any(|file| file == "-").then(read_stdin),
    }
}

/// The bytes of a host file that a secret is mounted from, to mask them in reports. What is larger than any secret is
/// left out.
pub fn secret_file(path: &str) -> Option<Vec<u8>> {
    let found = std::fs::metadata(path).ok()?;
    if found.is_file() && found.len() <= LARGEST_SECRET { std::fs::read(path).ok() } else { None }
}

/// A commit, for people.
pub fn told(commit: &Commit) -> String {
    format!("{} ({}: {})", commit.short(), commit.author, commit.subject)
}

/// A commit as JSON.
pub fn commit_json(commit: &Commit) -> Value {
    serde_json::to_value(ShownCommit::from(commit)).unwrap_or_default()
}

/// Standard input; what cannot be read is an empty file, which no project can be.
fn read_stdin() -> Vec<u8> {
    let mut text = Vec::new();
    drop(std::io::stdin().read_to_end(&mut text));
    text
}

/// Errors of one stack that are printed; more would not fit a screen, and many follow from the first.
const MOST: usize = 20;

/// Prints what there is to say about the stacks, and that those which did not load are left alone; warnings only if
/// not quiet.
pub fn print_diagnostics(loaded: &LoadedSource, output: Output) {
    let cwd = loaded.base.clone().unwrap_or_else(current_dir);
    for (diagnostics, sources, name) in groups(loaded) {
        let (errors, warnings): (Vec<_>, Vec<_>) =
            diagnostics.iter().partition(|one| one.severity == Severity::Error);
        let scene = Scene { sources, cwd: &cwd };
        let print = |some: &[&Diagnostic], what: &str, write: &dyn Fn(&str)| {
            for diagnostic in some.iter().take(MOST) {
                write(&diagnostics::text(diagnostic, scene));
            }
            if some.len() > MOST {
                let more = some.len() - MOST;
                let of = name.map(|name| format!(" of stack {name}")).unwrap_or_default();
                write(&format!("{more} more {what}s{of} are not shown; --format json tells all\n\n"));
            }
        };
        print(&warnings, "warning", &|text| output.talk(text));
        print(&errors, "error", &|text| output.complain(text));
    }
    output.complain(&closing(loaded));
}

/// What becomes of stacks that did not load.
fn closing(loaded: &LoadedSource) -> String {
    let total = loaded.stacks.len();
    match (failures(loaded), total) {
        (0, _) => String::new(),
        // What there was to say says what stays.
        (1, _) if loaded.commit.is_some() && is_error_of_source(loaded) => String::new(),
        (_, 0) => "Nothing was loaded: everything is left as it is.\n".to_owned(),
        (1, 1) => "The stack did not load and is left as it is.\n".to_owned(),
        (failed, _) if is_error_of_source(loaded) => {
            let stacks =
                if failed > 1 { format!(", and {} of {total} stacks", failed - 1) } else { String::new() };
            format!("The source{stacks} did not load: what did not is left as it is.\n")
        }
        (1, _) => format!("1 of {total} stacks did not load and is left as it is.\n"),
        (failed, _) => format!("{failed} of {total} stacks did not load and are left as they are.\n"),
    }
}

/// The diagnostics as JSON fields.
pub fn diagnostics_json(loaded: &LoadedSource) -> Vec<Value> {
    let all = all_problems(loaded);
    all.iter().map(|one| serde_json::to_value(one).unwrap_or_default()).collect()
}

/// The diagnostics as they are told in JSON.
pub fn all_problems(loaded: &LoadedSource) -> Vec<Problem> {
    let cwd = loaded.base.clone().unwrap_or_else(current_dir);
    let fields = |(diagnostics, sources, name): Told<'_>| -> Vec<Problem> {
        let scene = Scene { sources, cwd: &cwd };
        diagnostics.into_iter().map(|one| diagnostics::problem(one, scene, name)).collect()
    };
    groups(loaded).flat_map(fields).collect()
}

/// The errors of the source, by stack, each on one line; an empty name stands for the source as a whole.
pub fn problems(loaded: &LoadedSource) -> BTreeMap<String, Vec<String>> {
    let cwd = current_dir();
    let mut problems: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (diagnostics, sources, name) in groups(loaded) {
        let scene = Scene { sources, cwd: &cwd };
        let errors = diagnostics.into_iter().filter(|one| is_error(one)).take(MOST);
        for one in errors {
            let told = diagnostics::line(one, scene);
            problems.entry(name.unwrap_or_default().to_owned()).or_default().push(told);
        }
    }
    problems
}

/// The working directory, found out once: a daemon whose directory is taken away must not take another one for it.
/// Empty if there is none; [`here`] says so before anything is loaded.
pub fn current_dir() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| std::env::current_dir().unwrap_or_default()).clone()
}

/// Whether there is a working directory.
pub fn here() -> Result<(), String> {
    if current_dir().as_os_str().is_empty() {
        return Err("the working directory is gone or cannot be read; nothing was looked at".to_owned());
    }
    Ok(())
}

/// Diagnostics with the texts that they point into, and the name of the stack that they are about.
type Told<'a> = (Vec<&'a Diagnostic>, &'a Sources, Option<&'a str>);

/// The diagnostics of the source, then those of each stack, in the order in which its files say it.
fn groups(loaded: &LoadedSource) -> impl Iterator<Item = Told<'_>> {
    static NO_FILES: LazyLock<Sources> = LazyLock::new(Sources::default);
    let own: Told<'_> = (loaded.diagnostics.iter().collect(), &NO_FILES, None);
    std::iter::once(own).chain(loaded.stacks.iter().map(|stack| {
        let mut sorted: Vec<&Diagnostic> = stack.diagnostics.iter().collect();
        sorted.sort_by_key(|one| one.place(&stack.sources).map(|span| (span.file, span.start)));
        sorted
            .dedup_by_key(|one| (one.text(), one.place(&stack.sources).map(|span| (span.file, span.start))));
        (sorted, &stack.sources, stack.name.as_deref())
    }))
}

/// Whether it keeps its stack, or all, from loading.
pub fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

fn is_error_of_source(loaded: &LoadedSource) -> bool {
    loaded.diagnostics.iter().any(is_error)
}

/// Number of stacks that did not load; a source that cannot be read as a whole counts as one.
pub fn failures(loaded: &LoadedSource) -> usize {
    let stacks = loaded.stacks.iter().filter(|stack| stack.diagnostics.iter().any(is_error)).count();
    stacks + usize::from(is_error_of_source(loaded))
}
