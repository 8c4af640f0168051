//! Alerts as services receive them: real requests to stand-ins on loopback.

use crate::lab::{Lab, Run};
use crate::receiver::{Manner, Receiver};
use reconcile::model::alert::AlertKind;
use reconcile::sinks::observation::{Finding, Observation, Story, Trouble};
use reconcile::sinks::{Host, Notifier};
use reconcile::source::{Disk, read_host};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Runs `reconcile notify test` with sinks.
fn test(lab: &Lab, sinks: &str, args: &[&str]) -> Run {
    lab.write("stacks/a/compose.yaml", "services: {a: {image: a}}\n");
    lab.write("settings.yaml", &format!("sources: {{home: {{dir: stacks}}}}\nnotify:\n{sinks}"));
    lab.reconcile(&[&["notify", "test", "--config", "settings.yaml"], args].concat())
}

#[test]
fn each_service_gets_a_test_message_in_its_own_form() {
    let lab = Lab::without_engine("notify");
    let (web, mail) = (Receiver::http(Manner::Answer(200, "ok")), Receiver::smtp());
    lab.write("token", "t0ken\n");
    lab.write("address", &format!("http://{}/slack/hunter2\n", web.address));
    let sinks = "
- slack: {url_file: address}
- discord: {url: 'http://HTTP/discord'}
- ntfy: {url: 'http://HTTP/topic', token_file: token}
- gotify: {url: 'http://HTTP/gotify', token: A1b2}
- webhook: {url: 'http://HTTP/hook', method: PUT, token_file: token, secret: s3cret, headers: {X-Own: one}}
- name: text
  webhook:
    url: http://HTTP/text
    headers: {Content-Type: text/plain}
    body: '{{ event }} from {{ host }}'
- heartbeat: {url: 'http://HTTP/beat'}
- commit_status: {forge: forgejo, server: 'http://HTTP/git', repository: me/lab, token_file: token}
- email: {host: 127.0.0.1, port: SMTP, tls: none, user: me, password: pa$$word, from: a@example.org, to: [b@example.org]}
";
    let sinks = sinks.replace("HTTP", &web.address).replace("SMTP", mail.port());
    let run = test(&lab, &sinks, &[]).exits(0);
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with("delivered ")).count(), 9, "{run}");
    for secret in ["t0ken", "hunter2", "A1b2", "s3cret", "pa$$word"] {
        assert!(!run.to_string().contains(secret), "{run}");
    }
    let received = web.wait_for(8);
    let at = |line: &str| {
        let found = received.iter().find(|one| one.line == line);
        found.unwrap_or_else(|| panic!("{line}: {received:#?}")).clone()
    };
    let title = at("POST /").json()["title"].as_str().expect("a title").to_owned();
    assert!(title.ends_with("test: alerts of reconcile arrive here"), "{title}");
    assert_eq!(at("POST /").json()["topic"], "topic");
    assert_eq!(at("POST /").header("authorization"), Some("Bearer t0ken"));
    assert!(at("POST /slack/hunter2").json()["text"].as_str().is_some_and(|text| text.starts_with("*[")));
    assert!(at("POST /discord").json()["content"].as_str().is_some_and(|text| text.starts_with("**")));
    assert_eq!(at("POST /gotify/message").header("x-gotify-key"), Some("A1b2"));
    let hook = at("PUT /hook");
    assert_eq!((hook.header("x-own"), &hook.json()["event"]), (Some("one"), &"test".into()));
    assert!(hook.header("x-reconcile-signature-256").is_some_and(|value| value.starts_with("sha256=")));
    assert!(at("POST /text").body.starts_with("test from "));
    assert_eq!(at("POST /text").header("content-type"), Some("text/plain"));
    at("GET /beat");
    assert_eq!(at("GET /git/api/v1/repos/me/lab").header("authorization"), Some("token t0ken"));
    let mail = &mail.wait_for(1)[0];
    assert!(mail.line.contains("MAIL FROM:<a@example.org>") && mail.line.contains("RCPT TO:<b@example.org>"));
    assert!(mail.header("subject").is_some_and(|subject| subject.ends_with(&title[1..])), "{mail:?}");
}

#[test]
fn what_a_service_refuses_is_told_without_secrets() {
    let lab = Lab::without_engine("refused");
    let refusing = Receiver::http(Manner::Answer(403, "invalid_token hunter2secret"));
    let leading = Receiver::http(Manner::Redirect("https://elsewhere.example.org/hunter2secret".to_owned()));
    let hanging = Receiver::http(Manner::Hang);
    let sinks = format!(
        "- slack: {{url: 'http://{}/hunter2secret'}}\n- discord: {{url: 'http://{}/hunter2secret'}}\n\
         - heartbeat: {{url: 'http://{}/hunter2secret'}}\n- gotify: {{url: 'http://127.0.0.1:1', token_file: no}}\n",
        refusing.address, leading.address, hanging.address
    );
    let begin = Instant::now();
    let run = test(&lab, &sinks, &["--format", "json"]).exits(1);
    assert!(begin.elapsed() < Duration::from_secs(30));
    assert!(!run.to_string().contains("hunter2"), "{run}");
    let all = run.json();
    let answer = |index: usize| all[index]["answer"].as_str().expect("an answer").to_owned();
    assert_eq!(answer(0), "403 Forbidden: invalid_token ***");
    assert!(answer(1).contains("leads to https://elsewhere.example.org"), "{}", answer(1));
    assert_eq!(answer(2), "no answer within 10 s");
    assert!(answer(3).starts_with("cannot read ") && answer(3).contains("/no: "), "{}", answer(3));
    let run = test(&lab, &sinks, &["slak"]).exits(1);
    assert!(run.stderr.contains("there is no sink \"slak\"") && run.stderr.contains("gotify"), "{run}");
}

