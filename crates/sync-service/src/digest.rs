//! SHA-256 where the protocol asks for it: identities, digests, checksums.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// SHA-256 of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (slot, byte) in out.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *slot = *byte;
    }
    out
}

/// Whether a claimed digest (base64url without padding) is that of a canonical text.
pub(crate) fn digest_fits(claimed: &str, canonical: &str) -> bool {
    URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes())) == claimed
}

/// A document's share in its collection's checksum: the first 8 bytes, big-endian, of
/// SHA-256(id, 0x00, version in decimal).
pub(crate) fn checksum_share(id: &str, version: i64) -> u64 {
    let mut text = Vec::with_capacity(id.len() + 21);
    text.extend_from_slice(id.as_bytes());
    text.push(0);
    text.extend_from_slice(version.to_string().as_bytes());
    let hash = sha256(&text);
    hash.first_chunk::<8>().map_or(0, |first| u64::from_be_bytes(*first))
}
