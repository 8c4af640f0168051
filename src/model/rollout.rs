//! How the containers of a service are replaced. Nothing of it shapes a container, so nothing of it is hashed.

use super::units::Nanos;
use serde::{Deserialize, Serialize};

/// Which of the old and the new container gives way first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Order {
    /// The old one stops, then the new one starts.
    #[default]
    StopFirst,
    /// The new one is up beside the old one before that stops.
    StartFirst,
}

/// What happens when more replacements fail than are tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FailureAction {
    /// All replicas go back to their old containers.
    #[default]
    Rollback,
    /// No further replica is touched; those that were replaced stay so.
    Pause,
    /// The other replicas are replaced all the same.
    Continue,
}

/// What makes a new container count as up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitFor {
    /// Its health check passes.
    Healthy,
    /// It has run for a while.
    Running,
}

macro_rules! words {
    ($type:ident: $($word:literal => $variant:ident),* $(,)?) => {
        impl $type {
            /// The words in files.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Reads a word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub(super) use words;

words!(Order: "stop-first" => StopFirst, "start-first" => StartFirst);
words!(FailureAction: "rollback" => Rollback, "pause" => Pause, "continue" => Continue);
words!(WaitFor: "healthy" => Healthy, "running" => Running);

/// How replicas follow each other, on the way forward or back: what `deploy.update_config` and
/// `deploy.rollback_config` say on a Swarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Which container gives way first.
    pub order: Order,
    /// Replicas replaced at a time; 0 is all.
    pub parallelism: u32,
    /// Time between one batch and the next.
    pub delay: Nanos,
    /// How long a new container must hold after it is up; `None` is the default of the program.
    pub monitor: Option<Nanos>,
    /// What happens when too many fail.
    pub failure_action: FailureAction,
    /// Share of the replicas, 0 to 1, that may fail before `failure_action` is taken.
    pub max_failure_ratio: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            order: Order::StopFirst,
            parallelism: 1,
            delay: Nanos(0),
            monitor: None,
            failure_action: FailureAction::Rollback,
            max_failure_ratio: 0.0,
        }
    }
}

impl Pace {
    /// Replicas in one batch; at least 1.
    pub fn batch(&self) -> usize {
        match self.parallelism {
            0 => usize::MAX,
            count => usize::try_from(count).unwrap_or(usize::MAX),
        }
    }

    /// How many of `total` replacements may fail before the next one is held up.
    pub fn tolerated(&self, total: usize) -> usize {
        if self.failure_action == FailureAction::Continue {
            return total;
        }
        // The share is a decimal number: 0.29 of 100 must be 29.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "replicas are few, and the share lies between 0 and 1"
        )]
        let share = (self.max_failure_ratio.clamp(0.0, 1.0) * total as f64 + 1e-9) as usize;
        share.min(total)
    }
}

/// How the containers of a service are replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// The way forward.
    pub update: Pace,
    /// The way back.
    pub rollback: Pace,
    /// What counts as up; `None` is its health check if the service itself has one, else running.
    pub wait: Option<WaitFor>,
    /// How long a container must run where no health check is awaited; `None` is the default of the program.
    pub running_for: Option<Nanos>,
    /// How long the health check may take to pass; `None` is what the service's other waits take.
    pub timeout: Option<Nanos>,
    /// The owner agreed that the old and the new container may write to the same volumes at once.
    pub share_volumes: bool,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            update: Pace::default(),
            // A way back that fails as well leaves what serves alone.
            rollback: Pace { failure_action: FailureAction::Pause, ..Pace::default() },
            wait: None,
            running_for: None,
            timeout: None,
            share_volumes: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FailureAction, Order, Pace};

    #[test]
    fn a_share_is_rounded_down_to_whole_replicas() {
        let tolerated = |ratio, total| Pace { max_failure_ratio: ratio, ..Pace::default() }.tolerated(total);
        for (ratio, total, expected) in [(0.0, 10, 0), (0.29, 100, 29), (0.5, 3, 1), (1.0, 4, 4), (7.0, 2, 2)]
        {
            assert_eq!(tolerated(ratio, total), expected, "{ratio} of {total}");
        }
        let goes_on = Pace { failure_action: FailureAction::Continue, ..Pace::default() };
        assert_eq!(goes_on.tolerated(5), 5);
    }

    #[test]
    fn words_are_those_of_compose() {
        assert_eq!(Order::parse("start-first"), Some(Order::StartFirst));
        assert_eq!(FailureAction::parse("resume"), None);
        assert_eq!(FailureAction::WORDS, ["rollback", "pause", "continue"]);
    }
}
