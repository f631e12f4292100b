//! How near a device's next event is, and what time it is there.

use sync_core::Timestamp;
use sync_core::ports::Space;

use crate::inbox::calendar::Calendar;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// The day of a space's event as instants, and the clock on its wall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Day {
    /// When the day of the event begins, and when it has ended.
    event: Option<(Timestamp, Timestamp)>,
    /// The hour there, from 0 to 23, when it was asked.
    hour: Option<u8>,
}

impl Day {
    pub(crate) fn of(space: &Space, now: Timestamp) -> Self {
        let calendar = Calendar::of(space);
        let hour = calendar.local(now).and_then(|local| u8::try_from(local.hour()).ok());
        Self { event: calendar.event_day(), hour }
    }

    /// [`hours_until`] its event.
    pub(super) fn hours(self, now: Timestamp) -> Option<i64> {
        hours_until(self.event, now)
    }

    /// When the day of the event begins, and when it has ended.
    pub(super) fn event(self) -> Option<(Timestamp, Timestamp)> {
        self.event
    }

    pub(super) fn hour(self) -> Option<u8> {
        self.hour
    }

    /// Of several, the one whose event is nearest; one that is over counts less than one as far ahead.
    pub(super) fn nearest(days: impl IntoIterator<Item = Self>, now: Timestamp) -> Option<Self> {
        days.into_iter().min_by_key(|day| {
            let hours = day.hours(now);
            (hours.is_none(), hours.map(i64::unsigned_abs), hours.is_some_and(|hours| hours < 0))
        })
    }
}

/// Hours until the day of an event, rounded up; 0 while it lasts, negative after it.
pub(super) fn hours_until(event: Option<(Timestamp, Timestamp)>, now: Timestamp) -> Option<i64> {
    let (begins_at, ends_at) = event?;
    let until = begins_at.millis().saturating_sub(now.millis());
    let since = now.millis().saturating_sub(ends_at.millis());
    Some(match (until > 0, since >= 0) {
        (true, _) => until.saturating_add(HOUR_MS - 1) / HOUR_MS,
        (_, true) => -(since / HOUR_MS) - 1,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn day(date: &str, next: &str) -> Day {
        let midnight = |date: &str| at(&format!("{date}T00:00:00Z"));
        Day { event: Some((midnight(date), midnight(next))), hour: None }
    }

    #[test]
    fn hours_are_counted_to_the_day_and_from_its_end() {
        for (now, hours) in [
            ("2026-06-13T00:00:00Z", 168),
            ("2026-06-19T22:59:59Z", 2),
            ("2026-06-19T23:59:59Z", 1),
            ("2026-06-20T00:00:00Z", 0),
            ("2026-06-20T23:59:59Z", 0),
            ("2026-06-21T00:00:00Z", -1),
            ("2026-06-21T01:00:00Z", -2),
        ] {
            assert_eq!(day("2026-06-20", "2026-06-21").hours(at(now)), Some(hours), "{now}");
        }
        assert_eq!(Day::default().hours(at("2026-06-20T00:00:00Z")), None);
    }

    #[test]
    fn the_nearest_event_counts() {
        let now = at("2026-06-20T12:00:00Z");
        let (over, soon, later) = (day("2026-06-19", "2026-06-20"), day("2026-06-21", "2026-06-22"), day("2026-07-01", "2026-07-02"));
        assert_eq!(Day::nearest([Day::default(), later, soon], now), Some(soon));
        assert_eq!(Day::nearest([Day::default(), later, over], now), Some(over));
        assert_eq!(Day::nearest([Day::default()], now), Some(Day::default()));
        assert_eq!(Day::nearest([], now), None);
    }
}
