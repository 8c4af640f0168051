//! The HTTP interface of the daemon, about one stack.

use super::daemon::{Daemon, STACK, ask};
use crate::lab::{Lab, docker};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const TOKEN: &str = "authorization: Bearer t0ken\r\n";

/// A daemon over two stacks, `a` and `b`, that are as they should be.
fn settled(lab: &Lab) -> (Daemon, String) {
    for name in ["a", "b"] {
        let stack = STACK
            .replace("NAME", name)
            .replace("{LEVEL: info}", "{LEVEL: info, DB_PASSWORD: hunter2hunter2}")
            + "    network_mode: none\n";
        lab.write(&format!("stacks/{name}/compose.yaml"), &stack);
    }
    lab.write("token", "t0ken\n");
    lab.write(
        "reconcile.yaml",
        "http: {listen: '127.0.0.1:0', token_file: token}\nsources: {home: {dir: stacks}}\n",
    );
    let daemon = Daemon::start(lab, &["--config", "reconcile.yaml"]);
    let address = daemon.address();
    for name in ["a", "b"] {
        let path = format!("GET /api/v1/stacks/{}", lab.stack(name));
        daemon.until("a settled stack", || {
            let stack = ask(&address, &path, TOKEN, "");
            stack.0 == 200 && stack.1.contains("\"sync\": \"in sync\"")
        });
    }
    (daemon, address)
}

