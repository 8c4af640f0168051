//! Following one source.

use super::queue::{Queue, Trigger};
use super::{Listener, Source, Surroundings};
use crate::cycle::{self, Aim, Applied, Planned, Reread, Secured};
use crate::engine::{EngineError, Follow, Locks};
use crate::execute::{Events, Options};
use crate::locks::{self, Party};
use crate::model::change::ChangeAction;
use crate::model::desired::DesiredState;
use crate::model::lock::Held;
use crate::model::report::Outcome;
use crate::model::step::{Plan, Step};
use crate::plan::{self, Policy, groups};
use crate::source::git::Ask;
use crate::source::mounted::Mounts;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

/// Stands for the source as a whole among the names of stacks, which are never empty.
const WHOLE: &str = "";
/// What is larger than this, in bytes, is no secret.
const LARGEST_SECRET: u64 = 1 << 20;
/// How long to wait before events are asked for again.
const RECONNECT: Duration = Duration::from_secs(2);

/// Follows a source until told to stop; then what is under way is brought to a good end.
pub async fn follow<E: Follow + Clone + 'static>(
    engine: E,
    source: Source,
    listener: Arc<dyn Listener>,
    surroundings: Surroundings,
    mut triggers: mpsc::UnboundedReceiver<Trigger>,
    stop: watch::Receiver<bool>,
) {
    let queue = Queue::new(source.timing);
    let (tell, mut changes) = mpsc::unbounded_channel();
    let events = tokio::spawn(events(engine.clone(), tell));
    let mut daemon = Daemon {
        engine,
        source,
        listener,
        surroundings,
        start: Instant::now(),
        queue,
        revision: None,
        outage: false,
        blocked: BTreeMap::new(),
        stacks: BTreeSet::new(),
        work: JoinSet::new(),
        groups: BTreeMap::new(),
        stop: stop.clone(),
    };
    let mut stopped = stop;
    while !*stopped.borrow() {
        if let Some(trigger) = daemon.queue.take(daemon.now(), (surroundings.chance)()) {
            daemon.look(trigger).await;
            continue;
        }
        let due = daemon.start + daemon.queue.due();
        tokio::select! {
            Some(trigger) = triggers.recv() => daemon.queue.trigger(trigger, daemon.now()),
            Some(stack) = changes.recv() => daemon.changed(&stack),
            Some(done) = daemon.work.join_next_with_id() => daemon.ended(done),
            () = tokio::time::sleep_until(due) => {}
            _ = stopped.changed() => {}
        }
    }
    events.abort();
    while let Some(done) = daemon.work.join_next_with_id().await {
        daemon.ended(done);
    }
}

/// Tells the stack of everything that happens on the engine; an empty name where that is not known, or where events may
/// have been missed.
async fn events<E: Follow>(engine: E, tell: mpsc::UnboundedSender<String>) {
    loop {
        let error = engine
            .follow(&|event| {
                let _ = tell.send(event.stack);
            })
            .await;
        tracing::debug!(%error, "events of the engine are asked for again");
        tokio::time::sleep(RECONNECT).await;
        if tell.send(WHOLE.to_owned()).is_err() {
            return;
        }
    }
}

/// What came of the work on a group of stacks.
enum End {
    /// It was done.
    Applied(Box<(Plan, Applied)>),
    /// Another process kept it from being done.
    Locked(Held),
    /// The source changed while another process was waited for.
    Outdated,
    /// The engine could not be asked for locks, or looked at under them.
    Unreachable(EngineError),
}

/// The same, with the task that did it.
type Done = Result<(task::Id, End), JoinError>;

/// All that the work on a group of stacks needs.
struct Work<E> {
    engine: E,
    source: Source,
    listener: Arc<dyn Listener>,
    surroundings: Surroundings,
    stop: watch::Receiver<bool>,
    desired: Arc<DesiredState>,
    mounts: Option<Arc<Mounts>>,
    policy: Policy,
}

