//! A real Docker engine. bollard is used here and nowhere else.
//!
//! All requests go over one pooled HTTP client. Lists and bodies are JSON of our own: bollard refuses a whole list for
//! one state it does not know, and lacks fields that old engines need. Its framing of exec and log streams is used.

mod address;
mod api;
mod auth;
mod build;
mod client_config;
mod connect;
mod containers;
mod context;
mod deputy;
mod events;
mod exec;
mod last_words;
mod lists;
mod locks;
mod look_into;
mod marks;
mod messages;
mod modified;
mod networks;
mod observe;
mod own_mounts;
mod perform;
mod profiles;
mod pull;
mod reattach;
mod runs;
mod start_times;
mod status;
mod transport;
mod upload;
mod wait;

pub use connect::ConnectOptions;
pub use deputy::MISSION;

use crate::model::observed::EngineInfo;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A connection to a Docker engine. Cloning it is cheap and shares the connections.
#[derive(Clone)]
pub struct DockerEngine {
    api: api::Api,
    docker: bollard::Docker,
    info: Arc<EngineInfo>,
    /// Folder of Docker's own client settings, if there is one.
    settings: Option<PathBuf>,
    ahead: Arc<observe::Ahead>,
}

impl DockerEngine {
    /// The engine's version, the API version agreed on, and its platform.
    pub fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// Where the engine is, such as `unix:///var/run/docker.sock`.
    pub fn address(&self) -> &str {
        &self.api.address
    }

    /// Requests since the start: all of them, and those without an answer or of which the engine said that it failed.
    pub fn requests(&self) -> (u64, u64) {
        let counts = &self.api.counts;
        (counts.sent.load(Ordering::Relaxed), counts.failed.load(Ordering::Relaxed))
    }

    /// Docker's client settings as they are now: credentials may change while a daemon runs.
    fn client_config(&self) -> Result<client_config::ClientConfig, crate::engine::EngineError> {
        self.settings
            .as_deref()
            .map_or_else(|| Ok(client_config::ClientConfig::default()), client_config::load)
    }
}
