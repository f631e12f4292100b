//! The calls that the load generator makes, and the devices that make them.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use sync_core::OrganisationId;

use super::wire::{Answer, Connection, Encoding, Endpoint, Request};
use crate::failure::Failure;

/// Attempts at a request that the server is too busy for.
const ATTEMPTS: u32 = 30;
/// The wait after a refusal that names none.
const PAUSE: Duration = Duration::from_millis(200);
/// A token that lives for less is renewed before it is used.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// Who logs in.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) password: String,
}

/// What a login or a renewal gives.
#[derive(Debug, Clone, Deserialize)]
struct Grant {
    access_token: String,
    refresh_token: String,
    expires_in_s: u64,
    organisation_id: OrganisationId,
}

/// A device that is logged in, with a connection of its own.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) connection: Connection,
    grant: Grant,
    renew_at: Instant,
    /// Requests that were sent again because the server had too much to do.
    pub(crate) refusals: u64,
}

impl Device {
    /// Logs in on a new device.
    ///
    /// # Errors
    /// [`Failure`] that tells a wrong address from a wrong password.
    pub(crate) async fn login(endpoint: &Endpoint, account: &Account, name: &str) -> Result<Self, Failure> {
        let mut connection = Connection::new(endpoint);
        let body = json!({"email": account.email, "password": account.password, "device": {"name": name, "platform": "bench"}});
        let body = body.to_string();
        let request =
            Request { method: "POST", path: "/api/auth/login", token: "", encoding: Encoding::None, body: body.as_bytes(), lines: false };
        let mut refusals = 0;
        let answer = persist(&mut connection, request, &mut refusals).await?;
        if answer.status == 401 {
            return Err(Failure::Input(format!(
                "{} refuses the login of {}: check the email and the password",
                endpoint.authority, account.email
            )));
        }
        let grant: Grant = read(&answer, "POST", "/api/auth/login").map_err(|failure| match failure {
            Failure::Failed(message) | Failure::Input(message) => {
                Failure::Failed(format!("{message}; is {}{} a Rejoin server?", endpoint.authority, endpoint.prefix))
            }
            Failure::Unheard => Failure::Unheard,
        })?;
        let renew_at = renewal(&grant);
        Ok(Self { connection, grant, renew_at, refusals: 0 })
    }

    /// The organisation that it works in.
    pub(crate) const fn organisation_id(&self) -> OrganisationId {
        self.grant.organisation_id
    }

    /// Makes sure that the token lives for a while.
    pub(crate) async fn renew(&mut self, at_least: Duration) -> Result<(), Failure> {
        if Instant::now() + at_least < self.renew_at {
            return Ok(());
        }
        let body = json!({"refresh_token": self.grant.refresh_token}).to_string();
        let path = "/api/auth/refresh";
        let request = Request { method: "POST", path, token: "", encoding: Encoding::None, body: body.as_bytes(), lines: false };
        let answer = persist(&mut self.connection, request, &mut self.refusals).await?;
        self.grant = read(&answer, "POST", path)?;
        self.renew_at = renewal(&self.grant);
        Ok(())
    }

    /// A request whose answer must be a success; one that the server is too busy for is sent again.
    pub(crate) async fn call(&mut self, method: &str, path: &str, encoding: Encoding, body: &[u8]) -> Result<Answer, Failure> {
        self.renew(Duration::ZERO).await?;
        let request = Request { method, path, token: &self.grant.access_token, encoding, body, lines: false };
        let answer = persist(&mut self.connection, request, &mut self.refusals).await?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(refused(&answer, method, path)) }
    }

    /// The status of a request, whatever it is.
    pub(crate) async fn status(&mut self, method: &str, path: &str) -> Result<u16, Failure> {
        self.renew(Duration::ZERO).await?;
        let request = Request { method, path, token: &self.grant.access_token, encoding: Encoding::None, body: b"", lines: false };
        Ok(persist(&mut self.connection, request, &mut self.refusals).await?.status)
    }

    /// A request that is sent once, whatever the answer.
    pub(crate) async fn try_once(&mut self, method: &str, path: &str, encoding: Encoding, body: &[u8]) -> Result<Answer, Failure> {
        self.connection.ask(Request { method, path, token: &self.grant.access_token, encoding, body, lines: false }).await
    }

    /// A request of lines whose answer must be a success.
    pub(crate) async fn call_lines(&mut self, path: &str, body: &[u8]) -> Result<Answer, Failure> {
        self.renew(Duration::ZERO).await?;
        let request = Request { method: "POST", path, token: &self.grant.access_token, encoding: Encoding::None, body, lines: true };
        let answer = persist(&mut self.connection, request, &mut self.refusals).await?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(refused(&answer, "POST", path)) }
    }

    /// From now on it talks to another server.
    pub(crate) fn move_to(&mut self, endpoint: &Endpoint) {
        self.connection = Connection::new(endpoint);
    }

    /// The same device with another connection. Its token is not renewed by both.
    pub(crate) fn beside(&self) -> Self {
        Self { connection: self.connection.beside(), grant: self.grant.clone(), renew_at: self.renew_at, refusals: 0 }
    }

    /// Its token.
    pub(crate) fn token(&self) -> &str {
        &self.grant.access_token
    }

    /// A call with JSON both ways.
    pub(crate) async fn call_json(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let answer = self.call(method, path, Encoding::None, body.to_string().as_bytes()).await?;
        read(&answer, method, path)
    }
}

/// Asks again while the server says that it has too much to do.
async fn persist(connection: &mut Connection, request: Request<'_>, refusals: &mut u64) -> Result<Answer, Failure> {
    let mut attempt = 1;
    loop {
        let answer = connection.ask(request).await?;
        if !matches!(answer.status, 429 | 503) || attempt == ATTEMPTS {
            return Ok(answer);
        }
        attempt += 1;
        *refusals += 1;
        tokio::time::sleep(answer.retry_after_s.map_or(PAUSE, Duration::from_secs)).await;
    }
}

fn renewal(grant: &Grant) -> Instant {
    Instant::now() + Duration::from_secs(grant.expires_in_s).saturating_sub(RENEW_BEFORE)
}

/// Reads a successful answer.
pub(crate) fn read<'a, T: Deserialize<'a>>(answer: &'a Answer, method: &str, path: &str) -> Result<T, Failure> {
    if !(200..300).contains(&answer.status) {
        return Err(refused(answer, method, path));
    }
    serde_json::from_slice(&answer.body).map_err(|error| Failure::Failed(format!("{method} {path} answered what can't be read: {error}")))
}

fn refused(answer: &Answer, method: &str, path: &str) -> Failure {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Failure::Failed(format!("{method} {path} answered {} {} {}", answer.status, text("code"), text("detail")).trim_end().to_owned())
}
