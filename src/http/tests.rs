use super::route::{Method, Needs, ROUTES};
use super::{About, Access, Daemon, Deed, Interface, document, serve};
use crate::daemon::board::{Board, SourceNews, StackNews};
use crate::daemon::feed::{Event, Feed};
use crate::daemon::queue::Trigger;
use crate::history::ShownDeployment;
use crate::model::history::Deployment;
use crate::plan::{StackPlan, Suspension};
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const TOKEN: &str = "authorization: Bearer t0ken";

struct Fake {
    looked: Mutex<Vec<String>>,
    suspended: Mutex<Vec<Suspension>>,
    feed: Arc<Feed>,
}

impl Daemon for Fake {
    fn about(&self) -> About {
        About { version: "1".to_owned(), process: 7, since: 0 }
    }
    fn now(&self) -> i64 {
        1000
    }
    fn requests(&self) -> (u64, u64) {
        (12, 1)
    }
    fn board(&self) -> Board {
        let looked = self.looked.lock().unwrap().first().map(|_| 7);
        let plan = looked.map(|_| Arc::new(StackPlan::default()));
        let shop = StackNews { plan, ..StackNews::default() };
        let broken = StackNews { broken: true, ..StackNews::default() };
        let stacks = [("shop".to_owned(), shop), ("broken".to_owned(), broken)].into();
        Board::from([("home".to_owned(), SourceNews { looked, stacks, ..SourceNews::default() })])
    }
    fn feed(&self) -> Arc<Feed> {
        Arc::clone(&self.feed)
    }
    fn look(&self, source: &str, _: Trigger) -> bool {
        self.looked.lock().unwrap().push(source.to_owned());
        source == "home"
    }
    fn secret(&self, source: &str) -> Option<Vec<u8>> {
        (source == "home").then(|| b"hush".to_vec())
    }
    fn history(&self, stack: &str) -> std::io::Result<Vec<ShownDeployment>> {
        let one = Deployment { number: 7, ..Deployment::default() };
        Ok(if stack == "shop" { vec![ShownDeployment::from(&one)] } else { Vec::new() })
    }
    fn suspend(&self, stack: String, suspension: Suspension) -> BoxFuture<'static, Deed> {
        self.suspended.lock().unwrap().push(suspension);
        Box::pin(async move {
            match stack.as_str() {
                "shop" => Deed::Done,
                "down" => Deed::Unreachable("no engine".to_owned()),
                _ => Deed::Unknown(Some("shop".to_owned())),
            }
        })
    }
    fn resume(&self, stack: String) -> BoxFuture<'static, Deed> {
        Box::pin(async move { if stack == "gone" { Deed::Done } else { Deed::Already } })
    }
}

struct Served {
    address: String,
    fake: Arc<Fake>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// An answer.
#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks that it is a refusal as they all are.
    #[track_caller]
    fn refuses(&self, status: u16) -> String {
        let json = self.json();
        let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((self.status, keys), (status, vec!["error"]), "{self:?}");
        json["error"].as_str().unwrap().to_owned()
    }
}

async fn served(access: Access) -> Served {
    let fake = Fake { looked: Mutex::default(), suspended: Mutex::default(), feed: Arc::new(Feed::new(1)) };
    let fake = Arc::new(fake);
    let daemon = Arc::clone(&fake) as Arc<dyn Daemon>;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(serve(listener, Interface { daemon, access }, stopped));
    Served { address, fake, stop, task }
}

async fn guarded() -> Served {
    served(Access::Token(Some(b"t0ken".to_vec()))).await
}

impl Served {
    async fn send(&self, line: &str, headers: &[&str], body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let headers = [headers, &[""]].concat().join("\r\n");
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        // Who is refused before the end of a large body hangs up.
        drop(stream.write_all(body).await);
        stream
    }

    async fn ask(&self, line: &str, headers: &[&str], body: &str) -> Got {
        let mut stream = self.send(line, headers, body.as_bytes()).await;
        let mut answer = Vec::new();
        let whole = stream.read_to_end(&mut answer);
        drop(tokio::time::timeout(Duration::from_secs(10), whole).await.expect("it ends"));
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Got { status, head: head.to_owned(), body: body.to_owned() }
    }
}

fn lines() -> impl Iterator<Item = (Needs, String)> {
    ROUTES.iter().map(|route| {
        let path = route.path.replace("{stack}", "shop").replace("{source}", "home");
        let method = if route.method == Method::Get { "GET" } else { "POST" };
        (route.needs, format!("{method} {path}"))
    })
}

