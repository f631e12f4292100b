//! Sessions, access tokens, server keys.

use std::slice::from_ref;

use diesel::prelude::*;
use sync_core::ports::{AccessGrant, ServerKey, Session, SessionRows, StoreResult};
use sync_core::{DeviceId, SessionId, Timestamp};

use super::containment::footing;
use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{GrantRecord, ServerKeyRecord, SessionRecord};
use crate::schema::{access_tokens, devices, organisations, server_keys, sessions, users};

impl SessionRows for Rows<'_> {
    fn put_session(&mut self, session: &Session) -> StoreResult<()> {
        let bulk = Insert::<sessions::table, _>::into("sessions", from_ref(session), Taken::Replace)
            .key(sessions::session_id, |row| row.session_id.as_bytes())
            .column(sessions::organisation_id, |row| row.organisation_id.as_bytes())
            .column(sessions::user_id, |row| row.user_id.as_bytes())
            .column(sessions::device_id, |row| row.device_id.as_bytes())
            .column(sessions::refresh_hash, |row| &row.refresh_hash)
            .column(sessions::previous_hash, |row| row.previous_hash.as_ref().map(<[u8; 32]>::as_slice))
            .column(sessions::salt, |row| &row.salt)
            .column(sessions::rotated_at, |row| row.rotated_at.millis())
            .column(sessions::expires_at, |row| row.expires_at.millis())
            .column(sessions::ended_at, |row| row.ended_at.map(Timestamp::millis))
            .build();
        self.insert(&bulk).map(drop)
    }

    fn lock_session(&mut self, session_id: SessionId) -> StoreResult<Option<Session>> {
        let found = self.load(|conn| -> QueryResult<Vec<SessionRecord>> {
            dialect::locked!(sessions::table.find(session_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn end_sessions(&mut self, device_id: DeviceId, at: Timestamp) -> StoreResult<()> {
        let live = sessions::table.filter(sessions::device_id.eq(device_id.as_bytes().as_slice())).filter(sessions::ended_at.is_null());
        self.send(|conn| diesel::update(live).set(sessions::ended_at.eq(at.millis())).execute(conn)).map(drop)
    }

    fn insert_access_token(&mut self, hash: &[u8; 32], session_id: SessionId, expires_at: Timestamp) -> StoreResult<()> {
        let bulk = Insert::<access_tokens::table, _>::into("access_tokens", from_ref(hash), Taken::Fail)
            .key(access_tokens::hash, |hash| hash)
            .column(access_tokens::session_id, |_| session_id.as_bytes())
            .column(access_tokens::expires_at, |_| expires_at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn find_access(&mut self, hash: &[u8; 32]) -> StoreResult<Option<AccessGrant>> {
        let found = self.load(|conn| -> QueryResult<Vec<GrantRecord>> {
            access_tokens::table
                .inner_join(sessions::table.on(sessions::session_id.eq(access_tokens::session_id)))
                .inner_join(organisations::table.on(organisations::organisation_id.eq(sessions::organisation_id)))
                .inner_join(users::table.on(users::user_id.eq(sessions::user_id)))
                .inner_join(devices::table.on(devices::device_id.eq(sessions::device_id)))
                .filter(access_tokens::hash.eq(hash.as_slice()))
                .select((
                    sessions::session_id,
                    sessions::organisation_id,
                    sessions::user_id,
                    sessions::device_id,
                    users::admin,
                    access_tokens::expires_at,
                    footing!(),
                    devices::wipe_id,
                    devices::wipe_confirmed_at,
                ))
                .load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn drop_access_tokens(&mut self, before: Timestamp) -> StoreResult<()> {
        let ended = access_tokens::table.filter(access_tokens::expires_at.lt(before.millis()));
        self.send(|conn| diesel::delete(ended).execute(conn)).map(drop)
    }

    fn insert_server_key(&mut self, key: &ServerKey) -> StoreResult<()> {
        let bulk = Insert::<server_keys::table, _>::into("server_keys", from_ref(key), Taken::Keep)
            .key(server_keys::purpose, |row| &row.purpose)
            .key(server_keys::number, |row| row.number)
            .column(server_keys::secret, |row| &row.secret)
            .column(server_keys::created_at, |row| row.created_at.millis())
            .column(server_keys::retired_at, |row| row.retired_at.map(Timestamp::millis))
            .build();
        self.insert(&bulk).map(drop)
    }

    fn retire_server_keys(&mut self, purpose: &str, below: i32, at: Timestamp) -> StoreResult<()> {
        let older = server_keys::table
            .filter(server_keys::purpose.eq(purpose))
            .filter(server_keys::number.lt(below))
            .filter(server_keys::retired_at.is_null());
        self.send(|conn| diesel::update(older).set(server_keys::retired_at.eq(at.millis())).execute(conn)).map(drop)
    }

    fn drop_server_keys(&mut self, purpose: &str, before: Timestamp) -> StoreResult<()> {
        let over = server_keys::table.filter(server_keys::purpose.eq(purpose)).filter(server_keys::retired_at.lt(before.millis()));
        self.send(|conn| diesel::delete(over).execute(conn)).map(drop)
    }

    fn list_server_keys(&mut self, purpose: &str) -> StoreResult<Vec<ServerKey>> {
        self.load(|conn| -> QueryResult<Vec<ServerKeyRecord>> {
            server_keys::table.filter(server_keys::purpose.eq(purpose)).order(server_keys::number).load(conn)
        })
    }
}
