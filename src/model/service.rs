//! A service's container-shaping attributes, typed from the canonical project.
//!
//! Field names are Compose's. Deserializing refuses keys that no field takes, so an attribute that nobody mapped
//! can never be dropped in silence.

use super::units::{Bytes, Nanos};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Text by text, in key order.
pub type Pairs = BTreeMap<String, String>;

macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(skip_serializing_if = "is_default")] pub $field: $type),*
        }
    };
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

record! {
    /// What shapes the containers of one service: the hashed part of a service.
    ServiceSpec {
        /// OCI annotations (API 1.43).
        annotations: Pairs,
        /// Block I/O weights and limits.
        blkio_config: Option<Blkio>,
        /// Added capabilities.
        cap_add: Vec<String>,
        /// Dropped capabilities.
        cap_drop: Vec<String>,
        /// Parent cgroup.
        cgroup_parent: String,
        /// Cgroup namespace: `host` or `private`.
        cgroup: String,
        /// Usable CPUs (Windows).
        cpu_count: i64,
        /// Usable share of the CPUs (Windows).
        cpu_percent: f64,
        /// CFS period in microseconds.
        cpu_period: i64,
        /// CFS quota in microseconds.
        cpu_quota: i64,
        /// Realtime period in microseconds.
        cpu_rt_period: i64,
        /// Realtime runtime in microseconds.
        cpu_rt_runtime: i64,
        /// Number of CPUs.
        cpus: f64,
        /// CPUs to run on.
        cpuset: String,
        /// Relative CPU weight.
        cpu_shares: i64,
        /// Command; `None` is the image's.
        command: Option<Vec<String>>,
        /// Mounted configs.
        configs: Vec<FileRef>,
        /// Fixed container name.
        container_name: String,
        /// The container-shaping part of `deploy`: resources and restart policy.
        deploy: Option<Deploy>,
        /// Device cgroup rules.
        device_cgroup_rules: Vec<String>,
        /// Devices.
        devices: Vec<Device>,
        /// DNS servers.
        dns: Vec<String>,
        /// Resolver options.
        dns_opt: Vec<String>,
        /// Search domains.
        dns_search: Vec<String>,
        /// Domain name.
        domainname: String,
        /// Entry point; `None` is the image's, empty clears it.
        entrypoint: Option<Vec<String>>,
        /// Environment; a null value removes the variable that the image sets.
        environment: BTreeMap<String, Option<String>>,
        /// Exposed ports.
        expose: Vec<String>,
        /// Links to containers of other projects.
        external_links: Vec<String>,
        /// `host=address` entries.
        extra_hosts: Vec<String>,
        /// Additional groups.
        group_add: Vec<String>,
        /// GPU requests.
        gpus: Vec<DeviceRequest>,
        /// Host name.
        hostname: String,
        /// Health check.
        healthcheck: Option<Healthcheck>,
        /// Image reference.
        image: String,
        /// Whether an init process runs; `None` is the engine's default.
        init: Option<bool>,
        /// IPC namespace.
        ipc: String,
        /// Isolation technology.
        isolation: String,
        /// Labels, label files merged in.
        labels: Pairs,
        /// Links within the project.
        links: Vec<String>,
        /// Log driver and options.
        logging: Option<Logging>,
        /// Memory limit in bytes.
        mem_limit: Bytes,
        /// Soft memory limit in bytes.
        mem_reservation: Bytes,
        /// Memory plus swap in bytes; -1 is unlimited.
        memswap_limit: Bytes,
        /// Swappiness, 0 to 100.
        mem_swappiness: Bytes,
        /// MAC address on the primary network.
        mac_address: String,
        /// Network mode; excludes `networks`.
        network_mode: String,
        /// Networks by their key in the project.
        networks: BTreeMap<String, Option<Endpoint>>,
        /// Whether the OOM killer is off.
        oom_kill_disable: bool,
        /// OOM score adjustment.
        oom_score_adj: i64,
        /// PID namespace.
        pid: String,
        /// Maximum number of processes; -1 is unlimited.
        pids_limit: i64,
        /// Platform, `os/arch[/variant]`.
        platform: String,
        /// Published ports.
        ports: Vec<Port>,
        /// Whether the container is privileged.
        privileged: bool,
        /// Whether the root file system is read-only.
        read_only: bool,
        /// Restart policy.
        restart: String,
        /// OCI runtime.
        runtime: String,
        /// Mounted secrets.
        secrets: Vec<FileRef>,
        /// Security options.
        security_opt: Vec<String>,
        /// Size of `/dev/shm` in bytes.
        shm_size: Bytes,
        /// Whether standard input stays open.
        stdin_open: bool,
        /// Time between the stop signal and the kill; `None` is the engine's 10 s.
        stop_grace_period: Option<Nanos>,
        /// Stop signal.
        stop_signal: String,
        /// Storage driver options.
        storage_opt: Pairs,
        /// Kernel parameters.
        sysctls: Pairs,
        /// Temporary file systems, `path[:options]`.
        tmpfs: Vec<String>,
        /// Whether a terminal is allocated.
        tty: bool,
        /// Resource limits.
        ulimits: BTreeMap<String, Ulimit>,
        /// User.
        user: String,
        /// User namespace.
        userns_mode: String,
        /// UTS namespace.
        uts: String,
        /// Mounts.
        volumes: Vec<Mount>,
        /// Containers whose mounts are taken.
        volumes_from: Vec<String>,
        /// Working directory.
        working_dir: String,
        /// Commands run after start.
        post_start: Vec<Hook>,
        /// Commands run before stop.
        pre_stop: Vec<Hook>,
    }
}

