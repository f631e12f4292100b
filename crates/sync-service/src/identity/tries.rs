//! Proving who somebody is by a password, as often as they may try. Tries are counted in the database, so that all nodes
//! together allow no more than one; what counts and for how long is decided by [`auth::throttle`].

use std::net::IpAddr;
use std::sync::Arc;

use auth::{check, throttle};
use serde_json::json;
use sync_core::ports::{Access, Entropy, LoginTries, StoreResult, Tx, User};
use sync_core::{Code, OrganisationId, Problem, Timestamp, UserId};
use uuid::Uuid;

use crate::audit::{self, Act};
use crate::{Service, ServiceResult};

/// A try that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries(throttle::Keys);

/// Who gave the right password, and the try that it took.
pub(super) struct Proven {
    pub(super) user: User,
    pub(super) tries: Tries,
}

impl Service {
    /// Checks a password; `None` when there is no account with this email and password. It costs the same whichever of
    /// the two is wrong: one place in the queue of passwords, one transaction before and one after, one hash between, and as
    /// many statements and rows.
    ///
    /// # Errors
    /// `overloaded` when too many passwords wait: nothing was read or counted. `rate_limited` after too many that were
    /// wrong: nothing was hashed.
    pub(super) async fn prove(&self, email: &str, password: &str, from: Option<IpAddr>) -> ServiceResult<Option<Proven>> {
        let slot = self.hasher.reserve()?;
        let (tries, began_at) = (Tries(throttle::Keys::of(email, from)), self.now());
        // what no account can have is looked for all the same, so that it takes as long
        let wanted = check::email(email).unwrap_or_default();
        let user = self.decide(Access::Write, move |tx| {
            tries.begin(tx, began_at)?;
            Ok(tx.find_user_by_email(&wanted)?)
        });
        let user = user.await?;
        let fits = slot.verify(password, user.as_ref().map(|user| user.password_hash.as_str())).await?;
        let (fitting, wrong) = if fits { (user, None) } else { (None, user) };
        if let Some(user) = fitting {
            return Ok(Some(Proven { user, tries }));
        }
        let (ended_at, entropy) = (self.now(), Arc::clone(&self.entropy));
        let failed = self.store.transact(Access::Write, move |tx| {
            let wait_ms = tries.fail(tx, ended_at)?;
            let whose = wrong.as_ref().map(|user| (user.organisation_id, user.user_id));
            record(tx, &*entropy, (whose, ended_at), (from, wait_ms))
        });
        failed.await?;
        Ok(None)
    }
}

impl Tries {
    /// Counts a try that begins.
    fn begin(self, tx: &mut dyn Tx, now: Timestamp) -> ServiceResult<()> {
        // first: what is counted below is added to what is there
        tx.drop_login_tries(now)?;
        let rows = tx.lock_login_tries(&self.0.list())?;
        let wait_ms = self.0.wait_ms(&rows, now);
        if wait_ms > 0 {
            return Err(too_many(wait_ms).into());
        }
        Ok(tx.add_login_tries(&self.0.begin(&rows, now))?)
    }

    /// Counts the wait of the next try from now on; how long it is.
    fn fail(self, tx: &mut dyn Tx, now: Timestamp) -> StoreResult<i64> {
        let rows = tx.lock_login_tries(&self.0.list())?;
        tx.add_login_tries(&self.0.fail(&rows, now))?;
        Ok(self.0.wait_ms(&rows, now))
    }

    /// Takes the try back, once what it was for is done in the same transaction.
    pub(super) fn succeed(self, tx: &mut dyn Tx, now: Timestamp) -> StoreResult<()> {
        let rows = tx.lock_login_tries(&self.0.list())?;
        tx.add_login_tries(&self.0.succeed(&rows, now))
    }
}

/// Records that somebody failed to log in, and how long the next try has to wait; the tries that it keeps out are not. Where
/// there is no such account no organisation has a log for it: the same is made, and what would commit to it is a row among
/// the tries for a while, so that no time tells which emails there are.
fn record(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    (whose, now): (Option<(OrganisationId, UserId)>, Timestamp),
    (from, wait_ms): (Option<IpAddr>, i64),
) -> StoreResult<()> {
    let details = json!({"address": from.map(|from| from.to_string()), "wait_ms": wait_ms});
    let (organisation_id, user_id) = whose.unwrap_or((OrganisationId(Uuid::nil()), UserId(Uuid::nil())));
    let act = Act::of(organisation_id, "session.login_failed").about(&user_id).with(details);
    if whose.is_some() {
        return audit::write(tx, entropy, now, [act]);
    }
    let key = audit::commitment_of(act, entropy, now).unwrap_or_default();
    tx.add_login_tries(&[LoginTries { key, tries: 0, tried_at: now, known_until: None, kept_until: now.plus_ms(throttle::FORGET_MS) }])
}

fn too_many(wait_ms: i64) -> Problem {
    let seconds = wait_ms.saturating_add(999) / 1_000;
    let detail = format!("Too many passwords were wrong. Wait {seconds} s before the next try; what the device has not sent yet is kept.");
    Problem::new(Code::RateLimited, detail).after_ms(wait_ms.unsigned_abs())
}
