//! Families of refresh tokens. Each use of the current token makes its successor; the token before it answers the same
//! successor for ten seconds, so that a lost reply and concurrent uses end in one head; anything older ends the family,
//! because two parties hold it (RFC 9700, section 4.14.2).
//!
//! The store holds hashes only, and yet every use of one token is to get the same successor: it is
//! `HMAC-SHA256(salt, token's secret)`, with a salt that is drawn at each rotation and kept with the session. Who holds
//! only the token does not know the salt, who holds only the database does not know the secret.

use ring::hmac::{HMAC_SHA256, Key, sign, verify};
use sync_core::ports::{Entropy, Session};
use sync_core::{DeviceId, OrganisationId, SessionId, Timestamp, UserId};

use crate::RefreshToken;
use crate::token::{random, sha256};

/// How long a family lives, whatever happens, in milliseconds: 90 days.
pub const FAMILY_MS: i64 = 90 * 24 * 60 * 60 * 1_000;
/// How long the immediate predecessor still answers, in milliseconds.
pub const GRACE_MS: u64 = 10_000;

/// What a presented refresh token is to its family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// The current one: [`rotate`].
    Current,
    /// The one right before it, within its grace: answer [`successor`] again and change nothing.
    Predecessor,
    /// Older, forged, or the predecessor after its grace: end the family.
    Reuse,
    /// The family has ended, or its time is over.
    Refused,
}

/// For whom a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// The new family's id.
    pub session_id: SessionId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The user.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
}

/// A new family and its first token.
pub fn start(login: &Login, entropy: &dyn Entropy, now: Timestamp) -> (Session, RefreshToken) {
    let token = RefreshToken { session_id: login.session_id, secret: random(entropy) };
    let session = Session {
        session_id: login.session_id,
        organisation_id: login.organisation_id,
        user_id: login.user_id,
        device_id: login.device_id,
        refresh_hash: sha256(&token.secret),
        previous_hash: None,
        salt: random(entropy),
        rotated_at: now,
        expires_at: now.plus_ms(FAMILY_MS),
        ended_at: None,
    };
    (session, token)
}

/// What a token's secret is to its family. Hashes are compared in constant time.
#[must_use]
pub fn present(session: &Session, secret: &[u8; 32], now: Timestamp) -> Presented {
    if session.ended_at.is_some() || now >= session.expires_at {
        return Presented::Refused;
    }
    let hash = sha256(secret);
    if equal(session, &session.refresh_hash, &hash) {
        return Presented::Current;
    }
    let in_grace = now.millis().abs_diff(session.rotated_at.millis()) <= GRACE_MS;
    let previous = session.previous_hash.is_some_and(|previous| equal(session, &previous, &hash));
    if previous && in_grace { Presented::Predecessor } else { Presented::Reuse }
}

/// The family after its current token was used, and the token's successor. `salt` is fresh random bytes.
#[must_use]
pub fn rotate(session: &Session, secret: &[u8; 32], salt: [u8; 32], now: Timestamp) -> (Session, RefreshToken) {
    let mut rotated = Session { previous_hash: Some(session.refresh_hash), salt, rotated_at: now, ..session.clone() };
    let token = successor(&rotated, secret);
    rotated.refresh_hash = sha256(&token.secret);
    (rotated, token)
}

/// The current token of a family, from the secret of the token right before it.
#[must_use]
pub fn successor(session: &Session, predecessor: &[u8; 32]) -> RefreshToken {
    let mut secret = [0; 32];
    secret.copy_from_slice(sign(&Key::new(HMAC_SHA256, &session.salt), predecessor).as_ref());
    RefreshToken { session_id: session.session_id, secret }
}

/// A fresh salt for [`rotate`].
pub fn salt(entropy: &dyn Entropy) -> [u8; 32] {
    random(entropy)
}

