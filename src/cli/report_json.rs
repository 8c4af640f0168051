//! What a run did, as JSON: the plan's object with an outcome for each step.

use super::plan_json;
use crate::cycle::Applied;
use crate::model::observed::EngineInfo;
use crate::model::report::{Outcome, Report};
use crate::model::step::Plan;
use serde_json::{Value, json};

/// The plan's object with `outcomes`, and `rollback` (null if nothing was taken back).
pub fn json(plan: &Plan, engine: &EngineInfo, applied: &Applied, errors: &[Value]) -> Value {
    let mut object = plan_json::json(plan, engine, errors);
    object["outcomes"] = outcomes(plan, &applied.report);
    object["rollback"] =
        applied.rollback.as_ref().map_or(Value::Null, |(back, undone)| outcomes(back, undone));
    object
}

fn outcomes(plan: &Plan, report: &Report) -> Value {
    plan.steps
        .iter()
        .filter_map(|step| Some((step, report.outcomes.get(&step.id)?)))
        .map(|(step, (outcome, elapsed))| {
            let (word, reason) = match outcome {
                Outcome::Done => ("done", None),
                Outcome::AlreadyDone => ("already_done", None),
                Outcome::DoneWithWarning(warning) => ("done_with_warning", Some(warning)),
                Outcome::Failed(reason) => ("failed", Some(reason)),
                Outcome::Skipped { because } => ("skipped", Some(because)),
            };
            json!({"id": step.id, "action": step.action.as_str(), "target": step.action.target(),
                "outcome": word, "reason": reason, "seconds": elapsed.as_secs_f64()})
        })
        .collect()
}
