//! What a command's end means to a script.

use crate::model::report::{Fate, Results};
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is as it should be: 0.
    Success,
    /// With `--detailed-exitcode`: there are, or were, changes: 2.
    Changes,
    /// Some services were done, or serve as before, and others were not: 3.
    Partly,
    /// Nothing was done: 1.
    Failure,
    /// Nothing was done, since the world is no more the one that the plan was made for: 4.
    Stale,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Changes => Self::from(2),
            Exit::Partly => Self::from(3),
            Exit::Stale => Self::from(4),
        }
    }
}

impl Exit {
    /// The end of two runs, of which neither stands for the other.
    #[must_use]
    pub fn and(self, other: Self, detailed: bool) -> Self {
        let is_bad = |exit| matches!(exit, Self::Partly | Self::Failure | Self::Stale);
        match (self == other, is_bad(self) || is_bad(other)) {
            (true, _) => self,
            (false, true) => {
                if detailed {
                    Self::Failure
                } else {
                    Self::Partly
                }
            }
            (false, false) => Self::Changes,
        }
    }
}

/// What a run found and did, as far as the exit code is concerned.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Not all is as it should be: a stack did not load, a step did not succeed, a change was rolled back or held back.
    pub failed: bool,
    /// Something is all right, or goes on as it was: a service that was applied or left as it is, one whose change was
    /// rolled back or held back.
    pub succeeded: bool,
    /// Something changes or changed.
    pub changed: bool,
}

impl Tally {
    /// Of services, by what became of them.
    pub fn of(results: &Results) -> Self {
        let fates = || results.values().flat_map(|services| services.values()).map(|result| result.fate);
        Self {
            failed: fates().any(|fate| !fate.is_fine()),
            succeeded: fates().any(|fate| !matches!(fate, Fate::Failed | Fate::Skipped)),
            changed: fates().any(|fate| fate == Fate::Applied),
        }
    }

    /// The exit code's meaning.
    pub const fn exit(self, detailed: bool) -> Exit {
        match (self.failed, detailed) {
            (true, false) if self.succeeded => Exit::Partly,
            (true, _) => Exit::Failure,
            (false, true) if self.changed => Exit::Changes,
            (false, _) => Exit::Success,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Tally};
    use crate::model::report::{Fate, Results, ServiceResult};

    #[test]
    fn exit_codes_mean_what_the_manual_says() {
        let tally = |failed, succeeded, changed| Tally { failed, succeeded, changed };
        assert_eq!(tally(false, true, true).exit(false), Exit::Success);
        assert_eq!(tally(false, true, true).exit(true), Exit::Changes);
        assert_eq!(tally(false, true, false).exit(true), Exit::Success);
        assert_eq!(tally(true, true, true).exit(false), Exit::Partly);
        assert_eq!(tally(true, true, true).exit(true), Exit::Failure);
        assert_eq!(tally(true, false, false).exit(false), Exit::Failure);
    }

    #[test]
    fn of_two_runs_the_one_that_failed_is_told() {
        assert_eq!(Exit::Success.and(Exit::Failure, false), Exit::Partly);
        assert_eq!(Exit::Success.and(Exit::Failure, true), Exit::Failure);
        assert_eq!(Exit::Failure.and(Exit::Failure, false), Exit::Failure);
        assert_eq!(Exit::Changes.and(Exit::Success, true), Exit::Changes);
        assert_eq!(Exit::Success.and(Exit::Success, false), Exit::Success);
    }

    #[test]
    fn a_service_that_serves_as_before_makes_it_partly_done() {
        let exit = |fates: &[Fate]| {
            let results = fates.iter().enumerate().map(|(number, fate)| {
                (number.to_string(), ServiceResult { fate: *fate, reason: String::new() })
            });
            Tally::of(&Results::from([("shop".to_owned(), results.collect())])).exit(false)
        };
        assert_eq!(exit(&[Fate::Applied, Fate::Unchanged]), Exit::Success);
        for fate in [Fate::RolledBack, Fate::Blocked, Fate::Quarantined, Fate::Locked] {
            assert_eq!(exit(&[fate]), Exit::Partly, "{fate:?}");
        }
        assert_eq!(exit(&[Fate::Failed, Fate::Skipped]), Exit::Failure);
        assert_eq!(exit(&[Fate::Failed, Fate::Unchanged]), Exit::Partly);
    }
}
