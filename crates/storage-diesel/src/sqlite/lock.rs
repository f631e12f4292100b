//! Who has a database open. A file beside it carries an advisory lock that dies with its process: shared by all who have
//! the database open, owned by who replaces it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::OpenError;

/// The lock, for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// The database's path with something behind it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The copy that a restore is about to put in place. While it is there, what stands in the database's own place may be
/// anything.
pub(super) fn ready_copy(path: &Path) -> PathBuf {
    beside(path, ".restoring")
}

/// Opens along with others.
///
/// # Errors
/// When it is being replaced, or was left half replaced.
pub(super) fn share(path: &Path) -> Result<Lock, OpenError> {
    let file = open(path)?;
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::InUse(format!("{}: a backup is being restored over it; wait until that has ended", path.display())));
        }
        // a file system without locks: nobody can restore there either
        Err(TryLockError::Error(error)) => tracing::warn!(%error, path = %path.display(), "the database can't be locked"),
    }
    if ready_copy(path).exists() {
        let message =
            format!("{}: a restore broke off while it replaced the database; run the same `rejoin restore` again", path.display());
        return Err(OpenError::Unsuitable(message));
    }
    Ok(Lock { _file: file })
}

/// Keeps everybody else out.
///
/// # Errors
/// When somebody has it open.
pub(super) fn own(path: &Path) -> Result<Lock, OpenError> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(format!(
            "{}: a server or another rejoin process has it open; stop that first, then run this again",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(OpenError::Unsuitable(format!(
            "{}: its file system has no locks ({error}), so that nobody can tell whether it is in use; keep it on a local disk",
            path.display()
        ))),
    }
}

fn open(path: &Path) -> Result<File, OpenError> {
    let place = beside(path, "-lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    // whoever may open it may keep a server from starting
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(&place);
    opened.map_err(|error| OpenError::Unreachable(format!("{}: {error}", place.display())))
}
