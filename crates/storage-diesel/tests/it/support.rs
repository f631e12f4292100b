//! Databases of one test each.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use storage_diesel::{PostgresConfig, PostgresStore, SqliteConfig, SqliteStore, migrate};
use sync_core::json::RawJson;
use sync_core::ports::{
    Access, ChangeRow, CollectionSum, ConflictLink, DocumentRow, History, Job, Presence, Space, SpaceStatus, Store, StoreLoad, StoreResult,
    StoredOperation, Terms, Tx,
};
use sync_core::{Audience, Author, ConflictId, DeviceId, DocumentKey, OpId, OrganisationId, SpaceId, Status, Timestamp, UserId};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) type PgConnection = AsyncConnectionWrapper<AsyncPgConnection>;

pub(crate) const ORGANISATION: OrganisationId = OrganisationId(Uuid::from_u128(1));
pub(crate) const SPACE: SpaceId = SpaceId(Uuid::from_u128(2));
pub(crate) const OTHER_SPACE: SpaceId = SpaceId(Uuid::from_u128(3));

/// An SQLite file in a folder that goes with it.
pub(crate) struct SqliteFile {
    pub(crate) store: SqliteStore,
    pub(crate) folder: TempDir,
}

impl SqliteFile {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut SqliteConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = SqliteConfig::new(folder.path().join("test.db"));
        change(&mut config);
        Self { store: SqliteStore::open(&config).unwrap(), folder }
    }
}

impl Store for SqliteFile {
    fn submit(&self, terms: Terms, job: Box<dyn Job>) {
        self.store.submit(terms, job);
    }

    fn load(&self) -> StoreLoad {
        self.store.load()
    }
}

/// The URL of the cluster, if there is one.
#[allow(clippy::disallowed_methods, reason = "tests are told by the environment which cluster to use")]
pub(crate) fn cluster() -> Option<String> {
    let url = std::env::var("REJOIN_TEST_POSTGRES").ok();
    if url.is_none() {
        let demanded = std::env::var("CI").is_ok_and(|value| value == "true") || std::env::var("REJOIN_TESTS_RUN").is_ok();
        assert!(!demanded, "REJOIN_TEST_POSTGRES must hold the URL of a PostgreSQL cluster");
        println!("PostgreSQL is skipped: REJOIN_TEST_POSTGRES is not set");
    }
    url
}

/// A database of the cluster that is dropped in the end.
pub(crate) struct PostgresDatabase {
    cluster: String,
    name: String,
}

impl PostgresDatabase {
    /// Without tables.
    pub(crate) fn empty(cluster: &str) -> Self {
        Self::from_template(cluster, "template0")
    }

