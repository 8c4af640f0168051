//! From a run to its entries in the history.

use crate::model::change::{Change, ChangeAction, StackChanges};
use crate::model::commit::Commit;
use crate::model::desired::{DesiredStack, DesiredState};
use crate::model::hash::{self, ConfigHash};
use crate::model::history::{Deployment, FailureNote, Outcome, ResourceNote, ServiceNote, StepNote};
use crate::model::redact::Redactor;
use crate::model::report::{self, Blame, Failure, Fate, Report, Results};
use crate::model::step::Plan;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// A run, and what it came to.
pub struct Run<'a> {
    /// What the source goes by.
    pub source: &'a str,
    /// What it asked for.
    pub desired: &'a DesiredState,
    /// The commit of that.
    pub commit: Option<&'a Commit>,
    /// What was to be done.
    pub plan: &'a Plan,
    /// What became of the steps.
    pub report: &'a Report,
    /// What became of the services.
    pub results: &'a Results,
    /// What failed.
    pub failures: &'a [Failure],
    /// What must not be told.
    pub redactor: &'a Redactor,
    /// Why the source was looked at.
    pub trigger: &'a str,
    /// What ran it.
    pub by: &'a str,
    /// How long it took.
    pub elapsed: Duration,
    /// When it ended, in seconds since 1970.
    pub time: i64,
}

/// The entries of a run: one for each stack that was worked on, or in which something is blocked.
pub fn deployments(run: &Run<'_>) -> Vec<Deployment> {
    run.plan.changes.iter().filter_map(|(stack, changes)| run.deployment(stack, changes)).collect()
}

