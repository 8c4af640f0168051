//! The HTTP interface of the daemon: health, metrics, status, requests to look, webhooks. Off unless an address is set.
//!
//! Whoever may look at the stacks or have them looked at shows a token; a webhook shows the secret of its source. Nothing here
//! decides anything: a request is a hint to look, and what is told was noted by the daemon.

pub mod metrics;
mod status;
mod webhook;

use crate::daemon::board::Board;
use crate::daemon::queue::Trigger;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

/// The largest body that is read: forges send at most a few megabytes.
const LARGEST: usize = 8 << 20;
/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long requests that are under way may take once the daemon was told to stop.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the daemon tells and does.
pub trait Daemon: Send + Sync {
    /// What it heard last of every source; each one is there from the start.
    fn board(&self) -> Board;
    /// Looks at a source as soon as possible, for this reason; false if there is none of that name.
    fn look(&self, source: &str, why: Trigger) -> bool;
    /// The secret of a source's webhook, if it has one.
    fn secret(&self, source: &str) -> Option<Vec<u8>>;
    /// The deployments of a stack, newest first; none of a stack that is not known. Called on a thread that may block.
    fn history(&self, stack: &str) -> io::Result<Vec<Value>>;
}

/// The interface of a daemon.
pub struct Interface {
    /// Who answers.
    pub daemon: Arc<dyn Daemon>,
    /// What a request has to show that reveals or changes something; without one, nobody is let in.
    pub token: Option<Vec<u8>>,
}

/// Serves until told to stop; what is under way then gets a second to end.
pub async fn serve(
    listener: TcpListener,
    interface: Interface,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let server = axum::serve(listener, router(Arc::new(interface)));
    let server = server.with_graceful_shutdown(until_stopped(stop.clone()));
    tokio::select! {
        done = async { server.await } => done,
        // A client that keeps its connection open does not hold up the end.
        () = async { until_stopped(stop).await; tokio::time::sleep(LAST_WORDS).await } => Ok(()),
    }
}

async fn until_stopped(mut stop: watch::Receiver<bool>) {
    // An error means that nobody is left to say so: that is the end as well.
    drop(stop.wait_for(|stop| *stop).await);
}

fn router(interface: Arc<Interface>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(show_metrics))
        .route("/api/v1/status", get(show_status))
        .route("/api/v1/sources/{source}/look", post(look))
        .route("/api/v1/stacks/{stack}/history", get(show_history))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&interface), guard));
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/webhook/{source}", post(hook))
        .merge(guarded)
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "there is nothing of that path") })
        .layer(middleware::from_fn(patience))
        .with_state(interface)
}

/// A client that sends its request a byte at a time does not hold a connection for ever.
async fn patience(request: Request, next: Next) -> Response {
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive"),
    }
}

async fn guard(State(interface): State<Arc<Interface>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|value| value.strip_prefix(b"Bearer "));
    let knows = |token: &Vec<u8>| given.is_some_and(|given| bool::from(given.ct_eq(token)));
    match &interface.token {
        Some(token) if knows(token) => next.run(request).await,
        Some(_) => {
            let refused = problem(StatusCode::UNAUTHORIZED, "send `Authorization: Bearer TOKEN`");
            ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response()
        }
        None => {
            problem(StatusCode::FORBIDDEN, "no token is set: `http.token_file` in reconcile.yaml names one")
        }
    }
}

async fn ready(State(interface): State<Arc<Interface>>) -> Response {
    let board = interface.daemon.board();
    match board.values().filter(|source| source.looked.is_none()).count() {
        0 => "ready\n".into_response(),
        count => {
            let message = format!("{count} of {} sources were not looked at yet", board.len());
            problem(StatusCode::SERVICE_UNAVAILABLE, &message)
        }
    }
}

async fn show_metrics(State(interface): State<Arc<Interface>>) -> Response {
    const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, FORMAT)], metrics::text(&interface.daemon.board())).into_response()
}

async fn show_status(State(interface): State<Arc<Interface>>) -> Response {
    answer(StatusCode::OK, &status::json(&interface.daemon.board()))
}

async fn show_history(State(interface): State<Arc<Interface>>, Path(stack): Path<String>) -> Response {
    let daemon = Arc::clone(&interface.daemon);
    let name = stack.clone();
    match spawn_blocking(move || daemon.history(&name)).await {
        Ok(Ok(found)) if found.is_empty() => {
            problem(StatusCode::NOT_FOUND, "no deployment of a stack of that name is recorded")
        }
        Ok(Ok(found)) => answer(StatusCode::OK, &json!({"stack": stack, "deployments": found})),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the history cannot be read");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "the history cannot be read")
        }
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "reading the history ended in a panic"),
    }
}

async fn look(State(interface): State<Arc<Interface>>, Path(source): Path<String>) -> Response {
    if interface.daemon.look(&source, Trigger::Request) {
        answer(StatusCode::ACCEPTED, &json!({"source": source}))
    } else {
        problem(StatusCode::NOT_FOUND, "there is no source of that name")
    }
}

