//! The server in this process: opened, started, drained, closed. `serve` runs it, and whoever wants one beside other
//! work (the demonstration, a test) starts it on port 0 of the loopback and asks for its address.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::time::{Instant, sleep};
use actix_web::{App, HttpServer, rt};
use api_actix::{ApiConfig, ApiState};
use auth::{PasswordConfig, PasswordHasher};
use queue::runner::{self, Runner};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use storage_diesel::DatabaseConfig;
use sync_core::ports::{Entropy, Store};
use sync_service::Service;
use sync_service::queue::Workers;
use sync_service::realtime::Hub;

use crate::audit_keys;
use crate::failure::Failure;
use crate::fetch::Fetcher;
use crate::logging;
use crate::settings::Settings;
use crate::system::{SystemClock, SystemEntropy, step_back};
use crate::tls::Certificate;

/// How long the head of a request may take. (Bodies have a deadline of their own.)
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection stays open between requests.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long a client may go on sending what nobody reads, after it was answered.
const LINGER: Duration = Duration::from_secs(5);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 2_048;
/// How long connections that were just accepted may take to show their request, once no more are accepted.
const LAST_REQUESTS_WITHIN: Duration = Duration::from_millis(250);
/// How often the database is maintained.
const MAINTENANCE_EVERY: Duration = Duration::from_secs(60);
/// How often what was noted of devices and counted of the queue is written down.
const NOTES_EVERY: Duration = Duration::from_secs(5);
/// How often it is told who went.
const PRESENCE_EVERY: u32 = 12;
/// How often the queue is looked after.
const TEND_QUEUE_EVERY: Duration = Duration::from_secs(1);
/// How often records of the audit log get their places: within a second.
const SEQUENCE_EVERY: Duration = Duration::from_millis(400);
/// How often new keys of it are taken up: once a minute.
const AUDIT_KEYS_EVERY: u32 = 150;
/// How often heartbeats and deadlines of sockets are seen to.
const SOCKETS_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether those who are connected still may be.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// How long the last users of the database may take to let go of it after the last request.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// An open database, with the use cases over it.
pub(crate) struct Backend {
    store: Arc<dyn Store>,
    entropy: Arc<dyn Entropy>,
    service: Service,
}

impl Backend {
    /// [`Self::open`] for what works on a database that is there: it makes none in the wrong folder.
    ///
    /// # Errors
    /// As [`Self::open`], and when there is no such SQLite file.
    pub(crate) fn open_existing(settings: &Settings) -> Result<Self, Failure> {
        if let Some(path) = settings.database_url.strip_prefix("sqlite:") {
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            if !path.is_file() {
                let place = path.display();
                return Err(Failure::Failed(format!(
                    "{place} does not exist or is no file; check the folder and --database (`rejoin user add` makes a new database)"
                )));
            }
        }
        Self::open(settings)
    }

    /// Opens the database and starts what works on it. Blocks: not from within async code.
    ///
    /// # Errors
    /// [`Failure`] when the database can't be opened or lacks migrations.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Failure> {
        let mut database = DatabaseConfig::new(&settings.database_url);
        database.connections = settings.connections;
        database.allow_fsync_off = settings.allow_fsync_off;
        database.readers = settings.readers;
        let store = storage_diesel::open(&database)?;
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let hasher =
            PasswordHasher::with_threads(&PasswordConfig::default(), step_back).map_err(|error| Failure::Failed(error.to_string()))?;
        let service = Service::new(Arc::clone(&store), Arc::new(SystemClock), Arc::clone(&entropy), Arc::new(hasher));
        let service = service.with_keeping(settings.keeping).with_queue(settings.queue).with_fetch(Arc::new(Fetcher::new()?));
        Ok(Self { store, entropy, service })
    }

    /// The same as a node: what it tells reaches the other servers of its database, and what they tell reaches it. Blocks: not
    /// from within async code.
    ///
    /// # Errors
    /// [`Failure`] when the database can't be listened to.
    pub(crate) fn join_others(self, settings: &Settings) -> Result<Self, Failure> {
        let node_id = self.entropy.uuid_v7(self.service.now());
        let broadcaster = storage_diesel::open_broadcaster(&DatabaseConfig::new(&settings.database_url), node_id)?;
        let service = match broadcaster {
            Some(broadcaster) => self.service.with_broadcaster(broadcaster),
            None => self.service,
        };
        Ok(Self { service, ..self })
    }

    /// The same without a record of pushes, for measurements.
    pub(crate) fn unrecorded(self) -> Self {
        Self { service: self.service.without_push_records(), ..self }
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
    listener: TcpListener,
    state: ApiState,
    handle: ServerHandle,
    /// The server of `/metrics` alone, if there is one.
    metrics: Option<ServerHandle>,
    running: JoinHandle<io::Result<()>>,
    housekeeping: [JoinHandle<()>; 6],
    /// Those who decide what is queued, where this process does.
    workers: Option<Runner>,
    backend: Backend,
}

