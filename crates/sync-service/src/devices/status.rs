//! The status of a device, and its own report.

use std::collections::BTreeMap;

use sync_core::ports::{
    Access, BatchState, ConflictFilter, ConflictPage, Device, ItemState, QueueBatch, QueueFilter, SpaceAccess, StoreLoad, StoreResult, Tx,
    Visible,
};
use sync_core::protocol::v1::DeviceReport;
use sync_core::protocol::v1::status::{
    BatchProgress, DevicePresence, DeviceStatus, OutboxStatus, PresenceState, SpaceLag, StatusCounts, StatusEta,
};
use sync_core::{Code, DeviceId, Problem, SpaceId, Timestamp};

use super::advice::advise;
use super::day::Day;
use super::known::Known;
use super::notes::{Devices, Way};
use super::outbox::{Depth, trend};
use super::presence::state_of;
use super::state::{Facts, condition};
use super::visit::situation;
use super::words::{CLOCK_OFF_MS, Matters, notices, said_of};
use crate::conflicts::count_seen;
use crate::inbox::calendar::Calendar;
use crate::{Caller, Service, ServiceResult};

/// Spaces that are looked at.
const MAX_SPACES: i64 = 1_000;
/// Open questions that are counted; one more means more than this.
const MAX_CONFLICTS: i64 = 100;

impl Service {
    /// How a device fares: for its owner, for a lead of a space that they share, and for who manages the organisation.
    ///
    /// # Errors
    /// `unknown_device`, for everybody else alike; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn device_status(&self, caller: &Caller, device_id: DeviceId) -> ServiceResult<DeviceStatus> {
        let (caller, now, load) = (*caller, self.now(), self.store.load());
        let notes = std::sync::Arc::clone(&self.devices);
        self.decide(caller.oversee(Access::Read), move |tx| {
            let (device, sight) = find(tx, &caller, device_id)?;
            let subject = Subject::load(tx, &notes, device, sight)?;
            Ok(subject.told(tx, &caller, (now, &load))?)
        })
        .await
    }

    /// Takes what a device reports of itself, and says how it fares.
    ///
    /// # Errors
    /// `unknown_device` as for [`Service::device_status`]; `forbidden` from another device; `malformed`, with the place.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn report_device(&self, caller: &Caller, device_id: DeviceId, report: DeviceReport) -> ServiceResult<DeviceStatus> {
        if caller.device_id != device_id {
            let caller = *caller;
            self.decide(caller.oversee(Access::Read), move |tx| find(tx, &caller, device_id).map(drop)).await?;
            return Err(Problem::new(Code::Forbidden, "A device reports only of itself. Send this with its own token.").into());
        }
        report.check()?;
        let now = self.now();
        let note = note_of(report, now);
        self.devices.add((caller.organisation_id, caller.user_id, device_id), now, None, &note);
        self.device_status(caller, device_id).await
    }
}

/// What a report tells.
fn note_of(report: DeviceReport, now: Timestamp) -> Known {
    let link = report.link.unwrap_or_default();
    let mut note = Known {
        schema: report.schema,
        app_version: report.app_version,
        down_kbps: link.down_kbps,
        ect: link.ect,
        save_data: link.save_data,
        reports: report.outbox.map(|outbox| Depth::of(outbox, now)).into_iter().collect(),
        storage: report.storage,
        battery: report.battery,
        ..Known::default()
    };
    if let Some(rtt_ms) = link.rtt_ms {
        note.rtt_ms.add(f64::from(rtt_ms));
    }
    note
}

/// Of a device's spaces, those that the reader may know of.
struct Sight {
    /// The owner's memberships in them.
    spaces: Vec<SpaceAccess>,
    /// Whether these are all that the owner has, and the reader may know of everything.
    all: bool,
}

fn unknown() -> Problem {
    Problem::new(
        Code::UnknownDevice,
        "There is no such device, or it is none of yours and its owner shares no space with you that you lead.",
    )
}

