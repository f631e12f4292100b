//! What a worker does: it takes the lease of a space, decides what goes first there, a step at a time, and hands the
//! lease back. Each step is one transaction that checks the lease's fence under the lock of the space's queue, decides by
//! the very same code as a push, drops what it decided, and takes what comes next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use queue::fairness;
use queue::lease::{self, Lease};
use queue::runner::Ran;
use queue::sizing::STEP_MS;
use sync_core::ports::{Access, ItemState, QueueItem, QueueSpace, Scope, Signal, StoreError, StoreResult, Tx};
use sync_core::{OpId, OrganisationId, SpaceId, Status, Timestamp};

use super::recorder::{self, DecidedItem};
use super::settle::{self, Failure};
use super::step::{Step, Stepped, step};
use super::take::take_items;
use crate::{Service, ServiceResult, audit};

/// Spaces that are compared when a worker looks for work.
const CANDIDATES: i64 = 256;

/// A lease on a space's queue, and what is taken under it.
#[derive(Debug)]
pub struct Claim {
    organisation_id: OrganisationId,
    space_id: SpaceId,
    lease: Lease,
    items: Mutex<Arc<Vec<QueueItem>>>,
    /// How many other spaces could have been taken instead.
    others: usize,
    /// When the last step ended.
    last: Mutex<Timestamp>,
}

impl Claim {
    /// The space.
    #[must_use]
    pub const fn space_id(&self) -> SpaceId {
        self.space_id
    }

    /// The lease's number.
    #[must_use]
    pub const fn fence(&self) -> i64 {
        self.lease.fence
    }

    /// How many other spaces could have been taken instead.
    #[must_use]
    pub const fn others(&self) -> usize {
        self.others
    }

    /// What is taken and not decided.
    #[must_use]
    pub fn items(&self) -> Arc<Vec<QueueItem>> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Vec<QueueItem>>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, items: Vec<QueueItem>) {
        *self.lock() = Arc::new(items);
    }
}

impl Service {
    /// Takes the lease of the space in which something is most urgent, and what goes first there. Without any: when to
    /// look again.
    ///
    /// # Errors
    /// The store's; nothing was taken.
    pub async fn claim_work(&self) -> ServiceResult<Result<Claim, Option<Timestamp>>> {
        let (now, worker) = (self.now(), self.queue.node_id);
        let (lease_ms, wanted) = (self.queue.config.lease_ms, self.wanted());
        let (rules, entropy) = (self.queue.config.retry, Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            let spaces = tx.list_queue_spaces(now, CANDIDATES)?;
            let order = fairness::order(&spaces, now);
            for (place, space_id) in order.iter().copied().enumerate() {
                let Some(before) = tx.try_lock_queue_space(space_id)? else { continue };
                let Some((mut space, lease)) = lease::take(&before, worker, now, lease_ms) else { continue };
                if before.leased_by.is_some() {
                    settle::give_up_lost(tx, &space, (&rules, &*entropy), now)?;
                }
                let items = take_items(tx, &mut space, wanted, now)?;
                let left = if items.is_empty() { lease::release(&space, &lease).unwrap_or(space) } else { space };
                tx.put_queue_space(&left)?;
                if !items.is_empty() {
                    return Ok(Ok((space, lease, items, order.len() - place - 1)));
                }
            }
            tx.find_next_due(now).map(Err)
        };
        let claimed = self.store.transact(Access::Write, work).await?;
        Ok(claimed.map(|(space, lease, items, others)| Claim {
            organisation_id: space.organisation_id,
            space_id: space.space_id,
            lease,
            items: Mutex::new(Arc::new(items)),
            others,
            last: Mutex::new(now),
        }))
    }

    /// Decides what is taken, and takes what comes next.
    ///
    /// # Errors
    /// The store's, where it has nothing to do with what was taken: the lease may be handed back.
    pub async fn run_step(&self, claim: &Claim) -> ServiceResult<Ran> {
        let items = claim.items();
        match self.step_over(claim, Arc::clone(&items), true).await {
            Ok(ran) => Ok(ran),
            Err(error) if settle::is_passing(&error) => self.put_off(claim, &items, error).await,
            Err(error) => self.step_apart(claim, items, error).await,
        }
    }

    /// The database could not do it, for a cause that may pass. What was taken is tried again later, with fewer others each
    /// time.
    async fn put_off(&self, claim: &Claim, items: &[QueueItem], error: StoreError) -> ServiceResult<Ran> {
        if !self.fail(claim, settle::units_of(items), &error).await? {
            return Ok(Ran::Lost);
        }
        claim.set(Vec::new());
        Err(error.into())
    }

