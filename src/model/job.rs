//! A service that runs at times: when, and what holds for its runs.
//!
//! Pure: the time is an argument. The container of such a service carries this as a label, so whoever starts its runs needs
//! no files.

use super::units::Nanos;
use super::windows;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

/// How many ended runs are kept where nobody says.
const KEEP: u32 = 5;

/// When a service runs, and what holds for its runs. What is left at its default is not written, so that further keys
/// change no hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timetable {
    /// A cron expression of five fields, or six with seconds first.
    pub schedule: String,
    /// The name of the time zone in which it is given; empty is UTC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub timezone: String,
    /// What happens at a time at which an earlier run still runs.
    #[serde(skip_serializing_if = "is_skip")]
    pub overlap: Overlap,
    /// How long a run may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Nanos>,
    /// How many runs that ended are kept with their logs, at least 1.
    #[serde(skip_serializing_if = "is_usual")]
    pub keep: u32,
    /// Whether the last time that was missed is made up for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub catch_up: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this form")]
fn is_skip(overlap: &Overlap) -> bool {
    *overlap == Overlap::Skip
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this form")]
const fn is_usual(keep: &u32) -> bool {
    *keep == KEEP
}

impl Default for Timetable {
    fn default() -> Self {
        Self {
            schedule: String::new(),
            timezone: String::new(),
            overlap: Overlap::Skip,
            timeout: None,
            keep: KEEP,
            catch_up: false,
        }
    }
}

/// What happens at a time at which an earlier run still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// The earlier one goes on, and none is started.
    #[default]
    Skip,
    /// The earlier one is stopped first.
    Replace,
}

impl Overlap {
    /// The words in settings.
    pub const WORDS: &'static [&'static str] = &["skip", "replace"];

    /// By its word.
    pub fn parse(word: &str) -> Self {
        if word == "replace" { Self::Replace } else { Self::Skip }
    }
}

impl Timetable {
    /// Its times. An error if a label holds what no settings can say.
    pub fn times(&self) -> Result<Times, String> {
        let zone = if self.timezone.is_empty() { TimeZone::UTC } else { windows::zone(&self.timezone)? };
        Ok(Times { cron: cron(&self.schedule)?, zone })
    }
}

/// Reads a cron expression of five fields, or six with seconds first, or a word such as `@daily`.
pub fn cron(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    windows::comes(
        parser.parse(text).map_err(|error| windows::mistake(parser, text).unwrap_or(error.to_string()))?,
    )
}

/// Times that come again and again, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    cron: Cron,
    zone: TimeZone,
}

impl Times {
    /// The last time until now, now included.
    pub fn last(&self, now: i64) -> Option<i64> {
        self.seconds(self.cron.find_previous_occurrence(&self.at(now)?, true).ok())
    }

    /// The first time after now.
    pub fn next(&self, now: i64) -> Option<i64> {
        self.seconds(self.cron.find_next_occurrence(&self.at(now)?, false).ok())
    }

    fn at(&self, now: i64) -> Option<Zoned> {
        Some(Timestamp::from_second(now).ok()?.to_zoned(self.zone.clone()))
    }

    #[expect(clippy::unused_self, reason = "it belongs to the other two")]
    fn seconds(&self, at: Option<Zoned>) -> Option<i64> {
        Some(at?.timestamp().as_second())
    }
}

#[cfg(test)]
mod tests {
    use super::{Overlap, Timetable, cron};
    use crate::model::units::Nanos;
    use jiff::{Timestamp, Zoned};

    fn seconds(time: &str) -> i64 {
        let time: Zoned = format!("{time}[Europe/Berlin]").parse().expect(time);
        time.timestamp().as_second()
    }

    /// The next five times, as clocks in Berlin show them.
    fn after(schedule: &str, time: &str) -> Vec<String> {
        let table = Timetable {
            schedule: schedule.to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            ..Timetable::default()
        };
        let times = table.times().expect(schedule);
        let mut found = Vec::new();
        let mut now = seconds(time);
        while found.len() < 5 {
            now = times.next(now).expect("one more");
            assert_eq!(times.last(now), Some(now), "both directions agree");
            assert_eq!(times.last(now + 1).map(|last| last - now), Some(0), "{schedule} after {now}");
            let shown = Timestamp::from_second(now)
                .expect("a time")
                .to_zoned(jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"));
            found.push(shown.strftime("%d %H:%M:%S%:z").to_string());
        }
        found
    }

    #[test]
    fn a_time_that_a_clock_change_leaves_out_comes_at_its_end_and_one_that_it_repeats_once() {
        let spring = after("30 2 * * *", "2026-03-27T12:00:00");
        assert_eq!(
            spring,
            [
                "28 02:30:00+01:00",
                "29 03:00:00+02:00",
                "30 02:30:00+02:00",
                "31 02:30:00+02:00",
                "01 02:30:00+02:00"
            ]
        );
        let autumn = after("30 2 * * *", "2026-10-23T12:00:00");
        assert_eq!(
            autumn,
            [
                "24 02:30:00+02:00",
                "25 02:30:00+02:00",
                "26 02:30:00+01:00",
                "27 02:30:00+01:00",
                "28 02:30:00+01:00"
            ]
        );
    }

    #[test]
    fn what_runs_every_so_often_does_so_through_clock_changes() {
        let spring = after("0,30 * * * *", "2026-03-29T01:15:00");
        assert_eq!(spring[..3], ["29 01:30:00+01:00", "29 03:00:00+02:00", "29 03:30:00+02:00"]);
        let autumn = after("0,30 * * * *", "2026-10-25T02:15:00");
        assert_eq!(
            autumn[..4],
            ["25 02:30:00+02:00", "25 02:00:00+01:00", "25 02:30:00+01:00", "25 03:00:00+01:00"]
        );
    }

    #[test]
    fn seconds_may_stand_first() {
        let found = after("*/20 * * * * *", "2026-11-21T12:00:05");
        assert_eq!(found[..2], ["21 12:00:20+01:00", "21 12:00:40+01:00"]);
        assert!(cron("@daily").is_ok());
        for wrong in ["", "0 3 * *", "0 0 31 2 *", "0 0 0 1 1 * 2030", "tomorrow"] {
            assert!(cron(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_label_holds_what_was_said_and_no_defaults() {
        let table = Timetable { schedule: "0 3 * * *".to_owned(), ..Timetable::default() };
        let text = serde_json::to_string(&table).expect("text");
        assert_eq!(text, r#"{"schedule":"0 3 * * *"}"#);
        let full = Timetable {
            timezone: "Europe/Berlin".to_owned(),
            overlap: Overlap::Replace,
            timeout: Some(Nanos(60_000_000_000)),
            keep: 2,
            catch_up: true,
            ..table
        };
        let text = serde_json::to_string(&full).expect("text");
        assert_eq!(serde_json::from_str::<Timetable>(&text).expect("a table"), full);
    }
}
