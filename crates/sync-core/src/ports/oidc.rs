//! Providers of identity of others (`OpenID` Connect): which there are, logins by them that were finished, and who is whom.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::StoreResult;
use crate::{OrganisationId, Timestamp, UserId};

/// A provider whose word is taken for who somebody of one organisation is.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcProvider {
    /// What it is called in addresses, unique in the installation.
    pub name: String,
    /// The organisation of whoever logs in by it.
    pub organisation_id: OrganisationId,
    /// Its issuer identifier, a URL.
    pub issuer: String,
    /// What Rejoin is called there.
    pub client_id: String,
    /// What proves that it is Rejoin, unless it is a public client there.
    pub client_secret: Option<String>,
    /// Where Rejoin is reached, without a stroke at the end.
    pub public_url: String,
    /// Where apps may be returned to, each in a line of its own.
    pub return_to: String,
    /// Whether whoever it knows by a verified email gets the account with that email, or a new one.
    pub by_email: bool,
    /// When it was added.
    pub created_at: Timestamp,
}

impl fmt::Debug for OidcProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcProvider").field("name", &self.name).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A code that an app was given for somebody whom a provider let in, until it fetches its tokens. It is good once.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcCode {
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// What the app's verifier is to fit.
    pub challenge: String,
    /// Who it is.
    pub user_id: UserId,
    /// When it is over.
    pub expires_at: Timestamp,
}

impl fmt::Debug for OidcCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcCode").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// Whom an issuer means by a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcLink {
    /// The issuer identifier.
    pub issuer: String,
    /// The subject, unique and never reused at that issuer.
    pub subject: String,
    /// Their tenant.
    pub organisation_id: OrganisationId,
    /// The person.
    pub user_id: UserId,
    /// Since when.
    pub linked_at: Timestamp,
}

/// Rows of providers, logins by them that were finished, and links.
pub trait OidcRows {
    /// Stores a provider over what stood under its name.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_oidc_provider(&mut self, provider: &OidcProvider) -> StoreResult<()>;

    /// All providers, by name.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_oidc_providers(&mut self) -> StoreResult<Vec<OidcProvider>>;

    /// The provider of a name.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_oidc_provider(&mut self, name: &str) -> StoreResult<Option<OidcProvider>>;

    /// Drops a provider; whether there was one. Links stay.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_oidc_provider(&mut self, name: &str) -> StoreResult<bool>;

    /// Whether the login of a `state` was finished.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn is_oidc_state_used(&mut self, state_id: &[u8; 32]) -> StoreResult<bool>;

    /// Notes that the login of a `state` is finished, which nobody believes after an instant; `false` when it was before.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn use_oidc_state(&mut self, state_id: &[u8; 32], until: Timestamp) -> StoreResult<bool>;

    /// Stores a code.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_oidc_code(&mut self, code: &OidcCode) -> StoreResult<()>;

    /// Takes a code away: it is good once.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn take_oidc_code(&mut self, hash: &[u8; 32]) -> StoreResult<Option<OidcCode>>;

    /// Drops codes and used states that were over before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_oidc_codes(&mut self, before: Timestamp) -> StoreResult<()>;

    /// Whom an issuer means by a subject.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_oidc_link(&mut self, issuer: &str, subject: &str) -> StoreResult<Option<OidcLink>>;

    /// Stores a link; `false` when there is one of that issuer and subject.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_oidc_link(&mut self, link: &OidcLink) -> StoreResult<bool>;

    /// Drops a link; whether there was one.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_oidc_link(&mut self, issuer: &str, subject: &str) -> StoreResult<bool>;
}

/// A request to another server.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest {
    /// Where.
    pub url: String,
    /// A form to post; without one it is a GET.
    pub form: Option<Vec<(String, String)>>,
    /// User and password (RFC 7617).
    pub basic: Option<(String, String)>,
}

impl FetchRequest {
    /// A GET.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), form: None, basic: None }
    }
}

impl fmt::Debug for FetchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchRequest").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why another server gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// It could not be reached, took too long, or sent more than is read.
    #[error("{0}")]
    Unreachable(String),
    /// It answered with this status, and not with success.
    #[error("it answered {0}")]
    Refused(u16),
}

/// What comes of a [`FetchRequest`].
pub type Fetched = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send>>;

/// Asks other servers. It follows no redirect, and bounds time and size.
pub trait Fetch: Send + Sync {
    /// The body of a successful answer.
    fn fetch(&self, request: FetchRequest) -> Fetched;
}
