//! A storm: a thousand requests at once over HTTP, each on a connection of its own, that use one refresh token, on each
//! database. The server is the one that `rejoin serve` runs, but for its clock, which stands still: however slow the machine
//! is, the predecessor is within its grace.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, rt};
use api_actix::{ApiConfig, ApiState};
use auth::{PasswordConfig, PasswordHasher};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use storage_diesel::DatabaseConfig;
use sync_core::Code;
use sync_core::protocol::v1::identity::{AddUserRequest, LoginDevice, LoginRequest, RefreshRequest, TokenGrant};
use sync_service::Service;
use testkit::fake::{FakeClock, SeededEntropy};

use crate::database::Database;
use crate::server::run;

const PASSWORD: &str = "correct horse";
/// Requests at once.
const AT_ONCE: usize = 1_000;
/// How often those come again who were told that the server has too much to do.
const ROUNDS: usize = 1_000;
/// The longest wait for one answer: for a server that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

struct Studio {
    clock: Arc<FakeClock>,
    service: Service,
}

impl Studio {
    fn over(database: &Database) -> Self {
        run(database, &["migrate"]);
        let mut config = DatabaseConfig::new(&database.url);
        config.allow_fsync_off = true;
        let store = storage_diesel::open(&config).unwrap();
        let mut passwords = PasswordConfig::default();
        (passwords.memory_kib, passwords.passes) = (8, 1);
        let (clock, hasher) = (Arc::new(FakeClock::new()), Arc::new(PasswordHasher::new(&passwords).unwrap()));
        let service = Service::new(store, clock.clone(), Arc::new(SeededEntropy::new(5)), hasher);
        let ana = AddUserRequest { email: "ana@example.org".into(), password: PASSWORD.into(), name: "Ana".into() };
        pollster::block_on(service.bootstrap_user("Alder", ana, true)).unwrap();
        Self { clock, service }
    }

    fn login(&self) -> TokenGrant {
        let request = LoginRequest { email: "ana@example.org".into(), password: PASSWORD.into(), device: LoginDevice::default() };
        pollster::block_on(self.service.login(request)).unwrap()
    }

    fn refresh(&self, token: &str) -> Result<String, Code> {
        let answer = pollster::block_on(self.service.refresh(RefreshRequest { refresh_token: token.into() }));
        answer.map(|grant| grant.refresh_token).map_err(|error| error.problem().code)
    }
}

/// The HTTP surface over a service, on a port of its own; ended when dropped.
struct Surface {
    address: SocketAddr,
    handle: ServerHandle,
    running: Option<JoinHandle<std::io::Result<()>>>,
}

impl Surface {
    fn over(service: &Service) -> Self {
        let mut config = ApiConfig::default();
        let limits = &mut config.limits;
        (limits.address, limits.account, limits.device, limits.organisation, limits.urgent) = Default::default();
        // as long as the test waits: each body lacks a byte until all of them are there
        config.body_deadline = PATIENCE;
        let state = ApiState::new(service.clone(), Arc::new(SeededEntropy::new(6)), config);
        let (sender, started) = mpsc::channel();
        let serve = move || {
            rt::System::new().block_on(async {
                let server = HttpServer::new(move || App::new().configure(|cfg| api_actix::configure_alone(cfg, state.clone())));
                let server = server.on_connect(api_actix::on_connect).workers(2).disable_signals().bind("127.0.0.1:0")?;
                let address = server.addrs()[0];
                let running = server.run();
                sender.send((address, running.handle())).unwrap();
                running.await
            })
        };
        let running = std::thread::spawn(serve);
        let (address, handle) = started.recv_timeout(PATIENCE).unwrap();
        Self { address, handle, running: Some(running) }
    }

    /// Uses a token on as many connections as there are requests: each is written but for its last byte before any is whole.
    /// The answers: status and body.
    fn at_once(&self, token: &str, requests: usize) -> Vec<(u16, Value)> {
        let body = json!({"refresh_token": token}).to_string();
        let request = format!(
            "POST /api/auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        let (most, last) = request.as_bytes().split_at(request.len() - 1);
        let begun = |_| {
            let mut connection = TcpStream::connect(self.address).unwrap();
            connection.set_read_timeout(Some(PATIENCE)).unwrap();
            connection.write_all(most).unwrap();
            connection
        };
        let mut connections: Vec<TcpStream> = (0..requests).map(begun).collect();
        for connection in &mut connections {
            connection.write_all(last).unwrap();
        }
        connections.into_iter().map(answer).collect()
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        // the server ends by itself once it is told, whoever waits for that
        drop(self.handle.stop(false));
        let ended = self.running.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(Ok(())))), "the server did not end as it should");
    }
}

fn answer(mut connection: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {head}"));
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Both ends of each connection are files of this process.
const OPEN_FILES: u64 = 2_500;
/// One storm at a time: there are not that many files for two.
static ONE: Mutex<()> = Mutex::new(());

fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let is_enough = limit.maximum.is_none_or(|most| most >= OPEN_FILES);
    assert!(is_enough, "a process may open {:?} files here; allow {OPEN_FILES} (ulimit -Hn)", limit.maximum);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// The refresh tokens that all of them got, those that were told to come later once they came again.
fn heads(surface: &Surface, token: &str) -> Vec<String> {
    let mut heads = Vec::new();
    for _ in 0..ROUNDS {
        for (status, body) in surface.at_once(token, AT_ONCE - heads.len()) {
            match status {
                200 => heads.push(body["refresh_token"].as_str().unwrap().to_owned()),
                503 => assert_eq!(body["code"], "overloaded", "{body}"),
                other => panic!("{other}: {body}"),
            }
        }
        if heads.len() == AT_ONCE {
            return heads;
        }
    }
    panic!("{} of {AT_ONCE} were answered in {ROUNDS} rounds", heads.len());
}

fn storm(database: &Database) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    raise_open_files();
    let studio = Studio::over(database);
    let first = studio.login().refresh_token;
    let surface = Surface::over(&studio.service);
    let heads = heads(&surface, &first);
    let head = heads[0].clone();
    assert!(heads.iter().all(|other| *other == head), "one head, whoever asked");
    // the reply was lost: the device has nothing but the token that it sent, and nine seconds later it still works
    studio.clock.advance_ms(9_000);
    assert_eq!(studio.refresh(&first).as_ref(), Ok(&head));
    let next = studio.refresh(&head).unwrap();
    assert_eq!(studio.refresh(&head).as_ref(), Ok(&next), "and so does the next");
    assert_eq!(studio.refresh(&first), Err(Code::InvalidRefreshToken), "a grandparent ends the family");
    assert_eq!(studio.refresh(&next), Err(Code::InvalidRefreshToken));
}

#[test]
fn a_thousand_requests_at_once_by_one_token_leave_one_head_on_sqlite() {
    storm(&Database::sqlite());
}

#[test]
fn a_thousand_requests_at_once_by_one_token_leave_one_head_on_postgres() {
    if let Some(database) = Database::postgres() {
        storm(&database);
    }
}
