//! Where projects come from.

mod across;
mod clashes;
mod confined;
pub mod discover;
mod disk;
mod git_index;
mod host;
mod load;
mod nested;
mod options;
mod unit;
mod work;

pub use across::Claims;
pub use confined::Confined;
pub use disk::Disk;
pub use git_index::GitIndex;
pub use host::{Host, HostSource, read_host};
pub use load::{LoadedSource, LoadedStack, load_source};
pub use options::{ProjectFlags, SourceRequest};
