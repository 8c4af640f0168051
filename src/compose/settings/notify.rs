//! Settings of alerts: whom to tell what. One group of keys for each kind of sink.

mod check;
mod services;
mod table;

pub(super) use check::check;
pub use check::is_address;
#[cfg(test)]
pub(super) use services::{COMMIT_STATUS, EMAIL, GOTIFY, HEARTBEAT, NTFY};
pub(super) use table::NOTIFY;
#[cfg(test)]
pub(super) use table::{ADDRESS, WEBHOOK};

use super::{Placed, Secret};
use crate::model::alert::AlertKind;
use crate::model::sensitive::Sensitive;
use crate::model::units::Nanos;

/// Whom to tell what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotifySettings {
    /// What it goes by; the word of its sink if left out.
    pub name: Option<Placed>,
    /// What is told; empty if left out.
    pub on: Vec<AlertKind>,
    /// The sources of which something is told; all if left out.
    pub sources: Vec<Placed>,
    /// The stacks of which something is told; all if left out.
    pub stacks: Vec<String>,
    /// After what time something that stays as it is is told again.
    pub remind: Option<Nanos>,
    /// Where it is told. `None` only if the settings are wrong.
    pub sink: Option<SinkSettings>,
}

impl NotifySettings {
    /// What it goes by.
    pub fn title(&self) -> &str {
        let word = || self.sink.as_ref().map_or("", SinkSettings::word);
        self.name.as_ref().map_or_else(word, |name| &name.text)
    }
}

/// Where something is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkSettings {
    /// Any service that takes HTTP requests.
    Webhook(WebhookSettings),
    /// Slack, or what takes its messages (Mattermost, Rocket.Chat).
    Slack(AddressSettings),
    /// Discord.
    Discord(AddressSettings),
    /// ntfy.
    Ntfy(PushSettings),
    /// Gotify.
    Gotify(PushSettings),
    /// Electronic mail.
    Email(EmailSettings),
    /// A dead man's switch: it raises the alarm when it is no longer told that all goes on.
    Heartbeat(HeartbeatSettings),
    /// The status of the commit that is deployed.
    CommitStatus(CommitStatusSettings),
}

impl SinkSettings {
    /// The key that it stands under.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Slack(_) => "slack",
            Self::Discord(_) => "discord",
            Self::Ntfy(_) => "ntfy",
            Self::Gotify(_) => "gotify",
            Self::Email(_) => "email",
            Self::Heartbeat(_) => "heartbeat",
            Self::CommitStatus(_) => "commit_status",
        }
    }

    /// Whether it is told of alerts: the others are told something else.
    pub const fn takes_alerts(&self) -> bool {
        !matches!(self, Self::Heartbeat(_) | Self::CommitStatus(_))
    }
}

/// Any service that takes HTTP requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Its address.
    pub url: Option<Secret>,
    /// Whether the request is a `PUT`, not a `POST`.
    pub is_put: bool,
    /// Headers of the request; their values may be secrets.
    pub headers: Vec<(Placed, Sensitive)>,
    /// Template of the body.
    pub body: Option<Placed>,
    /// A bearer token.
    pub token: Option<Secret>,
    /// What the body is signed with.
    pub secret: Option<Secret>,
}

/// A service that is known by its address alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressSettings {
    /// Its address.
    pub url: Option<Secret>,
}

/// A service that sends messages to telephones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushSettings {
    /// Its address.
    pub url: Option<Secret>,
    /// Its token.
    pub token: Option<Secret>,
}

/// How a connection to a mail server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MailTls {
    /// It begins in the open and goes on encrypted, or not at all.
    #[default]
    StartTls,
    /// It is encrypted from its beginning.
    Tls,
    /// It is not.
    Nothing,
}

/// Electronic mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmailSettings {
    /// The mail server.
    pub host: Option<Placed>,
    /// Its port, if it is not the usual one.
    pub port: Option<u32>,
    /// How the connection is kept private.
    pub tls: MailTls,
    /// Who logs in.
    pub user: Option<String>,
    /// With what.
    pub password: Option<Secret>,
    /// The sender.
    pub from: Option<Placed>,
    /// Those who are told.
    pub to: Vec<Placed>,
}

/// A dead man's switch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// Its address.
    pub url: Option<Secret>,
    /// The least time between two signs.
    pub every: Option<Nanos>,
}

/// Which program runs a forge: each takes statuses in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forge {
    /// GitHub.
    #[default]
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea, and Forgejo, whose interface is the same.
    Gitea,
}

/// The status of the commit that is deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitStatusSettings {
    /// Which program runs the forge.
    pub forge: Forge,
    /// Its address, if it is not that of the company behind it.
    pub server: Option<Placed>,
    /// The repository, as `owner/name`.
    pub repository: Option<Placed>,
    /// What lets the program set statuses.
    pub token: Option<Secret>,
    /// What the status goes by, if it is not the host and the source.
    pub context: Option<String>,
    /// Where the status leads to.
    pub target_url: Option<Placed>,
}
