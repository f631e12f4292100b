//! Login by a provider of identity (OpenID Connect Core 1.0): the code flow with PKCE (RFC 7636, S256), `state` and `nonce`.
//! Pure: what is asked of the provider, and with what, is for the caller to fetch.

mod begun;
mod keys;
mod token;
mod verify;

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use sync_core::ports::{Entropy, FetchRequest};

pub use self::begun::Begun;
pub use self::keys::KeySet;
pub use self::token::{Expected, Identity, Refusal, check};

/// Random text of 256 bits, in characters that need no escape: a `nonce`, a verifier, a code.
#[must_use]
pub fn random_text(entropy: &dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode(crate::token::random(entropy))
}

/// The challenge of a verifier (S256).
#[must_use]
pub fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Whether a text has the form of a challenge: 32 bytes in base64url.
#[must_use]
pub fn is_challenge(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// What is stored of a secret text.
#[must_use]
pub fn hash_of(text: &str) -> [u8; 32] {
    crate::token::sha256(text.as_bytes())
}

/// Whether what is sent to a URL can't be listened to: it is https, or stays on this machine.
#[must_use]
pub fn is_private(url: &str) -> bool {
    let host = |rest: &str| -> Option<String> {
        let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty() && !authority.contains('@'))?;
        let host = authority.strip_prefix('[').and_then(|v6| v6.split_once(']')).map(|(host, _)| host);
        Some(host.unwrap_or_else(|| authority.split(':').next().unwrap_or_default()).to_owned())
    };
    let loopback = |host: String| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => host(rest).is_some(),
        (None, Some(rest)) => host(rest).is_some_and(loopback),
        (None, None) => false,
    }
}

/// Where a provider is asked for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Where people log in.
    pub authorization: String,
    /// Where a code buys an ID token.
    pub token: String,
    /// Where its keys are.
    pub keys: String,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

/// Where an issuer describes itself (OpenID Connect Discovery 1.0, 4).
#[must_use]
pub fn discovery_of(issuer: &str) -> FetchRequest {
    FetchRequest::get(format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
}

impl Endpoints {
    /// Reads what an issuer says of itself.
    ///
    /// # Errors
    /// What is wrong with it: another issuer's, or an address that could be listened to.
    pub fn parse(bytes: &[u8], issuer: &str) -> Result<Self, String> {
        let told: Discovery = serde_json::from_slice(bytes).map_err(|error| format!("its description can't be read: {error}"))?;
        if told.issuer != issuer {
            return Err(format!("it says that it is {}", told.issuer));
        }
        let endpoints = Self { authorization: told.authorization_endpoint, token: told.token_endpoint, keys: told.jwks_uri };
        let open = [&endpoints.authorization, &endpoints.token, &endpoints.keys].into_iter().find(|url| !is_private(url));
        open.map_or(Ok(endpoints.clone()), |url| Err(format!("{url} is not https")))
    }
}

/// One login as it is put to a provider.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What Rejoin is called there.
    pub client_id: &'a str,
    /// What proves that it is Rejoin, if anything does.
    pub client_secret: Option<&'a str>,
    /// Where the answer goes.
    pub redirect_uri: &'a str,
    /// Fits no other login.
    pub verifier: &'a str,
}

impl Asked<'_> {
    /// Where somebody's browser goes to log in.
    #[must_use]
    pub fn authorization_url(&self, endpoints: &Endpoints, state: &str, nonce: &str) -> String {
        let challenge = challenge_of(self.verifier);
        with_query(
            &endpoints.authorization,
            &[
                ("response_type", "code"),
                ("client_id", self.client_id),
                ("redirect_uri", self.redirect_uri),
                ("scope", "openid email profile"),
                ("state", state),
                ("nonce", nonce),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        )
    }

    /// What buys the ID token.
    #[must_use]
    pub fn token_request(&self, endpoints: &Endpoints, code: &str) -> FetchRequest {
        let mut request = FetchRequest::get(&endpoints.token);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri),
            ("code_verifier", self.verifier),
        ];
        match self.client_secret {
            // both as in a form, before they are put together (RFC 6749, 2.3.1)
            Some(secret) => request.basic = Some((escaped(self.client_id), escaped(secret))),
            None => form.push(("client_id", self.client_id)),
        }
        request.form = Some(form.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        request
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

/// The ID token of a provider's answer.
///
/// # Errors
/// Why there is none.
pub fn id_token(bytes: &[u8]) -> Result<String, String> {
    let answer: TokenAnswer = serde_json::from_slice(bytes).map_err(|error| format!("its answer holds no ID token: {error}"))?;
    Ok(answer.id_token)
}

/// A URL with more parameters in its query.
#[must_use]
pub fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    format!("{url}{}{}", if url.contains('?') { '&' } else { '?' }, pairs.join("&"))
}

/// A text in a URL or a form (RFC 3986, 2.3).
#[must_use]
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            for half in [byte >> 4, byte & 0xf] {
                escaped.extend(char::from_digit(half.into(), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
        escaped
    })
}

#[cfg(test)]
mod tests;
