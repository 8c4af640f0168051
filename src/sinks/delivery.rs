//! Brings messages to one sink: with a time limit, several times if need be, in a task of its own.

use super::commit_status::{self, Status};
use super::email::{self, Mail};
use super::http::{self, Refusal};
use super::message::Message;
use super::request::Request;
use super::webhook::{self, Secrets};
use super::{discord, gotify, ntfy, slack};
use crate::compose::settings::Secret;
use crate::compose::settings::notify::{SinkSettings, is_address};
use crate::model::redact::Redactor;
use crate::model::sensitive::{SecretSource, Sensitive};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long one try may take.
pub const LIMIT: Duration = Duration::from_secs(10);
/// How long to wait before each further try.
pub const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];

/// Something that a sink is told.
#[derive(Debug, Clone)]
pub enum Order {
    /// An alert, or a trial.
    Alert(Box<Message>),
    /// A sign of life, or a trial.
    Beat,
    /// The status of a commit.
    Status(Status),
    /// Whether a forge can be reached.
    Look,
}

/// A sink with all that it takes to reach it.
#[derive(Debug, Clone)]
pub struct Sink {
    /// What it goes by.
    pub name: String,
    /// Its settings.
    pub settings: SinkSettings,
    /// Where relative paths start.
    pub directory: PathBuf,
    /// This host.
    pub host: String,
}

enum Parcel {
    Request(reqwest::Client, Request),
    Mail(Box<Mail>),
}

impl Sink {
    /// Delivers once; gives the answer in a few words.
    pub async fn deliver_once(self: &Arc<Self>, order: &Order) -> Result<String, Refusal> {
        let (sink, order) = (Arc::clone(self), order.clone());
        let late = |_| Refusal {
            why: format!("no answer within {} s", LIMIT.as_secs()),
            is_final: false,
            wait: None,
        };
        let delivery = async {
            // Files are read and certificates loaded at each try: both may be put right meanwhile.
            let packed = tokio::task::spawn_blocking(move || sink.pack(&order)).await;
            let packed = packed.unwrap_or_else(|_| Err("packing ended in a panic".to_owned()));
            match packed.map_err(Refusal::for_good)? {
                Parcel::Request(client, request) => http::send(&client, request).await,
                Parcel::Mail(mail) => {
                    let answer = email::send(*mail).await;
                    answer.map_err(|(why, is_final)| Refusal { why, is_final, wait: None })
                }
            }
        };
        let sent = tokio::time::timeout(LIMIT, delivery).await.map_err(late)?;
        let redactor = self.redactor();
        sent.map(|answer| redactor.apply(&answer))
            .map_err(|refusal| Refusal { why: redactor.apply(&refusal.why), ..refusal })
    }

