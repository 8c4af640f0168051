//! Trying a call again whose failure was nobody's that stays: a registry that is down for a moment, an engine that is
//! restarted.

use super::Options;
use crate::engine::{Engine, EngineError, Progress};
use crate::model::report::{Blame, Outcome};
use crate::model::step::Action;
use std::time::Duration;

/// Pauses before the second try, the third, and so on. What takes longer to come back is for the next run.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Carries out an action, with further tries where they are sound and may help.
pub(super) async fn perform<E: Engine>(
    engine: &E,
    action: &Action,
    progress: &dyn Progress,
    options: &Options<'_>,
) -> Result<Outcome, EngineError> {
    for pause in PAUSES {
        match engine.perform(action, progress).await {
            Err(error) if may_repeat(action) && may_help(&error) => {
                progress.note(&format!("{error}; trying again"));
                // Spread by chance: many services may have failed at the same moment.
                let nap = pause.mul_f64(0.75 + (options.chance)().clamp(0.0, 1.0) / 2.0);
                let mut told = options.stop.clone();
                tokio::select! {
                    () = tokio::time::sleep(nap) => {}
                    Ok(_) = told.wait_for(|stop| *stop) => return Err(error),
                }
            }
            result => return result,
        }
    }
    engine.perform(action, progress).await
}

/// Whether doing it twice is doing it once. What runs commands or restarts is not repeated; waits see to outages
/// themselves.
const fn may_repeat(action: &Action) -> bool {
    matches!(
        action,
        Action::PullImage { .. }
            | Action::BuildImage(_)
            | Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::CreateVolume { .. }
            | Action::CreateContainer(_)
            | Action::CreateRun { .. }
            | Action::Mark { .. }
            | Action::ConnectNetwork { .. }
            | Action::UploadFiles { .. }
            | Action::StartContainer(_)
            | Action::UnpauseContainer(_)
            | Action::StopContainer { .. }
            | Action::RenameContainer { .. }
            | Action::RemoveContainer(_)
    )
}

/// Whether it may go otherwise in a moment. An engine that gave no answer for minutes was waited for long enough.
const fn may_help(error: &EngineError) -> bool {
    matches!(error.blame(), Blame::Outage) && !matches!(error, EngineError::NoAnswer { .. })
}
