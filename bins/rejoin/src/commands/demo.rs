//! `rejoin demo`.

use std::future::pending;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::rt::{System, task};
use sync_core::protocol::v1::identity::AddUserRequest;

use crate::cli::DemoArgs;
use crate::commands::serve::Signals;
use crate::demo::story::{self, ANA, Ending, ORGANISATION, PASSWORD};
use crate::failure::Failure;
use crate::logging;
use crate::server::{Backend, Server};
use crate::settings::Settings;

/// Where the demo listens, unless that is taken.
const PORT: u16 = 8080;

/// Plays the demo on SQLite in a temporary folder; with `--once` it ends then, otherwise the server stays up.
pub(crate) fn run(mut settings: Settings, demo: &DemoArgs) -> Result<(), Failure> {
    logging::start(&settings);
    let folder = tempfile::tempdir().map_err(|error| Failure::Failed(format!("no temporary folder can be made: {error}")))?;
    settings.database_url = format!("sqlite:{}", folder.path().join("rejoin.db").display());
    settings.bind = match &demo.bind {
        Some(bind) => {
            bind.parse().map_err(|_| Failure::Input(format!("--bind {bind}: an address and a port are expected, e.g. 127.0.0.1:8080")))?
        }
        None => free_address(),
    };
    let backend = Backend::open(&settings)?;
    System::new().block_on(show(backend, &settings, demo.once))
}

/// The usual port of the loopback, or any that is free.
fn free_address() -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    if TcpListener::bind(usual).is_ok() { usual } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
}

async fn show(backend: Backend, settings: &Settings, once: bool) -> Result<(), Failure> {
    let (first, second) = (Signals::listen()?, Signals::listen()?);
    let ana = AddUserRequest { email: ANA.into(), password: PASSWORD.into(), name: "Ana".into() };
    backend.service().bootstrap_user(ORGANISATION, ana, true).await?;
    let server = Server::start(backend, settings).await?;
    let url = format!("http://{}", server.address());
    let address = url.clone();
    let played = task::spawn_blocking(move || story::play(&address)).await;
    let ending = played.map_err(|error| Failure::Failed(format!("the demo broke off: {error}"))).and_then(|ending| ending);
    let ending = match ending {
        Ok(ending) => ending,
        Err(failure) => {
            server.run_until(async {}, pending()).await?;
            return Err(failure);
        }
    };
    if once {
        return server.run_until(async {}, pending()).await;
    }
    invite(&url, &ending);
    server.run_until(first.any(), second.second()).await
}

fn invite(url: &str, ending: &Ending) {
    let Ending { space, token, .. } = ending;
    let text = format!(
        "The server stays up at {url}, for this computer alone, until Ctrl+C; its data goes then.
  Log in as ana@example.org, rui@example.org or ines@example.org, password {PASSWORD}:
    curl {url}/api/auth/login -H 'Content-Type: application/json' \\
      -d '{{\"email\":\"{ANA}\",\"password\":\"{PASSWORD}\",\"device\":{{\"name\":\"my terminal\"}}}}'
  See what is asked of Ana (this token lives 15 minutes):
    curl '{url}/api/offline/conflict?space={space}&state=open' -H 'Authorization: Bearer {token}'
  Is it ready? {url}/readyz"
    );
    // nobody may be listening any more
    let _ = writeln!(io::stdout(), "{text}");
}
