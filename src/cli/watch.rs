//! `reconcile watch`: follows a directory until told to stop.

use super::args::{CommonArgs, WatchArgs};
use super::engine::{block_on, connect, now};
use super::exit::Exit;
use super::output::{BOLD, Output};
use super::progress::Printer;
use super::source::{environment, load, print_diagnostics, secret_file};
use super::{apply, locking, plan_text, process, report_text};
use crate::cycle::Applied;
use crate::daemon::queue::{Timing, Trigger};
use crate::daemon::{self, Listener, Source, Surroundings};
use crate::engine::EngineError;
use crate::engine::docker::DockerEngine;
use crate::execute::Events;
use crate::model::lock::Held;
use crate::model::report::Outcome;
use crate::model::step::{Plan, Step};
use crate::plan::Policy;
use crate::source::LoadedSource;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// The longest time between two tries to reach the engine at the start.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Follows the source.
pub fn run(args: &WatchArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common).journal();
    let environment = environment();
    block_on(output, async {
        let Some(engine) = reach(common, &environment, output).await? else { return Ok(Exit::Success) };
        let (tell, stop) = watch::channel(false);
        let (request, triggers) = mpsc::unbounded_channel();
        let directory = args.source.source.clone().unwrap_or_else(|| PathBuf::from("."));
        let changed = request.clone();
        let watched = daemon::files::watch(&directory, move || {
            // Nobody listens only when the daemon ends.
            let _ = changed.send(Trigger::Files);
        });
        match &watched {
            Ok(watched) => {
                if let Some(reason) = &watched.polls {
                    output.complain(&format!(
                        "{} is read through every 10 s, since it cannot be watched: {reason}\n",
                        directory.display()
                    ));
                }
            }
            Err(error) => output.complain(&format!("{error}; it is looked at every {:?}\n", args.interval)),
        }
        let policy = Policy { prune: !args.no_prune, ..Policy::default() };
        let source_args = args.source.clone();
        let source = Source {
            name: directory.display().to_string(),
            load: Arc::new(move || load(&source_args, &environment)),
            secret: secret_file,
            policy,
            timing: Timing { interval: args.interval.to_std(), ..Timing::default() },
            parallel: args.parallel.unwrap_or(apply::PARALLEL).into(),
            patience: locking::patience(args.lock_timeout),
        };
        let patience = source.patience;
        let listener = Arc::new(Log { output, steps: Printer::new(output, 0), patience });
        let surroundings =
            Surroundings { now, chance: locking::chance, holder: process::holder, is_gone: process::is_gone };
        let work = daemon::follow(engine, source, listener, surroundings, triggers, stop);
        tokio::pin!(work);
        let mut hangup = signal(SignalKind::hangup()).ok();
        let ended = apply::interrupted();
        tokio::pin!(ended);
        loop {
            tokio::select! {
                () = &mut work => break,
                () = wait_for(&mut hangup) => {
                    let _ = request.send(Trigger::Request);
                }
                () = &mut ended, if !*tell.borrow() => {
                    output.complain("stopping: what is under way is brought to a good end first\n");
                    tell.send_replace(true);
                }
            }
        }
        Ok(Exit::Success)
    })
}

async fn wait_for(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Connects, however long that takes: the machine may have started just now. `None` if told to stop before.
async fn reach(
    common: &CommonArgs,
    environment: &BTreeMap<String, String>,
    output: Output,
) -> Result<Option<DockerEngine>, EngineError> {
    let mut wait = Duration::from_secs(1);
    let ended = apply::interrupted();
    tokio::pin!(ended);
    loop {
        match connect(common.host.as_deref(), environment).await {
            Ok(engine) => return Ok(Some(engine)),
            Err(error @ EngineError::Unreachable { .. }) => {
                output.complain(&format!("{error}; trying again in {} s\n", wait.as_secs()));
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = &mut ended => return Ok(None),
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Writes what the daemon does, for a journal.
struct Log {
    output: Output,
    steps: Printer,
    /// How long locks are waited for.
    patience: Duration,
}

impl Listener for Log {
    fn looks(&self, source: &str, trigger: Trigger) {
        tracing::debug!(source, trigger = trigger.as_str(), "looking");
    }

    fn loaded(&self, source: &str, loaded: &LoadedSource) {
        let revision = loaded.desired.revision.get(..12).unwrap_or(&loaded.desired.revision);
        let stacks = loaded.desired.stacks.len();
        self.output.talk(&format!("{BOLD}{source}{BOLD:#} at {revision}: {stacks} stacks\n"));
        print_diagnostics(loaded, self.output);
    }

    fn unreachable(&self, source: &str, error: &EngineError) {
        self.output.complain(&format!("{source}: {error}\n"));
    }

    fn waits(&self, _: &str, held: &Held) {
        locking::waits(self.output, held, self.patience);
    }

    fn locked(&self, _: &str, held: &Held) {
        locking::gives_up(self.output, held);
    }

    fn backs_off(&self, source: &str, stack: &str, wait: Duration) {
        let what = if stack.is_empty() { source } else { stack };
        let seconds = wait.as_secs_f64().ceil();
        self.output.talk(&format!("{what} is tried again in {seconds} s, or when the source changes\n"));
    }

    fn planned(&self, _: &str, plan: &Plan) {
        self.output.talk(&plan_text::text(plan, self.output.verbose > 0));
    }

    fn applied(&self, _: &str, plan: &Plan, applied: &Applied) {
        let results = applied.results(plan);
        self.output.complain(&report_text::troubles(applied, &results));
        self.output.talk(&report_text::closing(plan, applied, &results, 0));
    }
}

impl Events for Log {
    fn started(&self, step: &Step) {
        self.steps.started(step);
    }

    fn note(&self, step: &Step, line: &str) {
        self.steps.note(step, line);
    }

    fn finished(&self, step: &Step, outcome: &Outcome, elapsed: Duration) {
        self.steps.finished(step, outcome, elapsed);
    }
}
