//! Logging in and staying logged in, devices, users.
//!
//! A device has at most one family of tokens: logging in on it again ends the one before. Wherever sessions and a device
//! change together, the sessions go first: their rows are the lock that orders a refresh and a revocation.

pub(crate) mod devices;
mod oidc;
mod passwords;
mod recent;
mod tries;
mod users;

use std::net::IpAddr;
use std::sync::Arc;

use auth::{AccessToken, AuthError, RefreshToken, check, refresh};
use serde_json::json;
use sync_core::ports::{Access, AccessGrant, Device, Footing, Session, Signal, Tx, User};
use sync_core::protocol::v1::identity::{LoggedOut, LoginDevice, LoginRequest, LogoutRequest, RefreshRequest, TokenGrant};
use sync_core::{Code, DeviceId, Problem, SessionId, Timestamp};

pub use auth::oidc::with_query;
pub use auth::throttle::network_of;

pub use self::oidc::{OidcAnswer, OidcOutcome, OidcSettings};
pub(crate) use self::oidc::{PURPOSE as OIDC_KEYS, Providers, nobody};
use self::passwords::still_has;
pub(crate) use self::recent::Recent;
use self::tries::Tries;
use crate::audit::{self, Act};
use crate::{Caller, Service, ServiceError, ServiceResult, access};

/// How long an ended access token is still kept, in milliseconds: longer than the clocks of two nodes differ.
const PRUNE_AFTER_MS: i64 = 60_000;
/// The longest name of a device, in characters.
const MAX_DEVICE_NAME: usize = 200;
/// The longest platform, in characters.
const MAX_PLATFORM: usize = 64;

impl From<AuthError> for ServiceError {
    fn from(error: AuthError) -> Self {
        if matches!(error, AuthError::Config(_) | AuthError::Damaged) {
            tracing::error!(error = %error, "a password could not be checked");
        }
        Self::Problem(error.problem())
    }
}

