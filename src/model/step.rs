//! The plan: changes put in order, each step one engine call.
//!
//! A plan is a plain value. Things that exist are named by id, new ones by their deterministic name, and no step reads
//! another's result. There is no action that removes a volume, and none that removes a container with its volumes.

use super::change::{Cause, ChangeSet};
use super::compose_hash::ComposeHash;
use super::desired::{BuildSpec, InjectedFile, MountedFile, NetworkSpec, VolumeSpec};
use super::service::{Endpoint, Hook, Pairs, ServiceSpec};
use super::units::Nanos;
use super::way_back::{NetworkBack, WayBack};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A whole plan.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// SHA-256 of the plan's own canonical text: equal ids mean equal steps.
    pub id: String,
    /// Revision of the source.
    pub revision: String,
    /// What changes and why, unchanged and blocked resources included.
    pub changes: ChangeSet,
    /// The steps, each after those it depends on.
    pub steps: Vec<Step>,
    /// How services go back whose replacement fails: what the steps alone do not tell.
    pub ways_back: Vec<WayBack>,
    /// What networks go back to whose new definition the engine refuses.
    pub networks_back: Vec<NetworkBack>,
}

impl Plan {
    /// Whether it stops or removes a container, by id.
    pub fn stops(&self, container: &str) -> bool {
        self.steps.iter().any(|step| match &step.action {
            Action::StopContainer { container: own, .. }
            | Action::RestartContainer { container: own, .. }
            | Action::RemoveContainer(own) => own.engine_ref() == container,
            _ => false,
        })
    }
}

/// Readable id of a step, unique in its plan: `web/db-1/create`.
pub type StepId = String;

/// One engine call.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// The stack it belongs to.
    pub stack: String,
    /// The service it belongs to; empty for networks and volumes.
    pub service: String,
    /// What to do.
    pub action: Action,
    /// Why.
    pub causes: Vec<Cause>,
    /// Steps that must have succeeded before. A step whose predecessor failed or was skipped is skipped.
    pub after: Vec<StepId>,
    /// Steps that must have ended before, whatever their result (for dependencies with `required: false`).
    pub after_any: Vec<StepId>,
    /// How many of `after_any` may fail or be skipped before this step is skipped too; `None` is all of them.
    pub tolerance: Option<usize>,
}

/// How a step names a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerRef {
    /// One that exists.
    Id {
        /// Full id.
        id: String,
        /// Its name when it was observed, for people.
        name: String,
    },
    /// One that an earlier step makes or renames.
    Name(String),
}

impl ContainerRef {
    /// What the engine takes.
    pub fn engine_ref(&self) -> &str {
        match self {
            Self::Id { id, .. } => id,
            Self::Name(name) => name,
        }
    }

    /// What people read.
    pub fn name(&self) -> &str {
        match self {
            Self::Id { name, .. } | Self::Name(name) => name,
        }
    }
}

