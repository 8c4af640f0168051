//! Replicas one batch after another, and what they go back to.

use super::acceptance::STABLE;
use super::conditions::Conditions;
use super::diff::{ServiceDiff, StackDiff};
use super::edges::Owner;
use super::instances::Instance;
use super::quarantine;
use super::removal::reference;
use super::schedule::Scheduler;
use super::steps::{self, Marks};
use super::ties::Ties;
use crate::model::desired::{DesiredService, JobMode};
use crate::model::observed::{Health, ObservedContainer};
use crate::model::rollout::{FailureAction, Pace};
use crate::model::step::{Action, ContainerRef, StepId};
use crate::model::units::Nanos;
use crate::model::way_back::{Follower, ReplicaBack, ServiceBack, WayBack};
use std::collections::BTreeSet;

/// Whether a replica has its turn in a rollout: something serves that it takes over from. What is merely created or
/// started disturbs nobody and waits for none.
fn rolls(service: &DesiredService, instance: &Instance) -> bool {
    service.job != JobMode::Job && instance.served(service).is_some()
}

impl<'d, 'a> Scheduler<'d, 'a> {
    /// Adds the steps of a service's replicas.
    pub fn replicas(
        &mut self,
        owner: Owner<'d>,
        stack: &'d StackDiff<'a>,
        service: &'d ServiceDiff<'a>,
        conditions: Conditions,
    ) -> Vec<Marks> {
        let Some(desired) = service.desired else { return Vec::new() };
        let pace = &desired.rollout.update;
        let total = service.instances.iter().filter(|instance| rolls(desired, instance)).count();
        let tolerated = pace.tolerated(total);
        let at_once = Conditions { turn: None, ..conditions.clone() };
        let mut in_turn = conditions;
        let (mut marks, mut rolled) = (Vec::new(), Vec::<Marks>::new());
        for instance in &service.instances {
            if !rolls(desired, instance) {
                marks.push(steps::replica(self, owner, stack, service, (instance, &at_once)));
                continue;
            }
            if !rolled.is_empty() && rolled.len() % pace.batch() == 0 {
                let id =
                    format!("{}/{}/batch-{}", owner.stack, owner.service, rolled.len() / pace.batch() + 1);
                let last = if tolerated == 0 || tolerated >= total { pace.batch() } else { rolled.len() };
                let before = &rolled[rolled.len() - last..];
                in_turn.turn = Some(self.pause(owner, id, pace.delay, (before, tolerated, total)));
            }
            let mark = steps::replica(self, owner, stack, service, (instance, &in_turn));
            rolled.push(mark.clone());
            marks.push(mark);
        }
        if rolled.len() > 1 {
            if tolerated == 0 {
                self.create_all_first(&rolled, pace);
            }
            if pace.failure_action == FailureAction::Rollback {
                let id = format!("{}/{}/accepted", owner.stack, owner.service);
                let accepted = self.pause(owner, id, Nanos(0), (&rolled, tolerated, total));
                for removal in rolled.iter().filter_map(|mark| mark.removal.as_ref()) {
                    self.builder.after(removal, &accepted);
                }
            }
        }
        marks
    }

    /// Lets time pass after some replicas, and goes on only if not more of them failed than may.
    fn pause(
        &mut self,
        owner: Owner,
        id: StepId,
        period: Nanos,
        (before, tolerated, total): (&[Marks], usize, usize),
    ) -> StepId {
        let step = self.builder.push(id, owner, Action::Delay { period }, &[], &[]);
        for accepted in before.iter().flat_map(|mark| &mark.accepted) {
            if tolerated == 0 {
                self.builder.after(&step, accepted);
            } else {
                self.builder.after_any(&step, accepted);
            }
        }
        if tolerated > 0 && tolerated < total {
            self.builder.tolerate(&step, tolerated);
        }
        step
    }

    /// Nothing is interrupted before all new containers are there: the last one may be refused.
    fn create_all_first(&mut self, rolled: &[Marks], pace: &Pace) {
        for mark in rolled.iter().take(pace.batch()) {
            let Some(interrupt) = &mark.interrupt else { continue };
            let others = rolled.iter().filter(|other| other.prefix != mark.prefix);
            for create in others.filter_map(|other| other.create.as_ref()) {
                self.builder.in_turn_after(interrupt, create);
            }
        }
    }

    /// What the services of a stack go back to, those together that have to. What one of them served with stays until
    /// all of them are good.
    pub fn plan_ways_back(&mut self, name: &'d str, found: &'d StackDiff<'a>) {
        let Some(stack) = found.desired else { return };
        let mut ties = Ties::of(stack);
        for (child, parent) in self.bound(found) {
            ties.join(child, parent);
        }
        let mut done: BTreeSet<&str> = BTreeSet::new();
        for key in &found.order {
            if done.contains(key) {
                continue;
            }
            let family = ties.family(key);
            // Each after those that it joins; one that is alone need not be looked for.
            let all = if family.len() == 1 { std::slice::from_ref(key) } else { &found.order[..] };
            let members = all.iter().filter(|key| family.contains(*key));
            let services: Vec<ServiceBack> =
                members.filter_map(|key| self.way_back(name, (found, &ties), key)).collect();
            done.extend(family);
            if services.len() > 1 {
                self.remove_together(name, &services);
            }
            if !services.is_empty() {
                self.ways_back.push(WayBack { services });
            }
        }
    }

