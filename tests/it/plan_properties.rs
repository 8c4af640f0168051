//! Properties of plans over random stacks and changes, on the simulated engine.

use crate::{sequential, typed};
use proptest::prelude::*;
use reconcile::engine::sim::{Fault, SimEngine};
use reconcile::model::change::ChangeAction;
use reconcile::model::desired::DesiredState;
use reconcile::model::step::Plan;
use reconcile::plan::{self, Policy};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const STACKS: usize = 2;
const SERVICES: usize = 4;
const GENES: usize = 11;
const LENGTH: usize = STACKS * (2 + SERVICES * GENES);

/// A state read off a string of bytes, each of which decides one thing: editing a byte edits one attribute.
fn state(genes: &[u8]) -> DesiredState {
    let gene = |at: usize, count: u8| genes.get(at).copied().unwrap_or(0) % count;
    let mut text = String::from("stacks:\n");
    for stack in 0..STACKS {
        let at = stack * (2 + SERVICES * GENES);
        if stack > 0 && gene(at, 8) == 7 {
            continue;
        }
        let _ = writeln!(text, "  s{stack}:");
        let subnet = gene(at + 1, 2);
        let _ = writeln!(
            text,
            "    networks: {{default: {{subnets: [10.{stack}.{subnet}.0/24]}}}}\n    services:"
        );
        for service in 0..SERVICES {
            let own = &genes[at + 2 + service * GENES..at + 2 + (service + 1) * GENES];
            text.push_str(&service_text(stack, service, own, genes));
        }
    }
    typed::state(&text)
}

fn is_job(genes: &[u8]) -> bool {
    genes[8] % 8 == 7
}

fn is_there(genes: &[u8]) -> bool {
    genes[0] % 6 != 5
}

fn replicas(genes: &[u8]) -> u8 {
    [1, 1, 1, 2, 3, 0][usize::from(genes[1] % 6)]
}

fn service_text(stack: usize, service: usize, own: &[u8], genes: &[u8]) -> String {
    let gene = |at: usize, count: u8| own[at] % count;
    if !is_there(own) {
        return String::new();
    }
    let earlier = |other: usize| {
        let at = stack * (2 + SERVICES * GENES) + 2 + other * GENES;
        &genes[at..at + GENES]
    };
    let mut lines = Vec::new();
    let image = if is_job(own) { "job-ok" } else { "app" };
    lines.push(format!("image: {image}:{}", gene(2, 3)));
    lines.push(format!("replicas: {}", replicas(own)));
    lines.push(format!("job: {}", is_job(own)));
    if gene(3, 3) == 1 {
        lines.push(format!("environment: {{LEVEL: '{}'}}", own[3] / 64));
    }
    if !is_job(own) {
        lines.push("healthcheck: {test: [CMD, ok]}".to_owned());
    }
    let mut depends_on = Vec::new();
    let mut parent = None;
    for other in (0..service).filter(|other| is_there(earlier(*other)) && (own[4] >> other) & 1 == 1) {
        let condition = match (is_job(earlier(other)), gene(5, 2)) {
            (true, _) => "completed",
            (false, 0) => "started",
            (false, _) => "healthy",
        };
        let restart = gene(5, 3) == 2;
        depends_on.push(format!("v{other}: {{condition: {condition}, restart: {restart}}}"));
        if gene(6, 5) == 4 && !is_job(earlier(other)) && replicas(earlier(other)) > 0 {
            parent = Some(other);
        }
    }
    lines.push(format!("depends_on: {{{}}}", depends_on.join(", ")));
    match (parent, gene(6, 5)) {
        (Some(parent), _) => lines.push(format!("network_mode: service:v{parent}")),
        (None, 1) => lines.push("networks: {default: null, back: {aliases: [x]}}".to_owned()),
        (None, 2) => lines.push("networks: {back: null}".to_owned()),
        (None, _) => {}
    }
    if replicas(own) <= 1 && parent.is_none() {
        // Ports and names are dealt out from one pack, so that they move between services and never clash.
        let pack = genes[1] as usize % 4;
        let number = 8000 + stack * 10 + (service + pack) % SERVICES;
        if gene(7, 2) == 1 {
            lines.push(format!("ports: [{{target: 80, published: '{number}', protocol: tcp}}]"));
        }
        if gene(7, 4) == 3 {
            lines.push(format!("container_name: c{number}"));
        }
    }
    match gene(9, 6) {
        1 => lines.push("volumes: [{type: volume, source: a, target: /data}]".to_owned()),
        2 => lines.push("volumes: [{type: volume, source: b, target: /data}]".to_owned()),
        3 => lines
            .push("volumes: [{type: volume, source: b, target: /data}]\nallow_empty_volume: true".to_owned()),
        4 => lines.push("volumes: [{type: volume, target: /data}]".to_owned()),
        5 if !is_job(own) => lines.push(
            "files: [/etc/motd]\npost_start: [{command: [init]}]\npre_stop: [{command: [bye]}]".to_owned(),
        ),
        _ => {}
    }
    let rollouts = [
        "",
        "order: start-first",
        "order: start-first, share_volumes: true",
        "on_failure: pause",
        "on_failure: continue, parallelism: 2",
        "ratio: 0.5, back: {order: start-first}",
        "parallelism: 0, monitor: 1s",
        "parallelism: 2, delay: 1s, back: {parallelism: 2}",
    ];
    lines.push(format!("rollout: {{{}}}", rollouts[usize::from(gene(10, 8))]));
    let lines: Vec<&str> = lines.iter().flat_map(|line| line.lines()).collect();
    format!("      v{service}:\n        {}\n", lines.join("\n        "))
}