impl fmt::Display for ContainerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { id, name } => write!(f, "{name} ({})", id.get(..12).unwrap_or(id)),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// One engine call. Every one is an *ensure*: done already counts as done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Pull an image.
    PullImage {
        /// Reference as written.
        reference: String,
        /// Platform; empty is the engine's own.
        platform: String,
    },
    /// Build an image.
    BuildImage(Arc<BuildSpec>),
    /// Create a network, with the labels to give it.
    CreateNetwork {
        /// The network.
        spec: NetworkSpec,
        /// Labels besides the user's.
        labels: Pairs,
    },
    /// Remove a network of ours that nothing uses any more.
    RemoveNetwork {
        /// Id.
        id: String,
        /// Name, for people.
        name: String,
    },
    /// Create a volume, with the labels to give it.
    CreateVolume {
        /// The volume.
        spec: VolumeSpec,
        /// Labels besides the user's.
        labels: Pairs,
    },
    /// Create a container.
    CreateContainer(Box<ContainerSpec>),
    /// Create a container for one run of a job: in everything like that of its service, which never runs. It gets the same
    /// anonymous volumes, so that runs leave none behind.
    CreateRun {
        /// The container of the service.
        like: ContainerRef,
        /// Name of the run.
        name: String,
        /// Labels of the run besides the user's.
        labels: Pairs,
        /// Paths of files that were written into the container of the service, and are to be in this one too.
        files: Vec<String>,
    },
    /// Leave a mark: a container that never runs and holds nothing but labels, in place of an older mark of that name.
    Mark {
        /// Its name.
        name: String,
        /// Its labels; [`QUARANTINE`](super::labels::QUARANTINE) is one of them.
        labels: Pairs,
    },
    /// Attach a container to a further network (engines below API 1.44 take only one at creation).
    ConnectNetwork {
        /// The container.
        container: ContainerRef,
        /// The network's name on the engine.
        network: String,
        /// Endpoint settings.
        endpoint: EndpointSpec,
    },
    /// Write files into a container that does not run.
    UploadFiles {
        /// The container.
        container: ContainerRef,
        /// The files.
        files: Vec<InjectedFile>,
    },
    /// Start a container, on the networks that stand by then under the names it knows: one of them may have been made
    /// anew while it stood still.
    StartContainer(ContainerRef),
    /// Unfreeze a container.
    UnpauseContainer(ContainerRef),
    /// Restart a container.
    RestartContainer {
        /// The container.
        container: ContainerRef,
        /// Stop time in seconds; `None` is the container's own.
        grace: Option<i64>,
    },
    /// Stop a container.
    StopContainer {
        /// The container.
        container: ContainerRef,
        /// Stop time in seconds; `None` is the container's own.
        grace: Option<i64>,
    },
    /// Rename a container.
    RenameContainer {
        /// The container.
        container: ContainerRef,
        /// Its new name.
        to: String,
    },
    /// Remove a container that does not run. Its volumes stay.
    RemoveContainer(ContainerRef),
    /// Wait until a container is healthy.
    AwaitHealthy {
        /// The container.
        container: ContainerRef,
        /// How long.
        timeout: Nanos,
    },
    /// Wait until a container has run for a time without dying.
    AwaitStable {
        /// The container.
        container: ContainerRef,
        /// How long it has to run.
        period: Nanos,
        /// Whether it may also end with 0 before that, as a job does.
        may_end: bool,
        /// Whether its health check, if it has one, must not fail meanwhile.
        in_health: bool,
    },
    /// Wait until a container has exited with 0.
    AwaitCompleted {
        /// The container.
        container: ContainerRef,
        /// How long.
        timeout: Nanos,
        /// Whether services are stopped for the time it runs, and may not come back before it has ended: then the wait
        /// goes on after an interrupt, and the container is stopped when the time is over.
        through: bool,
    },
    /// Let time pass between one batch of replicas and the next. Nothing is asked of the engine.
    Delay {
        /// How long.
        period: Nanos,
    },
    /// Run a command in a running container.
    Exec {
        /// The container.
        container: ContainerRef,
        /// The command.
        hook: Hook,
        /// Whether a failure fails the step (post_start) or is only reported (pre_stop).
        must_succeed: bool,
    },
}

