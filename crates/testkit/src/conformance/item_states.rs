use sync_core::BatchId;
use sync_core::ports::{ItemState, QueueItem};

use super::Case;
use super::bench::{Bench, NOW, ORGANISATION, OTHER_ORGANISATION, SECOND_SPACE, SPACE, id};
use super::items::{BATCH, insert, item, load, numbers, op};

pub(super) const CASES: &[Case] = &[
    ("a_lease_takes_what_is_ready_and_counts", a_lease_takes_what_is_ready_and_counts),
    ("what_is_due_wakes", what_is_due_wakes),
    ("what_waited_for_the_decided_is_released", what_waited_for_the_decided_is_released),
    ("what_waits_for_nothing_any_more_is_released", what_waits_for_nothing_any_more_is_released),
    ("a_batch_is_released_by_number", a_batch_is_released_by_number),
    ("a_batch_that_was_taken_back_is_dropped", a_batch_that_was_taken_back_is_dropped),
    ("hastening_only_lowers", hastening_only_lowers),
];

fn of(number: u32, state: ItemState) -> QueueItem {
    QueueItem { state, ..item(number) }
}

fn a_lease_takes_what_is_ready_and_counts(bench: &Bench) {
    let again = QueueItem { attempts: 4, fence: Some(1), ..item(2) };
    let foreign = QueueItem { organisation_id: OTHER_ORGANISATION, ..item(1) };
    let others: Vec<_> = ItemState::ALL.into_iter().filter(|state| *state != ItemState::Ready).zip(3..).collect();
    let others: Vec<_> = others.into_iter().map(|(state, number)| of(number, state)).collect();
    insert(bench, vec![item(1), again.clone(), item(20), foreign.clone()]);
    insert(bench, others.clone());
    bench.write(|tx| {
        let op_ids: Vec<_> = (1..10).map(op).collect();
        tx.lease_items(ORGANISATION, &op_ids, 9)?;
        tx.lease_items(ORGANISATION, &[], 10)
    });
    let taken = |item: QueueItem| QueueItem { state: ItemState::Leased, fence: Some(9), attempts: item.attempts + 1, ..item };
    let mut expected = vec![taken(item(1)), taken(again)];
    expected.extend(others);
    expected.push(item(20));
    assert_eq!(load(bench, 1..=20), expected);
    assert_eq!(bench.read(|tx| tx.load_items(OTHER_ORGANISATION, &[op(1)])), [foreign]);
}

fn what_is_due_wakes(bench: &Bench) {
    let until = |number, ms| QueueItem { not_before: Some(NOW.plus_ms(ms)), ..of(number, ItemState::Delayed) };
    let elsewhere = QueueItem { space_id: SECOND_SPACE, ..until(4, -9) };
    let parked = QueueItem { not_before: Some(NOW.plus_ms(-9)), ..of(5, ItemState::Parked) };
    insert(bench, vec![until(1, 0), until(2, 1), until(3, -1), elsewhere.clone(), parked.clone()]);
    let next = |space_id| bench.read(move |tx| tx.find_next_wake(space_id));
    assert_eq!(next(SPACE), Some(NOW.plus_ms(-1)), "of what is delayed");
    assert_eq!(bench.write(|tx| tx.wake_items(SPACE, NOW)), 2);
    assert_eq!(load(bench, 1..=5), [item(1), until(2, 1), item(3), elsewhere, parked]);
    assert_eq!((next(SPACE), next(SECOND_SPACE)), (Some(NOW.plus_ms(1)), Some(NOW.plus_ms(-9))));
    assert_eq!((bench.write(|tx| tx.wake_items(SPACE, NOW.plus_ms(1))), next(SPACE)), (1, None));
}

fn what_waited_for_the_decided_is_released(bench: &Bench) {
    let behind = |number, first| QueueItem { waits_for: Some(op(first)), ..of(number, ItemState::Held) };
    let elsewhere = QueueItem { space_id: SECOND_SPACE, ..behind(4, 51) };
    let foreign = QueueItem { organisation_id: OTHER_ORGANISATION, ..behind(1, 50) };
    let parked = QueueItem { waits_for: Some(op(50)), ..of(6, ItemState::Parked) };
    insert(bench, vec![behind(1, 50), behind(2, 50), behind(3, 52), elsewhere, behind(5, 51), parked.clone(), foreign.clone()]);
    let release = |decided: &'static [u32]| {
        let decided: Vec<_> = decided.iter().copied().map(op).collect();
        bench.write(move |tx| tx.release_items(ORGANISATION, &decided))
    };
    assert_eq!((release(&[]), release(&[1, 2, 99])), (vec![], vec![]));
    assert_eq!(release(&[51, 50]), [SPACE, SECOND_SPACE], "each once");
    let free = QueueItem { space_id: SECOND_SPACE, ..item(4) };
    assert_eq!(load(bench, 1..=6), [item(1), item(2), behind(3, 52), free, item(5), parked]);
    assert_eq!(release(&[50, 51]), []);
    assert_eq!(bench.read(|tx| tx.load_items(OTHER_ORGANISATION, &[op(1)])), [foreign]);
}

