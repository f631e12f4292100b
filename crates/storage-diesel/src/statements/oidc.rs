//! Providers of identity, logins by them that are under way, and who is whom.

use std::slice::from_ref;

use diesel::prelude::*;
use sync_core::Timestamp;
use sync_core::ports::{OidcAttempt, OidcLink, OidcProvider, OidcRows, StoreResult};

use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{OidcAttemptRecord, OidcLinkRecord, OidcProviderRecord};
use crate::schema::{oidc_attempts as attempts, oidc_links, oidc_providers as providers};

impl OidcRows for Rows<'_> {
    fn put_oidc_provider(&mut self, provider: &OidcProvider) -> StoreResult<()> {
        let bulk = Insert::<providers::table, _>::into("oidc_providers", from_ref(provider), Taken::Replace)
            .key(providers::name, |row| &row.name)
            .column(providers::organisation_id, |row| row.organisation_id.as_bytes())
            .column(providers::issuer, |row| &row.issuer)
            .column(providers::client_id, |row| &row.client_id)
            .column(providers::client_secret, |row| row.client_secret.as_deref())
            .column(providers::public_url, |row| &row.public_url)
            .column(providers::return_to, |row| &row.return_to)
            .column(providers::by_email, |row| row.by_email)
            .column(providers::created_at, |row| row.created_at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn list_oidc_providers(&mut self) -> StoreResult<Vec<OidcProvider>> {
        self.load(|conn| -> QueryResult<Vec<OidcProviderRecord>> { providers::table.order(providers::name).load(conn) })
    }

    fn find_oidc_provider(&mut self, name: &str) -> StoreResult<Option<OidcProvider>> {
        let found = self.load(|conn| -> QueryResult<Vec<OidcProviderRecord>> { providers::table.find(name).load(conn) })?;
        Ok(found.into_iter().next())
    }

    fn drop_oidc_provider(&mut self, name: &str) -> StoreResult<bool> {
        let dropped = self.send(|conn| diesel::delete(providers::table.find(name)).execute(conn))?;
        Ok(dropped > 0)
    }

    fn insert_oidc_attempt(&mut self, attempt: &OidcAttempt) -> StoreResult<()> {
        let bulk = Insert::<attempts::table, _>::into("oidc_attempts", from_ref(attempt), Taken::Fail)
            .key(attempts::hash, |row| &row.hash)
            .column(attempts::provider, |row| &row.provider)
            .column(attempts::nonce, |row| &row.nonce)
            .column(attempts::verifier, |row| &row.verifier)
            .column(attempts::challenge, |row| &row.challenge)
            .column(attempts::return_to, |row| row.return_to.as_deref())
            .column(attempts::user_id, |row| row.user_id.as_ref().map(|id| id.as_bytes().as_slice()))
            .column(attempts::expires_at, |row| row.expires_at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn count_oidc_attempts(&mut self, provider: &str) -> StoreResult<i64> {
        self.send(|conn| attempts::table.filter(attempts::provider.eq(provider)).count().get_result(conn))
    }

    fn take_oidc_attempt(&mut self, hash: &[u8; 32]) -> StoreResult<Option<OidcAttempt>> {
        let found = self.load(|conn| -> QueryResult<Vec<OidcAttemptRecord>> {
            diesel::delete(attempts::table.find(hash.as_slice())).returning(attempts::all_columns).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn drop_oidc_attempts(&mut self, before: Timestamp) -> StoreResult<()> {
        let over = attempts::table.filter(attempts::expires_at.lt(before.millis()));
        self.send(|conn| diesel::delete(over).execute(conn)).map(drop)
    }

    fn find_oidc_link(&mut self, issuer: &str, subject: &str) -> StoreResult<Option<OidcLink>> {
        let found = self.load(|conn| -> QueryResult<Vec<OidcLinkRecord>> { oidc_links::table.find((issuer, subject)).load(conn) })?;
        Ok(found.into_iter().next())
    }

    fn insert_oidc_link(&mut self, link: &OidcLink) -> StoreResult<bool> {
        let bulk = Insert::<oidc_links::table, _>::into("oidc_links", from_ref(link), Taken::Keep)
            .key(oidc_links::issuer, |row| &row.issuer)
            .key(oidc_links::subject, |row| &row.subject)
            .column(oidc_links::organisation_id, |row| row.organisation_id.as_bytes())
            .column(oidc_links::user_id, |row| row.user_id.as_bytes())
            .column(oidc_links::linked_at, |row| row.linked_at.millis())
            .build();
        Ok(self.insert(&bulk)? == 1)
    }

    fn drop_oidc_link(&mut self, issuer: &str, subject: &str) -> StoreResult<bool> {
        let dropped = self.send(|conn| diesel::delete(oidc_links::table.find((issuer, subject))).execute(conn))?;
        Ok(dropped > 0)
    }
}
