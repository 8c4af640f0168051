//! Waiting for a container's health or end.

use super::DockerEngine;
use super::containers::{Inspection, State};
use crate::engine::EngineError;
use crate::model::report::Outcome;
use crate::model::step::ContainerRef;
use crate::model::units::Nanos;
use std::time::Duration;
use tokio::time::Instant;

/// The first pause between looks, and the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long looks may fail one after another: an engine that is restarted is back by then, and what is waited for may
/// have come about meanwhile.
const BLIND: Duration = Duration::from_secs(15);
/// How often the engine may restart a container that is waited for. Once or twice may be a program that ends because
/// another one is not up yet; by then, after about three seconds, it will not come right by itself.
const RESTARTS: u64 = 5;
/// How many of the last lines of a command are told.
const LINES: usize = 10;
/// How much of a line is told.
const WIDTH: usize = 300;

/// What one look says.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// The condition holds.
    Holds,
    /// It may still come to hold; how things stand.
    Pending(String),
    /// It cannot hold any more, because of this.
    Failed(String),
}

impl DockerEngine {
    pub(super) async fn await_healthy(
        &self,
        container: &ContainerRef,
        timeout: Nanos,
    ) -> Result<Outcome, EngineError> {
        self.wait(container, timeout, "did not become healthy", healthy).await
    }

    /// Holds once the container has run for the whole period, counted from now, without being restarted and, if asked
    /// for, without failing its health check.
    pub(super) async fn await_stable(
        &self,
        container: &ContainerRef,
        period: Nanos,
        (may_end, in_health): (bool, bool),
    ) -> Result<Outcome, EngineError> {
        let judge = match (may_end, in_health) {
            (true, _) => stable_or_done,
            (false, true) => stable_in_health,
            (false, false) => stable,
        };
        match self.wait(container, period, "did not last", judge).await {
            Err(EngineError::Timeout { .. }) => Ok(Outcome::Done),
            other => other,
        }
    }

    pub(super) async fn await_completed(
        &self,
        container: &ContainerRef,
        timeout: Nanos,
        through: bool,
    ) -> Result<Outcome, EngineError> {
        let result = self.wait(container, timeout, "did not complete", completed).await;
        if through && matches!(result, Err(EngineError::Timeout { .. })) {
            self.stop_container(container, None).await?;
        }
        result
    }

