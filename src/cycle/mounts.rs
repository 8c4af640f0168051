//! The files of a source that containers mount: in place before the steps of their services run, and back when those fail.

use super::Aim;
use crate::model::change::ChangeAction;
use crate::model::report::{Outcome, Report};
use crate::model::step::{Action, Plan, Step};
use crate::plan::Rollback;
use crate::source::mounted::{Mounts, Service, mounted};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

type Done = Result<Vec<String>, String>;

/// The services that a plan has steps for.
fn touched(plan: &Plan, mut holds: impl FnMut(&Step) -> bool) -> BTreeSet<Service> {
    let steps = plan.steps.iter().filter(|step| !step.service.is_empty());
    steps.filter(|step| holds(step)).map(|step| (step.stack.clone(), step.service.clone())).collect()
}

/// The services whose change is of one kind.
fn with_action(plan: &Plan, action: ChangeAction) -> BTreeSet<Service> {
    let all = plan.changes.iter().flat_map(|(stack, changes)| {
        let services = changes.services.iter().filter(|(_, change)| change.action == action);
        services.map(|(key, _)| (stack.clone(), key.clone()))
    });
    all.collect()
}

async fn on(mounts: &Arc<Mounts>, work: impl FnOnce(&Mounts) -> Done + Send + 'static) -> Done {
    let mounts = Arc::clone(mounts);
    spawn_blocking(move || work(&mounts)).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// The services that a plan makes containers for. A container that is merely started keeps the files that it has: it may be
/// an old one, of a service whose new inputs have failed.
fn made(plan: &Plan) -> BTreeSet<Service> {
    touched(plan, |step| matches!(step.action, Action::CreateContainer(_)))
}

/// Puts the files of services in place that get new containers, and what is lost of those that are started.
pub(super) async fn put(aim: Aim<'_>, plan: &Plan) -> Done {
    let Some(mounts) = aim.mounts else { return Ok(Vec::new()) };
    let made = made(plan);
    let started = touched(plan, |step| !made.contains(&(step.stack.clone(), step.service.clone())));
    let (made, started) = (mounted(aim.desired, &made), mounted(aim.desired, &started));
    if made.values().chain(started.values()).all(Vec::is_empty) {
        return Ok(Vec::new());
    }
    on(mounts, move |mounts| mounts.put(&made, &started)).await
}

/// After the steps: takes the files of services back that did not get a new container, or lose it again; forgets what the
/// others had before, and removes what belonged to services that are gone.
pub(super) async fn after(aim: Aim<'_>, plan: &Plan, report: &Report, back: &Rollback) -> Vec<String> {
    let Some(mounts) = aim.mounts else { return Vec::new() };
    let succeeded =
        |step: &Step| report.outcomes.get(&step.id).is_some_and(|(outcome, _)| outcome.is_success());
    let started = touched(plan, |step| matches!(step.action, Action::StartContainer(_)) && succeeded(step));
    let made = made(plan);
    let failed = touched(plan, |step| !succeeded(step));
    let went_wrong = made.intersection(&failed).filter(|service| !started.contains(*service));
    let lost: BTreeSet<Service> = went_wrong
        .chain(&back.services)
        .filter(|service| !back.partly.contains_key(*service))
        .cloned()
        .collect();
    let is_desired = |(stack, key): &Service| {
        aim.desired.stacks.get(stack).is_some_and(|stack| stack.services.contains_key(key))
    };
    let gone: BTreeSet<Service> =
        touched(plan, |_| true).difference(&failed).filter(|service| !is_desired(service)).cloned().collect();
    let unchanged = with_action(plan, ChangeAction::Unchanged);
    let kept: BTreeSet<Service> = made.difference(&lost).chain(&unchanged).cloned().collect();
    let kept = mounted(aim.desired, &kept);
    let done = on(mounts, move |mounts| {
        let mut notes = if lost.is_empty() { Vec::new() } else { mounts.take_back(&lost)? };
        notes.extend(mounts.settle(&kept)?);
        notes.extend(mounts.remove(&gone)?);
        Ok(notes)
    });
    done.await.unwrap_or_else(|error| vec![error])
}

/// Looks after the files of services that are as they should be.
pub(super) async fn settle(aim: Aim<'_>, plan: &Plan) -> Vec<String> {
    let Some(mounts) = aim.mounts else { return Vec::new() };
    let services = mounted(aim.desired, &with_action(plan, ChangeAction::Unchanged));
    on(mounts, move |mounts| mounts.settle(&services)).await.unwrap_or_else(|error| vec![error])
}

/// The report of a plan of which nothing was done, because its files could not be put in place.
pub(super) fn refused(plan: &Plan, error: &str) -> Report {
    let mut report = Report::default();
    let Some(first) = plan.steps.first() else { return report };
    for step in &plan.steps {
        let outcome = if step.id == first.id || step.service != first.service {
            Outcome::Failed(error.to_owned())
        } else {
            Outcome::Skipped { because: first.id.clone() }
        };
        report.outcomes.insert(step.id.clone(), (outcome, Duration::ZERO));
    }
    report
}