impl Server {
    /// Listens and accepts requests. Inside an actix system.
    ///
    /// # Errors
    /// [`Failure`] when the address can't be taken or the database does not answer.
    pub(crate) async fn start(backend: Backend, settings: &Settings) -> Result<Self, Failure> {
        backend.service.ready().await?;
        backend.service.prepare().await?;
        let key_file = audit_keys::path(settings);
        if let Some(key) = audit_keys::first(&key_file, &*backend.entropy)? {
            backend.service.record_audit_key(&key.public).await?;
            key.make()?;
        }
        backend.service.use_audit_keys(audit_keys::read(&key_file)?);
        let certificate = settings.door.tls.as_ref().map(Certificate::load).transpose()?;
        let state = ApiState::new(backend.service.clone(), Arc::clone(&backend.entropy), api_config(settings));
        let shared = state.clone();
        let mut server = HttpServer::new(move || App::new().configure(|cfg| api_actix::configure_alone(cfg, shared.clone())))
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(LINGER)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(settings.shutdown_grace.as_secs())
            .on_connect(api_actix::on_connect)
            .disable_signals();
        if settings.workers > 0 {
            server = server.workers(settings.workers);
        }
        let taken = |error| taken(settings.bind, "--bind", &error);
        let listener = listen(settings.bind).map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let accepting = listener.try_clone().map_err(taken)?;
        let server = match &certificate {
            Some(certificate) => server.listen_rustls_0_23(accepting, certificate.config()?),
            None => server.listen(accepting),
        };
        let server = server.map_err(taken)?.run();
        let handle = server.handle();
        let metrics = settings.metrics_bind.map(|bind| serve_metrics(bind, &state)).transpose()?;
        let housekeeping = [
            rt::spawn(keep_house(backend.service.clone())),
            rt::spawn(keep_queue(backend.service.clone())),
            rt::spawn(keep_notes(backend.service.clone())),
            rt::spawn(keep_sockets(state.hub().clone())),
            rt::spawn(keep_audit(backend.service.clone(), key_file)),
            rt::spawn(keep_certificate(certificate)),
        ];
        let workers = start_workers(&backend.service, settings);
        Ok(Self { address, listener, state, handle, metrics, running: rt::spawn(server), housekeeping, workers, backend })
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
        let Self { listener, state, handle, metrics, mut running, housekeeping, workers, backend, .. } = self;
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = stop => {
                // told to whoever balances load, for as long as the last requests take
                state.begin_draining();
                // what they hold goes to others at once
                if let Some(workers) = workers {
                    workers.stop().await;
                }
                tokio::select! {
                    ended = async { drain(&listener, &handle).await; (&mut running).await } => ended,
                    () = now => {
                        running.abort();
                        Ok(Ok(()))
                    }
                }
            }
        };
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        drop(state);
        for task in housekeeping {
            task.abort();
            // what it had begun is finished by the database; its end is awaited, so that it lets go of the service
            let _ = task.await;
        }
        write_down(&backend.service).await;
        backend.close().await;
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Failed(format!("the server ended: {error}"))),
            Err(error) => Err(Failure::Failed(format!("the server broke off: {error}"))),
        }
    }
}

fn api_config(settings: &Settings) -> ApiConfig {
    let mut config = ApiConfig::default();
    config.body_deadline = settings.body_deadline;
    config.metrics = settings.metrics_bind.is_none();
    config.proxies = settings.door.proxies.clone();
    config.limits = settings.door.limits;
    config.origins.clone_from(&settings.door.origins);
    config.tls = settings.door.tls.is_some();
    config
}

/// Writes down what was only noted in memory, at the end.
async fn write_down(service: &Service) {
    if let Err(error) = service.flush_devices().await {
        tracing::warn!(%error, "what was noted of devices could not be written down");
    }
    if let Err(error) = service.flush_queue_figures().await {
        tracing::warn!(%error, "what was counted of the queue could not be written down");
    }
    if let Err(error) = service.flush_presented().await {
        tracing::warn!(%error, "how far devices have read could not be written down");
    }
}

/// Maintains the database, a round a minute, for as long as the server runs.
async fn keep_house(service: Service) {
    loop {
        sleep(MAINTENANCE_EVERY).await;
        match service.maintain().await {
            Ok(done) if done.is_idle() => {}
            Ok(done) => tracing::debug!(
                presented = done.presented,
                buried = done.buried,
                changes = done.changes,
                payloads = done.payloads,
                "maintained the database"
            ),
            Err(error) => tracing::warn!(%error, "the database could not be maintained; the next round goes on"),
        }
    }
}

