//! Opaque tokens: random bytes in base64url behind a prefix that tells what they are. Only their SHA-256 is stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use sync_core::SessionId;
use sync_core::Timestamp;
use sync_core::ports::{Entropy, Session};

/// How long an access token lives, in milliseconds: 15 minutes.
pub const ACCESS_MS: i64 = 15 * 60 * 1_000;

const ACCESS_PREFIX: &str = "rja_";
const REFRESH_PREFIX: &str = "rjr_";

/// A token that is sent with every request: 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken([u8; 32]);

impl AccessToken {
    /// A new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// Reads the text; `None` when it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(ACCESS_PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text to send: `rja_` and base64url. A secret.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{ACCESS_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    /// When a token made now ends: after [`ACCESS_MS`], or with its family.
    #[must_use]
    pub fn end(session: &Session, now: Timestamp) -> Timestamp {
        now.plus_ms(ACCESS_MS).min(session.expires_at)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// A token that buys the next pair of tokens: the session's id, which is no secret, and 256 secret bits.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The family.
    pub session_id: SessionId,
    /// The secret half.
    pub secret: [u8; 32],
}

impl RefreshToken {
    /// Reads the text; `None` when it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(REFRESH_PREFIX)?).ok()?;
        let (id, secret) = bytes.split_first_chunk::<16>()?;
        Some(Self { session_id: SessionId::from_slice(id)?, secret: secret.try_into().ok()? })
    }

    /// The text to send: `rjr_` and base64url. A secret.
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut bytes = Vec::with_capacity(48);
        bytes.extend_from_slice(self.session_id.as_bytes());
        bytes.extend_from_slice(&self.secret);
        format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

pub(crate) fn random(entropy: &dyn Entropy) -> [u8; 32] {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    bytes
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use testkit::fake::SeededEntropy;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_access_token_survives_its_text() {
        let token = AccessToken::generate(&SeededEntropy::new(1));
        let text = token.reveal();
        assert_eq!((text.len(), &text[..4]), (47, "rja_"));
        assert_eq!(AccessToken::parse(&text), Some(token));
        assert_eq!(format!("{:?}", AccessToken([7; 32])), "AccessToken(…)");
    }

    #[test]
    fn a_refresh_token_survives_its_text() {
        let token = RefreshToken { session_id: SessionId(Uuid::from_u128(7)), secret: [0xfb; 32] };
        let text = token.reveal();
        assert_eq!((text.len(), &text[..4]), (68, "rjr_"));
        assert_eq!(RefreshToken::parse(&text), Some(token.clone()));
        assert!(!format!("{token:?}").contains("251"));
    }

    #[test]
    fn nothing_else_is_read() {
        let access = AccessToken([0; 32]).reveal();
        let refresh = RefreshToken { session_id: SessionId(Uuid::nil()), secret: [0; 32] }.reveal();
        for text in ["", "rja_", "rjr_", "rja_AA", &access[4..], &format!("{access}="), &format!("{access}A"), &refresh] {
            assert_eq!(AccessToken::parse(text), None, "{text}");
        }
        for text in [&access, &refresh[4..], &refresh[..67], &format!("rjr_{}", &access[4..]), "rjr_ä"] {
            assert_eq!(RefreshToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_stored_hash_is_sha_256() {
        // FIPS 180-4, the example "abc"
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let bytes: Vec<_> = (0..32).map(|n| u8::from_str_radix(&expected[2 * n..2 * n + 2], 16).unwrap()).collect();
        assert_eq!(sha256(b"abc").to_vec(), bytes);
    }
}
