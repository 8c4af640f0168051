//! Where projects come from.

mod across;
mod clashes;
mod confined;
pub mod discover;
mod disk;
pub mod git;
mod git_index;
mod host;
mod load;
pub mod mounted;
mod nested;
mod options;
mod unit;
mod work;

pub use across::Claims;
pub use confined::Confined;
pub use disk::Disk;
pub use git_index::GitIndex;
pub use host::{Host, HostSource, Origin, read_host};
pub use load::{LoadedSource, LoadedStack, load_source};
pub use options::{ProjectFlags, SourceRequest};
