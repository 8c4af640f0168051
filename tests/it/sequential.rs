//! Walks a plan on the simulated engine, one step after another.

use reconcile::engine::sim::SimEngine;
use reconcile::model::report::{Outcome, Report};
use reconcile::model::step::Plan;
use std::time::Duration;

/// Carries out the first `limit` steps; a step whose predecessor failed is skipped.
pub fn execute(plan: &Plan, engine: &SimEngine, limit: usize) -> Report {
    let mut report = Report::default();
    for step in plan.steps.iter().take(limit) {
        let failed = step
            .after
            .iter()
            .find(|id| !report.outcomes.get(*id).is_some_and(|(outcome, _)| outcome.is_success()));
        let outcome = match failed {
            Some(id) => Outcome::Skipped { because: id.clone() },
            None => engine.apply(&step.action).unwrap_or_else(|error| Outcome::Failed(error.to_string())),
        };
        report.outcomes.insert(step.id.clone(), (outcome, Duration::ZERO));
    }
    report
}

/// What did not succeed, for messages.
pub fn failures(report: &Report) -> Vec<String> {
    let failed = report.outcomes.iter().filter(|(_, (outcome, _))| matches!(outcome, Outcome::Failed(_)));
    failed.map(|(id, (outcome, _))| format!("{id}: {outcome:?}")).collect()
}
