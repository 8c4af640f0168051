//! Versions that cannot work, one after another, while rows are being written: the old version serves again.

use crate::bench::{Bench, LIMIT, reasons};
use crate::report::Tally;
use crate::settings::Settings;
use crate::stack::{Flaw, NAME};
use crate::state::{Started, difference, running};

/// On the machine's own kind of engine.
pub fn play(settings: &Settings) -> Tally {
    on_engine(settings, "rollbacks", false)
}

/// The same on a newer engine that is a swarm's manager.
pub fn play_swarm(settings: &Settings) -> Tally {
    if settings.newer.is_none() {
        return Tally::skipped("swarm", "TORTURE_ENGINE_28 names no newer engine");
    }
    on_engine(settings, "swarm", true)
}

fn on_engine(settings: &Settings, name: &str, newer: bool) -> Tally {
    let mut bench = match Bench::start(settings, name, newer) {
        Ok(bench) => bench,
        Err(error) => return Tally { failures: vec![error], ..Tally::new(name) },
    };
    bench.tally.wanted = Flaw::BAD.len();
    if let Err(error) = prepare(&bench, newer) {
        bench.tally.failures.push(error);
        return bench.finish();
    }
    for flaw in Flaw::BAD {
        if settings.is_over() || !bench.round(&format!("{flaw:?}"), |bench| round(bench, flaw)) {
            break;
        }
    }
    if bench.tally.rounds < bench.tally.wanted {
        bench.tally.failures.push("not all rounds were played: give it more TORTURE_MINUTES".to_owned());
    }
    bench.finish()
}

/// Somebody else holds the port that a flawed version wants.
fn prepare(bench: &Bench, swarm: bool) -> Result<(), String> {
    if swarm {
        bench.engine.docker(&["swarm", "init", "--advertise-addr", "eth0"])?;
        let state =
            bench.engine.docker(&["info", "--format", "{{.Swarm.LocalNodeState}} {{.ServerVersion}}"])?;
        bench.settings.line("swarm", &format!("the engine: {state}"));
    }
    let holder =
        ["run", "-d", "--name", "holder", "-p", "5999:80", "reconcile-test/busybox:1", "sleep", "9999"];
    bench.engine.docker(&holder).map(drop)
}

fn round(bench: &mut Bench, flaw: Flaw) -> Result<(), String> {
    let service = if flaw == Flaw::JobFails { "app" } else { "db" };
    let before = running(&bench.engine.api, NAME)?;
    let ids = |found: &Started| -> Vec<(String, String)> {
        found.iter().map(|(name, (id, _))| (name.clone(), id.clone())).collect()
    };
    // Twice: the second run finds what the first one left.
    for attempt in 1..=2 {
        bench.write(bench.edition, Some(flaw))?;
        let run = bench.reconcile(&bench.engine.host())?.end(LIMIT)?;
        bench.note(&format!("the run: {}", run.whole()));
        if run.code == Some(0) {
            return Err("a version that cannot work counts as applied".to_owned());
        }
        bench.tally.count(&format!("runs with exit code {}", run.code.unwrap_or(-1)));
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        if report["rollback"].is_array() {
            bench.tally.count("rollbacks");
        }
        if attempt == 1 {
            bench.settings.line(&bench.tally.name, &format!("        {}", first_line(&reasons(&run))));
        }
        bench.writer.wait_for_service()?;
        let after = running(&bench.engine.api, NAME)?;
        let (old, new) = (before.get(service), after.get(service));
        if old.map(ids) != new.map(ids) {
            return Err(format!("run {attempt}: {service} is not the old container: {old:?}, now {new:?}"));
        }
        if flaw == Flaw::JobFails && old != new {
            return Err("the application was stopped although its migration failed".to_owned());
        }
        let wanted = bench.reference(bench.edition).of_services(&[service, "web", "still"]);
        if let Some(text) = difference(&bench.state()?.of_services(&[service, "web", "still"]), &wanted) {
            bench.note(&text);
            return Err(format!("run {attempt}: {service} serves, but not as before"));
        }
    }
    bench.write(bench.edition, None)?;
    bench.settle().map(drop)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
