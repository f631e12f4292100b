//! New passwords. One that is new ends every login that was made with the old one.

use std::net::IpAddr;
use std::sync::Arc;

use auth::check;
use serde_json::json;
use sync_core::ports::{Access, Signal, StoreResult, Tx, User};
use sync_core::protocol::v1::identity::PasswordRequest;
use sync_core::{Code, Problem, SessionId};

use crate::access::require_session;
use crate::audit::{self, Act};
use crate::{Caller, Service, ServiceResult};

impl Service {
    /// Puts a new password in the place of the caller's, and ends all their other logins. Who holds nothing but a token
    /// can't do it, nor guess: wrong passwords count as at a login.
    ///
    /// # Errors
    /// `wrong_password`; `malformed`; `rate_limited` and `overloaded` as for a login; `unauthenticated` when the login
    /// ended meanwhile; `changed_since` when somebody else changed the password meanwhile.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn change_password(&self, caller: &Caller, request: PasswordRequest, from: Option<IpAddr>) -> ServiceResult<()> {
        check::given_password(&request.old_password, "/old_password")?;
        check::new_password(&request.new_password, "/new_password")?;
        let wrong = || Problem::new(Code::WrongPassword, "This is not the present password. Check it and try again.").at("/old_password");
        let email = self.email_of(caller).await?;
        let proven = self.prove(&email, &request.old_password, from).await?.ok_or_else(wrong)?;
        let password_hash = self.hash_password(&request.new_password).await?;
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let (tries, known) = (proven.tries, proven.user);
        let ended = self.decide(caller.write(), move |tx| {
            require_session(tx, &caller)?;
            if !still_has(tx, &known)? {
                let detail = "The password was changed by somebody else at the same time. Log in with that one to change it again.";
                return Err(Problem::new(Code::ChangedSince, detail).into());
            }
            tx.set_password(caller.user_id, &password_hash)?;
            tries.succeed(tx, now)?;
            let ended = tx.end_user_sessions(caller.user_id, Some(caller.session_id), now)?;
            let act = Act::by(&caller, "password.change").about(&caller.user_id);
            audit::write(tx, &*entropy, now, [act.with(json!({"ended": ended}))])?;
            Ok(ended)
        });
        self.tell_ended(ended.await?);
        Ok(())
    }

    /// Puts a new password in the place of somebody's, and ends all their logins; how many those were. For the command
    /// line: nobody's right is asked.
    ///
    /// # Errors
    /// `unknown_user` when nobody has this email; `malformed`.
    pub async fn reset_password(&self, email: &str, password: &str) -> ServiceResult<usize> {
        let email = check::email(email)?;
        check::new_password(password, "/password")?;
        let password_hash = self.hash_password(password).await?;
        let (now, entropy) = (self.now(), Arc::clone(&self.entropy));
        let ended = self.decide(Access::Write, move |tx| {
            let nobody = || Problem::new(Code::UnknownUser, format!("Nobody has the email {email}. `rejoin user list` lists everybody."));
            let user = tx.find_user_by_email(&email)?.ok_or_else(nobody)?;
            tx.lock_user(user.user_id)?;
            tx.set_password(user.user_id, &password_hash)?;
            let ended = tx.end_user_sessions(user.user_id, None, now)?;
            let act = Act::of(user.organisation_id, "password.reset").about(&user.user_id);
            audit::write(tx, &*entropy, now, [act.with(json!({"ended": ended}))])?;
            Ok(ended)
        });
        let ended = ended.await?;
        let count = ended.len();
        self.tell_ended(ended);
        Ok(count)
    }

    /// A new password as it is stored.
    pub(super) async fn hash_password(&self, password: &str) -> ServiceResult<String> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        Ok(self.hasher.hash(password, salt).await?)
    }

    async fn email_of(&self, caller: &Caller) -> ServiceResult<String> {
        let caller = *caller;
        let found = self.store.transact(caller.read(), move |tx| tx.load_users(caller.organisation_id, &[caller.user_id])).await?;
        let gone = || Problem::new(Code::Unauthenticated, "The account is no longer there. Keep the outbox.");
        Ok(found.into_iter().next().ok_or_else(gone)?.email)
    }

    fn tell_ended(&self, ended: Vec<SessionId>) {
        let signals: Vec<_> = ended.into_iter().map(Signal::Session).collect();
        self.publish(&signals);
    }
}

/// Whether a user has the password still by which they were known. Their row stays locked: a login and a change of the
/// password come one after the other, and a login that began with the old one does not outlive it.
pub(super) fn still_has(tx: &mut dyn Tx, known: &User) -> StoreResult<bool> {
    Ok(tx.lock_user(known.user_id)?.is_some_and(|user| user.password_hash == known.password_hash))
}
