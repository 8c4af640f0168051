//! The simulated engine with answers that take their time, and a program that is killed at a set call.

use super::random::Random;
use reconcile::engine::sim::SimEngine;
use reconcile::engine::{Engine, EngineError, Observe, ObserveRequest, Progress};
use reconcile::model::inspected::LookInto;
use reconcile::model::observed::ObservedState;
use reconcile::model::report::{LastWords, Outcome};
use reconcile::model::step::{Action, ContainerRef};
use std::future::pending;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The longest that a request or an answer is on its way.
const LONGEST: usize = 50;

/// When the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// As the call of this number, from 1, arrives: the engine does not hear it.
    Before(usize),
    /// After it was done: the answer is heard by nobody.
    After(usize),
}

/// See the module.
pub struct SlowEngine<'a> {
    sim: &'a SimEngine,
    random: Mutex<Random>,
    kill: Option<Kill>,
    /// Rings when the program is to be killed.
    pub killed: Notify,
}

impl<'a> SlowEngine<'a> {
    /// Calls are counted from now on.
    pub fn new(sim: &'a SimEngine, random: Random, kill: Option<Kill>) -> Self {
        sim.world().calls = 0;
        Self { sim, random: Mutex::new(random), kill, killed: Notify::new() }
    }

    async fn on_the_way(&self) {
        let drawn = self.random.lock().unwrap_or_else(PoisonError::into_inner).below(LONGEST);
        tokio::time::sleep(Duration::from_millis(drawn as u64)).await;
    }

    async fn die(&self) {
        self.killed.notify_one();
        pending::<()>().await;
    }
}

impl Observe for SlowEngine<'_> {
    async fn observe(&self, request: &ObserveRequest) -> Result<ObservedState, EngineError> {
        self.sim.observe(request).await
    }

    async fn environments(&self, ids: &[String], observed: &mut ObservedState) -> Result<(), EngineError> {
        self.sim.environments(ids, observed).await
    }

    async fn look_into(&self, wanted: &[LookInto], observed: &mut ObservedState) -> Result<(), EngineError> {
        self.sim.look_into(wanted, observed).await
    }

    async fn last_words(&self, container: &ContainerRef) -> Result<LastWords, EngineError> {
        self.sim.last_words(container).await
    }
}

impl Engine for SlowEngine<'_> {
    async fn perform(&self, action: &Action, _: &dyn Progress) -> Result<Outcome, EngineError> {
        self.on_the_way().await;
        let call = self.sim.world().calls + 1;
        if self.kill == Some(Kill::Before(call)) {
            self.die().await;
        }
        let result = self.sim.apply(action);
        if self.kill == Some(Kill::After(call)) {
            self.die().await;
        }
        self.on_the_way().await;
        result
    }
}
