//! Walks a plan on the simulated engine, one step after another.

use reconcile::engine::sim::SimEngine;
use reconcile::model::desired::DesiredState;
use reconcile::model::report::{Outcome, Report};
use reconcile::model::step::Plan;
use reconcile::plan::{self, Policy};
use std::time::Duration;

/// Carries out the first `limit` steps; a step whose predecessor failed is skipped.
pub fn execute(plan: &Plan, engine: &SimEngine, limit: usize) -> Report {
    let mut report = Report::default();
    for step in plan.steps.iter().take(limit) {
        let is_bad =
            |id: &&String| !report.outcomes.get(*id).is_some_and(|(outcome, _)| outcome.is_success());
        let too_many = step.tolerance.and_then(|count| step.after_any.iter().filter(is_bad).nth(count));
        let failed = step.after.iter().find(is_bad).or(too_many);
        let outcome = match failed {
            Some(id) => Outcome::Skipped { because: id.clone() },
            None => engine.apply(&step.action).unwrap_or_else(|error| {
                report.blames.insert(step.id.clone(), error.blame());
                Outcome::Failed(error.to_string())
            }),
        };
        report.outcomes.insert(step.id.clone(), (outcome, Duration::ZERO));
    }
    report
}

/// Carries out the plan towards a state, takes back what failed and marks it: a whole run, as the program does it.
/// Gives the plans of the way back and of the marks.
pub fn run(engine: &SimEngine, desired: &DesiredState, policy: &Policy, now: i64) -> [Plan; 3] {
    let observe = || engine.snapshot(&plan::observe_request(desired));
    let plan = plan::plan(desired, &observe(), policy, now);
    let report = execute(&plan, engine, usize::MAX);
    let back = plan::rollback(&plan, &report, 0).plan;
    let undone = execute(&back, engine, usize::MAX);
    let ran = plan::Ran { plan: &plan, report: &report, back: Some(&undone), failures: &[] };
    let marks = plan::quarantine(desired, &observe(), policy, ran, now);
    let report = execute(&marks, engine, usize::MAX);
    assert!(report.is_success(), "{:?}", failures(&report));
    [plan, back, marks]
}

/// What did not succeed, for messages.
pub fn failures(report: &Report) -> Vec<String> {
    let failed = report.outcomes.iter().filter(|(_, (outcome, _))| matches!(outcome, Outcome::Failed(_)));
    failed.map(|(id, (outcome, _))| format!("{id}: {outcome:?}")).collect()
}
