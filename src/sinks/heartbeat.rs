//! A dead man's switch: a service that raises the alarm when it hears nothing any more.

use std::collections::BTreeSet;

/// When a sign is given: every source was looked at since the last one, and enough time has passed. So one source that
/// hangs is enough for the alarm.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    sources: BTreeSet<String>,
    seen: BTreeSet<String>,
    /// Seconds between two signs at least.
    every: i64,
    last: Option<i64>,
}

impl Heartbeat {
    /// For these sources.
    pub const fn new(sources: BTreeSet<String>, every: i64) -> Self {
        Self { sources, seen: BTreeSet::new(), every, last: None }
    }

    /// A source was looked at without trouble; whether a sign is to be given now.
    pub fn looked(&mut self, source: &str, now: i64) -> bool {
        if self.sources.contains(source) {
            self.seen.insert(source.to_owned());
        }
        let is_due = self.last.is_none_or(|last| now - last >= self.every);
        if !is_due || self.sources.is_empty() || self.seen != self.sources {
            return false;
        }
        self.last = Some(now);
        self.seen.clear();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Heartbeat;
    use std::collections::BTreeSet;

    #[test]
    fn a_sign_is_given_when_all_were_looked_at_and_not_too_often() {
        let sources = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let mut heartbeat = Heartbeat::new(sources, 60);
        assert!(!heartbeat.looked("a", 0));
        assert!(!heartbeat.looked("other", 1));
        assert!(heartbeat.looked("b", 2));
        assert!(!heartbeat.looked("a", 30));
        assert!(!heartbeat.looked("b", 31), "too early");
        assert!(heartbeat.looked("a", 62));
        for now in 63..500 {
            assert!(!heartbeat.looked("a", now), "b hangs");
        }
        assert!(heartbeat.looked("b", 500));
    }
}
