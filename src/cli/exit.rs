//! What a command's end means to a script.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is as it should be: 0.
    Success,
    /// With `--detailed-exitcode`: there are, or were, changes: 2.
    Changes,
    /// Some stacks were done and others were not: 3.
    Partly,
    /// Nothing was done: 1.
    Failure,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Changes => Self::from(2),
            Exit::Partly => Self::from(3),
        }
    }
}

/// What a run found and did, as far as the exit code is concerned.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Something failed: a stack did not load, a step did not succeed, a change is blocked.
    pub failed: bool,
    /// Something is all right: a stack loaded (dry run) or came through.
    pub succeeded: bool,
    /// Something changes or changed.
    pub changed: bool,
}

impl Tally {
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
}