fn what_waits_for_nothing_any_more_is_released(bench: &Bench) {
    let behind = |number, root| QueueItem { waits_for: Some(op(root)), ..of(number, ItemState::Held) };
    let elsewhere = QueueItem { space_id: SECOND_SPACE, ..behind(4, 98) };
    insert(bench, vec![behind(1, 2), item(2), behind(3, 99), elsewhere.clone(), behind(5, 99)]);
    let free = QueueItem { state: ItemState::Ready, waits_for: None, ..elsewhere };
    assert_eq!(bench.write(|tx| tx.release_orphans(10)), [(ORGANISATION, SPACE), (ORGANISATION, SECOND_SPACE)], "each once");
    assert_eq!(load(bench, 1..=5), [behind(1, 2), item(2), item(3), free, item(5)]);
    assert_eq!(bench.write(|tx| tx.release_orphans(10)), []);
}

const OTHER_BATCH: BatchId = BatchId(id(701));

/// Five staged items of a batch in two spaces, one of it that is not, and one of another.
fn staged() -> Vec<QueueItem> {
    let mut rows: Vec<_> = (1..=5).map(|number| of(number, ItemState::Staged)).collect();
    rows[1].space_id = SECOND_SPACE;
    rows.reverse();
    rows.extend([of(6, ItemState::Parked), QueueItem { batch_id: OTHER_BATCH, ..of(7, ItemState::Staged) }]);
    rows
}

fn a_batch_is_released_by_number(bench: &Bench) {
    insert(bench, staged());
    let release = |limit| bench.write(move |tx| tx.release_staged(BATCH, limit));
    assert_eq!(release(0), []);
    assert_eq!(release(3), [SPACE, SECOND_SPACE]);
    let ready = |space_id| numbers(&bench.read(move |tx| tx.list_items(space_id, ItemState::Ready, 10)));
    assert_eq!((ready(SPACE), ready(SECOND_SPACE)), (vec![1, 3], vec![2]));
    assert_eq!((release(3), release(3)), (vec![SPACE], vec![]));
    assert_eq!(ready(SPACE), [1, 3, 4, 5]);
    assert_eq!(load(bench, [6, 7]), [of(6, ItemState::Parked), QueueItem { batch_id: OTHER_BATCH, ..of(7, ItemState::Staged) }]);
}

fn a_batch_that_was_taken_back_is_dropped(bench: &Bench) {
    insert(bench, staged());
    let drop = |limit| bench.write(move |tx| tx.drop_staged(BATCH, limit));
    assert_eq!((drop(2), numbers(&load(bench, 1..=5))), (2, vec![3, 4, 5]));
    assert_eq!((drop(9), drop(9)), (3, 0));
    assert_eq!(numbers(&load(bench, 1..=7)), [6, 7]);
}

fn hastening_only_lowers(bench: &Bench) {
    let at = |number, lane, rank| QueueItem { lane, rank, ..item(number) };
    let foreign = QueueItem { organisation_id: OTHER_ORGANISATION, ..at(1, 3, 300) };
    insert(bench, vec![at(1, 3, 300), at(2, 0, 300), at(3, 3, -5), at(4, 0, -5), at(5, 3, 300), foreign.clone()]);
    bench.write(|tx| {
        let op_ids: Vec<_> = (1..5).map(op).collect();
        tx.hasten_items(ORGANISATION, &op_ids, 1, 100)?;
        tx.hasten_items(ORGANISATION, &[], 0, 0)
    });
    assert_eq!(load(bench, 1..=5), [at(1, 1, 100), at(2, 0, 100), at(3, 1, -5), at(4, 0, -5), at(5, 3, 300)]);
    assert_eq!(bench.read(|tx| tx.load_items(OTHER_ORGANISATION, &[op(1)])), [foreign]);
}
