//! Proofs, and the checkpoints that they lead to.

use audit_log::Hash;
use sync_core::ports::{Access, AuditCheckpoint, AuditRecord, Tx};
use sync_core::protocol::v1::audit::{CheckpointAnswer, ConsistencyAnswer, InclusionAnswer};
use sync_core::{Code, Problem};
use uuid::Uuid;

use super::reading::Reach;
use super::{sequence, tree, vouch};
use crate::access::require_session;
use crate::{Caller, Service, ServiceResult};

/// What is to be in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Included {
    /// A record that the caller may see.
    Record(Uuid),
    /// The leaf at a place.
    Index(u64),
}

impl Service {
    /// The newest checkpoint, signed now where the tree has grown since; or that of a size.
    ///
    /// # Errors
    /// `not_yet_sequenced` for a size that the tree does not have; `unavailable` where no key signs; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audit_checkpoint(&self, caller: &Caller, size: Option<u64>) -> ServiceResult<CheckpointAnswer> {
        let (caller, now, keys) = (*caller, self.now(), self.signing_keys()?);
        let served = keys.known().iter().map(|key| key.vkey(&vouch::origin(caller.organisation_id))).collect();
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            let size = within(tree::size(tx, caller.organisation_id)?, size)?;
            Ok(vouch::sign(tx, &keys, (caller.organisation_id, size), now)?)
        };
        let checkpoint = self.decide(caller.write(), work).await?;
        let AuditCheckpoint { size, at, .. } = checkpoint;
        let root = vouch::root_of(&checkpoint).to_string();
        Ok(CheckpointAnswer { checkpoint: checkpoint.note, size: tree::unsigned(size), root, at, keys: served })
    }

    /// The proof that something is in the tree, and the checkpoint to which it leads: the newest, unless another is older than
    /// it by a size that is named.
    ///
    /// # Errors
    /// `unknown_record` for one that the caller may not see; `not_yet_sequenced`; `unavailable` where no key signs; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audit_inclusion(&self, caller: &Caller, what: Included, size: Option<u64>) -> ServiceResult<InclusionAnswer> {
        let (caller, now, keys) = (*caller, self.now(), self.signing_keys()?);
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            let (index, leaf) = match what {
                Included::Index(index) => (index, None),
                Included::Record(record_id) => placed(&Reach::load(tx, &caller)?.find(tx, record_id)?)?,
            };
            let grown = tree::size(tx, caller.organisation_id)?;
            if index >= grown {
                return Err(not_yet(&format!("the tree of {grown} leaves has none at {index} yet")).into());
            }
            let size = within(grown, size)?;
            if index >= size {
                let detail = format!("a tree of {size} leaves has none at {index}: name a size above it, or none");
                return Err(Problem::new(Code::Malformed, detail).at("/size").into());
            }
            let proof = tree::prove_inclusion(tx, caller.organisation_id, index, size)?;
            let checkpoint = vouch::sign(tx, &keys, (caller.organisation_id, size), now)?.note;
            Ok(InclusionAnswer { index, size, leaf, proof: texts(&proof), checkpoint })
        };
        self.decide(caller.oversee(Access::Write), work).await
    }

    /// The proof that the tree of `to` leaves, or the whole one, begins with that of `from`.
    ///
    /// # Errors
    /// `malformed` where `from` is above `to`; `not_yet_sequenced` for a size that the tree does not have; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audit_consistency(&self, caller: &Caller, from: u64, to: Option<u64>) -> ServiceResult<ConsistencyAnswer> {
        let caller = *caller;
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            let own = tree::size(tx, caller.organisation_id)?;
            let to = within(own, to)?;
            within(own, Some(from))?;
            if from > to {
                let detail = "the query: from is the size of the earlier tree, and at most to";
                return Err(Problem::new(Code::Malformed, detail).into());
            }
            let proof = tree::prove_consistency(tx, caller.organisation_id, from, to)?;
            Ok(ConsistencyAnswer { from, to, proof: texts(&proof) })
        };
        self.decide(caller.read(), work).await
    }
}

/// A size that the tree has.
fn within(own: u64, asked: Option<u64>) -> Result<u64, Problem> {
    let size = asked.unwrap_or(own);
    if size <= own { Ok(size) } else { Err(not_yet(&format!("the tree has {own} leaves, not {size}"))) }
}

fn not_yet(what: &str) -> Problem {
    Problem::new(Code::NotYetSequenced, format!("{what}; records get their place within a second: ask again then"))
}

/// A record's place and the text of its leaf.
fn placed(record: &AuditRecord) -> Result<(u64, Option<String>), Problem> {
    let (Some(index), Some(commitment)) = (record.leaf_index, record.commitment) else {
        return Err(not_yet("the record has no place in the tree"));
    };
    let index = tree::unsigned(index);
    Ok((index, Some(sequence::leaf(record, commitment).text(index))))
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(Hash::to_string).collect()
}
