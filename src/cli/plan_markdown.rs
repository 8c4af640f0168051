//! A plan as Markdown, for a comment under a pull request: a line, a table, and differences that unfold. Whatever comes
//! from files or the engine stands in code, so that it can be no markup, no mention and no link.

use super::cause_text::plain;
use super::plan_text::{View, heading, order, plain_line, sign, verb};
use crate::model::change::Change;
use crate::plan::turns;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How long the whole may be, in bytes: forges take a little more.
const LONGEST: usize = 60_000;
/// What is kept free for notes about what is left out.
const RESERVE: usize = 400;
/// More rows, or reasons in one row, are only counted.
const MOST_ROWS: usize = 100;
const MOST_REASONS: usize = 8;
/// More stacks that did not load are not named.
const MOST_BROKEN: usize = 10;
/// Longer lines about what is wrong are cut, in characters.
const LONGEST_LINE: usize = 300;
/// Less of a difference than this is not worth its place, in bytes.
const LEAST: usize = 1000;

/// What a plan is about.
pub struct About<'a> {
    /// What the source goes by.
    pub source: &'a str,
    /// What it says now: a commit, or a digest.
    pub revision: &'a str,
    /// What is wrong with stacks that did not load, by name; empty is the source as a whole.
    pub problems: &'a BTreeMap<String, Vec<String>>,
    /// What happens after the plan.
    pub then: &'a str,
}

/// What is said of a source of which nothing loaded.
pub fn refused(about: &About<'_>) -> String {
    let mut text = format!("### Nothing was loaded: everything is left as it is\n\n{}\n", code(about.source));
    write_problems(&mut text, about.problems);
    text
}

/// The plan as Markdown.
pub fn markdown(view: View<'_>, about: &About<'_>) -> String {
    let mut text = format!("### {}\n", heading(view.plan).trim_end());
    let _ = write!(text, "\n{} at {}\n", code(about.source), code(about.revision));
    write_problems(&mut text, about.problems);
    let shown: Vec<Row<'_>> = view
        .plan
        .changes
        .iter()
        .flat_map(|(stack, changes)| {
            view.shown(changes).map(move |(what, name, change)| Row { stack, what, name, change })
        })
        .collect();
    write_table(&mut text, view, &shown);
    let turns = turns(view.plan);
    if turns.len() > 1 {
        text.push_str("\n**Order**\n\n");
        for line in order(&turns) {
            let (number, deeds) = line.split_once(". ").unwrap_or(("", &line));
            let _ = writeln!(text, "{number}. {}", code(deeds));
        }
    }
    if !about.then.trim().is_empty() {
        let _ = write!(text, "\n{}\n", code(about.then.trim()));
    }
    write_details(&mut text, &shown);
    text
}

struct Row<'a> {
    stack: &'a str,
    what: &'static str,
    name: &'a str,
    change: &'a Change,
}

fn write_problems(text: &mut String, problems: &BTreeMap<String, Vec<String>>) {
    for (stack, lines) in problems.iter().take(MOST_BROKEN) {
        let what = if stack.is_empty() { "The source".to_owned() } else { format!("Stack {}", code(stack)) };
        let _ = write!(text, "\n**{what} did not load** and is left as it is:\n\n");
        for line in lines.iter().take(MOST_REASONS) {
            let line: String = line.chars().take(LONGEST_LINE).collect();
            let _ = writeln!(text, "- {}", code(&line));
        }
        if lines.len() > MOST_REASONS {
            let _ = writeln!(text, "- … and {} more", lines.len() - MOST_REASONS);
        }
    }
    if problems.len() > MOST_BROKEN {
        let _ = write!(text, "\n{} more stacks did not load.\n", problems.len() - MOST_BROKEN);
    }
}

fn write_table(text: &mut String, view: View<'_>, rows: &[Row<'_>]) {
    if rows.is_empty() {
        return;
    }
    text.push_str("\n| | stack | | why | meanwhile |\n| --- | --- | --- | --- | --- |\n");
    let mut written = 0;
    for row in rows.iter().take(MOST_ROWS) {
        let line = line(view, row);
        if text.len() + line.len() > LONGEST / 2 {
            break;
        }
        text.push_str(&line);
        written += 1;
    }
    if rows.len() > written {
        let _ = write!(text, "\n… and {} more\n", rows.len() - written);
    }
}

fn line(view: View<'_>, row: &Row<'_>) -> String {
    let Row { stack, what, name, change } = row;
    let (sign, _) = sign(change.action);
    let reasons = view.reasons(stack, (what, name), change);
    let mut told: Vec<String> = reasons
        .iter()
        .take(MOST_REASONS)
        .map(|(place, reason)| match place {
            Some(place) => format!("{} {}", code(place), code(reason)),
            None => code(reason),
        })
        .collect();
    if reasons.len() > MOST_REASONS {
        told.push(format!("… and {} more", reasons.len() - MOST_REASONS));
    }
    told.extend(change.warnings.iter().map(|warning| format!("**warning**: {}", code(warning))));
    let meanwhile = change.interruption.map(|told| told.to_string()).unwrap_or_default();
    let verb = verb(change.action);
    format!(
        "| `{sign}` {verb} | {} | {what} {} | {} | {meanwhile} |\n",
        cell(stack),
        cell(name),
        in_cell(&told.join("<br>"))
    )
}

