//! Names and host ports that pass from one service to another within one plan.

use super::diff::ServiceDiff;
use super::instances::{Instance, shares_namespace};
use super::schedule::Scheduler;
use crate::model::desired::host_ports;
use crate::model::observed::ObservedContainer;
use std::collections::BTreeSet;

/// Ports of a range that are looked at; a longer one is not handed over as a whole.
const LONGEST_RANGE: u16 = 1000;

/// What a hand-over adds: the later step, the earlier one, and whether the earlier one waits for the creation of the
/// container that takes over; and the first step that touches what the taker serves with.
struct HandOver {
    step: String,
    holder: String,
    create: Option<String>,
    interrupt: Option<String>,
}

/// Lets every taker wait for its giver. A giver without a successor of its own is not stopped before the taker is
/// created. One that has one may go back to what served, and needs what it gives for that: until there is no way back, the
/// taker is left as it is.
pub(super) fn add(scheduler: &mut Scheduler) {
    let mut all = names(scheduler);
    all.extend(ports(scheduler));
    let succeeded = succeeded(scheduler);
    for over in all {
        let (stop, free) = (scheduler.stops.get(&over.holder), scheduler.frees.get(&over.holder));
        let (stop, free) = (stop.cloned(), free.cloned());
        let is_rename = over.step.ends_with("/rename");
        if let Some(giver) = if is_rename { free } else { stop.clone() } {
            scheduler.builder.after(&over.step, &giver);
        }
        if let (Some(create), Some(stop)) = (&over.create, &stop) {
            scheduler.builder.after(stop, create);
        }
        let removal = scheduler.removes.get(&over.holder).filter(|_| succeeded.contains(&over.holder));
        if let Some(removal) = removal {
            scheduler.builder.in_turn_after(over.interrupt.as_ref().unwrap_or(&over.step), removal);
        }
    }
}

/// Ids of the containers that others take over from.
fn succeeded(scheduler: &Scheduler) -> BTreeSet<String> {
    let services = scheduler.diff.stacks.values().flat_map(|stack| stack.services.values());
    let replaced = services.filter(|service| service.takes_part()).flat_map(|service| &service.instances);
    replaced.filter_map(Instance::predecessor).map(|old| old.id.clone()).collect()
}

/// A container whose network others share stops only after they have gone: until then their way back needs it.
pub(super) fn keep_parents(scheduler: &mut Scheduler) {
    let observed = &scheduler.diff.index.observed.containers;
    let mut pairs = Vec::new();
    for child in observed {
        let Some(joined) = child.network_mode.strip_prefix("container:") else { continue };
        let parent = observed.iter().find(|found| found.id == joined || found.name == joined);
        // One that joins the new one can only be made when that is there.
        let wanted = scheduler.diff.desired.stacks.get(child.stack());
        let wanted = wanted.and_then(|stack| stack.services.get(child.service()));
        let parent =
            parent.filter(|parent| !wanted.is_some_and(|wanted| shares_namespace(wanted, parent.service())));
        let stop = parent.and_then(|parent| scheduler.stops.get(&parent.id));
        if let (Some(stop), Some(removal)) = (stop, scheduler.removes.get(&child.id)) {
            pairs.push((stop.clone(), removal.clone()));
        }
    }
    for (stop, removal) in pairs {
        scheduler.builder.in_turn_after(&stop, &removal);
    }
}

fn names(scheduler: &Scheduler) -> Vec<HandOver> {
    let own = |step: &str, holder: &ObservedContainer| {
        scheduler.frees.get(&holder.id).is_some_and(|free| {
            free.rsplit_once('/').map(|(prefix, _)| prefix) == step.rsplit_once('/').map(|(prefix, _)| prefix)
        })
    };
    let takers = scheduler.renames.iter().filter_map(|(step, name, create, interrupt)| {
        let holder = scheduler.diff.index.named(name).filter(|holder| !own(step, holder))?;
        let (step, holder) = (step.clone(), holder.id.clone());
        Some(HandOver { step, holder, create: create.clone(), interrupt: interrupt.clone() })
    });
    takers.collect()
}

fn ports(scheduler: &Scheduler) -> Vec<HandOver> {
    let mut found = Vec::new();
    for (name, stack) in &scheduler.diff.stacks {
        for (key, service) in stack.services.iter().filter(|(_, service)| service.takes_part()) {
            let marks = scheduler.marks_of(name, key);
            for mark in marks {
                let Some(start) = &mark.start else { continue };
                for holder in holders(scheduler, service) {
                    found.push(HandOver {
                        step: start.clone(),
                        holder: holder.id.clone(),
                        create: mark.create.clone(),
                        interrupt: mark.interrupt.clone(),
                    });
                }
            }
        }
    }
    found
}

/// Containers of others that hold a host port which a service's replicas want.
fn holders<'a>(scheduler: &Scheduler<'_, 'a>, service: &ServiceDiff<'a>) -> Vec<&'a ObservedContainer> {
    let own = || service.instances.iter().flat_map(Instance::standing);
    let ports = service.desired.map_or(&[][..], |desired| &desired.spec.ports);
    let mut found = Vec::new();
    for (address, first, last, protocol) in ports.iter().filter_map(host_ports) {
        for port in first..=last.min(first.saturating_add(LONGEST_RANGE)) {
            let holders = scheduler.diff.index.port_holders(address, port, protocol);
            // Of a range the engine gives each replica one that is free: none waits for another.
            let is_other = |holder: &&ObservedContainer| {
                !own().any(|standing: &ObservedContainer| standing.id == holder.id)
            };
            found.extend(holders.into_iter().filter(is_other));
        }
    }
    found
}
