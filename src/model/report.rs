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

/// Whose fault the failure of a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The input's: the engine refuses it, or what runs by it dies or does not get healthy.
    Input,
    /// The engine's own: it answered with an internal error. Often, but not always, caused by the input.
    Engine,
    /// Nobody's that stays: the engine or a registry could not be reached, or did not answer in time.
    Outage,
    /// The run was told to stop.
    Interruption,
}

/// What executing a plan did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Outcome and duration of every step.
    pub outcomes: BTreeMap<StepId, (Outcome, Duration)>,
    /// Whose fault it is, for each step that failed.
    pub blames: BTreeMap<StepId, Blame>,
}

impl Report {
    /// Whether every step succeeded.
    pub fn is_success(&self) -> bool {
        self.outcomes.values().all(|(outcome, _)| outcome.is_success())
    }
}

/// What a container left behind: asked for when a step about it failed, before it is taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastWords {
    /// Exit code, if it ended (or is about to be started again).
    pub exit_code: Option<i64>,
    /// Whether it was killed for want of memory.
    pub oom_killed: bool,
    /// The end of its output, as it wrote it.
    pub output: String,
    /// Why its output cannot be read, if it cannot.
    pub unreadable: Option<String>,
    /// Output of its last health check, if that failed.
    pub health: Option<String>,
}

/// Why a service did not come to be what it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// Its stack.
    pub stack: String,
    /// The service.
    pub service: String,
    /// The step that failed.
    pub step: StepId,
    /// The container that the step was about; empty if it was about none.
    pub container: String,
    /// Why, secrets masked.
    pub reason: String,
    /// Exit code of the container, if it ended.
    pub exit_code: Option<i64>,
    /// Whether it was killed for want of memory.
    pub oom_killed: bool,
    /// Its last lines, secrets masked.
    pub logs: Vec<String>,
    /// Why there are none, if they cannot be read.
    pub unreadable: Option<String>,
    /// Output of its last health check, if that failed, secrets masked.
    pub health: Option<String>,
}

/// What became of a service in a run. The words are those of `--format json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It was changed as planned.
    Applied,
    /// It was as it should be.
    Unchanged,
    /// Its change failed and was taken back: what served before serves again.
    RolledBack,
    /// Its change failed, and there was nothing to take back, or that failed too.
    Failed,
    /// Its change was held back by the plan.
    Blocked,
    /// Its stack may not be changed now.
    Waiting,
    /// Its change was not tried, because something else failed.
    Skipped,
    /// Its change failed in an earlier run and is not tried again.
    Quarantined,
    /// Another process was at work on its stack.
    Locked,
}

impl Fate {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Skipped => "skipped",
            Self::Quarantined => "quarantined",
            Self::Locked => "locked",
        }
    }

    /// Whether the service is as its owner wants it: as its source says, or waiting as it was told to.
    pub const fn is_fine(self) -> bool {
        matches!(self, Self::Applied | Self::Unchanged | Self::Waiting)
    }
}

/// What became of a service, and why if it is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceResult {
    /// What.
    pub fate: Fate,
    /// Why; empty where all is well.
    pub reason: String,
}

/// What became of all services, by stack and key.
pub type Results = BTreeMap<String, BTreeMap<String, ServiceResult>>;