/// Differences that unfold, as many as there is room for.
fn write_details(text: &mut String, rows: &[Row<'_>]) {
    let mut left_out = 0;
    for row in rows {
        let title = format!("{}: {} {}", row.stack, row.what, row.name);
        let own = (!row.change.diff.is_empty()).then(|| (title.clone(), &row.change.diff));
        let contents = row.change.contents.iter().map(|(path, diff)| (format!("{title}: {path}"), diff));
        for (title, diff) in own.into_iter().chain(contents) {
            if !write_detail(text, &title, diff) {
                left_out += 1;
            }
        }
    }
    if left_out > 0 {
        let what =
            if left_out == 1 { "1 difference is".to_owned() } else { format!("{left_out} differences are") };
        let _ = write!(text, "\n{what} left out, for want of room: `reconcile --dry-run` shows all.\n");
    }
}

/// Adds one difference, whole or cut; false if there is no room.
fn write_detail(text: &mut String, title: &str, diff: &str) -> bool {
    let room = LONGEST.saturating_sub(RESERVE).saturating_sub(text.len());
    let lines: Vec<String> = diff.lines().map(plain_line).collect();
    let longest_run = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest_run.max(2) + 1);
    let frame = 2 * fence.len() + title.len() * 5 + 200;
    let whole: usize = lines.iter().map(|line| line.len() + 1).sum();
    if room < frame + whole.min(LEAST) {
        return false;
    }
    let mut size = 0;
    let fits = |line: &&String| {
        size += line.len() + 1;
        size + frame <= room
    };
    let kept: Vec<&String> = lines.iter().take_while(fits).collect();
    let _ = write!(text, "\n<details><summary><code>{}</code></summary>\n\n{fence}diff\n", html(title));
    for line in &kept {
        text.push_str(line);
        text.push('\n');
    }
    let _ = writeln!(text, "{fence}");
    if kept.len() < lines.len() {
        let _ = write!(text, "\n… and {} more lines\n", lines.len() - kept.len());
    }
    text.push_str("\n</details>\n");
    true
}

/// Text as code, whatever it holds.
fn code(text: &str) -> String {
    let text = plain(text);
    if text.trim().is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The same in a table.
fn cell(text: &str) -> String {
    in_cell(&code(text))
}

/// A bar would end the cell, in code too.
fn in_cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn html(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{About, LONGEST, code, markdown};
    use crate::cli::plan_text::View;
    use crate::model::change::{Cause, CauseKind, Change, ChangeAction};
    use crate::model::step::Plan;
    use std::collections::BTreeMap;

    fn told(plan: &Plan) -> String {
        let problems =
            BTreeMap::from([("blog".to_owned(), vec!["compose.yaml:3: unknown key `x`".to_owned()])]);
        let about = About { source: "stacks", revision: "0123abcd", problems: &problems, then: "" };
        markdown(View::new(plan, false), &about)
    }

    fn plan(services: usize, value: &str, diff: &str) -> Plan {
        let mut plan = Plan::default();
        let stack = plan.changes.entry("shop".into()).or_default();
        for number in 0..services {
            let cause = Cause::new(CauseKind::Environment, "environment.A")
                .values(Some("1".into()), Some(value.into()));
            let mut change = Change::new(ChangeAction::Replace, vec![cause]);
            change.diff = diff.to_owned();
            stack.services.insert(format!("web{number:04}"), change);
        }
        plan
    }

    #[test]
    fn a_plan_is_a_line_a_table_and_differences() {
        assert_eq!(
            told(&plan(1, "2", "@@ -1 +1 @@\n-A: 1\n+A: 2\n")),
            "### Plan: 1 to replace.\n\n`stacks` at `0123abcd`\n\n**Stack `blog` did not load** and is left as it is:\n\n\
             - `` compose.yaml:3: unknown key `x` ``\n\n\
             | | stack | | why | meanwhile |\n| --- | --- | --- | --- | --- |\n\
             | `~` replace | `shop` | service `web0000` | `environment.A: 1 -> 2` |  |\n\n\
             <details><summary><code>shop: service web0000</code></summary>\n\n```diff\n@@ -1 +1 @@\n-A: 1\n+A: 2\n```\n\n\
             </details>\n"
        );
    }

    #[test]
    fn nothing_breaks_out_of_its_place() {
        let evil = "a|b ``` </details> @everyone\n# title";
        let text = told(&plan(1, evil, "@@ -1 +1 @@\n+```\n+</details><script>\n+`````\n"));
        let row = text.lines().find(|line| line.starts_with("| `~`")).expect("a row");
        assert_eq!(row.matches(" | ").count(), 4, "{row}");
        assert!(
            row.contains("````environment.A: 1 -> a\\|b ``` </details> @everyone\\n# title````"),
            "{row}"
        );
        assert!(text.contains("\n``````diff\n"), "a fence longer than any inside: {text}");
        assert!(text.ends_with("\n``````\n\n</details>\n"), "{text}");
    }

    #[test]
    fn the_whole_is_bounded_and_says_what_is_left_out() {
        let long = "+  a line of something\n".repeat(400);
        let text = told(&plan(300, "2", &long));
        assert!(text.len() <= LONGEST, "{}", text.len());
        assert!(text.contains("… and 200 more\n"), "rows");
        assert!(
            text.contains("differences are left out") && text.contains(" more lines\n"),
            "{}",
            &text[text.len() - 300..]
        );
        let opened = text.matches("<details>").count();
        assert_eq!(opened, text.matches("</details>").count());
        let wide = told(&plan(1, &"x".repeat(100_000), &format!("+{}\n", "`".repeat(100_000))));
        assert!(wide.len() <= LONGEST, "{}", wide.len());
    }

    #[test]
    fn code_holds_anything() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a`"), "`` `a` ``");
        assert_eq!(code(""), "");
    }
}
