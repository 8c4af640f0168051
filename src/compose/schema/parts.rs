//! The larger mappings inside a service: build, deploy, develop and what several attributes share.

use super::shape::{
    B, BS, COMMAND, IS, KEY_VALUES, NS, Names, Object, Others, S, SET, STRING_OR_LIST, STRING_OR_SET,
    STRINGS, Shape, list, map, may, must, object, one_of, open,
};

pub(super) static BUILD: Object = open![
    may("additional_contexts", KEY_VALUES),
    may("args", KEY_VALUES),
    may("cache_from", STRINGS),
    may("cache_to", STRINGS),
    may("context", S),
    may("dockerfile", S),
    may("dockerfile_inline", S),
    may("entitlements", STRINGS),
    may("extra_hosts", EXTRA_HOSTS),
    may("isolation", S),
    may("labels", KEY_VALUES),
    may("network", S),
    may("no_cache", BS),
    may("platforms", STRINGS),
    may("privileged", BS),
    may("provenance", BS),
    may("pull", BS),
    may("sbom", BS),
    may("secrets", FILE_REFERENCES),
    may("shm_size", IS),
    may("ssh", KEY_VALUES),
    may("tags", STRINGS),
    may("target", S),
    may("ulimits", ULIMITS),
];

pub(super) static DEPLOY: Object = open![
    may("endpoint_mode", S),
    may("labels", KEY_VALUES),
    may("mode", S),
    may("placement", object(&PLACEMENT)),
    may("replicas", IS),
    may("resources", object(&RESOURCES)),
    may("restart_policy", object(&RESTART_POLICY)),
    may("rollback_config", object(&UPDATE)),
    may("update_config", object(&UPDATE)),
];
static PLACEMENT: Object = open![
    may("constraints", STRINGS),
    may("max_replicas_per_node", IS),
    may("preferences", list![object(&PREFERENCE)]),
];
static PREFERENCE: Object = open![may("spread", S)];
static RESOURCES: Object = open![may("limits", object(&LIMITS)), may("reservations", object(&RESERVATIONS))];
static LIMITS: Object = open![may("cpus", NS), may("memory", S), may("pids", IS)];
static RESERVATIONS: Object = open![
    may("cpus", NS),
    may("devices", list![object(&DEVICE_RESERVATION)]),
    may("generic_resources", list![object(&GENERIC_RESOURCE)]),
    may("memory", S),
];
static DEVICE_RESERVATION: Object = open![
    must("capabilities", SET),
    may("count", IS),
    may("device_ids", SET),
    may("driver", S),
    may("options", KEY_VALUES),
];
static GENERIC_RESOURCE: Object = open![may("discrete_resource_spec", object(&DISCRETE_RESOURCE))];
static DISCRETE_RESOURCE: Object = open![may("kind", S), may("value", NS)];
static RESTART_POLICY: Object =
    open![may("condition", S), may("delay", S), may("max_attempts", IS), may("window", S)];
static UPDATE: Object = open![
    may("delay", S),
    may("failure_action", S),
    may("max_failure_ratio", NS),
    may("monitor", S),
    may("order", Shape::Word(&["start-first", "stop-first"])),
    may("parallelism", IS),
];

pub(super) static DEVELOP: Object = open![may("watch", list![object(&WATCH)])];
static WATCH: Object = open![
    must("path", S),
    must("action", Shape::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"])),
    may("exec", object(&HOOK)),
    may("ignore", STRING_OR_SET),
    may("include", STRING_OR_SET),
    may("initial_sync", B),
    may("target", S),
];

pub(super) static HOOK: Object = open![
    must("command", COMMAND),
    may("environment", KEY_VALUES),
    may("privileged", BS),
    may("user", S),
    may("working_dir", S),
];

pub(super) static HEALTHCHECK: Object = open![
    may("disable", BS),
    may("interval", S),
    may("retries", NS),
    may("start_interval", S),
    may("start_period", S),
    may("test", STRING_OR_LIST),
    may("timeout", S),
];

pub(super) static CREDENTIAL_SPEC: Object = open![may("config", S), may("file", S), may("registry", S)];

/// Configs and secrets of a service.
pub(super) const FILE_REFERENCES: Shape = list![one_of![S, object(&FILE_REFERENCE)]];
static FILE_REFERENCE: Object =
    open![may("gid", S), may("mode", NS), may("source", S), may("target", S), may("uid", S)];

/// Unlike a device reservation, an entry asks for nothing and takes any key.
pub(super) const GPUS: Shape = one_of![Shape::Word(&["all"]), list![object(&GPU)]];
static GPU: Object = Object {
    fields: &[
        may("capabilities", SET),
        may("count", IS),
        may("device_ids", SET),
        may("driver", S),
        may("options", KEY_VALUES),
    ],
    others: Others::Unchecked,
};

/// Host names with addresses.
pub(super) const EXTRA_HOSTS: Shape = one_of![map![Names::Text, STRING_OR_LIST, Others::Refused], SET];

/// Limits of processes; odd names are not looked at.
pub(super) const ULIMITS: Shape = map![Names::Lowercase, one_of![IS, object(&ULIMIT)], Others::Unchecked];
static ULIMIT: Object = open![must("soft", IS), must("hard", IS)];
