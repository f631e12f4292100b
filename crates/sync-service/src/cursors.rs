//! Signing and reading cursors. A cursor is bound to its space and user by the signature, to the epoch and to the view
//! by tags inside, so that a wrong one tells why.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::json;
use sync_core::cursor::Cursor;
use sync_core::mark::Mark;
use sync_core::ports::{Access, Entropy, ServerKey, StoreResult, Tx};
use sync_core::{SpaceId, Timestamp, UserId};

use crate::audit::{self, Act};
use crate::view::View;
use crate::{Keeping, Service, ServiceResult};

const PURPOSE: &str = "cursor";
/// What the keys are for that are replaced with those of cursors.
const OTHERS: [&str; 2] = [crate::identity::OIDC_KEYS, crate::purged::PURPOSE];
/// Bytes of an HMAC-SHA-256.
const TAG_BYTES: usize = 32;

/// How often an unknown key's number is looked up: anybody may make one up.
const LOOK_AGAIN_MS: i64 = 1_000;

/// The keys of the installation, as this process knows them.
#[derive(Debug, Default)]
pub(crate) struct KeyRing(Mutex<Option<(Arc<Vec<CursorKey>>, Timestamp)>>);

impl KeyRing {
    fn lock(&self) -> MutexGuard<'_, Option<(Arc<Vec<CursorKey>>, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct CursorKey {
    number: i32,
    retired_at: Option<Timestamp>,
    secret: hmac::Key,
}

fn keys_of(rows: &[ServerKey]) -> Vec<CursorKey> {
    let key = |row: &ServerKey| CursorKey {
        number: row.number,
        retired_at: row.retired_at,
        secret: hmac::Key::new(hmac::HMAC_SHA256, &row.secret),
    };
    rows.iter().map(key).collect()
}

/// The installation's cursor keys, by number. The highest signs, all verify that were not retired too long ago.
#[derive(Debug, Clone)]
pub(crate) struct CursorKeys {
    keys: Arc<Vec<CursorKey>>,
    trusted_since: Timestamp,
}

impl CursorKeys {
    /// Signs a cursor for one user in one space.
    pub(crate) fn sign(&self, cursor: Cursor, space_id: SpaceId, user_id: UserId) -> Option<String> {
        self.seal(Sealed::Cursor, &cursor.encode(), space_id, user_id)
    }

    /// Reads a cursor that this installation gave to this user for this space; `None` for anything else.
    pub(crate) fn read(&self, text: &str, space_id: SpaceId, user_id: UserId) -> Option<Cursor> {
        Cursor::decode(&self.unseal(Sealed::Cursor, text, space_id, user_id)?)
    }

    /// Signs a mark for one user in one space.
    pub(crate) fn sign_mark(&self, mark: &Mark, space_id: SpaceId, user_id: UserId) -> Option<String> {
        self.seal(Sealed::Mark, &mark.encode(), space_id, user_id)
    }

    /// Reads a mark that this installation gave to this user for this space; `None` for anything else.
    pub(crate) fn read_mark(&self, text: &str, space_id: SpaceId, user_id: UserId) -> Option<Mark> {
        Mark::decode(&self.unseal(Sealed::Mark, text, space_id, user_id)?)
    }

    fn seal(&self, what: Sealed, content: &[u8], space_id: SpaceId, user_id: UserId) -> Option<String> {
        let CursorKey { number, secret, .. } = self.keys.last()?;
        let mut text = number.to_be_bytes().to_vec();
        text.extend_from_slice(content);
        let tag = hmac::sign(secret, &bound(what, &text, space_id, user_id));
        text.extend_from_slice(tag.as_ref());
        Some(URL_SAFE_NO_PAD.encode(text))
    }

    fn unseal(&self, what: Sealed, text: &str, space_id: SpaceId, user_id: UserId) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        let (number, content) = signed.split_first_chunk::<4>()?;
        let known = self.keys.iter().find(|key| key.number == i32::from_be_bytes(*number))?;
        if known.retired_at.is_some_and(|at| at < self.trusted_since) {
            return None;
        }
        hmac::verify(&known.secret, &bound(what, signed, space_id, user_id), tag).ok()?;
        Some(content.to_vec())
    }

    /// Whether a cursor or a mark names a key that is not among these.
    fn lacks(&self, text: &str) -> bool {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let is_whole = bytes.len() > 4 + TAG_BYTES;
        let number = bytes.first_chunk::<4>().map(|number| i32::from_be_bytes(*number)).filter(|_| is_whole);
        number.is_some_and(|number| self.keys.iter().all(|key| key.number != number))
    }
}

