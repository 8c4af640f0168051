//! One run for every request of an update and everything that can go wrong with it.

use crate::bench::{Bench, LIMIT};
use crate::proxy::fault::{Fault, Point};
use crate::random::Random;
use crate::report::Tally;
use crate::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// Requests like one before (a container is looked at until it is healthy) count as new up to this one.
const ALIKE: usize = 2;
/// How long a request is held up. Long enough to change which of two steps ends first.
const DELAY: Duration = Duration::from_millis(700);
/// How long a run may wait for an answer that never comes, before somebody ends it.
const HANG: Duration = Duration::from_secs(4);

/// Requests and what is to go wrong with each, shared by all engines that play.
#[derive(Default)]
pub struct Matrix {
    /// What is still to be played, the last comes first; `None` until the first engine has found the requests.
    work: Mutex<Option<Vec<(Point, Fault)>>>,
    parts: Mutex<Vec<Tally>>,
}

impl Matrix {
    /// Plays on an engine until nothing is left, or the time is up.
    pub fn lane(&self, settings: &Settings, engine: u8) {
        let name = format!("faults-{engine}");
        let tally = match Bench::start(settings, &name, false) {
            Ok(mut bench) => {
                self.rounds(&mut bench);
                bench.finish()
            }
            Err(error) => Tally { failures: vec![error], ..Tally::new(&name) },
        };
        self.parts.lock().expect("nobody panics while holding it").push(tally);
    }

    fn rounds(&self, bench: &mut Bench) {
        while !bench.settings.is_over() {
            let next = match self.next(bench) {
                Ok(next) => next,
                Err(error) => return bench.tally.failures.push(error),
            };
            let Some((point, fault)) = next else { return };
            let title = format!("{} at {point}", fault.name());
            if !bench.round(&title, |bench| round(bench, point, fault)) {
                return;
            }
        }
    }

    /// The first engine finds out what there is to play while the others wait.
    fn next(&self, bench: &mut Bench) -> Result<Option<(Point, Fault)>, String> {
        let mut work = self.work.lock().expect("nobody panics while holding it");
        if let Some(work) = &mut *work {
            return Ok(work.pop());
        }
        // An engine that cannot say leaves nothing to play.
        let todo = work.insert(Vec::new());
        let points = points(bench)?;
        let (seed, share) = (bench.settings.seed, bench.settings.share);
        let all = faults(&points, &mut Random::new(seed, "faults"));
        let count = all.len();
        todo.extend(spread(all, &points, (seed, share)));
        let text = format!("{} of {count} faults, at {} requests", todo.len(), points.len());
        bench.settings.line("faults", &text);
        bench.tally.counts.push(("different requests of an undisturbed update".to_owned(), points.len()));
        bench.tally.counts.push(("faults that there are at these".to_owned(), count));
        Ok(todo.pop())
    }

    /// What it came to.
    pub fn tally(self) -> Tally {
        let mut whole = Tally::new("faults");
        for part in self.parts.into_inner().unwrap_or_default() {
            whole.add(part);
        }
        let left = self.work.into_inner().ok().flatten().map_or(0, |left| left.len());
        whole.wanted = whole.rounds + left;
        if left > 0 {
            whole.failures.push("not all rounds were played: give it more TORTURE_MINUTES".to_owned());
        }
        whole
    }
}

/// The requests of an undisturbed update.
fn points(bench: &mut Bench) -> Result<BTreeSet<Point>, String> {
    let other = bench.other();
    bench.write(other, None)?;
    bench.arm(Vec::new())?;
    bench.reconcile(&bench.proxy.address())?.end(LIMIT)?;
    let points = bench.proxy.points();
    bench.settle()?;
    Ok(points.into_iter().filter(|point| point.occurrence <= ALIKE).collect())
}

/// Everything that can go wrong with each of these requests. The last comes first.
fn faults(points: &BTreeSet<Point>, random: &mut Random) -> Vec<(Point, Fault)> {
    let mut looks: Vec<_> = points.iter().filter(|point| point.label.starts_with("GET ")).collect();
    let mut calls: Vec<_> = points.iter().filter(|point| !point.label.starts_with("GET ")).collect();
    let mut all = Vec::new();
    let kinds: [(bool, fn() -> Fault); 10] = [
        (true, || Fault::Delay(DELAY)),
        (false, || Fault::Hang { done: false }),
        (true, || Fault::Hang { done: true }),
        (false, || Fault::CutBytes(100)),
        (false, || Fault::Error),
        (true, || Fault::CutBefore),
        (true, || Fault::Gone),
        (true, || Fault::LateError),
        (true, || Fault::CutAfter),
        (true, || Fault::Error),
    ];
    for (is_call, fault) in kinds {
        let list = if is_call { &mut calls } else { &mut looks };
        random.shuffle(list);
        all.extend(list.iter().map(|point| ((*point).clone(), fault())));
    }
    all
}

/// One of so many faults at each request, another one at the next: every request meets some, and every fault is met.
fn spread(
    all: Vec<(Point, Fault)>,
    points: &BTreeSet<Point>,
    (seed, share): (u64, usize),
) -> Vec<(Point, Fault)> {
    let mut turns: BTreeMap<&Point, usize> = BTreeMap::new();
    let first = usize::try_from(seed % share as u64).unwrap_or_default();
    for (at, point) in points.iter().enumerate() {
        turns.insert(point, first + at);
    }
    let mut chosen = Vec::new();
    for (point, fault) in all {
        let Some(turn) = turns.get_mut(&point) else { continue };
        *turn += 1;
        if *turn % share == 0 {
            chosen.push((point, fault));
        }
    }
    chosen
}

fn round(bench: &mut Bench, point: Point, fault: Fault) -> Result<(), String> {
    let kind = fault.name();
    let other = bench.other();
    bench.write(other, None)?;
    let (before, untouched) = (bench.services()?, bench.untouched()?);
    bench.arm(vec![(point, fault)])?;
    let running = bench.reconcile(&bench.proxy.address())?;
    let killer = running.killer();
    if kind.starts_with("hang") {
        std::thread::sleep(HANG);
        killer.kill();
    }
    let run = running.end(LIMIT)?;
    bench.note(&format!("the disturbed run: {}", run.whole()));
    if bench.proxy.struck().is_empty() {
        bench.tally.count("rounds in which the request did not occur");
    } else {
        bench.tally.count(&format!("times {kind}"));
    }
    if bench.untouched()? != untouched {
        return Err("a service that did not change was touched".to_owned());
    }
    let after = bench.services()?;
    let down: Vec<&String> = before.iter().filter(|service| !after.contains(service)).collect();
    if !down.is_empty() {
        bench.note(&format!("down after the disturbed run: {down:?}"));
        bench.tally.count("runs that left a service down until the next run");
        // With the engine still there, the run itself has to bring back what it stopped.
        if !matches!(kind, "gone" | "hang-before" | "hang-after") {
            let text = format!("left down although the engine answered: {down:?}");
            bench.settle()?;
            return Err(text);
        }
    }
    if kind == "delay" && run.code != Some(0) {
        return Err(format!("a delay made the run fail: {}", crate::bench::reasons(&run)));
    }
    bench.settle()?;
    if bench.untouched()? == untouched {
        Ok(())
    } else {
        Err("the next run touched what did not change".into())
    }
}
