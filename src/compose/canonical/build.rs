//! The table of `build`.

use super::service::FILE_REFERENCE;
use super::table::Kind::{
    Bool, Bytes, Hosts, List, Map, One, OneOrMoreTexts, OptionalPairs, Pairs, Ssh, Text, Texts, Ulimit,
};
use super::table::{Object, open, plain};

/// How an image is built.
pub static BUILD: Object = open(&[
    plain("context", Text),
    plain("dockerfile", Text),
    plain("dockerfile_inline", Text),
    plain("entitlements", Texts),
    plain("args", OptionalPairs),
    plain("provenance", Text),
    plain("sbom", Text),
    plain("ssh", Ssh),
    plain("labels", Pairs),
    plain("cache_from", OneOrMoreTexts),
    plain("cache_to", OneOrMoreTexts),
    plain("no_cache", Bool),
    plain("additional_contexts", Pairs),
    plain("pull", Bool),
    plain("extra_hosts", Hosts),
    plain("isolation", Text),
    plain("network", Text),
    plain("target", Text),
    plain("secrets", List(&One(&FILE_REFERENCE))),
    plain("shm_size", Bytes),
    plain("tags", OneOrMoreTexts),
    plain("ulimits", Map(&Ulimit)),
    plain("platforms", OneOrMoreTexts),
    plain("privileged", Bool),
]);
