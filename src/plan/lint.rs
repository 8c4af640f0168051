//! Holding any plan against the promises, without trusting the code that made it.

mod rollouts;

use super::index::is_ours;
use crate::model::desired::DesiredState;
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedState};
use crate::model::step::{Action, ContainerRef, Plan, Step};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a plan; empty if nothing is. For tests and for plans read from a file.
pub fn lint(plan: &Plan, observed: &ObservedState, desired: &DesiredState) -> Vec<String> {
    let mut linter = Linter::new(plan, observed, desired);
    linter.edges();
    if linter.complaints.is_empty() {
        linter.ownership();
        linter.replacements();
        linter.names();
        linter.networks();
        linter.start_first();
        linter.batches();
    }
    linter.complaints
}

struct Linter<'a> {
    plan: &'a Plan,
    observed: &'a ObservedState,
    desired: &'a DesiredState,
    containers: BTreeMap<&'a str, &'a ObservedContainer>,
    places: BTreeMap<&'a str, usize>,
    complaints: Vec<String>,
}

impl<'a> Linter<'a> {
    fn new(plan: &'a Plan, observed: &'a ObservedState, desired: &'a DesiredState) -> Self {
        let containers = observed.containers.iter().map(|container| (container.id.as_str(), container));
        let places = plan.steps.iter().enumerate().map(|(place, step)| (step.id.as_str(), place));
        Self {
            plan,
            observed,
            desired,
            containers: containers.collect(),
            places: places.collect(),
            complaints: Vec::new(),
        }
    }

    fn complain(&mut self, step: &Step, what: &str) {
        self.complaints.push(format!("{}: {what}", step.id));
    }

