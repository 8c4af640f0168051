//! The work on stacks that depend on one another: locks, a plan under them, its steps.

use super::queue::Trigger;
use super::{Deployed, Listener, Source, Surroundings};
use crate::cycle::{self, Aim, Applied, Planned, Reread, Secured};
use crate::engine::{EngineError, Locks};
use crate::execute::{Events, Options};
use crate::locks::{self, Party};
use crate::model::commit::Commit;
use crate::model::desired::DesiredState;
use crate::model::lock::Held;
use crate::model::redact::Redactor;
use crate::model::report::Outcome;
use crate::model::step::{Plan, Step};
use crate::plan::{self, Policy};
use crate::source::git::Ask;
use crate::source::mounted::Mounts;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// What came of the work on a group of stacks.
pub(super) enum End {
    /// It was done.
    Applied(Box<Ended>),
    /// Another process kept it from being done.
    Locked(Held),
    /// The source changed while another process was waited for.
    Outdated,
    /// A deputy did it, and this process is still there.
    Deputized(Result<(), EngineError>),
    /// The engine could not be asked for locks, or looked at under them.
    Unreachable(EngineError),
}

/// Work that was done.
pub(super) struct Ended {
    pub(super) goal: Goal,
    pub(super) plan: Plan,
    pub(super) applied: Applied,
    pub(super) redactor: Redactor,
    pub(super) elapsed: Duration,
}

/// What a look is after.
#[derive(Clone)]
pub(super) struct Goal {
    pub(super) trigger: Trigger,
    pub(super) desired: Arc<DesiredState>,
    pub(super) commit: Option<Commit>,
    pub(super) mounts: Option<Arc<Mounts>>,
}

impl Goal {
    /// What must not be told of it.
    pub(super) fn redactor(&self, secret: fn(&str) -> Option<Vec<u8>>) -> Redactor {
        let read = |path: &str| {
            let mounts = self.mounts.as_ref();
            mounts.and_then(|mounts| mounts.secret(Path::new(path))).or_else(|| secret(path))
        };
        plan::secrets(&self.desired, &read)
    }

    pub(super) fn deployed<'a>(
        &'a self,
        source: &'a str,
        (plan, applied): (&'a Plan, &'a Applied),
        redactor: &'a Redactor,
        elapsed: Duration,
    ) -> Deployed<'a> {
        let (trigger, desired, commit) = (self.trigger.as_str(), &*self.desired, self.commit.as_ref());
        Deployed { source, trigger, desired, commit, plan, applied, redactor, elapsed }
    }
}

/// All that the work on a group of stacks needs.
pub(super) struct Work<E> {
    pub(super) engine: E,
    pub(super) source: Source,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) surroundings: Surroundings,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) goal: Goal,
    pub(super) policy: Policy,
}

impl<E: Locks> Work<E> {
    pub(super) async fn carry_out(self, planned: Planned) -> End {
        let Surroundings { now, chance, holder, is_gone } = self.surroundings;
        let (desired, mounts) = (&*self.goal.desired, self.goal.mounts.as_ref());
        let aim = Aim { desired, policy: &self.policy, mounts, clock: &now };
        let waits = |held: &Held| self.listener.waits(&self.source.name, held);
        let (stop, patience) = (self.stop.clone(), self.source.patience);
        let party = Party { holder: holder(), now, is_gone, chance, patience, stop, waits: &waits };
        let load = Arc::clone(&self.source.load);
        let reread: Reread = Arc::new(move || load(Ask::IfUnknown).desired.revision.clone());
        let (plan, guard) = match cycle::secure(&self.engine, aim, planned, &party, &reread).await {
            Ok(Secured::Ours(planned, guard)) => (planned.plan, guard),
            Ok(Secured::Theirs(held)) => return End::Locked(held),
            Ok(Secured::Outdated) => return End::Outdated,
            Err(error) => return End::Unreachable(error),
        };
        let redactor = self.goal.redactor(self.source.secret);
        let (steps, parallel) = (Steps(Arc::clone(&self.listener)), self.source.parallel);
        let (tell, stop) = watch::channel(false);
        let turns = Some(&*self.source.turns);
        let options = Options { parallel, stop, events: &steps, redactor: &redactor, chance, turns };
        let begin = Instant::now();
        let work = cycle::reconcile(&self.engine, aim, &plan, &options);
        let applied = locks::hold(&self.engine, (guard, &party.holder), (&self.stop, tell), work).await;
        End::Applied(Box::new(Ended { goal: self.goal, plan, applied, redactor, elapsed: begin.elapsed() }))
    }
}

/// Passes the events of steps on.
pub(super) struct Steps(pub(super) Arc<dyn Listener>);

impl Events for Steps {
    fn started(&self, step: &Step) {
        self.0.started(step);
    }

    fn note(&self, step: &Step, line: &str) {
        self.0.note(step, line);
    }

    fn finished(&self, step: &Step, outcome: &Outcome, elapsed: Duration) {
        self.0.finished(step, outcome, elapsed);
    }
}
