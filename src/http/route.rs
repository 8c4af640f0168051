//! The routes, each a row: the router is built from this table, and so is the document about it.

use super::answer::{Refusal, Refused, answer};
use super::stacks::{self, Changed, History, Looked, SuspendRequest};
use super::status::{PlanOfStack, StackStatus, Status};
use super::{Shared, events, metrics, openapi, webhook};
use crate::daemon::feed::Event;
use crate::daemon::queue::Trigger;
use crate::model::shape::{Named, Shape, shape};
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::sync::Arc;

/// The largest body of a webhook that is read: forges send at most a few megabytes.
const LARGEST_HOOK: usize = 8 << 20;
/// The largest body of any other request.
const LARGEST: usize = 16 << 10;

/// A request that was let in.
pub struct Ask {
    /// Who answers.
    pub shared: Arc<Shared>,
    /// What the path names.
    pub name: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, if the route reads one.
    pub body: Bytes,
}

/// What becomes of a request.
pub type Answer = Result<Response, Refusal>;
type Answering = BoxFuture<'static, Answer>;
type SchemaOf = fn(&mut Named) -> Value;

/// How a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It changes nothing.
    Get,
    /// It may.
    Post,
}

impl Method {
    /// The word in the document.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }

    /// What the router lets through.
    pub const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
        }
    }
}

/// What a request has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// The token of the settings.
    Token,
    /// That it knows the secret of the source's webhook.
    Secret,
}

/// What a request carries.
#[derive(Clone, Copy)]
pub enum Body {
    /// Nothing that is read.
    Nothing,
    /// JSON, or nothing.
    Json(SchemaOf),
    /// Whatever a forge sends.
    Anything,
}

impl Body {
    /// How much of it is read.
    pub const fn limit(self) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Json(_) => Some(LARGEST),
            Self::Anything => Some(LARGEST_HOOK),
        }
    }
}

/// What an answer holds.
#[derive(Clone, Copy)]
pub enum Content {
    /// JSON that looks so.
    Json(SchemaOf),
    /// JSON, about which nothing more is said.
    Document,
    /// Events, each of which looks so.
    Events(SchemaOf),
    /// Text of this type.
    Text(&'static str),
}

/// A route.
pub struct Route {
    /// How it is asked.
    pub method: Method,
    /// Its path, with the name that it takes in braces.
    pub path: &'static str,
    /// Its name in the document.
    pub id: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What a request has to show.
    pub needs: Needs,
    /// What a request carries.
    pub body: Body,
    /// The status of a good answer, and what that holds.
    pub good: (u16, Content),
    /// Other answers that come from the route itself, with the reasons.
    pub refusals: &'static [(u16, &'static str)],
    /// Who answers.
    pub answer: fn(Ask) -> Answering,
}

shape! {
    /// A source that will be looked at.
    pub struct LookedAt {
        /// The source.
        source: String,
    }
}

fn of<T: Shape>(named: &mut Named) -> Value {
    T::schema(named)
}

/// A refusal as it is written.
pub fn refused(named: &mut Named) -> Value {
    Refused::schema(named)
}

const NO_STACK: (u16, &str) = (404, "No source has a stack of that name.");
const NOT_LOOKED: (u16, &str) = (503, "It was not looked at yet.");
const NO_ENGINE: (u16, &str) = (503, "The engine does not answer, or the daemon ends.");
const NO_ROOM: (u16, &str) = (503, "Too many are listening already.");
const WRONG_ID: (u16, &str) = (400, "`Last-Event-ID` is not the id of an event.");

