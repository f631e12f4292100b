//! Who may read the files, and how many may be open at once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::{Resource, geteuid, getrlimit};

use super::report::Check;
use crate::settings::{Layers, Origin, redacted};

/// Fewer open files than this, and devices are turned away on a busy day.
const FEW_FILES: u64 = 4_096;

/// The configuration file, when it holds a password.
pub(super) fn holds_password(layers: &Layers) -> Option<PathBuf> {
    layers.all().find_map(|(key, setting)| match (&setting.origin, &setting.text) {
        (Origin::File(path, _), Some(text)) if redacted(key, text) != *text => Some(path.clone()),
        _ => None,
    })
}

/// Whether this user may write the database, and others may read it or the password.
pub(super) fn permissions(database: Option<&Path>, secret: Option<&Path>) -> Check {
    let files: Vec<PathBuf> = database.into_iter().flat_map(|path| ["", "-wal", "-shm"].map(|end| beside(path, end))).collect();
    let files: Vec<PathBuf> = files.into_iter().filter(|path| path.exists()).collect();
    let locked = files.iter().find(|path| access(path.as_path(), Access::READ_OK | Access::WRITE_OK).is_err());
    if let Some(path) = locked {
        let found = format!("{} can't be written by the user who runs this (uid {})", path.display(), geteuid().as_raw());
        let fix = format!("run this as the user of the server; if it is that: chown {} {}", geteuid().as_raw(), shown(&files));
        return Check::failure("permissions", found, fix);
    }
    let open: Vec<PathBuf> = files.iter().map(PathBuf::as_path).chain(secret).filter(|path| others_may(path)).map(Path::to_owned).collect();
    if !open.is_empty() {
        let found = format!("everybody on this machine may read or write {}", shown(&open));
        return Check::warning("permissions", found, format!("chmod o-rwx {}", shown(&open)));
    }
    Check::ok(
        "permissions",
        if files.is_empty() && secret.is_none() { "no file to protect" } else { "others on this machine can't read what is stored" },
    )
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
}

/// The path of a file that SQLite keeps beside the database.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn others_may(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o006 != 0)
}

/// How many files and connections a server may have open: it raises its soft limit to the hard one.
pub(super) fn open_files() -> Check {
    judge_files(getrlimit(Resource::Nofile).maximum)
}

fn judge_files(limit: Option<u64>) -> Check {
    match limit {
        Some(limit) if limit < FEW_FILES => Check::warning(
            "files",
            format!("at most {limit} files and connections may be open at once"),
            "LimitNOFILE=65536 in the systemd unit, or ulimit -Hn 65536 before the start",
        ),
        Some(limit) => Check::ok("files", format!("{limit} files and connections may be open at once")),
        None => Check::ok("files", "as many files and connections may be open as the machine bears"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn what_others_may_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejoin.db");
        assert_eq!(permissions(Some(&path), None).status, Status::Ok);
        fs::write(&path, "x").unwrap();
        let allow = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for (mode, expected) in [(0o600, Status::Ok), (0o660, Status::Ok), (0o604, Status::Warning), (0o602, Status::Warning)] {
            allow(mode);
            assert_eq!(permissions(Some(&path), None).status, expected, "{mode:o}");
        }
        let check = permissions(None, Some(&path));
        assert!(check.fix.unwrap().starts_with("chmod o-rwx /"));
    }

    #[test]
    fn few_files_are_a_warning() {
        for (limit, expected) in [(Some(1_024), Status::Warning), (Some(FEW_FILES), Status::Ok), (None, Status::Ok)] {
            assert_eq!(judge_files(limit).status, expected, "{limit:?}");
        }
    }
}
