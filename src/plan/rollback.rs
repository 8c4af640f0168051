//! The way back: what a replacement that failed has stopped runs again.

mod progress;
mod undo;

use super::edges::Builder;
use super::text::plan_id;
use crate::model::report::Report;
use crate::model::step::{Plan, StepId};
use progress::{Progress, Run};
use std::collections::{BTreeMap, BTreeSet};

/// How a run is taken back.
#[derive(Debug, Clone, Default)]
pub struct Rollback {
    /// The steps.
    pub plan: Plan,
    /// Services all of whose containers are those of before once the steps are done, by stack and key.
    pub services: BTreeSet<(String, String)>,
    /// Services that are new in part: how many of how many replicas were replaced, by stack and key.
    pub partly: BTreeMap<(String, String), (usize, usize)>,
}

/// The plan that undoes the failed replacements of a run: the new container goes, the old one takes its name back and
/// runs. With it go the replicas of the service whose replacement succeeded, where its settings say so, and the services
/// that share its namespaces. Replicas whose old container was not touched have no steps. A container that was not
/// running before is not started. `now` is in seconds since 1970: a network that the engine would not make is not tried again
/// for a while.
pub fn rollback(plan: &Plan, report: &Report, now: i64) -> Rollback {
    let run = Run::new(plan, report);
    let mut back =
        Back { run: &run, builder: Builder::default(), starts: BTreeMap::new(), found: Rollback::default() };
    let mut going = Vec::new();
    for way in &plan.ways_back {
        let all: Vec<Vec<Progress>> = way
            .services
            .iter()
            .map(|one| one.replicas.iter().map(|replica| run.of(replica)).collect())
            .collect();
        let together = way.services.len() > 1;
        let is_broken = together
            && all.iter().flatten().any(|one| !one.is_accepted)
            && all.iter().flatten().any(|one| one.is_touched);
        for (service, replicas) in way.services.iter().zip(all) {
            let failed = replicas.iter().filter(|one| one.has_failed).count();
            let whole = is_broken || !together && service.whole && failed > service.tolerated;
            back.service(service, &replicas, whole);
            going.push(service);
        }
    }
    for service in &going {
        back.join_parents(service);
        back.followers(service);
    }
    back.resume();
    back.networks(plan, now);
    let Back { builder, mut found, .. } = back;
    let steps = builder.finish();
    found.plan = Plan { id: plan_id(&steps), revision: plan.revision.clone(), steps, ..Plan::default() };
    found
}

/// A way back under construction.
struct Back<'r, 'a> {
    run: &'r Run<'a>,
    builder: Builder,
    /// By prefix of a replica: the step with which its old container runs again.
    starts: BTreeMap<String, StepId>,
    found: Rollback,
}
