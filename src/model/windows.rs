//! When a stack may be deployed: windows that open at times given as cron expressions, and others that freeze it.
//!
//! Pure: the time is an argument. Time zones are those of the system, or those built in where it has none.

use super::units::Nanos;
pub use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
pub use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many windows are looked through for the next time at which a stack may be deployed: a year of daily ones, both
/// those that allow and those that freeze.
const FAR: usize = 800;
/// How long a window lasts if nothing is said: long enough for a machine that was off at the time.
const LENGTH: Nanos = Nanos(3_600_000_000_000);

/// A time that comes again and again, and what lasts from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    name: String,
    opens: Cron,
    length: SignedDuration,
}

/// When a stack may be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// In which times are given.
    pub zone: TimeZone,
    /// Windows in which it may be; at any time if there are none.
    pub allow: Vec<Window>,
    /// Windows in which it may not be, whatever the others say.
    pub freeze: Vec<Window>,
}

/// Whether a stack may be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// It may.
    Open,
    /// It may not.
    Closed {
        /// Name of the window that freezes it; `None` if it is in none that allows.
        frozen_by: Option<String>,
        /// When it may, in seconds since 1970; `None` if not within the next hundreds of windows.
        until: Option<i64>,
    },
}

/// Reads a cron expression: five fields, or a word such as `@daily`.
pub fn cron(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let count = text.split_whitespace().count();
    let fields = || format!("it has {count} field{} in place of five", if count == 1 { "" } else { "s" });
    comes(parser.parse(text).map_err(|_| mistake(parser, text).unwrap_or_else(fields))?)
}

/// Refuses an expression whose time never comes.
pub(super) fn comes(cron: Cron) -> Result<Cron, String> {
    let start = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    match cron.find_next_occurrence(&start, true) {
        Ok(_) => Ok(cron),
        Err(_) => Err("no such time ever comes".to_owned()),
    }
}

/// The fields of a cron expression, and what they may be.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or jan to dec"),
    ("day of the week", "0 to 7 or sun to sat"),
];

/// Which of the five fields of a cron expression is wrong.
pub(super) fn mistake(parser: CronParser, text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return None;
    }
    let is_wrong = |index: usize| {
        let alone = (0..FIELDS.len()).map(|place| if place == index { fields[index] } else { "*" });
        parser.parse(&alone.collect::<Vec<_>>().join(" ")).is_err()
    };
    let index = (0..FIELDS.len()).find(|index| is_wrong(*index))?;
    let (name, range) = FIELDS[index];
    Some(format!("the {name} is `{}`; it may be {range}, `*`, a list, a range or a step", fields[index]))
}

/// Looks up a time zone by its name, such as `Europe/Berlin`.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("there is no time zone {name:?}"))
}

/// How a schedule is written down: names, expressions and lengths.
#[derive(Serialize, Deserialize)]
struct Written {
    zone: String,
    allow: Vec<(String, String, Nanos)>,
    freeze: Vec<(String, String, Nanos)>,
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let one = |window: &Window| {
            let length = i64::try_from(window.length.as_nanos()).unwrap_or(i64::MAX);
            (window.name.clone(), window.opens.to_string(), Nanos(length))
        };
        let zone = self.zone.iana_name().unwrap_or("UTC").to_owned();
        let [allow, freeze] = [&self.allow, &self.freeze].map(|windows| windows.iter().map(one).collect());
        Written { zone, allow, freeze }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { zone: name, allow, freeze } = Written::deserialize(deserializer)?;
        let read = |windows: Vec<(String, String, Nanos)>| {
            let one = |(name, opens, length): (String, String, Nanos)| {
                Ok(Window::new(&name, cron(&opens)?, Some(length)))
            };
            windows.into_iter().map(one).collect::<Result<Vec<_>, String>>()
        };
        let (zone, allow, freeze) = (zone(&name), read(allow), read(freeze));
        let wrong = serde::de::Error::custom;
        Ok(Self { zone: zone.map_err(wrong)?, allow: allow.map_err(wrong)?, freeze: freeze.map_err(wrong)? })
    }
}

impl Window {
    /// A window of a name, such as people know it by; an hour if no length is given.
    pub fn new(name: &str, opens: Cron, length: Option<Nanos>) -> Self {
        let length = SignedDuration::from_nanos(length.unwrap_or(LENGTH).0);
        Self { name: name.to_owned(), opens, length }
    }

    /// When the window that is open at a time closes. A window is open for its length as clocks run, whatever they show.
    fn closes(&self, at: &Zoned) -> Option<Zoned> {
        let opened = self.opens.find_previous_occurrence(at, true).ok()?;
        let closes = opened.checked_add(self.length).ok()?;
        (closes > *at).then_some(closes)
    }

    fn opens_after(&self, at: &Zoned) -> Option<Zoned> {
        self.opens.find_next_occurrence(at, false).ok()
    }
}

impl Schedule {
    /// Whether a stack may be deployed at a time, in seconds since 1970.
    pub fn at(&self, now: i64) -> Opening {
        let Ok(now) = Timestamp::from_second(now) else { return Opening::Open };
        let now = now.to_zoned(self.zone.clone());
        let frozen_by = self.freeze.iter().find(|window| window.closes(&now).is_some());
        if frozen_by.is_none() && self.is_allowed(&now) {
            return Opening::Open;
        }
        let until = self.opens(now).map(|at| at.timestamp().as_second());
        Opening::Closed { frozen_by: frozen_by.map(|window| window.name.clone()), until }
    }

