//! The labels that hold the truth: ours, and those that Docker's own tools look for.
//!
//! Labels are fixed when a container is made, so nothing that changes with every commit stands in one.

use std::collections::BTreeMap;

/// What all of ours begin with.
pub const OURS: &str = "dev.reconcile.";
/// What those begin with that Docker's own tools look for.
pub const DOCKERS: &str = "com.docker.compose.";

/// [`ConfigHash`](super::hash::ConfigHash) of the service, network or volume.
pub const HASH: &str = "dev.reconcile.hash";
/// The source that owns the object: see [`DesiredState::source`](super::desired::DesiredState::source).
pub const SOURCE: &str = "dev.reconcile.source";
/// Compact JSON of the recorded spec: what diffs show as "old". Holds no environment value and no secret.
pub const SPEC: &str = "dev.reconcile.spec";
/// Digest of the build inputs, on built images.
pub const BUILD: &str = "dev.reconcile.build";

/// On a mark: the service, `stack/service`, whose replacement failed. A mark is a container that never runs and has no
/// labels of Docker's own tools.
pub const QUARANTINE: &str = "dev.reconcile.quarantine";
/// On a mark: digests of the inputs that failed.
pub const QUARANTINE_KEY: &str = "dev.reconcile.quarantine-key";
/// On a mark: keys of other services whose inputs count as well, joined by commas: it went back with them when they failed.
pub const QUARANTINE_WITH: &str = "dev.reconcile.quarantine-with";
/// On a mark: in a few words of ours, how it failed. Never anything that the container printed.
pub const QUARANTINE_REASON: &str = "dev.reconcile.quarantine-reason";
/// On a mark: when, in seconds since 1970.
pub const QUARANTINE_AT: &str = "dev.reconcile.quarantine-at";
/// On a mark, and on a network beside [`REFUSED`]: until when it holds, in seconds since 1970; without it, until an input changes.
pub const QUARANTINE_UNTIL: &str = "dev.reconcile.quarantine-until";

/// On a network that was made again as it was: hash of the definition that the engine refused.
pub const REFUSED: &str = "dev.reconcile.refused";

/// On a lock: its stack. A lock is a container that never runs, has no labels of Docker's own tools, and is there while a
/// process works on the stack.
pub const LOCK: &str = "dev.reconcile.lock";
/// On a lock: who holds it, unlike any other.
pub const LOCK_HOLDER: &str = "dev.reconcile.lock-holder";
/// On a lock: the holder's machine.
pub const LOCK_HOST: &str = "dev.reconcile.lock-host";
/// On a lock: the holder's process there.
pub const LOCK_PROCESS: &str = "dev.reconcile.lock-process";
/// On a lock: since when, in seconds since 1970.
pub const LOCK_SINCE: &str = "dev.reconcile.lock-since";

/// Beside [`QUARANTINE_UNTIL`]: how often the same inputs have failed.
pub const QUARANTINE_TRIES: &str = "dev.reconcile.quarantine-tries";

/// On a mark: the stack that somebody suspended.
pub const SUSPENDED: &str = "dev.reconcile.suspended";
/// On such a mark: why, in that person's words.
pub const SUSPENDED_REASON: &str = "dev.reconcile.suspended-reason";
/// On such a mark: when, in seconds since 1970.
pub const SUSPENDED_AT: &str = "dev.reconcile.suspended-at";
/// On such a mark: until when, in seconds since 1970; without it, until it is resumed.
pub const SUSPENDED_UNTIL: &str = "dev.reconcile.suspended-until";

/// On the container of a service that runs at times, which itself never runs: when, as JSON of a
/// [`Timetable`](super::job::Timetable).
pub const JOB: &str = "dev.reconcile.job";
/// On a run of such a service: `stack/service`. A run has no labels of Docker's own tools, which would take it for a part of
/// the project that is to be replaced or removed.
pub const RUN: &str = "dev.reconcile.run";
/// On a run: the time of the timetable that it is for, or at which somebody asked for it, in seconds since 1970.
pub const RUN_AT: &str = "dev.reconcile.run-at";
/// On a run: when it is stopped if it has not ended by then, in seconds since 1970.
pub const RUN_UNTIL: &str = "dev.reconcile.run-until";

/// On a container that replaces the one of the process that made it: the stacks that it works on, with commas in between.
pub const DEPUTY: &str = "dev.reconcile.deputy";

/// Whether a container with these labels is a mark: it never runs and holds nothing but labels.
pub fn is_mark(labels: &BTreeMap<String, String>) -> bool {
    [QUARANTINE, SUSPENDED].iter().any(|key| labels.contains_key(*key))
}

/// Project name, on everything.
pub const PROJECT: &str = "com.docker.compose.project";
/// Service key.
pub const SERVICE: &str = "com.docker.compose.service";
/// Replica number from 1.
pub const NUMBER: &str = "com.docker.compose.container-number";
/// `True` on containers of `docker compose run`.
pub const ONEOFF: &str = "com.docker.compose.oneoff";
/// The reference's own hash: `docker compose ps` lists only containers that have one.
pub const COMPOSE_HASH: &str = "com.docker.compose.config-hash";
/// Image id at creation.
pub const IMAGE: &str = "com.docker.compose.image";
/// `service:condition:restart,…`.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// Absolute project directory.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// Absolute compose files, joined by commas.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// Explicit env files, joined by commas.
pub const ENV_FILES: &str = "com.docker.compose.project.environment_file";
/// Version of the reference that made it, or whose behaviour our labels follow.
pub const VERSION: &str = "com.docker.compose.version";
/// Compose key of a network.
pub const NETWORK: &str = "com.docker.compose.network";
/// Compose key of a volume.
pub const VOLUME: &str = "com.docker.compose.volume";
