//! The proof on the simulated engine: random stacks and edits, disturbed at every point. `make simulate SEEDS=N`.
//!
//! Time is virtual and everything comes of the seed, so a failure is played again by `make simulate SEED=its number`.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod engine;
mod history;
mod random;
mod stacks;
#[path = "../it/typed.rs"]
mod typed;

use history::Tally;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How many failures are told in full.
const TOLD: usize = 3;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> ExitCode {
    let first = number("SEED", 1);
    let seeds = number("SEEDS", if std::env::var_os("SEED").is_some() { 1 } else { 200 });
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (begin, next) = (Instant::now(), AtomicU64::new(first));
    let failures: Mutex<Vec<(u64, String)>> = Mutex::default();
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let work = || {
            let mut tally = Tally::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + seeds {
                    return tally;
                }
                if let Err(failure) = history::play(seed, &mut tally) {
                    failures.lock().unwrap().push((seed, failure));
                }
            }
        };
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().map(|one| one.join().expect("a thread ends")).collect()
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    for (_, failure) in failures.iter().take(TOLD) {
        println!("{failure}\n");
    }
    let count = |kind: &str| tallies.iter().filter_map(|tally| tally.get(kind)).sum::<usize>();
    let total: usize = history::KINDS.iter().map(|kind| count(kind)).sum();
    println!("{total} histories of {seeds} seeds from {first} in {:.0?}", begin.elapsed());
    for kind in history::KINDS {
        println!("  {:>8} {kind}", count(kind));
    }
    if failures.is_empty() {
        println!("all of it held");
        return ExitCode::SUCCESS;
    }
    let seeds: Vec<String> = failures.iter().map(|(seed, _)| seed.to_string()).collect();
    println!("{} seeds FAILED: {}", seeds.len(), seeds.join(" "));
    ExitCode::FAILURE
}
