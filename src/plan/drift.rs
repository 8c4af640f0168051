//! Services that somebody changed on the engine, and whose owner wants that left alone.
//!
//! A container that is gone is made again all the same: nothing on the engine tells it from one that was never made.

use super::instances::{Instance, Judge, Kick};
use super::pre_deploy;
use super::quarantine::Hold;
use super::replicas::Replicas;
use crate::model::change::{Cause, CauseKind, ChangeAction};
use crate::model::drift::Drift;
use crate::model::observed::{ContainerState, ObservedContainer};

/// Leaves a service as somebody changed it, if its settings say so. `None` if there is anything else to do for it, which
/// puts all of it right.
pub(super) fn hold(judge: &Judge, replicas: &mut Replicas) -> Option<Hold> {
    let word = match judge.service.drift {
        Drift::Heal => return None,
        Drift::Warn => "warn",
        Drift::Ignore => "ignore",
    };
    // A run that was killed while it had the service stopped for a job leaves it just as a person does.
    let is_stopped_by_us = pre_deploy::stopping(judge.stack, judge.key).next().is_some();
    let touched = |instance: &&Instance| instance.action() != ChangeAction::Unchanged;
    let mut all = replicas.instances.iter().filter(touched).peekable();
    all.peek()?;
    if is_stopped_by_us || !replicas.gone.is_empty() || !all.all(|instance| left(instance).is_some()) {
        return None;
    }
    let mut held_back: Vec<Cause> = Vec::new();
    for instance in &mut replicas.instances {
        instance.keep = left(instance).or(instance.keep);
        instance.kick = Kick::None;
        instance.rest.clear();
        for cause in instance.causes.drain(..) {
            if !held_back.contains(&cause) {
                held_back.push(cause);
            }
        }
    }
    let why = format!("is left as it is, as `drift: {word}` says");
    Some(Hold { cause: Cause::new(CauseKind::LeftAlone, "").values(None, Some(why)), held_back })
}

/// The container that stays as somebody changed it. One that never ran, goes by another name or has another one beside it
/// is the work of a run that did not end.
fn left<'a>(instance: &Instance<'a>) -> Option<&'a ObservedContainer> {
    let is_drift = |cause: &Cause| matches!(cause.kind, CauseKind::Drift | CauseKind::Stopped);
    let container = match (instance.keep, &instance.rest[..]) {
        (Some(kept), []) => kept,
        (None, [old]) => *old,
        _ => return None,
    };
    let may_stay = !matches!(
        container.state,
        ContainerState::Created | ContainerState::Dead | ContainerState::Removing | ContainerState::Unknown
    );
    let is_alone = container.name == instance.name;
    Some(container).filter(|_| may_stay && is_alone && instance.causes.iter().all(is_drift))
}
