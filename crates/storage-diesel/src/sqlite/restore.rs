//! Putting a backup in the place of a database, so that at every moment the old one is served, the new one, or none.
//!
//! The new one is made whole beside the old: copied, migrated, given new epochs. Then it is renamed to
//! `DATABASE.restoring`, and while that file is there nothing opens the database. The old one moves away, the new one
//! into its place. Whatever moment the process dies at, running the restore again ends it.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::{Connection, SimpleConnection};

use super::Conn;
use super::backup::{failed, inspect_backup, sync, sync_folder};
use super::lock::{self, Lock, beside, ready_copy};
use crate::backup::{BackupError, BackupReport};

/// What SQLite and Rejoin may leave beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A restore that is under way. Nobody else can open the database; dropped before its end, nothing has changed.
#[derive(Debug)]
pub struct Restore {
    path: PathBuf,
    copy: PathBuf,
    _lock: Lock,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// What the database holds now.
    pub holds: BackupReport,
    /// Where the database is that was there before.
    pub replaced: Option<PathBuf>,
}

impl Restore {
    /// Checks the backup, keeps everybody out of the database, and makes the copy that is to take its place.
    pub(crate) fn begin(file: &Path, path: &Path, replace: bool) -> Result<Self, BackupError> {
        let found = inspect_backup(file)?;
        let lock = lock::own(path)?;
        if path.exists() && !replace {
            return Err(BackupError::Exists(path.display().to_string()));
        }
        let same = |other: &Path| fs::canonicalize(other).ok().is_some_and(|other| fs::canonicalize(file).is_ok_and(|file| file == other));
        if same(path) {
            return Err(BackupError::InUse(file.display().to_string()));
        }
        let restore = Self { path: path.to_owned(), copy: beside(path, ".restoring.part"), _lock: lock };
        restore.clear();
        let copied = fs::copy(file, &restore.copy).map_err(|error| unable(&restore.copy, &error))?;
        // whoever may read a backup may not read the database for that
        #[cfg(unix)]
        fs::set_permissions(&restore.copy, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .map_err(|error| unable(&restore.copy, &error))?;
        if copied != found.size_bytes {
            return Err(BackupError::Io(format!("{} changed while it was copied", file.display())));
        }
        let mut conn = connect(&restore.copy)?;
        conn.batch_execute("DROP TABLE IF EXISTS rejoin_backup").map_err(failed)?;
        Ok(restore)
    }

    /// The copy, to be opened, migrated and given new epochs before [`Restore::finish`].
    #[must_use]
    pub fn copy(&self) -> &Path {
        &self.copy
    }

    /// Puts the copy, that nobody has open any more, in place. What was there is kept beside it, under a name that ends
    /// with `stamp`.
    ///
    /// # Errors
    /// [`BackupError`]; run the restore again to end it.
    pub fn finish(self, stamp: &str) -> Result<Restored, BackupError> {
        self.finish_in_steps(stamp, &mut |_| Ok(()))
    }

    /// [`Restore::finish`], telling before each step what it is.
    fn finish_in_steps(self, stamp: &str, step: &mut dyn FnMut(&str) -> Result<(), BackupError>) -> Result<Restored, BackupError> {
        // all of it in one file
        connect(&self.copy)?.batch_execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE").map_err(failed)?;
        let holds = inspect_backup(&self.copy)?;
        sync(&self.copy)?;
        step("the copy is whole")?;
        let ready = ready_copy(&self.path);
        let broke_off = ready.exists();
        rename(&self.copy, &ready)?;
        sync_folder(&ready)?;
        step("nobody opens the database from now on")?;
        let replaced = self.move_away(stamp, broke_off, step)?;
        sync_folder(&self.path)?;
        step("the old one is away")?;
        rename(&ready, &self.path)?;
        sync_folder(&self.path)?;
        Ok(Restored { holds, replaced })
    }

    /// Moves the old database and what belongs to it away.
    fn move_away(
        &self,
        stamp: &str,
        broke_off: bool,
        step: &mut dyn FnMut(&str) -> Result<(), BackupError>,
    ) -> Result<Option<PathBuf>, BackupError> {
        let target = if self.path.exists() {
            // brings its log into it where it can; a damaged one is kept as it is
            let _ = connect(&self.path).and_then(|mut conn| conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").map_err(failed));
            step("the old one's log is in it")?;
            let target = free_name(&self.path, stamp);
            rename(&self.path, &target)?;
            Some(target)
        } else if broke_off {
            // a restore that broke off had moved it
            replaced_before(&self.path)
        } else {
            None
        };
        step("the old one's file is away")?;
        // a log without its database belongs to none that is kept here
        let beside_it = target.clone().unwrap_or_else(|| free_name(&self.path, stamp));
        for suffix in COMPANIONS {
            let companion = beside(&self.path, suffix);
            if companion.exists() {
                rename(&companion, &beside(&beside_it, suffix))?;
            }
        }
        Ok(target)
    }

    /// Removes what an earlier attempt left, or this one.
    fn clear(&self) {
        for suffix in ["", "-wal", "-shm", "-journal", "-lock"] {
            // mostly it is not there; what can't be removed shows when the copy is written
            let _ = fs::remove_file(beside(&self.copy, suffix));
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.clear();
    }
}

fn connect(path: &Path) -> Result<Conn, BackupError> {
    let name = path.to_str().ok_or_else(|| BackupError::Io(format!("{} is not UTF-8", path.display())))?;
    let mut conn = Conn::establish(name).map_err(|error| BackupError::Io(format!("{name}: {error}")))?;
    conn.batch_execute("PRAGMA synchronous = FULL").map_err(failed)?;
    Ok(conn)
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(|error| unable(to, &error))
}

fn unable(path: &Path, error: &std::io::Error) -> BackupError {
    BackupError::Io(format!("{}: {error}", path.display()))
}

/// A name beside the database that nothing has yet.
fn free_name(path: &Path, stamp: &str) -> PathBuf {
    let plain = beside(path, &format!(".replaced-{stamp}"));
    let numbered = (2..).map(|number| beside(path, &format!(".replaced-{stamp}-{number}")));
    std::iter::once(plain.clone()).chain(numbered).find(|name| !name.exists()).unwrap_or(plain)
}

/// Where the database was moved by a restore that broke off: the last one moved.
fn replaced_before(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let prefix = format!("{}.replaced-", path.file_name()?.to_str()?);
    let entries = fs::read_dir(folder).ok()?.flatten();
    let is_main = |name: &str| name.starts_with(&prefix) && !COMPANIONS.iter().any(|suffix| name.ends_with(suffix));
    let names = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_main));
    names.map(|entry| entry.path()).max()
}

#[cfg(test)]
#[path = "restore/tests.rs"]
mod tests;
