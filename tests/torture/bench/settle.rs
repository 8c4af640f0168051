//! What must hold once nothing is disturbed any more.

use super::{Bench, LIMIT};
use crate::api::text;
use crate::program::{self, Ended};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long a mark may hold that is made for an error of the engine's own: it begins with a minute, and is made anew for
/// twice as long if a run meets the same error again.
const HOLD: Duration = Duration::from_secs(200);

impl Bench<'_> {
    /// A run that nothing disturbs: it succeeds, what stands is the edition, a further run has nothing to do, and the
    /// database is the same one with all its rows.
    pub fn settle(&mut self) -> Result<Ended, String> {
        let mut run = self.reconcile(&self.engine.host())?.end(LIMIT)?;
        self.note(&format!("the next run: {}", run.whole()));
        if run.code == Some(3) && !quarantines(&run).is_empty() {
            run = self.try_again(&run)?;
        }
        if run.code != Some(0) {
            return Err(format!("the next run fails: {}", reasons(&run)));
        }
        let (mut found, mut wanted) = (self.state()?, self.reference(self.edition).clone());
        if self.is_shared {
            (found, wanted) = (found.loose(), wanted.loose());
        }
        if let Some(difference) = found.difference(&wanted) {
            self.note(&difference);
            return Err("the next run does not give the wanted state".to_owned());
        }
        self.is_settled()?;
        Ok(run)
    }

    /// A further run has nothing to do, and the database is the same one with all its rows.
    pub fn is_settled(&mut self) -> Result<(), String> {
        self.runs += 1;
        let args = ["--dry-run", "--detailed-exitcode", "."];
        let run = program::reconcile(&self.dir, &self.engine.host(), &args, self.runs)?.end(LIMIT)?;
        if run.code != Some(0) {
            return Err(format!("a further run is not without work: {}", run.whole()));
        }
        self.writer.wait_for_service()?;
        if self.writer.identity()? != self.identity {
            return Err("the database was made anew: its data are lost".to_owned());
        }
        let promised = self.writer.book().acknowledged.len();
        let there = self.writer.query("SELECT count(*) FROM rows")?;
        let there: usize = there.first().and_then(|count| count.parse().ok()).unwrap_or_default();
        if there < promised { Err(format!("{promised} rows acknowledged, {there} there")) } else { Ok(()) }
    }

    /// A replacement that failed with an error of the engine's own was marked: such an error may be due to the new version,
    /// and a run each minute must not interrupt the service each minute. What the harness injects looks like that. So the
    /// mark is right, but only if it ends by itself: one without an end would need a new version, and nothing is wrong with
    /// this one. Once on each engine its end is waited for; from then on the owner says `--retry`, which saves the time.
    fn try_again(&mut self, run: &Ended) -> Result<Ended, String> {
        let endless = quarantines(run).into_iter().find(|lifted| !lifted.starts_with("left as it is until "));
        if let Some(lifted) = endless.filter(|_| !self.ends_by_itself) {
            return Err(format!("the new version is blamed for a fault of the engine: {lifted}"));
        }
        if self.has_waited || self.ends_by_itself {
            self.tally.count("next runs that had to be told to try again");
            let arguments = ["--format", "json", "--retry", "."];
            let run = self.reconcile_with(&self.engine.host(), &arguments)?.end(LIMIT)?;
            self.note(&format!("told to try again: {}", run.whole()));
            return Ok(run);
        }
        self.has_waited = true;
        self.tally.count("times the end of a quarantine was waited for");
        let begin = Instant::now();
        loop {
            std::thread::sleep(Duration::from_secs(5));
            let run = self.reconcile(&self.engine.host())?.end(LIMIT)?;
            if quarantines(&run).is_empty() || begin.elapsed() > HOLD {
                self.note(&format!("after {:.0?}: {}", begin.elapsed(), run.whole()));
                return Ok(run);
            }
        }
    }
}

/// What lifts the quarantine of each service that a run has left as it is.
fn quarantines(run: &Ended) -> Vec<String> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let stacks = report["stacks"].as_array().into_iter().flatten();
    let services = stacks.flat_map(|stack| stack["services"].as_array().into_iter().flatten());
    let causes = services.flat_map(|service| service["causes"].as_array().into_iter().flatten());
    causes.filter(|cause| cause["kind"] == "quarantined").map(|cause| text(&cause["new"])).collect()
}

/// The failed steps of a run and what it would not do, or what it said.
pub fn reasons(run: &Ended) -> String {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let failed = report["outcomes"].as_array().into_iter().flatten();
    let failed = failed
        .filter(|step| step["outcome"] == "failed")
        .map(|step| format!("{}: {}", text(&step["id"]), text(&step["reason"])));
    let stacks = report["stacks"].as_array().into_iter().flatten();
    let blocked = stacks.flat_map(|stack| stack["blocked"].as_array().into_iter().flatten());
    let all: Vec<String> = failed.chain(blocked.map(ToString::to_string)).collect();
    if all.is_empty() { run.whole() } else { all.join("; ") }
}
