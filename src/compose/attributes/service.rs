//! The attributes of a service.

use super::build::BUILD;
use super::canon::Type::{
    Bool, Bytes, Command, Duration, Float, Hosts, Int, List, Map, Named, One, OneOrMoreTexts, OptionalPairs,
    Pairs, ScalarTexts, StringMap, Text, Texts, Ulimits,
};
use super::canon::Width;
use super::deploy::{DEPLOY, GPU, GPUS};
use super::mount::MOUNT;
use super::parts::{
    ATTACHMENT, BLKIO, CREDENTIAL_SPEC, DEPENDENCIES, DEPENDENCY, DEVELOP, DEVICE, ENV_FILE, EXTENDS,
    EXTRA_HOSTS, FILE_REFERENCE, FILE_REFERENCES, HEALTHCHECK, HOOK, LOGGING, MODELS, NETWORKS, PORT,
    PROVIDER, SERVICE_MODEL, ULIMITS,
};
use super::shape::{
    B, BS, COMMAND, IS, KEY_VALUES, Kind, N, NS, S, SET, STRING_OR_LIST, STRING_OR_SET, Shape, list,
    nullable, object, one_of, set,
};
use super::{Object, open, row, unprinted};
use crate::compose::interpolate::Cast;
use crate::compose::merge::{Entry, Rule};
use crate::compose::paths::Reading;
use crate::compose::unique::Identity;
use crate::compose::{defaults, long_form};

const WINDOWS: &str = "only Windows engines have it";
const MODEL_RUNNER: &str = "it needs Docker Model Runner; run the model as a service of its own";
const RUNS_ON_HOST: &str =
    "it runs a program of the host instead of a container; run it yourself, and leave the service out";
const HANDS_OUT_CREDENTIALS: &str = "it hands all registry credentials of the operator to the container; mount `/var/run/docker.sock` if the service \
     needs the engine";

