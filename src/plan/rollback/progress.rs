//! How far a run got with one replica.

use crate::model::report::{Blame, Outcome, Report};
use crate::model::step::{Action, ContainerRef, Plan, Step};
use crate::model::way_back::ReplicaBack;
use std::collections::BTreeMap;

/// A run, by replica.
pub(super) struct Run<'a> {
    report: &'a Report,
    /// Steps by the prefix of their ids.
    replicas: BTreeMap<&'a str, Vec<&'a Step>>,
}

/// What is known of a step that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// It was not tried.
    Not,
    /// The engine said no, because of what was asked for or with an error of its own.
    Refused(Blame),
    /// There was no answer: it may have been done.
    Unknown,
}

/// What a run did to a replica.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and most go together")]
pub(super) struct Progress {
    /// Something that matters to whoever uses it was done or tried: the old container was stopped or renamed, or the new
    /// one started or relied on.
    pub is_touched: bool,
    /// Its replacement counts as good.
    pub is_accepted: bool,
    /// A step of it failed, and not because the run was told to stop.
    pub has_failed: bool,
    /// The stop of the old container was tried.
    pub is_stopped: bool,
    /// The old container was given another name, or may have been.
    pub is_retired: bool,
    /// The creation of the new one was tried.
    pub is_created: bool,
    /// Whether the new one may run.
    pub is_started: bool,
    /// The new one has its final name, or may have it.
    pub is_renamed: bool,
    /// Whether that is sure.
    pub has_name: bool,
    /// The old container is gone.
    pub is_gone: bool,
}

impl<'a> Run<'a> {
    pub fn new(plan: &'a Plan, report: &'a Report) -> Self {
        let mut replicas: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        for step in plan.steps.iter().filter(|step| !step.service.is_empty()) {
            if let Some((prefix, _)) = step.id.rsplit_once('/') {
                replicas.entry(prefix).or_default().push(step);
            }
        }
        Self { report, replicas }
    }

    /// All replicas with their steps.
    pub fn replicas(&self) -> impl Iterator<Item = (&'a str, &[&'a Step])> {
        self.replicas.iter().map(|(prefix, steps)| (*prefix, steps.as_slice()))
    }

    /// Steps of one replica.
    pub fn steps(&self, prefix: &str) -> &[&'a Step] {
        self.replicas.get(prefix).map_or(&[], Vec::as_slice)
    }

    /// Whether a step was done.
    pub fn succeeded(&self, step: &Step) -> bool {
        self.report.outcomes.get(&step.id).is_some_and(|(outcome, _)| outcome.is_success())
    }

    /// Whether a step was tried. One that failed may have done its work all the same.
    pub fn was_tried(&self, step: &Step) -> bool {
        let outcome = self.report.outcomes.get(&step.id).map(|(outcome, _)| outcome);
        outcome.is_some_and(|outcome| !matches!(outcome, Outcome::Skipped { .. }))
    }

    /// What is known of a step that did not succeed.
    pub fn fate(&self, step: &Step) -> Tried {
        match self.report.blames.get(&step.id) {
            _ if !self.was_tried(step) => Tried::Not,
            Some(blame @ (Blame::Input | Blame::Engine)) => Tried::Refused(*blame),
            _ => Tried::Unknown,
        }
    }

    fn failed(&self, step: &Step) -> bool {
        let outcome = self.report.outcomes.get(&step.id).map(|(outcome, _)| outcome);
        matches!(outcome, Some(Outcome::Failed(_)))
            && self.report.blames.get(&step.id) != Some(&Blame::Interruption)
    }

    /// How far a replica got.
    pub fn of(&self, replica: &ReplicaBack) -> Progress {
        let mut progress = Progress { is_accepted: true, ..Progress::default() };
        let is_kept = matches!(replica.new, ContainerRef::Id { .. });
        progress.is_started = is_kept;
        let is_new = |container: &ContainerRef| {
            *container == replica.new
                || container.engine_ref() == replica.new.engine_ref()
                || *container == ContainerRef::Name(replica.new_name.clone())
        };
        for step in self.steps(&replica.prefix) {
            let (tried, done) = (self.was_tried(step), self.succeeded(step));
            match &step.action {
                Action::RemoveContainer(container) => {
                    progress.is_gone |= done && *container == replica.old;
                    continue;
                }
                Action::StopContainer { container, .. } if *container == replica.old => {
                    progress.is_stopped |= tried;
                    progress.is_touched |= tried;
                }
                Action::RenameContainer { container, .. } if *container == replica.old => {
                    progress.is_retired |= tried;
                    progress.is_touched |= tried;
                }
                Action::CreateContainer(_) => progress.is_created |= tried,
                Action::RenameContainer { container, .. } if is_new(container) => {
                    progress.is_renamed |= tried;
                    progress.has_name |= done;
                    progress.is_touched |= tried;
                }
                Action::StartContainer(container) if is_new(container) => {
                    progress.is_started |= tried;
                    progress.is_touched |= tried;
                }
                Action::AwaitHealthy { container, .. } | Action::AwaitStable { container, .. }
                    if is_new(container) =>
                {
                    progress.is_touched |= tried;
                }
                _ => {}
            }
            progress.is_accepted &= done;
            progress.has_failed |= self.failed(step);
        }
        progress
    }
}
