//! The command line: the only room that prints.

mod alerts;
mod apply;
mod args;
mod carry;
mod cause_text;
mod config;
mod contents;
mod control;
mod deploy;
mod deputy;
pub mod diagnostics;
mod down;
mod engine;
mod excerpt;
mod exit;
mod explain;
mod generate;
mod git;
mod history;
mod http;
mod jobs;
mod locking;
mod masking;
mod memory;
mod notify;
mod output;
mod own_container;
mod places;
mod plan_json;
mod plan_markdown;
mod plan_text;
mod process;
mod progress;
mod record;
mod recording;
mod render;
mod report_json;
mod report_text;
mod rollback;
mod run;
mod running;
mod saved;
mod saved_apply;
mod schema;
mod source;
mod status;
mod suspend;
mod systemd;
mod validate;
mod watch;

use args::{ApplyArgs, Cli, Command, Format};
use clap::{CommandFactory, Parser};
use output::Output;
use std::process::ExitCode;

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    crate::telemetry::init(cli.common.verbose, std::env::var("RECONCILE_LOG").ok().as_deref());
    if let Some(error) = conflict(&cli) {
        return refuse(&error);
    }
    if let Err(error) = source::here() {
        Output::new(&cli.common).complain(&format!("error: {error}\n"));
        return ExitCode::FAILURE;
    }
    let exit = match &cli.command {
        None => apply::run(&cli.apply, &cli.common),
        Some(Command::Render(args)) => render::run(args, &cli.common),
        Some(Command::Validate(args)) => validate::run(args, &cli.common),
        Some(Command::Apply(args)) => saved_apply::run(args, &cli.common),
        Some(Command::Watch(args)) => watch::run(args, &cli.common),
        Some(Command::Status(args)) => status::run(args, &cli.common),
        Some(Command::Plan(args)) => replay(&args.from, &cli.common),
        Some(Command::Explain(args)) => explain::run(args, &cli.common),
        Some(Command::History(args)) => history::run(args, &cli.common),
        Some(Command::Rollback(args)) => rollback::run(args, &cli.common),
        Some(Command::Suspend(args)) => suspend::suspend(args, &cli.common),
        Some(Command::Resume(args)) => suspend::resume(args, &cli.common),
        Some(Command::Run(args)) => run::run(args, &cli.common),
        Some(Command::Down(args)) => down::run(args, &cli.common),
        Some(Command::Notify(args)) => notify::run(args, &cli.common),
        Some(Command::Schema(args)) => schema::run(args, &cli.common),
        Some(Command::Completions(args)) => generate::completions(args, &cli.common),
        Some(Command::Man(args)) => generate::man(args, &cli.common),
        Some(Command::Git) => git::run(),
    };
    exit.into()
}

/// Prints an error of the grammar, or the help that was asked for. Errors end with 1: 2 means that there are changes.
fn refuse(error: &clap::Error) -> ExitCode {
    // Nobody can be told if the terminal is gone.
    drop(error.print());
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Combinations that the grammar lets pass: options of applying before another command would be ignored.
fn conflict(cli: &Cli) -> Option<clap::Error> {
    let is_render = matches!(cli.command, Some(Command::Render(_)));
    let problem = if cli.command.is_some() && cli.apply != ApplyArgs::default() {
        "options of applying stand before another command; put the command's own options after its name"
    } else if cli.common.config.is_some()
        && matches!(
            cli.command,
            Some(
                Command::Render(_)
                    | Command::Apply(_)
                    | Command::Plan(_)
                    | Command::Suspend(_)
                    | Command::Resume(_)
                    | Command::Run(_)
                    | Command::Down(_)
                    | Command::Schema(_)
            )
        )
    {
        "--config is for applying, `watch`, `status`, `explain`, `history`, `rollback`, `validate` and `notify`"
    } else if cli.common.format == Some(Format::Markdown) && !is_dry_run(cli) {
        "--format markdown is for --dry-run"
    } else if cli.common.format == Some(Format::Yaml) && !is_render {
        "--format yaml is for `render` only"
    } else if cli.common.format == Some(Format::Text) && is_render {
        "`render` prints yaml or json"
    } else {
        return None;
    };
    Some(Cli::command().error(clap::error::ErrorKind::ArgumentConflict, problem))
}

/// Makes the plan of a record again.
fn replay(directory: &std::path::Path, common: &args::CommonArgs) -> exit::Exit {
    let output = Output::new(common);
    match recording::replay(directory) {
        Ok(text) => {
            output.result(&text);
            exit::Exit::Success
        }
        Err(error) => {
            let hint = "`reconcile --dry-run --record DIR` writes one";
            output.error(&format!("{} is no record: {error}", directory.display()), Some(hint));
            exit::Exit::Failure
        }
    }
}

/// Whether a plan is shown and nothing is done.
const fn is_dry_run(cli: &Cli) -> bool {
    match &cli.command {
        None => cli.apply.dry_run,
        Some(Command::Rollback(args)) => args.dry_run,
        Some(Command::Down(args)) => args.dry_run,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::args::Cli;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_source_and_a_command_are_told_apart() {
        let cli = Cli::parse_from(["reconcile", "--dry-run", "./stacks"]);
        assert!(cli.command.is_none() && cli.apply.dry_run);
        let cli = Cli::parse_from(["reconcile", "-v", "status", "./stacks"]);
        assert!(cli.command.is_some());
        assert_eq!(cli.common.verbose, 1);
    }
}
