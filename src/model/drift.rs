//! What becomes of a service that somebody changed on the engine.

use super::rollout::words;
use serde::{Deserialize, Serialize};

/// What becomes of a service that somebody changed on the engine: stopped, paused, or took off a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Drift {
    /// It is put right.
    #[default]
    Heal,
    /// It is left so, and told.
    Warn,
    /// It is left so.
    Ignore,
}

words!(Drift: "heal" => Heal, "warn" => Warn, "ignore" => Ignore);
