//! Whole runs on the simulated engine: what failed is taken back, told, marked, and not tried again.

use crate::typed;
use reconcile::cycle::{self, Aim, Applied};
use reconcile::engine::sim::SimEngine;
use reconcile::execute::{Events, Options};
use reconcile::model::change::{CauseKind, ChangeAction};
use reconcile::model::desired::DesiredState;
use reconcile::model::labels;
use reconcile::model::report::{Blame, Fate, Outcome, Report};
use reconcile::model::step::{Action, Plan, Step};
use reconcile::plan::{self, Policy, Retry};
use std::time::Duration;
use tokio::sync::watch;

struct Deaf;

impl Events for Deaf {
    fn started(&self, _: &Step) {}
    fn note(&self, _: &Step, _: &str) {}
    fn finished(&self, _: &Step, _: &Outcome, _: Duration) {}
}

fn stack(image: &str) -> DesiredState {
    typed::state(&format!(
        "stacks: {{web: {{services: {{app: {{image: '{image}'}}, db: {{image: 'db:1'}}}}}}}}"
    ))
}

async fn run_at(engine: &SimEngine, desired: &DesiredState, policy: &Policy, now: i64) -> (Plan, Applied) {
    let planned = cycle::plan(engine, desired, policy, now).await.expect("a plan");
    let complaints = plan::lint(&planned.plan, &planned.observed, desired);
    assert!(complaints.is_empty(), "{complaints:?}");
    let (_keep, stop) = watch::channel(false);
    let redactor = plan::secrets(desired, &|_| None);
    let options =
        Options { parallel: 4, stop, events: &Deaf, redactor: &redactor, chance: || 0.0, turns: None };
    let aim = Aim { desired, policy, mounts: None, clock: &|| now };
    let applied = cycle::reconcile(engine, aim, &planned.plan, &options).await;
    (planned.plan, applied)
}

async fn run(engine: &SimEngine, desired: &DesiredState) -> (Plan, Applied) {
    run_at(engine, desired, &Policy::default(), 1_000_000).await
}

fn fate(plan: &Plan, applied: &Applied, service: &str) -> Fate {
    applied.results(plan)["web"][service].fate
}

/// Id and state of the service's container.
fn app(engine: &SimEngine) -> String {
    let world = engine.world();
    let found = &world.named("web-app-1").expect("the service's container").observed;
    format!("{} {:?}", found.id, found.state)
}

fn is_marked(engine: &SimEngine) -> bool {
    engine.world().named("web-app-1.failed").is_some()
}

#[tokio::test(start_paused = true)]
async fn a_failed_change_is_rolled_back_told_marked_and_not_tried_again() {
    let engine = SimEngine::default();
    run(&engine, &stack("app:1")).await;
    let before = app(&engine);
    let (plan, applied) = run(&engine, &stack("crash:1")).await;
    assert_eq!(fate(&plan, &applied, "app"), Fate::RolledBack);
    assert_eq!(fate(&plan, &applied, "db"), Fate::Unchanged);
    let failure = &applied.failures[0];
    assert_eq!((failure.exit_code, &failure.logs), (Some(1), &vec!["crash:1 gives up".to_owned()]));
    assert_eq!(app(&engine), before);
    let calls = engine.world().calls;
    let (plan, applied) = run(&engine, &stack("crash:1")).await;
    assert_eq!(engine.world().calls, calls, "nothing is done");
    assert_eq!(fate(&plan, &applied, "app"), Fate::Quarantined);
    let change = &plan.changes["web"].services["app"];
    assert_eq!(change.action, ChangeAction::Blocked);
    let cause = &change.causes[0];
    assert_eq!(cause.kind, CauseKind::Quarantined);
    assert_eq!(cause.old.as_deref(), Some("exited with code 1, tried 1970-01-12 13:46 UTC"));
    assert_eq!(app(&engine), before);
}