record! {
    /// Block I/O control.
    Blkio {
        /// Relative weight, 10 to 1000.
        weight: u16,
        /// Weight by device.
        weight_device: Vec<WeightDevice>,
        /// Read limits in bytes per second.
        device_read_bps: Vec<ThrottleDevice>,
        /// Read limits in operations per second.
        device_read_iops: Vec<ThrottleDevice>,
        /// Write limits in bytes per second.
        device_write_bps: Vec<ThrottleDevice>,
        /// Write limits in operations per second.
        device_write_iops: Vec<ThrottleDevice>,
    }
}

/// Weight of one device. The canonical form prints these keys capitalised, as the reference does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct WeightDevice {
    /// Device path.
    pub path: String,
    /// Weight, 10 to 1000.
    pub weight: u16,
}

/// Throughput limit of one device.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct ThrottleDevice {
    /// Device path.
    pub path: String,
    /// Bytes or operations per second.
    pub rate: Bytes,
}

record! {
    /// A config or secret as a service mounts it.
    FileRef {
        /// Key in the project's `configs` or `secrets`.
        source: String,
        /// Path in the container.
        target: String,
        /// Owner.
        uid: String,
        /// Group.
        gid: String,
        /// Mode in octal text, such as `0440`.
        mode: Option<String>,
    }
}

record! {
    /// The container-shaping part of `deploy`.
    Deploy {
        /// Limits and reservations.
        resources: Resources,
        /// Restart policy; takes precedence over `restart`.
        restart_policy: Option<RestartPolicy>,
    }
}

record! {
    /// Limits and reservations.
    Resources {
        /// Upper bounds.
        limits: Option<Limits>,
        /// What is reserved.
        reservations: Option<Limits>,
    }
}

record! {
    /// One side of `deploy.resources`.
    Limits {
        /// CPUs.
        cpus: f64,
        /// Memory in bytes.
        memory: Bytes,
        /// Processes.
        pids: i64,
        /// Device requests.
        devices: Vec<DeviceRequest>,
        /// Swarm's generic resources; no effect outside a Swarm.
        generic_resources: Vec<serde_json::Value>,
    }
}

record! {
    /// `deploy.restart_policy`.
    RestartPolicy {
        /// `none`, `on-failure` or `any`.
        condition: String,
        /// Delay between restarts; a single engine ignores it.
        delay: Option<Nanos>,
        /// Maximum number of restarts.
        max_attempts: Option<u64>,
        /// How long a start must last to count; a single engine ignores it.
        window: Option<Nanos>,
    }
}

record! {
    /// A device mapping.
    Device {
        /// Path on the host, or a CDI name.
        source: String,
        /// Path in the container.
        target: String,
        /// Cgroup permissions.
        permissions: String,
    }
}

record! {
    /// A device request (GPU and the like).
    DeviceRequest {
        /// Required capabilities.
        capabilities: Vec<String>,
        /// Driver.
        driver: String,
        /// Number of devices; -1 is all.
        count: i64,
        /// Named devices.
        device_ids: Vec<String>,
        /// Driver options.
        options: Pairs,
    }
}

