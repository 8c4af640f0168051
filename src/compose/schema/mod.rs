//! The check of a merged project against the Compose schema.

mod nearest;

pub use nearest::nearest;