/// What a signature is for: one of the one is none of the other.
#[derive(Debug, Clone, Copy)]
enum Sealed {
    Cursor,
    Mark,
}

fn bound(what: Sealed, signed: &[u8], space_id: SpaceId, user_id: UserId) -> Vec<u8> {
    let purpose = match what {
        Sealed::Cursor => b"rejoin-cursor/1".as_slice(),
        Sealed::Mark => b"rejoin-mark/1",
    };
    [purpose, signed, space_id.as_bytes(), user_id.as_bytes()].concat()
}

/// The tag of an epoch: the last bytes of its id.
pub(crate) fn epoch_tag(epoch: uuid::Uuid) -> u32 {
    epoch.as_bytes().last_chunk::<4>().map_or(0, |last| u32::from_be_bytes(*last))
}

/// The tag of a snapshot: the view, and the schema by whose tiers it is ordered.
pub(crate) fn mark_tag(view: &View) -> u32 {
    view.schema.version.wrapping_mul(16).wrapping_add(view.tag())
}

impl Service {
    /// Makes what a server needs before anybody comes: the first cursor key. So every backup of a database that was ever
    /// served has it, and cursors that are older than the backup can be read after a restore.
    ///
    /// # Errors
    /// The store's.
    pub async fn prepare(&self) -> ServiceResult<()> {
        self.cursor_keys([]).await.map(drop)
    }

    /// The cursor keys; the first one is made when there is none. Where one of these cursors names a key that this
    /// process does not know, another one has made it: they are read anew.
    pub(crate) async fn cursor_keys(&self, cursors: impl IntoIterator<Item = &str>) -> ServiceResult<CursorKeys> {
        let now = self.now();
        let trusted_since = Keeping::keys_since(now);
        let known = self.cursor_keys.lock().clone();
        if let Some((keys, read_at)) = known {
            let keys = CursorKeys { keys, trusted_since };
            // a clock that was set back does not keep from looking
            let looked_lately = (0..LOOK_AGAIN_MS).contains(&now.millis().saturating_sub(read_at.millis()));
            if looked_lately || !cursors.into_iter().any(|cursor| keys.lacks(cursor)) {
                return Ok(keys);
            }
        }
        Ok(CursorKeys { keys: self.read_cursor_keys(now).await?, trusted_since })
    }

    async fn read_cursor_keys(&self, now: Timestamp) -> ServiceResult<Arc<Vec<CursorKey>>> {
        let stored = self.store.transact(Access::Read, |tx| tx.list_server_keys(PURPOSE)).await?;
        let rows = if stored.is_empty() { self.make_first_key(now).await? } else { stored };
        let keys = Arc::new(keys_of(&rows));
        *self.cursor_keys.lock() = Some((Arc::clone(&keys), now));
        Ok(keys)
    }

    /// Makes the first key, unless another node does; all keys then.
    async fn make_first_key(&self, now: Timestamp) -> ServiceResult<Vec<ServerKey>> {
        let secret = self.new_secret();
        Ok(self.store.transact(Access::Write, move |tx| add_key(tx, PURPOSE, (1, secret), now)).await?)
    }

    fn new_secret(&self) -> [u8; 32] {
        let mut secret = [0; 32];
        self.entropy.fill(&mut secret);
        secret
    }

