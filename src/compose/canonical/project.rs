//! The table of the top level: networks, volumes, secrets, configs and models.

use super::service::SERVICE;
use super::table::Kind::{Bool, Int, List, Map, Named, One, Options, Pairs, StringMap, Text, Texts};
use super::table::{Object, Width, always, closed, json_always, open, plain, set};

/// The whole project, in the order of canonical YAML.
pub static PROJECT: Object = open(&[
    plain("name", Text),
    always("services", Named(&One(&SERVICE))),
    plain("networks", Named(&One(&NETWORK))),
    plain("volumes", Named(&One(&VOLUME))),
    plain("secrets", Named(&One(&SECRET))),
    plain("configs", Named(&One(&CONFIG))),
    plain("models", Map(&One(&MODEL))),
]);

/// A network.
pub static NETWORK: Object = open(&[
    plain("name", Text),
    plain("driver", Text),
    plain("driver_opts", Options),
    json_always("ipam", One(&IPAM)),
    plain("external", Bool),
    plain("internal", Bool),
    plain("attachable", Bool),
    plain("labels", Pairs),
    set("enable_ipv4", Bool),
    set("enable_ipv6", Bool),
]);

/// Address management of a network. Its `options` are dropped (reference: docker compose 2.40).
static IPAM: Object = open(&[plain("driver", Text), plain("config", List(&One(&IPAM_POOL)))]);

static IPAM_POOL: Object = closed(&[
    plain("subnet", Text),
    plain("gateway", Text),
    plain("ip_range", Text),
    plain("aux_addresses", Pairs),
]);

/// A volume.
pub static VOLUME: Object = open(&[
    plain("name", Text),
    plain("driver", Text),
    plain("driver_opts", Options),
    plain("external", Bool),
    plain("labels", Pairs),
]);

/// A secret. It has no `content`: what an environment variable holds is never printed.
static SECRET: Object = open(&[
    plain("name", Text),
    plain("file", Text),
    plain("environment", Text),
    plain("external", Bool),
    plain("labels", Pairs),
    plain("driver", Text),
    plain("driver_opts", StringMap),
    plain("template_driver", Text),
]);

static CONFIG: Object = open(&[
    plain("name", Text),
    plain("file", Text),
    plain("environment", Text),
    plain("content", Text),
    plain("external", Bool),
    plain("labels", Pairs),
    plain("driver", Text),
    plain("driver_opts", StringMap),
    plain("template_driver", Text),
]);

static MODEL: Object = open(&[
    plain("name", Text),
    plain("model", Text),
    plain("context_size", Int(Width::Int)),
    plain("runtime_flags", Texts),
]);
