//! `reconcile suspend STACK` and `reconcile resume STACK`: whether a stack is changed at all.

use super::args::{CommonArgs, ResumeArgs, SuspendArgs};
use super::carry::carry_out;
use super::control;
use super::engine::{block_on, connect, now};
use super::exit::Exit;
use super::output::Output;
use super::source::environment;
use crate::cycle::{self, Marked};
use crate::execute::Options;
use crate::model::clock;
use crate::model::redact::Redactor;
use crate::plan::Suspension;

/// Leaves a stack as it is from now on.
pub fn suspend(args: &SuspendArgs, common: &CommonArgs) -> Exit {
    let (output, environment) = (Output::new(common), environment());
    block_on(output, async {
        let engine = connect(common.host.as_deref(), &environment).await?;
        let at = now();
        let until = args.period.map(|period| at.saturating_add(period.0 / 1_000_000_000));
        let suspension = Suspension { reason: args.reason.clone(), at: Some(at), until };
        let stack = args.stack.as_str();
        let work = async |options: &Options<'_>| cycle::suspend(&engine, stack, &suspension, options).await;
        Ok(match carry_out(output, (1, 1), &Redactor::default(), work).await? {
            Marked::Done | Marked::Already => {
                let until = until.map_or("`reconcile resume`".to_owned(), clock::utc);
                output.talk(&format!("Stack {stack} is left as it is until {until}.\n"));
                control::hint(common, &environment, stack).await;
                Exit::Success
            }
            Marked::Unknown(near) => {
                let hint = match near {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => "`reconcile status` lists the stacks".to_owned(),
                };
                output.error(&format!("the engine runs nothing of a stack named {stack:?}"), Some(&hint));
                Exit::Failure
            }
            // The step said why.
            Marked::Failed(_) => Exit::Failure,
        })
    })
}

/// Lets a stack be changed again.
pub fn resume(args: &ResumeArgs, common: &CommonArgs) -> Exit {
    let (output, environment) = (Output::new(common), environment());
    block_on(output, async {
        let engine = connect(common.host.as_deref(), &environment).await?;
        let stack = args.stack.as_str();
        let work = async |options: &Options<'_>| cycle::resume(&engine, stack, options).await;
        Ok(match carry_out(output, (1, 1), &Redactor::default(), work).await? {
            Marked::Done => {
                output.talk(&format!("Stack {stack} may be changed again.\n"));
                control::hint(common, &environment, stack).await;
                Exit::Success
            }
            Marked::Already | Marked::Unknown(_) => {
                output.talk(&format!("Stack {stack:?} is not suspended: nothing was changed.\n"));
                Exit::Success
            }
            Marked::Failed(_) => Exit::Failure,
        })
    })
}
