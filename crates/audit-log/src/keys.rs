//! Keys of checkpoints: Ed25519 (RFC 8032), and the file in which an installation keeps them, outside of its database.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::Hash;

/// The signature type of plain Ed25519 in C2SP signed-note.
const ED25519_TYPE: u8 = 1;
/// What begins the line of a secret key.
const SECRET: &str = "ed25519-secret";
/// What begins the line of a public key.
const PUBLIC: &str = "ed25519";

/// Why a key or a file of keys can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The seed makes no key.
    #[error("these 32 bytes make no Ed25519 key; make a new one")]
    Seed,
    /// A line of a file is no key.
    #[error("line {0} is no key: a line is `ed25519-secret BASE64` or `ed25519 BASE64`, of 32 bytes; correct it or take the line out")]
    Line(usize),
    /// A file has no key.
    #[error("there is no key in it; name the file that the server made, or one with its public keys")]
    Empty,
}

/// A key that signs.
pub struct SigningKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// From 32 random bytes.
    ///
    /// # Errors
    /// [`KeyError::Seed`]; not for random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Seed)?;
        Ok(Self { seed, pair })
    }

    /// The key by which its signatures are checked.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.pair.public_key().as_ref().try_into().unwrap_or_default())
    }

    /// Its line in a file of keys, which is secret.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{SECRET} {}\n", STANDARD.encode(self.seed))
    }

    pub(crate) fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(secret of {:?})", self.verifying_key())
    }
}

/// A key that checks signatures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// From its 32 bytes (RFC 8032, 5.1.5).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its line in a file of public keys.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{PUBLIC} {}\n", STANDARD.encode(self.0))
    }

    /// The id of this key under a name: the first four bytes of SHA-256(name, newline, type, key).
    #[must_use]
    pub fn id(&self, name: &str) -> [u8; 4] {
        let hash = Hash::of(&[name.as_bytes(), &[b'\n', ED25519_TYPE], &self.0]);
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// The verifier key that other tools for signed notes read: `name+id+base64(type, key)`.
    #[must_use]
    pub fn vkey(&self, name: &str) -> String {
        let key: Vec<u8> = [ED25519_TYPE].iter().chain(&self.0).copied().collect();
        format!("{name}+{:08x}+{}", u32::from_be_bytes(self.id(name)), STANDARD.encode(key))
    }

    /// Whether a signature of a text is this key's.
    #[must_use]
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(text, signature).is_ok()
    }
}

/// The keys of a file, oldest first: a line each, and lines that begin with `#`. A new key is added at the end; it signs
/// from then on, and the former ones go on verifying.
#[derive(Debug, Default)]
pub struct Keyring {
    signer: Option<SigningKey>,
    known: Vec<VerifyingKey>,
}

impl Keyring {
    /// Reads a file of keys.
    ///
    /// # Errors
    /// [`KeyError`], with the line that is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Self::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')) {
            let wrong = KeyError::Line(index + 1);
            let (kind, encoded) = line.trim_end().split_once(' ').ok_or(wrong.clone())?;
            let bytes: [u8; 32] = STANDARD.decode(encoded).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(wrong.clone())?;
            match kind {
                SECRET => {
                    let key = SigningKey::from_seed(bytes)?;
                    keys.known.push(key.verifying_key());
                    keys.signer = Some(key);
                }
                PUBLIC => keys.known.push(VerifyingKey(bytes)),
                _ => return Err(wrong),
            }
        }
        if keys.known.is_empty() { Err(KeyError::Empty) } else { Ok(keys) }
    }

    /// The newest secret key; `None` in a file of public keys.
    #[must_use]
    pub const fn signer(&self) -> Option<&SigningKey> {
        self.signer.as_ref()
    }

    /// All keys whose signatures count.
    #[must_use]
    pub fn known(&self) -> &[VerifyingKey] {
        &self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_secret_key_signs_and_all_verify() {
        let (old, new) = (SigningKey::from_seed([1; 32]).unwrap(), SigningKey::from_seed([2; 32]).unwrap());
        let keys = Keyring::parse(&format!("# keys\n{}\n{}{}", old.line(), new.line(), old.verifying_key().line())).unwrap();
        assert_eq!(keys.signer().map(SigningKey::verifying_key), Some(new.verifying_key()));
        assert_eq!(keys.known(), [old.verifying_key(), new.verifying_key(), old.verifying_key()]);
        let public = Keyring::parse(&old.verifying_key().line()).unwrap();
        assert!(public.signer().is_none());
    }

    #[test]
    fn a_line_that_is_no_key_is_named() {
        let line = SigningKey::from_seed([1; 32]).unwrap().line();
        let check = |text: &str, error: KeyError| assert_eq!(Keyring::parse(text).unwrap_err(), error, "{text}");
        check("", KeyError::Empty);
        check("# nothing\n", KeyError::Empty);
        check(&format!("{line}rsa AAAA"), KeyError::Line(2));
        check("ed25519", KeyError::Line(1));
        check("ed25519 AAAA", KeyError::Line(1));
        check(&line.replace("secret", "sacred"), KeyError::Line(1));
    }

    /// RFC 8032, 7.1, the first test.
    #[test]
    fn seeds_make_the_keys_of_rfc_8032() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let bytes =
            |hex: &str| -> Vec<u8> { (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect() };
        let key = SigningKey::from_seed(bytes(seed).try_into().unwrap()).unwrap();
        let public = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(key.verifying_key().as_bytes()[..], public);
        assert!(key.verifying_key().verifies(b"", &key.sign(b"")));
        assert!(!format!("{key:?}").contains("157, 97"), "a secret is not shown");
    }
}
