//! When a source is looked at next, and which of its stacks are left alone meanwhile.
//!
//! Pure: time is an argument, as the time since the daemon started, and so is chance.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Why a source is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// The daemon started.
    Start,
    /// Its interval is over.
    Poll,
    /// A stack that failed is tried again.
    Retry,
    /// The work on stacks ended, or something else happened during that on one of them.
    Followup,
    /// Something changed on the engine.
    Engine,
    /// A file changed.
    Files,
    /// A stack may be changed from now on that waited for it.
    Schedule,
    /// Somebody asked for it.
    Request,
    /// A forge said that something was pushed.
    Webhook,
}

impl Trigger {
    /// The word in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Poll => "poll",
            Self::Retry => "retry",
            Self::Followup => "followup",
            Self::Engine => "engine",
            Self::Files => "files",
            Self::Schedule => "schedule",
            Self::Request => "request",
            Self::Webhook => "webhook",
        }
    }
}

/// The times that a queue keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Time between two looks without any other trigger; a tenth of it is up to chance.
    pub interval: Duration,
    /// How long it has to be quiet after a change of files or of the engine.
    pub quiet: Duration,
    /// How long such changes may put off a look at most.
    pub patience: Duration,
    /// Time until a stack that failed is tried again; it doubles with every further failure.
    pub first_retry: Duration,
    /// The longest such time.
    pub last_retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            quiet: Duration::from_millis(500),
            patience: Duration::from_secs(5),
            first_retry: Duration::from_secs(10),
            last_retry: Duration::from_secs(300),
        }
    }
}

/// What is to be done about one source.
#[derive(Debug)]
pub struct Queue {
    timing: Timing,
    next_poll: Duration,
    /// When the first stack that waits may be changed.
    opening: Option<Duration>,
    pending: Option<Pending>,
    /// Stacks that are being worked on; true if something happened meanwhile.
    running: BTreeMap<String, bool>,
    failing: BTreeMap<String, Failing>,
}

#[derive(Debug)]
struct Pending {
    trigger: Trigger,
    first: Duration,
    due: Duration,
}

#[derive(Debug)]
struct Failing {
    count: u32,
    until: Duration,
}

impl Queue {
    /// A queue whose first look is due at once.
    pub const fn new(timing: Timing) -> Self {
        let start = Pending { trigger: Trigger::Start, first: Duration::ZERO, due: Duration::ZERO };
        Self {
            timing,
            next_poll: Duration::ZERO,
            opening: None,
            pending: Some(start),
            running: BTreeMap::new(),
            failing: BTreeMap::new(),
        }
    }

    /// Notes that something happened. Triggers that come while one waits are one with it.
    pub fn trigger(&mut self, trigger: Trigger, now: Duration) {
        let Timing { quiet, patience, .. } = self.timing;
        let wait = match trigger {
            Trigger::Files | Trigger::Engine => quiet,
            Trigger::Start
            | Trigger::Poll
            | Trigger::Retry
            | Trigger::Followup
            | Trigger::Schedule
            | Trigger::Request
            | Trigger::Webhook => Duration::ZERO,
        };
        match &mut self.pending {
            None => self.pending = Some(Pending { trigger, first: now, due: now + wait }),
            Some(pending) => {
                // A request does not wait for files to settle, and files that settle do not hold up a request.
                pending.due = if wait.is_zero() { now } else { (now + wait).min(pending.first + patience) };
                pending.trigger = pending.trigger.max(trigger);
            }
        }
    }

    /// Notes when the first stack that waits may be changed, until the next look.
    pub fn opens(&mut self, at: Option<Duration>) {
        self.opening = at;
    }

    /// When the next look is due.
    pub fn due(&self) -> Duration {
        let retries = self.failing.iter().filter(|(stack, _)| !self.running.contains_key(*stack));
        let retry = retries.map(|(_, failing)| failing.until).min();
        let pending = self.pending.as_ref().map(|pending| pending.due);
        [pending, retry, self.opening].into_iter().flatten().fold(self.next_poll, Duration::min)
    }

    /// Takes the look that is due, if one is. `chance` is between 0 and 1.
    pub fn take(&mut self, now: Duration, chance: f64) -> Option<Trigger> {
        if self.due() > now {
            return None;
        }
        let trigger = match self.pending.take_if(|pending| pending.due <= now) {
            Some(pending) => pending.trigger,
            None if self.opening.is_some_and(|opening| opening <= now) => Trigger::Schedule,
            None if self.next_poll <= now => Trigger::Poll,
            None => Trigger::Retry,
        };
        self.opening = None;
        self.next_poll = now + self.timing.interval.mul_f64(1.0 + chance.clamp(0.0, 1.0) / 10.0);
        for dirty in self.running.values_mut() {
            *dirty = true;
        }
        Some(trigger)
    }

