//! Which commit a stack runs, as far as that is known.

use super::config::Chosen;
use super::output::BOLD;
use super::source::told;
use crate::history::Store;
use crate::model::change::{ChangeAction, ChangeSet};
use crate::model::commit::Commit;
use crate::model::history::Outcome;
use crate::source::LoadedSource;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The commits that stacks run: that of the source for a stack that is as its source says, else the last one that was applied
/// as far as the history goes.
pub fn commits<'a>(
    sources: &[(Chosen, LoadedSource)],
    changes: &ChangeSet,
    stacks: impl Iterator<Item = &'a str>,
    store: &Store,
) -> BTreeMap<String, Commit> {
    let of_source = |stack: &str| {
        let has = |(_, loaded): &&(Chosen, LoadedSource)| loaded.desired.stacks.contains_key(stack);
        let is_same = |changes: &crate::model::change::StackChanges| {
            changes.services.values().all(|change| change.action == ChangeAction::Unchanged)
        };
        let (_, loaded) = sources.iter().find(has).filter(|_| changes.get(stack).is_some_and(is_same))?;
        loaded.commit.clone()
    };
    let of_history = |stack: &str| {
        // A history that cannot be read is none: nothing is decided by it.
        let entries = store.read(stack).unwrap_or_default();
        entries.into_iter().rfind(|entry| entry.outcome == Outcome::Applied)?.commit
    };
    stacks
        .filter_map(|stack| Some((stack.to_owned(), of_source(stack).or_else(|| of_history(stack))?)))
        .collect()
}

/// A line for each repository, and one for each stack that runs another commit of it.
pub fn text(sources: &[(Chosen, LoadedSource)], commits: &BTreeMap<String, Commit>) -> String {
    let mut text = String::new();
    for (source, loaded) in sources {
        let Some(commit) = &loaded.commit else { continue };
        let _ = writeln!(text, "{BOLD}{}{BOLD:#} at {}", source.title(), told(commit));
        for stack in loaded.desired.stacks.keys() {
            if let Some(own) = commits.get(stack).filter(|own| own.id != commit.id) {
                let _ = writeln!(text, "  {stack} at {}", told(own));
            }
        }
    }
    text
}