#[tokio::test]
async fn what_reveals_or_changes_needs_the_token() {
    let own = guarded().await;
    own.fake.look("home", Trigger::Request);
    let none = served(Access::Token(None)).await;
    let mut count = 0;
    for (_, line) in lines().filter(|(needs, _)| *needs == Needs::Token) {
        let refused = own.ask(&line, &[], "").await;
        refused.refuses(401);
        assert!(refused.head.contains("www-authenticate: Bearer"), "{refused:?}");
        for wrong in ["Bearer wrong", "Bearer ", "Bearer t0ken2", "t0ken", "Basic t0ken"] {
            own.ask(&line, &[&format!("authorization: {wrong}")], "").await.refuses(401);
        }
        none.ask(&line, &["authorization: Bearer "], "").await.refuses(403);
        if !line.ends_with("/events") {
            let got = own.ask(&line, &[TOKEN], "").await;
            assert!(got.status < 300, "{line}: {got:?}");
        }
        count += 1;
    }
    assert!(count > 9 && own.fake.suspended.lock().unwrap().len() == 1);
    for (_, line) in lines().filter(|(needs, _)| *needs == Needs::Nothing) {
        assert_ne!(none.ask(&line, &[], "").await.status, 401, "{line}");
    }
    let open = served(Access::Open).await;
    assert_eq!(open.ask("GET /api/v1/status", &[], "").await.status, 200);
}

#[tokio::test]
async fn health_is_told_to_anybody_and_readiness_follows_the_sources() {
    let own = served(Access::Token(None)).await;
    assert_eq!(own.ask("GET /healthz", &[], "").await.body, "alive\n");
    own.ask("GET /readyz", &[], "").await.refuses(503);
    own.fake.look("home", Trigger::Request);
    assert_eq!(own.ask("GET /readyz", &[], "").await.status, 200);
}

