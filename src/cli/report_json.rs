//! What a run did, as JSON: the plan's object with an outcome for each step.

use super::plan_json;
use crate::model::observed::EngineInfo;
use crate::model::report::{Outcome, Report};
use crate::model::step::Plan;
use serde_json::{Value, json};

/// The plan's object with `outcomes`.
pub fn json(plan: &Plan, engine: &EngineInfo, report: &Report, errors: Vec<Value>) -> Value {
    let mut object = plan_json::json(plan, engine, errors);
    let outcomes: Vec<Value> = plan
        .steps
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
            json!({"id": step.id, "outcome": word, "reason": reason, "seconds": elapsed.as_secs_f64()})
        })
        .collect();
    object["outcomes"] = Value::Array(outcomes);
    object
}
