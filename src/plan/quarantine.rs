//! Inputs that failed are not tried again: after its replacement was rolled back, a service is left as it serves until
//! one of its inputs changes.
//!
//! What failed stands on a mark beside the service: a container that never runs. So every machine that steers the engine
//! knows it, and there is no file to lose; who removes the mark lifts the quarantine.
//!
//! Only what interrupts a service, or may do harm, is worth a mark. A creation that the engine refuses comes before
//! anything is stopped: trying it again costs nothing, and its reason may be gone by then. A service that has no container
//! yet has nothing to lose either. A service whose namespaces another one shares cannot be replaced without that one: where that
//! one fails, both are marked with the inputs of both, or both would be interrupted again by every run. A job is marked all the same: a migration that fails half-way should not run each minute.

use super::diff::ServiceDiff;
use super::edges::Owner;
use super::images::{ImageStep, Images};
use super::index::Index;
use super::instances::{Instance, Judge, Kick};
use super::order;
use super::removal::{self, Target};
use super::replicas::Replicas;
use super::schedule::Scheduler;
use super::service::Decided;
use crate::model::change::{Cause, CauseKind};
use crate::model::clock;
use crate::model::desired::{Condition, DesiredService, DesiredStack, JobMode};
use crate::model::hash::digest;
use crate::model::labels;
use crate::model::observed::{ContainerState, ObservedContainer, ObservedState};
use crate::model::step::{Step, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// How much of a reason on a mark is believed.
const REASON: usize = 120;

/// A service that is held back.
pub(super) struct Hold {
    /// When, why and what lifts it.
    pub cause: Cause,
    /// What would have changed.
    pub held_back: Vec<Cause>,
}

/// A service that is marked, as people and scripts are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// How its change failed.
    pub reason: String,
    /// When, in seconds since 1970.
    pub at: Option<i64>,
    /// Until when it is not tried again, in seconds since 1970; `None` is until an input changes.
    pub until: Option<i64>,
}

impl Quarantine {
    fn of(mark: &ObservedContainer) -> Self {
        let reason = mark.label(labels::QUARANTINE_REASON).chars().filter(|c| !c.is_control());
        let time = |key: &str| mark.label(key).parse().ok();
        Self {
            reason: reason.take(REASON).collect(),
            at: time(labels::QUARANTINE_AT),
            until: time(labels::QUARANTINE_UNTIL),
        }
    }
}

/// Every service that is marked, by stack and key, whether or not the mark still says something about its inputs.
pub fn quarantines(observed: &ObservedState) -> BTreeMap<(String, String), Quarantine> {
    let marked = observed.containers.iter().filter_map(|mark| {
        let (stack, service) = subject(mark)?;
        Some(((stack.to_owned(), service.to_owned()), Quarantine::of(mark)))
    });
    marked.collect()
}

/// The service that a mark is about: stack and key.
pub(super) fn subject(mark: &ObservedContainer) -> Option<(&str, &str)> {
    mark.label(labels::QUARANTINE).split_once('/')
}

/// Holds a service back if its inputs failed before: what serves stays, or is started again, and nothing new is made.
pub(super) fn hold<'a>(judge: &Judge<'a, '_>, replicas: &mut Replicas<'a>) -> Option<Hold> {
    let Judge { context, stack, key, service, .. } = judge;
    let marks = context.index.marks(&stack.name, key);
    if marks.is_empty() || context.policy.retry.covers(&stack.name, key) {
        return None;
    }
    let holds = |mark: &&&ObservedContainer| {
        let until = Quarantine::of(mark).until;
        let with = mark.label(labels::QUARANTINE_WITH).split(',');
        let inputs = || Inputs::of(stack, with.chain([*key]), context.images);
        until.is_none_or(|until| context.now < until) && inputs().are(mark.label(labels::QUARANTINE_KEY))
    };
    let mark = marks.iter().find(holds)?;
    let is_job = service.job == JobMode::Job;
    let tries = |instance: &Instance| instance.is_created() || is_job && instance.kick == Kick::Start;
    let serves = |instance: &Instance| instance.keep.is_some() || served(instance).is_some();
    if !replicas.instances.iter().any(tries) || !(is_job || replicas.instances.iter().any(serves)) {
        return None;
    }
    let mut held_back: Vec<Cause> = Vec::new();
    for cause in replicas.instances.iter().flat_map(|instance| &instance.causes) {
        if !held_back.contains(cause) {
            held_back.push(cause.clone());
        }
    }
    // A replica without a container that served is not made: it would be made of what failed.
    replicas.instances.retain(serves);
    for instance in replicas.instances.iter_mut().filter(|instance| tries(instance)) {
        keep_old(judge, instance, is_job);
    }
    replicas.gone.clear();
    replicas.scale = None;
    Some(Hold { cause: cause(mark), held_back })
}

