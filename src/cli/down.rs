//! `reconcile down STACK`: stops and removes a stack's containers and networks. Volumes stay.

use super::apply::pretty;
use super::args::{CommonArgs, DownArgs};
use super::carry::{carry_out, until_interrupted};
use super::engine::{block_on, connect};
use super::exit::Exit;
use super::output::Output;
use super::plan_markdown::About;
use super::plan_text::View;
use super::source::environment;
use super::{locking, plan_json, plan_markdown, plan_text, report_json, report_text};
use crate::cycle;
use crate::engine::{Observe, ObserveRequest};
use crate::execute::Options;
use crate::locks::{self, Asked};
use crate::model::lock::Held;
use crate::model::redact::Redactor;
use crate::plan::{self, Policy};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;

/// Takes a stack down, or shows what that would do.
pub fn run(args: &DownArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    block_on(output, async {
        let engine = connect(common.host.as_deref(), &environment).await?;
        let observed = engine.observe(&ObserveRequest::default()).await?;
        let plan = plan::plan_down(&args.stack, &observed, &Policy::default());
        if plan.steps.is_empty() {
            let reason =
                format!("the engine runs nothing that reconcile made for a stack named {}", args.stack);
            let is_theirs = observed.containers.iter().any(|container| container.stack() == args.stack);
            let hint = if is_theirs {
                format!(
                    "another tool made its containers: `docker compose -p {} down` takes them down",
                    args.stack
                )
            } else {
                "`reconcile status` lists the stacks".to_owned()
            };
            output.error(&reason, Some(&hint));
            return Ok(Exit::Failure);
        }
        if args.dry_run {
            if output.json {
                output.result(&pretty(&plan_json::json(&plan, &observed.engine, &[])));
            } else if output.markdown {
                let about =
                    About { source: "down", revision: &args.stack, problems: &BTreeMap::new(), then: "" };
                output.result(&plan_markdown::markdown(View::new(&plan, output.verbose > 0), &about));
            } else {
                output.result(&plan_text::text(View::new(&plan, output.verbose > 0)));
            }
            return Ok(Exit::Success);
        }
        let patience = locking::patience(args.lock_timeout);
        let waits = |held: &Held| locking::waits(output, held, patience);
        let stacks = BTreeSet::from([args.stack.clone()]);
        let asked = until_interrupted(output, async |stop| {
            let party = locking::party(patience, stop, &waits);
            let asked = locks::ask(&engine, &stacks, &party).await;
            asked.map(|asked| (asked, party.holder))
        });
        let (guard, holder) = match asked.await? {
            (Asked::Ours(guard), holder) => (guard, holder),
            (Asked::Theirs(held), _) => {
                locking::gives_up(output, &held);
                return Ok(Exit::Partly);
            }
        };
        let observed = match engine.observe(&ObserveRequest::default()).await {
            Ok(observed) => observed,
            Err(error) => {
                guard.release(&engine).await;
                return Err(error);
            }
        };
        let plan = plan::plan_down(&args.stack, &observed, &Policy::default());
        let work = async |options: &Options<'_>| {
            let (tell, stop) = watch::channel(false);
            let own = Options { stop, ..*options };
            let work = cycle::apply(&engine, &plan, &own);
            locks::hold(&engine, (guard, &holder), (&options.stop, tell), work).await
        };
        let applied = carry_out(output, (plan.steps.len(), 8), &Redactor::default(), work).await;
        let results = applied.results(&plan);
        output.complain(&report_text::troubles(&applied, &results));
        if output.json {
            output.result(&pretty(&report_json::json(&plan, &observed.engine, &applied, &results, &[])));
        } else if applied.is_success() {
            let told = format!("Stack {} is down; its volumes stay.\n", args.stack);
            if plan.steps.is_empty() { output.talk(&told) } else { output.complain(&told) }
        }
        Ok(if applied.is_success() { Exit::Success } else { Exit::Failure })
    })
}
