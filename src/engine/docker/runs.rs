//! Containers for single runs of a job.

use super::DockerEngine;
use super::api::{Call, escape};
use super::containers::path;
use crate::engine::EngineError;
use crate::model::labels;
use crate::model::report::Outcome;
use crate::model::service::Pairs;
use crate::model::step::ContainerRef;
use crate::wire::{RunBody, run_body};
use serde_json::{Value, json};
use std::io::{self, Read as _};

/// Whose labels are not the user's.
const TOOLS: [&str; 2] = ["com.docker.compose.", "dev.reconcile."];

impl DockerEngine {
    /// Creates a container like another one. Should it be there already, an answer was lost: what may be missing of it is
    /// done again.
    pub(super) async fn create_run(
        &self,
        like: &ContainerRef,
        name: &str,
        own: &Pairs,
        files: &[String],
    ) -> Result<Outcome, EngineError> {
        let found: Value = self.api.read(Call::get(path(like.engine_ref(), "/json"))).await?;
        let image = self.image_of(&found).await;
        let users = found["Config"]["Labels"].as_object().into_iter().flatten();
        let users = users.filter(|(key, _)| !TOOLS.iter().any(|tool| key.starts_with(tool)));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut all: Pairs = users.map(|(key, value)| (key.clone(), text(value))).collect();
        all.extend(own.clone());
        let RunBody { body, connects } = run_body(&found, (&image, &all), self.info.api);
        let call = Call::post("/containers/create").query("name", name).json(&body);
        let outcome = match self.api.send(call).await {
            Ok(_) => Outcome::Done,
            Err(error @ EngineError::Api { status: 409, .. }) => {
                if !self.is_run(name, own).await {
                    return Err(error);
                }
                Outcome::AlreadyDone
            }
            Err(error) => return Err(error),
        };
        for (network, endpoint) in connects {
            let call = Call::post(format!("/networks/{}/connect", escape(&network)));
            let call = call.json(&json!({"Container": name, "EndpointConfig": endpoint}));
            match self.api.send(call).await {
                // It is on it already.
                Ok(_) | Err(EngineError::Api { status: 403, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mounts = found["Mounts"].as_array().into_iter().flatten();
        let mounted: Vec<&str> = mounts.filter_map(|mount| mount["Destination"].as_str()).collect();
        for file in files.iter().filter(|file| !mounted.contains(&file.as_str())) {
            self.copy_file(like, name, file).await?;
        }
        Ok(outcome)
    }

    /// The image by the name it was asked for, or by its id if that name means another one by now.
    async fn image_of(&self, found: &Value) -> String {
        let id = found["Image"].as_str().unwrap_or_default();
        let name = found["Config"]["Image"].as_str().unwrap_or_default();
        let plain = name.split('/').map(escape).collect::<Vec<_>>().join("/");
        match self.api.read::<Value>(Call::get(format!("/images/{plain}/json"))).await {
            Ok(image) if image["Id"] == id => name.to_owned(),
            _ => id.to_owned(),
        }
    }

    async fn is_run(&self, name: &str, own: &Pairs) -> bool {
        let key = |labels: &Pairs, key: &str| labels.get(key).cloned();
        self.inspect(name).await.is_ok_and(|found| {
            [labels::RUN, labels::RUN_AT]
                .iter()
                .all(|label| key(&found.config.labels, label) == key(own, label))
        })
    }

    /// Copies one file with its owner and mode.
    async fn copy_file(&self, from: &ContainerRef, to: &str, file: &str) -> Result<(), EngineError> {
        let call = Call::get(path(from.engine_ref(), "/archive")).query("path", file);
        let answer = self.api.send(call).await?;
        let archive = repacked(answer.body(), file).map_err(|error| {
            EngineError::Failed(format!("{file} of {} cannot be copied: {error}", from.name()))
        })?;
        let call = Call::put(path(to, "/archive")).query("path", "/").query("noOverwriteDirNonDir", "1");
        self.api.send(call.tar(archive)).await.map(drop)
    }
}

/// The one file of an archive under its whole path: the engine makes the directories that are missing.
fn repacked(bytes: &[u8], file: &str) -> io::Result<Vec<u8>> {
    let mut archive = tar::Archive::new(bytes);
    let mut entry = archive.entries()?.next().ok_or(io::ErrorKind::NotFound)??;
    let mut header = entry.header().clone();
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    let mut builder = tar::Builder::new(Vec::new());
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, file.trim_start_matches('/'), content.as_slice())?;
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::repacked;
    use std::io::Read as _;

    #[test]
    fn a_file_keeps_owner_mode_and_bytes_under_its_whole_path() {
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o440);
        header.set_uid(7);
        header.set_gid(8);
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_data(&mut header, "token", &b"abc"[..]).expect("packed");
        let bytes = builder.into_inner().expect("archive");
        let bytes = repacked(&bytes, "/run/secrets/token").expect("repacked");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut entry = archive.entries().expect("entries").next().expect("one").expect("entry");
        assert_eq!(entry.path().expect("path").to_string_lossy(), "run/secrets/token");
        let header = entry.header();
        assert_eq!(
            (header.uid().expect("uid"), header.gid().expect("gid"), header.mode().expect("mode")),
            (7, 8, 0o440)
        );
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        assert_eq!(text, "abc");
        assert!(repacked(&[], "/a").is_err());
    }
}
