//! The top level of a project and the sections beside the services.

use super::canon::Type::{Bool, Int, List, Map, Named, One, Options, Pairs, StringMap, Text, Texts};
use super::canon::Width;
use super::service::SERVICE;
use super::shape::{
    BS, DRIVER_OPTIONS, I, KEY_VALUES, Kind, Names, Others, S, STRINGS, Shape, list, map, nullable, object,
};
use super::{Object, SWARM, open, row, swept, unchecked, unprinted};
use crate::compose::interpolate::Cast;
use crate::compose::long_form;
use crate::compose::merge::Rule;
use crate::compose::paths::Reading;
use crate::compose::unique::Identity;

const NEEDS_SWARM: &str = "it needs a Swarm; use `file:`, `content:` (configs) or `environment:`";

/// A whole project, in the order of canonical YAML. `include` is resolved before the check; its row is here for hints.
pub static PROJECT: Object = open![
    row("name", S, Text).full(),
    row("services", named(const { &object(&SERVICE) }, Others::Refused), Named(&SERVICE)).always(),
    row("networks", named(const { &nullable(&NETWORK) }, Others::Unchecked), Named(&NETWORK))
        .long_each(long_form::external),
    row("volumes", named(const { &nullable(&VOLUME) }, Others::Refused), Named(&VOLUME))
        .long_each(long_form::external)
        .path_each(Reading::Volume),
    row("secrets", named(const { &object(&SECRET) }, Others::Refused), Named(&SECRET))
        .long_each(long_form::external),
    row("configs", named(const { &object(&CONFIG) }, Others::Refused), Named(&CONFIG))
        .long_each(long_form::external),
    row("models", named(const { &object(&MODEL) }, Others::Unchecked), Map(&MODEL))
        .ignored("no service can use one"),
    unprinted("include", Shape::Any).full(),
    unprinted("version", S).ignored("obsolete"),
];

const fn named(values: &'static Shape, others: Others) -> Shape {
    Shape::Map { names: Names::Resource, values, others }
}

/// A network.
pub static NETWORK: Object = open![
    row("name", S, Text).full(),
    row("driver", S, Text).full(),
    row("driver_opts", DRIVER_OPTIONS, Options).full(),
    row("ipam", object(&IPAM), One(&IPAM)).json_always(),
    row("external", EXTERNAL, Bool).cast(Cast::Bool).full(),
    row("internal", BS, Bool).cast(Cast::Bool).full(),
    row("attachable", BS, Bool).cast(Cast::Bool).full(),
    row("labels", KEY_VALUES, Pairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("enable_ipv4", BS, Bool).set().cast(Cast::Bool).full(),
    row("enable_ipv6", BS, Bool).set().cast(Cast::Bool).full(),
];

/// Address management of a network. Reference: its `options` are read and dropped.
static IPAM: Object = open![
    row("driver", S, Text).full(),
    row("config", list![object(&POOL)], List(&POOL)).merge(Rule::Pools),
    unprinted("options", LINES).unique(Identity::BeforeEquals).ignored("the reference drops it"),
];

static POOL: Object = swept![
    row("subnet", S, Text).full(),
    row("gateway", S, Text).full(),
    row("ip_range", S, Text).full(),
    row("aux_addresses", LINES, Pairs).full(),
];

const LINES: Shape = map![Names::Line, S, Others::Refused];

/// A volume.
pub static VOLUME: Object = open![
    row("name", S, Text).full(),
    row("driver", S, Text).full(),
    row("driver_opts", DRIVER_OPTIONS, Options).full(),
    row("external", EXTERNAL, Bool).cast(Cast::Bool).full(),
    row("labels", KEY_VALUES, Pairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
];

/// A secret. It has no `content`: what an environment variable holds is never printed.
static SECRET: Object = open![
    row("name", S, Text).ignored(SWARM),
    row("file", S, Text).path(Reading::HOST).full(),
    row("environment", S, Text).full(),
    row("external", EXTERNAL_FILE, Bool).cast(Cast::Bool).refused(NEEDS_SWARM),
    row("labels", KEY_VALUES, Pairs).ignored(SWARM),
    row("driver", S, Text).refused(NEEDS_SWARM),
    row("driver_opts", DRIVER_OPTIONS, StringMap).ignored(SWARM),
    row("template_driver", S, Text).refused(NEEDS_SWARM),
];

static CONFIG: Object = open![
    row("name", S, Text).ignored(SWARM),
    row("file", S, Text).path(Reading::HOST).full(),
    row("environment", S, Text).full(),
    row("content", S, Text).full(),
    row("external", EXTERNAL_FILE, Bool).cast(Cast::Bool).refused(NEEDS_SWARM),
    row("labels", KEY_VALUES, Pairs).ignored(SWARM),
    row("template_driver", S, Text).refused(NEEDS_SWARM),
];

static MODEL: Object = open![
    row("name", S, Text),
    row("model", S, Text).required(),
    row("context_size", I, Int(Width::Int)),
    row("runtime_flags", STRINGS, Texts),
];

/// Networks and volumes made by others; the mapping with a name is the old way to say so.
const EXTERNAL: Shape = Shape::Object { object: &EXTERNAL_NAME, or: &[Kind::Bool, Kind::String] };
static EXTERNAL_NAME: Object = open![unprinted("name", S),];

/// Secrets and configs made by others take any key beside the name.
const EXTERNAL_FILE: Shape = Shape::Object { object: &EXTERNAL_FILE_NAME, or: &[Kind::Bool, Kind::String] };
static EXTERNAL_FILE_NAME: Object = unchecked![unprinted("name", S),];
