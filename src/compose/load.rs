//! The way from file names to a [`Project`]: every step has its own module, this one puts them in order.

use super::broken::Broken;
use super::diagnostic::{Diagnostic, Sources};
use super::document::{self, Purpose, Scope};
use super::environment::{self, Environment};
use super::files::Files;
use super::inputs;
use super::node::{Map, Node, Span, Value};
use super::session::{Failed, Session};
use super::{canonical, consistency, defaults, normalize, paths, profiles, resolve, select, validation};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What to load, and how.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line that leaves out one step"
)]
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Config files in order, relative to `cwd`; `-` is standard input. Empty: `COMPOSE_FILE`, or searched for.
    pub files: Vec<String>,
    /// The directory that relative paths of the project start from, if it is not that of the first file.
    pub project_directory: Option<String>,
    /// The project's name, if it is not the files' `name` or that of the directory.
    pub project_name: Option<String>,
    /// Active profiles. Empty: those of `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// Files of variables that replace `.env`.
    pub env_files: Vec<String>,
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// The process's working directory, absolute.
    pub cwd: PathBuf,
    /// What `-` reads.
    pub stdin: Option<Vec<u8>>,
    /// Names (or glob patterns) of the services to keep, with what they depend on. Empty: all.
    pub services: Vec<String>,
    /// Whether variables are replaced. Without it the project is loaded as far as it has no need of types.
    pub interpolate: bool,
    /// Whether what is implied gets written out: default network, names, dependencies.
    pub normalize: bool,
    /// Whether relative paths become absolute.
    pub resolve_paths: bool,
    /// Whether references between resources are checked.
    pub check_consistency: bool,
    /// Whether resources that no service uses stay.
    pub all_resources: bool,
}

impl LoadOptions {
    /// Everything on, nothing chosen: what `docker compose config` does in a directory.
    pub fn new(cwd: impl Into<PathBuf>, environment: BTreeMap<String, String>) -> Self {
        Self {
            cwd: cwd.into(),
            environment,
            interpolate: true,
            normalize: true,
            resolve_paths: true,
            check_consistency: true,
            ..Self::default()
        }
    }
}

/// A loaded project.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// The directory that its relative paths start from.
    pub working_dir: PathBuf,
    /// Its config files, absolute; `-` for standard input.
    pub config_files: Vec<PathBuf>,
    /// The files of variables that were asked for by name, absolute; a `.env` found by itself is not among them.
    pub env_files: Vec<PathBuf>,
    /// What its variables resolved from: the process environment and the files of variables.
    pub environment: BTreeMap<String, String>,
    /// The project in canonical form: what the reference prints as JSON, before it doubles `$`.
    pub tree: serde_json::Map<String, Json>,
    /// The merged tree before it got its types, with positions and with `x-` keys.
    pub nodes: Node,
    /// Services that profiles switch off, sorted.
    pub disabled_services: Vec<String>,
}

/// What came of a load.
#[derive(Debug)]
pub struct Loaded {
    /// The project; `None` if and only if some diagnostic is an error.
    pub project: Option<Project>,
    /// What could be made of files with errors.
    pub draft: Option<Draft>,
    /// Everything there is to say about the files, in the order it was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that the diagnostics point into.
    pub sources: Sources,
}

/// A project with errors: good for finding more of them, and for nothing else.
#[derive(Debug)]
pub struct Draft {
    /// The project without what is broken.
    pub project: Project,
    /// What is broken, so that nothing is told that only follows from it.
    pub broken: Broken,
}

/// Loads a project.
pub fn load(files: &dyn Files, options: &LoadOptions) -> Loaded {
    load_beside(files, options, Sources::default())
}

/// As [`load`], for a project of which files were read already: places in them stay valid.
pub fn load_beside(files: &dyn Files, options: &LoadOptions, read: Sources) -> Loaded {
    let mut session = Session::new(files, options);
    session.sources = read;
    let project = run(&mut session).ok();
    session.settle();
    let is_sound = session.is_sound();
    let (diagnostics, sources, broken) = session.told();
    let diagnostics = with_counts(without_repeats(diagnostics));
    let (project, draft) = match project {
        Some(project) if is_sound => (Some(project), None),
        project => (None, project.map(|project| Draft { project, broken })),
    };
    Loaded { project, draft, diagnostics, sources }
}

/// A file that is used several times (extended, say) would tell the same about itself each time.
fn without_repeats(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let place = |one: &Diagnostic| one.span.map(|span| (span.file, span.start));
    diagnostics
        .into_iter()
        .filter(|one| seen.insert((one.message.clone(), one.path.clone(), place(one))))
        .collect()
}

