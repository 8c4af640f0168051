//! Where the engine is: `--host`, `DOCKER_HOST`, or the current context of Docker's own command line.

use super::client_config;
use super::connect::ConnectOptions;
use crate::engine::EngineError;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};

/// The socket of an engine on this machine.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// An engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket on this machine.
    Unix(PathBuf),
    /// Plain HTTP, `host:port`.
    Tcp(String),
    /// `docker system dial-stdio` at the other end of an ssh connection.
    Ssh(SshTarget),
}

/// Whom to call by ssh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SshTarget {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
    /// Socket on the other machine, if it is not the usual one.
    pub socket: Option<String>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
            Self::Ssh(target) => {
                f.write_str("ssh://")?;
                if let Some(user) = &target.user {
                    write!(f, "{user}@")?;
                }
                f.write_str(&target.host)?;
                if let Some(port) = target.port {
                    write!(f, ":{port}")?;
                }
                f.write_str(target.socket.as_deref().unwrap_or(""))
            }
        }
    }
}

impl Address {
    /// The order of Docker's command line: option, `DOCKER_HOST`, `DOCKER_CONTEXT`, current context, local socket.
    pub(super) fn resolve(options: &ConnectOptions<'_>) -> Result<Self, EngineError> {
        let variable = |name: &str| options.environment.get(name).filter(|value| !value.is_empty());
        if let Some(host) = options.host.as_ref().or_else(|| variable("DOCKER_HOST")) {
            let address = Self::parse(host)?;
            let wants_tls = matches!(address, Self::Tcp(_)) && variable("DOCKER_TLS_VERIFY").is_some();
            return if wants_tls { Err(no_tls(host)) } else { Ok(address) };
        }
        let Some(directory) = client_config::directory(options.environment) else {
            return Ok(Self::Unix(DEFAULT_SOCKET.into()));
        };
        let context = match variable("DOCKER_CONTEXT") {
            Some(name) => name.clone(),
            None => client_config::load(&directory)?.current_context,
        };
        if context.is_empty() || context == "default" {
            return Ok(Self::Unix(DEFAULT_SOCKET.into()));
        }
        of_context(&directory, &context)
    }

    /// Reads an address as `docker -H` takes it.
    pub(super) fn parse(text: &str) -> Result<Self, EngineError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        match scheme {
            "unix" if rest.is_empty() => Ok(Self::Unix(DEFAULT_SOCKET.into())),
            "unix" => Ok(Self::Unix(rest.into())),
            "tcp" | "http" => {
                let rest = rest.trim_end_matches('/');
                if rest.is_empty() || rest.contains('/') {
                    return Err(bad_address(text, "expected tcp://HOST:PORT"));
                }
                let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                match rest.rsplit_once(':') {
                    Some((_, "2376")) => Err(no_tls(text)),
                    _ if has_port => Ok(Self::Tcp(rest.to_owned())),
                    _ => Ok(Self::Tcp(format!("{rest}:2375"))),
                }
            }
            "https" => Err(no_tls(text)),
            "ssh" => parse_ssh(text, rest).map(Self::Ssh),
            _ => Err(bad_address(text, "expected unix://, tcp:// or ssh://")),
        }
    }
}

fn parse_ssh(text: &str, rest: &str) -> Result<SshTarget, EngineError> {
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, authority),
    };
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        return Err(bad_address("ssh://…", "a password cannot stand in the address; use a key"));
    }
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            (host, Some(port.parse().map_err(|_| bad_address(text, "the port is not a number"))?))
        }
        _ => (host, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.starts_with('-') || user.as_ref().is_some_and(|user| user.starts_with('-')) {
        return Err(bad_address(text, "expected ssh://[USER@]HOST[:PORT]"));
    }
    let socket = (path.len() > 1).then(|| path.to_owned());
    Ok(SshTarget { user, host: host.to_owned(), port, socket })
}

