//! Any service that takes HTTP requests: a JSON object, or what a template makes of it.

use super::message::Message;
use super::request::Request;
use super::sample;
use crate::compose::settings::notify::WebhookSettings;
use crate::model::sensitive::Sensitive;
use hmac::{Hmac, Mac as _};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;
use sha2::Sha256;

/// What is secret about a webhook.
pub struct Secrets {
    /// Its address.
    pub url: Sensitive,
    /// A bearer token.
    pub token: Option<Sensitive>,
    /// What the body is signed with.
    pub secret: Option<Sensitive>,
}

/// The request that tells a message.
pub fn request(settings: &WebhookSettings, secrets: Secrets, message: &Message) -> Result<Request, String> {
    let body = body(settings, &message.json())?;
    let method = if settings.is_put { "PUT" } else { "POST" };
    let mut request = Request { method, url: secrets.url, headers: Vec::new(), body: body.into_bytes() };
    if content_type(settings).is_none() {
        request = request.header("content-type", "application/json");
    }
    if let Some(secret) = &secrets.secret {
        let signature = signature(secret, &request.body);
        request = request.header("x-reconcile-signature-256", signature);
    }
    let mut request = request.bearer(secrets.token.as_ref());
    let own = settings.headers.iter().map(|(name, value)| (name.text.to_ascii_lowercase(), value.clone()));
    request.headers.extend(own);
    Ok(request)
}

/// Says what is wrong with a template before anything is to be told: it must render, and to JSON unless another type of
/// content is set.
pub fn check(settings: &WebhookSettings) -> Result<(), String> {
    let rendered = body(settings, &sample::rolled_back().json())?;
    if is_json(settings) {
        serde_json::from_str::<Value>(&rendered).map_err(|error| {
            format!(
                "it makes no JSON ({error}); values bring their own quotes: {{\"text\": {{{{ summary }}}}}}"
            )
        })?;
    }
    Ok(())
}

fn body(settings: &WebhookSettings, fields: &Value) -> Result<String, String> {
    let Some(template) = &settings.body else { return Ok(fields.to_string()) };
    let mut environment = Environment::new();
    let escape = if is_json(settings) { AutoEscape::Json } else { AutoEscape::None };
    environment.set_auto_escape_callback(move |_| escape.clone());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let fields = minijinja::value::Serde(fields);
    environment.render_str(&template.text, fields).map_err(|error| {
        let line = error.line().map(|line| format!(" in its line {line}")).unwrap_or_default();
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        format!("{}{line}{detail}", error.kind())
    })
}

fn content_type(settings: &WebhookSettings) -> Option<&str> {
    let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
    settings.headers.iter().find(|(name, _)| is_type(&name.text)).map(|(_, value)| value.expose())
}

fn is_json(settings: &WebhookSettings) -> bool {
    content_type(settings).is_none_or(|value| value.to_ascii_lowercase().contains("json"))
}

fn signature(secret: &Sensitive, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("a key of any length will do");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Secrets, check, request, signature};
    use crate::compose::node::Span;
    use crate::compose::settings::Placed;
    use crate::compose::settings::notify::WebhookSettings;
    use crate::model::sensitive::Sensitive;
    use crate::sinks::sample;
    use serde_json::{Value, json};

    fn placed(text: &str) -> Placed {
        Placed { text: text.to_owned(), span: Span::default() }
    }

    fn with_body(body: &str) -> WebhookSettings {
        WebhookSettings { body: Some(placed(body)), ..WebhookSettings::default() }
    }

    fn body(settings: &WebhookSettings) -> String {
        let secrets = Secrets { url: Sensitive::new("https://x"), token: None, secret: None };
        String::from_utf8(request(settings, secrets, &sample::rolled_back()).expect("a request").body)
            .expect("text")
    }

    #[test]
    fn without_template_the_body_has_all_fields() {
        let found: Value = serde_json::from_str(&body(&WebhookSettings::default())).expect("JSON");
        assert_eq!(found["event"], "rolled_back");
        assert_eq!(found["summary"], "[web1] shop was rolled back: web");
        assert_eq!(found["revision"], "0123456789abcdef0123456789abcdef01234567");
        assert_eq!(found["at"], "2026-11-21T03:45:36Z");
        let service = json!({
            "name": "web", "outcome": "rolled_back", "reason": "it ended", "exit_code": 1, "oom_killed": false,
            "health": null, "logs": ["starting <web>", "no such *thing*"],
        });
        assert_eq!(found["services"], json!([service]));
        assert_eq!(found["causes"], json!(["web: image: app:1 -> app:2"]));
    }

    #[test]
    fn values_in_a_template_are_escaped_as_its_content_needs() {
        let settings = with_body(r#"{"msg": {{ services[0].logs }}, "n": {{ services | length }}}"#);
        assert_eq!(check(&settings), Ok(()));
        assert_eq!(body(&settings), r#"{"msg": ["starting <web>","no such *thing*"], "n": 1}"#);
        let mut settings = with_body("{{ host }}: {{ summary }}");
        settings.headers = vec![(placed("Content-Type"), Sensitive::new("text/plain"))];
        assert_eq!(check(&settings), Ok(()));
        assert_eq!(body(&settings), "web1: [web1] shop was rolled back: web");
    }

    #[test]
    fn a_wrong_template_is_told_beforehand() {
        let wrong = |text: &str| check(&with_body(text)).expect_err(text);
        assert!(wrong("{\"a\": \"{{ summary }}\"}").contains("no JSON"));
        assert!(wrong("{\n{{ sumary }}}").contains("line 2"), "{}", wrong("{\n{{ sumary }}}"));
        assert!(wrong("{{ summary").contains("syntax"), "{}", wrong("{{ summary"));
    }

    #[test]
    fn the_body_is_signed() {
        // The example of GitHub's manual on webhooks.
        assert_eq!(
            signature(&Sensitive::new("It's a Secret to Everybody"), b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