record! {
    /// A health check; unset fields are the image's.
    Healthcheck {
        /// `[CMD|CMD-SHELL|NONE, …]`.
        test: Vec<String>,
        /// Time limit of one probe.
        timeout: Option<Nanos>,
        /// Time between probes.
        interval: Option<Nanos>,
        /// Failures until unhealthy.
        retries: Option<u64>,
        /// Time in which failures do not count.
        start_period: Option<Nanos>,
        /// Time between probes in the start period (API 1.44).
        start_interval: Option<Nanos>,
        /// Whether the image's check is switched off.
        disable: bool,
    }
}

record! {
    /// Logging of a container.
    Logging {
        /// Driver; empty is the engine's default.
        driver: String,
        /// Driver options.
        options: Pairs,
    }
}

record! {
    /// A service's attachment to a network.
    Endpoint {
        /// Additional names.
        aliases: Vec<String>,
        /// Driver options.
        driver_opts: Pairs,
        /// Gateway priority (API 1.48).
        gw_priority: i64,
        /// Interface name in the container (API 1.49).
        interface_name: String,
        /// Fixed IPv4 address.
        ipv4_address: String,
        /// Fixed IPv6 address.
        ipv6_address: String,
        /// Link-local addresses.
        link_local_ips: Vec<String>,
        /// MAC address (API 1.44).
        mac_address: String,
        /// The highest priority is the primary network.
        priority: i64,
    }
}

record! {
    /// A published port.
    Port {
        /// Name, for people.
        name: String,
        /// `ingress` or `host`; no effect outside a Swarm.
        mode: String,
        /// Host address; empty is all.
        host_ip: String,
        /// Container port.
        target: u32,
        /// Host port or range `a-b`; empty is any free one.
        published: String,
        /// `tcp`, `udp` or `sctp`.
        protocol: String,
        /// Application protocol; no effect.
        app_protocol: String,
    }
}

/// A resource limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ulimit {
    /// Soft and hard alike.
    Single(i64),
    /// Soft and hard apart.
    Pair {
        /// Soft limit.
        #[serde(default)]
        soft: i64,
        /// Hard limit.
        #[serde(default)]
        hard: i64,
    },
}

record! {
    /// A mount.
    Mount {
        /// `bind`, `volume`, `tmpfs`, `image`, `npipe` or `cluster`.
        #[serde(rename = "type")]
        kind: String,
        /// Host path, volume key or image; empty is an anonymous volume.
        source: String,
        /// Path in the container.
        target: String,
        /// Whether the container cannot write to it.
        read_only: bool,
        /// Consistency; no effect on Linux.
        consistency: String,
        /// Options of a bind.
        bind: Option<BindOptions>,
        /// Options of a volume.
        volume: Option<VolumeOptions>,
        /// Options of a tmpfs.
        tmpfs: Option<TmpfsOptions>,
        /// Options of an image mount (API 1.48).
        image: Option<ImageOptions>,
    }
}

record! {
    /// Options of a bind mount.
    BindOptions {
        /// `z` or `Z`.
        selinux: String,
        /// Propagation.
        propagation: String,
        /// Whether a missing host path is made.
        create_host_path: bool,
        /// `enabled`, `disabled`, `writable` or `readonly`.
        recursive: String,
    }
}

record! {
    /// Options of a volume mount.
    VolumeOptions {
        /// Labels of an anonymous volume.
        labels: Pairs,
        /// Whether the image's content is not copied in.
        nocopy: bool,
        /// Path in the volume (API 1.45).
        subpath: String,
    }
}

record! {
    /// Options of a tmpfs mount.
    TmpfsOptions {
        /// Size in bytes.
        size: Bytes,
        /// Mode bits.
        mode: u32,
    }
}

record! {
    /// Options of an image mount.
    ImageOptions {
        /// Path in the image.
        subpath: String,
    }
}

record! {
    /// A command run in a running container.
    Hook {
        /// The command.
        command: Option<Vec<String>>,
        /// User; empty is the container's.
        user: String,
        /// Whether it runs privileged.
        privileged: bool,
        /// Working directory.
        working_dir: String,
        /// Added environment.
        environment: BTreeMap<String, Option<String>>,
    }
}
