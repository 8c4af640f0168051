//! What the engine shows of single containers that another tool made: their whole configuration, to hold against the
//! one that is wanted. Our own containers say in their labels what they were made of, and are looked into only for what
//! somebody may have changed since.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The fields of `HostConfig` that `docker update` changes and a compose file says. Of a container of ours only these are
/// looked up.
pub const UPDATABLE: [&str; 12] = [
    "RestartPolicy",
    "NanoCpus",
    "CpuShares",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpusetCpus",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "PidsLimit",
];

/// The configuration of one container, in the words of the engine's API. Holds values of variables: never printed whole.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspected {
    /// `Config`: what the image gives and the container's own merged.
    pub config: Value,
    /// `HostConfig`.
    pub host: Value,
    /// `NetworkSettings.Networks`, by name of the network.
    pub networks: Value,
    /// `Config` of its image; `None` if the engine no longer has that.
    pub image: Option<Value>,
    /// When its image was made, in nanoseconds since 1970; 0 if the engine does not say.
    pub image_created: i64,
    /// When it was started last, in nanoseconds since 1970; 0 if never.
    pub started: i64,
    /// The files that were asked for, by path in the container; `None` for one that is not there.
    pub files: BTreeMap<String, Option<InspectedFile>>,
    /// When what the container mounts from the source changed last, in nanoseconds since 1970, by the name that was asked
    /// for. What cannot be read is left out.
    pub modified: BTreeMap<String, i64>,
    /// When one of the build inputs that were asked for changed last, in nanoseconds since 1970; `None` if none were, or
    /// if one cannot be read.
    pub inputs: Option<i64>,
}

/// A file in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectedFile {
    /// SHA-256 of its bytes.
    pub digest: String,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
}

impl std::fmt::Debug for Inspected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspected").field("started", &self.started).finish_non_exhaustive()
    }
}

/// A container to look into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookInto {
    /// Its id.
    pub id: String,
    /// Whether nothing but its limits ([`UPDATABLE`]) is asked for.
    pub only_limits: bool,
    /// Id of its image.
    pub image_id: String,
    /// Paths of files in it that are looked at.
    pub files: Vec<String>,
    /// Files and directories of the source that it mounts, by the name of their contents: `bind ./nginx.conf`.
    pub mounted: BTreeMap<String, Mounted>,
    /// Files and directories of the source that its image is built of; empty where their times tell nothing.
    pub inputs: Vec<PathBuf>,
}

/// A file or directory of the source that a container mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mounted {
    /// Where it is on this machine.
    pub path: PathBuf,
    /// Whether the container may write to it: a directory then changes by itself, and its times tell nothing.
    pub writable: bool,
}

/// What the engine gives to containers that ask for nothing else. Empty where the engine does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineDefaults {
    /// Version of the kernel's control groups, `1` or `2`: decides the default cgroup namespace.
    pub cgroup_version: String,
    /// Log driver.
    pub log_driver: String,
    /// OCI runtime.
    pub runtime: String,
}
