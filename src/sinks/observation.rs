//! What was seen of stacks and sources, read off a plan and what became of it.

use crate::model::alert::AlertKind;
use crate::model::change::{Cause, CauseKind, Change, ChangeAction, StackChanges};
use crate::model::clock;
use crate::model::desired::DesiredState;
use crate::model::redact::Redactor;
use crate::model::report::{Blame, Failure, Fate, Report, Results, ServiceResult};
use crate::model::step::Plan;
use std::collections::BTreeSet;

/// What was seen of a stack, or of a source as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The source.
    pub source: String,
    /// The stack; empty for the source as a whole.
    pub stack: String,
    /// What the source said.
    pub revision: Option<Revision>,
    /// What was seen.
    pub finding: Finding,
}

/// What a source says at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its id.
    pub id: String,
    /// Whether that is the id of a commit.
    pub is_commit: bool,
}

/// How a stack is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// As its source wants it.
    Fine,
    /// It is being worked on.
    Pending,
    /// A change was carried out.
    Deployed(Story),
    /// What had been changed by hand was put right.
    Mended(Story),
    /// Not as its source wants it.
    Trouble(Trouble),
    /// The source has it no more.
    Gone,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Of what kind.
    pub kind: AlertKind,
    /// Equal as long as nothing new is to be told.
    pub identity: String,
    /// Whether it often passes by itself within a minute: the engine does not answer.
    pub is_outage: bool,
    /// All about it.
    pub story: Story,
}

/// All that there is to tell, secrets masked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// What is wrong besides services.
    pub problems: Vec<String>,
    /// The services that it is about.
    pub services: Vec<ServiceStory>,
    /// What changed, and why.
    pub causes: Vec<String>,
}

/// What became of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceStory {
    /// The service.
    pub name: String,
    /// The word for it, such as `rolled_back`.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// Exit code of its container, if it ended.
    pub exit_code: Option<i64>,
    /// Whether it was killed for want of memory.
    pub oom_killed: bool,
    /// Output of its last health check, if that failed.
    pub health: Option<String>,
    /// Last lines of its container.
    pub logs: Vec<String>,
}

impl Observation {
    /// Whether it says more than how things are.
    pub const fn has_story(&self) -> bool {
        matches!(self.finding, Finding::Deployed(_) | Finding::Mended(_) | Finding::Trouble(_))
    }

    /// Masks secrets in all that it says.
    pub fn mask(&mut self, redactor: &Redactor) {
        let story = match &mut self.finding {
            Finding::Deployed(story) | Finding::Mended(story) => story,
            Finding::Trouble(trouble) => &mut trouble.story,
            Finding::Fine | Finding::Pending | Finding::Gone => return,
        };
        let services = story.services.iter_mut().flat_map(|service| {
            [&mut service.reason].into_iter().chain(&mut service.health).chain(&mut service.logs)
        });
        for text in services.chain(&mut story.problems).chain(&mut story.causes) {
            *text = redactor.apply(text);
        }
    }
}

/// A plan with what became of it.
pub struct Run<'a> {
    /// The source.
    pub source: &'a str,
    /// What it said.
    pub revision: Option<Revision>,
    /// What it asked for.
    pub desired: &'a DesiredState,
    /// The plan.
    pub plan: &'a Plan,
    /// What became of its services.
    pub results: &'a Results,
    /// What became of its steps; `None` if it was not carried out: then only stacks without steps have anything to tell.
    pub report: Option<&'a Report>,
    /// What failed.
    pub failures: &'a [Failure],
    /// Stacks that were as this very revision wants them before: what changes now was changed by hand.
    pub settled: &'a BTreeSet<String>,
}

/// What was seen of every stack of a run; nothing of those that were interrupted, or of which nothing is known.
pub fn observe(run: &Run<'_>) -> Vec<Observation> {
    let seen = |(stack, changes): (&String, &StackChanges)| {
        Some(Observation {
            source: run.source.to_owned(),
            stack: stack.clone(),
            revision: run.revision.clone(),
            finding: finding(run, stack, changes)?,
        })
    };
    run.plan.changes.iter().filter_map(seen).collect()
}

/// A source as a whole, or a stack, that could not be loaded.
pub fn unloaded(source: &str, stack: &str, revision: Option<Revision>, problems: Vec<String>) -> Observation {
    let identity = format!("load {}", problems.join("\n"));
    let story = Story { problems, ..Story::default() };
    trouble(source, stack, revision, Trouble { kind: AlertKind::Failed, identity, is_outage: false, story })
}

