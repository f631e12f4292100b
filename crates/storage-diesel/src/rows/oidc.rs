//! Providers of identity, codes of apps, links.

use diesel::Queryable;
use sync_core::ports::{OidcCode, OidcLink, OidcProvider};
use sync_core::{OrganisationId, UserId};

use super::Row;
use crate::values::{Bytes32, Id, Instant};

#[derive(Queryable)]
pub(crate) struct OidcProviderRecord {
    name: String,
    organisation_id: Id,
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    public_url: String,
    return_to: String,
    by_email: bool,
    created_at: Instant,
}

impl Row for OidcProviderRecord {
    type Value = OidcProvider;

    fn into_value(self) -> OidcProvider {
        OidcProvider {
            name: self.name,
            organisation_id: OrganisationId(self.organisation_id.0),
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: self.client_secret,
            public_url: self.public_url,
            return_to: self.return_to,
            by_email: self.by_email,
            created_at: self.created_at.0,
        }
    }
}

#[derive(Queryable)]
pub(crate) struct OidcCodeRecord {
    hash: Bytes32,
    challenge: String,
    user_id: Id,
    expires_at: Instant,
}

impl Row for OidcCodeRecord {
    type Value = OidcCode;

    fn into_value(self) -> OidcCode {
        OidcCode { hash: self.hash.0, challenge: self.challenge, user_id: UserId(self.user_id.0), expires_at: self.expires_at.0 }
    }
}

#[derive(Queryable)]
pub(crate) struct OidcLinkRecord {
    issuer: String,
    subject: String,
    organisation_id: Id,
    user_id: Id,
    linked_at: Instant,
}

impl Row for OidcLinkRecord {
    type Value = OidcLink;

    fn into_value(self) -> OidcLink {
        OidcLink {
            issuer: self.issuer,
            subject: self.subject,
            organisation_id: OrganisationId(self.organisation_id.0),
            user_id: UserId(self.user_id.0),
            linked_at: self.linked_at.0,
        }
    }
}