/// A device that the caller may look at, and what they may see of it.
fn find(tx: &mut dyn Tx, caller: &Caller, device_id: DeviceId) -> ServiceResult<(Device, Sight)> {
    let device = tx.load_devices(caller.organisation_id, &[device_id])?.pop().ok_or_else(unknown)?;
    if device.user_id == caller.user_id || caller.admin {
        let spaces = tx.list_access(device.organisation_id, device.user_id, None, MAX_SPACES)?;
        return Ok((device, Sight { spaces, all: true }));
    }
    let led = tx.list_access(caller.organisation_id, caller.user_id, None, MAX_SPACES)?;
    let led: Vec<SpaceId> = led.into_iter().filter(|access| access.member.role.may_manage()).map(|access| access.space.space_id).collect();
    let mut spaces = tx.load_access(device.organisation_id, device.user_id, &led)?;
    spaces.retain(|access| access.member.removed_at.is_none());
    if spaces.is_empty() { Err(unknown().into()) } else { Ok((device, Sight { spaces, all: false })) }
}

/// What was looked up of a device, to be told.
struct Looked {
    counts: StatusCounts,
    batch: Option<QueueBatch>,
    calendar: Calendar,
    day: Day,
    way: Way,
    spaces: BTreeMap<SpaceId, SpaceLag>,
}

/// A device that is told about.
struct Subject {
    device: Device,
    owner: String,
    sight: Sight,
    known: Known,
    seen_at: Option<Timestamp>,
}

impl Subject {
    fn load(tx: &mut dyn Tx, notes: &Devices, device: Device, sight: Sight) -> StoreResult<Self> {
        let stored = tx.load_device_states(device.organisation_id, &[device.device_id])?.pop();
        let owner = tx.load_users(device.organisation_id, &[device.user_id])?.pop().map(|user| user.name).unwrap_or_default();
        let mut known = stored.as_ref().map(|state| Known::read(&state.body)).unwrap_or_default();
        let mut seen_at = stored.map(|state| state.seen_at);
        if let Some((at, note)) = notes.unwritten(device.device_id) {
            known.absorb(&note);
            seen_at = seen_at.max(Some(at));
        }
        Ok(Self { device, owner, sight, known, seen_at })
    }

    fn told(&self, tx: &mut dyn Tx, caller: &Caller, (now, load): (Timestamp, &StoreLoad)) -> StoreResult<DeviceStatus> {
        let counts = self.counts(tx, caller)?;
        // of whatever spaces a batch is
        let batches = if self.sight.all { tx.list_batches(self.device.device_id, 1)? } else { Vec::new() };
        let batch = batches.into_iter().find(is_under_way);
        let (calendar, day) = self.place(now);
        let way = Way::of(&self.known, day.hours(now));
        Ok(self.status(&Looked { counts, batch, calendar, day, way, spaces: self.lags() }, (now, load)))
    }

    fn facts(&self, looked: &Looked, now: Timestamp) -> Facts {
        let waiting = self.known.reports.last().is_some_and(|report| report.operations > 0);
        Facts {
            revoked: self.device.revoked_at.is_some(),
            presence: state_of(self.seen_at, now, looked.day.hours(now)),
            parked: looked.counts.parked > 0,
            stuck: looked.way.stuck_since.is_some(),
            queued: looked.counts.queued > 0 || looked.batch.is_some(),
            unfinished: waiting || self.has_more(),
            lags: looked.spaces.values().any(|lag| lag.cursor_lag > 0),
        }
    }

    fn has_more(&self) -> bool {
        self.known.more == Some(true)
    }

    fn presence(&self, state: PresenceState, place: (&Calendar, Timestamp)) -> DevicePresence {
        let text = said_of((&self.owner, Some(&self.device.name)), state, self.seen_at, place);
        DevicePresence { state, since: self.seen_at, text }
    }