impl<E: Locks> Work<E> {
    async fn carry_out(self, planned: Planned) -> End {
        let Surroundings { now, chance, holder, is_gone } = self.surroundings;
        let mounts = self.mounts.as_ref();
        let aim = Aim { desired: &self.desired, policy: &self.policy, mounts, clock: &now };
        let waits = |held: &Held| self.listener.waits(&self.source.name, held);
        let (stop, patience) = (self.stop.clone(), self.source.patience);
        let party = Party { holder: holder(), now, is_gone, chance, patience, stop, waits: &waits };
        let load = Arc::clone(&self.source.load);
        let reread: Reread = Arc::new(move || load(Ask::IfUnknown).desired.revision);
        let (plan, guard) = match cycle::secure(&self.engine, aim, planned, &party, &reread).await {
            Ok(Secured::Ours(planned, guard)) => (planned.plan, guard),
            Ok(Secured::Theirs(held)) => return End::Locked(held),
            Ok(Secured::Outdated) => return End::Outdated,
            Err(error) => return End::Unreachable(error),
        };
        let read = |path: &str| match mounts {
            Some(mounts) => {
                mounts.read(Path::new(path), LARGEST_SECRET).or_else(|| (self.source.secret)(path))
            }
            None => (self.source.secret)(path),
        };
        let redactor = plan::secrets(&self.desired, &read);
        let (steps, parallel) = (Steps(Arc::clone(&self.listener)), self.source.parallel);
        let (tell, stop) = watch::channel(false);
        let options = Options { parallel, stop, events: &steps, redactor: &redactor, chance };
        let work = cycle::reconcile(&self.engine, aim, &plan, &options);
        let applied = locks::hold(&self.engine, (guard, &party.holder), (&self.stop, tell), work).await;
        End::Applied(Box::new((plan, applied)))
    }
}

struct Daemon<E> {
    engine: E,
    source: Source,
    listener: Arc<dyn Listener>,
    surroundings: Surroundings,
    start: Instant,
    queue: Queue,
    /// What the source said last.
    revision: Option<String>,
    /// Whether its repository could not be asked last.
    outage: bool,
    /// What was told last of stacks in which something is blocked, so that it is told once.
    blocked: BTreeMap<BTreeSet<String>, String>,
    /// The stacks that concern this source.
    stacks: BTreeSet<String>,
    work: JoinSet<End>,
    groups: BTreeMap<task::Id, BTreeSet<String>>,
    stop: watch::Receiver<bool>,
}

