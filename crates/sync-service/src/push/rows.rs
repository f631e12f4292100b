//! Reading a space's working state in bulk, and writing it back in bulk: a constant number of statements, however many
//! operations there are.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::conflict::{Conflict, ConflictState};
use sync_core::document::CONFLICTS;
use sync_core::ports::{
    CollectionSum, ConflictEntry, ConflictFilter, ConflictLink, ConflictPage, History, StoreError, StoreResult, StoredOperation, Tx,
};
use sync_core::{Audience, ConflictId, DocumentKey, OrganisationId};

use super::policies::asks_for_writers;
use super::requests;
use super::world::{Doc, World, documents_of};
use crate::digest::checksum_share;

/// Closed conflicts looked through at a time.
const PAGE: i64 = 500;

/// Reads documents, and the history of those that moved on since the version that a sender knows.
pub(crate) fn load_documents(tx: &mut dyn Tx, world: &mut World, bases: &BTreeMap<DocumentKey, i64>) -> StoreResult<()> {
    let keys: Vec<DocumentKey> = bases.keys().cloned().collect();
    for row in tx.load_documents(world.space_id, &keys)? {
        let key = row.key.clone();
        world.docs.insert(key, Doc::of_row(&row)?);
    }
    load_graves(tx, world, &keys)?;
    let moved_on = |(key, base): (&DocumentKey, &i64)| {
        let doc = world.docs.get(key).filter(|doc| doc.version > *base)?;
        Some(History { from: doc.version, above: *base })
    };
    let stale: Vec<History> = bases.iter().filter_map(moved_on).collect();
    if !stale.is_empty() {
        for change in tx.list_changes(world.space_id, &stale)? {
            world.history.entry(change.key.clone()).or_default().push(change);
        }
    }
    load_open_conflicts(tx, world, bases)
}

/// Reads who the members are, where a policy asks whether an owner wrote what somebody else changed meanwhile.
pub(crate) fn load_people(tx: &mut dyn Tx, world: &mut World) -> StoreResult<()> {
    let sender = world.people.sender.map(|sender| sender.user_id);
    let met = |key: &DocumentKey| world.history.get(key).is_some_and(|log| log.iter().any(|change| Some(change.by.user_id) != sender));
    let asks = |key: &DocumentKey| world.schema.collection(key.collection()).is_some_and(asks_for_writers);
    if world.history.keys().any(|key| asks(key) && met(key)) {
        world.people.roles = tx.list_members(world.space_id)?.into_iter().map(|member| (member.user_id, member.role)).collect();
    }
    Ok(())
}

/// Reads which documents are in graves: those that are not there, and those that a question has brought to the surface.
fn load_graves(tx: &mut dyn Tx, world: &mut World, keys: &[DocumentKey]) -> StoreResult<()> {
    let gone: Vec<DocumentKey> = keys.iter().filter(|key| world.docs.get(*key).is_none_or(|doc| !doc.is_live())).cloned().collect();
    if !world.has_graves || gone.is_empty() {
        return Ok(());
    }
    for grave in tx.load_graves(world.space_id, &gone)? {
        let doc = world.docs.entry(grave.key.clone()).or_insert_with(|| Doc::of_grave(&grave));
        // one that lived and died again since then has a tombstone of its own
        doc.is_buried = doc.version == grave.version;
        world.graves.insert(grave.key);
    }
    Ok(())
}

/// Reads the open questions about the documents at hand. A document that is not there may have one too: of a group
/// that would have made it.
fn load_open_conflicts(tx: &mut dyn Tx, world: &mut World, at_hand: &BTreeMap<DocumentKey, i64>) -> StoreResult<()> {
    let asked = |key: &&DocumentKey| world.docs.get(*key).is_none_or(|doc| doc.open_conflicts > 0);
    let keys: Vec<DocumentKey> = at_hand.keys().filter(asked).cloned().collect();
    if keys.is_empty() {
        return Ok(());
    }
    let links = tx.list_open_conflicts(world.space_id, &keys)?;
    let ids: BTreeSet<ConflictId> = links.iter().map(|link| link.conflict_id).collect();
    for link in links {
        world.open.entry(link.key).or_default().push(link.conflict_id);
    }
    load_conflict_documents(tx, world, ids)?;
    load_parts(tx, world)
}

