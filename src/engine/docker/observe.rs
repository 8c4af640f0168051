//! Looking at the engine: four lists at once, however many containers and stacks there are, and a look into those that share
//! a network.

use super::DockerEngine;
use super::api::{Call, escape};
use super::auth;
use super::lists::{Container, Image, Network, Volumes, or_default};
use crate::engine::{EngineError, Observe, ObserveRequest};
use crate::model::inspected::LookInto;
use crate::model::observed::{ObservedNetwork, ObservedState, normalize_reference};
use crate::model::platform;
use crate::model::report::LastWords;
use crate::model::step::ContainerRef;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many lookups go to the engine at once.
const PARALLEL: usize = 8;
/// How long a registry may take to name a digest. Beyond it the last pulled image stays.
const REGISTRY_LIMIT: Duration = Duration::from_secs(20);

/// How old lists may be that were asked for ahead: no older than those of a run that somebody started a moment earlier.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Inspected {
    id: String,
    config: Config,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    #[serde(deserialize_with = "or_default")]
    env: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedImage {
    os: String,
    architecture: String,
    #[serde(deserialize_with = "or_default")]
    variant: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Distribution {
    descriptor: Descriptor,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Descriptor {
    digest: String,
}

/// The lists that every look is made of.
type Lists = (Vec<Container>, Vec<Network>, Volumes, Vec<Image>);

/// Lists that were asked for before anybody needed them.
#[derive(Default)]
pub(super) struct Ahead(Mutex<Option<(Instant, Lists)>>);

impl Ahead {
    /// The lists, once, if they are still worth something.
    fn take(&self) -> Option<Lists> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.filter(|(asked, _)| asked.elapsed() < FRESH).map(|(_, lists)| lists)
    }
}

impl DockerEngine {
    /// Asks for the engine's lists now; a look that comes soon enough is made of these. The engine works on them while the
    /// program reads files, which takes about as long.
    pub async fn look_ahead(&self) -> Result<(), EngineError> {
        let asked = Instant::now();
        let lists = self.lists().await?;
        *self.ahead.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, lists));
        Ok(())
    }

    async fn lists(&self) -> Result<Lists, EngineError> {
        let api = &self.api;
        tokio::try_join!(
            api.read(Call::get("/containers/json").query("all", "1")),
            api.read(Call::get("/networks")),
            api.read(Call::get("/volumes")),
            api.read(Call::get("/images/json")),
        )
    }
}

impl Observe for DockerEngine {
    async fn observe(&self, request: &ObserveRequest) -> Result<ObservedState, EngineError> {
        let lists = async {
            match self.ahead.take() {
                Some(lists) => Ok(lists),
                None => self.lists().await,
            }
        };
        let (lists, remote_digests, platforms) = tokio::join!(
            lists,
            self.remote_digests(&request.remote_digests),
            self.platforms(&request.platforms)
        );
        let platforms = platforms?;
        let (containers, networks, volumes, images) = lists?;
        let mut networks: Vec<ObservedNetwork> = networks.into_iter().map(Network::observed).collect();
        networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let mut containers: Vec<_> =
            containers.into_iter().map(|container| container.observed(&networks)).collect();
        containers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        if self.info.podman {
            self.network_modes(&mut containers, &request.stacks).await?;
        }
        let started = self.start_times(&containers, &request.stacks).await?;
        let volumes =
            volumes.volumes.into_iter().map(|volume| (volume.name.clone(), volume.observed())).collect();
        let engine = (*self.info).clone();
        let mut state = ObservedState {
            engine,
            containers,
            networks,
            volumes,
            remote_digests,
            platforms,
            started,
            ..ObservedState::default()
        };
        for image in images {
            state.add_image(image.observed());
        }
        if state.engine.podman {
            name_without_host(&mut state);
        }
        Ok(state)
    }