fn make_plan(engine: &SimEngine, desired: &DesiredState) -> Plan {
    let observed = engine.snapshot(&plan::observe_request(desired));
    let now = engine.world().clock;
    let plan = plan::plan(desired, &observed, &Policy::default(), now);
    let complaints = plan::lint(&plan, &observed, desired);
    assert!(complaints.is_empty(), "{complaints:#?}\n{}", plan::text(&plan));
    plan
}

fn apply(engine: &SimEngine, desired: &DesiredState) -> Plan {
    let plan = make_plan(engine, desired);
    let report = sequential::execute(&plan, engine, usize::MAX);
    assert!(report.is_success(), "{:?}\n{}", sequential::failures(&report), plan::text(&plan));
    plan
}

fn settled(engine: &SimEngine, desired: &DesiredState, before: &Plan) {
    let next = make_plan(engine, desired);
    assert!(next.steps.is_empty(), "{}\nthen\n{}", plan::text(before), plan::text(&next));
}

/// Containers by name with hash and state: what two ways to the same end must agree on.
fn picture(engine: &SimEngine) -> BTreeMap<String, String> {
    let world = engine.world();
    let all = world.containers.values().map(|container| &container.observed);
    all.map(|found| (found.name.clone(), format!("{} {:?}", found.label("dev.reconcile.hash"), found.state)))
        .collect()
}

/// Ids and creation of the containers of services that a plan leaves alone.
fn untouched(engine: &SimEngine, plan: &Plan) -> BTreeMap<String, String> {
    let is_unchanged = |stack: &str, service: &str| {
        let change = plan.changes.get(stack).and_then(|stack| stack.services.get(service));
        change.is_some_and(|change| matches!(change.action, ChangeAction::Unchanged | ChangeAction::Blocked))
    };
    let world = engine.world();
    let all = world.containers.values().map(|container| &container.observed);
    all.filter(|found| is_unchanged(found.stack(), found.service()))
        .map(|found| (found.id.clone(), format!("{} {:?}", found.name, found.state)))
        .collect()
}

fn change() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let genes = prop::collection::vec(any::<u8>(), LENGTH);
    let edits = prop::collection::vec((0..LENGTH, any::<u8>()), 0..8);
    (genes, edits).prop_map(|(before, edits)| {
        let mut after = before.clone();
        for (at, value) in edits {
            after[at] = value;
        }
        (before, after)
    })
}

