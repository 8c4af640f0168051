//! Locks in the simulated world.

use super::{SimContainer, SimEngine, refuse};
use crate::engine::{EngineError, Locks};
use crate::model::lock::{self, Held, Holder, Taken};
use crate::model::observed::ObservedContainer;

const BEAT: &str = "/beat";

impl Locks for SimEngine {
    async fn take_lock(&self, stack: &str, holder: &Holder) -> Result<Taken, EngineError> {
        let mut world = self.world();
        let name = lock::name(stack);
        if let Some(found) = world.named(&name).map(|found| &found.observed) {
            let other = Holder::read(&found.labels);
            let other =
                other.ok_or_else(|| refuse(409, format!("the container name {name} is already in use")))?;
            let id = found.id.clone();
            return Ok(if other.id == holder.id {
                Taken::Ours(id)
            } else {
                Taken::Theirs(Held { stack: stack.to_owned(), id, holder: other })
            });
        }
        let observed = ObservedContainer {
            id: world.new_id(),
            name,
            labels: holder.labels(stack),
            network_mode: "none".to_owned(),
            ..ObservedContainer::default()
        };
        let id = observed.id.clone();
        world.containers.insert(id.clone(), SimContainer { observed, ..SimContainer::default() });
        Ok(Taken::Ours(id))
    }

    async fn beat(&self, id: &str, number: u64) -> Result<bool, EngineError> {
        let mut world = self.world();
        let Some(found) = world.containers.get_mut(id) else { return Ok(false) };
        found.files.insert(BEAT.to_owned(), number.to_string().into_bytes());
        Ok(true)
    }

    async fn pulse(&self, id: &str) -> Result<Option<String>, EngineError> {
        let world = self.world();
        let Some(found) = world.containers.get(id) else { return Ok(None) };
        let beat = found.files.get(BEAT).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Ok(Some(beat.unwrap_or_default()))
    }

    async fn remove_lock(&self, id: &str) -> Result<(), EngineError> {
        self.world().containers.remove(id);
        Ok(())
    }
}
