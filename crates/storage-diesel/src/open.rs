//! Opening a database by its URL.

use std::fmt;
use std::sync::Arc;

use sync_core::ports::{Broadcaster, Store};
use uuid::Uuid;

use crate::{MigrationReport, OpenError, PostgresConfig, PostgresStore, SqliteConfig, SqliteStore, postgres, sqlite};

/// Which database to open, and how.
#[derive(Clone)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// `sqlite:PATH` or `postgres://USER@HOST/DATABASE`.
    pub url: String,
    /// Jobs that may wait; more are refused as overload.
    pub max_waiting_jobs: usize,
    /// PostgreSQL: connections, each with a thread of its own.
    pub connections: u32,
    /// PostgreSQL: whether to use a server that runs with `fsync=off`. For tests only.
    pub allow_fsync_off: bool,
    /// SQLite: threads that read.
    pub readers: usize,
    /// SQLite: how long a statement waits for another process that writes, in milliseconds.
    pub busy_timeout_ms: u32,
    /// SQLite: at most so many jobs share one commit.
    pub max_jobs_per_commit: usize,
}

impl DatabaseConfig {
    /// The defaults for a URL: those of [`SqliteConfig::new`] and [`PostgresConfig::new`].
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let sqlite = SqliteConfig::new("");
        let postgres = PostgresConfig::new(url);
        Self {
            url: postgres.url,
            max_waiting_jobs: postgres.max_waiting_jobs,
            connections: postgres.connections,
            allow_fsync_off: postgres.allow_fsync_off,
            readers: sqlite.readers,
            busy_timeout_ms: sqlite.busy_timeout_ms,
            max_jobs_per_commit: sqlite.max_jobs_per_commit,
        }
    }
}

impl fmt::Debug for DatabaseConfig {
    // the URL may hold a password
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.split_once(':').map_or("", |(scheme, _)| scheme);
        f.debug_struct("DatabaseConfig").field("scheme", &scheme).finish_non_exhaustive()
    }
}

pub(crate) enum Target<'a> {
    Sqlite(&'a str),
    Postgres,
}

/// Which database a URL names.
pub(crate) fn target(url: &str) -> Result<Target<'_>, OpenError> {
    match url.split_once(':') {
        Some(("sqlite", path)) => Ok(Target::Sqlite(path.strip_prefix("//").unwrap_or(path))),
        Some(("postgres" | "postgresql", _)) => Ok(Target::Postgres),
        Some((scheme, _)) => Err(OpenError::Url(format!("its scheme is {scheme:?}"))),
        None => Err(OpenError::Url("it has no scheme".into())),
    }
}

/// Opens the database of a URL: an SQLite file is created and migrated as needed, a PostgreSQL database must have been
/// migrated with [`migrate`].
///
/// # Errors
/// [`OpenError`], which says what to do.
pub fn open(config: &DatabaseConfig) -> Result<Arc<dyn Store>, OpenError> {
    match target(&config.url)? {
        Target::Sqlite(path) => {
            let mut sqlite = SqliteConfig::new(path);
            sqlite.readers = config.readers;
            sqlite.busy_timeout_ms = config.busy_timeout_ms;
            sqlite.max_waiting_jobs = config.max_waiting_jobs;
            sqlite.max_jobs_per_commit = config.max_jobs_per_commit;
            Ok(Arc::new(SqliteStore::open(&sqlite)?))
        }
        Target::Postgres => {
            let mut postgres = PostgresConfig::new(&config.url);
            postgres.connections = config.connections;
            postgres.allow_fsync_off = config.allow_fsync_off;
            postgres.max_waiting_jobs = config.max_waiting_jobs;
            Ok(Arc::new(PostgresStore::connect(&postgres)?))
        }
    }
}

/// What tells signals to every node of a database, as the node `node_id`; an id is never used twice. `None` for SQLite,
/// which one process has for itself.
///
/// # Errors
/// [`OpenError`], which says what to do.
pub fn open_broadcaster(config: &DatabaseConfig, node_id: Uuid) -> Result<Option<Arc<dyn Broadcaster>>, OpenError> {
    match target(&config.url)? {
        Target::Sqlite(_) => Ok(None),
        Target::Postgres => Ok(Some(Arc::new(postgres::PostgresBroadcaster::open(&config.url, node_id)?))),
    }
}

/// Applies the migrations that the database of a URL lacks, under a lock: processes that do so at the same time wait for
/// each other.
///
/// # Errors
/// [`OpenError`], which says what to do.
pub fn migrate(url: &str) -> Result<MigrationReport, OpenError> {
    match target(url)? {
        Target::Sqlite(path) => sqlite::migrate(path.as_ref(), SqliteConfig::new(path).busy_timeout_ms),
        Target::Postgres => postgres::migrate(url),
    }
}
