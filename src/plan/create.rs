//! The container to create for a replica: everything resolved to engine names.

use super::diff::{Diff, ServiceDiff, StackDiff};
use super::instances::{Instance, replica_name};
use super::order::volumes_parent;
use super::volumes;
use crate::model::compose_hash::{ComposeHash, Dialect, InDialects};
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::labels;
use crate::model::service::{Endpoint, Pairs, ServiceSpec};
use crate::model::step::{ContainerSpec, EndpointSpec};
use std::collections::BTreeMap;

/// The engines from this API version on take all networks of a container at its creation, and then hold its addresses
/// against the networks that stand.
const ALL_ENDPOINTS: (u32, u32) = (1, 44);

/// A container with the networks that it is attached to after its creation.
pub(super) struct Creation {
    /// The container.
    pub container: ContainerSpec,
    /// Further networks as key, engine name and settings, or networks of which it does not have its addresses yet.
    pub connects: Vec<(String, String, EndpointSpec)>,
}

/// Key of the network that a container starts with: the highest priority, ties by key.
pub(super) fn primary_network(spec: &ServiceSpec) -> Option<&String> {
    let priority = |endpoint: &Option<Endpoint>| endpoint.as_ref().map_or(0, |endpoint| endpoint.priority);
    let mut all: Vec<_> = spec.networks.iter().collect();
    all.sort_by_key(|(key, endpoint)| (std::cmp::Reverse(priority(endpoint)), *key));
    all.first().map(|(key, _)| *key)
}

/// Resolves names between the services of one stack.
struct Names<'a, 'd> {
    stack: &'a DesiredStack,
    found: &'d StackDiff<'a>,
}

impl Names<'_, '_> {
    /// The first container of a service.
    fn first(&self, service: &str) -> String {
        let first = self.found.services.get(service).and_then(|found| found.instances.first());
        match (first, self.stack.services.get(service)) {
            (Some(instance), _) => instance.name.clone(),
            (None, Some(desired)) => replica_name(self.stack, service, desired, 1),
            (None, None) => format!("{}-{service}-1", self.stack.name),
        }
    }

    /// `service:x` as the engine takes it.
    fn namespace(&self, mode: &str) -> String {
        mode.strip_prefix("service:").map_or(mode.to_owned(), |key| format!("container:{}", self.first(key)))
    }

    fn volumes_from(&self, from: &str) -> String {
        if let Some(container) = from.strip_prefix("container:") {
            return container.to_owned();
        }
        let mode = from.split_once(':').map(|(_, mode)| mode);
        let name = volumes_parent(from).map(|key| self.first(key)).unwrap_or_default();
        mode.map_or(name.clone(), |mode| format!("{name}:{mode}"))
    }
}

/// Links as `container:alias`. Reference: docker compose 2.40 gives every container of the target three names. `instances`
/// gives the names of a service's containers.
pub(super) fn resolved_links(
    stack: &str,
    spec: &ServiceSpec,
    number: u32,
    instances: impl Fn(&str) -> Vec<String>,
) -> Vec<String> {
    let mut links = Vec::new();
    for link in &spec.links {
        let (key, alias) = link.split_once(':').unwrap_or((link, link));
        for target in instances(key) {
            links.push(format!("{target}:{alias}"));
            links.push(format!("{target}:{key}-{number}"));
            links.push(format!("{target}:{stack}-{key}-{number}"));
        }
    }
    links.extend(spec.external_links.iter().map(|link| match link.split_once(':') {
        Some(_) => link.clone(),
        None => format!("{link}:{link}"),
    }));
    links.sort();
    links.dedup();
    links
}

/// The container for a replica. `name` is what it is created under, `made_anew` tells the networks that are made anew
/// once it is there.
pub(super) fn creation<'a>(
    diff: &Diff<'a>,
    found: &StackDiff<'a>,
    (key, service): (&str, &ServiceDiff<'a>),
    instance: &Instance<'a>,
    (name, made_anew): (String, impl Fn(&str) -> bool),
) -> Option<Creation> {
    let (stack, desired) = (found.desired?, service.desired?);
    let names = Names { stack, found };
    let spec = &desired.spec;
    let engine_name =
        |key: &str| stack.networks.get(key).map_or(key.to_owned(), |network| network.name.clone());
    let (mut endpoints, mut connects) = (BTreeMap::new(), Vec::new());
    let primary = primary_network(spec).filter(|_| spec.network_mode.is_empty());
    let instances = |key: &str| {
        let found = found.services.get(key).map_or(&[][..], |service| &service.instances);
        found.iter().map(|instance| instance.name.clone()).collect()
    };
    let links = resolved_links(&stack.name, spec, instance.number, instances);
    for (network, settings) in spec.networks.iter().filter(|_| primary.is_some()) {
        let is_primary = primary == Some(network);
        let mut endpoint = endpoint((key, &instance.name), spec, settings.as_ref(), is_primary);
        endpoint.links.clone_from(&links);
        let takes_all = takes_all_endpoints(diff);
        if takes_all && has_addresses(&endpoint) && made_anew(&engine_name(network)) {
            endpoints.insert(engine_name(network), without_addresses(&endpoint));
            connects.push((network.clone(), engine_name(network), endpoint));
        } else if is_primary || takes_all {
            endpoints.insert(engine_name(network), endpoint);
        } else {
            connects.push((network.clone(), engine_name(network), endpoint));
        }
    }
    let network_mode = match primary {
        Some(network) => engine_name(network),
        None if spec.network_mode.is_empty() => "none".to_owned(),
        None => names.namespace(&spec.network_mode),
    };
    let used = spec.volumes.iter().filter_map(|mount| stack.volumes.get_key_value(&mount.source));
    let container = ContainerSpec {
        name,
        final_name: instance.name.clone(),
        service: key.to_owned(),
        image: desired.image.reference.clone(),
        labels: labels(diff, (stack, found.dialect), (key, service), instance),
        network_mode,
        endpoints,
        ipc: names.namespace(&spec.ipc),
        pid: names.namespace(&spec.pid),
        volumes_from: spec.volumes_from.iter().map(|from| names.volumes_from(from)).collect(),
        links: if primary.is_none() { links } else { Vec::new() },
        volume_names: used.map(|(key, volume)| (key.clone(), volume.name.clone())).collect(),
        inherited_volumes: instance
            .predecessor()
            .map(|old| volumes::inherited(&diff.index, &stack.name, desired, old))
            .unwrap_or_default(),
        mounted_files: desired.mounted_files.clone(),
        compose_hash: desired.compose_hash.get(found.dialect).renamed(|key| names.first(key)),
        stop_timeout: spec.stop_grace_period.map(crate::model::units::Nanos::whole_seconds),
        spec: spec.clone(),
    };
    Some(Creation { container, connects })
}

