//! Which providers there are, and what is known of each for a while: where it is asked what, and its keys.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::{check, oidc};
use serde_json::json;
use sync_core::ports::{Access, OidcProvider, Organisation};
use sync_core::{Code, OrganisationId, Problem, Timestamp};

use super::turns::Turns;
use super::{away, unreachable};
use crate::audit::{self, Act};
use crate::identity::users::made;
use crate::{Service, ServiceResult};

/// How long what a provider says of itself is taken for true, in milliseconds: an hour.
const FRESH_MS: i64 = 60 * 60 * 1_000;
/// Keys are asked for anew at most so often, in milliseconds, whatever tokens name, and a provider that could not be asked
/// is asked again: ten seconds.
const ASK_AGAIN_MS: i64 = 10_000;
/// Of more providers than this nothing is remembered.
const MOST: usize = 256;

/// What is known of providers, by name.
#[derive(Default)]
pub(crate) struct Providers {
    book: Mutex<BTreeMap<String, Entry>>,
    turns: Turns,
}

/// What came of asking a provider for its description.
#[derive(Clone)]
struct Entry {
    issuer: String,
    known: Option<Known>,
    /// When it failed to give one, unless it gave one since.
    failed_at: Option<Timestamp>,
}

#[derive(Clone)]
struct Known {
    endpoints: oidc::Endpoints,
    described_at: Timestamp,
    keys: Option<(oidc::KeySet, Timestamp)>,
}

impl Entry {
    /// What it tells without asking: a description, which may be old while the provider can't be asked; `None` when it is
    /// to be asked.
    fn told(&self, now: Timestamp) -> Option<Result<Known, Problem>> {
        if let Some(known) = self.known.as_ref().filter(|known| is_within(known.described_at, now, FRESH_MS)) {
            return Some(Ok(known.clone()));
        }
        let failed_at = self.failed_at.filter(|failed_at| is_within(*failed_at, now, ASK_AGAIN_MS))?;
        let away = || away().after_ms(failed_at.plus_ms(ASK_AGAIN_MS).millis().saturating_sub(now.millis()).unsigned_abs());
        Some(self.known.clone().ok_or_else(away))
    }
}

impl Providers {
    /// Where a provider is asked for what.
    pub(super) async fn endpoints(&self, service: &Service, provider: &OidcProvider) -> Result<oidc::Endpoints, Problem> {
        Ok(self.known(service, provider).await?.endpoints)
    }

    /// A provider's keys.
    pub(super) async fn keys(&self, service: &Service, provider: &OidcProvider) -> Result<oidc::KeySet, Problem> {
        let known = self.known(service, provider).await?;
        match known.keys.as_ref().filter(|(_, read_at)| is_within(*read_at, service.now(), FRESH_MS)) {
            Some((keys, _)) => Ok(keys.clone()),
            None => self.read_keys(service, provider, known).await,
        }
    }

    /// A provider's keys, asked for anew, because a token names one that is not among those that are known; `None` when
    /// that was done a moment ago: whoever makes up names does not make the server ask.
    pub(super) async fn newer_keys(&self, service: &Service, provider: &OidcProvider) -> Result<Option<oidc::KeySet>, Problem> {
        let known = self.known(service, provider).await?;
        if known.keys.as_ref().is_some_and(|(_, read_at)| is_within(*read_at, service.now(), ASK_AGAIN_MS)) {
            return Ok(None);
        }
        self.read_keys(service, provider, known).await.map(Some)
    }

    /// What a provider says of itself. Whoever logs in makes the server ask, without a login: so one asks for all who wait,
    /// and a failure counts for a while, as a success does.
    async fn known(&self, service: &Service, provider: &OidcProvider) -> Result<Known, Problem> {
        if let Some(told) = self.told(provider, service.now()) {
            return told;
        }
        let _turn = self.turns.take(&provider.name).await;
        // whoever had the turn before has told
        if let Some(told) = self.told(provider, service.now()) {
            return told;
        }
        let described = describe(service, provider).await;
        let now = service.now();
        let entry = match &described {
            Ok(endpoints) => {
                let known = Known { endpoints: endpoints.clone(), described_at: now, keys: None };
                Entry { issuer: provider.issuer.clone(), known: Some(known), failed_at: None }
            }
            Err(_) => Entry { issuer: provider.issuer.clone(), known: self.stale(provider), failed_at: Some(now) },
        };
        let told = entry.told(now);
        self.note(provider, entry);
        told.unwrap_or_else(|| Err(away()))
    }