impl Action {
    /// The action's name in plans.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::PullImage { .. } => "PullImage",
            Self::BuildImage(_) => "BuildImage",
            Self::CreateNetwork { .. } => "CreateNetwork",
            Self::RemoveNetwork { .. } => "RemoveNetwork",
            Self::CreateVolume { .. } => "CreateVolume",
            Self::CreateContainer(_) => "CreateContainer",
            Self::CreateRun { .. } => "CreateRun",
            Self::Mark { .. } => "Mark",
            Self::ConnectNetwork { .. } => "ConnectNetwork",
            Self::UploadFiles { .. } => "UploadFiles",
            Self::StartContainer(_) => "StartContainer",
            Self::UnpauseContainer(_) => "UnpauseContainer",
            Self::RestartContainer { .. } => "RestartContainer",
            Self::StopContainer { .. } => "StopContainer",
            Self::RenameContainer { .. } => "RenameContainer",
            Self::RemoveContainer(_) => "RemoveContainer",
            Self::AwaitHealthy { .. } => "AwaitHealthy",
            Self::AwaitStable { .. } => "AwaitStable",
            Self::AwaitCompleted { .. } => "AwaitCompleted",
            Self::Delay { .. } => "Delay",
            Self::Exec { .. } => "Exec",
        }
    }

    /// The container that the action is done to.
    pub const fn container(&self) -> Option<&ContainerRef> {
        match self {
            Self::ConnectNetwork { container, .. }
            | Self::UploadFiles { container, .. }
            | Self::StartContainer(container)
            | Self::UnpauseContainer(container)
            | Self::RestartContainer { container, .. }
            | Self::StopContainer { container, .. }
            | Self::RenameContainer { container, .. }
            | Self::RemoveContainer(container)
            | Self::AwaitHealthy { container, .. }
            | Self::AwaitStable { container, .. }
            | Self::AwaitCompleted { container, .. }
            | Self::Exec { container, .. } => Some(container),
            Self::PullImage { .. }
            | Self::BuildImage(_)
            | Self::CreateNetwork { .. }
            | Self::RemoveNetwork { .. }
            | Self::CreateVolume { .. }
            | Self::CreateRun { .. }
            | Self::Mark { .. }
            | Self::Delay { .. }
            | Self::CreateContainer(_) => None,
        }
    }

    /// What the action is done to, for people.
    pub fn target(&self) -> String {
        match self {
            Self::PullImage { reference, .. } => reference.clone(),
            Self::BuildImage(build) => build.tags.first().cloned().unwrap_or_default(),
            Self::CreateNetwork { spec, .. } => spec.name.clone(),
            Self::CreateVolume { spec, .. } => spec.name.clone(),
            Self::RemoveNetwork { name, .. } | Self::CreateRun { name, .. } | Self::Mark { name, .. } => {
                name.clone()
            }
            Self::CreateContainer(spec) => spec.name.clone(),
            Self::Delay { period } => period.to_string(),
            Self::ConnectNetwork { container, network, .. } => format!("{container} to {network}"),
            Self::RenameContainer { container, to } => format!("{container} to {to}"),
            Self::UploadFiles { container, .. }
            | Self::StartContainer(container)
            | Self::UnpauseContainer(container)
            | Self::RestartContainer { container, .. }
            | Self::StopContainer { container, .. }
            | Self::RemoveContainer(container)
            | Self::AwaitHealthy { container, .. }
            | Self::AwaitStable { container, .. }
            | Self::AwaitCompleted { container, .. }
            | Self::Exec { container, .. } => container.to_string(),
        }
    }
}

/// A container to create: everything resolved to engine names.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Name to create it under (`<final>.next` for a replacement).
    pub name: String,
    /// The name it will run under: DNS aliases are made of it.
    pub final_name: String,
    /// Service key.
    pub service: String,
    /// The service's attributes.
    pub spec: ServiceSpec,
    /// Image to make it of.
    pub image: String,
    /// All labels: the user's, Docker's and ours.
    pub labels: Pairs,
    /// Network mode: the primary network's engine name, `none`, `host`, or `container:NAME`.
    pub network_mode: String,
    /// Endpoints to give at creation, by engine name of the network.
    pub endpoints: BTreeMap<String, EndpointSpec>,
    /// `ipc` and `pid` with services resolved to `container:NAME`.
    pub ipc: String,
    /// See `ipc`.
    pub pid: String,
    /// `volumes_from` with services resolved to container names.
    pub volumes_from: Vec<String>,
    /// Links of a container without a network of the stack, `container:alias`.
    pub links: Vec<String>,
    /// Engine names of the volumes in `spec.volumes`, by key.
    pub volume_names: BTreeMap<String, String>,
    /// Anonymous volumes taken over from the container that is replaced: path in the container to volume name.
    pub inherited_volumes: BTreeMap<String, String>,
    /// Host files mounted read-only.
    pub mounted_files: Vec<MountedFile>,
    /// The reference's hash, if it covers ids of other containers (by name here): a label that is made at creation.
    pub compose_hash: ComposeHash,
    /// Seconds until the kill at stop; `None` is the engine's 10 s.
    pub stop_timeout: Option<i64>,
}

/// Settings of one endpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndpointSpec {
    /// DNS names: container, service, and the user's.
    pub aliases: Vec<String>,
    /// Links, `container:alias`.
    pub links: Vec<String>,
    /// The user's settings (its `aliases` are already in `aliases`).
    pub endpoint: Endpoint,
    /// MAC address to give (the endpoint's own, or the service's on the primary network).
    pub mac_address: String,
}