    /// Delivers, with further tries until `closing` says that there is no time for them.
    pub async fn deliver(
        self: &Arc<Self>,
        order: &Order,
        closing: &mut watch::Receiver<bool>,
    ) -> Result<String, String> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let refusal = match self.deliver_once(order).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            let is_last = refusal.is_final || *closing.borrow();
            let Some(pause) = pauses.next().filter(|_| !is_last) else { return Err(refusal.why) };
            tokio::select! {
                () = tokio::time::sleep(refusal.wait.unwrap_or(pause).max(pause)) => {}
                // One more try, and that is the last one.
                _ = closing.wait_for(|closing| *closing) => {}
            }
        }
    }

    /// Says what would keep every message from being delivered.
    pub fn check(&self) -> Result<(), String> {
        if let SinkSettings::Webhook(webhook) = &self.settings {
            webhook::check(webhook)?;
        }
        self.secrets().into_iter().try_for_each(|secret| self.reveal(Some(secret), "").map(drop))
    }

    fn secrets(&self) -> Vec<&Secret> {
        let all = match &self.settings {
            SinkSettings::Webhook(sink) => [&sink.url, &sink.token, &sink.secret],
            SinkSettings::Slack(sink) | SinkSettings::Discord(sink) => [&sink.url, &None, &None],
            SinkSettings::Ntfy(sink) | SinkSettings::Gotify(sink) => [&sink.url, &sink.token, &None],
            SinkSettings::Email(sink) => [&sink.password, &None, &None],
            SinkSettings::Heartbeat(sink) => [&sink.url, &None, &None],
            SinkSettings::CommitStatus(sink) => [&sink.token, &None, &None],
        };
        all.into_iter().flatten().collect()
    }

    /// Everything secret of it that can be read.
    fn redactor(&self) -> Redactor {
        let secrets = self.secrets();
        let inline = secrets.into_iter().filter_map(|secret| match &secret.source {
            SecretSource::Inline(text) => Some(text.expose().to_owned()),
            // The request or the mail masked it already.
            SecretSource::File(_) => None,
        });
        Redactor::new(inline)
    }

    fn reveal(&self, secret: Option<&Secret>, what: &str) -> Result<Sensitive, String> {
        match secret.map(|secret| &secret.source) {
            Some(SecretSource::Inline(text)) => Ok(text.clone()),
            Some(SecretSource::File(path)) => read(&self.directory.join(path)),
            None => Err(format!("the settings have no {what}")),
        }
    }

    fn maybe(&self, secret: Option<&Secret>) -> Result<Option<Sensitive>, String> {
        secret.map(|secret| self.reveal(Some(secret), "")).transpose()
    }

    fn address(&self, secret: Option<&Secret>) -> Result<Sensitive, String> {
        let url = self.reveal(secret, "address")?;
        if is_address(url.expose()) { Ok(url) } else { Err("the file holds no address".to_owned()) }
    }

    fn pack(&self, order: &Order) -> Result<Parcel, String> {
        let request = match (&self.settings, order) {
            (SinkSettings::Webhook(sink), Order::Alert(message)) => {
                let secrets = Secrets {
                    url: self.address(sink.url.as_ref())?,
                    token: self.maybe(sink.token.as_ref())?,
                    secret: self.maybe(sink.secret.as_ref())?,
                };
                webhook::request(sink, secrets, message)?
            }
            (SinkSettings::Slack(sink), Order::Alert(message)) => {
                slack::request(self.address(sink.url.as_ref())?, message)
            }
            (SinkSettings::Discord(sink), Order::Alert(message)) => {
                discord::request(self.address(sink.url.as_ref())?, message)
            }
            (SinkSettings::Ntfy(sink), Order::Alert(message)) => {
                let token = self.maybe(sink.token.as_ref())?;
                ntfy::request(&self.address(sink.url.as_ref())?, token.as_ref(), message)?
            }
            (SinkSettings::Gotify(sink), Order::Alert(message)) => {
                let token = self.reveal(sink.token.as_ref(), "token")?;
                gotify::request(&self.address(sink.url.as_ref())?, &token, message)
            }
            (SinkSettings::Email(sink), Order::Alert(message)) => {
                let password = self.maybe(sink.password.as_ref())?;
                let mail = email::mail(sink, password.as_ref(), message, LIMIT)?;
                return Ok(Parcel::Mail(Box::new(mail)));
            }
            (SinkSettings::Heartbeat(sink), Order::Beat) => Request::get(self.address(sink.url.as_ref())?),
            (SinkSettings::CommitStatus(sink), Order::Status(status)) => {
                let token = self.reveal(sink.token.as_ref(), "token")?;
                commit_status::request(sink, &token, &self.host, Some(status))
            }
            (SinkSettings::CommitStatus(sink), Order::Look) => {
                let token = self.reveal(sink.token.as_ref(), "token")?;
                commit_status::request(sink, &token, &self.host, None)
            }
            (sink, _) => return Err(format!("{} takes no such message", sink.word())),
        };
        Ok(Parcel::Request(http::client()?, request))
    }
}

fn read(path: &Path) -> Result<Sensitive, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    match text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        secret => Ok(Sensitive::new(secret)),
    }
}
