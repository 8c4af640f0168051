//! Judging one container: is it the one that is wanted, and does it do what it should.

use super::adopt::{self, Candidate};
use super::compare;
use super::diff::Context;
use super::images::ImageFate;
use super::index::is_ours;
use super::networks::NetworkFate;
use super::order;
use crate::model::change::{Cause, CauseKind, ChangeAction};
use crate::model::desired::{DesiredService, DesiredStack, JobMode};
use crate::model::observed::{ContainerState, ObservedContainer, ObservedState};
use std::collections::BTreeSet;

/// What an existing container needs to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kick {
    /// Nothing.
    None,
    /// A start.
    Start,
    /// Unfreezing.
    Unpause,
    /// A restart.
    Restart,
    /// A stop, and a start once a job has run that needs it stopped.
    Resume,
    /// A start as it was, although its service is blocked.
    Restore,
}

/// One replica that is wanted.
#[derive(Debug)]
pub(super) struct Instance<'a> {
    /// Its number from 1.
    pub number: u32,
    /// The name it runs under.
    pub name: String,
    /// The container that stays, else one is created.
    pub keep: Option<&'a ObservedContainer>,
    /// What the container that stays needs.
    pub kick: Kick,
    /// Whether its `post_start` hooks may have been missed by an interrupted run.
    pub hooks_missed: bool,
    /// Containers of this number that go: first the one that it takes over from.
    pub rest: Vec<&'a ObservedContainer>,
    /// Whether its new container is up before the old one stops.
    pub start_first: bool,
    /// Whether, on the way back, its old container is up before a new one that serves stops.
    pub back_first: bool,
    /// Why it is touched.
    pub causes: Vec<Cause>,
}

impl<'a> Instance<'a> {
    /// Whether a container is created for it.
    pub const fn is_created(&self) -> bool {
        self.keep.is_none()
    }

    /// Whether what is to run never ran: it is created, or an interrupted run created it.
    pub fn is_new(&self) -> bool {
        self.keep.is_none_or(|kept| kept.state == ContainerState::Created)
    }

    /// The container that it takes over from.
    pub fn predecessor(&self) -> Option<&'a ObservedContainer> {
        self.rest.first().copied()
    }

    /// The container that served until now, and can serve again should its replacement fail. What an interrupted run
    /// put aside counts, unless it is a job that ended by itself; a container that a change which is taken back left beside the one in place does not.
    pub fn served(&self, service: &DesiredService) -> Option<&'a ObservedContainer> {
        let old = self.predecessor()?;
        let may_have_ended = |code| service.job == JobMode::Job || code == 0 && is_job(service);
        let was_stopped = matches!(old.state, ContainerState::Exited(code) if !may_have_ended(code));
        let was_retired = was_stopped && old.name == format!("{}.prev", self.name);
        let is_in_place = self.keep.is_some_and(|kept| kept.is_up() && kept.name == self.name);
        Some(old).filter(|old| was_retired || old.is_up() && !is_in_place)
    }

    /// Whether its container is stopped for a job and started again.
    pub fn is_resumed(&self) -> bool {
        self.kick == Kick::Resume
    }

    /// What happens to it.
    pub fn action(&self) -> ChangeAction {
        match self.keep {
            None if self.rest.is_empty() => ChangeAction::Create,
            None => ChangeAction::Replace,
            Some(_) if self.kick != Kick::None || self.hooks_missed => ChangeAction::Start,
            Some(kept) if !self.rest.is_empty() || kept.name != self.name => ChangeAction::Tidy,
            Some(_) => ChangeAction::Unchanged,
        }
    }

    /// Makes it anew in place of the container that would have stayed.
    pub fn replace(&mut self, cause: Cause) {
        if let Some(kept) = self.keep.take() {
            let ran = |found: &ObservedContainer| found.state != ContainerState::Created;
            // What never ran took over nothing yet: the one that did is still the one to take over from.
            let takes_over = !ran(kept) && self.predecessor().is_some_and(ran);
            self.rest.insert(usize::from(takes_over), kept);
            self.kick = Kick::None;
        }
        self.causes.push(cause);
    }
}

