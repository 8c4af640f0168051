//! Where the directories of a container are on the engine's host.

use super::DockerEngine;
use super::api::Call;
use super::containers::path;
use super::lists::or_default;
use crate::engine::EngineError;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Found {
    #[serde(deserialize_with = "or_default")]
    mounts: Vec<Mount>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Mount {
    source: String,
    destination: String,
}

impl DockerEngine {
    /// What a container has mounted: paths in it, each with the path on the host.
    pub async fn mounts_of(&self, container: &str) -> Result<Vec<(String, String)>, EngineError> {
        let found: Found = self.api.read(Call::get(path(container, "/json"))).await?;
        Ok(found.mounts.into_iter().map(|mount| (mount.destination, mount.source)).collect())
    }
}
