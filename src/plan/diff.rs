//! The difference between desired and observed, decided resource by resource.

use super::Policy;
use super::blocks;
use super::closed;
use super::dialect;
use super::images::Images;
use super::index::Index;
use super::instances::Instance;
use super::networks::{self, NetworkFate, Networks};
use super::order;
use super::orphans;
use super::pre_deploy;
use super::quarantine;
use super::service::{self, Decided};
use super::volumes::{self, Volumes};
use crate::model::change::{Cause, CauseKind, Change, ChangeAction, ChangeSet, StackChanges};
use crate::model::compose_hash::Dialect;
use crate::model::desired::{DesiredService, DesiredStack, DesiredState};
use crate::model::drift::Drift;
use crate::model::observed::{ObservedContainer, ObservedState};
use std::collections::{BTreeMap, BTreeSet};

/// The difference, with what putting it in order needs to know.
pub struct Diff<'a> {
    /// The same for people: what happens to each resource and why.
    pub changes: ChangeSet,
    pub(super) desired: &'a DesiredState,
    pub(super) policy: &'a Policy,
    pub(super) index: Index<'a>,
    pub(super) images: Images,
    pub(super) stacks: Stacks<'a>,
}

/// Stacks by name.
pub(super) type Stacks<'a> = BTreeMap<&'a str, StackDiff<'a>>;

/// The difference of one stack.
#[derive(Default)]
pub(super) struct StackDiff<'a> {
    /// What is wanted; `None` for a stack that left the source.
    pub desired: Option<&'a DesiredStack>,
    /// In which dialect the labels of what is made are written.
    pub dialect: Dialect,
    /// Keys of the services that are wanted, each after those it depends on.
    pub order: Vec<&'a str>,
    /// Services by key, those that left included.
    pub services: Decided<'a>,
    /// Networks by key, those that left included.
    pub networks: Networks<'a>,
    /// Volumes by key.
    pub volumes: Volumes<'a>,
}

/// The difference of one service.
pub(super) struct ServiceDiff<'a> {
    /// What is wanted; `None` for a service that left.
    pub desired: Option<&'a DesiredService>,
    /// Its config hash.
    pub hash: String,
    /// Its replicas by number.
    pub instances: Vec<Instance<'a>>,
    /// Containers that go without a successor.
    pub gone: Vec<&'a ObservedContainer>,
    /// Whether its inputs failed before, so that its instances are those that served then.
    pub is_quarantined: bool,
    /// Whether it is blocked, and what an interrupted run stopped of it is started again as it was.
    pub is_restored: bool,
    /// The same for people.
    pub change: Change,
}

impl<'a> ServiceDiff<'a> {
    /// Whether nothing is done to it although something should be.
    pub fn is_blocked(&self) -> bool {
        matches!(self.change.action, ChangeAction::Blocked | ChangeAction::Wait)
    }

    /// Whether it takes part in the plan: what is quarantined is left as it is, and serves others as it is.
    pub fn takes_part(&self) -> bool {
        let is_as_it_was = || self.instances.iter().all(|found| found.action() == ChangeAction::Unchanged);
        !self.is_blocked() || self.is_restored || self.is_quarantined && is_as_it_was()
    }

    /// The change as people are told: not that it is left as somebody changed it, if they do not want to know.
    fn told(&self) -> Change {
        let is_left = |change: &Change| change.causes.iter().any(|cause| cause.kind == CauseKind::LeftAlone);
        match self.desired.map(|desired| desired.drift) {
            Some(Drift::Ignore) if is_left(&self.change) => Change::unchanged(),
            _ => self.change.clone(),
        }
    }

    /// Containers that will not be there any more.
    pub fn leaving(&self) -> impl Iterator<Item = &'a ObservedContainer> {
        let rest = self.instances.iter().flat_map(|instance| instance.rest.iter().copied());
        let all = rest.chain(self.gone.iter().copied());
        all.filter(|_| !self.is_blocked())
    }
}

/// What was found to stand in the way of an earlier round.
#[derive(Default)]
pub(super) struct Held {
    /// Networks that cannot be replaced, by engine name.
    pub networks: BTreeMap<String, Cause>,
    /// Volumes that must not be made yet, by engine name.
    pub volumes: BTreeMap<String, Cause>,
    /// Services that would clash with something that stays, by stack and key.
    pub services: BTreeMap<(String, String), Vec<Cause>>,
}

impl Held {
    fn len(&self) -> usize {
        self.networks.len() + self.volumes.len() + self.services.len()
    }
}

