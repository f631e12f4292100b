//! Which account an identity belongs to. Decided by issuer and subject; by email only where the operator allows it, the
//! issuer says that it verified it, and then within the provider's organisation alone.

use std::sync::Arc;

use auth::{check, oidc};
use serde_json::json;
use sync_core::ports::{Access, OidcLink, OidcProvider, Tx, User};
use sync_core::{Code, Problem, UserId};

use crate::audit::{self, Act};
use crate::{Service, ServiceResult};

impl Service {
    /// The account of an identity. It is linked, or made, where it may be.
    pub(super) async fn person_of(&self, provider: &OidcProvider, identity: oidc::Identity) -> ServiceResult<UserId> {
        let (now, entropy) = (self.now(), Arc::clone(&self.entropy));
        let new = self.newcomer(provider, &identity);
        let provider = provider.clone();
        self.decide(Access::Write, move |tx| {
            if let Some(link) = tx.find_oidc_link(&provider.issuer, &identity.subject)? {
                // an issuer that serves several organisations links somebody to one of them
                return if link.organisation_id == provider.organisation_id { Ok(link.user_id) } else { Err(not_linked().into()) };
            }
            let new = new.clone().filter(|_| provider.by_email).ok_or_else(not_linked)?;
            let (user, made) = standing(tx, &provider, new)?;
            let link = OidcLink {
                issuer: provider.issuer.clone(),
                subject: identity.subject.clone(),
                organisation_id: user.organisation_id,
                user_id: user.user_id,
                linked_at: now,
            };
            if !tx.insert_oidc_link(&link)? {
                return Err(not_linked().into());
            }
            let act = Act::of(user.organisation_id, "user.link").about(&user.user_id);
            let details = json!({"provider": provider.name, "subject": identity.subject, "made": made});
            audit::write(tx, &*entropy, now, [act.with(details)])?;
            Ok(user.user_id)
        })
        .await
    }

    /// Whoever has a verified email, as the account that they would get. No password fits it.
    fn newcomer(&self, provider: &OidcProvider, identity: &oidc::Identity) -> Option<User> {
        let email = check::email(identity.verified_email.as_deref()?).ok()?;
        let named = identity.name.as_deref().and_then(|name| check::label(name, 1, 200, "/name").ok());
        let now = self.now();
        Some(User {
            user_id: UserId(self.entropy.uuid_v7(now)),
            organisation_id: provider.organisation_id,
            name: named.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned()),
            email,
            password_hash: self.hasher.locked().to_owned(),
            admin: false,
            created_at: now,
        })
    }
}

/// The account with an email, within the organisation, and whether it was made.
fn standing(tx: &mut dyn Tx, provider: &OidcProvider, new: User) -> ServiceResult<(User, bool)> {
    if let Some(user) = tx.find_user_by_email(&new.email)? {
        return if user.organisation_id == provider.organisation_id { Ok((user, false)) } else { Err(not_linked().into()) };
    }
    if tx.insert_user(&new)? { Ok((new, true)) } else { Err(not_linked().into()) }
}

fn not_linked() -> Problem {
    Problem::new(Code::NotLinked, "The provider knows you, and there is no account here that is yours. Ask an admin of the organisation.")
}
