//! Git repositories as sources.
//!
//! Whatever goes over a network runs in a child process ([`transport`], [`child`]), which leaves what it fetched in the
//! folder of the source ([`folder`]). From there on a commit is read from its objects ([`tree`]).

mod access;
mod address;
pub mod child;
mod folder;
mod follow;
mod known_hosts;
mod modules;
mod netrc;
mod protocol;
mod repository;
mod settings;
mod store;
mod transport;
mod tree;

pub use address::{Address, Scheme};
pub use folder::Folder;
pub(crate) use folder::replace;
pub use follow::Follower;
pub use protocol::{Access, Failure, Update, Wanted};
pub use repository::{Ask, GitSource};
pub use settings::GitSettings;
pub use store::is_commit_id;
pub use transport::Helper;
pub use tree::{Node, NodeKind, Place, Seen, Tree, look};
