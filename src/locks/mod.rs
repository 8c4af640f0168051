//! One process at a time works on a stack, wherever on earth it runs: the lock is a container on the engine, whose name
//! only one can have.
//!
//! An engine ties nothing to a client's connection that could be such a lock, so a lock outlives a holder that was
//! killed. It dies with it all the same: on the holder's own machine the kernel knows that the process is gone; from
//! anywhere else, signs of life that stay away tell it. Those are compared with each other, never with a clock, so
//! machines need not agree on the time.

mod hold;

pub use hold::{Guard, hold};

use crate::engine::{EngineError, Locks};
use crate::model::lock::{Held, Holder, Taken};
use crate::model::observed::ObservedState;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Time between two signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// How long they may stay away before the holder counts as dead: an engine under load answers late.
const SILENCE: Duration = Duration::from_secs(30);
/// The first pause between looks at a lock that another process has, and the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Who asks for locks, and how it goes about it.
pub struct Party<'a> {
    /// The asking process.
    pub holder: Holder,
    /// The time, in seconds since 1970.
    pub now: fn() -> i64,
    /// Whether a holder is known to run no more. False where that cannot be told.
    pub is_gone: fn(&Holder) -> bool,
    /// A number between 0 and 1: those who wait do not all look at once.
    pub chance: fn() -> f64,
    /// How long to wait for a lock at most.
    pub patience: Duration,
    /// Set to true to give up.
    pub stop: watch::Receiver<bool>,
    /// Told once of each lock that is waited for.
    pub waits: &'a (dyn Fn(&Held) + Sync),
}

/// What came of asking for locks.
#[derive(Debug)]
pub enum Asked {
    /// They are ours.
    Ours(Guard),
    /// Another process kept this one, or the wait for it was cut short. Nothing is held.
    Theirs(Held),
}

/// Takes the locks of some stacks: all of them or, in the end, none. While one is waited for none is held, so that no two
/// processes wait for each other.
pub async fn ask<E: Locks>(
    engine: &E,
    stacks: &BTreeSet<String>,
    party: &Party<'_>,
) -> Result<Asked, EngineError> {
    let start = Instant::now();
    let mut told = BTreeSet::new();
    loop {
        let held = match take_all(engine, stacks, party).await? {
            Ok(ids) => return Ok(Asked::Ours(Guard::new(ids))),
            Err(held) => held,
        };
        if (party.is_gone)(&held.holder) {
            engine.remove_lock(&held.id).await?;
            continue;
        }
        if told.insert(held.id.clone()) && !party.patience.is_zero() {
            (party.waits)(&held);
        }
        if !wait(engine, &held, party, start).await? {
            return Ok(Asked::Theirs(held));
        }
    }
}

/// Either the ids of all locks, or the one that another process has; then none is kept.
async fn take_all<E: Locks>(
    engine: &E,
    stacks: &BTreeSet<String>,
    party: &Party<'_>,
) -> Result<Result<BTreeMap<String, String>, Held>, EngineError> {
    let mut ids = BTreeMap::new();
    let holder = Holder { since: (party.now)(), ..party.holder.clone() };
    for stack in stacks {
        let failed = match engine.take_lock(stack, &holder).await {
            Ok(Taken::Ours(id)) => {
                ids.insert(stack.clone(), id);
                continue;
            }
            Ok(Taken::Theirs(held)) => Ok(Err(held)),
            Err(error) => Err(error),
        };
        Guard::new(ids).release(engine).await;
        return failed;
    }
    Ok(Ok(ids))
}

/// Waits until a lock is free, or its holder is dead and it was taken away. False if there is no time left.
async fn wait<E: Locks>(
    engine: &E,
    held: &Held,
    party: &Party<'_>,
    start: Instant,
) -> Result<bool, EngineError> {
    let mut stop = party.stop.clone();
    let (mut pause, mut pulse, mut alive) = (PAUSE, None, Instant::now());
    loop {
        let left = party.patience.saturating_sub(start.elapsed());
        if left.is_zero() || *stop.borrow() {
            return Ok(false);
        }
        let nap = pause.mul_f64(1.0 - (party.chance)().clamp(0.0, 1.0) / 4.0).min(left);
        tokio::select! {
            () = tokio::time::sleep(nap) => {}
            Ok(_) = stop.wait_for(|stop| *stop) => return Ok(false),
        }
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        match engine.pulse(&held.id).await {
            Ok(None) => return Ok(true),
            Ok(seen) if pulse == seen => {}
            Ok(seen) => (pulse, alive) = (seen, Instant::now()),
            // An engine that does not answer says nothing about the holder.
            Err(error) if error.is_transient() => alive = Instant::now(),
            Err(error) => return Err(error),
        }
        if alive.elapsed() >= SILENCE || (party.is_gone)(&held.holder) {
            engine.remove_lock(&held.id).await?;
            return Ok(true);
        }
    }
}

/// Takes away locks of holders that are known to run no more. One that cannot be judged stays until somebody asks for it.
pub async fn sweep<E: Locks>(engine: &E, observed: &ObservedState, is_gone: fn(&Holder) -> bool) {
    for container in &observed.containers {
        if Holder::read(&container.labels).is_some_and(|holder| is_gone(&holder))
            && let Err(error) = engine.remove_lock(&container.id).await
        {
            tracing::debug!(%error, lock = container.name, "a dead process's lock stays");
        }
    }
}

#[cfg(test)]
mod tests;
