//! Backups of SQLite databases. PostgreSQL has tools of its own for its.

use std::path::{Path, PathBuf};

use sync_core::Timestamp;

use crate::open::{Target, target};
use crate::{OpenError, Restore, sqlite};

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// Spaces, archived and deleted ones too.
    pub spaces: i64,
    /// Documents, without deleted ones and questions.
    pub documents: i64,
    /// The size of its file.
    pub size_bytes: u64,
    /// When it was made, where `rejoin backup` made it.
    pub made_at: Option<Timestamp>,
}

/// Why a backup was not made, not checked or not restored. Each message says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is no such file.
    #[error("{0} does not exist or is no file; check the path")]
    Missing(String),
    /// Something is there already.
    #[error("{0} exists, and nothing is overwritten: give a backup another name; a restore takes its place with --replace, and keeps it")]
    Exists(String),
    /// Another backup is written to the same file, or broke off.
    #[error("{0} exists: another backup is being made there, or one broke off; when none is running, remove that file")]
    Unfinished(String),
    /// It is a database in use, not a backup.
    #[error("{0} is a database in use, not a backup; make a backup of it with `rejoin backup`")]
    InUse(String),
    /// It is not a database of Rejoin.
    #[error("{0} is no database of Rejoin; check the path")]
    Foreign(String),
    /// It is damaged.
    #[error("the file is damaged ({0}); take an older backup")]
    Damaged(String),
    /// A newer Rejoin wrote it.
    #[error("a newer version of Rejoin wrote this backup (it has the migrations {0}); use that version or a later one")]
    Newer(String),
    /// The disk or the file system refused.
    #[error("{0}; check the path, its permissions and the free space, and run it again")]
    Io(String),
    /// PostgreSQL is backed up in its own way.
    #[error(
        "PostgreSQL is backed up and restored with its own tools: pg_dump --format=custom, or a base backup with its WAL; \
         after a restore run `rejoin restore --mark-restored`; docs/operations.md has the commands"
    )]
    Postgres,
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// The file of an SQLite database's URL.
fn file_of(url: &str) -> Result<PathBuf, BackupError> {
    match target(url)? {
        Target::Sqlite(path) => Ok(PathBuf::from(path)),
        Target::Postgres => Err(BackupError::Postgres),
    }
}

/// Copies the SQLite database of a URL into a file that must not exist yet, and checks the copy. It may be in use:
/// servers go on writing, and the copy is of one moment. The file is there whole and durable, or not at all.
///
/// # Errors
/// [`BackupError`], which says what to do.
pub fn back_up(url: &str, file: &Path, now: Timestamp) -> Result<BackupReport, BackupError> {
    sqlite::back_up(&file_of(url)?, file, now)
}

/// Checks a backup from its first to its last page, and counts what it holds. Nothing is written.
///
/// # Errors
/// [`BackupError`], which says what to do.
pub fn verify_backup(file: &Path) -> Result<BackupReport, BackupError> {
    sqlite::inspect_backup(file)
}

/// Begins to put a backup in the place of the SQLite database of a URL, which nobody may have open. A database that is
/// there is replaced only where `replace` says so, and kept beside.
///
/// # Errors
/// [`BackupError`], which says what to do.
pub fn restore(file: &Path, url: &str, replace: bool) -> Result<Restore, BackupError> {
    Restore::begin(file, &file_of(url)?, replace)
}
