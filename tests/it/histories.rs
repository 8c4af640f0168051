//! A sample of the histories that `make simulate` plays: whole seeds, so each with kills, failed calls, lost replies and
//! containers that never get healthy.

#[path = "../simulate/engine.rs"]
mod engine;
#[path = "../simulate/history.rs"]
mod history;
#[path = "../torture/random.rs"]
#[allow(dead_code, reason = "each of the proofs draws what it needs")]
mod random;
#[path = "../simulate/stacks.rs"]
mod stacks;

use crate::typed;
use history::{KINDS, Tally};

/// Seeds that are played, the last ones because they failed once; few enough for some seconds without optimisation.
const SEEDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 872, 1579];
/// How often at least each kind of disturbance has to come about.
const LEAST: usize = 6;

#[test]
fn random_histories_hold() {
    let mut tally = Tally::new();
    for seed in SEEDS {
        if let Err(failure) = history::play(seed, &mut tally) {
            panic!("{failure}");
        }
    }
    for kind in KINDS {
        let count = tally.get(kind).copied().unwrap_or_default();
        assert!(count >= LEAST, "{kind}: {count} of {tally:?}");
    }
}
