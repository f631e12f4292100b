//! Login by a provider of identity. An app sends somebody's browser to it ([`Service::begin_oidc`]); the provider sends the
//! browser back ([`Service::finish_oidc`]); what the app gets then is a code that is good once, for a minute, and only for
//! whoever holds the verifier that the login was begun with ([`Service::redeem_oidc`]). No token is ever in an address.
//!
//! Anybody may begin a login, so nothing is kept of it but its `state` ([`auth::oidc::Begun`]), which travels with the browser.
//! Rows there are of those that a provider let in: that their state was used, and the code of their app.

mod book;
mod person;
mod turns;

use std::net::IpAddr;
use std::sync::Arc;

use auth::{check, oidc};
use sync_core::ports::{Access, OidcCode, OidcProvider, ServerKey, StoreError};
use sync_core::protocol::v1::identity::{OidcTokenRequest, TokenGrant};
use sync_core::{Code, Problem};

pub use self::book::OidcSettings;
pub(crate) use self::book::Providers;
use super::PRUNE_AFTER_MS;
use crate::{Service, ServiceError, ServiceResult};

/// How long somebody may take to log in at the provider, in milliseconds: ten minutes.
const ATTEMPT_MS: i64 = 10 * 60 * 1_000;
/// How long an app may take to fetch its tokens, in milliseconds: a minute.
const CODE_MS: i64 = 60 * 1_000;
/// What the server's key is for under which states are sealed.
pub(crate) const PURPOSE: &str = "oidc-state";

/// What a provider sends somebody's browser back with.
#[derive(Clone, Default)]
pub struct OidcAnswer {
    /// The login that it is about.
    pub state: String,
    /// What buys the ID token.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
}

/// What an app gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcOutcome {
    /// A code for [`Service::redeem_oidc`], or why there is none.
    pub code: Result<String, Problem>,
    /// Where the app is.
    pub return_to: Option<String>,
}

