//! The file of keys that sign checkpoints of the audit log: outside of the database, and readable by nobody else.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use audit_log::{Keyring, SigningKey, VerifyingKey};
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

/// A key that is in no file yet: it is to be recorded first (`Service::record_audit_key` says why).
pub(crate) struct NewKey {
    path: PathBuf,
    /// The file without it.
    before: String,
    /// Its line.
    line: String,
    /// Its public half.
    pub(crate) public: VerifyingKey,
}

/// The first key of a file that is not there yet; `None` where it is.
///
/// # Errors
/// [`Failure`] when there is no randomness.
pub(crate) fn first(path: &Path, entropy: &dyn Entropy) -> Result<Option<NewKey>, Failure> {
    if path.exists() { Ok(None) } else { NewKey::after(path, String::new(), entropy).map(Some) }
}

/// Another key, which signs as soon as it is in the file; the others go on counting.
///
/// # Errors
/// As [`read`].
pub(crate) fn next(path: &Path, entropy: &dyn Entropy) -> Result<NewKey, Failure> {
    read(path)?;
    let text = fs::read_to_string(path).map_err(|error| unusable(path, &error.to_string()))?;
    NewKey::after(path, text, entropy)
}

impl NewKey {
    fn after(path: &Path, before: String, entropy: &dyn Entropy) -> Result<Self, Failure> {
        let mut seed = [0; 32];
        entropy.fill(&mut seed);
        let key = SigningKey::from_seed(seed).map_err(|error| Failure::Failed(error.to_string()))?;
        Ok(Self { path: path.to_owned(), before, line: key.line(), public: key.verifying_key() })
    }

    /// Makes the file, whole from the beginning; whoever comes second takes that of the first.
    ///
    /// # Errors
    /// [`Failure`] when it can't be written.
    pub(crate) fn make(self) -> Result<(), Failure> {
        let make = || -> io::Result<()> {
            let fresh = beside(&self.path);
            write(&fresh, &self.line)?;
            let made = fs::hard_link(&fresh, &self.path);
            fs::remove_file(&fresh)?;
            match made {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            }
        };
        make().map_err(|error| unusable(&self.path, &error.to_string()))?;
        tracing::info!(path = %self.path.display(), "made the key that signs checkpoints of the audit log; keep it apart from backups of the database");
        Ok(())
    }

    /// Puts the file with it in the place of the one without. How many keys there are.
    ///
    /// # Errors
    /// [`Failure`] when it can't be written, or somebody else added one meanwhile: theirs stays, and this one never signs.
    pub(crate) fn add(self) -> Result<usize, Failure> {
        let add = || -> io::Result<bool> {
            let end = if self.before.ends_with('\n') { "" } else { "\n" };
            let fresh = beside(&self.path);
            write(&fresh, &format!("{}{end}{}", self.before, self.line))?;
            let is_same = fs::read_to_string(&self.path)? == self.before;
            if is_same { fs::rename(&fresh, &self.path) } else { fs::remove_file(&fresh) }?;
            Ok(is_same)
        };
        if !add().map_err(|error| unusable(&self.path, &error.to_string()))? {
            let place = self.path.display();
            return Err(Failure::Failed(format!(
                "{place} was changed meanwhile, and stays as it is now: the key that was made for it signs nothing; begin again where another one is wanted"
            )));
        }
        Ok(read(&self.path)?.known().len())
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
