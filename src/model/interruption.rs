//! What a change interrupts, and for how long.

use super::units::Nanos;
use std::fmt;

/// What a change of a service interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// How many of its containers that run are stopped.
    pub containers: usize,
    /// How long one of them is down.
    pub down: Down,
    /// What the new one has to show, else the old one runs again.
    pub trial: Option<Trial>,
}

/// How long a container is down, beside the moments that the engine's own calls take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Down {
    /// Not at all: the new one is up before the old one stops.
    Never,
    /// So long at most.
    UpTo(Nanos),
    /// As long as something takes that has no limit, such as a hook or a pull.
    Unknown,
}

/// What a new container has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// That it is healthy within this time.
    Healthy(Nanos),
    /// That it runs for so long.
    Runs(Nanos),
}

/// As a part of a sentence.
impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = if self.containers > 1 {
            format!(", each of {} containers", self.containers)
        } else {
            String::new()
        };
        match self.down {
            Down::Never => write!(f, "not interrupted: the new container is up before the old one stops")?,
            Down::UpTo(time) if time.0 < 1_000_000_000 => write!(f, "interrupted for a moment{each}")?,
            Down::UpTo(time) => write!(f, "interrupted for up to {}{each}", spelled(time))?,
            Down::Unknown => {
                write!(f, "interrupted as long as a pull, build or hook before its start takes{each}")?;
            }
        }
        match self.trial {
            None => Ok(()),
            Some(Trial::Healthy(time)) => {
                write!(f, "; taken back if not healthy within {}", spelled(time))
            }
            Some(Trial::Runs(time)) => write!(f, "; taken back if it does not run for {}", spelled(time)),
        }
    }
}

/// A time in words: `10 s`, `1 min 30 s`, `2 h`. Parts of a second count as one.
pub fn spelled(time: Nanos) -> String {
    let seconds = time.0.div_euclid(1_000_000_000) + i64::from(time.0.rem_euclid(1_000_000_000) > 0);
    let parts = [(seconds / 3600, "h"), (seconds % 3600 / 60, "min"), (seconds % 60, "s")];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if told.is_empty() { "0 s".to_owned() } else { told.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::{Down, Interruption, Trial, spelled};
    use crate::model::units::Nanos;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn times_are_spelled_out() {
        for (time, told) in
            [(0, "0 s"), (SECOND / 2, "1 s"), (90 * SECOND, "1 min 30 s"), (7200 * SECOND, "2 h")]
        {
            assert_eq!(spelled(Nanos(time)), told);
        }
    }

    #[test]
    fn an_interruption_is_part_of_a_sentence() {
        let down = Down::UpTo(Nanos(10 * SECOND));
        let mut found = Interruption { containers: 1, down, trial: Some(Trial::Runs(Nanos(2 * SECOND))) };
        assert_eq!(found.to_string(), "interrupted for up to 10 s; taken back if it does not run for 2 s");
        found = Interruption { containers: 3, trial: None, ..found };
        assert_eq!(found.to_string(), "interrupted for up to 10 s, each of 3 containers");
    }
}
