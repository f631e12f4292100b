//! The real binary as a process, and a client for it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::database::Database;

const PASSWORD: &str = "correct horse battery";

/// The binary that was built beside the tests.
fn binary() -> PathBuf {
    let path = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("rejoin");
    assert!(path.exists(), "{} is missing: cargo build --workspace --bins", path.display());
    path
}

fn command(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).args(["--database", &database.url, "--allow-fsync-off"]).current_dir(database.folder());
    command
}

/// Migrates the database and makes the first user.
pub(crate) fn prepare(database: &Database) {
    let output = command(database, &["migrate"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    add_admin(database, "ana@example.org", "Alder");
}

/// Makes an organisation with its first admin.
pub(crate) fn add_admin(database: &Database, email: &str, organisation: &str) {
    let mut child = command(database, &["user", "add", email, "--organisation", organisation, "--admin", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(child.wait().unwrap().success());
}

/// Runs a command that is expected to succeed; what it printed.
pub(crate) fn run(database: &Database, arguments: &[&str]) -> String {
    let output = command(database, arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// [`run`] with something on its standard input.
pub(crate) fn run_with(database: &Database, arguments: &[&str], input: &str) -> String {
    let mut command = command(database, arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{input}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts it on a free port and waits for the line that says where it listens.
    pub(crate) fn start(database: &Database) -> Self {
        Self::start_with(database, |command| command.args(["--log-level", "error"]))
    }

    /// [`Self::start`] with what is set on the command.
    pub(crate) fn start_with(database: &Database, set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = command(database, &["serve", "--bind", "127.0.0.1:0"]);
        let mut child = set(command.stdout(Stdio::piped())).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "the first line was {line:?}");
        Self { child, url }
    }

    /// Ends it without a warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits for its end; the exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Asks it to end and waits for it.
    pub(crate) fn wait_after_terminate(self) -> Option<i32> {
        self.terminate();
        self.wait()
    }

    /// A client of its own connections, logged in.
    pub(crate) fn client(&self) -> Client {
        self.log_in("ana@example.org").0
    }

    /// A client of its own connections for a user, on a new device, with the user's id.
    pub(crate) fn log_in(&self, email: &str) -> (Client, String) {
        let client = self.anonymous();
        let device = json!({"name": "a device", "platform": "test"});
        let grant = client.call("POST", "/api/auth/login", &json!({"email": email, "password": PASSWORD, "device": device})).unwrap();
        let text = |name: &str| grant[name].as_str().unwrap().to_owned();
        (Client { token: text("access_token"), ..client }, text("user_id"))
    }

    /// A client of nobody.
    pub(crate) fn anonymous(&self) -> Client {
        Client { agent: agent(Duration::from_secs(30)), url: self.url.clone(), token: String::new() }
    }
}

fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(timeout)).build().into()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a request was answered, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By name, in small letters.
    pub(crate) headers: Vec<(String, String)>,
    /// Empty for what has no end.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}

/// A client.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    token: String,
}

impl Client {
    /// Address and token, for what is no request of this client.
    pub(crate) fn credentials(&self) -> (&str, &str) {
        (self.url.trim_start_matches("http://"), &self.token)
    }

    /// The same device on connections of its own, that wait no longer than this for an answer.
    pub(crate) fn patient(&self, timeout: Duration) -> Self {
        Self { agent: agent(timeout), ..self.clone() }
    }

    /// The same device at another server on the same database.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// A request; `Err` when there was no whole answer, or none of 2xx.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.send(method, path, "application/json", body.to_string())
    }

    /// The same device with another token, or with none.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// A request, and its answer as it came. Without a body it says nothing of one; of a stream that has no end only the
    /// head is read.
    pub(crate) fn ask(&self, method: &str, path: &str, content: &str, body: &str) -> Result<Answer, String> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("Authorization", format!("Bearer {}", self.token));
        }
        let answer = if body.is_empty() {
            self.agent.run(request.body(()).unwrap())
        } else {
            self.agent.run(request.header("Content-Type", content).body(body.to_owned()).unwrap())
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: Vec<_> = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let mut told = Answer { status: answer.status().as_u16(), headers, body: Vec::new() };
        if told.header("content-type") != "text/event-stream" {
            told.body = answer.body_mut().with_config().limit(64 << 20).read_to_vec().map_err(|error| error.to_string())?;
        }
        Ok(told)
    }

    /// Sends operations for the queue, a line each; the answer.
    pub(crate) fn batch(&self, space: &str, operations: &[Value]) -> Result<Value, String> {
        let lines: Vec<String> = operations.iter().map(Value::to_string).collect();
        self.send("POST", &format!("/api/offline/queue/batch?space={space}"), "application/x-ndjson", lines.join("\n"))
    }

    fn send(&self, method: &str, path: &str, content: &str, body: String) -> Result<Value, String> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", content)
            .body(body)
            .unwrap();
        let mut answer = self.agent.run(request).map_err(|error| error.to_string())?;
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().map_err(|error| error.to_string())?;
        if answer.status().is_success() {
            Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
        } else {
            Err(format!("{}: {text}", answer.status()))
        }
    }

    /// Adds a user to the organisation.
    pub(crate) fn add_user(&self, email: &str) {
        self.call("POST", "/api/users", &json!({"email": email, "password": PASSWORD, "name": email})).unwrap();
    }

    /// Makes a space.
    pub(crate) fn space(&self) -> String {
        let made = self.call("POST", "/api/spaces", &json!({"name": "Amara & Joel"})).unwrap();
        made["space_id"].as_str().unwrap().to_owned()
    }

    /// Sends operations; their results.
    pub(crate) fn push(&self, space: &str, operations: &[Value]) -> Result<Vec<Value>, String> {
        let answer = self.call("POST", "/api/offline/sync", &json!({"protocol": 1, "space_id": space, "operations": operations}))?;
        Ok(answer["results"].as_array().cloned().unwrap_or_default())
    }

    /// Asks for receipts.
    pub(crate) fn receipts(&self, op_ids: &[&str]) -> Vec<Value> {
        let answer = self.call("POST", "/api/offline/sync/receipts", &json!({"op_ids": op_ids})).unwrap();
        answer["receipts"].as_array().unwrap().clone()
    }

    /// Reads a whole space from the beginning, page by page.
    pub(crate) fn read_all(&self, space: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let body = json!({"protocol": 1, "pull": {"spaces": {space: {"cursor": cursor}}, "max_changes": 5000, "max_bytes": 8_000_000}});
            let answer = self.call("POST", "/api/offline/sync", &body).unwrap();
            let page = &answer["changes"][space];
            items.extend(page["items"].as_array().unwrap().clone());
            if page["has_more"] == false {
                return items;
            }
            cursor = page["cursor"].clone();
        }
    }
}

/// The id of a numbered operation.
pub(crate) fn op_id(round: u32, number: u32) -> String {
    format!("{round:08x}-0000-7000-8000-{number:012x}")
}

/// An operation that makes a document of its own.
pub(crate) fn create(round: u32, number: u32) -> Value {
    json!({
        "op_id": op_id(round, number), "collection": "notes", "document_id": format!("d-{round}-{number}"), "kind": "create",
        "base_version": 0, "patch": {"text": format!("written in round {round}"), "number": number},
    })
}
