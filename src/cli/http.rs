//! The HTTP interface of `watch`: over an address, if the settings of the host name one, and over the control socket.

use super::config::Chosen;
use super::engine::now;
use super::output::Output;
use super::source::{all_problems, current_dir};
use super::{contents, locking, masking};
use crate::cycle::{self, Applied, Marked};
use crate::daemon::board::{Board, GaveUp, SourceNews, find, job_event};
use crate::daemon::feed::{Event, Feed};
use crate::daemon::queue::Trigger;
use crate::daemon::{JobNews, Look};
use crate::engine::EngineError;
use crate::engine::docker::DockerEngine;
use crate::execute::{Events, Options};
use crate::history::{ShownDeployment, Store};
use crate::http::{About, Access, Daemon, Deed, Interface, serve};
use crate::model::history;
use crate::model::redact::Redactor;
use crate::model::report::Outcome;
use crate::model::step::{Plan, Step};
use crate::plan::{Jobs, Suspension, mask_plan};
use crate::source::{Host, LoadedSource};
use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use std::{io, process};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

/// What the daemon heard last, what happens, and how to have it do something.
pub struct Desk {
    board: Mutex<Board>,
    feed: Arc<Feed>,
    requests: Mutex<BTreeMap<String, UnboundedSender<Trigger>>>,
    /// What files of sources say that must not be told.
    files: Mutex<BTreeMap<String, Vec<String>>>,
    secrets: BTreeMap<String, Vec<u8>>,
    token: Option<Vec<u8>>,
    history: Store,
    engine: OnceLock<DockerEngine>,
    since: i64,
}

impl Desk {
    /// A desk for sources, with the secrets that the settings name. What cannot be read is an error: a daemon that
    /// refuses what it should take would go unseen.
    pub fn new(host: Option<&Host>, sources: &[Chosen], history: Store) -> Result<Self, String> {
        let directory = host.map_or_else(current_dir, |host| host.directory.clone());
        let read = |path: &str| secret(&directory.join(path));
        let http = host.map(|host| &host.http);
        let token = http.and_then(|http| http.token_file.as_deref()).map(read).transpose()?;
        let mut secrets = BTreeMap::new();
        for source in host.into_iter().flat_map(|host| &host.sources) {
            if let Some(path) = &source.webhook_secret_file {
                secrets.insert(source.name.clone(), read(path)?);
            }
        }
        let board = sources.iter().map(|source| (source.title(), SourceNews::default())).collect();
        let since = now();
        Ok(Self {
            board: Mutex::new(board),
            feed: Arc::new(Feed::new(since)),
            requests: Mutex::default(),
            files: Mutex::default(),
            secrets,
            token,
            history,
            engine: OnceLock::new(),
            since,
        })
    }

    /// Lets a source be asked for.
    pub fn follows(&self, source: String, request: UnboundedSender<Trigger>) {
        lock(&self.requests).insert(source, request);
    }

    /// Lets stacks be suspended: the engine answers.
    pub fn reached(&self, engine: &DockerEngine) {
        // It is reached once.
        drop(self.engine.set(engine.clone()));
    }

    fn look(&self, source: &str, why: Trigger) -> bool {
        lock(&self.requests).get(source).is_some_and(|request| request.send(why).is_ok())
    }

    /// Not every mark is an event of the engine that is followed.
    fn look_at_stack(&self, stack: &str) {
        let source = find(&lock(&self.board), stack).map(|(source, ..)| source.to_owned());
        if let Some(source) = source {
            self.look(&source, Trigger::Request);
        }
    }

    /// Notes something about a source, and tells what that means. Under one lock, so that events come in the order of what they
    /// tell.
    fn note(&self, source: &str, note: impl FnOnce(&mut SourceNews) -> Vec<Event>) {
        let mut board = lock(&self.board);
        let events = note(board.entry(source.to_owned()).or_default());
        self.feed.tell(events, now());
    }

