//! How a service is spread and kept running.

use super::canon::Type::{Bytes, Cpus, DeviceCount, Duration, Float, Int, List, One, Pairs, Text, Texts};
use super::canon::Width;
use super::shape::{IS, KEY_VALUES, NS, S, SET, STRINGS, Shape, list, object, one_of};
use super::{Object, SWARM, open, row, swept, unchecked};
use crate::compose::defaults;
use crate::compose::interpolate::Cast;
use crate::compose::merge::Rule;
use crate::compose::support::Status;
use crate::compose::unique::Identity;

const NO_SWARM: &str = "it needs a Swarm; on one engine leave `mode` out";
const NO_SWARM_JOB: &str = "it needs a Swarm; mark a job with `x-reconcile: {job: true}`";

pub(super) static DEPLOY: Object = open![
    row("mode", S, Text).full().narrowed(&[
        ("=global", Status::Refused(NO_SWARM)),
        ("=global-job", Status::Refused(NO_SWARM_JOB)),
        ("=replicated-job", Status::Refused(NO_SWARM_JOB))
    ]),
    row("replicas", IS, Int(Width::Int)).set().cast(Cast::ATOI).full(),
    row("labels", KEY_VALUES, Pairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).ignored(SWARM),
    row("update_config", object(&UPDATE), One(&UPDATE)).set().full(),
    row("rollback_config", object(&UPDATE), One(&UPDATE)).set().full(),
    row("resources", object(&RESOURCES), One(&RESOURCES)).json_always(),
    row("restart_policy", object(&RESTART_POLICY), One(&RESTART_POLICY)).set(),
    row("placement", object(&PLACEMENT), One(&PLACEMENT)).json_always().ignored(SWARM),
    row("endpoint_mode", S, Text).ignored(SWARM),
];

static PLACEMENT: Object = open![
    row("constraints", STRINGS, Texts),
    row("preferences", list![object(&PREFERENCE)], List(&PREFERENCE)),
    row("max_replicas_per_node", IS, Int(Width::Uint64)).cast(Cast::ATOI),
];

static PREFERENCE: Object = open![row("spread", S, Text),];

static RESOURCES: Object = open![
    row("limits", object(&LIMITS), One(&LIMITS)).set(),
    row("reservations", object(&RESERVATIONS), One(&RESERVATIONS)).set(),
];

static LIMITS: Object = open![
    row("cpus", NS, Cpus).full(),
    row("memory", S, Bytes).full(),
    row("pids", IS, Int(Width::Int64)).full(),
];

static RESERVATIONS: Object = open![
    row("cpus", NS, Cpus).ignored(SWARM),
    row("memory", S, Bytes).full(),
    row("devices", list![object(&DEVICE_RESERVATION)], List(&DEVICE_RESERVATION))
        .fill_each(defaults::device_request)
        .full(),
    row("generic_resources", list![object(&GENERIC_RESOURCE)], List(&GENERIC_RESOURCE)).ignored(SWARM),
];

static DEVICE_RESERVATION: Object = swept![
    row("capabilities", SET, Texts).required(),
    row("driver", S, Text),
    row("count", IS, DeviceCount),
    row("device_ids", SET, Texts),
    row("options", KEY_VALUES, Pairs),
];

static GENERIC_RESOURCE: Object =
    open![row("discrete_resource_spec", object(&DISCRETE_RESOURCE), One(&DISCRETE_RESOURCE)).set(),];

static DISCRETE_RESOURCE: Object =
    open![row("kind", S, Text).always(), row("value", NS, Int(Width::Int64)).always(),];

static RESTART_POLICY: Object = open![
    row("condition", S, Text).full(),
    row("delay", S, Duration).set().ignored(SWARM),
    row("max_attempts", IS, Int(Width::Uint64)).set().cast(Cast::ATOI).full(),
    row("window", S, Duration).set().ignored(SWARM),
];

static UPDATE: Object = open![
    row("parallelism", IS, Int(Width::Uint64)).set().cast(Cast::ATOI),
    row("delay", S, Duration),
    row("failure_action", S, Text),
    row("monitor", S, Duration),
    row("max_failure_ratio", NS, Float).cast(Cast::Float),
    row("order", Shape::Word(&["start-first", "stop-first"]), Text),
];

/// Unlike a device reservation, an entry asks for nothing and takes any key.
pub(super) const GPUS: Shape = one_of![Shape::Word(&["all"]), list![object(&GPU)]];
pub(super) static GPU: Object = unchecked![
    row("capabilities", SET, Texts).full(),
    row("driver", S, Text).full(),
    row("count", IS, DeviceCount).full(),
    row("device_ids", SET, Texts).full(),
    row("options", KEY_VALUES, Pairs).full(),
];