    fn status(&self, looked: &Looked, (now, load): (Timestamp, &StoreLoad)) -> DeviceStatus {
        let Looked { counts, batch, calendar, day, way, spaces } = looked;
        let (facts, skew_ms, place) = (self.facts(looked, now), self.known.skew_ms(), (calendar, now));
        let waits = way.waiting.is_some_and(|waiting| waiting > 0);
        DeviceStatus {
            device_id: self.device.device_id,
            name: self.device.name.clone(),
            user_id: self.device.user_id,
            state: condition(facts),
            presence: self.presence(facts.presence, place),
            counts: *counts,
            eta: batch.as_ref().and_then(|batch| eta(batch, now)),
            batch: batch.as_ref().map(progress),
            last_push_at: self.known.push_at,
            last_pull_at: self.known.pull_at,
            last_seen_at: self.seen_at,
            spaces: spaces.clone(),
            open_conflicts: counts.conflicts_open,
            parked: counts.parked,
            quarantined: counts.quarantined,
            clock_skew_ms: skew_ms,
            clock_flagged: skew_ms.is_some_and(|skew| skew.unsigned_abs() > CLOCK_OFF_MS),
            app_version: self.known.app_version.clone().or_else(|| self.known.agent.clone()),
            schema: self.known.schema,
            link: way.link,
            battery: self.known.battery,
            storage: self.known.storage,
            outbox: self.outbox(day.hours(now)),
            notices: notices(&self.matters(facts, counts, way), place),
            next: advise(&situation(way, *day, (self.has_more(), waits), (now, load))),
            server_time: now,
        }
    }

    fn matters(&self, facts: Facts, counts: &StatusCounts, way: &Way) -> Matters<'_> {
        let depth = self.known.reports.last().map_or(0, |report| report.operations);
        Matters {
            owner: &self.owner,
            device: &self.device.name,
            silent_since: self.seen_at.filter(|_| facts.presence == PresenceState::Silent && !facts.revoked),
            stuck: way.stuck_since.map(|since| (since, depth)),
            parked: counts.parked,
            quarantined: counts.quarantined,
            skew_ms: self.known.skew_ms(),
            storage: self.known.storage,
        }
    }

    /// The calendar of the space whose event is nearest, and its day.
    fn place(&self, now: Timestamp) -> (Calendar, Day) {
        let days = self.sight.spaces.iter().map(|access| (access, Day::of(&access.space, now)));
        let days: Vec<_> = days.collect();
        let day = Day::nearest(days.iter().map(|(_, day)| *day), now).unwrap_or_default();
        let nearest = days.into_iter().find(|(_, other)| *other == day).map(|(access, _)| Calendar::of(&access.space));
        (nearest.unwrap_or_else(Calendar::utc), day)
    }

    fn lags(&self) -> BTreeMap<SpaceId, SpaceLag> {
        let lag = |access: &SpaceAccess| {
            let (space_id, head) = (access.space.space_id, access.head.version);
            let floor = self.known.floors.get(&space_id)?.floor;
            // of a log that was restored, it may have read more than there is
            Some((space_id, SpaceLag { cursor_lag: head.saturating_sub(floor.unwrap_or(0)).max(0), head, floor }))
        };
        self.sight.spaces.iter().filter_map(lag).collect()
    }

    fn outbox(&self, event_hours: Option<i64>) -> Option<OutboxStatus> {
        let last = self.known.reports.last()?;
        Some(OutboxStatus {
            depth: last.operations,
            bytes: last.bytes,
            oldest_at: last.oldest_at,
            trend: trend(&self.known, event_hours),
            reported_at: last.at,
        })
    }

    fn counts(&self, tx: &mut dyn Tx, caller: &Caller) -> StoreResult<StatusCounts> {
        let space_ids: Vec<SpaceId> = self.sight.spaces.iter().map(|access| access.space.space_id).collect();
        let (organisation_id, device_id) = (self.device.organisation_id, self.device.device_id);
        let visible = (!self.sight.all).then(|| Visible { user_id: caller.user_id, space_ids: space_ids.clone() });
        let filter = QueueFilter { visible, device_id: Some(device_id), ..QueueFilter::default() };
        let mut counts = StatusCounts::default();
        for row in tx.count_queue(organisation_id, &filter)? {
            let count = match row.state {
                ItemState::Staged => &mut counts.staged,
                ItemState::Ready => &mut counts.ready,
                ItemState::Held => &mut counts.held,
                ItemState::Delayed => &mut counts.delayed,
                ItemState::Leased => &mut counts.leased,
                ItemState::Parked => &mut counts.parked,
            };
            *count += row.items;
        }
        counts.queued = counts.staged + counts.ready + counts.held + counts.delayed + counts.leased;
        counts.quarantined = tx.count_quarantined(organisation_id, device_id, (!self.sight.all).then_some(space_ids.as_slice()))?;
        let only = ConflictFilter { who: Some(self.device.user_id), ..ConflictFilter::default() };
        let page = ConflictPage { space_ids, open: Some(true), only, after: None, limit: MAX_CONFLICTS + 1 };
        let found = tx.list_conflicts(&page)?;
        counts.conflicts_open = i64::try_from(count_seen(tx, self.device.user_id, &self.sight.spaces, &found)?).unwrap_or(i64::MAX);
        Ok(counts)
    }
}

