//! The engine: what can be observed, and what can be done to it. Never uses `plan`.

pub mod docker;
pub mod sim;

pub use crate::model::observed::ObserveRequest;
use crate::model::observed::ObservedState;
use crate::model::report::Outcome;
use crate::model::step::Action;
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
    /// A wait ran out.
    #[error("{what} within {seconds} s")]
    Timeout {
        /// What did not happen.
        what: String,
        /// The limit in seconds.
        seconds: u64,
    },
    /// Anything else: a stream that broke, a container that failed its condition, an unreadable file.
    #[error("{0}")]
    Failed(String),
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
            Self::Api { .. } | Self::Timeout { .. } | Self::Failed(_) => None,
        }
    }
}
