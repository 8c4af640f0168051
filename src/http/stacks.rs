//! Requests about one stack.

use super::answer::{Refusal, answer};
use super::events;
use super::route::{Answer, Ask};
use super::status::{PlanOfStack, StackStatus};
use crate::daemon::board::{Board, SourceNews, StackNews, find};
use crate::daemon::queue::Trigger;
use crate::history::ShownDeployment;
use crate::model::shape::{Named, PLACE, Shape, shape};
use crate::model::units::Nanos;
use crate::plan::{REASON, ShownSuspension, Suspension};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::task::spawn_blocking;

/// How long the engine may take for what a request asks of it.
const PATIENCE: Duration = Duration::from_secs(20);

shape! {
    /// The deployments of a stack.
    pub struct History {
        /// The stack.
        stack: String,
        /// Its deployments, newest first.
        deployments: Vec<ShownDeployment>,
    }

    /// A stack whose source will be looked at.
    pub struct Looked {
        /// The stack.
        stack: String,
        /// Its source.
        source: String,
    }

    /// A stack that was suspended or resumed.
    pub struct Changed {
        /// The stack.
        stack: String,
        /// How it is suspended now; null if it is not.
        suspended: Option<ShownSuspension>,
        /// Whether something was changed: resuming a stack that nobody suspended does nothing.
        changed: bool,
    }
}

/// What came of a request to the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It was done.
    Done,
    /// It was so already.
    Already,
    /// The engine runs nothing of that stack. One of this name comes near.
    Unknown(Option<String>),
    /// The engine refused, for this reason.
    Failed(String),
    /// The engine does not answer, for this reason.
    Unreachable(String),
}

/// What a request to suspend says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuspendRequest {
    reason: String,
    period: Option<Nanos>,
}

impl Shape for SuspendRequest {
    fn schema(named: &mut Named) -> Value {
        const NAME: &str = "SuspendRequest";
        // What is written otherwise, such as `1.5h`, is understood too.
        let pattern = ["w", "d", "h", "m", "s"].map(|unit| format!("([1-9][0-9]{{0,3}}{unit})?")).concat();
        let schema = json!({
            "description": "Why, and for how long.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "reason": {
                    "description": "Why; shown by plans and by the status.",
                    "type": "string",
                    "maxLength": REASON,
                },
                "for": {
                    "description": "For how long, at least a second; until it is resumed if left out.",
                    "type": "string",
                    "pattern": format!("^{pattern}$"),
                    "minLength": 2,
                    "examples": ["2h", "1d12h"],
                },
            },
        });
        named.insert(NAME.to_owned(), schema);
        json!({"$ref": format!("{PLACE}{NAME}")})
    }
}

impl SuspendRequest {
    /// Reads it; an empty body says nothing.
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let wrong = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let given: Map<String, Value> = match serde_json::from_slice(body) {
            Ok(Value::Object(given)) => given,
            Ok(_) => return Err(wrong("the body is no JSON object".to_owned())),
            Err(error) => return Err(wrong(format!("the body is no JSON: {error}"))),
        };
        let mut request = Self::default();
        for (key, value) in given {
            let text = value.as_str().ok_or_else(|| wrong(format!("`{key}` takes a text")));
            match key.as_str() {
                "reason" => text?.clone_into(&mut request.reason),
                "for" => {
                    let period = Nanos::parse(text?).ok().filter(|period| period.whole_seconds() >= 1);
                    let why =
                        || wrong("`for` takes a time such as 30s, 2h or 1d12h, of at least 1s".to_owned());
                    request.period = Some(period.ok_or_else(why)?);
                }
                _ => return Err(wrong(format!("there is no key {key:?}: it takes `reason` and `for`"))),
            }
        }
        if request.reason.chars().count() > REASON {
            return Err(wrong(format!("`reason` has more than {REASON} characters")));
        }
        Ok(request)
    }
}

fn found<'a>(board: &'a Board, ask: &Ask) -> Result<(&'a str, &'a SourceNews, &'a StackNews), Refusal> {
    find(board, &ask.name).ok_or_else(|| Refusal::unknown("stack", &ask.name))
}

/// How it is.
pub fn show(ask: &Ask) -> Answer {
    let board = ask.shared.interface.daemon.board();
    let (source, _, stack) = found(&board, ask)?;
    Ok(answer(StatusCode::OK, &StackStatus::of(source, &ask.name, stack)))
}

