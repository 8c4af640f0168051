//! The steps of one replica. Created first, stopped late, removed last: at every moment there is a container that
//! runs or that can be started again.

use super::conditions::Conditions;
use super::create;
use super::diff::{ServiceDiff, StackDiff};
use super::edges::Owner;
use super::instances::{Instance, Kick};
use super::order;
use super::removal::{self, Target, reference};
use super::schedule::Scheduler;
use crate::model::change::ChangeAction;
use crate::model::desired::DesiredService;
use crate::model::observed::{ContainerState, ObservedContainer};
use crate::model::service::Hook;
use crate::model::step::{Action, ContainerRef, EndpointSpec, StepId};

/// The steps of a replica that others wait for.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    /// `stack/service-n`.
    pub prefix: String,
    /// Its creation.
    pub create: Option<StepId>,
    /// What gives it its final name.
    pub named: Option<StepId>,
    /// Its start.
    pub start: Option<StepId>,
    /// What its start comes after.
    pub ready: Vec<StepId>,
    /// The last step until it counts as started.
    pub running: Option<StepId>,
    /// Steps that come after none of its own.
    pub first: Vec<StepId>,
    /// What touches first what served until now.
    pub interrupt: Option<StepId>,
    /// The last steps until its replacement counts as good.
    pub accepted: Vec<StepId>,
    /// What removes the container that served until now.
    pub removal: Option<StepId>,
}

/// One replica on its way into the plan.
pub(super) struct Draft<'s, 'd, 'a> {
    pub scheduler: &'s mut Scheduler<'d, 'a>,
    pub owner: Owner<'d>,
    service: &'d ServiceDiff<'a>,
    pub desired: &'a DesiredService,
    pub instance: &'d Instance<'a>,
    conditions: &'s Conditions,
    pub marks: Marks,
    /// The container under the name it has at this point.
    pub container: ContainerRef,
    /// Steps that the next one of the chain comes after.
    pub tail: Vec<StepId>,
    /// Networks that the start has to wait for besides.
    networks: Vec<StepId>,
    /// Networks to connect to once they stand anew: compose key, engine name, settings, the step that makes it unless it
    /// stands already.
    late: Vec<(String, String, EndpointSpec, Option<StepId>)>,
    /// Containers of the replica that still have to be stopped and removed.
    pub rest: Vec<&'a ObservedContainer>,
}

/// Adds the steps of one replica.
pub(super) fn replica<'d, 'a>(
    scheduler: &mut Scheduler<'d, 'a>,
    owner: Owner<'d>,
    found: &'d StackDiff<'a>,
    service: &'d ServiceDiff<'a>,
    (instance, conditions): (&'d Instance<'a>, &Conditions),
) -> Marks {
    let prefix = format!("{}/{}-{}", owner.stack, owner.service, instance.number);
    let marks = Marks { prefix, ..Marks::default() };
    let (Some(desired), false) = (service.desired, instance.action() == ChangeAction::Unchanged) else {
        return marks;
    };
    let container = instance.keep.map_or_else(|| ContainerRef::Name(instance.name.clone()), reference);
    let start = scheduler.builder.steps().len();
    let networks = networks_to_wait_for(scheduler, instance);
    let mut draft = Draft {
        scheduler,
        owner,
        service,
        desired,
        instance,
        conditions,
        marks,
        container,
        tail: Vec::new(),
        networks,
        late: Vec::new(),
        rest: instance.rest.clone(),
    };
    if instance.is_created() {
        draft.create(found);
    } else if draft.is_unfinished() {
        draft.upload();
        draft.address_again(found);
    }
    if instance.start_first {
        draft.start();
        draft.accept();
        draft.stop_rest();
        draft.take_name();
    } else {
        draft.stop_rest();
        draft.take_name();
        draft.connect_late();
        draft.start();
        draft.accept();
    }
    draft.remove_rest();
    let mut marks = draft.marks;
    marks.first = first_steps(scheduler, start, owner);
    marks
}