    /// Services that leave the network of another one which has to be out of the way before their new containers can run:
    /// what they serve with can only run again beside what that one serves with. Where it need not be, it waits until
    /// they have left (`handover::keep_parents`).
    fn bound(&self, found: &'d StackDiff<'a>) -> Vec<(&'a str, &'a str)> {
        let mut bound = Vec::new();
        for key in &found.order {
            let Some(service) = found.services.get(*key).filter(|service| service.takes_part()) else {
                continue;
            };
            for old in service.instances.iter().filter_map(Instance::predecessor) {
                let Some(parent) = quarantine::joined(&self.diff.index, old) else { continue };
                let other = found.order.iter().find(|other| **other == parent.service() && *other != key);
                let (stop, removal) = (self.stops.get(&parent.id), self.removes.get(&old.id));
                let is_before =
                    stop.zip(removal).is_some_and(|(stop, removal)| self.builder.comes_after(removal, stop));
                if let Some(other) = other.filter(|_| is_before && parent.stack() == old.stack()) {
                    bound.push((*key, *other));
                }
            }
        }
        bound
    }

    fn remove_together(&mut self, name: &str, services: &[ServiceBack]) {
        let of = |one: &ServiceBack| self.marks_of(name, &one.service).to_vec();
        let all: Vec<Vec<Marks>> = services.iter().map(of).collect();
        for (at, own) in all.iter().enumerate() {
            for removal in own.iter().filter_map(|mark| mark.removal.as_ref()) {
                let others = all.iter().enumerate().filter(|(other, _)| *other != at);
                for accepted in others.flat_map(|(_, marks)| marks).flat_map(|mark| &mark.accepted) {
                    self.builder.after(removal, accepted);
                }
            }
        }
    }

    fn way_back(&self, name: &str, (found, ties): (&StackDiff, &Ties), key: &str) -> Option<ServiceBack> {
        let service = found.services.get(key).filter(|service| service.takes_part())?;
        let desired = service.desired?;
        let marks = self.marks_of(name, key);
        let replaced = service.instances.iter().zip(marks);
        let replicas: Vec<ReplicaBack> =
            replaced.filter_map(|(instance, mark)| replica(desired, instance, mark)).collect();
        if replicas.is_empty() {
            return None;
        }
        let rollout = &desired.rollout;
        Some(ServiceBack {
            stack: name.to_owned(),
            service: key.to_owned(),
            whole: desired.job != JobMode::Job && rollout.update.failure_action == FailureAction::Rollback,
            tolerated: rollout.update.tolerated(replicas.len()),
            pace: rollout.rollback.clone(),
            settle: rollout.rollback.monitor.unwrap_or(STABLE),
            timeout: rollout.timeout.or(desired.wait_timeout).unwrap_or(self.diff.policy.wait_timeout),
            parents: ties.parents(key).map(str::to_owned).collect(),
            followers: self.followers(name, (found, ties), (key, service)),
            replicas,
        })
    }

    /// What is bound to the containers that serve now, and what wants to restart with them.
    fn followers(
        &self,
        name: &str,
        (found, ties): (&StackDiff, &Ties),
        (key, service): (&str, &ServiceDiff),
    ) -> Vec<Follower> {
        let mut followers: Vec<Follower> = Vec::new();
        let mut add = |follower: Follower| {
            if !followers.contains(&follower) {
                followers.push(follower);
            }
        };
        let served: Vec<&ObservedContainer> = service.desired.map_or_else(Vec::new, |desired| {
            service.instances.iter().filter_map(|instance| instance.served(desired)).collect()
        });
        let bound =
            served.iter().flat_map(|old| [&*old.id, &*old.name]).filter_map(|old| self.joined.get(old));
        for child in bound.flatten() {
            add(existing(child));
        }
        for other in ties.followers(key) {
            let Some(child) = found.services.get(other).filter(|child| !child.is_blocked()) else { continue };
            for instance in &child.instances {
                for up in instance.standing().filter(|found| found.is_up()) {
                    add(existing(up));
                }
                if instance.is_created() {
                    add(Follower {
                        stack: name.to_owned(),
                        service: other.to_owned(),
                        prefix: format!("{name}/{other}-{}", instance.number),
                        container: ContainerRef::Name(instance.name.clone()),
                        is_there: false,
                    });
                }
            }
        }
        followers
    }
}

fn existing(container: &ObservedContainer) -> Follower {
    let (stack, service) = (container.stack().to_owned(), container.service().to_owned());
    let prefix = format!("{stack}/{service}-{}", container.number());
    Follower { stack, service, prefix, container: reference(container), is_there: true }
}

fn replica(service: &DesiredService, instance: &Instance, mark: &Marks) -> Option<ReplicaBack> {
    let old = instance.served(service)?;
    let was_retired = !old.is_up();
    let old_name = if was_retired { instance.name.clone() } else { old.name.clone() };
    let new = match instance.keep {
        Some(kept) => reference(kept),
        None => ContainerRef::Name(format!("{}.next", instance.name)),
    };
    Some(ReplicaBack {
        prefix: mark.prefix.clone(),
        old: reference(old),
        old_name,
        was_retired,
        was_healthy: old.health == Some(Health::Healthy),
        new,
        new_name: instance.name.clone(),
        overlaps: instance.back_first,
    })
}
