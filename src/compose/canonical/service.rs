//! The table of services and of the objects inside them, but for `build` and `deploy`.

use super::build::BUILD;
use super::deploy::{DEPLOY, DEVICE_REQUEST};
use super::table::Kind::{
    Bool, Bytes, Command, Duration, FileMode, Float, Hosts, Int, List, Map, MultiOptions, Named, One,
    OneOrMoreTexts, OptionalPairs, Options, Pairs, ScalarTexts, StringMap, Test, Text, Texts, Ulimit,
};
use super::table::{Object, Width, always, always_as, closed, json_always, open, plain, set};

/// A service.
pub static SERVICE: Object = open(&[
    plain("profiles", Texts),
    plain("annotations", Pairs),
    set("attach", Bool),
    set("build", One(&BUILD)),
    set("develop", One(&DEVELOP)),
    set("blkio_config", One(&BLKIO)),
    plain("cap_add", Texts),
    plain("cap_drop", Texts),
    plain("cgroup_parent", Text),
    plain("cgroup", Text),
    plain("cpu_count", Int(Width::Int64)),
    plain("cpu_percent", Float),
    plain("cpu_period", Int(Width::Int64)),
    plain("cpu_quota", Int(Width::Int64)),
    plain("cpu_rt_period", Int(Width::Int64)),
    plain("cpu_rt_runtime", Int(Width::Int64)),
    plain("cpus", Float),
    plain("cpuset", Text),
    plain("cpu_shares", Int(Width::Int64)),
    json_always("command", Command),
    plain("configs", List(&One(&FILE_REFERENCE))),
    plain("container_name", Text),
    set("credential_spec", One(&CREDENTIAL_SPEC)),
    plain("depends_on", Named(&One(&DEPENDENCY))),
    set("deploy", One(&DEPLOY)),
    plain("device_cgroup_rules", Texts),
    plain("devices", List(&One(&DEVICE))),
    plain("dns", OneOrMoreTexts),
    plain("dns_opt", Texts),
    plain("dns_search", OneOrMoreTexts),
    plain("domainname", Text),
    json_always("entrypoint", Command),
    set("provider", One(&PROVIDER)),
    plain("environment", OptionalPairs),
    plain("env_file", List(&One(&ENV_FILE))),
    plain("expose", ScalarTexts),
    set("extends", One(&EXTENDS)),
    plain("external_links", Texts),
    plain("extra_hosts", Hosts),
    plain("group_add", Texts),
    plain("gpus", List(&One(&DEVICE_REQUEST))),
    plain("hostname", Text),
    set("healthcheck", One(&HEALTHCHECK)),
    plain("image", Text),
    set("init", Bool),
    plain("ipc", Text),
    plain("isolation", Text),
    plain("labels", Pairs),
    plain("label_file", Texts),
    plain("links", Texts),
    set("logging", One(&LOGGING)),
    plain("mem_limit", Bytes),
    plain("mem_reservation", Bytes),
    plain("memswap_limit", Bytes),
    plain("mem_swappiness", Bytes),
    plain("mac_address", Text),
    plain("models", Map(&One(&SERVICE_MODEL))),
    plain("network_mode", Text),
    plain("networks", Map(&One(&ATTACHMENT))),
    plain("oom_kill_disable", Bool),
    plain("oom_score_adj", Int(Width::Int64)),
    plain("pid", Text),
    plain("pids_limit", Int(Width::Int64)),
    plain("platform", Text),
    plain("ports", List(&One(&PORT))),
    plain("privileged", Bool),
    plain("pull_policy", Text),
    plain("read_only", Bool),
    plain("restart", Text),
    plain("runtime", Text),
    set("scale", Int(Width::Int)),
    plain("secrets", List(&One(&FILE_REFERENCE))),
    plain("security_opt", Texts),
    plain("shm_size", Bytes),
    plain("stdin_open", Bool),
    set("stop_grace_period", Duration),
    plain("stop_signal", Text),
    plain("storage_opt", StringMap),
    plain("sysctls", Pairs),
    plain("tmpfs", OneOrMoreTexts),
    plain("tty", Bool),
    plain("ulimits", Map(&Ulimit)),
    plain("use_api_socket", Bool),
    plain("user", Text),
    plain("userns_mode", Text),
    plain("uts", Text),
    plain("volumes", List(&One(&MOUNT))),
    plain("volumes_from", Texts),
    plain("working_dir", Text),
    plain("post_start", List(&One(&HOOK))),
    plain("pre_stop", List(&One(&HOOK))),
]);

