//! Registry credentials, from where `docker login` puts them. They go to the engine in a header and nowhere else.

use super::client_config::{AuthEntry, ClientConfig};
use crate::engine::EngineError;
use crate::model::observed::normalize_reference;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Docker Hub's name in the settings.
const HUB: &str = "https://index.docker.io/v1/";
/// How long a credential helper may take.
const HELPER_LIMIT: Duration = Duration::from_secs(20);

/// What the engine takes: a field is left out if empty. No `Debug`.
#[derive(Clone, Default, PartialEq, Serialize)]
struct AuthConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    password: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    identitytoken: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    registrytoken: String,
    serveraddress: String,
}

/// Credentials for one registry.
#[derive(Default)]
pub(super) struct Credentials {
    /// The value of `X-Registry-Auth`, if there are credentials.
    pub header: Option<String>,
    /// Why there are none although the settings promise some. Not an error by itself: the image may be public.
    pub trouble: Option<String>,
}

impl Credentials {
    /// Adds the trouble to the error of a request that went without credentials because of it.
    pub(super) fn explain(&self, error: EngineError) -> EngineError {
        match (&self.trouble, error) {
            (Some(trouble), EngineError::Api { status, message }) => EngineError::Api {
                status,
                message: format!("{message} (asked without credentials: {trouble})"),
            },
            (Some(trouble), EngineError::Failed(message)) => {
                EngineError::Failed(format!("{message} (asked without credentials: {trouble})"))
            }
            (Some(trouble), EngineError::Registry(message)) => {
                EngineError::Registry(format!("{message} (asked without credentials: {trouble})"))
            }
            (_, error) => error,
        }
    }
}

/// Credentials for the registry of an image.
pub(super) async fn for_reference(config: &ClientConfig, reference: &str) -> Credentials {
    let full = normalize_reference(reference);
    let registry = full.split_once('/').map_or("", |(host, _)| host);
    let key = if registry == "docker.io" { HUB } else { registry };
    match lookup(config, key).await {
        Ok(auth) => Credentials { header: auth.and_then(|auth| encode(&auth)), trouble: None },
        Err(trouble) => Credentials { header: None, trouble: Some(trouble) },
    }
}

/// The value of `X-Registry-Config`: credentials of every registry in the settings, for base images of a build. The second
/// part tells what could not be had.
pub(super) async fn for_build(config: &ClientConfig) -> (Option<String>, Vec<String>) {
    let mut keys: Vec<String> = config.auths.keys().chain(config.cred_helpers.keys()).cloned().collect();
    let mut troubles = Vec::new();
    if !config.creds_store.is_empty() {
        match run::<BTreeMap<String, String>>(&config.creds_store, "list", "").await {
            Ok(listed) => keys.extend(listed.unwrap_or_default().into_keys()),
            Err(trouble) => troubles.push(trouble),
        }
    }
    keys.sort();
    keys.dedup();
    let mut found = BTreeMap::new();
    for key in keys {
        match lookup(config, &key).await {
            Ok(Some(auth)) => {
                found.insert(key, auth);
            }
            Ok(None) => {}
            Err(trouble) if troubles.contains(&trouble) => {}
            Err(trouble) => troubles.push(trouble),
        }
    }
    (if found.is_empty() { None } else { encode(&found) }, troubles)
}

/// URL-safe base64, as the engine reads it.
fn encode(value: &impl Serialize) -> Option<String> {
    Some(URL_SAFE.encode(serde_json::to_vec(value).ok()?))
}

/// Helper of the registry, else the store, else the file.
async fn lookup(config: &ClientConfig, key: &str) -> Result<Option<AuthConfig>, String> {
    let helper = config.cred_helpers.get(key).or(Some(&config.creds_store)).filter(|name| !name.is_empty());
    if let Some(helper) = helper {
        let secret = run::<Secret>(helper, "get", key).await?;
        if let Some(secret) = secret {
            return Ok(Some(secret.into_auth(key)));
        }
    }
    Ok(in_file(config, key))
}

fn in_file(config: &ClientConfig, key: &str) -> Option<AuthConfig> {
    let entry = config
        .auths
        .get(key)
        .or_else(|| config.auths.iter().find(|(name, _)| host(name) == key).map(|(_, entry)| entry))?;
    entry_auth(entry, key)
}

/// The host of a settings key such as `https://host/v1/`.
fn host(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

fn entry_auth(entry: &AuthEntry, key: &str) -> Option<AuthConfig> {
    let AuthEntry { auth, username, password, identitytoken, registrytoken } = entry.clone();
    let (username, password) = if auth.is_empty() {
        (username, password)
    } else {
        let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
        let (username, password) = text.split_once(':')?;
        // Some versions of Docker padded the password with zero bytes.
        (username.to_owned(), password.trim_matches('\0').to_owned())
    };
    let empty = username.is_empty() && identitytoken.is_empty() && registrytoken.is_empty();
    let serveraddress = key.to_owned();
    (!empty).then_some(AuthConfig { username, password, identitytoken, registrytoken, serveraddress })
}

/// What a credential helper answers to `get`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Secret {
    username: String,
    secret: String,
}

impl Secret {
    fn into_auth(self, key: &str) -> AuthConfig {
        let serveraddress = key.to_owned();
        if self.username == "<token>" {
            AuthConfig { identitytoken: self.secret, serveraddress, ..AuthConfig::default() }
        } else {
            AuthConfig {
                username: self.username,
                password: self.secret,
                serveraddress,
                ..AuthConfig::default()
            }
        }
    }
}

/// Runs a credential helper. `None` if it has nothing for that key. What it prints never gets into an error.
async fn run<T: DeserializeOwned>(helper: &str, verb: &str, input: &str) -> Result<Option<T>, String> {
    run_program(&format!("docker-credential-{helper}"), verb, input).await
}

async fn run_program<T: DeserializeOwned>(
    program: &str,
    verb: &str,
    input: &str,
) -> Result<Option<T>, String> {
    let mut child = Command::new(program)
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("the credential helper `{program}` that Docker's settings name is not installed")
            }
            _ => format!("cannot start the credential helper `{program}`: {error}"),
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that reads nothing closes its input early; its answer counts all the same.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = tokio::time::timeout(HELPER_LIMIT, child.wait_with_output())
        .await
        .map_err(|_| {
            format!("the credential helper `{program}` did not answer within {} s", HELPER_LIMIT.as_secs())
        })?
        .map_err(|error| format!("the credential helper `{program}` failed: {error}"))?;
    if output.status.success() {
        let answer = serde_json::from_slice(&output.stdout);
        return answer.map(Some).map_err(|_| format!("the credential helper `{program}` answered no JSON"));
    }
    if String::from_utf8_lossy(&output.stdout).contains("credentials not found") {
        return Ok(None);
    }
    Err(format!("the credential helper `{program}` failed ({})", output.status))
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
