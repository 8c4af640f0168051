//! What a run did, as JSON: the plan's object with an outcome for each step and each service.

use super::plan_json;
use crate::cycle::Applied;
use crate::model::observed::EngineInfo;
use crate::model::report::{Failure, Outcome, Report, Results};
use crate::model::step::Plan;
use serde_json::{Value, json};

/// The plan's object with `outcome` and `reason` in each service, `outcomes`, `rollback` (null if nothing was taken
/// back), `notes` about mounted files, and `failures`.
pub fn json(
    plan: &Plan,
    engine: &EngineInfo,
    applied: &Applied,
    results: &Results,
    errors: &[Value],
) -> Value {
    let mut object = plan_json::json(plan, engine, errors);
    services(&mut object, results);
    object["outcomes"] = outcomes(plan, &applied.report);
    object["rollback"] =
        applied.rollback.as_ref().map_or(Value::Null, |(back, undone)| outcomes(back, undone));
    object["notes"] = json!(applied.notes);
    object["failures"] = applied.failures.iter().map(failure).collect();
    object
}

fn services(object: &mut Value, results: &Results) {
    for stack in object["stacks"].as_array_mut().into_iter().flatten() {
        let name = stack["name"].as_str().unwrap_or_default().to_owned();
        let Some(results) = results.get(&name) else { continue };
        for service in stack["services"].as_array_mut().into_iter().flatten() {
            let Some(result) = service["name"].as_str().and_then(|key| results.get(key)) else { continue };
            service["outcome"] = json!(result.fate.as_str());
            service["reason"] = json!((!result.reason.is_empty()).then_some(&result.reason));
        }
    }
}

fn failure(failure: &Failure) -> Value {
    let Failure { stack, service, step, container, reason, exit_code, oom_killed, logs, unreadable, health } =
        failure;
    json!({"stack": stack, "service": service, "container": container, "step": step, "reason": reason,
        "exit_code": exit_code, "oom_killed": oom_killed, "logs": logs, "logs_unreadable": unreadable,
        "health": health})
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
