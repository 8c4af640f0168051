//! A plan for people: in a line what it comes to, then per stack and resource what happens, why, where that stands, what it
//! interrupts, and the difference; at the end in which order.

use super::cause_text::{hint, is_about_data, plain, words};
use super::output::{BOLD, DIM, GREEN, RED, YELLOW};
use super::places::Places;
use crate::model::change::{Change, ChangeAction, StackChanges};
use crate::model::step::Plan;
use crate::plan::{Summary, Turn, turns};
use anstyle::Style;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// More turns of the order than this are not listed, nor more names in one.
const MOST_TURNS: usize = 20;
const MOST_NAMES: usize = 12;
/// Narrower than this, wrapping would make it no better.
const LEAST_WIDTH: usize = 40;

/// What is shown of a plan.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Whether unchanged resources are named, too.
    pub verbose: bool,
    /// Where causes stand in the files, if those are at hand.
    pub places: Option<&'a Places<'a>>,
    /// How many columns there are, if it is for a terminal.
    pub width: Option<usize>,
}

impl<'a> View<'a> {
    /// A plan without places, in lines as long as they get. Unchanged resources are counted, and named only if `verbose`.
    pub const fn new(plan: &'a Plan, verbose: bool) -> Self {
        Self { plan, verbose, places: None, width: None }
    }

    /// The same with places.
    #[must_use]
    pub const fn with(self, places: &'a Places<'a>) -> Self {
        Self { places: Some(places), ..self }
    }

    /// The same, wrapped for a terminal of so many columns.
    #[must_use]
    pub const fn within(self, width: Option<usize>) -> Self {
        Self { width, ..self }
    }

    /// Adds a line, wrapped between words. Diffs are not: they are read by their columns.
    fn write(&self, text: &mut String, indent: usize, line: &str) {
        let first = " ".repeat(indent);
        let Some(width) = self.width.filter(|width| *width >= LEAST_WIDTH) else {
            let _ = writeln!(text, "{first}{line}");
            return;
        };
        let next = " ".repeat(indent + 4);
        let options =
            textwrap::Options::new(width).initial_indent(&first).subsequent_indent(&next).break_words(false);
        let _ = writeln!(text, "{}", textwrap::fill(line, options));
    }

    /// The resources of a stack that are shown: what kind, and the resource with its change.
    pub fn shown<'s>(
        &self,
        changes: &'s StackChanges,
    ) -> impl Iterator<Item = (&'static str, &'s str, &'s Change)> + use<'s> {
        let verbose = self.verbose;
        let groups =
            [("network", &changes.networks), ("volume", &changes.volumes), ("service", &changes.services)];
        let all = groups
            .into_iter()
            .flat_map(|(what, group)| group.iter().map(move |(name, change)| (what, name.as_str(), change)));
        all.filter(move |(_, _, change)| {
            verbose || change.action != ChangeAction::Unchanged || !change.warnings.is_empty()
        })
    }

    /// Whether there is nothing to do and nothing worth a word.
    pub fn is_empty(&self) -> bool {
        self.plan.steps.is_empty()
            && self.plan.changes.values().all(|changes| self.shown(changes).next().is_none())
    }

    /// Why something changes, each with the place that brings it.
    pub fn reasons(
        &self,
        stack: &str,
        (what, name): (&str, &str),
        change: &Change,
    ) -> Vec<(Option<String>, String)> {
        let one = |cause| {
            let place = self.places.and_then(|places| places.of_cause(stack, (what, name), cause));
            (place.map(|place| plain(&place)), words(what, cause))
        };
        change.causes.iter().map(one).collect()
    }
}

/// The plan as text.
pub fn text(view: View<'_>) -> String {
    let mut text = String::new();
    view.write(&mut text, 0, heading(view.plan).trim_end());
    for (stack, changes) in &view.plan.changes {
        let mut shown = view.shown(changes).peekable();
        if shown.peek().is_some() {
            let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", plain(stack));
        }
        for (what, name, change) in shown {
            write_change(&mut text, view, (stack, what, name), change);
        }
    }
    let turns = turns(view.plan);
    if turns.len() > 1 {
        let _ = writeln!(text, "\nOrder:");
        for line in order(&turns) {
            view.write(&mut text, 2, &line);
        }
    }
    text
}

/// A kind of resources of a stack.
type Group = fn(&StackChanges) -> &BTreeMap<String, Change>;

