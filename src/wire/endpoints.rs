//! Attachment to networks.

use super::fields::Refusal;
use super::fields::{Fields, Gate};
use crate::model::service::Endpoint;
use crate::model::step::{ContainerSpec, EndpointSpec};
use serde_json::{Map, Value};

/// Whether a network mode stands for a network that can have endpoint settings.
fn is_network(mode: &str) -> bool {
    !matches!(mode, "" | "none" | "host" | "disabled") && !mode.starts_with("container:")
}

/// Sets `NetworkingConfig`, and the MAC address where the engine wants it.
pub(super) fn networking(
    body: &mut Fields,
    container: &ContainerSpec,
    mac_address: &str,
    gate: &mut Gate,
) -> Result<(), Refusal> {
    let mode = &container.network_mode;
    let mut endpoints = Map::new();
    for (network, spec) in &container.endpoints {
        endpoints.insert(network.clone(), endpoint(spec, gate)?);
    }
    let primary = container.endpoints.get(mode).map_or("", |spec| &spec.mac_address);
    let mac = if primary.is_empty() { mac_address } else { primary };
    if gate.api < (1, 44) {
        // Before endpoints had one, the container had the address of its primary network.
        body.set("MacAddress", &mac.to_owned());
    } else if !mac.is_empty() && is_network(mode) {
        let entry = endpoints.entry(mode.clone()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(entry) = entry {
            entry.insert("MacAddress".to_owned(), Value::from(mac));
        }
    }
    if !endpoints.is_empty() {
        let mut networking = Fields::default();
        networking.put("EndpointsConfig", endpoints);
        body.put("NetworkingConfig", networking.into_value());
    }
    Ok(())
}

/// Links that do not stand at an endpoint. Where the network mode allows none, the engine says so.
pub(super) fn legacy_links(container: &ContainerSpec) -> &[String] {
    container.endpoints.get(&container.network_mode).map_or(&container.links, |primary| &primary.links)
}

/// Settings of one endpoint, for a creation or for a connection afterwards.
pub(crate) fn endpoint(spec: &EndpointSpec, gate: &mut Gate) -> Result<Value, Refusal> {
    let EndpointSpec { aliases, links, endpoint, mac_address } = spec;
    let Endpoint {
        aliases: _,
        driver_opts,
        gw_priority,
        interface_name,
        ipv4_address,
        ipv6_address,
        link_local_ips,
        mac_address: _,
        // Decides which network is the primary one.
        priority: _,
    } = endpoint;
    let mut fields = Fields::default();
    fields.set("Aliases", aliases);
    fields.set("Links", links);
    let mut ipam = Fields::default();
    ipam.set("IPv4Address", ipv4_address);
    ipam.set("IPv6Address", ipv6_address);
    ipam.set("LinkLocalIPs", link_local_ips);
    fields.set_object("IPAMConfig", ipam);
    let mut options = driver_opts.clone();
    if !interface_name.is_empty() {
        gate.need("networks.interface_name", (1, 49))?;
        options.insert("com.docker.network.endpoint.ifname".to_owned(), interface_name.clone());
    }
    fields.set("DriverOpts", &options);
    if *gw_priority != 0 && gate.takes("networks.gw_priority", (1, 48)) {
        fields.put("GwPriority", gw_priority);
    }
    if gate.api >= (1, 44) {
        fields.set("MacAddress", mac_address);
    }
    Ok(fields.into_value())
}
