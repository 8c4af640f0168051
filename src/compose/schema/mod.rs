//! The check of a merged project against the Compose schema, which is the table of [`attributes`](super::attributes).

mod check;
mod hint;
mod nearest;
mod plain;

use super::attributes::PROJECT;
use super::attributes::shape::Shape;
use super::node::Node;
pub use check::Violation;
pub use nearest::nearest;
pub(in crate::compose) use plain::wrong_kind;

/// Checks the merged tree; gives every violation, the one that the reference would tell first.
pub fn check(root: &Node) -> Vec<Violation> {
    let shape = Shape::Object { object: &PROJECT, or: &[] };
    let mut found = check::Checker::default().check(&shape, root);
    // The reference tells the deepest; the sort keeps document order among equals.
    found.sort_by_key(|violation| std::cmp::Reverse(violation.depth));
    found
}

#[cfg(test)]
mod tests;
