//! How far a project may grow beyond what stands in its files.
//!
//! Aliases, variables, `extends`, `env_file` and ranges of ports repeat a text: a few lines of them could name more than any
//! machine holds. What they add is counted, all together for one project, and is allowed up to a fixed amount and a
//! multiple of what was read. The figures stand in `docs/limits.md`.

use super::diagnostic::Diagnostic;
use super::node::{Node, Span, Value};

/// Bytes that any project may grow by.
const FREE: usize = 64 << 20;
/// Bytes that it may grow by for each byte of its files.
const PER_BYTE: usize = 8;
/// What a node weighs beside its text.
pub(super) const NODE: usize = 64;

/// What is left of it.
#[derive(Debug, Clone)]
pub struct Growth {
    left: usize,
    is_told: bool,
}

impl Default for Growth {
    fn default() -> Self {
        Self { left: FREE, is_told: false }
    }
}

impl Growth {
    /// What a text of this many bytes may grow by.
    pub(super) fn of(bytes: usize) -> Self {
        let mut growth = Self::default();
        growth.read(bytes);
        growth
    }

    /// Counts a file that was read.
    pub(super) fn read(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes.saturating_mul(PER_BYTE));
    }

    /// Counts what something adds; false if that is too much, and then for all that follows too.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let is_room = !self.is_told && bytes <= self.left;
        self.left = if is_room { self.left - bytes } else { 0 };
        is_room
    }

    /// Whether nothing more may be added.
    pub(super) fn is_spent(&self) -> bool {
        self.is_told
    }

    /// The error about growth by `what`, the first time only: what follows is of the same kind.
    pub(super) fn refusal(&mut self, what: &str, path: &str, span: Span) -> Option<Diagnostic> {
        if std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        Some(
            Diagnostic::error(format!("the project grows by more than {} MiB through {what}", FREE >> 20))
                .at(path)
                .span(span)
                .hint(format!(
                    "aliases, variables, `extends`, `env_file` and port ranges may add {} MiB, and {PER_BYTE} bytes for each byte of its files; repeat less here",
                    FREE >> 20
                )),
        )
    }
}

/// What a copy of a node weighs, about.
pub(super) fn weight(node: &Node) -> usize {
    let inner: usize = match &node.value {
        Value::String(text) | Value::Timestamp(text) => text.len(),
        Value::List(list) => list.iter().map(weight).sum(),
        // A copy shares the names of its keys.
        Value::Map(map) => map.values().map(weight).sum(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
    };
    NODE + inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_ends_at_its_limit_and_is_refused_once() {
        let mut growth = Growth::of(1 << 20);
        assert!(growth.take(FREE));
        assert!(growth.take(PER_BYTE << 20));
        assert!(!growth.take(1));
        let refused = growth.refusal("aliases", "x", Span::default()).expect("told");
        assert_eq!(refused.message, "the project grows by more than 64 MiB through aliases");
        assert!(growth.refusal("aliases", "x", Span::default()).is_none());
        growth.read(1000);
        assert!(!growth.take(1), "what was refused stays refused");
    }

    #[test]
    fn a_node_weighs_what_its_copy_takes() {
        let text = Node::string("12345", Span::default());
        assert_eq!(weight(&text), NODE + 5);
        assert_eq!(weight(&Node::new(Value::List(vec![text.clone(), text]), Span::default())), 3 * NODE + 10);
    }
}
