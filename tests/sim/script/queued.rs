//! Worlds in which much goes through the queue.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{ANY, Script, Step, Work, schema, step, sync_how};

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        4 => Just(Work::Claim),
        6 => ANY.prop_map(Work::Step),
        3 => (ANY, ANY, prop::bool::weighted(0.2)).prop_map(|(which, item, panics)| Work::Poisoned { which, item, panics }),
        3 => ANY.prop_map(Work::Keep),
        1 => ANY.prop_map(Work::HandBack),
        1 => ANY.prop_map(Work::Die),
        1 => Just(Work::Off),
    ]
}

/// A step of a world with a queue. Nothing is discarded where one is alone: what builds on that is refused.
fn queued_step(alone: bool) -> BoxedStrategy<Step> {
    let letter = (ANY, any::<bool>()).prop_map(move |(which, discard)| Step::Letter { which, discard: discard && !alone });
    prop_oneof![
        50 => step(alone),
        20 => work().prop_map(Step::Work),
        3 => (ANY, any::<bool>(), sync_how(alone)).prop_map(|(device, atomic, how)| Step::Batch { device, atomic, how }),
        // the lease is thirty seconds
        4 => (1_000..60_000_i64).prop_map(Step::Clock),
        5 => letter,
    ]
    .boxed()
}

/// Worlds in which much goes through the queue, of several people or of one with one device.
pub(crate) fn queued(alone: bool, steps: usize) -> impl Strategy<Value = Script> {
    let (users, devices) = if alone { (1..2_usize, 1..2_usize) } else { (2..4_usize, 2..6_usize) };
    (users, devices, vec(schema(), 1..3), 0..3_usize, vec(queued_step(alone), 1..steps))
        .prop_map(|(users, devices, schemas, inline, steps)| Script { users, devices, schemas, inline: Some(inline), steps })
}
