//! Marking the services whose replacement failed: see [`quarantine`](super::quarantine).

use super::diff::{self, Diff};
use super::instances::{Instance, Kick, replica_name};
use super::quarantine::{Inputs, served};
use super::text::plan_id;
use super::{Policy, Retry};
use crate::model::change::CauseKind;
use crate::model::desired::{DesiredState, JobMode};
use crate::model::labels;
use crate::model::observed::ObservedState;
use crate::model::report::{Blame, Failure, Outcome, Report};
use crate::model::service::Pairs;
use crate::model::step::{Action, Plan, Step};
use std::collections::{BTreeMap, BTreeSet};

/// How long a mark holds, in seconds, if the engine failed with an error of its own; with every further failure of the same
/// inputs it is twice as long, up to an hour. Such an error may be due to the input, such as a limit that the kernel refuses,
/// or to the engine's state, such as a full disk: it is tried again, but ever more rarely.
const FIRST_HOLD: i64 = 60;
const LAST_HOLD: i64 = 3600;

/// Gives a mark an end, after so many failures.
fn end(mark: &mut Pairs, tries: u32, now: i64) {
    let hold = FIRST_HOLD.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LAST_HOLD);
    mark.insert(labels::QUARANTINE_UNTIL.to_owned(), now.saturating_add(hold).to_string());
    mark.insert(labels::QUARANTINE_TRIES.to_owned(), tries.to_string());
}

/// Marks the labels of a network that was made again as it was with the definition that the engine refused.
pub(super) fn refuse(network: &mut Pairs, definition: String, blame: Blame, now: i64) {
    let tries = network.remove(labels::QUARANTINE_TRIES).and_then(|tries| tries.parse().ok());
    network.remove(labels::QUARANTINE_UNTIL);
    let before = network.insert(labels::REFUSED.to_owned(), definition);
    if blame == Blame::Engine {
        let again = tries.filter(|_| before == network.get(labels::REFUSED).cloned());
        end(network, again.unwrap_or(0_u32).saturating_add(1), now);
    }
}

/// How often these inputs of a service have failed by now, as an older mark says.
fn tries(observed: &ObservedState, (stack, service): (&str, &str), inputs: &str) -> u32 {
    let subject = format!("{stack}/{service}");
    let marks = observed.containers.iter().filter(|mark| mark.label(labels::QUARANTINE) == subject);
    let own = marks.filter(|mark| mark.label(labels::QUARANTINE_KEY) == inputs);
    let before = own.filter_map(|mark| mark.label(labels::QUARANTINE_TRIES).parse().ok()).max();
    before.unwrap_or(0_u32).saturating_add(1)
}

/// A run of which something failed.
#[derive(Debug, Clone, Copy)]
pub struct Ran<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// What was done.
    pub report: &'a Report,
    /// What was done to take it back, if anything was.
    pub back: Option<&'a Report>,
    /// What failed, with the last words of the containers.
    pub failures: &'a [Failure],
}

impl Ran<'_> {
    /// Who is to blame for a step that failed. Where the engine failed on the way back too, which is made of what served
    /// before, it is not known to be the input: an engine that ends takes its containers along, and on a full disk they end
    /// by themselves.
    fn blame(&self, blame: Blame) -> Blame {
        let has_trouble = |report: &Report| {
            report.blames.values().any(|blame| matches!(blame, Blame::Engine | Blame::Outage))
        };
        if self.back.is_some_and(has_trouble) { Blame::Engine } else { blame }
    }
}

/// Whether a run failed in a way that may call for a mark: only then is the engine looked at again for it.
pub fn may_quarantine(plan: &Plan, report: &Report) -> bool {
    culprits(plan, report).next().is_some()
}

/// Steps that failed because of their service's inputs, at or after the start of its container.
fn culprits<'a>(plan: &'a Plan, report: &'a Report) -> impl Iterator<Item = (&'a Step, Blame)> {
    plan.steps.iter().filter(|step| !step.service.is_empty() && is_trial(&step.action)).filter_map(|step| {
        let (outcome, _) = report.outcomes.get(&step.id)?;
        let blame = *report.blames.get(&step.id)?;
        let counts = matches!(outcome, Outcome::Failed(_)) && matches!(blame, Blame::Input | Blame::Engine);
        counts.then_some((step, blame))
    })
}

const fn is_trial(action: &Action) -> bool {
    matches!(
        action,
        Action::StartContainer(_)
            | Action::AwaitHealthy { .. }
            | Action::AwaitStable { .. }
            | Action::AwaitCompleted { .. }
            | Action::Exec { must_succeed: true, .. }
    )
}

