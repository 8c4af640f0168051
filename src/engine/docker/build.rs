//! Building images with the engine's own builder.

use super::DockerEngine;
use super::api::Call;
use super::auth;
use super::context;
use super::messages::{Message, Messages};
use crate::engine::{EngineError, Progress};
use crate::model::desired::BuildSpec;
use crate::model::labels;
use crate::model::report::Outcome;
use crate::wire::ulimits;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many lines of a failed build are told.
const LINES: usize = 15;
/// How much of a line is told.
const WIDTH: usize = 300;

/// What the builder says while it works.
#[derive(Debug, Default)]
struct Output {
    step: String,
    last: VecDeque<String>,
}

impl DockerEngine {
    pub(super) async fn build_image(
        &self,
        build: &Arc<BuildSpec>,
        progress: &dyn Progress,
    ) -> Result<Outcome, EngineError> {
        if build.remote.is_some() && build.dockerfile_text.is_some() {
            return Err(EngineError::Failed(
                "the engine cannot build a remote context with a Dockerfile that is not in it".to_owned(),
            ));
        }
        let mut call = call(build);
        let (header, troubles) = auth::for_build(&self.client_config()?).await;
        if let Some(header) = header {
            call = call.header("x-registry-config", header);
        }
        let packing = if build.remote.is_some() {
            None
        } else {
            let (body, packing) = context::stream(Arc::clone(build));
            call = call.tar_stream(body);
            Some(packing)
        };
        let ended = self.follow_build(call, progress).await;
        let Err(error) = ended else { return Ok(Outcome::Done) };
        // A context that could not be read is the cause of whatever the engine says about it.
        if let Some(packing) = packing
            && matches!(error, EngineError::Unreachable { .. })
            && let Ok(Err(reason)) = packing.await
        {
            return Err(EngineError::Failed(reason));
        }
        Err(with_troubles(error, &troubles))
    }

    async fn follow_build(&self, call: Call, progress: &dyn Progress) -> Result<(), EngineError> {
        let mut messages = Messages::new(&self.api, self.api.stream(call).await?);
        let mut output = Output::default();
        while let Some(mut message) = messages.next::<Message>().await? {
            if let Some(error) = message.failure() {
                return Err(EngineError::Failed(output.failure(error.trim())));
            }
            if let Some(text) = message.stream.or(message.status) {
                for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
                    output.take(line);
                    progress.note(line);
                }
            }
        }
        Ok(())
    }
}

/// The request without its body.
fn call(build: &BuildSpec) -> Call {
    let BuildSpec {
        tags,
        remote,
        files: _,
        dockerfile: _,
        dockerfile_text: _,
        args,
        target,
        labels,
        network,
        platform,
        no_cache,
        pull,
        extra_hosts,
        cache_from,
        shm_size,
        ulimits: limits,
        isolation,
        digest,
    } = build;
    let mut labels = labels.clone();
    labels.insert(labels::BUILD.to_owned(), digest.clone());
    let flag = |set: bool| if set { "1" } else { "" };
    let json = |value: Value, empty: bool| if empty { String::new() } else { value.to_string() };
    // `1` is the builder that every engine has; `rm` takes its containers away, also after a failure.
    let mut call = Call::post("/build").query("version", "1").query("rm", "1").query("forcerm", "1");
    for tag in tags {
        call = call.query("t", tag);
    }
    for entry in crate::wire::extra_hosts(extra_hosts) {
        call = call.query("extrahosts", &entry);
    }
    let shm_size = if shm_size.0 == 0 { String::new() } else { shm_size.0.to_string() };
    let limits = ulimits(limits);
    let cache_from_empty = cache_from.is_empty();
    call.query_if_set("dockerfile", &context::dockerfile_name(build))
        .query_if_set("remote", remote.as_deref().unwrap_or(""))
        .query_if_set("buildargs", &json(Value::from_iter(args.clone()), args.is_empty()))
        .query("labels", &Value::from_iter(labels).to_string())
        .query_if_set("target", target)
        .query_if_set("nocache", flag(*no_cache))
        .query_if_set("pull", flag(*pull))
        .query_if_set("networkmode", network)
        .query_if_set("platform", platform)
        .query_if_set("cachefrom", &json(cache_from.clone().into(), cache_from_empty))
        .query_if_set("shmsize", &shm_size)
        .query_if_set("ulimits", &json(limits.clone().into(), limits.is_empty()))
        .query_if_set("isolation", isolation)
}

fn with_troubles(error: EngineError, troubles: &[String]) -> EngineError {
    match error {
        EngineError::Failed(message) if !troubles.is_empty() => EngineError::Failed(format!(
            "{message}\n(some credentials were missing: {})",
            troubles.join("; ")
        )),
        error => error,
    }
}

impl Output {
    fn take(&mut self, line: &str) {
        if line.starts_with("Step ") || line.starts_with("STEP ") {
            line.clone_into(&mut self.step);
        }
        self.last.push_back(line.chars().take(WIDTH).collect());
        if self.last.len() > LINES {
            self.last.pop_front();
        }
    }

    /// The engine's error with the step it belongs to and what was printed before it.
    fn failure(&self, error: &str) -> String {
        let mut text = format!("the build failed: {error}");
        if !self.step.is_empty() {
            text = format!("{text}\n  at {}", self.step);
        }
        let hint = "the engine's own builder cannot do this: it needs BuildKit, which is not supported yet";
        if error.contains("BuildKit") || error.contains("buildkit") {
            text = format!("{text}\n  {hint}");
        }
        for line in self.last.iter().filter(|line| **line != self.step) {
            text.push_str("\n  | ");
            text.push_str(line);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Output;

    #[test]
    fn a_failure_names_the_step_and_its_last_lines() {
        let mut output = Output::default();
        output.take("Step 1/2 : FROM x");
        for number in 0..30 {
            output.take(&format!("line {number}"));
        }
        output.take("Step 2/2 : RUN false");
        output.take(" ---> Running in 1234");
        let text = output.failure("returned a non-zero code: 1");
        assert!(text.contains("at Step 2/2 : RUN false"), "{text}");
        assert!(text.contains("| line 29") && !text.contains("line 5\n"), "{text}");
        assert!(!text.contains("BuildKit"), "{text}");
        assert!(output.failure("the --mount option requires BuildKit").contains("not supported yet"));
    }
}
