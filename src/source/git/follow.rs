//! Following a repository: asked at intervals, less often while it cannot be reached, and read only when it has news.

use super::repository::{Ask, GitSource, LastGood};
use super::tree::{Seen, look};
use crate::model::commit::Commit;
use crate::model::desired::DesiredState;
use crate::source::load::LoadedSource;
use crate::source::mounted::Mounts;
use crate::source::options::SourceRequest;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest time between two tries to reach a repository, in seconds, unless its interval is longer.
const LONGEST_WAIT: i64 = 900;

/// A repository that is looked at again and again.
pub struct Follower {
    source: GitSource,
    /// Seconds between two times that it is asked.
    interval: i64,
    /// A number between 0 and 1.
    chance: fn() -> f64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When it is asked next, in seconds since 1970.
    next: i64,
    /// How often in a row it could not be asked.
    failures: u32,
    /// Why it could not be asked, the last time that it was.
    outage: Option<String>,
    last: Option<Last>,
}

/// What was read last.
struct Last {
    id: String,
    /// The store that it was read from.
    store: String,
    /// The local files that were asked for.
    locals: BTreeMap<PathBuf, Seen>,
    desired: Arc<DesiredState>,
    commit: Option<Commit>,
    mounts: Option<Arc<Mounts>>,
}

impl Follower {
    /// Follows a repository.
    pub fn new(source: GitSource, interval: Duration, chance: fn() -> f64) -> Self {
        let interval = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).max(1);
        Self { source, interval, chance, state: Mutex::default() }
    }

    /// Loads its stacks. If it has no news, and no local file changed, what was loaded last is given once more, without
    /// what there was to say about it. `now` is in seconds since 1970.
    pub fn load(&self, request: &SourceRequest, ask: Ask, now: i64) -> LoadedSource {
        let (asks, mut loaded) = self.load_as_asked(request, ask, now);
        let mut state = self.state();
        if asks {
            state.outage.clone_from(&loaded.outage);
        } else {
            // It is over when the repository answers, not when nobody asks.
            loaded.outage.clone_from(&state.outage);
        }
        loaded.asked_next = Some(state.next);
        drop(state);
        loaded
    }

    fn load_as_asked(&self, request: &SourceRequest, ask: Ask, now: i64) -> (bool, LoadedSource) {
        // Never locked for longer than a moment: one that waits for a server must not hold up others, which know enough.
        let asks = match ask {
            Ask::Now => true,
            Ask::WhenDue => now >= self.state().next,
            Ask::IfUnknown => false,
        };
        let good = self.source.last_good(if asks { Ask::Now } else { Ask::IfUnknown }, now);
        if asks {
            let mut state = self.state();
            let is_reached = good.as_ref().is_ok_and(|good| good.outage.is_none());
            state.failures = if is_reached { 0 } else { state.failures + 1 };
            state.next = now + wait(self.interval, state.failures, (self.chance)());
        }
        let good = match good {
            Ok(good) => good,
            Err(failure) => return (asks, self.source.unreadable(&failure)),
        };
        if let Some(last) = &self.state().last
            && last.id == good.update.commit.id
            && last.store == good.update.store
            && last.locals.iter().all(|(path, seen)| look(path) == *seen)
        {
            return (asks, again(last, &self.source, good));
        }
        let store = good.update.store.clone();
        let loaded = self.source.load_good(request, good);
        let mut desired = Arc::clone(&loaded.desired);
        if desired.complete != loaded.complete_but_for_outage {
            Arc::make_mut(&mut desired).complete = loaded.complete_but_for_outage;
        }
        let update = loaded.commit.as_ref().zip(loaded.mounts.as_ref());
        self.state().last = update.map(|(commit, mounts)| Last {
            id: commit.id.clone(),
            store,
            locals: mounts.locals(),
            desired,
            commit: loaded.commit.clone(),
            mounts: loaded.mounts.clone(),
        });
        (asks, loaded)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was loaded last, with what is known of the repository now.
fn again(last: &Last, source: &GitSource, good: LastGood) -> LoadedSource {
    let mut loaded = LoadedSource {
        desired: Arc::clone(&last.desired),
        commit: last.commit.clone(),
        mounts: last.mounts.clone(),
        base: Some(source.place.engine.clone()),
        ..LoadedSource::default()
    };
    good.tell(&mut loaded);
    loaded
}

/// Seconds until a repository is asked again. Failures double them; a tenth is up to chance, so that many hosts do not ask
/// at once.
fn wait(interval: i64, failures: u32, chance: f64) -> i64 {
    let longer = interval.saturating_mul(1 << failures.min(20)).min(interval.max(LONGEST_WAIT));
    if failures == 0 {
        return interval;
    }
    let spread = Duration::from_secs(longer.unsigned_abs()).mul_f64(chance.clamp(0.0, 1.0) / 10.0);
    longer + i64::try_from(spread.as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn a_repository_that_cannot_be_reached_is_asked_less_and_less() {
        let waits: Vec<i64> = (0..7).map(|failures| wait(60, failures, 0.0)).collect();
        assert_eq!(waits, [60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(wait(60, 4, 1.0), 990, "spread by chance");
        assert_eq!(wait(3600, 3, 0.0), 3600, "never less often than it would be asked anyway");
        assert_eq!(wait(1, 0, 1.0), 1);
    }
}
