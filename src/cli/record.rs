//! Notes deployments in the history.

use super::args::CommonArgs;
use super::config;
use super::engine::now;
use super::output::{Output, YELLOW};
use crate::daemon::Deployed;
use crate::history::{self, Run, Store};
use crate::model::history::Outcome;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who writes the history.
pub struct Recorder {
    store: Store,
    output: Output,
    /// What runs: `command` or `daemon`.
    by: &'static str,
    /// Whether it was said that the history cannot be written.
    complained: AtomicBool,
}

impl Recorder {
    /// Writes where the command line or the settings of the host say.
    pub fn new(
        common: &CommonArgs,
        environment: &BTreeMap<String, String>,
        output: Output,
        by: &'static str,
    ) -> Self {
        let store = config::history(common, environment);
        Self { store, output, by, complained: AtomicBool::new(false) }
    }

    /// Notes what became of the stacks of a run, and gives it with its number. A history that cannot be written is said once:
    /// nothing depends on it.
    pub fn note(&self, deployed: &Deployed<'_>) -> BTreeMap<String, (Outcome, Option<u64>)> {
        let Deployed { source, desired, commit, trigger, plan, applied, redactor, elapsed } = *deployed;
        let run = Run {
            source,
            desired,
            commit,
            plan,
            report: &applied.report,
            results: &applied.results(plan),
            failures: &applied.failures,
            redactor,
            trigger,
            by: self.by,
            elapsed,
            time: now(),
        };
        let mut noted = BTreeMap::new();
        for deployment in history::deployments(&run) {
            let (stack, outcome) = (deployment.stack.clone(), deployment.outcome);
            let number = self.store.append(deployment).unwrap_or_else(|error| {
                if !self.complained.swap(true, Ordering::Relaxed) {
                    let directory = self.store.directory().display();
                    self.output.talk(&format!(
                        "{YELLOW}warning{YELLOW:#}: the history in {directory} cannot be written: {error}\n"
                    ));
                }
                None
            });
            noted.insert(stack, (outcome, number));
        }
        noted
    }
}