/// Compares the tags of both under a key that the sender does not know: the time taken tells nothing of either.
fn equal(session: &Session, stored: &[u8; 32], presented: &[u8; 32]) -> bool {
    let key = Key::new(HMAC_SHA256, &session.salt);
    verify(&key, presented, sign(&key, stored).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::fake::{START, SeededEntropy};
    use uuid::Uuid;

    use super::*;

    fn family() -> (Session, RefreshToken, SeededEntropy) {
        let entropy = SeededEntropy::new(3);
        let login = Login {
            session_id: SessionId(Uuid::from_u128(1)),
            organisation_id: OrganisationId(Uuid::from_u128(2)),
            user_id: UserId(Uuid::from_u128(3)),
            device_id: DeviceId(Uuid::from_u128(4)),
        };
        let (session, token) = start(&login, &entropy, START);
        (session, token, entropy)
    }

    /// Presents a secret as the service does, and keeps what came of it.
    fn use_token(session: &mut Session, secret: &[u8; 32], entropy: &SeededEntropy, now: Timestamp) -> Option<RefreshToken> {
        match present(session, secret, now) {
            Presented::Current => {
                let (rotated, token) = rotate(session, secret, salt(entropy), now);
                *session = rotated;
                Some(token)
            }
            Presented::Predecessor => Some(successor(session, secret)),
            Presented::Reuse => {
                session.ended_at = Some(now);
                None
            }
            Presented::Refused => None,
        }
    }

    #[test]
    fn a_thousand_uses_of_one_token_have_one_head() {
        let (mut session, first, entropy) = family();
        let heads: Vec<_> = (0..1_000).map(|ms| use_token(&mut session, &first.secret, &entropy, START.plus_ms(ms))).collect();
        let head = heads[0].clone().unwrap();
        assert!(heads.iter().all(|answer| answer.as_ref() == Some(&head)));
        assert_eq!(present(&session, &head.secret, START.plus_ms(1_000)), Presented::Current);
        assert_eq!(session.rotated_at, START, "it was rotated once");
        assert_ne!(head, first);
    }

    #[test]
    fn a_grandparent_ends_the_family_even_within_the_grace() {
        let (mut session, first, entropy) = family();
        let second = use_token(&mut session, &first.secret, &entropy, START).unwrap();
        let third = use_token(&mut session, &second.secret, &entropy, START).unwrap();
        assert_eq!(use_token(&mut session, &first.secret, &entropy, START), None);
        assert_eq!(session.ended_at, Some(START));
        assert_eq!(present(&session, &third.secret, START), Presented::Refused, "the head is dead, too");
    }

    #[test]
    fn the_grace_is_ten_seconds_either_way() {
        let (mut session, first, entropy) = family();
        use_token(&mut session, &first.secret, &entropy, START).unwrap();
        for (ms, expected) in
            [(10_000, Presented::Predecessor), (10_001, Presented::Reuse), (-10_000, Presented::Predecessor), (-10_001, Presented::Reuse)]
        {
            assert_eq!(present(&session, &first.secret, START.plus_ms(ms)), expected, "{ms}");
        }
    }

    #[test]
    fn a_family_ends_after_ninety_days_however_often_it_is_used() {
        let (mut session, mut token, entropy) = family();
        for day in 1..90 {
            token = use_token(&mut session, &token.secret, &entropy, START.plus_ms(day * FAMILY_MS / 90)).unwrap();
        }
        assert_eq!(present(&session, &token.secret, START.plus_ms(FAMILY_MS - 1)), Presented::Current);
        assert_eq!(present(&session, &token.secret, START.plus_ms(FAMILY_MS)), Presented::Refused);
    }

    #[test]
    fn neither_half_gives_the_successor() {
        let (session, first, entropy) = family();
        let (rotated, second) = rotate(&session, &first.secret, salt(&entropy), START);
        let (other, _) = rotate(&session, &first.secret, salt(&entropy), START);
        assert_ne!(successor(&other, &first.secret), second, "another salt gives another successor");
        assert_ne!(successor(&rotated, &rotated.refresh_hash).secret, second.secret);
        assert_ne!(rotated.refresh_hash, second.secret);
        assert_eq!(present(&session, &session.refresh_hash, START), Presented::Reuse, "a hash is no token");
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Wait(i64),
        /// The token so many rotations ago.
        Use(usize),
        Forge(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0_i64..8_000).prop_map(Step::Wait),
            8 => Just(Step::Use(0)),
            4 => Just(Step::Use(1)),
            1 => (2_usize..5).prop_map(Step::Use),
            1 => any::<u8>().prop_map(Step::Forge),
        ]
    }

    proptest! {
        /// Against the plain rule: the list of all tokens, when the last was made, and whether the family lives.
        #[test]
        fn the_family_follows_its_rule(steps in proptest::collection::vec(step(), 1..60)) {
            let (mut session, first, entropy) = family();
            let mut tokens = vec![first];
            let (mut now, mut rotated_at, mut alive) = (START, START, true);
            for step in steps {
                let (secret, age) = match step {
                    Step::Wait(ms) => { now = now.plus_ms(ms); continue }
                    Step::Use(age) => match tokens.iter().rev().nth(age) { Some(token) => (token.secret, age), None => continue },
                    Step::Forge(byte) => ([byte; 32], usize::MAX),
                };
                let head = tokens.last().cloned();
                let answer = use_token(&mut session, &secret, &entropy, now);
                let in_grace = now.millis() - rotated_at.millis() <= 10_000;
                match age {
                    _ if !alive => prop_assert_eq!(answer, None),
                    0 => {
                        let next = answer.unwrap();
                        prop_assert!(!tokens.contains(&next), "a successor is new");
                        tokens.push(next);
                        rotated_at = now;
                    }
                    1 if in_grace => prop_assert_eq!(answer, head),
                    _ => {
                        prop_assert_eq!(answer, None);
                        alive = false;
                    }
                }
                prop_assert_eq!(session.ended_at.is_none(), alive);
            }
        }
    }
}
