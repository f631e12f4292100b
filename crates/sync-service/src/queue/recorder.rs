//! What happens to the queue, counted in memory by minutes, and what is learned from it. Counts are written down in bulk
//! every few seconds, under the node's own id; a crash loses those of a few seconds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use queue::eta::{Eta, Rates};
use queue::sizing::Pace;
use sync_core::json::RawJson;
use sync_core::ports::{QueueFigure, QueueItem};
use sync_core::{DeviceId, OpId, OrganisationId, SpaceId, Status, Timestamp};
use uuid::Uuid;

use super::span::Span;

/// The shortest span that is kept.
pub(crate) const MINUTE_S: i32 = 60;
/// Spaces whose rates are remembered.
const MAX_SPACES: usize = 10_000;
/// Estimates that wait for their outcome; what is told when there are more is not scored.
const MAX_ESTIMATES: usize = 5_000;

/// An operation that was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AcceptedItem {
    pub(crate) organisation_id: OrganisationId,
    pub(crate) op_id: OpId,
    pub(crate) device_id: DeviceId,
    pub(crate) lane: i32,
    pub(crate) size_bytes: i32,
}

impl AcceptedItem {
    pub(crate) const fn of(item: &QueueItem) -> Self {
        let QueueItem { organisation_id, op_id, device_id, lane, size_bytes, .. } = *item;
        Self { organisation_id, op_id, device_id, lane, size_bytes }
    }
}

/// An operation that was decided or discarded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecidedItem {
    pub(crate) organisation_id: OrganisationId,
    pub(crate) op_id: OpId,
    pub(crate) device_id: DeviceId,
    pub(crate) lane: i32,
    pub(crate) accepted_at: Timestamp,
    pub(crate) status: Status,
}

impl DecidedItem {
    pub(crate) const fn of(item: &QueueItem, status: Status) -> Self {
        let QueueItem { organisation_id, op_id, device_id, lane, accepted_at, .. } = *item;
        Self { organisation_id, op_id, device_id, lane, accepted_at, status }
    }
}

/// A worker's step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) organisation_id: OrganisationId,
    pub(crate) space_id: SpaceId,
    /// Items of each lane.
    pub(crate) items: [usize; 4],
    /// How long the step itself took.
    pub(crate) took_us: i64,
    /// How long ago the step before it ended, or the space's first item came, whichever was later.
    pub(crate) since_last_us: i64,
}

/// Counts of one organisation's lane in one minute.
type Place = (OrganisationId, i64, i32);

#[derive(Default)]
struct State {
    node_id: Option<Uuid>,
    spans: BTreeMap<Place, (Span, bool)>,
    pace: Pace,
    rates: Rates,
    spaces: HashMap<SpaceId, Rates>,
    estimates: HashMap<OpId, (Eta, Timestamp)>,
    watched: Option<(Timestamp, bool)>,
    most_workers: usize,
}

