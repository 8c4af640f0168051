//! Carrying out actions in the simulated world, one exhaustive match.

use super::start::{start, stop};
use super::{SimContainer, SimVolume, World, refuse};
use crate::engine::EngineError;
use crate::model::desired::{BuildSpec, NetworkSpec, VolumeSpec};
use crate::model::hash::digest;
use crate::model::labels;
use crate::model::observed::{
    ContainerState, Health, ObservedContainer, ObservedImage, ObservedMount, ObservedNetwork, ObservedVolume,
};
use crate::model::report::Outcome;
use crate::model::service::{Hook, Pairs};
use crate::model::step::{Action, ContainerRef, ContainerSpec, EndpointSpec};
use std::collections::BTreeMap;

type Done = Result<Outcome, EngineError>;

/// Carries out one action.
pub(super) fn perform(world: &mut World, action: &Action) -> Done {
    match action {
        Action::PullImage { reference, .. } => pull(world, reference),
        Action::BuildImage(build) => Ok(build_image(world, build)),
        Action::CreateNetwork { spec, labels } => create_network(world, spec, labels),
        Action::RemoveNetwork { id, name } => remove_network(world, id, name),
        Action::CreateVolume { spec, labels } => Ok(create_volume(world, spec, labels)),
        Action::CreateContainer(spec) => create_container(world, spec),
        Action::CreateRun { like, name, labels, .. } => super::runs::create(world, like, name, labels),
        Action::Mark { name, labels } => super::marks::leave(world, name, labels),
        Action::ConnectNetwork { container, network, endpoint } => {
            connect(world, container, network, endpoint)
        }
        Action::UploadFiles { container, files } => {
            let found = existing(world, container)?;
            found.files.extend(files.iter().map(|file| (file.target.clone(), file.content.expose().clone())));
            Ok(Outcome::Done)
        }
        Action::StartContainer(container) => {
            let id = existing(world, container)?.observed.id.clone();
            start(world, &id)
        }
        Action::UnpauseContainer(container) => {
            let found = &mut existing(world, container)?.observed;
            if found.state != ContainerState::Paused {
                return Ok(Outcome::AlreadyDone);
            }
            found.state = ContainerState::Running;
            Ok(Outcome::Done)
        }
        Action::RestartContainer { container, .. } => {
            let id = existing(world, container)?.observed.id.clone();
            stop(world, &id);
            start(world, &id)
        }
        Action::StopContainer { container, .. } => {
            let up = world.find(container.engine_ref()).filter(|found| found.observed.is_up());
            let Some(id) = up.map(|found| found.observed.id.clone()) else {
                return Ok(Outcome::AlreadyDone);
            };
            stop(world, &id);
            Ok(Outcome::Done)
        }
        Action::RenameContainer { container, to } => rename(world, container, to),
        Action::RemoveContainer(container) => remove_container(world, container),
        Action::AwaitHealthy { container, .. } => await_healthy(world, container),
        Action::AwaitStable { container, may_end, in_health, .. } => {
            await_stable(world, container, *may_end, *in_health)
        }
        Action::AwaitCompleted { container, .. } => await_completed(world, container),
        Action::Delay { .. } => Ok(Outcome::Done),
        Action::Exec { container, hook, must_succeed } => exec(world, container, hook, *must_succeed),
    }
}

fn existing<'w>(world: &'w mut World, container: &ContainerRef) -> Result<&'w mut SimContainer, EngineError> {
    let missing = || refuse(404, format!("No such container: {}", container.engine_ref()));
    let id = world.id_of(container).ok_or_else(missing)?;
    world.containers.get_mut(&id).ok_or_else(missing)
}

fn pull(world: &mut World, reference: &str) -> Done {
    let held = world.tags.get(&super::key(reference)).cloned();
    let pulled = world.pull(reference).map_err(|reason| refuse(500, format!("{reference}: {reason}")))?;
    Ok(if held == Some(pulled) { Outcome::AlreadyDone } else { Outcome::Done })
}

fn build_image(world: &mut World, build: &BuildSpec) -> Outcome {
    let id = format!("sha256:{}", digest(format!("build {}", build.digest).as_bytes()));
    for tag in &build.tags {
        let mut labels: BTreeMap<String, String> = build.labels.clone();
        labels.insert(labels::BUILD.to_owned(), build.digest.clone());
        let observed =
            ObservedImage { id: id.clone(), tags: build.tags.clone(), labels, ..ObservedImage::default() };
        world.add_image(tag, observed);
    }
    Outcome::Done
}

fn create_network(world: &mut World, spec: &NetworkSpec, labels: &Pairs) -> Done {
    if let Some(found) = world.network(&spec.name) {
        return if found.labels.get(labels::HASH) == labels.get(labels::HASH) {
            Ok(Outcome::AlreadyDone)
        } else {
            Err(refuse(409, format!("network with name {} already exists", spec.name)))
        };
    }
    let mut all = spec.labels.clone();
    all.extend(labels.clone());
    world.add_network(ObservedNetwork {
        name: spec.name.clone(),
        driver: spec.driver.clone(),
        driver_opts: spec.driver_opts.clone(),
        internal: spec.internal,
        attachable: spec.attachable,
        enable_ipv6: spec.enable_ipv6.unwrap_or_default(),
        pools: spec.ipam_pools.iter().map(|pool| (pool.subnet.clone(), pool.gateway.clone())).collect(),
        labels: all,
        ..ObservedNetwork::default()
    });
    Ok(Outcome::Done)
}