static BLKIO: Object = open(&[
    plain("weight", Int(Width::Uint16)),
    plain("weight_device", List(&One(&WEIGHT_DEVICE))),
    plain("device_read_bps", List(&One(&THROTTLE_DEVICE))),
    plain("device_read_iops", List(&One(&THROTTLE_DEVICE))),
    plain("device_write_bps", List(&One(&THROTTLE_DEVICE))),
    plain("device_write_iops", List(&One(&THROTTLE_DEVICE))),
]);

static WEIGHT_DEVICE: Object =
    open(&[always_as("path", "Path", Text), always_as("weight", "Weight", Int(Width::Uint16))]);

static THROTTLE_DEVICE: Object = open(&[always_as("path", "Path", Text), always_as("rate", "Rate", Bytes)]);

static CREDENTIAL_SPEC: Object = open(&[plain("config", Text), plain("file", Text), plain("registry", Text)]);

static DEPENDENCY: Object =
    open(&[plain("condition", Text), plain("restart", Bool), always("required", Bool)]);

static DEVICE: Object = open(&[plain("source", Text), plain("target", Text), plain("permissions", Text)]);

static DEVELOP: Object = open(&[plain("watch", List(&One(&WATCH)))]);

static WATCH: Object = open(&[
    always("path", Text),
    always("action", Text),
    plain("target", Text),
    json_always("exec", One(&HOOK)),
    plain("include", OneOrMoreTexts),
    plain("ignore", OneOrMoreTexts),
    plain("initial_sync", Bool),
]);

/// An env file, before its contents are taken over into `environment`.
pub static ENV_FILE: Object = closed(&[plain("path", Text), always("required", Bool), plain("format", Text)]);

static EXTENDS: Object = closed(&[plain("file", Text), plain("service", Text)]);

/// The use of a secret or config, in a service or a build.
pub static FILE_REFERENCE: Object = open(&[
    plain("source", Text),
    plain("target", Text),
    plain("uid", Text),
    plain("gid", Text),
    set("mode", FileMode),
]);

static HEALTHCHECK: Object = open(&[
    plain("test", Test),
    set("timeout", Duration),
    set("interval", Duration),
    set("retries", Int(Width::Uint64)),
    set("start_period", Duration),
    set("start_interval", Duration),
    plain("disable", Bool),
]);

static HOOK: Object = open(&[
    json_always("command", Command),
    plain("user", Text),
    plain("privileged", Bool),
    plain("working_dir", Text),
    plain("environment", OptionalPairs),
]);

static LOGGING: Object = open(&[plain("driver", Text), plain("options", Options)]);

static SERVICE_MODEL: Object = open(&[plain("endpoint_var", Text), plain("model_var", Text)]);

static ATTACHMENT: Object = open(&[
    plain("aliases", Texts),
    plain("driver_opts", Options),
    plain("gw_priority", Int(Width::Int)),
    plain("interface_name", Text),
    plain("ipv4_address", Text),
    plain("ipv6_address", Text),
    plain("link_local_ips", Texts),
    plain("mac_address", Text),
    plain("priority", Int(Width::Int)),
]);

static PORT: Object = open(&[
    plain("name", Text),
    plain("mode", Text),
    plain("host_ip", Text),
    plain("target", Int(Width::Uint32)),
    plain("published", Text),
    plain("protocol", Text),
    plain("app_protocol", Text),
]);

static PROVIDER: Object = open(&[plain("type", Text), plain("options", MultiOptions)]);

static MOUNT: Object = open(&[
    plain("type", Text),
    plain("source", Text),
    plain("target", Text),
    plain("read_only", Bool),
    plain("consistency", Text),
    set("bind", One(&MOUNT_BIND)),
    set("volume", One(&MOUNT_VOLUME)),
    set("tmpfs", One(&MOUNT_TMPFS)),
    set("image", One(&MOUNT_IMAGE)),
]);

static MOUNT_BIND: Object = open(&[
    plain("selinux", Text),
    plain("propagation", Text),
    plain("create_host_path", Bool),
    plain("recursive", Text),
]);

static MOUNT_VOLUME: Object = open(&[plain("labels", Pairs), plain("nocopy", Bool), plain("subpath", Text)]);

static MOUNT_TMPFS: Object = open(&[plain("size", Bytes), plain("mode", Int(Width::Uint32))]);

static MOUNT_IMAGE: Object = open(&[plain("subpath", Text)]);
