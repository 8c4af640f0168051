//! Who goes by which name when: the new container as `NAME.next` until it takes over, the old one as `NAME.prev` from
//! then on.

use super::instances::Kick;
use super::removal::reference;
use super::steps::{Draft, Marks};
use crate::model::observed::{ContainerState, ObservedContainer};
use crate::model::step::{Action, ContainerRef, StepId};

impl Draft<'_, '_, '_> {
    /// Frees the name of new containers, should something of an earlier run hold it.
    pub(super) fn clear_name(&mut self, next: &str) -> Vec<StepId> {
        let Some(at) = self.rest.iter().position(|container| container.name == next) else {
            return Vec::new();
        };
        if at == 0 {
            // It is all there is: it goes on running under another name.
            return self.retire(&[]).into_iter().collect();
        }
        let holder = self.rest.remove(at);
        vec![self.remove_now(holder, &[])]
    }

    /// Gives the container its final name, after whatever holds that name has gone out of the way.
    pub(super) fn take_name(&mut self) {
        let name = self.instance.name.clone();
        if self.container.name() == name {
            return;
        }
        let ready = self.tail.clone();
        // What never ran is nothing to go back to, and neither is what the old one takes its place back from.
        let goes_back = self.instance.kick == Kick::Restore;
        let is_useless = |at: usize, found: &ObservedContainer| {
            at > 0 || goes_back || found.state == ContainerState::Created
        };
        let holder = self.rest.iter().position(|container| container.name == name);
        if let Some(at) = holder.filter(|at| is_useless(*at, self.rest[*at])) {
            let holder = self.rest.remove(at);
            self.tail = vec![self.remove_now(holder, &ready)];
        } else if let Some(step) = self.retire(&ready) {
            self.tail = vec![step];
        }
        let action = Action::RenameContainer { container: self.container.clone(), to: name.clone() };
        let tail = self.tail.clone();
        let step = self.push("rename", action, &tail);
        let Marks { create, interrupt, .. } = self.marks.clone();
        self.scheduler.renames.push((step.clone(), name.clone(), create, interrupt));
        self.marks.named = Some(step.clone());
        self.tail = vec![step];
        self.container = match &self.container {
            ContainerRef::Id { id, .. } => ContainerRef::Id { id: id.clone(), name },
            ContainerRef::Name(_) => ContainerRef::Name(name),
        };
    }

    /// Renames the container that is taken over from, unless it is out of the way already. What an earlier run left
    /// under that name goes before.
    fn retire(&mut self, after: &[StepId]) -> Option<StepId> {
        let old = self.rest.first().copied()?;
        let previous = format!("{}.prev", self.instance.name);
        // Going back to the previous container: it still has that name itself.
        let to =
            if self.container.name() == previous { format!("{}.next", self.instance.name) } else { previous };
        if old.name == to || self.scheduler.frees.contains_key(old.id.as_str()) {
            return None;
        }
        let mut after = after.to_vec();
        if let Some(at) = self.rest.iter().skip(1).position(|container| container.name == to) {
            let leftover = self.rest.remove(at + 1);
            let ready = after.clone();
            after.push(self.remove_now(leftover, &ready));
        }
        let action = Action::RenameContainer { container: reference(old), to };
        let step = self.push("retire", action, &after);
        if !old.is_up() {
            self.wait_softly(&step, true);
        }
        self.scheduler.frees.insert(old.id.clone(), step.clone());
        Some(step)
    }
}