/// Judges the containers of one service.
pub(super) struct Judge<'a, 'c> {
    /// What is known.
    pub context: &'c Context<'a, 'c>,
    /// The stack.
    pub stack: &'a DesiredStack,
    /// Key of the service.
    pub key: &'a str,
    /// The service.
    pub service: &'a DesiredService,
    /// Its config hash.
    pub hash: String,
    image: Option<&'c ImageFate>,
    networks: Vec<(&'a str, NetworkFate)>,
}

impl<'a, 'c> Judge<'a, 'c> {
    /// Prepares what all its containers are held against.
    pub fn new(context: &'c Context<'a, 'c>, stack: &'a DesiredStack, key: &'a str) -> Option<Self> {
        let service = stack.services.get(key)?;
        let networks =
            used_networks(stack, service).into_iter().map(|name| (name, context.network_fate(name)));
        Some(Self {
            context,
            stack,
            key,
            service,
            hash: service.hash().0,
            image: context.images.get(&service.image.reference),
            networks: networks.collect(),
        })
    }

    /// Engine names of the networks that it uses, with what becomes of them.
    pub fn networks(&self) -> &[(&'a str, NetworkFate)] {
        &self.networks
    }

    /// The name of a replica.
    pub fn name(&self, number: u32) -> String {
        replica_name(self.stack, self.key, self.service, number)
    }

    /// Why a container has to be replaced; empty if it is the one that is wanted.
    pub fn verdict(&self, container: &ObservedContainer) -> Vec<Cause> {
        let environment = self.context.index.observed.environments.get(&container.id);
        let mut causes = Vec::new();
        if is_ours(&container.labels) {
            if !compare::is_same(self.service, &self.hash, container, environment) {
                causes = compare::causes(self.service, &self.hash, container, environment);
            }
        } else {
            let candidate = Candidate { stack: self.stack, key: self.key, service: self.service, container };
            causes = adopt::differences(candidate, self.context.index.observed);
        }
        let names_image = |cause: &Cause| matches!(cause.kind, CauseKind::Image | CauseKind::BuildInputs);
        if !causes.iter().any(names_image) {
            causes.extend(self.image.and_then(|image| image.cause_for(container, self.context.now)));
        }
        causes.extend(state_cause(container));
        if causes.is_empty() {
            causes.extend(self.drift(container));
        }
        if !self.is_complete(container) {
            // One that was never started knows the name alone, and finds the new network by it.
            let knows_id = |name: &str| container.networks.get(name).is_none_or(|id| !id.is_empty());
            let replaced =
                self.networks.iter().filter(|(name, fate)| *fate == NetworkFate::Replace && knows_id(name));
            causes.extend(replaced.map(|(name, _)| Cause::new(CauseKind::NetworkChanged, *name)));
        }
        causes
    }

    /// What somebody took from the container. A stopped one remembers the id of a network that it was attached to, and
    /// cannot be started once a network made anew has that name; one that was never started remembers the name alone.
    fn drift(&self, container: &ObservedContainer) -> Vec<Cause> {
        let mut causes = Vec::new();
        for (name, fate) in &self.networks {
            let attached = container.networks.get(*name);
            let current = self.context.index.network(name).map(|network| &network.id);
            let is_stale = |id: &String| {
                !id.is_empty()
                    && current != Some(id)
                    && matches!(fate, NetworkFate::Keep | NetworkFate::Create)
                    && !self.is_complete(container)
            };
            if attached.is_none_or(is_stale) {
                let cause = Cause::new(CauseKind::Drift, format!("networks.{name}"));
                causes.push(cause.values(Some("not attached".to_owned()), Some("attached".to_owned())));
            }
        }
        let candidate = Candidate { stack: self.stack, key: self.key, service: self.service, container };
        causes.extend(limit_drift(candidate, self.context.index.observed));
        for mount in self.service.spec.volumes.iter().filter(|mount| mount.kind == "volume") {
            let Some(volume) = self.stack.volumes.get(&mount.source) else { continue };
            if !container.mounts.iter().any(|found| found.name == volume.name) {
                let cause = Cause::new(CauseKind::Drift, &mount.target);
                let new = Some(format!("volume {}", volume.name));
                causes.push(cause.values(Some("not mounted".to_owned()), new));
            }
        }
        causes
    }

    /// Whether a container is a job that has done its work.
    pub fn is_complete(&self, container: &ObservedContainer) -> bool {
        container.state == ContainerState::Exited(0) && is_job(self.service)
    }

    /// What a container that stays needs to do its work, and why.
    pub fn kick(&self, container: &ObservedContainer) -> (Kick, Option<Cause>) {
        let cause = |kind, new: &str| {
            let cause = Cause::new(kind, &container.name);
            Some(cause.values(Some(container.state.as_str().to_owned()), Some(new.to_owned())))
        };
        // Its runs are containers of their own.
        if self.service.timetable.is_some() {
            return (Kick::None, None);
        }
        match container.state {
            ContainerState::Running | ContainerState::Restarting => (Kick::None, None),
            ContainerState::Paused => (Kick::Unpause, cause(CauseKind::Drift, "running")),
            ContainerState::Exited(_) if self.is_complete(container) => (Kick::None, None),
            ContainerState::Exited(code) if self.service.job == JobMode::Job => {
                let failed = Cause::new(CauseKind::JobFailed, &container.name);
                (
                    Kick::Start,
                    Some(failed.values(Some(format!("exit code {code}")), Some("exit code 0".into()))),
                )
            }
            ContainerState::Created
            | ContainerState::Exited(_)
            | ContainerState::Removing
            | ContainerState::Dead
            | ContainerState::Unknown => (Kick::Start, cause(CauseKind::Stopped, "running")),
        }
    }
}

/// Limits that somebody changed. A job is not done again for them, done or under way.
pub(super) fn limit_drift(candidate: Candidate, observed: &ObservedState) -> Vec<Cause> {
    let is_complete = candidate.container.state == ContainerState::Exited(0) && is_job(candidate.service);
    if is_complete || candidate.service.job == JobMode::Job {
        return Vec::new();
    }
    adopt::updated(candidate, observed)
}

/// Whether a container of this service that ended with 0 has done its work. Where nobody says, a restart policy, a
/// published port or a health check tells a service that should keep running.
pub(super) fn is_job(service: &DesiredService) -> bool {
    let spec = &service.spec;
    match service.job {
        JobMode::Job => true,
        JobMode::Service => false,
        JobMode::Inferred => {
            let policy = spec.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
            let restarts = match policy {
                Some(policy) => !matches!(&*policy.condition, "" | "none" | "no"),
                None => !matches!(&*spec.restart, "" | "no"),
            };
            !restarts && spec.ports.is_empty() && !has_healthcheck(service)
        }
    }
}

/// Whether the service itself asks for a health check.
pub(super) fn has_healthcheck(service: &DesiredService) -> bool {
    service
        .spec
        .healthcheck
        .as_ref()
        .is_some_and(|check| !check.disable && check.test.first().is_some_and(|word| word != "NONE"))
}

/// Engine names of the networks that a service's containers are attached to, by key.
pub(super) fn used_networks<'a>(stack: &'a DesiredStack, service: &'a DesiredService) -> BTreeSet<&'a str> {
    if !service.spec.network_mode.is_empty() {
        return BTreeSet::new();
    }
    let keys = service.spec.networks.keys();
    keys.map(|key| stack.networks.get(key).map_or(key.as_str(), |network| &network.name)).collect()
}

/// The name that a replica runs under.
pub(super) fn replica_name(stack: &DesiredStack, key: &str, service: &DesiredService, number: u32) -> String {
    if service.spec.container_name.is_empty() {
        format!("{}-{key}-{number}", stack.name)
    } else {
        service.spec.container_name.clone()
    }
}

/// What cannot be started again has to be made anew.
fn state_cause(container: &ObservedContainer) -> Option<Cause> {
    match container.state {
        ContainerState::Dead | ContainerState::Removing => {
            let cause = Cause::new(CauseKind::Drift, "state");
            Some(cause.values(Some(container.state.as_str().to_owned()), Some("running".to_owned())))
        }
        ContainerState::Created
        | ContainerState::Running
        | ContainerState::Paused
        | ContainerState::Restarting
        | ContainerState::Exited(_)
        | ContainerState::Unknown => None,
    }
}

/// Whether a service shares a namespace with another one; its volumes do not count.
pub(super) fn shares_namespace(service: &DesiredService, parent: &str) -> bool {
    let spec = &service.spec;
    order::parents(spec).contains(parent)
        && [&spec.network_mode, &spec.ipc, &spec.pid]
            .iter()
            .any(|mode| mode.strip_prefix("service:") == Some(parent))
}
