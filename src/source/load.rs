//! Loads all stacks of a source.

use super::clashes;
use super::mounted::Mounts;
use super::nested::{self, Nested};
use super::options::SourceRequest;
use super::unit::Unit;
use super::work::{self, Work};
use super::{Confined, Disk, GitIndex};
use crate::compose::desired::{DesiredContext, Tracked, desired};
use crate::compose::diagnostic::{Diagnostic, Severity, Sources};
use crate::compose::files::Files;
use crate::compose::load::{LoadOptions, Project, load};
use crate::compose::schema::nearest;
use crate::compose::settings;
use crate::model::commit::Commit;
use crate::model::desired::{DesiredService, DesiredStack, DesiredState};
use crate::model::hash;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that came of a source.
#[derive(Debug, Default)]
pub struct LoadedSource {
    /// The stacks that can be applied. Whoever follows a source keeps what it said last.
    pub desired: Arc<DesiredState>,
    /// Every stack that was asked for, sorted by directory and name, with what there is to say about it.
    pub stacks: Vec<LoadedStack>,
    /// What there is to say about the source as a whole.
    pub diagnostics: Vec<Diagnostic>,
    /// The commit that was loaded, of a repository.
    pub commit: Option<Commit>,
    /// The files that containers mount of that commit.
    pub mounts: Option<Arc<Mounts>>,
    /// Why the repository could not be asked, if it could not: this is its last good revision.
    pub outage: Option<String>,
    /// When the repository is asked next, at the earliest, in seconds since 1970; of one that is followed.
    pub asked_next: Option<i64>,
    /// Whether the stacks are all that this revision holds, also while the repository cannot be asked.
    pub(super) complete_but_for_outage: bool,
    /// The directory that paths in diagnostics are shown relative to, if it is not the working directory.
    pub base: Option<PathBuf>,
}

/// One stack of a source.
#[derive(Debug)]
pub struct LoadedStack {
    /// Its project name; the most likely one if it does not load.
    pub name: Option<String>,
    /// Its directory.
    pub directory: PathBuf,
    /// The project, if it loads.
    pub project: Option<Project>,
    /// Whether it is part of the desired state.
    pub desired: bool,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that the diagnostics point into.
    pub sources: Sources,
}

/// A stack on its way into a [`LoadedSource`].
pub(super) struct Outcome {
    pub(super) stack: LoadedStack,
    pub(super) desired: Option<DesiredStack>,
    /// The compose file that made its directory a stack.
    pub(super) compose_file: Option<PathBuf>,
}

/// Loads a source. Never fails as a whole: what is wrong is said in the diagnostics, and every stack that is right is in
/// the desired state.
pub fn load_source(request: &SourceRequest) -> LoadedSource {
    let confined = Confined::new(&Disk, &request.cwd.join(&request.root));
    let files: &dyn Files = if request.may_not_leave { &confined } else { &Disk };
    load_confined(request, files, &GitIndex::default(), None)
}

/// The same, with files that are not simply those of the disk; what lies in `root` counts.
pub(super) fn load_from<F: Files + Tracked>(request: &SourceRequest, files: &F, root: &Path) -> LoadedSource {
    let confined = Confined::new(files, root);
    let confined: &dyn Files = if request.may_not_leave { &confined } else { files };
    load_confined(request, confined, files, Some(root))
}

fn load_confined(
    request: &SourceRequest,
    files: &dyn Files,
    tracked: &dyn Tracked,
    root: Option<&Path>,
) -> LoadedSource {
    let work = work::find(request, files);
    let mut loaded = LoadedSource { diagnostics: work.diagnostics.clone(), ..LoadedSource::default() };
    if let Some(refused) = work.refuse_flags(request) {
        loaded.diagnostics.push(refused);
        return loaded;
    }
    let context = DesiredContext { files, tracked, root: root.unwrap_or(&work.directory) };
    let mut outcomes = settle_nested(load_all(request, &work, &context));
    for (index, diagnostic) in clashes::find(&outcomes, &work.directory) {
        outcomes[index].stack.diagnostics.push(diagnostic);
        outcomes[index].desired = None;
    }
    let sound = loaded.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    let all = sound && outcomes.iter().all(|outcome| outcome.desired.is_some());
    let chosen = request.flags.select() || (work.alone && request.selected_by_environment());
    if !request.among_others {
        loaded.diagnostics.extend(unknown_names(request, &outcomes));
    }
    let mut desired = DesiredState {
        source: work.identity.to_string_lossy().into_owned(),
        complete: all && !chosen && request.only.is_empty() && !outcomes.is_empty(),
        ..DesiredState::default()
    };
    for mut outcome in outcomes {
        let name = outcome.stack.name.clone();
        if !request.only.is_empty() && !name.is_some_and(|name| request.only.contains(&name)) {
            continue;
        }
        outcome.stack.desired = outcome.desired.is_some();
        loaded.stacks.push(outcome.stack);
        desired.stacks.extend(outcome.desired.map(|stack| (stack.name.clone(), stack)));
    }
    desired.revision = revision(&desired, &loaded.stacks);
    loaded.desired = Arc::new(desired);
    loaded
}

