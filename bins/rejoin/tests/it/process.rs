//! Running the binary in a folder of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const EMAIL: &str = "ana@luz.example";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A command in a folder, with nothing of the surrounding environment.
pub(crate) fn rejoin(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a process printed.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command, input: &str) -> Output {
    let mut child = command.spawn().unwrap();
    // the child may end without reading
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A folder with a database and one admin.
pub(crate) fn furnished() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output =
        run(rejoin(folder.path(), &["user", "add", EMAIL, "--organisation", "Studio Luz", "--admin", "--password-stdin"]), PASSWORD);
    assert!(output.status.success(), "{output:?}");
    folder
}

/// A server on a free port. It is killed when the test ends.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Served {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = rejoin(folder, &[&["serve", "--bind", "127.0.0.1:0"], arguments].concat());
        Self::of(command.stderr(Stdio::inherit()).spawn().unwrap())
    }

    /// A server that was started, once it accepts requests.
    pub(crate) fn of(mut child: Child) -> Self {
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_once("://").and_then(|(_, rest)| rest.trim_end().parse().ok());
        Self { child, address: address.unwrap_or_else(|| panic!("{line:?}")) }
    }

    pub(crate) fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    pub(crate) fn wait(&mut self, at_most: Duration) -> ExitStatus {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// One call on a connection of its own.
    pub(crate) fn call(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
        let mut stream = self.connect();
        stream.write_all(&head(method, path, token, body.len(), "close")).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }

    pub(crate) fn login(&self) -> String {
        let body = serde_json::json!({"email":EMAIL,"password":PASSWORD}).to_string();
        let (status, grant) = self.call("POST", "/api/auth/login", "", &body);
        assert_eq!(status, 200, "{grant}");
        grant["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn space(&self, token: &str) -> String {
        let (status, space) = self.call("POST", "/api/spaces", token, r#"{"name":"Amara & Joel"}"#);
        assert_eq!(status, 201, "{space}");
        space["space_id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The head of a request.
pub(crate) fn head(method: &str, path: &str, token: &str, length: usize, connection: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: rejoin\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: {connection}\r\n\r\n"
    )
    .into_bytes()
}
