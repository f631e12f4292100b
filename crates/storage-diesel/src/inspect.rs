//! Looking at a database without changing anything of it, while a server may be using it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sync_core::Timestamp;

use crate::open::{Target, target};
use crate::{MigrationState, OpenError, postgres, sqlite};

/// What a database is and holds.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// The software and its version.
    pub product: String,
    /// Which migrations it has.
    pub migrations: MigrationState,
    /// How many people there are; `None` before the migrations that make room for them.
    pub people: Option<People>,
    /// The newest instant among users, devices, sessions and spaces. (Not among documents: that would read all of them.)
    pub newest_at: Option<Timestamp>,
    /// What it occupies.
    pub size_bytes: u64,
    /// What only one of the databases has.
    pub engine: Engine,
}

/// How many people there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct People {
    /// All of them.
    pub users: i64,
    /// Those who manage an organisation.
    pub admins: i64,
}

/// What only one of the databases has.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Engine {
    /// An SQLite file.
    Sqlite(SqliteFacts),
    /// A PostgreSQL server.
    Postgres(PostgresFacts),
}

/// An SQLite file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqliteFacts {
    /// The file.
    pub path: PathBuf,
    /// Whether its header asks for the write-ahead log.
    pub wal: bool,
    /// What `PRAGMA quick_check` complains of; `None` when it was not run. When there is something, the rest is not known:
    /// no migrations, no people.
    pub damage: Option<Vec<String>>,
}

/// A PostgreSQL server, as this role sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PostgresFacts {
    /// `server_version_num`, e.g. 160004.
    pub version: i32,
    /// `synchronous_commit` of new sessions of this role.
    pub synchronous_commit: String,
    /// `fsync`.
    pub fsync: String,
    /// `full_page_writes`.
    pub full_page_writes: String,
    /// Whether it is in recovery, and so takes no writes.
    pub standby: bool,
    /// Whether servers may work as the role that owns nothing, so that row security holds them.
    pub row_security: bool,
    /// Client connections open now, this one among them.
    pub connections_open: i64,
    /// Client connections that the server, the role and the database allow.
    pub connections_allowed: i64,
    /// The server's clock…
    pub clock_at: Timestamp,
    /// …when it was read.
    pub clock_read: Instant,
    /// The median time of a trivial statement.
    pub round_trip: Duration,
}

/// Looks at the database of a URL. It is not created, not migrated, and nothing of it is changed; `None` when there is no
/// SQLite file yet. With `deep`, all of an SQLite file is read to find damage.
///
/// # Errors
/// [`OpenError`], which says what to do.
pub fn inspect(url: &str, deep: bool) -> Result<Option<Inspection>, OpenError> {
    match target(url)? {
        Target::Sqlite(path) => sqlite::inspect(path.as_ref(), deep),
        Target::Postgres => postgres::inspect(url).map(Some),
    }
}