    /// Makes the key that signs cursors from now on; its number. Running servers take it up within a minute, or with the
    /// first cursor that another one signed. Cursors of the former key are good for another 400 days. With it come those
    /// that seal logins by a provider, which begin again if they are under way, and that sign receipts of purges. Every
    /// organisation's log says so.
    ///
    /// # Errors
    /// The store's.
    pub async fn rotate_cursor_keys(&self) -> ServiceResult<i32> {
        let (now, secret, entropy) = (self.now(), self.new_secret(), Arc::clone(&self.entropy));
        let others = OTHERS.map(|purpose| (purpose, self.new_secret()));
        let work = move |tx: &mut dyn Tx| {
            let number = tx.list_server_keys(PURPOSE)?.last().map_or(1, |key| key.number.saturating_add(1));
            let keys = add_key(tx, PURPOSE, (number, secret), now)?;
            for (purpose, secret) in others {
                // where there is none yet, the first one is made when it is needed
                if let Some(last) = tx.list_server_keys(purpose)?.last() {
                    add_key(tx, purpose, (last.number.saturating_add(1), secret), now)?;
                }
            }
            // where somebody else made one at the same time, that one signs, and they record it
            if keys.iter().any(|key| key.number == number && key.secret == secret) {
                let act = |organisation_id| Act::of(organisation_id, "keys.rotate").with(json!({"operator": true, "number": number}));
                audit::write_for_all(tx, &*entropy, now, act)?;
            }
            Ok(number)
        };
        let number = self.store.transact(Access::Write, work).await?;
        self.read_cursor_keys(now).await?;
        Ok(number)
    }

    /// Reads the keys anew, and drops those that are not trusted any more.
    pub(crate) async fn keep_cursor_keys(&self) -> ServiceResult<()> {
        let now = self.now();
        let since = Keeping::keys_since(now);
        let keys = self.read_cursor_keys(now).await?;
        if keys.iter().any(|key| key.retired_at.is_some_and(|at| at < since)) {
            let entropy = Arc::clone(&self.entropy);
            self.store.transact(Access::Write, move |tx| drop_keys(tx, &*entropy, since, now)).await?;
            self.read_cursor_keys(now).await?;
        }
        Ok(())
    }
}

/// Makes a key, unless its number is taken; all keys then.
fn add_key(tx: &mut dyn Tx, purpose: &str, (number, secret): (i32, [u8; 32]), now: Timestamp) -> StoreResult<Vec<ServerKey>> {
    tx.insert_server_key(&ServerKey { purpose: purpose.into(), number, secret, created_at: now, retired_at: None })?;
    tx.retire_server_keys(purpose, number, now)?;
    tx.list_server_keys(purpose)
}

/// Drops the keys that were retired too long ago, unless another node did.
fn drop_keys(tx: &mut dyn Tx, entropy: &(dyn Entropy + 'static), since: Timestamp, now: Timestamp) -> StoreResult<()> {
    let keys = tx.list_server_keys(PURPOSE)?;
    let numbers: Vec<i32> = keys.iter().filter(|key| key.retired_at.is_some_and(|at| at < since)).map(|key| key.number).collect();
    if numbers.is_empty() {
        return Ok(());
    }
    tx.drop_server_keys(PURPOSE, since)?;
    audit::write_for_all(tx, entropy, now, |organisation_id| Act::of(organisation_id, "keys.drop").with(json!({"numbers": numbers})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_user_and_space_alone() {
        let id = |last: u128| uuid::Uuid::from_u128(last);
        let row =
            |number| ServerKey { purpose: PURPOSE.into(), number, secret: [7; 32], created_at: Timestamp::default(), retired_at: None };
        let of_rows = |rows: &[ServerKey]| CursorKeys { keys: Arc::new(keys_of(rows)), trusted_since: Timestamp::default() };
        let old = of_rows(&[row(1)]);
        let keys = of_rows(&[row(1), row(2)]);
        let cursor = Cursor { epoch_tag: 1, view_tag: 2, floor: None, place: 3, began: 4 };
        let text = old.sign(cursor, SpaceId(id(1)), UserId(id(2))).unwrap();
        assert_eq!(keys.read(&text, SpaceId(id(1)), UserId(id(2))), Some(cursor));
        assert_eq!(keys.read(&text, SpaceId(id(9)), UserId(id(2))), None);
        assert_eq!(keys.read(&text, SpaceId(id(1)), UserId(id(9))), None);
        assert_eq!(old.read(&keys.sign(cursor, SpaceId(id(1)), UserId(id(2))).unwrap(), SpaceId(id(1)), UserId(id(2))), None);
        assert_eq!(keys.read_mark(&text, SpaceId(id(1)), UserId(id(2))), None, "a cursor is no mark");
        for index in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            // the last character carries two unused bits: another spelling of the same bytes is refused as malformed
            assert_eq!(keys.read(&forged, SpaceId(id(1)), UserId(id(2))), None, "at {index}");
        }
    }
}
