//! `reconcile [SOURCE]` and `reconcile --dry-run [SOURCE]`.

use super::alerts::Alerts;
use super::args::{ApplyArgs, CommonArgs};
use super::config::{self, Chosen, Sources};
use super::deploy::{Ended, Run};
use super::engine::{Reach, now};
use super::exit::Exit;
use super::output::{Output, YELLOW};
use super::plan_json;
use super::plan_markdown::{self, About};
use super::record::Recorder;
use super::recording::Recording;
use super::saved::{self, Arguments, SavedPlan, SavedSource};
use super::source::{diagnostics_json, environment, failures, print_diagnostics, problems, told};
use crate::cycle::Reread;
use crate::model::clock;
use crate::model::observed::EngineInfo;
use crate::model::step::Plan;
use crate::plan::{Inspect, Retry};
use crate::source::LoadedSource;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Engine calls in flight when the user names no number: more gains nothing on an engine's usual two to eight cores.
pub const PARALLEL: u16 = 8;

/// Loads, plans, and applies unless it is a dry run.
pub fn run(args: &ApplyArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let arguments = match &args.out {
        None => None,
        Some(_) => match Arguments::of(args, common, config::found(&args.source, common)) {
            Ok(arguments) => Some(arguments),
            Err((error, hint)) => {
                output.error(&error, Some(&hint));
                return Exit::Failure;
            }
        },
    };
    let keeps = Mutex::default();
    let records = match args.record.as_deref().map(|path| recording(path, output)) {
        None => None,
        Some(Ok(records)) => Some(Mutex::new(records)),
        Some(Err(error)) => {
            output.error(&error, Some("name a directory that is not there yet, or is empty"));
            return Exit::Failure;
        }
    };
    let keeps_any = arguments.is_some().then_some(&keeps);
    let mode = Mode { expected: None, keeps: keeps_any, records: records.as_ref() };
    let mut exit = run_in(args, common, &mode);
    if let (Some(records), Some(path)) = (records, &args.record) {
        let records = records.into_inner().unwrap_or_else(PoisonError::into_inner);
        let told = match records.write(path, clock::iso(now()), output) {
            Ok(()) => {
                format!("recorded in {0}: `reconcile plan --from {0}` makes the plan again\n", path.display())
            }
            Err(error) => {
                exit = exit.and(Exit::Failure, args.detailed_exitcode);
                format!("{YELLOW}warning{YELLOW:#}: no record in {}: {error}\n", path.display())
            }
        };
        output.talk(&told);
    }
    let (Some(path), Some(arguments)) = (&args.out, arguments) else { return exit };
    let sources: Vec<SavedSource> = keeps.into_inner().unwrap_or_else(PoisonError::into_inner);
    if exit == Exit::Failure && sources.is_empty() {
        output.complain("no plan was saved\n");
        return exit;
    }
    let plan = SavedPlan::new(arguments, sources, clock::iso(now()));
    match plan.write(path) {
        Ok(()) => {
            let path = path.display();
            output.talk(&format!("saved: `reconcile apply {path}` carries out exactly this plan\n"));
            exit
        }
        Err(error) => {
            output.error(&format!("the plan cannot be saved in {}: {error}", path.display()), None);
            Exit::Failure
        }
    }
}

/// A record for a directory that takes one.
fn recording(path: &Path, output: Output) -> Result<Recording, String> {
    let is_free = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        return Err(format!("{} is there already; nothing was done", path.display()));
    }
    Recording::new(output.verbose > 0).map_err(|error| format!("nothing can be recorded: {error}"))
}

/// What is done with the plans of a run.
pub struct Mode<'a> {
    /// The plan that is carried out, or nothing.
    pub expected: Option<&'a SavedPlan>,
    /// Where plans that are shown are kept.
    pub keeps: Option<&'a Mutex<Vec<SavedSource>>>,
    /// Where plans are recorded for a bug report.
    pub records: Option<&'a Mutex<Recording>>,
}

