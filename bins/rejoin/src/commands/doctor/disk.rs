//! The disk under an SQLite file: whether a commit reaches it, how fast, and how much room is left.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{statfs, statvfs};

use super::files::beside;
use super::report::Check;
use crate::output::bytes;

/// How often a write is forced to the disk, at most…
const ROUNDS: usize = 40;
/// …and for how long.
const MEASURE_FOR: Duration = Duration::from_secs(2);
/// No disk is faster: what answers sooner did not write.
const TOO_FAST: Duration = Duration::from_micros(10);
/// Above this every edit feels it.
const TOO_SLOW: Duration = Duration::from_millis(30);
/// Below this much room the server may stop at any moment.
const LEAST_ROOM: u64 = 100 << 20;
/// Below this it is time to look for more.
const LITTLE_ROOM: u64 = 1 << 30;

/// Looks at the folder of a database's file, which may not be there yet.
pub(super) fn examine(path: &Path) -> Vec<Check> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let found = format!("the folder {} does not exist", folder.display());
        return vec![Check::failure("disk", found, format!("mkdir -p {}", folder.display()))];
    }
    let size = ["", "-wal"].map(|end| beside(path, end).metadata().map_or(0, |found| found.len())).iter().sum();
    vec![durable(folder), speed(folder), room(folder, size)]
}

/// Makes a database of its own in the folder, as the server does, which asserts how a commit is made there.
fn durable(folder: &Path) -> Check {
    let made = tempfile::Builder::new().prefix(".rejoin-doctor-").tempdir_in(folder).map_err(|error| error.to_string()).and_then(|own| {
        let url = format!("sqlite:{}", own.path().join("probe.db").display());
        storage_diesel::migrate(&url).map(drop).map_err(|error| error.to_string())
    });
    match made {
        Ok(()) => Check::ok(
            "durability",
            "journal_mode=wal and synchronous=FULL hold in this folder: a commit is on disk before it is acknowledged",
        ),
        Err(error) => Check::failure(
            "durability",
            format!("no database can be made in {}: {error}", folder.display()),
            "use a local disk whose folder this user may write: chown, or move the database and change database.url",
        ),
    }
}

fn speed(folder: &Path) -> Check {
    match measure(folder) {
        Ok(mut times) => {
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            judge(median, times.last().copied().unwrap_or_default(), times.len(), kind(folder))
        }
        Err(error) => Check::failure(
            "disk",
            format!("{} can't be written: {error}", folder.display()),
            "give the folder to the user who runs Rejoin: chown, chmod u+rwx",
        ),
    }
}

/// How long it takes until 4 KiB at the end of a file are on the disk, again and again.
fn measure(folder: &Path) -> io::Result<Vec<Duration>> {
    let mut file = tempfile::Builder::new().prefix(".rejoin-doctor-").tempfile_in(folder)?;
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < ROUNDS && (times.is_empty() || begun.elapsed() < MEASURE_FOR) {
        file.write_all(&[0x5a; 4_096])?;
        let before = Instant::now();
        file.as_file().sync_data()?;
        times.push(before.elapsed());
    }
    Ok(times)
}

/// What kind of file system is under a folder, when it is one to be careful with (Linux, statfs(2)).
fn kind(folder: &Path) -> Option<&'static str> {
    let magic = u64::try_from(statfs(folder).ok()?.f_type).ok()? & 0xffff_ffff;
    match magic {
        0x0102_1994 | 0x8584_58f6 => Some("memory"),
        0x6969 | 0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("network"),
        0x794c_7630 => Some("overlay"),
        _ => None,
    }
}

fn judge(median: Duration, worst: Duration, rounds: usize, kind: Option<&str>) -> Check {
    let ms = |duration: Duration| format!("{:.2} ms", duration.as_secs_f64() * 1_000.0);
    let found = format!("4 KiB are on disk after {} (median of {rounds}; the slowest took {})", ms(median), ms(worst));
    let elsewhere = "move the database to a local disk and change database.url";
    match kind {
        Some("memory") => Check::warning("disk", format!("{found}; it is memory, and gone after a restart of the machine"), elsewhere),
        Some("network") => {
            Check::warning("disk", format!("{found}; it is a network disk, on which SQLite's locks and log may not hold"), elsewhere)
        }
        _ if median < TOO_FAST => {
            let found = format!("{found}, faster than a disk can: what is forced to it may not survive a power cut");
            Check::warning(
                "disk",
                found,
                "turn off what swallows fsync: eatmydata, a virtual disk with cache=unsafe, a write cache without a battery",
            )
        }
        _ if median > TOO_SLOW => Check::warning(
            "disk",
            format!("{found}; every commit waits that long"),
            "move the database to an SSD, or stop what else writes to this disk",
        ),
        Some("overlay") => {
            let fix = "in a container: keep the database on a volume, e.g. -v rejoin:/data and --database sqlite:/data/rejoin.db";
            Check::warning("disk", format!("{found}; it is an overlay, which in a container goes with the container"), fix)
        }
        _ => Check::ok("disk", found),
    }
}

fn room(folder: &Path, size: u64) -> Check {
    match statvfs(folder) {
        Ok(found) => judge_room(found.f_bavail.saturating_mul(found.f_frsize), size),
        Err(error) => Check::skipped("space", format!("the file system does not tell: {error}")),
    }
}

fn judge_room(free: u64, size: u64) -> Check {
    let found = format!("{} are free; the database has {}", bytes(free), bytes(size));
    if free < LEAST_ROOM {
        Check::failure("space", format!("{found}: writes are about to fail"), "make room now, or move the database to a larger disk")
    } else if free < LITTLE_ROOM.max(size) {
        Check::warning("space", format!("{found}: a copy beside it would not fit for long"), "make room, or plan a larger disk")
    } else {
        Check::ok("space", found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn latencies_are_judged() {
        for (micros, kind, expected) in [
            (500, None, Status::Ok),
            (3, None, Status::Warning),
            (9_999, None, Status::Ok),
            (45_000, None, Status::Warning),
            (500, Some("memory"), Status::Warning),
            (500, Some("network"), Status::Warning),
            (500, Some("overlay"), Status::Warning),
        ] {
            let check = judge(Duration::from_micros(micros), Duration::from_micros(micros), 40, kind);
            assert_eq!(check.status, expected, "{check:?}");
        }
        assert!(
            judge(Duration::from_micros(1_500), Duration::from_millis(12), 40, None)
                .found
                .contains("1.50 ms (median of 40; the slowest took 12.00 ms)")
        );
    }

    #[test]
    fn room_is_judged() {
        for (free, size, expected) in [
            (10 << 30, 1 << 20, Status::Ok),
            (LITTLE_ROOM - 1, 1 << 20, Status::Warning),
            (10 << 30, 11 << 30, Status::Warning),
            (LEAST_ROOM - 1, 0, Status::Failure),
        ] {
            assert_eq!(judge_room(free, size).status, expected, "{free} {size}");
        }
    }

    #[test]
    fn measuring_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let checks = examine(&folder.path().join("rejoin.db"));
        assert_eq!(checks.len(), 3);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        let checks = examine(&folder.path().join("none/rejoin.db"));
        assert_eq!(checks.iter().map(|check| check.status).collect::<Vec<_>>(), [Status::Failure]);
    }
}
