//! Putting a difference in order.

use super::conditions::Conditions;
use super::create;
use super::diff::{Diff, ServiceDiff, StackDiff};
use super::edges::{Builder, Owner};
use super::handover;
use super::images::ImageStep;
use super::index::is_ours;
use super::instances::{Instance, Kick};
use super::networks::{self, NetworkFate};
use super::order;
use super::outlook;
use super::quarantine;
use super::removal::{self, Target};
use super::steps::Marks;
use super::text::plan_id;
use crate::model::change::{Cause, CauseKind, ChangeAction};
use crate::model::desired::{Condition, DesiredService, JobMode};
use crate::model::labels;
use crate::model::observed::ObservedContainer;
use crate::model::step::{Action, Plan, StepId};
use crate::model::way_back::{NetworkBack, WayBack};
use std::collections::{BTreeMap, BTreeSet};

/// A plan under construction.
pub(super) struct Scheduler<'d, 'a> {
    pub diff: &'d Diff<'a>,
    pub builder: Builder,
    /// By engine name: the step that makes a network, and whether it replaces one.
    pub network_ready: BTreeMap<&'d str, (StepId, bool)>,
    /// By engine name: the step that makes a volume.
    pub volume_ready: BTreeMap<&'d str, StepId>,
    /// By container id: the step that stops it.
    pub stops: BTreeMap<String, StepId>,
    /// By container id: the step after which its name is free.
    pub frees: BTreeMap<String, StepId>,
    /// By container id: the step that removes it.
    pub removes: BTreeMap<String, StepId>,
    /// By the start of a job: the first steps towards the stops that it needs, each with what that comes after.
    pub job_stops: BTreeMap<StepId, Vec<(StepId, Vec<StepId>)>>,
    /// Renames to final names: step, name, the creation of the container, and what touches first what served until now.
    pub renames: Vec<(StepId, String, Option<StepId>, Option<StepId>)>,
    /// How services go back whose replacement fails.
    pub ways_back: Vec<WayBack>,
    networks_back: Vec<NetworkBack>,
    /// By id or name of a container: those of ours that run in its network.
    pub joined: BTreeMap<&'a str, Vec<&'a ObservedContainer>>,
    marks: BTreeMap<&'d str, BTreeMap<&'d str, Vec<Marks>>>,
}

/// The plan that carries out a difference. Every step comes after those it depends on; blocked resources have none.
pub fn schedule(diff: &Diff) -> Plan {
    let mut scheduler = Scheduler {
        diff,
        builder: Builder::default(),
        network_ready: BTreeMap::new(),
        volume_ready: BTreeMap::new(),
        stops: BTreeMap::new(),
        frees: BTreeMap::new(),
        removes: BTreeMap::new(),
        job_stops: BTreeMap::new(),
        renames: Vec::new(),
        ways_back: Vec::new(),
        networks_back: Vec::new(),
        joined: joined(diff),
        marks: BTreeMap::new(),
    };
    for (name, stack) in &diff.stacks {
        scheduler.networks(name, stack);
        scheduler.volumes(name, stack);
    }
    for name in order::stacks(&diff.desired.stacks) {
        if let Some((name, stack)) = diff.stacks.get_key_value(name) {
            scheduler.stack(name, stack);
        }
    }
    for (name, stack) in diff.stacks.iter().filter(|(_, stack)| stack.desired.is_none()) {
        scheduler.pruned(name, stack);
    }
    scheduler.network_removals();
    handover::add(&mut scheduler);
    for (name, stack) in &diff.stacks {
        scheduler.plan_ways_back(name, stack);
    }
    handover::keep_parents(&mut scheduler);
    scheduler.stop_together();
    scheduler.stack_dependencies();
    quarantine::lift(&mut scheduler);
    let (ways_back, networks_back) = (scheduler.ways_back, scheduler.networks_back);
    let steps = scheduler.builder.finish();
    let id = plan_id(&steps);
    let (revision, mut changes) = (diff.desired.revision.clone(), diff.changes.clone());
    outlook::tell(&diff.index, &steps, &mut changes);
    Plan { id, revision, changes, steps, ways_back, networks_back }
}

