//! Servers on one database that are killed, stopped and woken, and the queue as the database tells it.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use storage_diesel::DatabaseConfig;
use sync_core::ports::{Access, ChangeRow, DocumentPage, DocumentRow, History, QueueSpace, Store, StoreResult, Tx};
use sync_core::{Audience, Timestamp};

use crate::database::Database;
use crate::server::Server;

/// Waits without doing anything.
pub(crate) fn pause(ms: u64) {
    let end = Instant::now() + Duration::from_millis(ms);
    while Instant::now() < end {
        std::thread::park_timeout(end - Instant::now());
    }
}

/// The servers.
pub(super) struct Nodes<'a> {
    database: &'a Database,
    lease_ms: u64,
    store: Arc<dyn Store>,
    servers: Vec<Mutex<Option<Server>>>,
    /// Where they listen, also of those that are gone.
    addresses: Mutex<Vec<String>>,
}

impl<'a> Nodes<'a> {
    /// Starts so many, with leases of that length.
    pub(super) fn start(database: &'a Database, count: usize, lease_ms: u64) -> Self {
        let mut config = DatabaseConfig::new(&database.url);
        (config.connections, config.allow_fsync_off, config.readers) = (2, true, 1);
        let nodes = Self {
            database,
            lease_ms,
            store: storage_diesel::open(&config).unwrap(),
            servers: (0..count).map(|_| Mutex::new(None)).collect(),
            addresses: Mutex::new(vec![String::new(); count]),
        };
        (0..count).for_each(|node| nodes.begin(node));
        nodes
    }

    pub(super) fn count(&self) -> usize {
        self.servers.len()
    }

    /// Starts one that is not running. What it says goes into a file.
    pub(super) fn begin(&self, node: usize) {
        let said = File::options().create(true).append(true).open(self.said(node)).unwrap();
        let server = Server::start_with(self.database, |command| {
            command
                .env("REJOIN_QUEUE__LEASE_MS", self.lease_ms.to_string())
                .env("REJOIN_QUEUE__INLINE_OPERATIONS", "5")
                .args(["--log-level", "error,sync_service::queue::workers=debug"])
                .stderr(said)
        });
        server.url().clone_into(&mut self.addresses.lock().unwrap()[node]);
        *self.servers[node].lock().unwrap() = Some(server);
    }

    fn said(&self, node: usize) -> PathBuf {
        self.database.folder().join(format!("node-{node}.log"))
    }

    /// How often workers of a node found that they had lost their lease.
    pub(super) fn leases_lost(&self, node: usize) -> usize {
        std::fs::read_to_string(self.said(node)).unwrap().matches("LeaseLost").count()
    }

    /// The address of some server.
    pub(super) fn address(&self, turn: usize) -> String {
        self.address_of(turn % self.count())
    }

    pub(super) fn address_of(&self, node: usize) -> String {
        self.addresses.lock().unwrap()[node].clone()
    }

    pub(super) fn with<T>(&self, node: usize, work: impl FnOnce(&Server) -> T) -> T {
        work(self.servers[node].lock().unwrap().as_ref().unwrap())
    }

    pub(super) fn signal(&self, node: usize, name: &str) {
        self.with(node, |server| server.signal(name));
    }

    pub(super) fn take(&self, node: usize) -> Server {
        self.servers[node].lock().unwrap().take().unwrap()
    }

    /// Asks all to end; whether they ended well.
    pub(super) fn end(self) -> bool {
        (0..self.count()).all(|node| self.take(node).wait_after_terminate() == Some(0))
    }

    fn read<T: Send + 'static>(&self, work: impl FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static) -> T {
        pollster::block_on(self.store.transact(Access::Read, work)).unwrap()
    }

    /// The leases that are held.
    pub(super) fn leases(&self) -> Vec<QueueSpace> {
        let spaces = self.read(|tx| tx.list_queue_spaces(Timestamp::from_millis(i64::MAX), 1_000));
        spaces.into_iter().filter(|space| space.leased_by.is_some()).collect()
    }

    /// Looks which leases were taken since some were seen: their holders are alive.
    pub(super) fn note_living(&self, seen: &[QueueSpace], living: &mut BTreeSet<String>) {
        let is_new = |now: &QueueSpace| seen.iter().all(|before| before.space_id != now.space_id || before.fence < now.fence);
        living.extend(self.leases().iter().filter(|now| is_new(now)).filter_map(|now| now.leased_by).map(|holder| holder.to_string()));
    }

    /// The documents of a space that changed above a version, and the changes.
    pub(super) fn log_above(&self, space: &str, above: i64) -> (Vec<DocumentRow>, Vec<ChangeRow>) {
        let space_id = space.parse().unwrap();
        self.read(move |tx| {
            let page = DocumentPage { space_id, above, seen_by: Audience::EVERYONE, deleted_above: 0, left_above: 0, limit: 1_000_000 };
            let rows = tx.list_documents(page)?;
            let histories: Vec<History> = rows.iter().map(|row| History { from: row.version, above }).collect();
            let mut changes = tx.list_changes(space_id, &histories)?;
            changes.sort_by_key(|change| change.version);
            Ok((rows, changes))
        })
    }

    /// The version of each space's last change above what is known.
    pub(super) fn heads(&self, spaces: &[String], known: &[i64]) -> Vec<i64> {
        let last = |(space, known): (&String, &i64)| self.log_above(space, *known).1.last().map_or(*known, |change| change.version);
        spaces.iter().zip(known).map(last).collect()
    }
}
