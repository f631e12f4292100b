//! Which account an identity belongs to. Decided by issuer and subject; an operator links the two,
//! or allows it by email where the issuer says that it verified it, and then within the provider's organisation alone.

use std::sync::Arc;

use auth::{check, oidc};
use serde_json::json;
use sync_core::ports::{Access, OidcLink, OidcProvider, Tx, User};
use sync_core::{Code, Problem, Timestamp, UserId};

use super::unknown_provider;
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
            let Some(new) = new.clone().filter(|_| provider.by_email) else {
                // many providers show nobody what they call somebody: the operator links whom they find here
                let subject = identity.subject.escape_default();
                tracing::info!(provider = %provider.name, %subject, "nobody is linked to this subject; `rejoin oidc link` does it");
                return Err(not_linked().into());
            };
            let (user, made) = standing(tx, &provider, new)?;
            if !tx.insert_oidc_link(&link_of(&provider, &identity.subject, &user, now))? {
                return Err(not_linked().into());
            }
            let act = Act::of(user.organisation_id, "user.link").about(&user.user_id);
            let details = json!({"provider": provider.name, "subject": identity.subject, "made": made});
            audit::write(tx, &*entropy, now, [act.with(details)])?;
            Ok(user.user_id)
        })
        .await
    }

    /// Links a subject of a provider's issuer to the account with an email, within the provider's organisation; whose that
    /// is. Once more changes nothing. For the command line: nobody's right is asked.
    ///
    /// # Errors
    /// `unknown_provider`; `unknown_user`; `malformed`, also where the subject is linked to somebody else.
    pub async fn link_oidc(&self, name: &str, subject: &str, email: &str) -> ServiceResult<UserId> {
        let (email, subject) = (check::email(email)?, subject_of(subject)?);
        let (name, now, entropy) = (name.to_owned(), self.now(), Arc::clone(&self.entropy));
        self.decide(Access::Write, move |tx| {
            let provider = tx.find_oidc_provider(&name)?.ok_or_else(unknown_provider)?;
            let found = tx.find_user_by_email(&email)?.filter(|user| user.organisation_id == provider.organisation_id);
            let user = found.ok_or_else(|| nobody_of(&email, &provider))?;
            if tx.insert_oidc_link(&link_of(&provider, &subject, &user, now))? {
                audit::write(tx, &*entropy, now, [act_of("user.link", &provider, &subject, user.user_id)])?;
                return Ok(user.user_id);
            }
            let standing = tx.find_oidc_link(&provider.issuer, &subject)?;
            if standing.is_some_and(|link| link.user_id == user.user_id) { Ok(user.user_id) } else { Err(anothers(&provider).into()) }
        })
        .await
    }

    /// Takes away what links a subject to somebody of a provider's organisation; who that was. Their logins stay. For the
    /// command line: nobody's right is asked.
    ///
    /// # Errors
    /// `unknown_provider`; `not_linked`; `malformed`.
    pub async fn unlink_oidc(&self, name: &str, subject: &str) -> ServiceResult<UserId> {
        let subject = subject_of(subject)?;
        let (name, now, entropy) = (name.to_owned(), self.now(), Arc::clone(&self.entropy));
        self.decide(Access::Write, move |tx| {
            let provider = tx.find_oidc_provider(&name)?.ok_or_else(unknown_provider)?;
            let found = tx.find_oidc_link(&provider.issuer, &subject)?;
            let link = found.filter(|link| link.organisation_id == provider.organisation_id);
            let nobody = || {
                Problem::new(Code::NotLinked, format!("Nobody is linked to this subject of {}. Compare it to the letter.", provider.name))
            };
            let link = link.ok_or_else(nobody)?;
            if tx.drop_oidc_link(&provider.issuer, &subject)? {
                audit::write(tx, &*entropy, now, [act_of("user.unlink", &provider, &subject, link.user_id)])?;
            }
            Ok(link.user_id)
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

fn link_of(provider: &OidcProvider, subject: &str, user: &User, now: Timestamp) -> OidcLink {
    OidcLink {
        issuer: provider.issuer.clone(),
        subject: subject.to_owned(),
        organisation_id: user.organisation_id,
        user_id: user.user_id,
        linked_at: now,
    }
}

/// What is recorded of an operator who links somebody, or takes the link away.
fn act_of(action: &'static str, provider: &OidcProvider, subject: &str, user_id: UserId) -> Act {
    let details = json!({"operator": true, "provider": provider.name, "subject": subject});
    Act::of(provider.organisation_id, action).about(&user_id).with(details)
}

/// A subject as a provider may have it (`OpenID` Connect Core 1.0, 2): compared to the letter, so nothing of it is changed.
fn subject_of(text: &str) -> Result<String, Problem> {
    if !(1..=255).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        let detail = "subject is to have 1 to 255 characters, none of them a control character";
        return Err(Problem::new(Code::Malformed, detail).at("/subject"));
    }
    Ok(text.to_owned())
}

fn nobody_of(email: &str, provider: &OidcProvider) -> Problem {
    let detail = format!("Nobody of the organisation of {} has the email {email}. `rejoin user list` lists everybody.", provider.name);
    Problem::new(Code::UnknownUser, detail)
}

fn anothers(provider: &OidcProvider) -> Problem {
    let detail = format!("This subject is linked to somebody else. `rejoin oidc unlink {}` takes that away.", provider.name);
    Problem::new(Code::Malformed, detail).at("/subject")
}

fn not_linked() -> Problem {
    Problem::new(Code::NotLinked, "The provider knows you, and there is no account here that is yours. Ask an admin of the organisation.")
}