fn is_under_way(batch: &QueueBatch) -> bool {
    batch.state != BatchState::Refused && batch.finished_at.is_none() && batch.operations > 0
}

fn progress(batch: &QueueBatch) -> BatchProgress {
    BatchProgress {
        batch_id: batch.batch_id,
        operations: batch.operations,
        decided: batch.decided,
        bytes: batch.bytes,
        decided_bytes: batch.decided_bytes,
        started_at: batch.received_at,
    }
}

/// When a batch will be decided, by how fast it went so far; the less of it is decided, the less is known. `None` until
/// something of it is.
fn eta(batch: &QueueBatch, now: Timestamp) -> Option<StatusEta> {
    let left = u64::try_from(batch.operations.saturating_sub(batch.decided)).ok()?;
    let decided = u64::try_from(batch.decided).ok().filter(|decided| *decided > 0)?;
    let took_ms = u64::try_from(now.millis().saturating_sub(batch.received_at.millis())).ok()?;
    let likely_ms = left.saturating_mul(took_ms) / decided;
    // from half to twice at the beginning, and closing in on what is likely
    let unsure_ms = likely_ms.saturating_mul(left) / left.saturating_add(decided).max(1);
    Some(StatusEta {
        low_s: likely_ms.saturating_sub(unsure_ms / 2) / 1_000,
        likely_s: likely_ms.div_ceil(1_000),
        high_s: likely_ms.saturating_add(unsure_ms).div_ceil(1_000),
    })
}

#[cfg(test)]
mod tests {
    use sync_core::json::RawJson;
    use sync_core::{BatchId, OrganisationId, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_end_of_a_batch_is_told_by_how_fast_it_went() {
        let batch = |operations, decided| QueueBatch {
            batch_id: BatchId(Uuid::nil()),
            organisation_id: OrganisationId(Uuid::nil()),
            user_id: UserId(Uuid::nil()),
            device_id: DeviceId(Uuid::nil()),
            sent_at: None,
            received_at: Timestamp::from_millis(0),
            epochs: RawJson::of(&()),
            atomic: false,
            state: BatchState::Sealed,
            operations,
            bytes: 0,
            decided,
            decided_bytes: 0,
            finished_at: None,
        };
        let told = |operations, decided, ms| {
            eta(&batch(operations, decided), Timestamp::from_millis(ms)).map(|eta| (eta.low_s, eta.likely_s, eta.high_s))
        };
        assert_eq!(told(1_000, 0, 5_000), None);
        assert_eq!(told(1_000, 100, 10_000), Some((49, 90, 171)));
        assert_eq!(told(1_000, 900, 90_000), Some((9, 10, 11)));
        assert_eq!(told(1_000, 1_000, 90_000), Some((0, 0, 0)));
        assert_eq!(told(1_000, 10, -5), None, "the clock went back");
    }
}
