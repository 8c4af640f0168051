//! Which stacks are worked on together: those that depend on one another or share a network or volume.

use crate::model::desired::{DesiredStack, DesiredState};
use crate::model::step::Plan;
use std::collections::{BTreeMap, BTreeSet};

/// Splits stacks into groups that have nothing to do with each other. Names that the files do not know (stacks that
/// left) are groups of their own.
pub fn split(desired: &DesiredState, names: &BTreeSet<String>) -> Vec<BTreeSet<String>> {
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        let keys = desired.stacks.get(name).map(|stack| ties(name, stack)).unwrap_or_default();
        let mut group = groups.len();
        groups.push(BTreeSet::from([name.clone()]));
        for key in keys {
            let other = *owners.entry(key).or_insert(group);
            if other != group {
                group = join(&mut groups, &mut owners, other, group);
            }
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// The stacks that a plan's steps may concern: those that have steps, and their groups.
pub fn touched(desired: &DesiredState, plan: &Plan) -> BTreeSet<String> {
    let busy: BTreeSet<&String> =
        plan.steps.iter().map(|step| &step.stack).filter(|stack| !stack.is_empty()).collect();
    if busy.is_empty() {
        return BTreeSet::new();
    }
    let names = desired.stacks.keys().chain(busy.iter().copied()).cloned().collect();
    let groups = split(desired, &names).into_iter();
    groups.filter(|group| group.iter().any(|stack| busy.contains(stack))).flatten().collect()
}

/// What a stack may have in common with another one.
fn ties(name: &str, stack: &DesiredStack) -> BTreeSet<String> {
    let stacks =
        stack.depends_on.iter().map(String::as_str).chain([name]).map(|name| format!("stack {name}"));
    let networks = stack.networks.values().map(|network| format!("network {}", network.name));
    let volumes = stack.volumes.values().map(|volume| format!("volume {}", volume.name));
    stacks.chain(networks).chain(volumes).collect()
}

fn join(
    groups: &mut [BTreeSet<String>],
    owners: &mut BTreeMap<String, usize>,
    into: usize,
    from: usize,
) -> usize {
    let moved = std::mem::take(&mut groups[from]);
    groups[into].extend(moved);
    for owner in owners.values_mut().filter(|owner| **owner == from) {
        *owner = into;
    }
    into
}

#[cfg(test)]
mod tests {
    use super::split;
    use crate::model::desired::{DesiredStack, DesiredState, NetworkSpec};
    use std::collections::BTreeSet;

    #[test]
    fn stacks_that_depend_on_each_other_or_share_a_network_are_one_group() {
        let mut desired = DesiredState::default();
        for (name, needs, network) in
            [("a", "", "x"), ("b", "d", "b"), ("c", "", "x"), ("d", "", "d"), ("e", "", "e")]
        {
            let spec = NetworkSpec { name: network.into(), ..NetworkSpec::default() };
            let stack = DesiredStack {
                name: name.into(),
                depends_on: if needs.is_empty() { Vec::new() } else { vec![needs.into()] },
                networks: [("default".to_owned(), spec)].into(),
                ..DesiredStack::default()
            };
            desired.stacks.insert(name.into(), stack);
        }
        let names: BTreeSet<String> = ["a", "b", "c", "d", "e", "gone"].map(String::from).into();
        let groups: Vec<Vec<String>> =
            split(&desired, &names).into_iter().map(|group| group.into_iter().collect()).collect();
        assert_eq!(groups, [vec!["a", "c"], vec!["b", "d"], vec!["e"], vec!["gone"]]);
    }
}
