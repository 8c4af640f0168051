//! Plans as JSON: the object of `--dry-run --format json`, and the part of it that is about one stack.

use super::text::plan_id;
use crate::model::change::{ACTIONS, Change, ChangeAction, ChangeSet, StackChanges};
use crate::model::interruption::{Down, Interruption};
use crate::model::observed::EngineInfo;
use crate::model::problem::Problem;
use crate::model::shape::{Maybe, shape};
use crate::model::step::{Plan, Step};
use std::collections::BTreeMap;

/// Kinds of what can be blocked.
const KINDS: [&str; 3] = ["service", "network", "volume"];

shape! {
    /// A plan: what would be done now, and why.
    pub struct ShownPlan {
        /// Digest of the steps: equal ids mean equal steps.
        plan_id: String,
        /// Digest of everything that the source asks for; of a git repository the commit.
        revision: String,
        /// The engine.
        engine: ShownEngine,
        /// What becomes of each stack.
        stacks: Vec<ShownStack>,
        /// Engine calls in their order.
        steps: Vec<ShownStep>,
        /// How many services are changed, and how.
        summary: Summary,
        /// What loading had to say, warnings too.
        errors: Vec<Problem>,
    }

    /// An engine.
    pub struct ShownEngine {
        /// Its version.
        version: String,
        /// The version of its API.
        api: String,
        /// Its operating system.
        os: String,
    }

    /// What becomes of a stack.
    pub struct ShownStack {
        /// Its name.
        name: String,
        /// Its services.
        services: Vec<ShownService>,
        /// Its networks.
        networks: Vec<ShownResource>,
        /// Its volumes.
        volumes: Vec<ShownResource>,
        /// Everything that is blocked, once more.
        blocked: Vec<ShownBlock>,
    }

    /// What becomes of a service.
    pub struct ShownService {
        /// Its name.
        name: String,
        /// What is done to it.
        action: &'static str [ACTIONS],
        /// Why.
        causes: Vec<ShownCause>,
        /// What changes in its definition, as a unified diff; empty if nothing does.
        diff: String,
        /// What changes in mounted files, by path, as far as what they hold now is known.
        contents: Maybe<BTreeMap<String, String>>,
        /// What it interrupts, if something that runs is stopped.
        interruption: Maybe<ShownInterruption>,
        /// Containers that stay although another tool made them.
        adopted: Maybe<Vec<String>>,
        /// What there is to know.
        warnings: Maybe<Vec<String>>,
    }

    /// What becomes of a network or volume.
    pub struct ShownResource {
        /// Its key.
        name: String,
        /// What is done to it.
        action: &'static str [ACTIONS],
        /// Why.
        causes: Vec<ShownCause>,
        /// What changes in its definition, as a unified diff.
        diff: Maybe<String>,
        /// What stays although another tool made it.
        adopted: Maybe<Vec<String>>,
        /// What there is to know.
        warnings: Maybe<Vec<String>>,
    }

    /// What a change interrupts.
    pub struct ShownInterruption {
        /// How many containers are stopped.
        containers: usize,
        /// For how many seconds each is down at most; null if something without a limit comes in between.
        seconds: Option<f64>,
        /// The same for people.
        text: String,
    }

    /// Something that should change and is not changed.
    pub struct ShownBlock {
        /// What it is.
        kind: &'static str [KINDS],
        /// Its name.
        name: String,
        /// Why.
        causes: Vec<ShownCause>,
    }

    /// A reason.
    pub struct ShownCause {
        /// What kind of reason, such as `image` or `environment`.
        kind: &'static str,
        /// What it is about: a key path, a file, a container.
        path: String,
        /// What stands now, for people.
        old: Option<String>,
        /// What is wanted, for people.
        new: Option<String>,
    }

    /// An engine call.
    pub struct ShownStep {
        /// Its id in the plan.
        id: String,
        /// What is done.
        action: &'static str,
        /// To what.
        target: String,
        /// The steps that it comes after.
        after: Vec<String>,
    }

    /// Numbers of services by what is done to them; what is blocked or waits counts networks and volumes too.
    #[derive(Copy, Default, Eq)]
    pub struct Summary {
        /// Services to create.
        create: usize,
        /// Services to replace.
        replace: usize,
        /// Services to start.
        start: usize,
        /// Services beside which something is left over.
        tidy: usize,
        /// Services to remove.
        remove: usize,
        /// Services that stay as they are.
        unchanged: usize,
        /// Services, networks and volumes whose change is blocked.
        blocked: usize,
        /// Services, networks and volumes whose change waits for its time.
        wait: usize,
    }
}

