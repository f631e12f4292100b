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

/// An id that follows from others: the same parts give the same one (RFC 9562, version 8).
pub(crate) fn derived_id(parts: &[&[u8]]) -> uuid::Uuid {
    let text: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied().chain([0])).collect();
    let hash = sha256(&text);
    uuid::Builder::from_custom_bytes(hash.first_chunk::<16>().copied().unwrap_or_default()).into_uuid()
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
