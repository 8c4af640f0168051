//! The attributes of a service. Reference: the schema of compose-go 2.9.1 (docker compose 2.40).

use super::parts::{BUILD, CREDENTIAL_SPEC, DEPLOY, DEVELOP, FILE_REFERENCES, GPUS, HEALTHCHECK, HOOK};
use super::parts::{EXTRA_HOSTS, ULIMITS};
use super::shape::{
    B, BS, COMMAND, DRIVER_OPTIONS, Field, IS, KEY_VALUES, Kind, N, NS, NULL, Names, Object, Others, S, SET,
    STRING_OR_LIST, STRING_OR_SET, Shape, closed, list, map, may, must, nullable, object, one_of, open, set,
};

/// A service.
pub static SERVICE: Object = Object { fields: FIELDS, others: Others::Extensions };

const FIELDS: &[Field] = &[
    may("annotations", KEY_VALUES),
    may("attach", BS),
    may("blkio_config", object(&BLKIO)),
    may("build", one_of![S, object(&BUILD)]),
    may("cap_add", SET),
    may("cap_drop", SET),
    may("cgroup", Shape::Word(&["host", "private"])),
    may("cgroup_parent", S),
    may("command", COMMAND),
    may("configs", FILE_REFERENCES),
    may("container_name", CONTAINER_NAME),
    may("cpu_count", one_of![S, Shape::Range { min: 0, max: i128::MAX }]),
    may("cpu_percent", one_of![S, Shape::Range { min: 0, max: 100 }]),
    may("cpu_period", NS),
    may("cpu_quota", NS),
    may("cpu_rt_period", NS),
    may("cpu_rt_runtime", NS),
    may("cpu_shares", NS),
    may("cpus", NS),
    may("cpuset", S),
    may("credential_spec", object(&CREDENTIAL_SPEC)),
    may("depends_on", one_of![SET, DEPENDENCIES]),
    may("deploy", nullable(&DEPLOY)),
    may("develop", nullable(&DEVELOP)),
    may("device_cgroup_rules", SET),
    may("devices", list![one_of![S, object(&DEVICE)]]),
    may("dns", STRING_OR_SET),
    may("dns_opt", SET),
    may("dns_search", STRING_OR_SET),
    may("domainname", S),
    may("entrypoint", COMMAND),
    may("env_file", one_of![S, list![one_of![S, object(&ENV_FILE)]]]),
    may("environment", KEY_VALUES),
    may("expose", set![NS]),
    may("extends", one_of![S, object(&EXTENDS)]),
    may("external_links", SET),
    may("extra_hosts", EXTRA_HOSTS),
    may("gpus", GPUS),
    may("group_add", set![NS]),
    may("healthcheck", object(&HEALTHCHECK)),
    may("hostname", S),
    may("image", S),
    may("init", BS),
    may("ipc", S),
    may("isolation", S),
    may("label_file", STRING_OR_LIST),
    may("labels", KEY_VALUES),
    may("links", SET),
    may("logging", object(&LOGGING)),
    may("mac_address", S),
    may("mem_limit", NS),
    may("mem_reservation", IS),
    may("mem_swappiness", IS),
    may("memswap_limit", NS),
    may("models", one_of![SET, MODELS]),
    may("network_mode", S),
    may("networks", one_of![SET, NETWORKS]),
    may("oom_kill_disable", BS),
    may("oom_score_adj", one_of![S, Shape::Range { min: -1000, max: 1000 }]),
    may("pid", Shape::Kinds(&[Kind::String, Kind::Null])),
    may("pids_limit", NS),
    may("platform", S),
    may("ports", set![one_of![N, S, object(&PORT)]]),
    may("post_start", list![object(&HOOK)]),
    may("pre_stop", list![object(&HOOK)]),
    may("privileged", BS),
    may("profiles", SET),
    may("provider", object(&PROVIDER)),
    may("pull_policy", PULL_POLICY),
    may("pull_refresh_after", S),
    may("read_only", BS),
    may("restart", S),
    may("runtime", S),
    may("scale", IS),
    may("secrets", FILE_REFERENCES),
    may("security_opt", SET),
    may("shm_size", NS),
    may("stdin_open", BS),
    may("stop_grace_period", S),
    may("stop_signal", S),
    may("storage_opt", Shape::Kinds(&[Kind::Map])),
    may("sysctls", KEY_VALUES),
    may("tmpfs", STRING_OR_SET),
    may("tty", BS),
    may("ulimits", ULIMITS),
    may("use_api_socket", B),
    may("user", S),
    may("userns_mode", S),
    may("uts", S),
    may("volumes", set![one_of![S, object(&VOLUME)]]),
    may("volumes_from", SET),
    may("working_dir", S),
];