impl Summary {
    /// Counts a change set.
    pub fn of(changes: &ChangeSet) -> Self {
        let mut summary = Self::default();
        for stack in changes.values() {
            summary.add(stack);
        }
        summary
    }

    fn add(&mut self, stack: &StackChanges) {
        for change in stack.services.values() {
            *match change.action {
                ChangeAction::Create => &mut self.create,
                ChangeAction::Replace => &mut self.replace,
                ChangeAction::Start => &mut self.start,
                ChangeAction::Tidy => &mut self.tidy,
                ChangeAction::Remove => &mut self.remove,
                ChangeAction::Unchanged => &mut self.unchanged,
                ChangeAction::Blocked => &mut self.blocked,
                ChangeAction::Wait => &mut self.wait,
            } += 1;
        }
        let others = || stack.networks.values().chain(stack.volumes.values());
        let count = |action| others().filter(|change| change.action == action).count();
        self.blocked += count(ChangeAction::Blocked);
        self.wait += count(ChangeAction::Wait);
    }

    /// Whether nothing is to change and nothing is held back.
    pub const fn is_settled(self) -> bool {
        let Self { create, replace, start, tidy, remove, unchanged: _, blocked, wait } = self;
        create + replace + start + tidy + remove + blocked + wait == 0
    }

    /// Whether something is held back, until its time or until somebody sees to it.
    pub const fn is_held_back(self) -> bool {
        self.blocked + self.wait > 0
    }

    /// The counts as a sentence, what there is none of left out.
    pub fn sentence(self) -> String {
        self.told(["to create", "to replace", "to start", "to tidy up", "to remove"])
    }

    /// The same of what was done.
    pub fn past(self) -> String {
        self.told(["created", "replaced", "started", "tidied up", "removed"])
    }

    fn told(self, words: [&str; 5]) -> String {
        let Self { create, replace, start, tidy, remove, unchanged, blocked, wait } = self;
        let counts = [create, replace, start, tidy, remove].into_iter().zip(words);
        let counts = counts.chain([(unchanged, "unchanged"), (blocked, "blocked"), (wait, "waiting")]);
        let told: Vec<String> =
            counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if told.is_empty() { "no services to change".to_owned() } else { told.join(", ") }
    }
}

impl From<&EngineInfo> for ShownEngine {
    fn from(engine: &EngineInfo) -> Self {
        let api = format!("{}.{}", engine.api.0, engine.api.1);
        Self { version: engine.version.clone(), api, os: engine.os.clone() }
    }
}

impl ShownService {
    /// A service with its change.
    pub fn of(name: &str, change: &Change) -> Self {
        service(name, change)
    }
}

impl ShownPlan {
    /// A plan; `errors` is what loading had to say.
    pub fn new(plan: &Plan, engine: &EngineInfo, errors: Vec<Problem>) -> Self {
        Self {
            plan_id: plan.id.clone(),
            revision: plan.revision.clone(),
            engine: engine.into(),
            stacks: plan.changes.iter().map(|(name, changes)| stack(name, changes)).collect(),
            steps: plan.steps.iter().map(step).collect(),
            summary: Summary::of(&plan.changes),
            errors,
        }
    }
}

/// What a plan says of one stack.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StackPlan {
    /// Digest of its steps.
    pub id: String,
    /// What becomes of it.
    pub changes: StackChanges,
    /// The same as people are told of it, if something is explained or must not be told.
    pub told: Option<StackChanges>,
    /// Its steps. They may come after some of other stacks.
    pub steps: Vec<ShownStep>,
}

