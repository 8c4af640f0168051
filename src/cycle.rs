//! The only wiring of all stages. The commands and, later, the daemon call it.

mod failures;
mod mounts;
mod suspend;

pub use suspend::{Marked, mark, resume, suspend};

use crate::engine::{Engine, EngineError, Locks, Observe, ObserveRequest};
use crate::execute::{Options, execute};
use crate::locks::{self, Asked, Guard, Party};
use crate::model::desired::DesiredState;
use crate::model::lock::Held;
use crate::model::observed::ObservedState;
use crate::model::report::{Failure, Report, Results};
use crate::model::step::Plan;
use crate::plan::{self, Policy};
use crate::source::mounted::Mounts;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

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
    let mut observed = observe(engine, desired, policy, &plan::observe_request(desired)).await?;
    let mut plan = plan::plan(desired, &observed, policy, now);
    let changed = plan::wanted_environments(desired, &observed, &plan);
    if !changed.is_empty() {
        engine.environments(&changed, &mut observed).await?;
        plan = plan::plan(desired, &observed, policy, now);
    }
    Ok(Planned { observed, plan })
}

/// What came of asking for the locks that a plan needs.
pub enum Secured {
    /// The plan as it is under them.
    Ours(Box<Planned>, Guard),
    /// Another process kept this one.
    Theirs(Held),
    /// The source says something else by now, and somebody may have applied that already: it is to be loaded anew.
    /// Nothing was changed.
    Outdated,
}

/// Gives the revision of the source as it is now. Called on a thread that may block.
pub type Reread = Arc<dyn Fn() -> String + Send + Sync>;

/// Takes the locks of the stacks that a plan concerns, and plans anew under them: what was seen before may have been
/// another process's work half done. Should more stacks need locks by then, it all begins anew with them. A plan without
/// steps needs none, so a run without changes asks the engine for nothing more.
///
/// If the engine is no longer as it was, another process was at work, and perhaps from newer files than those that were
/// loaded before the wait. So the source is read again: what it said earlier must not undo what it says now.
pub async fn secure<E: Locks>(
    engine: &E,
    aim: Aim<'_>,
    planned: Planned,
    party: &Party<'_>,
    reread: &Reread,
) -> Result<Secured, EngineError> {
    secure_with(engine, aim, (planned, BTreeSet::new()), party, reread).await
}

/// The same; these stacks are locked whatever the plan says.
pub async fn secure_with<E: Locks>(
    engine: &E,
    aim: Aim<'_>,
    (mut planned, also): (Planned, BTreeSet<String>),
    party: &Party<'_>,
    reread: &Reread,
) -> Result<Secured, EngineError> {
    let seen = planned.plan.id.clone();
    let mut stacks = plan::groups::touched(aim.desired, &planned.plan);
    stacks.extend(also);
    if stacks.is_empty() {
        locks::sweep(engine, &planned.observed, party.is_gone).await;
        return Ok(Secured::Ours(Box::new(planned), Guard::default()));
    }
    loop {
        let guard = match locks::ask(engine, &stacks, party).await? {
            Asked::Ours(guard) => guard,
            Asked::Theirs(held) => return Ok(Secured::Theirs(held)),
        };
        planned = match plan(engine, aim.desired, aim.policy, (aim.clock)()).await {
            Ok(planned) => planned,
            Err(error) => {
                guard.release(engine).await;
                return Err(error);
            }
        };
        if planned.plan.id != seen && !is_current(aim.desired, reread).await {
            guard.release(engine).await;
            return Ok(Secured::Outdated);
        }
        let needed = plan::groups::touched(aim.desired, &planned.plan);
        if needed.is_subset(&stacks) {
            return Ok(Secured::Ours(Box::new(planned), guard));
        }
        guard.release(engine).await;
        stacks.extend(needed);
    }
}

async fn is_current(desired: &DesiredState, reread: &Reread) -> bool {
    let reread = Arc::clone(reread);
    spawn_blocking(move || reread()).await.is_ok_and(|revision| revision == desired.revision)
}

/// Looks at the engine, and into the containers that another tool made of a stack: only those, since ours say in their
/// labels what they were made of.
async fn observe<O: Observe>(
    engine: &O,
    desired: &DesiredState,
    policy: &Policy,
    request: &ObserveRequest,
) -> Result<ObservedState, EngineError> {
    let mut observed = engine.observe(request).await?;
    let foreign = plan::wanted_inspections(desired, &observed, policy);
    if !foreign.is_empty() {
        engine.look_into(&foreign, &mut observed).await?;
    }
    Ok(observed)
}

