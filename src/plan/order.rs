//! Which services come before which.

use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::service::ServiceSpec;
use std::collections::{BTreeMap, BTreeSet};

/// Services whose containers this one is bound to: it shares a namespace or volumes with them. On the engine's default
/// bridge a link binds too; on other networks it is a mere name.
pub(super) fn parents(spec: &ServiceSpec) -> BTreeSet<&str> {
    let binds = matches!(&*spec.network_mode, "bridge" | "default");
    let linked =
        spec.links.iter().filter(|_| binds).map(|link| link.split_once(':').map_or(&**link, |(key, _)| key));
    let namespaces = [&spec.network_mode, &spec.ipc, &spec.pid];
    let shared = namespaces.into_iter().filter_map(|mode| mode.strip_prefix("service:"));
    shared.chain(linked).chain(spec.volumes_from.iter().filter_map(|from| volumes_parent(from))).collect()
}

/// The service in an entry of `volumes_from`, unless it names a container.
pub(super) fn volumes_parent(from: &str) -> Option<&str> {
    if from.starts_with("container:") {
        return None;
    }
    Some(from.split_once(':').map_or(from, |(service, _)| service))
}

/// Everything a service comes after, within its stack.
fn predecessors<'a>(stack: &DesiredStack, service: &'a DesiredService) -> BTreeSet<&'a str> {
    let mut all = parents(&service.spec);
    all.extend(service.depends_on.keys().map(String::as_str));
    all.retain(|key| stack.services.contains_key(*key));
    all
}

/// The services of a stack, each after those it depends on, else by key. Should the loader let a cycle through, its
/// services come last, by key.
pub(super) fn services(stack: &DesiredStack) -> Vec<&str> {
    sorted(
        &stack.services.iter().map(|(key, service)| (key.as_str(), predecessors(stack, service))).collect(),
    )
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
    use super::{parents, sorted};
    use crate::model::service::ServiceSpec;
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

    #[test]
    fn parents_are_services_and_not_containers() {
        let spec = ServiceSpec {
            network_mode: "service:vpn".into(),
            pid: "host".into(),
            volumes_from: vec!["data:ro".into(), "container:other".into()],
            ..ServiceSpec::default()
        };
        assert_eq!(parents(&spec), BTreeSet::from(["vpn", "data"]));
        let mut spec = ServiceSpec { links: vec!["db:database".into()], ..ServiceSpec::default() };
        assert_eq!(parents(&spec), BTreeSet::new());
        spec.network_mode = "bridge".into();
        assert_eq!(parents(&spec), BTreeSet::from(["db"]));
    }
}
