//! Waiting for another process that works on the same stacks.

use super::engine::now;
use super::output::{Output, RED, YELLOW};
use super::process::{holder, is_gone};
use crate::locks::Party;
use crate::model::clock;
use crate::model::lock::Held;
use crate::model::units::Nanos;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;
use tokio::sync::watch;

/// How long to wait unless the user says otherwise: longer than most deployments take.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long to wait.
pub fn patience(asked: Option<Nanos>) -> Duration {
    asked.map_or(PATIENCE, Nanos::to_std)
}

/// Good enough to spread polls, retries and looks at locks.
pub fn chance() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// This process, as one that asks for locks.
pub fn party(patience: Duration, stop: watch::Receiver<bool>, waits: &(dyn Fn(&Held) + Sync)) -> Party<'_> {
    Party { holder: holder(), now, is_gone, chance, patience, stop, waits }
}

/// Who has a lock, and since when.
pub fn who(held: &Held) -> String {
    let Held { stack, holder, .. } = held;
    let (host, number, since) = (&holder.host, holder.process.id, clock::utc(holder.since));
    format!("{stack} is being worked on by reconcile on {host} (process {number}) since {since}")
}

/// Says that a lock is waited for.
pub fn waits(output: Output, held: &Held, patience: Duration) {
    let limit = patience.as_secs();
    output.talk(&format!("{YELLOW}waiting{YELLOW:#}: {}; waiting for up to {limit} s\n", who(held)));
}

/// Says that it was waited for in vain.
pub fn gives_up(output: Output, held: &Held) {
    output.complain(&format!(
        "{RED}locked{RED:#}: {}; nothing was changed\n  hint: --lock-timeout says how long to wait; a lock ends with its \
         process\n",
        who(held)
    ));
}
