//! What a run came to, for people: the last words of what failed, and one line for all.

use super::output::{BOLD, DIM, GREEN, RED, YELLOW};
use super::plan_text::nothing_to_do;
use crate::cycle::Applied;
use crate::model::change::ChangeAction;
use crate::model::report::{Failure, Fate, Outcome, Results, ServiceResult};
use crate::model::step::Plan;
use crate::plan::Summary;
use std::fmt::Write as _;

/// What there is to know about mounted files; services that are not as they should be, each with why, and with what its
/// containers had to say. Empty if all is well.
pub fn troubles(applied: &Applied, results: &Results) -> String {
    let mut text = String::new();
    for note in &applied.notes {
        let _ = writeln!(text, "{YELLOW}warning{YELLOW:#}: {note}");
    }
    for (stack, services) in results {
        for (service, result) in services.iter().filter(|(_, result)| !result.fate.is_fine()) {
            let own = |failure: &&Failure| failure.stack == *stack && failure.service == *service;
            one(&mut text, &format!("{stack}/{service}"), result, applied.failures.iter().filter(own));
        }
    }
    text
}

fn one<'a>(
    text: &mut String,
    name: &str,
    result: &ServiceResult,
    failures: impl Iterator<Item = &'a Failure>,
) {
    let word = result.fate.as_str().replace('_', " ");
    let reason = result.reason.trim_end().replace('\n', "\n    ");
    let _ = writeln!(text, "{RED}{word}{RED:#} {BOLD}{name}{BOLD:#}: {reason}");
    last_words(text, failures);
}

/// What containers that failed had to say.
pub fn last_words<'a>(text: &mut String, failures: impl Iterator<Item = &'a Failure>) {
    for failure in failures {
        if failure.oom_killed && !failure.reason.contains("memory") {
            let _ = writeln!(text, "    {} was killed: out of memory", failure.container);
        }
        if let Some(health) = &failure.health {
            let _ = writeln!(text, "    last health check of {}:", failure.container);
            quoted(text, health.lines());
        }
        if !failure.logs.is_empty() {
            let _ = writeln!(text, "    last lines of {}:", failure.container);
            quoted(text, failure.logs.iter().map(String::as_str));
        }
        if let Some(why) = &failure.unreadable {
            let _ = writeln!(text, "    the output of {} cannot be read: {why}", failure.container);
        }
    }
}

fn quoted<'a>(text: &mut String, lines: impl Iterator<Item = &'a str>) {
    for line in lines {
        let _ = writeln!(text, "      {DIM}|{DIM:#} {line}");
    }
}

/// One line for the whole run.
pub fn closing(plan: &Plan, applied: &Applied, results: &Results, failed_stacks: usize) -> String {
    let report = &applied.report;
    let summary = Summary::of(&plan.changes);
    let count = |wanted: fn(&Outcome) -> bool| {
        report.outcomes.values().filter(|(outcome, _)| wanted(outcome)).count()
    };
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped { .. }));
    let named = |fate: Fate| {
        let all = results.iter().flat_map(|(stack, services)| services.iter().map(move |one| (stack, one)));
        let found = all.filter(|(_, (_, result))| result.fate == fate);
        found.map(|(stack, (service, _))| format!("{stack}/{service}")).collect::<Vec<_>>()
    };
    let mut parts = Vec::new();
    if failed_stacks > 0 {
        parts.push(format!("{failed_stacks} stacks not loaded"));
    }
    let others =
        plan.changes.values().flat_map(|stack| stack.networks.values().chain(stack.volumes.values()));
    let blocked =
        named(Fate::Blocked).len() + others.filter(|change| change.action == ChangeAction::Blocked).count();
    if blocked > 0 {
        parts.push(format!("{blocked} blocked"));
    }
    if failed + skipped > 0 {
        parts.push(format!("{failed} steps failed, {skipped} skipped"));
    }
    for (word, services) in [
        ("rolled back", named(Fate::RolledBack)),
        ("could not be rolled back", could_not_go_back(applied)),
        ("quarantined", named(Fate::Quarantined)),
    ] {
        if !services.is_empty() {
            parts.push(format!("{word}: {}", services.join(", ")));
        }
    }
    if !parts.is_empty() {
        return format!("{RED}Not all is well{RED:#}: {}.\n", parts.join(", "));
    }
    if plan.steps.is_empty() {
        return nothing_to_do(plan);
    }
    format!("{GREEN}Done{GREEN:#}: {}.\n", summary.past())
}

fn could_not_go_back(applied: &Applied) -> Vec<String> {
    let Some((back, undone)) = &applied.rollback else { return Vec::new() };
    let failed = back
        .steps
        .iter()
        .filter(|step| matches!(undone.outcomes.get(&step.id), Some((Outcome::Failed(_), _))));
    let mut services: Vec<String> = failed.map(|step| format!("{}/{}", step.stack, step.service)).collect();
    services.dedup();
    services
}
