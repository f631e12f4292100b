//! Cursors: how far in a space's log a device has read. The bytes are signed by the service; a device sees an opaque
//! string.

/// What a cursor holds. Space and user are bound by the signature, epoch and view by tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// First bytes of the epoch's id.
    pub epoch_tag: u32,
    /// Role and schema version under which it was given.
    pub view_tag: u32,
    /// Up to where the device holds everything; `None` before the first complete run.
    pub floor: Option<i64>,
    /// The place in the current run of pages.
    pub place: i64,
    /// The head when a run without a floor began.
    pub began: i64,
}

/// The length of [`Cursor::encode`], in bytes.
pub const CURSOR_BYTES: usize = 32;

impl Cursor {
    /// Fixed-width big-endian bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; CURSOR_BYTES] {
        let mut bytes = [0; CURSOR_BYTES];
        let parts = [
            self.epoch_tag.to_be_bytes().to_vec(),
            self.view_tag.to_be_bytes().to_vec(),
            self.floor.unwrap_or(-1).to_be_bytes().to_vec(),
            self.place.to_be_bytes().to_vec(),
            self.began.to_be_bytes().to_vec(),
        ];
        for (slot, byte) in bytes.iter_mut().zip(parts.concat()) {
            *slot = byte;
        }
        bytes
    }

    /// Reads [`Cursor::encode`]; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch_tag, rest) = bytes.split_first_chunk::<4>()?;
        let (view_tag, rest) = rest.split_first_chunk::<4>()?;
        let (floor, rest) = rest.split_first_chunk::<8>()?;
        let (place, rest) = rest.split_first_chunk::<8>()?;
        let (began, rest) = rest.split_first_chunk::<8>()?;
        let floor = i64::from_be_bytes(*floor);
        rest.is_empty().then_some(Self {
            epoch_tag: u32::from_be_bytes(*epoch_tag),
            view_tag: u32::from_be_bytes(*view_tag),
            floor: (floor >= 0).then_some(floor),
            place: i64::from_be_bytes(*place),
            began: i64::from_be_bytes(*began),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn survives_the_round_trip() {
        for floor in [None, Some(0), Some(7)] {
            let cursor = Cursor { epoch_tag: 1, view_tag: u32::MAX, floor, place: 9, began: i64::MAX };
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
        assert_eq!(Cursor::decode(b"short"), None);
    }
}
