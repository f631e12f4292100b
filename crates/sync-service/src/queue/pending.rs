//! What waits in the queue, and when it will be decided.

use std::collections::{HashMap, HashSet};

use queue::eta::Eta;
use serde::Deserialize;
use sync_core::ports::{Access, ItemCount, ItemMark, ItemState, QueueItem, StoreResult, Tx};
use sync_core::protocol::v1::queue::{BulkFilter, EtaRange, PendingItem, PendingList, Totals};
use sync_core::{Code, Kind, OpId, Problem, Status, Timestamp};

use super::sight::{Sight, unknown_operation};
use crate::{Caller, Service, ServiceResult};

/// The most items on one page.
pub const MAX_PENDING: i64 = 200;
/// Places are counted up to here; beyond, they are told as this.
const MAX_PLACE: i64 = 100_000;
/// Spaces of a page for whose items places are looked up; more than one request needs.
const MAX_LINES: usize = 50;
/// Places read at once, where a page's items of one space are far apart.
const MAX_RANKS: i64 = 5_000;

/// Which items to list.
#[derive(Debug, Clone, Default)]
pub struct PendingQuery {
    /// Which.
    pub filter: BulkFilter,
    /// Whether payloads are wanted.
    pub payload: bool,
    /// At most this many. One outside 1–[`MAX_PENDING`] is brought within.
    pub limit: i64,
    /// The `next` of the page before.
    pub after: Option<String>,
}

impl Service {
    /// What waits, of what the caller may see: by space, then in the order in which it is decided.
    ///
    /// # Errors
    /// `malformed` for a state or a place that there is not; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_pending(&self, caller: &Caller, query: PendingQuery) -> ServiceResult<PendingList> {
        let (caller, now) = (*caller, self.now());
        let limit = query.limit.clamp(1, MAX_PENDING);
        let after = query.after.as_deref().map(read_mark).transpose()?;
        let work = move |tx: &mut dyn Tx| {
            let mut sight = Sight::load(tx, &caller)?;
            let filter = sight.filter(&query.filter, &ItemState::ALL)?;
            let mut items = tx.list_queue(caller.organisation_id, &filter, after.as_ref(), limit + 1)?;
            let more = i64::try_from(items.len()).unwrap_or(i64::MAX) > limit;
            items.truncate(usize::try_from(limit).unwrap_or_default());
            let next = items.last().filter(|_| more).map(|item| write_mark(&mark_of(item)));
            let totals = totals(&tx.count_queue(caller.organisation_id, &filter)?);
            let items = present(tx, &mut sight, items, query.payload)?;
            Ok((items, totals, next))
        };
        let (items, totals, next) = self.decide(caller.oversee(Access::Read), work).await?;
        let items = items.into_iter().map(|shown| self.with_eta(shown, now)).collect();
        Ok(PendingList { items, totals, next, server_time: now })
    }

    /// One item, with its payload where the caller may see it.
    ///
    /// # Errors
    /// `unknown_operation`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn load_pending(&self, caller: &Caller, op_id: OpId) -> ServiceResult<PendingItem> {
        let (caller, now) = (*caller, self.now());
        let work = move |tx: &mut dyn Tx| {
            let found = tx.load_items(caller.organisation_id, &[op_id])?.pop().ok_or_else(|| unknown_operation(op_id))?;
            let mut sight = Sight::of_space(tx, &caller, found.space_id)?;
            if !sight.sees(found.user_id, found.space_id) {
                return Err(unknown_operation(op_id).into());
            }
            Ok(present(tx, &mut sight, vec![found], true)?.pop().ok_or_else(|| unknown_operation(op_id))?)
        };
        Ok(self.with_eta(self.decide(caller.oversee(Access::Read), work).await?, now))
    }

    /// Says when an item will be decided, where that can be told, and remembers what was told.
    pub(super) fn with_eta(&self, mut item: PendingItem, now: Timestamp) -> PendingItem {
        let rates = self.recorder.rates(item.space_id);
        let (from, ahead) = match (item.position, item.next_try_at.filter(|_| item.state == ItemState::Delayed.as_str())) {
            (Some(position), _) => (now, position - 1),
            (None, Some(next)) => (next.max(now), 0),
            (None, None) => return item,
        };
        let Some(eta) = rates.eta(item.lane, ahead) else { return item };
        if item.position.is_some() {
            self.recorder.estimated(item.op_id, eta, now);
        }
        item.eta = Some(range(&eta, from));
        item
    }
}

fn range(eta: &Eta, from: Timestamp) -> EtaRange {
    EtaRange { expected_at: from.plus_ms(eta.expected_ms), earliest_at: from.plus_ms(eta.low_ms), latest_at: from.plus_ms(eta.high_ms) }
}

