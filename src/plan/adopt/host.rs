//! `HostConfig`: what a container is given of the host. The engine fills in defaults, some of them its owner's.

use super::value::{Values, entries_of, set, text_of, texts, tidy};
use super::{Comparison, differs, entries};
use crate::model::change::{Cause, CauseKind};
use crate::model::inspected::UPDATABLE;
use crate::wire;
use serde_json::{Value, json};

/// How a field is compared.
#[derive(Clone, Copy)]
enum How {
    /// As it is; empty, zero and false are no value.
    Plain,
    /// A list without order.
    Set,
    /// An object, entry by entry.
    Entries,
    /// As it is, unless nothing is asked for and this is what the engine gives then.
    Default(fn(&Comparison, &Value) -> bool),
    /// By a rule of its own, of what is found and what is wanted.
    Judged(fn(&Comparison, &Value, &Value) -> bool),
}

/// Engine's field, Compose's attribute. `tests::every_field_is_compared` checks that none is missing.
const FIELDS: &[(&str, &str, How)] = &[
    ("Annotations", "annotations", How::Entries),
    ("Dns", "dns", How::Plain),
    ("DnsOptions", "dns_opt", How::Plain),
    ("DnsSearch", "dns_search", How::Plain),
    ("ExtraHosts", "extra_hosts", How::Set),
    ("RestartPolicy", "restart", How::Default(|_, found| text_of(&found["Name"]) == "no")),
    ("LogConfig", "logging", How::Judged(is_same_log)),
    ("Init", "init", How::Plain),
    ("Runtime", "runtime", How::Default(|with, found| text_of(found) == with.defaults().runtime)),
    ("Isolation", "isolation", How::Default(|_, found| text_of(found) == "default")),
    ("CgroupParent", "cgroup_parent", How::Plain),
    ("CgroupnsMode", "cgroup", How::Default(is_default_cgroup)),
    ("IpcMode", "ipc", How::Default(|_, found| text_of(found) == "private")),
    ("PidMode", "pid", How::Plain),
    ("UTSMode", "uts", How::Plain),
    ("UsernsMode", "userns_mode", How::Plain),
    ("Privileged", "privileged", How::Plain),
    ("ReadonlyRootfs", "read_only", How::Plain),
    ("CapAdd", "cap_add", How::Set),
    ("CapDrop", "cap_drop", How::Set),
    ("GroupAdd", "group_add", How::Set),
    ("SecurityOpt", "security_opt", How::Set),
    ("NanoCpus", "cpus", How::Plain),
    ("CpuShares", "cpu_shares", How::Plain),
    ("CpuPeriod", "cpu_period", How::Plain),
    ("CpuQuota", "cpu_quota", How::Plain),
    ("CpuRealtimePeriod", "cpu_rt_period", How::Plain),
    ("CpuRealtimeRuntime", "cpu_rt_runtime", How::Plain),
    ("CpusetCpus", "cpuset", How::Plain),
    ("CpuCount", "cpu_count", How::Plain),
    ("CpuPercent", "cpu_percent", How::Plain),
    ("Memory", "mem_limit", How::Plain),
    ("MemoryReservation", "mem_reservation", How::Plain),
    ("MemorySwap", "memswap_limit", How::Default(is_default_swap)),
    ("MemorySwappiness", "mem_swappiness", How::Default(|_, found| found.as_i64() == Some(-1))),
    ("OomKillDisable", "oom_kill_disable", How::Plain),
    ("OomScoreAdj", "oom_score_adj", How::Plain),
    ("PidsLimit", "pids_limit", How::Plain),
    ("ShmSize", "shm_size", How::Default(|_, found| found.as_i64() == Some(64 << 20))),
    ("Ulimits", "ulimits", How::Set),
    ("BlkioWeight", "blkio_config.weight", How::Plain),
    ("BlkioWeightDevice", "blkio_config.weight_device", How::Set),
    ("BlkioDeviceReadBps", "blkio_config.device_read_bps", How::Set),
    ("BlkioDeviceReadIOps", "blkio_config.device_read_iops", How::Set),
    ("BlkioDeviceWriteBps", "blkio_config.device_write_bps", How::Set),
    ("BlkioDeviceWriteIOps", "blkio_config.device_write_iops", How::Set),
    ("Devices", "devices", How::Set),
    ("DeviceRequests", "gpus", How::Set),
    ("DeviceCgroupRules", "device_cgroup_rules", How::Set),
    ("StorageOpt", "storage_opt", How::Entries),
    ("Sysctls", "sysctls", How::Entries),
    ("Tmpfs", "tmpfs", How::Entries),
    ("VolumesFrom", "volumes_from", How::Set),
];

