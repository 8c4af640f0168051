//! `reconcile suspend STACK` and `reconcile resume STACK`: whether a stack is changed at all.

use super::args::{CommonArgs, ResumeArgs, SuspendArgs};
use super::carry::carry_out;
use super::engine::{block_on, connect, now};
use super::exit::Exit;
use super::output::Output;
use super::source::environment;
use crate::compose::schema::nearest;
use crate::cycle;
use crate::engine::docker::DockerEngine;
use crate::engine::{EngineError, Observe, ObserveRequest};
use crate::execute::Options;
use crate::model::clock;
use crate::model::observed::{ObservedContainer, ObservedState};
use crate::model::redact::Redactor;
use crate::model::step::Plan;
use crate::plan::{self, Suspension};
use std::collections::BTreeSet;

/// Leaves a stack as it is from now on.
pub fn suspend(args: &SuspendArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    block_on(output, async {
        let (engine, observed) = look(common).await?;
        let stacks: BTreeSet<&str> = observed.containers.iter().map(ObservedContainer::stack).collect();
        if args.stack.is_empty() || !stacks.contains(args.stack.as_str()) {
            let hint = match nearest(&args.stack, stacks.iter().copied().filter(|name| !name.is_empty())) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "`reconcile status` lists the stacks".to_owned(),
            };
            output.error(&format!("the engine runs nothing of a stack named {:?}", args.stack), Some(&hint));
            return Ok(Exit::Failure);
        }
        let at = now();
        let until = args.period.map(|period| at.saturating_add(period.0 / 1_000_000_000));
        let suspension = Suspension { reason: args.reason.clone(), at: Some(at), until };
        let exit = perform(output, &engine, &plan::suspend(&args.stack, &suspension)).await;
        if exit == Exit::Success {
            let until = until.map_or("`reconcile resume`".to_owned(), clock::utc);
            output.talk(&format!("Stack {} is left as it is until {until}.\n", args.stack));
        }
        Ok(exit)
    })
}

/// Lets a stack be changed again.
pub fn resume(args: &ResumeArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    block_on(output, async {
        let (engine, observed) = look(common).await?;
        let plan = plan::resume(&args.stack, &observed);
        if plan.steps.is_empty() {
            output.talk(&format!("Stack {:?} is not suspended: nothing was changed.\n", args.stack));
            return Ok(Exit::Success);
        }
        let exit = perform(output, &engine, &plan).await;
        if exit == Exit::Success {
            output.talk(&format!("Stack {} may be changed again.\n", args.stack));
        }
        Ok(exit)
    })
}

async fn look(common: &CommonArgs) -> Result<(DockerEngine, ObservedState), EngineError> {
    let engine = connect(common.host.as_deref(), &environment()).await?;
    let observed = engine.observe(&ObserveRequest::default()).await?;
    Ok((engine, observed))
}

async fn perform(output: Output, engine: &DockerEngine, plan: &Plan) -> Exit {
    let work = async |options: &Options<'_>| cycle::apply(engine, plan, options).await;
    let applied = carry_out(output, (plan.steps.len(), 1), &Redactor::default(), work).await;
    if applied.is_success() { Exit::Success } else { Exit::Failure }
}