    async fn read_keys(&self, service: &Service, provider: &OidcProvider, mut known: Known) -> Result<oidc::KeySet, Problem> {
        let request = sync_core::ports::FetchRequest::get(&known.endpoints.keys);
        let bytes = service.fetch.fetch(request).await.map_err(|error| unreachable(provider, &error))?;
        let keys = oidc::KeySet::parse(&bytes).map_err(|error| unreachable(provider, &error))?;
        known.keys = Some((keys.clone(), service.now()));
        let failed_at = self.entry(provider).and_then(|entry| entry.failed_at);
        self.note(provider, Entry { issuer: provider.issuer.clone(), known: Some(known), failed_at });
        Ok(keys)
    }

    fn told(&self, provider: &OidcProvider, now: Timestamp) -> Option<Result<Known, Problem>> {
        self.entry(provider)?.told(now)
    }

    fn stale(&self, provider: &OidcProvider) -> Option<Known> {
        self.entry(provider)?.known
    }

    /// What is known of a provider, unless it had another issuer then.
    fn entry(&self, provider: &OidcProvider) -> Option<Entry> {
        self.book().get(&provider.name).filter(|entry| entry.issuer == provider.issuer).cloned()
    }

    fn note(&self, provider: &OidcProvider, entry: Entry) {
        let mut book = self.book();
        if book.len() >= MOST {
            book.clear();
        }
        book.insert(provider.name.clone(), entry);
    }