/// A variable that nothing sets is told once, where it is used first, with the number of its uses.
fn with_counts(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = Vec::with_capacity(diagnostics.len());
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for one in diagnostics {
        match one
            .unset_variable()
            .filter(|_| !one.is_error())
            .map(|name| known.get(name).copied().ok_or(name))
        {
            Some(Ok(index)) => {
                let count = kept[index].count() + one.count();
                kept[index] = kept[index].clone().more_places(count - 1);
            }
            Some(Err(name)) => {
                known.insert(name.to_owned(), kept.len());
                kept.push(one);
            }
            None => kept.push(one),
        }
    }
    kept
}

fn run(session: &mut Session<'_>) -> Result<Project, Failed> {
    let inputs = inputs::collect(session)?;
    let scope = Scope {
        directory: inputs.working_dir.clone(),
        relative: inputs.working_dir.clone(),
        environment: &inputs.environment,
        knows_variables: inputs.knows_variables,
        number: 0,
        included: Vec::new(),
    };
    let mut tree = Map::default();
    for file in &inputs.config_files {
        if document::load_file(session, &scope, file, &mut tree, Purpose::Project).is_err() {
            session.broken.lacks_a_file();
        }
    }
    session.settle();
    session.broken.judge_sections();
    if tree.is_empty() {
        if session.is_sound() {
            let empty = nothing_in(session, &inputs.config_files);
            session.diagnostics.push(empty);
        }
        return Err(Failed);
    }
    let mut nodes = Node::new(Value::Map(tree), Span::default());
    let directory = session.options.resolve_paths.then_some(inputs.working_dir.as_path());
    complete(session, &mut nodes, directory.unwrap_or(Path::new("")), &inputs.environment);
    if inputs.name.is_empty() && !session.broken.is_at_or_below("name") {
        let empty = Diagnostic::error("project name must not be empty")
            .plain("the project has no name: its directory's has no letter or digit")
            .at("name")
            .hint("set `name:` in the compose file, or COMPOSE_PROJECT_NAME");
        session.diagnostics.push(empty);
    }
    if session.options.normalize {
        normalize::apply(&mut nodes, &inputs.name, &inputs.environment);
    }
    Ok(finish(session, inputs, nodes))
}

fn nothing_in(session: &Session<'_>, files: &[PathBuf]) -> Diagnostic {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let first = files.first().and_then(|file| session.sources.id(file));
    Diagnostic::error("empty compose file")
        .plain(format!("nothing is in {}", names.join(", ")))
        .span(first.map_or_else(Span::default, |file| Span { file, start: 0, end: 0 }))
        .hint("write at least `services:` with a service below it")
}

/// What every project gets once its files are merged, an included one too: defaults, checks that need nothing but
/// the tree, paths below `directory` (which an empty one leaves alone), and values of the environment.
pub(super) fn complete(
    session: &mut Session<'_>,
    root: &mut Node,
    directory: &Path,
    environment: &Environment,
) {
    defaults::apply(root);
    validation::check(root, &mut session.diagnostics);
    session.settle();
    if directory != Path::new("") {
        let found = paths::resolve(session, root, directory);
        session.diagnostics.extend(found);
        session.settle();
    }
    environment::resolve_lists(root, environment);
}

/// From the complete tree to the project: types, profiles, checks, files of services, selection.
fn finish(session: &mut Session<'_>, inputs: inputs::Inputs, nodes: Node) -> Project {
    let mut project = Project {
        name: inputs.name,
        working_dir: inputs.working_dir,
        config_files: inputs.config_files,
        env_files: inputs.env_files,
        environment: inputs.environment,
        tree: serde_json::Map::new(),
        nodes,
        disabled_services: Vec::new(),
    };
    if !session.options.interpolate {
        // Nothing further makes sense before variables have values: the tree stays without types.
        if let Json::Object(tree) = canonical::untyped(&project.nodes) {
            project.tree = tree;
        }
        return project;
    }
    project.tree = canonical::decode(&project.nodes, &mut session.diagnostics);
    session.settle();
    project.tree.insert("name".to_owned(), Json::String(project.name.clone()));
    project.tree.sort_keys();
    let active = profiles::active(session.options, &project.environment);
    let switched_off = profiles::split(&mut project, &active);
    if session.options.check_consistency {
        consistency::check(&mut project, &switched_off, &mut session.diagnostics);
        session.settle();
    }
    resolve::label_files(session, &mut project);
    select::enable(session, &mut project, &active, switched_off);
    resolve::env_files(session, &mut project);
    session.settle();
    select::apply(session, &mut project);
    project
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
