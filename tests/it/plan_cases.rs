//! Text cases: `tests/cases/plan/<obligation>/`.
//!
//! `before.yaml` is brought up on the simulated engine, `events.txt` happens to it, `after.yaml` (else the same) is
//! what is wanted then, and the plan must be `plan.txt`. A run that an event interrupts was on its way to
//! `middle.yaml`, else to `after.yaml`. Every plan must pass the linter, and unless `events.txt` says
//! `unsettled`, carrying it out must leave nothing to do. `UPDATE=1` writes `plan.txt` anew.

#![expect(clippy::unwrap_used, reason = "a malformed case is a bug of the case")]

use crate::{sequential, typed};
use futures_util::FutureExt as _;
use reconcile::engine::Observe as _;
use reconcile::engine::sim::{Fault, SimEngine, World};
use reconcile::model::desired::DesiredState;
use reconcile::model::hash::digest;
use reconcile::model::observed::{ContainerState, Health, ObservedState};
use reconcile::model::redact::Redactor;
use reconcile::model::step::Plan;
use reconcile::plan::{self, Beginning, Inspect, Policy, Retry, Suspension};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FILES: [&str; 5] = ["before.yaml", "middle.yaml", "after.yaml", "events.txt", "plan.txt"];

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
    let mut all: Vec<PathBuf> =
        fs::read_dir(root).expect("cases").map(|entry| entry.expect("entry").path()).collect();
    all.sort();
    all
}

/// What happens between the two states, and how the case is run.
#[derive(Default)]
struct Script {
    policy: Policy,
    down: Option<String>,
    unsettled: bool,
    look_inside: bool,
    later: i64,
}

struct Case {
    engine: SimEngine,
    before: DesiredState,
    middle: Option<DesiredState>,
    after: DesiredState,
    script: Script,
}

fn read(path: &Path, name: &str) -> Option<String> {
    fs::read_to_string(path.join(name)).ok()
}

fn observe(engine: &SimEngine, desired: &DesiredState) -> ObservedState {
    engine.snapshot(&plan::observe_request(desired))
}

impl Case {
    fn load(path: &Path) -> Self {
        let before = read(path, "before.yaml");
        let after = read(path, "after.yaml").or_else(|| before.clone()).expect("a state");
        let empty = DesiredState { source: "test".into(), complete: true, ..DesiredState::default() };
        let before = before.map_or(empty, |text| typed::state(&text));
        let mut case = Self {
            engine: SimEngine::default(),
            before,
            middle: read(path, "middle.yaml").map(|text| typed::state(&text)),
            after: typed::state(&after),
            script: Script::default(),
        };
        let events = read(path, "events.txt").unwrap_or_default();
        let (first, then): (Vec<&str>, Vec<&str>) = events
            .lines()
            .filter(|line| !line.trim().is_empty())
            .partition(|line| line.starts_with("first "));
        for line in first {
            case.event(line.trim_start_matches("first "));
        }
        let observed = observe(&case.engine, &case.before);
        let plan = plan::plan(&case.before, &observed, &Policy::default(), case.now());
        let report = sequential::execute(&plan, &case.engine, usize::MAX);
        assert!(report.is_success() || case.script.unsettled, "before: {:?}", sequential::failures(&report));
        for line in then {
            case.event(line);
        }
        case
    }

    fn now(&self) -> i64 {
        self.engine.world().clock + self.script.later
    }

    fn plan(&self) -> (Plan, ObservedState) {
        self.plan_for(&self.after)
    }

    fn plan_for(&self, desired: &DesiredState) -> (Plan, ObservedState) {
        let mut observed = observe(&self.engine, desired);
        let wanted = plan::wanted_inspections(desired, &observed, &self.script.policy);
        self.engine.look_into(&wanted, &mut observed).now_or_never().expect("at once").expect("an answer");
        if self.script.look_inside {
            let plan = plan::plan(desired, &observed, &self.script.policy, self.now());
            let wanted = plan::wanted_environments(desired, &observed, &plan);
            let world = self.engine.world();
            for id in wanted {
                let spec = &world.containers[&id].spec.spec;
                let set =
                    spec.environment.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
                observed.environments.insert(id, set.collect());
            }
        }
        let plan = match &self.script.down {
            Some(stack) => plan::plan_down(stack, &observed, &self.script.policy),
            None => plan::plan(desired, &observed, &self.script.policy, self.now()),
        };
        (plan, observed)
    }

