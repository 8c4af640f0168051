//! The check of a merged project against the Compose schema. Reference: docker compose 2.40 with the schema of
//! compose-go 2.9.1; the table is ours ([`PROJECT`]), one row per attribute.

mod check;
mod hint;
mod nearest;
mod parts;
mod sections;
mod service;
pub mod shape;

use super::diagnostic::Diagnostic;
use super::node::Node;
pub use nearest::nearest;
pub use sections::PROJECT;
pub use service::SERVICE;

/// Checks the merged tree; pushes every violation, the one that the reference would tell first.
///
/// Each has the path with the index of list elements (`services.a.ports.0`; empty at the top), the place of the
/// node or key, and a hint where one is known. The message is what follows `validating FILE: PATH ` there.
pub fn check(root: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let shape = shape::Shape::Object { object: &PROJECT, or: &[] };
    let mut found = check::Checker::default().check(&shape, root);
    // The reference tells the deepest; the sort keeps document order among equals.
    found.sort_by_key(|violation| std::cmp::Reverse(violation.depth));
    diagnostics.extend(found.into_iter().map(|violation| violation.diagnostic));
}

#[cfg(test)]
mod tests;
