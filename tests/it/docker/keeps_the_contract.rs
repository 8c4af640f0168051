//! The contract that the simulated engine keeps, on a real one.

use super::{IMAGE, Lab};
use crate::contract::{self, Ground};
use reconcile::engine::docker::DockerEngine;

struct Real(Lab);

impl Ground for Real {
    type Engine = DockerEngine;

    fn engine(&self) -> &DockerEngine {
        &self.0.engine
    }

    fn image(&self) -> &'static str {
        IMAGE
    }

    fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// `registry.rs` pulls from a registry of its own; the contract's image is only local.
    fn can_pull(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_engine_keeps_the_contract() {
    let Some(lab) = Lab::start().await else { return };
    contract::all(&Real(lab)).await;
}
