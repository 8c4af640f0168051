//! What becomes of one service, given what becomes of those before it.

use super::blocks;
use super::closed;
use super::diff::{Context, ServiceDiff};
use super::drift;
use super::explain;
use super::index::is_ours;
use super::instances::{Instance, Judge, Kick, shares_namespace};
use super::order;
use super::overlap;
use super::pre_deploy;
use super::quarantine::{self, Hold};
use super::replicas::{self, Replicas};
use super::restore;
use crate::model::change::{Cause, CauseKind, Change, ChangeAction};
use crate::model::desired::DesiredStack;
use crate::model::observed::{ContainerState, ObservedContainer};
use std::collections::BTreeMap;

/// Services of the same stack that were decided before.
pub(super) type Decided<'a> = BTreeMap<String, ServiceDiff<'a>>;

/// Decides for one service. `None` if the stack has none of that key.
pub(super) fn decide<'a>(
    context: &Context<'a, '_>,
    stack: &'a DesiredStack,
    key: &'a str,
    decided: &Decided<'a>,
) -> Option<ServiceDiff<'a>> {
    let judge = Judge::new(context, stack, key)?;
    let mut replicas = replicas::decide(&judge);
    let diff = diff(&judge, &replicas.instances);
    let hold = closed::hold(&judge, &mut replicas)
        .or_else(|| quarantine::hold(&judge, &mut replicas))
        .or_else(|| drift::hold(&judge, &mut replicas));
    if hold.is_none() {
        replace_what_never_started(&judge, &mut replicas.instances);
    }
    follow_parents(&judge, &mut replicas.instances, decided, hold.as_ref());
    restart_with_dependencies(&judge, &mut replicas.instances, decided);
    pre_deploy::stop_for_jobs(&judge, &mut replicas.instances, decided);
    // What its old container needs may be gone for good, such as the container whose network it shares: then the new
    // one is all there is.
    let hold = hold.filter(|_| !replicas.instances.iter().any(Instance::is_created));
    let waits = hold.as_ref().is_some_and(|hold| closed::action(&hold.cause) == ChangeAction::Wait);
    let is_quarantined = hold.is_some();
    let mut change = Change::new(action(&replicas), causes(&replicas));
    match hold {
        Some(hold) => {
            if change.action == ChangeAction::Unchanged {
                change.action = closed::action(&hold.cause);
            }
            change.causes.insert(0, hold.cause);
            change.causes.extend(hold.held_back);
        }
        None => outdated_marks(&judge, &mut change),
    }
    change.warnings.append(&mut replicas.warnings);
    change
        .warnings
        .extend(context.images.get(&judge.service.image.reference).and_then(|fate| fate.warning.clone()));
    let mut found = blocks::check(&judge, &replicas, decided);
    let overlap = overlap::decide(&judge, &mut replicas.instances);
    found.causes.extend(overlap.causes);
    change.warnings.extend(found.warnings.into_iter().chain(overlap.warnings));
    // Made anew because of another service: there is a difference only now.
    change.diff = if diff.is_empty() { self::diff(&judge, &replicas.instances) } else { diff };
    // What it needs may wait as well: that is no fault, and holds up no container that ran without it.
    found.causes.retain(|cause| !waits || cause.kind != CauseKind::Dependency);
    if !found.causes.is_empty() {
        change.action = ChangeAction::Blocked;
        change.causes = found.causes;
    }
    let is_restored = change.action == ChangeAction::Blocked
        && restore::decide(&judge, &mut replicas, decided, &change.causes);
    if is_restored {
        change.warnings.extend(restore::warnings(&replicas.instances));
    }
    let Replicas { instances, gone, .. } = replicas;
    let kept = instances.iter().filter_map(|instance| instance.keep);
    change.adopted = kept.filter(|kept| !is_ours(&kept.labels)).map(|kept| kept.name.clone()).collect();
    let (desired, hash) = (Some(judge.service), judge.hash);
    Some(ServiceDiff { desired, hash, instances, gone, is_quarantined, is_restored, change })
}