fn joined<'a>(diff: &Diff<'a>) -> BTreeMap<&'a str, Vec<&'a ObservedContainer>> {
    let mut all: BTreeMap<&str, Vec<&ObservedContainer>> = BTreeMap::new();
    for child in diff.index.observed.containers.iter().filter(|child| child.is_up() && is_ours(&child.labels))
    {
        if let Some(parent) = child.network_mode.strip_prefix("container:") {
            all.entry(parent).or_default().push(child);
        }
    }
    all
}

impl<'d, 'a> Scheduler<'d, 'a> {
    /// The steps of a service's replicas that others wait for.
    pub fn marks_of(&self, stack: &str, service: &str) -> &[Marks] {
        self.marks.get(stack).and_then(|services| services.get(service)).map_or(&[], Vec::as_slice)
    }

    /// Remembers the step that stops a container.
    pub fn note_stop(&mut self, container: &str, step: &str) {
        self.stops.insert(container.to_owned(), step.to_owned());
    }

    /// Remembers the step that removes a container, and with it frees its name unless that was freed before.
    pub fn note_removal(&mut self, container: &str, step: &str) {
        self.removes.insert(container.to_owned(), step.to_owned());
        self.frees.entry(container.to_owned()).or_insert_with(|| step.to_owned());
    }

    fn networks(&mut self, name: &'d str, stack: &'d StackDiff<'a>) {
        let owner = Owner { stack: name, service: "" };
        for (key, network) in &stack.networks {
            let (Some(spec), NetworkFate::Create | NetworkFate::Replace) = (network.spec, network.fate)
            else {
                continue;
            };
            let own = [(labels::NETWORK, key.clone()), (labels::HASH, spec.hash().0)];
            let labels = create::object_labels(self.diff, (name, stack.dialect), &spec.compose_hash, own);
            let action = Action::CreateNetwork { spec: spec.clone(), labels };
            let causes = &network.change.causes;
            let mut after = Vec::new();
            if let (NetworkFate::Replace, Some(old)) = (network.fate, network.observed) {
                let removal = Action::RemoveNetwork { id: old.id.clone(), name: old.name.clone() };
                let id = format!("{name}/network-{key}/remove");
                after.push(self.builder.push(id, owner, removal, causes, &[]));
                self.networks_back.push(networks::way_back((name, key), old));
            }
            let id = format!("{name}/network-{key}/create");
            let step = self.builder.push(id, owner, action, causes, &after);
            self.network_ready.insert(&spec.name, (step, network.fate == NetworkFate::Replace));
        }
    }

    fn volumes(&mut self, name: &'d str, stack: &'d StackDiff<'a>) {
        let owner = Owner { stack: name, service: "" };
        for (key, volume) in &stack.volumes {
            // Two stacks may share a volume by name: one of them makes it.
            let is_made = self.volume_ready.contains_key(volume.spec.name.as_str());
            if volume.change.action != ChangeAction::Create || is_made {
                continue;
            }
            let own = [(labels::VOLUME, key.clone()), (labels::HASH, volume_hash(volume.spec))];
            let labels =
                create::object_labels(self.diff, (name, stack.dialect), &volume.spec.compose_hash, own);
            let action = Action::CreateVolume { spec: volume.spec.clone(), labels };
            let id = format!("{name}/volume-{key}/create");
            let step = self.builder.push(id, owner, action, &volume.change.causes, &[]);
            self.volume_ready.insert(&volume.spec.name, step);
        }
    }

    /// The steps that get the images of a service, each of them once for all services.
    pub fn image_steps(&mut self, service: &DesiredService) -> Vec<StepId> {
        let mut ids = Vec::new();
        for fate in self.diff.images.of_service(service) {
            let (Some(id), Some(step)) = (fate.step_id(), &fate.step) else { continue };
            let action = match step {
                ImageStep::Pull(platform) => {
                    Action::PullImage { reference: fate.reference.clone(), platform: platform.clone() }
                }
                ImageStep::Build(build) => Action::BuildImage(std::sync::Arc::clone(build)),
            };
            let causes: Vec<Cause> = fate.cause.iter().cloned().collect();
            ids.push(self.builder.push(id, Owner { stack: "", service: "" }, action, &causes, &[]));
        }
        ids
    }