impl Service {
    /// Begins a login: where to send the browser. `challenge` is S256 of the verifier that the app keeps; `return_to`, where
    /// it is given, is one of the addresses that the operator allows.
    ///
    /// # Errors
    /// `unknown_provider`; `malformed`; `unavailable` when the provider can't be asked.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn begin_oidc(&self, name: &str, challenge: String, return_to: Option<String>) -> ServiceResult<String> {
        let provider = self.oidc_provider(name).await?;
        if !oidc::is_challenge(&challenge) {
            let detail = "challenge is to be SHA-256 of the app's verifier, in base64url without padding";
            return Err(Problem::new(Code::Malformed, detail).at("/challenge").into());
        }
        if !may_return_to(&provider, return_to.as_deref()) {
            let detail = "return_to is none of the addresses that `rejoin oidc add --return-to` named for this provider";
            return Err(Problem::new(Code::Malformed, detail).at("/return_to").into());
        }
        let endpoints = self.oidc.endpoints(self, &provider).await?;
        let key = self.oidc_key().await?;
        let [nonce, verifier] = [(), ()].map(|()| oidc::random_text(&*self.entropy));
        let begun = oidc::Begun { nonce, verifier, challenge, return_to, expires_at: self.now().plus_ms(ATTEMPT_MS) };
        let unsealed =
            || Problem::new(Code::Internal, "The login can't be sealed. Begin again; tell the operator where that does not help.");
        let state = begun.seal(&key, &provider.name, &*self.entropy).ok_or_else(unsealed)?;
        Ok(asked(&provider, &begun.verifier).borrowed().authorization_url(&endpoints, &state, &begun.nonce))
    }

    /// Takes the provider's answer. It lets somebody in once, and only by the login that it belongs to.
    ///
    /// # Errors
    /// `sign_in_refused` when there is no such login under way; the store's. What goes wrong later is told to the app.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn finish_oidc(&self, name: &str, answer: OidcAnswer) -> ServiceResult<OidcOutcome> {
        let (key, now) = (self.oidc_key().await?, self.now());
        let opened = oidc::Begun::open(&key, name, &answer.state).filter(|(_, begun)| now < begun.expires_at);
        let (state_id, begun) = opened.ok_or_else(not_under_way)?;
        if self.store.transact(Access::Read, move |tx| tx.is_oidc_state_used(&state_id)).await? {
            return Err(not_under_way().into());
        }
        let provider = self.find_oidc_provider(name).await?;
        // nobody is sent where the operator does not allow it any more
        let provider = provider.filter(|provider| may_return_to(provider, begun.return_to.as_deref())).ok_or_else(not_under_way)?;
        match self.identify(&provider, (state_id, &begun), answer).await {
            Ok(code) => Ok(OidcOutcome { code: Ok(code), return_to: begun.return_to }),
            Err(ServiceError::Problem(problem)) => Ok(OidcOutcome { code: Err(problem), return_to: begun.return_to }),
            Err(store) => Err(store),
        }
    }

    /// Asks the provider who it is, and gives out a code.
    async fn identify(
        &self,
        provider: &OidcProvider,
        (state_id, begun): ([u8; 32], &oidc::Begun),
        answer: OidcAnswer,
    ) -> ServiceResult<String> {
        let Some(provided) = answer.code.filter(|_| answer.error.is_none()) else {
            let said = answer.error.unwrap_or_default();
            tracing::info!(provider = %provider.name, error = %said.escape_default(), "a provider let nobody in");
            return Err(refused("The provider let nobody in. Begin again.").into());
        };
        let identity = self.ask_oidc(provider, begun, &provided).await?;
        let user_id = self.person_of(provider, identity).await?;
        let (code, now, until) = (oidc::random_text(&*self.entropy), self.now(), begun.expires_at);
        let challenge = begun.challenge.clone();
        let row = OidcCode { hash: oidc::hash_of(&code), challenge, user_id, expires_at: now.plus_ms(CODE_MS) };
        // only here a row is made of a login: a provider let somebody in
        let is_first = self.store.transact(Access::Write, move |tx| {
            // by the clock of every node it is over
            tx.drop_oidc_codes(now.plus_ms(-PRUNE_AFTER_MS))?;
            let is_first = tx.use_oidc_state(&state_id, until)?;
            if is_first {
                tx.insert_oidc_code(&row)?;
            }
            Ok(is_first)
        });
        if is_first.await? { Ok(code) } else { Err(not_under_way().into()) }
    }

    /// Buys the ID token, and checks it. A key that is not known yet is looked for once.
    async fn ask_oidc(&self, provider: &OidcProvider, begun: &oidc::Begun, code: &str) -> ServiceResult<oidc::Identity> {
        let endpoints = self.oidc.endpoints(self, provider).await?;
        let asked = asked(provider, &begun.verifier);
        let request = asked.borrowed().token_request(&endpoints, code);
        let answer = self.fetch.fetch(request).await.map_err(|error| unreachable(provider, &error))?;
        let token = oidc::id_token(&answer).map_err(|error| not_believed(provider, &error))?;
        let expected = oidc::Expected { issuer: &provider.issuer, client_id: &provider.client_id, nonce: &begun.nonce };
        let mut keys = self.oidc.keys(self, provider).await?;
        let mut checked = oidc::check(&token, &keys, &expected, self.now());
        if checked == Err(oidc::Refusal::UnknownKey)
            && let Some(newer) = self.oidc.newer_keys(self, provider).await?
        {
            keys = newer;
            checked = oidc::check(&token, &keys, &expected, self.now());
        }
        Ok(checked.map_err(|error| not_believed(provider, &error))?)
    }

    /// Gives out the tokens of a login by a provider, to the app that began it.
    ///
    /// # Errors
    /// `sign_in_refused` when the code is unknown, was used or is over, or the verifier is another one's; those of a login.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn redeem_oidc(&self, request: OidcTokenRequest, from: Option<IpAddr>) -> ServiceResult<TokenGrant> {
        let device = super::checked(request.device)?;
        let (hash, now) = (oidc::hash_of(&request.code), self.now());
        let code = self.store.transact(Access::Write, move |tx| tx.take_oidc_code(&hash)).await?;
        let challenge = oidc::challenge_of(&request.verifier);
        let fits = |code: &OidcCode| code.challenge == challenge && now < code.expires_at;
        let unknown = || refused("The code is unknown, was used or is over, or the verifier is not that of the login. Begin again.");
        let user_id = code.filter(fits).ok_or_else(unknown)?.user_id;
        let user = self.store.transact(Access::Read, move |tx| tx.find_user(user_id)).await?;
        let user = user.ok_or_else(|| refused("The account is no longer there. Ask an admin of the organisation."))?;
        self.start_session(user, None, device, from).await
    }

    async fn oidc_provider(&self, name: &str) -> ServiceResult<OidcProvider> {
        Ok(self.find_oidc_provider(name).await?.ok_or_else(unknown_provider)?)
    }

    async fn find_oidc_provider(&self, name: &str) -> ServiceResult<Option<OidcProvider>> {
        let wanted = check::label(name, 1, 64, "/provider").unwrap_or_default();
        Ok(self.store.transact(Access::Read, move |tx| tx.find_oidc_provider(&wanted)).await?)
    }

    /// The key under which states are sealed: one for all nodes, made by whoever needs it first.
    async fn oidc_key(&self) -> ServiceResult<[u8; 32]> {
        if let Some(key) = self.store.transact(Access::Read, |tx| tx.list_server_keys(PURPOSE)).await?.pop() {
            return Ok(key.secret);
        }
        let mut secret = [0; 32];
        self.entropy.fill(&mut secret);
        let new_key = ServerKey { purpose: PURPOSE.into(), number: 1, secret, created_at: self.now(), retired_at: None };
        let stored = self.store.transact(Access::Write, move |tx| {
            tx.insert_server_key(&new_key)?;
            tx.list_server_keys(PURPOSE)
        });
        let vanished = || StoreError::Busy("the key of logins by a provider vanished".into());
        Ok(stored.await?.pop().ok_or_else(vanished)?.secret)
    }
}