/// A mark that holds nothing back any more goes; where nothing else is to do, that is what is done.
fn outdated_marks(judge: &Judge, change: &mut Change) {
    let marks = judge.context.index.marks(&judge.stack.name, judge.key);
    if change.action == ChangeAction::Unchanged && !marks.is_empty() {
        change.action = ChangeAction::Tidy;
        change.causes.extend(marks.iter().map(|mark| Cause::new(CauseKind::Leftover, &mark.name)));
    }
}

/// What failed and never ran is made anew when it is tried again: an engine that was restarted in the middle of its start
/// may not be able to start that very container any more (`failed to start shim: … file exists`, containerd 1.6).
fn replace_what_never_started(judge: &Judge, instances: &mut [Instance]) {
    let Some(mark) = judge.context.index.marks(&judge.stack.name, judge.key).first() else { return };
    let never_ran = |kept: &ObservedContainer| kept.state == ContainerState::Created;
    for instance in
        instances.iter_mut().filter(|one| one.kick == Kick::Start && one.keep.is_some_and(never_ran))
    {
        instance.replace(Cause::new(CauseKind::Leftover, &mark.name));
    }
}

/// A container that shares another's namespace or volumes is bound to that very container: it follows when that one
/// is replaced, and loses its namespace when that one merely restarts. One that is held is bound to what it was made for,
/// which may be another one than its file names now: that one is held as well (`quarantine::needed`).
fn follow_parents(judge: &Judge, instances: &mut [Instance], decided: &Decided, hold: Option<&Hold>) {
    let network = &judge.service.spec.network_mode;
    let is_elsewhere = |parent: &str, kept: &ObservedContainer| {
        let joins_another = || {
            let joined = quarantine::joined(judge.context.index, kept);
            !kept.network_mode.starts_with("container:") || joined.is_some_and(|it| it.service() != parent)
        };
        hold.is_some() && network.strip_prefix("service:") == Some(parent) && joins_another()
    };
    // A stack that is closed to changes is left alone, whatever has become of it.
    let may_be_tried = hold.is_some_and(|hold| closed::action(&hold.cause) != ChangeAction::Wait);
    for instance in instances.iter_mut().filter(|_| may_be_tried) {
        if instance.keep.is_some_and(|kept| lost_its_parent(judge, kept)) {
            let cause = Cause::new(CauseKind::Drift, "network_mode");
            instance.replace(cause.values(Some("what it joined does not run".to_owned()), None));
        }
    }
    for parent in order::parents(&judge.service.spec) {
        let Some(found) = decided.get(parent).filter(|found| found.takes_part()) else { continue };
        let cause = || Cause::new(CauseKind::DependencyReplaced, parent);
        let restarts = |instance: &Instance| {
            matches!(instance.kick, Kick::Start | Kick::Restart | Kick::Resume | Kick::Restore)
        };
        let shares = shares_namespace(judge.service, parent);
        for instance in instances.iter_mut() {
            let Some(kept) = instance.keep.filter(|kept| !judge.is_complete(kept)) else { continue };
            if is_elsewhere(parent, kept) {
                continue;
            }
            let is_stale =
                found.instances.first().is_some_and(|first| is_stale(judge, kept, (parent, first)));
            if is_stale || found.instances.iter().any(Instance::is_created) {
                instance.replace(cause());
            } else if shares && kept.is_up() {
                if found.instances.iter().any(restarts) {
                    restart(instance, cause());
                } else if found.instances.first().is_some_and(|first| was_started_later(judge, first, kept)) {
                    let why = "was started again, and the namespace that this one joined is gone";
                    restart(instance, cause().values(None, Some(why.to_owned())));
                }
            }
        }
    }
}