fn load_all(request: &SourceRequest, work: &Work, context: &DesiredContext<'_>) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(work.units.len()));
    let run = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(unit) = work.units.get(index) else { return };
            let options =
                if work.alone { unit.options_alone(request) } else { unit.options_in_tree(request) };
            let outcome = load_one(unit, &options, context);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(work.units.len()) {
            scope.spawn(run);
        }
    });
    let mut outcomes = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn load_one(unit: &Unit, options: &LoadOptions, context: &DesiredContext<'_>) -> Outcome {
    let mut outcome = Outcome {
        stack: LoadedStack {
            name: None,
            directory: unit.directory.clone(),
            project: None,
            desired: false,
            diagnostics: Vec::new(),
            sources: Sources::default(),
        },
        desired: None,
        compose_file: unit.compose_file.clone(),
    };
    if let Some((diagnostics, sources)) = &unit.refused {
        outcome.stack.diagnostics.clone_from(diagnostics);
        outcome.stack.sources = sources.clone();
    } else {
        let loaded = load(context.files, options);
        outcome.stack.diagnostics = loaded.diagnostics;
        outcome.stack.sources = loaded.sources;
        if let Some(project) = loaded.project {
            take(&mut outcome, unit, project, context);
        }
    }
    if outcome.stack.name.is_none() {
        outcome.stack.name = unit.likely_name(context.files);
    }
    outcome
}

fn take(outcome: &mut Outcome, unit: &Unit, project: Project, context: &DesiredContext<'_>) {
    let sources = &mut outcome.stack.sources;
    let settings = unit.settings.clone().placed(|span| sources.adopt(&unit.texts, span));
    let (stack, diagnostics) = desired(&project, &settings, context);
    outcome.stack.diagnostics.extend(diagnostics);
    outcome.desired = stack;
    if let Some(block) = project.nodes.get(settings::KEY).filter(|_| !unit.reads_block) {
        // They came too late to say what to load.
        let error = Diagnostic::error("these settings are not read").at(settings::KEY).span(block.span);
        let hint = format!("put them into the first compose file, or into {} beside it", settings::FILE);
        outcome.stack.diagnostics.push(error.hint(hint));
        outcome.desired = None;
    }
    outcome.stack.name = Some(project.name.clone());
    outcome.stack.project = Some(project);
}

/// Takes out what is no stack of its own.
fn settle_nested(outcomes: Vec<Outcome>) -> Vec<Outcome> {
    let judged = nested::judge(&outcomes);
    let mut settled = Vec::with_capacity(outcomes.len());
    for (mut outcome, nested) in outcomes.into_iter().zip(judged) {
        match nested {
            Nested::Stack => {}
            Nested::Part => continue,
            Nested::Unknown(diagnostic) => {
                outcome.stack.diagnostics.push(diagnostic);
                outcome.desired = None;
            }
        }
        settled.push(outcome);
    }
    settled
}

fn unknown_names(request: &SourceRequest, outcomes: &[Outcome]) -> Vec<Diagnostic> {
    let known: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome.stack.name.as_deref()).collect();
    let unknown = request.only.iter().filter(|name| !known.contains(&name.as_str()));
    let say = |name: &String| {
        let error = Diagnostic::error(format!("there is no stack {name:?} in the source"));
        match nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error,
        }
    };
    unknown.map(say).collect()
}

/// A digest over everything that is desired, and over what is wrong: other mistakes are news.
fn revision(desired: &DesiredState, stacks: &[LoadedStack]) -> String {
    let mut text = String::new();
    for (name, stack) in &desired.stacks {
        let _ = writeln!(text, "stack {name} {:?} {:?}", stack.depends_on, stack.disabled);
        for (key, service) in &stack.services {
            let DesiredService { replicas, job, depends_on, .. } = &**service;
            let _ = writeln!(text, "service {key} {} {replicas} {job:?} {depends_on:?}", service.hash());
        }
        for (key, network) in &stack.networks {
            let _ = writeln!(text, "network {key} {}", network.hash());
        }
        for (key, volume) in &stack.volumes {
            let _ = writeln!(text, "volume {key} {}", hash::ConfigHash::of(volume));
        }
    }
    for stack in stacks.iter().filter(|stack| !stack.desired) {
        let _ = writeln!(text, "broken {} {:?}", stack.directory.display(), stack.diagnostics);
    }
    hash::digest(text.as_bytes())
}

#[cfg(test)]
pub(super) mod tests;