async fn hook(
    State(interface): State<Arc<Interface>>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or was cut off");
    };
    let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let secret = interface.daemon.secret(&source);
    // Whether there is such a source is told to nobody who does not know its secret.
    if !secret.is_some_and(|secret| webhook::is_genuine(&secret, header, &body)) {
        tracing::warn!(
            "a webhook was refused: its source has no `webhook_secret_file`, or the signature is wrong"
        );
        return problem(StatusCode::UNAUTHORIZED, "the signature or the token is missing or wrong");
    }
    interface.daemon.look(&source, Trigger::Webhook);
    answer(StatusCode::ACCEPTED, &json!({"source": source}))
}

fn answer(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{value:#}\n")).into_response()
}

fn problem(status: StatusCode, message: &str) -> Response {
    answer(status, &json!({"error": message}))
}

#[cfg(test)]
mod tests {
    use super::{Daemon, Interface, serve};
    use crate::daemon::board::{Board, SourceNews};
    use crate::daemon::queue::Trigger;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;

    #[derive(Default)]
    struct Fake {
        looked: Mutex<Vec<String>>,
    }

    impl Daemon for Fake {
        fn board(&self) -> Board {
            let looked = self.looked.lock().unwrap().first().map(|_| 7);
            Board::from([("home".to_owned(), SourceNews { looked, ..SourceNews::default() })])
        }
        fn look(&self, source: &str, _: Trigger) -> bool {
            self.looked.lock().unwrap().push(source.to_owned());
            source == "home"
        }
        fn secret(&self, source: &str) -> Option<Vec<u8>> {
            (source == "home").then(|| b"hush".to_vec())
        }
        fn history(&self, stack: &str) -> std::io::Result<Vec<serde_json::Value>> {
            Ok(if stack == "shop" { vec![serde_json::json!({"number": 7})] } else { Vec::new() })
        }
    }

    struct Served {
        address: String,
        fake: Arc<Fake>,
        stop: watch::Sender<bool>,
        task: tokio::task::JoinHandle<std::io::Result<()>>,
    }

    async fn served(token: Option<&str>) -> Served {
        let fake = Arc::new(Fake::default());
        let daemon = Arc::clone(&fake) as Arc<dyn Daemon>;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = watch::channel(false);
        let token = token.map(|token| token.as_bytes().to_vec());
        let task = tokio::spawn(serve(listener, Interface { daemon, token }, stopped));
        Served { address, fake, stop, task }
    }

    impl Served {
        /// Status and body.
        async fn ask(&self, line: &str, headers: &[&str], body: &str) -> (u16, String) {
            let mut stream = TcpStream::connect(&self.address).await.unwrap();
            let headers = [headers, &[""]].concat().join("\r\n");
            let length = body.len();
            let request = format!(
                "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
            (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
        }
    }

    #[tokio::test]
    async fn what_reveals_or_changes_needs_the_token() {
        let own = served(Some("t0ken")).await;
        for line in [
            "GET /metrics",
            "GET /api/v1/status",
            "POST /api/v1/sources/home/look",
            "GET /api/v1/stacks/shop/history",
        ] {
            assert_eq!(own.ask(line, &[], "").await.0, 401, "{line}");
            assert_eq!(own.ask(line, &["authorization: Bearer wrong"], "").await.0, 401, "{line}");
            assert!(own.ask(line, &["authorization: Bearer t0ken"], "").await.0 < 300, "{line}");
        }
        let unknown = own.ask("GET /api/v1/stacks/x/history", &["authorization: Bearer t0ken"], "").await;
        assert_eq!(unknown.0, 404);
        let none = served(None).await;
        assert_eq!(none.ask("GET /api/v1/status", &["authorization: Bearer "], "").await.0, 403);
    }

    #[tokio::test]
    async fn health_is_told_to_anybody_and_readiness_follows_the_sources() {
        let own = served(None).await;
        assert_eq!(own.ask("GET /healthz", &[], "").await, (200, "alive\n".to_owned()));
        assert_eq!(own.ask("GET /readyz", &[], "").await.0, 503);
        own.fake.look("home", Trigger::Request);
        assert_eq!(own.ask("GET /readyz", &[], "").await.0, 200);
        assert_eq!(own.ask("GET /elsewhere", &[], "").await.0, 404);
    }

    #[tokio::test]
    async fn a_webhook_is_a_hint_from_who_knows_the_secret() {
        let own = served(None).await;
        assert_eq!(own.ask("POST /webhook/home", &[], "{}").await.0, 401);
        assert_eq!(own.ask("POST /webhook/other", &["x-gitlab-token: hush"], "{}").await.0, 401);
        assert!(own.fake.looked.lock().unwrap().is_empty());
        assert_eq!(own.ask("POST /webhook/home", &["x-gitlab-token: hush"], "{}").await.0, 202);
        assert_eq!(*own.fake.looked.lock().unwrap(), ["home"]);
    }

    #[tokio::test]
    async fn it_ends_although_somebody_keeps_a_connection_open() {
        let own = served(None).await;
        let mut idle = TcpStream::connect(&own.address).await.unwrap();
        idle.write_all(b"POST /webhook/home HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        own.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(10), own.task).await.expect("it ends").unwrap().unwrap();
    }
}
