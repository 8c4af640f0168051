//! `reconcile [SOURCE]` and `reconcile --dry-run [SOURCE]`.

use super::alerts::Alerts;
use super::args::{ApplyArgs, CommonArgs};
use super::carry::{carry_out, until_interrupted};
use super::config::{Chosen, Sources};
use super::engine::{block_on, connect, now};
use super::exit::{Exit, Tally};
use super::output::{Output, YELLOW};
use super::plan_json::{self, Summary};
use super::record::{Record, Recorder};
use super::source::{
    diagnostics_json, environment, failures, print_diagnostics, secret_file, secret_of, told,
};
use super::{locking, plan_text, report_json, report_text};
use crate::cycle::{self, Aim, Applied, Reread, Secured};
use crate::engine::{EngineError, ReadOnly};
use crate::execute::Options;
use crate::locks;
use crate::model::lock::Held;
use crate::model::observed::{EngineInfo, ObservedState};
use crate::model::step::Plan;
use crate::plan::{self, Policy, Retry};
use crate::source::LoadedSource;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// Engine calls in flight when the user names no number: more gains nothing on an engine's usual two to eight cores.
pub const PARALLEL: u16 = 8;

/// Loads, plans, and applies unless it is a dry run.
pub fn run(args: &ApplyArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let nothing = |errors: &[Value]| plan_json::json(&Plan::default(), &EngineInfo::default(), errors);
    let mut sources = match Sources::load(&args.source, common, &environment, output, true) {
        Ok(sources) => sources,
        Err(errors) => {
            if output.json {
                output.result(&pretty(&nothing(&errors)));
            }
            return Exit::Failure;
        }
    };
    let chosen: Vec<&Chosen> = sources.all.iter().map(|(source, _)| source).collect();
    let alerts = (!args.dry_run).then(|| Alerts::new(&args.source, common, &chosen, output));
    let recorder = Recorder::new(common, &environment, output, "command");
    let count = sources.all.len();
    let one = |index: usize| {
        sources.all[index].0.announce(output);
        loop {
            let (source, loaded) = &sources.all[index];
            if let Some(commit) = loaded.commit.as_ref().filter(|_| !output.json) {
                output.talk(&format!("{} at {}\n", source.title(), told(commit)));
            }
            print_diagnostics(loaded, output);
            if let Some(alerts) = &alerts {
                alerts.loaded(&source.title(), loaded);
            }
            if failures(loaded) > 0 && loaded.desired.stacks.is_empty() {
                if let Some(alerts) = &alerts {
                    alerts.refused(&source.title());
                }
                if output.json {
                    source.print(output, nothing(&diagnostics_json(loaded)));
                }
                return Exit::Failure;
            }
            let reread = sources.reread(index, &environment);
            let parts = (source, loaded, &reread, alerts.as_ref(), &recorder);
            match plan_and_apply(args, common, output, &environment, parts) {
                Ended::With(exit) => return exit,
                Ended::Outdated => {}
            }
            output.talk("the files have changed during the wait: they are read again\n");
            sources.reload(index, &environment);
        }
    };
    let exits = (0..count).map(one);
    let exit = exits.reduce(|all, exit| all.and(exit, args.detailed_exitcode)).unwrap_or(Exit::Success);
    if let Some(alerts) = alerts.filter(Alerts::has_news) {
        // Whether somebody could be told changes nothing about what was done.
        block_on(output, async {
            alerts.deliver().await;
            Ok(exit)
        });
    }
    exit
}

/// How the work on one source ended.
enum Ended {
    With(Exit),
    /// It says something else by now.
    Outdated,
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self::With(exit)
    }
}

/// A source, what it says, what tells that later on, and who hears what becomes of it.
type Parts<'a> = (&'a Chosen, &'a LoadedSource, &'a Reread, Option<&'a Alerts>, &'a Recorder);

/// Plans for one source, and applies unless it is a dry run.
fn plan_and_apply(
    args: &ApplyArgs,
    common: &CommonArgs,
    output: Output,
    environment: &BTreeMap<String, String>,
    (source, loaded, reread, alerts, recorder): Parts<'_>,
) -> Ended {
    let failed = failures(loaded);
    let mut policy = Policy { prune: source.prune && !args.no_prune, ..Policy::default() };
    if args.allow_mass_removal {
        policy.max_removal_share = 1.0;
    }
    policy.retry = retry(&args.retry);
    policy.anytime = args.now;
    let run =
        Run { args, common, output, environment, source, loaded, reread, alerts, recorder, policy, failed };
    block_on(output, async {
        if args.dry_run {
            return run.preview().await.map(Ended::With);
        }
        let ended = Box::pin(run.apply()).await;
        if let (Some(alerts), Err(error)) = (alerts, &ended) {
            alerts.unreachable(&source.title(), error);
        }
        ended
    })
}

/// `--retry` names nothing, stacks or services; without a name it means everything.
fn retry(names: &[String]) -> Retry {
    if names.is_empty() {
        Retry::Nothing
    } else if names.iter().any(String::is_empty) {
        Retry::All
    } else {
        Retry::Only(names.iter().cloned().collect())
    }
}

struct Run<'a> {
    args: &'a ApplyArgs,
    common: &'a CommonArgs,
    output: Output,
    environment: &'a BTreeMap<String, String>,
    source: &'a Chosen,
    loaded: &'a LoadedSource,
    reread: &'a Reread,
    alerts: Option<&'a Alerts>,
    recorder: &'a Recorder,
    policy: Policy,
    failed: usize,
}

