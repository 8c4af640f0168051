//! Electronic mail, through a mail server.

use super::message::{Message, Plain, What};
use crate::compose::settings::notify::{EmailSettings, MailTls};
use crate::model::alert::AlertKind;
use crate::model::sensitive::Sensitive;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use std::time::{Duration, SystemTime};

/// A mail with the server that takes it.
pub struct Mail {
    /// The mail.
    pub content: lettre::Message,
    /// The server.
    pub server: AsyncSmtpTransport<Tokio1Executor>,
}

/// A mail that tells a message. Reads the host's certificates: call it where blocking does no harm.
pub fn mail(
    settings: &EmailSettings,
    password: Option<&Sensitive>,
    message: &Message,
    limit: Duration,
) -> Result<Mail, String> {
    Ok(Mail {
        content: content(settings, message)?,
        server: server(settings, password, &message.host, limit)?,
    })
}

fn content(settings: &EmailSettings, message: &Message) -> Result<lettre::Message, String> {
    let from = settings.from.as_ref().map_or("", |from| &from.text);
    let from: Mailbox = from.parse().map_err(|error| format!("{from:?} is no sender: {error}"))?;
    let mut to = Mailboxes::new();
    for one in &settings.to {
        to.push(one.text.parse().map_err(|error| format!("{:?} is no recipient: {error}", one.text))?);
    }
    let text = message.text(&Plain { headline: false, most: 50_000 });
    let at = Duration::from_secs(u64::try_from(message.at).unwrap_or(0));
    let mut builder = lettre::Message::builder()
        .from(from)
        .subject(message.summary())
        .date(SystemTime::UNIX_EPOCH + at)
        .message_id(None)
        // Nobody's holiday is told to a program (RFC 3834).
        .raw_header(header("Auto-Submitted", "auto-generated"));
    if matches!(message.what, What::Alert(AlertKind::Failed | AlertKind::RolledBack)) {
        builder = builder.raw_header(header("X-Priority", "2"));
    }
    for one in to {
        builder = builder.to(one);
    }
    let text = format!("{}\n\n{text}\n", message.summary());
    builder.header(ContentType::TEXT_PLAIN).body(text).map_err(|error| error.to_string())
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn server(
    settings: &EmailSettings,
    password: Option<&Sensitive>,
    own_name: &str,
    limit: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let host = settings.host.as_ref().map_or("", |host| &host.text);
    let parameters = || TlsParameters::new(host.to_owned()).map_err(|error| error.to_string());
    let (tls, usual) = match settings.tls {
        MailTls::StartTls => (Tls::Required(parameters()?), 587),
        MailTls::Tls => (Tls::Wrapper(parameters()?), 465),
        MailTls::Nothing => (Tls::None, 25),
    };
    let port = settings.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(usual);
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(port)
        .tls(tls)
        .timeout(Some(limit))
        .hello_name(ClientId::Domain(own_name.to_owned()));
    if let (Some(user), Some(password)) = (&settings.user, password) {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    Ok(builder.build())
}

/// Hands a mail over; gives the server's answer, or why it has none and whether that is for good.
pub async fn send(mail: Mail) -> Result<String, (String, bool)> {
    match mail.server.send(mail.content).await {
        Ok(answer) => Ok(answer.message().collect::<Vec<_>>().join(" ")),
        Err(error) => Err((words(&error), error.is_permanent() || error.is_client())),
    }
}

/// An error with what is behind it.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        behind = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::content;
    use crate::compose::node::Span;
    use crate::compose::settings::Placed;
    use crate::compose::settings::notify::EmailSettings;
    use crate::sinks::sample;

    fn placed(text: &str) -> Placed {
        Placed { text: text.to_owned(), span: Span::default() }
    }

    fn settings() -> EmailSettings {
        EmailSettings {
            from: Some(placed("Größe <reconcile@example.org>")),
            to: vec![placed("ops@example.org"), placed("Ann <ann@example.org>")],
            ..EmailSettings::default()
        }
    }

    fn formatted(message: &crate::sinks::message::Message) -> String {
        String::from_utf8(content(&settings(), message).expect("a mail").formatted()).expect("ASCII")
    }

    #[test]
    fn a_mail_has_its_headers_and_its_text() {
        let mail = formatted(&sample::rolled_back());
        for line in [
            "From: =?utf-8?b?R3LDtsOfZQ==?= <reconcile@example.org>\r\n",
            "To: ops@example.org, Ann <ann@example.org>\r\n",
            "Subject: [web1] shop was rolled back: web\r\n",
            "Date: Sat, 21 Nov 2026 03:45:36 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "revision: 0123456789ab\r\n",
            "  | no such *thing*\r\n",
        ] {
            assert!(mail.contains(line), "{line:?} is not in\n{mail}");
        }
    }

    #[test]
    fn no_name_adds_a_header() {
        let mut message = sample::rolled_back();
        message.stack = "shop\r\nBcc: all@example.org".to_owned();
        let mail = formatted(&message);
        let (headers, _) = mail.split_once("\r\n\r\n").expect("headers");
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
    }

    #[test]
    fn what_is_no_address_is_told() {
        let settings = EmailSettings { to: vec![placed("a@")], ..settings() };
        let error = content(&settings, &sample::rolled_back()).expect_err("no address");
        assert!(error.starts_with("\"a@\" is no recipient"), "{error}");
    }
}
