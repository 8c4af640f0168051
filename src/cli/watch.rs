//! `reconcile watch`: follows directories until told to stop.

use super::alerts::Alerts;
use super::args::{CommonArgs, WatchArgs};
use super::carry::interrupted;
use super::config::{self, Chosen};
use super::engine::{block_on, connect, now};
use super::exit::Exit;
use super::http::Desk;
use super::output::{BOLD, Output};
use super::plan_text::View;
use super::progress::Printer;
use super::record::Recorder;
use super::source::{environment, print_diagnostics, request, secret_file, told};
use super::{apply, control, deputy, http, jobs, locking, memory, plan_text, process, report_text, systemd};
use crate::cycle::Applied;
use crate::daemon::board::GaveUp;
use crate::daemon::files::Watched;
use crate::daemon::queue::{Timing, Trigger};
use crate::daemon::{self, Deployed, JobNews, Listener, Look, Source, Surroundings};
use crate::engine::EngineError;
use crate::engine::docker::DockerEngine;
use crate::execute::Events;
use crate::model::lock::Held;
use crate::model::report::Outcome;
use crate::model::step::{Plan, Step};
use crate::plan::Jobs;
use crate::source::git::{Ask, Follower};
use crate::source::{Claims, LoadedSource};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, mpsc, watch};

/// The longest time between two tries to reach the engine at the start.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Follows the sources.
pub fn run(args: &WatchArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common).journal();
    let environment = environment();
    if let Some(stacks) = deputy::mission(&environment) {
        return deputy::run(args, common, stacks);
    }
    memory::one_heap();
    let Ok(sources) = config::sources(&args.source, common, &environment, output, true) else {
        return Exit::Failure;
    };
    // Who comes first keeps a stack, whatever is loaded first later on.
    let mut claims = Claims::default();
    for chosen in sources.iter().filter(|_| sources.len() > 1) {
        claims.settle(&chosen.title(), &mut chosen.load(&environment, true, Ask::IfUnknown));
    }
    let host = config::settings(&args.source, common);
    let desk = match Desk::new(host.as_ref(), &sources, config::history(common, &environment)) {
        Ok(desk) => Arc::new(desk),
        Err(error) => {
            output.error(
                &error,
                Some("`http.token_file` and `webhook_secret_file` of the settings name files"),
            );
            return Exit::Failure;
        }
    };
    let mut alerts = Alerts::new(&args.source, common, &sources.iter().collect::<Vec<_>>(), output);
    block_on(output, async {
        alerts.start();
        let alerts = Arc::new(alerts);
        let recorder = Arc::new(Recorder::new(common, &environment, output, "daemon"));
        let (tell, stop) = watch::channel(false);
        if let Err(error) = http::listen(host.as_ref(), &desk, stop.clone(), output).await {
            output.error(&error, Some("`http.listen` of the settings names the address"));
            return Ok(Exit::Failure);
        }
        control::listen(config::state_dir_of(common, &environment), Arc::clone(&desk), stop.clone(), output);
        systemd::ready();
        let Some(engine) = reach(common, &environment, output).await? else { return Ok(Exit::Success) };
        desk.reached(&engine);
        let deputy = deputy::deputy(&engine, output);
        if deputy.is_some() {
            tokio::spawn(deputy::settle(engine.clone(), output));
        }
        let claims = Arc::new(Mutex::new(claims));
        let turns = Arc::new(Semaphore::new(args.parallel.unwrap_or(apply::PARALLEL).into()));
        let mut requests = Vec::new();
        let mut watched = Vec::new();
        let mut followed = Vec::new();
        for chosen in &sources {
            let (trigger, triggers) = mpsc::unbounded_channel();
            watched.push(watch_files(chosen, &trigger, output));
            desk.follows(chosen.title(), trigger.clone());
            requests.push(trigger);
            let mut source = source(chosen, args, sources.len() > 1, (&environment, &claims), &turns);
            source.deputy.clone_from(&deputy);
            let patience = source.patience;
            let (alerts, desk) = (Arc::clone(&alerts), Arc::clone(&desk));
            let (steps, recorder) = (Printer::new(output, 0), Arc::clone(&recorder));
            let has_looked = AtomicBool::default();
            let listener = Log { output, steps, patience, alerts, desk, recorder, has_looked };
            let surroundings = Surroundings {
                now,
                chance: locking::chance,
                holder: process::holder,
                is_gone: process::is_gone,
            };
            followed.push(daemon::follow(
                engine.clone(),
                source,
                Arc::new(listener),
                surroundings,
                triggers,
                stop.clone(),
            ));
        }
        let work = join_all(followed);
        tokio::pin!(work);
        let mut hangup = signal(SignalKind::hangup()).ok();
        let ended = interrupted();
        tokio::pin!(ended);
        loop {
            tokio::select! {
                _ = &mut work => break,
                () = wait_for(&mut hangup) => {
                    for request in &requests {
                        let _ = request.send(Trigger::Request);
                    }
                }
                () = &mut ended, if !*tell.borrow() => {
                    systemd::stopping();
                    output.complain("stopping: what is under way is brought to a good end first\n");
                    tell.send_replace(true);
                }
            }
        }
        alerts.close().await;
        Ok(Exit::Success)
    })
}

