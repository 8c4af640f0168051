//! What becomes of networks.

use super::closed;
use super::explain;
use super::index::{Index, is_of_source, is_ours};
use super::sensitive::shown_pair;
use super::{Retry, subnets};
use crate::model::change::{Cause, CauseKind, Change, ChangeAction};
use crate::model::clock;
use crate::model::desired::{DesiredStack, DesiredState, IpamPool, NetworkSpec};
use crate::model::hash::HASH_VERSION;
use crate::model::labels;
use crate::model::observed::ObservedNetwork;
use crate::model::way_back::NetworkBack;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NetworkFate {
    /// It is as it should be, or somebody else sees to it.
    Keep,
    /// It is made.
    Create,
    /// It is made anew: everything attached stops in between.
    Replace,
    /// It goes.
    Remove,
    /// Nothing is done, and nothing new may use it.
    Blocked,
}

/// A network with what becomes of it.
#[derive(Debug)]
pub(super) struct NetworkDiff<'a> {
    /// What is wanted; `None` for one that is no longer in the file.
    pub spec: Option<&'a NetworkSpec>,
    /// What stands.
    pub observed: Option<&'a ObservedNetwork>,
    /// What becomes of it.
    pub fate: NetworkFate,
    /// The same for people.
    pub change: Change,
}

/// The networks of one stack by key.
pub(super) type Networks<'a> = BTreeMap<String, NetworkDiff<'a>>;

/// Which stack makes the network of a name: the one that has it already, else the first.
pub(super) fn claims<'a>(desired: &'a DesiredState, index: &Index) -> BTreeMap<&'a str, &'a str> {
    let mut claims: BTreeMap<&str, &str> = BTreeMap::new();
    for stack in desired.stacks.values() {
        for network in stack.networks.values().filter(|network| !network.external) {
            let holder = index.network(&network.name).and_then(|found| found.labels.get(labels::PROJECT));
            if holder == Some(&stack.name) || !claims.contains_key(network.name.as_str()) {
                claims.insert(&network.name, &stack.name);
            }
        }
    }
    claims
}

/// Decides for the networks in a stack's file, which may not be changed now if a cause is given. `held` are names that could
/// not be replaced: something that stays is attached to them.
pub(super) fn decide<'a>(
    (stack, source, closed): (&'a DesiredStack, &str, Option<&Cause>),
    index: &Index<'a>,
    (retry, now): (&Retry, i64),
    claims: &BTreeMap<&str, &str>,
    held: &BTreeMap<String, Cause>,
) -> Networks<'a> {
    let one = |spec: &'a NetworkSpec| {
        let observed = index.network(&spec.name);
        let (fate, causes) = match observed {
            _ if spec.external => external(spec, observed, claims),
            _ if claims.get(&*spec.name) != Some(&&*stack.name) => taken(spec, claims.get(&*spec.name)),
            None => (NetworkFate::Create, vec![Cause::new(CauseKind::Missing, &spec.name)]),
            Some(found) => {
                let refused = refused(spec, found, now).filter(|_| !retry.covers(&stack.name, ""));
                managed(stack, spec, found, held.get(&spec.name).or(refused.as_ref()))
            }
        };
        // Before anything is stopped for it.
        let is_made = matches!(fate, NetworkFate::Create | NetworkFate::Replace);
        let (fate, causes) = match subnets::clash(spec, source, index).filter(|_| is_made) {
            Some(clash) => (NetworkFate::Blocked, [clash].into_iter().chain(causes).collect()),
            None => (fate, causes),
        };
        let mut change = Change::new(action(fate), causes);
        let is_redefined = change.causes.iter().any(|cause| cause.kind == CauseKind::Attribute);
        if let Some(found) = observed.filter(|_| is_redefined) {
            change.diff = explain::network_diff(spec, found);
        }
        if let Some(cause) = closed.filter(|_| is_made) {
            change.action = closed::action(cause);
            change.causes.insert(0, cause.clone());
            return NetworkDiff { spec: Some(spec), observed, fate: NetworkFate::Blocked, change };
        }
        NetworkDiff { spec: Some(spec), observed, fate, change }
    };
    stack.networks.iter().map(|(key, spec)| (key.clone(), one(spec))).collect()
}