/// Whether a container shares the network of one that its service has nothing to do with any more, and that does not run:
/// nobody starts that one for it.
fn lost_its_parent(judge: &Judge, kept: &ObservedContainer) -> bool {
    let parents = order::parents(&judge.service.spec);
    let joined = quarantine::joined(judge.context.index, kept);
    let is_wanted = |found: &ObservedContainer| parents.contains(found.service());
    let is_as_asked = kept.network_mode == judge.service.spec.network_mode;
    kept.network_mode.starts_with("container:")
        && !is_as_asked
        && !joined.is_some_and(|found| found.is_up() || is_wanted(found))
}

/// Whether a container was made against another incarnation of its parent: an earlier run replaced that one and did
/// not get any further. A child is always made after its parent.
fn is_stale(judge: &Judge, child: &ObservedContainer, (key, parent): (&str, &Instance)) -> bool {
    let Some(standing) = parent.keep else { return false };
    let shares_network = judge.service.spec.network_mode.strip_prefix("service:") == Some(key);
    let joined = child.network_mode.strip_prefix("container:").filter(|_| shares_network);
    let joins_another = joined.is_some_and(|joined| joined != standing.id && joined != parent.name);
    standing.created > child.created || joins_another
}

/// Whether a parent was started after its child, which can only join what runs: somebody else started it again. What is
/// still to come by this machine's clock says nothing: a clock that went back must not restart a child at every run.
fn was_started_later(judge: &Judge, parent: &Instance, child: &ObservedContainer) -> bool {
    let started = |found: &ObservedContainer| judge.context.index.observed.started.get(&found.id);
    let (Some(parent), Some(child)) = (parent.keep.and_then(started), started(child)) else { return false };
    child < parent && parent.div_euclid(1_000_000_000) <= judge.context.now
}

fn restart_with_dependencies(judge: &Judge, instances: &mut [Instance], decided: &Decided) {
    let restarting = judge.service.depends_on.iter().filter(|(_, dependency)| dependency.restart);
    for (key, _) in restarting {
        let is_replaced = |found: &ServiceDiff| {
            !found.is_blocked()
                && found.instances.iter().any(|instance| instance.action() == ChangeAction::Replace)
        };
        if !decided.get(key).is_some_and(is_replaced) {
            continue;
        }
        for instance in instances.iter_mut().filter(|instance| {
            instance.keep.is_some_and(super::super::model::observed::ObservedContainer::is_up)
        }) {
            restart(instance, Cause::new(CauseKind::DependencyReplaced, key));
        }
    }
}

fn restart(instance: &mut Instance, cause: Cause) {
    if matches!(instance.kick, Kick::None | Kick::Restart) {
        instance.kick = Kick::Restart;
        instance.causes.push(cause);
    }
}

/// The weightiest of what happens to the replicas.
fn action(replicas: &Replicas) -> ChangeAction {
    let actions = || replicas.instances.iter().map(Instance::action);
    let has = |wanted: &ChangeAction| actions().any(|action| action == *wanted);
    match [ChangeAction::Replace, ChangeAction::Create, ChangeAction::Start].into_iter().find(has) {
        Some(action) => action,
        None if !replicas.gone.is_empty() => ChangeAction::Remove,
        None if has(&ChangeAction::Tidy) => ChangeAction::Tidy,
        None => ChangeAction::Unchanged,
    }
}

fn causes(replicas: &Replicas) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    let scale = replicas.scale.iter().filter(|_| !replicas.gone.is_empty());
    for cause in replicas.instances.iter().flat_map(|instance| &instance.causes).chain(scale) {
        if !causes.contains(cause) {
            causes.push(cause.clone());
        }
    }
    causes
}

fn diff(judge: &Judge, instances: &[Instance]) -> String {
    let replaced = instances.iter().find(|instance| instance.action() == ChangeAction::Replace);
    match replaced.and_then(Instance::predecessor) {
        Some(old) if is_ours(&old.labels) => {
            explain::spec_diff(judge.service, old, judge.context.index.observed.environments.get(&old.id))
        }
        _ => String::new(),
    }
}
