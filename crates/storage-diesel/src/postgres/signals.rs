//! Signals as the text of a notification: the node that tells them, then each as a letter and the 32 digits of each of its
//! ids. A letter that a node does not know was written by a newer one, and means that it has to look everywhere.

use std::fmt::Write;

use sync_core::ports::Signal;
use sync_core::{BatchId, DeviceId, OrganisationId, SessionId, SpaceId, UserId};
use uuid::Uuid;

/// PostgreSQL takes payloads of fewer than 8,000 bytes.
const LONGEST: usize = 7_999;

/// An id's digits.
const DIGITS: usize = 32;

/// The letter that stands for everything.
const EVERYTHING: char = '*';

/// What a node tells the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Where to look.
    pub(super) signals: Vec<Signal>,
    /// Whether to look everywhere.
    pub(super) everything: bool,
}

/// As few payloads as can be.
pub(super) fn encode(node_id: Uuid, told: &Told) -> Vec<String> {
    let from = node_id.simple().to_string();
    let mut payloads = Vec::new();
    let mut payload = from.clone();
    let everything = told.everything.then(|| EVERYTHING.to_string());
    for word in everything.into_iter().chain(told.signals.iter().map(word)) {
        if payload.len() + word.len() > LONGEST {
            payloads.push(std::mem::replace(&mut payload, from.clone()));
        }
        payload.push_str(&word);
    }
    if payload.len() > from.len() {
        payloads.push(payload);
    }
    payloads
}

fn word(signal: &Signal) -> String {
    match *signal {
        Signal::Space(space) => spelt('S', &[space.0]),
        Signal::Members(space) => spelt('M', &[space.0]),
        Signal::Session(session) => spelt('L', &[session.0]),
        Signal::Device(device) => spelt('D', &[device.0]),
        Signal::Suspended(device) => spelt('H', &[device.0]),
        Signal::Organisation(organisation) => spelt('O', &[organisation.0]),
        Signal::Batch(device, batch) => spelt('B', &[device.0, batch.0]),
        Signal::DeadLetter(device, space) => spelt('X', &[device.0, space.0]),
        Signal::Presence(user, device) => spelt('P', &[user.0, device.0]),
        Signal::Queue => spelt('Q', &[]),
        // a kind that was added without a letter of its own is still told
        _ => EVERYTHING.to_string(),
    }
}

fn spelt(letter: char, ids: &[Uuid]) -> String {
    let mut word = String::from(letter);
    for id in ids {
        // writing to a string does not fail
        let _ = write!(word, "{}", id.simple());
    }
    word
}

/// Who told what; `None` when it was not written by a node.
pub(super) fn decode(payload: &str) -> Option<(Uuid, Told)> {
    let mut rest = payload;
    let node_id = next_id(&mut rest)?;
    let mut told = Told::default();
    while let Some(letter) = rest.chars().next() {
        rest = rest.get(letter.len_utf8()..)?;
        if let Some(signal) = next_signal(letter, &mut rest) {
            told.signals.push(signal);
            continue;
        }
        told.everything = true;
        // how long an unknown word is can't be known
        if letter != EVERYTHING {
            break;
        }
    }
    Some((node_id, told))
}

fn next_signal(letter: char, rest: &mut &str) -> Option<Signal> {
    Some(match letter {
        'S' => Signal::Space(SpaceId(next_id(rest)?)),
        'M' => Signal::Members(SpaceId(next_id(rest)?)),
        'L' => Signal::Session(SessionId(next_id(rest)?)),
        'D' => Signal::Device(DeviceId(next_id(rest)?)),
        'H' => Signal::Suspended(DeviceId(next_id(rest)?)),
        'O' => Signal::Organisation(OrganisationId(next_id(rest)?)),
        'B' => Signal::Batch(DeviceId(next_id(rest)?), BatchId(next_id(rest)?)),
        'X' => Signal::DeadLetter(DeviceId(next_id(rest)?), SpaceId(next_id(rest)?)),
        'P' => Signal::Presence(UserId(next_id(rest)?), DeviceId(next_id(rest)?)),
        'Q' => Signal::Queue,
        _ => return None,
    })
}

fn next_id(rest: &mut &str) -> Option<Uuid> {
    let (digits, after) = rest.split_at_checked(DIGITS)?;
    *rest = after;
    Uuid::try_parse(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Uuid = Uuid::from_u128(0xfedc_ba98_7654_3210);

    fn each() -> Vec<Signal> {
        let id = |number| Uuid::from_u128(u128::MAX - number);
        vec![
            Signal::Space(SpaceId(id(1))),
            Signal::Members(SpaceId(id(2))),
            Signal::Session(SessionId(id(3))),
            Signal::Device(DeviceId(id(4))),
            Signal::Batch(DeviceId(id(5)), BatchId(id(6))),
            Signal::DeadLetter(DeviceId(id(7)), SpaceId(id(8))),
            Signal::Presence(UserId(id(9)), DeviceId(id(10))),
            Signal::Organisation(OrganisationId(id(11))),
            Signal::Suspended(DeviceId(id(12))),
            Signal::Queue,
        ]
    }

    #[test]
    fn each_kind_is_read_as_it_was_written() {
        let told = Told { signals: each(), everything: true };
        let payloads = encode(NODE, &told);
        assert_eq!(payloads.len(), 1);
        assert_eq!(decode(&payloads[0]), Some((NODE, told)));
        assert_eq!(encode(NODE, &Told::default()), Vec::<String>::new());
    }

    #[test]
    fn many_fit_into_few_payloads() {
        let signals: Vec<_> = (0..1_000).map(|number| Signal::Space(SpaceId(Uuid::from_u128(number)))).collect();
        let payloads = encode(NODE, &Told { signals: signals.clone(), everything: false });
        assert_eq!(payloads.len(), 5);
        assert!(payloads.iter().all(|payload| payload.len() < 8_000));
        let read: Vec<_> = payloads.iter().flat_map(|payload| decode(payload).unwrap().1.signals).collect();
        assert_eq!(read, signals);
    }

    #[test]
    fn what_a_newer_node_says_means_everything() {
        let [payload] = encode(NODE, &Told { signals: vec![Signal::Queue], everything: false }).try_into().unwrap();
        let known = Told { signals: vec![Signal::Queue], everything: true };
        for end in ["Z0123", "S0123", "ß", "*"] {
            assert_eq!(decode(&format!("{payload}{end}")), Some((NODE, known.clone())), "{end}");
        }
        assert_eq!((decode(""), decode("hello"), decode(&"ß".repeat(40))), (None, None, None));
    }
}
