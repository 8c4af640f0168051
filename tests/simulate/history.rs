//! Histories: a source is applied, edited, and applied again, and that run is disturbed at every point there is.

use super::engine::{Kill, SlowEngine};
use super::random::Random;
use super::stacks::{Source, one_in};
use reconcile::cycle::{self, Aim, Applied};
use reconcile::engine::sim::{Fault, SimEngine, World};
use reconcile::execute::{Events, Options};
use reconcile::model::change::ChangeAction;
use reconcile::model::desired::DesiredState;
use reconcile::model::report::Outcome;
use reconcile::model::step::{Action, Plan, Step};
use reconcile::plan::{self, Policy, Retry};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::sync::watch;

/// Numbers of histories by what was done to them.
pub type Tally = BTreeMap<&'static str, usize>;

/// Every kind of disturbance.
pub const KINDS: [&str; 6] = [
    "undisturbed",
    "killed before a call",
    "killed after a call",
    "call fails",
    "reply lost",
    "never healthy",
];

/// The guard against a source that loses most of its stacks is tested elsewhere.
fn policy() -> Policy {
    Policy { max_removals: 100, ..Policy::default() }
}

struct Deaf;

impl Events for Deaf {
    fn started(&self, _: &Step) {}
    fn note(&self, _: &Step, _: &str) {}
    fn finished(&self, _: &Step, _: &Outcome, _: Duration) {}
}

/// What one seed stands for.
struct History {
    seed: u64,
    /// What the engine holds before the update.
    world: World,
    /// What was applied before, and what is applied now.
    before: Source,
    after: Source,
    desired: DesiredState,
    /// Services between which a port or a name passes: one that fails can keep another one down.
    passing: BTreeSet<(String, String)>,
    /// Containers that the update leaves alone: id to name and number of starts.
    untouched: BTreeMap<String, (String, usize)>,
}

/// Plays every history of a seed. An error tells which failed, and how.
pub fn play(seed: u64, tally: &mut Tally) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(play_all(seed, tally)).map_err(|error| format!("seed {seed}: {error}"))
}

async fn play_all(seed: u64, tally: &mut Tally) -> Result<(), String> {
    let mut random = Random::new(seed, "stacks");
    let engine = SimEngine::default();
    let mut before = Source::random(&mut random);
    for _ in 0..=random.below(2) {
        let run = run(&engine, &before.desired(), &policy(), Random::new(seed, "before"), None).await;
        succeeded(&run?.ok_or("nobody kills it")?).map_err(|error| format!("{error}\n{}", before.text()))?;
        before = before.edited(&mut random, true);
    }
    succeeded(&run(&engine, &before.desired(), &policy(), random.clone(), None).await?.ok_or("killed")?)?;
    let hands_over = one_in(&mut random, 2);
    let after = before.edited(&mut random, hands_over);
    let world = engine.world().clone();
    let desired = after.desired();
    let untouched = untouched(&engine, &planned(&engine, &desired, &policy())?);
    let passing = passing(&before.desired(), &desired);
    let history = History { seed, world, before, after, desired, passing, untouched };
    let calls = history.undisturbed().await.map_err(|error| history.told("undisturbed", &error))?;
    *tally.entry(KINDS[0]).or_default() += 1;
    for call in 1..=calls {
        for (kind, kill) in [(1, Kill::Before(call)), (2, Kill::After(call))] {
            let what = format!("{} {call}", KINDS[kind]);
            history.killed(kill).await.map_err(|error| history.told(&what, &error))?;
            *tally.entry(KINDS[kind]).or_default() += 1;
        }
        for (kind, fault) in [(3, Fault::Fails), (4, Fault::ReplyLost)] {
            let what = format!("{} {call}", KINDS[kind]);
            history.failed(call, fault).await.map_err(|error| history.told(&what, &error))?;
            *tally.entry(KINDS[kind]).or_default() += 1;
        }
    }
    for place in history.after.checked() {
        let what = format!("{} {place:?}", KINDS[5]);
        history.sick(place).await.map_err(|error| history.told(&what, &error))?;
        *tally.entry(KINDS[5]).or_default() += 1;
    }
    Ok(())
}

