//! A message to try templates with.

use super::message::{Message, What};
use super::observation::{Revision, ServiceStory, Story};
use crate::model::alert::AlertKind;

/// A service that was rolled back.
pub fn rolled_back() -> Message {
    let service = ServiceStory {
        name: "web".to_owned(),
        outcome: "rolled_back".to_owned(),
        reason: "it ended".to_owned(),
        exit_code: Some(1),
        oom_killed: false,
        health: None,
        logs: vec!["starting <web>".to_owned(), "no such *thing*".to_owned()],
    };
    Message {
        what: What::Alert(AlertKind::RolledBack),
        since: None,
        before: None,
        host: "web1".to_owned(),
        source: "homelab".to_owned(),
        stack: "shop".to_owned(),
        revision: Some(Revision {
            id: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            is_commit: true,
        }),
        story: Story {
            problems: Vec::new(),
            services: vec![service],
            causes: vec!["web: image: app:1 -> app:2".to_owned()],
        },
        at: 1_795_232_736,
    }
}
