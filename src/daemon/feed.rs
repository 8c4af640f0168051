//! What happens, told to whoever listens. The last events are kept, so that nobody who is slow holds up the daemon, and nobody
//! who comes back after a moment has missed anything.

use crate::model::shape::{Maybe, Time, shape};
use crate::plan::Summary;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many events are kept.
const KEPT: usize = 1024;
/// Numbers of events of a daemon that started one second earlier: ids grow over restarts, too.
const A_SECOND: u64 = 1_000_000;

/// The largest id: larger numbers are not told apart by every reader of JSON.
pub const LARGEST_ID: u64 = u64::MAX >> 11;

/// Kinds of events.
pub const KINDS: [&str; 13] = [
    "look_began",
    "look_ended",
    "plan_changed",
    "deployment_began",
    "deployment_ended",
    "suspended",
    "resumed",
    "job_began",
    "job_ended",
    "job_failed",
    "job_skipped",
    "job_missed",
    "lagged",
];

shape! {
    /// Something that happened.
    pub struct Event {
        /// Grows with every event, also over restarts of the daemon.
        id: u64,
        /// When it happened.
        time: Time,
        /// What happened.
        event: &'static str [KINDS],
        /// The source that it is about.
        source: Maybe<String>,
        /// The stack that it is about.
        stack: Maybe<String>,
        /// The service that runs at times.
        service: Maybe<String>,
        /// Why a source is looked at, or a stack worked on.
        trigger: Maybe<&'static str>,
        /// Digest of the steps of a plan.
        plan_id: Maybe<String>,
        /// What a plan comes to.
        summary: Maybe<Summary>,
        /// What came of a deployment or a run: a word of the history, or `locked`, `outdated`, `unreachable`, `handed_over`, `nothing`.
        outcome: Maybe<&'static str>,
        /// The number of a deployment in the history.
        number: Maybe<u64>,
        /// The container of a run.
        run: Maybe<String>,
        /// Its exit code.
        exit_code: Maybe<i64>,
        /// Why: of a suspension, of a run that was skipped.
        reason: Maybe<String>,
        /// What went wrong.
        error: Maybe<String>,
        /// Until when a stack is suspended.
        until: Maybe<Time>,
        /// The time that nobody was there for.
        at: Maybe<Time>,
        /// How many events a reader missed that was too slow; left out if nobody knows.
        missed: Maybe<u64>,
    }
}

impl Event {
    /// An event of a kind, about a source.
    pub fn new(event: &'static str, source: &str) -> Self {
        Self {
            id: 0,
            time: Time(0),
            event,
            source: Maybe((!source.is_empty()).then(|| source.to_owned())),
            stack: Maybe(None),
            service: Maybe(None),
            trigger: Maybe(None),
            plan_id: Maybe(None),
            summary: Maybe(None),
            outcome: Maybe(None),
            number: Maybe(None),
            run: Maybe(None),
            exit_code: Maybe(None),
            reason: Maybe(None),
            error: Maybe(None),
            until: Maybe(None),
            at: Maybe(None),
            missed: Maybe(None),
        }
    }

    /// The same about a stack.
    #[must_use]
    pub fn stack(self, stack: &str) -> Self {
        Self { stack: stack.to_owned().into(), ..self }
    }
}

/// The events.
pub struct Feed {
    kept: Mutex<Kept>,
    /// The id of the last one.
    last: watch::Sender<u64>,
    /// The id that the first one of this daemon comes after.
    start: u64,
}

struct Kept {
    events: VecDeque<Arc<Event>>,
    /// The id of the last one, and when that was.
    last: u64,
    time: i64,
}

/// What a reader gets who has heard everything up to an id.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// What came since, as far as it is kept.
    pub events: Vec<Arc<Event>>,
    /// Up to where everything is heard then.
    pub last: u64,
    /// Says that something before that is not kept any more, if it is so.
    pub lagged: Option<Event>,
}

impl Feed {
    /// Nothing has happened yet. `now` is in seconds since 1970.
    pub fn new(now: i64) -> Self {
        let start = u64::try_from(now).unwrap_or(0).saturating_mul(A_SECOND);
        let kept = Kept { events: VecDeque::new(), last: start, time: now };
        Self { kept: Mutex::new(kept), last: watch::Sender::new(start), start }
    }

    /// Tells events that happened now.
    pub fn tell(&self, events: Vec<Event>, now: i64) {
        if events.is_empty() {
            return;
        }
        let mut kept = self.kept();
        kept.time = now;
        for event in events {
            kept.last += 1;
            let event = Event { id: kept.last, time: Time(now), ..event };
            kept.events.push_back(Arc::new(event));
        }
        let surplus = kept.events.len().saturating_sub(KEPT);
        kept.events.drain(..surplus);
        let last = kept.last;
        drop(kept);
        self.last.send_replace(last);
    }

    /// The id of the last event.
    pub fn last(&self) -> u64 {
        self.kept().last
    }

    /// What came after an event.
    pub fn since(&self, id: u64) -> Heard {
        let kept = self.kept();
        let first = kept.events.front();
        let before = first.map_or(kept.last, |event| event.id - 1);
        let missed = if id < self.start { Some(None) } else { (id < before).then(|| Some(before - id)) };
        let lagged = missed.map(|missed| Event {
            id: before,
            time: first.map_or(Time(kept.time), |event| event.time),
            missed: Maybe(missed),
            ..Event::new("lagged", "")
        });
        let events = kept.events.iter().filter(|event| event.id > id).cloned().collect();
        Heard { events, last: kept.last, lagged }
    }

    /// Changes with every event.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Feed, KEPT};

    fn told(feed: &Feed, count: usize) {
        for _ in 0..count {
            feed.tell(vec![Event::new("look_began", "home")], 8);
        }
    }

    #[test]
    fn whoever_listens_gets_what_came_since() {
        let feed = Feed::new(7);
        let start = feed.last();
        assert_eq!(start, 7_000_000);
        told(&feed, 3);
        let heard = feed.since(start + 1);
        assert_eq!(heard.events.iter().map(|event| event.id).collect::<Vec<_>>(), [start + 2, start + 3]);
        assert_eq!((heard.lagged, heard.last), (None, start + 3));
        assert!(feed.since(heard.last).events.is_empty());
        assert!(feed.since(heard.last + 9).events.is_empty(), "an id of the future");
    }

    #[test]
    fn whoever_is_too_slow_is_told_how_much_is_missing() {
        let feed = Feed::new(7);
        let start = feed.last();
        told(&feed, KEPT + 5);
        let heard = feed.since(start);
        let lagged = heard.lagged.expect("it says so");
        assert_eq!((heard.events.len(), lagged.missed.0, lagged.id), (KEPT, Some(5), start + 5));
        assert_eq!(heard.events[0].id, start + 6);
        assert_eq!(feed.since(start + 5).lagged, None);
        let earlier = Feed::new(9).since(start).lagged.expect("it says so");
        assert_eq!(
            (earlier.missed.0, earlier.id),
            (None, 9_000_000),
            "of an earlier daemon nothing is known"
        );
    }
}