/// Fields that other parts compare: ports, mounts, networks.
#[cfg(test)]
pub(super) const ELSEWHERE: [&str; 7] =
    ["Binds", "Mounts", "NetworkMode", "PortBindings", "Links", "MaskedPaths", "ReadonlyPaths"];

/// Whether a field is compared here.
#[cfg(test)]
pub(super) fn covers(field: &str) -> bool {
    FIELDS.iter().any(|(known, _, _)| *known == field)
}

/// Compares all that `HostConfig` holds, mounts and networks left out.
pub(super) fn compare(comparison: &Comparison, causes: &mut Vec<Cause>) {
    let (wanted, found) = (&comparison.body["HostConfig"], &comparison.inspected.host);
    for (field, attribute, how) in FIELDS {
        let old = normal(comparison, field, &found[*field]);
        let new = normal(comparison, field, &wanted[*field]);
        if let How::Entries = how {
            entries(attribute, &entries_of(&old), &entries_of(&new), causes);
        } else if !is_same(comparison, *how, &old, &new) {
            causes.push(differs(*attribute, &worded(field, &old), &worded(field, &new)));
        }
    }
    // Empty lists hide nothing; none at all is the engine's own list.
    for (field, path) in [("MaskedPaths", "masked"), ("ReadonlyPaths", "read-only")] {
        let is_open = |value: &Value| value[field].as_array().is_some_and(Vec::is_empty);
        if is_open(found) != is_open(wanted) && found["Privileged"] != true {
            let words = |open: bool| json!(if open { "unconfined" } else { "confined" });
            let path = format!("security_opt ({path} system paths)");
            causes.push(differs(path, &words(is_open(found)), &words(is_open(wanted))));
        }
    }
    ports(wanted, found, causes);
}

fn is_same(comparison: &Comparison, how: How, old: &Value, new: &Value) -> bool {
    match how {
        How::Plain => tidy(old) == tidy(new),
        How::Set => set(old) == set(new),
        How::Entries => entries_of(old) == entries_of(new),
        How::Judged(is_same) => is_same(comparison, old, new),
        How::Default(is_default) => {
            tidy(old) == tidy(new) || tidy(new).is_null() && is_default(comparison, old)
        }
    }
}

/// What `docker update` changed of what this program asked for. An engine whose kernel lacks a limit leaves it out of what it
/// was asked for, and would do so again: no limit in place of one is not believed to be anybody's work. The restart policy
/// depends on nothing.
pub(super) fn updated(comparison: &Comparison) -> Vec<Cause> {
    let (wanted, found) = (&comparison.body["HostConfig"], &comparison.inspected.host);
    let mut causes = Vec::new();
    for (field, attribute, how) in FIELDS.iter().filter(|(field, _, _)| UPDATABLE.contains(field)) {
        let old = normal(comparison, field, &found[*field]);
        let new = normal(comparison, field, &wanted[*field]);
        let is_left_out = *field != "RestartPolicy" && (tidy(&old).is_null() || old.as_i64() == Some(-1));
        if !is_left_out && !is_same(comparison, *how, &old, &new) {
            // As they are: `no` in place of `always` says more than nothing does.
            let [old, new] = [found, wanted].map(|host| worded(field, &host[*field]));
            let cause = differs(*attribute, &old, &new);
            causes.push(Cause { kind: CauseKind::Drift, ..cause });
        }
    }
    causes
}

/// A value as a compose file says it.
fn worded(field: &str, value: &Value) -> Value {
    const MIB: i64 = 1 << 20;
    match (field, value.as_i64()) {
        ("Memory" | "MemoryReservation" | "MemorySwap", Some(bytes)) if bytes >= MIB && bytes % MIB == 0 => {
            json!(format!("{}m", bytes / MIB))
        }
        ("NanoCpus", Some(nanos)) if nanos > 0 => {
            let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
            json!(text.trim_end_matches('0').trim_end_matches('.'))
        }
        ("RestartPolicy", _) => match (text_of(&value["Name"]), value["MaximumRetryCount"].as_i64()) {
            ("", _) => Value::Null,
            (name, None | Some(0)) => json!(name),
            (name, Some(count)) => json!(format!("{name}:{count}")),
        },
        _ => tidy(value),
    }
}