fn remove_network(world: &mut World, id: &str, name: &str) -> Done {
    if !world.networks.contains_key(id) {
        return Ok(Outcome::AlreadyDone);
    }
    let uses = |found: &&SimContainer| {
        found.observed.is_up() && found.observed.networks.get(name).is_some_and(|network| network == id)
    };
    if let Some(user) = world.containers.values().find(uses) {
        return Err(refuse(403, format!("network {name} has active endpoints: {}", user.observed.name)));
    }
    world.networks.remove(id);
    Ok(Outcome::Done)
}

fn create_volume(world: &mut World, spec: &VolumeSpec, labels: &Pairs) -> Outcome {
    if world.volumes.contains_key(&spec.name) {
        return Outcome::AlreadyDone;
    }
    let mut all = spec.labels.clone();
    all.extend(labels.clone());
    let observed = ObservedVolume {
        name: spec.name.clone(),
        driver: spec.driver().to_owned(),
        driver_opts: spec.driver_opts.clone(),
        labels: all,
    };
    world.volumes.insert(spec.name.clone(), SimVolume { observed, data: String::new() });
    Outcome::Done
}

fn create_container(world: &mut World, spec: &ContainerSpec) -> Done {
    if let Some(found) = world.named(&spec.name) {
        let is_same =
            found.observed.label(labels::HASH) == spec.labels.get(labels::HASH).map_or("", String::as_str);
        return if is_same {
            Ok(Outcome::AlreadyDone)
        } else {
            Err(refuse(409, format!("the container name {} is already in use", spec.name)))
        };
    }
    let image = world.tags.get(&super::key(&spec.image)).cloned();
    let image_id = image.ok_or_else(|| refuse(404, format!("No such image: {}", spec.image)))?;
    if spec.endpoints.len() > 1 && world.engine.api < (1, 44) {
        return Err(refuse(400, "Container cannot be connected to network endpoints"));
    }
    let mut networks = BTreeMap::new();
    for name in spec.endpoints.keys() {
        world.network(name).ok_or_else(|| refuse(404, format!("network {name} not found")))?;
        // Until its first start a container knows the names of its networks only.
        networks.insert(name.clone(), String::new());
    }
    let mut spec = spec.clone();
    for mode in [&mut spec.network_mode, &mut spec.ipc, &mut spec.pid] {
        if let Some(parent) = mode.strip_prefix("container:") {
            // As on a real engine the container is bound to this very one, whatever its name becomes.
            let found = world.find(parent);
            let found = found.ok_or_else(|| refuse(404, format!("No such container: {parent}")))?;
            *mode = format!("container:{}", found.observed.id);
        }
    }
    let spec = &spec;
    let mounts = mounts(world, spec, &image_id)?;
    world.clock += 1;
    let mut labels = spec.labels.clone();
    if !spec.compose_hash.parents().is_empty() {
        let id = |name: &str| world.find(name).map(|found| found.observed.id.clone());
        labels.extend(spec.compose_hash.given(id).map(|hash| (labels::COMPOSE_HASH.to_owned(), hash)));
    }
    let observed = ObservedContainer {
        id: world.new_id(),
        name: spec.name.clone(),
        labels,
        image_id,
        created: world.clock,
        network_mode: spec.network_mode.clone(),
        networks,
        mounts,
        ..ObservedContainer::default()
    };
    let container = SimContainer { observed, spec: spec.clone(), ..SimContainer::default() };
    world.containers.insert(container.observed.id.clone(), container);
    Ok(Outcome::Done)
}

fn mounts(
    world: &mut World,
    spec: &ContainerSpec,
    image_id: &str,
) -> Result<Vec<ObservedMount>, EngineError> {
    let mut mounts: Vec<ObservedMount> = Vec::new();
    for mount in &spec.spec.volumes {
        let mut found = ObservedMount {
            kind: mount.kind.clone(),
            target: mount.target.clone(),
            writable: !mount.read_only,
            ..ObservedMount::default()
        };
        match (&*mount.kind, &*mount.source) {
            ("volume", "") => found.name = anonymous(world, spec, &mount.target),
            ("volume", key) => {
                found.name = spec.volume_names.get(key).cloned().unwrap_or_else(|| key.to_owned());
                if !world.volumes.contains_key(&found.name) {
                    return Err(refuse(404, format!("no such volume: {}", found.name)));
                }
            }
            (_, source) => source.clone_into(&mut found.source),
        }
        mounts.push(found);
    }
    for from in &spec.volumes_from {
        let name = from.split(':').next().unwrap_or(from);
        let parent = world.find(name).ok_or_else(|| refuse(404, format!("No such container: {name}")))?;
        mounts.extend(parent.observed.mounts.clone());
    }
    let declared = world.images.get(image_id).map(|image| image.volumes.clone()).unwrap_or_default();
    let taken_over: Vec<String> = spec.inherited_volumes.keys().cloned().collect();
    for target in declared.into_iter().chain(taken_over) {
        if !mounts.iter().any(|mount| mount.target == target) {
            let name = anonymous(world, spec, &target);
            mounts.push(ObservedMount {
                kind: "volume".into(),
                name,
                target,
                writable: true,
                ..ObservedMount::default()
            });
        }
    }
    Ok(mounts)
}

