//! Gotify.

use super::message::{Message, Plain};
use super::request::{Request, below};
use crate::model::sensitive::Sensitive;
use serde_json::json;

/// A message of an application.
pub fn request(url: &Sensitive, token: &Sensitive, message: &Message) -> Request {
    // From 4 on a telephone makes a sound, from 8 on also at night.
    let priority = 2 * message.what.urgency() - 2;
    let body = json!({
        "title": message.summary(),
        "message": message.text(&Plain { headline: false, most: 20_000 }),
        "priority": priority,
        "extras": {"client::display": {"contentType": "text/plain"}},
    });
    Request::json(below(url, "message"), &body).header("x-gotify-key", token.expose())
}

#[cfg(test)]
mod tests {
    use super::request;
    use crate::model::sensitive::Sensitive;
    use crate::sinks::sample;
    use serde_json::Value;

    #[test]
    fn the_token_stands_in_a_header() {
        let (url, token) = (Sensitive::new("https://push.example.org/"), Sensitive::new("A1"));
        let request = request(&url, &token, &sample::rolled_back());
        assert_eq!(request.url.expose(), "https://push.example.org/message");
        assert_eq!((request.headers[1].0.as_str(), request.headers[1].1.expose()), ("x-gotify-key", "A1"));
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["title"], "[web1] shop was rolled back: web");
        assert_eq!(body["priority"], 6);
        assert!(body["message"].as_str().is_some_and(|text| text.starts_with("host: web1\n")));
    }
}
