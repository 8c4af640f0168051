//! What a container left behind: how it ended, the end of its output, its last health check.

use super::DockerEngine;
use super::containers::{HealthState, State};
use crate::engine::EngineError;
use crate::model::report::LastWords;
use crate::model::step::ContainerRef;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use std::time::Duration;

/// How many lines are asked for.
const LINES: usize = 20;
/// How many bytes of them are kept: a line may be of any length.
const KEPT: usize = 64 << 10;
/// How long the engine may take to give them.
const LIMIT: Duration = Duration::from_secs(5);
/// How much of a health check's output is kept.
const PROBE: usize = 2 << 10;

impl DockerEngine {
    pub(super) async fn words_of(&self, container: &ContainerRef) -> Result<LastWords, EngineError> {
        let found = self.inspect(container.engine_ref()).await?;
        let (output, unreadable) = self.end_of_output(&found.id).await;
        let State { status, exit_code, oom_killed, health, .. } = &found.state;
        let ended = matches!(status.as_str(), "exited" | "dead" | "stopped" | "restarting");
        Ok(LastWords {
            exit_code: ended.then_some(*exit_code),
            oom_killed: *oom_killed,
            output,
            unreadable,
            health: health.as_ref().and_then(failed_probe),
        })
    }

    /// The end of what a container wrote, and why it cannot be read: not every logging driver can give back what it took.
    /// With a terminal the stream has no frames; bollard sees that from its first bytes.
    async fn end_of_output(&self, container: &str) -> (String, Option<String>) {
        let options =
            LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&LINES.to_string()).build();
        let mut kept: Vec<u8> = Vec::new();
        let mut cut = false;
        let mut stream = self.docker.logs(container, Some(options));
        let read = async {
            while let Some(chunk) = stream.next().await {
                kept.extend_from_slice(chunk.map_err(|error| self.explain(error).to_string())?.as_ref());
                let surplus = kept.len().saturating_sub(KEPT);
                cut |= surplus > 0;
                kept.drain(..surplus);
            }
            Ok(())
        };
        let ended = tokio::time::timeout(LIMIT, read).await;
        let unreadable =
            ended.unwrap_or_else(|_| Err(format!("not read within {} s", LIMIT.as_secs()))).err();
        // Half a line could hold half a secret, which nothing would recognise.
        let whole = match kept.iter().position(|byte| *byte == b'\n').filter(|_| cut) {
            Some(end) => kept.split_off(end + 1),
            None if cut => Vec::new(),
            None => kept,
        };
        (String::from_utf8_lossy(&whole).into_owned(), unreadable)
    }
}

fn failed_probe(health: &HealthState) -> Option<String> {
    let probe = health.log.last().filter(|probe| probe.exit_code != 0)?;
    let text: String = probe.output.trim().chars().take(PROBE).collect();
    Some(if text.is_empty() { format!("exit code {}", probe.exit_code) } else { text })
}
