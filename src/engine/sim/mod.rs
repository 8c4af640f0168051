//! A simulated engine: deterministic, in memory, with faults on demand.
//!
//! It keeps the rules that plans rely on (names, ports, networks and volumes clash and go missing as on a real engine)
//! and takes the behaviour of containers from their image's name: see [`World`].

mod inspect;
mod locks;
mod marks;
mod perform;
mod runs;
mod start;
mod words;
mod world;

pub use world::{Fault, SimContainer, SimImage, SimVolume, World};

use super::{Engine, EngineError, Observe, ObserveRequest, Progress};
use crate::model::inspected::LookInto;
use crate::model::observed::{ObservedState, normalize_reference};
use crate::model::report::{LastWords, Outcome};
use crate::model::step::{Action, ContainerRef};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A simulated engine.
#[derive(Debug, Default)]
pub struct SimEngine {
    world: Mutex<World>,
}

impl SimEngine {
    /// An engine that holds this world.
    pub fn new(world: World) -> Self {
        Self { world: Mutex::new(world) }
    }

    /// The world, to look at or to change behind the reconciler's back.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Observes without `async`, for tests and tools.
    pub fn snapshot(&self, request: &ObserveRequest) -> ObservedState {
        let world = self.world();
        let mut observed = ObservedState { engine: world.engine.clone(), ..ObservedState::default() };
        observed.containers = world.containers.values().map(|found| found.observed.clone()).collect();
        observed.containers.sort_by(|a, b| a.name.cmp(&b.name));
        let up = world.containers.iter().filter(|(_, found)| found.observed.is_up());
        observed.started = up.map(|(id, found)| (id.clone(), found.started)).collect();
        observed.networks = world.networks.values().cloned().collect();
        observed.networks.sort_by(|a, b| a.name.cmp(&b.name));
        observed.volumes =
            world.volumes.iter().map(|(name, volume)| (name.clone(), volume.observed.clone())).collect();
        for image in world.images.values() {
            observed.add_image(image.observed.clone());
        }
        observed.references.extend(world.tags.clone());
        for reference in &request.remote_digests {
            let answer = world.remote_digest(reference);
            observed.remote_digests.insert(reference.clone(), answer);
        }
        inspect::fill(&world, &[], &mut observed);
        observed
    }

    /// Carries out an action without `async`, for tests and tools.
    pub fn apply(&self, action: &Action) -> Result<Outcome, EngineError> {
        let mut world = self.world();
        world.calls += 1;
        let call = world.calls;
        let fault = world.faults.get(&call).copied();
        let injected = || EngineError::Failed(format!("injected fault at call {call}"));
        if fault == Some(Fault::Fails) {
            let line = format!("{} {} (fails)", action.as_str(), action.target());
            world.log.push(line);
            return Err(injected());
        }
        let result = perform::perform(&mut world, action);
        let ending = if result.is_ok() { "" } else { " (refused)" };
        let line = format!("{} {}{ending}", action.as_str(), action.target());
        world.log.push(line);
        if fault == Some(Fault::ReplyLost) { Err(injected()) } else { result }
    }
}

impl Observe for SimEngine {
    async fn observe(&self, request: &ObserveRequest) -> Result<ObservedState, EngineError> {
        Ok(self.snapshot(request))
    }

    async fn environments(&self, ids: &[String], observed: &mut ObservedState) -> Result<(), EngineError> {
        let world = self.world();
        for id in ids {
            if let Some(found) = world.containers.get(id) {
                let pairs = found.spec.spec.environment.iter();
                let set = pairs.filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
                observed.environments.insert(id.clone(), set.collect());
            }
        }
        Ok(())
    }

    async fn look_into(&self, wanted: &[LookInto], observed: &mut ObservedState) -> Result<(), EngineError> {
        inspect::fill(&self.world(), wanted, observed);
        Ok(())
    }

    async fn last_words(&self, container: &ContainerRef) -> Result<LastWords, EngineError> {
        words::of(&self.world(), container)
    }
}

impl Engine for SimEngine {
    async fn perform(&self, action: &Action, _: &dyn Progress) -> Result<Outcome, EngineError> {
        self.apply(action)
    }
}

/// An engine's refusal.
fn refuse(status: u16, message: impl Into<String>) -> EngineError {
    EngineError::Api { status, message: message.into() }
}

/// The key of a reference in registries and tags.
fn key(reference: &str) -> String {
    normalize_reference(reference)
}
