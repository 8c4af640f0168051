//! Quantities as Compose prints them: durations in Go's notation, sizes as decimal text.

use super::duration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A duration in nanoseconds, written as Go does (`1m30s`, `1.5s`, `0s`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub i64);

impl Nanos {
    /// Whole seconds, truncated: what the engine takes as stop timeout.
    pub const fn whole_seconds(self) -> i64 {
        self.0 / 1_000_000_000
    }

    /// The duration for a timer; negative ones are zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads Go's notation, plus `d` and `w`.
    pub fn parse(text: &str) -> Result<Self, String> {
        duration::parse(text).map(Self)
    }
}

/// A size in bytes, written as decimal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub i64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&duration::format(self.0))
    }
}

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(i64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Text(text) => text.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Nanos;

    #[test]
    fn durations_read_back_as_they_are_printed() {
        for text in ["0s", "1ns", "1.5µs", "100ms", "1s", "1.5s", "1m0s", "1m30s", "24h0m0s", "1m30.5s"] {
            assert_eq!(Nanos::parse(text).expect(text).to_string(), text);
        }
        assert_eq!(Nanos::parse("1d").expect("days").to_string(), "24h0m0s");
    }

    #[test]
    fn a_bare_number_is_no_duration() {
        assert!(Nanos::parse("10").is_err());
        assert!(Nanos::parse("").is_err());
        assert!(Nanos::parse("5 s").is_err());
    }
}