/// Items as their reader is told of them, in their order.
pub(super) fn present(tx: &mut dyn Tx, sight: &mut Sight, items: Vec<QueueItem>, payloads: bool) -> StoreResult<Vec<PendingItem>> {
    let places = places(tx, &items)?;
    let parked = parked_blockers(tx, &items)?;
    items
        .into_iter()
        .map(|item| {
            let payload = if payloads { sight.payload(&item)? } else { None };
            let held_by_parked = item.state == ItemState::Held && item.waits_for.is_some_and(|op_id| parked.contains(&op_id));
            let status = if held_by_parked { Status::Parked } else { status_of(item.state) };
            let position = places.get(&item.op_id).copied();
            Ok(shown(item, (status, position), payload))
        })
        .collect()
}

/// The status that a device is told of an item of its own.
pub(super) fn status_of(state: ItemState) -> Status {
    if state == ItemState::Parked { Status::Parked } else { Status::Queued }
}

#[derive(Deserialize)]
struct JustKind {
    kind: Kind,
}

fn shown(
    item: QueueItem,
    (status, position): (Status, Option<i64>),
    payload: Option<(sync_core::json::RawJson, Vec<String>)>,
) -> PendingItem {
    let (collection, document_id) = item.key.split_once('/').unwrap_or((&item.key, ""));
    let (payload, masked) = payload.map_or((None, Vec::new()), |(payload, masked)| (Some(payload), masked));
    PendingItem {
        op_id: item.op_id,
        id: item.op_id,
        space_id: item.space_id,
        collection: collection.to_owned(),
        document_id: (!document_id.is_empty()).then(|| document_id.to_owned()),
        kind: item.payload.read::<JustKind>().map(|just| just.kind),
        device_id: item.device_id,
        user_id: item.user_id,
        lane: item.lane,
        state: item.state.as_str(),
        status,
        position,
        eta: None,
        attempts: item.attempts,
        next_try_at: item.not_before,
        accepted_at: item.accepted_at,
        size_bytes: item.size_bytes,
        reason: item.code,
        problem: item.problem,
        waits_for: item.waits_for,
        group: item.group,
        batch_id: item.batch_id,
        edited: item.original.is_some(),
        payload,
        masked,
    }
}

/// The places of items in their spaces' lines, from 1: two statements a space.
fn places(tx: &mut dyn Tx, items: &[QueueItem]) -> StoreResult<HashMap<OpId, i64>> {
    let in_line: Vec<&QueueItem> = items.iter().filter(|item| matches!(item.state, ItemState::Ready | ItemState::Leased)).collect();
    let mut places = HashMap::new();
    for line in in_line.chunk_by(|one, other| one.space_id == other.space_id).take(MAX_LINES) {
        let (Some(first), Some(last)) = (line.first(), line.last()) else { continue };
        let (from, to) = ((first.rank, first.seq), (last.rank, last.seq));
        let ahead = tx.count_ahead(first.space_id, from, MAX_PLACE)?;
        let between =
            if line.len() == 1 { vec![(first.rank, first.seq, first.lane)] } else { tx.list_ranks(first.space_id, from, to, MAX_RANKS)? };
        let place: HashMap<(i64, i64), i64> =
            between.into_iter().zip(ahead + 1..).map(|((rank, seq, _), place)| ((rank, seq), place)).collect();
        places.extend(line.iter().filter_map(|item| Some((item.op_id, *place.get(&(item.rank, item.seq))?))));
    }
    Ok(places)
}

/// Which of the operations that items wait for are parked.
fn parked_blockers(tx: &mut dyn Tx, items: &[QueueItem]) -> StoreResult<HashSet<OpId>> {
    let blockers: HashSet<OpId> = items.iter().filter_map(|item| item.waits_for).collect();
    let Some(organisation_id) = items.first().map(|item| item.organisation_id).filter(|_| !blockers.is_empty()) else {
        return Ok(HashSet::new());
    };
    let blockers: Vec<OpId> = blockers.into_iter().collect();
    let places = tx.load_places(organisation_id, &blockers)?;
    Ok(places.into_iter().filter(|place| place.state == ItemState::Parked).map(|place| place.op_id).collect())
}

/// Counts added up.
pub(super) fn totals(counts: &[ItemCount]) -> Totals {
    let mut totals = Totals::default();
    for count in counts {
        totals.items += count.items;
        totals.bytes += count.bytes;
        totals.oldest_at = Some(totals.oldest_at.map_or(count.oldest, |oldest| oldest.min(count.oldest)));
        *totals.lanes.entry(count.lane).or_default() += count.items;
        *totals.states.entry(count.state.as_str()).or_default() += count.items;
    }
    totals
}

pub(super) fn mark_of(item: &QueueItem) -> ItemMark {
    (item.space_id, item.rank, item.seq)
}

fn write_mark((space_id, rank, seq): &ItemMark) -> String {
    format!("{space_id}_{rank}_{seq}")
}

fn read_mark(text: &str) -> Result<ItemMark, Problem> {
    let mut parts = text.split('_');
    let mut read = || Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?));
    read().ok_or_else(|| Problem::new(Code::Malformed, "the query: after is to be the next of the page before"))
}