/// The plan that marks the services whose replacement failed in a run. `observed` is what the engine runs after it, and
/// what failed was taken back; `now` is in seconds since 1970.
pub fn quarantine(
    desired: &DesiredState,
    observed: &ObservedState,
    policy: &Policy,
    run: Ran<'_>,
    now: i64,
) -> Plan {
    // Whatever is marked already counts as not marked: a failed --retry gets a new mark.
    let policy = Policy { retry: Retry::All, ..policy.clone() };
    let diff = diff::diff(desired, observed, &policy, now);
    let marked = subjects(run.plan, run.report).into_iter().filter_map(|((stack, key), subject)| {
        let Subject { step, blame, with } = subject;
        let (name, inputs) = would_try_again(&diff, (stack, key), &with)?;
        let failure = run.failures.iter().find(|failure| failure.step == step.id);
        let mut reason = reason(&step.action, failure);
        if !with.is_empty() {
            reason = format!("went back with {}, which {reason}", step.service);
        }
        let tries = tries(observed, (stack, key), &inputs);
        let mut labels = mark_labels(desired, (stack, key), inputs, &reason, now);
        if !with.is_empty() {
            labels.insert(labels::QUARANTINE_WITH.to_owned(), with.into_iter().collect::<Vec<_>>().join(","));
        }
        if run.blame(blame) == Blame::Engine {
            end(&mut labels, tries, now);
        }
        Some(mark_step((stack, key), step, Action::Mark { name, labels }))
    });
    let steps: Vec<Step> = marked.collect();
    Plan { id: plan_id(&steps), revision: run.plan.revision.clone(), steps, ..Plan::default() }
}

/// A service that may have to be marked.
struct Subject<'a> {
    /// The step that failed.
    step: &'a Step,
    /// Why.
    blame: Blame,
    /// Services that failed and took it back with them; empty if it failed itself.
    with: BTreeSet<&'a str>,
}

/// By stack and key, the services that failed, and those that cannot be replaced without one of them.
fn subjects<'a>(plan: &'a Plan, report: &'a Report) -> BTreeMap<(&'a str, &'a str), Subject<'a>> {
    let mut subjects: BTreeMap<(&str, &str), Subject> = BTreeMap::new();
    for (step, blame) in culprits(plan, report) {
        let subject = Subject { step, blame, with: BTreeSet::new() };
        subjects.entry((&step.stack, &step.service)).or_insert(subject);
    }
    for (step, blame) in culprits(plan, report) {
        for parent in parents(plan, step) {
            let subject = Subject { step, blame, with: BTreeSet::from([step.service.as_str()]) };
            let found = subjects.entry((&step.stack, parent)).or_insert(subject);
            if !found.with.is_empty() {
                found.with.insert(&step.service);
            }
        }
    }
    subjects
}

/// Services that went back with the one of a step because it shares their namespaces, directly or not.
fn parents<'a>(plan: &'a Plan, failed: &'a Step) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![failed.service.as_str()];
    while let Some(key) = open.pop() {
        let all = plan.ways_back.iter().flat_map(|way| &way.services);
        let own = all.filter(|one| one.stack == failed.stack && one.service == key);
        let parents = own.flat_map(|one| &one.parents).map(String::as_str);
        open.extend(parents.filter(|parent| found.insert(*parent)));
    }
    found
}

/// The mark's name and key, if the next run would do the same again and something is at stake.
fn would_try_again(
    diff: &Diff,
    (stack, key): (&str, &str),
    with: &BTreeSet<&str>,
) -> Option<(String, String)> {
    let found = diff.stacks.get(stack)?;
    let (stack, service) = (found.desired?, found.services.get(key)?);
    let desired = service.desired?;
    let is_job = desired.job == JobMode::Job;
    // What is made anew only because another service is has not failed by inputs of its own.
    let follows =
        |instance: &Instance| instance.causes.iter().all(|cause| cause.kind == CauseKind::DependencyReplaced);
    let tries = |instance: &Instance| {
        if follows(instance) {
            return false;
        }
        let again = instance.is_created() && (is_job || served(instance).is_some());
        again || is_job && instance.kick == Kick::Start
    };
    if !service.instances.iter().any(tries) {
        return None;
    }
    let name = format!("{}.failed", replica_name(stack, key, desired, 1));
    Some((name, Inputs::of(stack, with.iter().copied().chain([key]), &diff.images).key()))
}

fn mark_labels(
    desired: &DesiredState,
    (stack, key): (&str, &str),
    inputs: String,
    reason: &str,
    now: i64,
) -> Pairs {
    Pairs::from([
        (labels::QUARANTINE.to_owned(), format!("{stack}/{key}")),
        (labels::QUARANTINE_KEY.to_owned(), inputs),
        (labels::QUARANTINE_REASON.to_owned(), reason.to_owned()),
        (labels::QUARANTINE_AT.to_owned(), now.to_string()),
        (labels::SOURCE.to_owned(), desired.source.clone()),
    ])
}

fn mark_step((stack, key): (&str, &str), failed: &Step, action: Action) -> Step {
    Step {
        id: format!("{stack}/{key}/quarantine"),
        service: key.to_owned(),
        action,
        after: Vec::new(),
        after_any: Vec::new(),
        tolerance: None,
        ..failed.clone()
    }
}

/// How it failed, in words that hold nothing of what was printed.
fn reason(action: &Action, failure: Option<&Failure>) -> String {
    let was_killed = failure.is_some_and(|failure| failure.oom_killed);
    let code = failure.and_then(|failure| failure.exit_code);
    match (action, code) {
        (Action::StartContainer(_), _) => "could not be started".to_owned(),
        (Action::Exec { .. }, _) => "a post_start command failed".to_owned(),
        _ if was_killed => "was killed: out of memory".to_owned(),
        (_, Some(code)) => format!("exited with code {code}"),
        (Action::AwaitHealthy { .. }, None) => "did not become healthy".to_owned(),
        (Action::AwaitCompleted { .. }, None) => "did not complete in time".to_owned(),
        (_, None) => "did not last".to_owned(),
    }
}
