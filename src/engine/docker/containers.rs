//! Creating, starting, stopping, renaming and removing containers.

use super::DockerEngine;
use super::api::{Call, SLOW, escape};
use super::lists::or_default;
use super::profiles::read_profiles;
use super::reattach;
use crate::engine::EngineError;
use crate::model::labels;
use crate::model::report::Outcome;
use crate::model::step::{ContainerRef, ContainerSpec};
use crate::wire::{self, Surroundings};
use http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The engine's own stop time in seconds.
const DEFAULT_GRACE: i64 = 10;
/// What a stop may take beyond its stop time.
const STOP_MARGIN: Duration = Duration::from_secs(60);
/// Stop time of containers that are never killed (-1), as a limit of patience.
const ENDLESS: i64 = 86_400;
/// How often it is looked whether a removal under way has ended.
const REMOVAL_POLL: Duration = Duration::from_millis(200);

/// What an inspection tells.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Inspection {
    pub id: String,
    pub name: String,
    pub state: State,
    pub config: Config,
    #[serde(deserialize_with = "or_default")]
    pub network_settings: NetworkSettings,
    pub restart_count: u64,
}

/// What a container is doing, by inspection.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct State {
    pub status: String,
    pub exit_code: i64,
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    pub error: String,
    #[serde(deserialize_with = "or_default")]
    pub health: Option<HealthState>,
}

/// Health by inspection.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthState {
    pub status: String,
    #[serde(deserialize_with = "or_default")]
    pub log: Vec<Probe>,
}

/// One run of a health check.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Probe {
    pub exit_code: i64,
    pub output: String,
}

/// Configuration by inspection.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Config {
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    pub stop_timeout: Option<i64>,
}

/// Networks by inspection.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkSettings {
    #[serde(deserialize_with = "or_default")]
    pub networks: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Created {
    #[serde(deserialize_with = "or_default")]
    warnings: Vec<String>,
}

/// The path of something done to a container.
pub(super) fn path(container: &str, rest: &str) -> String {
    format!("/containers/{}{rest}", escape(container))
}

/// Done, with things to know if there are any.
pub(super) fn done(warnings: &[String]) -> Outcome {
    if warnings.is_empty() { Outcome::Done } else { Outcome::DoneWithWarning(warnings.join("; ")) }
}

impl DockerEngine {
    /// Looks into one container.
    pub(super) async fn inspect(&self, container: &str) -> Result<Inspection, EngineError> {
        self.api.read(Call::get(path(container, "/json"))).await
    }

