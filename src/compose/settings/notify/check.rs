//! What the settings of alerts must be beyond their keys.

use super::super::host::HostSettings;
use super::super::{Placed, Secret};
use super::{
    CommitStatusSettings, EmailSettings, Forge, MailTls, NotifySettings, SinkSettings, WebhookSettings,
};
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::Span;
use crate::model::sensitive::SecretSource;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Says what is wrong. No message holds an address or a token.
pub(in super::super) fn check(settings: &HostSettings, diagnostics: &mut Vec<Diagnostic>) {
    let mut names = BTreeSet::new();
    for (index, (span, one)) in settings.notify.iter().enumerate() {
        let path = format!("notify[{index}]");
        let mut say = |key: &str, span: Span, message: String, hint: &str| {
            let at = if key.is_empty() { path.clone() } else { format!("{path}.{key}") };
            diagnostics.push(Diagnostic::error(message).at(at).span(span).hint(hint));
        };
        let Some(sink) = &one.sink else { continue };
        if !names.insert(one.title()) {
            let place = one.name.as_ref().map_or(*span, |name| name.span);
            let message = format!("two sinks go by the name `{}`", one.title());
            say("name", place, message, "give each a `name` of its own");
        }
        for source in &one.sources {
            if settings.sources.iter().all(|(name, _)| name.text != source.text) {
                let message = format!("there is no source `{}`", source.text);
                say("sources", source.span, message, "write names that stand below `sources`");
            }
        }
        if let Some(key) = idle(one).filter(|_| !sink.takes_alerts()) {
            let message = format!("`{key}` says nothing to `{}`", sink.word());
            say(key, *span, message, "leave it out: this sink is told of every look");
        }
        let word = sink.word();
        let mut say = |key: &str, span: Span, message: String, hint: &str| {
            say(&format!("{word}.{key}"), span, message, hint);
        };
        match sink {
            SinkSettings::Webhook(webhook) => check_webhook(webhook, &mut say),
            SinkSettings::Slack(one) | SinkSettings::Discord(one) => address(one.url.as_ref(), &mut say),
            SinkSettings::Ntfy(push) | SinkSettings::Gotify(push) => address(push.url.as_ref(), &mut say),
            SinkSettings::Email(email) => check_email(email, &mut say),
            SinkSettings::Heartbeat(heartbeat) => address(heartbeat.url.as_ref(), &mut say),
            SinkSettings::CommitStatus(status) => check_status(status, *span, &mut say),
        }
    }
}

/// Says something at a key of a sink.
type Say<'a> = &'a mut dyn FnMut(&str, Span, String, &str);

/// A key about alerts that is set.
fn idle(settings: &NotifySettings) -> Option<&'static str> {
    let keys = [
        ("on", !settings.on.is_empty()),
        ("stacks", !settings.stacks.is_empty()),
        ("remind", settings.remind.is_some()),
    ];
    keys.into_iter().find(|(_, is_set)| *is_set).map(|(key, _)| key)
}

fn address(secret: Option<&Secret>, say: Say<'_>) {
    if let Some(Secret { source: SecretSource::Inline(url), span }) = secret
        && !is_address(url.expose())
    {
        say("url", *span, "`url` is no address".to_owned(), "write https://…");
    }
}

/// Whether a text looks like an address of a web service.
pub fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[' || c == '_'))
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
}

fn check_webhook(webhook: &WebhookSettings, say: Say<'_>) {
    address(webhook.url.as_ref(), say);
    for (name, value) in &webhook.headers {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.text.is_empty() || !name.text.chars().all(is_name) {
            let message = format!("`{}` is no name of a header", name.text.escape_debug());
            say("headers", name.span, message, "write a name such as X-Token");
        }
        if value.expose().chars().any(char::is_control) {
            let message = format!("the value of `{}` has more than one line", name.text);
            say("headers", name.span, message, "write it on one line");
        }
    }
}

fn check_email(email: &EmailSettings, say: Say<'_>) {
    for (key, one) in email.from.iter().map(|from| ("from", from)).chain(email.to.iter().map(|to| ("to", to)))
    {
        if !one.text.contains('@') || one.text.chars().any(char::is_control) {
            let message = format!("`{}` is no mail address", one.text.escape_debug());
            say(key, one.span, message, "write name@example.org");
        }
    }
    let host = email.host.as_ref();
    if let Some(host) =
        host.filter(|host| host.text.contains(['/', ':', '@']) && host.text.parse::<IpAddr>().is_err())
    {
        let message = format!("`{}` is no name of a host", host.text.escape_debug());
        say("host", host.span, message, "write the name alone; the port is a key of its own");
    }
    match (&email.user, &email.password) {
        (None, Some(password)) => {
            say("password", password.span, "`user` is missing".to_owned(), "add `user:`");
        }
        (Some(_), Some(password)) if email.tls == MailTls::Nothing && !host.is_some_and(is_own) => {
            let message = "the password would cross the network in the open".to_owned();
            say("password", password.span, message, "write `tls: starttls` or `tls: tls`");
        }
        _ => {}
    }
    if email.port.is_some_and(|port| !(1..=65535).contains(&port)) {
        let place = host.map(|host| host.span).unwrap_or_default();
        say("port", place, "`port` must be between 1 and 65535".to_owned(), "587 is usual");
    }
}

/// Whether a mail server is this very host.
fn is_own(host: &Placed) -> bool {
    host.text == "localhost" || host.text.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn check_status(status: &CommitStatusSettings, span: Span, say: Say<'_>) {
    if let (Forge::Gitea, None) = (status.forge, &status.server) {
        say("server", span, "`server` is missing in `commit_status`".to_owned(), "add `server: https://…`");
    }
    for (key, one) in [("server", &status.server), ("target_url", &status.target_url)] {
        if let Some(one) = one.as_ref().filter(|one| !is_address(&one.text)) {
            say(key, one.span, format!("`{key}` is no address"), "write https://…");
        }
    }
    if let Some(repository) = &status.repository {
        let parts: Vec<&str> = repository.text.split('/').collect();
        let is_part = |part: &&str| {
            let is_known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !part.is_empty() && part.chars().all(is_known) && ![".", ".."].contains(part)
        };
        if parts.len() < 2 || !parts.iter().all(is_part) {
            let message = format!("`{}` names no repository", repository.text.escape_debug());
            say("repository", repository.span, message, "write owner/name");
        }
    }
}
