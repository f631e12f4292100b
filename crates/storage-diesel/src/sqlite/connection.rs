//! Connections to an SQLite file, set up so that a commit is durable.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use super::{Conn, lock};
use crate::OpenError;
use crate::migrations::{self, MigrationReport};

/// `PRAGMA synchronous` as a number.
const FULL: i32 = 2;

/// The log is copied into the file once it holds this many pages of 4 KiB: a page that changed ten times meanwhile is
/// copied once.
const CHECKPOINT_PAGES: u32 = 4_096;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Write,
    Read,
}

impl Use {
    /// Pages kept in memory, in KiB. The writer comes to the same inner pages with every commit; what readers miss is
    /// in the page cache of the system.
    const fn cache_kib(self) -> u32 {
        match self {
            Self::Write => 10_240,
            Self::Read => 1_024,
        }
    }
}

/// Opens a file and sets the connection up.
pub(super) fn open(path: &Path, wanted: Use, busy_timeout_ms: u32) -> Result<Conn, OpenError> {
    let name = path.to_str().ok_or_else(|| OpenError::Url(format!("{} is not UTF-8", path.display())))?;
    if name.is_empty() || name.contains(":memory:") || name.starts_with("file:") || name.contains("://") {
        return Err(OpenError::Url(format!("{name:?} is not the path of a file")));
    }
    let unreachable = |cause: String| OpenError::Unreachable(format!("{name}: {cause}"));
    keep_private(path).map_err(|error| unreachable(error.to_string()))?;
    let mut conn = Conn::establish(name).map_err(|error| unreachable(error.to_string()))?;
    let timeout = format!("PRAGMA busy_timeout = {busy_timeout_ms}");
    conn.batch_execute(&timeout).map_err(|error| unreachable(error.to_string()))?;
    enter_wal(&mut conn, busy_timeout_ms).map_err(|error| unreachable(error.to_string()))?;
    let settings = format!(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864; \
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; PRAGMA cache_size = -{}",
        wanted.cache_kib()
    );
    conn.batch_execute(&settings).map_err(|error| unreachable(error.to_string()))?;
    assert_durable(&mut conn, name)?;
    if wanted == Use::Read {
        conn.batch_execute("PRAGMA query_only = ON").map_err(|error| unreachable(error.to_string()))?;
    }
    Ok(conn)
}

/// Makes the file, when there is none, for its owner alone: it holds password hashes and all that people write. SQLite gives
/// the files beside it the same rights.
fn keep_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A connection that writes, set up like the server's.
#[cfg(feature = "bench")]
pub(crate) fn connect_to_write(path: &Path, busy_timeout_ms: u32) -> Result<Conn, OpenError> {
    open(path, Use::Write, busy_timeout_ms)
}

/// Switches to the write-ahead log. Two processes that do so at once do not wait for each other by themselves.
fn enter_wal(conn: &mut Conn, busy_timeout_ms: u32) -> QueryResult<()> {
    let deadline = Instant::now() + Duration::from_millis(busy_timeout_ms.into());
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            Err(error) if error.to_string().contains("locked") && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

fn assert_durable(conn: &mut Conn, name: &str) -> Result<(), OpenError> {
    let unreachable = |error: diesel::result::Error| OpenError::Unreachable(format!("{name}: {error}"));
    let mode: String = sql::<Text>("PRAGMA journal_mode").get_result(conn).map_err(unreachable)?;
    let synchronous: i32 = sql::<Integer>("PRAGMA synchronous").get_result(conn).map_err(unreachable)?;
    if mode != "wal" {
        return Err(OpenError::Unsuitable(format!(
            "{name}: the journal mode is {mode} instead of wal; use a local disk that can share memory"
        )));
    }
    if synchronous != FULL {
        return Err(OpenError::Unsuitable(format!(
            "{name}: synchronous is {synchronous} instead of {FULL}; a commit would not be durable"
        )));
    }
    Ok(())
}

/// Applies what is missing, in one transaction that locks out other processes.
pub(crate) fn migrate(path: &Path, busy_timeout_ms: u32) -> Result<MigrationReport, OpenError> {
    let _lock = lock::share(path)?;
    migrate_on(&mut open(path, Use::Write, busy_timeout_ms)?)
}

pub(super) fn migrate_on(conn: &mut Conn) -> Result<MigrationReport, OpenError> {
    conn.immediate_transaction(|conn| migrations::apply(conn, migrations::SQLITE).map_err(Failure::Migration)).map_err(|failure| {
        match failure {
            Failure::Migration(error) => error,
            Failure::Transaction(error) => OpenError::Migration(error.to_string()),
        }
    })
}

enum Failure {
    Migration(OpenError),
    Transaction(diesel::result::Error),
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Transaction(error)
    }
}
