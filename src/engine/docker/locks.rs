//! Locks: containers that never run, whose name only one can have.
//!
//! A sign of life is a file that is written into the container anew: labels cannot change, but the file's time can.

use super::DockerEngine;
use super::api::Call;
use super::containers::path;
use crate::engine::{EngineError, Locks};
use crate::model::lock::{self, Held, Holder, Taken};
use std::io;
use std::time::Duration;

/// The file.
const BEAT: &str = "beat";
/// The engine's description of a file, as it answers to a look at it.
const STAT: &str = "x-docker-container-path-stat";
/// How long a sign of life, or a look at one, may take: a late one is none.
const LIMIT: Duration = Duration::from_secs(10);
/// How often a lock is tried for that comes or goes at that moment, and the pause between. An engine gives away a name
/// before there is a container of that name to look at; under load that takes a while.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);
/// How often an engine that fails is asked.
const FAILURES: usize = 3;

impl Locks for DockerEngine {
    async fn take_lock(&self, stack: &str, holder: &Holder) -> Result<Taken, EngineError> {
        let (name, labels) = (lock::name(stack), holder.labels(stack));
        let mut result = Err(EngineError::Failed(format!("the lock {name} comes and goes")));
        for attempt in 1..=TRIES {
            match self.create_inert(&name, &labels).await {
                Ok(id) => return Ok(Taken::Ours(id)),
                Err(error) if is_taken(&error) => result = Err(error),
                // It may have been made all the same.
                Err(error) if error.is_transient() && attempt < FAILURES => result = Err(error),
                Err(error) => return Err(error),
            }
            let found = match self.inspect(&name).await {
                Err(EngineError::Api { status: 404, .. }) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                found => found?,
            };
            return match Holder::read(&found.config.labels) {
                Some(other) if other.id == holder.id => Ok(Taken::Ours(found.id)),
                Some(other) => {
                    Ok(Taken::Theirs(Held { stack: stack.to_owned(), id: found.id, holder: other }))
                }
                None => Err(EngineError::Failed(format!(
                    "the container {name} is in the way of the lock of {stack}; it was not made by reconcile"
                ))),
            };
        }
        result
    }

    async fn beat(&self, id: &str, number: u64) -> Result<bool, EngineError> {
        let archive = archive(number)
            .map_err(|error| EngineError::Failed(format!("cannot pack a sign of life: {error}")))?;
        let call = Call::put(path(id, "/archive")).query("path", "/").tar(archive).limit(LIMIT);
        is_there(self.api.send(call).await.map(|_| ()))
    }

    async fn pulse(&self, id: &str) -> Result<Option<String>, EngineError> {
        if !is_there(self.inspect(id).await.map(|_| ()))? {
            return Ok(None);
        }
        let call = Call::head(path(id, "/archive")).query("path", &format!("/{BEAT}")).limit(LIMIT);
        match self.api.send(call).await {
            Ok(answer) => Ok(Some(answer.header(STAT).to_owned())),
            // There was none yet.
            Err(EngineError::Api { status: 404, .. }) => Ok(Some(String::new())),
            Err(error) => Err(error),
        }
    }

    async fn remove_lock(&self, id: &str) -> Result<(), EngineError> {
        let call = Call::delete(path(id, "")).query("v", "0").query("force", "0").limit(LIMIT);
        match self.api.send(call).await {
            // Gone already, or going.
            Err(EngineError::Api { status: 404 | 409, .. }) => Ok(()),
            result => result.map(|_| ()),
        }
    }
}

const fn is_taken(error: &EngineError) -> bool {
    matches!(error, EngineError::Api { status: 409, .. })
}

fn is_there(result: Result<(), EngineError>) -> Result<bool, EngineError> {
    match result {
        Err(EngineError::Api { status: 404, .. }) => Ok(false),
        result => result.map(|()| true),
    }
}

/// An empty file whose time is the number of the beat.
fn archive(number: u64) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(0);
    header.set_mode(0o444);
    header.set_mtime(number);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, BEAT, io::empty())?;
    builder.into_inner()
}
