//! Containers and networks of ours that the source no longer names, and the guard on removing too many.

use super::Policy;
use super::closed;
use super::diff::ServiceDiff;
use super::index::{Index, is_of_source};
use super::service::Decided;
use crate::model::change::{Cause, CauseKind, Change, ChangeAction};
use crate::model::desired::{DesiredStack, DesiredState};
use crate::model::labels;
use crate::model::observed::ObservedContainer;
use std::collections::{BTreeMap, BTreeSet};

/// Services of a stack that left its file, as far as this source made their containers. Services that a profile
/// switches off have not left. `closed` is why they may not be removed now.
pub(super) fn services<'a>(
    stack: &DesiredStack,
    source: &str,
    index: &Index<'a>,
    closed: Option<&Cause>,
) -> Decided<'a> {
    let known = |key: &str| stack.services.contains_key(key) || stack.disabled.contains(key);
    let left = of_source(&stack.name, source, index).into_iter().filter(|(key, _)| !known(key));
    let mut left: Decided = left.map(removed).collect();
    for service in left.values_mut() {
        hold(service, closed);
    }
    left
}

/// Lets a service stay that would be removed, if there is something against that.
fn hold(service: &mut ServiceDiff, cause: Option<&Cause>) {
    if let Some(cause) = cause {
        service.change.action = closed::action(cause);
        service.change.causes.insert(0, cause.clone());
    }
}

/// What a service leaves behind: its containers, and marks that it failed.
#[derive(Default)]
struct Remains<'a> {
    containers: Vec<&'a ObservedContainer>,
    marks: Vec<&'a ObservedContainer>,
}

fn of_source<'a>(stack: &str, source: &str, index: &Index<'a>) -> BTreeMap<&'a str, Remains<'a>> {
    let mut found: BTreeMap<&str, Remains> = BTreeMap::new();
    for (key, containers) in index.services(stack) {
        for container in containers.iter().filter(|container| is_of_source(&container.labels, source)) {
            found.entry(key).or_default().containers.push(container);
        }
    }
    for (key, runs) in index.services_with_runs(stack) {
        let own = runs.iter().filter(|run| run.label(labels::SOURCE) == source);
        let own: Vec<&ObservedContainer> = own.copied().collect();
        if !own.is_empty() {
            found.entry(key).or_default().containers.extend(own);
        }
    }
    for (key, marks) in index.marked(stack) {
        for mark in marks.iter().filter(|mark| mark.label(labels::SOURCE) == source) {
            found.entry(key).or_default().marks.push(mark);
        }
    }
    found
}

fn removed<'a>((key, remains): (&str, Remains<'a>)) -> (String, ServiceDiff<'a>) {
    let all = remains.containers.iter().chain(&remains.marks);
    let causes = all.map(|container| Cause::new(CauseKind::Orphan, &container.name)).collect();
    let service = ServiceDiff {
        desired: None,
        hash: String::new(),
        instances: Vec::new(),
        gone: remains.containers,
        is_quarantined: false,
        is_restored: false,
        change: Change::new(ChangeAction::Remove, causes),
    };
    (key.to_owned(), service)
}

/// A whole stack that left the source.
pub(super) struct Pruned<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its services, all to be removed, or held back by the guard.
    pub services: Decided<'a>,
    /// Why it is held back.
    pub held: Option<Cause>,
}

/// Whole stacks that this source made and no longer names. A source that shows only part of itself removes none. `closed` is
/// why stacks may not be changed now.
pub(super) fn stacks<'a>(
    desired: &DesiredState,
    policy: &Policy,
    index: &Index<'a>,
    closed: &BTreeMap<String, Cause>,
) -> Vec<Pruned<'a>> {
    if !policy.prune || !desired.complete {
        return Vec::new();
    }
    let ours = owned(&desired.source, index);
    let leaving: Vec<&str> = ours
        .iter()
        .copied()
        .filter(|stack| !desired.stacks.contains_key(*stack) && policy.covers(stack))
        .collect();
    let guarded = guard(desired, policy, leaving.len(), ours.len());
    let pruned = leaving.into_iter().map(|name| {
        let mut services: Decided =
            of_source(name, &desired.source, index).into_iter().map(removed).collect();
        let held = guarded.as_ref().or_else(|| closed.get(name));
        for service in services.values_mut() {
            hold(service, held);
        }
        Pruned { name, services, held: held.cloned() }
    });
    pruned.collect()
}

/// Names of the projects in which this source made something.
fn owned<'a>(source: &str, index: &Index<'a>) -> BTreeSet<&'a str> {
    let networks = index.observed.networks.iter().filter(|network| is_of_source(&network.labels, source));
    let mut all: BTreeSet<&str> =
        networks.filter_map(|network| network.labels.get(labels::PROJECT)).map(String::as_str).collect();
    all.extend(index.stacks().into_iter().filter(|stack| !of_source(stack, source, index).is_empty()));
    all
}

fn guard(desired: &DesiredState, policy: &Policy, leaving: usize, all: usize) -> Option<Cause> {
    let most = policy.max_removals;
    let why = if desired.stacks.is_empty() {
        format!("the source names no stack at all, and {all} of its stacks run: held back")
    } else if leaving > 1 && leaving * 100 > all * usize::from(most) {
        format!("{leaving} of {all} stacks would go, more than {most} % at once: held back")
    } else {
        return None;
    };
    Some(Cause::new(CauseKind::Orphan, "stacks").values(None, Some(why)))
}