/// All routes.
pub static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/healthz",
        id: "health",
        about: "Whether the daemon is alive.",
        needs: Needs::Nothing,
        body: Body::Nothing,
        good: (200, Content::Text("text/plain")),
        refusals: &[],
        answer: |_| Box::pin(async { Ok("alive\n".into_response()) }),
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        id: "ready",
        about: "Whether every source was looked at.",
        needs: Needs::Nothing,
        body: Body::Nothing,
        good: (200, Content::Text("text/plain")),
        refusals: &[(503, "Some sources were not looked at yet.")],
        answer: |ask| Box::pin(async move { ready(&ask) }),
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        id: "metrics",
        about: "Metrics in the OpenMetrics format.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (200, Content::Text("application/openmetrics-text")),
        refusals: &[],
        answer: |ask| Box::pin(async move { Ok(show_metrics(&ask)) }),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/openapi.json",
        id: "openapi",
        about: "This document.",
        needs: Needs::Nothing,
        body: Body::Nothing,
        good: (200, Content::Document),
        refusals: &[],
        answer: |_| Box::pin(async { Ok(answer(StatusCode::OK, &openapi::document())) }),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/status",
        id: "status",
        about: "How the daemon, its sources and stacks are.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (200, Content::Json(of::<Status>)),
        refusals: &[],
        answer: |ask| Box::pin(async move { Ok(show_status(&ask)) }),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/events",
        id: "events",
        about: "What happens from now on, as server-sent events; after the event that `Last-Event-ID` names, as far as it is kept.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (200, Content::Events(of::<Event>)),
        refusals: &[WRONG_ID, NO_ROOM],
        answer: |ask| Box::pin(async move { events::stream(&ask.shared, &ask.headers, None) }),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/sources/{source}/look",
        id: "look_at_source",
        about: "Has a source looked at now; a repository is asked, too.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (202, Content::Json(of::<LookedAt>)),
        refusals: &[
            (404, "There is no source of that name."),
            (503, "The daemon is not ready yet, or ends."),
        ],
        answer: |ask| Box::pin(async move { look(&ask) }),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/stacks/{stack}",
        id: "stack",
        about: "How a stack is.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (200, Content::Json(of::<StackStatus>)),
        refusals: &[NO_STACK],
        answer: |ask| Box::pin(async move { stacks::show(&ask) }),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/stacks/{stack}/plan",
        id: "plan",
        about: "What the last look at a stack would have done, and why.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (200, Content::Json(of::<PlanOfStack>)),
        refusals: &[NO_STACK, (409, "The stack does not load, and nothing of it runs."), NOT_LOOKED],
        answer: |ask| Box::pin(async move { stacks::plan(&ask) }),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/stacks/{stack}/history",
        id: "history",
        about: "The deployments of a stack, newest first.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (200, Content::Json(of::<History>)),
        refusals: &[
            (404, "No deployment of a stack of that name is recorded."),
            (500, "The history cannot be read."),
        ],
        answer: |ask| Box::pin(stacks::history(ask)),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/stacks/{stack}/events",
        id: "events_of_stack",
        about: "The same as `/api/v1/events`, as far as it is about a stack.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (200, Content::Events(of::<Event>)),
        refusals: &[WRONG_ID, NO_STACK, NO_ROOM],
        answer: |ask| Box::pin(async move { stacks::events(&ask) }),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/stacks/{stack}/look",
        id: "look_at_stack",
        about: "Has the source of a stack looked at now.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (202, Content::Json(of::<Looked>)),
        refusals: &[NO_STACK, (503, "The daemon ends.")],
        answer: |ask| Box::pin(async move { stacks::look(&ask) }),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/stacks/{stack}/suspend",
        id: "suspend",
        about: "Leaves a stack as it is until it is resumed, or for a time: what changes in its files waits.",
        needs: Needs::Token,
        body: Body::Json(of::<SuspendRequest>),
        good: (200, Content::Json(of::<Changed>)),
        refusals: &[
            (404, "The engine runs nothing of a stack of that name, and no source has it."),
            (409, "The engine runs nothing of the stack that could be left as it is."),
            (500, "The engine refused."),
            NO_ENGINE,
        ],
        answer: |ask| Box::pin(stacks::suspend(ask)),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/stacks/{stack}/resume",
        id: "resume",
        about: "Lets a stack be changed again.",
        needs: Needs::Token,
        body: Body::Nothing,
        good: (200, Content::Json(of::<Changed>)),
        refusals: &[NO_STACK, (500, "The engine refused."), NO_ENGINE],
        answer: |ask| Box::pin(stacks::resume(ask)),
    },
    Route {
        method: Method::Post,
        path: "/webhook/{source}",
        id: "webhook",
        about: "Has a source looked at now, because a forge says that something was pushed. What it says is not read.",
        needs: Needs::Secret,
        body: Body::Anything,
        good: (202, Content::Json(of::<LookedAt>)),
        refusals: &[],
        answer: |ask| Box::pin(async move { hook(&ask) }),
    },
];

fn ready(ask: &Ask) -> Answer {
    let board = ask.shared.interface.daemon.board();
    match board.values().filter(|source| source.looked.is_none()).count() {
        0 => Ok("ready\n".into_response()),
        count => {
            let why = format!("{count} of {} sources were not looked at yet", board.len());
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why))
        }
    }
}

fn show_metrics(ask: &Ask) -> Response {
    const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let daemon = &ask.shared.interface.daemon;
    ([(header::CONTENT_TYPE, FORMAT)], metrics::text(&daemon.board(), daemon.requests())).into_response()
}

fn show_status(ask: &Ask) -> Response {
    let daemon = &ask.shared.interface.daemon;
    answer(StatusCode::OK, &Status::of(&daemon.about(), &daemon.board()))
}

fn look(ask: &Ask) -> Answer {
    if !ask.shared.interface.daemon.board().contains_key(&ask.name) {
        return Err(Refusal::unknown("source", &ask.name));
    }
    if !ask.shared.interface.daemon.look(&ask.name, Trigger::Request) {
        let why = "the daemon is not ready to look yet, or ends";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why));
    }
    Ok(answer(StatusCode::ACCEPTED, &LookedAt { source: ask.name.clone() }))
}

fn hook(ask: &Ask) -> Answer {
    let header = |name: &str| ask.headers.get(name).map(axum::http::HeaderValue::as_bytes);
    let secret = ask.shared.interface.daemon.secret(&ask.name);
    // Whether there is such a source is told to nobody who does not know its secret.
    if !secret.is_some_and(|secret| webhook::is_genuine(&secret, header, &ask.body)) {
        tracing::warn!(
            "a webhook was refused: its source has no `webhook_secret_file`, or the signature is wrong"
        );
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "the signature or the token is missing or wrong"));
    }
    // One that is not ready yet looks when it is.
    ask.shared.interface.daemon.look(&ask.name, Trigger::Webhook);
    Ok(answer(StatusCode::ACCEPTED, &LookedAt { source: ask.name.clone() }))
}