    /// One line of `events.txt`.
    fn event(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (word, arguments) = words.split_first().expect("a word");
        match (*word, arguments) {
            ("unsettled", []) => self.script.unsettled = true,
            ("look-inside", []) => self.script.look_inside = true,
            ("later", [seconds]) => self.script.later = seconds.parse().expect("seconds"),
            ("down", [stack]) => self.script.down = Some((*stack).to_owned()),
            ("only", stacks) => {
                self.script.policy.only = Some(stacks.iter().map(|stack| (*stack).to_owned()).collect());
            }
            ("no-prune", []) => self.script.policy.prune = false,
            ("max-removals", [share]) => {
                self.script.policy.max_removals = share.parse().expect("a share in percent");
            }
            ("now", []) => self.script.policy.anytime = true,
            ("inspect", []) => self.script.policy.inspect = Inspect::All,
            ("suspend", [stack, reason @ ..]) => {
                let suspension = Suspension { reason: reason.join(" "), at: Some(self.now()), until: None };
                sequential::execute(&plan::suspend(stack, &suspension), &self.engine, usize::MAX);
            }
            // A run of a job for a time, of which nothing more than its start is seen.
            ("run", [stack, service, at]) => {
                let observed = observe(&self.engine, &self.after);
                let at = at.parse().expect("seconds");
                match plan::begin(&observed, stack, service, at, at) {
                    Beginning::Run(_, plan) => {
                        assert_eq!(plan::lint(&plan, &observed, &self.after), Vec::<String>::new());
                        let report = sequential::execute(&plan, &self.engine, usize::MAX);
                        assert!(report.is_success(), "{:?}", sequential::failures(&report));
                    }
                    other => panic!("{other:?}"),
                }
            }
            ("retry", []) => self.script.policy.retry = Retry::All,
            ("retry", names) => {
                let names = names.iter().map(|name| (*name).to_owned());
                self.script.policy.retry = Retry::Only(names.collect());
            }
            // A whole run, with what takes it back where it fails.
            ("attempt", []) => {
                let desired = self.middle.as_ref().unwrap_or(&self.after);
                sequential::run(&self.engine, desired, &self.script.policy, self.now());
            }
            ("crash-after", [steps]) => self.crash(steps.parse().expect("a number")),
            ("fail-at", [step]) => self.fail_at(step),
            _ => happen(&mut self.engine.world(), word, arguments),
        }
    }

    /// Carries out only the first steps towards the new state.
    fn crash(&mut self, steps: usize) {
        let (plan, _) = self.plan_for(self.middle.as_ref().unwrap_or(&self.after));
        sequential::execute(&plan, &self.engine, steps);
    }

    /// Carries out the plan towards the new state, but this step fails.
    fn fail_at(&mut self, id: &str) {
        let (plan, _) = self.plan_for(self.middle.as_ref().unwrap_or(&self.after));
        let place = plan.steps.iter().position(|step| step.id == id).expect("a step of that id");
        let call = self.engine.world().calls + place + 1;
        self.engine.world().faults.insert(call, Fault::Fails);
        sequential::execute(&plan, &self.engine, usize::MAX);
    }
}

fn happen(world: &mut World, event: &str, arguments: &[&str]) {
    match (event, arguments) {
        ("api", [major, minor]) => world.engine.api = (major.parse().unwrap(), minor.parse().unwrap()),
        ("push", [reference]) => *world.pushes.entry(normal(reference)).or_default() += 1,
        ("pull", [reference]) => drop(world.pull(reference).expect("the registry has it")),
        ("untag", [reference]) => {
            world.tags.remove(&normal(reference));
            world.images.retain(|_, image| !image.observed.tags.iter().any(|tag| tag == reference));
        }
        ("registry-down", []) => world.registry_is_up = false,
        ("image-volume", [reference, path]) => {
            world.image_volumes.entry(normal(reference)).or_default().push((*path).to_owned());
        }
        ("foreign", [name, rest @ ..]) => {
            let ports: Vec<u16> = rest.iter().filter_map(|word| word.parse().ok()).collect();
            let networks: Vec<&str> =
                rest.iter().copied().filter(|word| word.parse::<u16>().is_err()).collect();
            world.add_foreign(name, &ports, &networks);
        }
        ("foreign-network", [name]) => world.add_network(reconcile::model::observed::ObservedNetwork {
            name: (*name).to_owned(),
            ..Default::default()
        }),
        ("foreign-network", [name, subnet]) => {
            world.add_network(reconcile::model::observed::ObservedNetwork {
                name: (*name).to_owned(),
                pools: vec![((*subnet).to_owned(), String::new())],
                ..Default::default()
            });
        }
        ("disown", [project]) => world.disown(project, None),
        ("disown", [project, service]) => world.disown(project, Some(service)),
        ("forget-volume-labels", [name]) => world.volumes.get_mut(*name).unwrap().observed.labels.clear(),
        ("restart", [name]) => {
            world.starts += 1;
            let started = world.starts;
            world.named_mut(name).expect(name).started = started;
        }
        ("rename", [from, to]) => (*to).clone_into(&mut world.named_mut(from).expect(from).observed.name),
        ("remove", [name]) => {
            let id = world.named(name).expect(name).observed.id.clone();
            world.containers.remove(&id);
        }
        (_, [name, rest @ ..]) => happen_to(world, event, name, rest),
        _ => panic!("unknown event {event} {arguments:?}"),
    }
}

