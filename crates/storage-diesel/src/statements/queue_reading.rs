//! The queue as people read it.

use diesel::dsl::{count_star, min, sql, sum};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable};
use sync_core::ports::{ItemCount, ItemMark, ItemState, QueueFilter, QueueItem, QueueReading, StoreResult, Visible};
use sync_core::{OrganisationId, SpaceId, UserId};

use super::documents::CountRows;
use super::items::{IN_LINE, item, phase};
use super::tx::Rows;
use super::{Backend, dialect};
use crate::rows::{CountRecord, ItemRecord, RankRecord};
use crate::schema::{devices, queue_batches as batches, queue_items as items, queue_spaces as spaces};
use crate::values::Id;

/// A part of what a filter means, which one index finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All of it.
    All,
    /// One person's.
    Of(UserId),
    /// A space's.
    In(SpaceId),
}

/// Where (rank, number) stands to a place.
macro_rules! by_rank {
    ($than:literal, $place:expr) => {
        sql::<Bool>(concat!("(\"rank\", \"seq\") ", $than, " (")).bind::<BigInt, _>($place.0).sql(", ").bind::<BigInt, _>($place.1).sql(")")
    };
}

impl QueueReading for Rows<'_> {
    fn list_queue(
        &mut self,
        organisation_id: OrganisationId,
        filter: &QueueFilter,
        after: Option<&ItemMark>,
        limit: i64,
    ) -> StoreResult<Vec<QueueItem>> {
        let most = usize::try_from(limit).unwrap_or(0);
        let (mut found, mut in_spaces) = (Vec::new(), Vec::new());
        for part in self.parts(filter)? {
            let space_id = space_of(filter, part);
            if space_id.zip(after).is_some_and(|(space_id, (marked, ..))| space_id < *marked) {
                continue;
            }
            // spaces come in the order of the page
            if in_spaces.len() >= most {
                break;
            }
            let only = later(space_id, after).into_iter().fold(conditions(organisation_id, filter, part), and);
            let rows = self.load(|conn| -> QueryResult<Vec<ItemRecord>> {
                let order = (items::space_id, items::rank, items::seq);
                items::table.filter(only).order(order).limit(limit).select(item!()).load(conn)
            })?;
            if matches!(part, Part::In(_)) { in_spaces.extend(rows) } else { found.extend(rows) }
        }
        found.extend(in_spaces);
        found.sort_unstable_by_key(|item: &QueueItem| (item.space_id, item.rank, item.seq));
        // one's own in a space that one leads was found twice
        found.dedup_by_key(|item| item.op_id);
        found.truncate(most);
        Ok(found)
    }

    fn count_queue(&mut self, organisation_id: OrganisationId, filter: &QueueFilter) -> StoreResult<Vec<ItemCount>> {
        let mut counts = Vec::new();
        for part in self.parts(filter)? {
            let only = match (part, &filter.visible) {
                // one's own are counted already
                (Part::In(_), Some(visible)) => {
                    let others: Condition = Box::new(items::user_id.ne(visible.user_id.as_bytes().to_vec()).nullable());
                    and(conditions(organisation_id, filter, part), others)
                }
                _ => conditions(organisation_id, filter, part),
            };
            let counted = self.load(|conn| -> QueryResult<Vec<CountRecord>> {
                let figures = (items::lane, items::state, count_star(), sum(items::size_bytes), min(items::accepted_at));
                items::table.filter(only).group_by((items::lane, items::state)).select(figures).load(conn)
            })?;
            for count in counted {
                add(&mut counts, count);
            }
        }
        counts.sort_unstable_by_key(|count: &ItemCount| (count.lane, count.state));
        Ok(counts)
    }

    fn count_ahead(&mut self, space_id: SpaceId, place: (i64, i64), most: i64) -> StoreResult<i64> {
        self.send(|conn| {
            let ahead = items::table
                .filter(items::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(items::phase.eq(IN_LINE))
                .filter(by_rank!("<", place))
                // the order leaves no other index
                .order((items::rank, items::seq))
                .limit(most)
                .select(items::seq);
            CountRows(ahead).get_result(conn)
        })
    }

    fn list_ranks(&mut self, space_id: SpaceId, from: (i64, i64), to: (i64, i64), limit: i64) -> StoreResult<Vec<(i64, i64, i32)>> {
        self.load(|conn| -> QueryResult<Vec<RankRecord>> {
            items::table
                .filter(items::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(items::phase.eq(IN_LINE))
                .filter(by_rank!(">=", from))
                .filter(by_rank!("<=", to))
                .order((items::rank, items::seq))
                .limit(limit)
                .select((items::rank, items::seq, items::lane))
                .load(conn)
        })
    }
}

impl Rows<'_> {
    /// What a filter means, in parts; spaces in order.
    fn parts(&mut self, filter: &QueueFilter) -> StoreResult<Vec<Part>> {
        let Some(visible) = &filter.visible else { return Ok(vec![Part::All]) };
        let leads = |space_id| visible.space_ids.contains(&space_id);
        if filter.user_id == Some(visible.user_id) || filter.space_id.is_some_and(leads) {
            return Ok(vec![Part::All]);
        }
        let mut parts = vec![Part::Of(visible.user_id)];
        if filter.space_id.is_none() {
            parts.extend(self.queued_in(visible)?.into_iter().map(Part::In));
        }
        Ok(parts)
    }

    /// The spaces that somebody leads and in which something was queued, in order.
    fn queued_in(&mut self, visible: &Visible) -> StoreResult<Vec<SpaceId>> {
        let mut found = self.load_each(&visible.space_ids, |conn, ids| -> QueryResult<Vec<Id>> {
            spaces::table
                .filter(dialect::any_of!(spaces::space_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .select(spaces::space_id)
                .load(conn)
        })?;
        found.sort_unstable();
        Ok(found.into_iter().map(SpaceId).collect())
    }
}

fn add(counts: &mut Vec<ItemCount>, more: ItemCount) {
    match counts.iter_mut().find(|count| (count.lane, count.state) == (more.lane, more.state)) {
        None => counts.push(more),
        Some(count) => {
            count.items += more.items;
            count.bytes += more.bytes;
            count.oldest = count.oldest.min(more.oldest);
        }
    }
}

/// A condition on items.
type Condition = Box<dyn BoxableExpression<items::table, Backend, SqlType = Nullable<Bool>>>;

/// The space of a part, if it has one.
fn space_of(filter: &QueueFilter, part: Part) -> Option<SpaceId> {
    match part {
        Part::In(space_id) => Some(space_id),
        Part::All | Part::Of(_) => filter.space_id,
    }
}

/// What lies after a mark. Where the space is given, its index is gone through by rank.
fn later(space_id: Option<SpaceId>, after: Option<&ItemMark>) -> Option<Condition> {
    let &(marked, rank, seq) = after?;
    match space_id {
        Some(space_id) if space_id > marked => None,
        Some(_) => Some(Box::new(by_rank!(">", (rank, seq)).nullable())),
        None => {
            let later = sql::<Bool>("(\"space_id\", \"rank\", \"seq\") > (").bind::<Binary, _>(marked.as_bytes().to_vec());
            let later = later.sql(", ").bind::<BigInt, _>(rank).sql(", ").bind::<BigInt, _>(seq).sql(")");
            Some(Box::new(later.nullable()))
        }
    }
}

/// Everything that a filter asks of the items of a part.
fn conditions(organisation_id: OrganisationId, filter: &QueueFilter, part: Part) -> Condition {
    let own: Condition = Box::new(items::organisation_id.eq(organisation_id.as_bytes().to_vec()).nullable());
    let mut all: Vec<Condition> = Vec::new();
    if let Part::Of(user_id) = part {
        all.push(Box::new(items::user_id.eq(user_id.as_bytes().to_vec()).nullable()));
    }
    if let Some(space_id) = space_of(filter, part) {
        all.push(Box::new(items::space_id.eq(space_id.as_bytes().to_vec()).nullable()));
    }
    if let Some(user_id) = filter.user_id {
        all.push(Box::new(items::user_id.eq(user_id.as_bytes().to_vec()).nullable()));
    }
    all.extend(senders(filter));
    all.extend(states(&filter.states));
    if let Some(lane) = filter.lane {
        all.push(Box::new(items::lane.eq(lane).nullable()));
    }
    if let Some(code) = &filter.code {
        all.push(Box::new(items::code.eq(code.clone())));
    }
    if let Some(before) = filter.accepted_before {
        all.push(Box::new(items::accepted_at.lt(before.millis()).nullable()));
    }
    all.into_iter().fold(own, and)
}

fn and(one: Condition, other: Condition) -> Condition {
    Box::new(one.and(other))
}

/// Those of a device, those of a batch. Both are somebody's, by whom the index finds them.
fn senders(filter: &QueueFilter) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(device_id) = filter.device_id {
        let device_id = device_id.as_bytes().to_vec();
        let owner = devices::table.filter(devices::device_id.eq(device_id.clone())).select(devices::user_id).single_value();
        all.push(Box::new(items::user_id.nullable().eq(owner)));
        all.push(Box::new(items::device_id.eq(device_id).nullable()));
    }
    if let Some(batch_id) = filter.batch_id {
        let batch_id = batch_id.as_bytes().to_vec();
        let sender = batches::table.filter(batches::batch_id.eq(batch_id.clone())).select(batches::user_id).single_value();
        all.push(Box::new(items::user_id.nullable().eq(sender)));
        all.push(Box::new(items::batch_id.eq(batch_id).nullable()));
    }
    all
}

/// Those in one of some states; in any where there are none.
fn states(states: &[ItemState]) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    if states == [ItemState::Parked] {
        // as the partial index has it
        all.push(Box::new(sql::<Bool>("\"phase\" = 'parked'").nullable()));
    }
    let mut phases: Vec<_> = states.iter().copied().map(phase).collect();
    phases.dedup();
    if let [phase] = phases.as_slice() {
        all.push(Box::new(items::phase.eq(*phase).nullable()));
    }
    if !states.is_empty() {
        all.push(Box::new(items::state.eq_any(states.iter().map(|state| state.as_str())).nullable()));
    }
    all
}
