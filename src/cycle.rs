//! The only wiring of all stages. The commands and, later, the daemon call it.

use crate::engine::{Engine, EngineError, Observe};
use crate::execute::{Options, execute};
use crate::model::desired::DesiredState;
use crate::model::observed::ObservedState;
use crate::model::report::Report;
use crate::model::step::Plan;
use crate::plan::{self, Policy};

/// A plan with what it was made from.
pub struct Planned {
    /// What the engine ran when the plan was made.
    pub observed: ObservedState,
    /// The plan.
    pub plan: Plan,
}

/// Observes and plans. Takes read access only: this is all that a dry run does.
///
/// Environments are looked up only when something changes, to show what; a run without changes asks the engine for
/// its lists and nothing else.
pub async fn plan<O: Observe>(
    engine: &O,
    desired: &DesiredState,
    policy: &Policy,
    now: i64,
) -> Result<Planned, EngineError> {
    let mut observed = engine.observe(&plan::observe_request(desired)).await?;
    let mut plan = plan::plan(desired, &observed, policy, now);
    let changed = plan::wanted_environments(desired, &observed);
    if !changed.is_empty() {
        engine.environments(&changed, &mut observed).await?;
        plan = plan::plan(desired, &observed, policy, now);
    }
    Ok(Planned { observed, plan })
}

/// Carries out a plan.
pub async fn apply<E: Engine>(engine: &E, plan: &Plan, options: &Options<'_>) -> Report {
    execute(plan, engine, options).await
}