/// A service.
pub static SERVICE: Object = open![
    row("profiles", SET, Texts).unique(Identity::BeforeEquals).full(),
    row("annotations", KEY_VALUES, Pairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("attach", BS, Bool).set().ignored("it is about the output of a foreground `up`"),
    row("build", one_of![S, object(&BUILD)], One(&BUILD))
        .set()
        .merge(Rule::Build)
        .long(long_form::build)
        .fill(defaults::build),
    row("develop", nullable(&DEVELOP), One(&DEVELOP)).set().ignored("it is for `docker compose watch`"),
    row("blkio_config", object(&BLKIO), One(&BLKIO)).set(),
    row("cap_add", SET, Texts).unique(Identity::BeforeEquals).full(),
    row("cap_drop", SET, Texts).unique(Identity::BeforeEquals).full(),
    row("cgroup_parent", S, Text).full(),
    row("cgroup", Shape::Word(&["host", "private"]), Text).full(),
    row("cpu_count", one_of![S, Shape::Range { min: 0, max: i128::MAX }], Int(Width::Int64))
        .cast(Cast::INT64)
        .warned(WINDOWS),
    row("cpu_percent", one_of![S, Shape::Range { min: 0, max: 100 }], Float)
        .cast(Cast::Float)
        .warned(WINDOWS),
    row("cpu_period", NS, Int(Width::Int64)).cast(Cast::INT64).full(),
    row("cpu_quota", NS, Int(Width::Int64)).cast(Cast::INT64).full(),
    row("cpu_rt_period", NS, Int(Width::Int64)).cast(Cast::INT64).full(),
    row("cpu_rt_runtime", NS, Int(Width::Int64)).cast(Cast::INT64).full(),
    row("cpus", NS, Float).cast(Cast::Float32).full(),
    row("cpuset", S, Text).full(),
    row("cpu_shares", NS, Int(Width::Int64)).cast(Cast::INT64).full(),
    row("command", COMMAND, Command).json_always().merge(Rule::Replace).full(),
    row("configs", FILE_REFERENCES, List(&FILE_REFERENCE))
        .unique(Identity::MountTarget(""))
        .long_each(long_form::source),
    row("container_name", CONTAINER_NAME, Text).full(),
    row("credential_spec", object(&CREDENTIAL_SPEC), One(&CREDENTIAL_SPEC))
        .set()
        .refused("it is for Windows containers; remove it"),
    row("depends_on", one_of![SET, DEPENDENCIES], Named(&DEPENDENCY))
        .merge(Rule::Names(Entry::Started))
        .long(long_form::depends_on),
    row("deploy", nullable(&DEPLOY), One(&DEPLOY)).set(),
    row("device_cgroup_rules", SET, Texts).full(),
    row("devices", list![one_of![S, object(&DEVICE)]], List(&DEVICE))
        .unique(Identity::DeviceTarget)
        .long_each(long_form::device),
    row("dns", STRING_OR_SET, OneOrMoreTexts)
        .merge(Rule::Sequence)
        .unique(Identity::BeforeEquals)
        .long(long_form::one_or_many)
        .full(),
    row("dns_opt", SET, Texts).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("dns_search", STRING_OR_SET, OneOrMoreTexts)
        .merge(Rule::Sequence)
        .unique(Identity::BeforeEquals)
        .full(),
    row("domainname", S, Text).full(),
    row("entrypoint", COMMAND, Command).json_always().merge(Rule::Replace).full(),
    row("provider", object(&PROVIDER), One(&PROVIDER)).set().refused(RUNS_ON_HOST),
    row("environment", KEY_VALUES, OptionalPairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("env_file", one_of![S, list![one_of![S, object(&ENV_FILE)]]], List(&ENV_FILE))
        .merge(Rule::Sequence)
        .unique(Identity::EnvFile)
        .long(long_form::one_or_many)
        .long_each(long_form::env_file),
    row("expose", set![NS], ScalarTexts).unique(Identity::Text).full(),
    row("extends", one_of![S, object(&EXTENDS)], One(&EXTENDS)).set().long(long_form::extends),
    row("external_links", SET, Texts).full(),
    row("extra_hosts", EXTRA_HOSTS, Hosts).merge(Rule::Hosts).full(),
    row("group_add", set![NS], Texts).full(),
    row("gpus", GPUS, List(&GPU)).long(long_form::gpus).fill_each(defaults::device_request),
    row("hostname", S, Text).full(),
    row("healthcheck", object(&HEALTHCHECK), One(&HEALTHCHECK)).set(),
    row("image", S, Text).full(),
    row("init", BS, Bool).set().cast(Cast::Bool).full(),
    row("ipc", S, Text).full(),
    row("isolation", S, Text).full(),
    row("labels", KEY_VALUES, Pairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("label_file", STRING_OR_LIST, Texts)
        .merge(Rule::Sequence)
        .long(long_form::one_or_many)
        .path_each(Reading::PLAIN)
        .full(),
    row("links", SET, Texts).unique(Identity::BeforeEquals).full(),
    row("logging", object(&LOGGING), One(&LOGGING)).set().merge(Rule::Logging),
    row("mem_limit", NS, Bytes).full(),
    row("mem_reservation", IS, Bytes).full(),
    row("memswap_limit", NS, Bytes).full(),
    row("mem_swappiness", IS, Bytes).full(),
    row("mac_address", S, Text).full(),
    row("models", one_of![SET, MODELS], Map(&SERVICE_MODEL))
        .merge(Rule::Names(Entry::Null))
        .long(long_form::names)
        .refused(MODEL_RUNNER),
    row("network_mode", S, Text).full(),
    row("networks", one_of![SET, NETWORKS], Map(&ATTACHMENT))
        .merge(Rule::Names(Entry::Null))
        .long(long_form::names),
    row("oom_kill_disable", BS, Bool).cast(Cast::Bool).full(),
    row("oom_score_adj", one_of![S, Shape::Range { min: -1000, max: 1000 }], Int(Width::Int64))
        .cast(Cast::INT64)
        .full(),
    row("pid", Shape::Kinds(&[Kind::String, Kind::Null]), Text).full(),
    row("pids_limit", NS, Int(Width::Int64)).cast(Cast::INT64).full(),
    row("platform", S, Text).full(),
    row("ports", set![one_of![N, S, object(&PORT)]], List(&PORT))
        .unique(Identity::Port)
        .long(long_form::ports)
        .fill_each(defaults::port),
    row("privileged", BS, Bool).cast(Cast::Bool).full(),
    row("pull_policy", PULL_POLICY, Text).full(),
    row("read_only", BS, Bool).cast(Cast::Bool).full(),
    row("restart", S, Text).full(),
    row("runtime", S, Text).full(),
    row("scale", IS, Int(Width::Int)).set().cast(Cast::ATOI).full(),
    row("secrets", FILE_REFERENCES, List(&FILE_REFERENCE))
        .unique(Identity::MountTarget("/run/secrets"))
        .long_each(long_form::source)
        .fill_each(defaults::secret),
    row("security_opt", SET, Texts).full(),
    row("shm_size", NS, Bytes).full(),
    row("stdin_open", BS, Bool).cast(Cast::Bool).full(),
    row("stop_grace_period", S, Duration).set().full(),
    row("stop_signal", S, Text).full(),
    row("storage_opt", Shape::Kinds(&[Kind::Map]), StringMap).full(),
    row("sysctls", KEY_VALUES, Pairs).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("tmpfs", STRING_OR_SET, OneOrMoreTexts).merge(Rule::Sequence).unique(Identity::BeforeEquals).full(),
    row("tty", BS, Bool).cast(Cast::Bool).full(),
    row("ulimits", ULIMITS, Ulimits).merge_each(Rule::ReplaceUnlessNull).cast_each(Cast::ATOI).full(),
    row("use_api_socket", B, Bool).refused(HANDS_OUT_CREDENTIALS),
    row("user", S, Text).full(),
    row("userns_mode", S, Text).full(),
    row("uts", S, Text).full(),
    row("volumes", set![one_of![S, object(&MOUNT)]], List(&MOUNT))
        .unique(Identity::VolumeTarget)
        .long_each(long_form::mount)
        .path_each(Reading::Mount),
    row("volumes_from", SET, Texts).full(),
    row("working_dir", S, Text).full(),
    row("post_start", list![object(&HOOK)], List(&HOOK)),
    row("pre_stop", list![object(&HOOK)], List(&HOOK)),
    unprinted("pull_refresh_after", S).ignored("the reference drops it; use `pull_policy: every_<time>`"),
];

const CONTAINER_NAME: Shape = Shape::Pattern {
    shown: "[a-zA-Z0-9][a-zA-Z0-9_.-]+",
    matches: |text| {
        let then = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_alphanumeric() && then(pair[1]))
    },
};

const PULL_POLICY: Shape = Shape::Pattern {
    shown: "always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+",
    matches: |text| {
        let words = ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];
        words.iter().any(|word| text.contains(word))
            || text.match_indices("every_").any(|(at, found)| begins_with_period(&text[at + found.len()..]))
    },
};

fn begins_with_period(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && unit.starts_with(['w', 'd', 'h', 'm', 's'])
}
