//! `reconcile [SOURCE]` and `reconcile --dry-run [SOURCE]`.

use super::args::{ApplyArgs, CommonArgs};
use super::engine::{block_on, connect, now};
use super::exit::{Exit, Tally};
use super::output::{GREEN, Output, RED};
use super::plan_json::{self, Summary};
use super::progress::Printer;
use super::source::{diagnostics_json, environment, failures, load, print_diagnostics};
use super::{plan_text, report_json};
use crate::cycle::{self, Applied};
use crate::engine::{EngineError, ReadOnly};
use crate::execute::Options;
use crate::model::observed::EngineInfo;
use crate::model::report::{Outcome, Report};
use crate::model::step::Plan;
use crate::plan::Policy;
use crate::source::LoadedSource;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;

/// Engine calls in flight when the user names no number: more gains nothing on an engine's usual two to eight cores.
const PARALLEL: u16 = 8;

/// Loads, plans, and applies unless it is a dry run.
pub fn run(args: &ApplyArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let loaded = load(&args.source, &environment);
    print_diagnostics(&loaded, output);
    let failed = failures(&loaded);
    if failed > 0 && loaded.desired.stacks.is_empty() {
        if output.json {
            let errors = diagnostics_json(&loaded);
            output.result(&pretty(&plan_json::json(&Plan::default(), &EngineInfo::default(), &errors)));
        }
        return Exit::Failure;
    }
    let mut policy = Policy { prune: !args.no_prune, ..Policy::default() };
    if args.allow_mass_removal {
        policy.max_removal_share = 1.0;
    }
    let run = Run { args, common, output, environment: &environment, loaded: &loaded, policy, failed };
    block_on(output, async { if args.dry_run { run.preview().await } else { run.apply().await } })
}

struct Run<'a> {
    args: &'a ApplyArgs,
    common: &'a CommonArgs,
    output: Output,
    environment: &'a BTreeMap<String, String>,
    loaded: &'a LoadedSource,
    policy: Policy,
    failed: usize,
}

impl Run<'_> {
    async fn preview(&self) -> Result<Exit, EngineError> {
        let engine = ReadOnly::new(connect(self.common.host.as_deref(), self.environment).await?);
        let planned = cycle::plan(&engine, &self.loaded.desired, &self.policy, now()).await?;
        if self.output.json {
            let errors = diagnostics_json(self.loaded);
            self.output.result(&pretty(&plan_json::json(&planned.plan, &planned.observed.engine, &errors)));
        } else {
            self.output.result(&plan_text::text(&planned.plan, self.output.verbose > 0));
        }
        Ok(self.tally(&planned.plan, &Report::default()).exit(self.args.detailed_exitcode))
    }

    async fn apply(&self) -> Result<Exit, EngineError> {
        let engine = connect(self.common.host.as_deref(), self.environment).await?;
        let planned = cycle::plan(&engine, &self.loaded.desired, &self.policy, now()).await?;
        let plan = &planned.plan;
        if !plan.steps.is_empty() || Summary::of(&plan.changes).blocked > 0 {
            self.output.talk(&plan_text::text(plan, self.output.verbose > 0));
        }
        let applied = carry_out(&engine, plan, self.output, self.args.parallel.unwrap_or(PARALLEL)).await;
        if self.output.json {
            let errors = diagnostics_json(self.loaded);
            self.output.result(&pretty(&report_json::json(
                plan,
                &planned.observed.engine,
                &applied,
                &errors,
            )));
        } else {
            self.output.talk(&closing(plan, &applied, self.failed));
        }
        Ok(self.tally(plan, &applied.report).exit(self.args.detailed_exitcode))
    }

    fn tally(&self, plan: &Plan, report: &Report) -> Tally {
        let summary = Summary::of(&plan.changes);
        let trouble: BTreeSet<&str> = plan
            .steps
            .iter()
            .filter(|step| report.outcomes.get(&step.id).is_some_and(|(outcome, _)| !outcome.is_success()))
            .map(|step| step.stack.as_str())
            .collect();
        Tally {
            failed: self.failed > 0 || summary.blocked > 0 || !report.is_success(),
            succeeded: plan.changes.keys().any(|stack| !trouble.contains(stack.as_str()))
                || report.outcomes.values().any(|(outcome, _)| outcome.is_success()),
            changed: !plan.steps.is_empty(),
        }
    }
}

/// Executes a plan, telling the terminal about it; an interrupt lets calls in flight finish and begins no more.
pub async fn carry_out<E: crate::engine::Engine>(
    engine: &E,
    plan: &Plan,
    output: Output,
    parallel: u16,
) -> Applied {
    let printer = Printer::new(output, plan.steps.len());
    let (tell, stop) = watch::channel(false);
    let options = Options { parallel: parallel.into(), stop, events: &printer };
    let work = cycle::apply(engine, plan, &options);
    tokio::pin!(work);
    tokio::select! {
        applied = &mut work => return applied,
        () = interrupted() => {}
    }
    output.complain("stopping: calls under way are finished first\n");
    tell.send_replace(true);
    work.await
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => if result.is_err() { std::future::pending().await },
        () = terminate => {}
    }
}

fn closing(plan: &Plan, applied: &Applied, failed_stacks: usize) -> String {
    let report = &applied.report;
    let summary = Summary::of(&plan.changes);
    let failed =
        report.outcomes.values().filter(|(outcome, _)| matches!(outcome, Outcome::Failed(_))).count();
    let skipped =
        report.outcomes.values().filter(|(outcome, _)| matches!(outcome, Outcome::Skipped { .. })).count();
    let mut parts = Vec::new();
    if failed_stacks > 0 {
        parts.push(format!("{failed_stacks} stacks not loaded"));
    }
    if summary.blocked > 0 {
        parts.push(format!("{} blocked", summary.blocked));
    }
    if failed + skipped > 0 {
        parts.push(format!("{failed} steps failed, {skipped} skipped"));
    }
    if let Some((back, undone)) = &applied.rollback {
        let services: BTreeSet<String> =
            back.steps.iter().map(|step| format!("{}/{}", step.stack, step.service)).collect();
        let services = services.into_iter().collect::<Vec<_>>().join(", ");
        parts.push(if undone.is_success() {
            format!("rolled back: {services}")
        } else {
            format!("could not roll back all of: {services}")
        });
    }
    if !parts.is_empty() {
        return format!("{RED}Not all is well{RED:#}: {}.\n", parts.join(", "));
    }
    if plan.steps.is_empty() {
        return format!("Nothing to do: {} services are as they should be.\n", summary.unchanged);
    }
    let Summary { create, replace, start, remove, unchanged, .. } = summary;
    format!(
        "{GREEN}Done{GREEN:#}: {create} created, {replace} replaced, {start} started, {remove} removed, \
         {unchanged} unchanged.\n"
    )
}

/// JSON with a line end.
pub fn pretty(value: &serde_json::Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
