//! One run for every request of an update and everything that can go wrong with it.

use crate::bench::{Bench, LIMIT};
use crate::proxy::fault::{Fault, Point};
use crate::random::Random;
use crate::report::Tally;
use crate::settings::Settings;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

/// Requests like one before (a container is looked at until it is healthy) count as new up to this one.
const ALIKE: usize = 2;
/// How long a request is held up. Long enough to change which of two steps ends first.
const DELAY: Duration = Duration::from_millis(700);
/// How long a run may wait for an answer that never comes, before somebody ends it.
const HANG: Duration = Duration::from_secs(4);

/// What is still to be played. One request first meets one fault, then the next.
type Work = Mutex<Vec<(Point, Fault)>>;

/// Plays until everything went wrong once, or the time is up.
pub fn play(settings: &Settings) -> Tally {
    let work: Work = Mutex::default();
    let (mut whole, mut parts) = (Tally::new("faults"), Vec::new());
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        for lane in 1..=settings.lanes {
            let (sender, work) = (sender.clone(), &work);
            scope.spawn(move || sender.send(lane_of(settings, lane, work)));
        }
        drop(sender);
        parts.extend(receiver);
    });
    for part in parts {
        whole.add(part);
    }
    whole.name = "faults".to_owned();
    whole.wanted = whole.rounds + work.lock().map_or(0, |left| left.len());
    whole
}

fn lane_of(settings: &Settings, lane: u8, work: &Work) -> Tally {
    let name = format!("faults-{lane}");
    let mut bench = match Bench::start(settings, &name, false) {
        Ok(bench) => bench,
        Err(error) => return Tally { failures: vec![error], ..Tally::new(&name) },
    };
    if lane == 1 {
        match points(&mut bench) {
            Ok(points) => {
                bench
                    .tally
                    .counts
                    .push(("different requests of an undisturbed update".to_owned(), points.len()));
                let todo = faults(&points, &mut Random::new(settings.seed, "faults"));
                work.lock().expect("nobody panics while holding it").extend(todo);
            }
            Err(error) => bench.tally.failures.push(error),
        }
    }
    let mut patience = 600;
    while !settings.is_over() {
        let next = work.lock().expect("nobody panics while holding it").pop();
        let Some((point, fault)) = next else {
            // The first lane may not have said yet what there is to do.
            if bench.tally.rounds > 0 || lane == 1 || patience == 0 {
                break;
            }
            patience -= 1;
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        let title = format!("{} at {point}", fault.name());
        if !bench.round(&title, |bench| round(bench, point, fault)) {
            break;
        }
    }
    bench.finish()
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