/// A seed that is the same in every run, unless one is named.
pub(crate) fn seed() -> proptest::test_runner::RngSeed {
    match std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => proptest::test_runner::RngSeed::Fixed(seed),
        None => proptest::test_runner::RngSeed::Fixed(2026),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        // The same histories every time; PROPTEST_CASES and PROPTEST_RNG_SEED look further.
        rng_seed: seed(),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_carried_out_plan_leaves_nothing_to_do((before, after) in change()) {
        let engine = SimEngine::default();
        let (before, after) = (state(&before), state(&after));
        let plan = apply(&engine, &before);
        settled(&engine, &before, &plan);
        let volumes = engine.world().volumes.clone();
        let next = make_plan(&engine, &after);
        let kept = untouched(&engine, &next);
        let plan = apply(&engine, &after);
        settled(&engine, &after, &plan);
        let world = engine.world();
        for (name, volume) in volumes {
            let found = world.volumes.get(&name).map(|found| found.data.clone());
            prop_assert!(found.is_some_and(|data| volume.data.is_empty() || data == volume.data), "volume {}", name);
        }
        drop(world);
        for (id, was) in kept {
            let world = engine.world();
            let is = world.containers.get(&id).map(|found| format!("{} {:?}", found.observed.name, found.observed.state));
            prop_assert_eq!(is, Some(was));
        }
    }

    #[test]
    fn an_interrupted_run_is_finished_by_the_next((before, after) in change(), share in 0.0..1.0_f64) {
        let (engine, straight) = (SimEngine::default(), SimEngine::default());
        let (before, after) = (state(&before), state(&after));
        apply(&engine, &before);
        apply(&straight, &before);
        apply(&straight, &after);
        let plan = make_plan(&engine, &after);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a share of a small count")]
        let steps = (share * plan.steps.len() as f64) as usize;
        sequential::execute(&plan, &engine, steps);
        let plan = apply(&engine, &after);
        settled(&engine, &after, &plan);
        prop_assert_eq!(picture(&engine), picture(&straight));
    }

    #[test]
    fn a_fault_holds_up_no_later_run((before, after) in change(), call in 0_usize..60, lost in any::<bool>()) {
        let engine = SimEngine::default();
        let (before, after) = (state(&before), state(&after));
        apply(&engine, &before);
        let fault = if lost { Fault::ReplyLost } else { Fault::Fails };
        let at = engine.world().calls + 1 + call;
        engine.world().faults.insert(at, fault);
        let plan = make_plan(&engine, &after);
        sequential::execute(&plan, &engine, usize::MAX);
        engine.world().faults.clear();
        let plan = apply(&engine, &after);
        settled(&engine, &after, &plan);
    }

    #[test]
    fn after_a_failed_run_and_its_rollback_everything_is_up_again(
        (before, after) in change(), call in 0_usize..60, lost in any::<bool>()
    ) {
        let engine = SimEngine::default();
        let (before, after) = (state(&settled_genes(before)), state(&settled_genes(after)));
        prop_assume!(!joins_a_job(&before, &after) && !joins_a_job(&after, &after));
        apply(&engine, &before);
        let was_up = services_up(&engine);
        let plan = make_plan(&engine, &after);
        let at = engine.world().calls + 1 + call;
        engine.world().faults.insert(at, if lost { Fault::ReplyLost } else { Fault::Fails });
        let report = sequential::execute(&plan, &engine, usize::MAX);
        let back = plan::rollback(&plan, &report, 0).plan;
        let undone = sequential::execute(&back, &engine, usize::MAX);
        prop_assert!(undone.is_success(), "{:?}\n{}\n{:?}\n{}", sequential::failures(&undone), plan::text(&plan),
            sequential::failures(&report), plan::text(&back));
        let is_up = services_up(&engine);
        for ((stack, service), count) in was_up {
            let wanted = after.stacks.get(&stack).and_then(|stack| stack.services.get(&service));
            let wanted = wanted.filter(|wanted| !wanted.spec.image.starts_with("job"));
            let least = wanted.map_or(0, |wanted| count.min(wanted.replicas));
            let found = is_up.get(&(stack.clone(), service.clone())).copied().unwrap_or(0);
            prop_assert!(found >= least, "{} of {} of {}/{} are up\n{}\n{:?}\n{}", found, least,
                stack, service, plan::text(&plan), sequential::failures(&report), plan::text(&back));
        }
        let plan = apply(&engine, &after);
        settled(&engine, &after, &plan);
    }
}

/// Networks that are made anew and ports that change hands have no way back: without them.
fn settled_genes(mut genes: Vec<u8>) -> Vec<u8> {
    for stack in 0..STACKS {
        let at = stack * (2 + SERVICES * GENES);
        genes[at + 1] = 0;
        for service in 0..SERVICES {
            genes[at + 2 + service * GENES + 7] = 0;
        }
    }
    genes
}

/// Whether a service shares the namespace of one that ends in the new state: then it cannot be started, the old one
/// neither.
fn joins_a_job(state: &DesiredState, after: &DesiredState) -> bool {
    state.stacks.iter().any(|(name, stack)| {
        let parents =
            stack.services.values().filter_map(|service| service.spec.network_mode.strip_prefix("service:"));
        let then = after.stacks.get(name);
        let mut found = parents.filter_map(|key| then.and_then(|stack| stack.services.get(key)));
        found.any(|parent| parent.spec.image.starts_with("job"))
    })
}

/// How many containers of each service run under a name of their own.
fn services_up(engine: &SimEngine) -> BTreeMap<(String, String), u32> {
    let world = engine.world();
    let mut found = BTreeMap::new();
    for container in world.containers.values().map(|container| &container.observed) {
        if container.is_up() && !container.name.ends_with("next") && !container.name.ends_with("prev") {
            *found.entry((container.stack().to_owned(), container.service().to_owned())).or_default() += 1;
        }
    }
    found
}