/// Writes down what was noted of devices and counted of the queue, and tells who went, for as long as the server runs.
async fn keep_notes(service: Service) {
    for round in (1..=PRESENCE_EVERY).cycle() {
        sleep(NOTES_EVERY).await;
        if let Err(error) = service.flush_devices().await {
            tracing::warn!(%error, "what was noted of devices could not be written down; the next round tries again");
        }
        if let Err(error) = service.flush_queue_figures().await {
            tracing::warn!(%error, "what was counted of the queue could not be written down; the next round tries again");
        }
        if round == PRESENCE_EVERY
            && let Err(error) = service.sweep_presence().await
        {
            tracing::warn!(%error, "who went could not be told; the next round tells");
        }
    }
}

/// Starts those who decide what is queued, if this process is to.
fn start_workers(service: &Service, settings: &Settings) -> Option<Runner> {
    let lease = Duration::from_millis(u64::try_from(settings.queue.lease_ms).unwrap_or_default());
    let mut config = runner::Config::default();
    config.ceiling = settings.queue_workers;
    config.heartbeat = lease / 3;
    config.poll = config.poll.min(lease);
    (settings.queue_workers > 0).then(|| runner::start(Arc::new(Workers::new(service.clone())), config))
}

/// Goes on with what requests left to be done in the queue.
async fn keep_queue(service: Service) {
    loop {
        sleep(TEND_QUEUE_EVERY).await;
        if let Err(error) = service.tend_queue().await {
            tracing::warn!(%error, "the queue could not be tended; the next round goes on");
        }
        // workers do it at leisure, which they may not have for long
        if let Err(error) = service.run_queue_tasks().await {
            tracing::warn!(%error, "what people began on the queue could not go on; the next round does");
        }
    }
}

/// Gives records of the audit log their places, and takes up new keys, for as long as the server runs.
async fn keep_audit(service: Service, key_file: PathBuf) {
    for round in (1..=AUDIT_KEYS_EVERY).cycle() {
        sleep(SEQUENCE_EVERY).await;
        if let Err(error) = service.sequence_audit().await {
            tracing::warn!(%error, "the audit log could not go on; the next round does");
        }
        if round == AUDIT_KEYS_EVERY {
            match audit_keys::read(&key_file) {
                Ok(keys) => service.use_audit_keys(keys),
                Err(error) => tracing::error!(%error, "the former keys go on signing"),
            }
        }
    }
}

/// Sees to sockets and event streams for as long as the server runs. A sweep that waits for the database holds up no
/// heartbeat.
async fn keep_sockets(hub: Hub) {
    let ticks = async {
        loop {
            sleep(SOCKETS_EVERY).await;
            hub.tick();
        }
    };
    let sweeps = async {
        loop {
            sleep(SWEEP_EVERY).await;
            if let Err(error) = hub.sweep().await {
                tracing::warn!(%error, "it could not be looked whether those who are connected still may be; the next sweep looks again");
            }
        }
    };
    tokio::join!(ticks, sweeps);
}

/// Follows the certificate's files, if there are any.
async fn keep_certificate(certificate: Option<Arc<Certificate>>) {
    if let Some(certificate) = certificate {
        certificate.keep_current().await;
    }
}

/// Serves `/metrics` alone, on an address of its own.
fn serve_metrics(bind: SocketAddr, state: &ApiState) -> Result<ServerHandle, Failure> {
    let shared = state.clone();
    let server = HttpServer::new(move || App::new().configure(|cfg| api_actix::configure_metrics(cfg, shared.clone())))
        .workers(1)
        .client_request_timeout(HEAD_DEADLINE)
        .keep_alive(KEEP_ALIVE)
        .disable_signals();
    let taken = |error| taken(bind, "--metrics-bind", &error);
    let listener = listen(bind).map_err(taken)?;
    tracing::info!(address = %listener.local_addr().map_err(taken)?, "metrics are served on an address of their own");
    let server = server.listen(listener).map_err(taken)?.run();
    let handle = server.handle();
    rt::spawn(server);
    Ok(handle)
}

fn taken(bind: SocketAddr, flag: &str, error: &io::Error) -> Failure {
    Failure::Failed(format!("{bind} can't be listened on: {error}; choose another with {flag}, or stop who uses it"))
}

/// Takes an address. As actix does it by itself: at once after an earlier server let go of it, with room for a crowd.
fn listen(bind: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(bind), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&bind.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts no more, and resolves when what was accepted is finished. actix hangs up on connections whose request it has
/// not read yet: those that came last get the time to show it.
async fn drain(listener: &TcpListener, handle: &ServerHandle) {
    logging::expect_closed_listener();
    if let Err(error) = SockRef::from(listener).shutdown(Shutdown::Both) {
        tracing::debug!(%error, "the listener can't be closed early");
    }
    sleep(LAST_REQUESTS_WITHIN).await;
    handle.stop(true).await;
}
