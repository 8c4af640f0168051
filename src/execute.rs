//! Walks a plan with bounded parallelism. Decides nothing: what to do and in which order is in the plan.

mod retry;

use crate::engine::{Engine, EngineError, Progress};
use crate::model::redact::Redactor;
use crate::model::report::{Blame, Outcome, Report};
use crate::model::step::{Action, Plan, Step, StepId};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// Hears what happens while a plan is carried out.
pub trait Events: Send + Sync {
    /// A step begins.
    fn started(&self, step: &Step);
    /// News of a long step.
    fn note(&self, step: &Step, line: &str);
    /// A step ended, or was skipped (then without time).
    fn finished(&self, step: &Step, outcome: &Outcome, elapsed: Duration);
}

/// How long a call keeps its turn: one that hangs, as on a volume whose server is gone, must not hold up other stacks.
const LONGEST_TURN: Duration = Duration::from_secs(10);

/// The name that stands in [`Outcome::Skipped`] when the run was told to stop.
pub const INTERRUPTED: &str = "interrupted";

/// How a plan is carried out.
pub struct Options<'a> {
    /// Engine calls in flight at most, at least 1. Waits do not count: they cost the engine next to nothing.
    pub parallel: usize,
    /// Set to true to stop: no step begins any more, waits end, calls in flight are let finish.
    pub stop: watch::Receiver<bool>,
    /// Who hears about it.
    pub events: &'a dyn Events,
    /// What must not be told: masked in everything that the engine says.
    pub redactor: &'a Redactor,
    /// A number between 0 and 1, to spread further tries.
    pub chance: fn() -> f64,
    /// Turns that all runs of a process share: as many calls that make the engine work are in flight at most. What takes long
    /// without work for it (pulls, stops) takes none, and no call keeps one for long, so that a stack that hangs does not hold up the others.
    pub turns: Option<&'a Semaphore>,
}

/// Carries out a plan. A failed step skips what comes after it and nothing else.
pub async fn execute<E: Engine>(plan: &Plan, engine: &E, options: &Options<'_>) -> Report {
    let mut walk = Walk::new(plan);
    let mut report = Report::default();
    let mut running = FuturesUnordered::new();
    let mut busy = 0;
    loop {
        let stopped = *options.stop.borrow();
        while let Some(index) = walk.next_ready(stopped, busy < options.parallel.max(1)) {
            let step = &plan.steps[index];
            busy += usize::from(!is_wait(&step.action));
            options.events.started(step);
            running.push(perform(index, step, engine, options));
        }
        if stopped {
            for (index, because) in walk.abandon() {
                skip(plan, index, because, &mut report, options.events);
            }
        }
        let Some((index, (outcome, blame), elapsed)) = running.next().await else { break };
        let step = &plan.steps[index];
        report.blames.extend(blame.map(|blame| (step.id.clone(), blame)));
        busy -= usize::from(!is_wait(&step.action));
        options.events.finished(step, &outcome, elapsed);
        for (skipped, because) in walk.ended(index, outcome.is_success()) {
            skip(plan, skipped, because, &mut report, options.events);
        }
        report.outcomes.insert(step.id.clone(), (outcome, elapsed));
    }
    report
}

fn skip(plan: &Plan, index: usize, because: StepId, report: &mut Report, events: &dyn Events) {
    let step = &plan.steps[index];
    let outcome = Outcome::Skipped { because };
    events.finished(step, &outcome, Duration::ZERO);
    report.outcomes.insert(step.id.clone(), (outcome, Duration::ZERO));
}

/// Whether an interrupt ends a step that is under way.
const fn is_cut(action: &Action) -> bool {
    is_wait(action) && !matches!(action, Action::AwaitCompleted { through: true, .. })
}

const fn is_wait(action: &Action) -> bool {
    matches!(
        action,
        Action::AwaitHealthy { .. }
            | Action::AwaitStable { .. }
            | Action::AwaitCompleted { .. }
            | Action::Delay { .. }
    )
}

/// Whether a step needs a turn.
const fn takes_turn(action: &Action) -> bool {
    matches!(
        action,
        Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::CreateVolume { .. }
            | Action::CreateContainer(_)
            | Action::CreateRun { .. }
            | Action::ConnectNetwork { .. }
            | Action::UploadFiles { .. }
            | Action::StartContainer(_)
            | Action::RemoveContainer(_)
    )
}

struct StepProgress<'a>(&'a Step, &'a Options<'a>);

impl Progress for StepProgress<'_> {
    fn note(&self, line: &str) {
        self.1.events.note(self.0, &self.1.redactor.apply(line));
    }
}

/// An outcome, and whose fault it is if it is a failure.
type End = (Outcome, Option<Blame>);

