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
use crate::{Caller, Service, ServiceResult};

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    pub(crate) changes: BTreeMap<String, SpaceChanges>,
    /// The event dates of the spaces read.
    pub(crate) event_dates: Vec<String>,
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
    let mut standings = access::load(tx, caller, &ids)?;
    let mut budget = Budget { items: pull.max_changes, bytes: pull.max_bytes };
    let mut pulled = Pulled::default();
    let nothing = OwnChanges::new();
    for (text, cursor) in &pull.spaces {
        let space_id: Option<SpaceId> = text.parse().ok();
        let changes = match space_id.and_then(|space_id| standings.remove(&space_id)).unwrap_or(Standing::Unknown) {
            Standing::Unknown => unknown_space(),
            Standing::Former(access) => revoked(&access),
            Standing::Member(access) => {
                pulled.event_dates.extend(access.space.event_date.clone());
                let schema = Schema::of_space(access.space.schema.as_deref());
                let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {text}")))?;
                let own = own.get(&access.space.space_id).unwrap_or(&nothing);
                let reader = Reader { caller, keys, view_tag: view_tag(&access, &schema), access: &access, own };
                reader.read(tx, cursor.as_deref(), &mut budget)?
            }
        };
        pulled.changes.insert(text.clone(), changes);
    }
    Ok(pulled)
}

fn unknown_space() -> SpaceChanges {
    let detail = "there is no such space, or you are not a member of it; ask its lead to add you";
    SpaceChanges { problem: Some(Problem::new(Code::UnknownSpace, detail)), ..SpaceChanges::default() }
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
        let limit = i64::try_from(budget.items.max(1)).unwrap_or(i64::MAX);
        let rows =
            if cursor.place < head.version { tx.list_documents(self.page(cursor.place, limit.saturating_add(1)))? } else { Vec::new() };
        let mut items = Vec::new();
        let mut place = cursor.place;
        let mut cut = false;
        for row in rows {
            let version = row.version;
            if let Some(item) = self.item(row, &cursor)? {
                let bytes = serde_json::to_string(&item).map_or(0, |text| text.len());
                if !items.is_empty() && (items.len() >= budget.items || bytes > budget.bytes) || budget.items == 0 {
                    cut = true;
                    break;
                }
                budget.bytes = budget.bytes.saturating_sub(bytes);
                items.push(item);
            }
            place = version;
        }
        let has_more = cut || place < head.version && tx.count_documents(self.page(place, 1))? > 0;
        budget.items = budget.items.saturating_sub(items.len());
        let next = if has_more { Cursor { place, ..cursor } } else { Cursor { floor: Some(head.version), place: head.version, ..cursor } };
        Ok(SpaceChanges {
            items,
            cursor: self.keys.sign(next, self.access.space.space_id, self.caller.user_id),
            has_more,
            remaining: if has_more { tx.count_documents(self.page(place, MAX_REMAINING + 1))? } else { 0 },
            epoch: Some(head.epoch.to_string()),
            checksums: if has_more { None } else { Some(self.checksums(tx)?) },
            ..SpaceChanges::default()
        })
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
        let role = self.access.member.role;
        let mut totals: BTreeMap<String, (i64, u64)> = BTreeMap::new();
        for sum in tx.load_sums(self.access.space.space_id)?.into_iter().filter(|sum| sum.audience.includes(role)) {
            let total = totals.entry(sum.collection).or_default();
            *total = (total.0 + sum.documents, total.1.wrapping_add(sum.sum));
        }
        Ok(totals
            .into_iter()
            .filter(|(_, total)| total.0 > 0)
            .map(|(collection, total)| (collection, format!("{:016x}", total.1)))
            .collect())
    }
}

/// Whether a device at this cursor may hold a document that is now deleted or out of its view: it could be seen before,
/// and was not made after what the device has read.
fn may_hold(row: &DocumentRow, cursor: &Cursor, role: Role) -> bool {
    let ever = row.audience_ever.includes(role);
    let since_run_began = cursor.floor.is_some() || row.version > cursor.began;
    // one that left the view before the floor was told as gone then
    let news = row.audience.includes(role) || row.audience_version > cursor.floor.unwrap_or(0);
    ever && since_run_began && news && row.presence.created <= cursor.place
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