/// A login as it is put to a provider, with everything that it borrows.
struct Owned {
    client_id: String,
    client_secret: Option<String>,
    redirect_uri: String,
    verifier: String,
}

impl Owned {
    fn borrowed(&self) -> oidc::Asked<'_> {
        let Self { client_id, client_secret, redirect_uri, verifier } = self;
        oidc::Asked { client_id, client_secret: client_secret.as_deref(), redirect_uri, verifier }
    }
}

fn asked(provider: &OidcProvider, verifier: &str) -> Owned {
    Owned {
        client_id: provider.client_id.clone(),
        client_secret: provider.client_secret.clone(),
        redirect_uri: format!("{}/api/auth/oidc/{}/callback", provider.public_url, provider.name),
        verifier: verifier.to_owned(),
    }
}

fn unknown_provider() -> Problem {
    Problem::new(Code::UnknownProvider, "There is no provider of this name. `rejoin oidc list` lists them.")
}

/// Whether a login may end at an address, or says none.
fn may_return_to(provider: &OidcProvider, return_to: Option<&str>) -> bool {
    return_to.is_none_or(|url| provider.return_to.lines().any(|allowed| allowed == url))
}

fn not_under_way() -> Problem {
    refused("There is no such login under way: it took too long, or was finished before. Begin again.")
}

fn refused(detail: &str) -> Problem {
    Problem::new(Code::SignInRefused, detail)
}

fn not_believed(provider: &OidcProvider, error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(provider = %provider.name, %error, "what a provider said is not believed");
    refused("What the provider said can't be believed; the server's log says why. Begin again.")
}

fn unreachable(provider: &OidcProvider, error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(provider = %provider.name, %error, "a provider could not be asked");
    away()
}

fn away() -> Problem {
    Problem::new(Code::Unavailable, "The provider of identity can't be asked right now. Try again in a moment.")
}

/// What asks no other server.
pub(crate) fn nobody() -> Arc<dyn sync_core::ports::Fetch> {
    Arc::new(Nobody)
}

struct Nobody;

impl sync_core::ports::Fetch for Nobody {
    fn fetch(&self, _: sync_core::ports::FetchRequest) -> sync_core::ports::Fetched {
        Box::pin(async { Err(sync_core::ports::FetchError::Unreachable("this server asks no others".into())) })
    }
}
