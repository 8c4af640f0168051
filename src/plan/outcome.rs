//! What became of each service, read off what became of the steps.

use super::rollback;
use crate::model::change::{CauseKind, Change, ChangeAction};
use crate::model::report::{Fate, Outcome, Report, Results, ServiceResult};
use crate::model::step::{Plan, Step};
use std::collections::BTreeSet;

/// What became of every service of a plan, given what its steps came to, and the steps that took failures back.
pub fn results(plan: &Plan, report: &Report, rollback: Option<(&Plan, &Report)>) -> Results {
    let back = rollback.map(|_| rollback::rollback(plan, report, 0)).unwrap_or_default();
    let stack = |(name, changes): (&String, &crate::model::change::StackChanges)| {
        let services = changes.services.iter().map(|(key, change)| {
            let run = Run { steps: steps(plan, name, key), report };
            let subject = (name.clone(), key.clone());
            let undone = rollback.filter(|_| back.services.contains(&subject));
            let undone = undone.map(|(plan, report)| Run { steps: steps(plan, name, key), report });
            let mut result = result(change, &run, undone.as_ref());
            if let Some((new, all)) = back.partly.get(&subject).filter(|_| result.fate == Fate::Failed) {
                let others = format!("; {new} of {all} replicas are replaced, the others serve as before");
                result.reason.push_str(&others);
            }
            (key.clone(), result)
        });
        (name.clone(), services.collect())
    };
    plan.changes.iter().map(stack).collect()
}

/// What became of every service of a plan that was not carried out, since another process is at work on its stack.
pub fn locked(plan: &Plan, stacks: &BTreeSet<String>, reason: &str) -> Results {
    let mut results = results(plan, &Report::default(), None);
    for (stack, changes) in &plan.changes {
        for (key, change) in &changes.services {
            let is_kept = change.action != ChangeAction::Unchanged && stacks.contains(stack);
            if let Some(found) =
                results.get_mut(stack).and_then(|found| found.get_mut(key)).filter(|_| is_kept)
            {
                *found = ServiceResult { fate: Fate::Locked, reason: reason.to_owned() };
            }
        }
    }
    results
}

/// The steps of one service, with what they came to.
struct Run<'a> {
    steps: Vec<&'a Step>,
    report: &'a Report,
}

fn steps<'a>(plan: &'a Plan, stack: &str, service: &str) -> Vec<&'a Step> {
    plan.steps.iter().filter(|step| step.stack == stack && step.service == service).collect()
}

impl Run<'_> {
    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.steps.iter().filter_map(|step| self.report.outcomes.get(&step.id)).map(|(outcome, _)| outcome)
    }

    fn failure(&self) -> Option<String> {
        self.outcomes().find_map(|outcome| match outcome {
            Outcome::Failed(reason) => Some(reason.clone()),
            _ => None,
        })
    }

    fn skipped(&self) -> Option<String> {
        self.outcomes().find_map(|outcome| match outcome {
            Outcome::Skipped { because } => Some(format!("because of {because}")),
            _ => None,
        })
    }
}

fn result(change: &Change, run: &Run, undone: Option<&Run>) -> ServiceResult {
    let why = || run.failure().or_else(|| run.skipped()).unwrap_or_default();
    let (fate, reason) = if let Some(undone) = undone {
        match undone.failure() {
            None => (Fate::RolledBack, why()),
            Some(reason) => (Fate::Failed, format!("{}; it could not be taken back: {reason}", why())),
        }
    } else if let Some(reason) = run.failure() {
        (Fate::Failed, reason)
    } else if let Some(reason) = run.skipped() {
        (Fate::Skipped, reason)
    } else {
        held_back(change).unwrap_or_else(|| {
            let is_unchanged = run.steps.is_empty();
            (if is_unchanged { Fate::Unchanged } else { Fate::Applied }, String::new())
        })
    };
    ServiceResult { fate, reason }
}

/// Also a service whose old container was merely started again may be held back.
fn held_back(change: &Change) -> Option<(Fate, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    if let Some(cause) = change.causes.iter().find(|cause| cause.kind == CauseKind::Quarantined) {
        return Some((Fate::Quarantined, text(&cause.old)));
    }
    let (fate, cause) = match change.causes.iter().find(|cause| cause.kind.waits()) {
        Some(cause) => (Fate::Waiting, cause),
        None => (Fate::Blocked, change.causes.first().filter(|_| change.action == ChangeAction::Blocked)?),
    };
    let words: Vec<String> = [cause.path.clone(), text(&cause.old), text(&cause.new)]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    Some((fate, format!("{}: {}", cause.kind.as_str(), words.join(", "))))
}
