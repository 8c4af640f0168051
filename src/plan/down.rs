//! Taking a stack down: containers in reverse order of their dependencies, then its networks. Volumes stay.

use super::Policy;
use super::edges::{Builder, Owner};
use super::index::{Index, is_ours};
use super::removal::{self, Target};
use super::text::plan_id;
use crate::model::change::{Cause, CauseKind, Change, ChangeAction, ChangeSet, StackChanges};
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedNetwork, ObservedState};
use crate::model::step::{Action, Plan, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// The plan that takes down what this program made for a stack, and what `docker compose` made for it in the same
/// directory. Containers of other tools in the same project stay, and with them the networks they use.
pub fn plan_down(stack: &str, observed: &ObservedState, policy: &Policy) -> Plan {
    let index = Index::new(observed);
    let directories = directories(stack, &index);
    let goes =
        |container: &ObservedContainer| is_ours(&container.labels) || is_adopted(container, &directories);
    let mut builder = Builder::default();
    let mut changes = StackChanges::default();
    let (mut stops, mut removes) = (BTreeMap::new(), BTreeMap::new());
    let mut going: Vec<&ObservedContainer> = Vec::new();
    for (key, containers) in index.services(stack).filter(|_| policy.covers(stack)) {
        let owner = Owner { stack, service: key };
        for container in containers.iter().copied().filter(|container| goes(container)) {
            let cause = [Cause::new(CauseKind::Orphan, &container.name)];
            let prefix = format!("{stack}/{key}-{}", container.number());
            let target = Target { owner, prefix: &prefix, container, is_leftover: false, causes: &cause };
            let stopping = removal::stop(&mut builder, target, &[], &[]);
            let after: Vec<StepId> = stopping.iter().map(|stopping| stopping.stop.clone()).collect();
            stops.extend(stopping.map(|stopping| (container.id.clone(), stopping.stop)));
            let remove = removal::remove(&mut builder, target, &after);
            removes.insert(container.id.clone(), remove);
            going.push(container);
            let change = changes.services.entry(key.to_owned());
            change.or_insert_with(|| Change::new(ChangeAction::Remove, Vec::new())).causes.extend(cause);
        }
        for container in containers.iter().filter(|container| !goes(container)) {
            let change = changes.services.entry(key.to_owned()).or_insert_with(Change::unchanged);
            change.warnings.push(format!("{} was made by another tool and stays", container.name));
        }
    }
    for (key, runs) in index.services_with_runs(stack).filter(|_| policy.covers(stack)) {
        let change = changes.services.entry(key.to_owned());
        let change = change.or_insert_with(|| Change::new(ChangeAction::Remove, Vec::new()));
        for run in runs {
            let cause = Cause::new(CauseKind::Orphan, &run.name);
            let (owner, prefix) = (Owner { stack, service: key }, format!("{stack}/{key}-run"));
            let causes = std::slice::from_ref(&cause);
            let target = Target { owner, prefix: &prefix, container: run, is_leftover: true, causes };
            let stopping = removal::stop(&mut builder, target, &[], &[]);
            let after: Vec<StepId> = stopping.map(|stopping| stopping.stop).into_iter().collect();
            removes.insert(run.id.clone(), removal::remove(&mut builder, target, &after));
            change.causes.push(cause);
        }
    }
    for (key, marks) in index.marked(stack).filter(|_| policy.covers(stack)) {
        let change = changes.services.entry(key.to_owned());
        let change = change.or_insert_with(|| Change::new(ChangeAction::Remove, Vec::new()));
        for mark in marks {
            let cause = Cause::new(CauseKind::Orphan, &mark.name);
            let (owner, prefix) = (Owner { stack, service: key }, format!("{stack}/{key}"));
            let causes = std::slice::from_ref(&cause);
            let target = Target { owner, prefix: &prefix, container: mark, is_leftover: false, causes };
            removal::lift(&mut builder, target, &[]);
            change.causes.push(cause);
        }
    }
    reverse_order(&mut builder, &going, &stops);
    if policy.covers(stack) {
        networks(stack, &index, &removes, (&mut builder, &mut changes));
    }
    let changes = BTreeMap::from([(stack.to_owned(), changes)]);
    finished(builder, changes)
}

/// The directories that this program knows the stack from: those that its own containers name.
fn directories<'a>(stack: &str, index: &Index<'a>) -> BTreeSet<&'a str> {
    let all = index.services(stack).flat_map(|(_, containers)| containers);
    let own = all.filter(|container| is_ours(&container.labels));
    own.map(|container| container.label(labels::WORKING_DIR))
        .filter(|directory| !directory.is_empty())
        .collect()
}

/// Whether another tool made a container for the very stack, as far as labels tell: a project of the same name
/// elsewhere is somebody else's.
fn is_adopted(container: &ObservedContainer, directories: &BTreeSet<&str>) -> bool {
    directories.contains(container.label(labels::WORKING_DIR)) && container.number() > 0
}

fn finished(builder: Builder, changes: ChangeSet) -> Plan {
    let steps = builder.finish();
    Plan { id: plan_id(&steps), changes, steps, ..Plan::default() }
}

fn networks(
    stack: &str,
    index: &Index,
    removes: &BTreeMap<String, StepId>,
    (builder, changes): (&mut Builder, &mut StackChanges),
) {
    // One that another tool made goes with the last of the stack's containers.
    let is_left = |network: &ObservedNetwork| {
        let mut attached = index.attached(&network.name).iter();
        !removes.is_empty()
            && network.labels.contains_key(labels::NETWORK)
            && attached.all(|container| removes.contains_key(&container.id))
    };
    let own = index.networks_of(stack).iter().filter(|network| is_ours(&network.labels) || is_left(network));
    for network in own {
        let key = network.labels.get(labels::NETWORK).unwrap_or(&network.name).clone();
        let attached = index.attached(&network.name);
        if let Some(user) = attached.iter().find(|container| !removes.contains_key(&container.id)) {
            let cause = Cause::new(CauseKind::Dependency, &user.name);
            let cause = cause.values(Some("is still attached to it".to_owned()), None);
            changes.networks.insert(key, Change::new(ChangeAction::Blocked, vec![cause]));
            continue;
        }
        let after: Vec<StepId> =
            attached.iter().filter_map(|container| removes.get(&container.id)).cloned().collect();
        let cause = [Cause::new(CauseKind::Orphan, &network.name)];
        let action = Action::RemoveNetwork { id: network.id.clone(), name: network.name.clone() };
        let owner = Owner { stack, service: "" };
        builder.push(format!("{stack}/network-{key}/remove"), owner, action, &cause, &after);
        changes.networks.insert(key, Change::new(ChangeAction::Remove, cause.to_vec()));
    }
}

/// Stops dependents before what they depend on, as the containers' labels tell. A stop that fails holds up nothing.
pub(super) fn reverse_order(
    builder: &mut Builder,
    containers: &[&ObservedContainer],
    stops: &BTreeMap<String, StepId>,
) {
    let mut by_service: BTreeMap<&str, Vec<&StepId>> = BTreeMap::new();
    for container in containers {
        by_service.entry(container.service()).or_default().extend(stops.get(&container.id));
    }
    for container in containers {
        let Some(first) = stops.get(&container.id) else { continue };
        for entry in container.label(labels::DEPENDS_ON).split(',') {
            let key = entry.split(':').next().unwrap_or(entry);
            for dependency in by_service.get(key).into_iter().flatten().filter(|step| **step != first) {
                builder.after_any(dependency, first);
            }
        }
    }
}
