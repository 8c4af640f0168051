//! The steps of the way back.

use super::Back;
use super::progress::{Progress, Tried};
use crate::model::rollout::FailureAction;
use crate::model::step::{Action, ContainerRef, Plan, Step, StepId};
use crate::model::way_back::{ReplicaBack, ServiceBack};
use crate::plan::edges::Owner;
use crate::plan::marks;
use std::collections::{BTreeMap, BTreeSet};

/// One replica that goes back.
struct Replica<'a> {
    owner: Owner<'a>,
    back: &'a ReplicaBack,
    progress: Progress,
}

impl Back<'_, '_> {
    /// Takes a service back: first what does not serve, then the rest batch by batch.
    pub(super) fn service(&mut self, service: &ServiceBack, replicas: &[Progress], whole: bool) {
        let owner = Owner { stack: &service.stack, service: &service.service };
        let failed = replicas.iter().any(|one| one.has_failed);
        let touched = replicas.iter().any(|one| one.is_touched);
        let all = service.replicas.iter().zip(replicas);
        let (mut down, mut serving, mut replaced) = (Vec::new(), Vec::new(), 0);
        for (back, progress) in all {
            let replica = Replica { owner, back, progress: *progress };
            let goes = progress.is_touched && !progress.is_gone && (whole || !progress.is_accepted);
            match (goes, progress.is_accepted) {
                (true, false) => down.push(replica),
                (true, true) => serving.push(replica),
                (false, true) => replaced += 1,
                // What was made ready for a replacement that is not tried any more.
                (false, false) if progress.is_created && (whole || failed && touched) => {
                    let remove = Action::RemoveContainer(replica.back.new.clone());
                    self.push(&replica, "undo-remove", remove, &[]);
                }
                (false, false) => {}
            }
        }
        let key = (service.stack.clone(), service.service.clone());
        if replaced > 0 && failed {
            self.found.partly.insert(key, (replaced, service.replicas.len()));
        } else if !down.is_empty() || !serving.is_empty() {
            self.found.services.insert(key);
        }
        let rolls = !serving.is_empty() && service.replicas.len() > 1;
        let pace = &service.pace;
        let total = down.len() + serving.len();
        let tolerated = pace.tolerated(total);
        let mut settled: Vec<StepId> = Vec::new();
        for replica in &down {
            let end = self.one(replica, service, (&[], rolls));
            settled.extend(end);
        }
        for (at, batch) in serving.chunks(pace.batch().min(serving.len().max(1))).enumerate() {
            let mut turn = Vec::new();
            if !settled.is_empty() {
                let id = format!("{}/{}/undo-batch-{}", owner.stack, owner.service, at + 2);
                let delay = Action::Delay { period: pace.delay };
                let step = self.builder.push(id, owner, delay, &[], &[]);
                for before in &settled {
                    if tolerated == 0 {
                        self.builder.after(&step, before);
                    } else {
                        self.builder.after_any(&step, before);
                    }
                }
                if tolerated > 0 && pace.failure_action != FailureAction::Continue {
                    self.builder.tolerate(&step, tolerated);
                } else {
                    settled.clear();
                }
                turn.push(step);
            }
            for replica in batch {
                let end = self.one(replica, service, (&turn, rolls));
                settled.extend(end);
            }
        }
    }

    /// Takes one replica back; gives the step after which it serves.
    fn one(
        &mut self,
        replica: &Replica,
        service: &ServiceBack,
        (turn, settles): (&[StepId], bool),
    ) -> Option<StepId> {
        let Replica { back, progress, .. } = replica;
        let renamed = renamed(back);
        // A rename whose reply was lost may have been done: then it goes by either name. The old one has neither by then.
        let names = match (progress.is_renamed, progress.has_name) {
            (_, true) => vec![renamed],
            (true, false) if renamed.engine_ref() != back.new.engine_ref() => vec![back.new.clone(), renamed],
            _ => vec![back.new.clone()],
        };
        let starts = progress.is_stopped || back.was_retired;
        let side_by_side = back.overlaps && progress.is_accepted;
        let mut tail: Vec<StepId> = turn.to_vec();
        if side_by_side && starts {
            tail = vec![self.start(replica, &tail)];
            tail = vec![self.settle(replica, service, &tail)];
        }
        for (at, new) in names.iter().enumerate() {
            let number = if at == 0 { String::new() } else { format!("-{}", at + 1) };
            if progress.is_started {
                let stop = Action::StopContainer { container: new.clone(), grace: None };
                tail = vec![self.push(replica, &format!("undo-stop{number}"), stop, &tail)];
            }
            if progress.is_created || matches!(back.new, ContainerRef::Id { .. }) {
                let remove = Action::RemoveContainer(new.clone());
                tail = vec![self.push(replica, &format!("undo-remove{number}"), remove, &tail)];
            }
        }
        if progress.is_retired || back.was_retired {
            let rename = Action::RenameContainer { container: back.old.clone(), to: back.old_name.clone() };
            tail = vec![self.push(replica, "undo-rename", rename, &tail)];
        }
        if starts && !side_by_side {
            tail = vec![self.start(replica, &tail)];
            if settles {
                tail = vec![self.settle(replica, service, &tail)];
            }
        }
        tail.into_iter().next()
    }

