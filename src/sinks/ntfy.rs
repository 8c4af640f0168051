//! ntfy.

use super::message::{Message, Plain, What};
use super::request::Request;
use crate::model::alert::AlertKind;
use crate::model::sensitive::Sensitive;
use serde_json::json;

/// A message to a topic, as JSON to the server: headers could not hold every title
/// (<https://docs.ntfy.sh/publish/#publish-as-json>).
pub fn request(url: &Sensitive, token: Option<&Sensitive>, message: &Message) -> Result<Request, String> {
    let address = url.expose().trim_end_matches('/');
    let (server, topic) = address.rsplit_once('/').unwrap_or_default();
    if topic.is_empty() || server.ends_with('/') {
        return Err("the address names no topic, such as https://ntfy.sh/my-topic".to_owned());
    }
    // A longer message becomes an attachment.
    let text = message.text(&Plain { headline: false, most: 4000 });
    let body = json!({
        "topic": topic,
        "title": message.summary(),
        "message": text,
        "priority": message.what.urgency(),
        "tags": [tag(message.what)],
    });
    Ok(Request::json(Sensitive::new(format!("{server}/")), &body).bearer(token))
}

/// A short code of an emoji.
const fn tag(what: What) -> &'static str {
    match what {
        What::Alert(AlertKind::Failed) => "rotating_light",
        What::Alert(AlertKind::RolledBack) => "rewind",
        What::Alert(AlertKind::Blocked) => "no_entry",
        What::Alert(AlertKind::Drift) => "wrench",
        What::Alert(AlertKind::Recovered | AlertKind::Succeeded) => "white_check_mark",
        What::Test => "test_tube",
    }
}

#[cfg(test)]
mod tests {
    use super::request;
    use crate::model::sensitive::Sensitive;
    use crate::sinks::sample;
    use serde_json::{Value, json};

    #[test]
    fn the_topic_is_the_end_of_the_address() {
        let token = Sensitive::new("tk_1");
        let url = Sensitive::new("https://ntfy.example.org/sub/my-topic");
        let request = request(&url, Some(&token), &sample::rolled_back()).expect("a request");
        assert_eq!(request.url.expose(), "https://ntfy.example.org/sub/");
        assert_eq!(request.headers[1].1.expose(), "Bearer tk_1");
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let expected = json!({
            "topic": "my-topic",
            "title": "[web1] shop was rolled back: web",
            "message": "host: web1\nsource: homelab\nstack: shop\nrevision: 0123456789ab\n\
                        web: rolled back, it ended, exit code 1\nlast lines:\n  | starting <web>\n  | no such *thing*\n\
                        changes:\n- web: image: app:1 -> app:2",
            "priority": 4,
            "tags": ["rewind"],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn an_address_without_topic_is_refused() {
        for url in ["https://ntfy.sh", "https://ntfy.sh/"] {
            assert!(request(&Sensitive::new(url), None, &sample::rolled_back()).is_err());
        }
    }
}
