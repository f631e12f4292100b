//! A copy of a database that is in use: consistent, whole on disk, and never half there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use sync_core::Timestamp;

use super::connection::{self, Use};
use super::lock::{self, beside};
use super::{Conn, SqliteConfig};
use crate::backup::{BackupError, BackupReport};
use crate::migrations;

/// The table that only a backup has: when it was made.
const NOTE: &str = "CREATE TABLE rejoin_backup (made_at INTEGER NOT NULL) STRICT";

/// Copies a database into a file that does not exist yet. Servers go on writing meanwhile; the copy is of one moment.
pub(crate) fn back_up(path: &Path, target: &Path, now: Timestamp) -> Result<BackupReport, BackupError> {
    if !path.is_file() {
        return Err(BackupError::Missing(path.display().to_string()));
    }
    if target.exists() {
        return Err(BackupError::Exists(target.display().to_string()));
    }
    let _lock = lock::share(path)?;
    let copy = Temporary::beside(target)?;
    let mut conn = connection::open(path, Use::Write, SqliteConfig::new(path).busy_timeout_ms)?;
    let name = copy.0.to_str().ok_or_else(|| BackupError::Io(format!("{} is not UTF-8", copy.0.display())))?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(name).execute(&mut conn).map_err(failed)?;
    drop(conn);
    note(name, now)?;
    sync(&copy.0)?;
    let report = inspect_backup(&copy.0)?;
    copy.move_to(target)?;
    Ok(report)
}

fn note(name: &str, now: Timestamp) -> Result<(), BackupError> {
    let mut conn = Conn::establish(name).map_err(|error| BackupError::Io(error.to_string()))?;
    let insert = format!("BEGIN; {NOTE}; INSERT INTO rejoin_backup VALUES ({}); COMMIT", now.millis());
    conn.batch_execute(&insert).map_err(failed)
}

/// A file that goes when it is not moved into place.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(target: &Path) -> Result<Self, BackupError> {
        let copy = Self(beside(target, ".part"));
        // SQLite writes into an empty file; what is in a backup is for its owner's eyes
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&copy.0) {
            Ok(_) => Ok(copy),
            Err(error) => {
                let place = copy.0.display().to_string();
                std::mem::forget(copy);
                Err(match error.kind() {
                    io::ErrorKind::AlreadyExists => BackupError::Unfinished(place),
                    _ => BackupError::Io(format!("{place}: {error}")),
                })
            }
        }
    }

    /// Moves it to its place, unless something came there meanwhile.
    fn move_to(self, target: &Path) -> Result<(), BackupError> {
        match fs::hard_link(&self.0, target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(BackupError::Exists(target.display().to_string())),
            // a file system without links
            Err(_) => fs::rename(&self.0, target).map_err(|error| BackupError::Io(format!("{}: {error}", target.display())))?,
        }
        sync_folder(target)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // moved away already, mostly
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes a file's content durable.
pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| BackupError::Io(format!("{}: {error}", path.display())))
}

/// Makes the names in a file's folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    sync(folder)
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
pub(super) fn failed(error: diesel::result::Error) -> BackupError {
    let message = error.to_string();
    if message.contains("malformed") || message.contains("not a database") {
        BackupError::Damaged(message)
    } else {
        BackupError::Io(message)
    }
}

/// Checks a backup from its first to its last page, and counts what it holds. Nothing is written.
pub(crate) fn inspect_backup(path: &Path) -> Result<BackupReport, BackupError> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len());
    let size_bytes = size.ok_or_else(|| BackupError::Missing(path.display().to_string()))?;
    if fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(BackupError::InUse(path.display().to_string()));
    }
    let mut conn = read_only(path)?;
    let whole: Vec<String> = sql::<Text>("PRAGMA integrity_check(5)").load(&mut conn).map_err(failed)?;
    if whole != ["ok"] {
        return Err(BackupError::Damaged(whole.join("; ")));
    }
    let tables =
        "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('spaces', 'documents', 'collection_sums', '__diesel_schema_migrations')";
    if count(&mut conn, tables)? != 4 {
        return Err(BackupError::Foreign(path.display().to_string()));
    }
    let applied: Vec<String> = sql::<Text>("SELECT version FROM __diesel_schema_migrations").load(&mut conn).map_err(failed)?;
    let unknown = migrations::state::<Sqlite>(&applied, &migrations::SQLITE)?.unknown;
    if !unknown.is_empty() {
        return Err(BackupError::Newer(unknown.join(", ")));
    }
    let documents = count(&mut conn, "SELECT COUNT(*) FROM documents WHERE NOT deleted AND key NOT LIKE '\\_conflicts/%' ESCAPE '\\'")?;
    let summed = count(&mut conn, "SELECT COALESCE(SUM(documents), 0) FROM collection_sums WHERE collection <> '_conflicts'")?;
    if documents != summed {
        return Err(BackupError::Damaged(format!("{documents} documents where {summed} were counted when they were written")));
    }
    let noted = count(&mut conn, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'rejoin_backup'")? > 0;
    let made_at = if noted { Some(count(&mut conn, "SELECT COALESCE(MAX(made_at), 0) FROM rejoin_backup")?) } else { None };
    let spaces = count(&mut conn, "SELECT COUNT(*) FROM spaces")?;
    Ok(BackupReport { spaces, documents, size_bytes, made_at: made_at.map(Timestamp::from_millis) })
}

/// A connection that neither writes nor makes files beside.
fn read_only(path: &Path) -> Result<Conn, BackupError> {
    let name = path.to_str().ok_or_else(|| BackupError::Io(format!("{} is not UTF-8", path.display())))?;
    let encoded = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Conn::establish(&format!("file:{encoded}?mode=ro&immutable=1")).map_err(|error| BackupError::Io(format!("{name}: {error}")))
}

fn count(conn: &mut Conn, query: &str) -> Result<i64, BackupError> {
    sql::<BigInt>(query).get_result(conn).map_err(failed)
}