/// Lets changes of its files make the daemon look at a source, as long as the result is held.
fn watch_files(chosen: &Chosen, request: &UnboundedSender<Trigger>, output: Output) -> Option<Watched> {
    if chosen.git.is_some() {
        return None;
    }
    let directory = chosen.args.source.as_deref().unwrap_or(Path::new("."));
    let changed = request.clone();
    let watched = daemon::files::watch(directory, move || {
        // Nobody listens only when the daemon ends.
        let _ = changed.send(Trigger::Files);
    });
    match watched {
        Ok(watched) => {
            if let Some(reason) = &watched.polls {
                output.complain(&format!(
                    "{} is read through every 10 s, since it cannot be watched: {reason}\n",
                    directory.display()
                ));
            }
            Some(watched)
        }
        Err(error) => {
            output.complain(&format!("{error}; it is looked at from time to time\n"));
            None
        }
    }
}

/// A source as the daemon follows it. Each look settles anew which stacks are its own.
fn source(
    chosen: &Chosen,
    args: &WatchArgs,
    are_others: bool,
    (environment, claims): (&BTreeMap<String, String>, &Arc<Mutex<Claims>>),
    turns: &Arc<Semaphore>,
) -> Source {
    let interval = chosen.interval.unwrap_or(args.interval).to_std();
    let (name, own, environment, claims) =
        (chosen.title(), chosen.clone(), environment.clone(), Arc::clone(claims));
    let follower =
        chosen.git.as_ref().map(|git| Follower::new(git.as_ref().clone(), interval, locking::chance));
    let load = move |ask: Ask| {
        let mut loaded = match &follower {
            Some(follower) => follower.load(&request(&own.args, &environment, are_others), ask, now()),
            None => own.load(&environment, are_others, ask),
        };
        claims.lock().unwrap_or_else(PoisonError::into_inner).settle(&name, &mut loaded);
        loaded
    };
    Source {
        name: chosen.title(),
        load: Arc::new(load),
        secret: secret_file,
        policy: chosen.policy(args.no_prune),
        timing: Timing { interval, ..Timing::default() },
        parallel: args.parallel.unwrap_or(apply::PARALLEL).into(),
        turns: Arc::clone(turns),
        patience: locking::patience(args.lock_timeout),
        deputy: None,
    }
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
    let ended = interrupted();
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
    alerts: Arc<Alerts>,
    desk: Arc<Desk>,
    recorder: Arc<Recorder>,
    /// Whether there may be memory to give back.
    has_looked: AtomicBool,
}

impl Listener for Log {
    fn looks(&self, source: &str, trigger: Trigger) {
        tracing::debug!(source, trigger = trigger.as_str(), "looking");
        self.desk.looks(source, trigger);
        self.has_looked.store(true, Ordering::Relaxed);
    }

    fn rests(&self, source: &str, wait: Duration) {
        self.desk.rests(source, wait);
        if self.has_looked.swap(false, Ordering::Relaxed) {
            memory::give_back();
        }
    }

    fn loaded(&self, source: &str, loaded: &LoadedSource) {
        let stacks = loaded.desired.stacks.len();
        let revision = loaded.desired.revision.get(..12).unwrap_or(&loaded.desired.revision);
        let revision = loaded.commit.as_ref().map_or_else(|| revision.to_owned(), told);
        self.output.talk(&format!("{BOLD}{source}{BOLD:#} at {revision}: {stacks} stacks\n"));
        print_diagnostics(loaded, self.output);
        self.alerts.loaded(source, loaded);
        self.desk.loaded(source, loaded);
    }

    fn looked(&self, source: &str, look: &Look<'_>) {
        self.alerts.looked(source, look.desired, &look.planned.plan, look.under_way);
        self.desk.looked(source, look);
    }

    fn outage(&self, source: &str, why: Option<&str>) {
        self.desk.outage(source, why);
        match why {
            Some(why) => self.output.complain(&format!("{source}: {why}\n")),
            None => self.output.talk(&format!("{source}: the repository answers again\n")),
        }
    }

    fn notes(&self, source: &str, notes: &[String]) {
        for note in notes {
            self.output.complain(&format!("{source}: {note}\n"));
        }
    }

    fn unreachable(&self, source: &str, error: &EngineError) {
        self.alerts.unreachable(source, error);
        self.desk.unreachable(source, error.to_string());
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

    fn planned(&self, source: &str, plan: &Plan) {
        self.desk.planned(source, plan);
        self.output.talk(&plan_text::text(View::new(plan, self.output.verbose > 0)));
    }

    fn gave_up(&self, source: &str, stacks: &BTreeSet<String>, why: GaveUp) {
        self.desk.gave_up(source, stacks, why);
    }

    fn applied(&self, source: &str, plan: &Plan, applied: &Applied) {
        self.alerts.applied(source, plan, applied);
        self.desk.applied(source, plan, applied);
        let results = applied.results(plan);
        self.output.complain(&report_text::troubles(applied, &results));
        report_text::close(self.output, plan, applied, &results, 0);
    }

    fn deployed(&self, deployed: &Deployed<'_>) {
        let noted = self.recorder.note(deployed);
        self.desk.deployed((deployed.source, deployed.plan), &noted, deployed.elapsed);
    }

    fn job(&self, source: &str, job: (&str, &str), news: &JobNews) {
        self.desk.job(source, job, news);
        let (line, is_trouble) = jobs::line(job, news);
        if is_trouble { self.output.complain(&line) } else { self.output.talk(&line) }
    }

    fn jobs(&self, source: &str, jobs: &Jobs) {
        self.alerts.jobs(source, jobs);
        self.desk.jobs(source, jobs);
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
