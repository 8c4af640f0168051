//! `reconcile run STACK/SERVICE`: a job that runs at times, once more, now.

use super::args::{CommonArgs, RunArgs};
use super::carry::{carry_out, ticking, until_interrupted};
use super::engine::{block_on, connect, now};
use super::exit::Exit;
use super::output::{BOLD, GREEN, Output, RED};
use super::progress::Printer;
use super::source::environment;
use super::{jobs, locking, report_text};
use crate::compose::schema::nearest;
use crate::cycle::{self, Applied};
use crate::engine::docker::DockerEngine;
use crate::engine::{EngineError, Observe, ObserveRequest};
use crate::execute::Options;
use crate::locks::{self, Asked, Party};
use crate::model::lock::Held;
use crate::model::redact::Redactor;
use crate::model::step::Plan;
use crate::model::units::Nanos;
use crate::plan::{self, Beginning, Job, RunState};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Instant;
use tokio::sync::watch;

/// How far ahead to look for a second that no run is for yet.
const SECONDS_AHEAD: i64 = 5;

/// What came of the wish to begin.
enum Begun {
    /// A run, of this name.
    Run(String),
    /// None, and why not was said.
    Told(Exit),
}

/// Runs a job, and waits for its end.
pub fn run(args: &RunArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    block_on(output, async {
        let engine = connect(common.host.as_deref(), &environment()).await?;
        let Some((job, redactor)) = find(&engine, &args.job, output).await? else {
            return Ok(Exit::Failure);
        };
        let name = match begin(&engine, args, output).await? {
            Begun::Run(name) => name,
            Begun::Told(exit) => return Ok(exit),
        };
        if args.detach {
            output.talk(&format!("`docker logs -f {name}` shows what it says.\n"));
            return Ok(Exit::Success);
        }
        let timeout = job.template.and_then(|template| template.timetable.timeout);
        wait(&engine, &args.job, (&name, timeout), (output, &redactor)).await
    })
}

/// The job, with what must not be told of it; or nothing: that was said.
async fn find(
    engine: &DockerEngine,
    (stack, service): &(String, String),
    output: Output,
) -> Result<Option<(Job, Redactor)>, EngineError> {
    let mut observed = engine.observe(&ObserveRequest::default()).await?;
    let mut jobs = plan::jobs(&observed);
    jobs.retain(|_, job| job.template.is_some());
    let wanted = (stack.clone(), service.clone());
    if let Some(job) = jobs.remove(&wanted) {
        let ids: Vec<String> = job.template.iter().map(|one| one.container.engine_ref().to_owned()).collect();
        engine.environments(&ids, &mut observed).await?;
        let environment = ids.iter().find_map(|id| observed.environments.get(id));
        let redactor = environment.map(plan::secrets_of).unwrap_or_default();
        return Ok(Some((job, redactor)));
    }
    let names: Vec<String> = jobs.keys().map(|(stack, service)| format!("{stack}/{service}")).collect();
    let name = format!("{stack}/{service}");
    let hint = match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None if names.is_empty() => {
            "a service with `x-reconcile: {job: {schedule: …}}` is one, once it is deployed".to_owned()
        }
        None => format!("there are {}", names.join(", ")),
    };
    output.error(&format!("the engine has no job {name} that runs at times"), Some(&hint));
    Ok(None)
}

/// Begins a run under the lock of its stack, which is held only until it is started.
async fn begin(engine: &DockerEngine, args: &RunArgs, output: Output) -> Result<Begun, EngineError> {
    let patience = locking::patience(args.lock_timeout);
    let waits = |held: &Held| locking::waits(output, held, patience);
    until_interrupted(output, async |stop| {
        let party = locking::party(patience, stop, &waits);
        begin_as(engine, &args.job, &party, output).await
    })
    .await
}

