//! Units of work. A job is a synchronous closure that runs whole, on one thread, inside one transaction.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::oneshot;

use super::{
    AuditRows, AuditTreeRows, BatchRows, ConflictRows, ContainmentRows, DeviceRows, DeviceStateRows, DocumentRows, GraveRows, HistoryRows,
    IdentityRows, ItemRows, ItemStateRows, LogRows, LoginRows, OidcRows, OperationRows, PreferenceRows, PresentedRows, PurgeRows,
    QueueMemoryRows, QueueReading, QueueSpaceRows, SessionRows, SocketRows, SpaceRows, StoreLoad,
};
use crate::{OrganisationId, UserId};

/// Why a unit of work did not happen. Except for [`StoreError::Unknown`], nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Lost a race that a retry may win. Stores retry by themselves before they say so.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// More jobs wait than the store takes. Try again later.
    #[error("too many jobs wait for the database")]
    Overloaded,
    /// The database can't be reached, or refused (disk full, shutting down).
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The connection was lost at COMMIT: the effect may have happened. Repeating the same operations tells, because
    /// their stored results are found.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
    /// What is stored does not have the form that this version writes.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The work itself broke; says what it said.
    #[error("the job broke: {0}")]
    Panicked(String),
    /// A statement that this version should never send.
    #[error("the database refused a statement: {0}")]
    Refused(String),
}

/// The result of a port's method.
pub type StoreResult<T> = Result<T, StoreError>;

/// What a job needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// One consistent snapshot, at or above every commit acknowledged before the job was submitted.
    Read,
    /// Everything that was written is committed together, durably, or nothing is.
    Write,
}

/// For whom a job is: what the database lets it see, whatever its statements ask for. A store that has no such lock of its
/// own takes it as told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The installation's own work: housekeeping, workers that look for work, whoever only has a token or an email yet, the
    /// command line. It sees every tenant.
    Installation,
    /// Work for one tenant as a whole: a worker's step, an admin's look at the queue.
    Organisation(OrganisationId),
    /// A person's: the tenant's directory, their own things, and what lies in the spaces of which they are a member.
    Member {
        /// Their tenant.
        organisation_id: OrganisationId,
        /// The person.
        user_id: UserId,
    },
}

impl Scope {
    /// The terms of a job that only reads.
    #[must_use]
    pub const fn read(self) -> Terms {
        Terms { access: Access::Read, scope: self }
    }

    /// The terms of a job that may write.
    #[must_use]
    pub const fn write(self) -> Terms {
        Terms { access: Access::Write, scope: self }
    }
}

/// On what terms a job runs. An [`Access`] by itself is the installation's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What it needs.
    pub access: Access,
    /// For whom it is.
    pub scope: Scope,
}

impl From<Access> for Terms {
    fn from(access: Access) -> Self {
        Self { access, scope: Scope::Installation }
    }
}

/// A unit of work, object-safe; [`Store::transact`](trait.Store.html#method.transact) makes one from a closure.
pub trait Job: Send {
    /// Does the work. It may be called more than once (a lost race), each time on a fresh transaction: it must touch
    /// nothing outside. An error rolls everything back.
    ///
    /// # Errors
    /// Whatever the port's methods answer.
    fn run(&mut self, tx: &mut dyn Tx) -> StoreResult<()>;

    /// Called exactly once: with `Ok` after the commit is durable.
    fn finish(self: Box<Self>, outcome: StoreResult<()>);
}

/// A database.
pub trait Store: Send + Sync {
    /// Takes a job. It returns at once or runs the job on the calling thread; [`Job::finish`] tells the outcome.
    fn submit(&self, terms: Terms, job: Box<dyn Job>);

    /// What it has to do, and has done. It never waits for a job.
    fn load(&self) -> StoreLoad;
}

impl dyn Store + '_ {
    /// Runs `work` in one transaction and resolves after the durable commit. Dropping the future drops the answer,
    /// not the work.
    pub fn transact<T, F>(&self, terms: impl Into<Terms>, work: F) -> Transaction<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit(terms.into(), Box::new(ClosureJob { work, output: None, reply }));
        Transaction(answer)
    }
}

struct ClosureJob<T, F> {
    work: F,
    output: Option<T>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> Job for ClosureJob<T, F>
where
    T: Send,
    F: FnMut(&mut dyn Tx) -> StoreResult<T> + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        self.output = Some((self.work)(tx)?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: StoreResult<()>) {
        let Self { output, reply, .. } = *self;
        let answer = outcome.and_then(|()| output.ok_or_else(|| StoreError::Unavailable("the job never ran".into())));
        // the receiver is gone when the request was dropped; the work stands all the same
        let _ = reply.send(answer);
    }
}

/// A submitted unit of work.
#[derive(Debug)]
#[must_use = "the outcome is known only when this future resolves"]
pub struct Transaction<T>(oneshot::Receiver<StoreResult<T>>);

impl<T> Future for Transaction<T> {
    type Output = StoreResult<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(StoreError::Unavailable("the database is shutting down".into()))))
    }
}

/// One transaction: a bundle of small parts, bulk in and bulk out, so that a push of 1,000 operations takes as many
/// statements as one of 10.
pub trait Tx:
    SpaceRows
    + DocumentRows
    + OperationRows
    + ConflictRows
    + PreferenceRows
    + IdentityRows
    + DeviceRows
    + SessionRows
    + LoginRows
    + OidcRows
    + LogRows
    + PresentedRows
    + GraveRows
    + PurgeRows
    + HistoryRows
    + ItemRows
    + ItemStateRows
    + QueueReading
    + QueueSpaceRows
    + BatchRows
    + QueueMemoryRows
    + DeviceStateRows
    + SocketRows
    + AuditRows
    + AuditTreeRows
    + ContainmentRows
{
}

impl<T> Tx for T where
    T: SpaceRows
        + DocumentRows
        + OperationRows
        + ConflictRows
        + PreferenceRows
        + IdentityRows
        + DeviceRows
        + SessionRows
        + LoginRows
        + OidcRows
        + LogRows
        + PresentedRows
        + GraveRows
        + PurgeRows
        + HistoryRows
        + ItemRows
        + ItemStateRows
        + QueueReading
        + QueueSpaceRows
        + BatchRows
        + QueueMemoryRows
        + DeviceStateRows
        + SocketRows
        + AuditRows
        + AuditTreeRows
        + ContainmentRows
{
}
