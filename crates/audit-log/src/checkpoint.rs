//! Checkpoints (C2SP tlog-checkpoint, which are C2SP signed-note): what a log vouches for at a size.
//!
//! ```text
//! rejoin/0197…            the origin: whose log it is
//! 20852163                the size
//! CsUYapGG…=              the root
//!
//! — rejoin/0197… Az3grl…  who signed: the key's name, its id and the signature
//! ```
//! A key's name is the origin. Extension lines are neither made nor accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use sync_core::OrganisationId;

use crate::{Hash, SigningKey, VerifyingKey};

/// The longest note that is read.
pub const MAX_NOTE_BYTES: usize = 16 << 10;
/// The most signatures that are looked at: as many as a reader of notes has to accept.
const MAX_SIGNATURES: usize = 16;
/// What begins the line of a signature.
const DASH: &str = "\u{2014} ";

/// Why a note vouches for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is no checkpoint.
    #[error("this is no checkpoint: {0}; pass the note on as it was received, byte for byte")]
    Form(&'static str),
    /// None of the known keys signed it.
    #[error("none of the known keys signed this checkpoint; add the key that did, if it is one of yours")]
    UnknownKey,
    /// The signature of a known key does not fit.
    #[error("the signature of a known key does not fit this checkpoint: its text was changed")]
    Signature,
}

/// The origin of an organisation's log.
#[must_use]
pub fn origin(organisation_id: OrganisationId) -> String {
    format!("rejoin/{organisation_id}")
}

/// What a log vouches for: the root of its first `size` leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log: `rejoin/` and the organisation's id.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// Their root.
    pub root: Hash,
}

impl Checkpoint {
    /// A checkpoint, unsigned.
    #[must_use]
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Self {
        Self { origin: origin.into(), size, root }
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The note, signed under the origin as the key's name.
    ///
    /// # Errors
    /// [`NoteError::Form`] when the origin can't be a key's name.
    pub fn sign(&self, key: &SigningKey) -> Result<String, NoteError> {
        if !is_name(&self.origin) {
            return Err(NoteError::Form("the origin is empty, or has a space or a plus"));
        }
        let text = self.text();
        let mut signature = key.verifying_key().id(&self.origin).to_vec();
        signature.extend(key.sign(text.as_bytes()));
        Ok(format!("{text}\n{DASH}{} {}\n", self.origin, STANDARD.encode(signature)))
    }

    /// Reads a note, without asking who signed it: for what is to be shown. Nothing follows from it.
    ///
    /// # Errors
    /// [`NoteError::Form`].
    pub fn read_unverified(note: &str) -> Result<Self, NoteError> {
        Parts::of(note)?.checkpoint()
    }

    /// Reads a note that one of these keys signed. Signatures of other keys are passed over; one of a known key that does
    /// not fit spoils the note.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn open(note: &str, keys: &[VerifyingKey]) -> Result<Self, NoteError> {
        let parts = Parts::of(note)?;
        let checkpoint = parts.checkpoint()?;
        let mut vouched = false;
        for (name, signature) in &parts.signatures {
            let Some((id, signature)) = signature.split_first_chunk::<4>() else { continue };
            // an id has four bytes: two keys may share one
            let mut known = keys.iter().filter(|key| *name == checkpoint.origin && key.id(name) == *id).peekable();
            if known.peek().is_none() {
                continue;
            }
            if !known.any(|key| key.verifies(parts.text.as_bytes(), signature)) {
                return Err(NoteError::Signature);
            }
            vouched = true;
        }
        if vouched { Ok(checkpoint) } else { Err(NoteError::UnknownKey) }
    }
}

/// A note taken apart.
struct Parts<'a> {
    text: &'a str,
    signatures: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Parts<'a> {
    fn of(note: &'a str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::Form("it is longer than 16 KiB"));
        }
        if note.chars().any(|one| one < ' ' && one != '\n') {
            return Err(NoteError::Form("it has control characters"));
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Form("no empty line stands between its text and its signatures"))?;
        let (text, rest) = note.split_at(end + 1);
        let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Form("its last line does not end"))?;
        let signatures: Option<Vec<_>> = lines.split('\n').map(signature).collect();
        let signatures = signatures.ok_or(NoteError::Form("a line of a signature is malformed"))?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Form("it has more than 16 signatures"));
        }
        Ok(Self { text, signatures })
    }

    fn checkpoint(&self) -> Result<Checkpoint, NoteError> {
        let lines: Vec<&str> = self.text.trim_end_matches('\n').split('\n').collect();
        let [origin, size, root] = *lines.as_slice() else {
            return Err(NoteError::Form("its text has three lines: origin, size, root"));
        };
        let number: u64 = size.parse().map_err(|_| NoteError::Form("its size is no number"))?;
        let root = Hash::parse(root).ok_or(NoteError::Form("its root is no hash in base64"))?;
        let checkpoint = Checkpoint::new(origin, number, root);
        // one text for each checkpoint: no sign, no leading zero, no further newline
        if origin.is_empty() || checkpoint.text() != self.text {
            return Err(NoteError::Form("its text is not in the one form that it has"));
        }
        Ok(checkpoint)
    }
}

fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    (is_name(name) && bytes.len() > 4).then_some((name, bytes))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|one| one.is_whitespace() || one.is_control() || one == '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint::new("rejoin/0197", 20_852_163, leaf_hash(b""))
    }

    /// The note with which Go's `sumdb/note` is tested: the same key id, and a signature that fits.
    #[test]
    fn ids_and_signatures_are_those_of_signed_note() {
        let bytes = STANDARD.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let key = VerifyingKey::from_bytes(bytes[1..].try_into().unwrap());
        assert_eq!(key.vkey("PeterNeumann"), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
            \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let parts = Parts::of(note).unwrap();
        let (name, signature) = &parts.signatures[0];
        assert_eq!(key.id(name), signature[..4]);
        assert!(key.verifies(parts.text.as_bytes(), &signature[4..]));
        assert!(!key.verifies(parts.text.to_uppercase().as_bytes(), &signature[4..]));
    }

    #[test]
    fn what_was_signed_is_read_again() {
        let note = checkpoint().sign(&key(1)).unwrap();
        assert!(note.starts_with("rejoin/0197\n20852163\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n— rejoin/0197 "), "{note}");
        let known = [key(2).verifying_key(), key(1).verifying_key()];
        assert_eq!(Checkpoint::open(&note, &known), Ok(checkpoint()));
        assert_eq!(Checkpoint::open(&note, &known[..1]), Err(NoteError::UnknownKey));
        assert_eq!(Checkpoint::read_unverified(&note), Ok(checkpoint()));
        assert!(Checkpoint::new("a b", 0, leaf_hash(b"")).sign(&key(1)).is_err());
    }

    /// Signatures of witnesses are passed over; one of a known key that does not fit spoils the note.
    #[test]
    fn other_signatures_may_stand_beside() {
        let note = checkpoint().sign(&key(1)).unwrap();
        let with = |line: &str| format!("{note}{line}\n");
        let known = [key(1).verifying_key()];
        let foreign = with(&format!("{DASH}witness.example/a {}", STANDARD.encode([9; 76])));
        assert_eq!(Checkpoint::open(&foreign, &known), Ok(checkpoint()));
        let second = checkpoint().sign(&key(3)).unwrap();
        let rotated = with(second.lines().last().unwrap());
        assert_eq!(Checkpoint::open(&rotated, &known), Ok(checkpoint()));
        let mut forged = known[0].id("rejoin/0197").to_vec();
        forged.extend([0; 64]);
        let spoilt = with(&format!("{DASH}rejoin/0197 {}", STANDARD.encode(forged)));
        assert_eq!(Checkpoint::open(&spoilt, &known), Err(NoteError::Signature));
    }

    #[test]
    fn every_flipped_bit_spoils_it() {
        let note = checkpoint().sign(&key(1)).unwrap();
        let known = [key(1).verifying_key()];
        for bit in 0..note.len() * 8 {
            let mut bytes = note.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = String::from_utf8(bytes).map(|changed| Checkpoint::open(&changed, &known));
            assert!(!matches!(opened, Ok(Ok(_))), "bit {bit}");
        }
    }

    #[test]
    fn there_is_one_form() {
        let note = checkpoint().sign(&key(1)).unwrap();
        let check = |from: &str, to: &str| {
            let changed = note.replacen(from, to, 1);
            assert_ne!(changed, note, "{from:?} is in it");
            assert!(matches!(Checkpoint::read_unverified(&changed), Err(NoteError::Form(_))), "{changed:?}");
        };
        check("20852163", "020852163");
        check("20852163", "+20852163");
        check("20852163", "20852163\nextension");
        check("20852163", "18446744073709551616");
        check("rejoin/0197\n", "\n");
        check("\n\n", "\n");
        check("\n\n", "\n\n\n");
        check("bjQLnP", "");
        check("oB0=\n", "oB1=\n");
        check("oB0=\n", "oB0\n");
        check("oB0=\n", "oB0=\r\n");
        check("— rejoin", "- rejoin");
        check("— rejoin", "—rejoin");
        check("— rejoin", "— re+join");
        let ended = note.trim_end_matches('\n');
        assert!(Checkpoint::read_unverified(ended).is_err());
        let line = note.lines().last().unwrap();
        assert!(Checkpoint::read_unverified(&(note.clone() + &format!("{line}\n").repeat(16))).is_err());
        assert!(Checkpoint::read_unverified(&(note.clone() + &"x".repeat(MAX_NOTE_BYTES))).is_err());
        assert!(Checkpoint::read_unverified("").is_err());
    }
}