impl Service {
    /// Who holds an access token.
    ///
    /// # Errors
    /// `unauthenticated` when it is unknown or over, its session ended, or its device revoked: all alike.
    /// `device_suspended`, `organisation_locked`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn authenticate(&self, token: &str) -> ServiceResult<Caller> {
        let AccessGrant { session_id, organisation_id, user_id, device_id, admin, expires_at, footing, .. } =
            self.find_grant(token).await?;
        if footing == Footing::Ended {
            return Err(unknown_token().into());
        }
        access::admit(footing)?;
        let caller = Caller { organisation_id, user_id, device_id, session_id, admin, trace: None };
        if let Some(token) = AccessToken::parse(token) {
            self.recent.note(token.hash(), caller, self.now(), expires_at);
        }
        Ok(caller)
    }

    /// What a token stands for that has not run out, whatever holds its login.
    ///
    /// # Errors
    /// `unauthenticated`; the store's.
    pub(crate) async fn find_grant(&self, token: &str) -> ServiceResult<AccessGrant> {
        let hash = AccessToken::parse(token).ok_or_else(unknown_token)?.hash();
        let grant = self.store.transact(Access::Read, move |tx| tx.find_access(&hash)).await?;
        let now = self.now();
        Ok(grant.filter(|grant| now < grant.expires_at).ok_or_else(unknown_token)?)
    }

    /// [`Self::authenticate`] for [`Self::sync`], whose transactions check by themselves that the session still stands: a
    /// token that was read within the last second is not read again.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub async fn authenticate_to_sync(&self, token: &str) -> ServiceResult<Caller> {
        let known = AccessToken::parse(token).and_then(|parsed| self.recent.find(&parsed.hash(), self.now()));
        match known {
            Some(caller) => Ok(caller),
            None => self.authenticate(token).await,
        }
    }

    /// Refuses a login before it is read, where all places in the queue of passwords are taken.
    ///
    /// # Errors
    /// `overloaded`.
    pub fn admit_login(&self) -> ServiceResult<()> {
        if self.hasher.is_full() { Err(AuthError::Busy.into()) } else { Ok(()) }
    }

    /// Checks a password and starts a family of tokens on a device, new or known.
    ///
    /// # Errors
    /// `wrong_credentials`, after the same work whether the email or the password is wrong; `unknown_device` when the
    /// named device is not this user's or was revoked; `malformed`; `overloaded` when too many passwords wait;
    /// `rate_limited` after too many that were wrong.
    pub async fn login(&self, request: LoginRequest) -> ServiceResult<TokenGrant> {
        self.login_from(request, None).await
    }

    /// [`Self::login`] from an address, by which tries are counted too.
    ///
    /// # Errors
    /// As [`Self::login`].
    #[tracing::instrument(name = "login", level = "debug", skip_all)]
    pub async fn login_from(&self, request: LoginRequest, from: Option<IpAddr>) -> ServiceResult<TokenGrant> {
        check::given_password(&request.password, "/password")?;
        let device = checked(request.device)?;
        let proven = self.prove(&request.email, &request.password, from).await?.ok_or_else(wrong_credentials)?;
        self.start_session(proven.user, Some(proven.tries), device, from).await
    }

    /// Starts a family of tokens for somebody who proved who they are: by a password, where there are tries to take back.
    async fn start_session(
        &self,
        user: User,
        tries: Option<Tries>,
        device: LoginDevice,
        from: Option<IpAddr>,
    ) -> ServiceResult<TokenGrant> {
        let (issue, entropy) = (self.issue(), Arc::clone(&self.entropy));
        let start = auth::refresh::Login {
            session_id: SessionId(self.entropy.uuid_v7(issue.now)),
            organisation_id: user.organisation_id,
            user_id: user.user_id,
            device_id: device.id.unwrap_or_else(|| DeviceId(self.entropy.uuid_v7(issue.now))),
        };
        let (session, token) = refresh::start(&start, &*self.entropy, issue.now);
        self.decide(Access::Write, move |tx| {
            if !still_has(tx, &user)? {
                return Err(wrong_credentials().into());
            }
            if let Some(tries) = tries {
                // whatever becomes of the device: the password was right
                tries.succeed(tx, issue.now)?;
            }
            let known = device.id.is_some();
            if known {
                require_own_device(tx, &start)?;
                tx.end_sessions(start.device_id, issue.now)?;
            }
            // read again after the sessions, whose rows order this login and a revocation
            let stored = if known { Some(require_own_device(tx, &start)?) } else { None };
            tx.put_device(&logged_in(stored, &start, &device, issue.now))?;
            audit::write(tx, &*entropy, issue.now, [login_act(&start, user.admin, from)])?;
            issue.grant(tx, &session, &token)
        })
        .await
    }

    /// Buys the next pair of tokens. Concurrent uses of one token, and a second use within ten seconds after a lost
    /// reply, get the same refresh token; an older one ends the family.
    ///
    /// # Errors
    /// `invalid_refresh_token`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn refresh(&self, request: RefreshRequest) -> ServiceResult<TokenGrant> {
        let refused = || {
            Problem::new(
                Code::InvalidRefreshToken,
                "The refresh token is unknown, has ended or was used before. Log in again, and keep the outbox.",
            )
        };
        let token = RefreshToken::parse(&request.refresh_token).ok_or_else(refused)?;
        let issue = self.issue();
        let (salt, entropy) = (refresh::salt(&*self.entropy), Arc::clone(&self.entropy));
        // an ended family is to be committed: the refusal is a value
        let grant = self
            .decide(Access::Write, move |tx| {
                let Some(session) = tx.lock_session(token.session_id)? else { return Ok(None) };
                let Some(device) = tx.find_device(session.device_id)? else { return Ok(None) };
                // a device that is to be wiped comes back to be told so, and for nothing else
                let wiped = device.wipe.as_ref().is_some_and(|wipe| wipe.confirmed_at.is_none());
                let ended_at = session.ended_at;
                let session = Session { ended_at: ended_at.filter(|_| !wiped), ..session };
                let (session, next) = match refresh::present(&session, &token.secret, issue.now) {
                    refresh::Presented::Current => refresh::rotate(&session, &token.secret, salt, issue.now),
                    refresh::Presented::Predecessor => {
                        let next = refresh::successor(&session, &token.secret);
                        (session, next)
                    }
                    refresh::Presented::Reuse => {
                        let act = Act::of(session.organisation_id, "session.refresh_reuse").about(&session.session_id);
                        let whose = json!({"user_id": session.user_id, "device_id": session.device_id});
                        audit::write(tx, &*entropy, issue.now, [act.with(whose)])?;
                        tx.put_session(&Session { ended_at: Some(issue.now), ..session })?;
                        return Ok(None);
                    }
                    refresh::Presented::Refused => return Ok(None),
                };
                if device.revoked_at.is_some() && !wiped {
                    return Ok(None);
                }
                tx.put_device(&Device { seen_at: issue.now, ..device })?;
                let session = Session { ended_at, ..session };
                issue.grant(tx, &session, &next).map(Some)
            })
            .await?;
        Ok(grant.ok_or_else(refused)?)
    }

    /// [`Self::logout`] of a device that says what it has not sent: with such work it stays logged in, unless it insists.
    /// What it reported is told.
    ///
    /// # Errors
    /// `unsent_work`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn logout_reporting(&self, caller: &Caller, request: LogoutRequest) -> ServiceResult<LoggedOut> {
        if let Some(outbox) = request.outbox.filter(|outbox| outbox.operations > 0 && !request.force) {
            let bytes = outbox.bytes.map(|bytes| format!(" of {bytes} bytes")).unwrap_or_default();
            let detail = format!(
                "This device has {} operations{bytes} that were not sent. Sync first; or export them, and log out with \"force\":true.",
                outbox.operations
            );
            return Err(Problem::new(Code::UnsentWork, detail).at("/outbox").into());
        }
        self.logout(caller).await?;
        Ok(LoggedOut { outbox: request.outbox })
    }

    /// Ends the caller's family of tokens. What they wrote stays; the device stays known.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn logout(&self, caller: &Caller) -> ServiceResult<()> {
        let (session_id, now, entropy) = (caller.session_id, self.now(), Arc::clone(&self.entropy));
        let act = Act::by(caller, "session.logout").about(&session_id);
        let end = self.store.transact(caller.write(), move |tx| match tx.lock_session(session_id)? {
            Some(session) if session.ended_at.is_none() => {
                audit::write(tx, &*entropy, now, [act.clone()])?;
                tx.put_session(&Session { ended_at: Some(now), ..session })
            }
            _ => Ok(()),
        });
        end.await?;
        self.publish(&[Signal::Session(session_id)]);
        Ok(())
    }

    fn issue(&self) -> Issue {
        Issue { now: self.now(), access_token: AccessToken::generate(&*self.entropy) }
    }
}

