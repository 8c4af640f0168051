//! What executing a plan did.

use super::step::StepId;
use std::collections::BTreeMap;
use std::time::Duration;

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It had been done already.
    AlreadyDone,
    /// It was done, and there is something to know.
    DoneWithWarning(String),
    /// It failed.
    Failed(String),
    /// It was not tried, because this step failed or was skipped.
    Skipped {
        /// The step at fault.
        because: StepId,
    },
}

impl Outcome {
    /// Whether steps after it may go on.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Done | Self::AlreadyDone | Self::DoneWithWarning(_))
    }
}

/// What executing a plan did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Outcome and duration of every step.
    pub outcomes: BTreeMap<StepId, (Outcome, Duration)>,
}

impl Report {
    /// Whether every step succeeded.
    pub fn is_success(&self) -> bool {
        self.outcomes.values().all(|(outcome, _)| outcome.is_success())
    }
}
