//! Directories below a stack that are not stacks of their own, although a compose file lies in them.

use super::load::Outcome;
use crate::compose::diagnostic::Diagnostic;
use std::collections::BTreeMap;
use std::path::Path;

/// What becomes of a stack that lies below others.
pub(super) enum Nested {
    /// It is a stack of its own.
    Stack,
    /// A stack above it reads its files, or lets containers write there: it is no stack.
    Part,
    /// Whether it is one cannot be told, for a stack above it does not load.
    Unknown(Diagnostic),
}

/// Judges every stack by those in the directories above it.
pub(super) fn judge(outcomes: &[Outcome]) -> Vec<Nested> {
    let mut by_directory: BTreeMap<&Path, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        by_directory.entry(&outcome.stack.directory).or_default().push(outcome);
    }
    let above = |outcome: &Outcome| -> Vec<&Outcome> {
        let parents = outcome.stack.directory.ancestors().skip(1);
        parents.filter_map(|parent| by_directory.get(parent)).flatten().copied().collect()
    };
    outcomes.iter().map(|outcome| one(outcome, &above(outcome))).collect()
}

fn one(outcome: &Outcome, above: &[&Outcome]) -> Nested {
    let directory = &outcome.stack.directory;
    if above.iter().any(|parent| reads(parent, outcome) || writes(parent, directory)) {
        return Nested::Part;
    }
    let broken = above.iter().find(|parent| parent.stack.project.is_none());
    broken.map_or(Nested::Stack, |parent| {
        let message = format!(
            "left as it is: the stack above it, in {}, does not load",
            parent.stack.directory.display()
        );
        Nested::Unknown(Diagnostic::error(message).hint("that stack may include this one; mend it first"))
    })
}

/// Whether a stack includes or extends a file of another.
fn reads(parent: &Outcome, nested: &Outcome) -> bool {
    let Some(file) = &nested.compose_file else { return false };
    parent.stack.sources.paths().any(|read| read == file)
}

/// Whether containers of a stack may write to a directory: what is there is data, whoever put it there.
fn writes(parent: &Outcome, directory: &Path) -> bool {
    let Some(stack) = &parent.desired else { return false };
    let mounts = stack.services.values().flat_map(|service| &service.spec.volumes);
    let mut binds = mounts.filter(|mount| mount.kind == "bind" && !mount.read_only);
    binds.any(|mount| {
        let source = Path::new(&mount.source);
        directory.starts_with(source) && !parent.stack.directory.starts_with(source)
    })
}
