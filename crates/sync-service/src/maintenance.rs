//! What a server does beside requests: writes down how far devices have read, and lets go of what is kept no longer.
//! Every round does a bounded part, in small units of work, and goes on where the last one ended. On many nodes it may
//! run at the same time: each unit decides anew, under the lock of the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use sync_core::ports::{Access, DueConflict, Entropy, Head, ResultEntry, Signal, SpaceLog, StoreError, StoreResult, TenantState, Tx};
use sync_core::{OpId, OrganisationId, SpaceId, Timestamp};

use crate::audit::{self, Act};
use crate::inbox::expire_some;
use crate::keeping::{Keeping, kept_from};
use crate::{Service, ServiceResult};

/// Spaces that a round looks at.
const SPACES: i64 = 100;
/// Rows that a unit of work looks at.
const ROWS: i64 = 500;
/// Units that a round spends on history, and again on what was sent.
const PAGES: usize = 20;

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Maintained {
    /// Cursors that devices showed, written down.
    pub presented: usize,
    /// Deleted documents of which only the id is kept from now on.
    pub buried: usize,
    /// Changes that are not kept any more.
    pub changes: usize,
    /// Operations of which only the result is kept from now on.
    pub payloads: usize,
    /// Questions that nobody answered in time.
    pub expired: usize,
    /// Figures of the queue that were added up to longer spans.
    pub figures: usize,
}

