//! The settings of Docker's own command line: `config.json` in `DOCKER_CONFIG` or `~/.docker`.

use crate::engine::EngineError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What this program reads of `config.json`. Everything else is Docker's own business.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClientConfig {
    pub auths: BTreeMap<String, AuthEntry>,
    pub creds_store: String,
    pub cred_helpers: BTreeMap<String, String>,
    pub proxies: BTreeMap<String, Proxy>,
    pub current_context: String,
}

/// Credentials of one registry. No `Debug`: they must not reach a log.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthEntry {
    pub auth: String,
    pub username: String,
    pub password: String,
    pub identitytoken: String,
    pub registrytoken: String,
}

/// Proxy settings that containers get as environment variables.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Proxy {
    #[serde(rename = "httpProxy")]
    http: String,
    #[serde(rename = "httpsProxy")]
    https: String,
    #[serde(rename = "ftpProxy")]
    ftp: String,
    #[serde(rename = "noProxy")]
    no: String,
    #[serde(rename = "allProxy")]
    all: String,
}

impl ClientConfig {
    /// Proxy variables for containers on the engine at this address, in both spellings.
    pub(super) fn proxy_environment(&self, address: &str) -> BTreeMap<String, String> {
        let Some(proxy) = self.proxies.get(address).or_else(|| self.proxies.get("default")) else {
            return BTreeMap::new();
        };
        let Proxy { http, https, ftp, no, all } = proxy;
        [
            ("HTTP_PROXY", http),
            ("HTTPS_PROXY", https),
            ("FTP_PROXY", ftp),
            ("NO_PROXY", no),
            ("ALL_PROXY", all),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.to_lowercase(), value.clone())])
        .collect()
    }
}

/// The folder of the settings; `None` if neither `DOCKER_CONFIG` nor `HOME` is set.
pub(super) fn directory(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    set("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(home).join(".docker")))
}

/// Reads the settings in a folder. No file means no settings.
pub(super) fn load(directory: &Path) -> Result<ClientConfig, EngineError> {
    let path = directory.join("config.json");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ClientConfig::default()),
        Err(error) => return Err(EngineError::Failed(format!("cannot read {}: {error}", path.display()))),
    };
    // The parser's own message may quote a value, so only the place is told.
    serde_json::from_slice(&text).map_err(|error| {
        EngineError::Failed(format!(
            "{} is not a Docker configuration: line {}, column {}",
            path.display(),
            error.line(),
            error.column()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::{ClientConfig, load};

    #[test]
    fn proxies_come_in_both_spellings() {
        let text = r#"{"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"x"},"tcp://b:1":{}}}"#;
        let config: ClientConfig = serde_json::from_str(text).expect("config");
        let environment = config.proxy_environment("unix:///var/run/docker.sock");
        let names: Vec<&str> = environment.keys().map(String::as_str).collect();
        assert_eq!(names, ["HTTP_PROXY", "NO_PROXY", "http_proxy", "no_proxy"]);
        assert!(config.proxy_environment("tcp://b:1").is_empty());
    }

    #[test]
    fn no_file_means_no_settings_and_a_broken_one_is_an_error_without_its_text() {
        let home = tempfile::tempdir().expect("temporary directory");
        assert!(load(home.path()).expect("defaults").auths.is_empty());
        std::fs::write(home.path().join("config.json"), r#"{"auths": "hunter2"}"#).expect("file");
        let error = load(home.path()).err().expect("broken").to_string();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
    }
}
