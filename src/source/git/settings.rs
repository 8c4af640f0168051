//! What the settings of the host say about a repository.

use super::address::Address;
use super::protocol::{Access, Wanted};
use super::store::is_commit_id;
use crate::compose::node::Span;
use crate::compose::settings::Placed;
use crate::compose::settings::host::RepositorySettings;
use crate::model::units::Nanos;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// How long a fetch may take if nobody says so.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A repository, and what of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSettings {
    /// Where it is.
    pub address: Address,
    /// Which revision.
    pub wanted: Wanted,
    /// The directory in it that holds the stacks; empty is all of it.
    pub path: PathBuf,
    /// Credentials.
    pub access: Access,
    /// Whether repositories in it are read too.
    pub submodules: bool,
    /// Whether stacks may read files outside of it.
    pub may_leave: bool,
    /// How long a fetch may take.
    pub timeout: Duration,
}

/// What is wrong: the key, its place, a message and a hint.
type Wrong = (&'static str, Span, String, String);

impl GitSettings {
    /// A repository of which nothing but the address is known.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            wanted: Wanted::Default,
            path: PathBuf::new(),
            access: Access::default(),
            submodules: false,
            may_leave: false,
            timeout: TIMEOUT,
        }
    }

    /// Reads settings; relative paths start from `directory`.
    pub fn read(git: &Placed, settings: &RepositorySettings, directory: &Path) -> Result<Self, Wrong> {
        let wrong = |message: String, hint: &str| ("git", git.span, message, hint.to_owned());
        let address = match Address::parse(&git.text, directory) {
            Some(Ok(address)) => address,
            Some(Err(error)) => {
                return Err(wrong(error, "write https://host/path, ssh://user@host/path or file:///path"));
            }
            None => local(&directory.join(&git.text)).ok_or_else(|| {
                let message =
                    format!("there is no git repository at {}", directory.join(&git.text).display());
                wrong(message, "give an address such as https://host/path, or the path of a repository")
            })?,
        };
        if address.password.is_some() {
            let hint = "put it into a file of its own and name that as `token_file` or `password_file`";
            // Without its place: the line would be shown.
            return Err(("git", Span::default(), "the address holds a password".to_owned(), hint.to_owned()));
        }
        let file = |path: &Option<String>| path.as_ref().map(|path| directory.join(path));
        Ok(Self {
            wanted: wanted(settings)?,
            path: path(settings)?,
            access: Access {
                username: settings.username.clone(),
                token_file: file(&settings.token_file),
                password_file: file(&settings.password_file),
                credentials_file: file(&settings.credentials_file),
                credential_helper: settings.credential_helper.clone(),
                key_file: file(&settings.key_file),
                passphrase_file: file(&settings.passphrase_file),
                agent: settings.agent,
                known_hosts: file(&settings.known_hosts),
                ca_file: file(&settings.ca_file),
            },
            submodules: settings.submodules.unwrap_or(false),
            may_leave: settings.allow_paths_outside.unwrap_or(false),
            timeout: settings.timeout.map_or(TIMEOUT, Nanos::to_std),
            ..Self::new(address)
        })
    }

    /// What its objects on the engine say whose they are: the same for every branch, since all lead to the same stacks.
    pub fn identity(&self) -> String {
        let inside = self.path.to_string_lossy();
        if inside.is_empty() {
            self.address.identity.clone()
        } else {
            format!("{}#:{inside}", self.address.identity)
        }
    }
}

/// A repository of this machine, bare or not.
fn local(path: &Path) -> Option<Address> {
    let real = path.canonicalize().ok().filter(|path| path.join(".git").exists())?;
    Some(Address::local(&real))
}

fn wanted(settings: &RepositorySettings) -> Result<Wanted, Wrong> {
    let RepositorySettings { branch, tag, commit, .. } = settings;
    let given = [("branch", branch), ("tag", tag), ("commit", commit)];
    let mut given = given.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let Some((key, value)) = given.next() else { return Ok(Wanted::Default) };
    if let Some((other, place)) = given.next() {
        let message = format!("`{key}` and `{other}` exclude each other");
        return Err((other, place.span, message, "keep one of the two".to_owned()));
    }
    let text = value.text.clone();
    match key {
        "branch" => Ok(Wanted::Branch(text)),
        "tag" => Ok(Wanted::Tag(text)),
        _ if is_commit_id(&text) => Ok(Wanted::Commit(text.to_lowercase())),
        _ => {
            let message = format!("`commit` is `{text}`, but must be the id of a commit");
            Err(("commit", value.span, message, "write all 40 digits of it".to_owned()))
        }
    }
}

fn path(settings: &RepositorySettings) -> Result<PathBuf, Wrong> {
    let Some(given) = &settings.path else { return Ok(PathBuf::new()) };
    let mut kept = PathBuf::new();
    for part in Path::new(&given.text).components() {
        match part {
            Component::Normal(name) => kept.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                let message = format!("`path` is `{}`, but must lie in the repository", given.text);
                return Err(("path", given.span, message, "write a path such as stacks/web".to_owned()));
            }
        }
    }
    Ok(kept)
}
