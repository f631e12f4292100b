//! Asking other servers: the adapter of the `Fetch` port. TLS by rustls with ring, no redirects, five seconds, 256 KiB.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use sync_core::ports::{Fetch, FetchError, FetchRequest, Fetched};

use crate::failure::Failure;

/// How long an answer may take, from the name to its last byte.
const WITHIN: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const MAX_BYTES: usize = 262_144;

/// A client of other servers.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher(Client);

impl Fetcher {
    /// One with connections of its own.
    ///
    /// # Errors
    /// [`Failure::Failed`] when the system's certificates can't be used.
    pub(crate) fn new() -> Result<Self, Failure> {
        // another that stands already is the same
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).timeout(WITHIN).no_proxy().build();
        client.map(Self).map_err(|error| Failure::Failed(format!("other servers can't be asked: {error}")))
    }
}

impl Fetch for Fetcher {
    fn fetch(&self, request: FetchRequest) -> Fetched {
        let mut sent = match &request.form {
            None => self.0.get(&request.url),
            Some(form) => self.0.post(&request.url).header("content-type", "application/x-www-form-urlencoded").body(encoded(form)),
        };
        if let Some((user, password)) = &request.basic {
            sent = sent.basic_auth(user, Some(password));
        }
        let sent = sent.header("accept", "application/json").send();
        Box::pin(async move {
            // what it says may name the address, and nothing that was sent
            let answer = sent.await.map_err(|error| FetchError::Unreachable(error.without_url().to_string()))?;
            let status = answer.status();
            if status.is_success() { read(answer).await } else { Err(FetchError::Refused(status.as_u16())) }
        })
    }
}

async fn read(mut answer: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(bytes) = answer.chunk().await.map_err(|error| FetchError::Unreachable(error.without_url().to_string()))? {
        body.extend_from_slice(&bytes);
        if body.len() > MAX_BYTES {
            return Err(FetchError::Unreachable(format!("it sends more than {MAX_BYTES} bytes")));
        }
    }
    Ok(body)
}

fn encoded(form: &[(String, String)]) -> String {
    let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{}={}", auth::oidc::escaped(name), auth::oidc::escaped(value))).collect();
    pairs.join("&")
}
