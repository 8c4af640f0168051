//! The history of deployments: what each run was, the files that keep it, and which revision to go back to.
//!
//! It is for people. Its loss changes nothing that the program does, except that a rollback has to be told where to.

mod choose;
mod note;
mod shown;
mod store;

pub use choose::{Choice, choose};
pub use note::{Run, deployments};
pub use shown::ShownDeployment;
pub use store::Store;
