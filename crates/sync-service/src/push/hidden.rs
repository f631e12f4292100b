//! Ids of operations that somebody used where the sender sees nothing. An id is used once in an organisation; where the
//! database itself keeps to what the sender may see, such an id is met only when its row is written.

use std::collections::BTreeSet;

use sync_core::ports::{Scope, StoreResult, Terms, Tx};
use sync_core::protocol::v1::OperationResult;
use sync_core::{Code, OpId, Problem};

use crate::{Caller, Service, ServiceResult};

impl Service {
    /// Those of these ids that are used where the caller does not see it. That they are is all that is read of them.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn find_hidden(&self, caller: &Caller, op_ids: Vec<OpId>) -> ServiceResult<BTreeSet<OpId>> {
        let all = self.find_used(caller, Scope::Organisation(caller.organisation_id).read(), op_ids.clone()).await?;
        let seen = self.find_used(caller, caller.read(), op_ids).await?;
        Ok(all.difference(&seen).copied().collect())
    }

    async fn find_used(&self, caller: &Caller, terms: Terms, op_ids: Vec<OpId>) -> StoreResult<BTreeSet<OpId>> {
        let organisation_id = caller.organisation_id;
        let work = move |tx: &mut dyn Tx| {
            let decided = tx.load_results(organisation_id, &op_ids)?.into_iter().map(|result| result.op_id);
            Ok(decided.chain(tx.load_places(organisation_id, &op_ids)?.into_iter().map(|place| place.op_id)).collect())
        };
        self.store.transact(terms, work).await
    }
}

/// The refusal of an operation whose id is taken.
pub(super) fn reused(op_id: OpId) -> OperationResult {
    let detail = "this op_id was used for something else; give the operation a new one";
    OperationResult::refused(op_id, Problem::new(Code::OpIdReuse, detail))
}
