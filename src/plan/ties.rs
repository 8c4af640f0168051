//! What binds the services of a stack to each other: namespaces that they share, and restarts that they want together.

use crate::model::desired::DesiredStack;
use std::collections::{BTreeMap, BTreeSet};

/// The ties of one stack, by service key.
#[derive(Debug, Default)]
pub(super) struct Ties<'a> {
    /// Services that share a namespace with it, from either side.
    joined: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Services whose namespaces it shares.
    parents: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Services that restart when it is replaced, and those that share its namespaces.
    followers: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Ties<'a> {
    /// Reads them off a stack, each service looked at once.
    pub fn of(stack: &'a DesiredStack) -> Self {
        let mut ties = Self::default();
        for (key, service) in &stack.services {
            let spec = &service.spec;
            for mode in [&spec.network_mode, &spec.ipc, &spec.pid] {
                let Some(parent) = mode.strip_prefix("service:") else { continue };
                ties.joined.entry(key).or_default().insert(parent);
                ties.joined.entry(parent).or_default().insert(key);
                ties.parents.entry(key).or_default().insert(parent);
                ties.followers.entry(parent).or_default().insert(key);
            }
            for (other, dependency) in &service.depends_on {
                if dependency.restart {
                    ties.followers.entry(other).or_default().insert(key);
                }
            }
        }
        ties
    }

    /// Binds a service to another one whose namespace it shares until now, whatever its file says.
    pub fn join(&mut self, child: &'a str, parent: &'a str) {
        self.joined.entry(child).or_default().insert(parent);
        self.joined.entry(parent).or_default().insert(child);
        self.parents.entry(child).or_default().insert(parent);
    }

    /// The service and all that share namespaces with it, directly or not: they go back together.
    pub fn family(&self, key: &'a str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::from([key]);
        let mut open = vec![key];
        while let Some(one) = open.pop() {
            let others = self.joined.get(one).into_iter().flatten();
            open.extend(others.copied().filter(|other| found.insert(other)));
        }
        found
    }

    /// Services whose namespaces it shares.
    pub fn parents(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.parents.get(key).into_iter().flatten().copied()
    }

    /// Services that share its namespaces, or restart when it is replaced.
    pub fn followers(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.followers.get(key).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Ties;
    use crate::model::desired::{Condition, Dependency, DesiredService, DesiredStack};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    #[test]
    fn families_are_bound_by_namespaces_and_not_by_dependencies() {
        let mut stack = DesiredStack::default();
        for (key, network_mode) in
            [("app", "service:vpn"), ("side", "service:app"), ("vpn", ""), ("front", "")]
        {
            let mut service = DesiredService::default();
            network_mode.clone_into(&mut service.spec.network_mode);
            stack.services.insert(key.to_owned(), service.into());
        }
        let dependency = Dependency { condition: Condition::Started, restart: true, required: true };
        if let Some(front) = stack.services.get_mut("front") {
            Arc::make_mut(front).depends_on.insert("app".to_owned(), dependency);
        }
        let ties = Ties::of(&stack);
        assert_eq!(ties.family("side"), BTreeSet::from(["app", "side", "vpn"]));
        assert_eq!(ties.family("front"), BTreeSet::from(["front"]));
        assert_eq!(ties.parents("app").collect::<Vec<_>>(), ["vpn"]);
        assert_eq!(ties.followers("app").collect::<Vec<_>>(), ["front", "side"]);
    }
}