    /// Something that was taken could not be decided. Halves of it, and halves of those, show which units it is: the others
    /// go on after a few more transactions.
    async fn step_apart(&self, claim: &Claim, items: Arc<Vec<QueueItem>>, error: StoreError) -> ServiceResult<Ran> {
        let mut parts = vec![(settle::units_of(&items), Some(error))];
        while let Some((mut units, failed)) = parts.pop() {
            let outcome = match failed {
                Some(error) => Err(error),
                None => self.step_over(claim, Arc::new(units.concat()), false).await,
            };
            match outcome {
                Ok(Ran::Lost) => return Ok(Ran::Lost),
                Ok(_) => {}
                Err(_) if units.len() > 1 => {
                    let rest = units.split_off(units.len() / 2);
                    // those that go first are decided first
                    parts.extend([(rest, None), (units, None)]);
                }
                Err(error) => {
                    if !self.fail(claim, units, &error).await? {
                        return Ok(Ran::Lost);
                    }
                }
            }
        }
        // nothing is left of what was taken: an empty step takes what comes next
        Ok(self.step_over(claim, Arc::default(), true).await?)
    }

    /// One transaction over some of what was taken.
    async fn step_over(&self, claim: &Claim, items: Arc<Vec<QueueItem>>, goes_on: bool) -> StoreResult<Ran> {
        let now = self.now();
        let this = Step {
            organisation_id: claim.organisation_id,
            space_id: claim.space_id,
            lease: claim.lease,
            now,
            lease_ms: self.queue.config.lease_ms,
            wanted: goes_on.then(|| self.wanted()),
        };
        let entropy = Arc::clone(&self.entropy);
        let taken = Arc::clone(&items);
        let work = move |tx: &mut dyn Tx| step(tx, &this, &taken, &*entropy);
        let Some(stepped) = self.store.transact(Scope::Organisation(claim.organisation_id).write(), work).await? else {
            return Ok(Ran::Lost);
        };
        self.count_step(claim, &items, &stepped, now);
        self.after_step(claim, &items, &stepped).await;
        Ok(match stepped.next {
            Some(next) if next.is_empty() => Ran::Done,
            Some(next) => {
                claim.set(next);
                Ran::More
            }
            None => Ran::More,
        })
    }

    /// Counts what a step did.
    fn count_step(&self, claim: &Claim, items: &[QueueItem], stepped: &Stepped, began: Timestamp) {
        let now = self.now();
        let us = |from: Timestamp| now.millis().saturating_sub(from.millis()).saturating_mul(1_000);
        let since_last_us = us(std::mem::replace(&mut *claim.last.lock().unwrap_or_else(PoisonError::into_inner), now));
        let statuses: HashMap<OpId, Status> = stepped.statuses.iter().copied().collect();
        let decided: Vec<DecidedItem> = items.iter().filter_map(|item| Some(DecidedItem::of(item, *statuses.get(&item.op_id)?))).collect();
        let in_lane = |lane: i32| items.iter().filter(|item| item.lane == lane).count();
        self.recorder.decided(&decided, now);
        for item in items.iter().filter(|item| stepped.parked.contains(&item.op_id)) {
            self.recorder.failed(item.organisation_id, item.lane, item.code.as_deref().unwrap_or("not_here_yet"), true, now);
        }
        if !items.is_empty() {
            let (organisation_id, space_id) = (claim.organisation_id, claim.space_id);
            let this = recorder::Step { organisation_id, space_id, items: [0, 1, 2, 3].map(in_lane), took_us: us(began), since_last_us };
            self.recorder.stepped(&this, now);
        }
    }

    /// Tells who listens, and what waited in other spaces.
    async fn after_step(&self, claim: &Claim, items: &[QueueItem], stepped: &Stepped) {
        self.counters.opened(stepped.opened);
        self.counters.worked(&stepped.statuses);
        if !stepped.elsewhere.is_empty() {
            // whoever does not hear of it is found by the next sweep
            if let Err(error) = self.call_spaces(claim.organisation_id, stepped.elsewhere.clone()).await {
                tracing::debug!(%error, "what waited in other spaces is called later");
            }
        }
        self.broadcaster().publish(&stepped.signals(claim.space_id, items));
    }