fn anonymous(world: &mut World, spec: &ContainerSpec, target: &str) -> String {
    if let Some(name) = spec.inherited_volumes.get(target) {
        return name.clone();
    }
    let name = world.new_id();
    let observed = ObservedVolume { name: name.clone(), driver: "local".into(), ..ObservedVolume::default() };
    world.volumes.insert(name.clone(), SimVolume { observed, data: String::new() });
    name
}

fn connect(world: &mut World, container: &ContainerRef, network: &str, _: &EndpointSpec) -> Done {
    let found = world.network(network).map(|network| network.id.clone());
    let id = found.ok_or_else(|| refuse(404, format!("network {network} not found")))?;
    let container = existing(world, container)?;
    let id = if container.observed.is_up() { id } else { String::new() };
    let before = container.observed.networks.insert(network.to_owned(), id.clone());
    Ok(if before == Some(id) { Outcome::AlreadyDone } else { Outcome::Done })
}

fn rename(world: &mut World, container: &ContainerRef, to: &str) -> Done {
    let holder = world.named(to).map(|found| found.observed.id.clone());
    match (world.id_of(container), holder) {
        (Some(id), Some(holder)) if id == holder => Ok(Outcome::AlreadyDone),
        // The container was renamed, and the reply was lost.
        (None, Some(_)) if matches!(container, ContainerRef::Name(_)) => Ok(Outcome::AlreadyDone),
        (_, Some(_)) => Err(refuse(409, format!("the container name {to} is already in use"))),
        (None, None) => Err(refuse(404, format!("No such container: {}", container.engine_ref()))),
        (Some(_), None) => {
            to.clone_into(&mut existing(world, container)?.observed.name);
            Ok(Outcome::Done)
        }
    }
}

fn remove_container(world: &mut World, container: &ContainerRef) -> Done {
    let Some(id) = world.id_of(container) else { return Ok(Outcome::AlreadyDone) };
    let found = existing(world, container)?;
    if found.observed.is_up() {
        return Err(refuse(409, format!("container {} is running", found.observed.name)));
    }
    world.containers.remove(&id);
    Ok(Outcome::Done)
}

fn await_healthy(world: &mut World, container: &ContainerRef) -> Done {
    let found = &existing(world, container)?.observed;
    let verdict = match (found.state, found.health) {
        (ContainerState::Running, Some(Health::Healthy)) => return Ok(Outcome::Done),
        (ContainerState::Running, Some(Health::Unhealthy)) => "is unhealthy",
        (ContainerState::Running, Some(Health::Starting)) => "is still starting",
        (ContainerState::Running, None) => "has no health check",
        _ => "does not run",
    };
    Err(EngineError::Failed(format!("{} {verdict}", found.name)))
}

fn await_stable(world: &mut World, container: &ContainerRef, may_end: bool, in_health: bool) -> Done {
    let found = &existing(world, container)?.observed;
    match found.state {
        ContainerState::Running if in_health && found.health == Some(Health::Unhealthy) => {
            Err(EngineError::Failed(format!("{} became unhealthy", found.name)))
        }
        ContainerState::Running => Ok(Outcome::Done),
        ContainerState::Exited(0) if may_end => Ok(Outcome::Done),
        ContainerState::Exited(code) => {
            Err(EngineError::Failed(format!("{} exited with {code}", found.name)))
        }
        _ => Err(EngineError::Failed(format!("{} does not run", found.name))),
    }
}

fn await_completed(world: &mut World, container: &ContainerRef) -> Done {
    let found = &existing(world, container)?.observed;
    match found.state {
        ContainerState::Exited(0) => Ok(Outcome::Done),
        ContainerState::Exited(code) => {
            Err(EngineError::Failed(format!("{} exited with {code}", found.name)))
        }
        _ => Err(EngineError::Timeout { what: format!("{} did not complete", found.name), seconds: 0 }),
    }
}

fn exec(world: &mut World, container: &ContainerRef, hook: &Hook, must_succeed: bool) -> Done {
    let found = &existing(world, container)?.observed;
    let fails = hook.command.as_ref().and_then(|command| command.first()).is_some_and(|word| word == "false");
    let why = if found.state != ContainerState::Running {
        format!("{} does not run", found.name)
    } else if fails {
        format!("a command in {} exited with 1", found.name)
    } else {
        return Ok(Outcome::Done);
    };
    if must_succeed { Err(EngineError::Failed(why)) } else { Ok(Outcome::DoneWithWarning(why)) }
}