    async fn wait(
        &self,
        container: &ContainerRef,
        timeout: Nanos,
        what: &str,
        judge: fn(&Inspection, u64) -> Verdict,
    ) -> Result<Outcome, EngineError> {
        let name = container.engine_ref();
        let limit = timeout.to_std();
        let start = Instant::now();
        let (mut pause, mut seen, mut restarts_before) = (PAUSE, start, None);
        loop {
            let found = match self.inspect(name).await {
                Ok(found) => found,
                Err(error) if !error.is_transient() || seen.elapsed() >= BLIND => return Err(error),
                Err(_) => {
                    tokio::time::sleep(LONGEST_PAUSE).await;
                    continue;
                }
            };
            seen = Instant::now();
            let restarts = found.restart_count;
            let restarts = restarts.saturating_sub(*restarts_before.get_or_insert(restarts));
            let title = format!("container {}", container.name());
            match judge(&found, restarts) {
                Verdict::Holds => return Ok(Outcome::Done),
                Verdict::Failed(reason) => return Err(EngineError::Failed(format!("{title} {reason}"))),
                Verdict::Pending(state) if start.elapsed() >= limit => {
                    let what = format!("{title} {what} ({state})");
                    return Err(EngineError::Timeout { what, seconds: limit.as_secs() });
                }
                Verdict::Pending(_) => {}
            }
            tokio::time::sleep(pause.min(limit.saturating_sub(start.elapsed()))).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }
}

/// The last lines of some output under a title; empty if there are none.
pub(super) fn quote(title: &str, output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    if last.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> =
        last.iter().map(|line| format!("  {}", line.chars().take(WIDTH).collect::<String>())).collect();
    format!("; {title}\n{}", quoted.join("\n"))
}

fn healthy(found: &Inspection, restarts: u64) -> Verdict {
    let State { status, health, .. } = &found.state;
    match (status.as_str(), health) {
        ("exited" | "dead" | "stopped", _) => Verdict::Failed(ended(&found.state)),
        (_, Some(health)) if health.status == "healthy" && status != "restarting" => Verdict::Holds,
        _ if restarts >= RESTARTS => {
            Verdict::Failed(format!("{}, and again after each of {restarts} restarts", ended(&found.state)))
        }
        ("restarting", _) => {
            Verdict::Pending(format!("{}; restarted {} times", ended(&found.state), found.restart_count))
        }
        (_, None) => Verdict::Failed("has no health check, so it can never be healthy".to_owned()),
        (_, Some(health)) => match health.status.as_str() {
            "unhealthy" => Verdict::Failed(format!("is unhealthy{}", last_probe(health))),
            "none" | "" => Verdict::Failed("has no health check, so it can never be healthy".to_owned()),
            other => Verdict::Pending(format!("health: {other}{}", last_probe(health))),
        },
    }
}

fn last_probe(health: &super::containers::HealthState) -> String {
    let Some(probe) = health.log.last() else { return String::new() };
    let line: String = probe
        .output
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("")
        .trim()
        .chars()
        .take(WIDTH)
        .collect();
    let text = if line.is_empty() { String::new() } else { format!(": {line}") };
    format!("; its last check ended with {}{text}", probe.exit_code)
}

fn completed(found: &Inspection, _: u64) -> Verdict {
    let State { status, exit_code, .. } = &found.state;
    match status.as_str() {
        "exited" | "stopped" if *exit_code == 0 => Verdict::Holds,
        "exited" | "dead" | "stopped" => Verdict::Failed(ended(&found.state)),
        "restarting" => {
            Verdict::Pending(format!("{}; restarted {} times", ended(&found.state), found.restart_count))
        }
        other => Verdict::Pending(format!("it is {other}")),
    }
}

fn stable_or_done(found: &Inspection, restarts: u64) -> Verdict {
    match completed(found, restarts) {
        Verdict::Holds if found.restart_count == 0 => Verdict::Holds,
        _ => stable(found, restarts),
    }
}

fn stable_in_health(found: &Inspection, restarts: u64) -> Verdict {
    match &found.state.health {
        Some(health) if health.status == "unhealthy" => {
            Verdict::Failed(format!("became unhealthy{}", last_probe(health)))
        }
        _ => stable(found, restarts),
    }
}

fn stable(found: &Inspection, _: u64) -> Verdict {
    match found.state.status.as_str() {
        "exited" | "dead" | "stopped" | "restarting" => Verdict::Failed(ended(&found.state)),
        _ if found.restart_count > 0 => {
            Verdict::Failed(format!("ended and was restarted {} times", found.restart_count))
        }
        other => Verdict::Pending(format!("it is {other}")),
    }
}

fn ended(state: &State) -> String {
    let memory = if state.oom_killed { " (killed: out of memory)" } else { "" };
    let error = if state.error.is_empty() { String::new() } else { format!(": {}", state.error) };
    format!("exited with code {}{memory}{error}", state.exit_code)
}

#[cfg(test)]
mod tests {
    use super::{Inspection, Verdict, completed, healthy, quote, stable, stable_in_health, stable_or_done};
    use serde_json::{Value, json};

    #[test]
    fn what_dies_or_is_restarted_is_not_stable() {
        let judge = |restarts: u64, status: &str, code: i64| {
            let state = json!({"Status": status, "ExitCode": code});
            let found = json!({"Name": "/a", "RestartCount": restarts, "State": state});
            let found = serde_json::from_value(found).expect("inspection");
            (stable(&found, 0), stable_or_done(&found, 0))
        };
        let both = |(left, right): (Verdict, Verdict)| {
            (matches!(left, Verdict::Failed(_)), matches!(right, Verdict::Failed(_)))
        };
        assert!(matches!(judge(0, "running", 0), (Verdict::Pending(_), Verdict::Pending(_))));
        assert!(matches!(judge(0, "exited", 0), (Verdict::Failed(_), Verdict::Holds)));
        for (restarts, status, code) in [(0, "exited", 127), (1, "running", 0), (1, "restarting", 1)] {
            assert_eq!(both(judge(restarts, status, code)), (true, true), "{status}");
        }
    }

