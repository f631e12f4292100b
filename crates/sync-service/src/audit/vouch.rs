//! Checkpoints: what the installation signs of a tree, on a schedule and whenever somebody asks.

use std::sync::Arc;

use audit_log::{Checkpoint, Hash, Keyring};
use sync_core::ports::{AuditCheckpoint, Scope, StoreError, StoreResult, Tx};
use sync_core::{OrganisationId, Timestamp};

use super::tree;
use crate::{Service, ServiceResult};

/// A checkpoint is due after so many leaves,
const EVERY_LEAVES: u64 = 256;
/// or so many milliseconds.
const EVERY_MS: i64 = 60_000;

impl Service {
    /// Signs checkpoints of the trees that have grown for long enough, or by enough.
    pub(super) async fn vouch_where_due(&self) -> ServiceResult<()> {
        let Ok(keys) = self.signing_keys() else { return Ok(()) };
        let now = self.now();
        let unvouched = self.store.transact(Scope::Installation.read(), |tx| tx.list_unvouched()).await?;
        for organisation_id in unvouched {
            if let Err(error) = self.vouch_if_due(organisation_id, &keys, now).await {
                tracing::error!(%organisation_id, %error, "no checkpoint of the audit log can be signed; `rejoin audit verify`");
            }
        }
        Ok(())
    }

    async fn vouch_if_due(&self, organisation_id: OrganisationId, keys: &Arc<Keyring>, now: Timestamp) -> StoreResult<()> {
        let scope = Scope::Organisation(organisation_id);
        let looked = move |tx: &mut dyn Tx| {
            let size = tree::size(tx, organisation_id)?;
            Ok(is_due(tx.find_audit_checkpoint(organisation_id, None)?.as_ref(), size, now).then_some(size))
        };
        // most of the time nothing is due: whoever writes is not held up for that
        let Some(size) = self.store.transact(scope.read(), looked).await? else { return Ok(()) };
        let keys = Arc::clone(keys);
        self.store.transact(scope.write(), move |tx| sign(tx, &keys, (organisation_id, size), now).map(drop)).await
    }
}

/// Whether a tree of this size is to be vouched for now.
fn is_due(last: Option<&AuditCheckpoint>, size: u64, now: Timestamp) -> bool {
    let Some(last) = last else { return size > 0 };
    let grown = size.saturating_sub(tree::unsigned(last.size));
    // a clock that was set back does not keep from it
    let fresh = (0..EVERY_MS).contains(&now.millis().saturating_sub(last.at.millis()));
    grown >= EVERY_LEAVES || (grown > 0 && !fresh)
}

/// The checkpoint of a size that the tree has: the one that is there, or one that is signed now.
pub(super) fn sign(
    tx: &mut dyn Tx,
    keys: &Keyring,
    (organisation_id, size): (OrganisationId, u64),
    now: Timestamp,
) -> StoreResult<AuditCheckpoint> {
    if let Some(known) = tx.find_audit_checkpoint(organisation_id, Some(tree::signed(size)))? {
        return Ok(known);
    }
    let root = tree::root(tx, organisation_id, size)?;
    let unsigned = |why: String| StoreError::Refused(format!("a checkpoint can't be signed: {why}"));
    let key = keys.signer().ok_or_else(|| unsigned("there is no secret key".into()))?;
    let note = Checkpoint::new(origin(organisation_id), size, root).sign(key).map_err(|error| unsigned(error.to_string()))?;
    let checkpoint = AuditCheckpoint { organisation_id, size: tree::signed(size), root: *root.as_bytes(), at: now, note };
    tx.insert_audit_checkpoint(&checkpoint)?;
    Ok(checkpoint)
}

/// Whose log a checkpoint is of.
pub(super) fn origin(organisation_id: OrganisationId) -> String {
    format!("rejoin/{organisation_id}")
}

/// A stored checkpoint's root.
pub(super) fn root_of(checkpoint: &AuditCheckpoint) -> Hash {
    Hash::from_bytes(checkpoint.root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_due_after_256_leaves_or_a_minute() {
        let now = Timestamp::from_millis(1_000_000);
        let last = |size, ago: i64| {
            let organisation_id = OrganisationId(uuid::Uuid::nil());
            AuditCheckpoint { organisation_id, size, root: [0; 32], at: now.plus_ms(-ago), note: String::new() }
        };
        assert!(!is_due(None, 0, now));
        assert!(is_due(None, 1, now));
        for (size, ago, due) in
            [(2, 0, false), (1, 0, true), (256, 59_999, false), (256, 60_000, true), (256, -1, true), (257, 99_000, false)]
        {
            assert_eq!(is_due(Some(&last(size, ago)), 257, now), due, "{size} {ago}");
        }
    }
}
