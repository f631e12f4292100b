//! Operations whose form is at fault. They are refused before anything is read, and nothing of them is stored; that they were
//! refused is recorded all the same: with what else the request does in the space that they name, or by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_core::SpaceId;
use sync_core::ports::Tx;
use sync_core::protocol::v1::OperationResult;

use super::unit::Batch;
use crate::access::require_session;
use crate::audit;
use crate::{Service, ServiceResult};

/// The places of a request's operations that are refused for their form, by the space that they name, as far as that can be
/// read.
pub(super) struct Unread(BTreeMap<Option<SpaceId>, Vec<usize>>);

impl Unread {
    pub(super) fn of(batch: &Batch) -> Self {
        let mut by_space: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for index in batch.plan.refused.keys() {
            let named = batch.operations.get(*index).and_then(|received| match &received.content {
                Ok(operation) => Some(operation.space_id),
                Err(_) => received.document.as_ref().map(|(space_id, _)| *space_id),
            });
            by_space.entry(named).or_default().push(*index);
        }
        Self(by_space)
    }

    /// Those of a space, for whose record that is: nobody else gets them then.
    pub(super) fn take(&mut self, space_id: SpaceId) -> Vec<usize> {
        self.0.remove(&Some(space_id)).unwrap_or_default()
    }

    /// All that are left.
    pub(super) fn places(&self) -> Vec<usize> {
        self.0.values().flatten().copied().collect()
    }
}

/// The results of operations that were refused for their form, by their places.
pub(crate) fn refused<'a>(batch: &'a Batch, places: impl IntoIterator<Item = &'a usize>) -> Vec<(usize, OperationResult)> {
    let result = |index: &usize| {
        let (received, problem) = (batch.operations.get(*index)?, batch.plan.refused.get(index)?);
        Some((*index, OperationResult::refused(received.op_id, problem.clone())))
    };
    places.into_iter().filter_map(result).collect()
}

impl Service {
    /// Records refusals that no unit of work tells of.
    pub(super) async fn record_unread(&self, batch: &Arc<Batch>, unread: Unread) -> ServiceResult<()> {
        if unread.0.is_empty() || !self.records_pushes {
            return Ok(());
        }
        let (batch, entropy, terms) = (Arc::clone(batch), Arc::clone(&self.entropy), batch.caller.write());
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &batch.caller)?;
            let acts = unread.0.iter().filter_map(|(space_id, places)| audit::of_unread(&batch, *space_id, places));
            Ok(audit::write(tx, &*entropy, batch.received_at, acts)?)
        };
        self.decide(terms, work).await
    }
}