impl Maintained {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the last round ended.
#[derive(Debug, Clone, Default)]
struct Place {
    /// The last space that was gone through whole.
    space: Option<SpaceId>,
    /// The last operation.
    result: Option<ResultEntry>,
}

/// The places of this process.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Mutex<Place>);

impl Rounds {
    fn lock(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// One round. To be called about once a minute, by one task of a process.
    ///
    /// # Errors
    /// The store's; the next round goes on.
    pub async fn maintain(&self) -> ServiceResult<Maintained> {
        let mut done = Maintained { presented: self.flush_presented().await?, ..Maintained::default() };
        self.keep_cursor_keys().await?;
        done.expired = self.expire_questions().await?;
        self.look_at_queue().await?;
        self.flush_queue_figures().await?;
        done.figures = self.roll_queue_figures_up().await?;
        self.mend_queue().await?;
        let mut place = self.rounds.lock().clone();
        let outcome = async {
            self.go_through_spaces(&mut place, &mut done).await?;
            self.go_through_results(&mut place, &mut done).await
        };
        let outcome = outcome.await;
        *self.rounds.lock() = place;
        outcome.map(|()| done)
    }

    /// Closes questions whose deadline has passed, and tells the leads. How many.
    async fn expire_questions(&self) -> ServiceResult<usize> {
        let (now, mut expired) = (self.now(), 0);
        let mut after: Option<DueConflict> = None;
        for _ in 0..PAGES {
            let last = after;
            let due = self.store.transact(Access::Read, move |tx| tx.list_due_conflicts(now, last.as_ref(), ROWS)).await?;
            let Some(last) = due.last().copied() else { break };
            after = Some(last);
            let mut by_space: BTreeMap<SpaceId, Vec<DueConflict>> = BTreeMap::new();
            for row in due {
                by_space.entry(row.space_id).or_default().push(row);
            }
            for (space_id, due) in by_space {
                let entropy = Arc::clone(&self.entropy);
                let work = move |tx: &mut dyn Tx| {
                    if is_held(tx, space_id)? { Ok(0) } else { expire_some(tx, &*entropy, (space_id, &due), now) }
                };
                match self.store.transact(Access::Write, work).await {
                    Ok(some) => {
                        self.publish(&[Signal::Space(space_id)]);
                        expired += some;
                    }
                    // one space whose questions can't be read keeps nobody from the others
                    Err(StoreError::Damaged(what)) => {
                        tracing::error!(space.id = %space_id, what, "questions can't be closed at their deadline");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(expired)
    }

    async fn go_through_spaces(&self, place: &mut Place, done: &mut Maintained) -> ServiceResult<()> {
        let (after, now) = (place.space, self.now());
        let logs = self.store.transact(Access::Read, move |tx| tx.list_logs(after, SPACES)).await?;
        if logs.is_empty() {
            // round again
            place.space = None;
        }
        let mut pages = PAGES;
        for log in logs {
            done.buried += self.bury(log, now).await?;
            // no log has changes that are older than its space
            while log.created_at < self.keeping.history_since(now) {
                if pages == 0 {
                    return Ok(());
                }
                pages -= 1;
                let changes = self.forget_history(log, now).await?;
                done.changes += changes;
                if i64::try_from(changes).is_ok_and(|rows| rows < ROWS) {
                    break;
                }
            }
            place.space = Some(log.space_id);
        }
        Ok(())
    }

    /// Buries deleted documents of a space. How many.
    async fn bury(&self, log: SpaceLog, now: Timestamp) -> ServiceResult<usize> {
        let (keeping, space_id) = (self.keeping, log.space_id);
        let mut buried = 0;
        for _ in 0..PAGES {
            // most spaces have nothing to bury: that is seen without the lock
            let due = self.store.transact(Access::Read, move |tx| graves_due(tx, space_id, &keeping, now)).await?;
            if !due {
                break;
            }
            let entropy = Arc::clone(&self.entropy);
            let some = self.store.transact(Access::Write, move |tx| bury_some(tx, &*entropy, (&log, &keeping), now)).await?;
            buried += some;
            if some == 0 {
                break;
            }
        }
        Ok(buried)
    }

    /// Drops the oldest changes of a space. How many.
    async fn forget_history(&self, log: SpaceLog, now: Timestamp) -> ServiceResult<usize> {
        let (since, space_id, entropy) = (self.keeping.history_since(now), log.space_id, Arc::clone(&self.entropy));
        let oldest = self.store.transact(Access::Read, move |tx| tx.list_history(space_id, ROWS)).await?;
        let old: Vec<i64> = oldest.iter().take_while(|entry| entry.at < since).map(|entry| entry.version).collect();
        if let Some(until) = old.last().copied() {
            let changes = old.len();
            let work = move |tx: &mut dyn Tx| {
                let Some(head) = tx.lock_head(space_id)? else { return Ok(false) };
                if is_held(tx, space_id)? {
                    return Ok(false);
                }
                tx.drop_history(space_id, until)?;
                raise(tx, space_id, head, (head.kept_from, until))?;
                // another node may have done so, and recorded it
                let act =
                    (until > head.history_from).then(|| let_go(&log, "retention.history", json!({"changes": changes, "until": until})));
                audit::write(tx, &*entropy, now, act)?;
                Ok(true)
            };
            if !self.store.transact(Access::Write, work).await? {
                return Ok(0);
            }
        }
        Ok(old.len())
    }

    async fn go_through_results(&self, place: &mut Place, done: &mut Maintained) -> ServiceResult<()> {
        let now = self.now();
        let since = self.keeping.history_since(now);
        for _ in 0..PAGES {
            let after = place.result;
            let page = self.store.transact(Access::Read, move |tx| tx.list_results(after.as_ref(), since, ROWS)).await?;
            let mut due: BTreeMap<OrganisationId, Vec<OpId>> = BTreeMap::new();
            for entry in page.iter().filter(|entry| entry.is_due) {
                due.entry(entry.organisation_id).or_default().push(entry.op_id);
                done.payloads += 1;
            }
            if !due.is_empty() {
                let entropy = Arc::clone(&self.entropy);
                let work = move |tx: &mut dyn Tx| {
                    due.iter().try_for_each(|(organisation_id, op_ids)| empty_some(tx, &*entropy, (*organisation_id, op_ids), now))
                };
                self.store.transact(Access::Write, work).await?;
            }
            place.result = page.last().copied();
            if i64::try_from(page.len()).is_ok_and(|rows| rows < ROWS) {
                // round again, the next time
                place.result = None;
                break;
            }
        }
        Ok(())
    }
}

/// Whether a space's tenant is held: then everything of it stays as it is.
fn is_held(tx: &mut dyn Tx, space_id: SpaceId) -> StoreResult<bool> {
    Ok(tx.find_tenant_state(space_id)?.is_some_and(|state| state != TenantState::Active))
}

/// Moves a log's horizons up.
fn raise(tx: &mut dyn Tx, space_id: SpaceId, head: Head, (kept_from, history_from): (i64, i64)) -> StoreResult<()> {
    tx.put_horizons(space_id, head.kept_from.max(kept_from), head.history_from.max(history_from))
}

fn graves_due(tx: &mut dyn Tx, space_id: SpaceId, keeping: &Keeping, now: Timestamp) -> StoreResult<bool> {
    let lowest = tx.find_lowest_floor(space_id, keeping.seen_since(now))?;
    Ok(!keeping.graves_of(tx.list_tombstones(space_id, 0, ROWS)?, lowest, now).is_empty())
}

fn bury_some(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    (log, keeping): (&SpaceLog, &Keeping),
    now: Timestamp,
) -> StoreResult<usize> {
    let space_id = log.space_id;
    let Some(head) = tx.lock_head(space_id)? else { return Ok(0) };
    if is_held(tx, space_id)? {
        return Ok(0);
    }
    let lowest = tx.find_lowest_floor(space_id, keeping.seen_since(now))?;
    let graves = keeping.graves_of(tx.list_tombstones(space_id, 0, ROWS)?, lowest, now);
    if graves.is_empty() {
        return Ok(0);
    }
    tx.bury(space_id, &graves)?;
    tx.drop_presented(space_id, keeping.shown_since(now))?;
    raise(tx, space_id, head, (kept_from(head.kept_from, &graves), head.history_from))?;
    audit::write(tx, entropy, now, [let_go(log, "retention.documents", json!({"documents": graves.len()}))])?;
    Ok(graves.len())
}

/// Empties operations of one organisation, unless it is held.
fn empty_some(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    (organisation_id, op_ids): (OrganisationId, &[OpId]),
    now: Timestamp,
) -> StoreResult<()> {
    if tx.find_tenant(organisation_id)?.is_some_and(|tenant| tenant.state != TenantState::Active) {
        return Ok(());
    }
    // another node may have been here since they were listed
    let emptied = tx.empty_operations(organisation_id, op_ids)?;
    let act = || Act::of(organisation_id, "retention.operations").with(json!({"operations": emptied}));
    audit::write(tx, entropy, now, (emptied > 0).then(act))
}

/// What is recorded of what a space keeps no longer: how much, never what.
fn let_go(log: &SpaceLog, action: &'static str, details: serde_json::Value) -> Act {
    Act::of(log.organisation_id, action).in_space(log.space_id).about(&log.space_id).with(details)
}
