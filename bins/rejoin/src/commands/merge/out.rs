//! Writing a file so that it is there whole or not at all.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::failure::Failure;

/// What a new file may be used for, before the umask.
const NEW: u32 = 0o666;

/// Writes a file: beside it first, then in its place, with the mode that it had. A link stays one; what is no file, such as
/// a pipe, is written into.
///
/// # Errors
/// [`Failure::Input`] when it can't be written.
pub(super) fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    put(file, bytes).map_err(|error| Failure::Input(format!("{}: it can't be written: {error}; it is as it was", file.display())))
}

fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let there = match fs::metadata(file) {
        Ok(there) if there.is_file() => Some(there),
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return OpenOptions::new().write(true).open(file)?.write_all(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let file = if there.is_some() { fs::canonicalize(file)? } else { file.to_owned() };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".rejoin-merge-").permissions(Permissions::from_mode(NEW)).tempfile_in(folder)?;
    beside.write_all(bytes)?;
    if let Some(there) = there {
        beside.as_file().set_permissions(there.permissions())?;
    }
    beside.as_file().sync_all()?;
    beside.persist(&file)?;
    Ok(())
}
