//! Following sources: what makes the daemon look, what it works on at once, and what it leaves alone.
//!
//! [`queue`] decides and is pure; [`follow`] walks. Every look goes through the same cycle as the one-shot
//! command. Nothing is remembered that a restart would miss.

pub mod board;
mod concern;
pub mod feed;
pub mod files;
mod follow;
mod jobs;
pub mod queue;
mod roster;
mod work;

pub use follow::follow;
pub use jobs::JobNews;

use crate::cycle::{Applied, Planned};
use crate::engine::EngineError;
use crate::execute::Events;
use crate::model::commit::Commit;
use crate::model::desired::DesiredState;
use crate::model::lock::{Held, Holder};
use crate::model::redact::Redactor;
use crate::model::step::Plan;
use crate::plan::{Jobs, Policy};
use crate::source::LoadedSource;
use crate::source::git::Ask;
use crate::source::mounted::Mounts;
use board::GaveUp;
use futures_util::future::BoxFuture;
use queue::{Timing, Trigger};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A source that is followed.
#[derive(Clone)]
pub struct Source {
    /// Its name in logs.
    pub name: String,
    /// Loads it. Called on a thread that may block.
    pub load: Arc<dyn Fn(Ask) -> LoadedSource + Send + Sync>,
    /// Reads a file of the host that a secret is mounted from: its content is to be masked.
    pub secret: fn(&str) -> Option<Vec<u8>>,
    /// What its owner allows.
    pub policy: Policy,
    /// When it is looked at.
    pub timing: Timing,
    /// Engine calls in flight at most, for each group of stacks.
    pub parallel: usize,
    /// Turns of the calls that make the engine work, shared by everything that the daemon does.
    pub turns: Arc<Semaphore>,
    /// How long to wait for another process that works on the same stacks, before they are tried again later.
    pub patience: Duration,
    /// How the container is replaced that this process runs in, if it does.
    pub deputy: Option<Deputy>,
}

/// Has work done that this process would not outlive.
#[derive(Clone)]
pub struct Deputy {
    /// Id of the container that this process runs in.
    pub own: String,
    /// Has stacks, with commas in between, worked on from elsewhere, and waits for the end of that. The flag says that their
    /// networks are not there all the time.
    pub send: Sender,
}

/// See [`Deputy::send`].
pub type Sender = Arc<dyn Fn(String, bool) -> BoxFuture<'static, Result<(), EngineError>> + Send + Sync>;

/// Where time and chance come from, and who this process is.
#[derive(Clone, Copy)]
pub struct Surroundings {
    /// Seconds since 1970.
    pub now: fn() -> i64,
    /// A number between 0 and 1.
    pub chance: fn() -> f64,
    /// This process, under another id at each call: groups of stacks take their locks by themselves.
    pub holder: fn() -> Holder,
    /// Whether the process that has a lock is known to run no more.
    pub is_gone: fn(&Holder) -> bool,
}

/// Hears what the daemon does. The events are those of the steps.
pub trait Listener: Events {
    /// A source is looked at.
    fn looks(&self, source: &str, trigger: Trigger);
    /// It is not looked at any more, and will be again after this time or earlier.
    fn rests(&self, source: &str, wait: Duration);
    /// It says something else than before, or it is the first time.
    fn loaded(&self, source: &str, loaded: &LoadedSource);
    /// A repository cannot be asked from now on, for this reason, or can be again.
    fn outage(&self, source: &str, why: Option<&str>);
    /// There is something to know about mounted files.
    fn notes(&self, source: &str, notes: &[String]);
    /// The engine could not be looked at; it will be tried again.
    fn unreachable(&self, source: &str, error: &EngineError);
    /// Another process works on a stack, and is waited for.
    fn waits(&self, source: &str, held: &Held);
    /// It took too long; the stacks will be tried again.
    fn locked(&self, source: &str, held: &Held);
    /// A stack failed, or the source as a whole if the name is empty, and is left alone for this long unless the source
    /// says something else.
    fn backs_off(&self, source: &str, stack: &str, wait: Duration);
    /// The source was read and the engine answered.
    fn looked(&self, source: &str, look: &Look<'_>);
    /// A plan for some stacks, which are worked on if it has steps. Secrets are masked in it.
    fn planned(&self, source: &str, plan: &Plan);
    /// Work on stacks ended before it was done.
    fn gave_up(&self, source: &str, stacks: &BTreeSet<String>, why: GaveUp);
    /// What came of it.
    fn applied(&self, source: &str, plan: &Plan, applied: &Applied);
    /// The same for the history; also if nothing was done because something is blocked, and was not when it was looked at
    /// before.
    fn deployed(&self, deployed: &Deployed<'_>);
    /// Something happened to a job.
    fn job(&self, source: &str, job: (&str, &str), news: &JobNews);
    /// How the jobs of a source are.
    fn jobs(&self, source: &str, jobs: &Jobs);
}

/// A look at a source and the engine.
pub struct Look<'a> {
    /// What the source asks for.
    pub desired: &'a Arc<DesiredState>,
    /// The files of it that containers mount, of a repository.
    pub mounts: Option<&'a Arc<Mounts>>,
    /// When its repository is asked next, at the earliest, in seconds since 1970.
    pub asked_next: Option<i64>,
    /// What the engine runs, and the plan for all stacks of the source.
    pub planned: &'a Planned,
    /// Stacks that are being worked on: what was seen of them is half done.
    pub under_way: &'a BTreeSet<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Work on some stacks that is over.
pub struct Deployed<'a> {
    /// The source.
    pub source: &'a str,
    /// Why it was looked at, in a word.
    pub trigger: &'static str,
    /// What it asked for.
    pub desired: &'a DesiredState,
    /// The commit of that, of a repository.
    pub commit: Option<&'a Commit>,
    /// What was to be done.
    pub plan: &'a Plan,
    /// What was done.
    pub applied: &'a Applied,
    /// What must not be told.
    pub redactor: &'a Redactor,
    /// How long it took.
    pub elapsed: Duration,
}
