//! How an image is built.

use super::canon::Type::{
    Bool, Bytes, Hosts, List, OneOrMoreTexts, OptionalPairs, Pairs, Ssh, Text, Texts, Ulimits,
};
use super::parts::{EXTRA_HOSTS, FILE_REFERENCE, FILE_REFERENCES};
use super::shape::{BS, IS, KEY_VALUES, Names, Others, S, STRINGS, Shape, map, object, one_of};
use super::{Object, open, row, unprinted};
use crate::compose::long_form;
use crate::compose::merge::Rule;
use crate::compose::paths::Reading;
use crate::compose::support::Status;
use crate::compose::unique::Identity;

const BUILDKIT: &str = "it needs a BuildKit session, which this version does not open; build such images with your own \
                        tools and name them in `image:`";
const NO_ATTESTATION: &str = "no attestation is made for images that stay on the engine";
const ONE_PLATFORM: &str = "an engine keeps an image of one platform; keep the one that the service runs on";

pub(super) static BUILD: Object = open![
    row("context", S, Text).path(Reading::CONTEXT).full(),
    row("dockerfile", S, Text).full(),
    row("dockerfile_inline", S, Text).full(),
    row("entitlements", STRINGS, Texts).refused(BUILDKIT),
    row("args", KEY_VALUES, OptionalPairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("provenance", BS, Text).long(long_form::to_text).warned(NO_ATTESTATION),
    row("sbom", BS, Text).long(long_form::to_text).warned(NO_ATTESTATION),
    row("ssh", KEY_VALUES, Ssh).long(long_form::ssh).path_each(Reading::HOST).refused(BUILDKIT),
    row("labels", KEY_VALUES, Pairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("cache_from", STRINGS, OneOrMoreTexts).full(),
    row("cache_to", STRINGS, OneOrMoreTexts).warned("layers are kept in the engine's own cache only"),
    row("no_cache", BS, Bool).full(),
    row("additional_contexts", KEY_VALUES, Pairs)
        .merge(Rule::Sequence)
        .unique(Identity::BeforeEquals)
        .long(long_form::key_values)
        .path_each(Reading::CONTEXT)
        .refused(BUILDKIT),
    row("pull", BS, Bool).full(),
    row("extra_hosts", EXTRA_HOSTS, Hosts).merge(Rule::Hosts).full(),
    row("isolation", S, Text).full(),
    row("network", S, Text).full(),
    row("target", S, Text).full(),
    row("secrets", FILE_REFERENCES, List(&FILE_REFERENCE)).long_each(long_form::source).refused(BUILDKIT),
    row("shm_size", IS, Bytes).full(),
    row("tags", STRINGS, OneOrMoreTexts).unique(Identity::BeforeEquals).full(),
    row("ulimits", ULIMITS, Ulimits).long_each(long_form::build_ulimit).full(),
    row("platforms", STRINGS, OneOrMoreTexts).full().narrowed(&[("[1]", Status::Refused(ONE_PLATFORM))]),
    row("privileged", BS, Bool).refused(BUILDKIT),
];

/// Limits of processes while an image is built. Unlike those of a service they are not read from text.
const ULIMITS: Shape = map![Names::Lowercase, one_of![IS, object(&ULIMIT)], Others::Unchecked];
static ULIMIT: Object = open![unprinted("soft", IS).required(), unprinted("hard", IS).required()];