    /// Notes that a source is looked at.
    pub fn looks(&self, source: &str, trigger: Trigger) {
        self.note(source, |news| news.looks(source, trigger));
    }

    /// Notes that a look is over, and when the next one is due.
    pub fn rests(&self, source: &str, wait: Duration) {
        let next = now().saturating_add(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
        self.note(source, |news| news.rests(source, next));
    }

    /// Notes what a source says.
    pub fn loaded(&self, source: &str, loaded: &LoadedSource) {
        let problems = all_problems(loaded);
        if !loaded.stacks.is_empty() {
            lock(&self.files).insert(source.to_owned(), masking::of_files(loaded));
        }
        self.note(source, |news| {
            news.loaded(loaded, problems);
            Vec::new()
        });
    }

    /// Notes why a repository cannot be asked, or that it can be again.
    pub fn outage(&self, source: &str, why: Option<&str>) {
        self.note(source, |news| {
            news.outage = why.map(str::to_owned);
            Vec::new()
        });
    }

    /// Notes that the engine could not be looked at.
    pub fn unreachable(&self, source: &str, error: String) {
        self.note(source, |news| {
            news.unreachable(error);
            Vec::new()
        });
    }

    /// Notes what was seen.
    pub fn looked(&self, source: &str, look: &Look<'_>) {
        // As a dry run does it.
        let explain = |plan: &mut Plan| {
            let Look { desired, mounts, planned, .. } = *look;
            let (mounts, files) = (mounts.map(Arc::as_ref), lock(&self.files).get(source).cloned());
            let redactor = masking::of_look(desired, mounts, &planned.observed, files.unwrap_or_default());
            contents::explain(plan, desired, mounts);
            mask_plan(plan, &redactor);
        };
        self.note(source, |news| news.looked(source, look, explain, now()));
    }

    /// Notes that stacks are worked on.
    pub fn planned(&self, source: &str, plan: &Plan) {
        self.note(source, |news| news.planned(source, plan));
    }

    /// Notes that work on stacks ended before it was done.
    pub fn gave_up(&self, source: &str, stacks: &BTreeSet<String>, why: GaveUp) {
        self.note(source, |news| news.ended(source, stacks.iter(), |_| (why.as_str(), None)));
    }

    /// Notes what came of a deployment.
    pub fn applied(&self, source: &str, plan: &Plan, applied: &Applied) {
        self.note(source, |news| {
            news.applied(plan, applied, now());
            Vec::new()
        });
    }

    /// Notes that a deployment is over, with what the history says of it.
    pub fn deployed(
        &self,
        (source, plan): (&str, &Plan),
        noted: &BTreeMap<String, (history::Outcome, Option<u64>)>,
        elapsed: Duration,
    ) {
        // Somebody else may have done everything meanwhile.
        let outcome = |stack: &str| {
            noted.get(stack).map_or(("nothing", None), |(outcome, number)| (outcome.as_str(), *number))
        };
        self.note(source, |news| {
            news.took(plan, elapsed);
            news.ended(source, plan.changes.keys(), outcome)
        });
    }

    /// Tells what happened to a job.
    pub fn job(&self, source: &str, job: (&str, &str), news: &JobNews) {
        self.feed.tell(vec![job_event(source, job, news)], now());
    }

    /// Notes how its jobs are.
    pub fn jobs(&self, source: &str, jobs: &Jobs) {
        self.note(source, |news| {
            news.jobs(jobs);
            Vec::new()
        });
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a file holds, without the line end that editors add.
fn secret(path: &Path) -> Result<Vec<u8>, String> {
    let read = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let secret = read.trim_ascii_end().to_vec();
    if secret.is_empty() { Err(format!("{} is empty", path.display())) } else { Ok(secret) }
}

/// The desk as requests see it.
struct Counter(Arc<Desk>);

impl Daemon for Counter {
    fn about(&self) -> About {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        About { version, process: process::id(), since: self.0.since }
    }

    fn now(&self) -> i64 {
        now()
    }

    fn board(&self) -> Board {
        lock(&self.0.board).clone()
    }

    fn requests(&self) -> (u64, u64) {
        self.0.engine.get().map_or((0, 0), DockerEngine::requests)
    }

    fn feed(&self) -> Arc<Feed> {
        Arc::clone(&self.0.feed)
    }

    fn look(&self, source: &str, why: Trigger) -> bool {
        self.0.look(source, why)
    }

    fn secret(&self, source: &str) -> Option<Vec<u8>> {
        self.0.secrets.get(source).cloned()
    }

    fn history(&self, stack: &str) -> io::Result<Vec<ShownDeployment>> {
        Ok(self.0.history.read(stack)?.iter().rev().map(ShownDeployment::from).collect())
    }

    fn suspend(&self, stack: String, suspension: Suspension) -> BoxFuture<'static, Deed> {
        self.has_done(stack.clone(), |engine| async move {
            let quiet = Quiet::default();
            cycle::suspend(&engine, &stack, &suspension, &quiet.options()).await
        })
    }

    fn resume(&self, stack: String) -> BoxFuture<'static, Deed> {
        self.has_done(stack.clone(), |engine| async move {
            let quiet = Quiet::default();
            cycle::resume(&engine, &stack, &quiet.options()).await
        })
    }
}

impl Counter {
    /// Has something done that comes to its end also if whoever asked does not wait for it.
    fn has_done<W>(&self, stack: String, work: impl FnOnce(DockerEngine) -> W) -> BoxFuture<'static, Deed>
    where
        W: Future<Output = Result<Marked, EngineError>> + Send + 'static,
    {
        let Some(engine) = self.0.engine.get() else {
            return Box::pin(async { Deed::Unreachable("the engine did not answer yet".to_owned()) });
        };
        let work = work(engine.clone());
        let desk = Arc::clone(&self.0);
        Box::pin(async move {
            match tokio::spawn(work).await {
                Ok(Ok(Marked::Done)) => {
                    desk.look_at_stack(&stack);
                    Deed::Done
                }
                Ok(Ok(Marked::Already)) => Deed::Already,
                Ok(Ok(Marked::Unknown(near))) => Deed::Unknown(near),
                Ok(Ok(Marked::Failed(why))) => Deed::Failed(why),
                Ok(Err(error)) => Deed::Unreachable(error.to_string()),
                Err(error) => Deed::Failed(error.to_string()),
            }
        })
    }
}

/// How something is done that nobody hears about: the daemon looks when a mark comes or goes, and tells that.
#[derive(Default)]
struct Quiet {
    redactor: Redactor,
    stop: watch::Sender<bool>,
}

impl Quiet {
    fn options(&self) -> Options<'_> {
        let (redactor, stop) = (&self.redactor, self.stop.subscribe());
        Options { parallel: 1, stop, events: self, redactor, chance: locking::chance, turns: None }
    }
}

impl Events for Quiet {
    fn started(&self, _: &Step) {}
    fn note(&self, _: &Step, _: &str) {}
    fn finished(&self, _: &Step, _: &Outcome, _: Duration) {}
}

/// The interface over the control socket.
pub fn local(desk: &Arc<Desk>) -> Interface {
    Interface { daemon: Arc::new(Counter(Arc::clone(desk))), access: Access::Open }
}

/// Serves on the address of the settings, if they give one, until told to stop.
pub async fn listen(
    host: Option<&Host>,
    desk: &Arc<Desk>,
    stop: watch::Receiver<bool>,
    output: Output,
) -> Result<(), String> {
    let Some(address) = host.and_then(|host| host.http.listen) else { return Ok(()) };
    let refused = |error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    output.talk(&format!("listening on http://{address}\n"));
    let access = Access::Token(desk.token.clone());
    let interface = Interface { daemon: Arc::new(Counter(Arc::clone(desk))), access };
    tokio::spawn(async move {
        if let Err(error) = serve(listener, interface, stop).await {
            tracing::error!(%error, "the HTTP interface ended");
        }
    });
    Ok(())
}
