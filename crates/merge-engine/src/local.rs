//! Local times: what a clock on the wall shows, `2026-06-20T16:00` or `2026-06-20T16:00:30`, without a zone. They are
//! compared and moved as they are written: an hour that a zone skips or repeats is an hour like any other, because the
//! people who wrote the plan meant the clock on the wall.

use sync_core::Timestamp;

/// The length of a local time with minutes.
const MINUTES: usize = 16;
/// The length of a local time with seconds.
const SECONDS: usize = 19;

/// A local time, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime(i64);

impl LocalTime {
    /// Before all others.
    pub const FIRST: Self = Self(i64::MIN);

    /// Reads `YYYY-MM-DDTHH:MM` or `YYYY-MM-DDTHH:MM:SS`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let instant = match text.len() {
            MINUTES => format!("{text}:00Z"),
            SECONDS => format!("{text}Z"),
            _ => return None,
        };
        let ms = Timestamp::parse(&instant).filter(|_| text.as_bytes().get(10) == Some(&b'T'))?.millis();
        Some(Self(ms.div_euclid(1_000)))
    }

    /// Seconds since 1970-01-01T00:00 of the same clock.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The time that is so many seconds later.
    #[must_use]
    pub const fn plus_s(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The time in the form of another one, with seconds where that has them or where it would lose some; `None` outside
    /// of the years 1 to 9999.
    #[must_use]
    pub fn written_like(self, other: &str) -> Option<String> {
        let length = if other.len() == MINUTES && self.0.rem_euclid(60) == 0 { MINUTES } else { SECONDS };
        let text = self.instant();
        let text = text.get(..length)?;
        (Self::parse(text) == Some(self)).then(|| text.to_owned())
    }

    /// The clock alone, `16:00`.
    #[must_use]
    pub fn clock(self) -> String {
        self.instant().get(11..MINUTES).unwrap_or_default().to_owned()
    }

    /// The day alone, `2026-06-20`.
    #[must_use]
    pub fn day(self) -> String {
        self.instant().get(..10).unwrap_or_default().to_owned()
    }

    fn instant(self) -> String {
        Timestamp::from_millis(self.0.saturating_mul(1_000)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::LocalTime;

    #[test]
    fn reads_what_a_wall_clock_shows() {
        for (text, clock) in [
            ("2026-06-20T16:00", Some("16:00")),
            ("2026-06-20T16:00:30", Some("16:00")),
            ("0001-01-01T00:00", Some("00:00")),
            ("9999-12-31T23:59:59", Some("23:59")),
            ("2026-02-29T10:00", None),
            ("2026-06-20T24:00", None),
            ("2026-06-20 16:00", None),
            ("2026-06-20t16:00", None),
            ("2026-06-20T16:00Z", None),
            ("2026-06-20T16:0é", None),
            ("16:00", None),
            ("", None),
        ] {
            assert_eq!(LocalTime::parse(text).map(LocalTime::clock).as_deref(), clock, "{text}");
        }
    }

    #[test]
    fn moves_over_midnight_and_keeps_its_form() {
        for (text, minutes, moved) in [
            ("2026-06-20T23:50", 15, Some("2026-06-21T00:05")),
            ("2026-06-20T23:50:30", 15, Some("2026-06-21T00:05:30")),
            ("2026-03-01T00:05", -15, Some("2026-02-28T23:50")),
            ("2026-12-31T23:59", 1, Some("2027-01-01T00:00")),
            // the night in which Lisbon's clocks go forward from 01:00 to 02:00
            ("2026-03-29T00:50", 15, Some("2026-03-29T01:05")),
            ("9999-12-31T23:59", 1, None),
            ("0001-01-01T00:00", -1, None),
        ] {
            let time = LocalTime::parse(text).unwrap();
            assert_eq!(time.plus_s(minutes * 60).written_like(text).as_deref(), moved, "{text}");
        }
        let odd = LocalTime::parse("2026-06-20T16:00").unwrap().plus_s(30);
        assert_eq!(odd.written_like("2026-06-20T16:00").as_deref(), Some("2026-06-20T16:00:30"));
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        for seconds in [i64::MIN, i64::MAX, -70_000_000_000] {
            let time = LocalTime::parse("2026-06-20T16:00").unwrap().plus_s(seconds);
            assert_eq!((time.written_like("2026-06-20T16:00"), time.clock().len(), time.day().len()), (None, 5, 10));
        }
    }
}