impl Run<'_> {
    fn deployment(&self, stack: &str, changes: &StackChanges) -> Option<Deployment> {
        let steps = self.steps(stack);
        // What is quarantined was told of when it failed.
        if steps.is_empty() && !self.is_blocked(stack, changes) {
            return None;
        }
        let outcome = self.outcome(stack, changes, steps.is_empty());
        let fates = self.results.get(stack);
        let services = changes.services.iter().filter_map(|(name, change)| {
            let result = fates?.get(name)?;
            let is_idle = change.action == ChangeAction::Unchanged && result.fate == Fate::Unchanged;
            (!is_idle).then(|| ServiceNote {
                name: name.clone(),
                action: change.action.as_str().to_owned(),
                outcome: result.fate.as_str().to_owned(),
                reason: self.redactor.apply(result.reason.trim_end()),
                causes: self.causes(change),
                failures: self.failures(stack, name),
            })
        });
        let services: Vec<ServiceNote> = services.collect();
        Some(Deployment {
            number: 0,
            time: self.time,
            stack: stack.to_owned(),
            source: self.source.to_owned(),
            revision: self.desired.revision.clone(),
            commit: self.commit.cloned(),
            content: self.desired.stacks.get(stack).map(content).unwrap_or_default(),
            trigger: self.trigger.to_owned(),
            by: self.by.to_owned(),
            outcome,
            seconds: rounded(self.elapsed),
            plan: self.plan.id.get(..12).unwrap_or(&self.plan.id).to_owned(),
            unchanged: changes.services.len() - services.len(),
            services,
            resources: self
                .resources("network", &changes.networks)
                .chain(self.resources("volume", &changes.volumes))
                .collect(),
            steps,
            left_out: 0,
        })
    }

    fn steps(&self, stack: &str) -> Vec<StepNote> {
        let own = self.plan.steps.iter().filter(|step| step.stack == stack);
        own.map(|step| {
            let (outcome, seconds) = match self.report.outcomes.get(&step.id) {
                Some((report::Outcome::Failed(_), elapsed)) => ("failed", rounded(*elapsed)),
                Some((report::Outcome::Skipped { .. }, _)) | None => ("skipped", 0.0),
                Some((_, elapsed)) => ("done", rounded(*elapsed)),
            };
            let id = step.id.strip_prefix(stack).map_or(step.id.as_str(), |id| id.trim_start_matches('/'));
            StepNote { id: id.to_owned(), outcome: outcome.to_owned(), seconds }
        })
        .collect()
    }

    fn has(&self, stack: &str, wanted: &[Fate]) -> bool {
        let mut results = self.results.get(stack).into_iter().flatten();
        results.any(|(_, result)| wanted.contains(&result.fate))
    }

    fn is_blocked(&self, stack: &str, changes: &StackChanges) -> bool {
        self.has(stack, &[Fate::Blocked]) || others(changes).any(|action| action == ChangeAction::Blocked)
    }

    fn outcome(&self, stack: &str, changes: &StackChanges, is_idle: bool) -> Outcome {
        let has = |wanted: &[Fate]| self.has(stack, wanted);
        let failed = self.plan.steps.iter().filter(|step| {
            let outcome = self.report.outcomes.get(&step.id).map(|(outcome, _)| outcome);
            step.stack == stack && matches!(outcome, Some(report::Outcome::Failed(_)))
        });
        let blames: Vec<Option<&Blame>> = failed.map(|step| self.report.blames.get(&step.id)).collect();
        let is_whole = !has(&[Fate::Failed, Fate::Skipped, Fate::RolledBack]) && blames.is_empty();
        if !is_whole && !is_idle && blames.iter().all(|blame| *blame == Some(&Blame::Interruption)) {
            Outcome::Interrupted
        } else if has(&[Fate::RolledBack]) {
            Outcome::RolledBack
        } else if !is_whole {
            Outcome::Failed
        } else if has(&[Fate::Waiting]) || others(changes).any(|action| action == ChangeAction::Wait) {
            Outcome::Waiting
        } else if !has(&[Fate::Quarantined]) && !self.is_blocked(stack, changes) {
            Outcome::Applied
        } else if has(&[Fate::Applied]) {
            Outcome::Partly
        } else {
            Outcome::Blocked
        }
    }

    fn causes(&self, change: &Change) -> Vec<String> {
        change.causes.iter().map(|cause| self.redactor.apply(&cause.to_string())).collect()
    }

    fn failures(&self, stack: &str, service: &str) -> Vec<FailureNote> {
        let own = |failure: &&Failure| failure.stack == stack && failure.service == service;
        let failures = self.failures.iter().filter(own).filter(|failure| !failure.container.is_empty());
        failures
            .map(|failure| FailureNote {
                container: failure.container.clone(),
                exit_code: failure.exit_code,
                oom_killed: failure.oom_killed,
                logs: failure.logs.iter().map(|line| self.redactor.apply(line)).collect(),
                health: failure.health.as_ref().map(|text| self.redactor.apply(text)),
            })
            .collect()
    }

    fn resources(
        &self,
        kind: &'static str,
        changes: &BTreeMap<String, Change>,
    ) -> impl Iterator<Item = ResourceNote> {
        let busy = changes.iter().filter(|(_, change)| change.action != ChangeAction::Unchanged);
        busy.map(move |(name, change)| ResourceNote {
            kind: kind.to_owned(),
            name: name.clone(),
            action: change.action.as_str().to_owned(),
            causes: self.causes(change),
        })
    }
}

/// What is done to the networks and volumes of a stack.
fn others(changes: &StackChanges) -> impl Iterator<Item = ChangeAction> {
    changes.networks.values().chain(changes.volumes.values()).map(|change| change.action)
}

/// A hundredth of a second tells enough.
fn rounded(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 100.0).round() / 100.0
}

/// A digest of what a stack is to be. Twelve digits tell two of them apart, and are too few to check a guess at a secret
/// against.
fn content(stack: &DesiredStack) -> String {
    let mut text = String::new();
    for (key, service) in &stack.services {
        let _ = writeln!(text, "service {key} {} {}", service.hash(), service.replicas);
    }
    for (key, network) in &stack.networks {
        let _ = writeln!(text, "network {key} {}", network.hash());
    }
    for (key, volume) in &stack.volumes {
        let _ = writeln!(text, "volume {key} {}", ConfigHash::of(volume));
    }
    hash::digest(text.as_bytes()).get(..12).unwrap_or_default().to_owned()
}
