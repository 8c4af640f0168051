//! `reconcile [SOURCE]` and `reconcile --dry-run [SOURCE]`.

use super::alerts::Alerts;
use super::args::{ApplyArgs, CommonArgs};
use super::config::{Chosen, Sources};
use super::deploy::{Ended, Run};
use super::engine::block_on;
use super::exit::Exit;
use super::output::Output;
use super::plan_json;
use super::plan_markdown::{self, About};
use super::record::Recorder;
use super::source::{diagnostics_json, environment, failures, print_diagnostics, problems, told};
use crate::cycle::Reread;
use crate::model::observed::EngineInfo;
use crate::model::step::Plan;
use crate::plan::Retry;
use crate::source::LoadedSource;
use serde_json::Value;
use std::collections::BTreeMap;

/// Engine calls in flight when the user names no number: more gains nothing on an engine's usual two to eight cores.
pub const PARALLEL: u16 = 8;

/// Loads, plans, and applies unless it is a dry run.
pub fn run(args: &ApplyArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let nothing = |errors: &[Value]| plan_json::json(&Plan::default(), &EngineInfo::default(), errors);
    let mut sources = match Sources::load(&args.source, common, &environment, output, true) {
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
            let parts = (source, loaded, &reread, alerts.as_ref(), &recorder);
            match plan_and_apply(args, common, output, &environment, parts) {
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
        block_on(output, async {
            alerts.deliver().await;
            Ok(exit)
        });
    }
    exit
}

/// A source, what it says, what tells that later on, and who hears what becomes of it.
type Parts<'a> = (&'a Chosen, &'a LoadedSource, &'a Reread, Option<&'a Alerts>, &'a Recorder);

/// Plans for one source, and applies unless it is a dry run.
fn plan_and_apply(
    args: &ApplyArgs,
    common: &CommonArgs,
    output: Output,
    environment: &BTreeMap<String, String>,
    (source, loaded, reread, alerts, recorder): Parts<'_>,
) -> Ended {
    let failed = failures(loaded);
    let mut policy = source.policy(args.no_prune);
    if args.allow_mass_removal {
        policy.max_removals = 100;
    }
    policy.retry = retry(&args.retry);
    policy.anytime = args.now;
    let run = Run {
        args,
        common,
        output,
        environment,
        source,
        loaded,
        reread,
        alerts,
        recorder,
        policy,
        failed,
        rollback: None,
    };
    block_on(output, async {
        if args.dry_run {
            return run.preview().await.map(Ended::With);
        }
        let ended = Box::pin(run.apply()).await;
        if let (Some(alerts), Err(error)) = (alerts, &ended) {
            alerts.unreachable(&source.title(), error);
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
