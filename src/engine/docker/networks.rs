//! Networks and volumes.

use super::DockerEngine;
use super::api::{Call, escape};
use super::containers::done;
use super::lists::{Container, Network, Volume};
use crate::engine::EngineError;
use crate::model::desired::{IpamPool, NetworkSpec, VolumeSpec};
use crate::model::labels;
use crate::model::report::Outcome;
use crate::model::service::Pairs;
use crate::model::step::{ContainerRef, EndpointSpec};
use crate::wire::{Fields, Gate, endpoint};
use serde_json::{Value, json};
use std::time::Duration;

/// How often the removal of a network is tried: the engine lets go of a removed container's endpoint a little later.
const REMOVAL_TRIES: u32 = 8;

fn merged(user: &Pairs, ours: &Pairs) -> Pairs {
    user.iter().chain(ours).map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl DockerEngine {
    pub(super) async fn create_network(
        &self,
        spec: &NetworkSpec,
        labels: &Pairs,
    ) -> Result<Outcome, EngineError> {
        let mut gate = Gate::new(self.info.api);
        let labels = merged(&spec.labels, labels);
        let body = network_body(spec, &labels, &mut gate);
        // Engines before 25 make a second network of the same name.
        if let Some(found) = self.network_named(&spec.name).await? {
            return same_network(&found, &labels);
        }
        match self.api.send(Call::post("/networks/create").json(&body)).await {
            Ok(_) => Ok(done(&gate.warnings)),
            Err(error @ EngineError::Api { status: 409, .. }) => {
                match self.network_named(&spec.name).await? {
                    Some(found) => same_network(&found, &labels),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn network_named(&self, name: &str) -> Result<Option<Network>, EngineError> {
        let filter = json!({"name": [name]}).to_string();
        // The filter takes parts of names too.
        let found: Vec<Network> = self.api.read(Call::get("/networks").query("filters", &filter)).await?;
        Ok(found.into_iter().find(|network| network.name == name))
    }

    pub(super) async fn remove_network(&self, id: &str) -> Result<Outcome, EngineError> {
        let mut pause = Duration::from_millis(50);
        for _ in 1..REMOVAL_TRIES {
            match self.delete_network(id).await {
                Err(EngineError::Api { status: 403 | 409, .. }) => tokio::time::sleep(pause).await,
                ended => return ended,
            }
            pause = (pause * 2).min(Duration::from_millis(800));
        }
        self.delete_network(id).await
    }

    async fn delete_network(&self, id: &str) -> Result<Outcome, EngineError> {
        if self.info.podman {
            self.refuse_if_used(id).await?;
        }
        match self.api.send(Call::delete(format!("/networks/{}", escape(id)))).await {
            Ok(_) => Ok(Outcome::Done),
            Err(EngineError::Api { status: 404, .. }) => Ok(Outcome::AlreadyDone),
            Err(error) => Err(error),
        }
    }

    /// Podman removes a network by its id under the containers that run on it.
    async fn refuse_if_used(&self, id: &str) -> Result<(), EngineError> {
        let (networks, containers) = tokio::try_join!(
            self.api.read::<Vec<Network>>(Call::get("/networks")),
            self.api.read::<Vec<Container>>(Call::get("/containers/json")),
        )?;
        let networks: Vec<_> = networks.into_iter().map(Network::observed).collect();
        let users = containers.into_iter().map(|container| container.observed(&networks));
        let users: Vec<String> = users
            .filter(|user| user.is_up() && user.networks.values().any(|network| network == id))
            .map(|user| user.name)
            .collect();
        if users.is_empty() {
            return Ok(());
        }
        let message = format!("network {id} has active endpoints: {}", users.join(", "));
        Err(EngineError::Api { status: 409, message })
    }

    pub(super) async fn connect_network(
        &self,
        container: &ContainerRef,
        network: &str,
        spec: &EndpointSpec,
    ) -> Result<Outcome, EngineError> {
        let name = container.engine_ref();
        let mut gate = Gate::new(self.info.api);
        let settings = endpoint(spec, &mut gate)?;
        if !spec.mac_address.is_empty() && self.info.api < (1, 44) {
            gate.warnings
                .push(format!("`mac_address` on network {network} has no effect: this engine gives its own"));
        }
        self.disconnect_without_address(name, network, &settings["IPAMConfig"]).await?;
        let body = json!({"Container": name, "EndpointConfig": settings});
        let call = Call::post(format!("/networks/{}/connect", escape(network))).json(&body);
        match self.api.send(call).await {
            Ok(_) => Ok(done(&gate.warnings)),
            Err(error @ EngineError::Api { status: 403 | 409 | 500, .. }) => {
                let attached = self.inspect(name).await?.network_settings.networks.contains_key(network);
                if attached { Ok(Outcome::AlreadyDone) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Disconnects a container that does not run from a network in which it is to have another address: engines from 25 on
    /// take the connection for made already, and answer with success.
    async fn disconnect_without_address(
        &self,
        container: &str,
        network: &str,
        addresses: &Value,
    ) -> Result<(), EngineError> {
        if addresses.is_null() {
            return Ok(());
        }
        let found = self.inspect(container).await?;
        let attached = found.network_settings.networks.get(network);
        let is_wanted = |attached: &Value| {
            let wanted = addresses.as_object().into_iter().flatten();
            wanted.into_iter().all(|(key, value)| attached["IPAMConfig"][key] == *value)
        };
        if found.state.status == "running" || attached.is_none_or(is_wanted) {
            return Ok(());
        }
        let call = Call::post(format!("/networks/{}/disconnect", escape(network)));
        self.api.send(call.json(&json!({"Container": container}))).await.map(drop)
    }

    /// The engine gives an existing volume back without a word; looking first tells done from done already.
    pub(super) async fn create_volume(
        &self,
        spec: &VolumeSpec,
        labels: &Pairs,
    ) -> Result<Outcome, EngineError> {
        match self.api.read::<Volume>(Call::get(format!("/volumes/{}", escape(&spec.name)))).await {
            Ok(found) if found.driver == spec.driver() => return Ok(Outcome::AlreadyDone),
            Ok(found) => {
                return Err(EngineError::Failed(format!(
                    "volume {} exists with the driver `{}`, and `{}` is wanted; it was left as it is",
                    spec.name,
                    found.driver,
                    spec.driver()
                )));
            }
            Err(EngineError::Api { status: 404, .. }) => {}
            Err(error) => return Err(error),
        }
        let mut body = Fields::default();
        body.put("Name", &spec.name);
        body.put("Driver", spec.driver());
        body.set("DriverOpts", &spec.driver_opts);
        body.put("Labels", merged(&spec.labels, labels));
        self.api.send(Call::post("/volumes/create").json(&body.into_value())).await?;
        Ok(Outcome::Done)
    }
}

/// A network of the same name is the wanted one if it carries the same hash.
fn same_network(found: &Network, labels: &Pairs) -> Result<Outcome, EngineError> {
    if found.labels.get(labels::HASH) == labels.get(labels::HASH) && labels.contains_key(labels::HASH) {
        return Ok(Outcome::AlreadyDone);
    }
    Err(EngineError::Failed(format!(
        "a network named {} exists already and is another one; it was left as it is",
        found.name
    )))
}

fn network_body(spec: &NetworkSpec, labels: &Pairs, gate: &mut Gate) -> Value {
    let NetworkSpec {
        key: _,
        name,
        // Somebody else's are never made.
        external: _,
        driver,
        driver_opts,
        internal,
        attachable,
        enable_ipv4,
        enable_ipv6,
        ipam_driver,
        ipam_pools,
        labels: _,
        compose_hash: _,
    } = spec;
    let mut ipam = Fields::default();
    ipam.set("Driver", ipam_driver);
    ipam.set("Config", &ipam_pools.iter().map(pool).collect::<Vec<_>>());
    let mut body = Fields::default();
    body.put("Name", name);
    body.put("CheckDuplicate", true);
    body.set("Driver", driver);
    body.set("Options", driver_opts);
    body.set("Internal", internal);
    body.set("Attachable", attachable);
    if enable_ipv4.is_some() && (*enable_ipv4 == Some(true) || gate.takes("enable_ipv4: false", (1, 48))) {
        body.put("EnableIPv4", enable_ipv4);
    }
    body.set("EnableIPv6", enable_ipv6);
    body.set_object("IPAM", ipam);
    body.put("Labels", labels);
    body.into_value()
}

fn pool(pool: &IpamPool) -> Value {
    let IpamPool { subnet, gateway, ip_range, aux_addresses } = pool;
    let mut fields = Fields::default();
    fields.set("Subnet", subnet);
    fields.set("Gateway", gateway);
    fields.set("IPRange", ip_range);
    fields.set("AuxiliaryAddresses", aux_addresses);
    fields.into_value()
}

#[cfg(test)]
mod tests {
    use super::{Gate, network_body};
    use crate::model::desired::{IpamPool, NetworkSpec};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn a_network_is_asked_for_with_what_is_set_and_nothing_else() {
        let pool =
            IpamPool { subnet: "10.1.0.0/24".into(), gateway: "10.1.0.1".into(), ..IpamPool::default() };
        let spec = NetworkSpec {
            name: "n".into(),
            internal: true,
            enable_ipv4: Some(false),
            enable_ipv6: Some(true),
            ipam_pools: vec![pool],
            ..NetworkSpec::default()
        };
        let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let mut gate = Gate::new((1, 41));
        let expected = json!({"Name": "n", "CheckDuplicate": true, "Internal": true, "EnableIPv6": true,
            "IPAM": {"Config": [{"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1"}]}, "Labels": {"a": "b"}});
        assert_eq!(network_body(&spec, &labels, &mut gate), expected);
        assert!(gate.warnings.iter().any(|warning| warning.contains("enable_ipv4")), "{:?}", gate.warnings);
    }
}
