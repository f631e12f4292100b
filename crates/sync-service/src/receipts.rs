//! Receipts: proof of what is held, for operations whose reply was lost.

use std::collections::HashMap;

use sync_core::OpId;
use sync_core::ports::{Access, StoredResult, Tx};
use sync_core::protocol::v1::{Receipt, Receipts};

use crate::access::require_session;
use crate::{Caller, Service, ServiceResult};

impl Service {
    /// The receipts of these operations, in the order asked. Another user's are as unknown as any.
    ///
    /// # Errors
    /// `unauthenticated`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn receipts(&self, caller: &Caller, op_ids: Vec<OpId>) -> ServiceResult<Receipts> {
        let caller = *caller;
        let asked = op_ids.clone();
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            Ok(tx.load_results(caller.organisation_id, &asked)?)
        };
        let rows = self.decide(Access::Read, work).await?;
        let own: HashMap<OpId, StoredResult> =
            rows.into_iter().filter(|row| row.user_id == caller.user_id).map(|row| (row.op_id, row)).collect();
        let receipts = op_ids.into_iter().map(|op_id| receipt(op_id, own.get(&op_id))).collect();
        Ok(Receipts { receipts, server_time: self.now() })
    }
}

fn receipt(op_id: OpId, row: Option<&StoredResult>) -> Receipt {
    Receipt {
        op_id,
        status: row.map_or("unknown", |row| row.status.as_str()),
        held: row.is_some(),
        space_id: row.map(|row| row.space_id),
        version: row.and_then(|row| row.decided_version),
        conflict_id: row.and_then(|row| row.conflict_id),
        decided_at: row.map(|row| row.decided_at),
        problem: row.and_then(|row| row.problem.clone()),
    }
}
