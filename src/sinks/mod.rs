//! Telling people what becomes of their stacks. One file for each kind of sink says what its message looks like.
//!
//! [`observation`] reads off a run what there is to tell, [`rules`] decide whether a sink is told, [`message`] puts it in
//! words: all pure. [`delivery`] brings it there, in a task for each sink, so that none that fails or hangs delays a
//! deployment or another sink.

mod commit_status;
pub mod delivery;
mod discord;
mod email;
mod gotify;
mod heartbeat;
mod http;
pub mod message;
mod ntfy;
pub mod observation;
mod request;
pub mod rules;
mod sample;
mod slack;
mod webhook;

use crate::compose::settings::notify::{NotifySettings, SinkSettings};
use crate::model::alert::AlertKind;
use commit_status::Board;
use delivery::{Order, Sink};
use heartbeat::Heartbeat;
use message::Message;
use observation::{Finding, Observation};
use rules::{Rules, Telling};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Messages that may wait for one sink.
const WAITING: usize = 64;
/// Seconds between two reminders if the settings say nothing.
const REMIND: i64 = 24 * 3600;
/// Seconds between two signs of life if the settings say nothing.
const EVERY: i64 = 60;

/// Hears what could not be delivered, a line at a time.
pub type Complain = Arc<dyn Fn(&str) + Send + Sync>;

/// Whom to tell, and where the time comes from.
pub struct Host<'a> {
    /// The sinks.
    pub notify: &'a [NotifySettings],
    /// Where relative paths of the settings start.
    pub directory: &'a Path,
    /// What the host goes by.
    pub name: &'a str,
    /// The names of its sources.
    pub sources: BTreeSet<String>,
    /// Seconds since 1970.
    pub now: fn() -> i64,
    /// Whether what was told before is remembered: a program that runs once remembers nothing, and tells everything.
    pub runs_on: bool,
}

/// The sinks of a host.
pub fn sinks(host: &Host<'_>) -> Vec<Arc<Sink>> {
    let sink = |settings: &NotifySettings| {
        let sink = Sink {
            name: settings.title().to_owned(),
            settings: settings.sink.clone()?,
            directory: host.directory.to_owned(),
            host: host.name.to_owned(),
        };
        Some(Arc::new(sink))
    };
    host.notify.iter().filter_map(sink).collect()
}

/// What to tell a sink to try it.
pub fn trial(sink: &Sink, now: i64) -> Order {
    match sink.settings {
        SinkSettings::Heartbeat(_) => Order::Beat,
        SinkSettings::CommitStatus(_) => Order::Look,
        _ => Order::Alert(Box::new(Message::test(&sink.host, now))),
    }
}

/// Tells the sinks of a host what was seen.
pub struct Notifier {
    host: String,
    now: fn() -> i64,
    desks: Mutex<Vec<Desk>>,
    closing: watch::Sender<bool>,
    work: Mutex<JoinSet<()>>,
    complain: Complain,
}

/// What belongs to one sink.
struct Desk {
    sink: Arc<Sink>,
    memory: Arc<Mutex<Memory>>,
    outbox: mpsc::Sender<Posted>,
    /// Messages that are not delivered yet.
    waiting: Arc<AtomicUsize>,
}

/// What a sink was told.
struct Memory {
    rules: Rules,
    heartbeat: Heartbeat,
    board: Board,
}

/// A message on its way.
struct Posted {
    order: Order,
    /// What decided on it, if it is an alert.
    telling: Option<Telling>,
}

impl Notifier {
    /// Begins a task for each sink, on the runtime that this is called on.
    pub fn start(host: &Host<'_>, complain: Complain) -> Self {
        let (closing, close) = watch::channel(false);
        let mut work = JoinSet::new();
        let begin = |(sink, settings): (Arc<Sink>, &NotifySettings)| {
            let (outbox, inbox) = mpsc::channel(WAITING);
            let memory = Arc::new(Mutex::new(memory(host, settings)));
            let waiting = Arc::new(AtomicUsize::new(0));
            let clerk = Clerk {
                sink: Arc::clone(&sink),
                memory: Arc::clone(&memory),
                waiting: Arc::clone(&waiting),
                complain: Arc::clone(&complain),
                now: host.now,
            };
            work.spawn(clerk.work(inbox, close.clone()));
            Desk { sink, memory, outbox, waiting }
        };
        let desks: Vec<Desk> = sinks(host).into_iter().zip(host.notify).map(begin).collect();
        Self {
            host: host.name.to_owned(),
            now: host.now,
            desks: Mutex::new(desks),
            closing,
            work: Mutex::new(work),
            complain,
        }
    }

