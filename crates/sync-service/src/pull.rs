//! Pull: the documents that changed since a cursor, each once, over the caller's view.

mod abreast;
mod items;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sync_core::cursor::Cursor;
use sync_core::limits::MAX_REMAINING;
use sync_core::ports::{DocumentPage, DocumentRow, Presented, SpaceAccess, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::{Item, Pull, SpaceChanges};
use sync_core::{Audience, Code, DocumentKey, Problem, Schema, SpaceId, Timestamp};

use crate::access::{self, Standing};
use crate::cursors::{CursorKeys, epoch_tag};
use crate::devices::Day;
use crate::epochs::{Named, Shared, shared_until};
use crate::purged::{confirmed, purge_of};
use crate::push::OwnChanges;
use crate::view::{Outline, Outlines, Reads, View};
use crate::{Caller, Service, ServiceError, ServiceResult};
pub(crate) use abreast::{Abreast, Items, stand};
use items::{of_outline, told};

/// Rows read together: at most 64 MiB of documents.
const ROWS_AT_ONCE: usize = 256;

/// What the same request said and did before it reads.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    /// What it changed.
    pub(crate) own: HashMap<SpaceId, OwnChanges>,
    /// The epochs that it names.
    pub(crate) epochs: Named,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    pub(crate) changes: BTreeMap<String, SpaceChanges>,
    /// The days of the spaces read.
    pub(crate) days: Vec<Day>,
    /// Up to where everything of a space was sent, the page of this request included.
    pub(crate) floors: Vec<(SpaceId, Option<i64>)>,
    /// What the cursors show.
    presented: Vec<Presented>,
}

impl Pulled {
    /// The answer where the database failed after something of the request was decided: cursors stay as they are.
    pub(crate) fn failed(pull: &Pull, problem: &Problem) -> Self {
        Self { changes: pull.spaces.iter().map(|(text, _)| (text.clone(), unread(problem.clone()))).collect(), ..Self::default() }
    }
}

impl Service {
    /// Reads each space in one snapshot of all.
    pub(crate) async fn pull(&self, caller: &Caller, pull: Pull, pushed: Pushed) -> ServiceResult<Pulled> {
        let keys = self.cursor_keys(pull.spaces.iter().filter_map(|(_, cursor)| cursor.as_deref())).await?;
        let (caller, now, outlines) = (*caller, self.now(), Arc::clone(&self.outlines));
        let work = move |tx: &mut dyn Tx| {
            access::require_session(tx, &caller)?;
            Ok(read_spaces(tx, (&caller, now), (&keys, &outlines), &pull, &pushed)?)
        };
        let pulled = self.decide(caller.read(), work).await?;
        self.note_presented(&pulled);
        Ok(pulled)
    }

    /// Remembers how far devices showed that they have read.
    pub(crate) fn note_presented(&self, pulled: &Pulled) {
        self.presented.add(&pulled.presented);
    }
}

