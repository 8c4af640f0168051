//! The proof on real engines: faults at every request, kills, engines that end, full disks, bad versions, rivals.
//!
//! `make torture` runs it; see `settings.rs` for what can be set. Every engine that is harmed is one of its own.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod api;
mod bench;
mod disk;
mod engine;
mod faults;
mod kills;
mod postgres;
mod program;
#[path = "../it/proxy/mod.rs"]
mod proxy;
mod races;
mod random;
mod report;
mod restarts;
mod rollbacks;
mod settings;
mod stack;
mod state;
mod writer;

use faults::Matrix;
use report::Tally;
use settings::Settings;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;

/// A scenario's name, and what plays it.
type Scenario = (&'static str, fn(&Settings) -> Tally);

/// Each has one engine at a time, the longest come first. Whoever finds none left plays faults until the end.
const SCENARIOS: [Scenario; 6] = [
    ("kills", kills::play),
    ("races", races::play),
    ("restarts", restarts::play),
    ("disk", disk::play),
    ("rollbacks", rollbacks::play),
    ("swarm", rollbacks::play_swarm),
];

fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("torture: {error}");
            return ExitCode::FAILURE;
        }
    };
    settings.line("torture", &format!("seed {}, {} minutes", settings.seed, settings.minutes));
    let tallies = play(&settings);
    let failed = tallies.iter().filter(|tally| !tally.holds()).count();
    let mut text: String = tallies.iter().map(Tally::text).collect();
    let word = if failed == 0 { "all of it held".to_owned() } else { format!("{failed} scenarios FAILED") };
    let (seed, elapsed, logs) = (settings.seed, settings.begin.elapsed(), settings.logs.display());
    let _ = writeln!(text, "{word}: seed {seed}, {elapsed:.0?}; rounds and failures in {logs}");
    print!("{text}");
    drop(std::fs::write(settings.logs.join("report.txt"), &text));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays all that is wanted, on so many engines at once as the settings say.
fn play(settings: &Settings) -> Vec<Tally> {
    let queue: VecDeque<&Scenario> = SCENARIOS.iter().filter(|(name, _)| settings.plays(name)).collect();
    let (queue, done) = (Mutex::new(queue), Mutex::new(Vec::new()));
    let matrix = settings.plays("faults").then(Matrix::default);
    let next = || queue.lock().expect("nobody panics while holding it").pop_front();
    let add = |tally| done.lock().expect("nobody panics while holding it").push(tally);
    std::thread::scope(|scope| {
        for engine in 1..=settings.engines {
            let (next, add, matrix) = (&next, &add, &matrix);
            scope.spawn(move || {
                while let Some((_, play)) = next() {
                    add(play(settings));
                }
                if let Some(matrix) = matrix {
                    matrix.lane(settings, engine);
                }
            });
        }
    });
    let mut tallies = done.into_inner().expect("nobody panics while holding it");
    tallies.extend(matrix.map(Matrix::tally));
    tallies
}