/// Counts, and what was learned from them. All clones of a [`crate::Service`] share it.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<State>);

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operations were accepted.
    pub(crate) fn accepted(&self, items: &[AcceptedItem], now: Timestamp) {
        let mut state = self.lock();
        for item in items {
            let span = state.span((item.organisation_id, item.lane), now);
            span.accepted = span.accepted.saturating_add(1);
            span.bytes = span.bytes.saturating_add(u64::try_from(item.size_bytes).unwrap_or(0));
            span.of_device(item.device_id, 1, 0);
        }
    }

    /// It was told when an operation would be done: the estimate is scored when it is.
    pub(crate) fn estimated(&self, op_id: OpId, eta: Eta, now: Timestamp) {
        let mut state = self.lock();
        if state.estimates.len() < MAX_ESTIMATES {
            state.estimates.entry(op_id).or_insert((eta, now));
        }
    }

    /// Operations were decided, or discarded (`rejected`).
    pub(crate) fn decided(&self, items: &[DecidedItem], now: Timestamp) {
        let mut state = self.lock();
        for item in items {
            let told = state.estimates.remove(&item.op_id);
            let span = state.span((item.organisation_id, item.lane), now);
            span.of_status(item.status);
            span.wait.add(now.millis().saturating_sub(item.accepted_at.millis()));
            span.of_device(item.device_id, 0, 1);
            if let Some((eta, told_at)) = told {
                span.eta = span.eta.add(&eta, now.millis().saturating_sub(told_at.millis()));
            }
        }
    }

    /// A try of an operation failed; `parked`: it was the last one.
    pub(crate) fn failed(&self, organisation_id: OrganisationId, lane: i32, code: &str, parked: bool, now: Timestamp) {
        self.lock().span((organisation_id, lane), now).of_failure(code, parked);
    }

    /// A step ended.
    pub(crate) fn stepped(&self, step: &Step, now: Timestamp) {
        let items: usize = step.items.iter().sum();
        let mut state = self.lock();
        state.pace = state.pace.learn(items, step.took_us);
        state.rates = state.rates.learn(step.items, step.since_last_us);
        let known = state.spaces.get(&step.space_id).copied();
        if known.is_some() || state.spaces.len() < MAX_SPACES {
            state.spaces.insert(step.space_id, known.unwrap_or_default().learn(step.items, step.since_last_us));
        }
        // a step of several lanes is counted in the one of which it has most
        let lane = (0..4).zip(step.items).max_by_key(|(_, count)| *count).map_or(1, |(lane, _)| lane);
        let span = state.span((step.organisation_id, lane), now);
        span.work.add(step.took_us / 1_000);
        span.step_items = span.step_items.saturating_add(u64::try_from(items).unwrap_or(0));
    }

    /// So many of an organisation's items wait in a lane.
    pub(crate) fn waiting(&self, organisation_id: OrganisationId, lane: i32, items: i64, now: Timestamp) {
        let mut state = self.lock();
        let span = state.span((organisation_id, lane), now);
        span.depth = span.depth.saturating_add(u64::try_from(items).unwrap_or(0));
        span.looks = span.looks.saturating_add(1);
    }

    /// There are so many workers; `saturated`: all are, and more could be taken. It is counted
    /// for every organisation for which something happens.
    pub(crate) fn workers(&self, workers: usize, saturated: bool, now: Timestamp) {
        let organisations = self.organisations();
        let mut state = self.lock();
        state.most_workers = state.most_workers.max(workers);
        let Some((since, was)) = state.watched.replace((now, saturated)) else { return };
        let elapsed = u64::try_from(now.millis().saturating_sub(since.millis()).clamp(0, 60_000)).unwrap_or(0);
        for organisation_id in organisations {
            let span = state.span((organisation_id, 0), now);
            span.watched_ms = span.watched_ms.saturating_add(elapsed);
            span.saturated_ms = span.saturated_ms.saturating_add(if was { elapsed } else { 0 });
        }
    }

    /// How long an item takes a worker.
    pub(crate) fn pace(&self) -> Pace {
        self.lock().pace
    }

    /// How fast a space's items are decided; while little is known of it, as fast as all others.
    pub(crate) fn rates(&self, space_id: SpaceId) -> Rates {
        let state = self.lock();
        state.spaces.get(&space_id).copied().filter(|rates| rates.of(-1).seen() >= 4).unwrap_or(state.rates)
    }

    /// The most workers that there were at once.
    pub(crate) fn most_workers(&self) -> usize {
        self.lock().most_workers
    }

    /// The rows that changed since the last call, under the node's id, which `make_id` gives once.
    pub(super) fn changed(&self, now: Timestamp, make_id: impl FnOnce() -> Uuid) -> Vec<QueueFigure> {
        let mut state = self.lock();
        let node_id = *state.node_id.get_or_insert_with(make_id);
        let current = minute(now);
        let row = |((organisation_id, at, lane), (span, _)): (&Place, &(Span, bool))| QueueFigure {
            organisation_id: *organisation_id,
            step_s: MINUTE_S,
            at: Timestamp::from_millis(*at),
            lane: *lane,
            node_id,
            body: RawJson::of(span),
        };
        let rows = state.spans.iter().filter(|(_, (_, changed))| *changed).map(row).collect();
        for (_, changed) in state.spans.values_mut() {
            *changed = false;
        }
        // a minute that is over and written is not counted into any more
        state.spans.retain(|(_, at, _), _| *at >= current);
        rows
    }

    /// What was not written after all is to be written the next time.
    pub(super) fn put_back(&self, rows: &[QueueFigure]) {
        let mut state = self.lock();
        for row in rows {
            let place = (row.organisation_id, row.at.millis(), row.lane);
            let (_, changed) = state.spans.entry(place).or_insert_with(|| (Span::read(&row.body), true));
            *changed = true;
        }
    }

    /// The organisations that were counted for in this minute.
    pub(super) fn organisations(&self) -> Vec<OrganisationId> {
        let mut all: Vec<OrganisationId> = self.lock().spans.keys().map(|(organisation_id, _, _)| *organisation_id).collect();
        all.dedup();
        all
    }
}

impl State {
    fn span(&mut self, (organisation_id, lane): (OrganisationId, i32), now: Timestamp) -> &mut Span {
        let (span, changed) = self.spans.entry((organisation_id, minute(now), lane.clamp(0, 3))).or_default();
        *changed = true;
        span
    }
}

/// The beginning of a minute.
fn minute(now: Timestamp) -> i64 {
    now.millis() - now.millis().rem_euclid(60_000)
}