/// What the plan comes to, as a line.
pub fn heading(plan: &Plan) -> String {
    let summary = Summary::of(&plan.changes);
    if plan.steps.is_empty() && summary.is_settled() {
        return nothing_to_do(plan);
    }
    let mut parts = vec![summary.sentence()];
    let count = |group: Group, wanted: ChangeAction| {
        let all = plan.changes.values().flat_map(|stack| group(stack).values());
        all.filter(|change| change.action == wanted).count()
    };
    let networks: Group = |stack| &stack.networks;
    for (what, group) in [("network", networks), ("volume", |stack| &stack.volumes)] {
        for action in [ChangeAction::Create, ChangeAction::Replace, ChangeAction::Remove] {
            let count = count(group, action);
            if count > 0 {
                let s = if count == 1 { "" } else { "s" };
                parts.push(format!("{count} {what}{s} to {}", action.as_str()));
            }
        }
    }
    let all = plan.changes.values().flat_map(|stack| stack.services.values().chain(stack.volumes.values()));
    let mut causes = all.flat_map(|change| &change.causes);
    if causes.any(|cause| is_about_data(cause.kind)) {
        parts.push("data at risk: what would lose it is blocked".to_owned());
    }
    format!("Plan: {}.\n", parts.join("; "))
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

/// Adds what happens to a resource, and why.
pub fn write_change(
    text: &mut String,
    view: View<'_>,
    (stack, what, name): (&str, &str, &str),
    change: &Change,
) {
    let (sign, style) = sign(change.action);
    let verb = verb(change.action);
    let _ = writeln!(text, "  {style}{sign} {verb:<9}{style:#} {what} {BOLD}{}{BOLD:#}", plain(name));
    for (place, reason) in view.reasons(stack, (what, name), change) {
        match place {
            Some(place) => view.write(text, 6, &format!("{DIM}{place}{DIM:#}  {reason}")),
            None => view.write(text, 6, &reason),
        }
    }
    if let Some(told) = change.interruption {
        view.write(text, 6, &told.to_string());
    }
    if let Some(hint) = change.causes.iter().find_map(|cause| hint(cause.kind)) {
        view.write(text, 6, &format!("hint: {hint}"));
    }
    for name in &change.adopted {
        let _ = writeln!(text, "      adopted: {}", plain(name));
    }
    for warning in &change.warnings {
        view.write(text, 6, &format!("{YELLOW}warning{YELLOW:#}: {}", plain(warning)));
    }
    write_diff(text, &change.diff);
    for (path, diff) in &change.contents {
        let _ = writeln!(text, "        {DIM}{}{DIM:#}", plain(path));
        write_diff(text, diff);
    }
}

fn write_diff(text: &mut String, diff: &str) {
    for line in diff.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => GREEN,
            Some(b'-') => RED,
            Some(b'@') => DIM,
            _ => Style::new(),
        };
        let _ = writeln!(text, "        {style}{}{style:#}", plain_line(line));
    }
}

/// A line of a diff: tabs stay.
pub fn plain_line(line: &str) -> String {
    line.split('\t').map(plain).collect::<Vec<_>>().join("\t")
}

/// The turns, a line each: `1. pull nginx:1.28`.
pub fn order(turns: &[Turn]) -> Vec<String> {
    let one = |(at, turn): (usize, &Turn)| {
        let mut verbs: Vec<(&str, Vec<&str>)> = Vec::new();
        for (verb, name) in turn {
            match verbs.iter_mut().find(|(known, _)| known == verb) {
                Some((_, names)) => names.push(name),
                None => verbs.push((verb, vec![name])),
            }
        }
        let told = verbs.iter().map(|(verb, names)| {
            let shown = names.iter().take(MOST_NAMES).map(|name| plain(name)).collect::<Vec<_>>().join(", ");
            match names.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
                Some(more) => format!("{verb} {shown} and {more} more"),
                None => format!("{verb} {shown}"),
            }
        });
        format!("{}. {}", at + 1, told.collect::<Vec<_>>().join("; "))
    };
    let mut lines: Vec<String> = turns.iter().enumerate().take(MOST_TURNS).map(one).collect();
    if turns.len() > MOST_TURNS {
        lines.push(format!("… and {} more turns", turns.len() - MOST_TURNS));
    }
    lines
}