    /// Sees to it that spaces in which something became ready are looked at.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn call_spaces(&self, organisation_id: OrganisationId, mut spaces: Vec<SpaceId>) -> StoreResult<()> {
        let now = self.now();
        // always in the same order, so that nobody waits for each other
        spaces.sort_unstable();
        let work = move |tx: &mut dyn Tx| {
            spaces.iter().try_for_each(|space_id| {
                let space = tx.lock_queue_space(organisation_id, *space_id)?;
                let first = tx.list_items(*space_id, ItemState::Ready, 1)?.pop();
                first.map_or(Ok(()), |item| tx.put_queue_space(&super::due(space, Some((now, item.rank)))))
            })
        };
        self.store.transact(Scope::Organisation(organisation_id).write(), work).await?;
        self.broadcaster().publish(&[Signal::Queue]);
        Ok(())
    }

    /// Counts a failure of units that were taken. Whether the lease still stood.
    async fn fail(&self, claim: &Claim, units: Vec<Vec<QueueItem>>, error: &StoreError) -> ServiceResult<bool> {
        let (now, entropy) = (self.now(), Arc::clone(&self.entropy));
        let failure = Failure::of(error, &self.queue.config.retry, self.random(), now);
        let (organisation_id, space_id, lease) = (claim.organisation_id, claim.space_id, claim.lease);
        for item in units.iter().flatten() {
            tracing::warn!(op.id = %item.op_id, space.id = %space_id, attempts = item.attempts, %error, "an operation could not be decided");
        }
        let work = move |tx: &mut dyn Tx| {
            let mut space = tx.lock_queue_space(organisation_id, space_id)?;
            if !lease::may_write(&space, &lease) {
                return Ok(None);
            }
            let failed: Vec<QueueItem> = units.iter().flat_map(|unit| failure.of_unit(unit)).collect();
            audit::write(tx, &*entropy, now, settle::parked_acts(&failed))?;
            tx.put_items(&failed)?;
            if let Some(at) = failed.iter().filter_map(|item| item.not_before).min() {
                let rank = failed.iter().map(|item| item.rank).min().unwrap_or(space.rank);
                space = super::due(space, Some((at, rank)));
            }
            tx.put_queue_space(&space)?;
            Ok(Some(failed))
        };
        let Some(failed) = self.store.transact(Scope::Organisation(organisation_id).write(), work).await? else { return Ok(false) };
        for item in &failed {
            let code = item.code.as_deref().unwrap_or_default();
            self.recorder.failed(organisation_id, item.lane, code, item.state == ItemState::Parked, self.now());
        }
        let signals: Vec<Signal> = settle::parked(&failed).map(|item| Signal::DeadLetter(item.device_id, space_id)).collect();
        self.broadcaster().publish(&signals);
        Ok(true)
    }

    /// Says that the holder of a lease is alive. Whether it still holds it.
    ///
    /// # Errors
    /// The store's.
    pub async fn keep_lease(&self, claim: &Claim) -> ServiceResult<bool> {
        let (now, lease_ms) = (self.now(), self.queue.config.lease_ms);
        let lease = claim.lease;
        self.with_lease(claim, move |_, space| Ok(lease::renew(space, &lease, now, lease_ms))).await
    }

    /// Hands a lease back, with what was taken and not decided: that counts as not tried.
    ///
    /// # Errors
    /// The store's; the lease then ends by itself.
    pub async fn hand_back(&self, claim: &Claim) -> ServiceResult<()> {
        let (items, lease, now) = (claim.items(), claim.lease, self.now());
        self.with_lease(claim, move |tx, space| {
            let ids: Vec<_> = items.iter().map(|item| item.op_id).collect();
            let left: Vec<QueueItem> = settle::given_back(tx.load_items(space.organisation_id, &ids)?, space.fence);
            tx.put_items(&left)?;
            let first = left.iter().map(|item| item.rank).min();
            Ok(lease::release(&super::due(*space, first.map(|rank| (now, rank))), &lease))
        })
        .await?;
        self.broadcaster().publish(&[Signal::Queue]);
        Ok(())
    }

    /// Does something to a lease that still stands. Whether it does.
    async fn with_lease<F>(&self, claim: &Claim, mut change: F) -> ServiceResult<bool>
    where
        F: FnMut(&mut dyn Tx, &QueueSpace) -> StoreResult<Option<QueueSpace>> + Send + 'static,
    {
        let (organisation_id, space_id, lease) = (claim.organisation_id, claim.space_id, claim.lease);
        let work = move |tx: &mut dyn Tx| {
            let space = tx.lock_queue_space(organisation_id, space_id)?;
            if !lease::may_write(&space, &lease) {
                return Ok(false);
            }
            if let Some(space) = change(tx, &space)? {
                tx.put_queue_space(&space)?;
            }
            Ok(true)
        };
        Ok(self.store.transact(Scope::Organisation(organisation_id).write(), work).await?)
    }

    /// How many items a step takes.
    fn wanted(&self) -> usize {
        self.recorder.pace().take(STEP_MS, self.queue.config.step_items)
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}
