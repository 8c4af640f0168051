//! `reconcile`: makes a Docker engine match a directory of Compose projects, and changes only what changed.
//!
//! The way through the house is one-directional: `source` finds stacks, `compose` loads them into a
//! desired state, `engine` observes, `plan` decides (pure), `execute` acts, `cli` prints.
//! `docs/architecture.md` tells which room may use which.

pub mod cli;
pub mod compose;
pub mod cycle;
pub mod daemon;
pub mod engine;
pub mod execute;
pub mod history;
pub mod http;
pub mod locks;
pub mod model;
pub mod plan;
pub mod sinks;
pub mod source;
mod telemetry;
mod wire;
