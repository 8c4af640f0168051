//! A plan as the JSON object of `--dry-run --format json`.

use crate::model::observed::EngineInfo;
use crate::model::step::Plan;
use crate::plan::ShownPlan;
use serde_json::Value;

/// The plan's JSON object. `errors` are the diagnostics of loading.
pub fn json(plan: &Plan, engine: &EngineInfo, errors: &[Value]) -> Value {
    let mut object = serde_json::to_value(ShownPlan::new(plan, engine, Vec::new())).unwrap_or_default();
    object["errors"] = errors.into();
    object
}