    /// Tells the sinks what was seen of one source.
    pub fn observe(&self, source: &str, seen: &[Observation]) {
        let now = (self.now)();
        for desk in locked(&self.desks).iter() {
            let mut memory = locked(&desk.memory);
            match desk.sink.settings {
                SinkSettings::Heartbeat(_) => {}
                SinkSettings::CommitStatus(_) => {
                    let is_meant = memory.rules.concerns(source, "");
                    let status = if is_meant { memory.board.update(source, seen) } else { None };
                    if let Some(status) = status {
                        self.post(desk, &mut memory, Posted { order: Order::Status(status), telling: None });
                    }
                }
                _ => {
                    for one in seen {
                        let Some(telling) = memory.rules.decide(one, now) else { continue };
                        let message = Message::new(&self.host, one, telling, now);
                        let order = Order::Alert(Box::new(message));
                        self.post(desk, &mut memory, Posted { order, telling: Some(telling) });
                    }
                }
            }
        }
    }

    /// A source was read and its engine answered. `stacks` are all that it has; what was told of others is over.
    pub fn looked(&self, source: &str, stacks: &BTreeSet<String>) {
        let now = (self.now)();
        for desk in locked(&self.desks).iter() {
            let mut memory = locked(&desk.memory);
            if matches!(desk.sink.settings, SinkSettings::Heartbeat(_)) {
                if memory.heartbeat.looked(source, now) {
                    self.post(desk, &mut memory, Posted { order: Order::Beat, telling: None });
                }
                continue;
            }
            for stack in memory.rules.open(source).into_iter().filter(|stack| !stacks.contains(stack)) {
                let gone =
                    Observation { source: source.to_owned(), stack, revision: None, finding: Finding::Gone };
                if let Some(telling) = memory.rules.decide(&gone, now) {
                    let order = Order::Alert(Box::new(Message::new(&self.host, &gone, telling, now)));
                    self.post(desk, &mut memory, Posted { order, telling: Some(telling) });
                }
            }
        }
    }

    fn post(&self, desk: &Desk, memory: &mut Memory, posted: Posted) {
        desk.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = desk.outbox.try_send(posted) {
            desk.waiting.fetch_sub(1, Ordering::Relaxed);
            let (mpsc::error::TrySendError::Full(posted) | mpsc::error::TrySendError::Closed(posted)) = error;
            memory.lost(&posted, (self.now)());
            (self.complain)(&format!("{}: a message was lost: {WAITING} others wait", desk.sink.name));
        }
    }

    /// Waits for what is under way, up to a limit; what is not delivered by then is lost.
    pub async fn close(&self, limit: Duration) {
        self.closing.send_replace(true);
        let desks = std::mem::take(&mut *locked(&self.desks));
        let waiting: Vec<(String, Arc<AtomicUsize>)> =
            desks.iter().map(|desk| (desk.sink.name.clone(), Arc::clone(&desk.waiting))).collect();
        drop(desks);
        let mut work = std::mem::take(&mut *locked(&self.work));
        let all = async { while work.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_ok() {
            return;
        }
        for (name, count) in waiting {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let seconds = limit.as_secs();
                (self.complain)(&format!(
                    "{name}: {count} messages were lost: no time left after {seconds} s"
                ));
            }
        }
    }
}

impl Memory {
    fn lost(&mut self, posted: &Posted, now: i64) {
        match (&posted.order, posted.telling) {
            (Order::Alert(message), Some(telling)) => {
                self.rules.lost(&message.source, &message.stack, telling, now);
            }
            (Order::Status(status), _) => self.board.lost(status),
            _ => {}
        }
    }
}

fn memory(host: &Host<'_>, settings: &NotifySettings) -> Memory {
    let named: BTreeSet<String> = settings.sources.iter().map(|source| source.text.clone()).collect();
    let on: BTreeSet<AlertKind> =
        if settings.on.is_empty() { AlertKind::USUAL.into() } else { settings.on.iter().copied().collect() };
    let seconds = |time: Option<crate::model::units::Nanos>, usual: i64| {
        time.map_or(usual, |time| time.whole_seconds().max(1))
    };
    let mut rules = Rules::new(on, seconds(settings.remind, REMIND));
    rules.sources.clone_from(&named);
    rules.stacks = settings.stacks.iter().cloned().collect();
    if !host.runs_on {
        rules.grace = 0;
    }
    let every = match &settings.sink {
        Some(SinkSettings::Heartbeat(heartbeat)) => seconds(heartbeat.every, EVERY),
        _ => EVERY,
    };
    let heard = if named.is_empty() { host.sources.clone() } else { named };
    Memory { rules, heartbeat: Heartbeat::new(heard, every), board: Board::default() }
}

/// Delivers the messages of one sink, one after the other.
struct Clerk {
    sink: Arc<Sink>,
    memory: Arc<Mutex<Memory>>,
    waiting: Arc<AtomicUsize>,
    complain: Complain,
    now: fn() -> i64,
}

impl Clerk {
    async fn work(self, mut inbox: mpsc::Receiver<Posted>, mut closing: watch::Receiver<bool>) {
        while let Some(posted) = inbox.recv().await {
            let sent = self.sink.deliver(&posted.order, &mut closing).await;
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match sent {
                Ok(answer) => tracing::debug!(sink = self.sink.name, answer, "delivered"),
                Err(why) => {
                    locked(&self.memory).lost(&posted, (self.now)());
                    (self.complain)(&format!("{}: a message was lost: {why}", self.sink.name));
                }
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
