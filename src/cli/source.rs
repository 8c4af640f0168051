//! From the command line to loaded stacks, with their diagnostics printed.

use super::args::SourceArgs;
use super::diagnostics;
use super::output::Output;
use crate::compose::diagnostic::{Diagnostic, Severity, Sources};
use crate::source::{LoadedSource, ProjectFlags, SourceRequest, load_source};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::LazyLock;

/// The process environment; names and values that are no UTF-8 are left out.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Loads every stack of the source.
pub fn load(args: &SourceArgs, environment: &BTreeMap<String, String>) -> LoadedSource {
    let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let request = SourceRequest {
        root: args.source.clone().unwrap_or_else(|| PathBuf::from(".")),
        flags: ProjectFlags {
            files: args.files.clone(),
            project_name: args.project_name.clone(),
            project_directory: args.project_directory.clone(),
            env_files: args.env_files.clone(),
            profiles: args.profiles.clone(),
        },
        environment: environment.clone(),
        cwd,
        only: args.stacks.iter().cloned().collect::<BTreeSet<_>>(),
        stdin: args.files.iter().any(|file| file == "-").then(read_stdin),
    };
    load_source(&request)
}

/// Standard input; what cannot be read is an empty file, which no project can be.
fn read_stdin() -> Vec<u8> {
    let mut text = Vec::new();
    drop(std::io::stdin().read_to_end(&mut text));
    text
}

/// Prints what there is to say about the stacks; warnings only if not quiet.
pub fn print_diagnostics(loaded: &LoadedSource, output: Output) {
    for (diagnostic, sources, _) in all(loaded) {
        let text = diagnostics::text(diagnostic, sources);
        match diagnostic.severity {
            Severity::Error => output.complain(&text),
            Severity::Warning => output.talk(&text),
        }
    }
}

/// The diagnostics as JSON fields.
pub fn diagnostics_json(loaded: &LoadedSource) -> Vec<Value> {
    all(loaded).map(|(diagnostic, sources, stack)| diagnostics::fields(diagnostic, sources, stack)).collect()
}

/// Every diagnostic with the texts it points into and its stack's name: the source's own first.
fn all(loaded: &LoadedSource) -> impl Iterator<Item = (&Diagnostic, &Sources, Option<&str>)> {
    static NO_FILES: LazyLock<Sources> = LazyLock::new(Sources::default);
    let own = loaded.diagnostics.iter().map(|diagnostic| (diagnostic, &*NO_FILES, None));
    own.chain(loaded.stacks.iter().flat_map(|stack| {
        stack.diagnostics.iter().map(|diagnostic| (diagnostic, &stack.sources, stack.name.as_deref()))
    }))
}

/// Number of stacks that did not load; a source that cannot be read as a whole counts as one.
pub fn failures(loaded: &LoadedSource) -> usize {
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    let stacks = loaded.stacks.iter().filter(|stack| stack.diagnostics.iter().any(is_error)).count();
    stacks + usize::from(loaded.diagnostics.iter().any(is_error))
}
