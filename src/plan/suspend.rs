//! Stacks that somebody suspended: a mark on the engine says so, a container that never runs. So every process that steers
//! the engine knows it, and it outlives all of them.

use super::text::plan_id;
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedState};
use crate::model::service::Pairs;
use crate::model::shape::{Time, shape};
use crate::model::step::{Action, ContainerRef, Plan, Step};
use std::collections::BTreeMap;

/// How much of a reason on a mark is believed, in characters.
pub const REASON: usize = 200;

/// That somebody suspended a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Why, in that person's words; empty if nothing was said.
    pub reason: String,
    /// Since when, in seconds since 1970.
    pub at: Option<i64>,
    /// Until when, in seconds since 1970; `None` until it is resumed.
    pub until: Option<i64>,
}

impl Suspension {
    fn of(mark: &ObservedContainer) -> Self {
        let time = |key: &str| mark.label(key).parse().ok();
        Self {
            reason: cleaned(mark.label(labels::SUSPENDED_REASON)),
            at: time(labels::SUSPENDED_AT),
            until: time(labels::SUSPENDED_UNTIL),
        }
    }

    /// The same as it will be read from its mark.
    #[must_use]
    pub fn cleaned(self) -> Self {
        Self { reason: cleaned(&self.reason), ..self }
    }

    /// Whether it holds at a time.
    pub fn holds(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

fn cleaned(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(REASON).collect()
}

impl From<&Suspension> for ShownSuspension {
    fn from(suspension: &Suspension) -> Self {
        let Suspension { reason, at, until } = suspension.clone();
        Self { reason, at: at.map(Time), until: until.map(Time) }
    }
}

shape! {
    /// That somebody suspended a stack.
    pub struct ShownSuspension {
        /// Why, in that person's words; empty if nothing was said.
        reason: String,
        /// Since when.
        at: Option<Time>,
        /// Until when; null until it is resumed.
        until: Option<Time>,
    }
}

/// Every stack that is suspended, whether or not the time of that is over.
pub fn suspensions(observed: &ObservedState) -> BTreeMap<String, Suspension> {
    let marks = observed.containers.iter().filter(|found| found.labels.contains_key(labels::SUSPENDED));
    marks.map(|mark| (mark.label(labels::SUSPENDED).to_owned(), Suspension::of(mark))).collect()
}

/// The plan that suspends a stack, in place of an earlier suspension.
pub fn suspend(stack: &str, suspension: &Suspension) -> Plan {
    let mut labels = Pairs::from([(labels::SUSPENDED.to_owned(), stack.to_owned())]);
    let times = [(labels::SUSPENDED_AT, suspension.at), (labels::SUSPENDED_UNTIL, suspension.until)];
    let times = times.into_iter().filter_map(|(key, time)| Some((key.to_owned(), time?.to_string())));
    labels.extend(times);
    if !suspension.reason.is_empty() {
        labels.insert(labels::SUSPENDED_REASON.to_owned(), suspension.reason.clone());
    }
    let action = Action::Mark { name: format!("{stack}.suspended"), labels };
    plan(vec![step(stack, format!("{stack}/suspend"), action)])
}

/// The plan that lets a stack be changed again. It has no steps if nobody suspended it.
pub fn resume(stack: &str, observed: &ObservedState) -> Plan {
    let own = |found: &&ObservedContainer| found.label(labels::SUSPENDED) == stack;
    let remove = |mark: &ObservedContainer| {
        let reference = ContainerRef::Id { id: mark.id.clone(), name: mark.name.clone() };
        let action = Action::RemoveContainer(reference);
        step(stack, format!("{stack}/resume-{}", mark.name), action)
    };
    plan(observed.containers.iter().filter(own).map(remove).collect())
}

fn step(stack: &str, id: String, action: Action) -> Step {
    let (stack, service) = (stack.to_owned(), String::new());
    let (causes, after, after_any) = (Vec::new(), Vec::new(), Vec::new());
    Step { id, stack, service, action, causes, after, after_any, tolerance: None }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan { id: plan_id(&steps), steps, ..Plan::default() }
}