/// What happens to a resource, in a word or two.
pub const fn verb(action: ChangeAction) -> &'static str {
    match action {
        ChangeAction::Tidy => "tidy up",
        other => other.as_str(),
    }
}

/// A sign for what happens, which says the same as the colour.
pub const fn sign(action: ChangeAction) -> (&'static str, Style) {
    match action {
        ChangeAction::Create => ("+", GREEN),
        ChangeAction::Replace => ("~", YELLOW),
        ChangeAction::Start => (">", GREEN),
        ChangeAction::Tidy => ("*", DIM),
        ChangeAction::Remove => ("-", RED),
        ChangeAction::Unchanged => ("=", DIM),
        ChangeAction::Blocked => ("!", RED),
        ChangeAction::Wait => (".", YELLOW),
    }
}

#[cfg(test)]
mod tests {
    use super::{View, order, text};
    use crate::model::change::{Cause, CauseKind, Change, ChangeAction};
    use crate::model::step::Plan;

    fn told(plan: &Plan) -> String {
        anstream::adapter::strip_str(&text(View::new(plan, false))).to_string()
    }

    #[test]
    fn an_empty_plan_says_that_there_is_nothing_to_do() {
        assert!(told(&Plan::default()).starts_with("Nothing to do"));
    }

    #[test]
    fn unchanged_services_are_counted_and_not_listed() {
        let mut plan = Plan::default();
        let stack = plan.changes.entry("shop".into()).or_default();
        stack.services.insert("db".into(), Change::unchanged());
        let cause = Cause::new(CauseKind::Attribute, "ports[0].published")
            .values(Some("80".into()), Some("81".into()));
        stack.services.insert("web".into(), Change::new(ChangeAction::Replace, vec![cause]));
        stack.networks.insert("front".into(), Change::new(ChangeAction::Replace, vec![]));
        assert_eq!(
            told(&plan),
            "Plan: 1 to replace, 1 unchanged; 1 network to replace.\n\nshop\n  ~ replace   network front\n  \
             ~ replace   service web\n      ports[0].published: 80 -> 81\n"
        );
    }

    #[test]
    fn on_a_terminal_lines_are_wrapped_between_words() {
        let mut plan = Plan::default();
        let cause = Cause::new(CauseKind::Attribute, "command")
            .values(Some("one two three four".into()), Some("five six seven eight nine".into()));
        let change = Change::new(ChangeAction::Replace, vec![cause]);
        plan.changes.entry("shop".into()).or_default().services.insert("web".into(), change);
        let told = |width| text(View::new(&plan, false).within(width));
        let wrapped = told(Some(44));
        assert!(
            wrapped.contains("\n      command: one two three four -> five\n          six seven eight nine\n"),
            "{wrapped}"
        );
        assert!(
            wrapped.lines().all(|line| anstream::adapter::strip_str(line).to_string().len() <= 44),
            "{wrapped}"
        );
        assert_eq!(
            wrapped.split_whitespace().collect::<String>(),
            told(None).split_whitespace().collect::<String>()
        );
        assert_eq!(told(Some(20)), told(None), "too narrow to be of use");
    }

    #[test]
    fn what_names_and_values_hold_does_nothing_to_a_terminal() {
        let mut plan = Plan::default();
        let stack = plan.changes.entry("shop".into()).or_default();
        let cause =
            Cause::new(CauseKind::Environment, "environment.A").values(Some("\u{1b}[2J".into()), None);
        let mut change = Change::new(ChangeAction::Replace, vec![cause]);
        change.diff = "+  A: \u{1b}[2J\n".into();
        stack.services.insert("web".into(), change);
        let text = text(View::new(&plan, false));
        assert!(text.contains("\\u{1b}[2J") && !text.contains("\u{1b}[2J"), "{text:?}");
    }

    #[test]
    fn the_order_names_side_by_side_what_happens_so() {
        let turn = |deeds: &[(&'static str, &str)]| {
            deeds.iter().map(|(verb, name)| (*verb, (*name).to_owned())).collect()
        };
        let turns =
            [turn(&[("pull", "a:1")]), turn(&[("replace", "db"), ("start", "job"), ("replace", "web")])];
        assert_eq!(order(&turns), ["1. pull a:1", "2. replace db, web; start job"]);
    }

    #[test]
    fn causes_without_path_are_their_kind() {
        assert_eq!(Cause::new(CauseKind::Missing, "").to_string(), "missing");
    }
}