    // a map is whole whenever nobody holds the lock
    fn book(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a provider where it is asked for what.
async fn describe(service: &Service, provider: &OidcProvider) -> Result<oidc::Endpoints, Problem> {
    let bytes = service.fetch.fetch(oidc::discovery_of(&provider.issuer)).await.map_err(|error| unreachable(provider, &error))?;
    oidc::Endpoints::parse(&bytes, &provider.issuer).map_err(|error| unreachable(provider, &error))
}

fn is_within(at: Timestamp, now: Timestamp, ms: i64) -> bool {
    (0..ms).contains(&now.millis().saturating_sub(at.millis()))
}

/// A provider as an operator describes it.
#[derive(Debug, Clone, Default)]
pub struct OidcSettings {
    /// What it is called in addresses: small letters, digits and `-`.
    pub name: String,
    /// The organisation of whoever logs in by it; it is made when there is none of this name.
    pub organisation: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// What Rejoin is called there.
    pub client_id: String,
    /// What proves that it is Rejoin, unless it is a public client there.
    pub client_secret: Option<String>,
    /// Where Rejoin is reached.
    pub public_url: String,
    /// Where apps may be returned to.
    pub return_to: Vec<String>,
    /// Whether whoever it knows by a verified email gets the account with that email, or a new one.
    pub by_email: bool,
}

impl Service {
    /// Adds a provider, in the place of one of the same name; the address to which it is to send people back. For the
    /// command line: nobody's right is asked.
    ///
    /// # Errors
    /// `malformed`.
    pub async fn add_oidc_provider(&self, settings: OidcSettings) -> ServiceResult<String> {
        let now = self.now();
        let organisation = Organisation {
            organisation_id: OrganisationId(self.entropy.uuid_v7(now)),
            name: check::label(&settings.organisation, 1, 200, "/organisation")?,
            created_at: now,
        };
        let provider = provider_of(settings, organisation.organisation_id, now)?;
        let redirect_uri = super::asked(&provider, "").redirect_uri;
        let entropy = Arc::clone(&self.entropy);
        let store = self.store.transact(Access::Write, move |tx| {
            let standing = tx.ensure_organisation(&organisation)?;
            let provider = OidcProvider { organisation_id: standing.organisation_id, ..provider.clone() };
            let before = tx.find_oidc_provider(&provider.name)?;
            tx.put_oidc_provider(&provider)?;
            audit::write(tx, &*entropy, now, made(&organisation, &standing))?;
            audit::write(tx, &*entropy, now, acts_of(before.as_ref(), &provider))
        });
        store.await?;
        Ok(redirect_uri)
    }

    /// The providers, by name.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_oidc_providers(&self) -> ServiceResult<Vec<OidcProvider>> {
        Ok(self.store.transact(Access::Read, |tx| tx.list_oidc_providers()).await?)
    }

    /// Removes a provider. Nobody logs in by it any more; accounts and logins stay.
    ///
    /// # Errors
    /// `unknown_provider`.
    pub async fn remove_oidc_provider(&self, name: &str) -> ServiceResult<()> {
        let (name, now, entropy) = (name.to_owned(), self.now(), Arc::clone(&self.entropy));
        let removed = self.store.transact(Access::Write, move |tx| {
            let provider = tx.find_oidc_provider(&name)?;
            let dropped = tx.drop_oidc_provider(&name)?;
            audit::write(tx, &*entropy, now, provider.filter(|_| dropped).map(|provider| act_of("oidc.remove", &provider)))?;
            Ok(dropped)
        });
        if removed.await? { Ok(()) } else { Err(super::unknown_provider().into()) }
    }
}

/// What is recorded of a provider that is added, perhaps in the place of another; one of another organisation is lost to
/// that one, whose log says so.
fn acts_of(before: Option<&OidcProvider>, after: &OidcProvider) -> Vec<Act> {
    let act = act_of("oidc.add", after);
    match before {
        None => vec![act],
        Some(before) if before.organisation_id != after.organisation_id => vec![act_of("oidc.remove", before), act],
        Some(before) => vec![
            act.changing("issuer", before.issuer.as_str(), after.issuer.as_str())
                .changing("client_id", before.client_id.as_str(), after.client_id.as_str())
                .changing("public_url", before.public_url.as_str(), after.public_url.as_str())
                .changing("return_to", before.return_to.as_str(), after.return_to.as_str())
                .changing("by_email", before.by_email, after.by_email),
        ],
    }
}

/// What an operator does with a provider; never its secret.
fn act_of(action: &'static str, provider: &OidcProvider) -> Act {
    let details = json!({"operator": true, "provider": provider.name, "issuer": provider.issuer, "by_email": provider.by_email});
    Act::of(provider.organisation_id, action).about(&provider.name).with(details)
}

fn provider_of(settings: OidcSettings, organisation_id: OrganisationId, now: Timestamp) -> Result<OidcProvider, Problem> {
    let OidcSettings { name, issuer, client_id, client_secret, public_url, return_to, by_email, .. } = settings;
    let malformed = |detail: String| Problem::new(Code::Malformed, detail);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(malformed(format!("the name {name:?} is to have 1 to 64 small letters, digits and -: it is part of an address")));
    }
    for (what, url) in [("issuer", &issuer), ("public-url", &public_url)] {
        if !oidc::is_private(url) {
            return Err(malformed(format!("--{what} {url} is to begin with https://, or with http:// and a name of this machine")));
        }
    }
    if let Some(url) = return_to.iter().find(|url| !url.contains(':') || url.chars().any(|c| c.is_whitespace() || c.is_control())) {
        return Err(malformed(format!(
            "--return-to {url:?} is to be an address of an app, such as https://app.example/in or app.example:/in"
        )));
    }
    let client_id = check::label(&client_id, 1, 200, "/client_id")?;
    let public_url = public_url.trim_end_matches('/').to_owned();
    let return_to = return_to.join("\n");
    Ok(OidcProvider { name, organisation_id, issuer, client_id, client_secret, public_url, return_to, by_email, created_at: now })
}
