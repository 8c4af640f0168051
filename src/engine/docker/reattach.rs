//! A container that stood still while a network of its was made anew.
//!
//! The engine keeps the id of that network with the container and refuses to start it, although a network of the same
//! name stands. That is what a way back or the run after a crash meets.

use super::DockerEngine;
use super::api::{Call, escape};
use super::lists::Network;
use crate::engine::EngineError;
use serde_json::{Map, Value, json};

/// What was asked for when a container was attached; the rest of an endpoint is what came of it.
const ASKED: [&str; 4] = ["IPAMConfig", "Links", "DriverOpts", "MacAddress"];
/// How much of its id the engine adds to a container's aliases.
const SHORT_ID: usize = 12;

/// Whether a start failed for want of a network.
pub(super) fn is_wanted(error: &EngineError) -> bool {
    matches!(error, EngineError::Api { status: 404, message, .. } if message.contains("network"))
}

impl DockerEngine {
    /// Attaches a container that does not run to the networks that stand now under the names it knows, with the
    /// aliases and addresses it had; an address that its new network does not have is given up: without it the
    /// container serves, with it nothing does. Whether there was such a network. Every attachment is one request
    /// that replaces the old one, so a crash in between leaves nothing half-way.
    pub(super) async fn reattach(&self, container: &str) -> Result<bool, EngineError> {
        let found = self.inspect(container).await?;
        let networks: Vec<Network> = self.api.read(Call::get("/networks")).await?;
        let mut moved = false;
        for (name, endpoint) in &found.network_settings.networks {
            let standing = networks.iter().find(|network| network.name == *name);
            let Some(network) = standing.filter(|network| endpoint["NetworkID"] != network.id) else {
                continue;
            };
            let connect = |settings: Value| {
                let body = json!({"Container": found.id, "EndpointConfig": settings});
                Call::post(format!("/networks/{}/connect", escape(&network.id))).json(&body)
            };
            let mut settings = settings(endpoint, &found.id);
            if let Err(error) = self.api.send(connect(Value::Object(settings.clone()))).await {
                if settings.remove("IPAMConfig").is_none() {
                    return Err(error);
                }
                self.api.send(connect(Value::Object(settings))).await?;
            }
            moved = true;
        }
        Ok(moved)
    }
}

/// The settings of an endpoint as they were asked for.
fn settings(endpoint: &Value, id: &str) -> Map<String, Value> {
    let is_set = |value: &&Value| !value.is_null() && value.as_str() != Some("");
    let mut settings: Map<String, Value> = ASKED
        .iter()
        .filter_map(|key| endpoint.get(key).filter(is_set).map(|value| ((*key).to_owned(), value.clone())))
        .collect();
    let aliases = endpoint["Aliases"].as_array().into_iter().flatten();
    let is_own =
        |alias: &&Value| !alias.as_str().is_some_and(|text| text.len() == SHORT_ID && id.starts_with(text));
    settings.insert("Aliases".into(), aliases.filter(is_own).cloned().collect());
    settings
}

#[cfg(test)]
mod tests {
    use super::settings;
    use serde_json::{Value, json};

    #[test]
    fn what_was_asked_for_is_told_from_what_came_of_it() {
        let endpoint = json!({
            "IPAMConfig": {"IPv4Address": "10.0.0.5"}, "Links": null, "MacAddress": "",
            "Aliases": ["db", "0123456789ab", "store"], "NetworkID": "gone", "EndpointID": "e", "IPAddress": "",
        });
        let asked = json!({"IPAMConfig": {"IPv4Address": "10.0.0.5"}, "Aliases": ["db", "store"]});
        assert_eq!(Value::Object(settings(&endpoint, "0123456789abcdef")), asked);
    }
}
