//! What the simulated engine holds.

use super::key;
use crate::model::hash::digest;
use crate::model::labels as label_keys;
use crate::model::observed::{
    ContainerState, EngineInfo, ObservedContainer, ObservedImage, ObservedNetwork, ObservedVolume,
};
use crate::model::step::{ContainerRef, ContainerSpec};
use serde_json::Value;
use std::collections::BTreeMap;

/// A fault to inject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call changes nothing and fails.
    Fails,
    /// The call does its work, and its reply is lost.
    ReplyLost,
}

/// A container.
#[derive(Debug, Clone, Default)]
pub struct SimContainer {
    /// As it is observed.
    pub observed: ObservedContainer,
    /// As it was created.
    pub spec: ContainerSpec,
    /// How often it was started.
    pub starts: usize,
    /// How many starts of any container there were when it was started last, that one included.
    pub started: i64,
    /// Files written into it.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What its configuration says otherwise than it was created, by JSON pointer into its inspection.
    pub configured: BTreeMap<String, Value>,
    /// When what it mounts from the source changed last, by the name of the contents.
    pub modified: BTreeMap<String, i64>,
}

/// A volume.
#[derive(Debug, Clone, Default)]
pub struct SimVolume {
    /// As it is observed.
    pub observed: ObservedVolume,
    /// What was written into it first; empty while nothing was.
    pub data: String,
}

/// An image.
#[derive(Debug, Clone, Default)]
pub struct SimImage {
    /// As it is observed.
    pub observed: ObservedImage,
    /// Paths that it declares as volumes.
    pub volumes: Vec<String>,
}

/// Everything the engine holds, and its registry.
///
/// The image's name tells how a container behaves: with `job-ok` it ends with 0 at once, with `job-fail` or `crash`
/// with 1, with `bad-start` its start is refused; so do the commands `true`, `cat`, `false` and `bad`. With a health check it is healthy at once, with `unhealthy` never.
/// A registry gives every reference but those with `missing` in them.
#[derive(Debug, Clone)]
pub struct World {
    /// The engine itself.
    pub engine: EngineInfo,
    /// Containers by id.
    pub containers: BTreeMap<String, SimContainer>,
    /// Networks by id.
    pub networks: BTreeMap<String, ObservedNetwork>,
    /// Volumes by name.
    pub volumes: BTreeMap<String, SimVolume>,
    /// Images by id.
    pub images: BTreeMap<String, SimImage>,
    /// Image ids by normalised reference.
    pub tags: BTreeMap<String, String>,
    /// How often the registry's image of a normalised reference was renewed; 0 where nothing is said.
    pub pushes: BTreeMap<String, u32>,
    /// Paths that images declare as volumes, by normalised reference.
    pub image_volumes: BTreeMap<String, Vec<String>>,
    /// Whether the registry answers.
    pub registry_is_up: bool,
    /// Seconds since 1970; moves on by one with every container.
    pub clock: i64,
    /// How many starts there were.
    pub starts: i64,
    /// Calls that changed something or tried to.
    pub log: Vec<String>,
    /// Number of those calls.
    pub calls: usize,
    /// Faults by the number of the call, from 1.
    pub faults: BTreeMap<usize, Fault>,
    next: u64,
}

impl Default for World {
    fn default() -> Self {
        let engine = EngineInfo {
            version: "28.5.2".into(),
            api: (1, 51),
            os: "linux".into(),
            ..EngineInfo::default()
        };
        let mut world = Self {
            engine,
            containers: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            pushes: BTreeMap::new(),
            image_volumes: BTreeMap::new(),
            registry_is_up: true,
            clock: 1_000_000,
            starts: 0,
            log: Vec::new(),
            calls: 0,
            faults: BTreeMap::new(),
            next: 0,
        };
        for name in ["bridge", "host", "none"] {
            world.add_network(ObservedNetwork {
                name: name.into(),
                driver: name.into(),
                ..ObservedNetwork::default()
            });
        }
        world
    }
}

impl World {
    /// A new id of 64 hex digits, the same in every run.
    pub fn new_id(&mut self) -> String {
        self.next += 1;
        digest(format!("sim {}", self.next).as_bytes())
    }

    /// The container of a name.
    pub fn named(&self, name: &str) -> Option<&SimContainer> {
        self.containers.values().find(|container| container.observed.name == name)
    }

    /// The same, to change it.
    pub fn named_mut(&mut self, name: &str) -> Option<&mut SimContainer> {
        self.containers.values_mut().find(|container| container.observed.name == name)
    }

