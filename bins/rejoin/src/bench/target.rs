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
use super::processes;
use super::report::Usage;
use super::wire::Endpoint;
use crate::failure::Failure;

/// The email of the admin of a server that was started here.
const EMAIL: &str = "bench@example.org";
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

/// What was started here. Dropping it ends it, and removes what it left.
#[derive(Debug)]
struct Started {
    // before its folder
    server: Server,
    database_url: String,
    _folder: TempDir,
}

#[derive(Debug)]
struct Server(Child);

impl Target {
    /// A server that runs already.
    pub(crate) fn remote(url: &str, account: Account) -> Result<Self, Failure> {
        Ok(Self { endpoint: Endpoint::parse(url)?, account, database: "unknown", started: None })
    }

    /// Starts a server of this executable over a new SQLite file in a temporary folder. Blocks.
    pub(crate) fn start_sqlite() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("rejoin-bench-")
            .tempdir()
            .map_err(|error| failed("no temporary folder can be made", &error))?;
        let database_url = format!("sqlite:{}", folder.path().join("rejoin.db").display());
        Self::start("sqlite", database_url, folder)
    }

    fn start(database: &'static str, database_url: String, folder: TempDir) -> Result<Self, Failure> {
        let account = Account { email: EMAIL.into(), password: random_password()? };
        add_admin(folder.path(), &database_url, &account)?;
        let (server, url) = serve(folder.path(), &database_url)?;
        let started = Started { server, database_url, _folder: folder };
        Ok(Self { endpoint: Endpoint::parse(&url)?, account, database, started: Some(started) })
    }

    /// What the server used so far.
    pub(crate) async fn usage(&self) -> Result<Usage, Failure> {
        let Some(started) = &self.started else { return Ok(Usage::default()) };
        let pid = started.server.0.id();
        Ok(Usage { cpu: processes::tree_cpu(pid), rss_bytes: processes::resident_bytes(pid), commits: None })
    }

    /// The database of a server that was started here.
    pub(crate) fn database_url(&self) -> Option<&str> {
        self.started.as_ref().map(|started| started.database_url.as_str())
    }

    /// Ends a server that was started here, in good order, and keeps its database until this is dropped.
    pub(crate) fn stop_server(&mut self) -> Result<(), Failure> {
        self.started.as_mut().map_or(Ok(()), |started| started.server.stop())
    }
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
fn rejoin(folder: &Path, database_url: &str) -> Result<Command, Failure> {
    let executable = std::env::current_exe().map_err(|error| failed("this executable can't be found", &error))?;
    let mut command = Command::new(executable);
    command.current_dir(folder).args(["--database", database_url, "--log-level", "error"]);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("REJOIN_")) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

fn add_admin(folder: &Path, database_url: &str, account: &Account) -> Result<(), Failure> {
    let mut command = rejoin(folder, database_url)?;
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
fn serve(folder: &Path, database_url: &str) -> Result<(Server, String), Failure> {
    let mut command = rejoin(folder, database_url)?;
    command.args(["serve", "--bind", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
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

fn random_password() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Failure::Failed("the operating system gives no random bytes".into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads the password of an admin from the first line of a file.
pub(crate) fn read_password(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::Input(format!("--password-file {}: {error}", path.display())))?;
    match text.lines().next().map(str::trim_end) {
        Some(password) if !password.is_empty() => Ok(password.to_owned()),
        _ => Err(Failure::Input(format!("--password-file {}: its first line is empty; write the password there", path.display()))),
    }
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{what}: {error}"))
}
