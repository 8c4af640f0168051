//! The way back after a replacement that failed.

use crate::{sequential, typed};
use reconcile::engine::sim::SimEngine;
use reconcile::model::desired::DesiredState;
use reconcile::model::observed::ContainerState;
use reconcile::plan::{self, Policy};
use std::collections::BTreeMap;

fn stack(image: &str) -> DesiredState {
    typed::state(&format!(
        "stacks: {{web: {{services: {{app: {{image: '{image}', healthcheck: {{test: [CMD, ok]}}}}}}}}}}"
    ))
}

fn plan_for(engine: &SimEngine, desired: &DesiredState) -> reconcile::model::step::Plan {
    plan::plan(desired, &engine.snapshot(&plan::observe_request(desired)), &Policy::default(), 0)
}

/// Brings up `app:1`, lets the step of this verb be the one that fails on the way to `image`, and rolls back.
fn roll_back(image: &str, failing: &str) -> String {
    let engine = SimEngine::default();
    sequential::execute(&plan_for(&engine, &stack("app:1")), &engine, usize::MAX);
    let old = engine.world().named("web-app-1").expect("the old container").observed.id.clone();
    let plan = plan_for(&engine, &stack(image));
    let report = sequential::execute(&plan, &engine, usize::MAX);
    assert!(sequential::failures(&report)[0].starts_with(&format!("web/app-1/{failing}")));
    let undo = plan::rollback(&plan, &report, 0).plan;
    assert!(sequential::execute(&undo, &engine, usize::MAX).is_success());
    let world = engine.world();
    assert_eq!(world.containers.len(), 1);
    let found = &world.named("web-app-1").expect("the container").observed;
    assert_eq!((&found.id, found.state), (&old, ContainerState::Running));
    plan::text(&undo)
}

#[test]
fn the_old_container_runs_again_after_a_failed_start() {
    let text = roll_back("bad-start:1", "start");
    let lines: Vec<&str> = text.lines().map(|line| line.split("  ").next().unwrap_or(line)).collect();
    assert_eq!(
        lines,
        ["web/app-1/undo-stop", "web/app-1/undo-remove", "web/app-1/undo-rename", "web/app-1/undo-start"]
    );
}

#[test]
fn the_old_container_runs_again_when_the_new_one_is_unhealthy() {
    roll_back("unhealthy:1", "healthy");
}

#[test]
fn a_run_that_succeeds_has_nothing_to_undo() {
    let engine = SimEngine::default();
    sequential::execute(&plan_for(&engine, &stack("app:1")), &engine, usize::MAX);
    let plan = plan_for(&engine, &stack("app:2"));
    let report = sequential::execute(&plan, &engine, usize::MAX);
    assert!(plan::rollback(&plan, &report, 0).plan.steps.is_empty());
}

fn with_a_job(job: &str, version: u32) -> DesiredState {
    typed::state(&format!(
        "stacks: {{cdp: {{pre_deploy: {{migrate: [ingest, api]}}, services: {{migrate: {{image: '{job}'}}, \
         ingest: {{image: 'app:1'}}, api: {{image: 'app:{version}'}}, rest: {{image: 'app:{version}'}}}}}}}}"
    ))
}

/// Ids of the containers that run, by name.
fn running(engine: &SimEngine) -> BTreeMap<String, String> {
    let world = engine.world();
    let up = world.containers.values().map(|container| &container.observed).filter(|found| found.is_up());
    up.map(|found| (found.name.clone(), found.id.clone())).collect()
}

#[test]
fn a_failed_job_before_a_deployment_leaves_the_old_versions_running() {
    let engine = SimEngine::default();
    sequential::execute(&plan_for(&engine, &with_a_job("job-ok:1", 1)), &engine, usize::MAX);
    let before = running(&engine);
    let plan = plan_for(&engine, &with_a_job("job-fail:1", 2));
    let report = sequential::execute(&plan, &engine, usize::MAX);
    assert!(sequential::failures(&report)[0].starts_with("cdp/migrate-1/completed"));
    sequential::execute(&plan::rollback(&plan, &report, 0).plan, &engine, usize::MAX);
    assert_eq!(running(&engine), before, "{}", plan::text(&plan));
}

#[test]
fn what_was_stopped_for_a_job_comes_back_after_an_interrupt() {
    let engine = SimEngine::default();
    sequential::execute(&plan_for(&engine, &with_a_job("job-ok:1", 1)), &engine, usize::MAX);
    let before = running(&engine);
    let plan = plan_for(&engine, &with_a_job("job-ok:2", 2));
    for steps in 0..plan.steps.len() {
        let engine = SimEngine::new(engine.world().clone());
        let report = sequential::execute(&plan, &engine, steps);
        sequential::execute(&plan::rollback(&plan, &report, 0).plan, &engine, usize::MAX);
        let names: Vec<String> =
            running(&engine).into_keys().filter(|name| !name.contains(".next")).collect();
        let expected: Vec<String> = before.keys().cloned().collect();
        assert_eq!(names, expected, "after {steps} steps of\n{}", plan::text(&plan));
    }
}
