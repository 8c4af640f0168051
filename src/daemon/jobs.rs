//! Beginning the runs of jobs at their times, and stopping those that take too long.
//!
//! A task of its own beside the looks at the source: reading a repository may take its time, and a clock does not wait.

use super::roster::{Due, GRACE, Key, Roster};
use super::work::Steps;
use super::{Listener, Source, Surroundings};
use crate::engine::{EngineError, Locks, ObserveRequest};
use crate::execute::{Options, execute};
use crate::locks::{self, Asked, Party};
use crate::model::lock::Held;
use crate::model::redact::Redactor;
use crate::model::report::{Outcome, Report};
use crate::model::step::Plan;
use crate::plan::{self, Beginning, Jobs, RunState};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long to sleep at most while there is a time to wait for: clocks are set, and machines sleep.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long a run waits for its stack at most. Meanwhile its job's further times come to nothing.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Pause before an engine that does not answer is asked again.
const PAUSE: Duration = Duration::from_secs(5);

/// What was seen of the jobs of a source, and when that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// When it was asked for.
    pub at: Instant,
    /// The identity of the source, from whoever read it.
    pub source: Option<String>,
    /// All jobs.
    pub jobs: Jobs,
}

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobNews {
    /// A run was begun, under this name.
    Began(String),
    /// A run ended: its name, and how.
    Ended(String, RunState),
    /// A run could not be begun, or not be stopped in time.
    Failed(String),
    /// A time came to nothing, for this reason.
    Skipped(String),
    /// Nobody was there at this time, in seconds since 1970.
    Missed(i64),
}

/// Keeps the timetable of the jobs of a source.
pub(super) struct Keeper<E> {
    pub engine: E,
    pub source: Source,
    pub listener: Arc<dyn Listener>,
    pub surroundings: Surroundings,
    pub stop: watch::Receiver<bool>,
}

impl<E: Clone> Clone for Keeper<E> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            source: self.source.clone(),
            listener: Arc::clone(&self.listener),
            surroundings: self.surroundings,
            stop: self.stop.clone(),
        }
    }
}

/// What is under way.
enum Task {
    Begun(Key),
    /// These ids were to be stopped.
    Stopped(BTreeSet<String>),
}

