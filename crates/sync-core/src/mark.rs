//! Marks: how far a snapshot was sent. The bytes are signed by the service; a device sees an opaque string.

/// What a mark holds. Space and user are bound by the signature, epoch and view by tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// First bytes of the epoch's id.
    pub epoch_tag: u32,
    /// Role, and schema version, under which it was given.
    pub view_tag: u32,
    /// The head when the snapshot began.
    pub began: i64,
    /// How many documents were sent up to here.
    pub sent: u64,
    /// The last document that was sent.
    pub place: Place,
}

/// A document's place in a snapshot. Places order as a snapshot does: by tier, collection, id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The tier of its collection.
    pub tier: u8,
    /// `collection/id`.
    pub key: String,
}

impl Mark {
    /// Big-endian numbers, then the key.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(25 + self.place.key.len());
        bytes.extend_from_slice(&self.epoch_tag.to_be_bytes());
        bytes.extend_from_slice(&self.view_tag.to_be_bytes());
        bytes.extend_from_slice(&self.began.to_be_bytes());
        bytes.extend_from_slice(&self.sent.to_be_bytes());
        bytes.push(self.place.tier);
        bytes.extend_from_slice(self.place.key.as_bytes());
        bytes
    }

    /// Reads [`Mark::encode`]; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch_tag, rest) = bytes.split_first_chunk::<4>()?;
        let (view_tag, rest) = rest.split_first_chunk::<4>()?;
        let (began, rest) = rest.split_first_chunk::<8>()?;
        let (sent, rest) = rest.split_first_chunk::<8>()?;
        let (tier, key) = rest.split_first()?;
        Some(Self {
            epoch_tag: u32::from_be_bytes(*epoch_tag),
            view_tag: u32::from_be_bytes(*view_tag),
            began: i64::from_be_bytes(*began),
            sent: u64::from_be_bytes(*sent),
            place: Place { tier: *tier, key: String::from_utf8(key.to_vec()).ok()? },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, Place};

    #[test]
    fn survives_the_round_trip() {
        let place = Place { tier: 3, key: "guests/g-1".into() };
        let mark = Mark { epoch_tag: 1, view_tag: u32::MAX, began: i64::MAX, sent: 7, place };
        assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        assert_eq!(Mark::decode(b"short"), None);
    }
}
