//! What the files ask for, as engine objects.

use super::compose_hash::{ComposeHash, Dialect, InDialects};
use super::drift::Drift;
use super::hash::ConfigHash;
use super::job::Timetable;
use super::rollout::Rollout;
use super::service::{Pairs, Port, ServiceSpec, Ulimit};
use super::units::{Bytes, Nanos};
use super::windows::Schedule;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Every stack of a source.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DesiredState {
    /// Identity of the source; its objects carry it as a label, and only those are ever removed as orphans.
    pub source: String,
    /// Identity of what the source says now: a content digest for a directory.
    pub revision: String,
    /// The stacks that loaded, by name.
    pub stacks: BTreeMap<String, DesiredStack>,
    /// Whether the stacks are all that the source holds. False while one fails to load or a filter is on: then no
    /// whole stack is removed, because it cannot be told from one that merely failed.
    pub complete: bool,
}

/// One stack as engine objects.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DesiredStack {
    /// Project name.
    pub name: String,
    /// Absolute project directory.
    pub working_dir: String,
    /// Absolute compose files.
    pub config_files: Vec<String>,
    /// Absolute paths of explicit env files.
    pub env_files: Vec<String>,
    /// Enabled services by key.
    pub services: BTreeMap<String, Arc<DesiredService>>,
    /// Services that a profile switches off: their containers are left as they are.
    pub disabled: BTreeSet<String>,
    /// Networks in use, by key.
    pub networks: BTreeMap<String, NetworkSpec>,
    /// Volumes in use, by key.
    pub volumes: BTreeMap<String, VolumeSpec>,
    /// Stacks that must be up first.
    pub depends_on: Vec<String>,
    /// Jobs that run before the rest of the stack changes, each with the services that are stopped while it runs and
    /// brought back whatever its result. Both are among `services`; no job needs a service that is stopped for one.
    pub pre_deploy: BTreeMap<String, BTreeSet<String>>,
    /// When it may be changed; at any time if nothing is said.
    pub schedule: Option<Schedule>,
    /// Which version of the reference shares the stack, if its owner says so.
    pub compose_dialect: Option<Dialect>,
}

/// One service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DesiredService {
    /// What shapes its containers. `image` is never empty.
    pub spec: ServiceSpec,
    /// Number of containers.
    pub replicas: u32,
    /// Services it waits for, by key.
    pub depends_on: BTreeMap<String, Dependency>,
    /// Where the image comes from.
    pub image: ImageSource,
    /// Files written into the container before its start (inline configs and secrets).
    pub files: Vec<InjectedFile>,
    /// Host files mounted read-only (file configs and secrets).
    pub mounted_files: Vec<MountedFile>,
    /// Digests of contents that count, by a readable name such as `bind ./nginx.conf` or `secret token`.
    pub contents: BTreeMap<String, String>,
    /// Engine names of the networks and volumes it uses, by `network KEY` and `volume KEY`.
    pub names: BTreeMap<String, String>,
    /// Whether it runs once to completion.
    pub job: JobMode,
    /// When it runs, if it runs at times: then its container never does, and each run is a container of its own.
    pub timetable: Option<Timetable>,
    /// The reference's hash, for Docker's own tools.
    #[serde(skip)]
    pub compose_hash: InDialects<ComposeHash>,
    /// The owner of the stack agreed that this service may start on an empty volume.
    pub allow_empty_volume: bool,
    /// How long to wait for a health or completion condition on this service.
    pub wait_timeout: Option<Nanos>,
    /// How its containers are replaced.
    pub rollout: Rollout,
    /// What becomes of what somebody changed on the engine.
    pub drift: Drift,
}

#[derive(Serialize)]
struct Hashed<'a> {
    spec: &'a ServiceSpec,
    contents: &'a BTreeMap<String, String>,
    names: &'a BTreeMap<String, String>,
    build: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timetable: Option<&'a Timetable>,
}

impl DesiredService {
    /// The config hash: spec, engine names, contents and build inputs.
    pub fn hash(&self) -> ConfigHash {
        ConfigHash::of(&Hashed {
            spec: &self.spec,
            contents: &self.contents,
            names: &self.names,
            build: self.image.build.as_ref().map(|build| build.digest.as_str()),
            timetable: self.timetable.as_ref(),
        })
    }