const fn action(fate: NetworkFate) -> ChangeAction {
    match fate {
        NetworkFate::Keep => ChangeAction::Unchanged,
        NetworkFate::Create => ChangeAction::Create,
        NetworkFate::Replace => ChangeAction::Replace,
        NetworkFate::Remove => ChangeAction::Remove,
        NetworkFate::Blocked => ChangeAction::Blocked,
    }
}

fn external(
    spec: &NetworkSpec,
    observed: Option<&ObservedNetwork>,
    claims: &BTreeMap<&str, &str>,
) -> (NetworkFate, Vec<Cause>) {
    // Another stack of the source may be about to make it.
    if observed.is_some() || claims.contains_key(&*spec.name) {
        return (NetworkFate::Keep, Vec::new());
    }
    let why = "external network is not there: create it, or drop `external`";
    let cause = Cause::new(CauseKind::Missing, &spec.name).values(None, Some(why.to_owned()));
    (NetworkFate::Blocked, vec![cause])
}

fn taken(spec: &NetworkSpec, owner: Option<&&str>) -> (NetworkFate, Vec<Cause>) {
    let old = owner.map(|owner| format!("network of stack {owner}"));
    let cause = Cause::new(CauseKind::NameTaken, &spec.name);
    (NetworkFate::Blocked, vec![cause.values(old, Some("declare it `external` to share it".to_owned()))])
}

fn managed(
    stack: &DesiredStack,
    spec: &NetworkSpec,
    found: &ObservedNetwork,
    holder: Option<&Cause>,
) -> (NetworkFate, Vec<Cause>) {
    match found.labels.get(labels::PROJECT) {
        Some(owner) if *owner == stack.name => {}
        Some(owner) => return taken(spec, Some(&&**owner)),
        None => {
            let old = Some("a network that no stack made".to_owned());
            let cause = Cause::new(CauseKind::NameTaken, &spec.name);
            let new = Some("declare it `external` to use it".to_owned());
            return (NetworkFate::Blocked, vec![cause.values(old, new)]);
        }
    }
    if is_same(spec, found) {
        return (NetworkFate::Keep, Vec::new());
    }
    let mut causes = definition_causes(spec, found);
    if causes.is_empty() {
        causes.push(Cause::new(CauseKind::Attribute, "definition"));
    }
    match holder {
        Some(holder) => {
            causes.push(holder.clone());
            (NetworkFate::Blocked, causes)
        }
        None => (NetworkFate::Replace, causes),
    }
}

/// Whether a network of this stack is the one that is wanted. Without a hash that can be compared, its visible
/// attributes decide.
fn is_same(spec: &NetworkSpec, found: &ObservedNetwork) -> bool {
    let label = found.labels.get(labels::HASH).map_or("", String::as_str);
    if label == spec.hash().0 {
        return true;
    }
    let version = label.split_once(':').map_or("", |(version, _)| version);
    version != HASH_VERSION.to_string() && definition_causes(spec, found).is_empty()
}

/// Visible differences. The engine adds options and pools of its own, so only what is asked for is compared.
fn definition_causes(spec: &NetworkSpec, found: &ObservedNetwork) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut differ = |path: String, old: String, new: String| {
        if old != new {
            let (old, new) = shown_pair(&path, Some(&old), Some(&new));
            causes.push(Cause::new(CauseKind::Attribute, path).values(old, new));
        }
    };
    if !spec.driver.is_empty() {
        differ("driver".into(), found.driver.clone(), spec.driver.clone());
    }
    for (key, value) in &spec.driver_opts {
        let old = found.driver_opts.get(key).cloned().unwrap_or_default();
        differ(format!("driver_opts.{key}"), old, value.clone());
    }
    differ("internal".into(), found.internal.to_string(), spec.internal.to_string());
    differ("attachable".into(), found.attachable.to_string(), spec.attachable.to_string());
    if let Some(ipv6) = spec.enable_ipv6 {
        differ("enable_ipv6".into(), found.enable_ipv6.to_string(), ipv6.to_string());
    }
    let wanted: BTreeSet<&str> = spec.ipam_pools.iter().map(|pool| &*pool.subnet).collect();
    let standing: BTreeSet<&str> = found.pools.iter().map(|(subnet, _)| &**subnet).collect();
    if !wanted.iter().all(|subnet| subnet.is_empty() || standing.contains(subnet)) {
        let list = |set: BTreeSet<&str>| set.into_iter().collect::<Vec<_>>().join(", ");
        differ("ipam.config".into(), list(standing), list(wanted));
    }
    causes
}

