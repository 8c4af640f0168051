//! The engine ends in the middle of an update, and comes back.

use crate::bench::{Bench, LIMIT};
use crate::engine::Signal;
use crate::proxy::fault::{Fault, Point};
use crate::random::Random;
use crate::report::Tally;
use crate::settings::Settings;
use std::sync::mpsc;
use std::time::Duration;

/// How many moments are tried for each way of ending.
const MOMENTS: usize = 4;

/// Plays every way of ending at several moments.
pub fn play(settings: &Settings) -> Tally {
    let mut bench = match Bench::start(settings, "restarts", false) {
        Ok(bench) => bench,
        Err(error) => return Tally { failures: vec![error], ..Tally::new("restarts") },
    };
    bench.tally.wanted = 4 * MOMENTS;
    let mut random = Random::new(settings.seed, "restarts");
    let points = match bench.requests() {
        Ok(found) => found,
        Err(error) => {
            bench.tally.failures.push(error);
            return bench.finish();
        }
    };
    for live_restore in [false, true] {
        // What came up without live-restore has gone down with it, and has to stand again before the first round.
        if live_restore && let Err(error) = restart(&bench, live_restore).and_then(|()| bench.settle()) {
            bench.tally.failures.push(error);
            break;
        }
        for at in 0..2 * MOMENTS {
            if settings.is_over() {
                break;
            }
            let signal = if at % 2 == 0 { Signal::Kill } else { Signal::Term };
            // One moment out of each part of the update.
            let part = points.len() / MOMENTS;
            let point = points[(at / 2) * part + random.below(part)].clone();
            let words = if live_restore { " with live-restore" } else { "" };
            let title = format!("{signal:?} to the engine{words} at {point}");
            if !bench.round(&title, |bench| round(bench, point, signal, live_restore)) {
                return bench.finish();
            }
        }
    }
    if bench.tally.rounds < bench.tally.wanted {
        bench.tally.failures.push("not all rounds were played: give it more TORTURE_MINUTES".to_owned());
    }
    bench.finish()
}

fn restart(bench: &Bench, live_restore: bool) -> Result<(), String> {
    bench.engine.down(Signal::Term)?;
    bench.engine.up(live_restore).map(drop)
}

/// The next run. An engine of version 20.10 that is ended in the middle of a start can come back with books that are wrong.
///
/// It may hold a host port that nobody has, and refuse it to everybody: no client can mend that, only its next start does.
/// Or its runtime knows a container already that it believes was never started: that container is taken back as any that
/// cannot be started, and made anew by a later run.
fn settle(bench: &mut Bench, live_restore: bool) -> Result<(), String> {
    let Err(mut error) = bench.settle() else { return Ok(()) };
    if ["already exists", "id already in use"].iter().any(|words| error.contains(words)) {
        bench.tally.count("engines whose runtime knew a container that they had never started");
        match bench.settle() {
            Ok(_) => return Ok(()),
            Err(other) => error = other,
        }
    }
    if !error.contains("port is already allocated") || bench.has_port()? {
        return Err(error);
    }
    bench.tally.count("engines that had to be started once more to give a host port free that nobody has");
    restart(bench, live_restore)?;
    bench.settle().map(drop)
}

fn round(bench: &mut Bench, point: Point, signal: Signal, live_restore: bool) -> Result<(), String> {
    let other = bench.other();
    bench.write(other, None)?;
    let untouched = bench.untouched()?;
    let (sender, receiver) = mpsc::channel();
    let hook = std::sync::Arc::new(move || sender.send(()).unwrap_or_default());
    bench.arm(vec![(point, Fault::Before(hook))])?;
    let running = bench.reconcile(&bench.proxy.address())?;
    if receiver.recv_timeout(Duration::from_secs(20)).is_err() {
        bench.tally.count("rounds in which the request did not occur");
    }
    bench.engine.signal(signal)?;
    bench.engine.await_end()?;
    bench.tally.count(if signal == Signal::Kill { "engines killed" } else { "engines ended" });
    let run = running.end(LIMIT)?;
    bench.note(&format!("the disturbed run: {}", run.whole()));
    let knows_networks = bench.engine.up(live_restore)?;
    if !knows_networks {
        bench.tally.count("engines that could not start until their record of networks was removed");
    }
    let services = bench.services()?;
    bench.note(&format!("running as the engine came back: {services:?}"));
    if !services.iter().any(|service| service == "db") {
        bench.tally.count("times the database was down as the engine came back");
    }
    settle(bench, live_restore)?;
    // Without live-restore the engine itself has stopped everything, and without its networks nothing can stay.
    if live_restore && knows_networks && bench.untouched()? != untouched {
        return Err("a service that did not change was touched".to_owned());
    }
    Ok(())
}
