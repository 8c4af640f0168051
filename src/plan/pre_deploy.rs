//! Jobs that run before the rest of their stack changes, with services stopped while they run.

use super::diff::{ServiceDiff, StackDiff};
use super::edges::Owner;
use super::instances::{Instance, Judge, Kick};
use super::removal::Stopping;
use super::schedule::Scheduler;
use super::service::Decided;
use super::steps::Marks;
use crate::model::change::{Cause, CauseKind};
use crate::model::desired::{Condition, DesiredStack};
use crate::model::observed::ObservedContainer;
use crate::model::step::StepId;

/// The jobs for which a service is stopped.
pub(super) fn stopping<'a>(stack: &'a DesiredStack, key: &str) -> impl Iterator<Item = &'a str> {
    stack.pre_deploy.iter().filter(move |(_, stopped)| stopped.contains(key)).map(|(job, _)| job.as_str())
}

/// Whether a job is started by the plan.
fn runs(job: &ServiceDiff) -> bool {
    let starts = |instance: &Instance| {
        instance.is_created() || matches!(instance.kick, Kick::Start | Kick::Restart | Kick::Resume)
    };
    !job.is_blocked() && job.instances.iter().any(starts)
}

/// What stays is stopped for the time a job runs, and started again.
pub(super) fn stop_for_jobs(judge: &Judge, instances: &mut [Instance], decided: &Decided) {
    for job in stopping(judge.stack, judge.key) {
        if !decided.get(job).is_some_and(runs) {
            continue;
        }
        for instance in instances.iter_mut().filter(|one| one.keep.is_some_and(ObservedContainer::is_up)) {
            instance.kick = Kick::Resume;
            let cause = Cause::new(CauseKind::PreDeploy, job);
            instance.causes.push(cause.values(None, Some("stopped while it runs".to_owned())));
        }
    }
}

/// Jobs that cannot run because something that is blocked, and so has no steps, would go on running beside them.
pub(super) fn held(services: &Decided, stack: &DesiredStack) -> Vec<(String, Vec<Cause>)> {
    let mut held = Vec::new();
    for (job, stopped) in stack.pre_deploy.iter().filter(|(job, _)| services.get(*job).is_some_and(runs)) {
        let stays = |key: &&String| {
            services.get(*key).is_some_and(|found| {
                found.is_blocked()
                    && found.instances.iter().flat_map(Instance::standing).any(ObservedContainer::is_up)
            })
        };
        let causes: Vec<Cause> = stopped
            .iter()
            .filter(stays)
            .map(|key| {
                let why = format!("service {key} is blocked and would run beside it");
                Cause::new(CauseKind::Dependency, key).values(None, Some(why))
            })
            .collect();
        if !causes.is_empty() {
            held.push((job.clone(), causes));
        }
    }
    held
}

impl<'d, 'a> Scheduler<'d, 'a> {
    /// The steps with which the jobs end that a service waits for.
    pub fn gates(&mut self, owner: Owner<'d>, stack: &'d StackDiff<'a>) -> Vec<StepId> {
        let Some(wanted) = stack.desired.filter(|wanted| !wanted.pre_deploy.is_empty()) else {
            return Vec::new();
        };
        if wanted.needed_by_jobs().contains(owner.service) {
            return Vec::new();
        }
        let mut gates = Vec::new();
        for job in wanted.pre_deploy.keys() {
            let Some((key, found)) = stack.services.get_key_value(job) else { continue };
            let Some(desired) = found.desired.filter(|_| !found.is_blocked()) else { continue };
            let owner = Owner { stack: owner.stack, service: key };
            let marks = self.marks_of(owner.stack, key).to_vec();
            for pair in found.instances.iter().zip(&marks) {
                gates.extend(self.condition(owner, desired, pair, Condition::Completed));
            }
        }
        gates
    }

    /// The jobs of this plan for which a service is stopped.
    pub fn jobs_stopping(&self, owner: Owner<'d>) -> Vec<Marks> {
        let stack = self.diff.stacks.get(owner.stack).and_then(|stack| stack.desired);
        let jobs = stack.into_iter().flat_map(|stack| stopping(stack, owner.service));
        let marks = jobs.flat_map(|job| self.marks_of(owner.stack, job)).filter(|mark| mark.start.is_some());
        marks.cloned().collect()
    }

    /// Lets a job wait until a container is stopped. `after` is what the stop comes after.
    pub fn stop_before(&mut self, job: &Marks, stopping: &Stopping, after: &[StepId]) {
        let Some(start) = &job.start else { return };
        self.builder.after(start, &stopping.stop);
        let stop = (stopping.first.clone(), [&job.ready[..], after].concat());
        self.job_stops.entry(start.clone()).or_default().push(stop);
    }

    /// Nothing is stopped for a job before all is ready that is stopped for it: images take their time.
    pub fn stop_together(&mut self) {
        for stops in self.job_stops.values() {
            for (first, _) in stops {
                for step in stops.iter().flat_map(|(_, ready)| ready) {
                    self.builder.rather_after(first, step);
                }
            }
        }
    }
}
