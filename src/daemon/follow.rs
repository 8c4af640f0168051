//! Following one source.

use super::board::GaveUp;
use super::concern::Concern;
use super::jobs::{Keeper, Seen};
use super::queue::{Queue, Trigger};
use super::work::{End, Ended, Goal, Work};
use super::{Listener, Look, Source, Surroundings};
use crate::cycle::{self, Aim, Applied, Planned};
use crate::engine::{EngineEvent, Follow, Locks};
use crate::model::change::{ChangeAction, StackChanges};
use crate::model::desired::DesiredState;
use crate::model::step::{Action, Plan};
use crate::plan::{self, Inspect, Policy, groups};
use crate::source::LoadedSource;
use crate::source::git::Ask;
use crate::source::mounted::Mounts;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

/// Stands for the source as a whole among the names of stacks, which are never empty.
const WHOLE: &str = "";
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
    let (jobs, seen) = watch::channel(None);
    let keeper = Keeper {
        engine: engine.clone(),
        source: source.clone(),
        listener: Arc::clone(&listener),
        surroundings,
        stop: stop.clone(),
    };
    let keeper = tokio::spawn(keeper.keep(seen));
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
        concern: Concern::default(),
        suspects: Inspect::All,
        work: JoinSet::new(),
        groups: BTreeMap::new(),
        stop: stop.clone(),
        jobs,
    };
    let mut stopped = stop;
    while !*stopped.borrow() {
        daemon.rests();
        if let Some(trigger) = daemon.queue.take(daemon.now(), (surroundings.chance)()) {
            daemon.look(trigger).await;
            continue;
        }
        let due = daemon.start + daemon.queue.due();
        tokio::select! {
            Some(trigger) = triggers.recv() => daemon.queue.trigger(trigger, daemon.now()),
            Some(event) = changes.recv() => daemon.changed(event.as_ref()),
            Some(done) = daemon.work.join_next_with_id() => daemon.ended(done),
            () = tokio::time::sleep_until(due) => {}
            _ = stopped.changed() => {}
        }
    }
    events.abort();
    while let Some(done) = daemon.work.join_next_with_id().await {
        daemon.ended(done);
    }
    if let Err(error) = keeper.await {
        tracing::error!(%error, "keeping the timetable of {} ended in a panic", daemon.source.name);
    }
}

/// Tells everything that happens on the engine; nothing in particular where events may have been missed.
async fn events<E: Follow>(engine: E, tell: mpsc::UnboundedSender<Option<EngineEvent>>) {
    loop {
        let error = engine
            .follow(&|event| {
                let _ = tell.send(Some(event));
            })
            .await;
        tracing::debug!(%error, "events of the engine are asked for again");
        tokio::time::sleep(RECONNECT).await;
        if tell.send(None).is_err() {
            return;
        }
    }
}

/// What came of work, with the task that did it.
type Done = Result<(task::Id, End), JoinError>;

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
    concern: Concern,
    /// Containers that somebody may have changed in ways that the engine's lists do not tell.
    suspects: Inspect,
    work: JoinSet<End>,
    groups: BTreeMap<task::Id, BTreeSet<String>>,
    stop: watch::Receiver<bool>,
    /// Whoever begins the runs of jobs hears here what there is.
    jobs: watch::Sender<Option<Seen>>,
}