    async fn environments(&self, ids: &[String], observed: &mut ObservedState) -> Result<(), EngineError> {
        let calls: Vec<Call> =
            ids.iter().map(|id| Call::get(format!("/containers/{}/json", escape(id)))).collect();
        let inspections = calls.into_iter().map(|call| self.api.read::<Inspected>(call));
        let mut inspections = stream::iter(inspections).buffer_unordered(PARALLEL);
        while let Some(inspected) = inspections.next().await {
            match inspected {
                Ok(Inspected { id, config }) => {
                    observed.environments.insert(id, pairs(config.env));
                }
                // It went away in the meantime: there is nothing to show.
                Err(EngineError::Api { status: 404, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn look_into(&self, wanted: &[LookInto], observed: &mut ObservedState) -> Result<(), EngineError> {
        self.look_into_containers(wanted, observed).await
    }

    async fn last_words(&self, container: &ContainerRef) -> Result<LastWords, EngineError> {
        self.words_of(container).await
    }
}

/// Podman gives the host `localhost` to names of images that were built or loaded without one, and finds them without it.
fn name_without_host(state: &mut ObservedState) {
    let local = state
        .references
        .iter()
        .filter_map(|(name, id)| Some((normalize_reference(name.strip_prefix("localhost/")?), id.clone())));
    for (name, id) in local.collect::<Vec<_>>() {
        state.references.entry(name).or_insert(id);
    }
}

fn pairs(entries: Vec<String>) -> BTreeMap<String, String> {
    entries
        .into_iter()
        .map(|entry| match entry.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None => (entry, String::new()),
        })
        .collect()
}

/// Engines from this version on hold images of several platforms under one name, and are asked for one of them.
const BY_PLATFORM: (u32, u32) = (1, 49);

impl DockerEngine {
    /// What local images are for. One call per image, and only for those whose services choose a platform.
    async fn platforms(
        &self,
        wanted: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let lookups = wanted.clone().into_iter().map(|(reference, wanted)| async move {
            Ok(self.platform(&reference, &wanted).await?.map(|platform| (reference, platform)))
        });
        let found: Vec<Result<_, EngineError>> =
            stream::iter(lookups).buffer_unordered(PARALLEL).collect().await;
        found.into_iter().filter_map(Result::transpose).collect()
    }

    /// What a local image is for: the wanted platform if the engine has it for that; `None` if it is not there.
    async fn platform(&self, reference: &str, wanted: &str) -> Result<Option<String>, EngineError> {
        let name = reference.split('/').map(escape).collect::<Vec<_>>().join("/");
        let call = || Call::get(format!("/images/{name}/json"));
        if self.info.api >= BY_PLATFORM {
            let [os, architecture, variant] = platform::parts(wanted);
            let query =
                serde_json::json!({"os": os, "architecture": architecture, "variant": variant}).to_string();
            if self.api.read::<InspectedImage>(call().query("platform", &query)).await.is_ok() {
                return Ok(Some(wanted.to_owned()));
            }
        }
        match self.api.read::<InspectedImage>(call()).await {
            Ok(InspectedImage { os, architecture, variant }) => {
                let parts = [os, architecture, variant].into_iter().filter(|part| !part.is_empty());
                Ok(Some(parts.collect::<Vec<_>>().join("/")))
            }
            Err(EngineError::Api { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The digests that registries name now. A registry that does not answer is told as text: its images stay.
    async fn remote_digests(&self, references: &[String]) -> BTreeMap<String, Result<String, String>> {
        let lookups = references.iter().cloned().map(|reference| async move {
            let digest = self.remote_digest(&reference).await.map_err(|error| error.to_string());
            (reference, digest)
        });
        stream::iter(lookups).buffer_unordered(PARALLEL).collect().await
    }

    async fn remote_digest(&self, reference: &str) -> Result<String, EngineError> {
        if self.info.podman {
            let why = "Podman's API cannot ask a registry which digest a tag names; the local image stays";
            return Err(EngineError::Failed(why.to_owned()));
        }
        let credentials = auth::for_reference(&self.client_config()?, reference).await;
        // Slashes stay: the engine takes the rest of the path as the name.
        let path = reference.split('/').map(escape).collect::<Vec<_>>().join("/");
        let mut call = Call::get(format!("/distribution/{path}/json")).limit(REGISTRY_LIMIT);
        if let Some(header) = &credentials.header {
            call = call.header("x-registry-auth", header.clone());
        }
        let found = self.api.read::<Distribution>(call).await.map_err(|error| credentials.explain(error))?;
        if found.descriptor.digest.is_empty() {
            return Err(EngineError::Failed("the registry names no digest".to_owned()));
        }
        Ok(found.descriptor.digest)
    }
}
