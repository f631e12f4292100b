//! Receipts: proof of what is held, for operations whose reply was lost.

use std::collections::{BTreeSet, HashMap};

use sync_core::ports::{ItemPlace, ItemState, StoreResult, StoredResult, Tx};
use sync_core::protocol::v1::{Receipt, Receipts};
use sync_core::{OpId, OrganisationId, Status, UserId};

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
            let rows = tx.load_results(caller.organisation_id, &asked)?;
            let own = |user_id: UserId| user_id == caller.user_id;
            let decided: HashMap<OpId, StoredResult> =
                rows.into_iter().filter(|row| own(row.user_id)).map(|row| (row.op_id, row)).collect();
            let open: Vec<OpId> = asked.iter().filter(|op_id| !decided.contains_key(op_id)).copied().collect();
            let queued = queued(tx, caller.organisation_id, &open)?;
            Ok((decided, queued.into_iter().filter(|(_, (place, _))| own(place.user_id)).collect::<HashMap<_, _>>()))
        };
        let (decided, queued) = self.decide(caller.read(), work).await?;
        let one = |op_id: OpId| match queued.get(&op_id) {
            Some((place, is_parked)) => receipt_of_queued(place, *is_parked),
            None => receipt(op_id, decided.get(&op_id)),
        };
        let receipts = op_ids.into_iter().map(one).collect();
        Ok(Receipts { receipts, server_time: self.now() })
    }
}

/// What of these operations is in the queue, and whether it waits for a person there.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(crate) fn queued(tx: &mut dyn Tx, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<HashMap<OpId, (ItemPlace, bool)>> {
    if op_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let places = tx.load_places(organisation_id, op_ids)?;
    let behind: BTreeSet<OpId> = places.iter().filter_map(|place| place.waits_for).collect();
    let heads = if behind.is_empty() { Vec::new() } else { tx.load_places(organisation_id, &behind.into_iter().collect::<Vec<_>>())? };
    let dead: BTreeSet<OpId> =
        places.iter().chain(&heads).filter(|place| place.state == ItemState::Parked).map(|place| place.op_id).collect();
    let is_parked = |place: &ItemPlace| dead.contains(&place.waits_for.unwrap_or(place.op_id));
    Ok(places.into_iter().map(|place| (place.op_id, (place.clone(), is_parked(&place)))).collect())
}

fn receipt_of_queued(place: &ItemPlace, is_parked: bool) -> Receipt {
    // part of a batch that may still be taken back
    let held = place.state != ItemState::Staged;
    let status = match (held, is_parked) {
        (false, _) => Status::Waiting,
        (true, true) => Status::Parked,
        (true, false) => Status::Queued,
    };
    Receipt {
        op_id: place.op_id,
        status: status.as_str(),
        held,
        space_id: Some(place.space_id),
        version: None,
        conflict_id: None,
        decided_at: None,
        problem: place.problem.clone(),
    }
}

/// What is told of a stored result, or of none.
pub(crate) fn receipt(op_id: OpId, row: Option<&StoredResult>) -> Receipt {
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