/// The same, for all sources one after another.
pub fn run_in(args: &ApplyArgs, common: &CommonArgs, mode: &Mode<'_>) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let nothing = |errors: &[Value]| plan_json::json(&Plan::default(), &EngineInfo::default(), errors);
    let mut reach = match Reach::new(common.host.as_deref(), &environment, output) {
        Ok(reach) => reach,
        Err(exit) => return exit,
    };
    let loaded = Sources::choose(&args.source, common, &environment, output, true).and_then(|sources| {
        // A repository may take its time, and lists get old.
        if sources.all.iter().all(|(source, _)| source.git.is_none()) {
            reach.begin();
        }
        sources.load_all(&args.source, &environment, output)
    });
    let mut sources = match loaded {
        Ok(sources) => sources,
        Err(errors) => {
            if output.json {
                output.result(&pretty(&nothing(&errors)));
            }
            return Exit::Failure;
        }
    };
    let chosen: Vec<&Chosen> = sources.all.iter().map(|(source, _)| source).collect();
    let alerts = (!args.dry_run).then(|| Alerts::new(&args.source, common, &chosen, output));
    let recorder = Recorder::new(common, &environment, output, "command");
    let count = sources.all.len();
    let still: Reread = Arc::new(String::new);
    let call = Call { args, output, reach: &reach, still: &still };
    if let Some(expected) = mode.expected
        && let Some(exit) = call.refuse(expected, &sources, &recorder)
    {
        return exit;
    }
    let one = |index: usize| {
        sources.all[index].0.announce(output);
        loop {
            let (source, loaded) = &sources.all[index];
            if let Some(commit) = loaded.commit.as_ref().filter(|_| !output.json) {
                output.talk(&format!("{} at {}\n", source.title(), told(commit)));
            }
            print_diagnostics(loaded, output);
            if let Some(alerts) = &alerts {
                alerts.loaded(&source.title(), loaded);
            }
            if failures(loaded) > 0 && loaded.desired.stacks.is_empty() {
                if let Some(alerts) = &alerts {
                    alerts.refused(&source.title());
                }
                if output.json {
                    source.print(output, nothing(&diagnostics_json(loaded)));
                }
                if output.markdown {
                    let (source, problems) = (source.title(), problems(loaded));
                    let about = About { source: &source, revision: "", problems: &problems, then: "" };
                    output.result(&plan_markdown::refused(&about));
                }
                return Exit::Failure;
            }
            let reread = sources.reread(index, &environment);
            let expected = mode.expected.and_then(|plan| plan.sources.get(index));
            let run = Run {
                reread: &reread,
                alerts: alerts.as_ref(),
                expected,
                keeps: mode.keeps,
                records: mode.records,
                ..call.run((source, loaded), &recorder)
            };
            match plan_and_apply(&run) {
                Ended::With(exit) => return exit,
                Ended::Outdated => {}
            }
            output.talk("the files have changed during the wait: they are read again\n");
            sources.reload(index, &environment);
        }
    };
    let exits = (0..count).map(one);
    let exit = exits.reduce(|all, exit| all.and(exit, args.detailed_exitcode)).unwrap_or(Exit::Success);
    if let Some(alerts) = alerts.filter(Alerts::has_news) {
        // Whether somebody could be told changes nothing about what was done.
        reach.block_on(output, async {
            alerts.deliver().await;
            Ok(exit)
        });
    }
    exit
}

/// What is the same for every source of a run.
struct Call<'a> {
    args: &'a ApplyArgs,
    output: Output,
    reach: &'a Reach,
    /// What tells the revision of a source that is not read again.
    still: &'a Reread,
}

impl<'a> Call<'a> {
    /// A run on one source, of which nothing tells the revision later on.
    fn run(&self, (source, loaded): (&'a Chosen, &'a LoadedSource), recorder: &'a Recorder) -> Run<'a> {
        let mut policy = source.policy(self.args.no_prune);
        if self.args.allow_mass_removal {
            policy.max_removals = 100;
        }
        policy.retry = retry(&self.args.retry);
        policy.anytime = self.args.now;
        if self.args.inspect {
            policy.inspect = Inspect::All;
        }
        Run {
            args: self.args,
            output: self.output,
            reach: self.reach,
            source,
            loaded,
            reread: self.still,
            alerts: None,
            recorder,
            policy,
            failed: failures(loaded),
            rollback: None,
            expected: None,
            keeps: None,
            records: None,
        }
    }

    /// Refuses a saved plan of which anything moved in any source: before the first of them is changed.
    fn refuse(&self, expected: &SavedPlan, sources: &Sources, recorder: &Recorder) -> Option<Exit> {
        let mut moved = Vec::new();
        let now: Vec<&str> = sources.all.iter().map(|(_, loaded)| loaded.desired.source.as_str()).collect();
        let then: Vec<&str> = expected.sources.iter().map(|source| source.source.as_str()).collect();
        if now != then {
            moved.push(format!("the sources are {} and were {}", now.join(", "), then.join(", ")));
        }
        for (_, loaded) in sources.all.iter().filter(|(_, loaded)| failures(loaded) > 0) {
            print_diagnostics(loaded, self.output);
        }
        for ((source, loaded), expected) in sources.all.iter().zip(&expected.sources) {
            let run = Run { expected: Some(expected), ..self.run((source, loaded), recorder) };
            let found = Mutex::default();
            let exit = self.reach.block_on(self.output, async {
                *found.lock().unwrap_or_else(PoisonError::into_inner) = run.moved().await?;
                Ok(Exit::Success)
            });
            if exit != Exit::Success {
                return Some(exit);
            }
            moved.append(&mut found.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        (!moved.is_empty()).then(|| saved::stale(self.output, &moved))
    }
}

/// Plans for one source, and applies unless it is a dry run.
fn plan_and_apply(run: &Run<'_>) -> Ended {
    run.reach.block_on(run.output, async {
        if run.args.dry_run {
            return run.preview().await.map(Ended::With);
        }
        let ended = Box::pin(run.apply()).await;
        if let (Some(alerts), Err(error)) = (run.alerts, &ended) {
            alerts.unreachable(&run.source.title(), error);
        }
        ended
    })
}

/// `--retry` names nothing, stacks or services; without a name it means everything.
fn retry(names: &[String]) -> Retry {
    if names.is_empty() {
        Retry::Nothing
    } else if names.iter().any(String::is_empty) {
        Retry::All
    } else {
        Retry::Only(names.iter().cloned().collect())
    }
}

/// JSON with a line end.
pub fn pretty(value: &serde_json::Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