impl Run<'_> {
    async fn preview(&self) -> Result<Exit, EngineError> {
        let engine = ReadOnly::new(connect(self.common.host.as_deref(), self.environment).await?);
        let planned = cycle::plan(&engine, &self.loaded.desired, &self.policy, now()).await?;
        self.check_retry(&planned.observed);
        if self.output.json {
            let errors = diagnostics_json(self.loaded);
            let plan = plan_json::json(&planned.plan, &planned.observed.engine, &errors);
            self.source.print(self.output, plan);
        } else {
            self.output.result(&plan_text::text(&planned.plan, self.output.verbose > 0));
        }
        let plan = &planned.plan;
        let tally = Tally {
            failed: self.failed > 0 || Summary::of(&plan.changes).blocked > 0,
            succeeded: !plan.changes.is_empty(),
            changed: !plan.steps.is_empty(),
        };
        Ok(tally.exit(self.args.detailed_exitcode))
    }

    /// A name that nothing is quarantined under is rather a slip of the pen.
    fn check_retry(&self, observed: &ObservedState) {
        let Retry::Only(names) = &self.policy.retry else { return };
        let marked = plan::quarantines(observed);
        let is_known = |name: &String| {
            marked.keys().any(|(stack, service)| name == stack || *name == format!("{stack}/{service}"))
        };
        for name in names.iter().filter(|name| !is_known(name)) {
            self.output.talk(&format!(
                "{YELLOW}warning{YELLOW:#}: --retry={name}: nothing of that name is quarantined\n"
            ));
        }
    }

    /// Another process has the stacks: tells it, and what would have changed.
    fn locked(&self, (plan, info): (&Plan, &EngineInfo), stacks: &BTreeSet<String>, held: &Held) -> Exit {
        let results = plan::locked(plan, stacks, &locking::who(held));
        locking::gives_up(self.output, held);
        if self.output.json {
            let errors = diagnostics_json(self.loaded);
            let nothing = Applied::default();
            let report = report_json::json(plan, info, &nothing, &results, &errors);
            self.source.print(self.output, report);
        }
        Tally { failed: true, ..Tally::of(&results) }.exit(self.args.detailed_exitcode)
    }

    async fn apply(&self) -> Result<Ended, EngineError> {
        let engine = connect(self.common.host.as_deref(), self.environment).await?;
        let first = cycle::plan(&engine, &self.loaded.desired, &self.policy, now()).await?;
        self.check_retry(&first.observed);
        let touched = plan::groups::touched(&self.loaded.desired, &first.plan);
        let (seen, info) = (first.plan.clone(), first.observed.engine.clone());
        let mounts = self.loaded.mounts.as_ref();
        let aim = Aim { desired: &self.loaded.desired, policy: &self.policy, mounts, clock: &now };
        let patience = locking::patience(self.args.lock_timeout);
        let waits = |held: &Held| locking::waits(self.output, held, patience);
        let secured = until_interrupted(self.output, async |stop| {
            let party = locking::party(patience, stop, &waits);
            let secured = cycle::secure(&engine, aim, first, &party, self.reread).await;
            secured.map(|secured| (secured, party.holder))
        });
        let (planned, guard, holder) = match secured.await? {
            (Secured::Ours(planned, guard), holder) => (planned, guard, holder),
            (Secured::Theirs(held), _) => {
                return Ok(self.locked((&seen, &info), &touched, &held).into());
            }
            (Secured::Outdated, _) => return Ok(Ended::Outdated),
        };
        let plan = &planned.plan;
        if !plan.steps.is_empty() || Summary::of(&plan.changes).is_held_back() {
            self.output.talk(&plan_text::text(plan, self.output.verbose > 0));
        }
        let read = |path: &str| self.loaded.mounts.as_ref().and_then(|mounts| secret_of(mounts, path));
        let read = |path: &str| read(path).or_else(|| secret_file(path));
        let redactor = plan::secrets(&self.loaded.desired, &read);
        let parallel = self.args.parallel.unwrap_or(PARALLEL);
        let work = async |options: &Options<'_>| {
            let (tell, stop) = watch::channel(false);
            let own = Options { stop, ..*options };
            let work = Box::pin(cycle::reconcile(&engine, aim, plan, &own));
            locks::hold(&engine, (guard, &holder), (&options.stop, tell), work).await
        };
        let begin = Instant::now();
        let applied = carry_out(self.output, (plan.steps.len(), parallel), &redactor, work).await;
        self.recorder.note(&Record {
            source: &self.source.title(),
            desired: &self.loaded.desired,
            commit: self.loaded.commit.as_ref(),
            trigger: "run",
            plan,
            applied: &applied,
            redactor: &redactor,
            elapsed: begin.elapsed(),
        });
        let results = applied.results(plan);
        if let Some(alerts) = self.alerts {
            let title = self.source.title();
            let desired = Arc::new(self.loaded.desired.clone());
            alerts.looked(&title, &desired, plan, &BTreeSet::new());
            alerts.applied(&title, plan, &applied);
        }
        self.output.complain(&report_text::troubles(&applied, &results));
        if self.output.json {
            let errors = diagnostics_json(self.loaded);
            let engine = &planned.observed.engine;
            let report = report_json::json(plan, engine, &applied, &results, &errors);
            self.source.print(self.output, report);
        } else {
            self.output.talk(&report_text::closing(plan, &applied, &results, self.failed));
        }
        let mut tally = Tally::of(&results);
        // Networks and volumes have no outcome of their own.
        tally.failed |= self.failed > 0 || !applied.is_success() || Summary::of(&plan.changes).blocked > 0;
        tally.succeeded |= plan.changes.values().any(|stack| stack.services.is_empty());
        tally.changed |= !plan.steps.is_empty();
        Ok(tally.exit(self.args.detailed_exitcode).into())
    }
}

/// JSON with a line end.
pub fn pretty(value: &serde_json::Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
