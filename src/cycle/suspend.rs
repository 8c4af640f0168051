//! Suspending a stack, and letting it be changed again: a mark on the engine that every process steers by.

use crate::compose::schema::nearest;
use crate::engine::{Engine, EngineError, Observe, ObserveRequest};
use crate::execute::Options;
use crate::model::observed::ObservedContainer;
use crate::model::step::Plan;
use crate::plan::{self, Suspension};
use std::collections::BTreeSet;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// It is so from now on.
    Done,
    /// It was so already: nobody had suspended it.
    Already,
    /// The engine runs nothing of a stack of that name; this one comes near.
    Unknown(Option<String>),
    /// The engine refused, for this reason.
    Failed(String),
}

/// Leaves a stack as it is from now on. It must run something: what is not there cannot be left as it is, and a slip of the pen
/// would go unseen.
pub async fn suspend<E: Engine + Observe>(
    engine: &E,
    stack: &str,
    suspension: &Suspension,
    options: &Options<'_>,
) -> Result<Marked, EngineError> {
    let observed = engine.observe(&ObserveRequest::default()).await?;
    let stacks: BTreeSet<&str> = observed.containers.iter().map(ObservedContainer::stack).collect();
    if stack.is_empty() || !stacks.contains(stack) {
        let known = stacks.iter().copied().filter(|name| !name.is_empty());
        return Ok(Marked::Unknown(nearest(stack, known).map(str::to_owned)));
    }
    Ok(mark(engine, stack, suspension, options).await)
}

/// Lets a stack be changed again.
pub async fn resume<E: Engine + Observe>(
    engine: &E,
    stack: &str,
    options: &Options<'_>,
) -> Result<Marked, EngineError> {
    let observed = engine.observe(&ObserveRequest::default()).await?;
    let plan = plan::resume(stack, &observed);
    Ok(if plan.steps.is_empty() { Marked::Already } else { carry_out(engine, &plan, options).await })
}

/// Leaves the mark of a suspension, whatever the stack runs.
pub async fn mark<E: Engine>(
    engine: &E,
    stack: &str,
    suspension: &Suspension,
    options: &Options<'_>,
) -> Marked {
    carry_out(engine, &plan::suspend(stack, suspension), options).await
}

async fn carry_out<E: Engine>(engine: &E, plan: &Plan, options: &Options<'_>) -> Marked {
    let options = Options { stop: options.stop.clone(), ..*options };
    let applied = super::apply(engine, plan, &options).await;
    if applied.is_success() {
        return Marked::Done;
    }
    let reason = applied.failures.first().map(|failure| failure.reason.clone());
    Marked::Failed(reason.unwrap_or_else(|| "it was told to stop before".to_owned()))
}
