//! A login that was begun, in its own `state`: sealed, so that nobody but the server reads it or makes one, and whoever begins
//! a login makes the server keep nothing.
//!
//! A state is 32 random bytes, its id, and what AES-256-GCM makes of the login. The key is HMAC-SHA256 of the id under the
//! server's, so that it seals once, however many logins are begun; the provider's name is authenticated with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use sync_core::Timestamp;
use sync_core::ports::Entropy;

/// What keys of states are for, beside whatever else the server's is for.
const LABEL: &[u8] = b"rejoin-oidc-state/1";

/// What a login has to remember until the provider's answer comes.
#[derive(Clone, PartialEq, Eq)]
pub struct Begun {
    /// What the ID token is to repeat.
    pub nonce: String,
    /// Proves to the provider that it is the same server that asks (PKCE).
    pub verifier: String,
    /// What the app's own verifier is to fit.
    pub challenge: String,
    /// Where the app is returned to.
    pub return_to: Option<String>,
    /// When it is over.
    pub expires_at: Timestamp,
}

impl Begun {
    /// The `state` of this login with a provider; each call makes another one. `None` where it is longer than a cipher takes.
    #[must_use]
    pub fn seal(&self, key: &[u8; 32], provider: &str, entropy: &dyn Entropy) -> Option<String> {
        let Self { nonce, verifier, challenge, return_to, expires_at } = self;
        let id = crate::token::random(entropy);
        let mut sealed = serde_json::to_vec(&(nonce, verifier, challenge, return_to, expires_at.millis())).ok()?;
        cipher(key, &id)?.seal_in_place_append_tag(once(), Aad::from(provider), &mut sealed).ok()?;
        Some(URL_SAFE_NO_PAD.encode([id.as_slice(), &sealed].concat()))
    }

    /// The login of a `state`, and the state's id; `None` when this server did not make it for this provider. Whether it is
    /// over is the caller's to see.
    #[must_use]
    pub fn open(key: &[u8; 32], provider: &str, state: &str) -> Option<([u8; 32], Self)> {
        let bytes = URL_SAFE_NO_PAD.decode(state).ok()?;
        let (id, sealed) = bytes.split_first_chunk::<32>()?;
        let mut sealed = sealed.to_vec();
        let opened = cipher(key, id)?.open_in_place(once(), Aad::from(provider), &mut sealed).ok()?;
        let (nonce, verifier, challenge, return_to, expires_ms) = serde_json::from_slice(opened).ok()?;
        Some((*id, Self { nonce, verifier, challenge, return_to, expires_at: Timestamp::from_millis(expires_ms) }))
    }
}

/// The cipher of one state.
fn cipher(key: &[u8; 32], id: &[u8; 32]) -> Option<LessSafeKey> {
    let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &[LABEL, id].concat());
    UnboundKey::new(&AES_256_GCM, own.as_ref()).ok().map(LessSafeKey::new)
}

/// The nonce of a key that seals once.
fn once() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use testkit::fake::SeededEntropy;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn begun() -> Begun {
        Begun {
            nonce: "a nonce".into(),
            verifier: "a verifier of the server".into(),
            challenge: "a challenge".into(),
            return_to: Some("app.example:/in".into()),
            expires_at: Timestamp::from_millis(1_000),
        }
    }

    #[test]
    fn a_state_holds_its_login_and_shows_nothing_of_it() {
        let entropy = SeededEntropy::new(1);
        for begun in [begun(), Begun { return_to: None, ..begun() }] {
            let [first, second] = [(), ()].map(|()| begun.seal(&KEY, "studio", &entropy).unwrap());
            assert_ne!(first, second);
            let (id, opened) = Begun::open(&KEY, "studio", &first).unwrap();
            assert!(opened == begun);
            assert_ne!(Begun::open(&KEY, "studio", &second).unwrap().0, id);
            let bytes = URL_SAFE_NO_PAD.decode(&first).unwrap();
            for hidden in [&begun.nonce, &begun.verifier, &begun.challenge] {
                assert!(!bytes.windows(hidden.len()).any(|part| part == hidden.as_bytes()), "{hidden}");
            }
            assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{first}");
        }
    }

    #[test]
    fn what_the_server_did_not_make_for_this_provider_is_no_state() {
        let state = begun().seal(&KEY, "studio", &SeededEntropy::new(1)).unwrap();
        let opens = |key: &[u8; 32], provider: &str, state: &str| Begun::open(key, provider, state).is_some();
        assert!(opens(&KEY, "studio", &state));
        assert!(!opens(&KEY, "other", &state) && !opens(&KEY, "", &state) && !opens(&[8; 32], "studio", &state));
        let bytes = URL_SAFE_NO_PAD.decode(&state).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(!opens(&KEY, "studio", &URL_SAFE_NO_PAD.encode(changed)), "byte {place}");
            assert!(!opens(&KEY, "studio", &URL_SAFE_NO_PAD.encode(&bytes[..place])), "the first {place} bytes");
        }
        let longer = URL_SAFE_NO_PAD.encode([bytes.as_slice(), &[0]].concat());
        for text in ["", "made up", "ä", &longer, &format!("{state}="), &format!(" {state}")] {
            assert!(!opens(&KEY, "studio", text), "{text}");
        }
    }
}
