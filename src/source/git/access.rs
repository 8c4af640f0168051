//! Answers libgit2's questions: who asks, and whether to believe who answers.

use super::address::{Address, Scheme};
use super::known_hosts::{self, Verdict};
use super::netrc;
use super::protocol::{Access, Failure, Request};
use git2::cert::Cert;
use git2::{CertificateCheckStatus, Cred, CredentialType, ErrorClass, ErrorCode, RemoteCallbacks};
use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The user that forges take beside a token, if nobody names another.
const TOKEN_USER: &str = "x-access-token";
/// Names of keys that are tried if none is named.
const KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];
const SYSTEM_HOSTS: &str = "/etc/ssh/ssh_known_hosts";

/// All that a connection needs to prove.
pub(super) struct Prover<'a> {
    address: &'a Address,
    access: &'a Access,
    home: Option<&'a Path>,
    /// What failed, in words of our own: libgit2 keeps only a text.
    failure: RefCell<Option<Failure>>,
}

impl<'a> Prover<'a> {
    /// `address` may be that of a submodule. Credentials go to no other host than that of the source.
    pub(super) fn new(request: &'a Request, address: &'a Address, access: &'a Access) -> Self {
        Self { address, access, home: request.home.as_deref(), failure: RefCell::new(None) }
    }

