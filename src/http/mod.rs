//! The HTTP interface of the daemon: health, metrics, status, plans, events, requests to look or to leave a stack alone, webhooks.
//!
//! Over an address, whoever may look at the stacks or have something done shows a token; a webhook shows the secret of its source.
//! Over the control socket, whoever can open it may do what the interface can. Nothing here decides anything: a request is a hint
//! to look or a mark on the engine, and what is told was noted by the daemon. [`route`] has a row for each route.

mod answer;
mod events;
pub mod metrics;
mod openapi;
mod route;
mod stacks;
mod status;
#[cfg(test)]
mod tests;
mod webhook;

pub use openapi::document;
pub use stacks::Deed;

use crate::daemon::board::Board;
use crate::daemon::feed::Feed;
use crate::daemon::queue::Trigger;
use crate::history::ShownDeployment;
use crate::plan::Suspension;
use answer::Refusal;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::on;
use axum::serve::Listener;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use route::{Answer, Ask, Needs, ROUTES, Route};
use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, watch};

/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long requests that are under way may take once the daemon was told to stop.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the daemon tells and does.
pub trait Daemon: Send + Sync {
    /// Which daemon it is.
    fn about(&self) -> About;
    /// The time, in seconds since 1970.
    fn now(&self) -> i64;
    /// What it heard last of every source; each one is there from the start.
    fn board(&self) -> Board;
    /// Requests to the engine since the start: all of them, and those that failed.
    fn requests(&self) -> (u64, u64);
    /// What happens.
    fn feed(&self) -> Arc<Feed>;
    /// Looks at a source as soon as possible, for this reason; false if there is none of that name, or nobody to look.
    fn look(&self, source: &str, why: Trigger) -> bool;
    /// The secret of a source's webhook, if it has one.
    fn secret(&self, source: &str) -> Option<Vec<u8>>;
    /// The deployments of a stack, newest first; none of a stack that is not known. Called on a thread that may block.
    fn history(&self, stack: &str) -> io::Result<Vec<ShownDeployment>>;
    /// Leaves a stack as it is from now on.
    fn suspend(&self, stack: String, suspension: Suspension) -> BoxFuture<'static, Deed>;
    /// Lets a stack be changed again.
    fn resume(&self, stack: String) -> BoxFuture<'static, Deed>;
}

/// Which daemon it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its version.
    pub version: String,
    /// The number of its process.
    pub process: u32,
    /// When it was started, in seconds since 1970.
    pub since: i64,
}

/// Who is let in where something is revealed or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Whoever shows this token; without one, nobody.
    Token(Option<Vec<u8>>),
    /// Whoever can connect: the door is looked after elsewhere.
    Open,
}

/// The interface of a daemon.
pub struct Interface {
    /// Who answers.
    pub daemon: Arc<dyn Daemon>,
    /// Who is let in.
    pub access: Access,
}

/// What all requests share.
pub(crate) struct Shared {
    interface: Interface,
    stop: watch::Receiver<bool>,
    listeners: Arc<Semaphore>,
}

/// Serves until told to stop; what is under way then gets a second to end.
pub async fn serve<L>(listener: L, interface: Interface, stop: watch::Receiver<bool>) -> io::Result<()>
where
    L: Listener,
    L::Addr: Debug,
{
    let listeners = Arc::new(Semaphore::new(events::LISTENERS));
    let shared = Shared { interface, stop: stop.clone(), listeners };
    let server = axum::serve(listener, router(Arc::new(shared)));
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

type Names = Result<RawPathParams, RawPathParamsRejection>;

fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let handle = move |State(shared): State<Arc<Shared>>, names: Names, request: Request| async move {
            respond(route, shared, names, request).await.unwrap_or_else(Refusal::into_response)
        };
        router = router.route(route.path, on(route.method.filter(), handle));
    }
    router
        .fallback(|| async { nothing() })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "it is not asked that way: `Allow` tells how")
        })
        .with_state(shared)
}

fn nothing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing of that path")
}

async fn respond(route: &'static Route, shared: Arc<Shared>, names: Names, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    if route.needs == Needs::Token {
        guard(&shared.interface.access, &parts.headers)?;
    }
    let wrong = |_| Refusal::new(StatusCode::BAD_REQUEST, "the name in the path is no text");
    let name = names.map_err(wrong)?.iter().next().map(|(_, name)| name.to_owned());
    if name.as_ref().is_some_and(String::is_empty) {
        return Err(nothing());
    }
    let name = name.unwrap_or_default();
    let body = match route.body.limit() {
        Some(limit) => read(body, limit).await?,
        None => Bytes::new(),
    };
    (route.answer)(Ask { shared, name, headers: parts.headers, body }).await
}

fn guard(access: &Access, headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|value| value.strip_prefix(b"Bearer "));
    match access {
        Access::Open => Ok(()),
        Access::Token(Some(token)) if given.is_some_and(|given| bool::from(given.ct_eq(token))) => Ok(()),
        Access::Token(Some(_)) => {
            Err(Refusal::new(StatusCode::UNAUTHORIZED, "send `Authorization: Bearer TOKEN`"))
        }
        Access::Token(None) => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "no token is set: `http.token_file` in reconcile.yaml names one",
        )),
    }
}

/// Reads a body; a client that sends it a byte at a time does not hold a connection for ever.
async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(PATIENCE, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes")))
        }
        Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body was cut off")),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive")),
    }
}
