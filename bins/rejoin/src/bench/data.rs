//! Documents and edits, made from a seed: the same seed asks for the same work.

use sync_core::Timestamp;
use sync_core::ids::uuid_v7;
use uuid::Uuid;

/// Where documents live.
pub(crate) const COLLECTION: &str = "timeline_events";

/// The smallest document: its members with nothing in the notes.
pub(crate) const SMALLEST_DOCUMENT_BYTES: usize = 240;

const PLACES: [&str; 8] = ["Chapel", "Garden", "Terrace", "Main hall", "Lake side", "Old library", "Barn", "Courtyard"];
const STATES: [&str; 4] = ["planned", "confirmed", "moved", "done"];
const WORDS: [&str; 16] = [
    "flowers", "quartet", "arrives", "before", "the", "guests", "light", "from", "west", "chairs", "water", "for", "table", "seven",
    "quiet", "signal",
];

/// Numbers that look random (`SplitMix64`; Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub(crate) struct Numbers(u64);

impl Numbers {
    /// A stream of its own for each `number` of a seed.
    pub(crate) const fn new(seed: u64, number: u64) -> Self {
        let mut numbers = Self(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let first = numbers.draw();
        Self(first ^ seed)
    }

    /// Another stream, told apart by a number.
    pub(crate) const fn beside(self, number: u64) -> Self {
        Self::new(self.0, number)
    }

    pub(crate) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below a bound that is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.draw() % bound).unwrap_or_default()
    }

    pub(crate) fn uuid(&mut self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        let (first, second) = (self.draw().to_le_bytes(), self.draw().to_le_bytes());
        for (place, byte) in random.iter_mut().zip(first.into_iter().chain(second)) {
            *place = byte;
        }
        uuid_v7(now, random)
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }
}

/// Which two fields an edit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Where, and how many.
    PlaceAndGuests,
    /// When, and how sure.
    StartAndState,
}

/// A document's body: compact JSON of exactly so many bytes.
pub(crate) fn document(numbers: &mut Numbers, bytes: usize) -> String {
    let mut body = format!(
        r#"{{"title":"Part {} of the day","place":"{} 0","guests":0,"starts_at":"{}","status":"planned 0","contact":"+351 9{:08}","tier":{},"notes":""#,
        numbers.below(1_000),
        numbers.pick(&PLACES),
        minute(0),
        numbers.below(100_000_000),
        numbers.below(4),
    );
    let end = bytes.saturating_sub(2);
    while body.len() < end {
        body.push_str(numbers.pick(&WORDS));
        body.push(' ');
    }
    body.truncate(end);
    body.push_str("\"}");
    body
}

/// An edit of two fields as a merge patch. No two edits of a document with different numbers set a field to the same
/// value.
pub(crate) fn patch(out: &mut String, numbers: &mut Numbers, fields: Fields, edit: u32) {
    use std::fmt::Write as _;
    let written = match fields {
        Fields::PlaceAndGuests => write!(out, r#"{{"place":"{} {edit}","guests":{edit}}}"#, numbers.pick(&PLACES)),
        Fields::StartAndState => write!(out, r#"{{"starts_at":"{}","status":"{} {edit}"}}"#, minute(edit), numbers.pick(&STATES)),
    };
    debug_assert!(written.is_ok(), "writing into a String");
}

/// A wall time, another one for each number below 1,440 × 28.
fn minute(number: u32) -> String {
    let (day, hour, minute) = (number / 1_440 % 28 + 1, number / 60 % 24, number % 60);
    format!("2026-06-{day:02}T{hour:02}:{minute:02}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn documents_have_the_bytes_that_were_asked_for() {
        for bytes in [SMALLEST_DOCUMENT_BYTES, 600, 4_000] {
            let body = document(&mut Numbers::new(1, 2), bytes);
            assert_eq!(body.len(), bytes);
            let value: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(value.as_object().unwrap().len(), 8, "{body}");
        }
    }

    #[test]
    fn each_edit_changes_two_fields_of_its_own() {
        let body: Value = serde_json::from_str(&document(&mut Numbers::new(7, 0), 600)).unwrap();
        let mut named = Vec::new();
        for fields in [Fields::PlaceAndGuests, Fields::StartAndState] {
            let (mut numbers, mut before) = (Numbers::new(3, 9), body.clone());
            for edit in 1..50 {
                let mut text = String::new();
                patch(&mut text, &mut numbers, fields, edit);
                let patch: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(patch.as_object().unwrap().len(), 2);
                for (name, value) in patch.as_object().unwrap() {
                    assert_ne!(&before[name], value, "{name} does change");
                    before[name] = value.clone();
                    named.push((fields, name.clone()));
                }
            }
        }
        let of = |wanted: Fields| {
            named.iter().filter(|(fields, _)| *fields == wanted).map(|(_, name)| name).collect::<std::collections::BTreeSet<_>>()
        };
        assert!(of(Fields::PlaceAndGuests).is_disjoint(&of(Fields::StartAndState)));
    }

    #[test]
    fn a_seed_repeats_itself_and_streams_differ() {
        let draws = |seed, number| (0..8).map(|_| Numbers::new(seed, number).draw()).collect::<Vec<_>>();
        assert_eq!(draws(1, 1), draws(1, 1));
        assert_ne!(draws(1, 1), draws(1, 2));
        assert_ne!(draws(1, 1), draws(2, 1));
    }
}
