//! What a device may send that has used up what it may send.

use std::collections::BTreeSet;

use queue::priority::lane_of;
use sync_core::ports::StoreResult;
use sync_core::protocol::v1::SyncRequest;
use sync_core::schema::Schema;
use sync_core::{Kind, Operation};

use crate::access::{self, Standing};
use crate::{Caller, Service, ServiceResult};

impl Service {
    /// Whether a request holds operations of lane 0 and nothing else to decide: what concerns safety and times.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn is_urgent(&self, caller: &Caller, request: &SyncRequest) -> ServiceResult<bool> {
        let operations: Option<Vec<Operation>> = request.operations.iter().map(|received| received.content.clone().ok()).collect();
        let Some(operations) = operations.filter(|operations| !operations.is_empty() && request.resolutions.is_empty()) else {
            return Ok(false);
        };
        let caller = *caller;
        let all_urgent = self.store.transact(caller.read(), move |tx| -> StoreResult<bool> {
            let space_ids: BTreeSet<_> = operations.iter().map(|operation| operation.space_id).collect();
            let standings = access::load(tx, &caller, &space_ids.into_iter().collect::<Vec<_>>())?;
            Ok(operations.iter().all(|operation| match standings.get(&operation.space_id) {
                Some(Standing::Member(access)) => is_lane_0(access.space.schema.as_deref(), operation),
                _ => false,
            }))
        });
        Ok(all_urgent.await?)
    }
}

fn is_lane_0(schema: Option<&str>, operation: &Operation) -> bool {
    operation.kind == Kind::Intent || Schema::of_space(schema).is_some_and(|schema| lane_of(&schema, operation) == 0)
}
