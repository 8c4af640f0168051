//! Which services come before which.

pub(super) use crate::model::dependencies::{parents, volumes_parent};
use crate::model::desired::{DesiredService, DesiredStack};
use std::collections::{BTreeMap, BTreeSet};

/// Everything a service comes after, within its stack.
pub(super) fn predecessors<'a>(
    stack: &'a DesiredStack,
    needed: &BTreeSet<&str>,
    (key, service): (&str, &'a DesiredService),
) -> BTreeSet<&'a str> {
    let mut all = service.needs();
    all.retain(|key| stack.services.contains_key(*key));
    if !needed.contains(key) {
        all.extend(stack.pre_deploy.keys().map(String::as_str));
    }
    all
}

/// The services of a stack, each after those it depends on, else by key. Should the loader let a cycle through, its
/// services come last, by key.
pub(super) fn services(stack: &DesiredStack) -> Vec<&str> {
    let needed = stack.needed_by_jobs();
    let keys = stack.services.iter();
    sorted(&keys.map(|(key, service)| (key.as_str(), predecessors(stack, &needed, (key, service)))).collect())
}

/// The stacks, each after those it depends on, else by name.
pub(super) fn stacks(stacks: &BTreeMap<String, DesiredStack>) -> Vec<&str> {
    let before = |stack: &DesiredStack| {
        stack
            .depends_on
            .iter()
            .filter_map(|name| stacks.get_key_value(name))
            .map(|(key, _)| key.as_str())
            .collect()
    };
    sorted(&stacks.iter().map(|(name, stack)| (name.as_str(), before(stack))).collect())
}

fn sorted<'a>(before: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<&'a str> {
    let mut after: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, predecessors) in before {
        open.insert(key, predecessors.len());
        for predecessor in predecessors {
            after.entry(predecessor).or_default().push(key);
        }
    }
    let mut ready: BTreeSet<&'a str> =
        before.iter().filter(|(_, list)| list.is_empty()).map(|(key, _)| *key).collect();
    let mut order = Vec::with_capacity(before.len());
    while let Some(key) = ready.pop_first() {
        order.push(key);
        open.remove(key);
        for next in after.remove(key).unwrap_or_default() {
            if let Some(count) = open.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(next);
                }
            }
        }
    }
    order.extend(before.keys().filter(|key| open.contains_key(*key)));
    order
}

#[cfg(test)]
mod tests {
    use super::sorted;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn dependencies_come_first_and_cycles_come_last() {
        let edges = BTreeMap::from([
            ("a", BTreeSet::from(["b"])),
            ("b", BTreeSet::new()),
            ("c", BTreeSet::from(["d"])),
            ("d", BTreeSet::from(["c"])),
        ]);
        assert_eq!(sorted(&edges), ["b", "a", "c", "d"]);
    }
}
