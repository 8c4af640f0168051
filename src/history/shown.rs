//! Deployments as JSON.

use crate::model::commit::ShownCommit;
use crate::model::history::{Deployment, FailureNote, OUTCOMES, ResourceNote, ServiceNote, StepNote};
use crate::model::shape::{Maybe, Time, shape};

shape! {
    /// What was done to a stack in one run, and what came of it.
    pub struct ShownDeployment {
        /// Counts the deployments of the stack, from 1.
        number: u64,
        /// When it ended.
        time: Time,
        /// The stack.
        stack: String,
        /// Its source.
        source: String,
        /// What the source said.
        revision: String,
        /// The commit of that; null if the source is no repository.
        commit: Option<ShownCommit>,
        /// Why the source was looked at.
        trigger: String,
        /// What ran it: `command` or `daemon`.
        by: String,
        /// What came of it.
        outcome: &'static str [OUTCOMES],
        /// How long the run took, all of its stacks together.
        seconds: f64,
        /// Id of the plan.
        plan: String,
        /// How many services stayed as they were.
        unchanged: usize,
        /// What became of the others.
        services: Vec<ShownServiceNote>,
        /// What changed of networks and volumes.
        resources: Vec<ShownResourceNote>,
        /// Its steps in their order.
        steps: Vec<ShownStepNote>,
        /// How many services, resources and steps were too many to be kept.
        left_out: usize,
    }

    /// What became of a service.
    pub struct ShownServiceNote {
        /// Its name.
        name: String,
        /// What was to be done: a word of plans.
        action: String,
        /// What became of it: a word of reports.
        outcome: String,
        /// Why that is not as it should be; empty if it is.
        reason: String,
        /// Why it was to change, a line each.
        causes: Vec<String>,
        /// Its containers that failed.
        failures: Vec<ShownFailureNote>,
    }

    /// What a failed container left behind.
    pub struct ShownFailureNote {
        /// Its name.
        container: String,
        /// Its exit code, if it ended.
        exit_code: Option<i64>,
        /// Whether it was killed for want of memory.
        oom_killed: bool,
        /// Its last lines.
        logs: Vec<String>,
        /// Output of its last health check, if that failed.
        health: Maybe<String>,
    }

    /// What was to be done to a network or volume.
    pub struct ShownResourceNote {
        /// `network` or `volume`.
        kind: String,
        /// Its key.
        name: String,
        /// A word of plans.
        action: String,
        /// Why, a line each.
        causes: Vec<String>,
    }

    /// A step.
    pub struct ShownStepNote {
        /// Its id, without the stack.
        id: String,
        /// `done`, `failed` or `skipped`.
        outcome: String,
        /// How long it took.
        seconds: f64,
    }
}

impl From<&Deployment> for ShownDeployment {
    fn from(deployment: &Deployment) -> Self {
        // The digest of what the stack was to be is nobody's business.
        let Deployment {
            number,
            time,
            stack,
            source,
            revision,
            commit,
            content: _,
            trigger,
            by,
            outcome,
            seconds,
            plan,
            unchanged,
            services,
            resources,
            steps,
            left_out,
        } = deployment.clone();
        Self {
            number,
            time: Time(time),
            stack,
            source,
            revision,
            commit: commit.as_ref().map(ShownCommit::from),
            trigger,
            by,
            outcome: outcome.as_str(),
            seconds,
            plan,
            unchanged,
            services: services.into_iter().map(service).collect(),
            resources: resources.into_iter().map(resource).collect(),
            steps: steps.into_iter().map(step).collect(),
            left_out,
        }
    }
}

fn service(note: ServiceNote) -> ShownServiceNote {
    let ServiceNote { name, action, outcome, reason, causes, failures } = note;
    let failures = failures.into_iter().map(failure).collect();
    ShownServiceNote { name, action, outcome, reason, causes, failures }
}

fn failure(note: FailureNote) -> ShownFailureNote {
    let FailureNote { container, exit_code, oom_killed, logs, health } = note;
    ShownFailureNote { container, exit_code, oom_killed, logs, health: Maybe(health) }
}

fn resource(note: ResourceNote) -> ShownResourceNote {
    let ResourceNote { kind, name, action, causes } = note;
    ShownResourceNote { kind, name, action, causes }
}

fn step(note: StepNote) -> ShownStepNote {
    let StepNote { id, outcome, seconds } = note;
    ShownStepNote { id, outcome, seconds }
}
