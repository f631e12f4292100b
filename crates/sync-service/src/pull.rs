//! Pull: the documents that changed since a cursor, each once, over the caller's view.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sync_core::cursor::Cursor;
use sync_core::document::CONFLICTS;
use sync_core::json::{Object, RawJson};
use sync_core::limits::MAX_REMAINING;
use sync_core::ports::{Access, DocumentPage, DocumentRow, SpaceAccess, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::{Item, ItemKind, Pull, SpaceChanges};
use sync_core::{Audience, Code, FieldVersions, Problem, Role, Schema, SpaceId};

use crate::access::{self, Standing};
use crate::cursors::{CursorKeys, epoch_tag, view_tag};
use crate::push::OwnChanges;
use crate::{Caller, Service, ServiceError, ServiceResult};

/// Rows looked at together when what is left is counted.
const COUNTED_AT_ONCE: i64 = 1_000;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    pub(crate) changes: BTreeMap<String, SpaceChanges>,
    /// The event dates of the spaces read.
    pub(crate) event_dates: Vec<String>,
}

impl Pulled {
    /// The answer where the database failed after something of the request was decided: cursors stay as they are.
    pub(crate) fn failed(pull: &Pull, problem: &Problem) -> Self {
        Self { changes: pull.spaces.iter().map(|(text, _)| (text.clone(), unread(problem.clone()))).collect(), event_dates: Vec::new() }
    }
}

impl Service {
    /// Reads each space in one snapshot of all.
    pub(crate) async fn pull(&self, caller: &Caller, pull: Pull, own: HashMap<SpaceId, OwnChanges>) -> ServiceResult<Pulled> {
        let keys = self.cursor_keys().await?;
        let caller = *caller;
        Ok(self.store.transact(Access::Read, move |tx| read_spaces(tx, &caller, &keys, &pull, &own)).await?)
    }
}

fn read_spaces(
    tx: &mut dyn Tx,
    caller: &Caller,
    keys: &CursorKeys,
    pull: &Pull,
    own: &HashMap<SpaceId, OwnChanges>,
) -> StoreResult<Pulled> {
    let ids: Vec<SpaceId> = pull.spaces.iter().filter_map(|(text, _)| text.parse().ok()).collect();
    let standings = access::load(tx, caller, &ids)?;
    let mut budget = Budget { items: pull.max_changes, bytes: pull.max_bytes };
    let mut pulled = Pulled::default();
    let nothing = OwnChanges::new();
    for (text, cursor) in &pull.spaces {
        let space_id: Option<SpaceId> = text.parse().ok();
        let changes = match space_id.and_then(|space_id| standings.get(&space_id)).cloned().unwrap_or(Standing::Unknown) {
            Standing::Unknown => unknown_space(),
            Standing::Former(access) => revoked(&access),
            Standing::Member(access) => {
                pulled.event_dates.extend(access.space.event_date.clone());
                let own = own.get(&access.space.space_id).unwrap_or(&nothing);
                match Schema::of_space(access.space.schema.as_deref()) {
                    Some(schema) => Reader { caller, keys, view_tag: view_tag(&access, &schema), access: &access, own }.read(
                        tx,
                        cursor.as_deref(),
                        &mut budget,
                    )?,
                    // one space that can't be read keeps nobody from the others
                    None => unread(ServiceError::from(StoreError::Damaged(format!("the schema of space {text}"))).problem()),
                }
            }
        };
        pulled.changes.insert(text.clone(), changes);
    }
    Ok(pulled)
}

fn unknown_space() -> SpaceChanges {
    let detail = "there is no such space, or you are not a member of it; ask its lead to add you";
    unread(Problem::new(Code::UnknownSpace, detail))
}

fn unread(problem: Problem) -> SpaceChanges {
    SpaceChanges { problem: Some(problem), ..SpaceChanges::default() }
}

fn revoked(access: &SpaceAccess) -> SpaceChanges {
    // a deleted space has no purge of its own: its id serves
    let purge_id = access.member.purge_id.unwrap_or(access.space.space_id.0);
    SpaceChanges { revoked: true, purge: true, purge_id: Some(purge_id.to_string()), ..SpaceChanges::default() }
}

/// What is left of a request's page, shared by its spaces.
struct Budget {
    items: usize,
    bytes: usize,
}