async fn begin_as(
    engine: &DockerEngine,
    (stack, service): &(String, String),
    party: &Party<'_>,
    output: Output,
) -> Result<Begun, EngineError> {
    let guard = match locks::ask(engine, &BTreeSet::from([stack.clone()]), party).await? {
        Asked::Ours(guard) => guard,
        Asked::Theirs(held) => {
            locking::gives_up(output, &held);
            return Ok(Begun::Told(Exit::Partly));
        }
    };
    // What was made is still started after an interrupt; only without the lock it is not.
    let (tell, stop) = watch::channel(false);
    let (_go_on, ending) = watch::channel(false);
    let work = Box::pin(async {
        let observed = engine.observe(&ObserveRequest::default()).await?;
        let now = now();
        // A run of its own, also within a second in which another one was begun.
        let mut beginnings = (now..now + SECONDS_AHEAD)
            .map(|at| plan::begin(&observed, stack, service, at, now))
            .skip_while(|beginning| matches!(beginning, Beginning::Nothing));
        match beginnings.next() {
            Some(Beginning::Run(name, plan)) => {
                let applied = perform(engine, &plan, stop, output).await;
                if applied.is_success() {
                    return Ok(Begun::Run(name));
                }
                tell_failure(output, &format!("{stack}/{service}"), "could not be run", &applied);
            }
            Some(Beginning::Skipped(why)) => {
                output.error(&format!("{stack}/{service} is not run: {why}"), None);
            }
            Some(Beginning::Nothing) | None => {
                output.error(
                    &format!("{stack}/{service} is not run: it is gone, or runs for this very time"),
                    None,
                );
            }
        }
        Ok::<Begun, EngineError>(Begun::Told(Exit::Failure))
    });
    locks::hold(engine, (guard, &party.holder), (&ending, tell), work).await
}

async fn perform(engine: &DockerEngine, plan: &Plan, stop: watch::Receiver<bool>, output: Output) -> Applied {
    let work = async |options: &Options<'_>| cycle::apply(engine, plan, &Options { stop, ..*options }).await;
    carry_out(output, (plan.steps.len(), 1), &Redactor::default(), work).await
}

/// Waits for the end of a run, and stops it when its time is over, as the daemon would.
async fn wait(
    engine: &DockerEngine,
    (stack, service): &(String, String),
    (name, timeout): (&str, Option<Nanos>),
    (output, redactor): (Output, &Redactor),
) -> Result<Exit, EngineError> {
    let begin = Instant::now();
    let end = plan::await_end(stack, service, name, timeout);
    let (applied, is_interrupted) = until_interrupted(output, async |stop| {
        // What it comes to is told below.
        let printer = Printer::silent_at_ends(output);
        let (stop, chance) = (stop, locking::chance);
        let interrupted = stop.clone();
        let options = Options { parallel: 1, stop, events: &printer, redactor, chance, turns: None };
        (ticking(&printer, cycle::apply(engine, &end, &options)).await, *interrupted.borrow())
    })
    .await;
    let title = format!("{stack}/{service}");
    if is_interrupted {
        output.talk(&format!("{title} goes on: `docker logs -f {name}` shows what it says.\n"));
        return Ok(Exit::Failure);
    }
    let overdue = plan::overdue(&plan::jobs(&engine.observe(&ObserveRequest::default()).await?), now());
    if timeout.is_some() && !overdue.steps.is_empty() {
        let (_go_on, stop) = watch::channel(false);
        perform(engine, &overdue, stop, output).await;
    }
    let all = plan::jobs(&engine.observe(&ObserveRequest::default()).await?);
    let runs = all.get(&(stack.clone(), service.clone())).map(|job| &job.runs[..]).unwrap_or_default();
    let state = runs.iter().find(|run| run.container.name().starts_with(name)).map(|run| run.state);
    match state {
        Some(RunState::Succeeded) => {
            let seconds = begin.elapsed().as_secs_f64();
            output
                .talk(&format!("job {BOLD}{title}{BOLD:#} {GREEN}succeeded{GREEN:#} after {seconds:.1} s\n"));
            Ok(Exit::Success)
        }
        state => {
            let what = state.map_or("is gone".to_owned(), jobs::outcome);
            tell_failure(output, &title, &what, &applied);
            Ok(Exit::Failure)
        }
    }
}

fn tell_failure(output: Output, title: &str, what: &str, applied: &Applied) {
    let mut text = format!("job {BOLD}{title}{BOLD:#} {RED}{what}{RED:#}");
    if let Some(failure) = applied.failures.first().filter(|failure| failure.exit_code.is_none()) {
        let _ = write!(text, ": {}", failure.reason);
    }
    text.push('\n');
    report_text::last_words(&mut text, applied.failures.iter());
    output.complain(&text);
}