    fn is_allowed(&self, at: &Zoned) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|window| window.closes(at).is_some())
    }

    /// The first time from `at` on at which nothing stands against it.
    fn opens(&self, mut at: Zoned) -> Option<Zoned> {
        for _ in 0..FAR {
            if let Some(thaw) = self.freeze.iter().filter_map(|window| window.closes(&at)).max() {
                at = thaw;
            } else if self.is_allowed(&at) {
                return Some(at);
            } else {
                at = self.allow.iter().filter_map(|window| window.opens_after(&at)).min()?;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, Opening, Schedule, Window, cron, zone};
    use crate::model::units::Nanos;
    use jiff::Zoned;

    fn window(name: &str, opens: &str, hours: i64) -> Window {
        Window::new(name, cron(opens).expect(opens), Some(Nanos(hours * LENGTH.0)))
    }

    fn schedule(allow: Vec<Window>, freeze: Vec<Window>) -> Schedule {
        Schedule { zone: zone("Europe/Berlin").expect("a zone"), allow, freeze }
    }

    fn seconds(time: &str) -> i64 {
        let time: Zoned = format!("{time}[Europe/Berlin]").parse().expect(time);
        time.timestamp().as_second()
    }

    /// `open`, or when it opens, as clocks in Berlin show it.
    fn at(schedule: &Schedule, time: &str) -> String {
        match schedule.at(seconds(time)) {
            Opening::Open => "open".to_owned(),
            Opening::Closed { frozen_by, until } => {
                let until = until.map(|until| {
                    let until = jiff::Timestamp::from_second(until).expect("a time");
                    until.to_zoned(schedule.zone.clone()).strftime("%Y-%m-%dT%H:%M%:z").to_string()
                });
                format!("{} {}", frozen_by.unwrap_or_default(), until.unwrap_or("never".to_owned()))
                    .trim()
                    .to_owned()
            }
        }
    }

    #[test]
    fn a_window_is_open_from_its_time_for_its_length() {
        let nights = schedule(vec![window("nights", "0 22 * * mon-fri", 4)], vec![]);
        assert_eq!(at(&nights, "2026-11-20T21:59:59"), "2026-11-20T22:00+01:00");
        assert_eq!(at(&nights, "2026-11-20T22:00:00"), "open");
        // It is Saturday by then, but the window is Friday's.
        assert_eq!(at(&nights, "2026-11-21T01:59:59"), "open");
        assert_eq!(at(&nights, "2026-11-21T02:00:00"), "2026-11-23T22:00+01:00");
    }

    #[test]
    fn what_freezes_wins() {
        let nights = vec![window("nights", "0 22 * * *", 4)];
        let both = schedule(nights, vec![window("christmas", "0 0 20 12 *", 14 * 24)]);
        assert_eq!(at(&both, "2026-12-19T23:00:00"), "open");
        assert_eq!(at(&both, "2026-12-20T01:00:00"), "christmas 2027-01-03T00:00+01:00");
        assert_eq!(at(&both, "2027-01-03T00:00:00"), "open");
        let only = schedule(vec![], vec![window("friday", "0 12 * * fri", 60)]);
        assert_eq!(at(&only, "2026-11-20T11:00:00"), "open");
        assert_eq!(at(&only, "2026-11-21T11:00:00"), "friday 2026-11-23T00:00+01:00");
    }

    #[test]
    fn clock_changes_neither_lose_nor_double_a_window() {
        let early = schedule(vec![window("early", "30 2 * * *", 1)], vec![]);
        // At 2 o'clock on this night it was 3 at once.
        assert_eq!(at(&early, "2026-03-29T01:59:00"), "2026-03-29T03:00+02:00");
        assert_eq!(at(&early, "2026-03-29T03:30:00"), "open");
        assert_eq!(at(&early, "2026-03-29T04:00:00"), "2026-03-30T02:30+02:00");
        // Across the hour that came twice, a window of four hours ends an hour earlier on the clock.
        let night = schedule(vec![window("night", "0 0 * * *", 4)], vec![]);
        assert_eq!(at(&night, "2026-10-25T02:59:59+01:00"), "open");
        assert_eq!(at(&night, "2026-10-25T03:00:00+01:00"), "2026-10-26T00:00+01:00");
    }

    #[test]
    fn what_never_opens_says_so() {
        let never = schedule(vec![window("day", "0 12 * * *", 1)], vec![window("always", "@hourly", 2)]);
        assert_eq!(at(&never, "2026-11-20T12:30:00"), "always never");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        assert!(cron("0 3 * * *").is_ok() && cron("@daily").is_ok() && cron("0 0 * * mon#2").is_ok());
        for wrong in ["", "0 3 * *", "* * * * * *", "61 * * * *", "0 0 31 2 *", "tomorrow", "0 0 1 1 * 2030"]
        {
            assert!(cron(wrong).is_err(), "{wrong}");
        }
        assert!(zone("Europe/Berlin").is_ok() && zone("UTC").is_ok());
        assert!(zone("Europe/Atlantis").is_err() && zone("").is_err());
    }

    #[test]
    fn a_wrong_field_of_a_cron_expression_is_named() {
        let said = |text| cron(text).map(|_| ()).expect_err(text);
        assert!(said("0 25 * * *").starts_with("the hour is `25`; it may be 0 to 23"));
        assert!(said("0 3 * * mo-fr").starts_with("the day of the week is `mo-fr`"));
        assert_eq!(said("0 3 * *"), "it has 4 fields in place of five");
        assert_eq!(said("@dayly"), "it has 1 field in place of five");
        assert_eq!(said("0 0 30 2 *"), "no such time ever comes");
    }
}
