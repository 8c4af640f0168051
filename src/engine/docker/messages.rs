//! The engine's streams of JSON lines (pull, build and events).

use super::api::Api;
use crate::engine::EngineError;
use bytes::{Buf as _, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long a stream may be silent. Registries and build steps can be slow, but this is broken.
const SILENCE: Duration = Duration::from_secs(1800);
/// A time that never passes.
const FOREVER: Duration = Duration::from_secs(u64::MAX / 4);
/// The longest line that is kept in memory.
const LONGEST: usize = 4 << 20;

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    /// Layer, for a pull.
    pub id: Option<String>,
    /// What happens to it.
    pub status: Option<String>,
    /// Build output.
    pub stream: Option<String>,
    /// Podman 4 fills in only `errorDetail`.
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    detail: Option<ErrorDetail>,
    /// How far it is.
    #[serde(rename = "progressDetail")]
    pub progress: Option<Detail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    message: String,
}

impl Message {
    /// Why it failed, if it did.
    pub(super) fn failure(&mut self) -> Option<String> {
        self.error.take().or_else(|| Some(self.detail.take()?.message))
    }
}

/// How far a layer is, in bytes.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    pub current: Option<u64>,
    pub total: Option<u64>,
}

/// The lines of one answer.
pub(super) struct Messages<'a> {
    api: &'a Api,
    body: Incoming,
    buffer: BytesMut,
    silence: Duration,
}

impl<'a> Messages<'a> {
    /// Reads lines from an answer.
    pub(super) fn new(api: &'a Api, body: Incoming) -> Self {
        Self { api, body, buffer: BytesMut::new(), silence: SILENCE }
    }

    /// Reads lines from an answer that may be silent for as long as nothing happens.
    pub(super) fn endless(api: &'a Api, body: Incoming) -> Self {
        Self { silence: FOREVER, ..Self::new(api, body) }
    }

    /// The next line; `None` at the end.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, EngineError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                if let Some(message) = parse(&line) {
                    return Ok(Some(message));
                }
                continue;
            }
            if self.buffer.len() > LONGEST {
                return Err(EngineError::Failed("the engine sent a line that never ends".to_owned()));
            }
            let frame = tokio::time::timeout(self.silence, self.body.frame()).await.map_err(|_| {
                EngineError::NoAnswer {
                    what: "nothing more from the engine".to_owned(),
                    seconds: self.silence.as_secs(),
                }
            })?;
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(self.api.broken(&error)),
                None => return Ok(parse(&self.buffer.split())),
            }
        }
    }
}

/// A line that is no message is passed over: newer engines may send other things.
fn parse<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    serde_json::from_slice(line).ok()
}
