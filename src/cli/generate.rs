//! `reconcile completions SHELL` and `reconcile man DIR`: what a package installs beside the program.

use super::args::{Cli, CommonArgs, CompletionsArgs, ManArgs};
use super::exit::Exit;
use super::output::Output;
use clap::CommandFactory;

/// Prints the completions of a shell.
pub fn completions(args: &CompletionsArgs, common: &CommonArgs) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "reconcile", &mut text);
    Output::new(common).result(&String::from_utf8_lossy(&text));
    Exit::Success
}

/// Writes a manual page for the program and each of its commands.
pub fn man(args: &ManArgs, common: &CommonArgs) -> Exit {
    match clap_mangen::generate_to(Cli::command(), &args.directory) {
        Ok(()) => Exit::Success,
        Err(error) => {
            let hint = "give a directory that is there and can be written to";
            let message = format!("cannot write the manual into {}: {error}", args.directory.display());
            Output::new(common).error(&message, Some(hint));
            Exit::Failure
        }
    }
}
