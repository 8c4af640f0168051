//! What a plan will mean for those who use the services: what is interrupted, for how long, and in which turns things happen.

use super::compare::recorded;
use super::index::Index;
use crate::model::change::{ChangeAction, ChangeSet};
use crate::model::interruption::{Down, Interruption, Trial};
use crate::model::observed::ObservedContainer;
use crate::model::step::{Action, Plan, Step};
use crate::model::units::Nanos;
use std::collections::{BTreeMap, BTreeSet};

/// How long an engine waits between the signal and the kill where nobody says.
const GRACE: Nanos = Nanos(10_000_000_000);
/// How many steps are looked at for one plan; what is not found out by then stays open.
const BUDGET: usize = 5_000_000;

/// Notes at every service what its change interrupts.
pub(super) fn tell(index: &Index, steps: &[Step], changes: &mut ChangeSet) {
    let mut outlook = Outlook::new(index, steps);
    let mut replicas: BTreeMap<(&str, &str), BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| !step.service.is_empty()) {
        let prefix = step.id.rsplit_once('/').map_or(step.id.as_str(), |(prefix, _)| prefix);
        let own = replicas.entry((&step.stack, &step.service)).or_default();
        own.entry(prefix).or_default().push(at);
    }
    for (stack, changes) in changes {
        for (service, change) in &mut changes.services {
            let own = replicas.get(&(stack.as_str(), service.as_str()));
            change.interruption = own.and_then(|own| outlook.of_service(own.values()));
        }
    }
}

struct Outlook<'a> {
    steps: &'a [Step],
    /// By step: the places of those that it comes after.
    before: Vec<Vec<usize>>,
    /// Containers that run, by id.
    up: BTreeMap<&'a str, &'a ObservedContainer>,
    budget: usize,
}

impl<'a> Outlook<'a> {
    fn new(index: &Index<'a>, steps: &'a [Step]) -> Self {
        let up = index.observed.containers.iter().filter(|found| found.is_up());
        let up = up.map(|found| (found.id.as_str(), found)).collect();
        Self { steps, before: before(steps), up, budget: BUDGET }
    }

    fn of_service<'b>(&mut self, replicas: impl Iterator<Item = &'b Vec<usize>>) -> Option<Interruption> {
        let mut all: Option<Interruption> = None;
        for own in replicas {
            let Some((down, trial)) = self.of_replica(own) else { continue };
            let told = all.get_or_insert(Interruption { containers: 0, down, trial });
            told.containers += 1;
            told.down = told.down.max(down);
            told.trial = told.trial.or(trial);
        }
        all
    }

    /// `None` if nothing that runs is stopped to run again.
    fn of_replica(&mut self, own: &[usize]) -> Option<(Down, Option<Trial>)> {
        let is_stop = |at: &&usize| match &self.steps[**at].action {
            Action::StopContainer { container, .. } | Action::RestartContainer { container, .. } => {
                self.up.contains_key(container.engine_ref())
            }
            _ => false,
        };
        let stop = *own.iter().find(is_stop)?;
        let trial = own.iter().find_map(|at| match self.steps[*at].action {
            Action::AwaitHealthy { timeout, .. } => Some(Trial::Healthy(timeout)),
            Action::AwaitStable { period, .. } => Some(Trial::Runs(period)),
            _ => None,
        });
        if matches!(self.steps[stop].action, Action::RestartContainer { .. }) {
            return Some((self.longest(stop).map_or(Down::Unknown, Down::UpTo), trial));
        }
        let is_start = |at: &&usize| matches!(self.steps[**at].action, Action::StartContainer(_));
        let start = *own.iter().find(is_start)?;
        let done = self.ancestors(stop, &BTreeSet::new());
        if done.contains(&start) {
            return Some((Down::Never, trial));
        }
        let between = self.ancestors(start, &done);
        Some((self.longest_path(&between, start).map_or(Down::Unknown, Down::UpTo), trial))
    }

    /// Steps that one comes after, itself left out, without going through any of `done`.
    fn ancestors(&mut self, of: usize, done: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![of];
        while let Some(at) = open.pop() {
            for before in &self.before[at] {
                self.budget = self.budget.saturating_sub(1);
                if self.budget > 0 && !done.contains(before) && found.insert(*before) {
                    open.push(*before);
                }
            }
        }
        found
    }

    /// The longest time that these steps and the last one take one after another. Each step stands behind those that it
    /// comes after.
    fn longest_path(&self, among: &BTreeSet<usize>, last: usize) -> Option<Nanos> {
        if self.budget == 0 {
            return None;
        }
        let mut ends: BTreeMap<usize, i64> = BTreeMap::new();
        for at in among.iter().copied().chain([last]) {
            let begin = self.before[at].iter().filter_map(|before| ends.get(before)).max().copied();
            ends.insert(at, begin.unwrap_or(0).saturating_add(self.longest(at)?.0));
        }
        ends.get(&last).map(|end| Nanos(*end))
    }

    /// How long a step may take, beside the moments of a call; `None` if nothing limits it.
    fn longest(&self, at: usize) -> Option<Nanos> {
        match &self.steps[at].action {
            Action::StopContainer { container, grace } | Action::RestartContainer { container, grace } => {
                let own = || self.up.get(container.engine_ref()).map_or(GRACE, |found| grace_of(found));
                Some(grace.map_or_else(own, |seconds| Nanos(seconds.saturating_mul(1_000_000_000))))
            }
            Action::AwaitHealthy { timeout, .. } | Action::AwaitCompleted { timeout, .. } => Some(*timeout),
            Action::AwaitStable { period, .. } | Action::Delay { period } => Some(*period),
            Action::PullImage { .. } | Action::BuildImage(_) | Action::Exec { .. } => None,
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::CreateVolume { .. }
            | Action::CreateContainer(_)
            | Action::CreateRun { .. }
            | Action::Mark { .. }
            | Action::ConnectNetwork { .. }
            | Action::UploadFiles { .. }
            | Action::StartContainer(_)
            | Action::UnpauseContainer(_)
            | Action::RenameContainer { .. }
            | Action::RemoveContainer(_) => Some(Nanos(0)),
        }
    }
}

