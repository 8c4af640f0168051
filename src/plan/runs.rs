//! Services that run at times: their runs, and the plans that begin one or stop one whose time is over.
//!
//! The container of such a service is made by deployments like any other, and never started: it holds what a run is made
//! of, and in a label when. So runs need no files, and go on as deployed while a source is broken or a window closed. Each
//! run is a container of its own, whose labels say for which time it is, and whose name how it was ended, should somebody
//! have ended it: there is no other record of what ran.

use super::compare::recorded;
use super::index::Index;
use super::removal::reference;
use super::suspend::suspensions;
use super::text::plan_id;
use crate::model::clock;
use crate::model::job::{Overlap, Times, Timetable};
use crate::model::labels;
use crate::model::observed::{ContainerState, ObservedContainer, ObservedState};
use crate::model::service::{FileRef, Pairs};
use crate::model::step::{Action, ContainerRef, Plan, Step, StepId};
use crate::model::units::Nanos;
use std::collections::BTreeMap;

/// Ends the name of a run that was stopped because its time was over.
const TIMED_OUT: &str = ".timed-out";
/// Ends the name of a run that was stopped for the next one.
const REPLACED: &str = ".replaced";

/// How long a run is waited for that has no limit: a year.
const LONGEST: Nanos = Nanos(365 * 86_400 * 1_000_000_000);

/// Jobs by stack and service.
pub type Jobs = BTreeMap<(String, String), Job>;

/// A service that runs at times, as the engine knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// What its runs are made of; `None` if only runs are left.
    pub template: Option<Template>,
    /// Its runs, the latest first.
    pub runs: Vec<Run>,
}

/// The container that runs are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The container.
    pub container: ContainerRef,
    /// The source that made it.
    pub source: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Whether somebody else started it.
    pub is_up: bool,
    /// When it runs, and what holds then.
    pub timetable: Timetable,
    /// The times, or what is wrong with them.
    pub times: Result<Times, String>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its container.
    pub container: ContainerRef,
    /// The time that it is for, in seconds since 1970.
    pub at: i64,
    /// When it is stopped, in seconds since 1970.
    pub until: Option<i64>,
    /// What became of it.
    pub state: RunState,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It was made and not started: whoever was about to do that was interrupted, or could not.
    NotStarted,
    /// It runs.
    Running,
    /// It ended with 0.
    Succeeded,
    /// It ended with this code.
    Failed(i64),
    /// It took too long and was stopped.
    TimedOut,
    /// It was stopped for the next one.
    Replaced,
}

impl RunState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::TimedOut => "timed out",
            Self::Replaced => "replaced",
        }
    }

    /// Its exit code, if it ended by itself.
    pub const fn exit_code(self) -> Option<i64> {
        match self {
            Self::Succeeded => Some(0),
            Self::Failed(code) => Some(code),
            Self::NotStarted | Self::Running | Self::TimedOut | Self::Replaced => None,
        }
    }

    /// Whether it is something that somebody should see to.
    pub const fn is_trouble(self) -> bool {
        matches!(self, Self::Failed(_) | Self::TimedOut)
    }
}

impl Job {
    /// Those that run.
    pub fn running(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.state == RunState::Running)
    }

    /// The latest that is over, as far as it says how the job is: one that was replaced or never started does not.
    pub fn last(&self) -> Option<&Run> {
        let tells =
            |run: &&Run| matches!(run.state, RunState::Succeeded | RunState::Failed(_) | RunState::TimedOut);
        self.runs.iter().find(tells)
    }

    /// When it runs next, in seconds since 1970.
    pub fn next(&self, now: i64) -> Option<i64> {
        self.template.as_ref()?.times.as_ref().ok()?.next(now)
    }
}

/// All services that run at times.
pub fn jobs(observed: &ObservedState) -> Jobs {
    let mut jobs = Jobs::new();
    let key = |(stack, service): (&str, &str)| (stack.to_owned(), service.to_owned());
    for container in &observed.containers {
        if let Some(subject) = container.run() {
            jobs.entry(key(subject)).or_default().runs.extend(run(container));
        } else if let Some(template) = template(container) {
            let job = jobs.entry(key((container.stack(), container.service()))).or_default();
            // While it is made anew there are two: the one in place counts.
            let is_better = |old: &Template| {
                let rank = |found: &Template| (!is_aside(found.container.name()), found.created);
                rank(&template) > rank(old)
            };
            if job.template.as_ref().is_none_or(is_better) {
                job.template = Some(template);
            }
        }
    }
    for job in jobs.values_mut() {
        job.runs.sort_by(|a, b| (b.at, b.container.name()).cmp(&(a.at, a.container.name())));
    }
    jobs
}

