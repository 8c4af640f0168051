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

use report::Tally;
use settings::Settings;
use std::process::ExitCode;

/// A scenario's name, and what plays it.
type Scenario = (&'static str, fn(&Settings) -> Tally);

/// Each list is played one after another, the lists side by side: most of the time is waiting.
const SCENARIOS: [&[Scenario]; 4] = [
    &[("faults", faults::play)],
    &[("kills", kills::play), ("races", races::play)],
    &[("restarts", restarts::play), ("disk", disk::play)],
    &[("rollbacks", rollbacks::play), ("swarm", rollbacks::play_swarm)],
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
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let lists: Vec<_> = SCENARIOS.iter().map(|list| scope.spawn(|| play(list, &settings))).collect();
        lists.into_iter().flat_map(|list| list.join().expect("a list ends")).collect()
    });
    let failed = tallies.iter().filter(|tally| !tally.holds()).count();
    let mut text: String = tallies.iter().map(Tally::text).collect();
    let word = if failed == 0 { "all of it held".to_owned() } else { format!("{failed} scenarios FAILED") };
    text.push_str(&format!(
        "{word}: seed {}, {:.0?}; rounds and failures in {}\n",
        settings.seed,
        settings.begin.elapsed(),
        settings.logs.display()
    ));
    print!("{text}");
    drop(std::fs::write(settings.logs.join("report.txt"), &text));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn play(list: &[Scenario], settings: &Settings) -> Vec<Tally> {
    let wanted = list.iter().filter(|(name, _)| settings.plays(name));
    wanted.map(|(_, play)| play(settings)).collect()
}