impl History {
    fn told(&self, what: &str, error: &str) -> String {
        format!("{what}: {error}\n--- before\n{}\n--- after\n{}", self.before.text(), self.after.text())
    }

    fn engine(&self) -> SimEngine {
        SimEngine::new(self.world.clone())
    }

    fn random(&self, purpose: &str) -> Random {
        Random::new(self.seed, purpose)
    }

    /// Nothing happens to it. Gives the number of its calls.
    async fn undisturbed(&self) -> Result<usize, String> {
        let engine = self.engine();
        let random = self.random("way");
        let done = run(&engine, &self.desired, &policy(), random, None).await?;
        succeeded(&done.ok_or("nobody kills it")?)?;
        let calls = engine.world().calls;
        self.left_alone(&engine)?;
        self.holds(&engine, &self.desired)?;
        Ok(calls)
    }

    /// The program is killed, and what runs next finds what it left; sometimes that is killed as well, and sometimes
    /// there is another version by then.
    async fn killed(&self, kill: Kill) -> Result<(), String> {
        let engine = self.engine();
        run(&engine, &self.desired, &policy(), self.random("way"), Some(kill)).await?;
        self.keeps_volumes(&engine)?;
        let mut random = self.random(&format!("{kill:?}"));
        if one_in(&mut random, 6) {
            let again = Kill::After(1 + random.below(20));
            run(&engine, &self.desired, &policy(), random.clone(), Some(again)).await?;
        }
        let later = one_in(&mut random, 4).then(|| self.after.edited(&mut random, true).desired());
        let desired = later.as_ref().unwrap_or(&self.desired);
        let done = run(&engine, desired, &policy(), random, None).await?.ok_or("nobody kills it")?;
        succeeded(&done).map_err(|error| format!("the next run: {error}"))?;
        let held = match &later {
            None => self.left_alone(&engine).and_then(|()| self.holds(&engine, desired)),
            Some(_) => self.holds(&engine, desired),
        };
        held.map_err(|error| format!("{error}\nafter the run\n{}", plan::text(&done.0)))
    }

    /// One call fails, or its reply is lost, and the program goes on: it takes back what it has to.
    async fn failed(&self, call: usize, fault: Fault) -> Result<(), String> {
        let engine = self.engine();
        engine.world().faults.insert(call, fault);
        let policy = policy();
        let done = run(&engine, &self.desired, &policy, self.random("way"), None).await?;
        engine.world().faults.clear();
        let (plan, applied) = done.ok_or("nobody kills it")?;
        self.serves(&engine, &self.desired)
            .map_err(|error| format!("{error}\n{}\n{}", plan::text(&plan), told(&applied)))?;
        self.keeps_volumes(&engine)?;
        let policy = Policy { retry: Retry::All, ..policy };
        let done = run(&engine, &self.desired, &policy, self.random("again"), None).await?;
        let done = done.ok_or("nobody kills it")?;
        succeeded(&done).map_err(|error| format!("the next run: {error}\n{}", told(&applied)))?;
        self.left_alone(&engine).and_then(|()| self.holds(&engine, &self.desired)).map_err(|error| {
            let (first, next) = (plan::text(&plan), plan::text(&done.0));
            format!("{error}\nafter\n{first}\n{}\nand the next run\n{next}", told(&applied))
        })
    }