#[test]
fn wrong_settings_are_told_with_their_place_and_without_secrets() {
    let lab = Lab::without_engine("wrong");
    let told = |sink: &str, place: &str, text: &str| {
        let run = test(&lab, sink, &[]).exits(1);
        assert!(run.stderr.contains(&format!("settings.yaml:{place}")), "{run}");
        assert!(run.stderr.contains(text), "{run}");
        assert!(!run.stderr.contains("hunter2"), "{run}");
    };
    told("- slack: {ulr: 'https://x/hunter2'}", "3:11", "did you mean `url`?");
    told("- slack: {}", "3:10", "one of `url`, `url_file` is missing in `slack`");
    told("- slack: {url: 'https://x/hunter2', url_file: a}", "3:37", "`url_file` stands beside `url`");
    told("- slack: {url: hunter2}", "3:16", "`url` is no address");
    told("- gotify: {url: 'https://x', token: [hunter2]}", "3:37", "`token` must be a text");
    told("- {}", "3:3", "is missing");
    told("- on: [faild]\n  slack: {url: 'https://x/hunter2'}", "3:8", "did you mean `failed`?");
    told("- sources: [hom]\n  slack: {url: 'https://x'}", "3:13", "there is no source `hom`");
    told("- heartbeat: {url: 'https://x'}\n  on: [failed]", "3:3", "`on` says nothing to `heartbeat`");
    told(
        "- slack: {url: 'https://x'}\n- slack: {url: 'https://y'}",
        "4:3",
        "two sinks go by the name `slack`",
    );
    told(
        "- email: {host: mail, tls: none, user: a, password: hunter2, from: a@b, to: a@b}",
        "3:53",
        "the password would cross the network in the open",
    );
    told("- commit_status: {forge: gitea, repository: a/b, token: hunter2}", "3:3", "`server` is missing");
}

fn seconds() -> i64 {
    1_795_232_736
}

fn failure() -> Observation {
    let story = Story { problems: vec!["no such image".to_owned()], ..Story::default() };
    let trouble = Trouble { kind: AlertKind::Failed, identity: String::new(), is_outage: false, story };
    let (source, stack) = ("home".to_owned(), "shop".to_owned());
    Observation { source, stack, revision: None, finding: Finding::Trouble(trouble) }
}

/// A notifier with sinks, and what it complains of.
fn notifier(lab: &Lab, sinks: &str) -> (Notifier, Arc<Mutex<Vec<String>>>) {
    let path = lab.write("settings.yaml", &format!("sources: {{home: {{dir: .}}}}\nnotify:\n{sinks}"));
    let settings = read_host(&Disk, &path);
    assert!(settings.diagnostics.is_empty(), "{:?}", settings.diagnostics);
    let complaints: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&complaints);
    let host = Host {
        notify: &settings.notify,
        directory: Path::new("/"),
        name: "web1",
        sources: BTreeSet::from(["home".to_owned()]),
        now: seconds,
        runs_on: true,
    };
    let notifier = Notifier::start(
        &host,
        Arc::new(move |line: &str| heard.lock().expect("heard").push(line.to_owned())),
    );
    (notifier, complaints)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_busy_is_tried_again() {
    let lab = Lab::without_engine("busy");
    let busy = Receiver::http(Manner::BusyFirst(1));
    let (notifier, complaints) = notifier(&lab, &format!("- webhook: {{url: 'http://{}'}}\n", busy.address));
    notifier.observe("home", &[failure()]);
    notifier.observe("home", &[failure()]);
    let received = tokio::task::block_in_place(|| busy.wait_for(2));
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(received[1].json()["summary"], "[web1] shop failed");
    notifier.close(Duration::from_secs(5)).await;
    assert_eq!(*complaints.lock().expect("heard"), Vec::<String>::new());
    assert_eq!(busy.received().len(), 2, "told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_delays_nobody_and_the_end_does_not_wait_for_it() {
    let lab = Lab::without_engine("hangs");
    let (hanging, prompt) = (Receiver::http(Manner::Hang), Receiver::http(Manner::Answer(204, "")));
    let sinks = format!(
        "- slack: {{url: 'http://{}/hunter2'}}\n- discord: {{url: 'http://{}'}}\n",
        hanging.address, prompt.address
    );
    let (notifier, complaints) = notifier(&lab, &sinks);
    let begin = Instant::now();
    for number in 0..100 {
        let mut failure = failure();
        failure.stack = format!("shop{number}");
        notifier.observe("home", &[failure]);
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "telling waits for nobody");
    tokio::task::block_in_place(|| prompt.wait_for(10));
    notifier.close(Duration::from_secs(1)).await;
    assert!(begin.elapsed() < Duration::from_secs(9), "the end waits for a second");
    let complaints = complaints.lock().expect("heard").join("\n");
    assert!(complaints.contains("slack: a message was lost: 64 others wait"), "{complaints}");
    assert!(complaints.contains("messages were lost: no time left after 1 s"), "{complaints}");
    assert!(!complaints.contains("hunter2"), "{complaints}");
}
