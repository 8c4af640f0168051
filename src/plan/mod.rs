//! Deciding: what differs between the files and the engine, and in which order it is put right.
//!
//! Pure: no I/O, no clock, no logging, no `async`. `diff` decides per resource and says why, `schedule` puts the
//! decisions in order, `lint` checks any plan against the promises without trusting either of them.

mod acceptance;
mod adopt;
mod basis;
mod batches;
mod blocks;
mod closed;
mod compare;
mod conditions;
mod create;
mod dialect;
mod diff;
mod down;
mod drift;
mod edges;
mod explain;
mod gates;
pub mod groups;
mod handover;
mod images;
mod index;
mod instances;
mod lint;
mod marks;
mod masked;
mod naming;
mod networks;
mod order;
mod orphans;
mod outcome;
mod outlook;
mod overlap;
mod pre_deploy;
mod quarantine;
mod randomness;
mod removal;
mod replicas;
mod restore;
mod rollback;
mod runs;
mod schedule;
mod sensitive;
mod service;
mod shown;
mod steps;
mod subnets;
mod suspend;
mod text;
mod ties;
mod volumes;

pub use basis::{Basis, basis};
pub use closed::next_opening;
pub use diff::{Diff, diff};
pub use down::plan_down;
pub use explain::unified;
pub use gates::{Before, VERSIONED, Versioned};
pub use lint::lint;
pub use marks::{Ran, may_quarantine, quarantine};
pub use masked::{Masked, mask_states};
pub use outcome::{locked, results};
pub use outlook::{Turn, turns};
pub use quarantine::{Quarantine, quarantines};
pub use rollback::{Rollback, rollback};
pub use runs::{Beginning, Job, Jobs, Run, RunState, Template, await_end, begin, jobs, overdue};
pub use schedule::schedule;
pub use sensitive::{mask_plan, secrets, secrets_of, shown_line, tells_a_secret};
pub use shown::{ShownPlan, ShownService, StackPlan, Summary};
pub use suspend::{REASON, ShownSuspension, Suspension, resume, suspend, suspensions};
pub use text::text;

use crate::model::change::ChangeAction;
use crate::model::desired::{DesiredState, PullPolicy};
use crate::model::inspected::LookInto;
use crate::model::labels;
use crate::model::observed::{ObserveRequest, ObservedContainer, ObservedState};
use crate::model::step::Plan;
use crate::model::units::Nanos;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The share of stacks that may go at once where nobody says, in percent.
const MAX_REMOVALS: u8 = 50;

/// What the host's owner allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// How long to wait for health or completion where the service says nothing.
    pub wait_timeout: Nanos,
    /// Whether stacks that left the source are removed.
    pub prune: bool,
    /// Largest share of our stacks, in percent, that may be removed in one go; removing a single one is always allowed.
    pub max_removals: u8,
    /// Only these stacks are looked at; `None` is all.
    pub only: Option<BTreeSet<String>>,
    /// What is tried again although it failed before with the same inputs.
    pub retry: Retry,
    /// Whether changes are applied outside of deploy windows, and in those that freeze.
    pub anytime: bool,
    /// Whether stacks are changed that somebody suspended: by a rollback, which suspends its stack itself.
    pub despite_suspension: bool,
    /// Which of our own containers are looked into, for limits that somebody changed.
    #[serde(default)]
    pub inspect: Inspect,
}

/// Which of our own containers are looked into: the engine's lists do not tell the limits that `docker update` changes, and
/// each container takes a request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Inspect {
    /// None.
    #[default]
    Nothing,
    /// Those with these ids.
    Only(BTreeSet<String>),
    /// All.
    All,
}

impl Inspect {
    fn covers(&self, id: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Only(ids) => ids.contains(id),
            Self::All => true,
        }
    }
}

/// What is tried again although it failed before with the same inputs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Retry {
    /// Nothing.
    #[default]
    Nothing,
    /// These stacks, and services as `stack/service`.
    Only(BTreeSet<String>),
    /// Everything.
    All,
}

impl Retry {
    /// Whether a service is tried again.
    pub(crate) fn covers(&self, stack: &str, service: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Only(names) => names.contains(stack) || names.contains(&format!("{stack}/{service}")),
            Self::All => true,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            wait_timeout: Nanos(600_000_000_000),
            prune: true,
            max_removals: MAX_REMOVALS,
            only: None,
            retry: Retry::Nothing,
            anytime: false,
            despite_suspension: false,
            inspect: Inspect::Nothing,
        }
    }
}

