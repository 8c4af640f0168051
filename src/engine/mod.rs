//! The engine: what can be observed, and what can be done to it. Never uses `plan`.

pub mod docker;
pub mod sim;

use crate::model::inspected::LookInto;
use crate::model::lock::{Holder, Taken};
pub use crate::model::observed::ObserveRequest;
use crate::model::observed::ObservedState;
use crate::model::report::{Blame, LastWords, Outcome};
use crate::model::step::{Action, ContainerRef};
use crate::wire::Refusal;
use std::future::Future;

/// Read access to an engine. `--dry-run` holds this and nothing more: it has no method that changes anything.
pub trait Observe: Send + Sync {
    /// Lists everything, with a number of calls that does not grow with containers or stacks.
    fn observe(
        &self,
        request: &ObserveRequest,
    ) -> impl Future<Output = Result<ObservedState, EngineError>> + Send;

    /// Fills in `environments` for the containers with these ids: for showing what changed, never for deciding.
    fn environments(
        &self,
        ids: &[String],
        observed: &mut ObservedState,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Fills in `inspected` and `defaults` for containers that another tool made: deciding whether they can stay as they
    /// are needs their whole configuration. Of our own, only limits are filled in. One that is gone meanwhile is left out.
    fn look_into(
        &self,
        wanted: &[LookInto],
        observed: &mut ObservedState,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// What a container left behind: how it ended, and the end of its output. For telling, never for deciding.
    fn last_words(
        &self,
        container: &ContainerRef,
    ) -> impl Future<Output = Result<LastWords, EngineError>> + Send;
}

/// Access to an engine that can change it.
pub trait Engine: Observe {
    /// Carries out one action. Ensures: what is done already gives [`Outcome::AlreadyDone`]. Never gives
    /// [`Outcome::Failed`] or [`Outcome::Skipped`]: failures are the error.
    fn perform(
        &self,
        action: &Action,
        progress: &dyn Progress,
    ) -> impl Future<Output = Result<Outcome, EngineError>> + Send;
}

/// An engine on which processes shut each other out, one lock for each stack. Whoever takes a lock gives signs of life
/// while it holds it: see [`locks`](crate::locks).
pub trait Locks: Engine {
    /// Takes the lock of a stack if nobody has it. Never waits. A lock that the holder has already is its own.
    fn take_lock(
        &self,
        stack: &str,
        holder: &Holder,
    ) -> impl Future<Output = Result<Taken, EngineError>> + Send;

    /// Leaves a sign of life on a lock; each has another number. False if the lock is gone.
    fn beat(&self, id: &str, number: u64) -> impl Future<Output = Result<bool, EngineError>> + Send;

    /// The last sign of life on a lock, equal only to itself; empty if there was none yet, `None` if the lock is gone.
    fn pulse(&self, id: &str) -> impl Future<Output = Result<Option<String>, EngineError>> + Send;

    /// Removes a lock, and never another one that has taken its place.
    fn remove_lock(&self, id: &str) -> impl Future<Output = Result<(), EngineError>> + Send;
}

/// Something that happened on an engine and may concern a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineEvent {
    /// What it happened to: `container`, `network`, `volume`, `image`.
    pub kind: String,
    /// What happened, in the engine's words: `die`, `destroy`, `disconnect`, …
    pub action: String,
    /// Name of what it happened to.
    pub name: String,
    /// Its id, or what stands for one.
    pub id: String,
    /// The stack it belongs to; empty if that is not known.
    pub stack: String,
    /// Whether it is a mark: a container that says something about a stack and never runs.
    pub is_mark: bool,
}

impl EngineEvent {
    /// Whether limits of a container were changed, which no list shows.
    pub fn is_update(&self) -> bool {
        self.kind == "container" && self.action == "update"
    }
}

/// An engine that tells what happens on it.
pub trait Follow: Locks {
    /// Tells every event from now on that may make a difference to a stack. Ends only when the connection does, with
    /// the reason; then events may have been missed.
    fn follow(&self, tell: &(dyn Fn(EngineEvent) + Sync)) -> impl Future<Output = EngineError> + Send;
}

/// Read access to an engine that could do more: all that a dry run is handed. What it wraps cannot be taken out again.
pub struct ReadOnly<E>(E);

impl<E: Observe> ReadOnly<E> {
    /// Gives up every method that changes something.
    pub const fn new(engine: E) -> Self {
        Self(engine)
    }
}

impl<E: Observe> Observe for ReadOnly<E> {
    async fn observe(&self, request: &ObserveRequest) -> Result<ObservedState, EngineError> {
        self.0.observe(request).await
    }

