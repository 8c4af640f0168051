//! Since when containers run whose network another one shares.
//!
//! A container that joined the network of another one keeps a dead one once that is started again, and counts as running all
//! the same. No list tells start times, so both are looked into: a request for each, and none for stacks that share nothing.

use super::DockerEngine;
use super::api::Call;
use super::containers::path;
use super::lists::or_default;
use crate::engine::EngineError;
use crate::model::clock;
use crate::model::labels;
use crate::model::observed::ObservedContainer;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many requests go to the engine at once.
const PARALLEL: usize = 8;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Found {
    id: String,
    #[serde(deserialize_with = "or_default")]
    state: State,
    #[serde(deserialize_with = "or_default")]
    host_config: HostConfig,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    started_at: String,
}

impl DockerEngine {
    /// Start times by id, of containers of these stacks.
    pub(super) async fn start_times(
        &self,
        containers: &[ObservedContainer],
        stacks: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, i64>, EngineError> {
        let found = self.found(families(containers, stacks)).await?;
        let started = |Found { id, state, .. }| clock::nanos(&state.started_at).map(|time| (id, time));
        Ok(found.into_iter().filter_map(started).collect())
    }

    /// Whose network containers of these stacks share, where the list does not tell: those are looked into that were made to
    /// share one.
    pub(super) async fn network_modes(
        &self,
        containers: &mut [ObservedContainer],
        stacks: &BTreeSet<String>,
    ) -> Result<(), EngineError> {
        let shares = |found: &&ObservedContainer| found.network_mode.is_empty() && was_made_to_share(found);
        let wanted = containers.iter().filter(|found| stacks.contains(found.stack())).filter(shares);
        let found = self.found(wanted.map(|found| found.id.as_str()).collect()).await?;
        let mut modes: BTreeMap<String, String> =
            found.into_iter().map(|found| (found.id, found.host_config.network_mode)).collect();
        for container in containers {
            if let Some(mode) = modes.remove(&container.id) {
                container.network_mode = mode;
            }
        }
        Ok(())
    }

    /// Looks into containers. One that is gone meanwhile is left out.
    async fn found(&self, ids: BTreeSet<&str>) -> Result<Vec<Found>, EngineError> {
        let calls: Vec<Call> = ids.into_iter().map(|id| Call::get(path(id, "/json"))).collect();
        let mut answers =
            stream::iter(calls).map(|call| self.api.read::<Found>(call)).buffer_unordered(PARALLEL);
        let mut found = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(one) => found.push(one),
                Err(EngineError::Api { status: 404, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// Whether a container's recorded spec asks for the network of another one.
fn was_made_to_share(container: &ObservedContainer) -> bool {
    #[derive(Deserialize)]
    struct Recorded {
        spec: Spec,
    }
    #[derive(Deserialize)]
    struct Spec {
        #[serde(default)]
        network_mode: String,
    }
    let recorded = serde_json::from_str::<Recorded>(container.label(labels::SPEC)).ok();
    let mode = recorded.map(|recorded| recorded.spec.network_mode).unwrap_or_default();
    mode.starts_with("service:") || mode.starts_with("container:")
}

/// Containers of these stacks that run in the network of another one that runs, and these others.
fn families<'a>(containers: &'a [ObservedContainer], stacks: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let up: BTreeSet<&str> =
        containers.iter().filter(|found| found.is_up()).map(|found| found.id.as_str()).collect();
    let mut families = BTreeSet::new();
    for child in containers.iter().filter(|found| stacks.contains(found.stack())) {
        let parent = child.network_mode.strip_prefix("container:").and_then(|parent| up.get(parent));
        if let (Some(child), Some(parent)) = (up.get(child.id.as_str()), parent) {
            families.extend([*child, *parent]);
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use super::{families, was_made_to_share};
    use crate::model::labels;
    use crate::model::observed::{ContainerState, ObservedContainer};

    #[test]
    fn only_what_runs_in_the_network_of_another_one_is_looked_into() {
        let container = |id: &str, mode: &str, state| ObservedContainer {
            id: id.to_owned(),
            network_mode: mode.to_owned(),
            state,
            labels: [(labels::PROJECT.to_owned(), "web".to_owned())].into(),
            ..ObservedContainer::default()
        };
        let (running, ended) = (ContainerState::Running, ContainerState::Exited(0));
        let mut all = vec![
            container("vpn", "web_default", running),
            container("app", "container:vpn", running),
            container("done", "container:vpn", ended),
            container("alone", "web_default", running),
            container("old", "web_default", ended),
            container("orphan", "container:old", running),
        ];
        let foreign = container("foreign", "container:alone", running);
        all.push(ObservedContainer { labels: [].into(), ..foreign });
        let wanted = ["web".to_owned()].into();
        assert_eq!(families(&all, &wanted).into_iter().collect::<Vec<_>>(), ["app", "vpn"]);
        assert!(families(&all, &["other".to_owned()].into()).is_empty(), "stacks of other sources");
    }
    #[test]
    fn the_recorded_spec_tells_what_was_made_to_share_a_network() {
        let made = |spec: &str| ObservedContainer {
            labels: [(labels::SPEC.to_owned(), spec.to_owned())].into(),
            ..ObservedContainer::default()
        };
        assert!(was_made_to_share(&made(r#"{"spec":{"image":"app:1","network_mode":"service:vpn"}}"#)));
        assert!(was_made_to_share(&made(r#"{"spec":{"network_mode":"container:vpn"}}"#)));
        assert!(!was_made_to_share(&made(r#"{"spec":{"network_mode":"none"}}"#)));
        assert!(!was_made_to_share(&made(r#"{"spec":{"image":"app:1"}}"#)) && !was_made_to_share(&made("")));
    }
}
