//! Holding locks while work is done, and giving them back.

use super::BEAT;
use crate::engine::{EngineError, Locks};
use crate::model::lock::{Holder, Taken};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// How often giving a lock back is tried, and the pause between.
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Locks that are held. They are not given back by themselves: [`hold`] does it.
#[derive(Debug, Default)]
#[must_use]
pub struct Guard {
    /// Ids of the locks by stack.
    ids: BTreeMap<String, String>,
}

impl Guard {
    pub(super) const fn new(ids: BTreeMap<String, String>) -> Self {
        Self { ids }
    }

    /// The stacks whose locks are held.
    pub fn stacks(&self) -> impl Iterator<Item = &str> {
        self.ids.keys().map(String::as_str)
    }

    /// Gives the locks back. One that cannot be is left to the next who asks for it: its holder is gone then.
    pub async fn release<E: Locks>(self, engine: &E) {
        for (stack, id) in self.ids {
            let mut result = Ok(());
            for attempt in 0..TRIES {
                if attempt > 0 {
                    tokio::time::sleep(PAUSE).await;
                }
                result = engine.remove_lock(&id).await;
                if !result.as_ref().is_err_and(EngineError::is_transient) {
                    break;
                }
            }
            if let Err(error) = result {
                tracing::warn!(%error, "the lock of {stack} stays until it is asked for again");
            }
        }
    }

    /// Gives signs of life for ever, or until a lock is another's. A lock that went away (pruned by hand, say) is taken
    /// anew.
    async fn keep<E: Locks>(&mut self, engine: &E, holder: &Holder) -> String {
        for number in 1.. {
            tokio::time::sleep(BEAT).await;
            for (stack, id) in &mut self.ids {
                if !matches!(engine.beat(id, number).await, Ok(false)) {
                    continue;
                }
                match engine.take_lock(stack, holder).await {
                    Ok(Taken::Ours(new)) => *id = new,
                    Ok(Taken::Theirs(held)) => {
                        return format!("the lock of {stack} was taken over by {}", held.holder.host);
                    }
                    Err(error) => tracing::debug!(%error, "the lock of {stack} is tried for again"),
                }
            }
        }
        String::new()
    }
}

/// Does work while locks are held, and gives them back. The work is told through `tell` to stop if `stop` says so, or if
/// a lock is lost to a process that took this one for dead.
pub async fn hold<E: Locks, T>(
    engine: &E,
    (mut guard, holder): (Guard, &Holder),
    (stop, tell): (&watch::Receiver<bool>, watch::Sender<bool>),
    work: impl Future<Output = T>,
) -> T {
    let mut asked = stop.clone();
    tokio::pin!(work);
    let done = {
        let keep = guard.keep(engine, holder);
        tokio::pin!(keep);
        let (mut is_asked, mut is_lost) = (false, false);
        loop {
            tokio::select! {
                done = &mut work => break done,
                Ok(_) = asked.wait_for(|stop| *stop), if !is_asked => {
                    is_asked = true;
                    tell.send_replace(true);
                }
                why = &mut keep, if !is_lost => {
                    is_lost = true;
                    tracing::error!("{why}: no further step begins");
                    tell.send_replace(true);
                }
            }
        }
    };
    guard.release(engine).await;
    done
}
