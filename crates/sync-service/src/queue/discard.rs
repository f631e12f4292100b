//! Taking out of the queue what failed.

use sync_core::ports::{Access, Tx};
use sync_core::protocol::v1::queue::DiscardRequest;
use sync_core::{Code, OpId, Problem};

use super::letters::{Word, as_decided, discard, lock_items, may_discard, signals};
use super::sight::{Sight, unknown_operation};
use crate::access::require_writable;
use crate::{Caller, Service, ServiceResult};

/// A reason is at most this long.
const MAX_REASON_BYTES: usize = 1_000;

impl Service {
    /// Takes an operation out of the queue that failed: it is refused (`discarded`) and kept like anything refused, and
    /// what waited for it goes on. What came in a group goes as a group. Its sender, leads of its space and admins may;
    /// for others' work they say why. The same again changes nothing more.
    ///
    /// # Errors
    /// `unknown_operation`, `leased`, `not_failed`, `malformed` without a reason; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn discard_operation(&self, caller: &Caller, op_id: OpId, request: DiscardRequest) -> ServiceResult<()> {
        let (caller, now, entropy) = (*caller, self.now(), self.entropy.clone());
        let reason = check_reason(request.reason)?;
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &caller)?;
            let Some(place) = tx.load_places(caller.organisation_id, &[op_id])?.pop() else { return gone(tx, &caller, op_id) };
            if !Sight::of_space(tx, &caller, place.space_id)?.sees(place.user_id, place.space_id) {
                return Err(unknown_operation(op_id).into());
            }
            if place.user_id != caller.user_id && reason.is_none() {
                let detail = "say why others' work is discarded, in reason: its sender is told, and it is recorded";
                return Err(Problem::new(Code::Malformed, detail).at("/reason").into());
            }
            let head = tx.lock_head(place.space_id)?.map_or(0, |head| head.version);
            let (_, items) = lock_items(tx, (caller.organisation_id, place.space_id), &[op_id])?;
            if !items.iter().any(|item| item.op_id == op_id) {
                return gone(tx, &caller, op_id);
            }
            items.iter().try_for_each(may_discard)?;
            let word = Word { caller: &caller, action: "queue.discard", reason: reason.as_deref(), now };
            discard(tx, &*entropy, &word, (head, &items))?;
            Ok(items)
        };
        let items = self.decide(caller.oversee(Access::Write), work).await?;
        if !items.is_empty() {
            self.recorder.decided(&as_decided(&items), now);
            self.signals.publish(&signals(&items));
        }
        Ok(())
    }
}

/// What an operation is told that is not in the queue any more: nothing where it was discarded before.
fn gone<T: Default>(tx: &mut dyn Tx, caller: &Caller, op_id: OpId) -> ServiceResult<T> {
    let row = tx.load_results(caller.organisation_id, &[op_id])?.pop().ok_or_else(|| unknown_operation(op_id))?;
    if !Sight::of_space(tx, caller, row.space_id)?.sees(row.user_id, row.space_id) {
        return Err(unknown_operation(op_id).into());
    }
    let problem = row.problem.and_then(|problem| problem.read::<Problem>());
    if problem.is_some_and(|problem| problem.code == Code::Discarded) {
        return Ok(T::default());
    }
    let detail = format!("it is decided already ({}), and not in the queue; another operation changes what it did", row.status.as_str());
    Err(Problem::new(Code::NotFailed, detail).caused_by(op_id).into())
}

/// A reason without spaces around it; one of nothing else is none.
pub(super) fn check_reason(reason: Option<String>) -> Result<Option<String>, Problem> {
    let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    match reason {
        Some(reason) if reason.len() > MAX_REASON_BYTES => {
            Err(Problem::new(Code::TooLarge, format!("a reason is at most {MAX_REASON_BYTES} bytes long")).at("/reason"))
        }
        reason => Ok(reason),
    }
}
