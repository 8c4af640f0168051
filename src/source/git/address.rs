//! Addresses of git repositories.

use crate::model::hash;
use std::path::{Path, PathBuf};

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `https://` or `http://`.
    Http,
    /// `ssh://`, or `user@host:path`.
    Ssh,
    /// `git://`, without any proof of who answers.
    Git,
    /// `file://`, or a directory of this machine.
    Local,
}

/// Where a repository is.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// How it is reached.
    pub scheme: Scheme,
    /// What libgit2 takes, without a password, and for http without a user.
    pub url: String,
    /// The user that the address names.
    pub user: Option<String>,
    /// The password that the address holds.
    pub password: Option<String>,
    /// The host; empty for this machine.
    pub host: String,
    /// The port, if the address names one.
    pub port: Option<u16>,
    /// The path on the host.
    pub path: String,
    /// The same for every spelling, and without secrets: it goes into labels.
    pub identity: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.identity)
    }
}

impl Address {
    /// Reads an address; `None` if the text is no address of a git repository but rather a path. `directory` is where
    /// relative paths start.
    pub fn parse(text: &str, directory: &Path) -> Option<Result<Self, String>> {
        match text.split_once("://") {
            Some((scheme @ ("https" | "http" | "ssh" | "git"), rest)) => Some(Self::remote(scheme, rest)),
            Some(("git+https", rest)) => Some(Self::remote("https", rest)),
            Some(("git+ssh", rest)) => Some(Self::remote("ssh", rest)),
            Some(("file", path)) if path.starts_with('/') => Some(Ok(Self::local(Path::new(path)))),
            Some(("file", _)) => Some(Err("a file:// address has three slashes: file:///path".to_owned())),
            Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) => {
                Some(Err(format!("{scheme}:// is not supported; use https, ssh or file")))
            }
            Some(_) | None => Self::short(text).map(Ok).or_else(|| Self::bare(&directory.join(text)).map(Ok)),
        }
    }

    /// The address of a repository on this machine.
    pub fn local(path: &Path) -> Self {
        let path = path.to_string_lossy().into_owned();
        let kept = path.trim_end_matches('/');
        Self {
            scheme: Scheme::Local,
            url: path.clone(),
            user: None,
            password: None,
            host: String::new(),
            port: None,
            identity: format!("file://{}", if kept.is_empty() { "/" } else { kept }),
            path,
        }
    }

    /// `user@host:path`, as ssh has it.
    fn short(text: &str) -> Option<Self> {
        let (head, path) = text.split_once(':')?;
        let (user, host) = head.split_once('@')?;
        let is_plain = |part: &str| !part.is_empty() && !part.contains(['/', ' ', '@']);
        if !is_plain(user) || !is_plain(host) || path.is_empty() {
            return None;
        }
        let identity = format!("ssh://{user}@{host}/{}", path.trim_matches('/'));
        Some(Self {
            scheme: Scheme::Ssh,
            url: text.to_owned(),
            user: Some(user.to_owned()),
            password: None,
            host: host.to_owned(),
            port: None,
            path: path.to_owned(),
            identity,
        })
    }

    /// A directory that holds a bare repository.
    fn bare(path: &Path) -> Option<Self> {
        let is_bare =
            path.join("HEAD").is_file() && path.join("objects").is_dir() && path.join("refs").is_dir();
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        is_bare.then(|| Self::local(&real))
    }

    fn remote(scheme: &str, rest: &str) -> Result<Self, String> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (Some(user), Some(password).filter(|text| !text.is_empty())),
            None => (None, None),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let number = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
                (host, Some(number))
            }
            Some(_) | None => (place, None),
        };
        if host.is_empty() || path.trim_matches('/').is_empty() {
            return Err("an address has a host and a path: https://host/path".to_owned());
        }
        let is_ssh = scheme == "ssh";
        // A token may stand in the place of the user.
        let named = user.filter(|_| is_ssh);
        let (user, password) = match (user, password) {
            (Some(token), None) if !is_ssh => (None, Some(decode(token))),
            (user, password) => (user.map(decode), password.map(decode)),
        };
        let at = |user: Option<&str>| user.map(|user| format!("{user}@")).unwrap_or_default();
        Ok(Self {
            scheme: match scheme {
                "ssh" => Scheme::Ssh,
                "git" => Scheme::Git,
                _ => Scheme::Http,
            },
            url: format!("{scheme}://{}{place}/{path}", at(named)),
            identity: format!("{scheme}://{}{}/{}", at(named), place.to_lowercase(), path.trim_matches('/')),
            user,
            password,
            host: host.trim_matches(['[', ']']).to_lowercase(),
            port,
            path: format!("/{path}"),
        })
    }

    /// A name for a source that its owner gave none: readable, and another one for each repository.
    pub fn name(&self) -> String {
        let last = self.identity.trim_end_matches(".git").rsplit(['/', ':']).next().unwrap_or_default();
        let kept: String =
            last.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(40).collect();
        let digest = hash::digest(self.identity.as_bytes());
        format!("{}-{}", if kept.is_empty() { "repository" } else { &kept }, digest.get(..8).unwrap_or("0"))
    }

    /// The address of a submodule, as its repository writes it.
    pub fn of_submodule(&self, written: &str) -> Result<Self, String> {
        let is_relative = written.starts_with("./") || written.starts_with("../");
        let found = if is_relative {
            Ok(self.beside(written))
        } else {
            Self::parse(written, Path::new("/")).unwrap_or_else(|| Ok(Self::local(Path::new(written))))
        }?;
        if found.scheme == Scheme::Local && self.scheme != Scheme::Local {
            return Err(format!("{written}: a repository elsewhere may not name one on this machine"));
        }
        Ok(found)
    }

    /// An address relative to this one, which counts as a directory.
    fn beside(&self, written: &str) -> Self {
        let join = |base: &str| {
            let mut parts: Vec<&str> = base.trim_end_matches('/').split('/').collect();
            for part in written.split('/') {
                match part {
                    "" | "." => {}
                    ".." => drop(parts.pop()),
                    name => parts.push(name),
                }
            }
            parts.join("/")
        };
        if self.scheme == Scheme::Local {
            return Self::local(&PathBuf::from(join(&self.path)));
        }
        let path = join(&self.path);
        let swap = |text: &str| match text.strip_suffix(self.path.as_str()) {
            Some(head) => format!("{head}{path}"),
            None => text.to_owned(),
        };
        let base = self.path.trim_matches('/');
        let head = self.identity.strip_suffix(base).unwrap_or(&self.identity);
        Self {
            url: swap(&self.url),
            identity: format!("{head}{}", path.trim_matches('/')),
            path,
            ..self.clone()
        }
    }
}

