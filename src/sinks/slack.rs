//! Slack, and what takes the messages of its incoming webhooks.

use super::message::{Markup, Message};
use super::request::Request;
use crate::model::sensitive::Sensitive;
use serde_json::json;

/// A message to the address of an incoming webhook.
pub fn request(url: Sensitive, message: &Message) -> Request {
    Request::json(url, &json!({"text": message.text(&Mrkdwn)}))
}

/// Slack's markup (<https://docs.slack.dev/messaging/formatting-message-text>): three characters are escaped, which also
/// keeps names from calling everybody (`<!channel>`).
struct Mrkdwn;

impl Markup for Mrkdwn {
    fn escape(&self, text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }

    fn bold(&self, text: &str) -> String {
        // An asterisk inside would end it.
        format!("*{}*", self.escape(&text.replace('*', "\u{2217}")))
    }

    fn code(&self, lines: &str) -> String {
        format!("```\n{}\n```\n", self.escape(&lines.replace("```", "'''")))
    }

    fn length(&self, text: &str) -> usize {
        text.chars().count()
    }

    /// Longer ones are cut at 4,000 characters.
    fn most(&self) -> usize {
        3900
    }
}

#[cfg(test)]
mod tests {
    use super::{Mrkdwn, request};
    use crate::model::sensitive::Sensitive;
    use crate::sinks::message::Markup as _;
    use crate::sinks::sample;

    #[test]
    fn names_and_logs_call_nobody_and_break_out_of_nothing() {
        assert_eq!(Mrkdwn.escape("<!channel> a & b"), "&lt;!channel&gt; a &amp; b");
        assert_eq!(Mrkdwn.bold("a*b"), "*a\u{2217}b*");
        assert_eq!(Mrkdwn.code("x ``` <y>"), "```\nx ''' &lt;y&gt;\n```\n");
    }

    #[test]
    fn the_payload_is_one_text() {
        let request = request(Sensitive::new("https://hooks.example.org/T/B/x"), &sample::rolled_back());
        let body = String::from_utf8(request.body).expect("text");
        assert_eq!(
            body,
            "{\"text\":\"*[web1] shop was rolled back: web*\\nhost: web1\\nsource: homelab\\nstack: shop\\n\
             revision: 0123456789ab\\n*web*: rolled back, it ended, exit code 1\\nlast lines:\\n```\\n\
             starting &lt;web&gt;\\nno such *thing*\\n```\\nchanges:\\n- web: image: app:1 -&gt; app:2\"}"
        );
    }
}
