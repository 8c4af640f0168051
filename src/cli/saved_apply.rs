//! `reconcile apply FILE`: carries out a saved plan, or refuses.

use super::apply::{Mode, run_in};
use super::args::{ApplyArgs, CommonArgs, SavedArgs};
use super::exit::Exit;
use super::output::Output;
use super::saved::SavedPlan;

/// Carries it out if the plan made anew is the same.
pub fn run(args: &SavedArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let saved = match SavedPlan::read(&args.file) {
        Ok(saved) => saved,
        Err((error, hint)) => {
            output.error(&format!("{error}; nothing was changed"), Some(hint));
            return Exit::Failure;
        }
    };
    let own = ApplyArgs {
        detailed_exitcode: args.detailed_exitcode,
        parallel: args.parallel,
        lock_timeout: args.lock_timeout,
        ..ApplyArgs::default()
    };
    let (args, common) = saved.arguments.restore(&own, common);
    run_in(&args, &common, &Mode { expected: Some(&saved), keeps: None, records: None })
}
