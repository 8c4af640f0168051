//! What the engine shows of a stack, without what differs from one run to the next.

use super::case::{self, Case};
use crate::lab::{Lab, docker};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Objects and outputs by a readable name.
pub type Recorded = BTreeMap<String, Value>;

/// Lists whose order means nothing.
const UNORDERED: [&str; 9] = [
    "Env",
    "Binds",
    "Links",
    "Aliases",
    "DNSNames",
    "ExtraHosts",
    "Ulimits",
    "Mounts",
    "com.docker.compose.depends_on",
];

/// The engine's API version.
pub fn api() -> (u32, u32) {
    static API: LazyLock<(u32, u32)> =
        LazyLock::new(|| case::version(&docker(&["version", "--format", "{{.Server.APIVersion}}"]).stdout));
    *API
}

/// Everything of the stack.
pub fn record(lab: &Lab, case: &Case) -> Recorded {
    let filter = format!("label=com.docker.compose.project={}", lab.stack("c"));
    let inspect = |list: &[&str], inspect: &[&str]| -> Vec<Value> {
        let found = docker(&[list, &["--filter", &filter]].concat()).stdout;
        let found: Vec<&str> = found.lines().collect();
        if found.is_empty() {
            return Vec::new();
        }
        docker(&[inspect, &found].concat()).exits(0).json().as_array().cloned().unwrap_or_default()
    };
    let ids = ids(lab);
    let mut all = Recorded::new();
    for container in inspect(&["ps", "-aq"], &["inspect"]) {
        all.insert(
            format!("container {}", text(&container["Name"])),
            shown(lab, case, &named(&container, &ids)),
        );
    }
    for network in inspect(&["network", "ls", "-q"], &["network", "inspect"]) {
        all.insert(format!("network {}", text(&network["Name"])), network_shown(case, lab, &network));
    }
    for volume in inspect(&["volume", "ls", "-q"], &["volume", "inspect"]) {
        let shown = pick(&volume, &["Driver", "Options", "Labels", "Scope"]);
        all.insert(format!("volume {}", text(&volume["Name"])), tidy("", shown));
    }
    for (service, line) in &case.looks {
        let output = lab.exec(&format!("c-{service}-1"), line);
        all.insert(format!("output in {service}"), json!(output.stdout + &output.stderr));
    }
    all
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default().trim_start_matches('/')
}

/// Ids of containers and images, long and short, and what stands for them.
fn ids(lab: &Lab) -> Vec<(String, String)> {
    let filter = format!("name={}", lab.prefix);
    let listed = docker(&["ps", "-a", "--no-trunc", "--filter", &filter, "--format", "{{.ID}} {{.Names}}"]);
    let pairs = listed.stdout.lines().filter_map(|line| line.split_once(' '));
    pairs
        .flat_map(|(id, name)| [id, &id[..12]].map(|id| (id.to_owned(), format!("<id of {name}>"))))
        .collect()
}

fn named(value: &Value, ids: &[(String, String)]) -> Value {
    let text = ids.iter().fold(value.to_string(), |text, (id, name)| text.replace(id, name));
    serde_json::from_str(&text).expect("ids are in texts only")
}

fn pick(value: &Value, keys: &[&str]) -> Value {
    let fields = keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(*key)?.clone())));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn shown(lab: &Lab, case: &Case, container: &Value) -> Value {
    let mut all = pick(container, &["Path", "Args", "Image", "Platform", "Config", "HostConfig", "Mounts"]);
    all["Running"] = container["State"]["Running"].clone();
    let endpoints = container["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
    let endpoints = endpoints.map(|(name, endpoint)| (name.clone(), endpoint_shown(lab, case, endpoint)));
    all["Networks"] = Value::Object(endpoints.collect());
    tidy("", all)
}

/// What was asked for of an endpoint. Addresses are the engine's choice unless the file holds them.
fn endpoint_shown(lab: &Lab, case: &Case, endpoint: &Value) -> Value {
    let mut all = pick(endpoint, &["Aliases", "Links", "IPAMConfig", "DriverOpts", "DNSNames", "GwPriority"]);
    for key in ["MacAddress", "IPAddress", "GlobalIPv6Address"] {
        if let Some(address) = endpoint[key].as_str().filter(|address| case.asks_for(lab, address)) {
            all[key] = json!(address);
        }
    }
    all
}

fn network_shown(case: &Case, lab: &Lab, network: &Value) -> Value {
    let keys = [
        "Driver",
        "EnableIPv4",
        "EnableIPv6",
        "IPAM",
        "Internal",
        "Attachable",
        "Options",
        "Labels",
        "Scope",
    ];
    let mut all = pick(network, &keys);
    if let Some(pools) = all["IPAM"]["Config"].as_array_mut() {
        pools.retain(|pool| case.asks_for(lab, text(&pool["Subnet"])));
    }
    tidy("", all)
}

/// Sorts what has no order, drops our own labels, and gives what the engine named at random one name.
fn tidy(key: &str, value: Value) -> Value {
    match value {
        Value::Array(mut items) => {
            if UNORDERED.contains(&key) {
                let place = |item: &Value| {
                    let known = ["Target", "Destination", "Name"].iter().find_map(|key| item[*key].as_str());
                    known.map_or_else(|| item.to_string(), str::to_owned)
                };
                items.sort_by_key(place);
                items.dedup();
            }
            Value::Array(items.into_iter().map(|item| tidy("", item)).collect())
        }
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(key, _)| !key.starts_with("dev.reconcile."));
            Value::Object(kept.map(|(key, value)| (key.clone(), tidy(&key, value))).collect())
        }
        Value::String(text) if UNORDERED.contains(&key) => {
            let mut parts: Vec<&str> = text.split(',').collect();
            parts.sort_unstable();
            json!(parts.join(","))
        }
        Value::String(text) if key == "com.docker.compose.config-hash" => Value::String(text),
        Value::String(text) => json!(without_random_names(&text)),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// Anonymous volumes have names of 64 hexadecimal digits.
fn without_random_names(text: &str) -> String {
    let is_random = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_random(text) || text.starts_with('/') && text.split('/').any(is_random) {
        let parts = text.split('/').map(|part| if is_random(part) { "<anonymous>" } else { part });
        return parts.collect::<Vec<_>>().join("/");
    }
    text.to_owned()
}
