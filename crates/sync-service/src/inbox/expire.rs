//! What nobody answered in time: the server's value stays, and the leads are told.

use std::collections::BTreeMap;

use serde_json::json;
use sync_core::conflict::{Conflict, ConflictState, Side};
use sync_core::ports::{DueConflict, Entropy, StoreResult, Tx};
use sync_core::{Author, DeviceId, DocumentKey, OpId, Role, Schema, SpaceId, Timestamp, UserId};
use uuid::Uuid;

use super::people::{People, ask_role};
use crate::audit::{self, Act};
use crate::digest::derived_id;
use crate::epochs::Shared;
use crate::push::working::{World, close, documents_of, load_conflict_documents, load_documents, write};
use crate::view::View;

/// The name under which the decision is kept.
const EXPIRED: &str = "expired";

/// Closes questions of one space whose deadline has passed, under the lock of its log. How many.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(crate) fn expire_some(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    (space_id, due): (SpaceId, &[DueConflict]),
    now: Timestamp,
) -> StoreResult<usize> {
    let (Some(head), Some(first)) = (tx.lock_head(space_id)?, due.first()) else { return Ok(0) };
    // nothing of a document changes: what its schema says is of no matter
    let view = View::whole(&Schema::open(), (Role::Lead, UserId(Uuid::nil())));
    let mut world = World::new(space_id, view, head, Shared::all(head));
    load_conflict_documents(tx, &mut world, due.iter().map(|row| row.conflict_id))?;
    let about: BTreeMap<DocumentKey, i64> = world.conflicts.values().flat_map(documents_of).map(|key| (key, i64::MAX)).collect();
    load_documents(tx, &mut world, &about)?;
    let people = People::of(tx, first.organisation_id, space_id)?;
    let is_due = |conflict: &&Conflict| conflict.state == ConflictState::Open && conflict.deadline_at.is_some_and(|at| at <= now);
    let ids: Vec<_> = due.iter().map(|row| row.conflict_id).collect();
    let conflicts: Vec<Conflict> = ids.iter().filter_map(|id| world.conflicts.get(id)).filter(is_due).cloned().collect();
    for mut conflict in conflicts.iter().cloned() {
        let op_id = OpId(derived_id(&[EXPIRED.as_bytes(), conflict.conflict_id.as_bytes(), conflict.version.to_string().as_bytes()]));
        let nobody = Author { user_id: UserId(Uuid::nil()), device_id: DeviceId(Uuid::nil()), op_id };
        for field in conflict.all_fields_mut().filter(|field| field.decided.is_none()) {
            let ours = field.ours.clone();
            field.decide(EXPIRED, ours, Side::of(nobody, now));
        }
        conflict.escalated_at = Some(now);
        conflict.assigned_to = ask_role(Role::Lead);
        conflict.waiting_for = people.waiting_for(&[&conflict.assigned_to]);
        close(&mut world, &mut conflict);
        tracing::warn!(space.id = %space_id, conflict.id = %conflict.conflict_id, "a question was not answered in time; the leads are told");
        world.write_conflict(conflict, nobody, now);
    }
    write(tx, &mut world, first.organisation_id, &mut [])?;
    let expired: Vec<_> = conflicts.iter().map(|conflict| json!({"conflict_id": conflict.conflict_id})).collect();
    let act = (!expired.is_empty()).then(|| Act::of(first.organisation_id, "conflict.expire").in_space(space_id).listing(expired));
    audit::write(tx, entropy, now, act)?;
    Ok(conflicts.len())
}
