//! The server in this process: opened, started, drained, closed. `serve` runs it, and whoever wants one beside other
//! work (the demonstration, a test) starts it on port 0 of the loopback and asks for its address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::time::{Instant, sleep};
use actix_web::{App, HttpServer, rt};
use api_actix::{ApiConfig, ApiState};
use auth::{PasswordConfig, PasswordHasher};
use storage_diesel::DatabaseConfig;
use sync_core::ports::{Entropy, Store};
use sync_service::Service;

use crate::failure::Failure;
use crate::settings::Settings;
use crate::system::{SystemClock, SystemEntropy};

/// How long the head of a request may take. (Bodies have a deadline of their own.)
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection stays open between requests.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long a client may go on sending what nobody reads, after it was answered.
const LINGER: Duration = Duration::from_secs(5);
/// How long the last users of the database may take to let go of it after the last request.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// An open database, with the use cases over it.
pub(crate) struct Backend {
    store: Arc<dyn Store>,
    entropy: Arc<dyn Entropy>,
    service: Service,
}

impl Backend {
    /// Opens the database and starts what works on it. Blocks: not from within async code.
    ///
    /// # Errors
    /// [`Failure`] when the database can't be opened or lacks migrations.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Failure> {
        let mut database = DatabaseConfig::new(&settings.database_url);
        database.connections = settings.connections;
        database.readers = settings.readers;
        let store = storage_diesel::open(&database)?;
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let hasher = PasswordHasher::new(&PasswordConfig::default()).map_err(|error| Failure::Failed(error.to_string()))?;
        let service = Service::new(Arc::clone(&store), Arc::new(SystemClock), Arc::clone(&entropy), Arc::new(hasher));
        Ok(Self { store, entropy, service })
    }

    /// The use cases.
    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// The database itself, for what is asked before anybody can log in.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Lets go of the database: what was begun is finished, its threads end.
    pub(crate) async fn close(self) {
        let Self { store, service, .. } = self;
        drop(service);
        let deadline = Instant::now() + CLOSE_WITHIN;
        while Arc::strong_count(&store) > 1 && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A server that accepts requests.
pub(crate) struct Server {
    address: SocketAddr,
    state: ApiState,
    handle: ServerHandle,
    running: JoinHandle<io::Result<()>>,
    backend: Backend,
}

impl Server {
    /// Listens and accepts requests. Inside an actix system.
    ///
    /// # Errors
    /// [`Failure`] when the address can't be taken or the database does not answer.
    pub(crate) async fn start(backend: Backend, settings: &Settings) -> Result<Self, Failure> {
        backend.service.ready().await?;
        let mut config = ApiConfig::default();
        config.body_deadline = settings.body_deadline;
        let state = ApiState::new(backend.service.clone(), Arc::clone(&backend.entropy), config);
        let shared = state.clone();
        let mut server = HttpServer::new(move || App::new().configure(|cfg| api_actix::configure_alone(cfg, shared.clone())))
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(LINGER)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(settings.shutdown_grace.as_secs())
            .disable_signals();
        if settings.workers > 0 {
            server = server.workers(settings.workers);
        }
        let taken = |error| {
            Failure::Failed(format!("{} can't be listened on: {error}; choose another with --bind, or stop who uses it", settings.bind))
        };
        let server = server.bind(settings.bind).map_err(taken)?;
        let address = server.addrs().first().copied().unwrap_or(settings.bind);
        let server = server.run();
        let handle = server.handle();
        Ok(Self { address, state, handle, running: rt::spawn(server), backend })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until `stop` resolves, then finishes what was accepted and closes the database. Once `now` resolves, what is
    /// still unfinished is let go.
    ///
    /// # Errors
    /// [`Failure`] when the server ended by itself.
    pub(crate) async fn run_until(self, stop: impl Future<Output = ()>, now: impl Future<Output = ()>) -> Result<(), Failure> {
        let Self { state, handle, mut running, backend, .. } = self;
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = stop => {
                // told to whoever balances load, for as long as the last requests take
                state.begin_draining();
                let finished = async {
                    handle.stop(true).await;
                    (&mut running).await
                };
                tokio::select! {
                    ended = finished => ended,
                    () = now => {
                        running.abort();
                        Ok(Ok(()))
                    }
                }
            }
        };
        drop(state);
        backend.close().await;
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Failed(format!("the server ended: {error}"))),
            Err(error) => Err(Failure::Failed(format!("the server broke off: {error}"))),
        }
    }
}