    fn stack(&mut self, name: &'d str, stack: &'d StackDiff<'a>) {
        for key in &stack.order {
            let Some((key, service)) = stack.services.get_key_value(*key) else { continue };
            self.service(Owner { stack: name, service: key }, stack, service);
        }
        let up: Vec<StepId> = self
            .marks
            .get(name)
            .into_iter()
            .flatten()
            .flat_map(|(_, marks)| marks)
            .cloned()
            .filter_map(|mark| mark.running)
            .collect();
        for (key, service) in stack.services.iter().filter(|(_, service)| service.desired.is_none()) {
            self.gone(Owner { stack: name, service: key }, service, &up);
        }
    }

    fn service(&mut self, owner: Owner<'d>, stack: &'d StackDiff<'a>, service: &'d ServiceDiff<'a>) {
        let mut marks = Vec::new();
        let is_marked = || service.change.causes.iter().any(|cause| cause.kind == CauseKind::Quarantined);
        if let Some(desired) = service.desired.filter(|_| service.is_quarantined && is_marked()) {
            // Only with the image at hand can be told whether it is another one by now.
            self.image_steps(desired);
        }
        if service.takes_part() {
            let is_started = service.desired.is_some_and(|desired| desired.timetable.is_none());
            let starts =
                |instance: &Instance| is_started && instance.is_created() || instance.kick != Kick::None;
            let conditions = match service.desired.filter(|_| service.instances.iter().any(starts)) {
                Some(desired) => self.conditions(owner, stack, desired),
                None => Conditions::default(),
            };
            marks = self.replicas(owner, stack, service, conditions);
            // A job's failure is the run's failure, also when nothing waits for the job.
            if let Some(desired) = service.desired.filter(|desired| desired.job == JobMode::Job) {
                for pair in service.instances.iter().zip(&marks).filter(|(_, mark)| mark.running.is_some()) {
                    self.condition(owner, desired, pair, Condition::Completed);
                }
            }
            let up: Vec<StepId> = marks.iter().filter_map(|mark| mark.running.clone()).collect();
            self.gone(owner, service, &up);
        }
        self.marks.entry(owner.stack).or_default().insert(owner.service, marks);
    }

    /// Takes down containers without a successor, rather after the rest is up.
    fn gone(&mut self, owner: Owner<'d>, service: &ServiceDiff<'a>, up: &[StepId]) {
        let gone: Vec<&ObservedContainer> = service.gone.clone();
        for container in gone.into_iter().filter(|_| !service.is_blocked()) {
            let prefix = format!("{}/{}-{}", owner.stack, owner.service, container.number());
            let hooks = service.desired.map_or(&[][..], |desired| &desired.spec.pre_stop);
            let causes = &service.change.causes;
            let target = Target { owner, prefix: &prefix, container, is_leftover: false, causes };
            let stopping = removal::stop(&mut self.builder, target, hooks, &[]);
            let after: Vec<StepId> = stopping.iter().map(|stopping| stopping.stop.clone()).collect();
            let remove = removal::remove(&mut self.builder, target, &after);
            let first = stopping.as_ref().map_or(&remove, |stopping| &stopping.first).clone();
            for step in up {
                self.builder.rather_after(&first, step);
            }
            if let Some(stopping) = stopping {
                for job in self.jobs_stopping(owner) {
                    self.stop_before(&job, &stopping, &[]);
                }
                self.note_stop(&container.id, &stopping.stop);
            }
            self.note_removal(&container.id, &remove);
        }
    }

    fn pruned(&mut self, name: &'d str, stack: &'d StackDiff<'a>) {
        for (key, service) in &stack.services {
            self.gone(Owner { stack: name, service: key }, service, &[]);
        }
        let containers: Vec<&ObservedContainer> =
            stack.services.values().flat_map(ServiceDiff::leaving).collect();
        super::down::reverse_order(&mut self.builder, &containers, &self.stops);
    }

