//! The file of keys that sign checkpoints of the audit log: outside of the database, and readable by nobody else.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use audit_log::{Keyring, SigningKey};
use sync_core::ports::Entropy;

use crate::failure::Failure;
use crate::settings::Settings;

/// Where it is when nothing else is said and the database is no file.
const IN_WORKING_FOLDER: &str = "rejoin.audit-keys";
/// What is added to an SQLite file's name.
const BESIDE: &str = ".audit-keys";
/// Who may read and write it: its owner.
const MODE: u32 = 0o600;

/// Where the file is.
pub(crate) fn path(settings: &Settings) -> PathBuf {
    if let Some(given) = &settings.audit_key_file {
        return given.clone();
    }
    match settings.database_url.strip_prefix("sqlite:") {
        Some(database) => PathBuf::from(format!("{}{BESIDE}", database.strip_prefix("//").unwrap_or(database))),
        None => PathBuf::from(IN_WORKING_FOLDER),
    }
}

/// Reads the keys; makes the file with a first one when there is none.
///
/// # Errors
/// [`Failure`] when it can't be read or made, or has no key that signs.
pub(crate) fn open(path: &Path, entropy: &dyn Entropy) -> Result<Keyring, Failure> {
    if !path.exists() {
        make(path, &new_line(entropy)?).map_err(|error| unusable(path, &error.to_string()))?;
        tracing::info!(path = %path.display(), "made the key that signs checkpoints of the audit log; keep it apart from backups of the database");
    }
    read(path)
}

/// Reads the keys.
///
/// # Errors
/// [`Failure`] when there is no such file, or no key in it that signs.
pub(crate) fn read(path: &Path) -> Result<Keyring, Failure> {
    let text = fs::read_to_string(path).map_err(|error| unusable(path, &error.to_string()))?;
    let keys = Keyring::parse(&text).map_err(|error| unusable(path, &error.to_string()))?;
    if keys.signer().is_none() {
        return Err(unusable(path, "it has public keys only, and none that signs"));
    }
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "others can read the keys of the audit log; chmod 600 it");
    }
    Ok(keys)
}

/// Adds a key, which signs from then on; the others go on counting. How many there are.
///
/// # Errors
/// As [`read`].
pub(crate) fn rotate(path: &Path, entropy: &dyn Entropy) -> Result<usize, Failure> {
    let known = read(path)?.known().len();
    let add = || -> io::Result<()> {
        let mut text = fs::read_to_string(path)?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&new_line(entropy).map_err(|failure| io::Error::other(failure.to_string()))?);
        let fresh = beside(path);
        write(&fresh, &text)?;
        fs::rename(&fresh, path)
    };
    add().map_err(|error| unusable(path, &error.to_string()))?;
    Ok(known + 1)
}

fn new_line(entropy: &dyn Entropy) -> Result<String, Failure> {
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    SigningKey::from_seed(seed).map(|key| key.line()).map_err(|error| Failure::Failed(error.to_string()))
}

/// Makes the file, whole from the beginning; whoever comes second takes that of the first.
fn make(path: &Path, text: &str) -> io::Result<()> {
    let fresh = beside(path);
    write(&fresh, text)?;
    let made = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh)?;
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name beside the file that no other process uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    PathBuf::from(name)
}

fn unusable(path: &Path, why: &str) -> Failure {
    let place = path.display();
    Failure::Failed(format!("{place}, the file of keys of the audit log, can't be used: {why}; check audit.key_file, or put the file back"))
}
