//! What happens, as server-sent events.

use super::Shared;
use super::answer::Refusal;
use crate::daemon::feed::{Event, Feed, LARGEST_ID};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// How many may listen at once.
pub const LISTENERS: usize = 64;
/// A comment in this time shows that the connection is alive, and that nothing happened.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Tells what happens from now on, or after the event that the client heard last; only of a stack if one is named.
pub fn stream(shared: &Shared, headers: &HeaderMap, stack: Option<&str>) -> Result<Response, Refusal> {
    let permit = Arc::clone(&shared.listeners).try_acquire_owned().map_err(|_| {
        let why = format!("{LISTENERS} others are listening already");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
    })?;
    let feed = shared.interface.daemon.feed();
    let listener = Listener {
        heard: last_event(headers)?.unwrap_or_else(|| feed.last()),
        changes: feed.changes(),
        feed,
        stop: shared.stop.clone(),
        stack: stack.map(str::to_owned),
        ready: VecDeque::new(),
        _permit: permit,
    };
    let events = unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// The id that a client sends that was cut off.
fn last_event(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|id| *id <= LARGEST_ID);
    let wrong = || Refusal::new(StatusCode::BAD_REQUEST, "`Last-Event-ID` is not the id of an event");
    id.map(Some).ok_or_else(wrong)
}

struct Listener {
    feed: Arc<Feed>,
    /// Up to which event everything was heard.
    heard: u64,
    changes: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    stack: Option<String>,
    ready: VecDeque<Arc<Event>>,
    _permit: OwnedSemaphorePermit,
}

impl Listener {
    /// The next event; `None` when the daemon ends.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(written(&event));
            }
            self.changes.mark_unchanged();
            let heard = self.feed.since(self.heard);
            self.heard = heard.last;
            self.ready = heard.events.into_iter().filter(|event| self.concerns(event)).collect();
            if let Some(lagged) = heard.lagged {
                return Some(written(&lagged));
            }
            if !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    fn concerns(&self, event: &Event) -> bool {
        self.stack.is_none() || self.stack == event.stack.0
    }
}

fn written(event: &Event) -> sse::Event {
    let data = serde_json::to_string(event).unwrap_or_default();
    sse::Event::default().id(event.id.to_string()).event(event.event).data(data)
}