    /// Migrated.
    pub(crate) fn migrated(cluster: &str) -> Self {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let name = fresh_name();
            execute(cluster, &format!("CREATE DATABASE {name} TEMPLATE template0"));
            migrate(&with_database(cluster, &name)).unwrap();
            name
        });
        Self::from_template(cluster, template)
    }

    fn from_template(cluster: &str, template: &str) -> Self {
        let name = fresh_name();
        execute(cluster, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { cluster: cluster.to_owned(), name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn url(&self) -> String {
        with_database(&self.cluster, &self.name)
    }

    pub(crate) fn connection(&self) -> PgConnection {
        connect(&self.url())
    }

    pub(crate) fn store(&self) -> PostgresStore {
        let mut config = PostgresConfig::new(self.url());
        config.connections = 4;
        config.allow_fsync_off = true;
        PostgresStore::connect(&config).unwrap()
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        execute(&self.cluster, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// A store and the database that goes with it.
pub(crate) struct PostgresFixture {
    pub(crate) store: PostgresStore,
    pub(crate) database: PostgresDatabase,
}

impl PostgresFixture {
    pub(crate) fn new(cluster: &str) -> Self {
        let database = PostgresDatabase::migrated(cluster);
        Self { store: database.store(), database }
    }
}

impl Store for PostgresFixture {
    fn submit(&self, terms: Terms, job: Box<dyn Job>) {
        self.store.submit(terms, job);
    }

    fn load(&self) -> StoreLoad {
        self.store.load()
    }
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("rejoin_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn with_database(url: &str, name: &str) -> String {
    let (base, parameters) = url.split_once('?').map_or((url, String::new()), |(base, rest)| (base, format!("?{rest}")));
    let (server, _) = base.rsplit_once('/').unwrap();
    format!("{server}/{name}{parameters}")
}

pub(crate) fn connect(url: &str) -> PgConnection {
    <PgConnection as Connection>::establish(url).unwrap()
}

pub(crate) fn execute(url: &str, statement: &str) {
    connect(url).batch_execute(statement).unwrap();
}

/// Runs a job and waits for it.
pub(crate) fn run<T: Send + 'static>(
    store: &dyn Store,
    access: Access,
    work: impl FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static,
) -> StoreResult<T> {
    pollster::block_on(store.transact(access, work))
}

pub(crate) fn write<T: Send + 'static>(store: &dyn Store, work: impl FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static) -> T {
    run(store, Access::Write, work).unwrap()
}

pub(crate) fn read<T: Send + 'static>(store: &dyn Store, work: impl FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static) -> T {
    run(store, Access::Read, work).unwrap()
}

/// Holds jobs until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<(bool, u32)>, Condvar)>);

impl Gate {
    /// Waits until the gate is open.
    pub(crate) fn pass(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.1 += 1;
        changed.notify_all();
        drop(changed.wait_while(state, |state| !state.0).unwrap());
    }

    /// Waits until so many wait.
    pub(crate) fn await_waiting(&self, count: u32) {
        let (state, changed) = &*self.0;
        drop(changed.wait_while(state.lock().unwrap(), |state| state.1 < count).unwrap());
    }

    pub(crate) fn open(&self) {
        let (state, changed) = &*self.0;
        state.lock().unwrap().0 = true;
        changed.notify_all();
    }
}

pub(crate) fn space(space_id: SpaceId) -> Space {
    Space {
        space_id,
        organisation_id: ORGANISATION,
        name: "Barn".into(),
        event_date: None,
        time_zone: None,
        status: SpaceStatus::Active,
        schema: None,
        settings: None,
        created_at: Timestamp::from_millis(0),
    }
}

fn author() -> Author {
    Author { user_id: UserId(Uuid::nil()), device_id: DeviceId(Uuid::nil()), op_id: OpId(Uuid::nil()) }
}

fn json(text: &str) -> RawJson {
    RawJson::from_stored(text.into()).unwrap()
}

pub(crate) fn key(number: i64) -> DocumentKey {
    DocumentKey::new("guests", &format!("g{number}")).unwrap()
}

pub(crate) fn document(number: i64, version: i64) -> DocumentRow {
    DocumentRow {
        key: key(number),
        version,
        presence: Presence { created: version, live_since: version, deleted: false },
        body: json(r#"{"name":"Amara"}"#),
        fields: "{}".into(),
        by: author(),
        at: Timestamp::from_millis(version),
        foreign_version: 0,
        audience: Audience::EVERYONE,
        audience_ever: Audience::EVERYONE,
        audience_version: version,
        open_conflicts: 0,
    }
}

pub(crate) fn operation(number: u128) -> StoredOperation {
    StoredOperation {
        organisation_id: ORGANISATION,
        op_id: OpId(Uuid::from_u128(number)),
        identity: [7; 32],
        user_id: UserId(Uuid::nil()),
        device_id: DeviceId(Uuid::nil()),
        space_id: SPACE,
        key: "guests/a".into(),
        status: Status::Applied,
        decided_version: Some(1),
        head: 1,
        conflict_id: None,
        decided_at: Timestamp::from_millis(0),
        group: Some(format!("g{number}")),
        problem: None,
        payload: json("{}"),
        overlay: None,
        policy_version: None,
        corrected_at: None,
        received_at: None,
        attempts: None,
        decisions: None,
    }
}

/// What a push of so many operations reads and writes.
pub(crate) fn push(tx: &mut dyn Tx, count: i64, from: i64) -> StoreResult<()> {
    let numbers = from + 1..=from + count;
    let keys: Vec<_> = numbers.clone().map(key).collect();
    let operations: Vec<_> = numbers.clone().map(|number| operation(u128::from(number.unsigned_abs()))).collect();
    let op_ids: Vec<_> = operations.iter().map(|operation| operation.op_id).collect();
    let documents: Vec<_> = numbers.clone().map(|number| document(number, number)).collect();
    let change = |version| ChangeRow {
        version,
        previous: 0,
        key: key(version),
        was_live: false,
        before: json("{}"),
        by: author(),
        at: Timestamp::from_millis(0),
    };
    let changes: Vec<_> = numbers.clone().map(change).collect();
    let link = |number| ConflictLink {
        conflict_id: ConflictId(Uuid::from_u128(1)),
        organisation_id: ORGANISATION,
        space_id: SPACE,
        key: key(number),
        open: true,
    };
    let links: Vec<_> = numbers.clone().map(link).collect();
    let sum = |number| CollectionSum { collection: format!("c{number}"), audience: Audience::EVERYONE, documents: 1, sum: u64::MAX };
    let sums: Vec<_> = numbers.map(sum).collect();
    tx.lock_head(SPACE)?;
    tx.load_operations(ORGANISATION, &op_ids)?;
    tx.load_documents(SPACE, &keys)?;
    let histories: Vec<_> = documents.iter().map(|row| History { from: row.version, above: 0 }).collect();
    tx.list_changes(SPACE, &histories)?;
    tx.list_open_conflicts(SPACE, &keys)?;
    tx.put_documents(SPACE, &documents)?;
    tx.insert_changes(SPACE, &changes)?;
    tx.insert_operations(&operations)?;
    tx.put_conflicts(&links)?;
    tx.put_sums(SPACE, &sums)?;
    tx.put_head(SPACE, from + count)
}
