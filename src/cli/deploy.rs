//! What one source asks for, carried out or shown: from a plan to its report.

use super::alerts::Alerts;
use super::apply::PARALLEL;
use super::args::ApplyArgs;
use super::carry::{carry_out, until_interrupted};
use super::config::Chosen;
use super::engine::{Reach, now};
use super::exit::{Exit, Tally};
use super::output::{Output, YELLOW};
use super::places::Places;
use super::plan_markdown::About;
use super::plan_text::View;
use super::record::Recorder;
use super::recording::{Recording, Subject};
use super::saved::{self, SavedSource};
use super::source::{commit_json, diagnostics_json, problems, told};
use super::{
    contents, deputy, locking, masking, plan_json, plan_markdown, plan_text, report_json, report_text,
};
use crate::cycle::{self, Aim, Applied, Marked, Planned, Reread, Secured};
use crate::daemon::Deployed;
use crate::engine::docker::DockerEngine;
use crate::engine::{EngineError, ReadOnly};
use crate::execute::Options;
use crate::locks::{self, Guard};
use crate::model::lock::{Held, Holder};
use crate::model::observed::{EngineInfo, ObservedState};
use crate::model::redact::Redactor;
use crate::model::step::Plan;
use crate::plan::{self, Policy, Retry, Summary};
use crate::source::LoadedSource;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// How the work on one source ended.
pub enum Ended {
    /// So.
    With(Exit),
    /// It says something else by now.
    Outdated,
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self::With(exit)
    }
}

/// A run on one source.
pub struct Run<'a> {
    /// What the command line says.
    pub args: &'a ApplyArgs,
    /// Where to print.
    pub output: Output,
    /// The engine.
    pub reach: &'a Reach,
    /// The source.
    pub source: &'a Chosen,
    /// What it says.
    pub loaded: &'a LoadedSource,
    /// What tells its revision later on.
    pub reread: &'a Reread,
    /// Who is told what becomes of it.
    pub alerts: Option<&'a Alerts>,
    /// Who notes what becomes of it.
    pub recorder: &'a Recorder,
    /// What may be done.
    pub policy: Policy,
    /// Number of stacks that did not load.
    pub failed: usize,
    /// The stack that goes back to an earlier revision.
    pub rollback: Option<&'a Rollback>,
    /// The plan that is carried out, or nothing.
    pub expected: Option<&'a SavedSource>,
    /// Where a plan that is shown is kept.
    pub keeps: Option<&'a Mutex<Vec<SavedSource>>>,
    /// Where it is recorded for a bug report.
    pub records: Option<&'a Mutex<Recording>>,
}

/// A stack that goes back to an earlier revision, and is left so.
pub struct Rollback {
    /// The stack.
    pub stack: String,
    /// What it goes back to, as people say it.
    pub to: String,
}

/// A plan under its locks, with who has them.
type Ours = (Planned, Guard, Holder);

