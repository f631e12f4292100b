//! The sequencer: gives records their places in the tree of their organisation. Every node does so, the tree's row is the
//! lock, and whoever writes a record never touches it.

use std::sync::Arc;

use audit_log::{Hash, Leaf, Particulars, SALT_BYTES, Tile, TileId, commitment, tiles};
use sync_core::OrganisationId;
use sync_core::json::RawJson;
use sync_core::ports::{AuditRecord, AuditTile, AuditTree, Entropy, Scope, Sequenced, StoreResult, Tx};

use super::tree::{self, Tiles};
use crate::{Service, ServiceResult};

/// Records that get their places in one transaction.
const STEP: usize = 1_000;

impl Service {
    /// Gives places to the records that have none, and signs checkpoints that are due. Runs at least once a second; several
    /// nodes do no harm. Gives how many records got a place. One organisation whose log is damaged holds up no other: that is
    /// logged, and its records wait.
    ///
    /// # Errors
    /// The store's, where it does not tell who waits. What was done before stands.
    pub async fn sequence_audit(&self) -> ServiceResult<usize> {
        let waiting = self.store.transact(Scope::Installation.read(), |tx| tx.list_unsequenced()).await?;
        let mut placed = 0;
        for organisation_id in waiting {
            match self.sequence_records(organisation_id).await {
                Ok(count) => placed += count,
                Err(error) => tracing::error!(%organisation_id, %error, "records get no place in the audit log; `rejoin audit verify`"),
            }
        }
        self.vouch_where_due().await?;
        Ok(placed)
    }

    async fn sequence_records(&self, organisation_id: OrganisationId) -> StoreResult<usize> {
        let mut placed = 0;
        loop {
            let entropy = Arc::clone(&self.entropy);
            let step = self.store.transact(Scope::Organisation(organisation_id).write(), move |tx| place(tx, organisation_id, &*entropy));
            let count = step.await?;
            placed += count;
            if count < STEP {
                return Ok(placed);
            }
        }
    }
}

/// Gives places to the next records of an organisation, unless somebody else is at it.
fn place(tx: &mut dyn Tx, organisation_id: OrganisationId, entropy: &(dyn Entropy + 'static)) -> StoreResult<usize> {
    let Some(tree) = tx.try_lock_audit_tree(organisation_id)? else { return Ok(0) };
    let records = tx.take_unsequenced(organisation_id, i64::try_from(STEP).unwrap_or(i64::MAX))?;
    if records.is_empty() {
        return Ok(0);
    }
    let (mut leaves, mut places) = (Vec::with_capacity(records.len()), Vec::with_capacity(records.len()));
    for (record, leaf_index) in records.iter().zip(tree.size..) {
        let committed = record.commitment.is_none().then(|| commit(record, entropy));
        let commitment = record.commitment.or(committed.map(|(_, commitment)| commitment)).unwrap_or_default();
        leaves.push(leaf(record, commitment).hash(tree::unsigned(leaf_index)));
        places.push(Sequenced { record_id: record.record_id, leaf_index, committed });
    }
    append(tx, tree, &leaves)?;
    tx.sequence_audit_records(organisation_id, &places)?;
    Ok(records.len())
}

/// What of a record goes into the tree.
pub(super) fn leaf(record: &AuditRecord, commitment: [u8; 32]) -> Leaf {
    Leaf {
        record_id: record.record_id,
        organisation_id: record.organisation_id,
        space_id: record.space_id,
        at: record.at,
        action: record.action.clone(),
        commitment: Hash::from_bytes(commitment),
    }
}

/// A commitment for a record of before there were any.
fn commit(record: &AuditRecord, entropy: &(dyn Entropy + 'static)) -> ([u8; SALT_BYTES], [u8; 32]) {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    let particulars = Particulars {
        user_id: record.user_id,
        device_id: record.device_id,
        subject: record.subject.as_deref(),
        reason: record.reason.as_deref(),
        trace: record.trace.as_deref(),
        details: &record.details.as_ref().map(RawJson::object).unwrap_or_default(),
    };
    (salt, *commitment(&salt, &particulars).as_bytes())
}

/// Appends leaves to the tree.
fn append(tx: &mut dyn Tx, tree: AuditTree, leaves: &[Hash]) -> StoreResult<()> {
    let size = tree::unsigned(tree.size);
    let edge = Tiles::load(tx, tree.organisation_id, &tiles::needed_to_append(size))?;
    let changed = tiles::append(size, leaves, |id| edge.find(id)).map_err(tree::damaged)?;
    let row =
        |(id, tile): &(TileId, Tile)| AuditTile { level: i32::from(id.level), tile_index: tree::signed(id.index), hashes: tile.to_bytes() };
    tx.put_audit_tiles(tree.organisation_id, &changed.iter().map(row).collect::<Vec<_>>())?;
    let grown = tree.size.saturating_add(i64::try_from(leaves.len()).unwrap_or(i64::MAX));
    tx.put_audit_tree(&AuditTree { size: grown, ..tree })
}