impl<E: Locks + Clone + 'static> Daemon<E> {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn rests(&self) {
        self.listener.rests(&self.source.name, self.queue.due().saturating_sub(self.now()));
    }

    fn changed(&mut self, event: Option<&EngineEvent>) {
        if event.is_some_and(|event| !self.concern.holds(event)) {
            return;
        }
        match (event, &mut self.suspects) {
            (None, suspects) => *suspects = Inspect::All,
            (Some(event), Inspect::Only(ids)) if event.is_update() => {
                ids.insert(event.id.clone());
            }
            _ => {}
        }
        self.queue.trigger(Trigger::Engine, self.now());
    }

    async fn look(&mut self, trigger: Trigger) {
        let begin = Instant::now();
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
        let (now, at) = ((self.surroundings.now)(), Instant::now());
        // What the files were read into is much larger than what is asked for, and goes before that is compared.
        drop(loaded.stacks);
        let LoadedSource { desired, commit, mounts, asked_next, .. } = loaded;
        let policy = Policy { inspect: self.suspects.clone(), ..self.source.policy.clone() };
        match cycle::plan(&self.engine, &desired, &policy, now).await {
            Ok(planned) => {
                self.end(WHOLE, true);
                self.suspects = plan::suspects(&desired, &planned.observed, &policy);
                let (source, jobs) = (Some(desired.source.clone()), plan::jobs(&planned.observed));
                self.jobs.send_replace(Some(Seen { at, source, jobs }));
                let opening = plan::next_opening(&desired, &planned.observed, now);
                let wait = |at: i64| Duration::from_secs(u64::try_from(at - now).unwrap_or(0));
                self.queue.opens(opening.map(|at| self.now() + wait(at)));
                self.concern = Concern::new(&desired, planned.plan.changes.keys().cloned().collect());
                let left = self.queue.left_alone(self.now());
                let names: BTreeSet<String> = self.concern.stacks().difference(&left).cloned().collect();
                let goal = Goal { trigger, desired: Arc::clone(&desired), commit, mounts };
                let under_way = self.groups.values().flatten().cloned().collect();
                let mounts = goal.mounts.as_ref();
                let look = Look {
                    desired: &desired,
                    mounts,
                    asked_next,
                    planned: &planned,
                    under_way: &under_way,
                    elapsed: begin.elapsed(),
                };
                self.listener.looked(&self.source.name, &look);
                // Of a thousand stacks most have nothing to be done, and to plan for each alone takes a look at all.
                let busy = concerned(&desired, &planned.plan);
                let (busy, idle): (Vec<_>, Vec<_>) = groups::split(&desired, &names)
                    .into_iter()
                    .partition(|group| group.iter().any(|stack| busy.contains(stack)));
                for group in busy {
                    let policy = Policy {
                        only: Some(group.clone()),
                        inspect: self.suspects.clone(),
                        ..self.source.policy.clone()
                    };
                    let plan = plan::plan(&desired, &planned.observed, &policy, now);
                    let observed = planned.observed.clone();
                    self.begin(group, Planned { observed, plan }, policy, &goal);
                }
                self.rest(&idle, planned.plan, &goal);
            }
            Err(error) => {
                self.listener.unreachable(&self.source.name, &error);
                self.end(WHOLE, false);
            }
        }
    }

    /// Leaves groups of stacks as they are that a plan does nothing about, but for mounted files that were lost.
    fn rest(&mut self, groups: &[BTreeSet<String>], mut plan: Plan, goal: &Goal) {
        self.blocked.retain(|group, _| !groups.contains(group));
        if goal.mounts.is_some() {
            let idle: BTreeSet<String> = groups.iter().flatten().cloned().collect();
            plan.changes.retain(|stack, _| idle.contains(stack));
            self.settle(plan, self.source.policy.clone(), goal);
        }
    }

    fn settle(&self, plan: Plan, policy: Policy, goal: &Goal) {
        if let Some(mounts) = &goal.mounts {
            let (desired, mounts) = (Arc::clone(&goal.desired), Arc::clone(mounts));
            tokio::spawn(settle(desired, policy, mounts, plan, self.told()));
        }
    }

    /// Works on a group of stacks, if there is anything to do.
    fn begin(&mut self, group: BTreeSet<String>, planned: Planned, policy: Policy, goal: &Goal) {
        let plan = &planned.plan;
        let is_blocked = has_blocked(plan);
        let is_news = is_blocked && self.blocked.get(&group) != Some(&plan::text(plan));
        if is_blocked {
            self.blocked.insert(group.clone(), plan::text(plan));
        } else {
            self.blocked.remove(&group);
        }
        if is_news || !plan.steps.is_empty() {
            let redactor = goal.redactor(self.source.secret);
            let mut told = plan.clone();
            plan::mask_plan(&mut told, &redactor);
            self.listener.planned(&self.source.name, &told);
        }
        if plan.steps.is_empty() {
            if is_news {
                let redactor = goal.redactor(self.source.secret);
                let nothing = Applied::default();
                let done = (plan, &nothing);
                self.listener.deployed(&goal.deployed(&self.source.name, done, &redactor, Duration::ZERO));
            }
            return self.settle(planned.plan, policy, goal);
        }
        self.queue.begin(&group);
        if let Some(deputy) = self.source.deputy.as_ref().filter(|deputy| plan.stops(&deputy.own)) {
            let stacks = group.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            let apart = plan.steps.iter().any(|step| matches!(step.action, Action::RemoveNetwork { .. }));
            let sent = (deputy.send)(stacks, apart);
            let mut stop = self.stop.clone();
            let task = self.work.spawn(async move {
                tokio::select! {
                    ended = sent => End::Deputized(ended),
                    // It is mostly the deputy that asks for this, and it waits for the end of this process.
                    _ = stop.wait_for(|stop| *stop) => End::Deputized(Ok(())),
                }
            });
            self.groups.insert(task.id(), group);
            return;
        }
        let work = Work {
            engine: self.engine.clone(),
            source: self.source.clone(),
            listener: Arc::clone(&self.listener),
            surroundings: self.surroundings,
            stop: self.stop.clone(),
            goal: goal.clone(),
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
        let Ended { goal, plan, applied, redactor, elapsed } = match done {
            Some(End::Applied(done)) => *done,
            Some(End::Outdated) => {
                self.gave_up(&group, GaveUp::Outdated);
                self.end_all(&group, true);
                return self.queue.trigger(Trigger::Followup, self.now());
            }
            Some(End::Locked(held)) => {
                self.listener.locked(&self.source.name, &held);
                self.gave_up(&group, GaveUp::Locked);
                return self.end_all(&group, false);
            }
            Some(End::Unreachable(error) | End::Deputized(Err(error))) => {
                self.listener.unreachable(&self.source.name, &error);
                self.gave_up(&group, GaveUp::Unreachable);
                return self.end_all(&group, false);
            }
            // Had all gone well with a deputy, this process would be gone: what is left to be done is not tried at once.
            Some(End::Deputized(Ok(()))) => {
                self.gave_up(&group, GaveUp::HandedOver);
                return self.end_all(&group, false);
            }
            None => {
                self.gave_up(&group, GaveUp::Panic);
                return self.end_all(&group, false);
            }
        };
        self.listener.applied(&self.source.name, &plan, &applied);
        let done = (&plan, &applied);
        self.listener.deployed(&goal.deployed(&self.source.name, done, &redactor, elapsed));
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
        // What is told of stacks is from before. Once: a stack that never comes to rest must not keep the daemon busy.
        if trouble.is_empty() && self.groups.is_empty() && goal.trigger != Trigger::Followup {
            self.queue.trigger(Trigger::Followup, self.now());
        }
    }

    fn gave_up(&self, stacks: &BTreeSet<String>, why: GaveUp) {
        self.listener.gave_up(&self.source.name, stacks, why);
    }

    fn end_all(&mut self, stacks: &BTreeSet<String>, success: bool) {
        for stack in stacks {
            self.end(stack, success);
        }
    }

    fn end(&mut self, stack: &str, success: bool) {
        let again = self.queue.end(stack, success, self.now(), (self.surroundings.chance)());
        if let Some(wait) = again.filter(|_| !*self.stop.borrow()) {
            self.listener.backs_off(&self.source.name, stack, wait);
        }
    }
}

/// Whether a trigger is a reason to ask a repository out of turn.
const fn asks(trigger: Trigger) -> Ask {
    match trigger {
        Trigger::Start | Trigger::Request | Trigger::Webhook => Ask::Now,
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
    plan.changes.values().any(is_blocked)
}

fn is_blocked(stack: &StackChanges) -> bool {
    let changes = stack.services.values().chain(stack.networks.values()).chain(stack.volumes.values());
    changes.into_iter().any(|change| change.action == ChangeAction::Blocked)
}

/// The stacks about which a plan does something, or says why not.
fn concerned(desired: &DesiredState, plan: &Plan) -> BTreeSet<String> {
    let blocked = plan.changes.iter().filter(|(_, stack)| is_blocked(stack)).map(|(name, _)| name.clone());
    groups::touched(desired, plan).into_iter().chain(blocked).collect()
}