impl Run<'_> {
    /// Shows what would be done.
    pub async fn preview(&self) -> Result<Exit, EngineError> {
        let engine = ReadOnly::new(self.reach.engine().await?);
        let mut planned = cycle::plan(&engine, &self.loaded.desired, &self.policy, now()).await?;
        self.check_retry(&planned.observed);
        let redactor = self.explain(&mut planned);
        self.record(&planned, &redactor);
        let plan = &planned.plan;
        if let Some(keeps) = self.keeps {
            keeps.lock().unwrap_or_else(PoisonError::into_inner).push(self.saved(&planned));
        }
        let suspends = self.rollback.filter(|_| can_begin(plan)).map(|rollback| rollback.stack.as_str());
        if self.output.json {
            let errors = diagnostics_json(self.loaded);
            let mut json = plan_json::json(plan, &planned.observed.engine, &errors);
            if let (Some(stack), Value::Object(json)) = (suspends, &mut json) {
                json.insert("suspends".to_owned(), Value::from(stack));
            }
            self.print(json);
        } else {
            let places = Places::of(self.loaded);
            let view = View::new(plan, self.output.verbose > 0).with(&places);
            let then = self.rollback.map(|rollback| rollback.foretell(plan)).unwrap_or_default();
            let text = if self.output.markdown {
                let source = self.source.title();
                let problems = problems(self.loaded);
                let revision = self.revision();
                let about = About { source: &source, revision: &revision, problems: &problems, then: &then };
                plan_markdown::markdown(view, &about)
            } else {
                plan_text::text(view.within(self.output.width())) + &then
            };
            if !(self.output.quiet && view.is_empty()) {
                self.output.result(&text);
            }
        }
        let tally = Tally {
            failed: self.failed > 0 || Summary::of(&plan.changes).blocked > 0,
            succeeded: !plan.changes.is_empty(),
            changed: !plan.steps.is_empty(),
        };
        Ok(tally.exit(self.args.detailed_exitcode))
    }

    /// What the source says now, for people.
    fn revision(&self) -> String {
        let digest = || self.loaded.desired.revision.chars().take(12).collect();
        self.loaded.commit.as_ref().map_or_else(digest, told)
    }

    fn saved(&self, planned: &Planned) -> SavedSource {
        let errors = diagnostics_json(self.loaded);
        SavedSource {
            source: self.loaded.desired.source.clone(),
            revision: self.loaded.desired.revision.clone(),
            told: self.revision(),
            basis: plan::basis(&self.loaded.desired, &planned.observed, &planned.plan),
            plan: plan_json::json(&planned.plan, &planned.observed.engine, &errors),
        }
    }

    /// What has moved since a saved plan was made, a sentence each.
    pub async fn moved(&self) -> Result<Vec<String>, EngineError> {
        let engine = ReadOnly::new(self.reach.engine().await?);
        let planned = cycle::plan(&engine, &self.loaded.desired, &self.policy, now()).await?;
        Ok(self.moved_for(&planned))
    }

    fn moved_for(&self, planned: &Planned) -> Vec<String> {
        self.expected.map_or_else(Vec::new, |expected| expected.moved(&self.saved(planned)))
    }

    /// Adds to a plan what there is to say about contents, and takes from it what must not be told.
    fn explain(&self, planned: &mut Planned) -> Redactor {
        let redactor = masking::redactor(self.loaded, &planned.observed);
        contents::explain(&mut planned.plan, &self.loaded.desired, self.loaded.mounts.as_deref());
        plan::mask_plan(&mut planned.plan, &redactor);
        redactor
    }

    /// Records what a plan was made from, if that is asked for. It is no reason to do less.
    fn record(&self, planned: &Planned, redactor: &Redactor) {
        let Some(records) = self.records else { return };
        let subject = Subject {
            source: &self.source.title(),
            told: &self.revision(),
            now: now(),
            policy: &self.policy,
            desired: &self.loaded.desired,
            observed: &planned.observed,
            plan: &planned.plan,
            places: &Places::of(self.loaded),
            redactor,
        };
        if let Err(error) = records.lock().unwrap_or_else(PoisonError::into_inner).add(&subject) {
            self.output.complain(&format!("{YELLOW}warning{YELLOW:#}: it cannot be recorded: {error}\n"));
        }
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

    /// A result as JSON, which says whose it is, and of which commit.
    fn print(&self, mut result: Value) {
        if let (Some(commit), Value::Object(result)) = (&self.loaded.commit, &mut result) {
            result.insert("commit".to_owned(), commit_json(commit));
        }
        self.source.print(self.output, result);
    }

    /// Another process has the stacks: tells it, and what would have changed.
    fn locked(&self, (plan, info): (&Plan, &EngineInfo), stacks: &BTreeSet<String>, held: &Held) -> Exit {
        let results = plan::locked(plan, stacks, &locking::who(held));
        locking::gives_up(self.output, held);
        if self.output.json {
            let errors = diagnostics_json(self.loaded);
            let nothing = Applied::default();
            self.print(report_json::json(plan, info, &nothing, &results, &errors));
        }
        Tally { failed: true, ..Tally::of(&results) }.exit(self.args.detailed_exitcode)
    }

    /// Does what is to be done.
    pub async fn apply(&self) -> Result<Ended, EngineError> {
        let engine = self.reach.engine().await?;
        let first = cycle::plan(&engine, &self.loaded.desired, &self.policy, now()).await?;
        self.check_retry(&first.observed);
        if deputy::is_part_of(&first.plan, self.output) {
            return Ok(Exit::Failure.into());
        }
        let mounts = self.loaded.mounts.as_ref();
        let aim = Aim { desired: &self.loaded.desired, policy: &self.policy, mounts, clock: &now };
        let (mut planned, guard, holder) = match self.secure(&engine, aim, first).await? {
            Ok(ours) => ours,
            Err(ended) => return Ok(ended),
        };
        let moved = self.moved_for(&planned);
        if !moved.is_empty() {
            guard.release(&engine).await;
            return Ok(saved::stale(self.output, &moved).into());
        }
        let redactor = self.explain(&mut planned);
        self.record(&planned, &redactor);
        let plan = &planned.plan;
        if !plan.steps.is_empty() || Summary::of(&plan.changes).is_held_back() {
            let places = Places::of(self.loaded);
            let view = View::new(plan, self.output.verbose > 0).with(&places);
            self.output.talk(&plan_text::text(view.within(self.output.width())));
        }
        let parallel = self.args.parallel.unwrap_or(PARALLEL);
        let work = async |options: &Options<'_>| {
            let (tell, stop) = watch::channel(false);
            let own = Options { stop, ..*options };
            let work = Box::pin(async {
                self.leave(&engine, plan, &own).await?;
                let applied = cycle::reconcile(&engine, aim, plan, &own).await;
                self.say_if_incomplete(&engine, plan, &applied, options).await;
                Ok::<Applied, EngineError>(applied)
            });
            locks::hold(&engine, (guard, &holder), (&options.stop, tell), work).await
        };
        let begin = Instant::now();
        let applied = carry_out(self.output, (plan.steps.len(), parallel), &redactor, work).await?;
        self.recorder.note(&Deployed {
            source: &self.source.title(),
            desired: &self.loaded.desired,
            commit: self.loaded.commit.as_ref(),
            trigger: if self.rollback.is_some() { "rollback" } else { "run" },
            plan,
            applied: &applied,
            redactor: &redactor,
            elapsed: begin.elapsed(),
        });
        Ok(self.report(&planned, &applied).into())
    }

    /// The plan under its locks; else how it ended.
    async fn secure(
        &self,
        engine: &DockerEngine,
        aim: Aim<'_>,
        first: Planned,
    ) -> Result<Result<Ours, Ended>, EngineError> {
        let also: BTreeSet<String> = self.rollback.iter().map(|rollback| rollback.stack.clone()).collect();
        let mut touched = plan::groups::touched(&self.loaded.desired, &first.plan);
        touched.extend(also.clone());
        let (seen, info) = (first.plan.clone(), first.observed.engine.clone());
        let patience = locking::patience(self.args.lock_timeout);
        let waits = |held: &Held| locking::waits(self.output, held, patience);
        let secured = until_interrupted(self.output, async |stop| {
            let party = locking::party(patience, stop, &waits);
            let secured = cycle::secure_with(engine, aim, (first, also), &party, self.reread).await;
            secured.map(|secured| (secured, party.holder))
        });
        Ok(match secured.await? {
            (Secured::Ours(planned, guard), holder) => Ok((*planned, guard, holder)),
            (Secured::Theirs(held), _) => Err(self.locked((&seen, &info), &touched, &held).into()),
            (Secured::Outdated, _) => Err(Ended::Outdated),
        })
    }

    /// Tells what came of it.
    fn report(&self, planned: &Planned, applied: &Applied) -> Exit {
        let plan = &planned.plan;
        let results = applied.results(plan);
        if let Some(alerts) = self.alerts {
            let title = self.source.title();
            alerts.looked(&title, &self.loaded.desired, plan, &BTreeSet::new());
            alerts.applied(&title, plan, applied);
        }
        self.output.complain(&report_text::troubles(applied, &results));
        if self.output.json {
            let errors = diagnostics_json(self.loaded);
            let engine = &planned.observed.engine;
            self.print(report_json::json(plan, engine, applied, &results, &errors));
        } else {
            report_text::close(self.output, plan, applied, &results, self.failed);
        }
        if let Some(rollback) = self.rollback {
            rollback.tell(self.output, plan, applied);
        }
        let mut tally = Tally::of(&results);
        // Networks and volumes have no outcome of their own.
        tally.failed |= self.failed > 0 || !applied.is_success() || Summary::of(&plan.changes).blocked > 0;
        tally.succeeded |= plan.changes.values().any(|stack| stack.services.is_empty());
        tally.changed |= !plan.steps.is_empty();
        tally.exit(self.args.detailed_exitcode)
    }

    /// Before a rollback: from now on nobody else changes the stack. That comes first, so that a run that is killed leaves
    /// a stack that stays as it is, and not one that the daemon takes forward again.
    async fn leave(
        &self,
        engine: &DockerEngine,
        plan: &Plan,
        options: &Options<'_>,
    ) -> Result<(), EngineError> {
        let Some(rollback) = self.rollback.filter(|_| can_begin(plan)) else { return Ok(()) };
        rollback.mark(engine, &format!("rolled back to {}", rollback.to), options).await
    }

    /// After one that did not reach its end: the mark says so. It is left, since whoever goes back does not want to go on.
    async fn say_if_incomplete(
        &self,
        engine: &DockerEngine,
        plan: &Plan,
        applied: &Applied,
        options: &Options<'_>,
    ) {
        let Some(rollback) = self.rollback.filter(|_| can_begin(plan) && !is_complete(plan, applied)) else {
            return;
        };
        // Also after an interrupt, which the mark is about.
        let (_go_on, stop) = watch::channel(false);
        let options = Options { stop, ..*options };
        let reason = format!("rollback to {} is incomplete", rollback.to);
        if let Err(error) = rollback.mark(engine, &reason, &options).await {
            self.output.complain(&format!("{YELLOW}warning{YELLOW:#}: {error}\n"));
        }
    }
}

