//! What has to hold before a replica starts.

use super::diff::StackDiff;
use super::edges::Owner;
use super::instances::Instance;
use super::order;
use super::quarantine;
use super::removal;
use super::schedule::Scheduler;
use super::steps::Marks;
use crate::model::desired::{Condition, DesiredService};
use crate::model::observed::{ContainerState, Health};
use crate::model::step::{Action, ContainerRef, StepId};

/// What has to hold before a replica starts.
#[derive(Debug, Default, Clone)]
pub(super) struct Conditions {
    /// Steps that must succeed.
    pub required: Vec<StepId>,
    /// Steps that must end.
    pub optional: Vec<StepId>,
    /// Ends of jobs that run before the stack changes: something new starts only if they succeed, what stays starts
    /// again in any case.
    pub gates: Vec<StepId>,
    /// What lets its batch of replicas begin, unless it is of the first.
    pub turn: Option<StepId>,
}

impl<'d, 'a> Scheduler<'d, 'a> {
    /// What has to hold before any replica of a service starts.
    pub fn conditions(
        &mut self,
        owner: Owner<'d>,
        stack: &'d StackDiff<'a>,
        service: &DesiredService,
    ) -> Conditions {
        let mut conditions = Conditions::default();
        for parent in order::parents(&service.spec) {
            let running = self.marks_of(owner.stack, parent).iter().filter_map(|mark| mark.running.clone());
            conditions.required.extend(running);
        }
        for (key, dependency) in &service.depends_on {
            let Some((key, found)) = stack.services.get_key_value(key) else { continue };
            let Some(desired) = found.desired.filter(|_| found.takes_part()) else { continue };
            let owner = Owner { stack: owner.stack, service: key };
            let marks = self.marks_of(owner.stack, key).to_vec();
            for (instance, mark) in found.instances.iter().zip(&marks) {
                let Some(condition) = quarantine::condition(found, instance, dependency.condition) else {
                    continue;
                };
                let step = self.condition(owner, desired, (instance, mark), condition);
                let list =
                    if dependency.required { &mut conditions.required } else { &mut conditions.optional };
                list.extend(step);
            }
        }
        conditions.required.dedup();
        conditions.gates = self.gates(owner, stack);
        conditions
    }

    /// The step after which a condition holds for one replica; `None` if it holds already.
    pub fn condition(
        &mut self,
        owner: Owner,
        desired: &DesiredService,
        (instance, mark): (&Instance, &Marks),
        condition: Condition,
    ) -> Option<StepId> {
        let kept = instance.keep.filter(|_| mark.running.is_none());
        let container = match (instance.keep, instance.is_created()) {
            (Some(kept), _) => removal::reference(kept),
            (None, _) => ContainerRef::Name(instance.name.clone()),
        };
        // Until the end of its replacement it may go by another name.
        let after: Vec<StepId> = match (&mark.named, instance.start_first) {
            (Some(named), true) => vec![named.clone()],
            _ => mark.running.iter().cloned().collect(),
        };
        match condition {
            Condition::Started => mark.running.clone(),
            Condition::Healthy if kept.is_some_and(|kept| kept.health == Some(Health::Healthy)) => None,
            Condition::Healthy => Some(self.await_healthy(owner, &mark.prefix, desired, (container, &after))),
            Condition::Completed if kept.is_some_and(|kept| kept.state == ContainerState::Exited(0)) => None,
            Condition::Completed => {
                let timeout = desired.wait_timeout.unwrap_or(self.diff.policy.wait_timeout);
                let stack = self.diff.stacks.get(owner.stack).and_then(|stack| stack.desired);
                let stopped = stack.and_then(|stack| stack.pre_deploy.get(owner.service));
                let through = stopped.is_some_and(|stopped| !stopped.is_empty());
                let action = Action::AwaitCompleted { container, timeout, through };
                Some(self.builder.push(format!("{}/completed", mark.prefix), owner, action, &[], &after))
            }
        }
    }

    /// The one step that waits for a replica's health.
    pub fn await_healthy(
        &mut self,
        owner: Owner,
        prefix: &str,
        desired: &DesiredService,
        (container, after): (ContainerRef, &[StepId]),
    ) -> StepId {
        let timeout = desired.rollout.timeout.or(desired.wait_timeout);
        let timeout = timeout.unwrap_or(self.diff.policy.wait_timeout);
        let action = Action::AwaitHealthy { container, timeout };
        self.builder.push(format!("{prefix}/healthy"), owner, action, &[], after)
    }
}
