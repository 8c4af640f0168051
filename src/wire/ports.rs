//! Published and exposed ports.

use super::fields::Refusal;
use crate::model::service::Port;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type ByPort<T> = BTreeMap<String, T>;

/// Every published port and every exposed one, as `port/protocol`.
pub(super) fn exposed(ports: &[Port], expose: &[String]) -> Result<ByPort<Value>, Refusal> {
    let mut all: ByPort<Value> = ports.iter().map(|port| (key(port), json!({}))).collect();
    for entry in expose {
        let (range, protocol) = entry.split_once('/').unwrap_or((entry, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bounds = first.trim().parse::<u16>().ok().zip(last.trim().parse::<u16>().ok());
        let (first, last) = bounds
            .filter(|(first, last)| first <= last)
            .ok_or_else(|| Refusal(format!("`expose` entry `{entry}` is not a port or a range")))?;
        all.extend((first..=last).map(|port| (format!("{port}/{protocol}"), json!({}))));
    }
    Ok(all)
}

/// Host addresses and ports by container port. An entry that stands there twice is sent once.
pub(super) fn bindings(ports: &[Port]) -> ByPort<Vec<Value>> {
    let mut all: ByPort<Vec<Value>> = BTreeMap::new();
    for port in ports {
        let binding = json!({"HostIp": port.host_ip.trim_start_matches('[').trim_end_matches(']'), "HostPort": port.published});
        let bindings = all.entry(key(port)).or_default();
        if !bindings.contains(&binding) {
            bindings.push(binding);
        }
    }
    all
}

fn key(port: &Port) -> String {
    // Name, mode and application protocol tell people and Swarm; a single engine has no use for them.
    let Port { name: _, mode: _, host_ip: _, target, published: _, protocol, app_protocol: _ } = port;
    format!("{target}/{}", if protocol.is_empty() { "tcp" } else { protocol })
}
