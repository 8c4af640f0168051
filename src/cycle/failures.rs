//! What failed, with what the containers left behind: asked for before they are taken away.

use crate::engine::Observe;
use crate::model::redact::Redactor;
use crate::model::report::{Blame, Failure, LastWords, Outcome, Report};
use crate::model::step::{Action, ContainerRef, Plan, Step};
use futures_util::future::join_all;

/// How many lines of a container are kept.
const LINES: usize = 20;
/// How much of a line is kept, in characters.
const WIDTH: usize = 500;

/// Every failed step, in the order of the plan. A container is asked for its last words only if it had its chance to
/// speak, and the engine answers.
pub(super) async fn collect<O: Observe>(
    engine: &O,
    plan: &Plan,
    report: &Report,
    redactor: &Redactor,
) -> Vec<Failure> {
    let failed = plan.steps.iter().filter_map(|step| match report.outcomes.get(&step.id) {
        Some((Outcome::Failed(reason), _)) => Some((step, reason)),
        _ => None,
    });
    let told = failed.map(|(step, reason)| async move {
        let container = speaker(&step.action);
        let is_answered = !matches!(report.blames.get(&step.id), Some(Blame::Outage | Blame::Interruption));
        let words = match container.filter(|_| is_answered) {
            Some(container) => engine.last_words(container).await.unwrap_or_default(),
            None => LastWords::default(),
        };
        failure(step, reason, container, words, redactor)
    });
    // What was stopped waits for its way back: side by side, so that many do not take longer than one.
    join_all(told).await
}

fn failure(
    step: &Step,
    reason: &str,
    container: Option<&ContainerRef>,
    words: LastWords,
    redactor: &Redactor,
) -> Failure {
    Failure {
        stack: step.stack.clone(),
        service: step.service.clone(),
        step: step.id.clone(),
        container: container.map(|container| container.name().to_owned()).unwrap_or_default(),
        reason: reason.to_owned(),
        exit_code: words.exit_code,
        oom_killed: words.oom_killed,
        logs: lines(&words.output, redactor),
        unreadable: words.unreadable,
        health: words.health.map(|text| plain(&redactor.apply(&text))),
    }
}

/// The container that a step's failure is about: what it prints may tell why.
const fn speaker(action: &Action) -> Option<&ContainerRef> {
    match action {
        Action::StartContainer(_)
        | Action::RestartContainer { .. }
        | Action::AwaitHealthy { .. }
        | Action::AwaitStable { .. }
        | Action::AwaitCompleted { .. }
        | Action::Exec { .. } => action.container(),
        _ => None,
    }
}

/// The last lines, masked before they are cut: half a secret would not be recognised.
fn lines(output: &str, redactor: &Redactor) -> Vec<String> {
    let text = plain(&redactor.apply(output));
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    last.iter().map(|line| line.chars().take(WIDTH).collect()).collect()
}

/// Text without colours and whatever else a terminal would obey.
fn plain(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::model::redact::Redactor;

    #[test]
    fn the_last_lines_are_kept_masked_and_harmless() {
        let numbered: Vec<String> = (0..30).map(|number| format!("line {number}\r\n")).collect();
        let mut output = numbered.concat();
        output.push_str("\x1b[31mpassword hunter2\x1b[0m refused\x07\n\n");
        let redactor = Redactor::new(["hunter2".to_owned()]);
        let lines = lines(&output, &redactor);
        assert_eq!(lines.len(), 20);
        assert_eq!(lines[0], "line 11");
        assert_eq!(lines[19], "password *** refused");
    }

    #[test]
    fn a_secret_across_the_cut_is_masked() {
        let redactor = Redactor::new(["hunter2".to_owned()]);
        let lines = lines(&format!("{}hunter2", "x".repeat(496)), &redactor);
        assert_eq!(lines, [format!("{}***", "x".repeat(496))]);
    }
}
