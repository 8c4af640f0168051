//! What a scenario came to, and how it is told.

use std::fmt::Write as _;
use std::time::Duration;

/// Figures and failures of one scenario.
#[derive(Default)]
pub struct Tally {
    /// The scenario's name.
    pub name: String,
    /// Rounds that were played.
    pub rounds: usize,
    /// Rounds that were to be played.
    pub wanted: usize,
    /// What was counted besides, in the order of its first count.
    pub counts: Vec<(String, usize)>,
    /// The longest time without an acknowledged row.
    pub longest_gap: Duration,
    /// Rows sent, acknowledged, and found at the end.
    pub rows: (u64, usize, usize),
    /// What did not hold.
    pub failures: Vec<String>,
    /// Why it was not played, if it was not.
    pub skipped: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Tally {
    /// An empty one.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// One that was not played.
    pub fn skipped(name: &str, why: &str) -> Self {
        Self { skipped: Some(why.to_owned()), ..Self::new(name) }
    }

    /// Counts something.
    pub fn count(&mut self, what: &str) {
        match self.counts.iter_mut().find(|(name, _)| name == what) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((what.to_owned(), 1)),
        }
    }

    /// Takes the figures of another part of the same scenario.
    pub fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.wanted += other.wanted;
        for (what, count) in other.counts {
            match self.counts.iter_mut().find(|(name, _)| *name == what) {
                Some((_, sum)) => *sum += count,
                None => self.counts.push((what, count)),
            }
        }
        self.longest_gap = self.longest_gap.max(other.longest_gap);
        self.rows.0 += other.rows.0;
        self.rows.1 += other.rows.1;
        self.rows.2 += other.rows.2;
        self.failures.extend(other.failures);
        self.skipped = self.skipped.take().or(other.skipped);
        self.elapsed = self.elapsed.max(other.elapsed);
    }

    /// Whether all of it held.
    pub fn holds(&self) -> bool {
        self.failures.is_empty()
    }

    /// A paragraph for people.
    pub fn text(&self) -> String {
        if let Some(why) = &self.skipped
            && self.rounds == 0
        {
            return format!("skipped {}: {why}\n", self.name);
        }
        let word = if self.holds() { "ok    " } else { "FAILED" };
        let mut text = format!(
            "{word}  {}: {} of {} rounds in {:.0?}\n",
            self.name, self.rounds, self.wanted, self.elapsed
        );
        for (what, count) in &self.counts {
            let _ = writeln!(text, "          {count:>5} {what}");
        }
        let (written, acknowledged, found) = self.rows;
        if written > 0 {
            let _ = writeln!(
                text,
                "          rows: {written} written, {acknowledged} acknowledged, {found} of these there at the end"
            );
            let _ = writeln!(text, "          longest time without the database: {:.1?}", self.longest_gap);
        }
        for failure in &self.failures {
            let _ = writeln!(text, "          - {failure}");
        }
        text
    }
}