#[tokio::test]
async fn every_refusal_is_json_that_says_why() {
    let own = guarded().await;
    own.ask("GET /elsewhere", &[TOKEN], "").await.refuses(404);
    own.ask("GET /api/v1/stacks//plan", &[TOKEN], "").await.refuses(404);
    let wrong = own.ask("DELETE /api/v1/stacks/shop/plan", &[TOKEN], "").await;
    wrong.refuses(405);
    assert!(wrong.head.contains("allow: GET"), "{wrong:?}");
    own.ask("GET /api/v1/stacks/%ff/plan", &[TOKEN], "").await.refuses(400);
    own.ask("GET /api/v1/stacks/x/history", &[TOKEN], "").await.refuses(404);
    own.ask("GET /api/v1/events", &[TOKEN, "last-event-id: x"], "").await.refuses(400);
    let suspend = "POST /api/v1/stacks/shop/suspend";
    for (body, says) in [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ("{\"reason\": 7}", "`reason` takes a text"),
        ("{\"for\": null}", "`for` takes a text"),
        ("{\"for\": \"soon\"}", "such as 30s"),
        ("{\"for\": \"10ms\"}", "at least 1s"),
        ("{\"until\": \"2h\"}", "no key \"until\""),
    ] {
        let why = own.ask(suspend, &[TOKEN], body).await.refuses(400);
        assert!(why.contains(says), "{body}: {why}");
    }
    let long = format!("{{\"reason\": \"{}\"}}", "x".repeat(201));
    own.ask(suspend, &[TOKEN], &long).await.refuses(400);
    own.ask(suspend, &[TOKEN], &" ".repeat(17 << 10)).await.refuses(413);
    own.ask(suspend, &[], &" ".repeat(17 << 10)).await.refuses(401);
    assert!(own.fake.suspended.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stack_is_suspended_as_the_command_does_it() {
    let own = guarded().await;
    let suspend = async |stack: &str, body: &str| {
        own.ask(&format!("POST /api/v1/stacks/{stack}/suspend"), &[TOKEN], body).await
    };
    let got = suspend("shop", "{\"reason\": \"a\\u0007b\", \"for\": \"1m30s\"}").await.json();
    assert_eq!(got["suspended"]["until"], "1970-01-01T00:18:10Z", "{got}");
    let said = Suspension { reason: "ab".to_owned(), at: Some(1000), until: Some(1090) };
    assert_eq!(*own.fake.suspended.lock().unwrap(), [said]);
    let got = suspend("shop", "").await.json();
    assert_eq!((&got["suspended"]["until"], &got["changed"]), (&Value::Null, &true.into()));
    assert!(suspend("sop", "").await.refuses(404).contains("did you mean \"shop\"?"));
    suspend("broken", "").await.refuses(409);
    suspend("down", "").await.refuses(503);
    let resume =
        async |stack: &str| own.ask(&format!("POST /api/v1/stacks/{stack}/resume"), &[TOKEN], "").await;
    assert_eq!(resume("shop").await.json()["changed"], false);
    assert_eq!(resume("gone").await.json()["changed"], true, "nothing is left of it but the mark");
    resume("nobody").await.refuses(404);
}

#[tokio::test]
async fn a_plan_is_told_once_there_is_one() {
    let own = guarded().await;
    let plan = async |stack: &str| own.ask(&format!("GET /api/v1/stacks/{stack}/plan"), &[TOKEN], "").await;
    for stack in ["shop", "nobody", "broken"] {
        plan(stack).await.refuses(503);
    }
    let looked = own.ask("POST /api/v1/stacks/shop/look", &[TOKEN], "").await;
    assert_eq!((looked.status, looked.json()["source"].as_str()), (202, Some("home")));
    let got = plan("shop").await.json();
    assert_eq!(got["looked_at"], "1970-01-01T00:00:07Z");
    assert_eq!(got["plan"]["stacks"][0]["name"], "shop");
    plan("nobody").await.refuses(404);
    plan("broken").await.refuses(409);
}

#[tokio::test]
async fn a_webhook_is_a_hint_from_who_knows_the_secret() {
    let own = served(Access::Token(None)).await;
    own.ask("POST /webhook/home", &[], "{}").await.refuses(401);
    own.ask("POST /webhook/other", &["x-gitlab-token: hush"], "{}").await.refuses(401);
    assert!(own.fake.looked.lock().unwrap().is_empty());
    assert_eq!(own.ask("POST /webhook/home", &["x-gitlab-token: hush"], "{}").await.status, 202);
    assert_eq!(*own.fake.looked.lock().unwrap(), ["home"]);
}

/// Reads events up to a number of them; their kinds, stacks and ids.
async fn events(stream: TcpStream, count: usize) -> Vec<(String, String, u64)> {
    let mut lines = BufReader::new(stream).lines();
    let mut found = Vec::new();
    while found.len() < count {
        let line = tokio::time::timeout(Duration::from_secs(10), lines.next_line()).await.expect("in time");
        let Some(line) = line.unwrap() else { break };
        if let Some(data) = line.strip_prefix("data: ") {
            let event: Value = serde_json::from_str(data).unwrap();
            let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            found.push((text("event"), text("stack"), event["id"].as_u64().unwrap()));
        }
    }
    found
}

#[tokio::test]
async fn events_are_told_as_they_come_and_again_to_who_was_cut_off() {
    let own = guarded().await;
    let start = own.fake.feed.last();
    let tell = |stack: &str| {
        own.fake.feed.tell(vec![Event::new("plan_changed", "home").stack(stack)], 5);
    };
    let all = own.send("GET /api/v1/events", &[TOKEN], b"").await;
    let shop = own.send("GET /api/v1/stacks/shop/events", &[TOKEN], b"").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    tell("blog");
    tell("shop");
    let told = |stack: &str, id: u64| ("plan_changed".to_owned(), stack.to_owned(), start + id);
    assert_eq!(events(all, 2).await, [told("blog", 1), told("shop", 2)]);
    assert_eq!(events(shop, 1).await, [told("shop", 2)]);
    let again = format!("last-event-id: {start}");
    let all = own.send("GET /api/v1/events", &[TOKEN, &again], b"").await;
    assert_eq!(events(all, 2).await, [told("blog", 1), told("shop", 2)]);
    let all = own.send("GET /api/v1/events", &[TOKEN, "last-event-id: 7"], b"").await;
    assert_eq!(events(all, 2).await, [("lagged".to_owned(), String::new(), start), told("blog", 1)]);
    own.ask("GET /api/v1/stacks/nobody/events", &[TOKEN], "").await.refuses(404);
}

#[tokio::test]
async fn it_ends_although_somebody_keeps_a_connection_open() {
    let own = guarded().await;
    let idle = own.send("POST /webhook/home", &["x-a: b"], b"").await;
    let listening = own.send("GET /api/v1/events", &[TOKEN], b"").await;
    let mut slow = TcpStream::connect(&own.address).await.unwrap();
    slow.write_all(b"POST /webhook/home HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    own.stop.send(true).unwrap();
    assert!(events(listening, 1).await.is_empty(), "the stream ends");
    tokio::time::timeout(Duration::from_secs(10), own.task).await.expect("it ends").unwrap().unwrap();
    drop((idle, slow));
}

#[tokio::test]
async fn listeners_are_bounded() {
    let own = guarded().await;
    let mut open = Vec::new();
    for _ in 0..super::events::LISTENERS {
        let mut stream = own.send("GET /api/v1/events", &[TOKEN], b"").await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(stream);
    }
    own.ask("GET /api/v1/events", &[TOKEN], "").await.refuses(503);
    drop(open);
}

#[test]
fn the_document_has_every_route_and_every_schema_that_it_refers_to() {
    let document = document();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.word()];
        assert_eq!(operation["operationId"], route.id, "{}", route.path);
        let is_guarded = operation["responses"].get("401").is_some();
        assert_eq!(is_guarded, route.needs != Needs::Nothing, "{}", route.path);
    }
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