/// Whether the engine takes all networks of a container at its creation.
pub(super) fn takes_all_endpoints(diff: &Diff) -> bool {
    diff.index.observed.engine.api >= ALL_ENDPOINTS
}

fn has_addresses(endpoint: &EndpointSpec) -> bool {
    let Endpoint { ipv4_address, ipv6_address, .. } = &endpoint.endpoint;
    !ipv4_address.is_empty() || !ipv6_address.is_empty()
}

fn without_addresses(endpoint: &EndpointSpec) -> EndpointSpec {
    let mut endpoint = endpoint.clone();
    endpoint.endpoint.ipv4_address.clear();
    endpoint.endpoint.ipv6_address.clear();
    endpoint
}

/// Settings of one attachment of a container of a service.
pub(super) fn endpoint(
    (key, name): (&str, &str),
    spec: &ServiceSpec,
    settings: Option<&Endpoint>,
    is_primary: bool,
) -> EndpointSpec {
    let endpoint = settings.cloned().unwrap_or_default();
    let mut aliases = vec![name.to_owned(), key.to_owned()];
    for alias in &endpoint.aliases {
        if !aliases.contains(alias) {
            aliases.push(alias.clone());
        }
    }
    let own = endpoint.mac_address.clone();
    let mac_address = if own.is_empty() && is_primary { spec.mac_address.clone() } else { own };
    EndpointSpec { aliases, links: Vec::new(), endpoint, mac_address }
}

/// The user's labels, then Docker's, then ours: the latter cannot be overridden.
fn labels(
    diff: &Diff,
    (stack, dialect): (&DesiredStack, Dialect),
    (key, service): (&str, &ServiceDiff),
    instance: &Instance,
) -> Pairs {
    let Some(desired) = service.desired else { return Pairs::new() };
    let mut all = desired.spec.labels.clone();
    let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
    set(labels::PROJECT, stack.name.clone());
    set(labels::SERVICE, key.to_owned());
    set(labels::NUMBER, instance.number.to_string());
    set(labels::ONEOFF, "False".to_owned());
    if let ComposeHash::Fixed(hash) = desired.compose_hash.get(dialect) {
        set(labels::COMPOSE_HASH, hash.clone());
    }
    set(labels::DEPENDS_ON, depends_on(desired));
    set(labels::WORKING_DIR, stack.working_dir.clone());
    set(labels::CONFIG_FILES, stack.config_files.join(","));
    if !stack.env_files.is_empty() {
        set(labels::ENV_FILES, stack.env_files.join(","));
    }
    set(labels::VERSION, dialect.version().to_owned());
    // An image that is still to be fetched has no id yet, and the label is for people only.
    let image = diff.images.get(&desired.image.reference).filter(|fate| fate.step.is_none());
    if let Some(id) = image.and_then(|fate| fate.id.clone()) {
        set(labels::IMAGE, id);
    }
    if let Some(timetable) = &desired.timetable {
        // A tree of texts and numbers always has a JSON form.
        set(labels::JOB, serde_json::to_string(timetable).unwrap_or_default());
    }
    set(labels::HASH, service.hash.clone());
    set(labels::SOURCE, diff.desired.source.clone());
    set(labels::SPEC, desired.recorded().to_string());
    all
}

fn depends_on(desired: &DesiredService) -> String {
    let entries = desired.depends_on.iter();
    let entries: Vec<String> = entries
        .map(|(key, dependency)| format!("{key}:{}:{}", dependency.condition.as_str(), dependency.restart))
        .collect();
    entries.join(",")
}

/// Labels of a network or volume besides the user's.
pub(super) fn object_labels(
    diff: &Diff,
    (stack, dialect): (&str, Dialect),
    compose_hash: &InDialects<String>,
    own: [(&str, String); 2],
) -> Pairs {
    let mut all = Pairs::from([
        (labels::PROJECT.to_owned(), stack.to_owned()),
        (labels::VERSION.to_owned(), dialect.version().to_owned()),
        (labels::SOURCE.to_owned(), diff.desired.source.clone()),
    ]);
    let hash = compose_hash.get(dialect);
    if !hash.is_empty() {
        all.insert(labels::COMPOSE_HASH.to_owned(), hash.clone());
    }
    all.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value)));
    all
}
