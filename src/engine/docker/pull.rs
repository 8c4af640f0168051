//! Pulling images.

use super::DockerEngine;
use super::api::Call;
use super::auth;
use super::messages::{Message, Messages};
use crate::engine::{EngineError, Progress};
use crate::model::observed::normalize_reference;
use crate::model::report::Outcome;
use std::collections::BTreeMap;

/// How far the layers are.
#[derive(Debug, Default)]
struct Layers {
    layers: BTreeMap<String, Layer>,
    told: String,
}

#[derive(Debug, Default)]
struct Layer {
    done: bool,
    current: u64,
    total: u64,
}

impl DockerEngine {
    pub(super) async fn pull_image(
        &self,
        reference: &str,
        platform: &str,
        progress: &dyn Progress,
    ) -> Result<Outcome, EngineError> {
        let credentials = auth::for_reference(&self.client_config()?, reference).await;
        let (name, tag) = split(reference);
        let mut call = Call::post("/images/create")
            .query("fromImage", &name)
            .query("tag", &tag)
            .query_if_set("platform", platform);
        if let Some(header) = &credentials.header {
            call = call.header("x-registry-auth", header.clone());
        }
        let pulled = self.follow_pull(reference, call, progress).await;
        pulled.map_err(|error| credentials.explain(judged(reference, error)))
    }

    async fn follow_pull(
        &self,
        reference: &str,
        call: Call,
        progress: &dyn Progress,
    ) -> Result<Outcome, EngineError> {
        let mut messages = Messages::new(&self.api, self.api.stream(call).await?);
        let mut layers = Layers::default();
        let mut outcome = Outcome::Done;
        while let Some(mut message) = messages.next::<Message>().await? {
            if let Some(error) = message.failure() {
                return Err(refusal(format!("cannot pull {reference}: {error}")));
            }
            if message
                .status
                .as_deref()
                .is_some_and(|status| status.starts_with("Status: Image is up to date"))
            {
                outcome = Outcome::AlreadyDone;
            }
            if let Some(line) = layers.take(message) {
                progress.note(&line);
            }
        }
        Ok(outcome)
    }
}

/// What no second try mends. Engines pass on the registry's words as text, with status 500 or inside the stream.
const FINAL: [&str; 13] = [
    "manifest unknown",
    "no matching manifest",
    "not found",
    "does not exist",
    "unknown blob",
    "unauthorized",
    "denied",
    "authentication required",
    "no basic auth credentials",
    "invalid reference",
    "x509",
    "server gave HTTP response to HTTPS client",
    "no space left on device",
];

/// A registry's refusal is told from its absence.
fn refusal(text: String) -> EngineError {
    if FINAL.iter().any(|word| text.contains(word)) {
        EngineError::Failed(text)
    } else {
        EngineError::Registry(text)
    }
}

fn judged(reference: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::Api { status: 500, message } if message.contains(reference) => refusal(message),
        EngineError::Api { status: 500, message } => refusal(format!("cannot pull {reference}: {message}")),
        error => error,
    }
}

/// Name and tag or digest. Without a tag an engine would pull all there are.
fn split(reference: &str) -> (String, String) {
    let full = normalize_reference(reference);
    let cut = full.split_once('@').or_else(|| full.rsplit_once(':'));
    cut.map_or_else(|| (full.clone(), "latest".to_owned()), |(name, tag)| (name.to_owned(), tag.to_owned()))
}

impl Layers {
    /// Takes a message; gives a line if there is news.
    fn take(&mut self, message: Message) -> Option<String> {
        let (id, status) = (message.id?, message.status?);
        let detail = message.progress.unwrap_or_default();
        match status.as_str() {
            "Pulling fs layer" | "Waiting" => {
                self.layers.entry(id).or_default();
            }
            "Downloading" => {
                let layer = self.layers.entry(id).or_default();
                layer.current = detail.current.unwrap_or(layer.current);
                layer.total = detail.total.unwrap_or(layer.total);
            }
            "Download complete" => {
                let layer = self.layers.entry(id).or_default();
                layer.current = layer.total;
            }
            "Already exists" | "Pull complete" => {
                let layer = self.layers.entry(id).or_default();
                layer.done = true;
                layer.current = layer.total;
            }
            _ => return None,
        }
        let line = self.line();
        (line != self.told).then(|| {
            self.told.clone_from(&line);
            line
        })
    }

    fn line(&self) -> String {
        let done = self.layers.values().filter(|layer| layer.done).count();
        let sum = |of: fn(&Layer) -> u64| self.layers.values().map(of).sum::<u64>();
        let (current, total) = (sum(|layer| layer.current), sum(|layer| layer.total));
        let layers = format!("{done}/{} layers", self.layers.len());
        if total == 0 { layers } else { format!("{layers}, {}/{} MB", megabytes(current), megabytes(total)) }
    }
}

/// Megabytes with one decimal.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::{Layers, judged, split};
    use crate::engine::EngineError;

    #[test]
    fn a_tag_is_always_asked_for() {
        assert_eq!(split("nginx"), ("docker.io/library/nginx".to_owned(), "latest".to_owned()));
        assert_eq!(split("box:5000/a/b:1"), ("box:5000/a/b".to_owned(), "1".to_owned()));
        assert_eq!(split("a:1@sha256:ff"), ("docker.io/library/a".to_owned(), "sha256:ff".to_owned()));
    }

    #[test]
    fn a_registry_that_is_down_is_told_from_one_that_refuses() {
        let judge =
            |message: &str| judged("a:1", EngineError::Api { status: 500, message: message.to_owned() });
        for text in ["dial tcp 127.0.0.1:1: connect: connection refused", "net/http: TLS handshake timeout"] {
            assert!(judge(text).is_transient(), "{text}");
        }
        for text in ["no basic auth credentials", "manifest unknown: manifest unknown"] {
            assert!(!judge(text).is_transient(), "{text}");
        }
    }

    #[test]
    fn layers_are_summed_up() {
        let mut layers = Layers::default();
        let mut take = |text: &str| layers.take(serde_json::from_str(text).expect(text));
        assert_eq!(take(r#"{"status":"Pulling from library/x","id":"latest"}"#), None);
        assert_eq!(take(r#"{"status":"Pulling fs layer","id":"a"}"#).as_deref(), Some("0/1 layers"));
        assert_eq!(take(r#"{"status":"Already exists","id":"b"}"#).as_deref(), Some("1/2 layers"));
        let downloading =
            r#"{"status":"Downloading","id":"a","progressDetail":{"current":1500000,"total":3000000}}"#;
        assert_eq!(take(downloading).as_deref(), Some("1/2 layers, 1.5/3.0 MB"));
        assert_eq!(take(downloading), None);
        assert_eq!(take(r#"{"status":"Pull complete","id":"a"}"#).as_deref(), Some("2/2 layers, 3.0/3.0 MB"));
    }
}