    /// The containers of one service never get healthy: its old ones serve again, and it is left alone until there is
    /// another version.
    async fn sick(&self, place: (usize, usize)) -> Result<(), String> {
        let engine = self.engine();
        let sick = self.after.with_sick(place).desired();
        let policy = policy();
        let done = run(&engine, &sick, &policy, self.random("way"), None).await?;
        let (plan, applied) = done.ok_or("nobody kills it")?;
        let context = || format!("{}\n{}", plan::text(&plan), told(&applied));
        self.serves(&engine, &sick).map_err(|error| format!("{error}\n{}", context()))?;
        self.keeps_volumes(&engine)?;
        // What waited for it may be brought up by a run to come; what failed is not touched again.
        run(&engine, &sick, &policy, self.random("second"), None).await?;
        let (stack, service) = Source::name(place);
        let third = planned(&engine, &sick, &policy)?;
        let touches = |step: &&Step| {
            let waits = matches!(step.action, Action::AwaitHealthy { .. } | Action::AwaitStable { .. });
            step.stack == stack && step.service == service && !waits
        };
        let served = up(&self.world).contains(&(stack.clone(), service.clone()));
        // What never served has nothing to lose: it is tried again.
        if let Some(step) = third.steps.iter().find(touches).filter(|_| served) {
            return Err(format!("{} is done again and again\n{}", step.id, context()));
        }
        self.serves(&engine, &sick).map_err(|error| format!("after the second run: {error}"))?;
        let done = run(&engine, &self.desired, &policy, self.random("well"), None).await?;
        succeeded(&done.ok_or("nobody kills it")?).map_err(|error| format!("once it is well: {error}"))?;
        self.holds(&engine, &self.desired)
    }

    /// All is as it should be in the end.
    fn holds(&self, engine: &SimEngine, desired: &DesiredState) -> Result<(), String> {
        self.keeps_volumes(engine)?;
        let next = planned(engine, desired, &policy())?;
        if !next.steps.is_empty() {
            return Err(format!("the next plan is not empty\n{}", plan::text(&next)));
        }
        let world = engine.world();
        for container in world.containers.values().map(|found| &found.observed) {
            let change = next.changes.get(container.stack());
            let change = change.and_then(|stack| stack.services.get(container.service()));
            let is_held = change.is_some_and(|change| change.action == ChangeAction::Blocked);
            let is_leftover =
                [".next", ".prev", ".failed"].iter().any(|ending| container.name.ends_with(ending));
            if is_leftover && !is_held {
                return Err(format!("{} is left over, and the plan says {change:?}", container.name));
            }
        }
        drop(world);
        self.serves(engine, desired)
    }

    fn left_alone(&self, engine: &SimEngine) -> Result<(), String> {
        let world = engine.world();
        for (id, was) in &self.untouched {
            let is = world.containers.get(id).map(|found| (found.observed.name.clone(), found.starts));
            if is.as_ref() != Some(was) {
                return Err(format!("{} was not to change, and did: {was:?}, now {is:?}", was.0));
            }
        }
        Ok(())
    }

    /// Every volume is there, with what was in it.
    fn keeps_volumes(&self, engine: &SimEngine) -> Result<(), String> {
        let world = engine.world();
        for (name, volume) in &self.world.volumes {
            let data = world.volumes.get(name).map(|found| &found.data);
            if !data.is_some_and(|data| volume.data.is_empty() || *data == volume.data) {
                return Err(format!("volume {name} had {:?}, now {data:?}", volume.data));
            }
        }
        Ok(())
    }

    /// What served before and is still wanted serves, old or new.
    fn serves(&self, engine: &SimEngine, desired: &DesiredState) -> Result<(), String> {
        let (was, is) = (up(&self.world), up(&engine.world()));
        let wanted = |(stack, service): &&(String, String)| {
            let found = desired.stacks.get(stack).and_then(|stack| stack.services.get(service));
            found.is_some_and(|found| found.replicas > 0 && !found.spec.image.starts_with("job"))
        };
        let down: Vec<String> = was
            .iter()
            .filter(wanted)
            .filter(|service| !is.contains(*service) && !self.passing.contains(*service))
            .map(|(stack, service)| format!("{stack}/{service}"))
            .collect();
        if down.is_empty() { Ok(()) } else { Err(format!("{} served before, and is down", down.join(", "))) }
    }
}

/// Services that give a port or a name to another one, and those that take it.
fn passing(before: &DesiredState, after: &DesiredState) -> BTreeSet<(String, String)> {
    let (old, new) = (holders(before), holders(after));
    let mut passing = BTreeSet::new();
    for (thing, givers) in &old {
        let takers = new.get(thing).into_iter().flatten().filter(|taker| !givers.contains(*taker));
        for taker in takers {
            passing.insert(taker.clone());
            passing.extend(givers.iter().cloned());
        }
    }
    passing
}

