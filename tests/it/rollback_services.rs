//! The way back of whole services, on the simulated engine.

use crate::{sequential, typed};
use reconcile::engine::sim::{Fault, SimEngine};
use reconcile::model::desired::DesiredState;
use reconcile::model::report::{Blame, Fate, Report};
use reconcile::model::step::Plan;
use reconcile::plan::{self, Policy, Rollback};
use std::collections::BTreeMap;

fn plan_for(engine: &SimEngine, desired: &DesiredState) -> Plan {
    plan::plan(desired, &engine.snapshot(&plan::observe_request(desired)), &Policy::default(), 0)
}

/// Brings a state up.
fn up(text: &str) -> SimEngine {
    let engine = SimEngine::default();
    let report = sequential::execute(&plan_for(&engine, &typed::state(text)), &engine, usize::MAX);
    assert!(report.is_success(), "{:?}", sequential::failures(&report));
    engine
}

struct Run {
    plan: Plan,
    report: Report,
    back: Rollback,
    undone: Report,
}

impl Run {
    /// Goes towards a state with steps that fail, and takes back what has to be.
    fn failing(engine: &SimEngine, text: &str, failing: &[&str]) -> Self {
        let plan = plan_for(engine, &typed::state(text));
        let before = engine.world().calls;
        // A skipped step is no call, and what is told to fail is not skipped in these tests before the last of them.
        let mut skipped = 0;
        for (at, step) in plan.steps.iter().enumerate() {
            if failing.contains(&&*step.id) {
                engine.world().faults.insert(before + at + 1 - skipped, Fault::Fails);
            }
            let after = |id: &&str| step.after.iter().any(|before| before == id);
            skipped += usize::from(failing.iter().any(after));
        }
        let report = sequential::execute(&plan, engine, usize::MAX);
        engine.world().faults.clear();
        let failed: Vec<String> = sequential::failures(&report);
        for id in failing {
            assert!(failed.iter().any(|text| text.starts_with(&format!("{id}:"))), "{id}: {failed:?}");
        }
        let back = plan::rollback(&plan, &report, 0);
        let undone = sequential::execute(&back.plan, engine, usize::MAX);
        assert!(undone.is_success(), "{:?}\n{}", sequential::failures(&undone), plan::text(&back.plan));
        Self { plan, report, back, undone }
    }

    fn fate(&self, stack: &str, service: &str) -> (Fate, String) {
        let results = plan::results(&self.plan, &self.report, Some((&self.back.plan, &self.undone)));
        let result = &results[stack][service];
        (result.fate, result.reason.clone())
    }

    /// Steps of the way back, without what they are done to.
    fn steps(&self) -> Vec<&str> {
        self.back.plan.steps.iter().map(|step| step.id.as_str()).collect()
    }
}

/// Every container by name: id, and whether it runs.
fn containers(engine: &SimEngine) -> BTreeMap<String, (String, bool)> {
    let world = engine.world();
    let all = world.containers.values().map(|container| &container.observed);
    all.map(|found| (found.name.clone(), (found.id.clone(), found.is_up()))).collect()
}

fn replicas(image: &str, rollout: &str) -> String {
    format!(
        "stacks: {{web: {{services: {{app: {{image: '{image}', replicas: 3, healthcheck: {{test: [CMD, ok]}}, \
         rollout: {{{rollout}}}}}}}}}}}"
    )
}

#[test]
fn a_second_batch_that_fails_takes_the_first_one_back() {
    let engine = up(&replicas("app:1", ""));
    let before = containers(&engine);
    let run = Run::failing(&engine, &replicas("app:2", ""), &["web/app-2/healthy"]);
    assert_eq!(containers(&engine), before, "{}", plan::text(&run.back.plan));
    let (fate, reason) = run.fate("web", "app");
    assert_eq!(fate, Fate::RolledBack, "{reason}");
    assert!(reason.contains("injected fault"), "{reason}");
    // What is down goes first, then what serves.
    let steps = run.steps();
    let place =
        |id: &str| steps.iter().position(|step| *step == id).unwrap_or_else(|| panic!("{id}: {steps:?}"));
    assert!(place("web/app-2/undo-healthy") < place("web/app-1/undo-stop"), "{steps:?}");
    assert!(!steps.contains(&"web/app-3/undo-start"), "{steps:?}");
}

