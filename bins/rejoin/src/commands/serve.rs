//! `rejoin serve`.

use std::io::{self, Write as _};

use actix_web::rt::System;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::logging;
use crate::otel::Traces;
use crate::server::{Backend, Server};
use crate::settings::{Settings, redacted};
use crate::system::raise_open_files;

/// Serves until SIGTERM or SIGINT, and finishes what was accepted; a second signal lets go of it.
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    run_with(settings, |backend| backend)
}

/// The same without a record of pushes: for `rejoin bench`, which tells what it costs.
pub(crate) fn run_unrecorded(settings: &Settings) -> Result<(), Failure> {
    run_with(settings, Backend::unrecorded)
}

fn run_with(settings: &Settings, change: impl FnOnce(Backend) -> Backend) -> Result<(), Failure> {
    refuse_in_the_open(settings)?;
    let traces = Traces::start(settings);
    logging::start_with(settings, traces.as_ref());
    raise_open_files();
    tracing::info!(database = %redacted("database.url", &settings.database_url), "opening the database");
    let backend = change(Backend::open(settings)?.join_others(settings)?);
    let outcome = System::new().block_on(serve(backend, settings));
    if let Some(traces) = traces {
        traces.finish();
    }
    outcome
}

async fn serve(backend: Backend, settings: &Settings) -> Result<(), Failure> {
    // before anybody can know that the server is there
    let (first, second) = (Signals::listen()?, Signals::listen()?);
    let server = Server::start(backend, settings).await?;
    let address = server.address();
    let scheme = if settings.door.tls.is_some() { "https" } else { "http" };
    announce(&format!("rejoin listens on {scheme}://{address}"));
    let stop = async move {
        first.any().await;
        tracing::info!("stopping: no new connections, what was accepted is finished");
    };
    let outcome = server.run_until(stop, second.second()).await;
    tracing::info!("stopped");
    outcome
}

/// Passwords and tokens are not to travel where others can listen: beyond this machine there is TLS, or a proxy that has it.
fn refuse_in_the_open(settings: &Settings) -> Result<(), Failure> {
    let Settings { bind, door, .. } = settings;
    if bind.ip().is_loopback() || door.tls.is_some() || !door.proxies.is_empty() {
        return Ok(());
    }
    Err(Failure::Input(format!(
        "{bind} can be reached from other machines, and nothing would be encrypted; give tls.cert and tls.key, or name the proxy that \
         speaks TLS before this server in server.trusted_proxies, or bind it to 127.0.0.1"
    )))
}

/// Tells whoever started the process. Nobody may be listening, and that is no reason to stop.
fn announce(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// SIGTERM and SIGINT, listened to from the moment that this is made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::Failed(format!("signals can't be received: {error}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Resolves at the next signal.
    pub(crate) async fn any(mut self) {
        self.next().await;
    }

    /// Resolves at the second signal from the beginning.
    pub(crate) async fn second(mut self) {
        self.next().await;
        self.next().await;
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