/// What a network goes back to: as much of its definition as the engine shows, with its addresses also where it had
/// chosen them itself, since containers of before may have fixed ones.
pub(super) fn way_back((stack, key): (&str, &str), old: &ObservedNetwork) -> NetworkBack {
    let pools = old.pools.iter().filter(|(subnet, _)| !subnet.is_empty());
    let pool = |(subnet, gateway): &(String, String)| IpamPool {
        subnet: subnet.clone(),
        // Some engines show it with the length of its subnet, and take it without.
        gateway: gateway.split('/').next().unwrap_or_default().to_owned(),
        ..IpamPool::default()
    };
    NetworkBack {
        removal: format!("{stack}/network-{key}/remove"),
        creation: format!("{stack}/network-{key}/create"),
        old: NetworkSpec {
            key: key.to_owned(),
            name: old.name.clone(),
            driver: old.driver.clone(),
            driver_opts: old.driver_opts.clone(),
            internal: old.internal,
            attachable: old.attachable,
            enable_ipv6: old.enable_ipv6.then_some(true),
            ipam_pools: pools.map(pool).collect(),
            ..NetworkSpec::default()
        },
        labels: old.labels.clone(),
    }
}

/// The definition that the engine refused when it was tried last, if it is still the one that is wanted and not to be tried
/// again by now: trying it takes down whatever uses the network.
fn refused(spec: &NetworkSpec, found: &ObservedNetwork, now: i64) -> Option<Cause> {
    if found.labels.get(labels::REFUSED) != Some(&spec.hash().0) {
        return None;
    }
    let end = found.labels.get(labels::QUARANTINE_UNTIL).and_then(|until| until.parse().ok());
    if end.is_some_and(|end: i64| end <= now) {
        return None;
    }
    let until = end.map_or(String::new(), |end| format!(" until {}", clock::utc(end)));
    let lifted = format!("left as it is{until}; a new definition or --retry lifts it");
    let cause = Cause::new(CauseKind::Quarantined, &spec.name);
    Some(cause.values(Some("refused by the engine".to_owned()), Some(lifted)))
}

/// Networks that this source made for a stack and that its file no longer names, by key. `stays` tells whether a
/// container will still be there.
pub(super) fn orphans<'a>(
    stack: &str,
    source: &str,
    wanted: &BTreeSet<&str>,
    index: &Index<'a>,
    stays: impl Fn(&str) -> bool,
) -> Networks<'a> {
    let mut orphans = Networks::new();
    for network in index.networks_of(stack) {
        if !is_of_source(&network.labels, source) || wanted.contains(&*network.name) {
            continue;
        }
        let user = index.attached(&network.name).iter().find(|container| stays(&container.id));
        let orphan = Cause::new(CauseKind::Orphan, &network.name);
        let (fate, causes) = match user {
            None => (NetworkFate::Remove, vec![orphan]),
            // A service that a profile switches off keeps its network; anything else there is worth a word.
            Some(user) if is_ours(&user.labels) && user.stack() == stack => (NetworkFate::Keep, Vec::new()),
            Some(user) => {
                let cause = Cause::new(CauseKind::Dependency, &user.name);
                let why = Some("is still attached to it".to_owned());
                (NetworkFate::Blocked, vec![orphan, cause.values(why, None)])
            }
        };
        let key = network.labels.get(labels::NETWORK).unwrap_or(&network.name).clone();
        let change = Change::new(action(fate), causes);
        orphans.insert(key, NetworkDiff { spec: None, observed: Some(network), fate, change });
    }
    orphans
}
