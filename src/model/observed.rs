//! What the engine runs now, from one list call per kind of object.

use super::inspected::{EngineDefaults, Inspected};
use super::labels;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything observed, for all stacks together. Containers, networks and volumes that no stack owns are in it too:
/// they matter for names and ports, and are never changed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ObservedState {
    /// The engine itself.
    pub engine: EngineInfo,
    /// Every container, sorted by name.
    pub containers: Vec<ObservedContainer>,
    /// Every network, sorted by name.
    pub networks: Vec<ObservedNetwork>,
    /// Every volume by name.
    pub volumes: BTreeMap<String, ObservedVolume>,
    /// Every image that has a name or a container, by id.
    pub images: BTreeMap<String, ObservedImage>,
    /// Image ids by normalised reference (see [`normalize_reference`]).
    pub references: BTreeMap<String, String>,
    /// Digests that registries name now, by reference as asked; absent if not asked, `Err` text if it failed.
    pub remote_digests: BTreeMap<String, Result<String, String>>,
    /// What local images are for, `os/architecture[/variant]`, by reference as asked; absent if not asked or not there.
    pub platforms: BTreeMap<String, String>,
    /// Environment of containers that were looked into, by id: only for showing what changed.
    pub environments: BTreeMap<String, BTreeMap<String, String>>,
    /// Configurations of containers that another tool made, by id, as far as they were looked into.
    pub inspected: BTreeMap<String, Inspected>,
    /// When containers were started that share the network of another one, and those whose network it is, in nanoseconds
    /// since 1970, by id: of those that run now.
    pub started: BTreeMap<String, i64>,
    /// What the engine gives by default; known only if a container was looked into.
    pub defaults: EngineDefaults,
}

/// What to look at besides the lists.
#[derive(Debug, Clone, Default)]
pub struct ObserveRequest {
    /// References whose digest the registry is asked for (pull policies `always` and the periodic ones).
    pub remote_digests: Vec<String>,
    /// References for which services want a platform of their choice, with that platform.
    pub platforms: BTreeMap<String, String>,
    /// Projects that are wanted: of their containers that share a network it is looked up since when they run.
    pub stacks: BTreeSet<String>,
}

/// The engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// Version of the engine, such as `28.5.2`.
    pub version: String,
    /// Negotiated API version, such as (1, 51).
    pub api: (u32, u32),
    /// Operating system of the engine, such as `linux`.
    pub os: String,
    /// Whether it is Podman, which speaks Docker's API with differences.
    pub podman: bool,
}

/// A container.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ObservedContainer {
    /// Full id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Id of the image it was made from.
    pub image_id: String,
    /// What it is doing.
    pub state: ContainerState,
    /// Health, if it has a check.
    pub health: Option<Health>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Network mode of its host configuration.
    pub network_mode: String,
    /// Ids of the networks it is attached to, by name.
    pub networks: BTreeMap<String, String>,
    /// Its mounts.
    pub mounts: Vec<ObservedMount>,
    /// Published host ports as address, port, protocol.
    pub ports: BTreeSet<(String, u16, String)>,
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ContainerState {
    /// Made, never started.
    #[default]
    Created,
    /// Running.
    Running,
    /// Running, frozen.
    Paused,
    /// Between two runs by its restart policy.
    Restarting,
    /// Ended with this code.
    Exited(i64),
    /// Being removed.
    Removing,
    /// Broken beyond starting.
    Dead,
    /// A state this program does not know.
    Unknown,
}

impl ContainerState {
    /// The engine's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited(_) => "exited",
            Self::Removing => "removing",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

/// The result of health checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// No verdict yet.
    Starting,
    /// Checks pass.
    Healthy,
    /// Checks fail.
    Unhealthy,
}

impl Health {
    /// The engine's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// A mount of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedMount {
    /// `bind`, `volume`, `tmpfs`, …
    pub kind: String,
    /// Volume name; empty for other kinds.
    pub name: String,
    /// Host path.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Whether the container may write.
    pub writable: bool,
}

/// A network.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ObservedNetwork {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Driver options.
    pub driver_opts: BTreeMap<String, String>,
    /// Whether it has no way out.
    pub internal: bool,
    /// Whether lone containers may join.
    pub attachable: bool,
    /// Whether IPv6 is on.
    pub enable_ipv6: bool,
    /// Subnet and gateway of each pool.
    pub pools: Vec<(String, String)>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ObservedVolume {
    /// Name.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Driver options.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A local image.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ObservedImage {
    /// Id, `sha256:…`.
    pub id: String,
    /// Tags as the engine lists them.
    pub tags: Vec<String>,
    /// `repository@sha256:…` names.
    pub digests: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

impl ObservedContainer {
    /// A label's text; empty if it has none.
    pub fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }

    /// The stack it belongs to; empty if none.
    pub fn stack(&self) -> &str {
        self.label(labels::PROJECT)
    }

    /// Its service key; empty if none.
    pub fn service(&self) -> &str {
        self.label(labels::SERVICE)
    }

    /// Its replica number; 0 if it has none.
    pub fn number(&self) -> u32 {
        self.label(labels::NUMBER).parse().unwrap_or(0)
    }

    /// Whether `docker compose run` made it.
    pub fn is_oneoff(&self) -> bool {
        self.label(labels::ONEOFF).eq_ignore_ascii_case("true")
    }

    /// The stack and the service of which it is a run, if it is one.
    pub fn run(&self) -> Option<(&str, &str)> {
        self.labels.get(labels::RUN)?.split_once('/')
    }

    /// Whether it runs now (also when frozen or between restarts).
    pub const fn is_up(&self) -> bool {
        matches!(self.state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
    }
}

impl ObservedState {
    /// The local image that a reference names now.
    pub fn image(&self, reference: &str) -> Option<&ObservedImage> {
        if let Some(image) = self.images.get(reference) {
            return Some(image);
        }
        self.images.get(self.references.get(&normalize_reference(reference))?)
    }

    /// Registers an image under its id and all its names.
    pub fn add_image(&mut self, image: ObservedImage) {
        for name in image.tags.iter().chain(&image.digests) {
            self.references.insert(normalize_reference(name), image.id.clone());
        }
        self.images.insert(image.id.clone(), image);
    }
}

/// An image reference with registry, repository and tag or digest spelled out:
/// `nginx` is `docker.io/library/nginx:latest`. With a digest the tag does not count.
pub fn normalize_reference(reference: &str) -> String {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    let is_host = first.contains('.') || first.contains(':') || first == "localhost";
    let (host, path) = match (first.is_empty(), is_host) {
        (true, _) => ("docker.io", format!("library/{rest}")),
        (false, true) => (if first == "index.docker.io" { "docker.io" } else { first }, rest.to_owned()),
        (false, false) => ("docker.io", name.to_owned()),
    };
    let path = if host == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path };
    let (repository, tag) = match path.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.to_owned(), tag.to_owned()),
        _ => (path, "latest".to_owned()),
    };
    match digest {
        Some(digest) => format!("{host}/{repository}@{digest}"),
        None => format!("{host}/{repository}:{tag}"),
    }
}

#[cfg(test)]
mod tests {
    use super::normalize_reference;

    #[test]
    fn references_are_spelled_out() {
        for (written, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("team/app", "docker.io/team/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("public.ecr.aws/a/b:1", "public.ecr.aws/a/b:1"),
            ("app:1@sha256:aa", "docker.io/library/app@sha256:aa"),
        ] {
            assert_eq!(normalize_reference(written), full);
        }
    }
}
