//! What a record is in the tree, and what is only committed to.

use ring::hmac;
use serde::Serialize;
use sync_core::json::{self, Object};
use sync_core::{DeviceId, OrganisationId, SpaceId, Timestamp, UserId};
use uuid::Uuid;

use crate::{Hash, leaf_hash};

/// How many random bytes a salt has.
pub const SALT_BYTES: usize = 32;
/// The form of a leaf.
const FORM: u8 = 1;

/// The part of a record that is for good: nothing of a person is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leaf {
    /// The record.
    pub record_id: Uuid,
    /// Whose log.
    pub organisation_id: OrganisationId,
    /// The space that it is about; `None` for an act beyond one space.
    pub space_id: Option<SpaceId>,
    /// When.
    pub at: Timestamp,
    /// What was done, dotted: `sync.push`.
    pub action: String,
    /// What commits to the [`Particulars`].
    pub commitment: Hash,
}

#[derive(Serialize)]
struct Placed<'a> {
    v: u8,
    seq: u64,
    #[serde(flatten)]
    leaf: &'a Leaf,
}

impl Leaf {
    /// The leaf as text: canonical JSON (RFC 8785) with `v` (the form, 1), `seq` and the members above. What is absent is
    /// `null`; ids are lower-case UUIDs, the instant RFC 3339 in UTC with milliseconds, the commitment base64.
    #[must_use]
    pub fn text(&self, seq: u64) -> String {
        json::canonical(&Placed { v: FORM, seq, leaf: self })
    }

    /// Its hash at a place of the tree.
    #[must_use]
    pub fn hash(&self, seq: u64) -> Hash {
        leaf_hash(self.text(seq).as_bytes())
    }
}

/// The part of a record that can be erased, together with its salt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Particulars<'a> {
    /// Who.
    pub user_id: Option<UserId>,
    /// With which device.
    pub device_id: Option<DeviceId>,
    /// What or whom it was done to.
    pub subject: Option<&'a str>,
    /// Why, in the words of whoever did it.
    pub reason: Option<&'a str>,
    /// The trace of the request.
    pub trace: Option<&'a str>,
    /// Results, or from what to what.
    pub details: &'a Object,
}

/// The commitment to particulars: HMAC-SHA256 under the salt, of their canonical JSON. What is absent is `null`.
#[must_use]
pub fn commitment(salt: &[u8; SALT_BYTES], particulars: &Particulars<'_>) -> Hash {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
    let tag = hmac::sign(&key, json::canonical(particulars).as_bytes());
    Hash::from_bytes(tag.as_ref().try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn uuid(last: u8) -> Uuid {
        Uuid::from_bytes([0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, last])
    }

    fn leaf() -> Leaf {
        Leaf {
            record_id: uuid(1),
            organisation_id: OrganisationId(uuid(2)),
            space_id: None,
            at: Timestamp::from_millis(1_781_964_131_120),
            action: "sync.push".into(),
            commitment: Hash::from_bytes([0; 32]),
        }
    }

    /// Other programs make the same bytes from the same record: this form never changes under `v` 1.
    #[test]
    fn a_leaf_is_canonical_json() {
        let text = leaf().text(7);
        let expected = r#"{"action":"sync.push","at":"2026-06-20T14:02:11.120Z","commitment":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","organisation_id":"00000000-0000-7000-8000-000000000002","record_id":"00000000-0000-7000-8000-000000000001","seq":7,"space_id":null,"v":1}"#;
        assert_eq!(text, expected);
        assert_ne!(leaf().hash(7), leaf().hash(8), "the place is in it");
        let within = Leaf { space_id: Some(SpaceId(uuid(3))), ..leaf() };
        assert!(within.text(7).contains(r#""space_id":"00000000-0000-7000-8000-000000000003""#));
    }

    /// Made with Python's `hmac` over the text that stands here.
    #[test]
    fn commitments_are_hmacs_of_canonical_json() {
        let details = json!({"to": "lead", "from": null, "é": 1.0});
        let details = details.as_object().unwrap();
        let given =
            Particulars { user_id: Some(UserId(uuid(4))), device_id: None, subject: Some("user"), reason: None, trace: None, details };
        let text = r#"{"details":{"from":null,"to":"lead","é":1},"device_id":null,"reason":null,"subject":"user","trace":null,"user_id":"00000000-0000-7000-8000-000000000004"}"#;
        assert_eq!(json::canonical(&given), text);
        assert_eq!(commitment(&[5; 32], &given).to_string(), "XwXVSGeYypq3Z8GhiEouYn+9rYODxEqFggDan0jjTGQ=");
        assert_ne!(commitment(&[6; 32], &given), commitment(&[5; 32], &given));
        assert_ne!(commitment(&[5; 32], &Particulars { subject: None, ..given }), commitment(&[5; 32], &given));
    }
}
