//! Runs of jobs in the simulated world.

use super::{SimContainer, World, refuse};
use crate::engine::EngineError;
use crate::model::labels;
use crate::model::observed::{ContainerState, ObservedContainer};
use crate::model::report::Outcome;
use crate::model::service::Pairs;
use crate::model::step::ContainerRef;

/// Creates a container like another one.
pub(super) fn create(
    world: &mut World,
    like: &ContainerRef,
    name: &str,
    own: &Pairs,
) -> Result<Outcome, EngineError> {
    if let Some(found) = world.named(name).map(|found| &found.observed) {
        let is_same = [labels::RUN, labels::RUN_AT].iter().all(|key| found.labels.get(*key) == own.get(*key));
        return if is_same {
            Ok(Outcome::AlreadyDone)
        } else {
            Err(refuse(409, format!("the container name {name} is already in use")))
        };
    }
    let template = world.id_of(like).and_then(|id| world.containers.get(&id)).cloned();
    let template =
        template.ok_or_else(|| refuse(404, format!("No such container: {}", like.engine_ref())))?;
    world.clock += 1;
    let mut all = template.spec.spec.labels.clone();
    all.extend(own.clone());
    let networks = template.observed.networks.keys().map(|network| (network.clone(), String::new()));
    let observed = ObservedContainer {
        id: world.new_id(),
        name: name.to_owned(),
        labels: all,
        created: world.clock,
        state: ContainerState::Created,
        health: None,
        networks: networks.collect(),
        ports: std::collections::BTreeSet::new(),
        ..template.observed
    };
    let container =
        SimContainer { observed, spec: template.spec, files: template.files, ..SimContainer::default() };
    world.containers.insert(container.observed.id.clone(), container);
    Ok(Outcome::Done)
}
