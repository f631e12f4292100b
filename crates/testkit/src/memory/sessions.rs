use std::collections::BTreeSet;

use sync_core::ports::{AccessGrant, Footing, LoginRows, LoginTries, ServerKey, Session, SessionRows, StoreError, StoreResult};
use sync_core::{DeviceId, SessionId, Timestamp, UserId};

use super::{MemoryTx, State};

impl State {
    pub(super) fn grant(&self, session_id: SessionId, expires_at: Timestamp) -> Option<AccessGrant> {
        let session = self.sessions.get(&session_id)?;
        let user = self.users.get(&session.user_id)?;
        let device = self.devices.get(&session.device_id)?;
        Some(AccessGrant {
            session_id,
            organisation_id: session.organisation_id,
            user_id: session.user_id,
            device_id: session.device_id,
            admin: user.admin,
            expires_at,
            footing: Footing::of(
                session.ended_at.is_some() || device.revoked_at.is_some(),
                device.suspended.is_some(),
                self.tenant(session.organisation_id)?.state,
            ),
            wipe: device.wipe.as_ref().filter(|wipe| wipe.confirmed_at.is_none()).map(|wipe| wipe.purge_id),
        })
    }
}

impl SessionRows for MemoryTx<'_> {
    fn put_session(&mut self, session: &Session) -> StoreResult<()> {
        self.writable()?.sessions.put(session.session_id, session.clone());
        Ok(())
    }

    fn lock_session(&mut self, session_id: SessionId) -> StoreResult<Option<Session>> {
        Ok(self.writable()?.sessions.get(&session_id).cloned())
    }

    fn end_user_sessions(&mut self, user_id: UserId, but: Option<SessionId>, at: Timestamp) -> StoreResult<Vec<SessionId>> {
        let state = self.writable()?;
        let live = |session: &&Session| session.user_id == user_id && Some(session.session_id) != but && session.ended_at.is_none();
        let ended: Vec<_> = state.sessions.values().filter(live).cloned().collect();
        for session in &ended {
            state.sessions.put(session.session_id, Session { ended_at: Some(at), ..session.clone() });
        }
        Ok(ended.into_iter().map(|session| session.session_id).collect())
    }

    fn end_sessions(&mut self, device_id: DeviceId, at: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        let running = |session: &&Session| session.device_id == device_id && session.ended_at.is_none();
        let ended: Vec<_> = state.sessions.values().filter(running).cloned().collect();
        for session in ended {
            state.sessions.put(session.session_id, Session { ended_at: Some(at), ..session });
        }
        Ok(())
    }

    fn insert_access_token(&mut self, hash: &[u8; 32], session_id: SessionId, expires_at: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        if state.access_tokens.contains_key(hash) {
            return Err(StoreError::Refused("the access token exists".into()));
        }
        state.access_tokens.put(*hash, (session_id, expires_at));
        Ok(())
    }

    fn find_access(&mut self, hash: &[u8; 32]) -> StoreResult<Option<AccessGrant>> {
        let token = self.state.access_tokens.get(hash);
        Ok(token.and_then(|(session_id, expires_at)| self.state.grant(*session_id, *expires_at)))
    }

    fn drop_access_tokens(&mut self, before: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        let ended: Vec<_> = state.access_tokens.iter().filter(|(_, (_, end))| *end < before).map(|(hash, _)| *hash).collect();
        for hash in ended {
            state.access_tokens.remove(&hash);
        }
        Ok(())
    }

    fn insert_server_key(&mut self, key: &ServerKey) -> StoreResult<()> {
        let state = self.writable()?;
        let place = (key.purpose.clone(), key.number);
        if !state.server_keys.contains_key(&place) {
            state.server_keys.put(place, key.clone());
        }
        Ok(())
    }

    fn retire_server_keys(&mut self, purpose: &str, below: i32, at: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        let older = |key: &&ServerKey| key.purpose == purpose && key.number < below && key.retired_at.is_none();
        let older: Vec<_> = state.server_keys.values().filter(older).cloned().collect();
        for key in older {
            state.server_keys.put((key.purpose.clone(), key.number), ServerKey { retired_at: Some(at), ..key });
        }
        Ok(())
    }

    fn drop_server_keys(&mut self, purpose: &str, before: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        let over = |key: &ServerKey| key.purpose == purpose && key.retired_at.is_some_and(|at| at < before);
        let over: Vec<_> = state.server_keys.iter().filter(|(_, key)| over(key)).map(|(place, _)| place.clone()).collect();
        for place in over {
            state.server_keys.remove(&place);
        }
        Ok(())
    }

    fn list_server_keys(&mut self, purpose: &str) -> StoreResult<Vec<ServerKey>> {
        Ok(self.state.server_keys.values().filter(|key| key.purpose == purpose).cloned().collect())
    }
}

impl LoginRows for MemoryTx<'_> {
    fn lock_login_tries(&mut self, keys: &[[u8; 32]]) -> StoreResult<Vec<LoginTries>> {
        let tries = &self.writable()?.login_tries;
        let wanted: BTreeSet<_> = keys.iter().collect();
        Ok(wanted.into_iter().filter_map(|key| tries.get(key)).copied().collect())
    }

    fn add_login_tries(&mut self, rows: &[LoginTries]) -> StoreResult<()> {
        let stored = &mut self.writable()?.login_tries;
        for row in rows {
            let before = stored.get(&row.key).map_or(0, |row| row.tries);
            stored.put(row.key, LoginTries { tries: before.saturating_add(row.tries), ..*row });
        }
        Ok(())
    }

    fn drop_login_tries(&mut self, before: Timestamp) -> StoreResult<()> {
        let stored = &mut self.writable()?.login_tries;
        let over: Vec<_> = stored.values().filter(|row| row.kept_until < before).map(|row| row.key).collect();
        for key in over {
            stored.remove(&key);
        }
        Ok(())
    }
}
