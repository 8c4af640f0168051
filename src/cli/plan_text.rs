//! A plan for people: per service what happens, why, and the diff.

use super::output::{BOLD, DIM, GREEN, RED, YELLOW};
use super::plan_json::Summary;
use crate::model::change::{CauseKind, Change, ChangeAction};
use crate::model::step::Plan;
use anstyle::Style;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The plan as text. Unchanged resources are counted, and named only if `verbose`.
pub fn text(plan: &Plan, verbose: bool) -> String {
    let mut text = String::new();
    for (name, changes) in &plan.changes {
        let groups =
            [("network", &changes.networks), ("volume", &changes.volumes), ("service", &changes.services)];
        let busy = groups.iter().any(|(_, group)| group.values().any(|change| shown(change, verbose)));
        if !busy {
            continue;
        }
        let _ = writeln!(text, "{BOLD}{name}{BOLD:#}");
        for (kind, group) in groups {
            write_group(&mut text, kind, group, verbose);
        }
        text.push('\n');
    }
    let summary = Summary::of(&plan.changes);
    if plan.steps.is_empty() && summary.is_settled() {
        text.push_str(&nothing_to_do(plan));
    } else {
        let _ = writeln!(text, "Plan: {}.", summary.sentence());
    }
    text
}

/// What a run without steps says. Containers that another tool made are looked into at every run, which is worth a word.
pub fn nothing_to_do(plan: &Plan) -> String {
    let services = plan.changes.values().flat_map(|stack| stack.services.values());
    let adopted = match services.filter(|change| !change.adopted.is_empty()).count() {
        0 => String::new(),
        adopted => format!(", {adopted} of them adopted"),
    };
    let Summary { unchanged, wait, .. } = Summary::of(&plan.changes);
    let (now, waiting) = if wait > 0 { (" now", format!(", {wait} waiting")) } else { ("", String::new()) };
    format!("Nothing to do{now}: {unchanged} services are as they should be{adopted}{waiting}.\n")
}

fn shown(change: &Change, verbose: bool) -> bool {
    verbose || change.action != ChangeAction::Unchanged || !change.warnings.is_empty()
}

fn write_group(text: &mut String, kind: &str, group: &BTreeMap<String, Change>, verbose: bool) {
    for (name, change) in group.iter().filter(|(_, change)| shown(change, verbose)) {
        let (sign, style) = sign(change.action);
        let _ = writeln!(
            text,
            "  {style}{sign} {:<9}{style:#} {kind} {BOLD}{name}{BOLD:#}",
            change.action.as_str()
        );
        for cause in &change.causes {
            let _ = writeln!(text, "      {cause}");
        }
        if let Some(hint) = change.causes.iter().find_map(|cause| hint(cause.kind)) {
            let _ = writeln!(text, "      hint: {hint}");
        }
        for name in &change.adopted {
            let _ = writeln!(text, "      adopted: {name}");
        }
        for warning in &change.warnings {
            let _ = writeln!(text, "      {YELLOW}warning{YELLOW:#}: {warning}");
        }
        for line in change.diff.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => GREEN,
                Some(b'-') => RED,
                Some(b'@') => DIM,
                _ => Style::new(),
            };
            let _ = writeln!(text, "        {style}{line}{style:#}");
        }
    }
}

const fn sign(action: ChangeAction) -> (&'static str, Style) {
    match action {
        ChangeAction::Create => ("+", GREEN),
        ChangeAction::Replace => ("~", YELLOW),
        ChangeAction::Start => (">", GREEN),
        ChangeAction::Remove => ("-", RED),
        ChangeAction::Unchanged => ("=", DIM),
        ChangeAction::Blocked => ("!", RED),
        ChangeAction::Wait => (".", YELLOW),
    }
}

/// What a person can do about a change that is held back.
const fn hint(kind: CauseKind) -> Option<&'static str> {
    match kind {
        CauseKind::EmptyVolume => Some(
            "put the volume back, or agree with `x-reconcile: {allow_empty_volume: true}` in the service",
        ),
        CauseKind::VolumeDefinition => {
            Some("data does not move by itself: give the new definition another name and copy the data over")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::model::change::{Cause, CauseKind, Change, ChangeAction};
    use crate::model::step::Plan;

    #[test]
    fn an_empty_plan_says_that_there_is_nothing_to_do() {
        assert!(text(&Plan::default(), false).starts_with("Nothing to do"));
    }

    #[test]
    fn unchanged_services_are_counted_and_not_listed() {
        let mut plan = Plan::default();
        let stack = plan.changes.entry("shop".into()).or_default();
        stack.services.insert("db".into(), Change::unchanged());
        let cause = Cause::new(CauseKind::Attribute, "ports[0].published")
            .values(Some("80".into()), Some("81".into()));
        stack.services.insert("web".into(), Change::new(ChangeAction::Replace, vec![cause]));
        let text = anstream::adapter::strip_str(&text(&plan, false)).to_string();
        assert!(text.contains("~ replace   service web"), "{text}");
        assert!(text.contains("ports[0].published: 80 -> 81"), "{text}");
        assert!(!text.contains("service db"), "{text}");
        assert!(text.contains("1 to replace, 0 to start, 0 to remove, 1 unchanged"), "{text}");
    }

    #[test]
    fn causes_without_path_are_their_kind() {
        assert_eq!(Cause::new(CauseKind::Missing, "").to_string(), "missing");
    }
}
