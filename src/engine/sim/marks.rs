//! Marks in the simulated world.

use super::{SimContainer, World, refuse};
use crate::engine::EngineError;
use crate::model::labels;
use crate::model::observed::ObservedContainer;
use crate::model::report::Outcome;
use crate::model::service::Pairs;

/// Leaves a mark in place of an older one of that name.
pub(super) fn leave(world: &mut World, name: &str, labels: &Pairs) -> Result<Outcome, EngineError> {
    if let Some(found) = world.named(name).map(|found| &found.observed) {
        if found.labels == *labels {
            return Ok(Outcome::AlreadyDone);
        }
        if !labels::is_mark(&found.labels) {
            return Err(refuse(409, format!("the container name {name} is already in use")));
        }
        let id = found.id.clone();
        world.containers.remove(&id);
    }
    let observed = ObservedContainer {
        id: world.new_id(),
        name: name.to_owned(),
        labels: labels.clone(),
        network_mode: "none".to_owned(),
        ..ObservedContainer::default()
    };
    world.containers.insert(observed.id.clone(), SimContainer { observed, ..SimContainer::default() });
    Ok(Outcome::Done)
}
