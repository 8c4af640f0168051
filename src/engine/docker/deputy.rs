//! Deputies: a process in a container cannot see the replacement of that container through, for it ends half-way. So another
//! one of the same image, with the same mounts and the same command, does it and goes.

use super::DockerEngine;
use super::api::Call;
use super::containers::path;
use crate::engine::EngineError;
use crate::model::labels;
use crate::model::report::LastWords;
use crate::model::step::ContainerRef;
use crate::wire;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Set for a deputy: the stacks to work on, with commas in between.
pub const MISSION: &str = "RECONCILE_DEPUTY";
/// How often the engine starts one again that was killed, as when the machine lost its power.
const TRIES: u32 = 3;
/// Time between two looks whether one has ended.
const PAUSE: Duration = Duration::from_secs(1);
/// What belongs to the one container: its names, ports and health.
const OWN: [&str; 5] = ["Hostname", "Domainname", "MacAddress", "ExposedPorts", "Healthcheck"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    id: String,
}

impl DockerEngine {
    /// Starts a deputy for a container, and gives its id. One that is there under that name goes on, or is made anew if it
    /// has ended. `apart`: the networks of the container are not there all the time.
    pub async fn send_deputy(&self, own: &str, stacks: &str, apart: bool) -> Result<String, EngineError> {
        let found: Value = self.api.read(Call::get(path(own, "/json"))).await?;
        let name = format!("{}.deputy", stacks.split(',').next().unwrap_or_default());
        if let Ok(other) = self.inspect(&name).await
            && other.config.labels.contains_key(labels::DEPUTY)
        {
            if !has_ended(&other.state.status) {
                return Ok(other.id);
            }
            self.remove_deputy(&other.id).await?;
        }
        let create = Call::post("/containers/create").query("name", &name).json(&body(&found, stacks, apart));
        let made: Named = self.api.read(create).await?;
        self.api.send(Call::post(path(&made.id, "/start"))).await?;
        Ok(made.id)
    }

    /// The deputies that are there, whether they run or have ended.
    pub async fn deputies(&self) -> Result<Vec<String>, EngineError> {
        let filters = json!({"label": [labels::DEPUTY]}).to_string();
        let list = Call::get("/containers/json").query("all", "1").query("filters", &filters);
        let found: Vec<Named> = self.api.read(list).await?;
        Ok(found.into_iter().map(|one| one.id).collect())
    }

    /// Waits until a deputy has ended, takes it away, and gives what it said. `None` if it is gone.
    pub async fn deputy_ended(&self, id: &str) -> Result<Option<LastWords>, EngineError> {
        loop {
            match self.inspect(id).await {
                Err(EngineError::Api { status: 404, .. }) => return Ok(None),
                Ok(found) if has_ended(&found.state.status) => break,
                Ok(_) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
        let words = self.words_of(&ContainerRef::Id { id: id.to_owned(), name: String::new() }).await?;
        self.remove_deputy(id).await?;
        Ok(Some(words))
    }

    async fn remove_deputy(&self, id: &str) -> Result<(), EngineError> {
        let removed = self.api.send(Call::delete(path(id, "")).query("v", "0").query("force", "0")).await;
        match removed {
            Err(EngineError::Api { status: 404, .. }) => Ok(()),
            removed => removed.map(drop),
        }
    }
}

fn has_ended(status: &str) -> bool {
    matches!(status, "exited" | "dead" | "stopped")
}

/// How the deputy of a container is made, by what the engine says of that one.
fn body(found: &Value, stacks: &str, apart: bool) -> Value {
    let (mut body, mut host) = (found["Config"].clone(), found["HostConfig"].clone());
    if let Some(config) = body.as_object_mut() {
        config.retain(|key, _| !OWN.contains(&key.as_str()));
    }
    // Its tag may name another image by now.
    body["Image"] = found["Image"].clone();
    body["Labels"] = json!({labels::DEPUTY: stacks});
    let own = body["Env"].as_array().cloned().unwrap_or_default();
    body["Env"] = own.into_iter().chain([json!(format!("{MISSION}={stacks}"))]).collect();
    if let Some(host) = host.as_object_mut() {
        wire::plain_ulimits(host);
    }
    host["RestartPolicy"] = json!({"Name": "on-failure", "MaximumRetryCount": TRIES});
    host["PortBindings"] = json!({});
    host["PublishAllPorts"] = json!(false);
    host["AutoRemove"] = json!(false);
    host["Links"] = Value::Null;
    let mode = host["NetworkMode"].as_str().unwrap_or_default();
    let is_fixed = matches!(mode, "host" | "none" | "default" | "bridge") || mode.starts_with("container:");
    if apart && !is_fixed {
        host["NetworkMode"] = json!("bridge");
    }
    body["HostConfig"] = host;
    body
}

#[cfg(test)]
mod tests {
    use super::body;
    use serde_json::json;

    #[test]
    fn a_deputy_is_like_the_container_but_for_what_only_one_can_have() {
        let found = json!({
            "Id": "c1",
            "Image": "sha256:aa",
            "Config": {
                "Hostname": "c1",
                "Image": "reconcile:latest",
                "Env": ["A=1"],
                "Cmd": ["watch"],
                "Labels": {"com.docker.compose.project": "reconcile"},
                "ExposedPorts": {"8080/tcp": {}},
            },
            "HostConfig": {
                "Binds": ["/var/run/docker.sock:/var/run/docker.sock"],
                "NetworkMode": "reconcile_default",
                "PortBindings": {"8080/tcp": [{"HostPort": "8080"}]},
                "RestartPolicy": {"Name": "always"},
                "CapDrop": ["ALL"],
            },
        });
        let made = body(&found, "reconcile,other", true);
        assert_eq!(
            made,
            json!({
                "Image": "sha256:aa",
                "Env": ["A=1", "RECONCILE_DEPUTY=reconcile,other"],
                "Cmd": ["watch"],
                "Labels": {"dev.reconcile.deputy": "reconcile,other"},
                "HostConfig": {
                    "Binds": ["/var/run/docker.sock:/var/run/docker.sock"],
                    "NetworkMode": "bridge",
                    "PortBindings": {},
                    "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
                    "CapDrop": ["ALL"],
                    "PublishAllPorts": false,
                    "AutoRemove": false,
                    "Links": null,
                },
            })
        );
        assert_eq!(body(&found, "reconcile", false)["HostConfig"]["NetworkMode"], "reconcile_default");
    }
}
