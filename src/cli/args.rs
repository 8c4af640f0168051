//! The command line's grammar.

use crate::model::units::Nanos;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

/// Makes a Docker engine match a directory or git repository of Compose projects, and changes only what changed.
///
/// SOURCE is a compose file, a directory with one, or a tree in which every directory with a compose file is a stack; or
/// the address of a git repository that holds such a tree.
/// Volumes always stay.
#[derive(Debug, Parser)]
#[command(name = "reconcile", version, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Another thing to do than applying.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What applying takes.
    #[command(flatten)]
    pub apply: ApplyArgs,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The commands besides applying.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the canonical project(s), as `docker compose config` does
    Render(RenderArgs),
    /// Carry out a plan that `--dry-run --out FILE` saved, or refuse if anything moved since
    Apply(SavedArgs),
    /// Make the plan of a record again, without engine and source
    Plan(PlanArgs),
    /// Follow a directory: apply what changes in it, and mend what changes on the engine
    Watch(WatchArgs),
    /// Load and check everything without an engine
    Validate(SourceArgs),
    /// Show stacks and services: state, health, and whether they are in sync
    Status(SourceArgs),
    /// Say what a stack or service is now, what brought it there, and what would be done with it and why
    Explain(ExplainArgs),
    /// Show what was deployed, when, and what came of it
    History(HistoryArgs),
    /// Bring a stack to an earlier revision of its git repository, and leave it so until `resume`
    Rollback(RollbackArgs),
    /// Leave a stack as it is until `resume`: what changes in its files waits
    Suspend(SuspendArgs),
    /// Let a stack be changed again
    Resume(ResumeArgs),
    /// Run a job that runs at times once now, and wait for its end
    Run(RunArgs),
    /// Stop and remove a stack's containers and networks; its volumes stay
    Down(DownArgs),
    /// Alerts: try where they go
    Notify(NotifyArgs),
    /// Print a JSON schema of the settings, for editors
    Schema(SchemaArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Write the manual pages into a directory
    Man(ManArgs),
    /// What the program starts to talk to git repositories
    #[command(name = "__git", hide = true)]
    Git,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// Engine address (unix://, tcp://, ssh://); default: DOCKER_HOST, then the current Docker context
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// Settings of the host, which name the sources [default: ./reconcile.yaml, /etc/reconcile/reconcile.yaml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to keep what was fetched, and the history [default: `state_dir` of the settings, /var/lib/reconcile,
    /// ~/.local/state/reconcile]
    #[arg(long, global = true, value_name = "DIR", env = "RECONCILE_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// The same directory as the engine's host has it, if this runs in a container
    #[arg(long, global = true, value_name = "DIR")]
    pub host_state_dir: Option<PathBuf>,
    /// How to print the result
    #[arg(long, global = true, value_enum)]
    pub format: Option<Format>,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Print nothing but changes and failures
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Where the desired state comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct SourceArgs {
    /// A directory, a compose file, or the address of a git repository [default: the sources of reconcile.yaml, else the
    /// current directory]
    #[arg(value_name = "SOURCE")]
    pub source: Option<PathBuf>,
    /// Branch, tag or commit of a git repository, in place of the one that is followed
    #[arg(long, value_name = "REF")]
    pub rev: Option<String>,
    /// Only these stacks
    #[arg(long = "stack", value_name = "NAME")]
    pub stacks: Vec<String>,
    /// Compose file of a single project (repeatable, later ones override)
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<String>,
    /// Name of a single project
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// Directory that relative paths of a single project start from
    #[arg(long, value_name = "DIR")]
    pub project_directory: Option<String>,
    /// Env file in place of `.env` (repeatable)
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<String>,
    /// Profile to enable (repeatable)
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,
}

/// What applying takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct ApplyArgs {
    /// Where the desired state comes from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Show what would change and why; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Save the plan, for `reconcile apply FILE` to carry out exactly it
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub out: Option<PathBuf>,
    /// Write what a bug report needs into a new directory, without secrets
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Exit with 0 for nothing to do, 2 for changes, 1 for an error
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Engine calls in flight at most [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallel: Option<u16>,
    /// Try again what failed before and was rolled back: everything, or these stacks and services
    #[arg(long, value_name = "STACK[/SERVICE]", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub retry: Vec<String>,
    /// How long to wait for another process that works on the same stacks; 0s is not at all [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = patience)]
    pub lock_timeout: Option<Nanos>,
    /// Leave stacks that are gone from the source as they are
    #[arg(long)]
    pub no_prune: bool,
    /// Remove stacks that are gone from the source even if they are most of them
    #[arg(long, conflicts_with = "no_prune")]
    pub allow_mass_removal: bool,
    /// Apply what waits for its deploy window, too
    #[arg(long)]
    pub now: bool,
    /// Look into every container, too, with one request for each: only so a run sees what `docker update` changed
    #[arg(long)]
    pub inspect: bool,
}

/// What `plan` takes.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The directory that `--record DIR` wrote
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
}

/// What `explain` takes.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// Name of the stack, or of one of its services
    #[arg(value_name = "STACK[/SERVICE]")]
    pub name: String,
    /// Where the desired state comes from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// What `apply` takes.
