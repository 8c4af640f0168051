//! Settings of the host: a `reconcile.yaml`, which says what sources there are.

use super::notify::{self, NotifySettings};
use super::table::{Each, Items, Keys, Setting, Takes, Within};
use super::{Placed, read};
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::{Node, Span};
use crate::model::units::Nanos;
use std::net::SocketAddr;

/// Name of the file.
pub const FILE: &str = "reconcile.yaml";

/// Settings of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostSettings {
    /// Its sources with their names, in the order of the file.
    pub sources: Vec<(Placed, SourceSettings)>,
    /// Where the daemon can be asked.
    pub http: HttpSettings,
    /// Whom to tell, in the order of the file, each with its place.
    pub notify: Vec<(Span, NotifySettings)>,
    /// Where the program keeps what it has to remember.
    pub state_dir: Option<Placed>,
    /// The same directory as the engine's host has it, for a program in a container.
    pub host_state_dir: Option<Placed>,
    /// How many deployments of each stack are kept in the history.
    pub history: Option<u32>,
}

/// Settings of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceSettings {
    /// The directory or compose file; relative to the directory of the settings.
    pub dir: Option<Placed>,
    /// The address of a git repository.
    pub git: Option<Placed>,
    /// What of the repository, and how it is reached.
    pub repository: RepositorySettings,
    /// The keys that say something about a repository, for a source that is none.
    pub of_git: Vec<Placed>,
    /// The longest time between two looks of `reconcile watch`.
    pub interval: Option<Nanos>,
    /// Whether stacks that are gone from it are removed.
    pub prune: Option<bool>,
    /// The share of its stacks that may go at once, in percent.
    pub max_removals: Option<u8>,
    /// A file with the secret of its webhook.
    pub webhook_secret_file: Option<String>,
}

/// Where the daemon can be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpSettings {
    /// Address and port.
    pub listen: Option<SocketAddr>,
    /// A file with the token that requests have to show.
    pub token_file: Option<String>,
}

/// What of a repository, and how it is reached. Paths are relative to the directory of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositorySettings {
    /// The branch.
    pub branch: Option<Placed>,
    /// The tag.
    pub tag: Option<Placed>,
    /// The commit.
    pub commit: Option<Placed>,
    /// The directory in the repository that holds the stacks.
    pub path: Option<Placed>,
    /// Whether repositories in it are read too.
    pub submodules: Option<bool>,
    /// Whether stacks may read files outside of it.
    pub allow_paths_outside: Option<bool>,
    /// How long a fetch may take.
    pub timeout: Option<Nanos>,
    /// User name for http.
    pub username: Option<String>,
    /// A file with a token.
    pub token_file: Option<String>,
    /// A file with a password.
    pub password_file: Option<String>,
    /// A file of logins.
    pub credentials_file: Option<String>,
    /// A command that speaks git's protocol of credential helpers.
    pub credential_helper: Option<String>,
    /// A private key.
    pub key_file: Option<String>,
    /// A file with the passphrase of the key.
    pub passphrase_file: Option<String>,
    /// Whether the agent is asked for keys.
    pub agent: Option<bool>,
    /// Host keys.
    pub known_hosts: Option<String>,
    /// Certificates.
    pub ca_file: Option<String>,
}

/// Reads a `reconcile.yaml`.
pub fn host(root: &Node, diagnostics: &mut Vec<Diagnostic>) -> HostSettings {
    let settings = read::settings(&HOST, root, "", diagnostics);
    if settings.sources.is_empty() && diagnostics.is_empty() {
        let error = Diagnostic::error("the settings name no source").at("sources").span(root.span);
        diagnostics.push(error.hint("write `sources: {NAME: {dir: PATH}}`, or `git: ADDRESS`"));
    }
    notify::check(&settings, diagnostics);
    settings
}

/// The places of all that must not be told.
pub fn secret_places(root: &Node) -> Vec<Span> {
    let mut found = Vec::new();
    read::secret_places(&HOST, root, &mut found);
    found
}

/// Settings of the host.
pub(super) static HOST: Keys<HostSettings> = Keys {
    rows: &[
        Setting {
            key: "sources",
            takes: Takes::Group(&Each {
                keys: &SOURCE,
                field: |settings: &mut HostSettings| &mut settings.sources,
            }),
            doc: "Where stacks come from, by names of your choice.",
        },
        Setting {
            key: "http",
            takes: Takes::Group(&Within {
                keys: &HTTP,
                field: |settings: &mut HostSettings| &mut settings.http,
            }),
            doc: "Where `reconcile watch` can be asked how the stacks are, and told to look; docs/http.md tells more.",
        },
        Setting {
            key: "notify",
            takes: Takes::Group(&Items {
                keys: &notify::NOTIFY,
                field: |settings: &mut HostSettings| &mut settings.notify,
            }),
            doc: "Whom to tell what becomes of the stacks; docs/alerts.md tells more.",
        },
        Setting {
            key: "state_dir",
            takes: Takes::Place(|settings, path| settings.state_dir = Some(path)),
            doc: "Where the program keeps what it fetched and what it has to remember; /var/lib/reconcile if left out, or \
                  for other users than root ~/.local/state/reconcile.",
        },
        Setting {
            key: "host_state_dir",
            takes: Takes::Place(|settings, path| settings.host_state_dir = Some(path)),
            doc: "The same directory as the engine's host has it, for a program in a container that cannot find it out.",
        },
        Setting {
            key: "history",
            takes: Takes::Count(|settings, count| settings.history = Some(count)),
            doc: "How many deployments of each stack `reconcile history` keeps; 50 if left out, 0 is none.",
        },
    ],
    required: &["sources"],
    exactly_one: &[],
    at_most_one: &[],
    needs: &[],
};

