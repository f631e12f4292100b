//! A PostgreSQL server for one run: in a folder of its own, on a Unix socket, durable, and gone afterwards.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::processes;
use crate::failure::Failure;

/// How long the server may take to accept connections.
const START_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to end.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Its only user.
const USER: &str = "rejoin";
/// Where packages put the programs, besides the search path.
const FOLDERS: [&str; 2] = ["/usr/lib/postgresql", "/usr/local/pgsql"];

/// A running server.
#[derive(Debug)]
pub(crate) struct Cluster {
    postmaster: Child,
    folder: TempDir,
}

impl Cluster {
    /// Makes and starts one. Blocks.
    ///
    /// # Errors
    /// [`Failure`] when PostgreSQL is not installed, or does not start.
    pub(crate) fn start() -> Result<Self, Failure> {
        let programs = find_programs().ok_or_else(|| {
            Failure::Failed(
                "PostgreSQL's initdb and postgres are not found: install PostgreSQL 15 or newer, or name a server with --database postgres://…"
                    .into(),
            )
        })?;
        let owner = owner()?;
        let folder = tempfile::Builder::new()
            .prefix("rejoin-bench-pg-")
            .tempdir()
            .map_err(|error| failed("no temporary folder can be made", &error))?;
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).map_err(|error| failed("the folder can't be given away", &error))?;
        } else {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))
                .map_err(|error| failed("the folder can't be closed", &error))?;
        }
        let run = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir(folder.path()).stdin(Stdio::null());
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command
        };
        initialise(run("initdb"))?;
        let postmaster = spawn(run("postgres"), folder.path())?;
        let mut cluster = Self { postmaster, folder };
        cluster.wait_until_it_answers()?;
        Ok(cluster)
    }

    /// Whether there is a PostgreSQL to start.
    pub(crate) fn is_installed() -> bool {
        find_programs().is_some()
    }

    /// Its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@{}/postgres", self.folder.path().display().to_string().replace('/', "%2F"))
    }

    /// The time that its processes used so far.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        processes::tree_cpu(self.postmaster.id())
    }

    fn wait_until_it_answers(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + START_WITHIN;
        loop {
            let ended = self.postmaster.try_wait().map_err(|error| failed("postgres can't be waited for", &error))?.is_some();
            // the line that says so is the same in every language but for its words: the file is there from then on
            let ready = fs::read_to_string(self.folder.path().join("data/postmaster.pid")).is_ok_and(|text| text.contains("ready"));
            if ready && !ended {
                return Ok(());
            }
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(Failure::Failed(format!("PostgreSQL did not start: {}", log.trim())));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // fast shutdown; its files go anyway
        let asked = i32::try_from(self.postmaster.id()).ok().and_then(Pid::from_raw).map(|pid| kill_process(pid, Signal::INT));
        let deadline = Instant::now() + END_WITHIN;
        while asked.is_some_and(|asked| asked.is_ok()) && Instant::now() < deadline {
            if !matches!(self.postmaster.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.postmaster.kill();
        let _ = self.postmaster.wait();
    }
}

fn initialise(mut initdb: Command) -> Result<(), Failure> {
    let made = initdb.args(["-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale"]).output();
    let made = made.map_err(|error| failed("initdb can't be run", &error))?;
    if made.status.success() {
        return Ok(());
    }
    Err(Failure::Failed(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr).trim())))
}

/// Starts the server, durable whatever the defaults are.
fn spawn(mut postgres: Command, folder: &Path) -> Result<Child, Failure> {
    let log = fs::File::create(folder.join("log")).map_err(|error| failed("no log can be written", &error))?;
    let sockets = format!("unix_socket_directories={}", folder.display());
    let settings = ["listen_addresses=", &sockets, "fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=100"];
    postgres.args(["-D", "data"]).args(settings.iter().flat_map(|setting| ["-c", setting])).stdout(Stdio::null()).stderr(log);
    postgres.spawn().map_err(|error| failed("postgres can't be run", &error))
}

/// PostgreSQL refuses to run as root: then it runs as an ordinary user, with that user's files.
fn owner() -> Result<Option<(u32, u32)>, Failure> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| failed("/etc/passwd can't be read", &error))?;
    let ids = |wanted: &str| {
        let fields: Vec<&str> =
            users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&wanted))?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    let found = ids("postgres").or_else(|| ids("nobody"));
    found
        .map(Some)
        .ok_or_else(|| Failure::Failed("PostgreSQL does not run as root, and there is neither a user postgres nor nobody".into()))
}

/// The folder with the newest `initdb` and `postgres`.
fn find_programs() -> Option<PathBuf> {
    let has_both = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let versions = FOLDERS.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().filter_map(Result::ok);
    let mut packaged: Vec<(u32, PathBuf)> = versions
        .map(|version| (version.file_name().to_str().and_then(|name| name.parse().ok()).unwrap_or_default(), version.path().join("bin")))
        .chain(FOLDERS.iter().map(|folder| (0, Path::new(folder).join("bin"))))
        .filter(|(_, folder)| has_both(folder))
        .collect();
    packaged.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged.pop().map(|(_, folder)| folder).or_else(|| std::env::split_paths(&path).find(|folder| has_both(folder)))
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{what}: {error}"))
}