    /// Callbacks for one connection.
    pub(super) fn callbacks(&'a self) -> RemoteCallbacks<'a> {
        let mut callbacks = RemoteCallbacks::new();
        let mut logins = self.logins();
        callbacks.credentials(move |_, user, kinds| self.answer(user, kinds, &mut logins));
        callbacks.certificate_check(|certificate, _| self.check(certificate));
        callbacks
    }

    /// The failure in words of our own, else in those of libgit2.
    pub(super) fn failure(&self, error: &git2::Error) -> Failure {
        if let Some(failure) = self.failure.borrow_mut().take() {
            return failure;
        }
        if self.address.scheme == Scheme::Local && !Path::new(&self.address.path).is_dir() {
            return Failure::new(format!("there is no repository at {}", self.address.path))
                .hint("check the path");
        }
        let what = format!("{}: {}", self.address.identity, error.message());
        match (error.class(), error.code()) {
            (_, ErrorCode::Auth) => self.unproven(),
            (ErrorClass::Ssl, _) | (_, ErrorCode::Certificate) => Failure::new(what)
                .hint("`ca_file` names certificates that are believed in place of those of the system"),
            (ErrorClass::Net | ErrorClass::Os | ErrorClass::Ssh, _) => Failure::new(what),
            (_, ErrorCode::NotFound) => {
                Failure::new(format!("there is no repository at {}", self.address.identity))
            }
            (ErrorClass::Http, _) if error.message().contains("404") => Failure::new(what)
                .hint("check the address; some servers answer so to those who may not read it"),
            _ => Failure::new(what),
        }
    }

    fn unproven(&self) -> Failure {
        let failure = Failure::new(format!("{} does not let us in", self.address.identity));
        failure.hint(match self.address.scheme {
            Scheme::Ssh => "check `key_file` (or the agent's keys) and that the host knows the key",
            _ => {
                "set `token_file`, `username` and `password_file`, `credentials_file` or `credential_helper`"
            }
        })
    }

    fn fail(&self, failure: Failure) -> git2::Error {
        let error = git2::Error::from_str(&failure.message);
        *self.failure.borrow_mut() = Some(failure);
        error
    }

    /// What is tried, each once: libgit2 asks again and again.
    fn logins(&self) -> Vec<Way> {
        let mut ways = match self.address.scheme {
            Scheme::Http => vec![Way::Password],
            Scheme::Ssh => self.keys(),
            Scheme::Git | Scheme::Local => Vec::new(),
        };
        ways.reverse();
        ways
    }

    fn keys(&self) -> Vec<Way> {
        if let Some(key) = &self.access.key_file {
            let agent = (self.access.agent == Some(true)).then_some(Way::Agent);
            return std::iter::once(Way::Key(key.clone())).chain(agent).collect();
        }
        let agent = (self.access.agent != Some(false)
            && std::env::var_os("SSH_AUTH_SOCK").is_some_and(|path| !path.is_empty()))
        .then_some(Way::Agent);
        let own = self.home.into_iter().flat_map(|home| KEYS.map(|name| home.join(".ssh").join(name)));
        agent.into_iter().chain(own.filter(|path| path.is_file()).map(Way::Key)).collect()
    }

    fn answer(
        &self,
        user: Option<&str>,
        kinds: CredentialType,
        ways: &mut Vec<Way>,
    ) -> Result<Cred, git2::Error> {
        let name = user.or(self.address.user.as_deref()).unwrap_or("git");
        if kinds.contains(CredentialType::USERNAME) {
            return Cred::username(name);
        }
        while let Some(way) = ways.pop() {
            match way {
                Way::Password if kinds.contains(CredentialType::USER_PASS_PLAINTEXT) => {
                    let (user, password) = self.login().map_err(|failure| self.fail(failure))?;
                    return Cred::userpass_plaintext(&user, &password);
                }
                Way::Agent if kinds.contains(CredentialType::SSH_KEY) => {
                    return Cred::ssh_key_from_agent(name);
                }
                Way::Key(path) if kinds.contains(CredentialType::SSH_KEY) => return self.key(name, &path),
                Way::Password | Way::Agent | Way::Key(_) => {}
            }
        }
        Err(self.fail(self.unproven()))
    }

    fn key(&self, user: &str, path: &Path) -> Result<Cred, git2::Error> {
        let read = |path: &Path| secret(path).map_err(|failure| self.fail(failure));
        fs::File::open(path).map_err(|error| {
            self.fail(Failure::new(format!("cannot read the key {}: {error}", path.display())))
        })?;
        let passphrase = self.access.passphrase_file.as_deref().map(read).transpose()?;
        Cred::ssh_key(user, None, path, passphrase.as_deref())
    }

    /// The user and password for http.
    fn login(&self) -> Result<netrc::Login, Failure> {
        let user = || self.access.username.clone().or_else(|| self.address.user.clone());
        let with_token = |token| (user().unwrap_or_else(|| TOKEN_USER.to_owned()), token);
        if let Some(file) = &self.access.token_file {
            return Ok(with_token(secret(file)?));
        }
        if let Some(file) = &self.access.password_file {
            return Ok((user().unwrap_or_default(), secret(file)?));
        }
        if let Some(password) = &self.address.password {
            return Ok(with_token(password.clone()));
        }
        if let Some(command) = &self.access.credential_helper {
            return self.ask(command);
        }
        let own = self.home.map(|home| home.join(".netrc")).filter(|path| path.is_file());
        let Some(file) = self.access.credentials_file.clone().or(own) else { return Err(self.unproven()) };
        netrc::login(&text(&file)?, &self.address.host).ok_or_else(|| {
            Failure::new(format!("{} has no login for {}", file.display(), self.address.host))
                .hint("a line of it is `machine HOST login USER password PASSWORD`")
        })
    }

    /// Asks a command as git does.
    fn ask(&self, command: &str) -> Result<netrc::Login, Failure> {
        let failed = |why: String| Failure::new(format!("the credential helper {why}"));
        let mut child = Command::new("sh");
        child
            .arg("-c")
            .arg(format!("{command} get"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(home) = self.home {
            child.env("HOME", home);
        }
        let mut child = child.spawn().map_err(|error| failed(format!("does not start: {error}")))?;
        let scheme = self.address.url.split_once("://").map_or("https", |(scheme, _)| scheme);
        let port = self.address.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.address.path.trim_start_matches('/');
        let question = format!("protocol={scheme}\nhost={}{port}\npath={path}\n\n", self.address.host);
        if let Some(mut input) = child.stdin.take() {
            // One that reads nothing has ended, and says the rest by what it prints.
            drop(input.write_all(question.as_bytes()));
        }
        let output = child.wait_with_output().map_err(|error| failed(format!("is lost: {error}")))?;
        if !output.status.success() {
            return Err(failed(format!("failed: {}", output.status)));
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |key: &str| {
            said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
        };
        let password = value("password").ok_or_else(|| failed("gives no password".to_owned()))?;
        let user = value("username").or_else(|| self.access.username.clone());
        Ok((user.unwrap_or_else(|| TOKEN_USER.to_owned()), password))
    }

    fn check(&self, certificate: &Cert<'_>) -> Result<CertificateCheckStatus, git2::Error> {
        let Some(shown) = certificate.as_hostkey() else {
            return Ok(CertificateCheckStatus::CertificatePassthrough);
        };
        let kind = shown.hostkey_type().map_or("unknown", |kind| kind.name());
        let Some(key) = shown.hostkey() else {
            return Err(self.fail(Failure::new(format!("{} shows no host key", self.address.host))));
        };
        let place = (self.address.host.as_str(), self.address.port.unwrap_or(22));
        let files = known_hosts_files(self.access, self.home);
        let listed: String =
            files.iter().filter_map(|path| fs::read_to_string(path).ok()).map(|text| text + "\n").collect();
        let verdict = known_hosts::judge(&listed, place, kind, key);
        if verdict == Verdict::Known {
            return Ok(CertificateCheckStatus::CertificateOk);
        }
        let list = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ");
        Err(self.fail(distrust(&verdict, place, (kind, &known_hosts::fingerprint(key)), &list)))
    }
}

enum Way {
    Password,
    Agent,
    Key(PathBuf),
}

/// Where host keys are looked up: the named file, else those that ssh takes.
pub(super) fn known_hosts_files(access: &Access, home: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = &access.known_hosts {
        return vec![path.clone()];
    }
    let own = home.map(|home| home.join(".ssh/known_hosts"));
    own.into_iter().chain([PathBuf::from(SYSTEM_HOSTS)]).collect()
}

/// Why a host is not believed.
fn distrust(
    verdict: &Verdict,
    (host, port): (&str, u16),
    (kind, shown): (&str, &str),
    list: &str,
) -> Failure {
    let option = if port == 22 { String::new() } else { format!("-p {port} ") };
    match verdict {
        Verdict::Changed(listed) => Failure::new(format!(
            "the host key of {host} has changed: it shows {kind} {shown}, but {list} lists {listed}"
        ))
        .hint("somebody may stand in between; if its owner says that the key is new, replace the line of the host"),
        Verdict::Revoked => Failure::new(format!("the host key of {host}, {kind} {shown}, is listed as revoked in {list}"))
            .hint("do not go on before its owner has explained it"),
        Verdict::Unknown | Verdict::Known => {
            Failure::new(format!("the host key of {host} is not known: it shows {kind} {shown}")).hint(format!(
                "compare it with what the host's owner says, then `ssh-keyscan {option}{host} >> known_hosts`; looked in {list}"
            ))
        }
    }
}

/// The text of a file of ours.
fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

/// A secret in a file, without the end of its line.
fn secret(path: &Path) -> Result<String, Failure> {
    let text = text(path)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        Err(Failure::new(format!("{} is empty", path.display())))
    } else {
        Ok(secret.to_owned())
    }
}
