//! The way back: what a replacement that failed has stopped runs again.

use super::edges::{Builder, Owner};
use super::text::plan_id;
use crate::model::change::{Cause, ChangeSet};
use crate::model::report::Report;
use crate::model::step::{Action, ContainerRef, Plan, Step, StepId};
use std::collections::BTreeMap;

/// The plan that undoes the failed replacements of a run: the new container goes, the old one takes its name back and
/// starts. Replicas whose replacement succeeded, or did not get as far as stopping the old one, have no steps. A
/// container that was not running before is not started.
pub fn rollback(plan: &Plan, report: &Report) -> Plan {
    let mut replicas: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in plan.steps.iter().filter(|step| !step.service.is_empty()) {
        if let Some((prefix, _)) = step.id.rsplit_once('/') {
            replicas.entry(prefix).or_default().push(step);
        }
    }
    let mut builder = Builder::default();
    for (prefix, steps) in replicas {
        if let Some(failed) = Failed::find(&steps, report) {
            failed.undo(prefix, &mut builder);
        } else {
            resume(prefix, &steps, report, &mut builder);
        }
    }
    let steps = builder.finish();
    Plan { id: plan_id(&steps), revision: plan.revision.clone(), changes: ChangeSet::new(), steps }
}

/// Starts a container that was stopped for a job and not started again.
fn resume(prefix: &str, steps: &[&Step], report: &Report, builder: &mut Builder) {
    let was_stopped = |wanted: &ContainerRef| {
        steps.iter().any(|step| match &step.action {
            Action::StopContainer { container, .. } => container == wanted && !was_skipped(step, report),
            _ => false,
        })
    };
    for step in steps {
        let Action::StartContainer(container) = &step.action else { continue };
        if was_stopped(container) && !succeeded(step, report) {
            let owner = Owner { stack: &step.stack, service: &step.service };
            let start = Action::StartContainer(container.clone());
            builder.push(format!("{prefix}/undo-start"), owner, start, &step.causes, &[]);
        }
    }
}

fn succeeded(step: &Step, report: &Report) -> bool {
    report.outcomes.get(&step.id).is_some_and(|(outcome, _)| outcome.is_success())
}

/// A replacement that stopped the old container and did not come to its end.
struct Failed<'a> {
    owner: Owner<'a>,
    causes: &'a [Cause],
    /// The container that was stopped.
    old: &'a ContainerRef,
    /// Its name, if that was taken from it.
    name: Option<&'a str>,
    /// The container that was to take its place, under the name it has now.
    new: ContainerRef,
}

impl<'a> Failed<'a> {
    fn find(steps: &[&'a Step], report: &Report) -> Option<Self> {
        let succeeded = |step: &Step| succeeded(step, report);
        let removal = |step: &&&Step| matches!(step.action, Action::RemoveContainer(_));
        if steps.iter().filter(|step| !removal(step)).all(|step| succeeded(step)) {
            return None;
        }
        let mut found: Option<(&'a Step, &'a ContainerRef)> = None;
        let (mut created, mut started, mut renamed, mut retired) = (None, None, None, None);
        for step in steps {
            match &step.action {
                // The first is the one that is taken over from. A stop that failed may have stopped it all the same.
                Action::StopContainer { container, .. } if report.outcomes.contains_key(&step.id) => {
                    found = found.or(Some((step, container)));
                }
                Action::CreateContainer(spec) => created = Some(spec),
                Action::RenameContainer { container, .. } if is_same(container, found) => {
                    retired = retired.or_else(|| succeeded(step).then_some(container.name()));
                }
                Action::RenameContainer { to, .. } => {
                    renamed = renamed.or_else(|| succeeded(step).then_some(to.as_str()));
                }
                // A container of an earlier run that was to be brought into use is named by its id.
                Action::StartContainer(container @ ContainerRef::Id { .. }) => started = Some(container),
                _ => {}
            }
        }
        let (step, old) = found?;
        let new = match created {
            Some(created) => ContainerRef::Name(renamed.unwrap_or(&created.name).to_owned()),
            None => started?.clone(),
        };
        if new == *old {
            return None;
        }
        let is_gone = steps.iter().any(|step| match &step.action {
            Action::RemoveContainer(container) => container == old && succeeded(step),
            _ => false,
        });
        if is_gone || was_skipped(step, report) {
            return None;
        }
        let owner = Owner { stack: &step.stack, service: &step.service };
        Some(Self { owner, causes: &step.causes, old, name: retired, new })
    }

    fn undo(self, prefix: &str, builder: &mut Builder) {
        let Self { owner, causes, old, name, new } = self;
        let stop = Action::StopContainer { container: new.clone(), grace: None };
        let mut tail: StepId = builder.push(format!("{prefix}/undo-stop"), owner, stop, causes, &[]);
        let remove = Action::RemoveContainer(new);
        tail = builder.push(format!("{prefix}/undo-remove"), owner, remove, causes, &[tail]);
        if let Some(name) = name {
            let rename = Action::RenameContainer { container: old.clone(), to: name.to_owned() };
            tail = builder.push(format!("{prefix}/undo-rename"), owner, rename, causes, &[tail]);
        }
        let start = Action::StartContainer(old.clone());
        builder.push(format!("{prefix}/undo-start"), owner, start, causes, &[tail]);
    }
}

fn is_same(container: &ContainerRef, found: Option<(&Step, &ContainerRef)>) -> bool {
    found.is_some_and(|(_, old)| old == container)
}

fn was_skipped(step: &Step, report: &Report) -> bool {
    use crate::model::report::Outcome;
    report.outcomes.get(&step.id).is_none_or(|(outcome, _)| matches!(outcome, Outcome::Skipped { .. }))
}