    fn start(&mut self, replica: &Replica, after: &[StepId]) -> StepId {
        let start = Action::StartContainer(replica.back.old.clone());
        let step = self.push(replica, "undo-start", start, after);
        self.starts.insert(replica.back.prefix.clone(), step.clone());
        step
    }

    /// Waits until the old container serves again, as it did.
    fn settle(&mut self, replica: &Replica, service: &ServiceBack, after: &[StepId]) -> StepId {
        let container = replica.back.old.clone();
        if replica.back.was_healthy {
            let action = Action::AwaitHealthy { container, timeout: service.timeout };
            return self.push(replica, "undo-healthy", action, after);
        }
        let action =
            Action::AwaitStable { container, period: service.settle, may_end: false, in_health: false };
        self.push(replica, "undo-stable", action, after)
    }

    fn push(&mut self, replica: &Replica, verb: &str, action: Action, after: &[StepId]) -> StepId {
        let id = format!("{}/{verb}", replica.back.prefix);
        self.builder.push(id, replica.owner, action, &[], after)
    }

    /// A container that shares namespaces starts after those whose they are, and its new one stops before theirs.
    pub(super) fn join_parents(&mut self, service: &ServiceBack) {
        let of = |parent: &String| format!("{}/{parent}-", service.stack);
        let prefixes: Vec<String> = service.parents.iter().map(of).collect();
        let parents: Vec<(String, StepId)> = self
            .starts
            .iter()
            .filter(|(prefix, _)| prefixes.iter().any(|of| is_replica(prefix, of)))
            .map(|(prefix, step)| (prefix.clone(), step.clone()))
            .collect();
        for replica in &service.replicas {
            let own = self.starts.get(&replica.prefix).cloned();
            for (prefix, start) in &parents {
                if let Some(own) = &own {
                    self.builder.after(own, start);
                }
                let stops = [prefix, &replica.prefix].map(|prefix| format!("{prefix}/undo-stop"));
                self.builder.rather_after(&stops[0], &stops[1]);
            }
        }
    }

    /// Restarts what is bound to the old containers that run again, or wants to restart with them.
    pub(super) fn followers(&mut self, service: &ServiceBack) {
        let starts: Vec<StepId> =
            service.replicas.iter().filter_map(|replica| self.starts.get(&replica.prefix)).cloned().collect();
        if starts.is_empty() {
            return;
        }
        for follower in &service.followers {
            let steps = self.run.steps(&follower.prefix);
            let started = |container: &ContainerRef| {
                steps.iter().any(|step| {
                    matches!(&step.action, Action::StartContainer(found) if found == container)
                        && self.run.succeeded(step)
                })
            };
            let goes = self.starts.contains_key(&follower.prefix)
                || self.builder.contains(&format!("{}/undo-remove", follower.prefix)) && !follower.is_there;
            if goes
                || !follower.is_there && !started(&follower.container)
                || self.is_gone(follower.container.engine_ref(), steps)
            {
                continue;
            }
            let owner = Owner { stack: &follower.stack, service: &follower.service };
            let action = Action::RestartContainer { container: follower.container.clone(), grace: None };
            let id = format!("{}/undo-restart", follower.prefix);
            let step = self.builder.push(id, owner, action, &[], &[]);
            for start in &starts {
                self.builder.after(&step, start);
            }
        }
    }

