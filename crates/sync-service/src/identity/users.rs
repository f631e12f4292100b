//! Users of an organisation.

use std::sync::Arc;

use auth::check;
use serde_json::json;
use sync_core::ports::{Access, Organisation, User};
use sync_core::protocol::v1::identity::{AddUserRequest, UserAdded};
use sync_core::{Code, OrganisationId, Problem, UserId};

use crate::access::require_writable;
use crate::audit::{self, Act};
use crate::{Caller, Service, ServiceResult};

/// The longest name of a user or an organisation, in characters.
const MAX_NAME: usize = 200;

impl Service {
    /// Adds a user to the caller's organisation.
    ///
    /// # Errors
    /// `forbidden` unless the caller is an admin; `email_taken`; `malformed`; `overloaded`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn add_user(&self, caller: &Caller, request: AddUserRequest) -> ServiceResult<UserAdded> {
        if !caller.admin {
            return Err(Problem::new(Code::Forbidden, "Only an admin of the organisation may add users. Ask one of them.").into());
        }
        let user = self.new_user(caller.organisation_id, request, false).await?;
        let (user_id, caller) = (user.user_id, *caller);
        let (now, entropy, act) = (self.now(), Arc::clone(&self.entropy), Act::by(&caller, "user.add").about(&user_id));
        let add = self.decide(caller.write(), move |tx| {
            require_writable(tx, &caller)?;
            let added = tx.insert_user(&user)?;
            audit::write(tx, &*entropy, now, added.then(|| act.clone()))?;
            Ok(added)
        });
        let added = add.await?;
        if added { Ok(UserAdded { user_id }) } else { Err(email_taken().into()) }
    }

    /// Adds a user to the organisation of a name, which is made when there is none. For the command line: nobody's right
    /// is asked.
    ///
    /// # Errors
    /// `email_taken`; `malformed`.
    pub async fn bootstrap_user(&self, organisation_name: &str, request: AddUserRequest, admin: bool) -> ServiceResult<UserAdded> {
        let (now, entropy) = (self.now(), Arc::clone(&self.entropy));
        let organisation = Organisation {
            organisation_id: OrganisationId(self.entropy.uuid_v7(now)),
            name: check::label(organisation_name, 1, MAX_NAME, "/organisation")?,
            created_at: now,
        };
        let user = self.new_user(organisation.organisation_id, request, admin).await?;
        self.decide(Access::Write, move |tx| {
            // first, so that a refusal leaves no empty organisation behind
            if tx.find_user_by_email(&user.email)?.is_some() {
                return Err(email_taken().into());
            }
            let standing = tx.ensure_organisation(&organisation)?;
            audit::write(tx, &*entropy, now, made(&organisation, &standing))?;
            let user = User { organisation_id: standing.organisation_id, ..user.clone() };
            if !tx.insert_user(&user)? {
                return Err(email_taken().into());
            }
            // on the command line: by nobody that the server knows
            let act = Act::of(user.organisation_id, "user.add").about(&user.user_id).with(json!({"admin": user.admin}));
            audit::write(tx, &*entropy, now, [act])?;
            Ok(UserAdded { user_id: user.user_id })
        })
        .await
    }

    async fn new_user(&self, organisation_id: OrganisationId, request: AddUserRequest, admin: bool) -> ServiceResult<User> {
        let email = check::email(&request.email)?;
        let name = check::label(&request.name, 1, MAX_NAME, "/name")?;
        check::new_password(&request.password, "/password")?;
        let password_hash = self.hash_password(&request.password).await?;
        let now = self.now();
        Ok(User { user_id: UserId(self.entropy.uuid_v7(now)), organisation_id, email, name, password_hash, admin, created_at: now })
    }
}

/// What is recorded of an organisation that an operator makes; nothing where one stood under the name.
pub(super) fn made(wanted: &Organisation, standing: &Organisation) -> Option<Act> {
    let act = || Act::of(standing.organisation_id, "organisation.create").about(&standing.organisation_id).with(json!({"operator": true}));
    (wanted.organisation_id == standing.organisation_id).then(act)
}

fn email_taken() -> Problem {
    Problem::new(Code::EmailTaken, "Somebody has an account with this email already. Use another one.").at("/email")
}
