//! The container that this program would make in the place of one that it found.

use super::Candidate;
use crate::model::step::ContainerSpec;
use crate::plan::create::{endpoint, primary_network, resolved_links};
use crate::plan::instances::replica_name;
use crate::plan::order::volumes_parent;
use std::collections::BTreeMap;

/// The container as it is wanted, with the user's labels alone, all networks at once, and other containers by their names.
pub(super) fn container(Candidate { stack, key, service, container }: Candidate) -> ContainerSpec {
    let spec = &service.spec;
    let number = container.number();
    let name = replica_name(stack, key, service, number);
    let first = |other: &str| {
        let other_service = stack.services.get(other);
        other_service
            .map_or_else(|| format!("{}-{other}-1", stack.name), |found| replica_name(stack, other, found, 1))
    };
    let namespace = |mode: &str| {
        mode.strip_prefix("service:").map_or(mode.to_owned(), |other| format!("container:{}", first(other)))
    };
    let engine_name =
        |network: &str| stack.networks.get(network).map_or(network.to_owned(), |found| found.name.clone());
    let instances = |other: &str| {
        let found = stack.services.get(other);
        let numbers = 1..=found.map_or(0, |found| found.replicas);
        numbers
            .filter_map(|number| found.map(|found| replica_name(stack, other, found, number)))
            .collect::<Vec<_>>()
    };
    let links = resolved_links(&stack.name, spec, number, instances);
    let primary = primary_network(spec).filter(|_| spec.network_mode.is_empty());
    let mut endpoints = BTreeMap::new();
    for (network, settings) in spec.networks.iter().filter(|_| primary.is_some()) {
        let mut settings = endpoint((key, &name), spec, settings.as_ref(), primary == Some(network));
        settings.links.clone_from(&links);
        endpoints.insert(engine_name(network), settings);
    }
    let network_mode = match primary {
        Some(network) => engine_name(network),
        None if spec.network_mode.is_empty() => "none".to_owned(),
        None => namespace(&spec.network_mode),
    };
    let volumes_from = spec.volumes_from.iter().map(|from| match volumes_parent(from) {
        None => from.clone(),
        Some(parent) => match from.split_once(':') {
            Some((_, mode)) => format!("{}:{mode}", first(parent)),
            None => first(parent),
        },
    });
    let used = spec.volumes.iter().filter_map(|mount| stack.volumes.get_key_value(&mount.source));
    ContainerSpec {
        final_name: name.clone(),
        name,
        service: key.to_owned(),
        image: service.image.reference.clone(),
        labels: spec.labels.clone(),
        network_mode,
        endpoints,
        ipc: namespace(&spec.ipc),
        pid: namespace(&spec.pid),
        volumes_from: volumes_from.collect(),
        links: if primary.is_none() { links } else { Vec::new() },
        volume_names: used.map(|(key, volume)| (key.clone(), volume.name.clone())).collect(),
        mounted_files: service.mounted_files.clone(),
        stop_timeout: spec.stop_grace_period.map(crate::model::units::Nanos::whole_seconds),
        spec: spec.clone(),
        ..ContainerSpec::default()
    }
}