/// What deciding for one service may look at.
pub(super) struct Context<'a, 'c> {
    pub desired: &'a DesiredState,
    pub policy: &'c Policy,
    pub now: i64,
    pub index: &'c Index<'a>,
    pub images: &'c Images,
    pub networks: &'c BTreeMap<&'a str, Networks<'a>>,
    pub volumes: &'c BTreeMap<&'a str, Volumes<'a>>,
    pub makers: &'c BTreeMap<&'a str, (NetworkFate, Vec<Cause>)>,
    pub held: &'c Held,
    /// Why stacks may not be changed now, by name.
    pub closed: &'c BTreeMap<String, Cause>,
}

impl Context<'_, '_> {
    /// What becomes of the network of an engine name.
    pub fn network_fate(&self, name: &str) -> NetworkFate {
        self.makers.get(name).map_or(NetworkFate::Keep, |(fate, _)| *fate)
    }

    /// Why.
    pub fn network_causes(&self, name: &str) -> &[Cause] {
        self.makers.get(name).map_or(&[], |(_, causes)| causes)
    }
}

/// Compares and decides. `now` is in seconds since 1970.
///
/// Some obstacles show only when all is decided: a port whose holder stays, a network that something unmovable is
/// attached to. They are noted and everything is decided again, until nothing new turns up.
pub fn diff<'a>(
    desired: &'a DesiredState,
    observed: &'a ObservedState,
    policy: &'a Policy,
    now: i64,
) -> Diff<'a> {
    let index = Index::new(observed);
    let images = Images::decide(desired, &index, policy);
    let closed = closed::causes(desired, &index, policy, now);
    let mut held = Held::default();
    let stacks = loop {
        let (stacks, found) = round(desired, policy, &index, &images, (&held, &closed), now);
        let before = held.len();
        held.networks.extend(found.networks);
        held.volumes.extend(found.volumes);
        held.services.extend(found.services);
        if before == held.len() {
            break stacks;
        }
    };
    let changes = stacks.iter().map(|(name, stack)| ((*name).to_owned(), changes(stack))).collect();
    Diff { changes, desired, policy, index, images, stacks }
}

fn changes(stack: &StackDiff) -> StackChanges {
    StackChanges {
        services: stack.services.iter().map(|(key, service)| (key.clone(), service.told())).collect(),
        networks: stack.networks.iter().map(|(key, network)| (key.clone(), network.change.clone())).collect(),
        volumes: stack.volumes.iter().map(|(key, volume)| (key.clone(), volume.change.clone())).collect(),
    }
}

fn round<'a>(
    desired: &'a DesiredState,
    policy: &Policy,
    index: &Index<'a>,
    images: &Images,
    (held, closed): (&Held, &BTreeMap<String, Cause>),
    now: i64,
) -> (Stacks<'a>, Held) {
    let covered = || desired.stacks.values().filter(|stack| policy.covers(&stack.name));
    let claims = networks::claims(desired, index);
    let volume_claims = volumes::claims(desired);
    let networks: BTreeMap<&str, Networks> = covered()
        .map(|stack| {
            let own = (stack, desired.source.as_str(), closed.get(&stack.name));
            (stack.name.as_str(), networks::decide(own, index, (&policy.retry, now), &claims, &held.networks))
        })
        .collect();
    let volumes: BTreeMap<&str, Volumes> = covered()
        .map(|stack| (stack.name.as_str(), volumes::decide(stack, index, &volume_claims, &held.volumes)))
        .collect();
    let makers = makers(&networks);
    let context = Context {
        desired,
        policy,
        now,
        index,
        images,
        networks: &networks,
        volumes: &volumes,
        makers: &makers,
        held,
        closed,
    };
    let mut stacks: Stacks = BTreeMap::new();
    for stack in covered() {
        let order = order::services(stack);
        let mut services = Decided::new();
        for key in &order {
            if let Some(decided) = service::decide(&context, stack, key, &services) {
                services.insert((*key).to_owned(), decided);
            }
        }
        let mut left = orphans::services(stack, &desired.source, index, closed.get(&stack.name));
        for (key, service) in &mut left {
            if let Some(causes) = held.services.get(&(stack.name.clone(), key.clone())) {
                service.change = Change::new(ChangeAction::Blocked, causes.clone());
            }
        }
        services.extend(left);
        let dialect = dialect::of(stack, index);
        let found = StackDiff { desired: Some(stack), dialect, order, services, ..StackDiff::default() };
        stacks.insert(&stack.name, found);
    }
    let pruned = orphans::stacks(desired, policy, index, closed);
    let mut kept_networks: BTreeMap<&str, Cause> =
        closed.iter().map(|(name, cause)| (name.as_str(), cause.clone())).collect();
    for stack in pruned {
        if let Some(cause) = stack.held {
            kept_networks.insert(stack.name, cause);
        }
        stacks.insert(stack.name, StackDiff { services: stack.services, ..StackDiff::default() });
    }
    let leaving: BTreeSet<&str> = stacks
        .values()
        .flat_map(|stack| stack.services.values())
        .flat_map(ServiceDiff::leaving)
        .map(|container| container.id.as_str())
        .collect();
    let found = obstacles(&context, &stacks, &leaving);
    for (name, decided) in networks {
        if let Some(stack) = stacks.get_mut(name) {
            stack.networks = decided;
        }
    }
    for (name, decided) in volumes {
        if let Some(stack) = stacks.get_mut(name) {
            stack.volumes = decided;
        }
    }
    orphaned_networks(desired, index, &mut stacks, &leaving, &kept_networks);
    (stacks, found)
}

