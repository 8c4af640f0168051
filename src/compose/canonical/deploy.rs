//! The table of `deploy`.

use super::table::Kind::{Bytes, Cpus, DeviceCount, Duration, Float, Int, List, One, Pairs, Text, Texts};
use super::table::{Object, Width, always, closed, json_always, open, plain, set};

/// How a service is spread and kept running.
pub static DEPLOY: Object = open(&[
    plain("mode", Text),
    set("replicas", Int(Width::Int)),
    plain("labels", Pairs),
    set("update_config", One(&UPDATE_CONFIG)),
    set("rollback_config", One(&UPDATE_CONFIG)),
    json_always("resources", One(&RESOURCES)),
    set("restart_policy", One(&RESTART_POLICY)),
    json_always("placement", One(&PLACEMENT)),
    plain("endpoint_mode", Text),
]);

static UPDATE_CONFIG: Object = open(&[
    set("parallelism", Int(Width::Uint64)),
    plain("delay", Duration),
    plain("failure_action", Text),
    plain("monitor", Duration),
    plain("max_failure_ratio", Float),
    plain("order", Text),
]);

static RESOURCES: Object = open(&[set("limits", One(&RESOURCE)), set("reservations", One(&RESOURCE))]);

static RESOURCE: Object = open(&[
    plain("cpus", Cpus),
    plain("memory", Bytes),
    plain("pids", Int(Width::Int64)),
    plain("devices", List(&One(&DEVICE_REQUEST))),
    plain("generic_resources", List(&One(&GENERIC_RESOURCE))),
]);

/// A request for devices such as GPUs.
pub static DEVICE_REQUEST: Object = closed(&[
    plain("capabilities", Texts),
    plain("driver", Text),
    plain("count", DeviceCount),
    plain("device_ids", Texts),
    plain("options", Pairs),
]);

static GENERIC_RESOURCE: Object = open(&[set("discrete_resource_spec", One(&DISCRETE_RESOURCE))]);

static DISCRETE_RESOURCE: Object = open(&[always("kind", Text), always("value", Int(Width::Int64))]);

static RESTART_POLICY: Object = open(&[
    plain("condition", Text),
    set("delay", Duration),
    set("max_attempts", Int(Width::Uint64)),
    set("window", Duration),
]);

static PLACEMENT: Object = open(&[
    plain("constraints", Texts),
    plain("preferences", List(&One(&PREFERENCE))),
    plain("max_replicas_per_node", Int(Width::Uint64)),
]);

static PREFERENCE: Object = open(&[plain("spread", Text)]);
