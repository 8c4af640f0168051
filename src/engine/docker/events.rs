//! What happens on the engine.

use super::DockerEngine;
use super::api::Call;
use super::messages::Messages;
use crate::engine::{EngineError, EngineEvent, Follow};
use crate::model::labels;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What may make a difference to a stack. Starts and creations do not: they bring nothing out of sync.
const ACTIONS: [&str; 13] = [
    "die",
    "destroy",
    "stop",
    "pause",
    "rename",
    "update",
    "disconnect",
    "remove",
    "tag",
    "untag",
    "delete",
    "pull",
    "load",
];

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Line {
    r#type: String,
    action: String,
    actor: Actor,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    attributes: BTreeMap<String, String>,
}

impl Follow for DockerEngine {
    async fn follow(&self, tell: &(dyn Fn(EngineEvent) + Sync)) -> EngineError {
        self.follow_events(tell).await.err().unwrap_or_else(|| EngineError::Unreachable {
            address: self.address().to_owned(),
            reason: "the stream of events ended".to_owned(),
        })
    }
}

impl DockerEngine {
    async fn follow_events(&self, tell: &(dyn Fn(EngineEvent) + Sync)) -> Result<(), EngineError> {
        let filters =
            serde_json::json!({"type": ["container", "network", "volume", "image"], "event": ACTIONS});
        let call = Call::get("/events").query("filters", &filters.to_string());
        let mut lines = Messages::endless(&self.api, self.api.stream(call).await?);
        while let Some(line) = lines.next::<Line>().await? {
            // The locks of this and other processes come and go with their work, and change nothing.
            if !line.actor.attributes.contains_key(labels::LOCK) {
                tell(line.into());
            }
        }
        Ok(())
    }
}

fn stack_of_run(label: Option<String>) -> Option<String> {
    Some(label?.split_once('/')?.0.to_owned())
}

impl From<Line> for EngineEvent {
    fn from(line: Line) -> Self {
        let attribute = |key: &str| line.actor.attributes.get(key).cloned();
        Self {
            name: attribute("name").unwrap_or_else(|| line.actor.id.clone()),
            stack: attribute(labels::PROJECT)
                .or_else(|| stack_of_run(attribute(labels::RUN)))
                .unwrap_or_default(),
            is_mark: labels::is_mark(&line.actor.attributes),
            id: line.actor.id,
            kind: line.r#type,
            action: line.action,
        }
    }
}