    fn network_removals(&mut self) {
        for (name, stack) in &self.diff.stacks {
            for (key, network) in &stack.networks {
                let Some(old) = network.observed else { continue };
                let attached = self.diff.index.attached(&old.name).iter().map(|container| &container.id);
                let id = format!("{name}/network-{key}/remove");
                match network.fate {
                    NetworkFate::Replace => {
                        let images = self.images_on(&old.name);
                        for stop in attached.filter_map(|container| self.stops.get(container)) {
                            self.builder.after(&id, stop);
                            // It stands still until the last of them has stopped: not for as long as a neighbour's pull.
                            for image in &images {
                                self.builder.rather_after(stop, image);
                            }
                        }
                        // Containers are made while one of the two stands.
                        for create in self.made_on(&old.name) {
                            self.builder.rather_after(&id, &create);
                        }
                    }
                    NetworkFate::Remove => {
                        let after: Vec<_> =
                            attached.filter_map(|container| self.removes.get(container)).cloned().collect();
                        let action = Action::RemoveNetwork { id: old.id.clone(), name: old.name.clone() };
                        let owner = Owner { stack: name, service: "" };
                        self.builder.push(id, owner, action, &network.change.causes, &after);
                    }
                    NetworkFate::Keep | NetworkFate::Create | NetworkFate::Blocked => {}
                }
            }
        }
    }

    /// Steps that make a container on a network.
    fn made_on(&self, network: &str) -> Vec<StepId> {
        let steps = self.builder.steps().iter();
        let made = steps.filter(|step| match &step.action {
            Action::CreateContainer(spec) => spec.endpoints.contains_key(network),
            _ => false,
        });
        made.map(|step| step.id.clone()).collect()
    }

    /// Steps that get the images of what is made on a network.
    fn images_on(&self, network: &str) -> BTreeSet<StepId> {
        let is_image = |id: &&StepId| {
            let found = self.builder.step_of(id).map(|step| &step.action);
            matches!(found, Some(Action::PullImage { .. } | Action::BuildImage(_)))
        };
        let made = self.made_on(network);
        let made = made.iter().filter_map(|id| self.builder.step_of(id));
        made.flat_map(|step| &step.after).filter(is_image).cloned().collect()
    }

    /// A stack that depends on another begins when that one is up.
    fn stack_dependencies(&mut self) {
        for (name, stack) in &self.diff.stacks {
            let Some(desired) = stack.desired else { continue };
            let mut last: Vec<StepId> = Vec::new();
            for other in &desired.depends_on {
                let marks = self.marks.get(other.as_str()).into_iter().flatten().flat_map(|(_, marks)| marks);
                last.extend(marks.filter_map(|mark| self.last_step(mark)));
            }
            if last.is_empty() {
                continue;
            }
            let needed = desired.needed_by_jobs();
            let begins = |key: &&&str| {
                let Some(service) = desired.services.get(**key) else { return false };
                let jobs = desired.pre_deploy.keys().filter(|_| !needed.contains(**key));
                let mut before = service.needs().into_iter().chain(jobs.map(String::as_str));
                !before.any(|key| self.marks_of(name, key).iter().any(|mark| mark.running.is_some()))
            };
            let roots: Vec<StepId> = stack
                .order
                .iter()
                .filter(begins)
                .flat_map(|key| self.marks_of(name, key))
                .flat_map(|mark| mark.first.clone())
                .collect();
            for root in &roots {
                for step in &last {
                    self.builder.rather_after(root, step);
                }
            }
        }
    }

    fn last_step(&self, mark: &Marks) -> Option<StepId> {
        let awaits = ["healthy", "completed"].map(|verb| format!("{}/{verb}", mark.prefix));
        awaits.into_iter().find(|id| self.builder.contains(id)).or_else(|| mark.running.clone())
    }
}

fn volume_hash(spec: &crate::model::desired::VolumeSpec) -> String {
    crate::model::hash::ConfigHash::of(spec).0
}
