//! What stands inside a service, but for mounts, `build` and `deploy`.

use super::canon::Type::{
    Bool, Bytes, Command, Duration, FileMode, Int, List, MultiOptions, One, OneOrMoreTexts, OptionalPairs,
    Options, Test, Text, Texts,
};
use super::canon::Width;
use super::shape::{
    B, BS, COMMAND, DRIVER_OPTIONS, IS, KEY_VALUES, Kind, N, NS, NULL, Names, Others, S, SET, STRING_OR_LIST,
    STRING_OR_SET, Shape, list, map, object, one_of,
};
use super::{Object, SWARM, closed, open, row, unprinted};
use crate::compose::interpolate::Cast;
use crate::compose::long_form;
use crate::compose::merge::Rule;
use crate::compose::paths::Reading;
use crate::compose::unique::Identity;

pub(super) static BLKIO: Object = closed![
    row("weight", IS, Int(Width::Uint16)).full(),
    row("weight_device", list![object(&BLKIO_WEIGHT)], List(&BLKIO_WEIGHT)).full(),
    row("device_read_bps", list![object(&BLKIO_RATE)], List(&BLKIO_RATE)).full(),
    row("device_read_iops", list![object(&BLKIO_RATE)], List(&BLKIO_RATE)).full(),
    row("device_write_bps", list![object(&BLKIO_RATE)], List(&BLKIO_RATE)).full(),
    row("device_write_iops", list![object(&BLKIO_RATE)], List(&BLKIO_RATE)).full(),
];

static BLKIO_RATE: Object =
    closed![row("path", S, Text).always().json("Path"), row("rate", IS, Bytes).always().json("Rate"),];

static BLKIO_WEIGHT: Object = closed![
    row("path", S, Text).always().json("Path"),
    row("weight", IS, Int(Width::Uint16)).always().json("Weight"),
];

pub(super) static CREDENTIAL_SPEC: Object =
    open![row("config", S, Text), row("file", S, Text), row("registry", S, Text),];

pub(super) const DEPENDENCIES: Shape = map![Names::Resource, object(&DEPENDENCY), Others::Refused];
pub(super) static DEPENDENCY: Object = open![
    row(
        "condition",
        Shape::Word(&["service_started", "service_healthy", "service_completed_successfully"]),
        Text
    )
    .required()
    .full(),
    row("restart", BS, Bool).full(),
    row("required", B, Bool).always().full(),
];

pub(super) static DEVICE: Object = open![
    row("source", S, Text).required().full(),
    row("target", S, Text).full(),
    row("permissions", S, Text).full(),
];

pub(super) static DEVELOP: Object = open![row("watch", list![object(&WATCH)], List(&WATCH)),];

static WATCH: Object = open![
    row("path", S, Text).always().required().path(Reading::WATCHED),
    row("action", Shape::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]), Text)
        .always()
        .required(),
    row("target", S, Text),
    row("exec", object(&HOOK), One(&HOOK)).json_always(),
    row("include", STRING_OR_SET, OneOrMoreTexts).long(long_form::one_or_many),
    row("ignore", STRING_OR_SET, OneOrMoreTexts).long(long_form::one_or_many),
    row("initial_sync", B, Bool),
];

/// An env file, before its contents are taken over into `environment`.
pub static ENV_FILE: Object = closed![
    row("path", S, Text).required().path(Reading::PLAIN).full(),
    row("required", BS, Bool).always().full(),
    row("format", S, Text).full(),
];

pub(super) static EXTENDS: Object =
    closed![row("file", S, Text).path(Reading::PLAIN).full(), row("service", S, Text).required().full(),];

/// Configs and secrets of a service.
pub(super) const FILE_REFERENCES: Shape = list![one_of![S, object(&FILE_REFERENCE)]];
/// The use of a secret or config, in a service or a build.
pub(super) static FILE_REFERENCE: Object = open![
    row("source", S, Text).full(),
    row("target", S, Text).full(),
    row("uid", S, Text).full(),
    row("gid", S, Text).full(),
    row("mode", NS, FileMode).set().full(),
];

/// Host names with addresses.
pub(super) const EXTRA_HOSTS: Shape = one_of![map![Names::Text, STRING_OR_LIST, Others::Refused], SET];

pub(super) static HEALTHCHECK: Object = open![
    row("test", STRING_OR_LIST, Test).merge(Rule::Replace).full(),
    row("timeout", S, Duration).set().full(),
    row("interval", S, Duration).set().full(),
    row("retries", NS, Int(Width::Uint64)).set().cast(Cast::ATOI).full(),
    row("start_period", S, Duration).set().full(),
    row("start_interval", S, Duration).set().full(),
    row("disable", BS, Bool).cast(Cast::Bool).full(),
];

pub(super) static HOOK: Object = open![
    row("command", COMMAND, Command).json_always().required().full(),
    row("user", S, Text).full(),
    row("privileged", BS, Bool).full(),
    row("working_dir", S, Text).full(),
    row("environment", KEY_VALUES, OptionalPairs).full(),
];

pub(super) static LOGGING: Object = open![
    row("driver", S, Text).full(),
    row(
        "options",
        map![Names::Line, Shape::Kinds(&[Kind::String, Kind::Number, Kind::Null]), Others::Unchecked],
        Options
    )
    .full(),
];

pub(super) const MODELS: Shape =
    map![Names::Resource, one_of![object(&SERVICE_MODEL), NULL], Others::Unchecked];
pub(super) static SERVICE_MODEL: Object = open![row("endpoint_var", S, Text), row("model_var", S, Text),];

pub(super) const NETWORKS: Shape = map![Names::Resource, one_of![object(&ATTACHMENT), NULL], Others::Refused];
pub(super) static ATTACHMENT: Object = open![
    row("aliases", SET, Texts).unique(Identity::BeforeEquals).full(),
    row("driver_opts", DRIVER_OPTIONS, Options).full(),
    row("gw_priority", N, Int(Width::Int)).full(),
    row("interface_name", S, Text).full(),
    row("ipv4_address", S, Text).full(),
    row("ipv6_address", S, Text).full(),
    row("link_local_ips", SET, Texts).unique(Identity::BeforeEquals).full(),
    row("mac_address", S, Text).full(),
    row("priority", N, Int(Width::Int)).full(),
];

pub(super) static PORT: Object = open![
    row("name", S, Text).ignored("it tells the engine nothing"),
    row("mode", S, Text).ignored(SWARM),
    row("host_ip", S, Text).full(),
    row("target", IS, Int(Width::Uint32)).cast(Cast::ATOI).full(),
    row("published", IS, Text).full(),
    row("protocol", S, Text).full(),
    row("app_protocol", S, Text).ignored("it tells the engine nothing"),
];

const OPTION: Shape = Shape::Kinds(&[Kind::String, Kind::Number, Kind::Bool]);
pub(super) static PROVIDER: Object = open![
    row("type", S, Text).required(),
    row("options", map![Names::Line, one_of![OPTION, list![OPTION]], Others::Unchecked], MultiOptions),
];

/// Limits of processes; odd names are not looked at.
pub(super) const ULIMITS: Shape = map![Names::Lowercase, one_of![IS, object(&ULIMIT)], Others::Unchecked];
static ULIMIT: Object = open![
    unprinted("soft", IS).required().cast(Cast::ATOI),
    unprinted("hard", IS).required().cast(Cast::ATOI),
];
