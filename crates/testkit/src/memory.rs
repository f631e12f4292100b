//! A whole store over plain maps. Jobs run one after another on the thread that submits them.

mod audit;
mod conflicts;
mod containment;
mod documents;
mod identity;
mod items;
mod life;
mod oidc;
mod operations;
mod preferences;
mod presence;
mod purges;
mod queue;
mod sessions;
mod spaces;
mod table;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync_core::ports::{
    Access, AuditCheckpoint, AuditRecord, AuditTile, AuditTree, ChangeRow, CollectionSum, ConflictEntry, ConflictLink, Device, DeviceState,
    DocumentRow, FormerEpoch, Grave, Head, Job, LoginTries, Member, OidcCode, OidcLink, OidcProvider, Organisation, PreferenceKey,
    PreferenceRow, PreferenceRule, Presented, Purge, QueueBatch, QueueFigure, QueueItem, QueueSpace, QueueTask, ServerKey, Session, Space,
    Store, StoreError, StoreLoad, StoreResult, StoredOperation, Tenant, Terms, User,
};
use sync_core::{Audience, BatchId, ConflictId, DeviceId, OpId, OrganisationId, SessionId, SpaceId, TaskId, Timestamp, UserId};
use table::Table;
use uuid::Uuid;

/// How often a job that lost a race is run.
const ATTEMPTS: usize = 4;

/// A store over plain maps. A job must not submit another one: it would wait for itself.
///
/// It is stricter than a database need be: a read job that writes or locks is refused.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    lost_commit: Mutex<Option<bool>>,
    load: Mutex<StoreLoad>,
    broken: Mutex<BTreeMap<String, Breaks>>,
}

/// How a document is broken, for whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaks {
    /// What is stored of it can't be read.
    Damaged,
    /// The code that reads it panics.
    Panics,
    /// The database can't be used.
    Unavailable,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next write job that would commit answers [`StoreError::Unknown`], as if the connection were lost at COMMIT;
    /// `kept` says whether its effect stands.
    pub fn lose_next_commit(&self, kept: bool) {
        *lock(&self.lost_commit) = Some(kept);
    }

    /// A copy of all that is stored: a backup.
    #[must_use]
    pub fn save(&self) -> Saved {
        Saved(lock(&self.state).clone())
    }

    /// Puts a copy in the place of all that is stored, as restoring a backup does.
    pub fn put_back(&self, saved: &Saved) {
        *lock(&self.state) = saved.0.clone();
    }

    /// From now on it tells this load, as a store under it would; its commits go on being counted.
    pub fn pretend_load(&self, load: StoreLoad) {
        let mut told = lock(&self.load);
        *told = StoreLoad { commits: told.commits, ..load };
    }

    /// From now on a document, `collection/id`, is broken for whoever reads it; or it is not any more.
    pub fn break_document(&self, key: &str, breaks: Option<Breaks>) {
        let mut broken = lock(&self.broken);
        match breaks {
            Some(breaks) => broken.insert(key.to_owned(), breaks),
            None => broken.remove(key),
        };
    }

    fn attempt(&self, access: Access, job: &mut dyn Job) -> StoreResult<()> {
        let mut state = lock(&self.state);
        let broken = lock(&self.broken).clone();
        let run = catch_unwind(AssertUnwindSafe(|| job.run(&mut MemoryTx { state: &mut state, access, broken: &broken })));
        let outcome = run.unwrap_or_else(|_| Err(StoreError::Panicked("the job panicked".into())));
        if outcome.is_err() || access == Access::Read {
            state.rollback();
            return outcome;
        }
        match lock(&self.lost_commit).take() {
            None => {
                state.commit();
                lock(&self.load).commits.add(1);
            }
            Some(kept) => {
                if kept {
                    state.commit();
                } else {
                    state.rollback();
                }
                return Err(StoreError::Unknown("the connection was lost at COMMIT, as the test asked".into()));
            }
        }
        Ok(())
    }
}

/// What a [`MemoryStore`] held at some time.
pub struct Saved(State);

impl Store for MemoryStore {
    fn submit(&self, terms: Terms, mut job: Box<dyn Job>) {
        let access = terms.access;
        let mut outcome = self.attempt(access, job.as_mut());
        for _ in 1..ATTEMPTS {
            if !matches!(outcome, Err(StoreError::Busy(_))) {
                break;
            }
            outcome = self.attempt(access, job.as_mut());
        }
        job.finish(outcome);
    }