#[test]
fn a_failure_that_is_tolerated_takes_back_its_own_replica_only() {
    for rollout in ["ratio: 0.34", "on_failure: continue"] {
        let engine = up(&replicas("app:1", rollout));
        let before = containers(&engine);
        let run = Run::failing(&engine, &replicas("app:2", rollout), &["web/app-2/healthy"]);
        let after = containers(&engine);
        assert_eq!(after.len(), 3, "{after:?}");
        assert_eq!(after["web-app-2"], before["web-app-2"], "{rollout}");
        for name in ["web-app-1", "web-app-3"] {
            assert!(after[name].1 && after[name].0 != before[name].0, "{rollout}: {name}");
        }
        let (fate, reason) = run.fate("web", "app");
        assert_eq!(fate, Fate::Failed, "{reason}");
        assert!(reason.ends_with("2 of 3 replicas are replaced, the others serve as before"), "{reason}");
    }
}

#[test]
fn more_failures_than_are_tolerated_take_everything_back() {
    let engine = up(&replicas("app:1", "ratio: 0.34"));
    let before = containers(&engine);
    let failing = ["web/app-2/healthy", "web/app-3/healthy"];
    let run = Run::failing(&engine, &replicas("app:2", "ratio: 0.34"), &failing);
    assert_eq!(containers(&engine), before, "{}", plan::text(&run.back.plan));
    assert_eq!(run.fate("web", "app").0, Fate::RolledBack);
}

#[test]
fn a_pause_leaves_what_is_new_and_what_is_old() {
    let engine = up(&replicas("app:1", "on_failure: pause"));
    let before = containers(&engine);
    let run = Run::failing(&engine, &replicas("app:2", "on_failure: pause"), &["web/app-2/healthy"]);
    let after = containers(&engine);
    assert_eq!(after.keys().collect::<Vec<_>>(), ["web-app-1", "web-app-2", "web-app-3"]);
    assert!(after["web-app-1"].1 && after["web-app-1"].0 != before["web-app-1"].0);
    for name in ["web-app-2", "web-app-3"] {
        assert_eq!(after[name], before[name]);
    }
    let (fate, reason) = run.fate("web", "app");
    assert_eq!(fate, Fate::Failed);
    assert!(reason.ends_with("1 of 3 replicas are replaced, the others serve as before"), "{reason}");
}