const CONTAINER_NAME: Shape = Shape::Pattern {
    shown: "[a-zA-Z0-9][a-zA-Z0-9_.-]+",
    matches: |text| {
        let then = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_alphanumeric() && then(pair[1]))
    },
};

const PULL_POLICY: Shape = Shape::Pattern {
    shown: "always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+",
    matches: |text| {
        let words = ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];
        words.iter().any(|word| text.contains(word))
            || text.match_indices("every_").any(|(at, found)| begins_with_period(&text[at + found.len()..]))
    },
};

fn begins_with_period(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && unit.starts_with(['w', 'd', 'h', 'm', 's'])
}

static BLKIO: Object = closed![
    may("device_read_bps", list![object(&BLKIO_RATE)]),
    may("device_read_iops", list![object(&BLKIO_RATE)]),
    may("device_write_bps", list![object(&BLKIO_RATE)]),
    may("device_write_iops", list![object(&BLKIO_RATE)]),
    may("weight", IS),
    may("weight_device", list![object(&BLKIO_WEIGHT)]),
];
static BLKIO_RATE: Object = closed![may("path", S), may("rate", IS)];
static BLKIO_WEIGHT: Object = closed![may("path", S), may("weight", IS)];

const DEPENDENCIES: Shape = map![Names::Resource, object(&DEPENDENCY), Others::Refused];
static DEPENDENCY: Object = open![
    must("condition", Shape::Word(&["service_started", "service_healthy", "service_completed_successfully"])),
    may("required", B),
    may("restart", BS),
];

static DEVICE: Object = open![must("source", S), may("permissions", S), may("target", S)];
static ENV_FILE: Object = closed![must("path", S), may("format", S), may("required", BS)];
static EXTENDS: Object = closed![must("service", S), may("file", S)];

static LOGGING: Object = open![
    may("driver", S),
    may(
        "options",
        map![Names::Line, Shape::Kinds(&[Kind::String, Kind::Number, Kind::Null]), Others::Unchecked],
    ),
];

const MODELS: Shape = map![Names::Resource, one_of![object(&MODEL), NULL], Others::Unchecked];
static MODEL: Object = open![may("endpoint_var", S), may("model_var", S)];

const NETWORKS: Shape = map![Names::Resource, one_of![object(&NETWORK), NULL], Others::Refused];
static NETWORK: Object = open![
    may("aliases", SET),
    may("driver_opts", DRIVER_OPTIONS),
    may("gw_priority", N),
    may("interface_name", S),
    may("ipv4_address", S),
    may("ipv6_address", S),
    may("link_local_ips", SET),
    may("mac_address", S),
    may("priority", N),
];

static PORT: Object = open![
    may("app_protocol", S),
    may("host_ip", S),
    may("mode", S),
    may("name", S),
    may("protocol", S),
    may("published", IS),
    may("target", IS),
];

const OPTION: Shape = Shape::Kinds(&[Kind::String, Kind::Number, Kind::Bool]);
static PROVIDER: Object = open![
    must("type", S),
    may("options", map![Names::Line, one_of![OPTION, list![OPTION]], Others::Unchecked],),
];

static VOLUME: Object = open![
    must("type", Shape::Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"])),
    may("bind", object(&VOLUME_BIND)),
    may("consistency", S),
    may("image", object(&VOLUME_IMAGE)),
    may("read_only", BS),
    may("source", S),
    may("target", S),
    may("tmpfs", object(&VOLUME_TMPFS)),
    may("volume", object(&VOLUME_VOLUME)),
];
static VOLUME_BIND: Object = open![
    may("create_host_path", BS),
    may("propagation", S),
    may("recursive", Shape::Word(&["enabled", "disabled", "writable", "readonly"])),
    may("selinux", Shape::Word(&["z", "Z"])),
];
static VOLUME_IMAGE: Object = open![may("subpath", S)];
static VOLUME_TMPFS: Object =
    open![may("mode", NS), may("size", one_of![Shape::Range { min: 0, max: i128::MAX }, S])];
static VOLUME_VOLUME: Object = open![may("labels", KEY_VALUES), may("nocopy", BS), may("subpath", S)];
