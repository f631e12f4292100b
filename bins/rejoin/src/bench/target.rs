//! The server that is measured: one that runs already, or one that is started for it, with a database of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Account;
use super::cluster::Cluster;
use super::metrics;
use super::report::Usage;
use super::wire::Endpoint;
use crate::failure::Failure;
use storage_diesel::DatabaseConfig;
use storage_diesel::bench::TemporaryDatabase;

/// The email of the admin of a server that was started here.
const EMAIL: &str = "bench@example.org";
/// As many requests as the server takes: budgets are counted, and never used up.
const UNLIMITED: &str = "100000000/1";
/// The command of a server, at a free port. One person's devices send all of it.
const SERVE: &[&str] =
    &["serve", "--bind", "127.0.0.1:0", "--limit-account", UNLIMITED, "--limit-device", UNLIMITED, "--limit-organisation", UNLIMITED];
/// That of one which keeps no record of pushes.
const UNRECORDED: &[&str] = &["bench", "unrecorded"];
/// What it goes by, beside its database, so that it differs in nothing else.
pub(crate) const UNRECORDED_SETTINGS: [(&str, &str); 5] = [
    ("server.bind", "127.0.0.1:0"),
    ("limits.account", UNLIMITED),
    ("limits.device", UNLIMITED),
    ("limits.organisation", UNLIMITED),
    ("log.level", "error"),
];
/// How long a server may take to end.
const END_WITHIN: Duration = Duration::from_secs(30);

/// A server to measure.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) account: Account,
    /// What the database is called in the results.
    pub(crate) database: &'static str,
    started: Option<Started>,
}

/// What was started here. Dropping it ends it, and removes what it left: in this order.
#[derive(Debug)]
struct Started {
    server: Server,
    storage: Storage,
    folder: TempDir,
}

/// The database of a server that was started here.
#[derive(Debug)]
struct Storage {
    url: String,
    /// Whether PostgreSQL may run with `fsync=off`.
    allow_fsync_off: bool,
    _database: Option<TemporaryDatabase>,
    cluster: Option<Cluster>,
}

#[derive(Debug)]
struct Server(Child);

impl Target {
    /// A server that runs already.
    pub(crate) fn remote(url: &str, account: Account) -> Result<Self, Failure> {
        Ok(Self { endpoint: Endpoint::parse(url)?, account, database: "remote", started: None })
    }

    /// Starts a server of this executable, with a new database: SQLite in a temporary folder, PostgreSQL in a temporary
    /// cluster, or a new database on the PostgreSQL of a URL. Blocks.
    pub(crate) fn start(database: Option<&str>, allow_fsync_off: bool) -> Result<Self, Failure> {
        Self::start_with(database, allow_fsync_off, &[])
    }

    /// [`Self::start`], with more flags of `rejoin serve`.
    pub(crate) fn start_with(database: Option<&str>, allow_fsync_off: bool, flags: &[&str]) -> Result<Self, Failure> {
        Self::start_as(SERVE, database, allow_fsync_off, flags)
    }

    /// [`Self::start`], of a server that keeps no record of pushes.
    pub(crate) fn start_unrecorded(database: Option<&str>, allow_fsync_off: bool) -> Result<Self, Failure> {
        Self::start_as(UNRECORDED, database, allow_fsync_off, &[])
    }