/// Reads the other documents of groups' conflicts: who may see the question depends on all of them.
fn load_parts(tx: &mut dyn Tx, world: &mut World) -> StoreResult<()> {
    let about = world.conflicts.values().flat_map(documents_of);
    let missing: BTreeSet<DocumentKey> = about.filter(|key| !world.docs.contains_key(key)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for row in tx.load_documents(world.space_id, &missing.into_iter().collect::<Vec<_>>())? {
        let key = row.key.clone();
        world.docs.insert(key, Doc::of_row(&row)?);
    }
    Ok(())
}

/// Reads the documents of conflicts.
pub(crate) fn load_conflict_documents(tx: &mut dyn Tx, world: &mut World, ids: impl IntoIterator<Item = ConflictId>) -> StoreResult<()> {
    let keys: Vec<DocumentKey> = ids.into_iter().map(DocumentKey::conflict).collect();
    if keys.is_empty() {
        return Ok(());
    }
    for row in tx.load_documents(world.space_id, &keys)? {
        let conflict: Conflict = row.body.read().ok_or_else(|| StoreError::Damaged(format!("conflict at version {}", row.version)))?;
        world.conflicts.insert(conflict.conflict_id, conflict);
        let key = row.key.clone();
        world.docs.insert(key, Doc::of_row(&row)?);
    }
    Ok(())
}

/// Documents whose audience is another than it was.
fn moved(world: &World) -> BTreeSet<DocumentKey> {
    let moved =
        |key: &&DocumentKey| world.docs.get(*key).is_some_and(|doc| doc.stored.is_some_and(|(_, _, before)| before != doc.audience));
    world.touched.iter().filter(|key| !is_conflict(key)).filter(moved).cloned().collect()
}

/// Conflicts that are closed move with the audience of what they are about, like those that are open.
fn move_closed_conflicts(
    tx: &mut dyn Tx,
    world: &mut World,
    organisation_id: OrganisationId,
    moved: &BTreeSet<DocumentKey>,
) -> StoreResult<()> {
    let mut page =
        ConflictPage { space_ids: vec![world.space_id], open: Some(false), only: ConflictFilter::default(), after: None, limit: PAGE };
    loop {
        let ids: Vec<ConflictId> = tx.list_conflicts(&page)?.into_iter().map(|(_, id)| id).collect();
        let Some(last) = ids.last().copied() else { return Ok(()) };
        let links = tx.load_conflicts(organisation_id, &ids)?;
        let about: BTreeSet<ConflictId> = links.into_iter().filter(|link| moved.contains(&link.key)).map(|link| link.conflict_id).collect();
        let unread: Vec<ConflictId> = about.iter().filter(|id| !world.conflicts.contains_key(id)).copied().collect();
        load_conflict_documents(tx, world, unread)?;
        load_parts(tx, world)?;
        for id in about {
            let (Some(conflict), Some(doc)) = (world.conflicts.get(&id).cloned(), world.docs.get(&DocumentKey::conflict(id))) else {
                continue;
            };
            if doc.audience != world.conflict_audience(&conflict) {
                let (by, at) = (doc.by, doc.at);
                world.write_conflict(conflict, by, at);
            }
        }
        page.after = Some(last);
    }
}

/// Writes everything that changed, and the operations with their results: with the numbers that questions have in the end.
pub(crate) fn write(
    tx: &mut dyn Tx,
    world: &mut World,
    organisation_id: OrganisationId,
    operations: &mut [StoredOperation],
) -> StoreResult<()> {
    let moved = moved(world);
    if !moved.is_empty() {
        move_closed_conflicts(tx, world, organisation_id, &moved)?;
        requests::move_along(tx, world, &moved)?;
    }
    world.number_questions();
    for row in operations.iter_mut() {
        row.decided_version = row.decided_version.map(|version| world.version_now(version));
    }
    let rows: Vec<_> = world.touched.iter().filter_map(|key| Some(world.docs.get(key)?.to_row(key.clone()))).collect();
    if !rows.is_empty() {
        tx.put_documents(world.space_id, &rows)?;
        write_sums(tx, world)?;
    }
    let risen: Vec<_> = world.graves.iter().filter(|key| world.docs.get(*key).is_some_and(Doc::is_live)).cloned().collect();
    if !risen.is_empty() {
        tx.drop_graves(world.space_id, &risen)?;
    }
    if !world.staged.is_empty() {
        tx.insert_changes(world.space_id, &world.staged)?;
    }
    let links: BTreeMap<(ConflictId, &DocumentKey), bool> = world.links.iter().map(|(id, key, open)| ((*id, key), *open)).collect();
    if !links.is_empty() {
        let link = |((conflict_id, key), open): ((ConflictId, &DocumentKey), bool)| ConflictLink {
            conflict_id,
            organisation_id,
            space_id: world.space_id,
            key: key.clone(),
            open,
        };
        tx.put_conflicts(&links.into_iter().map(link).collect::<Vec<_>>())?;
    }
    let entries: Vec<ConflictEntry> = world.touched.iter().filter_map(|key| entry(world, organisation_id, key)).collect();
    if !entries.is_empty() {
        tx.put_conflict_entries(&entries)?;
    }
    if world.head > world.head_before {
        tx.put_head(world.space_id, world.head)?;
    }
    if !operations.is_empty() {
        tx.insert_operations(operations)?;
    }
    Ok(())
}

/// What a question that changed is found by.
fn entry(world: &World, organisation_id: OrganisationId, key: &DocumentKey) -> Option<ConflictEntry> {
    let conflict = world.conflicts.get(&key.id().parse().ok()?).filter(|_| is_conflict(key))?;
    Some(ConflictEntry {
        conflict_id: conflict.conflict_id,
        organisation_id,
        space_id: world.space_id,
        collection: conflict.collection.clone(),
        kind: conflict.kind,
        open: conflict.state == ConflictState::Open,
        automatic: conflict.automatic,
        asks: conflict.asked().into_iter().map(str::to_owned).collect(),
        ours_by: conflict.ours_by.as_ref().map(|side| side.user_id),
        theirs_by: conflict.theirs_by.user_id,
        opened_at: conflict.created_at,
        deadline_at: conflict.deadline_at,
    })
}

/// Moves the sums of the collections by what left and what came.
fn write_sums(tx: &mut dyn Tx, world: &World) -> StoreResult<()> {
    let mut moves: BTreeMap<(String, Audience), (i64, u64)> = BTreeMap::new();
    for (key, doc) in world.touched.iter().filter_map(|key| Some((key, world.docs.get(key)?))) {
        if let Some((version, true, audience)) = doc.stored {
            let slot = moves.entry((key.collection().to_owned(), audience)).or_default();
            *slot = (slot.0 - 1, slot.1.wrapping_sub(checksum_share(key.id(), version)));
        }
        if doc.is_live() {
            let slot = moves.entry((key.collection().to_owned(), doc.audience)).or_default();
            *slot = (slot.0 + 1, slot.1.wrapping_add(checksum_share(key.id(), doc.version)));
        }
    }
    moves.retain(|_, moved| *moved != (0, 0));
    if moves.is_empty() {
        return Ok(());
    }
    let stored = tx.load_sums(world.space_id)?;
    let sums: Vec<CollectionSum> = moves
        .into_iter()
        .map(|((collection, audience), (documents, sum))| {
            let before = stored.iter().find(|other| other.collection == collection && other.audience == audience);
            CollectionSum {
                documents: documents + before.map_or(0, |before| before.documents),
                sum: sum.wrapping_add(before.map_or(0, |before| before.sum)),
                collection,
                audience,
            }
        })
        .collect();
    tx.put_sums(world.space_id, &sums)
}

/// Whether a key is one that only the server writes.
pub(crate) fn is_conflict(key: &DocumentKey) -> bool {
    key.collection() == CONFLICTS
}
