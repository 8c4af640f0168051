//! Walks a plan with bounded parallelism. Decides nothing: what to do and in which order is in the plan.

use crate::engine::{Engine, Progress};
use crate::model::report::{Outcome, Report};
use crate::model::step::{Action, Plan, Step, StepId};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Hears what happens while a plan is carried out.
pub trait Events: Send + Sync {
    /// A step begins.
    fn started(&self, step: &Step);
    /// News of a long step.
    fn note(&self, step: &Step, line: &str);
    /// A step ended, or was skipped (then without time).
    fn finished(&self, step: &Step, outcome: &Outcome, elapsed: Duration);
}

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
        let Some((index, outcome, elapsed)) = running.next().await else { break };
        let step = &plan.steps[index];
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

const fn is_wait(action: &Action) -> bool {
    matches!(action, Action::AwaitHealthy { .. } | Action::AwaitStable { .. } | Action::AwaitCompleted { .. })
}

struct StepProgress<'a>(&'a Step, &'a dyn Events);

impl Progress for StepProgress<'_> {
    fn note(&self, line: &str) {
        self.1.note(self.0, line);
    }
}

async fn perform<E: Engine>(
    index: usize,
    step: &Step,
    engine: &E,
    options: &Options<'_>,
) -> (usize, Outcome, Duration) {
    let begin = Instant::now();
    let progress = StepProgress(step, options.events);
    let call = engine.perform(&step.action, &progress);
    let result = if is_wait(&step.action) {
        let mut told = options.stop.clone();
        tokio::select! {
            result = call => result.map_err(|error| error.to_string()),
            Ok(_) = told.wait_for(|stop| *stop) => Err(INTERRUPTED.to_owned()),
        }
    } else {
        call.await.map_err(|error| error.to_string())
    };
    (index, result.unwrap_or_else(Outcome::Failed), begin.elapsed())
}

/// Which steps may begin.
struct Walk<'p> {
    plan: &'p Plan,
    /// Number of predecessors that have not ended.
    waiting: Vec<usize>,
    /// Successors that need success, and successors that only need the end.
    after: Vec<Vec<usize>>,
    after_any: Vec<Vec<usize>>,
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
                } else if self.pending.remove(&next) {
                    self.ready.remove(&next);
                    skipped.push((next, self.plan.steps[at].id.clone()));
                    ended.push((next, false));
                }
            }
            for next in std::mem::take(&mut self.after_any[at]) {
                self.release(next);
            }
        }
        skipped
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