impl Policy {
    /// Whether a stack is looked at.
    pub(crate) fn covers(&self, stack: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(stack))
    }
}

/// The plan that makes the engine match the files. `now` is in seconds since 1970.
pub fn plan(desired: &DesiredState, observed: &ObservedState, policy: &Policy, now: i64) -> Plan {
    schedule(&diff(desired, observed, policy, now))
}

/// What has to be observed besides the lists: the digests that registries name for services which follow their tag, and
/// the platforms of images where one is asked for.
pub fn observe_request(desired: &DesiredState) -> ObserveRequest {
    let follows = |pull: PullPolicy| match pull {
        PullPolicy::Always | PullPolicy::Every(_) => true,
        PullPolicy::Missing | PullPolicy::Never | PullPolicy::Build => false,
    };
    let references: BTreeSet<&str> = desired
        .stacks
        .values()
        .flat_map(|stack| stack.services.values())
        .filter(|service| service.image.build.is_none() && follows(service.image.pull))
        .map(|service| service.image.reference.as_str())
        .filter(|reference| !reference.contains('@'))
        .collect();
    let images =
        desired.stacks.values().flat_map(|stack| stack.services.values()).map(|service| &service.image);
    let chosen = images.filter(|image| image.build.is_none() && !image.platform.is_empty());
    ObserveRequest {
        remote_digests: references.into_iter().map(str::to_owned).collect(),
        platforms: chosen.map(|image| (image.reference.clone(), image.platform.clone())).collect(),
        stacks: desired.stacks.keys().cloned().collect(),
    }
}

/// Containers of other tools whose whole configuration has to be seen before anything is decided, and our own whose limits
/// the policy asks for. For
/// [`Observe::look_into`](crate::engine::Observe::look_into).
pub fn wanted_inspections(
    desired: &DesiredState,
    observed: &ObservedState,
    policy: &Policy,
) -> Vec<LookInto> {
    adopt::wanted(desired, observed, policy)
}

/// Which of our own containers are to be looked into next time, after those of a policy were: what differs still, and what
/// could not be seen, as its stack does not load or the engine could not show it.
pub fn suspects(desired: &DesiredState, observed: &ObservedState, policy: &Policy) -> Inspect {
    let is_suspect = |container: &&ObservedContainer| {
        let service = desired.stacks.get(container.stack()).and_then(|stack| {
            let (key, service) = stack.services.get_key_value(container.service())?;
            Some(adopt::Candidate { stack, key, service, container })
        });
        policy.inspect.covers(&container.id)
            && index::is_of_source(&container.labels, &desired.source)
            && match service.filter(|_| observed.inspected.contains_key(&container.id)) {
                Some(candidate) => !instances::limit_drift(candidate, observed).is_empty(),
                None => true,
            }
    };
    let suspects = observed.containers.iter().filter(is_suspect);
    Inspect::Only(suspects.map(|container| container.id.clone()).collect())
}

/// Ids of the containers whose environment helps to explain a change of a plan: those of services whose hash differs.
/// For [`Observe::environments`](crate::engine::Observe::environments), before planning again for people to read.
pub fn wanted_environments(desired: &DesiredState, observed: &ObservedState, plan: &Plan) -> Vec<String> {
    let mut hashes: BTreeMap<(&str, &str), String> = BTreeMap::new();
    let mut wanted = Vec::new();
    for container in
        observed.containers.iter().filter(|container| container.labels.contains_key(labels::HASH))
    {
        let (stack, service) = (container.stack(), container.service());
        let change = plan.changes.get(stack).and_then(|changes| changes.services.get(service));
        let found = desired.stacks.get(stack).and_then(|stack| stack.services.get(service));
        let (Some(found), Some(_)) =
            (found, change.filter(|change| change.action != ChangeAction::Unchanged))
        else {
            continue;
        };
        let hash = hashes.entry((stack, service)).or_insert_with(|| found.hash().0);
        if container.label(labels::HASH) != hash {
            wanted.push(container.id.clone());
        }
    }
    wanted
}
