//! What people read about devices: plain sentences, in the space's local time.

use sync_core::Timestamp;
use sync_core::protocol::v1::report::StorageReport;
use sync_core::protocol::v1::status::{Notice, NoticeCode, PresenceState};

use crate::inbox::calendar::Calendar;

/// A clock further off than this is told, in milliseconds.
pub(super) const CLOCK_OFF_MS: u64 = 300_000;
/// Of its room, one part in so many is little.
const STORAGE_LEFT: u64 = 10;

/// An instant as people say it: the hour today, else the day too.
pub(super) fn moment(at: Timestamp, (calendar, now): (&Calendar, Timestamp)) -> String {
    let Some((local, today)) = calendar.local(at).zip(calendar.local(now)) else { return at.to_string() };
    let format = if local.date() == today.date() {
        "%H:%M"
    } else if local.year() == today.year() {
        "%-d %B, %H:%M"
    } else {
        "%-d %B %Y, %H:%M"
    };
    local.strftime(format).to_string()
}

/// When somebody synced last; of several devices, which.
pub(super) fn said_of(
    (name, device): (&str, Option<&str>),
    state: PresenceState,
    seen_at: Option<Timestamp>,
    place: (&Calendar, Timestamp),
) -> String {
    let who = device.map_or_else(|| name.to_owned(), |device| format!("{name} ({device})"));
    match (state, seen_at) {
        (_, None) => format!("{who} has never synced"),
        (PresenceState::Here, Some(at)) => format!("{who} synced at {}", moment(at, place)),
        (PresenceState::Away | PresenceState::Silent, Some(at)) => format!("{who} has not synced since {}", moment(at, place)),
    }
}

/// What notices are made of.
pub(super) struct Matters<'a> {
    /// The owner's name.
    pub(super) owner: &'a str,
    /// The device's name.
    pub(super) device: &'a str,
    /// Since when it is silent.
    pub(super) silent_since: Option<Timestamp>,
    /// Since when its outbox does not drain, and how much is in it.
    pub(super) stuck: Option<(Timestamp, u64)>,
    /// Dead letters.
    pub(super) parked: i64,
    /// What waits for a lead.
    pub(super) quarantined: i64,
    /// How far its clock is behind.
    pub(super) skew_ms: Option<i64>,
    /// Room for its copy.
    pub(super) storage: Option<StorageReport>,
}

/// What somebody should know about a device, the most pressing first: said to its owner and to the lead alike.
pub(super) fn notices(matters: &Matters<'_>, place: (&Calendar, Timestamp)) -> Vec<Notice> {
    let all = [
        (NoticeCode::Silent, matters.silent(place)),
        (NoticeCode::OutboxStuck, matters.outbox_stuck(place)),
        (NoticeCode::Parked, matters.parked()),
        (NoticeCode::Quarantined, matters.quarantined()),
        (NoticeCode::ClockOff, matters.clock_off()),
        (NoticeCode::StorageLow, matters.storage_low()),
    ];
    all.into_iter().filter_map(|(code, detail)| Some(Notice { code, detail: detail? })).collect()
}

impl Matters<'_> {
    fn silent(&self, place: (&Calendar, Timestamp)) -> Option<String> {
        let (owner, device, since) = (self.owner, self.device, moment(self.silent_since?, place));
        Some(format!("{owner} has not synced {device} since {since}. Ask {owner} to open the app where there is signal."))
    }

    fn outbox_stuck(&self, place: (&Calendar, Timestamp)) -> Option<String> {
        let (since, depth) = self.stuck?;
        let (owner, device, since, what) = (self.owner, self.device, moment(since, place), counted(depth, "change"));
        Some(format!(
            "{device} syncs, but {what} on it have not gone out since {since}. {owner} should keep the app open on a good connection, and must not sign out or remove it until they have."
        ))
    }

    fn parked(&self) -> Option<String> {
        let what = (self.parked > 0).then(|| counted(self.parked.unsigned_abs(), "change"))?;
        let device = self.device;
        Some(format!("{what} from {device} could not be applied. Look at them in the dead letters: correct and retry, or discard."))
    }

    fn quarantined(&self) -> Option<String> {
        let what = (self.quarantined > 0).then(|| counted(self.quarantined.unsigned_abs(), "change"))?;
        let (owner, device) = (self.owner, self.device);
        Some(format!("{what} from {device} wait for a lead's decision, because {owner} may not make them."))
    }

    fn clock_off(&self) -> Option<String> {
        let skew = self.skew_ms.filter(|skew| skew.unsigned_abs() > CLOCK_OFF_MS)?;
        let (device, minutes) = (self.device, counted(skew.unsigned_abs() / 60_000, "minute"));
        let way = if skew > 0 { "slow" } else { "fast" };
        Some(format!("The clock of {device} is {minutes} {way}. Let it set its time by the network."))
    }

    fn storage_low(&self) -> Option<String> {
        self.storage.filter(is_low)?;
        Some(format!("There is little room left on {}. Free some, or its copy may be cleared by the system.", self.device))
    }
}

