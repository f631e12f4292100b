//! Signing and reading cursors. A cursor is bound to its space and user by the signature, to the epoch and to the view
//! (the role) by tags inside, so that a wrong one tells why.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use sync_core::cursor::Cursor;
use sync_core::mark::Mark;
use sync_core::ports::{Access, ServerKey, SpaceAccess};
use sync_core::{Schema, SpaceId, UserId};

use crate::{Service, ServiceResult};

const PURPOSE: &str = "cursor";
/// Bytes of an HMAC-SHA-256.
const TAG_BYTES: usize = 32;

/// The installation's cursor keys, by number. The highest signs, all verify.
#[derive(Debug, Clone, Default)]
pub(crate) struct CursorKeys(Vec<(i32, hmac::Key)>);

impl CursorKeys {
    fn of_rows(rows: &[ServerKey]) -> Self {
        Self(rows.iter().map(|row| (row.number, hmac::Key::new(hmac::HMAC_SHA256, &row.secret))).collect())
    }

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
        let (number, key) = self.0.last()?;
        let mut text = number.to_be_bytes().to_vec();
        text.extend_from_slice(content);
        let tag = hmac::sign(key, &bound(what, &text, space_id, user_id));
        text.extend_from_slice(tag.as_ref());
        Some(URL_SAFE_NO_PAD.encode(text))
    }

    fn unseal(&self, what: Sealed, text: &str, space_id: SpaceId, user_id: UserId) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        let (number, content) = signed.split_first_chunk::<4>()?;
        let (_, key) = self.0.iter().find(|(other, _)| *other == i32::from_be_bytes(*number))?;
        hmac::verify(key, &bound(what, signed, space_id, user_id), tag).ok()?;
        Some(content.to_vec())
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

/// The tag of a view: the role. A different tag means that other documents may be visible. A new schema is no other
/// view: the documents whose audience it changes are changed in the log.
pub(crate) fn view_tag(access: &SpaceAccess) -> u32 {
    let role = sync_core::Role::ALL.iter().position(|role| *role == access.member.role).unwrap_or_default();
    16 + u32::try_from(role).unwrap_or_default()
}

/// The tag of a snapshot: the view, and the schema by whose tiers it is ordered.
pub(crate) fn mark_tag(access: &SpaceAccess, schema: &Schema) -> u32 {
    schema.version.wrapping_mul(16).wrapping_add(view_tag(access))
}

impl Service {
    /// The cursor keys; the first one is made when there is none.
    pub(crate) async fn cursor_keys(&self) -> ServiceResult<CursorKeys> {
        if let Some(keys) = self.cursor_keys.get() {
            return Ok(keys.clone());
        }
        let stored = self.store.transact(Access::Read, |tx| tx.list_server_keys(PURPOSE)).await?;
        let rows = if stored.is_empty() {
            let mut secret = [0; 32];
            self.entropy.fill(&mut secret);
            let first = ServerKey { purpose: PURPOSE.into(), number: 1, secret, created_at: self.now(), retired_at: None };
            self.store
                .transact(Access::Write, move |tx| {
                    tx.insert_server_key(&first)?;
                    tx.list_server_keys(PURPOSE)
                })
                .await?
        } else {
            stored
        };
        Ok(self.cursor_keys.get_or_init(|| CursorKeys::of_rows(&rows)).clone())
    }
}

#[cfg(test)]
mod tests {
    use sync_core::Timestamp;

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_user_and_space_alone() {
        let id = |last: u128| uuid::Uuid::from_u128(last);
        let row =
            |number| ServerKey { purpose: PURPOSE.into(), number, secret: [7; 32], created_at: Timestamp::default(), retired_at: None };
        let old = CursorKeys::of_rows(&[row(1)]);
        let keys = CursorKeys::of_rows(&[row(1), row(2)]);
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
