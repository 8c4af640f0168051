//! What happens when a simulated container starts and stops.

use super::{World, refuse};
use crate::engine::EngineError;
use crate::model::desired::host_ports;
use crate::model::observed::{ContainerState, Health};
use crate::model::report::Outcome;
use std::collections::BTreeSet;

/// A container stopped by `SIGTERM` ends with this.
const TERMINATED: i64 = 143;

/// Starts a container, under the conditions that a real engine sets.
pub(super) fn start(world: &mut World, id: &str) -> Result<Outcome, EngineError> {
    let Some(container) = world.containers.get(id) else {
        return Err(refuse(404, format!("No such container: {id}")));
    };
    let (name, spec) = (container.observed.name.clone(), container.spec.clone());
    match container.observed.state {
        ContainerState::Running | ContainerState::Restarting => return Ok(Outcome::AlreadyDone),
        ContainerState::Paused => return Err(refuse(500, format!("cannot start paused container {name}"))),
        ContainerState::Dead | ContainerState::Removing => {
            return Err(refuse(409, format!("container {name} is marked for removal")));
        }
        ContainerState::Created | ContainerState::Exited(_) | ContainerState::Unknown => {}
    }
    let command = spec.spec.command.as_ref().and_then(|command| command.first());
    if spec.image.contains("bad-start") || command.is_some_and(|word| word == "bad") {
        return Err(refuse(400, "exec: \"bad\": executable file not found in $PATH"));
    }
    let mut networks = container.observed.networks.clone();
    for (network, id) in &mut networks {
        let found =
            world.network(network).ok_or_else(|| refuse(404, format!("network {network} not found")))?;
        id.clone_from(&found.id);
    }
    for mode in [&spec.network_mode, &spec.ipc, &spec.pid] {
        if let Some(parent) = mode.strip_prefix("container:")
            && !world.find(parent).is_some_and(|parent| parent.observed.is_up())
        {
            return Err(refuse(
                409,
                format!("cannot join the namespace of a non running container: {parent}"),
            ));
        }
    }
    let ports = allocate(world, id)?;
    write_data(world, id);
    world.starts += 1;
    let started = world.starts;
    if let Some(container) = world.containers.get_mut(id) {
        let has_check = spec.spec.healthcheck.as_ref().is_some_and(|check| !check.disable);
        let verdict = if spec.image.contains("unhealthy") { Health::Unhealthy } else { Health::Healthy };
        container.starts += 1;
        container.started = started;
        container.observed.networks = networks;
        container.observed.health = has_check.then_some(verdict);
        container.observed.state = state(&spec.image, command.map(String::as_str));
        container.observed.ports = if container.observed.is_up() { ports } else { BTreeSet::new() };
    }
    Ok(Outcome::Done)
}

fn state(image: &str, command: Option<&str>) -> ContainerState {
    if image.contains("job-ok") || matches!(command, Some("true" | "cat")) {
        ContainerState::Exited(0)
    } else if image.contains("job-fail") || image.contains("crash") || command == Some("false") {
        ContainerState::Exited(1)
    } else {
        ContainerState::Running
    }
}

/// Stops a container.
pub(super) fn stop(world: &mut World, id: &str) {
    if let Some(container) = world.containers.get_mut(id) {
        container.observed.state = ContainerState::Exited(TERMINATED);
        container.observed.health = None;
        container.observed.ports.clear();
    }
}

type Ports = BTreeSet<(String, u16, String)>;

fn allocate(world: &World, id: &str) -> Result<Ports, EngineError> {
    let mut taken = Ports::new();
    let Some(container) = world.containers.get(id) else { return Ok(taken) };
    for (address, first, last, protocol) in container.spec.spec.ports.iter().filter_map(host_ports) {
        let address = if address.is_empty() { "0.0.0.0" } else { address };
        let mut all = first..=last;
        let free = all.find(|port| {
            let clashes = |(held, number, kind): &(String, u16, String)| {
                number == port
                    && kind == protocol
                    && (held == address || held == "0.0.0.0" || address == "0.0.0.0")
            };
            let others = world.containers.values().filter(|other| other.observed.id != id);
            !others.flat_map(|other| &other.observed.ports).any(clashes) && !taken.iter().any(clashes)
        });
        let port = free.ok_or_else(|| refuse(500, format!("port {first} is already allocated")))?;
        taken.insert((address.to_owned(), port, protocol.to_owned()));
    }
    Ok(taken)
}

/// Whoever runs first on an empty volume leaves a mark in it.
fn write_data(world: &mut World, id: &str) {
    let Some(container) = world.containers.get(id) else { return };
    let author = container.spec.final_name.clone();
    let mounts = container.observed.mounts.clone();
    for mount in mounts.iter().filter(|mount| mount.kind == "volume") {
        if let Some(volume) = world.volumes.get_mut(&mount.name)
            && volume.data.is_empty()
        {
            volume.data = format!("written by {author}");
        }
    }
}