impl Budget {
    /// Makes room for an item, if there is; a space's first one always finds some.
    fn takes(&mut self, item: &Item, first: bool) -> bool {
        let bytes = serde_json::to_string(item).map_or(0, |text| text.len());
        if !first && (self.items == 0 || bytes > self.bytes) {
            return false;
        }
        self.items = self.items.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

struct Reader<'a> {
    caller: &'a Caller,
    keys: &'a CursorKeys,
    view_tag: u32,
    access: &'a SpaceAccess,
    own: &'a OwnChanges,
}

impl Reader<'_> {
    fn read(&self, tx: &mut dyn Tx, text: Option<&str>, budget: &mut Budget) -> StoreResult<SpaceChanges> {
        let head = self.access.head;
        let tag = epoch_tag(head.epoch);
        let cursor = match text {
            None => Cursor { epoch_tag: tag, view_tag: self.view_tag, floor: None, place: 0, began: head.version },
            Some(text) => match self.keys.read(text, self.access.space.space_id, self.caller.user_id) {
                None => return Ok(self.reset("cursor")),
                Some(cursor) if cursor.epoch_tag != tag => return Ok(self.reset("epoch")),
                Some(cursor) if cursor.view_tag != self.view_tag => return Ok(self.reset("rights")),
                // the log is shorter than what was read of it
                Some(cursor) if cursor.place.max(cursor.floor.unwrap_or(0)) > head.version => return Ok(self.reset("log")),
                Some(cursor) => cursor,
            },
        };
        self.read_page(tx, cursor, budget)
    }

    fn reset(&self, reason: &'static str) -> SpaceChanges {
        SpaceChanges {
            has_more: true,
            epoch: Some(self.access.head.epoch.to_string()),
            reset: true,
            reason: Some(reason),
            shared_until: Some(if reason == "epoch" { 0 } else { self.access.head.version }),
            ..SpaceChanges::default()
        }
    }

    fn page(&self, above: i64, limit: i64) -> DocumentPage {
        let seen_by = Audience::of([self.access.member.role]);
        DocumentPage { space_id: self.access.space.space_id, above, seen_by, limit }
    }

    fn read_page(&self, tx: &mut dyn Tx, cursor: Cursor, budget: &mut Budget) -> StoreResult<SpaceChanges> {
        let head = self.access.head;
        let (items, place, has_more) = self.read_items(tx, &cursor, budget)?;
        let next = if has_more { Cursor { place, ..cursor } } else { Cursor { floor: Some(head.version), place: head.version, ..cursor } };
        Ok(SpaceChanges {
            items,
            cursor: self.keys.sign(next, self.access.space.space_id, self.caller.user_id),
            has_more,
            remaining: if has_more { self.remaining(tx, &next)? } else { 0 },
            epoch: Some(head.epoch.to_string()),
            checksums: if has_more { None } else { Some(self.checksums(tx)?) },
            ..SpaceChanges::default()
        })
    }

    /// The items of a page, the place that they reach, and whether another page follows. Rows that this reader is not
    /// told of take no room.
    fn read_items(&self, tx: &mut dyn Tx, cursor: &Cursor, budget: &mut Budget) -> StoreResult<(Vec<Item>, i64, bool)> {
        let mut items = Vec::new();
        let mut place = cursor.place;
        while place < self.access.head.version {
            let limit = budget.items.saturating_add(1).max(2);
            let rows = tx.list_documents(self.page(place, i64::try_from(limit).unwrap_or(i64::MAX)))?;
            let were_all = rows.len() < limit;
            for row in rows {
                let version = row.version;
                if let Some(item) = self.item(row, cursor)? {
                    if !budget.takes(&item, items.is_empty()) {
                        return Ok((items, place, true));
                    }
                    items.push(item);
                }
                place = version;
            }
            if were_all {
                break;
            }
        }
        Ok((items, place, false))
    }

    /// How many items are still to come. Rows that this reader is not told (deleted before its first run began, out of
    /// its view, its own) are not counted; where none of them can be there, the database counts.
    fn remaining(&self, tx: &mut dyn Tx, cursor: &Cursor) -> StoreResult<i64> {
        let rows = tx.count_documents(self.page(cursor.place, MAX_REMAINING + 1))?;
        if rows > MAX_REMAINING || (cursor.floor.is_none() && self.all_are_told(tx)?) {
            return Ok(rows);
        }
        let (mut told, mut place) = (0, cursor.place);
        loop {
            let page = tx.list_documents(self.page(place, COUNTED_AT_ONCE))?;
            let Some(last) = page.last() else { return Ok(told) };
            place = last.version;
            for row in page {
                told += i64::from(self.item(row, cursor)?.is_some());
            }
        }
    }