pub(crate) fn read_spaces(
    tx: &mut dyn Tx,
    (caller, now): (&Caller, Timestamp),
    (keys, outlines): (&CursorKeys, &Outlines),
    pull: &Pull,
    pushed: &Pushed,
) -> StoreResult<Pulled> {
    let ids: Vec<SpaceId> = pull.spaces.iter().filter_map(|(text, _)| text.parse().ok()).collect();
    let standings = access::load(tx, caller, &ids)?;
    let former = standings.values().filter_map(|standing| match standing {
        Standing::Former(access) => Some(access),
        _ => None,
    });
    let confirmed = confirmed(tx, caller, &former.collect::<Vec<_>>())?;
    let mut budget = Budget { items: pull.max_changes, bytes: pull.max_bytes };
    let mut pulled = Pulled::default();
    let nothing = OwnChanges::new();
    for (text, cursor) in &pull.spaces {
        let space_id: Option<SpaceId> = text.parse().ok();
        let changes = match space_id.and_then(|space_id| standings.get(&space_id)).cloned().unwrap_or(Standing::Unknown) {
            Standing::Unknown => unknown_space(),
            Standing::Former(access) if confirmed.contains(&purge_of(&access)) => unknown_space(),
            Standing::Former(access) => revoked(&access),
            Standing::Member(access) => {
                pulled.days.push(Day::of(&access.space, now));
                let own = pushed.own.get(&access.space.space_id).unwrap_or(&nothing);
                let named = pushed.epochs.get(&access.space.space_id);
                match Schema::of_space(access.space.schema.as_deref()) {
                    Some(schema) => {
                        let view = View::of(&access, &schema, caller.user_id);
                        let mut reader = Reader { caller, keys, access: &access, view: &view, outline: None, own, named };
                        if pull.schema.is_some_and(|spoken| spoken < schema.oldest_readable) {
                            reader.too_old(tx, cursor.as_ref())?
                        } else {
                            reader.outline = outline_of(tx, (&access, &view), outlines)?;
                            let (cursor, changes) = reader.read(tx, cursor.as_deref(), &mut budget)?;
                            let floor = if changes.has_more { cursor.and_then(|cursor| cursor.floor) } else { Some(access.head.version) };
                            pulled.floors.push((access.space.space_id, floor));
                            pulled.presented.extend(cursor.and_then(|cursor| reader.shown(&cursor, now)));
                            changes
                        }
                    }
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
    SpaceChanges { revoked: true, purge: true, purge_id: Some(purge_of(access).to_string()), ..SpaceChanges::default() }
}

/// Why a device is to begin anew.
#[derive(Clone, Copy)]
enum Reason {
    /// It has read another log: by its cursor's tag, or else the one that it names.
    Epoch(Option<u32>),
    /// The log is shorter than what it has read.
    Shorter,
    /// Another reason, and all of what it has read is of this log.
    Other(&'static str),
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

/// The outline of a view that hides something.
pub(crate) fn outline_of(tx: &mut dyn Tx, (access, view): (&SpaceAccess, &View), outlines: &Outlines) -> StoreResult<Option<Arc<Outline>>> {
    if view.is_whole() { Ok(None) } else { Outline::load(tx, (access, view), outlines, &mut Reads::default()).map(Some) }
}

struct Reader<'a> {
    caller: &'a Caller,
    keys: &'a CursorKeys,
    access: &'a SpaceAccess,
    view: &'a View,
    /// Of a view that hides something.
    outline: Option<Arc<Outline>>,
    own: &'a OwnChanges,
    /// The epoch that the device says it knows.
    named: Option<&'a String>,
}

impl Reader<'_> {
    /// The page after a cursor, and the cursor where it is one to go on from.
    fn read(&self, tx: &mut dyn Tx, text: Option<&str>, budget: &mut Budget) -> StoreResult<(Option<Cursor>, SpaceChanges)> {
        match self.start(text) {
            Ok(cursor) => Ok((Some(cursor), self.read_page(tx, cursor, budget)?)),
            Err(reason) => Ok((None, self.reset(tx, reason)?)),
        }
    }

    /// The answer to a device that can't read the space's documents any more. Its cursor stays as good as it was.
    fn too_old(&self, tx: &mut dyn Tx, text: Option<&String>) -> StoreResult<SpaceChanges> {
        let changes = match self.start(text.map(String::as_str)) {
            Ok(_) => SpaceChanges { cursor: text.cloned(), epoch: Some(self.access.head.epoch.to_string()), ..SpaceChanges::default() },
            Err(reason) => self.reset(tx, reason)?,
        };
        Ok(SpaceChanges { upgrade_required: true, ..changes })
    }

    /// Where to read from, or why the device is to begin anew.
    fn start(&self, text: Option<&str>) -> Result<Cursor, Reason> {
        let head = self.access.head;
        let tag = epoch_tag(head.epoch);
        let Some(text) = text else {
            return Ok(Cursor { epoch_tag: tag, view_tag: self.view.tag(), floor: None, place: 0, began: head.version });
        };
        match self.keys.read(text, self.access.space.space_id, self.caller.user_id) {
            // a restore may have lost the key as well: then the device's word tells which log it has read
            None if self.named.is_some_and(|epoch| *epoch != head.epoch.to_string()) => Err(Reason::Epoch(None)),
            None => Err(Reason::Other("cursor")),
            Some(cursor) if cursor.epoch_tag != tag => Err(Reason::Epoch(Some(cursor.epoch_tag))),
            Some(cursor) if cursor.view_tag != self.view.tag() => Err(Reason::Other("rights")),
            // the log is shorter than what was read of it: another one took its place, and nobody knows where they part
            Some(cursor) if cursor.place.max(cursor.floor.unwrap_or(0)) > head.version => Err(Reason::Shorter),
            // it does not tell every deletion since then any more
            Some(cursor) if cursor.floor.unwrap_or(cursor.began) < head.kept_from => Err(Reason::Other("log")),
            Some(cursor) => Ok(cursor),
        }
    }

    /// What a cursor shows; nothing before the first complete run.
    fn shown(&self, cursor: &Cursor, at: Timestamp) -> Option<Presented> {
        let Caller { user_id, device_id, .. } = *self.caller;
        cursor.floor.map(|floor| Presented { space_id: self.access.space.space_id, device_id, user_id, floor, at })
    }

    fn reset(&self, tx: &mut dyn Tx, reason: Reason) -> StoreResult<SpaceChanges> {
        let (space_id, head) = (self.access.space.space_id, self.access.head);
        let (reason, until) = match reason {
            Reason::Other(reason) => (reason, head.version),
            Reason::Shorter => ("log", 0),
            Reason::Epoch(Some(tag)) => {
                ("epoch", shared_until(&tx.list_former_epochs(&[space_id])?, head, |epoch| epoch_tag(epoch) == tag))
            }
            Reason::Epoch(None) => ("epoch", Shared::of(tx, space_id, head, self.named)?.until),
        };
        Ok(SpaceChanges {
            has_more: true,
            epoch: Some(head.epoch.to_string()),
            reset: true,
            reason: Some(reason),
            shared_until: Some(until),
            ..SpaceChanges::default()
        })
    }

    /// The rows above a version that this reader is told of.
    fn page(&self, cursor: &Cursor, above: i64, limit: i64) -> DocumentPage {
        page_of(self.access, cursor, above, limit)
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

    /// The items of a page, the place that they reach, and whether another page follows. Rows are read a chunk at a time,
    /// because a few large documents may fill a page that has room for thousands of small ones.
    fn read_items(&self, tx: &mut dyn Tx, cursor: &Cursor, budget: &mut Budget) -> StoreResult<(Vec<Item>, i64, bool)> {
        if let Some(outline) = &self.outline {
            return self.read_outlined(tx, outline, cursor, budget);
        }
        let mut items = Vec::new();
        let mut place = cursor.place;
        while place < self.access.head.version {
            let limit = budget.items.saturating_add(1).clamp(2, ROWS_AT_ONCE);
            let rows = tx.list_documents(self.page(cursor, place, i64::try_from(limit).unwrap_or(i64::MAX)))?;
            let were_all = rows.len() < limit;
            for row in rows {
                let version = row.version;
                if let Some(item) = self.item(&row, cursor)? {
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

    /// [`Self::read_items`] of a view that hides something: in the order of the versions as seen.
    fn read_outlined(
        &self,
        tx: &mut dyn Tx,
        outline: &Outline,
        cursor: &Cursor,
        budget: &mut Budget,
    ) -> StoreResult<(Vec<Item>, i64, bool)> {
        let (mut items, mut place) = (Vec::new(), cursor.place);
        loop {
            let limit = budget.items.saturating_add(1).clamp(2, ROWS_AT_ONCE);
            let page: Vec<_> =
                outline.above(place, cursor).take(limit).map(|(version, key, shown)| (version, key.clone(), shown)).collect();
            for told in of_outline(tx, (self.access, self.view), &page, cursor.floor, &mut Reads::default())? {
                let version = told.item.version;
                if !self.is_own(&told.key, version, cursor) {
                    let item = Item { echo: told.device == Some(self.caller.device_id), ..told.item };
                    if !budget.takes(&item, items.is_empty()) {
                        return Ok((items, place, true));
                    }
                    items.push(item);
                }
                place = version;
            }
            if page.len() < limit {
                return Ok((items, place, false));
            }
        }
    }

    /// How many items are still to come: counted by the database, less what the results of this very request stand for.
    fn remaining(&self, tx: &mut dyn Tx, cursor: &Cursor) -> StoreResult<i64> {
        if let Some(outline) = &self.outline {
            let ahead = outline.above(cursor.place, cursor).filter(|(version, key, _)| !self.is_own(key, *version, cursor));
            let most = usize::try_from(MAX_REMAINING).unwrap_or_default().saturating_add(1);
            return Ok(i64::try_from(ahead.take(most).count()).unwrap_or(i64::MAX));
        }
        let rows = tx.count_documents(self.page(cursor, cursor.place, MAX_REMAINING + 1))?;
        let ahead = self.own.iter().filter(|(_, (_, version, plain))| *plain && *version > cursor.place);
        let ahead: Vec<DocumentKey> = ahead.map(|(key, _)| key.clone()).collect();
        if rows > MAX_REMAINING || cursor.floor.is_none() || ahead.is_empty() {
            return Ok(rows);
        }
        let own = tx.load_documents(self.access.space.space_id, &ahead)?;
        let role = self.access.member.role;
        let left_out = own.iter().filter(|row| row.audience.includes(role) && self.is_own(&row.key, row.version, cursor)).count();
        Ok(rows - i64::try_from(left_out).unwrap_or_default())
    }

    /// What this reader is told of a document, if anything.
    fn item(&self, row: &DocumentRow, cursor: &Cursor) -> StoreResult<Option<Item>> {
        if row.audience.includes(self.access.member.role) && self.is_own(&row.key, row.version, cursor) {
            return Ok(None);
        }
        let (item, device) = told(row, self.view, cursor.floor)?;
        Ok(Some(Item { echo: device == Some(self.caller.device_id), ..item }))
    }

    /// All its changes above the floor are operations of this very request that applied as sent: the results stand for
    /// it.
    fn is_own(&self, key: &DocumentKey, seen: i64, cursor: &Cursor) -> bool {
        let (Some(floor), Some((before, version, plain))) = (cursor.floor, self.own.get(key.as_str())) else { return false };
        *plain && *version == seen && *before <= floor
    }

    fn checksums(&self, tx: &mut dyn Tx) -> StoreResult<BTreeMap<String, String>> {
        Ok(totals(tx, self.access, self.outline.as_deref())?
            .into_iter()
            .map(|(collection, (_, sum))| (collection, format!("{sum:016x}")))
            .collect())
    }
}

/// The live documents in a member's view: how many, and their checksum, by collection. Empty ones are left out.
pub(crate) fn totals(tx: &mut dyn Tx, access: &SpaceAccess, outline: Option<&Outline>) -> StoreResult<BTreeMap<String, (i64, u64)>> {
    if let Some(outline) = outline {
        return Ok(outline.totals());
    }
    let mut totals: BTreeMap<String, (i64, u64)> = BTreeMap::new();
    for sum in tx.load_sums(access.space.space_id)?.into_iter().filter(|sum| sum.audience.includes(access.member.role)) {
        let total = totals.entry(sum.collection).or_default();
        *total = (total.0 + sum.documents, total.1.wrapping_add(sum.sum));
    }
    totals.retain(|_, total| total.0 > 0);
    Ok(totals)
}

/// The rows above a version that a member is told of. A run without a floor is told of no deletion before it began.
fn page_of(access: &SpaceAccess, cursor: &Cursor, above: i64, limit: i64) -> DocumentPage {
    DocumentPage {
        space_id: access.space.space_id,
        above,
        seen_by: Audience::of([access.member.role]),
        deleted_above: if cursor.floor.is_some() { 0 } else { cursor.began },
        left_above: cursor.floor.unwrap_or(0),
        limit,
    }
}
