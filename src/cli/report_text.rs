//! What a run came to, for people: the last words of what failed, and one line for all.

use super::cause_text::words;
use super::output::{BOLD, DIM, GREEN, Output, RED, YELLOW};
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

/// Tells how the whole run ended. Where only changes and failures are told: what it changed, if it did, or that not all is well.
pub fn close(output: Output, plan: &Plan, applied: &Applied, results: &Results, failed_stacks: usize) {
    let wrong = wrong(plan, applied, results, failed_stacks);
    let closing = closing(plan, &wrong);
    if !output.quiet {
        output.talk(&closing);
    } else if !plan.steps.is_empty() || !wrong.is_empty() {
        output.complain(&(changes(plan, results) + &closing));
    }
}

/// What a run has changed, a line for each service with why. Empty if it changed none.
pub fn changes(plan: &Plan, results: &Results) -> String {
    let mut text = String::new();
    for (stack, services) in results {
        for (service, _) in services.iter().filter(|(_, result)| result.fate == Fate::Applied) {
            let change = plan.changes.get(stack).and_then(|changes| changes.services.get(service));
            let Some(change) = change else { continue };
            let causes: Vec<String> = change.causes.iter().map(|cause| words("service", cause)).collect();
            let _ = writeln!(
                text,
                "{GREEN}{}{GREEN:#} {BOLD}{stack}/{service}{BOLD:#}: {}",
                past(change.action),
                causes.join("; ")
            );
        }
    }
    text
}

const fn past(action: ChangeAction) -> &'static str {
    match action {
        ChangeAction::Create => "created",
        ChangeAction::Replace => "replaced",
        ChangeAction::Start => "started",
        ChangeAction::Tidy => "tidied up",
        ChangeAction::Remove => "removed",
        ChangeAction::Unchanged | ChangeAction::Blocked | ChangeAction::Wait => "left",
    }
}

/// One line for the whole run; what is wrong is given, or nothing is.
fn closing(plan: &Plan, troubles: &[String]) -> String {
    if !troubles.is_empty() {
        return format!("{RED}Not all is well{RED:#}: {}.\n", troubles.join(", "));
    }
    if plan.steps.is_empty() {
        return nothing_to_do(plan);
    }
    format!("{GREEN}Done{GREEN:#}: {}.\n", Summary::of(&plan.changes).past())
}

/// What is wrong after a run, in a few words each.
fn wrong(plan: &Plan, applied: &Applied, results: &Results, failed_stacks: usize) -> Vec<String> {
    let report = &applied.report;
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
    parts
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
