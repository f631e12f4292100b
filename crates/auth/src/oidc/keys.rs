//! An issuer's keys (RFC 7517), as far as they are used here: to verify, with RS256, ES256 or EdDSA.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// More keys than this are not looked at.
const MOST_KEYS: usize = 64;

/// The keys of an issuer.
#[derive(Clone, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Clone)]
struct Key {
    name: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWK set. Keys of kinds that are not used are left out (RFC 7517, 5).
    ///
    /// # Errors
    /// What is wrong with the document as a whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        super::verify::install();
        let document: Document = serde_json::from_slice(bytes).map_err(|error| format!("the key set can't be read: {error}"))?;
        let keys = document.keys.into_iter().take(MOST_KEYS);
        Ok(Self(keys.filter_map(|value| Key::of(&serde_json::from_value(value).ok()?)).collect()))
    }

    /// The key of a name that bears signatures of this kind. A token without a name is only taken where one key alone
    /// could have signed it.
    pub(super) fn find(&self, name: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| key.algorithm == algorithm && (name.is_none() || key.name.as_deref() == name));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(&first.public)
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
            // a shared secret (HS256) is nothing that an issuer publishes
            _ => return None,
        };
        let said = match jwk.common.key_algorithm {
            None => algorithm,
            Some(KeyAlgorithm::RS256) => Algorithm::RS256,
            Some(KeyAlgorithm::ES256) => Algorithm::ES256,
            Some(KeyAlgorithm::EdDSA) => Algorithm::EdDSA,
            Some(_) => return None,
        };
        let signs = jwk.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(jwk).ok()?;
        (signs && said == algorithm).then(|| Self { name: jwk.common.key_id.clone(), algorithm, public })
    }
}