impl<E: Locks + Clone + 'static> Daemon<E> {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn changed(&mut self, stack: &str) {
        if stack == WHOLE || self.stacks.contains(stack) {
            self.queue.trigger(Trigger::Engine, self.now());
        }
    }

    async fn look(&mut self, trigger: Trigger) {
        self.listener.looks(&self.source.name, trigger);
        let load = Arc::clone(&self.source.load);
        let ask = asks(trigger);
        let loading = tokio::task::spawn_blocking(move || load(ask));
        let mut stop = self.stop.clone();
        let loaded = tokio::select! {
            loaded = loading => loaded,
            // Nothing was begun yet, and a server may take its time to answer.
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok(loaded) = loaded else {
            tracing::error!("loading {} ended in a panic", self.source.name);
            return self.end(WHOLE, false);
        };
        if self.outage != loaded.outage.is_some() {
            self.outage = loaded.outage.is_some();
            self.listener.outage(&self.source.name, loaded.outage.as_deref());
        }
        if self.revision.as_ref() != Some(&loaded.desired.revision) {
            self.revision = Some(loaded.desired.revision.clone());
            self.queue.revised();
            self.listener.loaded(&self.source.name, &loaded);
        }
        let now = (self.surroundings.now)();
        match cycle::plan(&self.engine, &loaded.desired, &self.source.policy, now).await {
            Ok(planned) => {
                self.end(WHOLE, true);
                let opening = plan::next_opening(&loaded.desired, &planned.observed, now);
                let wait = |at: i64| Duration::from_secs(u64::try_from(at - now).unwrap_or(0));
                self.queue.opens(opening.map(|at| self.now() + wait(at)));
                self.stacks = planned.plan.changes.keys().cloned().collect();
                let left = self.queue.left_alone(self.now());
                let names: BTreeSet<String> = self.stacks.difference(&left).cloned().collect();
                let desired = Arc::new(loaded.desired);
                let under_way = self.groups.values().flatten().cloned().collect();
                self.listener.looked(&self.source.name, &desired, &planned.plan, &under_way);
                for group in groups::split(&desired, &names) {
                    let policy = Policy { only: Some(group.clone()), ..self.source.policy.clone() };
                    let plan = plan::plan(&desired, &planned.observed, &policy, now);
                    let observed = planned.observed.clone();
                    self.begin(group, Planned { observed, plan }, policy, (&desired, &loaded.mounts));
                }
            }
            Err(error) => {
                self.listener.unreachable(&self.source.name, &error);
                self.end(WHOLE, false);
            }
        }
    }

    /// Works on a group of stacks, if there is anything to do.
    fn begin(
        &mut self,
        group: BTreeSet<String>,
        planned: Planned,
        policy: Policy,
        (desired, mounts): (&Arc<DesiredState>, &Option<Arc<Mounts>>),
    ) {
        let plan = &planned.plan;
        let is_blocked = has_blocked(plan);
        let is_news = is_blocked && self.blocked.get(&group) != Some(&plan::text(plan));
        if is_blocked {
            self.blocked.insert(group.clone(), plan::text(plan));
        } else {
            self.blocked.remove(&group);
        }
        if is_news || !plan.steps.is_empty() {
            self.listener.planned(&self.source.name, plan);
        }
        if plan.steps.is_empty() {
            if let Some(mounts) = mounts {
                let (desired, mounts) = (Arc::clone(desired), Arc::clone(mounts));
                tokio::spawn(settle(desired, policy, mounts, planned.plan, self.told()));
            }
            return;
        }
        self.queue.begin(&group);
        let work = Work {
            engine: self.engine.clone(),
            source: self.source.clone(),
            listener: Arc::clone(&self.listener),
            surroundings: self.surroundings,
            stop: self.stop.clone(),
            desired: Arc::clone(desired),
            mounts: mounts.clone(),
            policy,
        };
        let task = self.work.spawn(async move { work.carry_out(planned).await });
        self.groups.insert(task.id(), group);
    }

    fn told(&self) -> impl Fn(&[String]) + Send + Sync + 'static {
        let (listener, source) = (Arc::clone(&self.listener), self.source.name.clone());
        move |notes| listener.notes(&source, notes)
    }

    fn ended(&mut self, done: Done) {
        let (id, done) = match done {
            Ok((id, done)) => (id, Some(done)),
            Err(error) => {
                tracing::error!(%error, "work on stacks of {} ended in a panic", self.source.name);
                (error.id(), None)
            }
        };
        let group = self.groups.remove(&id).unwrap_or_default();
        let (plan, applied) = match done {
            Some(End::Applied(done)) => *done,
            Some(End::Outdated) => {
                self.end_all(&group, true);
                return self.queue.trigger(Trigger::Followup, self.now());
            }
            Some(End::Locked(held)) => {
                self.listener.locked(&self.source.name, &held);
                return self.end_all(&group, false);
            }
            Some(End::Unreachable(error)) => {
                self.listener.unreachable(&self.source.name, &error);
                return self.end_all(&group, false);
            }
            None => return self.end_all(&group, false),
        };
        self.listener.applied(&self.source.name, &plan, &applied);
        let trouble: BTreeSet<&str> = plan
            .steps
            .iter()
            .filter(|step| {
                applied.report.outcomes.get(&step.id).is_some_and(|(outcome, _)| !outcome.is_success())
            })
            .map(|step| step.stack.as_str())
            .collect();
        for stack in &group {
            self.end(stack, !trouble.contains(stack.as_str()));
        }
    }

    fn end_all(&mut self, stacks: &BTreeSet<String>, success: bool) {
        for stack in stacks {
            self.end(stack, success);
        }
    }

    fn end(&mut self, stack: &str, success: bool) {
        let again = self.queue.end(stack, success, self.now(), (self.surroundings.chance)());
        if let Some(wait) = again {
            self.listener.backs_off(&self.source.name, stack, wait);
        }
    }
}

/// Whether a trigger is a reason to ask a repository out of turn.
const fn asks(trigger: Trigger) -> Ask {
    match trigger {
        Trigger::Start | Trigger::Request => Ask::Now,
        Trigger::Poll
        | Trigger::Retry
        | Trigger::Followup
        | Trigger::Engine
        | Trigger::Files
        | Trigger::Schedule => Ask::WhenDue,
    }
}

/// Looks after mounted files of stacks that need nothing else.
async fn settle(
    desired: Arc<DesiredState>,
    policy: Policy,
    mounts: Arc<Mounts>,
    plan: Plan,
    tell: impl Fn(&[String]),
) {
    let aim = Aim { desired: &desired, policy: &policy, mounts: Some(&mounts), clock: &|| 0 };
    let notes = cycle::settle(aim, &plan).await;
    if !notes.is_empty() {
        tell(&notes);
    }
}

fn has_blocked(plan: &Plan) -> bool {
    let stacks = plan.changes.values();
    stacks
        .flat_map(|stack| {
            stack.services.values().chain(stack.networks.values()).chain(stack.volumes.values())
        })
        .any(|change| change.action == ChangeAction::Blocked)
}

/// Passes the events of steps on.
struct Steps(Arc<dyn Listener>);

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