/// Who has which port of the host, and which name.
fn holders(desired: &DesiredState) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut holders: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for (stack, found) in &desired.stacks {
        for (key, service) in &found.services {
            let spec = &service.spec;
            let ports = spec
                .ports
                .iter()
                .filter(|port| !port.published.is_empty())
                .map(|port| port.published.clone());
            let name = Some(spec.container_name.clone()).filter(|name| !name.is_empty());
            for thing in ports.chain(name) {
                holders.entry(thing).or_default().insert((stack.clone(), key.clone()));
            }
        }
    }
    holders
}

fn up(world: &World) -> BTreeSet<(String, String)> {
    let all = world.containers.values().map(|container| &container.observed).filter(|found| found.is_up());
    all.map(|found| (found.stack().to_owned(), found.service().to_owned())).collect()
}

/// Plans, and holds the plan against the linter.
fn planned(engine: &SimEngine, desired: &DesiredState, policy: &Policy) -> Result<Plan, String> {
    let observed = engine.snapshot(&plan::observe_request(desired));
    let now = engine.world().clock;
    let plan = plan::plan(desired, &observed, policy, now);
    let complaints = plan::lint(&plan, &observed, desired);
    if complaints.is_empty() {
        Ok(plan)
    } else {
        Err(format!("the linter: {}\n{}", complaints.join("\n"), plan::text(&plan)))
    }
}

/// A whole run of the program, as far as it gets. `None` if it was killed.
async fn run(
    engine: &SimEngine,
    desired: &DesiredState,
    policy: &Policy,
    random: Random,
    kill: Option<Kill>,
) -> Result<Option<(Plan, Applied)>, String> {
    planned(engine, desired, policy)?;
    let slow = SlowEngine::new(engine, random, kill);
    let now = engine.world().clock;
    let work = async {
        let plan = cycle::plan(&slow, desired, policy, now).await.map_err(|error| error.to_string())?.plan;
        let (_go_on, stop) = watch::channel(false);
        let redactor = plan::secrets(desired, &|_| None);
        let options =
            Options { parallel: 4, stop, events: &Deaf, redactor: &redactor, chance: || 0.0, turns: None };
        let aim = Aim { desired, policy, mounts: None, clock: &|| now };
        let applied = cycle::reconcile(&slow, aim, &plan, &options).await;
        Ok(Some((plan, applied)))
    };
    tokio::select! {
        biased;
        () = slow.killed.notified() => Ok(None),
        done = work => done,
    }
}

fn succeeded((plan, applied): &(Plan, Applied)) -> Result<(), String> {
    if applied.is_success() {
        return Ok(());
    }
    Err(format!("it failed\n{}\n{}", plan::text(plan), told(applied)))
}

/// What did not succeed, and how that was taken back.
fn told(applied: &Applied) -> String {
    let mut text = String::new();
    let reports = [Some(&applied.report), applied.rollback.as_ref().map(|(_, report)| report)];
    for (at, report) in reports.into_iter().enumerate() {
        for (id, (outcome, _)) in report.into_iter().flat_map(|report| &report.outcomes) {
            if !outcome.is_success() || at == 1 {
                let _ = writeln!(text, "{}{id}: {outcome:?}", ["", "way back: "][at]);
            }
        }
    }
    text
}

/// Containers of services that a plan leaves alone.
fn untouched(engine: &SimEngine, plan: &Plan) -> BTreeMap<String, (String, usize)> {
    let is_unchanged = |stack: &str, service: &str| {
        let change = plan.changes.get(stack).and_then(|stack| stack.services.get(service));
        change.is_some_and(|change| matches!(change.action, ChangeAction::Unchanged | ChangeAction::Blocked))
    };
    let world = engine.world();
    let all = world.containers.values();
    all.filter(|found| is_unchanged(found.observed.stack(), found.observed.service()))
        .map(|found| (found.observed.id.clone(), (found.observed.name.clone(), found.starts)))
        .collect()
}
