//! What readers are told of documents: items, and the one device whose changes they are.

use std::collections::HashMap;

use serde_json::Value;
use sync_core::document::CONFLICTS;
use sync_core::json::{Object, RawJson};
use sync_core::ports::{DocumentRow, History, SpaceAccess, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::{Item, ItemKind};
use sync_core::{Author, DeviceId, DocumentKey, FieldVersions, Timestamp};

use crate::view::{Reads, Shown, Subject, Trail, View};

fn bare(key: &DocumentKey, (version, kind): (i64, ItemKind), by: Option<(Author, Timestamp)>) -> Item {
    Item {
        collection: key.collection().to_owned(),
        document_id: key.id().to_owned(),
        version,
        kind,
        patch: None,
        document: None,
        by: by.map(|(by, _)| by),
        at: by.map(|(_, at)| at),
        echo: false,
    }
}

/// What a reader whose view hides nothing is told of a document, and the device that alone changed it above the floor.
pub(super) fn told(row: &DocumentRow, view: &View, floor: Option<i64>) -> StoreResult<(Item, Option<DeviceId>)> {
    let visible = row.audience.includes(view.role);
    let device = (visible && row.foreign_version <= floor.unwrap_or(0)).then_some(row.by.device_id);
    let mut item = bare(&row.key, (row.version, ItemKind::Document), visible.then_some((row.by, row.at)));
    if row.presence.deleted || !visible {
        item.kind = if visible { ItemKind::Delete } else { ItemKind::Gone };
        return Ok((item, device));
    }
    match floor.filter(|floor| row.presence.live_since <= *floor && row.audience_version <= *floor) {
        Some(floor) if row.key.collection() != CONFLICTS => {
            put_smaller(&mut item, touched_since(row, floor)?, row.body.clone());
        }
        _ => item.document = Some(row.body.clone()),
    }
    Ok((item, device))
}

fn put_smaller(item: &mut Item, patch: Object, document: RawJson) {
    if serde_json::to_string(&patch).is_ok_and(|text| text.len() < document.as_str().len()) {
        item.kind = ItemKind::Patch;
        item.patch = Some(patch);
    } else {
        item.document = Some(document);
    }
}

/// Every top-level member that was touched above the floor, with its whole value now, `null` where absent.
fn touched_since(row: &DocumentRow, floor: i64) -> StoreResult<Object> {
    let damaged = || StoreError::Damaged(format!("document at version {} has unreadable fields", row.version));
    let fields = FieldVersions::decode(&row.fields).ok_or_else(damaged)?;
    Ok(members_above(&fields, row.body.object(), floor))
}

fn members_above(fields: &FieldVersions, mut body: Object, floor: i64) -> Object {
    fields.above(floor).map(|name| (name.to_owned(), body.remove(name).unwrap_or(Value::Null))).collect()
}

/// An item of a view that hides something.
pub(super) struct Told {
    pub(super) key: DocumentKey,
    pub(super) item: Item,
    /// The device that alone made what is seen of it above the floor.
    pub(super) device: Option<DeviceId>,
}

/// The items of some documents of an outline, in their order.
pub(super) fn of_outline(
    tx: &mut dyn Tx,
    (access, view): (&SpaceAccess, &View),
    page: &[(i64, DocumentKey, Shown)],
    floor: Option<i64>,
    reads: &mut Reads,
) -> StoreResult<Vec<Told>> {
    let (space_id, head) = (access.space.space_id, access.head);
    let keys: Vec<DocumentKey> = page.iter().filter(|(_, _, shown)| *shown != Shown::Gone).map(|(_, key, _)| key.clone()).collect();
    let rows: HashMap<DocumentKey, DocumentRow> = reads.load(tx, space_id, &keys)?.into_iter().map(|row| (row.key.clone(), row)).collect();
    let traced = |(version, key, shown): &(i64, DocumentKey, Shown)| {
        let row = rows.get(key).filter(|_| *shown == Shown::Live && view.hides_members(key.collection()))?;
        let above = floor.map_or(*version - 1, |floor| floor.min(*version - 1));
        (floor.is_some() || row.version != *version).then_some(History { from: row.version, above: above.max(head.history_from) })
    };
    let histories: Vec<History> = page.iter().filter_map(traced).collect();
    let changes = reads.changes(tx, space_id, &histories)?;
    let mut items = Vec::with_capacity(page.len());
    for (version, key, shown) in page {
        let trail = Trail { changes: changes.get(key).map_or(&[], Vec::as_slice), from: head.history_from };
        let (item, device) = match rows.get(key) {
            Some(row) => seen(row, view, ((*version, *shown), trail), floor)?,
            None => (bare(key, (*version, ItemKind::Gone), None), None),
        };
        items.push(Told { key: key.clone(), item, device });
    }
    Ok(items)
}

/// What is seen of one document.
fn seen(
    row: &DocumentRow,
    view: &View,
    ((version, shown), trail): ((i64, Shown), Trail<'_>),
    floor: Option<i64>,
) -> StoreResult<(Item, Option<DeviceId>)> {
    let subject = Subject::of_row(row)?;
    let hides = view.hides_members(row.key.collection());
    let by = if hides { trail.last(&subject, version, (row.by, row.at)) } else { Some((row.by, row.at)) };
    // who wrote last may have written what is not seen of a question
    let by = by.filter(|_| row.key.collection() != CONFLICTS);
    let device = if hides {
        floor.and_then(|floor| trail.only_device(view, &subject, floor))
    } else {
        by.filter(|_| row.foreign_version <= floor.unwrap_or(0)).map(|(by, _)| by.device_id)
    };
    let mut item = bare(&row.key, (version, ItemKind::Document), by);
    if shown != Shown::Live {
        item.kind = ItemKind::Delete;
        return Ok((item, device.filter(|_| !hides)));
    }
    let document = view.show(&subject, &row.body);
    let known_at = subject.live_since.max(subject.audience_version).max(view.decided_at(row.key.collection(), &subject.fields));
    match floor.filter(|floor| known_at <= *floor && !view.is_remade(&row.key)) {
        Some(floor) => {
            let mut patch = members_above(&subject.fields, subject.body.clone().into_owned(), floor);
            view.leave_out(row.key.collection(), &mut patch, &subject.body);
            put_smaller(&mut item, patch, document);
        }
        None => item.document = Some(document),
    }
    Ok((item, device))
}