    /// Stacks that are left alone now: they are being worked on, or failed a short while ago.
    pub fn left_alone(&self, now: Duration) -> BTreeSet<String> {
        let failing = self.failing.iter().filter(|(_, failing)| failing.until > now);
        failing.map(|(stack, _)| stack).chain(self.running.keys()).cloned().collect()
    }

    /// Notes that stacks are being worked on.
    pub fn begin(&mut self, stacks: &BTreeSet<String>) {
        self.running.extend(stacks.iter().map(|stack| (stack.clone(), false)));
    }

    /// Notes that the work on a stack has ended; gives the time until it is tried again, if it failed.
    pub fn end(&mut self, stack: &str, success: bool, now: Duration, chance: f64) -> Option<Duration> {
        if self.running.remove(stack) == Some(true) {
            self.trigger(Trigger::Followup, now);
        }
        if success {
            self.failing.remove(stack);
            return None;
        }
        let count = self.failing.get(stack).map_or(0, |failing| failing.count);
        let Timing { first_retry, last_retry, .. } = self.timing;
        let wait = first_retry.saturating_mul(1 << count.min(20)).min(last_retry);
        let wait = wait.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 4.0);
        self.failing.insert(stack.to_owned(), Failing { count: count + 1, until: now + wait });
        Some(wait)
    }

    /// Forgets failures: the source says something else now.
    pub fn revised(&mut self) {
        self.failing.clear();
    }

    /// Whether nothing is being worked on.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, Timing, Trigger};
    use std::collections::BTreeSet;
    use std::time::Duration;

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn started() -> Queue {
        let mut queue = Queue::new(Timing::default());
        assert_eq!(queue.take(at(0), 0.0), Some(Trigger::Start));
        queue
    }

    #[test]
    fn a_burst_of_changes_is_one_look_after_it_is_quiet() {
        let mut queue = started();
        for time in [1000, 1200, 1400] {
            queue.trigger(Trigger::Files, at(time));
            assert_eq!(queue.take(at(time), 0.0), None);
        }
        assert_eq!(queue.due(), at(1900));
        assert_eq!(queue.take(at(1900), 0.0), Some(Trigger::Files));
        assert_eq!(queue.due(), at(61_900), "then the interval begins anew");
    }

    #[test]
    fn endless_changes_do_not_put_a_look_off_for_ever() {
        let mut queue = started();
        for time in (1000..6000).step_by(100) {
            queue.trigger(Trigger::Engine, at(time));
        }
        assert_eq!(queue.due(), at(6000));
    }

    #[test]
    fn a_request_is_served_at_once() {
        let mut queue = started();
        queue.trigger(Trigger::Files, at(1000));
        queue.trigger(Trigger::Request, at(1100));
        assert_eq!(queue.take(at(1100), 0.0), Some(Trigger::Request));
    }

    #[test]
    fn a_window_that_opens_is_a_reason_to_look() {
        let mut queue = started();
        queue.opens(Some(at(20_000)));
        assert_eq!(queue.due(), at(20_000));
        assert_eq!(queue.take(at(20_000), 0.0), Some(Trigger::Schedule));
        assert_eq!(queue.due(), at(80_000), "once");
    }

    #[test]
    fn polls_are_spread_by_chance() {
        let mut queue = Queue::new(Timing::default());
        queue.take(at(0), 1.0);
        assert_eq!(queue.due(), at(66_000));
        assert_eq!(queue.take(at(66_000), 0.0), Some(Trigger::Poll));
    }

    #[test]
    fn a_stack_under_way_is_left_alone_and_looked_at_afterwards() {
        let mut queue = started();
        queue.begin(&BTreeSet::from(["web".to_owned()]));
        queue.trigger(Trigger::Request, at(1000));
        assert_eq!(queue.take(at(1000), 0.0), Some(Trigger::Request));
        assert_eq!(queue.left_alone(at(1000)), BTreeSet::from(["web".to_owned()]));
        queue.end("web", true, at(2000), 0.0);
        assert!(queue.left_alone(at(2000)).is_empty());
        assert_eq!(queue.take(at(2000), 0.0), Some(Trigger::Followup));
    }

    #[test]
    fn a_failing_stack_is_tried_again_after_ever_longer_times() {
        let mut queue = started();
        let mut times = Vec::new();
        let mut now = at(0);
        for _ in 0..7 {
            queue.begin(&BTreeSet::from(["web".to_owned()]));
            let told = queue.end("web", false, now, 0.0).expect("it is tried again");
            assert_eq!(queue.left_alone(now).len(), 1);
            let next = queue.failing["web"].until;
            assert_eq!(now + told, next);
            times.push(next.saturating_sub(now).as_secs());
            now = next;
            assert!(queue.left_alone(now).is_empty());
        }
        assert_eq!(times, [10, 20, 40, 80, 160, 300, 300]);
        queue.end("web", false, now, 1.0);
        assert!(queue.due() < now + at(300_000), "spread by chance");
        queue.revised();
        assert!(queue.left_alone(now).is_empty());
    }
}