impl StackPlan {
    /// The parts of a plan, by stack, as far as they are others than those that are known.
    pub fn news<'a, 'b>(plan: &'a Plan, known: impl Fn(&str) -> Option<&'b Self>) -> Vec<(&'a str, Self)> {
        let mut steps: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        for step in &plan.steps {
            steps.entry(&step.stack).or_default().push(step);
        }
        let of = |(name, changes): (&'a String, &StackChanges)| {
            let own = steps.remove(name.as_str()).unwrap_or_default();
            let id = plan_id(own.iter().copied());
            let is_known = |known: &Self| known.id == id && known.changes == *changes;
            if known(name).is_some_and(is_known) {
                return None;
            }
            let steps = own.into_iter().map(step).collect();
            Some((name.as_str(), Self { id, changes: changes.clone(), told: None, steps }))
        };
        plan.changes.iter().filter_map(of).collect()
    }

    /// Whether there is nothing to be said about it that could be explained or masked.
    pub fn is_plain(&self) -> bool {
        let StackChanges { services, networks, volumes } = &self.changes;
        let mut all = [services, networks, volumes].into_iter().flat_map(BTreeMap::values);
        all.all(|change| change.causes.is_empty() && change.diff.is_empty() && change.warnings.is_empty())
    }

    /// How many services it changes, and how.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        summary.add(&self.changes);
        summary
    }

    /// As a plan of its own.
    pub fn shown(&self, name: &str, revision: &str, engine: &EngineInfo, errors: Vec<Problem>) -> ShownPlan {
        ShownPlan {
            plan_id: self.id.clone(),
            revision: revision.to_owned(),
            engine: engine.into(),
            stacks: vec![stack(name, self.told.as_ref().unwrap_or(&self.changes))],
            steps: self.steps.clone(),
            summary: self.summary(),
            errors,
        }
    }
}

fn stack(name: &str, changes: &StackChanges) -> ShownStack {
    let StackChanges { services, networks, volumes } = changes;
    let groups = KINDS.into_iter().zip([services, networks, volumes]);
    let all = groups.flat_map(|(kind, group)| group.iter().map(move |(name, change)| (kind, name, change)));
    let blocked = all.filter(|(_, _, change)| change.action == ChangeAction::Blocked);
    ShownStack {
        name: name.to_owned(),
        services: services.iter().map(|(name, change)| service(name, change)).collect(),
        networks: networks.iter().map(|(name, change)| resource(name, change)).collect(),
        volumes: volumes.iter().map(|(name, change)| resource(name, change)).collect(),
        blocked: blocked
            .map(|(kind, name, change)| ShownBlock { kind, name: name.clone(), causes: causes(change) })
            .collect(),
    }
}

fn service(name: &str, change: &Change) -> ShownService {
    let ShownResource { name, action, causes, diff: _, adopted, warnings } = resource(name, change);
    let interruption = change.interruption.map(interruption);
    ShownService {
        name,
        action,
        causes,
        diff: change.diff.clone(),
        contents: Maybe(Some(change.contents.clone()).filter(|contents| !contents.is_empty())),
        interruption: Maybe(interruption),
        adopted,
        warnings,
    }
}

fn interruption(told: Interruption) -> ShownInterruption {
    let seconds = match told.down {
        Down::Never => Some(0.0),
        Down::UpTo(time) => Some(time.to_std().as_secs_f64()),
        Down::Unknown => None,
    };
    ShownInterruption { containers: told.containers, seconds, text: told.to_string() }
}

fn resource(name: &str, change: &Change) -> ShownResource {
    ShownResource {
        name: name.to_owned(),
        action: change.action.as_str(),
        causes: causes(change),
        diff: Maybe(Some(change.diff.clone()).filter(|diff| !diff.is_empty())),
        adopted: Maybe::some(&change.adopted),
        warnings: Maybe::some(&change.warnings),
    }
}

fn causes(change: &Change) -> Vec<ShownCause> {
    let shown = change.causes.iter().map(|cause| ShownCause {
        kind: cause.kind.as_str(),
        path: cause.path.clone(),
        old: cause.old.clone(),
        new: cause.new.clone(),
    });
    shown.collect()
}

fn step(step: &Step) -> ShownStep {
    ShownStep {
        id: step.id.clone(),
        action: step.action.as_str(),
        target: step.action.target(),
        after: step.after.iter().chain(&step.after_any).cloned().collect(),
    }
}