#[test]
fn the_way_back_keeps_its_own_pace() {
    let back = |back: &str| {
        let engine = up(&replicas("app:1", back));
        let run = Run::failing(&engine, &replicas("app:2", back), &["web/app-3/healthy"]);
        assert_eq!(run.fate("web", "app").0, Fate::RolledBack);
        let lines = plan::text(&run.back.plan);
        let lines = lines.lines().filter(|line| line.contains("  Delay  ") || line.contains("StopContainer"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        back("back: {delay: 5s}"),
        [
            "web/app-3/undo-stop  StopContainer  web-app-3",
            "web/app/undo-batch-2  Delay  5s  after web/app-3/undo-healthy",
            "web/app-1/undo-stop  StopContainer  web-app-1  after web/app/undo-batch-2",
            "web/app/undo-batch-3  Delay  5s  after web/app-1/undo-healthy",
            "web/app-2/undo-stop  StopContainer  web-app-2  after web/app/undo-batch-3",
        ]
    );
    let at_once = back("back: {parallelism: 0, on_failure: continue}");
    assert_eq!(at_once[1], "web/app/undo-batch-2  Delay  0s  after any end of web/app-3/undo-healthy");
    assert_eq!(at_once.len(), 4, "{at_once:?}");
    // The old one serves again before the new one stops, also where updates stop first.
    for order in ["order: start-first, back: {order: start-first}", "back: {order: start-first}"] {
        let side_by_side = back(order);
        assert!(
            side_by_side.contains(
                &"web/app-1/undo-stop  StopContainer  web-app-1  after web/app-1/undo-healthy".to_owned()
            ),
            "{side_by_side:?}"
        );
    }
    let one_by_one = back("order: start-first, back: {order: stop-first}");
    assert!(!one_by_one.iter().any(|line| line.contains("-1/undo-healthy") && line.contains("undo-stop")));
}

#[test]
fn what_starts_first_and_fails_leaves_the_old_one_running() {
    let stack = |image: &str| {
        format!(
            "stacks: {{web: {{services: {{app: {{image: '{image}', healthcheck: {{test: [CMD, ok]}}, \
             rollout: {{order: start-first}}}}}}}}}}"
        )
    };
    let engine = up(&stack("app:1"));
    let before = containers(&engine);
    let calls = engine.world().log.len();
    let run = Run::failing(&engine, &stack("unhealthy:2"), &[]);
    assert_eq!(containers(&engine), before);
    assert_eq!(run.fate("web", "app").0, Fate::RolledBack);
    let log = engine.world().log[calls..].join("\n");
    assert!(!log.contains("StopContainer web-app-1 "), "{log}");
    // Each later step that fails leads back as well.
    for failing in ["stop", "retire", "rename"] {
        let engine = up(&stack("app:1"));
        let before = containers(&engine);
        let run = Run::failing(&engine, &stack("app:2"), &[&format!("web/app-1/{failing}")]);
        assert_eq!(containers(&engine), before, "{failing}: {}", plan::text(&run.back.plan));
    }
}

fn family(image: &str, child: &str) -> String {
    format!(
        "stacks: {{web: {{services: {{vpn: {{image: '{image}'}}, app: {{image: '{child}', network_mode: 'service:vpn'}}, \
         second: {{image: 'app:1', network_mode: 'service:vpn'}}}}}}}}"
    )
}

#[test]
fn a_child_that_fails_takes_its_namespace_parent_back_and_the_parent_goes_first() {
    for failing in
        ["web/app-1/start", "web/app-1/stable", "web/second-1/start", "web/vpn-1/start", "web/vpn-1/stable"]
    {
        let engine = up(&family("vpn:1", "app:1"));
        let before = containers(&engine);
        let run = Run::failing(&engine, &family("vpn:2", "app:2"), &[failing]);
        assert_eq!(containers(&engine), before, "{failing}\n{}", plan::text(&run.back.plan));
        assert_eq!(run.fate("web", "vpn").0, Fate::RolledBack, "{failing}");
        // Each runs in the namespace of the old parent, as that is now: started again after it.
        let log = engine.world().log.clone();
        let last = |what: &str| {
            let found = |line: &String| {
                line.contains(what) && (line.starts_with("Start") || line.starts_with("Restart"))
            };
            log.iter().rposition(found).unwrap_or_else(|| panic!("{what}: {log:?}"))
        };
        for child in ["web-app-1", "web-second-1"] {
            assert!(last("web-vpn-1") < last(child), "{failing}: {log:#?}");
        }
    }
}

#[test]
fn a_child_alone_goes_back_alone() {
    let engine = up(&family("vpn:1", "app:1"));
    let before = containers(&engine);
    let run = Run::failing(&engine, &family("vpn:1", "crash:2"), &[]);
    assert_eq!(containers(&engine), before);
    assert_eq!(run.fate("web", "app").0, Fate::RolledBack);
    assert_eq!(run.fate("web", "vpn").0, Fate::Unchanged);
    assert!(run.steps().iter().all(|step| step.starts_with("web/app-1/")), "{:?}", run.steps());
}

#[test]
fn what_restarts_with_a_service_restarts_with_its_way_back() {
    let stack = |image: &str, front: &str| {
        format!(
            "stacks: {{web: {{services: {{app: {{image: '{image}'}}, front: {{image: '{front}', depends_on: {{app: \
             {{condition: started, restart: true}}}}}}}}}}}}"
        )
    };
    let engine = up(&stack("app:1", "front:1"));
    let before = containers(&engine);
    let run = Run::failing(&engine, &stack("crash:2", "front:1"), &[]);
    assert_eq!(containers(&engine), before);
    let text = plan::text(&run.back.plan);
    assert!(
        text.contains("web/front-1/undo-restart  RestartContainer  web-front-1  after web/app-1/undo-start"),
        "{text}"
    );
    assert_eq!(run.fate("web", "front").0, Fate::Applied);
    // Also if its own restart failed half-way: it is never left stopped.
    let engine = up(&stack("app:1", "front:1"));
    let run = Run::failing(&engine, &stack("app:2", "front:1"), &["web/front-1/restart"]);
    assert!(run.steps().contains(&"web/front-1/undo-start"), "{:?}", run.steps());
}

#[test]
fn what_an_interrupted_run_put_aside_runs_again_if_the_new_one_fails_then() {
    let stack = |image: &str| {
        format!("stacks: {{web: {{services: {{app: {{image: '{image}', restart: always}}}}}}}}")
    };
    let engine = up(&stack("app:1"));
    let before = containers(&engine);
    let plan = plan_for(&engine, &typed::state(&stack("bad-start:2")));
    // Pull, create, stop, retire, rename: the start does not come any more.
    sequential::execute(&plan, &engine, 5);
    assert!(!containers(&engine)["web-app-1.prev"].1);
    let run = Run::failing(&engine, &stack("bad-start:2"), &[]);
    assert_eq!(containers(&engine), before, "{}", plan::text(&run.back.plan));
    assert_eq!(run.fate("web", "app").0, Fate::RolledBack);
}

#[test]
fn an_interrupt_takes_back_only_what_is_under_way() {
    let desired = typed::state(&replicas("app:2", ""));
    let engine = up(&replicas("app:1", ""));
    let plan = plan_for(&engine, &desired);
    let names = ["web-app-1", "web-app-2", "web-app-3"];
    for steps in 0..plan.steps.len() {
        let engine = SimEngine::new(engine.world().clone());
        let report = sequential::execute(&plan, &engine, steps);
        sequential::execute(&plan::rollback(&plan, &report, 0).plan, &engine, usize::MAX);
        let found = containers(&engine);
        for name in names {
            assert!(found.get(name).is_some_and(|(_, runs)| *runs), "{name} after {steps} steps: {found:?}");
        }
        // The next run finishes.
        let next = plan_for(&engine, &desired);
        assert!(sequential::execute(&next, &engine, usize::MAX).is_success());
        assert!(plan_for(&engine, &desired).steps.is_empty(), "after {steps} steps");
    }
}

/// One service on a network of these addresses.
fn stack(subnet: &str) -> String {
    format!(
        "stacks: {{web: {{services: {{app: {{image: 'app:1'}}}}, networks: {{default: {{subnets: [{subnet}]}}}}}}}}"
    )
}

#[test]
fn a_network_that_is_refused_comes_back_as_it_was_and_is_held_until_it_is_another_one() {
    let engine = up(&stack("10.1.0.0/24"));
    let (before, network) = (containers(&engine), engine.world().network("web_default").cloned());
    let network = network.expect("the network");
    let run = Run::failing(&engine, &stack("10.2.0.0/24"), &["web/network-default/create"]);
    assert_eq!(containers(&engine), before, "{}", plan::text(&run.back.plan));
    let mut found = engine.world().network("web_default").cloned().expect("a network");
    assert!(found.labels.remove(reconcile::model::labels::REFUSED).is_some());
    assert_eq!((&found.pools, &found.driver_opts), (&network.pools, &network.driver_opts));
    assert_eq!(found.labels, network.labels);
    // The same is not tried again, another one is, and so is the same if its owner says so.
    let desired = typed::state(&stack("10.2.0.0/24"));
    assert!(plan_for(&engine, &desired).steps.is_empty());
    assert!(!plan_for(&engine, &typed::state(&stack("10.3.0.0/24"))).steps.is_empty());
    assert!(plan_for(&engine, &typed::state(&stack("10.1.0.0/24"))).steps.is_empty());
    let policy = Policy { retry: plan::Retry::All, ..Policy::default() };
    let observed = engine.snapshot(&plan::observe_request(&desired));
    let plan = plan::plan(&desired, &observed, &policy, 0);
    let report = sequential::execute(&plan, &engine, usize::MAX);
    assert!(report.is_success(), "{:?}", sequential::failures(&report));
}

/// Goes towards a state whose network cannot be made, for which this is to blame, and takes it back.
fn refused(engine: &SimEngine, desired: &DesiredState, blame: Blame, now: i64) {
    let observed = engine.snapshot(&plan::observe_request(desired));
    let plan = plan::plan(desired, &observed, &Policy::default(), now);
    let at = plan.steps.iter().position(|step| step.id == "web/network-default/create").expect("the step");
    let call = engine.world().calls + at + 1;
    engine.world().faults.insert(call, Fault::Fails);
    let mut report = sequential::execute(&plan, engine, usize::MAX);
    assert!(report.blames.insert("web/network-default/create".to_owned(), blame).is_some());
    let back = plan::rollback(&plan, &report, now).plan;
    assert!(sequential::execute(&back, engine, usize::MAX).is_success());
}

#[test]
fn a_network_that_the_engine_failed_to_make_is_tried_again_ever_more_rarely() {
    let engine = up(&stack("10.1.0.0/24"));
    let desired = typed::state(&stack("10.2.0.0/24"));
    let steps = |now| {
        let observed = engine.snapshot(&plan::observe_request(&desired));
        plan::plan(&desired, &observed, &Policy::default(), now).steps.len()
    };
    refused(&engine, &desired, Blame::Engine, 1000);
    assert_eq!((steps(1000), steps(1059)), (0, 0));
    assert_ne!(steps(1060), 0);
    refused(&engine, &desired, Blame::Engine, 2000);
    assert_eq!((steps(2060), steps(2119)), (0, 0), "twice as long");
    let observed = engine.snapshot(&plan::observe_request(&desired));
    let plan = plan::plan(&desired, &observed, &Policy::default(), 2060);
    let text = plan::text(&plan);
    assert!(text.contains("until 1970-01-01 00:35 UTC; a new definition or --retry lifts it"), "{text}");
    // Another definition begins anew, and what is due to the definition itself has no end.
    let desired = typed::state(&stack("10.3.0.0/24"));
    let steps = |now| {
        let observed = engine.snapshot(&plan::observe_request(&desired));
        plan::plan(&desired, &observed, &Policy::default(), now).steps.len()
    };
    refused(&engine, &desired, Blame::Engine, 2100);
    assert_eq!(steps(2159), 0);
    assert_ne!(steps(2160), 0);
    refused(&engine, &desired, Blame::Input, 2160);
    assert_eq!(steps(i64::MAX), 0);
}