    /// Ids are unique, and each step stands after all it comes after: so there are no circles.
    fn edges(&mut self) {
        if self.places.len() != self.plan.steps.len() {
            self.complaints.push("two steps have the same id".to_owned());
        }
        for (place, step) in self.plan.steps.iter().enumerate() {
            for before in step.after.iter().chain(&step.after_any) {
                match self.places.get(before.as_str()) {
                    None => self.complain(step, &format!("comes after {before}, which is not in the plan")),
                    Some(found) if *found >= place => {
                        self.complain(step, &format!("comes after {before}, which stands later"));
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// All steps that have ended when this one begins.
    fn ancestors(&self, step: &Step) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&Step> = vec![step];
        while let Some(step) = open.pop() {
            for before in step.after.iter().chain(&step.after_any) {
                if let Some(place) = self.places.get(before.as_str())
                    && found.insert(*place)
                {
                    open.push(&self.plan.steps[*place]);
                }
            }
        }
        found
    }

    /// Whether this program, or a compose run of the same project in the same place, made the object.
    fn is_own(&self, container: &ObservedContainer) -> bool {
        let stack = self.desired.stacks.get(container.stack());
        let same_place = stack.is_some_and(|stack| {
            stack.working_dir == container.label(labels::WORKING_DIR)
                && stack.services.contains_key(container.service())
        });
        (is_ours(&container.labels) || container.run().is_some() || same_place) && !container.is_oneoff()
    }

    fn is_mark(container: &ObservedContainer) -> bool {
        container.labels.contains_key(labels::QUARANTINE)
    }

    fn ownership(&mut self) {
        for step in &self.plan.steps {
            if let Some(ContainerRef::Id { id, .. }) = step.action.container() {
                let waits_only = matches!(
                    step.action,
                    Action::AwaitHealthy { .. } | Action::AwaitStable { .. } | Action::AwaitCompleted { .. }
                );
                let removes = matches!(step.action, Action::RemoveContainer(_));
                match self.containers.get(id.as_str()) {
                    None => self.complain(step, "names a container that was not observed"),
                    Some(container) if Self::is_mark(container) => {
                        if !removes {
                            self.complain(step, &format!("uses {}, which is only a mark", container.name));
                        } else if container.label(labels::QUARANTINE)
                            != format!("{}/{}", step.stack, step.service)
                        {
                            self.complain(step, &format!("removes the mark {} of another", container.name));
                        }
                    }
                    Some(container) if !waits_only && !self.is_own(container) => {
                        self.complain(step, &format!("touches {}, which is not ours", container.name));
                    }
                    Some(_) => {}
                }
            }
            if let Action::RemoveNetwork { id, name } = &step.action {
                let network = self.observed.networks.iter().find(|network| network.id == *id);
                let owner = network.and_then(|network| network.labels.get(labels::PROJECT));
                if owner != Some(&step.stack) {
                    self.complain(
                        step,
                        &format!("removes network {name}, which is not of stack {}", step.stack),
                    );
                }
            }
        }
    }

    /// Nothing is stopped or removed before the container that takes its place was created.
    fn replacements(&mut self) {
        let mut created: BTreeMap<[&str; 3], usize> = BTreeMap::new();
        for (place, step) in self.plan.steps.iter().enumerate() {
            if let Action::CreateContainer(spec) = &step.action {
                let label = |key: &str| spec.labels.get(key).map_or("", String::as_str);
                created
                    .insert([label(labels::PROJECT), label(labels::SERVICE), label(labels::NUMBER)], place);
            }
        }
        for step in &self.plan.steps {
            let (Action::StopContainer { container, .. } | Action::RemoveContainer(container)) = &step.action
            else {
                continue;
            };
            let Some(old) = self.containers.get(container.engine_ref()) else { continue };
            let key = [old.stack(), old.service(), old.label(labels::NUMBER)];
            // What an interrupted run left beside the one that serves may go at once.
            let is_leftover = !old.is_up() || self.serves_beside(old);
            if let Some(create) = created.get(&key)
                && !is_leftover
                && !self.ancestors(step).contains(create)
            {
                self.complain(step, "comes before the container is created that takes its place");
            }
        }
    }

    /// Names are taken only when they are free, and containers are started only when they are there.
    fn names(&mut self) {
        let mut holders: BTreeMap<String, String> =
            self.observed.containers.iter().map(|found| (found.name.clone(), found.id.clone())).collect();
        let mut freed: BTreeMap<String, usize> = BTreeMap::new();
        let mut given: BTreeMap<String, usize> = BTreeMap::new();
        for (place, step) in self.plan.steps.iter().enumerate() {
            if let Some(ContainerRef::Name(name)) = step.action.container() {
                let source = given.get(name).copied();
                if !holders.contains_key(name) || source.is_none() {
                    self.complain(step, &format!("uses {name} before it is there"));
                } else if source.is_some_and(|source| !self.ancestors(step).contains(&source)) {
                    self.complain(step, &format!("does not come after what makes {name}"));
                }
            }
            let (gone, taken) = match &step.action {
                Action::CreateContainer(spec) => (None, Some((spec.name.clone(), step.id.clone()))),
                Action::CreateRun { name, .. } => (None, Some((name.clone(), step.id.clone()))),
                Action::RenameContainer { container, to } => {
                    let old = holder_name(&holders, container);
                    let id = old.as_ref().and_then(|old| holders.get(old)).cloned();
                    (old, Some((to.clone(), id.unwrap_or_else(|| step.id.clone()))))
                }
                Action::RemoveContainer(container) => (holder_name(&holders, container), None),
                Action::Mark { name, .. } => {
                    let is_old = |found: &ObservedContainer| found.name == *name && Self::is_mark(found);
                    let old = self.containers.values().any(|found| is_old(found)).then(|| name.clone());
                    (old, Some((name.clone(), step.id.clone())))
                }
                _ => continue,
            };
            if let Some(name) = gone {
                holders.remove(&name);
                freed.insert(name, place);
            }
            let Some((name, id)) = taken else { continue };
            if holders.contains_key(&name) {
                self.complain(step, &format!("takes the name {name}, which is taken"));
            }
            if freed.get(&name).is_some_and(|freed| !self.ancestors(step).contains(freed)) {
                self.complain(step, &format!("does not wait until the name {name} is free"));
            }
            holders.insert(name.clone(), id);
            given.insert(name, place);
        }
    }

    /// No network goes while a container uses it that stays or still runs.
    fn networks(&mut self) {
        for step in &self.plan.steps {
            let Action::RemoveNetwork { id, name } = &step.action else { continue };
            let ancestors = self.ancestors(step);
            let is_taken_down = |container: &ObservedContainer| {
                ancestors.iter().any(|place| match &self.plan.steps[*place].action {
                    Action::StopContainer { container: target, .. } | Action::RemoveContainer(target) => {
                        target.engine_ref() == container.id
                    }
                    _ => false,
                })
            };
            let is_attached =
                |container: &ObservedContainer| container.networks.get(name).is_some_and(|found| found == id);
            let users: Vec<&str> = self
                .observed
                .containers
                .iter()
                .filter(|container| is_attached(container) && container.is_up() && !is_taken_down(container))
                .map(|container| container.name.as_str())
                .collect();
            if !users.is_empty() {
                self.complain(step, &format!("network {name} is still used by {}", users.join(", ")));
            }
        }
    }
}

fn holder_name(holders: &BTreeMap<String, String>, container: &ContainerRef) -> Option<String> {
    match container {
        ContainerRef::Name(name) => Some(name.clone()),
        ContainerRef::Id { id, .. } => {
            holders.iter().find(|(_, holder)| *holder == id).map(|(name, _)| name.clone())
        }
    }
}
