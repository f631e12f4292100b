//! What devices tell of the log: each hands back the last checkpoint that it saw. Where it does not fit, there are two
//! histories, or one was rolled back, and that is found at the first exchange.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use audit_log::{Checkpoint, Hash, NoteError};
use sync_core::ports::{AuditFilter, StoreResult, Tx};
use sync_core::protocol::v1::audit::{Gossip, GossipAnswer};
use sync_core::{Code, Problem};

use super::{Act, tree, vouch, write};
use crate::{Caller, Service, ServiceError, ServiceResult};

/// What a device's checkpoint is to this log.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fit {
    /// It is one of this log.
    Fits(u64),
    /// It is none at all: nothing follows from it.
    Unread(&'static str),
    /// It is signed, and this log never was like that.
    Fork { size: u64, root: Hash, why: String },
}

impl Service {
    /// Compares the checkpoint of a device with the log, and tells it the newest.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn gossip(&self, caller: &Caller, gossip: Gossip) -> ServiceResult<GossipAnswer> {
        let (caller, keys) = (*caller, self.audit_keys.get());
        let given = gossip.checkpoint.map(|note| {
            let known = keys.as_ref().map(|keys| keys.known().to_vec()).unwrap_or_default();
            (Checkpoint::read_unverified(&note), Checkpoint::open(&note, &known).map(drop))
        });
        let work = move |tx: &mut dyn Tx| Ok(compare(tx, &caller, given.as_ref())?);
        let (fit, answer) = self.decide(caller.read(), work).await?;
        match fit {
            Some(Fit::Fork { size, root, why }) => {
                self.report_fork(&caller, (size, root), &why).await?;
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    /// Records a fork, once for each device and checkpoint, and tells whoever runs the service.
    async fn report_fork(&self, caller: &Caller, (size, root): (u64, Hash), why: &str) -> ServiceResult<()> {
        tracing::error!(organisation.id = %caller.organisation_id, device.id = %caller.device_id, size, root = %root, why, "a device was shown another audit log");
        self.counters.audit_forks.fetch_add(1, Ordering::Relaxed);
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let subject = format!("{size} {root}");
        let work = move |tx: &mut dyn Tx| {
            let known = AuditFilter {
                subject: Some(subject.clone()),
                device_id: Some(caller.device_id),
                action: Some("audit.fork".into()),
                ..AuditFilter::default()
            };
            if tx.list_audit_records(caller.organisation_id, &known, None, 1)?.is_empty() {
                write(tx, &*entropy, now, [Act::by(&caller, "audit.fork").about(&subject)])?;
            }
            Ok(())
        };
        self.store.transact(caller.write(), work).await.map_err(Into::into)
    }
}

type Given = (Result<Checkpoint, NoteError>, Result<(), NoteError>);

fn compare(tx: &mut dyn Tx, caller: &Caller, given: Option<&Given>) -> StoreResult<(Option<Fit>, GossipAnswer)> {
    let organisation_id = caller.organisation_id;
    let newest = tx.find_audit_checkpoint(organisation_id, None)?;
    let fit = given.map(|given| fit(tx, caller, given)).transpose()?;
    let (mut consistency, mut problem) = (Vec::new(), None);
    match &fit {
        Some(Fit::Fits(size)) => {
            let to = newest.as_ref().map_or(0, |newest| tree::unsigned(newest.size));
            if *size < to {
                consistency = tree::prove_consistency(tx, organisation_id, *size, to)?.iter().map(Hash::to_string).collect();
            }
        }
        Some(Fit::Unread(why)) => problem = Some(Problem::new(Code::Malformed, *why).at("/audit/checkpoint")),
        Some(Fit::Fork { why, .. }) => problem = Some(Problem::new(Code::AuditFork, why.clone()).at("/audit/checkpoint")),
        None => {}
    }
    let checkpoint = newest.map(|newest| newest.note);
    Ok((fit, GossipAnswer { checkpoint, consistency, problem }))
}

/// Compares a checkpoint with the tree.
fn fit(tx: &mut dyn Tx, caller: &Caller, (checkpoint, signature): &Given) -> StoreResult<Fit> {
    let organisation_id = caller.organisation_id;
    let Ok(checkpoint) = checkpoint else {
        return Ok(Fit::Unread("this is no checkpoint: hand it back byte for byte as it was told, or leave it out"));
    };
    if checkpoint.origin != vouch::origin(organisation_id) {
        return Ok(Fit::Unread("this is a checkpoint of another organisation's log; hand back those of this one"));
    }
    let own = tree::size(tx, organisation_id)?;
    if checkpoint.size <= own && tree::root(tx, organisation_id, checkpoint.size)? == checkpoint.root {
        return Ok(Fit::Fits(checkpoint.size));
    }
    if signature.is_err() {
        // anybody may write down anything
        return Ok(Fit::Unread("no key of this server signed this checkpoint, and it is not of this log; it is passed over"));
    }
    let why = if checkpoint.size > own {
        format!(
            "the log had {} entries when the device was told so, and has {own}: it was rolled back, or this is another one. Keep both \
             checkpoints, and tell whoever runs the server",
            checkpoint.size
        )
    } else {
        format!(
            "the first {} entries are not those that the device was told of: they were changed, or there are two histories. Keep both \
             checkpoints, and tell whoever runs the server",
            checkpoint.size
        )
    };
    Ok(Fit::Fork { size: checkpoint.size, root: checkpoint.root, why })
}

/// What is told where the log can't be read now: that is no reason to withhold what was decided.
pub(crate) fn untold(error: &ServiceError) -> GossipAnswer {
    GossipAnswer { checkpoint: None, consistency: Vec::new(), problem: Some(error.problem()) }
}
