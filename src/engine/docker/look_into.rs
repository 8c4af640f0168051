//! Looking into containers that another tool made: one request for each, one for each image of theirs, one for each file
//! that was written into them, and one for the engine's defaults. Of a container of our own, one request shows its limits.

use super::DockerEngine;
use super::api::{Call, escape};
use super::containers::path;
use super::lists::or_default;
use super::modified;
use crate::engine::EngineError;
use crate::model::clock;
use crate::model::hash::digest;
use crate::model::inspected::{EngineDefaults, Inspected, InspectedFile, LookInto, UPDATABLE};
use crate::model::observed::ObservedState;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

/// How many requests go to the engine at once.
const PARALLEL: usize = 8;
/// The longest archive that is read back for a file. What is written into a container is part of a compose file.
const MAX_ARCHIVE: usize = 16 << 20;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Found {
    config: Value,
    host_config: Value,
    #[serde(deserialize_with = "or_default")]
    network_settings: Networks,
    #[serde(deserialize_with = "or_default")]
    state: State,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Networks {
    networks: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    started_at: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Image {
    config: Value,
    #[serde(deserialize_with = "or_default")]
    created: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Info {
    #[serde(deserialize_with = "or_default")]
    cgroup_version: String,
    #[serde(deserialize_with = "or_default")]
    logging_driver: String,
    #[serde(deserialize_with = "or_default")]
    default_runtime: String,
}

/// What is not there any more is left out.
fn unless_gone<T>(answer: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(EngineError::Api { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl DockerEngine {
    pub(super) async fn look_into_containers(
        &self,
        wanted: &[LookInto],
        observed: &mut ObservedState,
    ) -> Result<(), EngineError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let whole = || wanted.iter().filter(|one| !one.only_limits);
        let images: BTreeSet<String> = whole().map(|one| one.image_id.clone()).collect();
        let images = stream::iter(images).map(|id| self.image(id)).buffer_unordered(PARALLEL);
        let images: BTreeMap<String, Option<Image>> = images.try_collect().await?;
        let containers = wanted.iter().cloned().map(|one| self.configuration(one));
        let mut containers = stream::iter(containers).buffer_unordered(PARALLEL);
        while let Some(found) = containers.next().await {
            let Some((one, mut inspected)) = found? else { continue };
            if let Some(image) = images.get(&one.image_id).and_then(Option::as_ref) {
                inspected.image = Some(image.config.clone());
                inspected.image_created = clock::nanos(&image.created).unwrap_or_default();
            }
            observed.inspected.insert(one.id, inspected);
        }
        if whole().next().is_none() {
            return Ok(());
        }
        let info: Info = self.api.read(Call::get("/info")).await?;
        observed.defaults = EngineDefaults {
            cgroup_version: info.cgroup_version,
            log_driver: info.logging_driver,
            runtime: info.default_runtime,
        };
        Ok(())
    }

    async fn image(&self, id: String) -> Result<(String, Option<Image>), EngineError> {
        let answer = self.api.read::<Image>(Call::get(format!("/images/{}/json", escape(&id)))).await;
        Ok((id, unless_gone(answer)?))
    }

    async fn configuration(&self, one: LookInto) -> Result<Option<(LookInto, Inspected)>, EngineError> {
        let answer = self.api.read::<Found>(Call::get(path(&one.id, "/json"))).await;
        let mut found = match unless_gone(answer) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            // One that the engine cannot show must not hold up all others.
            Err(error @ (EngineError::Api { .. } | EngineError::NoAnswer { .. })) if one.only_limits => {
                tracing::info!(%error, container = one.id, "its limits cannot be seen");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if one.only_limits {
            // Of hundreds of containers, the rest would take up megabytes.
            let limits =
                UPDATABLE.iter().map(|field| ((*field).to_owned(), found.host_config[*field].take()));
            return Ok(Some((one, Inspected { host: limits.collect(), ..Inspected::default() })));
        }
        let (mounted, inputs) = (one.mounted.clone(), one.inputs.clone());
        // A directory may hold many files.
        let times =
            tokio::task::spawn_blocking(move || (modified::all(&mounted), modified::of_inputs(&inputs)));
        let mut files = BTreeMap::new();
        for file in &one.files {
            files.insert(file.clone(), self.file(&one.id, file).await?);
        }
        let (modified, inputs) = times.await.unwrap_or_default();
        let inspected = Inspected {
            config: found.config,
            host: found.host_config,
            networks: found.network_settings.networks,
            image: None,
            image_created: 0,
            started: clock::nanos(&found.state.started_at).unwrap_or_default(),
            files,
            modified,
            inputs,
        };
        Ok(Some((one, inspected)))
    }

    /// A regular file in a container; `None` for anything else.
    async fn file(&self, id: &str, file: &str) -> Result<Option<InspectedFile>, EngineError> {
        let call = Call::get(path(id, "/archive")).query("path", file);
        let Some(mut body) = unless_gone(self.api.stream(call).await)? else { return Ok(None) };
        let mut archive = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.api.broken(&error))?;
            archive.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            if archive.len() > MAX_ARCHIVE {
                return Ok(None);
            }
        }
        Ok(first_file(&archive))
    }
}

/// An archive's first entry, if that is a regular file.
fn first_file(archive: &[u8]) -> Option<InspectedFile> {
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    let header = entry.header();
    if !header.entry_type().is_file() {
        return None;
    }
    let (mode, uid, gid) = (header.mode().ok()? & 0o7777, header.uid().ok()?, header.gid().ok()?);
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).ok()?;
    Some(InspectedFile { digest: digest(&bytes), mode, uid, gid })
}

#[cfg(test)]
mod tests {
    use super::first_file;
    use crate::model::hash::digest;
    use crate::model::inspected::InspectedFile;

    fn archive(kind: tar::EntryType, bytes: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o100_444);
        header.set_uid(5);
        header.set_gid(6);
        builder.append_data(&mut header, "motd", bytes).expect("entry");
        builder.into_inner().expect("archive")
    }

    #[test]
    fn only_regular_files_count() {
        let file = archive(tar::EntryType::Regular, b"hello\n");
        let expected = InspectedFile { digest: digest(b"hello\n"), mode: 0o444, uid: 5, gid: 6 };
        assert_eq!(first_file(&file), Some(expected));
        assert_eq!(first_file(&archive(tar::EntryType::Directory, b"")), None);
        assert_eq!(first_file(b"no archive"), None);
    }
}
