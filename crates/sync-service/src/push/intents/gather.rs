//! What shifts are evaluated on, read in bulk in the transaction that decides them: the documents of their range, those
//! that changed since their senders looked, the history of both, and who moved them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use merge_engine::local::LocalTime;
use serde_json::Value;
use sync_core::json::Object;
use sync_core::operation::Kind;
use sync_core::ports::{ChangeRow, StoreResult, StoredOperation, Tx};
use sync_core::{DocumentKey, OpId, Operation, OrganisationId, UserId};

use super::{MAX_MOVED, Said, Told};
use crate::push::live::read_live;
use crate::push::world::World;

/// A collection with more live documents than this is not shifted.
const MAX_READ: usize = 20_000;
/// So many documents are looked at one by one: those in the range, and those that changed since the sender looked.
const MAX_CANDIDATES: usize = 5 * MAX_MOVED;

/// What is known of shifts in a unit of work.
#[derive(Debug, Default)]
pub(crate) struct Shifts {
    /// Operations and answers that shifted something.
    pub(super) movers: HashMap<OpId, Mover>,
    /// Collections of which there is too much.
    pub(super) too_many: BTreeSet<String>,
}

/// Who shifted something.
#[derive(Debug, Clone)]
pub(super) struct Mover {
    pub(super) user_id: UserId,
    /// What they said, where it was not an answer.
    pub(super) intent: Option<Value>,
}

/// Names the documents that the shifts among these operations are evaluated on, with the version from which on their
/// history is needed.
pub(crate) fn add_to<'a>(
    tx: &mut dyn Tx,
    world: &mut World,
    operations: impl IntoIterator<Item = &'a Operation>,
    bases: &mut BTreeMap<DocumentKey, i64>,
) -> StoreResult<()> {
    let mut collections: BTreeMap<&str, Vec<Said<'a>>> = BTreeMap::new();
    for operation in operations.into_iter().filter(|operation| operation.kind == Kind::Intent) {
        if let Ok(said) = Said::of(&world.schema, operation) {
            collections.entry(&operation.collection).or_default().push(said);
        }
    }
    for (collection, shifts) in collections {
        // what one had seen is not known: it is told by the documents, not by their history
        let known = shifts.iter().map(|said| said.operation.base_version).filter(|base| world.knows(*base));
        let base = known.min().unwrap_or(i64::MAX);
        match candidates(tx, world, collection, &shifts, base)? {
            Some(keys) => {
                for key in keys {
                    bases.entry(key).and_modify(|lowest| *lowest = base.min(*lowest)).or_insert(base);
                }
            }
            None => drop(world.shifts.too_many.insert(collection.to_owned())),
        }
    }
    Ok(())
}

/// The live documents of a collection that are in the range of a shift, or changed after a version; `None`: too many.
fn candidates(tx: &mut dyn Tx, world: &World, collection: &str, shifts: &[Said<'_>], base: i64) -> StoreResult<Option<Vec<DocumentKey>>> {
    let mut keys = Vec::new();
    let is_candidate = |version: i64, body: &str| {
        let body: Object = serde_json::from_str(body).unwrap_or_default();
        shifts.iter().any(|said| {
            let start = body.get(&said.rule.start).and_then(Value::as_str).and_then(LocalTime::parse);
            start.is_some_and(|start| version > base || said.args.covers(start))
        })
    };
    let mut read = 0;
    let whole = read_live(tx, world, collection, &mut |key, version, body| {
        read += 1;
        if is_candidate(version, body) {
            keys.push(key);
        }
        if read > MAX_READ || keys.len() > MAX_CANDIDATES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(whole.then_some(keys))
}

/// Reads who moved the starts that changed since senders looked: which of the operations in the history at hand are
/// shifts, and whether their senders are leads. Where nothing is shifted, only the sender's own shifts matter.
pub(crate) fn load_movers(tx: &mut dyn Tx, world: &mut World, organisation_id: OrganisationId, shifts: bool) -> StoreResult<()> {
    let moved = |change: &&ChangeRow| {
        let concerns = shifts || world.sender == Some(change.by.device_id);
        concerns && world.start_of(change.key.collection()).is_some_and(|start| world.touched_member(change, &start))
    };
    let moved_by: BTreeSet<OpId> = world.history.values().flatten().filter(moved).map(|change| change.by.op_id).collect();
    let unknown: Vec<OpId> = moved_by.iter().filter(|op_id| !world.known.contains_key(op_id)).copied().collect();
    let rows = if unknown.is_empty() { Vec::new() } else { tx.load_operations(organisation_id, &unknown)? };
    let known = moved_by.iter().filter_map(|op_id| world.known.get(op_id)).map(|known| &known.row);
    let mover = |row: &StoredOperation| Mover { user_id: row.user_id, intent: row.payload.object().remove("intent") };
    let movers: HashMap<OpId, Mover> =
        rows.iter().chain(known).filter(|row| Told::of(row).is_some()).map(|row| (row.op_id, mover(row))).collect();
    world.shifts.movers.extend(movers);
    if shifts && world.people.roles.is_empty() {
        world.people.roles = tx.list_members(world.space_id)?.into_iter().map(|member| (member.user_id, member.role)).collect();
    }
    Ok(())
}