    /// The spec as recorded in a label and shown in diffs. Environment values are left out (their keys stay), and of a
    /// secret's digest only twelve bits: enough to tell that it changed, too few to check a guess against.
    pub fn recorded(&self) -> serde_json::Value {
        let contents: BTreeMap<&str, &str> = self
            .contents
            .iter()
            .map(|(name, digest)| {
                let secret = name.starts_with("secret ");
                (name.as_str(), if secret { digest.get(..3).unwrap_or(digest) } else { digest })
            })
            .collect();
        let mut spec = self.spec.clone();
        for value in spec.environment.values_mut() {
            *value = None;
        }
        for hook in spec.post_start.iter_mut().chain(&mut spec.pre_stop) {
            for value in hook.environment.values_mut() {
                *value = None;
            }
        }
        let mut recorded = serde_json::json!({
            "spec": spec,
            "contents": contents,
            "names": self.names,
            "build": self.image.build.as_ref().map(|build| build.digest.as_str()),
        });
        // Only where there is one: what was recorded before there were any must stay what it is.
        if let Some(timetable) = &self.timetable {
            recorded["job"] = serde_json::json!(timetable);
        }
        recorded
    }
}

/// Whether a service runs once to completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum JobMode {
    /// Something waits for its completion, or its owner says so: run once per config hash.
    Job,
    /// Its owner says it is not a job: exited means stopped.
    Service,
    /// Neither is said: a container without restart policy, ports and health check that exited with 0 is complete.
    #[default]
    Inferred,
}

/// An entry of `depends_on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// What must hold before the dependent starts.
    pub condition: Condition,
    /// Whether the dependent restarts when the dependency is replaced.
    pub restart: bool,
    /// Whether a missing or failing dependency stops the dependent.
    pub required: bool,
}

/// What must hold of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Its start call returned.
    Started,
    /// All its containers are healthy.
    Healthy,
    /// All its containers exited with 0.
    Completed,
}

impl Condition {
    /// The name in compose files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "service_started",
            Self::Healthy => "service_healthy",
            Self::Completed => "service_completed_successfully",
        }
    }
}

/// Where a service's image comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ImageSource {
    /// Reference as written; `<project>-<service>` for a service that only builds.
    pub reference: String,
    /// When to pull.
    pub pull: PullPolicy,
    /// Platform, `os/arch[/variant]`; empty is the engine's own.
    pub platform: String,
    /// How to build it, if the service builds.
    #[serde(serialize_with = "build_out", deserialize_with = "build_in")]
    pub build: Option<Arc<BuildSpec>>,
}

#[expect(clippy::ref_option, reason = "serde asks for this form")]
fn build_out<S: Serializer>(build: &Option<Arc<BuildSpec>>, serializer: S) -> Result<S::Ok, S::Error> {
    build.as_deref().serialize(serializer)
}

fn build_in<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<BuildSpec>>, D::Error> {
    Ok(Option::<BuildSpec>::deserialize(deserializer)?.map(Arc::new))
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PullPolicy {
    /// Only if absent.
    #[default]
    Missing,
    /// Whenever the registry has another one.
    Always,
    /// Never: absent is an error.
    Never,
    /// Built, never pulled; rebuilt when a build input changes.
    Build,
    /// Like `Always`, but at most once in this time.
    Every(Nanos),
}

/// How an image is built.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BuildSpec {
    /// Tags to give it; the first is the service's image reference.
    pub tags: Vec<String>,
    /// Remote context (git or http address), if it is not a local directory.
    pub remote: Option<String>,
    /// Files of a local context, sorted by their path in it, `.dockerignore` applied.
    pub files: Vec<ContextFile>,
    /// Path of the Dockerfile in the context.
    pub dockerfile: String,
    /// Text of the Dockerfile, if it is inline or lies outside the context; it is put into the context.
    pub dockerfile_text: Option<String>,
    /// Build arguments.
    pub args: Pairs,
    /// Target stage.
    pub target: String,
    /// Labels of the image.
    pub labels: Pairs,
    /// Network mode of build containers.
    pub network: String,
    /// Platform.
    pub platform: String,
    /// Whether the cache is not used.
    pub no_cache: bool,
    /// Whether base images are always pulled.
    pub pull: bool,
    /// `host:address` entries.
    pub extra_hosts: Vec<String>,
    /// Images to take cached layers from.
    pub cache_from: Vec<String>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: Bytes,
    /// Resource limits of build containers.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Isolation technology.
    pub isolation: String,
    /// Digest of everything above with the files' bytes: the build inputs.
    pub digest: String,
}

