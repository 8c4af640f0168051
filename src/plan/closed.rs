//! Stacks that may not be changed now: their deploy windows are closed, or somebody suspended them.
//!
//! What runs is kept running all the same: a container that stopped is started again as it is. A container that is gone
//! is not made anew, because it would be made of what the files say now.

use super::Policy;
use super::index::Index;
use super::instances::{Instance, Judge, Kick};
use super::quarantine::{Hold, keep_old, served};
use super::replicas::Replicas;
use super::suspend::{Suspension, suspensions};
use crate::model::change::{Cause, CauseKind, ChangeAction};
use crate::model::clock;
use crate::model::desired::{DesiredState, JobMode};
use crate::model::observed::ObservedState;
use crate::model::windows::Opening;
use std::collections::BTreeMap;

/// Why the stacks may not be changed that may not be changed now.
pub(super) fn causes(
    desired: &DesiredState,
    index: &Index,
    policy: &Policy,
    now: i64,
) -> BTreeMap<String, Cause> {
    let mut causes = BTreeMap::new();
    for (name, stack) in desired.stacks.iter().filter(|(name, _)| policy.covers(name)) {
        let schedule = stack.schedule.as_ref().filter(|_| !policy.anytime);
        if let Some(Opening::Closed { frozen_by, until }) = schedule.map(|schedule| schedule.at(now)) {
            causes.insert(name.clone(), closed(frozen_by, until));
        }
    }
    // Whether or not it is time: the person comes first.
    for (stack, suspension) in suspensions(index.observed) {
        if suspension.holds(now) && !policy.despite_suspension {
            causes.insert(stack, suspended(&suspension));
        }
    }
    causes
}

/// When the first stack that may not be changed now may be, in seconds since 1970.
pub fn next_opening(desired: &DesiredState, observed: &ObservedState, now: i64) -> Option<i64> {
    let schedules = desired.stacks.values().filter_map(|stack| stack.schedule.as_ref());
    let windows = schedules.filter_map(|schedule| match schedule.at(now) {
        Opening::Open => None,
        Opening::Closed { until, .. } => until,
    });
    let marks = suspensions(observed).into_values().filter_map(|suspension| suspension.until);
    windows.chain(marks).filter(|at| *at > now).min()
}

fn closed(frozen_by: Option<String>, until: Option<i64>) -> Cause {
    let (path, why) = match frozen_by {
        Some(window) => (format!("freeze.{window}"), "frozen"),
        None => ("allow".to_owned(), "outside of its windows"),
    };
    let waits = match until {
        Some(at) => format!("waits until {}, or for --now", clock::utc(at)),
        None => "no window opens any more: waits for --now".to_owned(),
    };
    Cause::new(CauseKind::Schedule, format!("schedule.{path}")).values(Some(why.to_owned()), Some(waits))
}

fn suspended(suspension: &Suspension) -> Cause {
    let Suspension { reason, at, until } = suspension;
    let since = at.map_or_else(|| "an unknown time".to_owned(), clock::utc);
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let until = until.map_or("`reconcile resume`".to_owned(), clock::utc);
    let cause = Cause::new(CauseKind::Suspended, "");
    cause.values(Some(format!("since {since}{why}")), Some(format!("waits until {until}")))
}

/// What a change comes to that a cause stands against.
pub(super) const fn action(cause: &Cause) -> ChangeAction {
    if cause.kind.waits() { ChangeAction::Wait } else { ChangeAction::Blocked }
}

/// Keeps a service of a stack that may not be changed as it is. `None` if nothing of it would change.
pub(super) fn hold<'a>(judge: &Judge<'a, '_>, replicas: &mut Replicas<'a>) -> Option<Hold> {
    let cause = judge.context.closed.get(&judge.stack.name)?;
    let is_job = judge.service.job == JobMode::Job;
    let changes = |instance: &Instance| instance.is_created() || is_job && instance.kick == Kick::Start;
    if !replicas.instances.iter().any(changes) && replicas.gone.is_empty() {
        return None;
    }
    let mut held_back: Vec<Cause> = Vec::new();
    for cause in replicas.instances.iter().flat_map(|instance| &instance.causes).chain(&replicas.scale) {
        if !held_back.contains(cause) {
            held_back.push(cause.clone());
        }
    }
    replicas.instances.retain(|instance| instance.keep.is_some() || served(instance).is_some());
    for instance in replicas.instances.iter_mut().filter(|instance| changes(instance)) {
        keep_old(judge, instance, is_job);
    }
    replicas.gone.clear();
    replicas.scale = None;
    Some(Hold { cause: cause.clone(), held_back })
}
