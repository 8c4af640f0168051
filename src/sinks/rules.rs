//! Whether a sink is told of what was seen. Pure: the time is an argument.
//!
//! What stays as it is is told once, and again after the time for reminders. That all is well again is told once, and
//! only to whom something else was told.

use super::observation::{Finding, Observation, Trouble};
use crate::model::alert::AlertKind;
use std::collections::{BTreeMap, BTreeSet};

/// Seconds after which something that could not be told is told again.
const RETELL: i64 = 600;
/// Seconds for which an engine may be away before that is told: it is restarted at times.
pub const OUTAGE_GRACE: i64 = 60;

/// What a sink wants to know, and what it was told.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What it is told.
    pub on: BTreeSet<AlertKind>,
    /// The sources it is told about; all if empty.
    pub sources: BTreeSet<String>,
    /// The stacks it is told about; all if empty.
    pub stacks: BTreeSet<String>,
    /// Seconds after which it is told again.
    pub remind: i64,
    /// Seconds for which the engine may be away.
    pub grace: i64,
    told: BTreeMap<Place, Told>,
    /// Since when an engine does not answer, by source.
    away: BTreeMap<String, i64>,
    mended: BTreeMap<Place, (String, i64)>,
}

/// A stack of a source.
type Place = (String, String);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    kind: AlertKind,
    identity: String,
    since: i64,
    /// When it is to be told again.
    due: i64,
    /// Whether somebody heard of it.
    heard: bool,
    /// Whether it is over, and that could not be told yet.
    over: bool,
}

/// Something to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// What.
    pub kind: AlertKind,
    /// Since when it has been so, if that is told again; of what recovered, since when it had been otherwise.
    pub since: Option<i64>,
    /// What recovered from, if that is told.
    pub before: Option<AlertKind>,
}

impl Telling {
    const fn new(kind: AlertKind) -> Self {
        Self { kind, since: None, before: None }
    }
}

impl Rules {
    /// Rules for a sink that was told nothing yet.
    pub fn new(on: BTreeSet<AlertKind>, remind: i64) -> Self {
        Self {
            on,
            sources: BTreeSet::new(),
            stacks: BTreeSet::new(),
            remind,
            grace: OUTAGE_GRACE,
            told: BTreeMap::new(),
            away: BTreeMap::new(),
            mended: BTreeMap::new(),
        }
    }

    /// Whether it is about something that the sink is told about. A source as a whole concerns all of its stacks.
    pub fn concerns(&self, source: &str, stack: &str) -> bool {
        // A job is named by its stack and its service.
        let stack = stack.split_once('/').map_or(stack, |(stack, _)| stack);
        (self.sources.is_empty() || self.sources.contains(source))
            && (self.stacks.is_empty() || stack.is_empty() || self.stacks.contains(stack))
    }

    /// What is to be told of what was seen at a time, in seconds since 1970.
    pub fn decide(&mut self, seen: &Observation, now: i64) -> Option<Telling> {
        if !self.concerns(&seen.source, &seen.stack) {
            return None;
        }
        let place = (seen.source.clone(), seen.stack.clone());
        match &seen.finding {
            Finding::Pending => None,
            Finding::Trouble(trouble) => self.trouble(place, trouble, now),
            Finding::Fine | Finding::Gone => self.recovered(&place, now),
            Finding::Deployed(_) => self.recovered(&place, now).or_else(|| self.wanted(AlertKind::Succeeded)),
            Finding::Mended(story) => {
                let names: Vec<&str> = story.services.iter().map(|service| service.name.as_str()).collect();
                let told = self.recovered(&place, now);
                told.or_else(|| self.drift(place, names.join(" "), now))
            }
        }
    }

    /// The stacks of a source of which something is told that is not over.
    pub fn open(&self, source: &str) -> Vec<String> {
        let own = self.told.keys().filter(|(of, stack)| of == source && !stack.is_empty());
        own.map(|(_, stack)| stack.clone()).collect()
    }

    /// Notes that nobody heard what was told.
    pub fn lost(&mut self, source: &str, stack: &str, telling: Telling, now: i64) {
        let place = (source.to_owned(), stack.to_owned());
        match telling.kind {
            AlertKind::Succeeded => {}
            AlertKind::Recovered => {
                let Some(kind) = telling.before else { return };
                let since = telling.since.unwrap_or(now);
                let told =
                    Told { kind, identity: String::new(), since, due: now + RETELL, heard: true, over: true };
                self.told.entry(place).or_insert(told);
            }
            AlertKind::Failed | AlertKind::RolledBack | AlertKind::Blocked | AlertKind::Drift => {
                if telling.kind == AlertKind::Drift {
                    self.mended.remove(&place);
                }
                let same = self.told.get_mut(&place).filter(|told| told.kind == telling.kind && !told.over);
                if let Some(told) = same {
                    told.due = told.due.min(now + RETELL);
                    told.heard &= telling.since.is_some();
                }
            }
        }
    }

    fn wanted(&self, kind: AlertKind) -> Option<Telling> {
        self.on.contains(&kind).then_some(Telling::new(kind))
    }

    fn trouble(&mut self, place: Place, trouble: &Trouble, now: i64) -> Option<Telling> {
        if trouble.is_outage {
            let since = *self.away.entry(place.0.clone()).or_insert(now);
            if now - since < self.grace {
                return None;
            }
        }
        let telling = self.wanted(trouble.kind)?;
        let due = now + self.remind;
        let is_same =
            |told: &&mut Told| told.kind == trouble.kind && told.identity == trouble.identity && !told.over;
        if let Some(told) = self.told.get_mut(&place).filter(is_same) {
            if now < told.due {
                return None;
            }
            told.due = due;
            let since = std::mem::replace(&mut told.heard, true).then_some(told.since);
            return Some(Telling { since, ..telling });
        }
        let (kind, identity) = (trouble.kind, trouble.identity.clone());
        self.told.insert(place, Told { kind, identity, since: now, due, heard: true, over: false });
        Some(telling)
    }

    fn recovered(&mut self, place: &Place, now: i64) -> Option<Telling> {
        if place.1.is_empty() {
            self.away.remove(&place.0);
        }
        let told = self.told.get(place)?;
        if told.over && now < told.due {
            return None;
        }
        let told = self.told.remove(place)?;
        let telling = self.wanted(AlertKind::Recovered).filter(|_| told.heard)?;
        Some(Telling { since: Some(told.since), before: Some(told.kind), ..telling })
    }

    fn drift(&mut self, place: Place, names: String, now: i64) -> Option<Telling> {
        let telling = self.wanted(AlertKind::Drift)?;
        let is_told = |(told, at): &(String, i64)| *told == names && now - at < self.remind;
        if self.mended.get(&place).is_some_and(is_told) {
            return None;
        }
        self.mended.insert(place, (names, now));
        Some(telling)
    }
}

#[cfg(test)]
mod tests;