/// Whether there is anything to do, or nothing to be done: not if all of it is blocked.
fn can_begin(plan: &Plan) -> bool {
    !plan.steps.is_empty() || Summary::of(&plan.changes).blocked == 0
}

fn is_complete(plan: &Plan, applied: &Applied) -> bool {
    applied.is_success() && Summary::of(&plan.changes).blocked == 0
}

impl Rollback {
    async fn mark(
        &self,
        engine: &DockerEngine,
        reason: &str,
        options: &Options<'_>,
    ) -> Result<(), EngineError> {
        let suspension = plan::Suspension { reason: reason.to_owned(), at: Some(now()), until: None };
        match cycle::mark(engine, &self.stack, &suspension, options).await {
            Marked::Failed(why) => {
                Err(EngineError::Failed(format!("{} could not be suspended: {why}", self.stack)))
            }
            Marked::Done | Marked::Already | Marked::Unknown(_) => Ok(()),
        }
    }

    /// What comes after the plan, said beforehand.
    fn foretell(&self, plan: &Plan) -> String {
        let Self { stack, to } = self;
        if !can_begin(plan) {
            return format!(
                "\nNothing can be done: stack {stack} would stay as it is, and not be suspended.\n"
            );
        }
        format!(
            "\nStack {stack} would be suspended as {to} says: it does not follow its source any more until `reconcile \
             resume {stack}`.\n"
        )
    }

    /// How to go on.
    fn tell(&self, output: Output, plan: &Plan, applied: &Applied) {
        let Self { stack, to } = self;
        let text = if !can_begin(plan) {
            format!("Stack {stack} is left as it is, and not suspended.\n")
        } else if is_complete(plan, applied) {
            format!(
                "Stack {stack} is as {to} says and stays so: `reconcile resume {stack}` lets it follow its source again.\n"
            )
        } else {
            format!(
                "Stack {stack} is not as {to} says in all parts. It is suspended: nothing more is done to it until \
                 `reconcile resume {stack}`.\n"
            )
        };
        output.talk(&text);
    }
}
