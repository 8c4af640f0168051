use super::super::observation::{Finding, Observation, ServiceStory, Story};
use super::super::rules::Telling;
use super::super::sample;
use super::{Message, Plain};
use crate::model::alert::AlertKind;

fn plain(message: &Message) -> String {
    message.text(&Plain { headline: true, most: 10_000 })
}

#[test]
fn the_summary_comes_first_and_the_rest_says_why() {
    assert_eq!(
        plain(&sample::rolled_back()),
        "[web1] shop was rolled back: web\nhost: web1\nsource: homelab\nstack: shop\nrevision: 0123456789ab\n\
         web: rolled back, it ended, exit code 1\nlast lines:\n  | starting <web>\n  | no such *thing*\nchanges:\n\
         - web: image: app:1 -> app:2"
    );
}

#[test]
fn a_reminder_and_a_recovery_say_since_when() {
    let seen = Observation {
        source: "home".to_owned(),
        stack: String::new(),
        revision: None,
        finding: Finding::Fine,
    };
    let since = Some(1_795_232_736);
    let told = |kind, before| Telling { kind, since, before };
    let still = Message::new("web1", &seen, told(AlertKind::Failed, None), 0);
    assert_eq!(
        plain(&still),
        "[web1] source home still fails\nhost: web1\nsource: home\nsince: 2026-11-21 03:45 UTC"
    );
    let over = Message::new("web1", &seen, told(AlertKind::Recovered, Some(AlertKind::RolledBack)), 0);
    assert_eq!(
        plain(&over),
        "[web1] source home is as it should be again\nhost: web1\nsource: home\nbefore: rolled back\n\
         since: 2026-11-21 03:45 UTC"
    );
}

#[test]
fn names_stay_on_one_line_and_many_are_counted() {
    let mut message = sample::rolled_back();
    message.stack = "a\r\nb".to_owned();
    let service = |number: usize| ServiceStory {
        name: format!("s{number}"),
        outcome: "rolled_back".to_owned(),
        ..ServiceStory::default()
    };
    message.story = Story { services: (0..8).map(service).collect(), ..Story::default() };
    assert_eq!(message.summary(), "[web1] a b was rolled back: s0, s1, s2, s3, s4 and 3 more");
}

#[test]
fn the_oldest_lines_go_first_when_there_is_no_room() {
    let mut message = sample::rolled_back();
    message.story.services[0].logs = (0..20).map(|number| format!("{number:02}{}", "x".repeat(98))).collect();
    let text = message.text(&Plain { headline: true, most: 1500 });
    assert!(text.len() <= 1500 && text.contains("| 10x") && !text.contains("| 09x"), "{text}");
    assert!(text.ends_with("- web: image: app:1 -> app:2"), "{text}");
    let text = message.text(&Plain { headline: true, most: 50 });
    assert!(text.len() <= 52 && text.starts_with("[web1] shop was rolled back: web"), "{text}");
}