fn is_aside(name: &str) -> bool {
    [".next", ".prev"].iter().any(|suffix| name.ends_with(suffix))
}

fn template(container: &ObservedContainer) -> Option<Template> {
    let text = container.labels.get(labels::JOB)?;
    if container.stack().is_empty() || container.service().is_empty() || container.is_oneoff() {
        return None;
    }
    let read = serde_json::from_str::<Timetable>(text).map_err(|error| error.to_string());
    let times = read.as_ref().map_err(Clone::clone).and_then(Timetable::times);
    Some(Template {
        container: reference(container),
        source: container.label(labels::SOURCE).to_owned(),
        created: container.created,
        is_up: container.is_up(),
        timetable: read.unwrap_or_default(),
        times,
    })
}

fn run(container: &ObservedContainer) -> Option<Run> {
    let time = |key: &str| container.label(key).parse().ok();
    let state = match container.state {
        _ if container.is_up() => RunState::Running,
        ContainerState::Created => RunState::NotStarted,
        _ if container.name.ends_with(TIMED_OUT) => RunState::TimedOut,
        _ if container.name.ends_with(REPLACED) => RunState::Replaced,
        ContainerState::Exited(0) => RunState::Succeeded,
        ContainerState::Exited(code) => RunState::Failed(code),
        // Broken, or on its way out: without a code it is told from success by one that no process can have.
        _ => RunState::Failed(-1),
    };
    let (at, until) = (time(labels::RUN_AT)?, time(labels::RUN_UNTIL));
    Some(Run { container: reference(container), at, until, state })
}

/// What comes of a time of a job.
#[derive(Debug)]
pub enum Beginning {
    /// A run, of this name.
    Run(String, Box<Plan>),
    /// None, because of this.
    Skipped(String),
    /// None: somebody else has begun it, or the job is gone.
    Nothing,
}

/// What comes of a time of a job, given what the engine holds under the lock of its stack. `at` is the time that it is for,
/// both in seconds since 1970.
pub fn begin(observed: &ObservedState, stack: &str, service: &str, at: i64, now: i64) -> Beginning {
    let jobs = jobs(observed);
    let Some(job) = jobs.get(&(stack.to_owned(), service.to_owned())) else { return Beginning::Nothing };
    let Some(template) = &job.template else { return Beginning::Nothing };
    if job.runs.iter().any(|run| (at..=now.max(at)).contains(&run.at) && run.state != RunState::NotStarted) {
        return Beginning::Nothing;
    }
    if suspensions(observed).get(stack).is_some_and(|suspension| suspension.holds(now)) {
        return Beginning::Skipped(format!("{stack} is suspended"));
    }
    let earlier = job.running().next().map(|run| run.container.name());
    let earlier = earlier.or_else(|| template.is_up.then(|| template.container.name()));
    if let Some(name) = earlier.filter(|_| template.timetable.overlap == Overlap::Skip) {
        return Beginning::Skipped(format!("{name} still runs"));
    }
    let name = run_name(template, service, stack, at);
    // Another service may be called that.
    let holder = Index::new(observed).named(&name);
    if holder.is_some_and(|holder| holder.run() != Some((stack, service))) {
        return Beginning::Skipped(format!("there is another container {name}"));
    }
    let steps = run_steps(observed, (stack, service, job), template, (&name, at, now));
    Beginning::Run(name, Box::new(plan(steps)))
}

fn run_name(template: &Template, service: &str, stack: &str, at: i64) -> String {
    // `2026-11-21T03:00:00Z` without what stands in no name.
    let time: String =
        clock::iso(at).chars().filter(|c| c.is_ascii_digit() || *c == 'T' || *c == 'Z').collect();
    let own = template.container.name();
    let usual = format!("{stack}-{service}-");
    let base =
        if is_aside(own) || own.starts_with(&usual) { format!("{stack}-{service}") } else { own.to_owned() };
    format!("{base}-run-{time}")
}