/// What the last look would have done.
pub fn plan(ask: &Ask) -> Answer {
    let board = ask.shared.interface.daemon.board();
    let (source, news, stack) = match find(&board, &ask.name) {
        Some(found) => found,
        None if board.values().any(|source| source.looked.is_none()) => {
            let why = format!("there is no stack {:?} yet: not all sources were looked at", ask.name);
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why));
        }
        None => return Err(Refusal::unknown("stack", &ask.name)),
    };
    match PlanOfStack::of(source, news, &ask.name, stack) {
        Some(plan) => Ok(answer(StatusCode::OK, &plan)),
        None if stack.broken && news.looked.is_some() => {
            let why = "the stack does not load, and nothing of it runs: /api/v1/status tells why";
            Err(Refusal::new(StatusCode::CONFLICT, why))
        }
        None => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "it was not looked at yet")),
    }
}

/// What was deployed.
pub async fn history(ask: Ask) -> Answer {
    let (daemon, name) = (std::sync::Arc::clone(&ask.shared.interface.daemon), ask.name.clone());
    let broken = |why: &str| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why);
    match spawn_blocking(move || daemon.history(&name)).await {
        Ok(Ok(deployments)) if deployments.is_empty() => {
            let why = format!("no deployment of a stack {:?} is recorded", ask.name);
            Err(Refusal::new(StatusCode::NOT_FOUND, why))
        }
        Ok(Ok(deployments)) => Ok(answer(StatusCode::OK, &History { stack: ask.name, deployments })),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the history cannot be read");
            Err(broken("the history cannot be read"))
        }
        Err(_) => Err(broken("reading the history ended in a panic")),
    }
}

/// What happens to it.
pub fn events(ask: &Ask) -> Answer {
    found(&ask.shared.interface.daemon.board(), ask)?;
    events::stream(&ask.shared, &ask.headers, Some(&ask.name))
}

/// Looks at its source.
pub fn look(ask: &Ask) -> Answer {
    let daemon = &ask.shared.interface.daemon;
    let board = daemon.board();
    let (source, ..) = found(&board, ask)?;
    if !daemon.look(source, Trigger::Request) {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the daemon ends"));
    }
    let looked = Looked { stack: ask.name.clone(), source: source.to_owned() };
    Ok(answer(StatusCode::ACCEPTED, &looked))
}

/// Leaves it as it is.
pub async fn suspend(ask: Ask) -> Answer {
    let SuspendRequest { reason, period } = SuspendRequest::read(&ask.body)?;
    let daemon = &ask.shared.interface.daemon;
    let at = daemon.now();
    let until = period.map(|period| at.saturating_add(period.whole_seconds()));
    let suspension = Suspension { reason, at: Some(at), until }.cleaned();
    let deed = within(daemon.suspend(ask.name.clone(), suspension.clone())).await;
    if let Deed::Unknown(near) = deed {
        let known = find(&daemon.board(), &ask.name).is_some();
        let status = if known { StatusCode::CONFLICT } else { StatusCode::NOT_FOUND };
        let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        let why = format!("the engine runs nothing of a stack named {:?}{near}", ask.name);
        return Err(Refusal::new(status, why));
    }
    changed(ask.name, Some(ShownSuspension::from(&suspension)), deed)
}

/// Lets it be changed again.
pub async fn resume(ask: Ask) -> Answer {
    let daemon = &ask.shared.interface.daemon;
    let deed = within(daemon.resume(ask.name.clone())).await;
    if matches!(deed, Deed::Already | Deed::Unknown(_)) {
        found(&daemon.board(), &ask)?;
    }
    changed(ask.name, None, deed)
}

/// A hung engine does not hold up whoever asked: it is told, and what was begun comes to its end.
async fn within(deed: impl Future<Output = Deed>) -> Deed {
    let late = |_| Deed::Unreachable(format!("the engine did not answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, deed).await.unwrap_or_else(late)
}

fn changed(stack: String, suspended: Option<ShownSuspension>, deed: Deed) -> Result<Response, Refusal> {
    let changed = match deed {
        Deed::Done => true,
        Deed::Already | Deed::Unknown(_) => false,
        Deed::Failed(why) => return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why)),
        Deed::Unreachable(why) => return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)),
    };
    Ok(answer(StatusCode::OK, &Changed { stack, suspended, changed }))
}
