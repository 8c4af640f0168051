//! `reconcile validate`: load and check everything, without an engine.

use super::alerts::Alerts;
use super::apply::pretty;
use super::args::{CommonArgs, SourceArgs};
use super::config::{self, Chosen, Sources};
use super::exit::Exit;
use super::output::Output;
use super::source::{diagnostics_json, environment, failures, print_diagnostics};
use crate::source::LoadedSource;
use crate::source::git::Ask;
use serde_json::json;

/// Checks every stack of the source, or with `--config` of all sources of the host.
pub fn run(args: &SourceArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let sources = match &common.config {
        None => config::named(args, common, &environment, output, false).map(|source| {
            let loaded = source.load(&environment, false, Ask::Now);
            vec![(source, loaded)]
        }),
        Some(_) => Sources::load(args, common, &environment, output, false).map(|sources| sources.all),
    };
    match sources {
        Ok(sources) => {
            let exits = sources.iter().map(|(source, loaded)| one(source, loaded, output));
            let exit = exits.reduce(|all, exit| all.and(exit, true)).unwrap_or(Exit::Success);
            let all: Vec<&Chosen> = sources.iter().map(|(source, _)| source).collect();
            let is_told = common.config.is_none() || Alerts::new(args, common, &all, output).is_sound();
            if is_told {
                return exit;
            }
            let hint = "it is named above; `reconcile notify test` tries all of them";
            output.error("one of those whom `notify` names could be told nothing", Some(hint));
            Exit::Failure
        }
        Err(errors) => {
            if output.json {
                output.result(&pretty(&json!({"stacks": [], "valid": false, "diagnostics": errors})));
            }
            Exit::Failure
        }
    }
}

fn one(source: &Chosen, loaded: &LoadedSource, output: Output) -> Exit {
    source.announce(output);
    let failed = failures(loaded);
    if output.json {
        source.print(
            output,
            json!({
                "stacks": loaded.desired.stacks.keys().collect::<Vec<_>>(),
                "valid": failed == 0,
                "diagnostics": diagnostics_json(loaded),
            }),
        );
    } else {
        print_diagnostics(loaded, output);
        let services: usize = loaded.desired.stacks.values().map(|stack| stack.services.len()).sum();
        let good = loaded.desired.stacks.len();
        if good > 0 {
            let verb = if good == 1 { "is" } else { "are" };
            output.talk(&format!(
                "{} with {} {verb} in order.\n",
                count(good, "stack"),
                count(services, "service")
            ));
        }
    }
    if failed == 0 { Exit::Success } else { Exit::Failure }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
