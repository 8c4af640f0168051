//! What stands against a change: data that would be lost, things that are somebody else's, an engine that cannot.

use super::diff::{Context, ServiceDiff};
use super::gates;
use super::instances::{Instance, Judge, Kick};
use super::networks::NetworkFate;
use super::order;
use super::quarantine;
use super::replicas::Replicas;
use super::service::Decided;
use super::volumes;
use crate::model::change::{Cause, CauseKind, ChangeAction};
use crate::model::desired::host_ports;
use crate::model::observed::ObservedContainer;
use std::collections::{BTreeMap, BTreeSet};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Reasons to do nothing.
    pub causes: Vec<Cause>,
    /// What is merely worth knowing.
    pub warnings: Vec<String>,
}

/// Holds a service's change against everything that may stand in its way. A service that stays as it is is never
/// blocked.
pub(super) fn check(judge: &Judge, replicas: &Replicas, decided: &Decided) -> Found {
    let mut found = Found::default();
    if replicas.instances.iter().any(Instance::is_created) {
        found.causes.extend(replicas.taken.iter().cloned());
        let gates = gates::check(judge.service, judge.context.index.observed.engine.api);
        found.causes.extend(gates.blocked);
        found.warnings.extend(gates.warnings);
        networks(judge, &mut found);
        volumes(judge, &replicas.instances, &mut found);
        let images = judge.context.images.of_service(judge.service);
        found.causes.extend(images.filter_map(|fate| fate.blocked.clone()));
        dependencies((judge, &replicas.instances), decided, &mut found, |_| true);
    } else if replicas.instances.iter().any(|instance| instance.kick == Kick::Start) {
        // What it needs may be blocked and yet run as it was: that is good enough for a start.
        let is_down = |found: &ServiceDiff| {
            !found.is_restored
                && !found.instances.iter().any(|instance| instance.standing().any(ObservedContainer::is_up))
        };
        dependencies((judge, &replicas.instances), decided, &mut found, is_down);
    }
    if replicas.instances.iter().any(Instance::is_new) {
        gates(judge, decided, &mut found);
    }
    let held = judge.context.held.services.get(&(judge.stack.name.clone(), judge.key.to_owned()));
    found.causes.extend(held.into_iter().flatten().cloned());
    found
}

impl<'a> Instance<'a> {
    /// The containers that stand for it now.
    pub(super) fn standing(&self) -> impl Iterator<Item = &'a ObservedContainer> {
        self.keep.into_iter().chain(self.rest.iter().copied())
    }
}

fn networks(judge: &Judge, found: &mut Found) {
    let context = judge.context;
    let own = context.networks.get(judge.stack.name.as_str());
    for key in judge.service.spec.networks.keys() {
        let Some(network) = own.and_then(|networks| networks.get(key)) else { continue };
        let name = network.spec.map_or(key, |spec| &spec.name);
        // A shared network may be blocked in the stack that makes it.
        let causes = if network.fate == NetworkFate::Blocked {
            &network.change.causes[..]
        } else if context.network_fate(name) == NetworkFate::Blocked {
            context.network_causes(name)
        } else {
            continue;
        };
        if let Some(missing) = causes.iter().find(|cause| cause.kind == CauseKind::Missing) {
            found.causes.push(missing.clone());
        } else {
            let cause = Cause::new(CauseKind::Dependency, format!("networks.{key}"));
            found.causes.push(cause.values(None, Some("the network is blocked".to_owned())));
        }
    }
}

fn volumes(judge: &Judge, instances: &[Instance], found: &mut Found) {
    let emptied = emptied(judge, instances);
    // One reason is enough where the service is kept from the volume anyway.
    let is_emptied =
        |target: &str| !judge.service.allow_empty_volume && emptied.iter().any(|cause| cause.path == target);
    let mounts = judge.service.spec.volumes.iter().filter(|mount| !is_emptied(&mount.target));
    let keys: BTreeSet<&String> = mounts.map(|mount| &mount.source).collect();
    let volumes = judge.context.volumes.get(judge.stack.name.as_str());
    for (key, volume) in volumes.into_iter().flatten().filter(|(key, _)| keys.contains(key)) {
        if volume.change.action != ChangeAction::Blocked {
            continue;
        }
        if let Some(missing) = volume.change.causes.iter().find(|cause| cause.kind == CauseKind::Missing) {
            found.causes.push(missing.clone());
        } else {
            let cause = Cause::new(CauseKind::Dependency, format!("volumes.{key}"));
            found.causes.push(cause.values(None, Some("the volume is blocked".to_owned())));
        }
    }
    if judge.service.allow_empty_volume {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        found.warnings.extend(emptied.iter().map(|cause| {
            format!("{} will hold {} in place of {}", cause.path, text(&cause.new), text(&cause.old))
        }));
    } else {
        found.causes.extend(emptied);
    }
}

/// What the replicas that are replaced would find empty.
fn emptied(judge: &Judge, instances: &[Instance]) -> Vec<Cause> {
    let old = instances.iter().filter(|instance| instance.is_created()).filter_map(Instance::predecessor);
    let mut all: Vec<Cause> = Vec::new();
    for cause in old.flat_map(|old| volumes::emptied(judge.stack, judge.service, old, judge.context.index)) {
        if !all.contains(&cause) {
            all.push(cause);
        }
    }
    all
}

