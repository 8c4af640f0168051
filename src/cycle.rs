//! The only wiring of all stages. The commands and, later, the daemon call it.

use crate::engine::{Engine, EngineError, Observe};
use crate::execute::{Options, execute};
use crate::model::desired::DesiredState;
use crate::model::observed::ObservedState;
use crate::model::report::Report;
use crate::model::step::Plan;
use crate::plan::{self, Policy};
use tokio::sync::watch;

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

/// What carrying out a plan came to.
#[derive(Debug, Default)]
pub struct Applied {
    /// What the plan's steps did.
    pub report: Report,
    /// How failed replacements were taken back, if there were any: the old containers run again.
    pub rollback: Option<(Plan, Report)>,
}

impl Applied {
    /// Whether every step succeeded and nothing had to be taken back.
    pub fn is_success(&self) -> bool {
        self.report.is_success() && self.rollback.is_none()
    }
}

/// Carries out a plan, and takes back the replacements that failed after the old container was stopped.
pub async fn apply<E: Engine>(engine: &E, plan: &Plan, options: &Options<'_>) -> Applied {
    let report = execute(plan, engine, options).await;
    let back = plan::rollback(plan, &report);
    if back.steps.is_empty() {
        return Applied { report, rollback: None };
    }
    // Also after an interrupt: a service that was stopped to be replaced must not stay down.
    let (_go_on, stop) = watch::channel(false);
    let undo = execute(&back, engine, &Options { stop, ..*options }).await;
    Applied { report, rollback: Some((back, undo)) }
}
