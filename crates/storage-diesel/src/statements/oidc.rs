//! Providers of identity, logins by them that were finished, and who is whom.

use std::slice::from_ref;

use diesel::prelude::*;
use sync_core::Timestamp;
use sync_core::ports::{OidcCode, OidcLink, OidcProvider, OidcRows, StoreResult};

use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{OidcCodeRecord, OidcLinkRecord, OidcProviderRecord};
use crate::schema::{oidc_codes as codes, oidc_links, oidc_providers as providers, oidc_used_states as used_states};

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

    fn is_oidc_state_used(&mut self, state_id: &[u8; 32]) -> StoreResult<bool> {
        let used = used_states::table.find(state_id.as_slice());
        self.send(|conn| diesel::select(diesel::dsl::exists(used)).get_result(conn))
    }

    fn use_oidc_state(&mut self, state_id: &[u8; 32], until: Timestamp) -> StoreResult<bool> {
        let row = (state_id, until);
        let bulk = Insert::<used_states::table, _>::into("oidc_used_states", from_ref(&row), Taken::Keep)
            .key(used_states::state_id, |row| row.0.as_slice())
            .column(used_states::expires_at, |row| row.1.millis())
            .build();
        Ok(self.insert(&bulk)? == 1)
    }

    fn insert_oidc_code(&mut self, code: &OidcCode) -> StoreResult<()> {
        let bulk = Insert::<codes::table, _>::into("oidc_codes", from_ref(code), Taken::Fail)
            .key(codes::hash, |row| &row.hash)
            .column(codes::challenge, |row| &row.challenge)
            .column(codes::user_id, |row| row.user_id.as_bytes())
            .column(codes::expires_at, |row| row.expires_at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn take_oidc_code(&mut self, hash: &[u8; 32]) -> StoreResult<Option<OidcCode>> {
        let found = self.load(|conn| -> QueryResult<Vec<OidcCodeRecord>> {
            diesel::delete(codes::table.find(hash.as_slice())).returning(codes::all_columns).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn drop_oidc_codes(&mut self, before: Timestamp) -> StoreResult<()> {
        let over = codes::table.filter(codes::expires_at.lt(before.millis()));
        self.send(|conn| diesel::delete(over).execute(conn))?;
        let over = used_states::table.filter(used_states::expires_at.lt(before.millis()));
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