/// The JSON of an answer with this status.
#[track_caller]
fn told(address: &str, line: &str, body: &str, status: u16) -> Value {
    let (found, text) = ask(address, line, TOKEN, body);
    assert_eq!(found, status, "{line}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Events as they come, read beside the test.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Value>>>);

impl Heard {
    fn listen(address: &str, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the daemon listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n{TOKEN}\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut lines = BufReader::new(stream).lines();
        let answer = lines.next().expect("an answer").expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let heard = Self::default();
        let own = heard.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(data) = line.strip_prefix("data: ") {
                    own.0.lock().unwrap().push(serde_json::from_str(data).expect("JSON"));
                }
            }
            own.0.lock().unwrap().push(json!({"event": "END"}));
        });
        heard
    }

    fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }

    /// What has happened so far, in words.
    fn kinds(&self) -> Vec<String> {
        self.all().iter().map(|event| event["event"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn has(&self, kind: &str) -> bool {
        self.kinds().iter().any(|found| found == kind)
    }

    fn first(&self, kind: &str) -> Value {
        self.all().into_iter().find(|event| event["event"] == kind).unwrap_or_default()
    }
}

#[test]
fn a_stack_is_left_alone_and_let_go_and_every_step_of_that_is_told() {
    let Some(lab) = Lab::new("api") else { return };
    let (daemon, address) = settled(&lab);
    let of = |what: &str| format!("/api/v1/stacks/{}{what}", lab.stack("a"));
    let plan = || told(&address, &format!("GET {}", of("/plan")), "", 200);
    daemon.until("the plan after the deployment", || plan()["plan"]["summary"]["unchanged"] == 1);
    let (own, all) = (Heard::listen(&address, &of("/events")), Heard::listen(&address, "/api/v1/events"));

    let body = json!({"reason": "holiday", "for": "2h"}).to_string();
    let suspended = told(&address, &format!("POST {}", of("/suspend")), &body, 200);
    assert_eq!(suspended["suspended"]["reason"], "holiday", "{suspended}");
    daemon.until("the event of that", || own.has("suspended"));
    assert_eq!(own.first("suspended")["until"], suspended["suspended"]["until"]);
    let status = told(&address, &format!("GET {}", of("")), "", 200);
    assert_eq!(status["suspended"], suspended["suspended"], "{status}");
    let command = lab.reconcile(&["status", "--format", "json", "--stack", &lab.stack("a")]).exits(0).json();
    assert_eq!(command["stacks"][0]["suspended"], suspended["suspended"], "{command}");

    // What is secret elsewhere is masked in the plan, as it is in a dry run.
    lab.edit("stacks/a/compose.yaml", "LEVEL: info", "LEVEL: debug-hunter2hunter2");
    daemon.until("the plan that waits", || plan()["plan"]["summary"]["wait"] == 1);
    let dry = lab.reconcile(&["--dry-run", "--format", "json", "--stack", &lab.stack("a")]).exits(0).json();
    let held = plan();
    for part in ["plan_id", "stacks", "steps", "summary", "engine", "errors"] {
        assert_eq!(held["plan"][part], dry[part], "{part}");
    }
    let cause = held["plan"]["stacks"][0]["services"][0]["causes"][1].clone();
    assert_eq!((&cause["path"], &cause["new"]), (&"environment.LEVEL".into(), &"debug-***".into()));
    assert!(!held.to_string().contains("hunter2"), "{held}");
    assert_eq!((&held["source"], &held["under_way"]), (&"home".into(), &false.into()));

    let resumed = told(&address, &format!("POST {}", of("/resume")), "", 200);
    assert_eq!((&resumed["changed"], &resumed["suspended"]), (&true.into(), &Value::Null));
    daemon.until("the end of the deployment", || own.has("deployment_ended"));
    let kinds = own.kinds();
    let order =
        ["suspended", "plan_changed", "plan_changed", "resumed", "deployment_began", "deployment_ended"];
    assert_eq!(kinds[..order.len()], order, "{:?}", own.all());
    let (began, ended) = (own.first("deployment_began"), own.first("deployment_ended"));
    assert_eq!((&began["summary"]["replace"], &ended["outcome"]), (&1.into(), &"applied".into()));
    assert_eq!(ended["number"], 2, "its number in the history: {ended}");
    daemon.until("the plan after that", || plan()["plan"]["summary"]["unchanged"] == 1);
    assert!(own.all().iter().all(|event| event["stack"] == lab.stack("a")));
    let ids: Vec<u64> = all.all().iter().map(|event| event["id"].as_u64().expect("an id")).collect();
    assert!(ids.is_sorted_by(|one, next| one < next) && all.has("look_began") && all.has("look_ended"));
    assert!(all.all().iter().all(|event| event["stack"] != lab.stack("b")), "nothing happened to it");

    let again = told(&address, &format!("POST {}", of("/resume")), "", 200);
    assert_eq!(again["changed"], false, "nobody had suspended it");
    let before = all.kinds().len();
    let looked = told(&address, &format!("POST {}", of("/look")), "", 202);
    assert_eq!(looked["source"], "home");
    daemon.until("the look", || {
        all.all()[before..]
            .iter()
            .any(|event| event["event"] == "look_began" && event["trigger"] == "request")
    });

    let told_to_end = Instant::now();
    assert_eq!(daemon.stop(), Some(0));
    assert!(told_to_end.elapsed() < Duration::from_secs(5), "listeners hold up the end");
    while !(own.has("END") && all.has("END")) {
        assert!(told_to_end.elapsed() < Duration::from_secs(10), "a stream goes on");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(
        docker(&["ps", "-aq", "--filter", &format!("name={}", lab.stack("a.suspended"))]).stdout.is_empty()
    );
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let Some(lab) = Lab::new("apiwrong") else { return };
    let (daemon, address) = settled(&lab);
    let before = lab.containers();
    let stack = lab.stack("a");
    lab.write("stacks/c/compose.yaml", &STACK.replace("NAME", "c").replace("IMAGE", "[7"));
    daemon.until("the broken stack", || {
        ask(&address, &format!("GET /api/v1/stacks/{}", lab.stack("c")), TOKEN, "").1.contains("broken")
    });
    let near = stack.replace("apiwrong", "apiwrng");
    for (line, body, status, says) in [
        (format!("GET /api/v1/stacks/{near}"), "", 404, "there is no stack"),
        (format!("GET /api/v1/stacks/{near}/plan"), "", 404, "there is no stack"),
        (format!("GET /api/v1/stacks/{}/plan", lab.stack("c")), "", 409, "does not load"),
        (format!("GET /api/v1/stacks/{near}/history"), "", 404, "no deployment"),
        (format!("POST /api/v1/stacks/{near}/suspend"), "", 404, &*format!("did you mean {stack:?}")),
        (format!("POST /api/v1/stacks/{}/suspend", lab.stack("c")), "", 409, "runs nothing"),
        (format!("POST /api/v1/stacks/{near}/resume"), "", 404, "there is no stack"),
        (format!("POST /api/v1/stacks/{near}/look"), "", 404, "there is no stack"),
        (format!("POST /api/v1/stacks/{stack}/suspend"), "{\"for\": 7}", 400, "takes a text"),
        (format!("POST /api/v1/stacks/{stack}/suspend"), "no", 400, "no JSON"),
        (format!("DELETE /api/v1/stacks/{stack}"), "", 405, "`Allow`"),
        (format!("GET /api/v1/stacks/{stack}/nothing"), "", 404, "nothing of that path"),
    ] {
        let refused = told(&address, &line, body, status);
        assert!(refused["error"].as_str().is_some_and(|why| why.contains(says)), "{line}: {refused}");
    }
    let problems = told(&address, "GET /api/v1/status", "", 200)["sources"][0]["errors"].clone();
    assert_eq!((&problems[0]["severity"], &problems[0]["stack"]), (&"error".into(), &lab.stack("c").into()));
    assert_eq!(lab.containers(), before);
}