fn dependencies(
    (judge, dependents): (&Judge, &[Instance]),
    decided: &Decided,
    found: &mut Found,
    counts: impl Fn(&ServiceDiff) -> bool,
) {
    let required = judge.service.depends_on.iter().filter(|(_, dependency)| dependency.required);
    let mut keys: BTreeSet<&str> = required.map(|(key, _)| key.as_str()).collect();
    let parents = order::parents(&judge.service.spec);
    keys.extend(&parents);
    for key in keys {
        let Some(dependency) = decided.get(key) else { continue };
        let cause = Cause::new(CauseKind::Dependency, key);
        let condition = judge.service.depends_on.get(key).map(|dependency| dependency.condition);
        let is_met = dependency.is_quarantined && quarantine::serves(dependency, condition, dependents);
        if dependency.is_blocked() && !is_met && counts(dependency) {
            let is_left = || dependency.change.causes.iter().any(|cause| cause.kind == CauseKind::LeftAlone);
            let what = match dependency.is_quarantined {
                true if is_left() => "left as somebody changed it",
                true => "quarantined",
                false => "blocked",
            };
            found.causes.push(cause.values(None, Some(format!("service {key} is {what}"))));
        } else if parents.contains(key) && dependency.instances.is_empty() {
            found
                .causes
                .push(cause.values(None, Some(format!("service {key} has no replicas to share with"))));
        }
    }
}

/// Nothing new starts while a job that has to run before it cannot.
fn gates(judge: &Judge, decided: &Decided, found: &mut Found) {
    if judge.stack.needed_by_jobs().contains(judge.key) {
        return;
    }
    for job in judge.stack.pre_deploy.keys() {
        if decided.get(job).is_some_and(ServiceDiff::is_blocked) {
            let cause = Cause::new(CauseKind::Dependency, job);
            found.causes.push(cause.values(None, Some(format!("service {job} is blocked"))));
        }
    }
}

/// Names and host ports that changed services want and that stay with somebody else. Found when everything is
/// decided, because only then it is known what goes.
pub(super) fn clashes<'a>(
    context: &Context<'a, '_>,
    stack: &str,
    services: &Decided<'a>,
    leaving: &BTreeSet<&str>,
    names: &mut BTreeMap<String, String>,
) -> Vec<(String, Vec<Cause>)> {
    let mut clashes = Vec::new();
    for (key, service) in services {
        let Some(desired) = service.desired.filter(|_| !service.is_blocked()) else { continue };
        let mut causes = Vec::new();
        for instance in &service.instances {
            let path = format!("{stack}/{key}");
            if let Some(other) =
                names.insert(instance.name.clone(), path.clone()).filter(|other| *other != path)
            {
                let old = Some(format!("service {other} has the same container name"));
                causes.push(Cause::new(CauseKind::NameTaken, &instance.name).values(old, None));
            }
            causes.extend(name_clash(context, instance, leaving));
        }
        let begins = |instance: &Instance| match instance.keep {
            Some(kept) => instance.kick == Kick::Start && !kept.is_up(),
            None => true,
        };
        let begins = service.instances.iter().any(begins);
        for (address, first, last, protocol) in desired.spec.ports.iter().filter_map(host_ports) {
            if !begins || last > first {
                // The engine picks any free port of a range.
                continue;
            }
            let mut holders = context.index.port_holders(address, first, protocol).into_iter();
            let own = |holder: &ObservedContainer| holder.stack() == stack && holder.service() == key;
            if let Some(holder) = holders.find(|holder| !leaving.contains(&*holder.id) && !own(holder)) {
                let old = Some(format!("container {}", holder.name));
                causes
                    .push(Cause::new(CauseKind::PortTaken, format!("{first}/{protocol}")).values(old, None));
            }
        }
        if !causes.is_empty() {
            clashes.push((key.clone(), causes));
        }
    }
    clashes
}

/// Volumes that a service was kept from because they would be empty. Were one made for another service, the next run
/// would find it there and take it for full.
pub(super) fn unmade_volumes(context: &Context, stack: &str, services: &Decided) -> Vec<(String, Cause)> {
    let Some(desired) = context.desired.stacks.get(stack) else { return Vec::new() };
    let mut unmade = Vec::new();
    for (key, service) in services {
        let kept_from: BTreeSet<&str> = service
            .change
            .causes
            .iter()
            .filter(|cause| cause.kind == CauseKind::EmptyVolume)
            .map(|cause| cause.path.as_str())
            .collect();
        let mounts = service.desired.map_or(&[][..], |desired| &desired.spec.volumes);
        for mount in mounts.iter().filter(|mount| kept_from.contains(&*mount.target)) {
            if let Some(volume) = desired.volumes.get(&mount.source) {
                let cause = Cause::new(CauseKind::Dependency, format!("{stack}/{key}"));
                let why = Some("it would be empty there".to_owned());
                unmade.push((volume.name.clone(), cause.values(None, why)));
            }
        }
    }
    unmade
}

fn name_clash(context: &Context, instance: &Instance, leaving: &BTreeSet<&str>) -> Option<Cause> {
    let is_own = |found: &ObservedContainer| instance.standing().any(|own| own.id == found.id);
    let takes_name = instance.keep.is_none_or(|kept| kept.name != instance.name);
    let needs_next = instance.is_created();
    let next = format!("{}.next", instance.name);
    let wanted = [(takes_name, &instance.name), (needs_next, &next)];
    let holder = wanted.into_iter().filter(|(wants, _)| *wants).find_map(|(_, name)| {
        context.index.named(name).filter(|found| !is_own(found) && !leaving.contains(&*found.id))
    })?;
    let owner = match holder.stack() {
        "" => "a container that no stack made".to_owned(),
        stack => format!("a container of project {stack}"),
    };
    Some(Cause::new(CauseKind::NameTaken, &holder.name).values(Some(owner), None))
}
