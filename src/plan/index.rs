//! The observed state by the keys that deciding asks for, built once.

use super::quarantine;
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedNetwork, ObservedState};
use std::collections::{BTreeMap, BTreeSet};

type ByService<'a> = BTreeMap<&'a str, Vec<&'a ObservedContainer>>;

/// Observed objects by name and owner.
pub(super) struct Index<'a> {
    /// What was observed.
    pub observed: &'a ObservedState,
    stacks: BTreeMap<&'a str, ByService<'a>>,
    names: BTreeMap<&'a str, &'a ObservedContainer>,
    networks: BTreeMap<&'a str, &'a ObservedNetwork>,
    members: BTreeMap<&'a str, Vec<&'a ObservedNetwork>>,
    attached: BTreeMap<&'a str, Vec<&'a ObservedContainer>>,
    ports: BTreeMap<(&'a str, u16), Vec<(&'a str, &'a ObservedContainer)>>,
    marks: BTreeMap<&'a str, ByService<'a>>,
    runs: BTreeMap<&'a str, ByService<'a>>,
}

impl<'a> Index<'a> {
    /// Sorts what was observed.
    pub fn new(observed: &'a ObservedState) -> Self {
        let mut index = Self {
            observed,
            stacks: BTreeMap::new(),
            names: BTreeMap::new(),
            networks: observed.networks.iter().map(|network| (network.name.as_str(), network)).collect(),
            members: BTreeMap::new(),
            attached: BTreeMap::new(),
            ports: BTreeMap::new(),
            marks: BTreeMap::new(),
            runs: BTreeMap::new(),
        };
        for container in &observed.containers {
            index.add(container);
        }
        for network in &observed.networks {
            if let Some(stack) = network.labels.get(labels::PROJECT) {
                index.members.entry(stack).or_default().push(network);
            }
        }
        index
    }

    fn add(&mut self, container: &'a ObservedContainer) {
        self.names.insert(&container.name, container);
        if let Some((stack, service)) = quarantine::subject(container) {
            self.marks.entry(stack).or_default().entry(service).or_default().push(container);
            return;
        }
        if let Some((stack, service)) = container.run() {
            self.runs.entry(stack).or_default().entry(service).or_default().push(container);
            if !container.is_up() {
                // It never runs again, so it holds no network.
                return;
            }
        } else if !container.service().is_empty() && !container.is_oneoff() {
            let services = self.stacks.entry(container.stack()).or_default();
            services.entry(container.service()).or_default().push(container);
        }
        for network in container.networks.keys() {
            self.attached.entry(network).or_default().push(container);
        }
        if container.is_up() {
            for (address, port, protocol) in &container.ports {
                self.ports.entry((protocol, *port)).or_default().push((address, container));
            }
        }
    }

    /// Containers of one service, one-off ones left out.
    pub fn service(&self, stack: &str, service: &str) -> &[&'a ObservedContainer] {
        self.stacks.get(stack).and_then(|services| services.get(service)).map_or(&[], Vec::as_slice)
    }

    /// Services of one stack that have containers.
    pub fn services(&self, stack: &str) -> impl Iterator<Item = (&'a str, &[&'a ObservedContainer])> {
        self.stacks.get(stack).into_iter().flatten().map(|(key, containers)| (*key, containers.as_slice()))
    }

    /// Names of all projects that have containers, marks or runs.
    pub fn stacks(&self) -> BTreeSet<&'a str> {
        self.stacks.keys().chain(self.marks.keys()).chain(self.runs.keys()).copied().collect()
    }

    /// Runs of one service that runs at times, or did.
    pub fn runs(&self, stack: &str, service: &str) -> &[&'a ObservedContainer] {
        self.runs.get(stack).and_then(|services| services.get(service)).map_or(&[], Vec::as_slice)
    }

    /// Services of one stack that have runs.
    pub fn services_with_runs(
        &self,
        stack: &str,
    ) -> impl Iterator<Item = (&'a str, &[&'a ObservedContainer])> {
        self.runs.get(stack).into_iter().flatten().map(|(key, runs)| (*key, runs.as_slice()))
    }

    /// Marks about one service.
    pub fn marks(&self, stack: &str, service: &str) -> &[&'a ObservedContainer] {
        self.marks.get(stack).and_then(|services| services.get(service)).map_or(&[], Vec::as_slice)
    }

    /// Services of one stack that are marked.
    pub fn marked(&self, stack: &str) -> impl Iterator<Item = (&'a str, &[&'a ObservedContainer])> {
        self.marks.get(stack).into_iter().flatten().map(|(key, marks)| (*key, marks.as_slice()))
    }

    /// The container of this name.
    pub fn named(&self, name: &str) -> Option<&'a ObservedContainer> {
        self.names.get(name).copied()
    }

    /// The network of this name.
    pub fn network(&self, name: &str) -> Option<&'a ObservedNetwork> {
        self.networks.get(name).copied()
    }

    /// Networks that are labelled with this stack.
    pub fn networks_of(&self, stack: &str) -> &[&'a ObservedNetwork] {
        self.members.get(stack).map_or(&[], Vec::as_slice)
    }

    /// Containers attached to the network of this name, running or not.
    pub fn attached(&self, network: &str) -> &[&'a ObservedContainer] {
        self.attached.get(network).map_or(&[], Vec::as_slice)
    }

    /// Running containers that hold this host port on an address that clashes with `address`.
    pub fn port_holders(&self, address: &str, port: u16, protocol: &str) -> Vec<&'a ObservedContainer> {
        let holders = self.ports.get(&(protocol, port)).into_iter().flatten();
        holders.filter(|(held, _)| addresses_clash(held, address)).map(|(_, container)| *container).collect()
    }
}

/// Two listeners clash if either takes all addresses or both take the same one.
fn addresses_clash(one: &str, other: &str) -> bool {
    let is_all = |address: &str| matches!(address, "" | "0.0.0.0" | "::" | "[::]");
    is_all(one) || is_all(other) || one == other
}

/// Whether an object with these labels was made by this program.
pub(super) fn is_ours(labels: &BTreeMap<String, String>) -> bool {
    labels.contains_key(labels::HASH)
}

/// Whether an object with these labels was made by this program from this source.
pub(super) fn is_of_source(labels: &BTreeMap<String, String>, source: &str) -> bool {
    is_ours(labels) && labels.get(labels::SOURCE).is_some_and(|found| found == source)
}
