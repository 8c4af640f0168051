//! What settings of a rollout promise.

use super::Linter;
use crate::model::desired::{DesiredService, DesiredStack, JobMode};
use crate::model::labels;
use crate::model::observed::ObservedContainer;
use crate::model::rollout::{Order, WaitFor};
use crate::model::step::{Action, ContainerRef, ContainerSpec, Step};
use std::collections::{BTreeMap, BTreeSet};

/// A running container that the plan replaces: the places of its stop and of the steps after which the new one counts as
/// good.
struct Replaced<'a> {
    stop: usize,
    start: Option<usize>,
    good: Vec<usize>,
    is_healthy: bool,
    service: &'a DesiredService,
    /// Whether it has to be stopped for something else than its own replacement.
    is_forced: bool,
}

impl<'a> Linter<'a> {
    /// Whether another container of the same replica runs under its final name while this one does.
    pub(super) fn serves_beside(&self, container: &ObservedContainer) -> bool {
        let is_twin = |other: &&ObservedContainer| {
            other.id != container.id
                && other.is_up()
                && (other.stack(), other.service(), other.number())
                    == (container.stack(), container.service(), container.number())
        };
        let is_aside = |name: &str| [".next", ".prev"].iter().any(|suffix| name.ends_with(suffix));
        is_aside(&container.name)
            && self.observed.containers.iter().filter(is_twin).any(|other| !is_aside(&other.name))
    }

    /// Where the new one starts first, the old one stops only after it is healthy, or runs.
    pub(super) fn start_first(&mut self) {
        for replaced in self.replaced() {
            let step = &self.plan.steps[replaced.stop];
            let rollout = &replaced.service.rollout;
            if rollout.update.order != Order::StartFirst || replaced.is_forced {
                continue;
            }
            let before = self.ancestors(step);
            if !replaced.start.is_some_and(|start| before.contains(&start)) {
                self.complain(step, "comes before its replacement runs");
            } else if !replaced.good.is_empty() && !replaced.good.iter().all(|good| before.contains(good)) {
                self.complain(step, "comes before its replacement counts as good");
            } else if rollout.wait == Some(WaitFor::Healthy) && !replaced.is_healthy {
                self.complain(step, "does not wait until its replacement is healthy");
            }
        }
    }

    /// No more replicas are down at a time than may be.
    pub(super) fn batches(&mut self) {
        let mut services: BTreeMap<(&str, &str), Vec<Replaced>> = BTreeMap::new();
        for replaced in self.replaced().into_iter().filter(|replaced| !replaced.is_forced) {
            let step = &self.plan.steps[replaced.stop];
            services.entry((&step.stack, &step.service)).or_default().push(replaced);
        }
        for replicas in services.into_values() {
            let Some(first) = replicas.first() else { continue };
            let most = first.service.rollout.update.batch();
            let before: Vec<BTreeSet<usize>> =
                replicas.iter().map(|one| self.ancestors(&self.plan.steps[one.stop])).collect();
            for (at, one) in replicas.iter().enumerate() {
                let apart = |other: usize| {
                    replicas[other].good.iter().any(|good| before[at].contains(good))
                        || one.good.iter().any(|good| before[other].contains(good))
                };
                let beside = (0..replicas.len()).filter(|other| *other != at && !apart(*other)).count();
                if beside >= most {
                    let step = &self.plan.steps[one.stop];
                    self.complain(step, &format!("stops beside {beside} others of {most} that may"));
                }
            }
        }
    }

    fn replaced(&self) -> Vec<Replaced<'a>> {
        let plan = self.plan;
        let mut created: BTreeMap<[&str; 3], &ContainerSpec> = BTreeMap::new();
        for step in &plan.steps {
            if let Action::CreateContainer(spec) = &step.action {
                let label = |key: &str| spec.labels.get(key).map_or("", String::as_str);
                created.insert([label(labels::PROJECT), label(labels::SERVICE), label(labels::NUMBER)], spec);
            }
        }
        let mut found = Vec::new();
        for (place, step) in plan.steps.iter().enumerate() {
            let Action::StopContainer { container: ContainerRef::Id { id, .. }, .. } = &step.action else {
                continue;
            };
            let Some(old) = self.containers.get(id.as_str()).filter(|old| !self.serves_beside(old)) else {
                continue;
            };
            let key = [old.stack(), old.service(), old.label(labels::NUMBER)];
            let stack = self.desired.stacks.get(old.stack());
            let service = stack.and_then(|stack| stack.services.get(old.service()));
            let (Some(stack), Some(service), Some(spec)) = (stack, service, created.get(&key)) else {
                continue;
            };
            if service.job != JobMode::Job && old.is_up() {
                found.push(self.one(place, (old, spec), (stack, service)));
            }
        }
        found
    }

    fn one(
        &self,
        stop: usize,
        (old, spec): (&ObservedContainer, &ContainerSpec),
        (stack, service): (&DesiredStack, &'a DesiredService),
    ) -> Replaced<'a> {
        let names = [&spec.name, &spec.final_name];
        let is_new =
            |container: &ContainerRef| matches!(container, ContainerRef::Name(name) if names.contains(&name));
        let steps = || self.plan.steps.iter().enumerate();
        let is_start = |step: &Step| matches!(&step.action, Action::StartContainer(found) if is_new(found));
        let is_healthy =
            |step: &Step| matches!(&step.action, Action::AwaitHealthy { container, .. } if is_new(container));
        let is_stable =
            |step: &Step| matches!(&step.action, Action::AwaitStable { container, .. } if is_new(container));
        let is_remade = steps().any(|(_, step)| match &step.action {
            Action::RemoveNetwork { id, name } => {
                old.networks.values().any(|own| own == id) || spec.endpoints.contains_key(name)
            }
            // The container whose network it shares goes.
            Action::StopContainer { container, .. } | Action::RemoveContainer(container) => {
                old.network_mode.strip_prefix("container:") == Some(container.engine_ref())
            }
            _ => false,
        });
        let good = steps().filter(|(_, step)| is_healthy(step) || is_stable(step)).map(|(place, _)| place);
        let good: Vec<usize> = good.collect();
        let start = steps().find(|(_, step)| is_start(step)).map(|(place, _)| place);
        Replaced {
            stop,
            good: if good.is_empty() { start.into_iter().collect() } else { good },
            start,
            is_healthy: steps().any(|(_, step)| is_healthy(step)),
            service,
            is_forced: is_remade || stack.pre_deploy.values().any(|stopped| stopped.contains(old.service())),
        }
    }
}