fn run_steps(
    observed: &ObservedState,
    (stack, service, job): (&str, &str, &Job),
    template: &Template,
    (name, at, now): (&str, i64, i64),
) -> Vec<Step> {
    let mut steps = Steps::new(stack, service);
    let mut ready = Vec::new();
    let leftover = job.runs.iter().find(|run| run.container.name() == name);
    if let Some(leftover) = leftover {
        // It was never started, and its limit may be over by now.
        ready.push(steps.push("clear", Action::RemoveContainer(leftover.container.clone()), &[]));
    }
    let mut labels = Pairs::from([
        (labels::RUN.to_owned(), format!("{stack}/{service}")),
        (labels::RUN_AT.to_owned(), at.to_string()),
        (labels::SOURCE.to_owned(), template.source.clone()),
    ]);
    if let Some(timeout) = template.timetable.timeout {
        let seconds = timeout.whole_seconds().max(1);
        labels.insert(labels::RUN_UNTIL.to_owned(), now.saturating_add(seconds).to_string());
    }
    let files = files(observed, &template.container);
    let like = template.container.clone();
    let create = Action::CreateRun { like, name: name.to_owned(), labels, files };
    let mut before = vec![steps.push("create", create, &ready)];
    for run in job.running() {
        // What is stopped has its successor ready.
        let after = before[..1].to_vec();
        before.push(steps.end(run, REPLACED, &after));
    }
    if template.is_up {
        let stop = Action::StopContainer { container: template.container.clone(), grace: None };
        let after = before[..1].to_vec();
        before.push(steps.push("stop", stop, &after));
    }
    let start = steps.push("start", Action::StartContainer(ContainerRef::Name(name.to_owned())), &before);
    let keep = usize::try_from(template.timetable.keep).unwrap_or(usize::MAX).max(1);
    let over = job.runs.iter().filter(|run| {
        run.state != RunState::Running && leftover.is_none_or(|left| left.container != run.container)
    });
    for run in over.skip(keep - 1) {
        let verb = format!("remove-{}", short(&run.container));
        steps.push(&verb, Action::RemoveContainer(run.container.clone()), std::slice::from_ref(&start));
    }
    steps.all
}

/// Stops the runs whose time is over. It has no steps if there are none.
pub fn overdue(jobs: &Jobs, now: i64) -> Plan {
    let mut all = Vec::new();
    for ((stack, service), job) in jobs {
        let mut steps = Steps::new(stack, service);
        for run in job.running().filter(|run| run.until.is_some_and(|until| until <= now)) {
            steps.end(run, TIMED_OUT, &[]);
        }
        all.extend(steps.all);
    }
    plan(all)
}

/// Waits for the end of a run, for as long as its job may take.
pub fn await_end(stack: &str, service: &str, name: &str, timeout: Option<Nanos>) -> Plan {
    let mut steps = Steps::new(stack, service);
    let container = ContainerRef::Name(name.to_owned());
    let timeout = timeout.unwrap_or(LONGEST);
    steps.push("end", Action::AwaitCompleted { container, timeout, through: false }, &[]);
    plan(steps.all)
}

/// Files that were written into a container, as its label knows them.
fn files(observed: &ObservedState, container: &ContainerRef) -> Vec<String> {
    let found = observed.containers.iter().find(|found| found.id == container.engine_ref());
    let Some(spec) = found.and_then(recorded) else { return Vec::new() };
    let mut files = Vec::new();
    for (key, directory) in [("configs", ""), ("secrets", "/run/secrets")] {
        let list = spec.pointer(&format!("/spec/{key}")).cloned();
        let list: Vec<FileRef> = list.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default();
        for FileRef { source, target, .. } in list {
            let path = if target.is_empty() { source } else { target };
            files.push(if path.starts_with('/') { path } else { format!("{directory}/{path}") });
        }
    }
    files
}

fn short(container: &ContainerRef) -> &str {
    let id = container.engine_ref();
    id.get(..12).unwrap_or(id)
}

/// Steps of one job.
struct Steps<'a> {
    stack: &'a str,
    service: &'a str,
    all: Vec<Step>,
}

impl<'a> Steps<'a> {
    const fn new(stack: &'a str, service: &'a str) -> Self {
        Self { stack, service, all: Vec::new() }
    }

    fn push(&mut self, verb: &str, action: Action, after: &[StepId]) -> StepId {
        let id = format!("{}/{}-run/{verb}", self.stack, self.service);
        self.all.push(Step {
            id: id.clone(),
            stack: self.stack.to_owned(),
            service: self.service.to_owned(),
            action,
            causes: Vec::new(),
            after: after.to_vec(),
            after_any: Vec::new(),
            tolerance: None,
        });
        id
    }

    /// Stops a run. First its name says why: so that is known whatever comes in between.
    fn end(&mut self, run: &Run, why: &str, after: &[StepId]) -> StepId {
        let name = run.container.name();
        let mut after = after.to_vec();
        if !name.ends_with(TIMED_OUT) && !name.ends_with(REPLACED) {
            let rename =
                Action::RenameContainer { container: run.container.clone(), to: format!("{name}{why}") };
            after = vec![self.push(&format!("rename-{}", short(&run.container)), rename, &after)];
        }
        let stop = Action::StopContainer { container: run.container.clone(), grace: None };
        self.push(&format!("stop-{}", short(&run.container)), stop, &after)
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan { id: plan_id(&steps), steps, ..Plan::default() }
}

#[cfg(test)]
mod tests;