    async fn environments(&self, ids: &[String], observed: &mut ObservedState) -> Result<(), EngineError> {
        self.0.environments(ids, observed).await
    }

    async fn look_into(&self, wanted: &[LookInto], observed: &mut ObservedState) -> Result<(), EngineError> {
        self.0.look_into(wanted, observed).await
    }

    async fn last_words(&self, container: &ContainerRef) -> Result<LastWords, EngineError> {
        self.0.last_words(container).await
    }
}

/// Takes news of a long action, for a terminal.
pub trait Progress: Send + Sync {
    /// One line of news, such as a layer's percentage or a build step. May be called often.
    fn note(&self, line: &str);
}

/// Takes no news.
pub struct Silent;

impl Progress for Silent {
    fn note(&self, _: &str) {}
}

/// Why the engine did not do what was asked. Never holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No engine answers.
    #[error("cannot reach the Docker engine at {address}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// The engine's socket refuses this user.
    #[error("no permission to use the Docker engine at {address}")]
    Permission {
        /// The socket.
        address: String,
    },
    /// The engine speaks no API version that this program does.
    #[error("the engine's newest API is {found}; at least {needed} is needed")]
    TooOld {
        /// The engine's newest version.
        found: String,
        /// The oldest that works.
        needed: String,
    },
    /// The engine answered with an error.
    #[error("{message}")]
    Api {
        /// HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// A wait for a container ran out.
    #[error("{what} within {seconds} s")]
    Timeout {
        /// What did not happen.
        what: String,
        /// The limit in seconds.
        seconds: u64,
    },
    /// The engine, or a registry behind it, took too long to answer.
    #[error("{what} within {seconds} s")]
    NoAnswer {
        /// What did not happen.
        what: String,
        /// The limit in seconds.
        seconds: u64,
    },
    /// An image could not be had from its registry for now: it is down, or there is no way to it.
    #[error("{0}")]
    Registry(String),
    /// Anything else: a stream that broke, a container that failed its condition, an unreadable file.
    #[error("{0}")]
    Failed(String),
}

impl From<Refusal> for EngineError {
    fn from(Refusal(reason): Refusal) -> Self {
        Self::Failed(reason)
    }
}

impl EngineError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => {
                Some("is dockerd running? Set --host or DOCKER_HOST if it listens elsewhere")
            }
            Self::Permission { .. } => Some("run as root or as a member of the group `docker`"),
            Self::TooOld { .. } => Some("Docker Engine 20.10 or newer is needed"),
            Self::Api { .. }
            | Self::Timeout { .. }
            | Self::NoAnswer { .. }
            | Self::Registry(_)
            | Self::Failed(_) => None,
        }
    }

    /// Whose fault it is. An engine that answers with an internal error (5xx) may do so because of the input, such as a
    /// limit that its kernel refuses, or because of its own state, such as a full disk.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::Registry(_)
            | Self::Api { status: 408 | 429 | 502..=504, .. } => Blame::Outage,
            Self::Api { status: 500.., .. } => Blame::Engine,
            Self::Permission { .. }
            | Self::TooOld { .. }
            | Self::Api { .. }
            | Self::Timeout { .. }
            | Self::Failed(_) => Blame::Input,
        }
    }

    /// Whether the same call may succeed a little later although nothing else has changed.
    pub const fn is_transient(&self) -> bool {
        matches!(self.blame(), Blame::Outage | Blame::Engine)
    }
}