    fn start_as(command: &[&str], database: Option<&str>, allow_fsync_off: bool, flags: &[&str]) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("rejoin-bench-").tempdir();
        let folder = folder.map_err(|error| failed("no temporary folder can be made", &error))?;
        let (name, storage) = match database {
            None | Some("sqlite") => {
                let url = format!("sqlite:{}", folder.path().join("rejoin.db").display());
                ("sqlite", Storage { url, allow_fsync_off: false, _database: None, cluster: None })
            }
            Some("postgres") => {
                let cluster = Cluster::start()?;
                ("postgres", Storage { url: cluster.url(), allow_fsync_off: false, _database: None, cluster: Some(cluster) })
            }
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                let database = TemporaryDatabase::create(url, &format!("rejoin_bench_{}", random_hex(8)?))?;
                ("postgres", Storage { url: database.url(), allow_fsync_off, _database: Some(database), cluster: None })
            }
            Some(other) => {
                return Err(Failure::Input(format!(
                    "--database {other}: sqlite, postgres, or the postgres:// URL of a server is expected; what is measured gets a database of its own, which goes afterwards"
                )));
            }
        };
        if name == "postgres" {
            storage_diesel::migrate(&storage.url)?;
        }
        let account = Account { email: EMAIL.into(), password: random_hex(16)? };
        add_admin(folder.path(), &storage, &account)?;
        let (server, url) = serve(command, (folder.path(), &storage), flags)?;
        let started = Started { server, storage, folder };
        Ok(Self { endpoint: Endpoint::parse(&url)?, account, database: name, started: Some(started) })
    }

    /// What the server used so far, PostgreSQL included where it was started here.
    pub(crate) async fn usage(&self) -> Result<Usage, Failure> {
        let mut usage = metrics::read(&self.endpoint).await?;
        if let Some(cluster) = self.cluster() {
            usage.cpu = usage.cpu.zip(cluster.cpu()).map(|(server, database)| server + database);
        }
        Ok(usage)
    }

    /// PostgreSQL, where it was started here.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        self.started.as_ref()?.storage.cluster.as_ref()
    }

    /// Whether the processor time that [`Target::usage`] tells is all that the database used.
    pub(crate) fn counts_database_cpu(&self) -> bool {
        self.started.as_ref().is_some_and(|started| self.database == "sqlite" || started.storage.cluster.is_some())
    }

    /// The database of a server that was started here.
    pub(crate) fn database_config(&self) -> Option<DatabaseConfig> {
        let storage = &self.started.as_ref()?.storage;
        let mut config = DatabaseConfig::new(&storage.url);
        config.allow_fsync_off = storage.allow_fsync_off;
        Some(config)
    }

    /// Ends a server that was started here, and starts one with other flags on its database: at another address.
    pub(crate) fn restart(&mut self, flags: &[&str]) -> Result<(), Failure> {
        self.stop_server()?;
        if let Some(started) = &mut self.started {
            let (server, url) = serve(SERVE, (started.folder.path(), &started.storage), flags)?;
            started.server = server;
            self.endpoint = Endpoint::parse(&url)?;
        }
        Ok(())
    }

    /// Starts another server on the same PostgreSQL.
    pub(crate) fn second_node(&self) -> Result<Node, Failure> {
        let started = self.started.as_ref().filter(|_| self.database == "postgres");
        let started = started.ok_or_else(|| Failure::Input("two nodes need a PostgreSQL of their own: leave --url out".into()))?;
        let (server, url) = serve(SERVE, (started.folder.path(), &started.storage), &[])?;
        Ok(Node { endpoint: Endpoint::parse(&url)?, _server: server })
    }

    /// Ends a server that was started here, in good order, and keeps its database until this is dropped.
    pub(crate) fn stop_server(&mut self) -> Result<(), Failure> {
        self.started.as_mut().map_or(Ok(()), |started| started.server.stop())
    }
}

/// Another server on the database of a target. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    _server: Server,
}

impl Server {
    fn stop(&mut self) -> Result<(), Failure> {
        let ended = |child: &mut Child| child.try_wait().map_err(|error| failed("the server can't be waited for", &error));
        if ended(&mut self.0)?.is_some() {
            return Ok(());
        }
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).map_err(|error| failed("the server can't be ended", &error.into()))?;
        }
        let deadline = Instant::now() + END_WITHIN;
        while ended(&mut self.0)?.is_none() {
            if Instant::now() > deadline {
                return Err(Failure::Failed(format!("the server did not end within {} s", END_WITHIN.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This executable, with nothing of the settings of whoever runs it.
fn rejoin(folder: &Path, storage: &Storage) -> Result<Command, Failure> {
    let executable = std::env::current_exe().map_err(|error| failed("this executable can't be found", &error))?;
    let mut command = Command::new(executable);
    command.current_dir(folder).args(["--database", &storage.url, "--log-level", "error"]);
    if storage.allow_fsync_off {
        command.arg("--allow-fsync-off");
    }
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("REJOIN_")) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

fn add_admin(folder: &Path, storage: &Storage, account: &Account) -> Result<(), Failure> {
    let mut command = rejoin(folder, storage)?;
    command.args(["user", "add", &account.email, "--organisation", "Bench", "--admin", "--password-stdin"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().map_err(|error| failed("`rejoin user add` can't be run", &error))?;
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(account.password.as_bytes()));
    let status = child.wait().map_err(|error| failed("`rejoin user add` can't be waited for", &error))?;
    if status.success() && written.is_some_and(|written| written.is_ok()) {
        return Ok(());
    }
    Err(Failure::Failed("the server's first admin can't be made; the lines above say why".into()))
}

/// Starts a server on a free port of the loopback, and waits until it accepts requests.
fn serve(words: &[&str], (folder, storage): (&Path, &Storage), flags: &[&str]) -> Result<(Server, String), Failure> {
    let mut command = rejoin(folder, storage)?;
    command.args(words).args(flags).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut server = Server(command.spawn().map_err(|error| failed("`rejoin serve` can't be run", &error))?);
    let mut line = String::new();
    if let Some(stdout) = server.0.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(|error| failed("the server's address can't be read", &error))?;
    }
    match line.strip_prefix("rejoin listens on ") {
        Some(url) => Ok((server, url.trim_end().to_owned())),
        None => Err(Failure::Failed("the server did not start; the lines above say why".into())),
    }
}

fn random_hex(bytes: usize) -> Result<String, Failure> {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).map_err(|_| Failure::Failed("the operating system gives no random bytes".into()))?;
    Ok(random.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// Reads the password of an admin from the first line of a file, `-` for standard input.
pub(crate) fn read_password(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::Input(format!("--password-file {}: {error}", path.display()));
    let mut line = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
    } else {
        BufReader::new(fs::File::open(path).map_err(unreadable)?).read_line(&mut line).map_err(unreadable)?;
    }
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::Input(format!("--password-file {}: its first line is empty; write the password there", path.display()))),
        password => Ok(password.to_owned()),
    }
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{what}: {error}"))
}