    /// Whether a container was stopped for good or removed by the run.
    fn is_gone(&self, id: &str, steps: &[&Step]) -> bool {
        steps.iter().any(|step| match &step.action {
            Action::StopContainer { container, .. } | Action::RemoveContainer(container) => {
                container.engine_ref() == id && self.run.was_tried(step)
            }
            _ => false,
        })
    }

    /// Makes the networks that the run removed and did not make again: what runs again needs one of the name, as it was. Only
    /// where nobody knows whether the new one was made it is that: there is one network of a name.
    pub(super) fn networks(&mut self, plan: &Plan, now: i64) {
        for back in &plan.networks_back {
            let step = |id: &StepId| plan.steps.iter().find(|step| step.id == *id);
            let (Some(removal), Some(creation)) = (step(&back.removal), step(&back.creation)) else {
                continue;
            };
            if self.run.succeeded(creation) || !self.run.was_tried(removal) {
                continue;
            }
            let mut labels = back.labels.clone();
            let Action::CreateNetwork { spec: new, .. } = &creation.action else { continue };
            let make = match self.run.fate(creation) {
                Tried::Unknown => creation.action.clone(),
                tried => {
                    if let Tried::Refused(blame) = tried {
                        marks::refuse(&mut labels, new.hash().0, blame, now);
                    }
                    Action::CreateNetwork { spec: back.old.clone(), labels }
                }
            };
            let starts: Vec<StepId> = self
                .builder
                .steps()
                .iter()
                .filter(|step| {
                    matches!(step.action, Action::StartContainer(_) | Action::RestartContainer { .. })
                })
                .map(|step| step.id.clone())
                .collect();
            let owner = Owner { stack: &creation.stack, service: "" };
            let id = format!("{}/undo-create", creation.id.trim_end_matches("/create"));
            let make = self.builder.push(id, owner, make, &creation.causes, &[]);
            for start in starts {
                self.builder.after_any(&start, &make);
            }
        }
    }

    /// Starts what was stopped for a job, or to restart, and did not come up again; in the order that the run had, since one
    /// may share a namespace of another.
    pub(super) fn resume(&mut self) {
        let mut resumed: Vec<(StepId, &Step)> = Vec::new();
        let mut starts: BTreeMap<&str, StepId> =
            self.starts.iter().map(|(prefix, id)| (prefix.as_str(), id.clone())).collect();
        for (prefix, steps) in self.run.replicas() {
            let is_undone = ["undo-start", "undo-restart", "undo-remove"];
            if is_undone.iter().any(|verb| self.builder.contains(&format!("{prefix}/{verb}"))) {
                continue;
            }
            let was_stopped = |wanted: &ContainerRef| {
                steps.iter().any(|step| match &step.action {
                    Action::StopContainer { container, .. } => {
                        container == wanted && self.run.was_tried(step)
                    }
                    _ => false,
                })
            };
            for step in steps.iter().filter(|step| !self.run.succeeded(step)) {
                let container = match &step.action {
                    Action::StartContainer(container) if was_stopped(container) => container,
                    Action::RestartContainer { container, .. } if self.run.was_tried(step) => container,
                    _ => continue,
                };
                let owner = Owner { stack: &step.stack, service: &step.service };
                let start = Action::StartContainer(container.clone());
                let id = self.builder.push(format!("{prefix}/undo-start"), owner, start, &step.causes, &[]);
                self.found.services.insert((step.stack.clone(), step.service.clone()));
                starts.insert(prefix, id.clone());
                resumed.push((id, step));
            }
        }
        for (id, step) in resumed {
            let own = step.id.rsplit_once('/').map(|(prefix, _)| prefix);
            let before = step.after.iter().chain(&step.after_any);
            let prefixes: BTreeSet<&str> =
                before.filter_map(|id| id.rsplit_once('/')).map(|(prefix, _)| prefix).collect();
            for start in prefixes.into_iter().filter(|prefix| Some(*prefix) != own) {
                if let Some(start) = starts.get(start) {
                    self.builder.after_any(&id, start);
                }
            }
        }
    }
}

fn renamed(back: &ReplicaBack) -> ContainerRef {
    match &back.new {
        ContainerRef::Id { id, .. } => ContainerRef::Id { id: id.clone(), name: back.new_name.clone() },
        ContainerRef::Name(_) => ContainerRef::Name(back.new_name.clone()),
    }
}

/// Whether a prefix is that of a replica: `stack/service-` and a number.
fn is_replica(prefix: &str, of: &str) -> bool {
    prefix.strip_prefix(of).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