fn is_low(storage: &StorageReport) -> bool {
    storage.quota_bytes.zip(storage.used_bytes).is_some_and(|(quota, used)| quota.saturating_sub(used) <= quota / STORAGE_LEFT)
}

fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use sync_core::ports::{Space, SpaceStatus};
    use sync_core::{OrganisationId, SpaceId};
    use uuid::Uuid;

    use super::*;

    fn lisbon() -> Calendar {
        Calendar::of(&Space {
            space_id: SpaceId(Uuid::nil()),
            organisation_id: OrganisationId(Uuid::nil()),
            name: String::new(),
            event_date: None,
            time_zone: Some("Europe/Lisbon".into()),
            status: SpaceStatus::Active,
            schema: None,
            settings: None,
            created_at: Timestamp::default(),
        })
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn moments_are_local() {
        let now = at("2026-06-20T22:30:00Z");
        for (text, said) in [
            ("2026-06-20T12:40:59Z", "13:40"),
            // midnight in Lisbon was at 23:00 UTC
            ("2026-06-19T23:00:00Z", "00:00"),
            ("2026-06-19T22:59:00Z", "19 June, 23:59"),
            ("2025-12-31T23:59:00Z", "31 December 2025, 23:59"),
        ] {
            assert_eq!(moment(at(text), (&lisbon(), now)), said, "{text}");
        }
    }

    #[test]
    fn says_who_has_not_synced() {
        use PresenceState::{Away, Here, Silent};
        let (place, seen) = (lisbon(), Some(at("2026-06-20T12:40:00Z")));
        let said = |who, state, seen| said_of(who, state, seen, (&place, at("2026-06-20T14:00:00Z")));
        assert_eq!(said(("Rui", None), Silent, seen), "Rui has not synced since 13:40");
        assert_eq!(said(("Rui", Some("iPad")), Away, seen), "Rui (iPad) has not synced since 13:40");
        assert_eq!(said(("Rui", None), Here, seen), "Rui synced at 13:40");
        assert_eq!(said(("Rui", None), Away, None), "Rui has never synced");
    }

    #[test]
    fn notices_say_what_to_do() {
        let nothing = Matters {
            owner: "Rui",
            device: "Rui's iPad",
            silent_since: None,
            stuck: None,
            parked: 0,
            quarantined: 0,
            skew_ms: None,
            storage: None,
        };
        let place = (&lisbon(), at("2026-06-20T14:00:00Z"));
        let since = at("2026-06-20T12:40:00Z");
        assert_eq!(notices(&nothing, place), []);
        let room = |quota, used| Some(StorageReport { quota_bytes: quota, used_bytes: used, persisted: None });
        let calm = Matters { skew_ms: Some(-300_000), storage: room(Some(100), Some(89)), ..nothing };
        assert_eq!(notices(&calm, place), []);
        let all = Matters {
            silent_since: Some(since),
            stuck: Some((since, 12)),
            parked: 1,
            quarantined: 2,
            skew_ms: Some(-420_000),
            storage: room(Some(100), Some(95)),
            ..nothing
        };
        let told = notices(&all, place);
        assert_eq!(
            told.iter().map(|notice| notice.code).collect::<Vec<_>>(),
            [
                NoticeCode::Silent,
                NoticeCode::OutboxStuck,
                NoticeCode::Parked,
                NoticeCode::Quarantined,
                NoticeCode::ClockOff,
                NoticeCode::StorageLow
            ]
        );
        assert!(told[0].detail.starts_with("Rui has not synced Rui's iPad since 13:40."), "{}", told[0].detail);
        assert!(told[1].detail.contains("12 changes on it have not gone out since 13:40"), "{}", told[1].detail);
        assert!(told[2].detail.starts_with("1 change from Rui's iPad"), "{}", told[2].detail);
        assert!(told[4].detail.contains("7 minutes fast"), "{}", told[4].detail);
    }
}