/// Undoes percent signs.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok()))
            .flatten();
        decoded.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Address, Scheme};
    use std::path::Path;

    fn address(text: &str) -> Address {
        Address::parse(text, Path::new("/nowhere")).expect("an address").expect("a good one")
    }

    #[test]
    fn the_forms_that_git_knows_are_told_from_paths() {
        for (text, identity, scheme) in [
            ("https://Example.org:8443/me/x.git/", "https://example.org:8443/me/x.git", Scheme::Http),
            ("http://example.org/x", "http://example.org/x", Scheme::Http),
            ("ssh://git@example.org:22/me/x.git", "ssh://git@example.org:22/me/x.git", Scheme::Ssh),
            ("git@example.org:me/x.git", "ssh://git@example.org/me/x.git", Scheme::Ssh),
            ("file:///srv/x.git", "file:///srv/x.git", Scheme::Local),
        ] {
            let found = address(text);
            assert_eq!((found.identity.as_str(), found.scheme), (identity, scheme), "{text}");
        }
        for path in ["stacks", "./a:b", "/srv/a@b:c", "a b@c:d"] {
            assert_eq!(Address::parse(path, Path::new("/nowhere")), None, "{path}");
        }
        for wrong in ["ftp://x/y", "https://host", "file://x/y", "ssh://h:x/y"] {
            assert!(matches!(Address::parse(wrong, Path::new("/")), Some(Err(_))), "{wrong}");
        }
    }

    #[test]
    fn secrets_stay_out_of_everything_that_is_shown() {
        for text in ["https://me:t%40ken@example.org/x.git", "https://t%40ken@example.org/x.git"] {
            let found = address(text);
            assert_eq!(found.password.as_deref(), Some("t@ken"));
            for shown in [&found.identity, &found.url, &found.name(), &format!("{found:?}")] {
                assert!(!shown.contains("ken"), "{shown}");
            }
        }
        assert_eq!(address("ssh://git@example.org/x.git").password, None);
    }

    #[test]
    fn submodules_lie_beside_or_elsewhere() {
        let base = address("https://example.org/me/x.git");
        let found = |text: &str| base.of_submodule(text).map(|found| (found.url, found.identity));
        let same = |text: &str| Ok((text.to_owned(), text.to_owned()));
        assert_eq!(found("../y.git"), same("https://example.org/me/y.git"));
        assert_eq!(found("https://other.org/y"), same("https://other.org/y"));
        assert!(found("/etc/y.git").is_err() && found("file:///y").is_err());
        let local = address("file:///srv/x.git").of_submodule("../y.git").expect("local");
        assert_eq!(local.path, "/srv/y.git");
        let short = address("git@example.org:me/x.git").of_submodule("../y.git").expect("ssh");
        assert_eq!(
            (short.url.as_str(), short.identity.as_str()),
            ("git@example.org:me/y.git", "ssh://git@example.org/me/y.git")
        );
    }

    #[test]
    fn a_name_is_readable_and_one_for_each() {
        let (one, other) =
            (address("https://example.org/me/x.git"), address("https://example.org/you/x.git"));
        assert!(one.name().starts_with("x-") && one.name() != other.name());
    }
}