async fn perform<E: Engine>(
    index: usize,
    step: &Step,
    engine: &E,
    options: &Options<'_>,
) -> (usize, End, Duration) {
    let begin = Instant::now();
    let mut told = options.stop.clone();
    let turn = async {
        match options.turns.filter(|_| takes_turn(&step.action)) {
            // Never closed, so an error stands for no limit.
            Some(turns) => turns.acquire().await.ok(),
            None => None,
        }
    };
    let turn = tokio::select! {
        biased;
        turn = turn => turn,
        Ok(_) = told.wait_for(|stop| *stop) =>
            return (index, (Outcome::Skipped { because: INTERRUPTED.to_owned() }, None), begin.elapsed()),
    };
    let progress = StepProgress(step, options);
    let work = async {
        if let Action::Delay { period } = &step.action {
            tokio::time::sleep(period.to_std()).await;
        }
        retry::perform(engine, &step.action, &progress, options).await
    };
    let call = async {
        tokio::pin!(work);
        tokio::select! {
            end = &mut work => return end,
            () = tokio::time::sleep(LONGEST_TURN), if turn.is_some() => drop(turn),
        }
        work.await
    };
    let end = if is_cut(&step.action) {
        tokio::select! {
            result = call => end(result, options.redactor),
            Ok(_) = told.wait_for(|stop| *stop) =>
                (Outcome::Failed(INTERRUPTED.to_owned()), Some(Blame::Interruption)),
        }
    } else {
        end(call.await, options.redactor)
    };
    (index, end, begin.elapsed())
}

fn end(result: Result<Outcome, EngineError>, redactor: &Redactor) -> End {
    match result {
        Ok(Outcome::DoneWithWarning(warning)) => (Outcome::DoneWithWarning(redactor.apply(&warning)), None),
        Ok(outcome) => (outcome, None),
        Err(error) => (Outcome::Failed(redactor.apply(&error.to_string())), Some(error.blame())),
    }
}

/// Which steps may begin.
struct Walk<'p> {
    plan: &'p Plan,
    /// Number of predecessors that have not ended.
    waiting: Vec<usize>,
    /// Successors that need success, and successors that only need the end.
    after: Vec<Vec<usize>>,
    after_any: Vec<Vec<usize>>,
    /// How many predecessors that need only end may still fail; `None` is all.
    tolerance: Vec<Option<usize>>,
    ready: BTreeSet<usize>,
    pending: BTreeSet<usize>,
}

impl<'p> Walk<'p> {
    fn new(plan: &'p Plan) -> Self {
        let count = plan.steps.len();
        let index: BTreeMap<&str, usize> =
            plan.steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index)).collect();
        let mut walk = Self {
            plan,
            waiting: vec![0; count],
            after: vec![Vec::new(); count],
            after_any: vec![Vec::new(); count],
            tolerance: plan.steps.iter().map(|step| step.tolerance).collect(),
            ready: BTreeSet::new(),
            pending: (0..count).collect(),
        };
        for (at, step) in plan.steps.iter().enumerate() {
            for (names, successors) in
                [(&step.after, &mut walk.after), (&step.after_any, &mut walk.after_any)]
            {
                for &before in names.iter().filter_map(|name| index.get(name.as_str())) {
                    successors[before].push(at);
                    walk.waiting[at] += 1;
                }
            }
        }
        walk.ready = (0..count).filter(|&at| walk.waiting[at] == 0).collect();
        walk
    }

    /// The first step that may begin now; waits begin also when no call may.
    fn next_ready(&mut self, stopped: bool, free: bool) -> Option<usize> {
        if stopped {
            return None;
        }
        let plan = self.plan;
        let index = *self.ready.iter().find(|&&at| free || is_wait(&plan.steps[at].action))?;
        self.ready.remove(&index);
        self.pending.remove(&index);
        Some(index)
    }

    /// Marks a step as ended; gives the steps that are skipped because of it.
    fn ended(&mut self, index: usize, success: bool) -> Vec<(usize, StepId)> {
        let mut skipped = Vec::new();
        let mut ended = vec![(index, success)];
        while let Some((at, success)) = ended.pop() {
            for next in std::mem::take(&mut self.after[at]) {
                if success {
                    self.release(next);
                } else if self.give_up(next) {
                    skipped.push((next, self.plan.steps[at].id.clone()));
                    ended.push((next, false));
                }
            }
            for next in std::mem::take(&mut self.after_any[at]) {
                if !success && !self.tolerates(next) && self.give_up(next) {
                    skipped.push((next, self.plan.steps[at].id.clone()));
                    ended.push((next, false));
                } else {
                    self.release(next);
                }
            }
        }
        skipped
    }

    /// Whether a step still goes on after one more failure among those whose end it waits for.
    fn tolerates(&mut self, index: usize) -> bool {
        match &mut self.tolerance[index] {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    /// Takes a step out of what may still begin; false if it had been taken out before.
    fn give_up(&mut self, index: usize) -> bool {
        self.ready.remove(&index);
        self.pending.remove(&index)
    }

    fn release(&mut self, index: usize) {
        self.waiting[index] -= 1;
        if self.waiting[index] == 0 && self.pending.contains(&index) {
            self.ready.insert(index);
        }
    }

    fn abandon(&mut self) -> Vec<(usize, StepId)> {
        self.ready.clear();
        std::mem::take(&mut self.pending).into_iter().map(|at| (at, INTERRUPTED.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests;