fn unknown_token() -> Problem {
    let detail = "The access token is unknown or has ended. Refresh it or log in again, and keep the outbox.";
    Problem::new(Code::Unauthenticated, detail)
}

/// An access token about to be issued. Drawn before the job, which may run more than once.
struct Issue {
    now: Timestamp,
    access_token: AccessToken,
}

impl Issue {
    /// Stores the session and the access token, prunes those long over, and answers both tokens.
    fn grant(&self, tx: &mut dyn Tx, session: &Session, refresh_token: &RefreshToken) -> ServiceResult<TokenGrant> {
        let end = AccessToken::end(session, self.now);
        tx.put_session(session)?;
        tx.drop_access_tokens(self.now.plus_ms(-PRUNE_AFTER_MS))?;
        tx.insert_access_token(&self.access_token.hash(), session.session_id, end)?;
        Ok(TokenGrant {
            access_token: self.access_token.reveal(),
            refresh_token: refresh_token.reveal(),
            expires_in_s: end.millis().saturating_sub(self.now.millis()) / 1_000,
            user_id: session.user_id,
            device_id: session.device_id,
            organisation_id: session.organisation_id,
        })
    }
}

fn wrong_credentials() -> Problem {
    Problem::new(Code::WrongCredentials, "There is no account with this email and password. Check both and try again.")
}

fn checked(device: LoginDevice) -> Result<LoginDevice, Problem> {
    let label = |text: Option<String>, max, pointer| text.map(|text| check::label(&text, 0, max, pointer)).transpose();
    Ok(LoginDevice {
        id: device.id,
        name: label(device.name, MAX_DEVICE_NAME, "/device/name")?,
        platform: label(device.platform, MAX_PLATFORM, "/device/platform")?,
    })
}

fn require_own_device(tx: &mut dyn Tx, login: &refresh::Login) -> ServiceResult<Device> {
    let own =
        |device: &Device| device.user_id == login.user_id && device.organisation_id == login.organisation_id && device.revoked_at.is_none();
    let unknown = || {
        let detail = "This device is not one of yours, or was revoked. Log in without device.id to register it anew.";
        Problem::new(Code::UnknownDevice, detail).at("/device/id")
    };
    Ok(tx.find_device(login.device_id)?.filter(own).ok_or_else(unknown)?)
}

/// The device's row after a login. A name that was left out stays as it was.
fn logged_in(stored: Option<Device>, login: &refresh::Login, named: &LoginDevice, now: Timestamp) -> Device {
    let mut device = stored.unwrap_or_else(|| Device {
        device_id: login.device_id,
        organisation_id: login.organisation_id,
        user_id: login.user_id,
        name: String::new(),
        platform: String::new(),
        created_at: now,
        seen_at: now,
        revoked_at: None,
        suspended: None,
        wipe: None,
    });
    device.seen_at = now;
    if let Some(name) = &named.name {
        device.name.clone_from(name);
    }
    if let Some(platform) = &named.platform {
        device.platform.clone_from(platform);
    }
    device
}

/// That somebody logged in, from where.
fn login_act(login: &refresh::Login, admin: bool, from: Option<IpAddr>) -> Act {
    let refresh::Login { session_id, organisation_id, user_id, device_id } = *login;
    let caller = Caller { organisation_id, user_id, device_id, session_id, admin, trace: None };
    Act::by(&caller, "session.login").about(&session_id).with(json!({"address": from.map(|from| from.to_string())}))
}