    /// Whether every row that this reader could be told of is live and in its view.
    fn all_are_told(&self, tx: &mut dyn Tx) -> StoreResult<bool> {
        let rows = tx.count_documents(self.page(0, MAX_REMAINING + 1))?;
        let live = self.totals(tx)?.values().map(|total| total.0).sum::<i64>();
        Ok(rows <= MAX_REMAINING && rows == live)
    }

    /// What this reader is told of a document, if anything.
    fn item(&self, row: DocumentRow, cursor: &Cursor) -> StoreResult<Option<Item>> {
        let role = self.access.member.role;
        let visible = row.audience.includes(role);
        if visible && self.is_own(&row, cursor) {
            return Ok(None);
        }
        let echo = visible && row.by.device_id == self.caller.device_id && row.foreign_version <= cursor.floor.unwrap_or(0);
        let mut item = Item {
            collection: row.key.collection().to_owned(),
            document_id: row.key.id().to_owned(),
            version: row.version,
            kind: ItemKind::Document,
            patch: None,
            document: None,
            by: visible.then_some(row.by),
            at: visible.then_some(row.at),
            echo,
        };
        if row.presence.deleted || !visible {
            if !may_hold(&row, cursor, role) {
                return Ok(None);
            }
            item.kind = if visible { ItemKind::Delete } else { ItemKind::Gone };
            return Ok(Some(item));
        }
        match cursor.floor.filter(|floor| row.presence.live_since <= *floor && row.audience_version <= *floor) {
            Some(floor) if row.key.collection() != CONFLICTS => {
                let patch = touched_since(&row, floor)?;
                if smaller_than(&patch, &row.body) {
                    item.kind = ItemKind::Patch;
                    item.patch = Some(patch);
                } else {
                    item.document = Some(row.body);
                }
            }
            _ => item.document = Some(row.body),
        }
        Ok(Some(item))
    }

    /// All its changes above the floor are operations of this very request that applied as sent: the results stand for
    /// it.
    fn is_own(&self, row: &DocumentRow, cursor: &Cursor) -> bool {
        let (Some(floor), Some((before, version, plain))) = (cursor.floor, self.own.get(row.key.as_str())) else { return false };
        *plain && *version == row.version && *before <= floor
    }

    fn checksums(&self, tx: &mut dyn Tx) -> StoreResult<BTreeMap<String, String>> {
        let live = self.totals(tx)?.into_iter().filter(|(_, total)| total.0 > 0);
        Ok(live.map(|(collection, total)| (collection, format!("{:016x}", total.1))).collect())
    }

    /// Live documents in the view, and their sum, by collection.
    fn totals(&self, tx: &mut dyn Tx) -> StoreResult<BTreeMap<String, (i64, u64)>> {
        let role = self.access.member.role;
        let mut totals: BTreeMap<String, (i64, u64)> = BTreeMap::new();
        for sum in tx.load_sums(self.access.space.space_id)?.into_iter().filter(|sum| sum.audience.includes(role)) {
            let total = totals.entry(sum.collection).or_default();
            *total = (total.0 + sum.documents, total.1.wrapping_add(sum.sum));
        }
        Ok(totals)
    }
}

/// Whether a device at this cursor may hold a document that is now deleted or out of its view: it could be seen before,
/// that is news. One that was made above the cursor may be the device's own, of which only a result told it.
fn may_hold(row: &DocumentRow, cursor: &Cursor, role: Role) -> bool {
    let ever = row.audience_ever.includes(role);
    let since_run_began = cursor.floor.is_some() || row.version > cursor.began;
    // one that left the view before the floor was told as gone then
    let news = row.audience.includes(role) || row.audience_version > cursor.floor.unwrap_or(0);
    ever && since_run_began && news
}

/// Every top-level member that was touched above the floor, with its whole value now, `null` where absent.
fn touched_since(row: &DocumentRow, floor: i64) -> StoreResult<Object> {
    let damaged = || StoreError::Damaged(format!("document at version {} has unreadable fields", row.version));
    let fields = FieldVersions::decode(&row.fields).ok_or_else(damaged)?;
    let mut body = row.body.object();
    Ok(fields.above(floor).map(|name| (name.to_owned(), body.remove(name).unwrap_or(Value::Null))).collect())
}

fn smaller_than(patch: &Object, document: &RawJson) -> bool {
    serde_json::to_string(patch).is_ok_and(|text| text.len() < document.as_str().len())
}