/// A container that stays finds its networks by name when it starts, whether it was made by an interrupted run or stood still
/// while they were made anew: they have to stand by then. Those of one that is started as it was need not be those of its file.
fn networks_to_wait_for(scheduler: &Scheduler, instance: &Instance) -> Vec<StepId> {
    let names = instance.keep.into_iter().flat_map(|kept| kept.networks.keys());
    names
        .filter_map(|name| scheduler.network_ready.get(name.as_str()))
        .map(|(step, _)| step.clone())
        .collect()
}

fn first_steps(scheduler: &Scheduler, start: usize, owner: Owner) -> Vec<StepId> {
    let own = &scheduler.builder.steps()[start..];
    let is_own = |id: &StepId| own.iter().any(|step| step.id == *id && step.service == owner.service);
    own.iter()
        .filter(|step| step.service == owner.service && !step.after.iter().any(is_own))
        .map(|step| step.id.clone())
        .collect()
}

impl<'d, 'a> Draft<'_, 'd, 'a> {
    pub(super) fn push(&mut self, verb: &str, action: Action, after: &[StepId]) -> StepId {
        let id = format!("{}/{verb}", self.marks.prefix);
        self.scheduler.builder.push(id, self.owner, action, &self.instance.causes, after)
    }

    /// Creates the container beside the one that it takes over from.
    fn create(&mut self, found: &StackDiff<'a>) {
        let final_name = self.instance.name.clone();
        let next = format!("{final_name}.next");
        let is_free = self.scheduler.diff.index.named(&final_name).is_none() && self.rest.is_empty();
        let name = if is_free { final_name } else { next.clone() };
        let mut after = self.clear_name(&next);
        after.extend(self.scheduler.image_steps(self.desired));
        let key = self.owner.service;
        let made_anew =
            |network: &str| self.scheduler.network_ready.get(network).is_some_and(|ready| ready.1);
        let (diff, service) = (self.scheduler.diff, (key, self.service));
        let creation = create::creation(diff, found, service, self.instance, (name.clone(), made_anew));
        let Some(creation) = creation else { return };
        let spec = &creation.container;
        let endpoints = spec.endpoints.keys().chain(creation.connects.iter().map(|(_, name, _)| name));
        for network in endpoints {
            match self.scheduler.network_ready.get(network.as_str()) {
                // The old network still stands when the container is made; the new one must when it starts.
                Some((step, true)) => self.networks.push(step.clone()),
                Some((step, false)) => after.push(step.clone()),
                None => {}
            }
        }
        let volumes = spec.volume_names.values();
        after.extend(volumes.filter_map(|name| self.scheduler.volume_ready.get(name.as_str())).cloned());
        let create = self.push("create", Action::CreateContainer(Box::new(creation.container)), &after);
        self.container = ContainerRef::Name(name.clone());
        self.follow_parents(&create);
        self.tail.clear();
        for (key, network, endpoint) in creation.connects {
            let mut after = vec![create.clone()];
            match self.scheduler.network_ready.get(network.as_str()).cloned() {
                Some((step, true)) => {
                    self.late.push((key, network, endpoint, Some(step)));
                    continue;
                }
                Some((step, false)) => after.push(step),
                None => {}
            }
            let action = Action::ConnectNetwork { container: self.container.clone(), network, endpoint };
            let step = self.push(&format!("connect-{key}"), action, &after);
            self.tail.push(step);
        }
        if self.tail.is_empty() {
            self.tail.push(create.clone());
        }
        self.upload();
        if name == self.instance.name {
            self.marks.named = Some(create.clone());
        }
        self.marks.create = Some(create);
    }

    /// A container whose namespace is shared must be the new one under its final name; that it runs is better still. It is the
    /// first replica whose that is: were the others waited for as well, they could not keep to their turns where this one has
    /// to be out of the way before the first can start.
    fn follow_parents(&mut self, create: &str) {
        for parent in order::parents(&self.desired.spec) {
            let marks = self.scheduler.marks_of(self.owner.stack, parent).to_vec();
            if let Some(named) = marks.first().and_then(|mark| mark.named.as_ref()) {
                self.scheduler.builder.after(create, named);
            }
            for running in marks.iter().filter_map(|mark| mark.running.as_ref()) {
                self.scheduler.builder.rather_after(create, running);
            }
        }
    }

    /// Stops and removes a leftover.
    pub(super) fn remove_now(&mut self, container: &'a ObservedContainer, after: &[StepId]) -> StepId {
        let stop = self.stop(container, after);
        let after = stop.as_ref().map_or(after, std::slice::from_ref).to_vec();
        self.remove(container, &after)
    }

    fn remove(&mut self, container: &'a ObservedContainer, after: &[StepId]) -> StepId {
        let prefix = self.marks.prefix.clone();
        let target = self.target(&prefix, container);
        let step = removal::remove(&mut self.scheduler.builder, target, after);
        self.scheduler.note_removal(&container.id, &step);
        step
    }

    fn target<'t>(&self, prefix: &'t str, container: &'t ObservedContainer) -> Target<'t>
    where
        'd: 't,
        'a: 't,
    {
        let instance: &'d Instance<'a> = self.instance;
        let is_known =
            |known: Option<&ObservedContainer>| known.is_some_and(|known| known.id == container.id);
        let is_leftover = !is_known(instance.predecessor()) && !is_known(instance.keep);
        Target { owner: self.owner, prefix, container, is_leftover, causes: &instance.causes }
    }

    fn stop(&mut self, container: &'a ObservedContainer, after: &[StepId]) -> Option<StepId> {
        let prefix = self.marks.prefix.clone();
        let target = self.target(&prefix, container);
        let hooks = &self.desired.spec.pre_stop;
        let stopping = removal::stop(&mut self.scheduler.builder, target, hooks, after)?;
        let jobs = self.scheduler.jobs_stopping(self.owner);
        self.wait_softly(&stopping.first, jobs.is_empty());
        if self.instance.served(self.desired).is_some_and(|served| served.id == container.id) {
            self.interrupts(&stopping.first);
        }
        for job in &jobs {
            self.scheduler.stop_before(job, &stopping, after);
        }
        self.scheduler.note_stop(&container.id, &stopping.stop);
        Some(stopping.stop)
    }

    /// What runs goes on running until what the new one needs is there, unless a job needs it stopped.
    pub(super) fn wait_softly(&mut self, step: &str, for_jobs: bool) {
        let Conditions { required, gates, turn, .. } = self.conditions;
        for condition in required.iter().chain(gates.iter().filter(|_| for_jobs)) {
            self.scheduler.builder.rather_after(step, condition);
        }
        if let Some(turn) = turn {
            self.scheduler.builder.in_turn_after(step, turn);
        }
    }

    /// Notes the first step that touches what served until now.
    fn interrupts(&mut self, step: &str) {
        self.marks.interrupt.get_or_insert_with(|| step.to_owned());
    }

    fn upload(&mut self) {
        if self.desired.files.is_empty() {
            return;
        }
        let action =
            Action::UploadFiles { container: self.container.clone(), files: self.desired.files.clone() };
        let tail = self.tail.clone();
        let step = self.push("upload", action, &tail);
        self.tail = vec![step];
    }

    /// Whether an interrupted run made the container and never started it: it may lack files and addresses.
    fn is_unfinished(&self) -> bool {
        let never_ran = self.instance.keep.is_some_and(|kept| kept.state == ContainerState::Created);
        never_ran && self.instance.kick == Kick::Start
    }

    /// Gives a container the addresses that it could not be created with.
    fn address_again(&mut self, found: &StackDiff<'a>) {
        let diff = self.scheduler.diff;
        if !create::takes_all_endpoints(diff) {
            return;
        }
        let service = (self.owner.service, self.service);
        let name = (self.instance.name.clone(), |_: &str| true);
        let creation = create::creation(diff, found, service, self.instance, name);
        for (key, network, endpoint) in creation.map(|creation| creation.connects).unwrap_or_default() {
            let ready = self.scheduler.network_ready.get(network.as_str()).map(|(step, _)| step.clone());
            self.late.push((key, network, endpoint, ready));
        }
    }

    fn stop_rest(&mut self) {
        let ready = self.tail.clone();
        let rest = self.rest.clone();
        let stops: Vec<StepId> = rest.iter().filter_map(|container| self.stop(container, &ready)).collect();
        if !stops.is_empty() {
            self.tail = stops;
        }
    }

    /// Connects to networks that are replaced. The old network goes only after the old container has stopped, so by
    /// then the new container may have its final name already.
    fn connect_late(&mut self) {
        for (key, network, endpoint, ready) in std::mem::take(&mut self.late) {
            let mut after = self.tail.clone();
            after.extend(ready);
            let action = Action::ConnectNetwork { container: self.container.clone(), network, endpoint };
            let step = self.push(&format!("connect-{key}"), action, &after);
            self.networks.push(step);
        }
    }

    fn start(&mut self) {
        if self.desired.timetable.is_some() {
            return;
        }
        let kick = if self.instance.is_created() { Kick::Start } else { self.instance.kick };
        let container = self.container.clone();
        let (verb, action) = match kick {
            Kick::None if self.instance.hooks_missed => return self.post_start(),
            Kick::None => return,
            Kick::Start | Kick::Restore => ("start", Action::StartContainer(container)),
            Kick::Unpause => ("unpause", Action::UnpauseContainer(container)),
            Kick::Restart => ("restart", Action::RestartContainer { container, grace: None }),
            Kick::Resume => {
                if let Some(stop) = self.instance.keep.and_then(|kept| self.stop(kept, &[])) {
                    self.tail.push(stop);
                }
                ("start", Action::StartContainer(container))
            }
        };
        let Conditions { required, optional, gates, turn } = self.conditions;
        let is_new = self.instance.is_new();
        let mut after = self.tail.clone();
        after.append(&mut self.networks);
        if !matches!(kick, Kick::Unpause | Kick::Resume | Kick::Restore) {
            after.extend(required.iter().cloned());
        }
        after.extend(gates.iter().filter(|_| is_new).chain(turn).cloned());
        let mut after_any: Vec<StepId> = match kick {
            Kick::Unpause => Vec::new(),
            // It ran before, so it is brought back whatever becomes of the rest.
            Kick::Resume | Kick::Restore => required.iter().chain(optional).cloned().collect(),
            Kick::None | Kick::Start | Kick::Restart => optional.clone(),
        };
        after_any.extend(gates.iter().filter(|_| !is_new).cloned());
        self.marks.ready.clone_from(&after);
        if kick == Kick::Restart
            && let Some(kept) = self.instance.keep
        {
            let prefix = self.marks.prefix.clone();
            let target = self.target(&prefix, kept);
            let hooks = &self.desired.spec.pre_stop;
            let ids = removal::pre_stop(&mut self.scheduler.builder, target, hooks, &after);
            after.extend(ids.last().cloned());
        }
        let step = self.push(verb, action, &after);
        for condition in &after_any {
            self.scheduler.builder.after_any(&step, condition);
        }
        if self.instance.served(self.desired).is_some() {
            self.interrupts(&step);
        }
        self.marks.start = Some(step.clone());
        self.marks.running = Some(step.clone());
        self.tail = vec![step];
        if !matches!(kick, Kick::Unpause | Kick::Restore) {
            self.post_start();
        }
    }

    fn post_start(&mut self) {
        let hooks: &[Hook] = &self.desired.spec.post_start;
        for (at, hook) in hooks.iter().enumerate() {
            let verb = if at == 0 { "post-start".to_owned() } else { format!("post-start-{}", at + 1) };
            let container = self.container.clone();
            let action = Action::Exec { container, hook: hook.clone(), must_succeed: true };
            let tail = self.tail.clone();
            let step = self.push(&verb, action, &tail);
            self.marks.running = Some(step.clone());
            self.tail = vec![step];
        }
    }

    /// What served goes only when the replacement counts as good.
    fn remove_rest(&mut self) {
        let served = self.instance.served(self.desired).map(|old| &old.id);
        self.marks.accepted.clone_from(&self.tail);
        for container in std::mem::take(&mut self.rest) {
            let tail = self.tail.clone();
            let step = self.remove(container, &tail);
            if served == Some(&container.id) {
                self.marks.removal = Some(step);
            }
        }
    }
}