/// The container that served before. One that never ran, or cannot be started any more, is nothing to go back to.
pub(super) fn served<'a>(instance: &Instance<'a>) -> Option<&'a ObservedContainer> {
    instance.rest.iter().copied().find(|found| {
        !matches!(found.state, ContainerState::Created | ContainerState::Dead | ContainerState::Removing)
    })
}

pub(super) fn keep_old<'a>(judge: &Judge<'a, '_>, instance: &mut Instance<'a>, is_job: bool) {
    if let Some(old) = served(instance).filter(|_| instance.is_created()) {
        instance.keep = Some(old);
        // Under a name that an interrupted run gave it, it takes its place again; any other name is its own.
        if ![".prev", ".next"].iter().any(|suffix| old.name.ends_with(suffix)) {
            instance.name.clone_from(&old.name);
        }
    }
    instance.rest.clear();
    let (kick, cause) = match instance.keep {
        Some(kept) if !is_job => judge.kick(kept),
        _ => (Kick::None, None),
    };
    instance.kick = kick;
    instance.causes = cause.into_iter().collect();
}

/// The container whose network another one shares, if it is there.
pub(super) fn joined<'a>(index: &Index<'a>, child: &ObservedContainer) -> Option<&'a ObservedContainer> {
    let parent = child.network_mode.strip_prefix("container:")?;
    index.observed.containers.iter().find(|found| found.id == parent || found.name == parent)
}

/// Services that must stay as they are because a container that stays as it is shares the network of one of theirs, each with
/// why. Its file may name another parent by now, so those of the file alone do not tell.
pub(super) fn needed(services: &Decided, index: &Index) -> BTreeMap<String, Vec<Cause>> {
    let mut needed: BTreeMap<String, Vec<Cause>> = BTreeMap::new();
    for (child, why) in services.values().flat_map(staying) {
        let Some(parent) = joined(index, child) else { continue };
        for (key, _) in
            services.iter().filter(|(_, service)| service.leaving().any(|one| one.id == parent.id))
        {
            let why = Some(format!("is {why} as it serves, and shares its network"));
            let cause = Cause::new(CauseKind::Dependency, &child.name).values(None, why);
            let causes = needed.entry(key.clone()).or_default();
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
    }
    needed
}

/// The containers of a service that is held back, each with what holds it: what it goes back to, or what runs of it.
fn staying<'a>(service: &ServiceDiff<'a>) -> Vec<(&'a ObservedContainer, &'static str)> {
    let kept = || service.instances.iter().filter_map(|instance| instance.keep);
    if service.is_quarantined {
        return kept().map(|kept| (kept, "quarantined")).collect();
    }
    let standing =
        || service.instances.iter().flat_map(Instance::standing).chain(service.gone.iter().copied());
    let stays = |found: &&ObservedContainer| {
        found.is_up() || service.is_restored && kept().any(|kept| kept.id == found.id)
    };
    let blocked = standing().filter(|_| service.is_blocked()).filter(stays);
    blocked.map(|found| (found, "blocked")).collect()
}

fn cause(mark: &ObservedContainer) -> Cause {
    let Quarantine { reason, at, until } = Quarantine::of(mark);
    let at = at.map_or_else(|| "at an unknown time".to_owned(), clock::utc);
    let until = until.map_or(String::new(), |until| format!(" until {}", clock::utc(until)));
    let lifted = format!("left as it is{until}; a new input or --retry lifts it");
    Cause::new(CauseKind::Quarantined, &mark.name).values(Some(format!("{reason}, tried {at}")), Some(lifted))
}

/// What the containers of some services come out of: their definitions and images, and those of all that they depend on, so
/// that a repaired dependency counts as a new input.
pub(super) struct Inputs {
    definitions: String,
    /// `None` if an image is not on the engine: then nobody knows whether it is another one.
    images: Option<String>,
}

/// The part of the key of [`Inputs`] that is about definitions.
pub(super) fn definitions<'a>(stack: &'a DesiredStack, keys: impl IntoIterator<Item = &'a str>) -> String {
    let all = with_needed(stack, keys);
    digest_of(all.iter().filter_map(|key| Some((*key, &**stack.services.get(*key)?))))
}

fn digest_of<'a>(services: impl Iterator<Item = (&'a str, &'a DesiredService)>) -> String {
    let lines: Vec<String> = services.map(|(key, service)| format!("{key} {}\n", service.hash())).collect();
    digest(lines.concat().as_bytes())
}

