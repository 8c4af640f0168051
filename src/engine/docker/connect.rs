//! Reaching an engine and agreeing on an API version: one request.

use super::DockerEngine;
use super::address::Address;
use super::api::{Api, Call};
use super::client_config;
use super::transport::{self, Connector, HttpClient};
use crate::engine::EngineError;
use crate::model::observed::EngineInfo;
use bollard::{BollardRequest, ClientVersion, Docker};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

/// The newest API version that this program was written for.
const NEWEST: (u32, u32) = (1, 51);
/// The oldest that it works with: Docker Engine 20.10.
const OLDEST: (u32, u32) = (1, 41);
/// Seconds that bollard waits for the head of an answer. Commands run by `Exec` answer at once.
const BOLLARD_TIMEOUT: u64 = 120;

/// Where to find the engine.
#[derive(Debug, Clone)]
pub struct ConnectOptions<'a> {
    /// Address given on the command line: `unix://`, `tcp://` or `ssh://`.
    pub host: Option<String>,
    /// The environment: `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_TLS_VERIFY`, `DOCKER_API_VERSION`, `DOCKER_CONFIG` and
    /// `HOME` count.
    pub environment: &'a BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    #[serde(rename = "Version")]
    engine: String,
    #[serde(rename = "ApiVersion")]
    newest: String,
    #[serde(rename = "MinAPIVersion")]
    oldest: String,
    os: String,
    #[serde(skip)]
    podman: bool,
}

/// What the engine is. `/_ping` tells it in its headers at a tenth of the time that `/version` takes, which asks the
/// engine's runtimes as well; an engine whose headers say nothing is asked for its version.
async fn greet(api: &Api) -> Result<Answer, EngineError> {
    let pong = api.send(Call::get("/_ping")).await?;
    let podman = !pong.header("libpod-api-version").is_empty();
    if pong.header("api-version").is_empty() {
        return Ok(Answer { podman, ..api.read(Call::get("/version")).await? });
    }
    let server = pong.header("server").split(' ').next().unwrap_or_default();
    Ok(Answer {
        engine: server.rsplit('/').next().unwrap_or_default().to_owned(),
        newest: pong.header("api-version").to_owned(),
        oldest: String::new(),
        // Podman 4 does not say, and there is only one that it can be.
        os: if podman { "linux".to_owned() } else { pong.header("ostype").to_owned() },
        podman,
    })
}

impl DockerEngine {
    /// Finds the engine and agrees on an API version, with one request.
    pub async fn connect(options: &ConnectOptions<'_>) -> Result<Self, EngineError> {
        let address = Address::resolve(options)?;
        let name = address.to_string();
        let connector = Connector::new(address);
        let client = transport::client(connector.clone());
        let mut api = Api::new(client.clone(), connector, name);
        let answer = greet(&api).await?;
        let wanted = options.environment.get("DOCKER_API_VERSION").filter(|text| !text.is_empty());
        let agreed = agree(&answer, wanted.map(String::as_str))?;
        api.prefix = format!("/v{}.{}", agreed.0, agreed.1);
        let docker = bollard_on(client, &api.prefix, agreed)?;
        let info = EngineInfo { version: answer.engine, api: agreed, os: answer.os, podman: answer.podman };
        let settings = client_config::directory(options.environment);
        Ok(Self { api, docker, info: Arc::new(info), settings, ahead: Arc::default() })
    }
}

/// The newest version that both sides speak, or the one that the environment asks for.
fn agree(engine: &Answer, wanted: Option<&str>) -> Result<(u32, u32), EngineError> {
    let newest = parse(&engine.newest).ok_or_else(|| {
        EngineError::Failed(format!("the engine's API version `{}` is no version", engine.newest))
    })?;
    let oldest = parse(&engine.oldest).unwrap_or(OLDEST);
    let too_old = |found: (u32, u32)| EngineError::TooOld {
        found: format!("{}.{}", found.0, found.1),
        needed: format!("{}.{}", OLDEST.0, OLDEST.1),
    };
    if newest < OLDEST {
        return Err(too_old(newest));
    }
    let agreed = match wanted {
        Some(text) => {
            let wanted = parse(text).ok_or_else(|| {
                EngineError::Failed(format!("DOCKER_API_VERSION is `{text}`; expected such as 1.45"))
            })?;
            if wanted < OLDEST {
                return Err(too_old(wanted));
            }
            wanted.min(newest)
        }
        None => NEWEST.min(newest),
    };
    if agreed < oldest {
        return Err(EngineError::Failed(format!(
            "the engine's oldest API is {}.{}; this program speaks up to {}.{}",
            oldest.0, oldest.1, agreed.0, agreed.1
        )));
    }
    Ok(agreed)
}

fn parse(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().trim_start_matches('v').split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// bollard on the shared client. It leaves the version out of its paths, so the transport puts it in.
fn bollard_on(client: HttpClient, prefix: &str, version: (u32, u32)) -> Result<Docker, EngineError> {
    let prefix = prefix.to_owned();
    let transport = move |request: BollardRequest| {
        let client = client.clone();
        let request = with_prefix(request, &prefix).map(|body| body.map_err(Into::into).boxed_unsync());
        Box::pin(async move { client.request(request).await.map_err(bollard::errors::Error::from) })
            as Pin<Box<dyn Future<Output = _> + Send>>
    };
    let version = ClientVersion {
        major_version: usize::try_from(version.0).unwrap_or_default(),
        minor_version: usize::try_from(version.1).unwrap_or_default(),
    };
    Docker::connect_with_custom_transport(transport, Some("http://docker"), BOLLARD_TIMEOUT, &version)
        .map_err(|error| EngineError::Failed(error.to_string()))
}

fn with_prefix(mut request: BollardRequest, prefix: &str) -> BollardRequest {
    let mut parts = request.uri().clone().into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", http::uri::PathAndQuery::as_str);
    if let Ok(path) = format!("{prefix}{path}").parse() {
        parts.path_and_query = Some(path);
        if let Ok(uri) = http::Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::{Answer, agree};
    use crate::engine::EngineError;

    fn engine(newest: &str, oldest: &str) -> Answer {
        Answer { newest: newest.to_owned(), oldest: oldest.to_owned(), ..Answer::default() }
    }

    #[test]
    fn the_newest_common_version_is_spoken() {
        assert_eq!(agree(&engine("1.41", "1.12"), None).expect("20.10"), (1, 41));
        assert_eq!(agree(&engine("1.52", "1.44"), None).expect("29"), (1, 51));
        assert_eq!(agree(&engine("1.51", "1.24"), Some("1.44")).expect("asked for"), (1, 44));
    }

    #[test]
    fn engines_outside_the_range_are_refused() {
        assert!(matches!(agree(&engine("1.40", "1.12"), None), Err(EngineError::TooOld { .. })));
        assert!(matches!(agree(&engine("1.51", "1.24"), Some("1.30")), Err(EngineError::TooOld { .. })));
        assert!(agree(&engine("1.80", "1.60"), None).is_err());
        assert!(agree(&engine("1.51", "1.24"), Some("new")).is_err());
    }
}