/// A source whose engine does not answer.
pub fn unreachable(source: &str, problem: String) -> Observation {
    let story = Story { problems: vec![problem], ..Story::default() };
    let identity = "engine".to_owned();
    trouble(source, "", None, Trouble { kind: AlertKind::Failed, identity, is_outage: true, story })
}

/// How a run of a job came to a bad end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The container.
    pub run: String,
    /// The word for it, such as `timed out`.
    pub outcome: &'static str,
    /// Its exit code, if it ended by itself.
    pub exit_code: Option<i64>,
    /// The time that it was for, in seconds since 1970.
    pub at: i64,
}

/// A job whose last run came to a bad end, or to a good one. In place of a stack stands `stack/service`. A job that fails at
/// each of its times is told once, and again with the reminders.
pub fn job(source: &str, (stack, service): (&str, &str), end: Option<JobEnd>) -> Observation {
    let place = format!("{stack}/{service}");
    let Some(JobEnd { run, outcome, exit_code, at }) = end else {
        return Observation {
            source: source.to_owned(),
            stack: place,
            revision: None,
            finding: Finding::Fine,
        };
    };
    let identity = format!("job {outcome} {exit_code:?}");
    let reason = format!("the run of {}; `docker logs {run}` tells more", clock::utc(at));
    let outcome = outcome.replace(' ', "_");
    let told =
        ServiceStory { name: service.to_owned(), outcome, reason, exit_code, ..ServiceStory::default() };
    let story = Story { services: vec![told], ..Story::default() };
    trouble(source, &place, None, Trouble { kind: AlertKind::Failed, identity, is_outage: false, story })
}

fn trouble(source: &str, stack: &str, revision: Option<Revision>, trouble: Trouble) -> Observation {
    let finding = Finding::Trouble(trouble);
    Observation { source: source.to_owned(), stack: stack.to_owned(), revision, finding }
}

fn finding(run: &Run<'_>, stack: &str, changes: &StackChanges) -> Option<Finding> {
    let steps = || run.plan.steps.iter().filter(|step| step.stack == stack);
    let has_steps = steps().next().is_some();
    let Some(report) = run.report.or(if has_steps { None } else { Some(const { &EMPTY }) }) else {
        return Some(Finding::Pending);
    };
    let fates = run.results.get(stack).into_iter().flatten();
    let has = |wanted: &[Fate]| fates.clone().any(|(_, result)| wanted.contains(&result.fate));
    let failures: Vec<&Failure> = run.failures.iter().filter(|failure| failure.stack == stack).collect();
    let is_stopped = |failure: &&Failure| report.blames.get(&failure.step) == Some(&Blame::Interruption);
    let is_interrupted = !failures.is_empty() && failures.iter().all(is_stopped);
    if is_interrupted || has(&[Fate::Locked]) {
        return None;
    }
    let others = changes.networks.iter().map(|(key, change)| ("network", key, change));
    let others = others.chain(changes.volumes.iter().map(|(key, change)| ("volume", key, change)));
    let blocked = others.filter(|(_, _, change)| change.action == ChangeAction::Blocked);
    let blocked: Vec<String> =
        blocked.map(|(kind, key, change)| format!("{kind} {key}: {}", why(change))).collect();
    let is_service = |failure: &&Failure| !failure.service.is_empty();
    let unnamed = failures.iter().filter(|failure| !is_service(failure));
    let problems: Vec<String> =
        unnamed.map(|failure| format!("{}: {}", failure.step, failure.reason)).collect();
    // What is blocked may be so because of them.
    let left: Vec<String> = left_alone(changes).collect();
    let kind = if has(&[Fate::Failed]) || !problems.is_empty() {
        AlertKind::Failed
    } else if has(&[Fate::RolledBack, Fate::Quarantined]) {
        AlertKind::RolledBack
    } else if has(&[Fate::Blocked]) || !blocked.is_empty() {
        AlertKind::Blocked
    } else if has(&[Fate::Skipped]) {
        // What it waits for is told of.
        return None;
    } else if !left.is_empty() {
        AlertKind::Drift
    } else if !has_steps {
        return Some(Finding::Fine);
    } else if is_drift(changes, run.settled.contains(stack)) {
        return Some(Finding::Mended(story(run, stack, changes, Vec::new())));
    } else {
        return Some(Finding::Deployed(story(run, stack, changes, Vec::new())));
    };
    let identity = identity(run, stack, blocked.iter().chain(&left));
    let problems = problems.into_iter().chain(blocked).collect();
    let story = story(run, stack, changes, problems);
    Some(Finding::Trouble(Trouble { kind, identity, is_outage: false, story }))
}