/// Services with all that they depend on.
fn with_needed<'a>(stack: &'a DesiredStack, keys: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut all: BTreeSet<&str> = keys.into_iter().collect();
    let mut open: Vec<&str> = all.iter().copied().collect();
    let needed = stack.needed_by_jobs();
    while let Some((key, service)) = open.pop().and_then(|key| stack.services.get_key_value(key)) {
        let before = order::predecessors(stack, &needed, (key, service));
        open.extend(before.into_iter().filter(|key| all.insert(key)));
    }
    all
}

impl Inputs {
    pub fn of<'a>(stack: &'a DesiredStack, keys: impl IntoIterator<Item = &'a str>, images: &Images) -> Self {
        let all = with_needed(stack, keys);
        let services = || all.iter().filter_map(|key| Some((*key, &**stack.services.get(*key)?)));
        let parts = services().map(|(key, service)| {
            let fates = images.of_service(service).map(|fate| match (&fate.step, &fate.cause, &fate.id) {
                // What it is built of is part of the definition; what comes of that may differ each time.
                _ if fate.is_built => Some("built".to_owned()),
                (Some(ImageStep::Pull(_)), Some(cause), _) => cause.new.clone(),
                (_, _, id) => id.clone(),
            });
            Some(format!("{key} {}\n", fates.collect::<Option<Vec<_>>>()?.join(" ")))
        });
        let images: Option<String> = parts.collect();
        Self { definitions: digest_of(services()), images: images.map(|images| digest(images.as_bytes())) }
    }

    pub fn key(&self) -> String {
        format!("{}:{}", self.definitions, self.images.as_deref().unwrap_or_default())
    }

    fn are(&self, key: &str) -> bool {
        let (definitions, images) = key.split_once(':').unwrap_or((key, ""));
        definitions == self.definitions
            && (images.is_empty() || self.images.as_ref().is_none_or(|own| own == images))
    }
}

/// Whether a service that is quarantined, and so left as it was, is good enough for those that depend on it: its old
/// container runs. Of a job only those can say so that ran with it before.
pub(super) fn serves(found: &ServiceDiff, condition: Option<Condition>, dependents: &[Instance]) -> bool {
    let ran = |instance: &Instance| instance.keep.is_some_and(|kept| kept.state != ContainerState::Created);
    match condition {
        Some(Condition::Completed) => dependents.iter().all(ran),
        Some(Condition::Started | Condition::Healthy) | None => {
            found.instances.iter().any(|instance| instance.keep.is_some_and(ObservedContainer::is_up))
        }
    }
}

/// What has to hold of a dependency, given what it is left as or goes back to: its old container may have no health check, and a
/// job that failed is not waited for by those that ran with it before.
pub(super) fn condition(found: &ServiceDiff, instance: &Instance, condition: Condition) -> Option<Condition> {
    let is_as_it_was = found.is_quarantined || found.is_restored;
    let has_check = || instance.keep.is_some_and(|kept| kept.health.is_some());
    match condition {
        Condition::Healthy if is_as_it_was && !has_check() => Some(Condition::Started),
        Condition::Completed if is_as_it_was => None,
        condition => Some(condition),
    }
}

/// Takes away the marks that say nothing any more, each after all that is done for its service: should that fail, the
/// mark is still there.
pub(super) fn lift(scheduler: &mut Scheduler) {
    let index = &scheduler.diff.index;
    let mut steps = Vec::new();
    for (name, stack) in &scheduler.diff.stacks {
        for (key, service) in &stack.services {
            if service.is_blocked() || service.is_quarantined {
                continue;
            }
            let source = &scheduler.diff.desired.source;
            let is_own = |mark: &&&ObservedContainer| {
                service.desired.is_some() || mark.label(labels::SOURCE) == source
            };
            for mark in index.marks(name, key).iter().filter(is_own) {
                steps.push((*name, key, *mark, &service.change.causes));
            }
        }
    }
    for (stack, service, mark, causes) in steps {
        let own = |step: &&Step| step.stack == stack && step.service == *service;
        let own: Vec<&Step> = scheduler.builder.steps().iter().filter(own).collect();
        let is_last = |step: &&&Step| !own.iter().any(|other| other.after.contains(&step.id));
        let after: Vec<StepId> = own.iter().filter(is_last).map(|step| step.id.clone()).collect();
        let prefix = format!("{stack}/{service}");
        let owner = Owner { stack, service };
        let target = Target { owner, prefix: &prefix, container: mark, is_leftover: false, causes };
        removal::lift(&mut scheduler.builder, target, &after);
    }
}
