//! Points in time as text.

/// `2026-11-20T03:25:36Z`, of seconds since 1970. The days are counted from 1 March, so that a leap day ends its year
/// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
pub fn iso(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second % 3600 / 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

/// `2026-11-20 03:25 UTC`, of seconds since 1970.
pub fn utc(seconds: i64) -> String {
    let text = iso(seconds);
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", time.get(..5).unwrap_or(time))
}

/// Nanoseconds since 1970 of a time in UTC as engines write it, `2026-11-20T03:25:36.59Z`. `None` for other texts, and
/// for the year 1, by which engines say "never".
pub fn nanos(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = date.split('-').chain(whole.split(':')).map(|part| part.parse::<i64>().ok());
    let mut part = || parts.next().flatten();
    let (year, month, day) = (part()?, part()?, part()?);
    let (hour, minute, second) = (part()?, part()?, part()?);
    // The other way round than in `iso`.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    let fraction: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    (seconds >= 0).then(|| seconds.checked_mul(1_000_000_000)?.checked_add(fraction)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{iso, nanos, utc};

    #[test]
    fn times_of_engines_are_read() {
        assert_eq!(nanos("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanos("2026-11-21T03:45:36.5Z"), Some(1_795_232_736_500_000_000));
        assert_eq!(nanos("2000-02-29T00:00:00.000000001Z"), Some(951_782_400_000_000_001));
        for other in ["0001-01-01T00:00:00Z", "", "2026-11-21", "2026-11-21T03:45Z", "9999-01-01T00:00:00Z"] {
            assert_eq!(nanos(other), None, "{other}");
        }
        for seconds in (0..4_000_000_000).step_by(86_399 * 31) {
            assert_eq!(nanos(&iso(seconds)), Some(seconds * 1_000_000_000));
        }
    }

    #[test]
    fn times_are_told_in_utc() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(utc(951_868_800), "2000-03-01 00:00 UTC");
        assert_eq!(utc(1_795_232_736), "2026-11-21 03:45 UTC");
        assert_eq!(iso(1_795_232_736), "2026-11-21T03:45:36Z");
    }
}
