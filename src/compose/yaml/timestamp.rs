//! Which plain scalars are timestamps.
//!
//! Reference: docker compose 2.40 takes an unquoted date, alone or with a time of day, for a timestamp and
//! then refuses it wherever the schema speaks. Only the recognition matters here; the text is kept.

/// Reads numbers of bounded length from the front of a text.
struct Scan<'t>(&'t str);

impl Scan<'_> {
    /// A number of `min` to `max` digits, taken greedily.
    fn digits(&mut self, min: usize, max: usize) -> Option<u32> {
        let count = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if count < min {
            return None;
        }
        let (number, rest) = self.0.split_at(count);
        self.0 = rest;
        number.parse().ok()
    }

    fn eat(&mut self, wanted: char) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    /// A fraction of a second, if there is one: a point or comma and at least one digit.
    fn fraction(&mut self) -> Option<()> {
        let Some(rest) = self.0.strip_prefix(['.', ',']) else { return Some(()) };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.0 = &rest[digits..];
        (digits > 0).then_some(())
    }

    /// `Z` or an offset such as `+02:00`.
    fn zone(&mut self) -> Option<()> {
        if self.eat('Z').is_some() {
            return Some(());
        }
        self.0 = self.0.strip_prefix(['+', '-'])?;
        let hours = self.digits(2, 2)?;
        self.eat(':')?;
        let minutes = self.digits(2, 2)?;
        (hours <= 24 && minutes < 60).then_some(())
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether the text is `YYYY-M-D`, or that followed by `T` or `t`, a time and a zone, or by a blank and a
/// time without zone.
pub(super) fn is_timestamp(text: &str) -> bool {
    parse(text).is_some()
}

fn parse(text: &str) -> Option<()> {
    let mut scan = Scan(text);
    let year = scan.digits(4, 4)?;
    scan.eat('-')?;
    let month = scan.digits(1, 2)?;
    scan.eat('-')?;
    let day = scan.digits(1, 2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if scan.0.is_empty() {
        return Some(());
    }
    let zoned = !scan.0.starts_with(' ');
    scan.0 = scan.0.strip_prefix(['T', 't', ' '])?;
    let hour = scan.digits(1, 2)?;
    scan.eat(':')?;
    let minute = scan.digits(1, 2)?;
    scan.eat(':')?;
    let second = scan.digits(1, 2)?;
    scan.fraction()?;
    if zoned {
        scan.zone()?;
    }
    (hour < 24 && minute < 60 && second < 60 && scan.0.is_empty()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::is_timestamp;

    #[test]
    fn dates_and_times_are_timestamps() {
        for text in [
            "2001-12-14",
            "2001-1-1",
            "2024-02-29",
            "2001-12-14T21:59:43Z",
            "2001-12-14t21:59:43.10-05:00",
            "2001-12-14 21:59:43",
            "2001-12-14 1:2:3.5",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_date_is_text() {
        for text in [
            "2001-13-01",
            "2023-02-29",
            "2001-12",
            "20011-12-14",
            "2001-12-14T21:59:43",
            "2001-12-14 21:59",
            "2001-12-14 21:59:43Z",
            "2001-12-14 21:59:43.",
            "2001-12-14x",
            "2001-00-10",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