/// What becomes of each engine network: its maker's word counts, an external user's only if nobody makes it.
fn makers<'a>(networks: &BTreeMap<&'a str, Networks<'a>>) -> BTreeMap<&'a str, (NetworkFate, Vec<Cause>)> {
    let mut makers: BTreeMap<&str, (NetworkFate, Vec<Cause>)> = BTreeMap::new();
    let all =
        || networks.values().flat_map(Networks::values).filter_map(|network| Some((network.spec?, network)));
    for (spec, network) in all().filter(|(spec, _)| spec.external) {
        makers.insert(&spec.name, (network.fate, network.change.causes.clone()));
    }
    // Of two stacks that claim one name, the one that may not have it must not hide the one that has.
    for is_blocked in [true, false] {
        let own = all().filter(|(spec, _)| !spec.external);
        for (spec, network) in own.filter(|(_, network)| (network.fate == NetworkFate::Blocked) == is_blocked)
        {
            makers.insert(&spec.name, (network.fate, network.change.causes.clone()));
        }
    }
    makers
}

fn obstacles(context: &Context, stacks: &Stacks, leaving: &BTreeSet<&str>) -> Held {
    let mut held = Held::default();
    let mut names = BTreeMap::new();
    for (name, stack) in stacks {
        for (key, causes) in blocks::clashes(context, name, &stack.services, leaving, &mut names) {
            held.services.insert(((*name).to_owned(), key), causes);
        }
        held.volumes.extend(blocks::unmade_volumes(context, name, &stack.services));
        for (key, causes) in quarantine::needed(&stack.services, context.index) {
            held.services.entry(((*name).to_owned(), key)).or_default().extend(causes);
        }
        let jobs = stack.desired.map(|desired| pre_deploy::held(&stack.services, desired));
        for (key, causes) in jobs.into_iter().flatten() {
            held.services.entry(((*name).to_owned(), key)).or_default().extend(causes);
        }
    }
    let restored =
        stacks.values().flat_map(|stack| stack.services.values()).filter(|found| found.is_restored);
    let restored: BTreeSet<&str> = restored
        .flat_map(|found| found.instances.iter().filter_map(|instance| instance.keep))
        .map(|container| container.id.as_str())
        .collect();
    let replaced = context.makers.iter().filter(|(_, (fate, _))| *fate == NetworkFate::Replace);
    for (name, _) in replaced {
        let stays = |container: &&&ObservedContainer| {
            let is_known = stacks.get(container.stack()).is_some_and(|stack| stack.desired.is_some());
            let is_held = container.is_up() || restored.contains(&*container.id) || !is_known;
            !leaving.contains(&*container.id) && is_held
        };
        if let Some(container) = context.index.attached(name).iter().find(stays) {
            let cause = Cause::new(CauseKind::Dependency, &container.name);
            let why = Some("is attached to it and stays".to_owned());
            held.networks.insert((*name).to_owned(), cause.values(why, None));
        }
    }
    held
}

fn orphaned_networks<'a>(
    desired: &'a DesiredState,
    index: &Index<'a>,
    stacks: &mut Stacks<'a>,
    leaving: &BTreeSet<&str>,
    kept: &BTreeMap<&str, Cause>,
) {
    let all = desired.stacks.values().flat_map(|stack| stack.networks.values());
    let wanted: BTreeSet<&str> = all.map(|network| &*network.name).collect();
    for (name, stack) in stacks {
        let stays = |id: &str| !leaving.contains(id);
        let mut found = networks::orphans(name, &desired.source, &wanted, index, stays);
        for network in found.values_mut() {
            if let Some(cause) = kept.get(name) {
                network.fate = NetworkFate::Blocked;
                network.change = Change::new(closed::action(cause), vec![cause.clone()]);
            }
        }
        for (key, network) in found {
            // A key may be in use again under another engine name.
            let key = if stack.networks.contains_key(&key) { format!("{key} (old)") } else { key };
            stack.networks.insert(key, network);
        }
    }
}