/// The address that a context names. Contexts lie in folders named by the digest of the context's name.
fn of_context(directory: &Path, name: &str) -> Result<Address, EngineError> {
    let digest = hex::encode(Sha256::digest(name.as_bytes()));
    let path = directory.join("contexts/meta").join(&digest).join("meta.json");
    let fail = |reason: String| EngineError::Failed(format!("docker context `{name}`: {reason}"));
    let text =
        std::fs::read(&path).map_err(|error| fail(format!("cannot read {}: {error}", path.display())))?;
    let meta: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| fail(format!("{}: {error}", path.display())))?;
    let host = meta
        .pointer("/Endpoints/docker/Host")
        .and_then(serde_json::Value::as_str)
        .filter(|host| !host.is_empty())
        .ok_or_else(|| fail("it names no docker endpoint".to_owned()))?;
    let address = Address::parse(host)?;
    let has_tls = directory.join("contexts/tls").join(&digest).join("docker").exists();
    if matches!(address, Address::Tcp(_)) && has_tls { Err(no_tls(host)) } else { Ok(address) }
}

fn bad_address(text: &str, right: &str) -> EngineError {
    EngineError::Failed(format!("invalid engine address `{text}`: {right}"))
}

fn no_tls(text: &str) -> EngineError {
    EngineError::Failed(format!(
        "engine address `{text}`: TLS is not supported yet; use ssh://USER@HOST, or a local socket"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Address, SshTarget};
    use crate::engine::docker::connect::ConnectOptions;
    use std::collections::BTreeMap;

    fn ssh(user: Option<&str>, host: &str, port: Option<u16>, socket: Option<&str>) -> Address {
        Address::Ssh(SshTarget {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            socket: socket.map(str::to_owned),
        })
    }

    #[test]
    fn addresses_are_read_as_dockers_command_line_does() {
        for (text, address) in [
            ("unix:///run/x.sock", Address::Unix("/run/x.sock".into())),
            ("tcp://10.0.0.1:2375", Address::Tcp("10.0.0.1:2375".into())),
            ("tcp://box", Address::Tcp("box:2375".into())),
            ("box:1234", Address::Tcp("box:1234".into())),
            ("ssh://box", ssh(None, "box", None, None)),
            ("ssh://me@box:2222", ssh(Some("me"), "box", Some(2222), None)),
            ("ssh://me@[::1]:22/run/d.sock", ssh(Some("me"), "::1", Some(22), Some("/run/d.sock"))),
        ] {
            assert_eq!(Address::parse(text).expect(text), address, "{text}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for text in
            ["tcp://box:2376", "https://box", "npipe:////./pipe/x", "ssh://", "ssh://-oX", "ssh://a:b@c"]
        {
            let error = Address::parse(text).expect_err(text).to_string();
            assert!(!error.contains("a:b"), "{error}");
        }
    }

    fn resolve(host: Option<&str>, variables: &[(&str, &str)]) -> Result<Address, String> {
        let environment: BTreeMap<String, String> =
            variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let options = ConnectOptions { host: host.map(str::to_owned), environment: &environment };
        Address::resolve(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn the_option_wins_over_the_environment_and_that_over_the_context() {
        let home = tempfile::tempdir().expect("temporary directory");
        let digest = crate::model::hash::digest(b"far");
        let meta = home.path().join("contexts/meta").join(digest);
        std::fs::create_dir_all(&meta).expect("directory");
        std::fs::write(meta.join("meta.json"), r#"{"Endpoints":{"docker":{"Host":"ssh://far"}}}"#)
            .expect("file");
        std::fs::write(home.path().join("config.json"), r#"{"currentContext":"far"}"#).expect("file");
        let config = ("DOCKER_CONFIG", home.path().to_str().expect("path"));
        assert_eq!(resolve(None, &[config]), Ok(ssh(None, "far", None, None)));
        assert_eq!(resolve(None, &[config, ("DOCKER_HOST", "unix:///a")]), Ok(Address::Unix("/a".into())),);
        assert_eq!(
            resolve(Some("unix:///b"), &[config, ("DOCKER_HOST", "unix:///a")]),
            Ok(Address::Unix("/b".into())),
        );
        assert_eq!(
            resolve(None, &[config, ("DOCKER_CONTEXT", "default")]),
            Ok(Address::Unix("/var/run/docker.sock".into())),
        );
        assert!(resolve(None, &[config, ("DOCKER_CONTEXT", "gone")]).expect_err("gone").contains("gone"));
    }

    #[test]
    fn tls_is_refused_instead_of_speaking_in_the_clear() {
        let error = resolve(Some("tcp://box:2375"), &[("DOCKER_TLS_VERIFY", "1")]).expect_err("TLS");
        assert!(error.contains("TLS is not supported"), "{error}");
    }
}