    /// The container that a step or another container names, by id or name.
    pub fn find(&self, reference: &str) -> Option<&SimContainer> {
        self.containers.get(reference).or_else(|| self.named(reference))
    }

    /// The id of the container that a step names.
    pub fn id_of(&self, reference: &ContainerRef) -> Option<String> {
        self.find(reference.engine_ref()).map(|container| container.observed.id.clone())
    }

    /// The network of a name.
    pub fn network(&self, name: &str) -> Option<&ObservedNetwork> {
        self.networks.values().find(|network| network.name == name)
    }

    /// Adds a network and gives it an id.
    pub fn add_network(&mut self, mut network: ObservedNetwork) {
        network.id = self.new_id();
        if network.driver.is_empty() {
            network.driver = "bridge".into();
        }
        self.networks.insert(network.id.clone(), network);
    }

    /// The id of the image that a reference names in the registry.
    pub fn remote_image(&self, reference: &str) -> String {
        let key = key(reference);
        let pushes = self.pushes.get(&key).copied().unwrap_or_default();
        format!("sha256:{}", digest(format!("image {key} {pushes}").as_bytes()))
    }

    /// What the registry says about a reference's digest.
    pub fn remote_digest(&self, reference: &str) -> Result<String, String> {
        if !self.registry_is_up {
            return Err("connection refused".to_owned());
        }
        if reference.contains("missing") {
            return Err("manifest unknown".to_owned());
        }
        Ok(manifest_digest(&self.remote_image(reference)))
    }

    /// Puts the registry's image of a reference on the engine, and gives back its id.
    pub fn pull(&mut self, reference: &str) -> Result<String, String> {
        let digest = self.remote_digest(reference)?;
        let key = key(reference);
        let id = self.remote_image(reference);
        let repository = key.split('@').next().unwrap_or(&key);
        let repository = repository.rsplit_once(':').map_or(repository, |(repository, _)| repository);
        let observed = ObservedImage {
            id: id.clone(),
            tags: vec![reference.to_owned()],
            digests: vec![format!("{repository}@{digest}")],
            ..ObservedImage::default()
        };
        self.add_image(reference, observed);
        Ok(id)
    }

    /// Puts an image on the engine under one name, which it takes from whichever image had it.
    pub fn add_image(&mut self, reference: &str, observed: ObservedImage) {
        let key = key(reference);
        for image in self.images.values_mut() {
            image.observed.tags.retain(|tag| super::key(tag) != key);
        }
        let volumes = self.image_volumes.get(&key).cloned().unwrap_or_default();
        self.tags.insert(key, observed.id.clone());
        self.images.insert(observed.id.clone(), SimImage { observed, volumes });
    }

    /// Adds a running container that no stack made, with host ports.
    pub fn add_foreign(&mut self, name: &str, ports: &[u16], networks: &[&str]) {
        let id = self.new_id();
        let attached = networks.iter().filter_map(|name| self.network(name));
        let observed = ObservedContainer {
            id: id.clone(),
            name: name.to_owned(),
            state: ContainerState::Running,
            networks: attached.map(|network| (network.name.clone(), network.id.clone())).collect(),
            ports: ports.iter().map(|port| ("0.0.0.0".to_owned(), *port, "tcp".to_owned())).collect(),
            ..ObservedContainer::default()
        };
        self.containers.insert(id, SimContainer { observed, ..SimContainer::default() });
    }

    /// Takes our labels from everything of a project, or from its networks, volumes and one service, as if Docker's own
    /// tools had made it.
    pub fn disown(&mut self, project: &str, service: Option<&str>) {
        let ours = [label_keys::HASH, label_keys::SOURCE, label_keys::SPEC];
        let of_service = |found: &ObservedContainer| service.is_none_or(|service| found.service() == service);
        let containers = self.containers.values_mut().map(|found| &mut found.observed);
        let containers = containers.filter(|found| of_service(found)).map(|found| &mut found.labels);
        let networks = self.networks.values_mut().map(|network| &mut network.labels);
        let volumes = self.volumes.values_mut().map(|volume| &mut volume.observed.labels);
        for labels in containers.chain(networks).chain(volumes) {
            if labels.get(label_keys::PROJECT).is_some_and(|found| found == project) {
                labels.retain(|key, _| !ours.contains(&key.as_str()));
            }
        }
    }
}

/// The digest under which a registry names an image.
fn manifest_digest(id: &str) -> String {
    format!("sha256:{}", digest(format!("manifest {id}").as_bytes()))
}