/// Where the daemon can be asked.
static HTTP: Keys<HttpSettings> = Keys {
    rows: &[
        Setting {
            key: "listen",
            takes: Takes::Parsed("an address and a port such as 127.0.0.1:8080", |http, text| {
                let address = text.parse().map_err(|_| "write the address itself, no name".to_owned())?;
                http.listen = Some(address);
                Ok(())
            }),
            doc: "Address and port, such as `127.0.0.1:8080`; nothing listens if left out.",
        },
        Setting {
            key: "token_file",
            takes: Takes::Text(|http, path| http.token_file = Some(path)),
            doc: "A file with the token that requests have to show; without one only health and webhooks are answered.",
        },
    ],
    required: &["listen"],
    exactly_one: &[],
    at_most_one: &[],
    needs: &[],
};

/// Takes a text for a repository, and notes that it was there.
macro_rules! text {
    ($key:ident, $doc:expr) => {
        Setting {
            key: stringify!($key),
            takes: Takes::Place(|settings: &mut SourceSettings, value| {
                settings.note(stringify!($key), &value);
                settings.repository.$key = Some(value.text);
            }),
            doc: $doc,
        }
    };
}

/// The same for one whose position counts.
macro_rules! place {
    ($key:ident, $doc:expr) => {
        Setting {
            key: stringify!($key),
            takes: Takes::Place(|settings: &mut SourceSettings, value| {
                settings.note(stringify!($key), &value);
                settings.repository.$key = Some(value);
            }),
            doc: $doc,
        }
    };
}

impl SourceSettings {
    fn note(&mut self, key: &str, value: &Placed) {
        self.of_git.push(Placed { text: key.to_owned(), span: value.span });
    }
}

/// Settings of a source.
pub(super) static SOURCE: Keys<SourceSettings> = Keys {
    rows: &[
        Setting {
            key: "dir",
            takes: Takes::Place(|settings, dir| settings.dir = Some(dir)),
            doc: "A directory of stacks, or a compose file; relative paths start from the directory of this file.",
        },
        Setting {
            key: "git",
            takes: Takes::Place(|settings, git| settings.git = Some(git)),
            doc: "The address of a git repository: https://, ssh://, user@host:path, file://, or the path of a local one.",
        },
        place!(
            branch,
            "The branch to follow; the repository's default one if neither `tag` nor `commit` is given."
        ),
        place!(tag, "The tag to follow."),
        place!(commit, "The commit to stay at, by its full id."),
        place!(path, "The directory of the repository that holds the stacks; all of it if left out."),
        Setting {
            key: "submodules",
            takes: Takes::Switch(|settings, on| settings.repository.submodules = Some(on)),
            doc: "Whether repositories in it are read too; false if left out.",
        },
        Setting {
            key: "allow_paths_outside",
            takes: Takes::Switch(|settings, on| settings.repository.allow_paths_outside = Some(on)),
            doc: "Whether stacks of the repository may read files of the host outside of it, such as env files; false if \
                  left out.",
        },
        Setting {
            key: "timeout",
            takes: Takes::Duration(|settings, time| settings.repository.timeout = Some(time)),
            doc: "How long a fetch may take, such as `10m`, which it is if left out.",
        },
        text!(
            username,
            "User name for http; if left out that of the address, else one that forges take beside a token."
        ),
        text!(token_file, "A file with a token for http."),
        text!(password_file, "A file with a password for http."),
        text!(
            credentials_file,
            "A file of lines `machine HOST login USER password PASSWORD`; ~/.netrc if left out."
        ),
        text!(
            credential_helper,
            "A command that speaks git's protocol of credential helpers; it is called with `get`."
        ),
        text!(
            key_file,
            "A private key for ssh; if left out the agent's, then ~/.ssh/id_ed25519, id_ecdsa, id_rsa."
        ),
        text!(passphrase_file, "A file with the passphrase of `key_file`."),
        Setting {
            key: "agent",
            takes: Takes::Switch(|settings, on| settings.repository.agent = Some(on)),
            doc: "Whether the ssh agent is asked for keys; if left out, where `key_file` is not given.",
        },
        text!(
            known_hosts,
            "Host keys that are believed; ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts if left out."
        ),
        text!(ca_file, "Certificates that are believed for https, in place of those of the system."),
        Setting {
            key: "interval",
            takes: Takes::Duration(|settings, time| settings.interval = Some(time)),
            doc: "The longest time between two looks of `reconcile watch`, such as `60s`, which it is if left out.",
        },
        Setting {
            key: "prune",
            takes: Takes::Switch(|settings, prune| settings.prune = Some(prune)),
            doc: "Whether stacks that are gone from the source are removed; true if left out.",
        },
        Setting {
            key: "max_removals",
            takes: Takes::Percent(|settings, percent| settings.max_removals = Some(percent)),
            doc: "The share of the source's stacks that may be removed at once, in percent; 50 if left out. A single one \
                  always may.",
        },
        Setting {
            key: "webhook_secret_file",
            takes: Takes::Text(|settings, path| settings.webhook_secret_file = Some(path)),
            doc: "A file with the secret of the source's webhook, `/webhook/NAME`; without one it is refused.",
        },
    ],
    required: &[],
    exactly_one: &[&["dir", "git"]],
    at_most_one: &[&["branch", "tag", "commit"]],
    needs: &[],
};