/// One entry of a local build context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextFile {
    /// Path in the context, `/`-separated.
    pub path: String,
    /// Its path in the source.
    pub source: PathBuf,
    /// Where its bytes are.
    pub stored: Stored,
    /// What it is.
    pub kind: ContextKind,
    /// Permission bits.
    pub mode: u32,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stored {
    /// In a file of this machine.
    File(PathBuf),
    /// In a git repository.
    Object {
        /// The repository.
        store: PathBuf,
        /// The object's id.
        id: String,
        /// When its commit was made, in seconds since 1970.
        time: i64,
    },
}

/// What a context entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContextKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link and where it leads.
    Symlink(String),
}

/// A file written into a container before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectedFile {
    /// Absolute path in the container.
    pub target: String,
    /// Its bytes.
    pub content: Sensitive<Vec<u8>>,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Permission bits.
    pub mode: u32,
}

/// A host file mounted read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountedFile {
    /// Absolute path on the host.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
}

/// A value that must not reach a log, a label, a diff or an error: printing it shows asterisks.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the engine alone.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

/// It is written nowhere, and so read from nowhere.
impl<T> Serialize for Sensitive<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de, T: Default> Deserialize<'de> for Sensitive<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        Ok(Self(T::default()))
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Key in the project.
    pub key: String,
    /// Name on the engine.
    pub name: String,
    /// Whether somebody else manages it.
    pub external: bool,
    /// Driver; empty is the engine's default.
    pub driver: String,
    /// Driver options.
    pub driver_opts: Pairs,
    /// Whether it has no way out.
    pub internal: bool,
    /// Whether lone containers may join an overlay.
    pub attachable: bool,
    /// IPv4, if set.
    pub enable_ipv4: Option<bool>,
    /// IPv6, if set.
    pub enable_ipv6: Option<bool>,
    /// Address management driver; empty is the default.
    pub ipam_driver: String,
    /// Address pools.
    pub ipam_pools: Vec<IpamPool>,
    /// Labels.
    pub labels: Pairs,
    /// The reference's hash, for Docker's own tools.
    #[serde(skip)]
    pub compose_hash: InDialects<String>,
}

/// An address pool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IpamPool {
    /// Subnet in CIDR notation.
    pub subnet: String,
    /// Gateway address.
    pub gateway: String,
    /// Range that addresses are given from.
    pub ip_range: String,
    /// Reserved addresses by host name.
    pub aux_addresses: Pairs,
}

impl NetworkSpec {
    /// The hash of its definition.
    pub fn hash(&self) -> ConfigHash {
        ConfigHash::of(self)
    }
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Key in the project.
    pub key: String,
    /// Name on the engine.
    pub name: String,
    /// Whether somebody else manages it.
    pub external: bool,
    /// Driver; empty is `local`.
    pub driver: String,
    /// Driver options.
    pub driver_opts: Pairs,
    /// Labels.
    pub labels: Pairs,
    /// The reference's hash, for Docker's own tools.
    #[serde(skip)]
    pub compose_hash: InDialects<String>,
}

impl VolumeSpec {
    /// The driver, with the default filled in.
    pub fn driver(&self) -> &str {
        if self.driver.is_empty() { "local" } else { &self.driver }
    }
}

/// Host ports that a published port takes: address, first and last port, protocol. `None` if the engine picks one.
pub fn host_ports(port: &Port) -> Option<(&str, u16, u16, &str)> {
    let (first, last) = port.published.split_once('-').unwrap_or((&port.published, &port.published));
    Some((&port.host_ip, first.parse().ok()?, last.parse().ok()?, &port.protocol))
}