    fn load(&self) -> StoreLoad {
        let told = *lock(&self.load);
        // one job at a time, each on the thread that brings it: no connection is busy while it is asked
        if told.busy_connections + told.idle_connections == 0 { StoreLoad { idle_connections: 1, ..told } } else { told }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every row. Document keys are held as text, so that a range can begin at the empty one.
#[derive(Clone, Default)]
struct State {
    spaces: Table<SpaceId, Space>,
    heads: Table<SpaceId, Head>,
    members: Table<(SpaceId, UserId), Member>,
    documents: Table<(SpaceId, String), DocumentRow>,
    changes: Table<(SpaceId, i64), ChangeRow>,
    sums: Table<(SpaceId, String, Audience), CollectionSum>,
    operations: Table<(OrganisationId, OpId), StoredOperation>,
    purges: Table<(Uuid, DeviceId), Purge>,
    groups: Table<(OrganisationId, UserId, String), ()>,
    conflicts: Table<(ConflictId, String), ConflictLink>,
    conflict_entries: Table<ConflictId, ConflictEntry>,
    preferences: Table<(OrganisationId, PreferenceKey), PreferenceRow>,
    rules: Table<(OrganisationId, UserId, PreferenceKey), PreferenceRule>,
    organisations: Table<String, Organisation>,
    users: Table<UserId, User>,
    emails: Table<String, UserId>,
    devices: Table<DeviceId, Device>,
    sessions: Table<SessionId, Session>,
    login_tries: Table<[u8; 32], LoginTries>,
    oidc_providers: Table<String, OidcProvider>,
    oidc_codes: Table<[u8; 32], OidcCode>,
    oidc_used_states: Table<[u8; 32], Timestamp>,
    oidc_links: Table<(String, String), OidcLink>,
    access_tokens: Table<[u8; 32], (SessionId, Timestamp)>,
    server_keys: Table<(String, i32), ServerKey>,
    former_epochs: Table<(SpaceId, Uuid), FormerEpoch>,
    presented: Table<(SpaceId, DeviceId), Presented>,
    graves: Table<(SpaceId, String), Grave>,
    items: Table<(OrganisationId, OpId), QueueItem>,
    queue_spaces: Table<SpaceId, QueueSpace>,
    batches: Table<BatchId, QueueBatch>,
    figures: Table<(OrganisationId, i32, Timestamp, i32, Uuid), QueueFigure>,
    tasks: Table<TaskId, QueueTask>,
    device_states: Table<DeviceId, DeviceState>,
    tickets: Table<[u8; 32], (SessionId, Timestamp)>,
    audit_records: Table<(OrganisationId, Uuid), AuditRecord>,
    audit_trees: Table<OrganisationId, AuditTree>,
    audit_tiles: Table<(OrganisationId, i32, i64), AuditTile>,
    audit_checkpoints: Table<(OrganisationId, i64), AuditCheckpoint>,
    tenants: Table<OrganisationId, Tenant>,
}

macro_rules! each_table {
    ($state:ident, $method:ident) => {
        $state.spaces.$method();
        $state.heads.$method();
        $state.members.$method();
        $state.documents.$method();
        $state.changes.$method();
        $state.sums.$method();
        $state.operations.$method();
        $state.purges.$method();
        $state.groups.$method();
        $state.conflicts.$method();
        $state.conflict_entries.$method();
        $state.preferences.$method();
        $state.rules.$method();
        $state.organisations.$method();
        $state.users.$method();
        $state.emails.$method();
        $state.devices.$method();
        $state.sessions.$method();
        $state.login_tries.$method();
        $state.oidc_providers.$method();
        $state.oidc_codes.$method();
        $state.oidc_used_states.$method();
        $state.oidc_links.$method();
        $state.access_tokens.$method();
        $state.server_keys.$method();
        $state.former_epochs.$method();
        $state.presented.$method();
        $state.graves.$method();
        $state.items.$method();
        $state.queue_spaces.$method();
        $state.batches.$method();
        $state.figures.$method();
        $state.tasks.$method();
        $state.device_states.$method();
        $state.tickets.$method();
        $state.tenants.$method();
        $state.audit_records.$method();
        $state.audit_trees.$method();
        $state.audit_tiles.$method();
        $state.audit_checkpoints.$method();
    };
}

impl State {
    fn commit(&mut self) {
        each_table!(self, commit);
    }

    fn rollback(&mut self) {
        each_table!(self, rollback);
    }
}

/// One transaction.
struct MemoryTx<'a> {
    state: &'a mut State,
    access: Access,
    broken: &'a BTreeMap<String, Breaks>,
}

impl MemoryTx<'_> {
    /// The rows, for a method that writes or locks.
    fn writable(&mut self) -> StoreResult<&mut State> {
        match self.access {
            Access::Write => Ok(self.state),
            Access::Read => Err(StoreError::Refused("a read job wrote or locked".into())),
        }
    }
}

/// A limit as a count; a negative one is none.
fn count(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}