/// A field's value in the form that both sides have in common.
fn normal(comparison: &Comparison, field: &str, value: &Value) -> Value {
    match field {
        "IpcMode" | "PidMode" => match text_of(value).strip_prefix("container:") {
            Some(reference) => json!(format!("container:{}", comparison.container_name(reference))),
            None => value.clone(),
        },
        "VolumesFrom" => texts(value).map(|from| taken_from(comparison, from)).collect(),
        "CapAdd" => json!(wire::capabilities(&owned(value), &[]).0),
        "CapDrop" => json!(wire::capabilities(&[], &owned(value)).1),
        "SecurityOpt" => security(comparison, value),
        "RestartPolicy" if text_of(&value["Name"]) == "no" => Value::Null,
        // The engine makes no limit of both.
        "PidsLimit" if value.as_i64() == Some(-1) => Value::Null,
        _ => value.clone(),
    }
}

fn owned(value: &Value) -> Vec<String> {
    texts(value).map(str::to_owned).collect()
}

/// Names in place of ids; what may be written is the default.
fn taken_from(comparison: &Comparison, from: &str) -> Value {
    let (reference, mode) = from.split_once(':').unwrap_or((from, ""));
    let name = comparison.container_name(reference);
    json!(if matches!(mode, "" | "rw") { name.to_owned() } else { format!("{name}:{mode}") })
}

/// Options with one separator. A profile's text is the file's business (see `contents`), and sharing the host's
/// namespaces makes the engine switch labels off by itself.
fn security(comparison: &Comparison, value: &Value) -> Value {
    let host = &comparison.body["HostConfig"];
    let is_open = host["Privileged"] == true || host["PidMode"] == "host" || host["IpcMode"] == "host";
    let asked: Vec<&str> = texts(&host["SecurityOpt"]).collect();
    let kept = texts(value).filter(|option| {
        let is_automatic = matches!(*option, "label=disable" | "label:disable");
        !(is_automatic && is_open) || asked.contains(option)
    });
    kept.map(|option| {
        let option = option.replacen(':', "=", usize::from(!option.contains('=')));
        let is_profile = |text: &str| text.trim_start().starts_with('{');
        match option.split_once('=') {
            Some(("no-new-privileges", "true")) => json!("no-new-privileges"),
            Some(("seccomp", text)) if is_profile(text) => json!("seccomp=(a profile)"),
            Some(_) if wire::profile_file(&option).is_some() => json!("seccomp=(a profile)"),
            _ => json!(option),
        }
    })
    .collect()
}

/// No driver is the engine's own, and to that one the engine adds the options that its owner gave it by default.
fn is_same_log(comparison: &Comparison, found: &Value, wanted: &Value) -> bool {
    let default = comparison.defaults().log_driver.as_str();
    let driver = |log: &Value| match text_of(&log["Type"]) {
        "" => default.to_owned(),
        driver => driver.to_owned(),
    };
    let (old, new) = (entries_of(&found["Config"]), entries_of(&wanted["Config"]));
    driver(found) == driver(wanted)
        && new.iter().all(|(key, value)| old.get(key) == Some(value))
        && (driver(found) == default || old.len() == new.len())
}

/// By the version of the kernel's control groups.
fn is_default_cgroup(comparison: &Comparison, found: &Value) -> bool {
    let is_host =
        comparison.defaults().cgroup_version == "1" || comparison.body["HostConfig"]["Privileged"] == true;
    text_of(found) == if is_host { "host" } else { "private" }
}

/// Twice the memory, or nothing that the engine could limit.
fn is_default_swap(comparison: &Comparison, found: &Value) -> bool {
    let memory = comparison.body["HostConfig"]["Memory"].as_i64().unwrap_or_default();
    memory > 0 && found.as_i64().is_some_and(|swap| swap == -1 || swap == 2 * memory)
}

/// Bindings by container port, in no order, each once.
fn ports(wanted: &Value, found: &Value, causes: &mut Vec<Cause>) {
    let bindings = |host: &Value| -> Values {
        let all = host["PortBindings"].as_object().into_iter().flatten();
        let all = all.map(|(port, bindings)| {
            let texts = bindings.as_array().into_iter().flatten().map(binding);
            let mut texts: Vec<String> = texts.collect();
            texts.sort();
            texts.dedup();
            (port.clone(), json!(texts.join(", ")))
        });
        all.filter(|(_, bindings)| !text_of(bindings).is_empty()).collect()
    };
    entries("ports", &bindings(found), &bindings(wanted), causes);
}

fn binding(binding: &Value) -> String {
    let (address, port) = (text_of(&binding["HostIp"]), text_of(&binding["HostPort"]));
    let port = if matches!(port, "" | "0") { "any free port" } else { port };
    match address {
        "" => port.to_owned(),
        address if address.contains(':') => format!("[{address}]:{port}"),
        address => format!("{address}:{port}"),
    }
}