static EMPTY: Report =
    Report { outcomes: std::collections::BTreeMap::new(), blames: std::collections::BTreeMap::new() };

/// The services in trouble with what they are made of: other inputs are worth telling again, another try is not.
fn identity<'a>(run: &Run<'_>, stack: &str, others: impl Iterator<Item = &'a String>) -> String {
    let desired = run.desired.stacks.get(stack);
    let troubled = run.results.get(stack).into_iter().flatten().filter(|(_, result)| is_news(result));
    let mut parts: Vec<String> = troubled
        .map(|(name, _)| {
            let service = desired.and_then(|stack| stack.services.get(name));
            format!("{name} {}", service.map(|service| service.hash().to_string()).unwrap_or_default())
        })
        .collect();
    parts.extend(others.cloned());
    parts.join("\n")
}

/// The services that somebody changed on the engine, and that are left so.
fn left_alone(changes: &StackChanges) -> impl Iterator<Item = String> {
    let is_left = |change: &&Change| change.causes.iter().any(|cause| cause.kind == CauseKind::LeftAlone);
    let left = changes.services.iter().filter(move |(_, change)| is_left(change));
    left.map(|(key, change)| format!("{key}: {}", why(change)))
}

const fn is_news(result: &ServiceResult) -> bool {
    matches!(result.fate, Fate::Failed | Fate::RolledBack | Fate::Quarantined | Fate::Blocked)
}

fn is_drift(changes: &StackChanges, is_settled: bool) -> bool {
    let all = changes.services.values().chain(changes.networks.values()).chain(changes.volumes.values());
    let mut causes = all
        .filter(|change| change.action != ChangeAction::Unchanged)
        .flat_map(|change| change.causes.iter().map(|cause| cause.kind));
    causes.any(|kind| match kind {
        CauseKind::Drift | CauseKind::Stopped => true,
        CauseKind::Image | CauseKind::JobFailed | CauseKind::Leftover | CauseKind::DependencyReplaced => {
            false
        }
        _ => is_settled,
    })
}

fn story(run: &Run<'_>, stack: &str, changes: &StackChanges, problems: Vec<String>) -> Story {
    let results = run.results.get(stack).into_iter().flatten();
    let services = results.filter(|(_, result)| result.fate != Fate::Unchanged).map(|(name, result)| {
        let own = |failure: &&Failure| failure.stack == stack && failure.service == *name;
        let mut service = ServiceStory {
            name: name.clone(),
            outcome: result.fate.as_str().to_owned(),
            reason: result.reason.trim_end().to_owned(),
            ..ServiceStory::default()
        };
        for failure in run.failures.iter().filter(own) {
            service.exit_code = service.exit_code.or(failure.exit_code);
            service.oom_killed |= failure.oom_killed;
            service.health = service.health.or_else(|| failure.health.clone());
            service.logs.extend_from_slice(&failure.logs);
        }
        service
    });
    let groups = [("", &changes.services), ("network ", &changes.networks), ("volume ", &changes.volumes)];
    let causes = groups.into_iter().flat_map(|(kind, group)| {
        let busy = group.iter().filter(|(_, change)| change.action != ChangeAction::Unchanged);
        busy.flat_map(move |(name, change)| {
            let told = change.causes.iter().filter(|cause| cause.kind != CauseKind::Quarantined);
            told.map(move |cause| format!("{kind}{name}: {}", cause_text(cause)))
        })
    });
    Story { problems, services: services.collect(), causes: causes.collect() }
}

fn why(change: &Change) -> String {
    change.causes.iter().map(cause_text).collect::<Vec<_>>().join(", ")
}

/// A cause as one line.
fn cause_text(cause: &Cause) -> String {
    let subject = match cause.kind {
        CauseKind::Attribute | CauseKind::Environment => cause.path.clone(),
        kind if cause.path.is_empty() => kind.as_str().to_owned(),
        kind => format!("{} {}", kind.as_str(), cause.path),
    };
    let line = |text: &String| text.lines().next().unwrap_or_default().to_owned();
    match (cause.old.as_ref().map(line), cause.new.as_ref().map(line)) {
        (Some(old), Some(new)) => format!("{subject}: {old} -> {new}"),
        (Some(one), None) | (None, Some(one)) => format!("{subject}: {one}"),
        (None, None) => subject,
    }
}

#[cfg(test)]
mod tests;