    pub(super) async fn create_container(&self, container: &ContainerSpec) -> Result<Outcome, EngineError> {
        let hash = self.compose_hash(container).await?;
        let with_hash = hash.map(|hash| {
            let mut container = container.clone();
            container.labels.insert(labels::COMPOSE_HASH.to_owned(), hash);
            container
        });
        let container = with_hash.as_ref().unwrap_or(container);
        let base = container.labels.get(labels::WORKING_DIR).map_or("", String::as_str);
        let security_opt = read_profiles(&container.spec.security_opt, Path::new(base))?;
        let proxies = self.client_config()?.proxy_environment(&self.api.address);
        let around = Surroundings { api: self.info.api, proxies: &proxies, security_opt: &security_opt };
        let (mut body, mut warnings) = wire::create_body(container, &around)?;
        if self.info.podman {
            warnings.extend(without_links(&mut body));
        }
        let call = Call::post("/containers/create")
            .query("name", &container.name)
            .query_if_set("platform", &container.spec.platform)
            .json(&body);
        match self.api.read::<Created>(call).await {
            Ok(created) => {
                warnings.extend(created.warnings);
                Ok(done(&warnings))
            }
            Err(error @ EngineError::Api { status: 409, .. }) => {
                if self.is_made(container).await {
                    Ok(Outcome::AlreadyDone)
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The reference's hash where it covers ids of containers that came into being only now.
    async fn compose_hash(&self, container: &ContainerSpec) -> Result<Option<String>, EngineError> {
        let mut ids = BTreeMap::new();
        for parent in container.compose_hash.parents() {
            ids.insert(parent.as_str(), self.inspect(parent).await?.id);
        }
        Ok(container.compose_hash.given(|name| ids.get(name).cloned()).filter(|_| !ids.is_empty()))
    }

    /// Whether the container of that name is the one to make: an answer may have been lost.
    async fn is_made(&self, container: &ContainerSpec) -> bool {
        let wanted = container.labels.get(labels::HASH);
        match self.inspect(&container.name).await {
            Ok(found) => {
                found.name.trim_start_matches('/') == container.name
                    && wanted.is_some()
                    && found.config.labels.get(labels::HASH) == wanted
            }
            Err(_) => false,
        }
    }

    pub(super) async fn start_container(&self, container: &ContainerRef) -> Result<Outcome, EngineError> {
        let name = container.engine_ref();
        let start = || self.api.send(Call::post(path(name, "/start")));
        let answer = match start().await {
            Err(error) if reattach::is_wanted(&error) && self.reattach(name).await? => start().await?,
            answer => answer?,
        };
        Ok(unless_modified(answer.status))
    }

    pub(super) async fn unpause_container(&self, container: &ContainerRef) -> Result<Outcome, EngineError> {
        let name = container.engine_ref();
        let Err(error) = self.api.send(Call::post(path(name, "/unpause"))).await else {
            return Ok(Outcome::Done);
        };
        match self.inspect(name).await {
            Ok(found) if found.state.status == "running" => Ok(Outcome::AlreadyDone),
            _ => Err(error),
        }
    }

    pub(super) async fn restart_container(
        &self,
        container: &ContainerRef,
        grace: Option<i64>,
    ) -> Result<Outcome, EngineError> {
        let name = container.engine_ref();
        let limit = self.stop_limit(name, grace).await? + SLOW;
        match self.api.send(with_grace(Call::post(path(name, "/restart")), grace).limit(limit)).await {
            // By now it is stopped.
            Err(error) if reattach::is_wanted(&error) => self.start_container(container).await,
            answer => answer.map(|_| Outcome::Done),
        }
    }

    pub(super) async fn stop_container(
        &self,
        container: &ContainerRef,
        grace: Option<i64>,
    ) -> Result<Outcome, EngineError> {
        let name = container.engine_ref();
        let stopped = async {
            let limit = self.stop_limit(name, grace).await?;
            self.api.send(with_grace(Call::post(path(name, "/stop")), grace).limit(limit)).await
        };
        match stopped.await {
            Ok(answer) => Ok(unless_modified(answer.status)),
            Err(EngineError::Api { status: 404, .. }) => Ok(Outcome::AlreadyDone),
            Err(error) => Err(error),
        }
    }

    /// How long a stop may take. The container's own stop time is asked for, because the engine answers only after it.
    async fn stop_limit(&self, container: &str, grace: Option<i64>) -> Result<Duration, EngineError> {
        let grace = match grace {
            Some(grace) => grace,
            None => self.inspect(container).await?.config.stop_timeout.unwrap_or(DEFAULT_GRACE),
        };
        let seconds = u64::try_from(if grace < 0 { ENDLESS } else { grace }).unwrap_or_default();
        Ok(Duration::from_secs(seconds) + STOP_MARGIN)
    }

    pub(super) async fn rename_container(
        &self,
        container: &ContainerRef,
        to: &str,
    ) -> Result<Outcome, EngineError> {
        let name = container.engine_ref();
        let Err(error) = self.api.send(Call::post(path(name, "/rename")).query("name", to)).await else {
            return Ok(Outcome::Done);
        };
        match self.inspect(name).await {
            Ok(found) if found.name.trim_start_matches('/') == to => Ok(Outcome::AlreadyDone),
            // Gone under its old name while the new name is held: it was renamed, and the reply was lost.
            Err(EngineError::Api { status: 404, .. })
                if matches!(container, ContainerRef::Name(_)) && self.inspect(to).await.is_ok() =>
            {
                Ok(Outcome::AlreadyDone)
            }
            _ => Err(error),
        }
    }

    /// Removes a container. Never with `v`: anonymous volumes stay. Never by force, unless the container is dead, which the
    /// engine cannot remove otherwise: what runs was to be stopped before.
    pub(super) async fn remove_container(&self, container: &ContainerRef) -> Result<Outcome, EngineError> {
        let name = container.engine_ref();
        let remove = |force: &str| Call::delete(path(name, "")).query("v", "0").query("force", force);
        let mut answer = self.api.send(remove("0")).await;
        let start = tokio::time::Instant::now();
        while answer.as_ref().is_err_and(has_dependents) && start.elapsed() < STOP_MARGIN {
            tokio::time::sleep(REMOVAL_POLL).await;
            answer = self.api.send(remove("0")).await;
        }
        let error = match answer {
            Ok(_) => return Ok(Outcome::Done),
            Err(EngineError::Api { status: 404, .. }) => return Ok(Outcome::AlreadyDone),
            Err(error) => error,
        };
        match self.inspect(name).await {
            Err(EngineError::Api { status: 404, .. }) => Ok(Outcome::Done),
            Ok(found) if found.state.status == "dead" => {
                self.api.send(remove("1")).await.map(|_| Outcome::Done)
            }
            Ok(found) if found.state.status == "removing" => self.await_removal(name, error).await,
            _ => Err(error),
        }
    }

    async fn await_removal(&self, container: &str, error: EngineError) -> Result<Outcome, EngineError> {
        let gone = async {
            while self.inspect(container).await.is_ok() {
                tokio::time::sleep(REMOVAL_POLL).await;
            }
        };
        tokio::time::timeout(STOP_MARGIN, gone).await.map_or(Err(error), |()| Ok(Outcome::Done))
    }
}

/// Podman removes a container after those that share its namespaces, which other steps remove meanwhile.
fn has_dependents(error: &EngineError) -> bool {
    matches!(error, EngineError::Api { status: 409, message } if message.contains("has dependent containers"))
}

/// Podman refuses links. On a common network a service is found by its name without them.
fn without_links(body: &mut serde_json::Value) -> Option<String> {
    body.get_mut("HostConfig")?.as_object_mut()?.remove("Links")?;
    Some("`links` has no effect on Podman: services of a common network find each other by name".to_owned())
}

fn unless_modified(status: StatusCode) -> Outcome {
    if status == StatusCode::NOT_MODIFIED { Outcome::AlreadyDone } else { Outcome::Done }
}

fn with_grace(call: Call, grace: Option<i64>) -> Call {
    match grace {
        Some(seconds) => call.query("t", &seconds.to_string()),
        None => call,
    }
}
