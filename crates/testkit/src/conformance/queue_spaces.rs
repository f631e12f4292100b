use sync_core::ports::{ItemState, QueueItem, QueueSpace};
use sync_core::{OrganisationId, SpaceId, Timestamp};

use super::Case;
use super::bench::{Bench, NOW, ORGANISATION, OTHER_ORGANISATION, SECOND_SPACE, SPACE, id};
use super::items::{insert, item, op};

pub(super) const CASES: &[Case] = &[
    ("a_queue_is_made_when_it_is_locked", a_queue_is_made_when_it_is_locked),
    ("what_is_due_or_leased_is_listed", what_is_due_or_leased_is_listed),
    ("a_space_that_nobody_called_is_found", a_space_that_nobody_called_is_found),
    ("numbers_and_fences_are_never_given_twice", numbers_and_fences_are_never_given_twice),
];

fn put(bench: &Bench, space: QueueSpace) {
    bench.write(move |tx| {
        tx.lock_queue_space(space.organisation_id, space.space_id)?;
        tx.put_queue_space(&space)
    });
}

fn a_queue_is_made_when_it_is_locked(bench: &Bench) {
    assert_eq!(bench.write(|tx| tx.try_lock_queue_space(SPACE)), None);
    assert_eq!(bench.write(|tx| tx.lock_queue_space(ORGANISATION, SPACE)), QueueSpace::new(ORGANISATION, SPACE));
    let full = QueueSpace {
        space_id: SPACE,
        organisation_id: ORGANISATION,
        next_seq: i64::MAX,
        fence: 7,
        leased_by: Some(id(9)),
        leased_until: Some(NOW),
        due_at: Some(Timestamp::from_millis(-1)),
        rank: i64::MIN,
        served: i64::MAX,
        served_at: NOW.plus_ms(1),
    };
    put(bench, full);
    assert_eq!(bench.write(|tx| tx.lock_queue_space(ORGANISATION, SPACE)), full);
    assert_eq!(bench.write(|tx| tx.try_lock_queue_space(SPACE)), Some(full));
    let given_back = QueueSpace { leased_by: None, leased_until: None, due_at: None, ..full };
    put(bench, given_back);
    assert_eq!(bench.write(|tx| tx.try_lock_queue_space(SPACE)), Some(given_back));
    bench.write(|tx| tx.put_queue_space(&QueueSpace::new(ORGANISATION, SECOND_SPACE)));
    assert_eq!(bench.write(|tx| tx.try_lock_queue_space(SECOND_SPACE)), None, "only under its lock, which makes it");
}

fn what_is_due_or_leased_is_listed(bench: &Bench) {
    let space = |number, due_ms: Option<i64>| QueueSpace {
        due_at: due_ms.map(|ms| NOW.plus_ms(ms)),
        ..QueueSpace::new(if number == 4 { OTHER_ORGANISATION } else { ORGANISATION }, SpaceId(id(number)))
    };
    let leased = |space| QueueSpace { leased_by: Some(id(9)), leased_until: Some(NOW), ..space };
    let rows = [
        space(1, Some(0)),
        space(2, Some(1)),
        space(3, None),
        space(4, Some(-5)),
        leased(space(5, Some(-7))),
        leased(space(6, None)),
        leased(space(7, Some(30))),
        space(8, Some(0)),
    ];
    for row in rows {
        put(bench, row);
    }
    let list = |limit| bench.read(move |tx| tx.list_queue_spaces(NOW, limit));
    assert_eq!(list(10), [rows[4], rows[3], rows[0], rows[7], rows[6], rows[5]], "the longest due first, each once");
    assert_eq!((list(3), list(0)), (vec![rows[4], rows[3], rows[0]], vec![]));
    let next = |ms| bench.read(move |tx| tx.find_next_due(NOW.plus_ms(ms)));
    assert_eq!((next(0), next(1), next(30)), (Some(NOW.plus_ms(1)), Some(NOW.plus_ms(30)), None));
}

fn a_space_that_nobody_called_is_found(bench: &Bench) {
    let missed = || bench.read(|tx| tx.list_missed_spaces(NOW, 10));
    assert_eq!(missed(), []);
    let elsewhere = |number| QueueItem { space_id: SECOND_SPACE, ..item(number) };
    insert(bench, vec![item(1), item(2), elsewhere(3), QueueItem { state: ItemState::Parked, ..elsewhere(4) }]);
    for space_id in [SPACE, SECOND_SPACE] {
        put(bench, QueueSpace::new(ORGANISATION, space_id));
    }
    assert_eq!(missed(), [(ORGANISATION, SPACE), (ORGANISATION, SECOND_SPACE)], "each once");
    put(bench, QueueSpace { due_at: Some(NOW), ..QueueSpace::new(ORGANISATION, SPACE) });
    put(bench, QueueSpace { due_at: Some(NOW.plus_ms(1)), ..QueueSpace::new(ORGANISATION, SECOND_SPACE) });
    assert_eq!(missed(), [(ORGANISATION, SECOND_SPACE)]);
    assert_eq!(bench.write(|tx| tx.lease_items(ORGANISATION, &[op(3)], 1).and_then(|()| tx.list_missed_spaces(NOW, 10))), []);
}

fn numbers_and_fences_are_never_given_twice(bench: &Bench) {
    const WRITERS: i64 = 4;
    const EACH: i64 = 10;
    let take = |organisation_id: OrganisationId| {
        bench.write(move |tx| {
            let space = tx.lock_queue_space(organisation_id, SPACE)?;
            tx.put_queue_space(&QueueSpace { next_seq: space.next_seq + 1, fence: space.fence + 1, ..space })?;
            Ok((space.next_seq, space.fence + 1))
        })
    };
    let mut taken: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS).map(|_| scope.spawn(|| (0..EACH).map(|_| take(ORGANISATION)).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    taken.sort_unstable();
    assert_eq!(taken, (1..=WRITERS * EACH).map(|number| (number, number)).collect::<Vec<_>>());
}
