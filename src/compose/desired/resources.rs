//! Networks and volumes in use.

use super::strip::drop_gathered;
use super::{Scope, section, string};
use crate::compose::attributes::{NETWORK, Object, VOLUME};
use crate::compose::canonical::without_extensions;
use crate::compose::node::{Key, Node};
use crate::compose::reference_hash;
use crate::model::compose_hash::InDialects;
use crate::model::desired::{IpamPool, NetworkSpec, VolumeSpec};
use crate::model::service::Pairs;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Network {
    name: String,
    driver: String,
    driver_opts: Pairs,
    ipam: Ipam,
    external: bool,
    internal: bool,
    attachable: bool,
    labels: Pairs,
    enable_ipv4: Option<bool>,
    enable_ipv6: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Ipam {
    driver: String,
    config: Vec<Pool>,
    #[serde(rename = "options")]
    _options: serde::de::IgnoredAny,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Pool {
    subnet: String,
    gateway: String,
    ip_range: String,
    aux_addresses: Pairs,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Volume {
    name: String,
    driver: String,
    driver_opts: Pairs,
    external: bool,
    labels: Pairs,
}

/// The networks that an enabled service is attached to.
pub(super) fn networks(
    scope: &mut Scope<'_>,
    services: &Map<String, Value>,
) -> BTreeMap<String, NetworkSpec> {
    let attached =
        services.values().filter_map(Value::as_object).flat_map(|service| section(service, "networks"));
    let used: BTreeSet<&String> = attached.map(|(key, _)| key).collect();
    let mut networks = BTreeMap::new();
    for (key, map, network) in typed::<Network>(scope, ("networks", &NETWORK), &used) {
        let options = ipam_options(scope, &key);
        let pool = |pool: Pool| IpamPool {
            subnet: pool.subnet,
            gateway: pool.gateway,
            ip_range: pool.ip_range,
            aux_addresses: pool.aux_addresses,
        };
        let spec = NetworkSpec {
            key: key.clone(),
            name: network.name,
            external: network.external,
            driver: network.driver,
            driver_opts: network.driver_opts,
            internal: network.internal,
            attachable: network.attachable,
            enable_ipv4: network.enable_ipv4,
            enable_ipv6: network.enable_ipv6,
            ipam_driver: network.ipam.driver,
            ipam_pools: network.ipam.config.into_iter().map(pool).collect(),
            labels: network.labels,
            compose_hash: InDialects::of(|dialect| reference_hash::network_hash(map, &options, dialect)),
        };
        networks.insert(key, spec);
    }
    networks
}

/// `ipam.options` of a network, which the canonical form has no more.
fn ipam_options(scope: &Scope<'_>, key: &str) -> Pairs {
    let network = scope.project.nodes.get("networks").and_then(|networks| networks.get(key));
    let options = network.and_then(|network| network.get("ipam")?.get("options")?.as_map());
    let pair = |(key, node): (&Key, &Node)| Some((key.name.to_string(), node.as_str()?.to_owned()));
    options.into_iter().flatten().filter_map(pair).collect()
}

/// The volumes that an enabled service mounts.
pub(super) fn volumes(scope: &mut Scope<'_>, services: &Map<String, Value>) -> BTreeMap<String, VolumeSpec> {
    let mounts = services.values().filter_map(|service| service.get("volumes")?.as_array()).flatten();
    let named = mounts.filter_map(Value::as_object).filter(|mount| string(mount, "type") == "volume");
    let used: BTreeSet<&String> = named
        .filter_map(|mount| match mount.get("source") {
            Some(Value::String(source)) => Some(source),
            _ => None,
        })
        .collect();
    let mut volumes = BTreeMap::new();
    for (key, map, volume) in typed::<Volume>(scope, ("volumes", &VOLUME), &used) {
        let spec = VolumeSpec {
            key: key.clone(),
            name: volume.name,
            external: volume.external,
            driver: volume.driver,
            driver_opts: volume.driver_opts,
            labels: volume.labels,
            compose_hash: InDialects::of(|_| reference_hash::volume_hash(map)),
        };
        volumes.insert(key, spec);
    }
    volumes
}

/// The used entries of a section, typed. One that cannot be typed is an error in this program, and is named.
fn typed<'a, T: for<'de> Deserialize<'de>>(
    scope: &mut Scope<'a>,
    (kind, shape): (&str, &Object),
    used: &BTreeSet<&String>,
) -> Vec<(String, &'a Map<String, Value>, T)> {
    let mut found = Vec::new();
    let project = scope.project;
    for (key, value) in section(&project.tree, kind).iter().filter(|(key, _)| used.contains(key)) {
        let Some(map) = value.as_object() else { continue };
        let mut stripped = Value::Object(without_extensions(shape, map));
        drop_gathered(&mut stripped);
        if let Ok(typed) = T::deserialize(stripped) {
            found.push((key.clone(), map, typed));
        } else {
            let keys: Vec<&str> = map.keys().map(String::as_str).collect();
            let message = format!("internal error: one of its keys is not mapped: {}", keys.join(", "));
            scope.report.error(&[kind, key], message);
        }
    }
    found
}
