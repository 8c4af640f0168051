//! Discord.

use super::message::{Markup, Message};
use super::request::Request;
use crate::model::sensitive::Sensitive;
use serde_json::json;

/// A message to the address of a webhook. Nobody is called by it, whatever names it holds.
pub fn request(url: Sensitive, message: &Message) -> Request {
    let body = json!({"content": message.text(&Markdown), "allowed_mentions": {"parse": []}});
    Request::json(url, &body)
}

/// Discord's dialect of Markdown.
struct Markdown;

impl Markup for Markdown {
    fn escape(&self, text: &str) -> String {
        let mut escaped = String::new();
        for c in text.chars() {
            if "\\*_~`|>#[]()<@:".contains(c) {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    }

    fn bold(&self, text: &str) -> String {
        format!("**{}**", self.escape(text))
    }

    fn code(&self, lines: &str) -> String {
        format!("```\n{}\n```\n", lines.replace("```", "'''"))
    }

    /// The service counts in the units of UTF-16.
    fn length(&self, text: &str) -> usize {
        text.encode_utf16().count()
    }

    /// <https://docs.discord.com/developers/resources/webhook#execute-webhook>
    fn most(&self) -> usize {
        2000
    }
}

#[cfg(test)]
mod tests {
    use super::request;
    use crate::model::sensitive::Sensitive;
    use crate::sinks::sample;
    use serde_json::{Value, json};

    fn body(message: &crate::sinks::message::Message) -> Value {
        serde_json::from_slice(&request(Sensitive::new("https://x"), message).body).expect("JSON")
    }

    #[test]
    fn the_payload_is_escaped_and_calls_nobody() {
        let body = body(&sample::rolled_back());
        assert_eq!(body["allowed_mentions"], json!({"parse": []}));
        assert_eq!(
            body["content"],
            "**\\[web1\\] shop was rolled back\\: web**\nhost\\: web1\nsource\\: homelab\nstack\\: shop\n\
             revision\\: 0123456789ab\n**web**\\: rolled back, it ended, exit code 1\nlast lines:\n```\n\
             starting <web>\nno such *thing*\n```\nchanges:\n- web\\: image\\: app\\:1 -\\> app\\:2"
        );
    }

    #[test]
    fn no_message_is_longer_than_the_service_takes() {
        let mut message = sample::rolled_back();
        message.story.services[0].logs = vec!["\u{1f600}".repeat(500); 20];
        let long = body(&message)["content"].as_str().expect("text").to_owned();
        assert!(long.encode_utf16().count() <= 2000 && long.contains("changes:"), "{long}");
        message.story.problems = vec!["x_".repeat(300); 30];
        let long = body(&message)["content"].as_str().expect("text").to_owned();
        assert!(long.encode_utf16().count() <= 2000 && long.ends_with(" …"), "{long}");
    }
}
