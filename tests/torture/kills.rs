//! The program is killed at random moments of an update, while rows are being written.

use crate::bench::{Bench, LIMIT};
use crate::program::Killer;
use crate::proxy::fault::{Fault, Point};
use crate::random::Random;
use crate::report::Tally;
use crate::settings::Settings;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// When it is killed.
enum Moment {
    /// So long after its start.
    Time(Duration),
    /// When it asks for this; whether the engine still hears of it.
    Request(Point, bool),
}

/// Plays so many kills.
pub fn play(settings: &Settings) -> Tally {
    let mut bench = match Bench::start(settings, "kills", false) {
        Ok(bench) => bench,
        Err(error) => return Tally { failures: vec![error], ..Tally::new("kills") },
    };
    bench.tally.wanted = settings.kills;
    let mut random = Random::new(settings.seed, "kills");
    let (points, length) = match undisturbed(&mut bench) {
        Ok(found) => found,
        Err(error) => {
            bench.tally.failures.push(error);
            return bench.finish();
        }
    };
    // A kill at a request that does not occur in that round is none: it is played again.
    while bench.tally.rounds < settings.kills && !settings.is_over() {
        let moment = if random.below(2) == 0 {
            let millis = usize::try_from(length.as_millis()).unwrap_or(usize::MAX);
            Moment::Time(Duration::from_millis(random.below(millis) as u64))
        } else {
            Moment::Request(random.pick(&points).clone(), random.below(2) == 0)
        };
        let title = match &moment {
            Moment::Time(time) => format!("killed {time:.0?} after its start"),
            Moment::Request(point, true) => format!("killed after {point}"),
            Moment::Request(point, false) => format!("killed before {point}"),
        };
        if !bench.round(&title, |bench| round(bench, &moment)) {
            break;
        }
    }
    if bench.tally.rounds < bench.tally.wanted {
        bench.tally.failures.push("not all rounds were played: give it more TORTURE_MINUTES".to_owned());
    }
    bench.finish()
}

/// The changing requests of an update, and how long it takes.
fn undisturbed(bench: &mut Bench) -> Result<(Vec<Point>, Duration), String> {
    let points = bench.requests()?;
    let other = bench.other();
    bench.write(other, None)?;
    Ok((points, bench.settle()?.elapsed))
}

fn round(bench: &mut Bench, moment: &Moment) -> Result<(), String> {
    let other = bench.other();
    bench.write(other, None)?;
    let untouched = bench.untouched()?;
    // The proxy's hook exists before the run that it kills.
    let killer: Arc<Mutex<Option<Killer>>> = Arc::default();
    let found = Arc::clone(&killer);
    let hook = Arc::new(move || {
        if let Some(killer) = found.lock().ok().and_then(|killer| killer.clone()) {
            killer.kill();
        }
    });
    let faults = match moment {
        Moment::Time(_) => Vec::new(),
        Moment::Request(point, true) => vec![(point.clone(), Fault::After(hook))],
        Moment::Request(point, false) => vec![(point.clone(), Fault::Before(hook))],
    };
    bench.arm(faults)?;
    let running = {
        let mut killer = killer.lock().map_err(|error| error.to_string())?;
        let running = bench.reconcile(&bench.proxy.address())?;
        *killer = Some(running.killer());
        running
    };
    if let Moment::Time(time) = moment {
        std::thread::sleep(*time);
        running.killer().kill();
    }
    let run = running.end(LIMIT)?;
    bench.note(&format!("the killed run, after {} requests: {}", bench.proxy.points().len(), run.whole()));
    bench.tally.count(if run.code.is_none() { "kills" } else { "runs that ended before their kill" });
    let services = bench.services()?;
    if !services.iter().any(|service| service == "db") {
        bench.tally.count("kills between the end of the old database and the start of the new one");
    }
    bench.settle()?;
    if bench.untouched()? == untouched {
        Ok(())
    } else {
        Err("a service that did not change was touched".into())
    }
}
