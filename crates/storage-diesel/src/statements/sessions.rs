//! Sessions, access tokens, server keys, tries to log in.

use std::slice::from_ref;

use diesel::prelude::*;
use sync_core::ports::{AccessGrant, LoginRows, LoginTries, ServerKey, Session, SessionRows, StoreResult};
use sync_core::{DeviceId, SessionId, Timestamp, UserId};
use uuid::Uuid;

use super::containment::footing;
use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{GrantRecord, ServerKeyRecord, SessionRecord, TriesRecord};
use crate::schema::{access_tokens, devices, login_tries, organisations, server_keys, sessions, users};
use crate::values::Id;

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

    fn end_user_sessions(&mut self, user_id: UserId, but: Option<SessionId>, at: Timestamp) -> StoreResult<Vec<SessionId>> {
        let ended = self.load(|conn| -> QueryResult<Vec<Id>> {
            let kept = but.unwrap_or(SessionId(Uuid::nil()));
            let live = sessions::table
                .filter(sessions::user_id.eq(user_id.as_bytes().as_slice()))
                .filter(sessions::session_id.ne(kept.as_bytes().as_slice()))
                .filter(sessions::ended_at.is_null());
            diesel::update(live).set(sessions::ended_at.eq(at.millis())).returning(sessions::session_id).load(conn)
        })?;
        Ok(ended.into_iter().map(SessionId).collect())
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

impl LoginRows for Rows<'_> {
    fn lock_login_tries(&mut self, keys: &[[u8; 32]]) -> StoreResult<Vec<LoginTries>> {
        self.load_each(keys, |conn, keys| -> QueryResult<Vec<TriesRecord>> {
            let own = login_tries::table.filter(dialect::any_of!(login_tries::key, keys.iter().map(|key| key.as_slice())));
            dialect::locked!(own.order(login_tries::key)).load(conn)
        })
    }

    fn add_login_tries(&mut self, rows: &[LoginTries]) -> StoreResult<()> {
        let mut rows: Vec<_> = rows.iter().collect();
        // everybody locks them in one order
        rows.sort_unstable_by_key(|row| row.key);
        let bulk = Insert::<login_tries::table, _>::into("login_tries", &rows, Taken::Replace)
            .key(login_tries::key, |row| &row.key)
            .adding(login_tries::tries, |row| row.tries)
            .column(login_tries::tried_at, |row| row.tried_at.millis())
            .column(login_tries::known_until, |row| row.known_until.map(Timestamp::millis))
            .column(login_tries::kept_until, |row| row.kept_until.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn drop_login_tries(&mut self, before: Timestamp) -> StoreResult<()> {
        let over = login_tries::table.filter(login_tries::kept_until.lt(before.millis()));
        self.send(|conn| diesel::delete(over).execute(conn)).map(drop)
    }
}