fn happen_to(world: &mut World, event: &str, name: &str, rest: &[&str]) {
    let found = world.named_mut(name).unwrap_or_else(|| panic!("no container {name}"));
    let container = &mut found.observed;
    let mut state = |state| {
        container.state = state;
        container.ports.clear();
    };
    match (event, rest) {
        ("exit", [code]) => state(ContainerState::Exited(code.parse().unwrap())),
        ("pause", []) => container.state = ContainerState::Paused,
        ("dead", []) => state(ContainerState::Dead),
        ("created", []) => state(ContainerState::Created),
        ("unhealthy", []) => container.health = Some(Health::Unhealthy),
        ("starting", []) => container.health = Some(Health::Starting),
        ("disconnect", [network]) => drop(container.networks.remove(*network)),
        ("unmount", [target]) => container.mounts.retain(|mount| mount.target != *target),
        ("modified", [kind, path, after @ ..]) => {
            let after: i64 = after.iter().map(|seconds| seconds.parse::<i64>().expect("seconds")).sum();
            let at = (container.created + after).saturating_mul(1_000_000_000);
            found.modified.insert(format!("{kind} {path}"), at);
        }
        ("configured", [pointer, value @ ..]) => {
            let value = serde_json::from_str(&value.join(" ")).expect("JSON");
            found.configured.insert((*pointer).to_owned(), value);
        }
        ("label", [key, value]) => drop(container.labels.insert((*key).to_owned(), (*value).to_owned())),
        _ => panic!("unknown event {event} {rest:?}"),
    }
}

fn normal(reference: &str) -> String {
    reconcile::model::observed::normalize_reference(reference)
}

fn run(path: &Path) -> Result<(), String> {
    let case = Case::load(path);
    let (plan, observed) = case.plan();
    let complaints = plan::lint(&plan, &observed, &case.after);
    if !complaints.is_empty() {
        return Err(format!("lint: {complaints:#?}\n{}", plan::text(&plan)));
    }
    if case.script.down.is_none() {
        replays(&case, &plan, &observed)?;
    }
    let volumes: BTreeSet<String> = case.engine.world().volumes.keys().cloned().collect();
    let report = sequential::execute(&plan, &case.engine, usize::MAX);
    if !volumes.iter().all(|name| case.engine.world().volumes.contains_key(name)) {
        return Err("a volume went".to_owned());
    }
    if !case.script.unsettled && case.script.down.is_none() {
        if !report.is_success() {
            return Err(format!("failed: {:?}\n{}", sequential::failures(&report), plan::text(&plan)));
        }
        let (next, _) = case.plan();
        if !next.steps.is_empty() {
            return Err(format!("does not settle:\n{}\nthen\n{}", plan::text(&plan), plan::text(&next)));
        }
    }
    compare(path, &plan::text(&plan))
}

fn compare(path: &Path, text: &str) -> Result<(), String> {
    let file = path.join("plan.txt");
    let expected = fs::read_to_string(&file).ok();
    if expected.as_deref() == Some(text) {
        return Ok(());
    }
    let expected = expected.unwrap_or_default();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, text).expect("plan.txt can be written");
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(&*expected, text);
    Err(format!("plan.txt differs:\n{}", diff.unified_diff()))
}

/// A record of what was wanted and what stood gives the same plan, without its secrets.
fn replays(case: &Case, plan: &Plan, observed: &ObservedState) -> Result<(), String> {
    let word = |text: &str| format!("***{}", &digest(text.as_bytes())[..10]);
    let another = |text: &str| digest(format!("key {text}").as_bytes());
    let masked = plan::mask_states((&case.after, observed), &Redactor::default(), &word, &another);
    let masked = masked.map_err(|error| format!("cannot be recorded: {error}"))?;
    let read = |text: &str| serde_json::from_str(text).map_err(|error| format!("cannot be read: {error}"));
    let desired: DesiredState = read(&masked.desired)?;
    let standing = serde_json::from_str(&masked.observed).map_err(|error| error.to_string())?;
    let mut again = plan::plan(&desired, &standing, &case.script.policy, case.now());
    plan::mask_plan(&mut again, &Redactor::new(masked.words));
    let (wanted, found) = (plan::text(plan), plan::text(&again));
    if wanted == found {
        Ok(())
    } else {
        Err(format!("its record gives another plan:\n{wanted}\nand\n{found}"))
    }
}

#[test]
fn every_case_gives_its_plan() {
    let mut failures = Vec::new();
    for path in cases() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let result = std::panic::catch_unwind(|| run(&path)).unwrap_or_else(|_| Err("panicked".to_owned()));
        if let Err(why) = result {
            failures.push(format!("=== {name}\n{why}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn case_directories_hold_known_files_only() {
    let all = cases();
    assert!(all.len() >= 40, "only {} cases", all.len());
    for path in all {
        let names: Vec<String> = fs::read_dir(&path)
            .unwrap_or_else(|_| panic!("{} is no directory", path.display()))
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        for name in &names {
            assert!(FILES.contains(&name.as_str()), "{}: unknown file {name}", path.display());
        }
        let has = |name: &str| names.iter().any(|found| found == name);
        assert!(has("before.yaml") || has("after.yaml"), "{}: no state", path.display());
    }
}
