//! Tokens that the database knew a moment ago. A device that syncs without a pause would otherwise have its token read
//! for each request, and its session once more in the transaction that decides.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sync_core::Timestamp;

use crate::Caller;

/// For so long a token is not read again, in milliseconds.
const FRESH_MS: i64 = 1_000;
/// At most so many tokens are remembered.
const MOST: usize = 4_096;

/// What was read lately, by the hash of the token.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<[u8; 32], Known>>);

#[derive(Debug, Clone, Copy)]
struct Known {
    caller: Caller,
    read_at: Timestamp,
    expires_at: Timestamp,
}

impl Recent {
    /// Who holds a token, where that was read a moment ago.
    pub(crate) fn find(&self, hash: &[u8; 32], now: Timestamp) -> Option<Caller> {
        let known = *self.tokens().get(hash)?;
        let age_ms = now.millis().saturating_sub(known.read_at.millis());
        ((0..FRESH_MS).contains(&age_ms) && now < known.expires_at).then_some(known.caller)
    }

    /// Notes what was read.
    pub(crate) fn note(&self, hash: [u8; 32], caller: Caller, read_at: Timestamp, expires_at: Timestamp) {
        let mut tokens = self.tokens();
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(hash, Known { caller, read_at, expires_at });
    }

    // a map is whole whenever nobody holds the lock
    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sync_core::{DeviceId, OrganisationId, SessionId, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_is_known_for_a_moment_and_never_beyond_its_end() {
        let nobody = Uuid::nil();
        let caller = Caller {
            organisation_id: OrganisationId(nobody),
            user_id: UserId(nobody),
            device_id: DeviceId(nobody),
            session_id: SessionId(nobody),
            admin: false,
            trace: None,
        };
        let at = Timestamp::from_millis;
        let recent = Recent::default();
        recent.note([1; 32], caller, at(5_000), at(5_700));
        recent.note([2; 32], caller, at(5_000), at(9_000));
        assert_eq!(recent.find(&[1; 32], at(5_699)), Some(caller));
        assert_eq!(recent.find(&[1; 32], at(5_700)), None, "it ended");
        assert_eq!(recent.find(&[2; 32], at(5_999)), Some(caller));
        assert_eq!(recent.find(&[2; 32], at(6_000)), None, "it is to be read again");
        assert_eq!(recent.find(&[2; 32], at(4_999)), None, "the clock went back");
        assert_eq!(recent.find(&[3; 32], at(5_000)), None);
        for number in 0..10_000_u32 {
            let mut hash = [9; 32];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            recent.note(hash, caller, at(5_000), at(9_000));
        }
        assert!(recent.tokens().len() <= MOST);
    }
}
