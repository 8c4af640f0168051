//! Commands in a running container.

use super::DockerEngine;
use super::wait::quote;
use crate::engine::EngineError;
use crate::model::report::Outcome;
use crate::model::service::Hook;
use crate::model::step::ContainerRef;
use bollard::exec::{CreateExecOptions, StartExecResults};
use futures_util::StreamExt as _;
use std::time::Duration;

/// How long a hook may take. The reference has no limit, and hangs with it.
const LIMIT: Duration = Duration::from_secs(900);
/// How much of a hook's output is kept, for its last lines.
const KEPT: usize = 64 << 10;

impl DockerEngine {
    pub(super) async fn exec(
        &self,
        container: &ContainerRef,
        hook: &Hook,
        must_succeed: bool,
    ) -> Result<Outcome, EngineError> {
        let run = tokio::time::timeout(LIMIT, self.run_hook(container, hook)).await;
        let ended = run.unwrap_or_else(|_| {
            let what = format!("a command in container {} did not end", container.name());
            Err(EngineError::Timeout { what, seconds: LIMIT.as_secs() })
        });
        match ended {
            Ok(()) => Ok(Outcome::Done),
            Err(error) if must_succeed => Err(error),
            Err(error) => Ok(Outcome::DoneWithWarning(error.to_string())),
        }
    }

    async fn run_hook(&self, container: &ContainerRef, hook: &Hook) -> Result<(), EngineError> {
        let Hook { command, user, privileged, working_dir, environment } = hook;
        let Some(command) = command.as_ref().filter(|command| !command.is_empty()) else {
            return Err(EngineError::Failed("a hook without a command".to_owned()));
        };
        let set = |text: &String| (!text.is_empty()).then(|| text.clone());
        let environment = environment
            .iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", value.as_ref()?)))
            .collect();
        let options = CreateExecOptions {
            cmd: Some(command.clone()),
            user: set(user),
            privileged: Some(*privileged),
            working_dir: set(working_dir),
            env: Some(environment),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let exec = self
            .docker
            .create_exec(container.engine_ref(), options)
            .await
            .map_err(|error| self.explain(error))?;
        let started = self.docker.start_exec(&exec.id, None).await.map_err(|error| self.explain(error))?;
        let mut kept: Vec<u8> = Vec::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(chunk) = output.next().await {
                kept.extend_from_slice(chunk.map_err(|error| self.explain(error))?.as_ref());
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        }
        let ended = self.docker.inspect_exec(&exec.id).await.map_err(|error| self.explain(error))?;
        let program = command.first().map_or("", String::as_str);
        match ended.exit_code {
            Some(0) => Ok(()),
            code => Err(EngineError::Failed(format!(
                "`{program} …` in container {} ended with code {}{}",
                container.name(),
                code.map_or_else(|| "unknown".to_owned(), |code| code.to_string()),
                quote("its last output:", &kept)
            ))),
        }
    }

    /// bollard's error in our words.
    pub(super) fn explain(&self, error: bollard::errors::Error) -> EngineError {
        match error {
            bollard::errors::Error::DockerResponseServerError { status_code, message } => {
                EngineError::Api { status: status_code, message }
            }
            bollard::errors::Error::HyperLegacyError { err } => self.api.broken(&err),
            bollard::errors::Error::RequestTimeoutError => {
                EngineError::NoAnswer { what: "no answer from the engine".to_owned(), seconds: 120 }
            }
            other => EngineError::Failed(other.to_string()),
        }
    }
}
