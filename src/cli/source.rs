//! From the command line to loaded stacks, with their diagnostics printed.

use super::args::SourceArgs;
use super::diagnostics;
use super::output::Output;
use crate::compose::diagnostic::Severity;
use crate::source::{LoadedSource, ProjectFlags, SourceRequest, load_source};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

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
        root: args.source.clone(),
        project: ProjectFlags {
            files: args.files.clone(),
            project_name: args.project_name.clone(),
            project_directory: args.project_directory.clone(),
            env_files: args.env_files.clone(),
            profiles: args.profiles.clone(),
        },
        environment: environment.clone(),
        cwd,
        only: args.stacks.iter().cloned().collect::<BTreeSet<_>>(),
    };
    load_source(&request)
}

/// Prints what there is to say about the stacks; warnings only if not quiet.
pub fn print_diagnostics(loaded: &LoadedSource, output: Output) {
    for stack in &loaded.stacks {
        for diagnostic in &stack.diagnostics {
            let text = diagnostics::text(diagnostic, &stack.sources);
            match diagnostic.severity {
                Severity::Error => output.complain(&text),
                Severity::Warning => output.talk(&text),
            }
        }
    }
}

/// The diagnostics as JSON fields.
pub fn diagnostics_json(loaded: &LoadedSource) -> Vec<Value> {
    loaded
        .stacks
        .iter()
        .flat_map(|stack| {
            stack
                .diagnostics
                .iter()
                .map(|diagnostic| diagnostics::fields(diagnostic, &stack.sources, stack.name.as_deref()))
        })
        .collect()
}

/// Number of stacks that did not load.
pub fn failures(loaded: &LoadedSource) -> usize {
    loaded
        .stacks
        .iter()
        .filter(|stack| stack.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error))
        .count()
}
