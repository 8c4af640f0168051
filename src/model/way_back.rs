//! What the way back from a plan needs to know: which containers served until now, and what they come back with. It is
//! settled when the plan is made; what a run did of the plan decides only how much of it is needed.

use super::desired::NetworkSpec;
use super::rollout::Pace;
use super::service::Pairs;
use super::step::{ContainerRef, StepId};
use super::units::Nanos;

/// Services that go back together: one alone, or all that share namespaces with each other. The old container of a
/// service that joined another's network can run only beside the old container of that one.
#[derive(Debug, Clone, Default)]
pub struct WayBack {
    /// The services, each after those whose namespaces it shares.
    pub services: Vec<ServiceBack>,
}

/// The way back of a network that is made anew.
#[derive(Debug, Clone)]
pub struct NetworkBack {
    /// The step that removes the one that stands.
    pub removal: StepId,
    /// The step that makes the new one.
    pub creation: StepId,
    /// The one that stands, as far as the engine shows it.
    pub old: NetworkSpec,
    /// All its labels.
    pub labels: Pairs,
}

/// The way back of one service.
#[derive(Debug, Clone)]
pub struct ServiceBack {
    /// Its stack.
    pub stack: String,
    /// Its key.
    pub service: String,
    /// Its replicas that are replaced, by number.
    pub replicas: Vec<ReplicaBack>,
    /// Whether replicas whose replacement succeeded go back too if that of others fails.
    pub whole: bool,
    /// How many replacements may fail before that.
    pub tolerated: usize,
    /// How replicas that serve follow each other on the way back.
    pub pace: Pace,
    /// How long an old container has to run again before the next batch goes back, if it has no health check.
    pub settle: Nanos,
    /// How long its health check may take.
    pub timeout: Nanos,
    /// Keys of the services of the same way back whose namespaces it shares.
    pub parents: Vec<String>,
    /// What has to restart once its old containers run again.
    pub followers: Vec<Follower>,
}

/// The way back of one replica.
#[derive(Debug, Clone)]
pub struct ReplicaBack {
    /// `stack/service-n`, which the ids of its steps begin with.
    pub prefix: String,
    /// The container that served until now.
    pub old: ContainerRef,
    /// The name that it goes by when it serves.
    pub old_name: String,
    /// Whether it was put aside by an earlier run, so that it does not run now.
    pub was_retired: bool,
    /// Whether it had a health check that passed.
    pub was_healthy: bool,
    /// The container that takes its place, as it is named before it does.
    pub new: ContainerRef,
    /// The name that it goes by from then on.
    pub new_name: String,
    /// Whether the old one is up before the new one stops, if that serves.
    pub overlaps: bool,
}

/// A container that is bound to one that goes back, or wants to restart with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// Its stack.
    pub stack: String,
    /// Its service.
    pub service: String,
    /// `stack/service-n`.
    pub prefix: String,
    /// The container.
    pub container: ContainerRef,
    /// Whether it exists already; if not, it restarts only if the run has started it.
    pub is_there: bool,
}
