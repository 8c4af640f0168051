//! The engine's list answers, read tolerantly: unknown fields and words are fine, and so is null for anything.

use super::status;
use crate::model::observed::{
    ContainerState, ObservedContainer, ObservedImage, ObservedMount, ObservedNetwork, ObservedVolume,
};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};

type Texts = BTreeMap<String, String>;

/// The default in place of null.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    input: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

/// A struct whose fields may be missing or null.
macro_rules! answer {
    ($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub(super) struct $name {
            $($(#[$attribute])* #[serde(deserialize_with = "or_default")] pub $field: $type),*
        }
    };
}

answer! {
    /// An entry of `/containers/json`.
    Container {
        id: String,
        names: Vec<String>,
        #[serde(rename = "ImageID")]
        image_id: String,
        labels: Texts,
        state: String,
        status: String,
        created: i64,
        ports: Vec<Port>,
        mounts: Vec<Mount>,
        host_config: HostConfig,
        network_settings: NetworkSettings,
    }
}

answer! {
    Port {
        #[serde(rename = "IP")]
        ip: String,
        #[serde(rename = "PublicPort")]
        public: u16,
        #[serde(rename = "Type")]
        protocol: String,
    }
}

answer! {
    Mount {
        #[serde(rename = "Type")]
        kind: String,
        name: String,
        source: String,
        destination: String,
        #[serde(rename = "RW")]
        writable: bool,
    }
}

answer! {
    HostConfig { network_mode: String }
}

answer! {
    NetworkSettings { networks: BTreeMap<String, Endpoint> }
}

answer! {
    Endpoint {
        #[serde(rename = "NetworkID")]
        network_id: String,
    }
}

answer! {
    /// An entry of `/networks`.
    Network {
        id: String,
        name: String,
        driver: String,
        options: Texts,
        internal: bool,
        attachable: bool,
        #[serde(rename = "EnableIPv6")]
        enable_ipv6: bool,
        #[serde(rename = "IPAM")]
        ipam: Ipam,
        labels: Texts,
    }
}

answer! {
    Ipam { config: Vec<Pool> }
}

answer! {
    Pool { subnet: String, gateway: String }
}

answer! {
    /// The answer of `/volumes`.
    Volumes { volumes: Vec<Volume> }
}

answer! {
    /// A volume.
    Volume { name: String, driver: String, options: Texts, labels: Texts }
}

answer! {
    /// An entry of `/images/json`.
    Image { id: String, repo_tags: Vec<String>, repo_digests: Vec<String>, labels: Texts, created: i64 }
}

impl Container {
    /// The container in the model's words. `networks` are all networks, to fill in ids that the list leaves out.
    pub(super) fn observed(self, networks: &[ObservedNetwork]) -> ObservedContainer {
        let name = own_name(&self.names);
        let state = status::state(&self.state, &self.status);
        let up = matches!(state, ContainerState::Running | ContainerState::Restarting);
        let attached = self.network_settings.networks;
        ObservedContainer {
            id: self.id,
            name,
            labels: self.labels,
            image_id: self.image_id,
            state,
            health: if up { status::health(&self.status) } else { None },
            created: self.created,
            network_mode: self.host_config.network_mode,
            networks: attached
                .into_iter()
                .map(|(name, endpoint)| {
                    let id = network_id(&name, endpoint.network_id, networks);
                    (name, id)
                })
                .collect(),
            mounts: self.mounts.into_iter().map(Mount::observed).collect(),
            ports: published(&self.ports),
        }
    }
}

/// A container that others link to is also listed under `/other/alias`.
fn own_name(names: &[String]) -> String {
    let own = names.iter().find(|name| !name.trim_start_matches('/').contains('/')).or(names.first());
    own.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

/// Before its first start a container has no network id yet, and podman 4 gives the name in its place.
fn network_id(name: &str, id: String, networks: &[ObservedNetwork]) -> String {
    if !id.is_empty() && id != name {
        return id;
    }
    let mut named = networks.iter().filter(|network| network.name == name);
    match (named.next(), named.next()) {
        (Some(network), None) => network.id.clone(),
        _ => id,
    }
}

fn published(ports: &[Port]) -> BTreeSet<(String, u16, String)> {
    ports
        .iter()
        .filter(|port| port.public != 0)
        .map(|port| (port.ip.clone(), port.public, port.protocol.clone()))
        .collect()
}

impl Mount {
    fn observed(self) -> ObservedMount {
        ObservedMount {
            kind: self.kind,
            name: self.name,
            source: self.source,
            target: self.destination,
            writable: self.writable,
        }
    }
}

impl Network {
    /// The network in the model's words.
    pub(super) fn observed(self) -> ObservedNetwork {
        ObservedNetwork {
            id: self.id,
            name: self.name,
            driver: self.driver,
            driver_opts: self.options,
            internal: self.internal,
            attachable: self.attachable,
            enable_ipv6: self.enable_ipv6,
            pools: self.ipam.config.into_iter().map(|pool| (pool.subnet, pool.gateway)).collect(),
            labels: self.labels,
        }
    }
}

impl Volume {
    /// The volume in the model's words.
    pub(super) fn observed(self) -> ObservedVolume {
        ObservedVolume {
            name: self.name,
            driver: self.driver,
            driver_opts: self.options,
            labels: self.labels,
        }
    }
}

impl Image {
    /// The image in the model's words.
    pub(super) fn observed(self) -> ObservedImage {
        let named = |names: Vec<String>| names.into_iter().filter(|name| !name.contains("<none>")).collect();
        ObservedImage {
            id: self.id,
            tags: named(self.repo_tags),
            digests: named(self.repo_digests),
            labels: self.labels,
            created: self.created,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Container, Image, Volumes};
    use crate::model::observed::{ContainerState, Health, ObservedNetwork};

    const CONTAINER: &str = r#"{"Id":"c1","Names":["/other/db","/p-db-1"],"ImageID":"sha256:a","State":"running",
        "Status":"Up 3 seconds (healthy)","Created":5,"Labels":{"a":"b"},"SizeRw":null,"Novelty":{"x":[1]},
        "Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},{"PrivatePort":90,"Type":"tcp"}],
        "HostConfig":{"NetworkMode":"p_default"},
        "NetworkSettings":{"Networks":{"p_default":{"NetworkID":"","IPAMConfig":null},"x":{"NetworkID":"n2"}}},
        "Mounts":[{"Type":"volume","Name":"v","Source":"/s","Destination":"/d","RW":true,"Mode":"z"}]}"#;

    #[test]
    fn a_container_is_read_without_a_call_of_its_own() {
        let network =
            ObservedNetwork { id: "n1".into(), name: "p_default".into(), ..ObservedNetwork::default() };
        let container: Container = serde_json::from_str(CONTAINER).expect("container");
        let container = container.observed(&[network]);
        assert_eq!(container.name, "p-db-1");
        assert_eq!(container.state, ContainerState::Running);
        assert_eq!(container.health, Some(Health::Healthy));
        assert_eq!(container.networks.get("p_default").map(String::as_str), Some("n1"));
        assert_eq!(container.networks.get("x").map(String::as_str), Some("n2"));
        assert_eq!(container.ports.len(), 1);
        assert_eq!(container.mounts.first().map(|mount| mount.name.as_str()), Some("v"));
    }

    #[test]
    fn nulls_and_missing_fields_are_fine() {
        let container: Container = serde_json::from_str(
            r#"{"Id":"c","Names":null,"Labels":null,"Ports":null,"NetworkSettings":null}"#,
        )
        .expect("container");
        assert_eq!(container.observed(&[]).state, ContainerState::Unknown);
        let volumes: Volumes = serde_json::from_str(r#"{"Volumes":null}"#).expect("volumes");
        assert!(volumes.volumes.is_empty());
        let image: Image =
            serde_json::from_str(r#"{"Id":"i","RepoTags":["<none>:<none>"],"RepoDigests":null}"#)
                .expect("image");
        assert!(image.observed().tags.is_empty());
    }
}
