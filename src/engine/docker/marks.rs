//! Marks: containers that never run and hold nothing but labels. Locks are made in the same way.
//!
//! They are made of an empty image of their own, not of the image that failed: a container inherits its image's labels
//! (images that Docker's own tools built carry their project's name, so that it would show up there) and gets a volume for
//! each path that the image declares, which nobody would ever remove.

use super::DockerEngine;
use super::api::Call;
use crate::engine::EngineError;
use crate::model::labels;
use crate::model::report::Outcome;
use crate::model::service::Pairs;
use serde::Deserialize;
use serde_json::json;

/// The empty image, by repository and tag. The first part is no host that anything is ever pulled from.
const REPOSITORY: &str = "dev.reconcile/mark";
const TAG: &str = "1";
/// Blocks of zeros: the end of a tar archive, and so an archive of nothing.
const EMPTY_TAR: [u8; 1024] = [0; 1024];
/// How often something in the way is removed before giving up.
const TRIES: usize = 3;

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

impl DockerEngine {
    pub(super) async fn leave_mark(&self, name: &str, labels: &Pairs) -> Result<Outcome, EngineError> {
        self.is_to_stay().await?;
        let mut result = Ok(Outcome::Done);
        for _ in 0..TRIES {
            match self.create_inert(name, labels).await {
                Ok(_) => return Ok(Outcome::Done),
                Err(error @ EngineError::Api { status: 409, .. }) => {
                    if self.clear_mark(name, labels).await? {
                        return Ok(Outcome::AlreadyDone);
                    }
                    result = Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        result
    }

    /// An engine that is told to end takes no new connections from then on, and ends all containers, while the connections
    /// that it has go on. A container that it ended has not failed, but looks like one that did.
    async fn is_to_stay(&self) -> Result<(), EngineError> {
        let asked = self.api.anew().send(Call::get("/_ping")).await;
        asked.map(drop).map_err(|error| {
            EngineError::Failed(format!(
                "the engine is about to end, so nothing is held against a service: {error}"
            ))
        })
    }

    /// Makes a container that cannot run; gives its id. What has the name already is an error with status 409.
    pub(super) async fn create_inert(&self, name: &str, labels: &Pairs) -> Result<String, EngineError> {
        let body = json!({
            "Image": format!("{REPOSITORY}:{TAG}"),
            // An engine makes no container without one. There is no such program: it cannot be started by mistake.
            "Cmd": ["/this-is-only-a-mark"],
            "Labels": labels,
            "HostConfig": {"NetworkMode": "none"},
        });
        let create = || Call::post("/containers/create").query("name", name).json(&body);
        let created: Created = match self.api.read(create()).await {
            Err(EngineError::Api { status: 404, .. }) => {
                self.make_empty_image().await?;
                self.api.read(create()).await
            }
            result => result,
        }?;
        Ok(created.id)
    }

    /// Whether the container of that name is the mark to leave. An older mark goes; anything else stays.
    async fn clear_mark(&self, name: &str, wanted: &Pairs) -> Result<bool, EngineError> {
        let found = match self.inspect(name).await {
            Err(EngineError::Api { status: 404, .. }) => return Ok(false),
            found => found?,
        };
        let labels = &found.config.labels;
        if wanted.iter().all(|(key, value)| labels.get(key) == Some(value)) {
            return Ok(true);
        }
        if labels::is_mark(labels) {
            let path = super::containers::path(&found.id, "");
            self.api.send(Call::delete(path).query("v", "0").query("force", "0")).await?;
        }
        Ok(false)
    }

    async fn make_empty_image(&self) -> Result<(), EngineError> {
        // Podman 4 leaves out a tag that is given apart.
        let (repository, tag) =
            if self.info.podman { (format!("{REPOSITORY}:{TAG}"), "") } else { (REPOSITORY.to_owned(), TAG) };
        let call = Call::post("/images/create")
            .query("fromSrc", "-")
            .query("repo", &repository)
            .query_if_set("tag", tag)
            .tar(EMPTY_TAR.to_vec());
        self.api.send(call).await.map(|_| ())
    }
}