/// The time that a container was given to stop, by its label.
fn grace_of(container: &ObservedContainer) -> Nanos {
    let recorded = recorded(container);
    let given = recorded.as_ref().and_then(|spec| spec.pointer("/spec/stop_grace_period"));
    given.and_then(|given| serde_json::from_value(given.clone()).ok()).unwrap_or(GRACE)
}

fn before(steps: &[Step]) -> Vec<Vec<usize>> {
    let places: BTreeMap<&str, usize> =
        steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
    let of = |step: &Step| {
        let all = step.after.iter().chain(&step.after_any);
        all.filter_map(|id| places.get(id.as_str()).copied()).collect()
    };
    steps.iter().map(of).collect()
}

/// Things that happen in the same turn: side by side, after all of the turn before that they depend on. Each is a verb with
/// what it is done to.
pub type Turn = Vec<(&'static str, String)>;

/// In which turns a plan does things, for people: each service, network, volume and image once, at the step that matters.
pub fn turns(plan: &Plan) -> Vec<Turn> {
    let before = before(&plan.steps);
    let stacks: BTreeSet<&String> =
        plan.steps.iter().map(|step| &step.stack).filter(|stack| !stack.is_empty()).collect();
    let is_one_stack = stacks.len() < 2;
    let made: BTreeSet<&str> = plan.steps.iter().filter_map(|step| made_network(&step.action)).collect();
    let gone: BTreeSet<&str> = plan.steps.iter().filter_map(|step| removed_network(&step.action)).collect();
    let mut told: BTreeSet<(&'static str, String)> = BTreeSet::new();
    // By step: how many turns are over when it has ended.
    let mut over: Vec<usize> = Vec::with_capacity(plan.steps.len());
    let mut turns: Vec<Turn> = Vec::new();
    let mains = mains(plan);
    for (at, step) in plan.steps.iter().enumerate() {
        let turn = before[at].iter().filter_map(|before| over.get(*before)).max().copied().unwrap_or(0);
        let is_main = match &step.action {
            // It is told where the new one is made.
            Action::RemoveNetwork { name, .. } => !made.contains(name.as_str()),
            _ => mains.contains(&at) || step.service.is_empty(),
        };
        let deed = deed(plan, step, is_one_stack).filter(|_| is_main).map(|(verb, name)| {
            let is_anew = made_network(&step.action).is_some_and(|made| gone.contains(made));
            (if is_anew { "replace network" } else { verb }, name)
        });
        let Some(deed) = deed.filter(|deed| told.insert(deed.clone())) else {
            over.push(turn);
            continue;
        };
        if turns.len() <= turn {
            turns.resize_with(turn + 1, Turn::new);
        }
        turns[turn].push(deed);
        over.push(turn + 1);
    }
    turns
}

fn made_network(action: &Action) -> Option<&str> {
    if let Action::CreateNetwork { spec, .. } = action { Some(&spec.name) } else { None }
}

fn removed_network(action: &Action) -> Option<&str> {
    if let Action::RemoveNetwork { name, .. } = action { Some(name) } else { None }
}

/// The step of each service that matters most to people: what makes it run, else the first that is done to it.
fn mains(plan: &Plan) -> BTreeSet<usize> {
    let mut mains: BTreeMap<(&str, &str), (bool, usize)> = BTreeMap::new();
    for (at, step) in plan.steps.iter().enumerate().filter(|(_, step)| !step.service.is_empty()) {
        let runs = matches!(
            step.action,
            Action::StartContainer(_) | Action::UnpauseContainer(_) | Action::RestartContainer { .. }
        );
        let main = mains.entry((&step.stack, &step.service)).or_insert((runs, at));
        if runs && !main.0 {
            *main = (true, at);
        }
    }
    mains.into_values().map(|(_, at)| at).collect()
}

fn deed(plan: &Plan, step: &Step, is_one_stack: bool) -> Option<(&'static str, String)> {
    let name = |key: &str| if is_one_stack { key.to_owned() } else { format!("{}/{key}", step.stack) };
    match &step.action {
        Action::PullImage { reference, .. } => return Some(("pull", reference.clone())),
        Action::BuildImage(_) => return Some(("build", step.action.target())),
        Action::CreateNetwork { spec, .. } => return Some(("create network", name(&spec.key))),
        Action::CreateVolume { spec, .. } => return Some(("create volume", name(&spec.key))),
        Action::RemoveNetwork { name, .. } => return Some(("remove network", name.clone())),
        _ => {}
    }
    let changes = plan.changes.get(&step.stack)?;
    let verb = match changes.services.get(&step.service)?.action {
        ChangeAction::Create | ChangeAction::Start => "start",
        ChangeAction::Replace => "replace",
        ChangeAction::Tidy => "tidy up",
        ChangeAction::Remove => "remove",
        // What is held back is started as it was, if it has any steps.
        ChangeAction::Unchanged | ChangeAction::Blocked | ChangeAction::Wait => "start as it was",
    };
    Some((verb, name(&step.service)))
}
