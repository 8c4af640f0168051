//! The top level of a project and the sections beside the services.

use super::service::SERVICE;
use super::shape::{
    BS, DRIVER_OPTIONS, I, KEY_VALUES, Kind, Names, Object, Others, S, STRINGS, Shape, list, map, may, must,
    nullable, object, open,
};

/// A whole project.
pub static PROJECT: Object = open![
    may("configs", named(const { &object(&CONFIG) }, Others::Refused)),
    // It is resolved and removed before the check; the row is here for hints.
    may("include", Shape::Any),
    may("models", named(const { &object(&MODEL) }, Others::Unchecked)),
    may("name", S),
    may("networks", named(const { &nullable(&NETWORK) }, Others::Unchecked)),
    may("secrets", named(const { &object(&SECRET) }, Others::Refused)),
    may("services", named(const { &object(&SERVICE) }, Others::Refused)),
    may("version", S),
    may("volumes", named(const { &nullable(&VOLUME) }, Others::Refused)),
];

const fn named(values: &'static Shape, others: Others) -> Shape {
    Shape::Map { names: Names::Resource, values, others }
}

static NETWORK: Object = open![
    may("attachable", BS),
    may("driver", S),
    may("driver_opts", DRIVER_OPTIONS),
    may("enable_ipv4", BS),
    may("enable_ipv6", BS),
    may("external", EXTERNAL),
    may("internal", BS),
    may("ipam", object(&IPAM)),
    may("labels", KEY_VALUES),
    may("name", S),
];
static IPAM: Object = open![may("config", list![object(&POOL)]), may("driver", S), may("options", LINES)];
static POOL: Object =
    open![may("aux_addresses", LINES), may("gateway", S), may("ip_range", S), may("subnet", S)];
const LINES: Shape = map![Names::Line, S, Others::Refused];

static VOLUME: Object = open![
    may("driver", S),
    may("driver_opts", DRIVER_OPTIONS),
    may("external", EXTERNAL),
    may("labels", KEY_VALUES),
    may("name", S),
];

static SECRET: Object = open![
    may("driver", S),
    may("driver_opts", DRIVER_OPTIONS),
    may("environment", S),
    may("external", EXTERNAL_FILE),
    may("file", S),
    may("labels", KEY_VALUES),
    may("name", S),
    may("template_driver", S),
];

static CONFIG: Object = open![
    may("content", S),
    may("environment", S),
    may("external", EXTERNAL_FILE),
    may("file", S),
    may("labels", KEY_VALUES),
    may("name", S),
    may("template_driver", S),
];

static MODEL: Object =
    open![must("model", S), may("context_size", I), may("name", S), may("runtime_flags", STRINGS)];

/// Networks and volumes made by others; the mapping with a name is the old way to say so.
const EXTERNAL: Shape = Shape::Object { object: &EXTERNAL_NAME, or: &[Kind::Bool, Kind::String] };
static EXTERNAL_NAME: Object = open![may("name", S)];

/// Secrets and configs made by others take any key beside the name.
const EXTERNAL_FILE: Shape = Shape::Object { object: &EXTERNAL_FILE_NAME, or: &[Kind::Bool, Kind::String] };
static EXTERNAL_FILE_NAME: Object = Object { fields: &[may("name", S)], others: Others::Unchecked };
