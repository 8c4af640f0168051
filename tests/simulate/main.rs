//! The proof on the simulated engine: random stacks and edits, disturbed at every point. `make simulate SEEDS=N`.
//!
//! Time is virtual and everything comes of the seed, so a failure is played again by `make simulate SEED=its number`.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod engine;
mod history;
#[path = "../torture/random.rs"]
#[allow(dead_code, reason = "each of the proofs draws what it needs")]
mod random;
mod stacks;
#[path = "../it/typed.rs"]
mod typed;

use history::Tally;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How many failures are told in full.
const TOLD: usize = 30;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// `SEED` names one seed or several, with commas between them; else the first `SEEDS` are played.
fn seeds() -> Vec<u64> {
    let Ok(named) = std::env::var("SEED") else { return (1..=number("SEEDS", 200)).collect() };
    named.split(',').map(|seed| seed.trim().parse().expect("SEED is a number")).collect()
}

fn main() -> ExitCode {
    let seeds = seeds();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (begin, next) = (Instant::now(), AtomicUsize::new(0));
    let failures: Mutex<Vec<(u64, String)>> = Mutex::default();
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let work = || {
            let mut tally = Tally::new();
            while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(failure) = history::play(*seed, &mut tally) {
                    failures.lock().unwrap().push((*seed, failure));
                }
            }
            tally
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
    println!("{total} histories of {} seeds in {:.0?}", seeds.len(), begin.elapsed());
    for kind in history::KINDS {
        println!("  {:>8} {kind}", count(kind));
    }
    if failures.is_empty() {
        println!("all of it held");
        return ExitCode::SUCCESS;
    }
    let told: Vec<String> = failures.iter().map(|(seed, _)| seed.to_string()).collect();
    println!("{} seeds FAILED: {}", told.len(), told.join(","));
    ExitCode::FAILURE
}