#[tokio::test(start_paused = true)]
async fn a_mark_holds_no_label_of_other_tools_and_nothing_that_was_printed() {
    let engine = SimEngine::default();
    run(&engine, &stack("app:1")).await;
    run(&engine, &stack("crash:1")).await;
    let world = engine.world();
    let mark = &world.named("web-app-1.failed").expect("a mark").observed;
    assert!(mark.labels.keys().all(|key| key.starts_with("dev.reconcile.")), "{:?}", mark.labels);
    assert_eq!(mark.label(labels::QUARANTINE), "web/app");
    assert_eq!(mark.label(labels::QUARANTINE_REASON), "exited with code 1");
    assert_eq!(mark.label(labels::SOURCE), "test");
}

#[tokio::test(start_paused = true)]
async fn a_new_input_lifts_the_quarantine() {
    let engine = SimEngine::default();
    run(&engine, &stack("app:1")).await;
    run(&engine, &stack("crash:1")).await;
    assert!(is_marked(&engine));
    let (plan, applied) = run(&engine, &stack("app:2")).await;
    assert_eq!(fate(&plan, &applied, "app"), Fate::Applied);
    assert!(!is_marked(&engine));
    let (plan, _) = run(&engine, &stack("app:2")).await;
    assert!(plan.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_fails_is_marked_anew() {
    let engine = SimEngine::default();
    run(&engine, &stack("app:1")).await;
    run(&engine, &stack("crash:1")).await;
    let retry = Policy { retry: Retry::Only(["web/app".to_owned()].into()), ..Policy::default() };
    let (plan, applied) = run_at(&engine, &stack("crash:1"), &retry, 1_000_060).await;
    assert_eq!(fate(&plan, &applied, "app"), Fate::RolledBack);
    let marked = engine.world().named("web-app-1.failed").map(|mark| mark.observed.clone());
    assert_eq!(marked.expect("a mark").label(labels::QUARANTINE_AT), "1000060");
    let (plan, applied) = run(&engine, &stack("crash:1")).await;
    assert_eq!(fate(&plan, &applied, "app"), Fate::Quarantined);
}

#[tokio::test(start_paused = true)]
async fn a_first_deployment_that_fails_is_not_marked() {
    let engine = SimEngine::default();
    let (plan, applied) = run(&engine, &stack("bad-start:1")).await;
    assert_eq!(fate(&plan, &applied, "app"), Fate::Failed);
    assert!(!is_marked(&engine));
    assert!(applied.quarantine.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refused_creation_interrupts_nothing_and_is_not_marked() {
    let engine = SimEngine::default();
    run(&engine, &stack("app:1")).await;
    let before = app(&engine);
    let (plan, applied) = run(&engine, &stack("missing:1")).await;
    assert_eq!(fate(&plan, &applied, "app"), Fate::Skipped);
    assert!(!is_marked(&engine));
    assert_eq!(app(&engine), before);
}

const fn ran<'a>(plan: &'a Plan, report: &'a Report) -> plan::Ran<'a> {
    plan::Ran { plan, report, back: None, failures: &[] }
}

/// A report of one step that failed.
fn failed(step: &str, blame: Blame) -> Report {
    let mut report = Report::default();
    report.outcomes.insert(step.to_owned(), (Outcome::Failed("x".to_owned()), Duration::ZERO));
    report.blames.insert(step.to_owned(), blame);
    report
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_fails_on_the_way_back_too_makes_a_mark_end_by_itself() {
    let engine = SimEngine::default();
    run(&engine, &stack("app:1")).await;
    let desired = stack("crash:1");
    let planned = cycle::plan(&engine, &desired, &Policy::default(), 0).await.expect("a plan");
    let report = failed("web/app-1/start", Blame::Input);
    for (back, until) in [
        (Report::default(), None),
        (failed("web/app-1/undo-start", Blame::Engine), Some("1060")),
        (failed("web/app-1/undo-start", Blame::Outage), Some("1060")),
        (failed("web/app-1/undo-start", Blame::Input), None),
    ] {
        let run = plan::Ran { back: Some(&back), ..ran(&planned.plan, &report) };
        let marks = plan::quarantine(&desired, &planned.observed, &Policy::default(), run, 1000);
        let Some(Action::Mark { labels, .. }) = marks.steps.first().map(|step| &step.action) else {
            panic!("no mark")
        };
        assert_eq!(labels.get(labels::QUARANTINE_UNTIL).map(String::as_str), until, "{:?}", back.blames);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_the_inputs_fault() {
    let engine = SimEngine::default();
    run(&engine, &stack("app:1")).await;
    let desired = stack("crash:1");
    let planned = cycle::plan(&engine, &desired, &Policy::default(), 0).await.expect("a plan");
    for (blame, expected) in
        [(Blame::Input, true), (Blame::Engine, true), (Blame::Outage, false), (Blame::Interruption, false)]
    {
        let report = failed("web/app-1/start", blame);
        assert_eq!(plan::may_quarantine(&planned.plan, &report), expected, "{blame:?}");
        let run = ran(&planned.plan, &report);
        let marks = plan::quarantine(&desired, &planned.observed, &Policy::default(), run, 1000);
        assert_eq!(marks.steps.len(), usize::from(expected), "{blame:?}");
        if let Some(Action::Mark { labels, .. }) = marks.steps.first().map(|step| &step.action) {
            let until = labels.get(labels::QUARANTINE_UNTIL).map(String::as_str);
            assert_eq!(until, (blame == Blame::Engine).then_some("1060"), "{blame:?}");
        }
    }
}

#[tokio::test]
async fn an_engine_that_fails_again_and_again_is_asked_ever_more_rarely() {
    let engine = SimEngine::default();
    run(&engine, &stack("app:1")).await;
    let desired = stack("crash:1");
    let policy = Policy { retry: Retry::All, ..Policy::default() };
    let mut holds = Vec::new();
    for _ in 0..9 {
        let planned = cycle::plan(&engine, &desired, &policy, 0).await.expect("a plan");
        let report = failed("web/app-1/start", Blame::Engine);
        let run = ran(&planned.plan, &report);
        let marks = plan::quarantine(&desired, &planned.observed, &policy, run, 1000);
        let Some(Action::Mark { labels, .. }) = marks.steps.first().map(|step| &step.action) else {
            panic!("no mark")
        };
        let until: i64 = labels[labels::QUARANTINE_UNTIL].parse().expect("a time");
        holds.push((until - 1000) / 60);
        engine.apply(&marks.steps[0].action).expect("marked");
    }
    assert_eq!(holds, [1, 2, 4, 8, 16, 32, 60, 60, 60], "minutes");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_went_back_with_another_waits_for_an_input_of_either() {
    let family = |vpn: &str, app: &str| {
        let check = "healthcheck: {test: [CMD, ok]}";
        typed::state(&format!(
            "stacks: {{web: {{services: {{vpn: {{image: '{vpn}'}}, \
             app: {{image: '{app}', network_mode: 'service:vpn', {check}}}}}}}}}"
        ))
    };
    let fates = |(plan, applied): &(Plan, Applied)| ["vpn", "app"].map(|key| fate(plan, applied, key));
    let engine = SimEngine::default();
    run(&engine, &family("vpn:1", "app:1")).await;
    let before = app(&engine);
    let bad = family("vpn:2", "unhealthy:2");
    assert_eq!(fates(&run(&engine, &bad).await), [Fate::RolledBack, Fate::RolledBack]);
    assert_eq!(app(&engine), before);
    let calls = engine.world().calls;
    let again = run(&engine, &bad).await;
    assert_eq!(fates(&again), [Fate::Quarantined, Fate::Quarantined]);
    assert_eq!(engine.world().calls, calls, "nothing is done");
    let cause = &again.0.changes["web"].services["vpn"].causes[0];
    let why = "went back with app, which did not become healthy, tried 1970-01-12 13:46 UTC";
    assert_eq!(cause.old.as_deref(), Some(why));
    let good = family("vpn:2", "app:3");
    assert_eq!(fates(&run(&engine, &good).await), [Fate::Applied, Fate::Applied]);
    assert!(run(&engine, &good).await.0.steps.is_empty());
}