impl<E: Locks + Clone + 'static> Keeper<E> {
    /// Keeps it until told to stop; what is under way by then is brought to its end.
    pub async fn keep(self, mut seen: watch::Receiver<Option<Seen>>) {
        let mut roster = Roster::default();
        let mut work: JoinSet<(Task, Option<Seen>)> = JoinSet::new();
        let mut stopping = BTreeSet::new();
        let mut beginning: BTreeSet<Key> = BTreeSet::new();
        let (mut learned, mut source) = (None, None);
        let mut stop = self.stop.clone();
        while !*stop.borrow() {
            let now = (self.surroundings.now)();
            for (key, at, due) in roster.due(now) {
                match due {
                    Due::Missed => self.tell(&key, &JobNews::Missed(at)),
                    Due::Begin if beginning.insert(key.clone()) => {
                        let keeper = self.clone();
                        work.spawn(async move {
                            let seen = keeper.begin(&key, at).await;
                            (Task::Begun(key), seen)
                        });
                    }
                    Due::Begin => {
                        let why = "an earlier one still waits to begin".to_owned();
                        self.tell(&key, &JobNews::Skipped(why));
                    }
                }
            }
            let (plan, ids) = roster.overdue(now, &stopping);
            if !plan.steps.is_empty() {
                stopping.extend(ids.clone());
                let keeper = self.clone();
                work.spawn(async move { (Task::Stopped(ids), keeper.stop_runs(&plan).await) });
            }
            let next = roster.next(now, &stopping);
            let sleep = async {
                match next {
                    Some(next) => {
                        let wait = Duration::from_secs(u64::try_from(next - now).unwrap_or(0));
                        tokio::time::sleep(wait.min(LONGEST_SLEEP)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            let news = tokio::select! {
                () = sleep => None,
                changed = seen.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    seen.borrow_and_update().clone()
                }
                Some(done) = work.join_next() => match done {
                    Ok((Task::Begun(key), news)) => {
                        beginning.remove(&key);
                        news
                    }
                    Ok((Task::Stopped(ids), news)) => {
                        stopping.retain(|id| !ids.contains(id));
                        news
                    }
                    Err(error) => {
                        tracing::error!(%error, "work on a job of {} ended in a panic", self.source.name);
                        // Which one is not known, and what stands on the engine keeps runs from being doubled.
                        beginning.clear();
                        stopping.clear();
                        None
                    }
                },
                _ = stop.changed() => None,
            };
            // What was asked for earlier may come later.
            let Some(news) = news.filter(|news| learned.is_none_or(|last| news.at > last)) else { continue };
            learned = Some(news.at);
            source = news.source.or(source);
            if let Some(source) = &source {
                self.learn(&mut roster, source, news.jobs);
            }
        }
        while work.join_next().await.is_some() {}
    }

    fn learn(&self, roster: &mut Roster, source: &str, mut jobs: Jobs) {
        jobs.retain(|_, job| job.template.as_ref().is_some_and(|template| template.source == source));
        for (key, run) in roster.learn(jobs) {
            self.tell(&key, &JobNews::Ended(run.container.name().to_owned(), run.state));
        }
        self.listener.jobs(&self.source.name, roster.jobs());
    }

    fn tell(&self, (stack, service): &Key, news: &JobNews) {
        self.listener.job(&self.source.name, (stack, service), news);
    }

    /// Begins a run for a time. An engine that does not answer is asked again while that is not too late.
    async fn begin(&self, key: &Key, at: i64) -> Option<Seen> {
        loop {
            let error = match self.try_to_begin(key, at).await {
                Ok(seen) => return seen,
                Err(error) => error,
            };
            let is_late = (self.surroundings.now)() - at >= GRACE;
            if is_late || !error.is_transient() || *self.stop.borrow() {
                self.tell(key, &JobNews::Failed(error.to_string()));
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_to_begin(&self, key: &Key, at: i64) -> Result<Option<Seen>, EngineError> {
        let Surroundings { now, chance, holder, is_gone } = self.surroundings;
        // Jobs of one stack that come at the same time wait for each other: that is no news.
        let waits = |_: &Held| {};
        let party = Party {
            holder: holder(),
            now,
            is_gone,
            chance,
            patience: LONGEST_WAIT,
            stop: self.stop.clone(),
            waits: &waits,
        };
        let stacks = BTreeSet::from([key.0.clone()]);
        let guard = match locks::ask(&self.engine, &stacks, &party).await? {
            Asked::Ours(guard) => guard,
            Asked::Theirs(held) => {
                let why = format!("{} was worked on by {} all the while", key.0, held.holder.host);
                self.tell(key, &JobNews::Skipped(why));
                return Ok(None);
            }
        };
        // Told to stop, a run that was made is still started; only without the lock it is not.
        let (tell, stop) = watch::channel(false);
        let (_go_on, ending) = watch::channel(false);
        let work = async {
            let observed = self.engine.observe(&ObserveRequest::default()).await?;
            match plan::begin(&observed, &key.0, &key.1, at, now()) {
                Beginning::Run(name, plan) => match failure(&self.execute(&plan, stop).await) {
                    None => self.tell(key, &JobNews::Began(name)),
                    Some(why) => self.tell(key, &JobNews::Failed(why)),
                },
                Beginning::Skipped(why) => self.tell(key, &JobNews::Skipped(why)),
                Beginning::Nothing => {}
            }
            Ok::<(), EngineError>(())
        };
        locks::hold(&self.engine, (guard, &party.holder), (&ending, tell), work).await?;
        Ok(self.look().await)
    }

    /// Stops runs. Without the lock: nobody else does anything to what runs but remove it, and a deployment that takes its
    /// time must not lend it to a job.
    async fn stop_runs(&self, plan: &Plan) -> Option<Seen> {
        let (_go_on, stop) = watch::channel(false);
        let report = self.execute(plan, stop).await;
        if let Some(why) = failure(&report) {
            let first = plan.steps.first();
            let key = first.map(|step| (step.stack.clone(), step.service.clone())).unwrap_or_default();
            self.tell(&key, &JobNews::Failed(why));
            tokio::time::sleep(PAUSE).await;
        }
        self.look().await
    }

    async fn execute(&self, plan: &Plan, stop: watch::Receiver<bool>) -> Report {
        let (events, redactor) = (Steps(Arc::clone(&self.listener)), Redactor::default());
        let (parallel, chance) = (self.source.parallel, self.surroundings.chance);
        let turns = Some(&*self.source.turns);
        let options = Options { parallel, stop, events: &events, redactor: &redactor, chance, turns };
        execute(plan, &self.engine, &options).await
    }

    /// What there is now; the next look at the source tells it too, should this one fail.
    async fn look(&self) -> Option<Seen> {
        let at = Instant::now();
        let observed = self.engine.observe(&ObserveRequest::default()).await.ok()?;
        Some(Seen { at, source: None, jobs: plan::jobs(&observed) })
    }
}

fn failure(report: &Report) -> Option<String> {
    let failed = report.outcomes.values().find_map(|(outcome, _)| match outcome {
        Outcome::Failed(reason) => Some(reason.clone()),
        _ => None,
    });
    failed.or_else(|| (!report.is_success()).then(|| "the lock of its stack was lost".to_owned()))
}
