//! Which revision a rollback goes to.

use crate::model::commit::Commit;
use crate::model::history::{Deployment, Outcome};

/// Commits are named by no fewer digits of their id.
const FEWEST: usize = 4;

/// What a rollback goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// A commit that the history knows.
    Known(Commit),
    /// What the history does not know: a branch, a tag, or the id of a commit.
    Given(String),
    /// There is none, for this reason.
    None(String),
}

/// Picks from the history of a stack, oldest first. What is wanted is a number of the history, the begin of a commit's id,
/// or anything that the repository may know; without it, it is the last commit that was applied before the present one and
/// made the stack something else.
pub fn choose(history: &[Deployment], wanted: Option<&str>) -> Choice {
    match wanted {
        Some(wanted) => named(history, wanted),
        None => before(history),
    }
}

fn named(history: &[Deployment], wanted: &str) -> Choice {
    let number = wanted.trim_start_matches('#').parse::<u64>().ok();
    if let Some(found) = history.iter().find(|entry| Some(entry.number) == number) {
        return match &found.commit {
            Some(commit) => Choice::Known(commit.clone()),
            None => Choice::None(format!("deployment {wanted} was not one of a git repository")),
        };
    }
    let is_id = wanted.len() >= FEWEST && wanted.chars().all(|c| c.is_ascii_hexdigit());
    let digits = wanted.to_lowercase();
    let mut found: Vec<&Commit> = history.iter().filter_map(|entry| entry.commit.as_ref()).collect();
    found.retain(|commit| is_id && commit.id.starts_with(&digits));
    found.sort_by_key(|commit| &commit.id);
    found.dedup_by_key(|commit| &commit.id);
    match found[..] {
        [] => Choice::Given(wanted.to_owned()),
        [only] => Choice::Known(only.clone()),
        _ => Choice::None(format!("{wanted} is the begin of {} commits of the history", found.len())),
    }
}

fn before(history: &[Deployment]) -> Choice {
    let tried = |entry: &&Deployment| !matches!(entry.outcome, Outcome::Blocked | Outcome::Waiting);
    let Some((present, now)) =
        history.iter().rfind(tried).and_then(|last| Some((last, last.commit.as_ref()?)))
    else {
        return Choice::None("no deployment of a git repository is in its history".to_owned());
    };
    // After a rollback the way leads further back, not to where it came from.
    let is_place = |entry: &Deployment| {
        entry.trigger != "rollback" && entry.commit.as_ref().is_some_and(|commit| commit.id == now.id)
    };
    let end = history.iter().rposition(is_place).unwrap_or(history.len());
    let is_other = |entry: &&Deployment| {
        let other_commit = entry.commit.as_ref().is_some_and(|commit| commit.id != now.id);
        let same_content = !present.content.is_empty() && entry.content == present.content;
        entry.outcome == Outcome::Applied && other_commit && !same_content
    };
    match history[..end].iter().rfind(is_other).and_then(|found| found.commit.clone()) {
        Some(commit) => Choice::Known(commit),
        None => Choice::None(format!(
            "no other commit was applied to it before {}, as far as the history goes",
            now.short()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, choose};
    use crate::model::commit::Commit;
    use crate::model::history::{Deployment, Outcome};

    /// A commit, what came of it, its content, and the trigger.
    type Entry = (&'static str, Outcome, &'static str, &'static str);

    fn history(entries: &[Entry]) -> Vec<Deployment> {
        let entry = |(number, (id, outcome, content, trigger)): (usize, &Entry)| Deployment {
            number: number as u64 + 1,
            commit: (!id.is_empty()).then(|| Commit { id: id.repeat(40), ..Commit::default() }),
            outcome: *outcome,
            content: (*content).to_owned(),
            trigger: (*trigger).to_owned(),
            ..Deployment::default()
        };
        entries.iter().enumerate().map(entry).collect()
    }

    fn chosen(history: &[Deployment], wanted: Option<&str>) -> String {
        match choose(history, wanted) {
            Choice::Known(commit) => commit.id[..1].to_owned(),
            Choice::Given(text) => format!("given {text}"),
            Choice::None(_) => "none".to_owned(),
        }
    }

    use Outcome::{Applied, Blocked, Failed, RolledBack, Waiting};

    #[test]
    fn it_goes_to_what_was_applied_before_and_was_something_else() {
        let cases: [(&[Entry], &str); 9] = [
            (&[("a", Applied, "1", "poll"), ("b", Applied, "2", "poll")], "a"),
            (&[("a", Applied, "1", "poll"), ("b", RolledBack, "2", "poll")], "a"),
            (&[("a", Applied, "1", "poll"), ("b", Failed, "2", "poll"), ("c", Applied, "3", "poll")], "a"),
            // A container that was mended while a commit counted that changes nothing for the stack.
            (&[("a", Applied, "1", "poll"), ("b", Applied, "2", "poll"), ("c", Applied, "2", "engine")], "a"),
            (&[("a", Applied, "1", "poll"), ("b", Applied, "2", "poll"), ("c", Waiting, "3", "engine")], "a"),
            (&[("a", Applied, "1", "poll"), ("b", Applied, "2", "poll"), ("c", Blocked, "3", "poll")], "a"),
            // A second rollback goes further back.
            (
                &[
                    ("a", Applied, "1", "poll"),
                    ("b", Applied, "2", "poll"),
                    ("c", Applied, "3", "poll"),
                    ("b", Applied, "2", "rollback"),
                ],
                "a",
            ),
            (&[("a", Applied, "1", "poll")], "none"),
            (&[("", Applied, "1", "poll"), ("", Applied, "2", "poll")], "none"),
        ];
        for (entries, expected) in cases {
            assert_eq!(chosen(&history(entries), None), expected, "{entries:?}");
        }
        assert_eq!(chosen(&[], None), "none");
    }

    #[test]
    fn a_revision_is_a_number_the_begin_of_an_id_or_anything_that_a_repository_knows() {
        let history =
            history(&[("a", Applied, "1", "poll"), ("1", Applied, "2", "poll"), ("", Applied, "", "")]);
        for (wanted, expected) in [
            ("1", "a"),
            ("#2", "1"),
            ("aaaa", "a"),
            ("AAAAAAA", "a"),
            ("aaa", "given aaa"),
            ("1111", "1"),
            ("3", "none"),
            ("4", "given 4"),
            ("main", "given main"),
        ] {
            assert_eq!(chosen(&history, Some(wanted)), expected, "{wanted}");
        }
    }
}
