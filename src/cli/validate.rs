//! `reconcile validate`: load and check everything, without an engine.

use super::apply::pretty;
use super::args::{CommonArgs, SourceArgs};
use super::exit::Exit;
use super::output::Output;
use super::source::{diagnostics_json, environment, failures, load, print_diagnostics};
use serde_json::json;

/// Checks every stack.
pub fn run(args: &SourceArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let loaded = load(args, &environment());
    let failed = failures(&loaded);
    if output.json {
        output.result(&pretty(&json!({
            "stacks": loaded.desired.stacks.keys().collect::<Vec<_>>(),
            "valid": failed == 0,
            "diagnostics": diagnostics_json(&loaded),
        })));
    } else {
        print_diagnostics(&loaded, output);
        let services: usize = loaded.desired.stacks.values().map(|stack| stack.services.len()).sum();
        let good = loaded.desired.stacks.len();
        output.talk(&format!("{good} stacks with {services} services are valid, {failed} are not.\n"));
    }
    if failed == 0 { Exit::Success } else { Exit::Failure }
}