#[derive(Debug, Clone, Args)]
pub struct SavedArgs {
    /// The saved plan
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Exit with 0 for nothing to do, 2 for changes, 1 for an error, 4 for a stale plan
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Engine calls in flight at most [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallel: Option<u16>,
    /// How long to wait for another process that works on the same stacks; 0s is not at all [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = patience)]
    pub lock_timeout: Option<Nanos>,
}

/// What `watch` takes.
#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    /// Where the desired state comes from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Time between two looks without any other reason for one, where the settings of a source say nothing
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub interval: Nanos,
    /// Engine calls in flight at most: those that make it work over all stacks, others for stacks that depend on each other [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallel: Option<u16>,
    /// How long to wait for another process that works on the same stacks; after that they are tried again later [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = patience)]
    pub lock_timeout: Option<Nanos>,
    /// Leave stacks that are gone from the source as they are
    #[arg(long)]
    pub no_prune: bool,
}

fn job(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('/').filter(|(stack, service)| !stack.is_empty() && !service.is_empty());
    let (stack, service) = parts.ok_or("write the stack, a slash and the service, such as shop/backup")?;
    Ok((stack.to_owned(), service.to_owned()))
}

fn patience(text: &str) -> Result<Nanos, String> {
    Nanos::parse(text).map_err(|_| "not a time such as 30s or 5m".to_owned())
}

fn duration(text: &str) -> Result<Nanos, String> {
    let time = Nanos::parse(text).map_err(|_| "not a time such as 30s or 5m".to_owned())?;
    if time.0 >= 1_000_000_000 { Ok(time) } else { Err("at least 1s".to_owned()) }
}

/// What `render` takes.
#[derive(Debug, Clone, Args)]
pub struct RenderArgs {
    /// Where the desired state comes from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// What `down` takes.
#[derive(Debug, Clone, Args)]
pub struct DownArgs {
    /// Name of the stack
    #[arg(value_name = "STACK")]
    pub stack: String,
    /// Show what would be removed; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for another process that works on the stack; 0s is not at all [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = patience)]
    pub lock_timeout: Option<Nanos>,
}

/// What `notify` takes.
#[derive(Debug, Clone, Args)]
pub struct NotifyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: NotifyCommand,
}

/// What can be done about alerts.
#[derive(Debug, Clone, Subcommand)]
pub enum NotifyCommand {
    /// Send a test message to every sink of the settings, or to one, and say what each answers
    Test {
        /// Name of the sink
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

/// What `completions` takes.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// What `man` takes.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// The directory, which is there
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

/// What `history` takes.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// Name of a stack [default: all stacks]
    #[arg(value_name = "STACK")]
    pub stack: Option<String>,
    /// Number of a deployment of it: shows everything about that one
    #[arg(value_name = "NUMBER")]
    pub number: Option<u64>,
    /// How many deployments to list at most, 0 is all [default: 20 of all stacks, all of one]
    #[arg(long, value_name = "N", conflicts_with = "number")]
    pub limit: Option<usize>,
}

/// What `rollback` takes.
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// Name of the stack
    #[arg(value_name = "STACK")]
    pub stack: String,
    /// A number of `reconcile history STACK`, a commit, a branch or a tag [default: the last commit that was applied before the
    /// present one]
    #[arg(value_name = "REVISION")]
    pub revision: Option<String>,
    /// The address of a git repository [default: the source of reconcile.yaml that has the stack]
    #[arg(value_name = "SOURCE")]
    pub source: Option<PathBuf>,
    /// Show what would change and why; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for another process that works on the stack; 0s is not at all [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = patience)]
    pub lock_timeout: Option<Nanos>,
}

/// What `suspend` takes.
#[derive(Debug, Clone, Args)]
pub struct SuspendArgs {
    /// Name of the stack
    #[arg(value_name = "STACK")]
    pub stack: String,
    /// Why; shown by plans and by `status`
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// For how long, such as 2h; else until `resume`
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub period: Option<Nanos>,
}

/// What `resume` takes.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Name of the stack
    #[arg(value_name = "STACK")]
    pub stack: String,
}

/// What `run` takes.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The job, by its stack and service
    #[arg(value_name = "STACK/SERVICE", value_parser = job)]
    pub job: (String, String),
    /// Begin the run, and do not wait for its end
    #[arg(long, short)]
    pub detach: bool,
    /// How long to wait for another process that works on the same stack; 0s is not at all [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = patience)]
    pub lock_timeout: Option<Nanos>,
}

/// What `schema` takes.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// What the schema is about
    #[arg(value_enum, value_name = "WHAT", default_value_t = SchemaOf::Stack)]
    pub of: SchemaOf,
}

/// What a schema is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A `.reconcile.yaml`
    Stack,
    /// The `x-reconcile:` block of a service
    Service,
    /// The `x-reconcile:` blocks of a compose file, at its top and in its services
    Compose,
    /// A `reconcile.yaml`
    Host,
}

/// How to print a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// YAML (`render` only, and its default).
    Yaml,
    /// Markdown for a comment under a pull request (`--dry-run` only).
    Markdown,
    /// JSON.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
