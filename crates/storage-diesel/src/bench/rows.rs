//! Making the rows before the clock starts: documents as they stand, everything else like the edits pushed last.

use std::collections::HashMap;
use std::sync::Arc;

use sync_core::ports::{Access, ChangeRow, CollectionSum, DocumentPage, DocumentRow, History, Store, StoreResult, StoredOperation, Tx};
use sync_core::{Audience, DocumentKey, OpId, OrganisationId, SpaceId, Status};

use super::tables::{SpaceChange, SpaceDocument, SpaceSum};
use super::{FloorPush, refused};
use crate::OpenError;

/// Documents read at a time.
const PAGE: usize = 500;
/// The edits whose sizes are taken.
const SAMPLES: i64 = 200;

/// What one push writes.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) space_id: SpaceId,
    pub(super) documents: Vec<SpaceDocument>,
    pub(super) changes: Vec<SpaceChange>,
    pub(super) operations: Vec<StoredOperation>,
    pub(super) sums: Vec<SpaceSum>,
    pub(super) head: i64,
}

/// An edit that was pushed: its rows.
#[derive(Debug, Clone)]
struct Sample {
    change: ChangeRow,
    operation: StoredOperation,
}

/// A space as the pushes go on.
struct Space {
    head: i64,
    sums: Vec<CollectionSum>,
    documents: HashMap<DocumentKey, DocumentRow>,
}

/// The rows of each push.
pub(super) fn load(
    store: &Arc<dyn Store>,
    organisation_id: OrganisationId,
    pushes: Vec<FloorPush>,
    new_op_id: &mut dyn FnMut() -> OpId,
) -> Result<Vec<Written>, OpenError> {
    let mut keys: HashMap<SpaceId, Vec<DocumentKey>> = HashMap::new();
    for push in &pushes {
        keys.entry(push.space_id).or_default().extend(push.keys.iter().cloned());
    }
    let mut samples = Vec::new();
    let mut spaces = HashMap::new();
    for (space_id, mut keys) in keys {
        keys.sort_unstable();
        keys.dedup();
        let space = load_space(store, space_id, &keys)?;
        if samples.is_empty() {
            samples = load_samples(store, organisation_id, space_id, space.head)?;
        }
        spaces.insert(space_id, space);
    }
    if samples.is_empty() && !pushes.is_empty() {
        return Err(refused("nothing was edited here yet; push first"));
    }
    let mut samples = samples.into_iter().cycle();
    let mut written = Vec::with_capacity(pushes.len());
    for push in pushes {
        let space = spaces.get_mut(&push.space_id).ok_or_else(|| refused("a space is missing"))?;
        written.push(make(&push, space, &mut samples, new_op_id)?);
    }
    Ok(written)
}

fn make(
    push: &FloorPush,
    space: &mut Space,
    samples: &mut dyn Iterator<Item = Sample>,
    new_op_id: &mut dyn FnMut() -> OpId,
) -> Result<Written, OpenError> {
    let space_id = push.space_id;
    let mut written =
        Written { space_id, documents: Vec::new(), changes: Vec::new(), operations: Vec::new(), sums: Vec::new(), head: space.head };
    for key in &push.keys {
        let Sample { mut change, mut operation } = samples.next().ok_or_else(|| refused("no edit to take sizes from"))?;
        let document = space.documents.get(key).ok_or_else(|| refused(format!("the document {} is missing", key.as_str())))?;
        let mut document = document.clone();
        change.previous = document.version;
        written.head += 1;
        let by = sync_core::Author { op_id: new_op_id(), ..change.by };
        (document.version, document.by, document.at) = (written.head, by, change.at);
        (change.key, change.version, change.by) = (key.clone(), written.head, by);
        operation.op_id = by.op_id;
        operation.space_id = space_id;
        key.as_str().clone_into(&mut operation.key);
        (operation.decided_version, operation.head) = (Some(written.head), written.head);
        let sum = space.sums.iter_mut().find(|sum| sum.collection == key.collection() && sum.audience == document.audience);
        if let Some(sum) = sum {
            sum.sum = sum.sum.wrapping_add(by.op_id.0.as_u64_pair().1);
            written.sums.retain(|(_, other)| (&other.collection, other.audience) != (&sum.collection, sum.audience));
            written.sums.push((space_id, sum.clone()));
        }
        written.documents.push((space_id, document));
        written.changes.push((space_id, change));
        written.operations.push(operation);
    }
    // in one order, so that connections wait for each other and never deadlock
    written.sums.sort_by(|one, other| one.1.cmp(&other.1));
    space.head = written.head;
    Ok(written)
}

fn load_space(store: &Arc<dyn Store>, space_id: SpaceId, keys: &[DocumentKey]) -> Result<Space, OpenError> {
    let (head, sums) = ask(store, Access::Write, move |tx| Ok((tx.lock_head(space_id)?, tx.load_sums(space_id)?)))?;
    let head = head.ok_or_else(|| refused(format!("the space {space_id} is missing")))?.version;
    let mut documents = HashMap::new();
    for page in keys.chunks(PAGE) {
        let page = page.to_vec();
        let rows = ask(store, Access::Read, move |tx| tx.load_documents(space_id, &page))?;
        documents.extend(rows.into_iter().map(|row| (row.key.clone(), row)));
    }
    Ok(Space { head, sums, documents })
}

/// The last edits of a space.
fn load_samples(store: &Arc<dyn Store>, organisation_id: OrganisationId, space_id: SpaceId, head: i64) -> Result<Vec<Sample>, OpenError> {
    let above = (head - SAMPLES).max(0);
    ask(store, Access::Read, move |tx| {
        let page = DocumentPage { space_id, above, seen_by: Audience::EVERYONE, deleted_above: head, left_above: head, limit: SAMPLES };
        let histories: Vec<_> = tx.list_documents(page)?.into_iter().map(|row| History { from: row.version, above }).collect();
        let changes = tx.list_changes(space_id, &histories)?;
        let ids: Vec<OpId> = changes.iter().map(|change| change.by.op_id).collect();
        let mut operations: HashMap<OpId, StoredOperation> =
            tx.load_operations(organisation_id, &ids)?.into_iter().map(|operation| (operation.op_id, operation)).collect();
        let edits = changes.into_iter().filter(|change| change.was_live);
        let sample = |change: ChangeRow| Some(Sample { operation: operations.remove(&change.by.op_id)?, change });
        Ok(edits.filter_map(sample).filter(|sample| sample.operation.status == Status::Applied).collect())
    })
}

/// Runs a job and waits for it.
fn ask<T: Send + 'static>(
    store: &Arc<dyn Store>,
    access: Access,
    work: impl FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static,
) -> Result<T, OpenError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(refused)?;
    runtime.block_on(store.transact(access, work)).map_err(refused)
}