/// What carrying out a plan came to.
#[derive(Debug, Default)]
pub struct Applied {
    /// What the plan's steps did.
    pub report: Report,
    /// How failed replacements were taken back, if there were any: the old containers run again.
    pub rollback: Option<(Plan, Report)>,
    /// What failed, with the last words of the containers.
    pub failures: Vec<Failure>,
    /// How services were marked whose inputs are not to be tried again, if there were any.
    pub quarantine: Option<(Plan, Report)>,
    /// What there is to know about files that containers mount.
    pub notes: Vec<String>,
}

/// What a run is after, and what it may do.
#[derive(Clone, Copy)]
pub struct Aim<'a> {
    /// What the files ask for.
    pub desired: &'a DesiredState,
    /// What the host's owner allows.
    pub policy: &'a Policy,
    /// The files of the source that containers mount, if they are not simply where the source is.
    pub mounts: Option<&'a Arc<Mounts>>,
    /// The time, in seconds since 1970.
    pub clock: &'a (dyn Fn() -> i64 + Sync),
}

impl Applied {
    /// Whether every step succeeded and nothing had to be taken back.
    pub fn is_success(&self) -> bool {
        self.report.is_success() && self.rollback.is_none()
    }

    /// What became of every service of the plan that was carried out.
    pub fn results(&self, plan: &Plan) -> Results {
        let rollback = self.rollback.as_ref().map(|(plan, report)| (plan, report));
        plan::results(plan, &self.report, rollback)
    }
}

/// Carries out the plan of an aim, takes back what failed, and marks what is not to be tried again.
pub async fn reconcile<E: Engine>(engine: &E, aim: Aim<'_>, plan: &Plan, options: &Options<'_>) -> Applied {
    if plan.steps.is_empty() {
        return Applied { notes: mounts::settle(aim, plan).await, ..Applied::default() };
    }
    let notes = match mounts::put(aim, plan).await {
        Ok(notes) => notes,
        Err(error) => return Applied { report: mounts::refused(plan, &error), ..Applied::default() },
    };
    let mut applied = carry_out(engine, Some(aim), plan, options).await;
    applied.notes.splice(..0, notes);
    if plan::may_quarantine(plan, &applied.report) {
        applied.quarantine = quarantine(engine, aim, plan, &applied, options).await;
    }
    applied
}

/// Looks after mounted files when a plan has no steps.
pub async fn settle(aim: Aim<'_>, plan: &Plan) -> Vec<String> {
    mounts::settle(aim, plan).await
}

/// The engine is looked at once more: what was pulled meanwhile is part of the inputs, and only what serves again has
/// something to lose. An engine that does not answer leaves the services unmarked: the next run tries once more.
async fn quarantine<E: Engine>(
    engine: &E,
    aim: Aim<'_>,
    plan: &Plan,
    applied: &Applied,
    options: &Options<'_>,
) -> Option<(Plan, Report)> {
    let request = ObserveRequest { remote_digests: Vec::new(), ..plan::observe_request(aim.desired) };
    let observed = observe(engine, aim.desired, aim.policy, &request).await.ok()?;
    let back = applied.rollback.as_ref().map(|(_, report)| report);
    let run = plan::Ran { plan, report: &applied.report, back, failures: &applied.failures };
    let marks = plan::quarantine(aim.desired, &observed, aim.policy, run, (aim.clock)());
    if marks.steps.is_empty() {
        return None;
    }
    let (_go_on, stop) = watch::channel(false);
    let report = execute(&marks, engine, &Options { stop, ..*options }).await;
    Some((marks, report))
}

/// Carries out a plan, and takes back the replacements that failed after the old container was stopped. What failed
/// containers have to say is asked for before they go.
pub async fn apply<E: Engine>(engine: &E, plan: &Plan, options: &Options<'_>) -> Applied {
    carry_out(engine, None, plan, options).await
}

/// The same; with an aim, its mounted files go back before the old containers run again, which then find what they had.
async fn carry_out<E: Engine>(
    engine: &E,
    aim: Option<Aim<'_>>,
    plan: &Plan,
    options: &Options<'_>,
) -> Applied {
    let report = execute(plan, engine, options).await;
    let failures = failures::collect(engine, plan, &report, options.redactor).await;
    let back = plan::rollback(plan, &report, aim.map_or(0, |aim| (aim.clock)()));
    let notes = match aim {
        Some(aim) => mounts::after(aim, plan, &report, &back).await,
        None => Vec::new(),
    };
    let back = back.plan;
    if back.steps.is_empty() {
        return Applied { report, failures, notes, ..Applied::default() };
    }
    // Also after an interrupt: a service that was stopped to be replaced must not stay down.
    let (_go_on, stop) = watch::channel(false);
    // Nor may it wait for the turns of others.
    let undo = execute(&back, engine, &Options { stop, turns: None, ..*options }).await;
    Applied { report, rollback: Some((back, undo)), failures, quarantine: None, notes }
}