    #[test]
    fn what_is_watched_in_health_must_not_become_unhealthy() {
        let judge = |state: Value| stable_in_health(&found_without_restarts(&state), 0);
        let check =
            |status: &str| json!({"Status": status, "Log": [{"ExitCode": 7, "Output": "no route\n"}]});
        let running = |status: &str| json!({"Status": "running", "Health": check(status)});
        assert!(matches!(judge(running("healthy")), Verdict::Pending(_)));
        assert!(matches!(judge(json!({"Status": "running"})), Verdict::Pending(_)));
        let Verdict::Failed(text) = judge(running("unhealthy")) else { panic!("it is fine") };
        assert!(text.contains("became unhealthy") && text.contains("no route"), "{text}");
        assert!(matches!(judge(json!({"Status": "exited", "ExitCode": 1})), Verdict::Failed(_)));
    }

    fn found_without_restarts(state: &Value) -> Inspection {
        serde_json::from_value(json!({"Name": "/a", "RestartCount": 0, "State": state})).expect("inspection")
    }

    fn found(state: &Value) -> Inspection {
        serde_json::from_value(json!({"Name": "/a", "RestartCount": 2, "State": state})).expect("inspection")
    }

    #[test]
    fn health_is_judged_by_state_and_check() {
        let check =
            |status: &str| json!({"Status": status, "Log": [{"ExitCode": 7, "Output": "first\nno route\n"}]});
        let judge = |state: Value| healthy(&found(&state), 0);
        assert_eq!(judge(json!({"Status": "running", "Health": check("healthy")})), Verdict::Holds);
        let Verdict::Failed(text) = judge(json!({"Status": "running", "Health": check("unhealthy")})) else {
            panic!("unhealthy holds")
        };
        assert!(text.contains("no route") && text.contains('7') && !text.contains("first"), "{text}");
        assert!(matches!(
            judge(json!({"Status": "running", "Health": check("starting")})),
            Verdict::Pending(_)
        ));
        assert!(matches!(judge(json!({"Status": "running", "Health": null})), Verdict::Failed(_)));
        assert!(matches!(judge(json!({"Status": "exited", "Health": check("healthy")})), Verdict::Failed(_)));
        assert!(matches!(judge(json!({"Status": "restarting"})), Verdict::Pending(_)));
    }

    #[test]
    fn what_ends_again_and_again_will_not_be_healthy() {
        let judge = |state: Value, restarts| healthy(&found(&state), restarts);
        let crashing = json!({"Status": "restarting", "ExitCode": 1});
        assert!(matches!(judge(crashing.clone(), 4), Verdict::Pending(_)));
        let Verdict::Failed(text) = judge(crashing, 5) else { panic!("it is waited for") };
        assert!(text.contains("code 1") && text.contains("5 restarts"), "{text}");
        let starting = json!({"Status": "running", "Health": {"Status": "starting"}});
        assert!(matches!(judge(starting, 5), Verdict::Failed(_)));
        let healthy = json!({"Status": "running", "Health": {"Status": "healthy"}});
        assert_eq!(judge(healthy, 5), Verdict::Holds);
    }

    #[test]
    fn a_job_is_complete_only_with_code_zero() {
        assert_eq!(completed(&found(&json!({"Status": "exited", "ExitCode": 0})), 0), Verdict::Holds);
        let Verdict::Failed(text) =
            completed(&found(&json!({"Status": "exited", "ExitCode": 137, "OOMKilled": true})), 0)
        else {
            panic!("137 holds")
        };
        assert!(text.contains("137") && text.contains("out of memory"), "{text}");
        assert!(matches!(completed(&found(&json!({"Status": "running"})), 0), Verdict::Pending(_)));
        assert!(matches!(
            completed(&found(&json!({"Status": "restarting", "ExitCode": 1})), 0),
            Verdict::Pending(_)
        ));
    }

    #[test]
    fn at_most_ten_lines_are_quoted() {
        let output = (0..30).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n");
        let quoted = quote("its last output:", output.as_bytes());
        assert_eq!(quoted.lines().count(), 11);
        assert!(quoted.ends_with("  line 29") && !quoted.contains("line 19\n"), "{quoted}");
        assert_eq!(quote("its last output:", b"\n"), "");
    }
}
