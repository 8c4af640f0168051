//! Where projects come from.

mod clashes;
mod confined;
pub mod discover;
mod disk;
mod git_index;
mod load;
mod nested;
mod options;
mod unit;
mod work;

pub use confined::Confined;
pub use disk::Disk;
pub use git_index::GitIndex;
pub use load::{LoadedSource, LoadedStack, load_source};
pub use options::{ProjectFlags, SourceRequest};
