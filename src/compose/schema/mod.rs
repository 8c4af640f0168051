//! The check of a merged project against the Compose schema. Reference: docker compose 2.40 with the schema of
//! compose-go 2.9.1; the table is ours ([`PROJECT`]), one row per attribute.

mod check;
mod hint;
mod nearest;
mod parts;
mod plain;
mod sections;
mod service;
pub mod shape;

use super::node::Node;
pub use check::Violation;
pub use nearest::nearest;
pub(in crate::compose) use plain::wrong_kind;
pub use sections::PROJECT;
pub use service::SERVICE;

/// Checks the merged tree; gives every violation, the one that the reference would tell first.
pub fn check(root: &Node) -> Vec<Violation> {
    let shape = shape::Shape::Object { object: &PROJECT, or: &[] };
    let mut found = check::Checker::default().check(&shape, root);
    // The reference tells the deepest; the sort keeps document order among equals.
    found.sort_by_key(|violation| std::cmp::Reverse(violation.depth));
    found
}

#[cfg(test)]
mod tests;
