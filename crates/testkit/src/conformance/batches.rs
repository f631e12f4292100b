use sync_core::ports::{BatchState, ItemState, QueueBatch, QueueItem};
use sync_core::{BatchId, OrganisationId};

use super::Case;
use super::bench::{ANA, Bench, NOW, ORGANISATION, PHONE, TABLET, id, raw};
use super::items::{insert, item};

pub(super) const CASES: &[Case] = &[
    ("every_column_survives", every_column_survives),
    ("a_batch_is_its_organisations", a_batch_is_its_organisations),
    ("what_is_decided_is_only_counted", what_is_decided_is_only_counted),
    ("a_sealed_batch_is_finished_with_its_last", a_sealed_batch_is_finished_with_its_last),
    ("counts_of_many_at_once_are_added", counts_of_many_at_once_are_added),
    ("a_devices_batches_latest_first", a_devices_batches_latest_first),
    ("what_is_left_to_do_is_listed", what_is_left_to_do_is_listed),
    ("what_is_over_is_dropped", what_is_over_is_dropped),
];

/// An open one of Ana's tablet.
pub(super) fn batch(batch_id: BatchId) -> QueueBatch {
    QueueBatch {
        batch_id,
        organisation_id: ORGANISATION,
        user_id: ANA,
        device_id: TABLET,
        sent_at: None,
        received_at: NOW,
        epochs: raw("{}"),
        atomic: false,
        state: BatchState::Open,
        operations: 0,
        bytes: 0,
        decided: 0,
        decided_bytes: 0,
        finished_at: None,
    }
}

pub(super) fn numbered(number: u128) -> QueueBatch {
    batch(BatchId(id(number)))
}

fn put(bench: &Bench, batch: QueueBatch) {
    bench.write(move |tx| tx.put_batch(&batch));
}

fn load(bench: &Bench, numbers: &[u128]) -> Vec<QueueBatch> {
    let ids: Vec<_> = numbers.iter().map(|number| BatchId(id(*number))).collect();
    let mut found = bench.read(move |tx| tx.load_batches(&ids));
    found.sort_by_key(|batch| batch.batch_id);
    found
}

fn count(bench: &Bench, number: u128, operations: i64, ms: i64) {
    bench.write(move |tx| tx.count_decided(&[(BatchId(id(number)), operations, 10 * operations)], NOW.plus_ms(ms)));
}

fn every_column_survives(bench: &Bench) {
    let full = QueueBatch {
        sent_at: Some(NOW.plus_ms(-1)),
        epochs: raw(r#"{"a":"b"}"#),
        atomic: true,
        state: BatchState::Sealed,
        operations: i64::MAX,
        bytes: 1,
        decided: 2,
        decided_bytes: 3,
        finished_at: Some(NOW.plus_ms(1)),
        ..numbered(1)
    };
    let refused = QueueBatch { state: BatchState::Refused, ..numbered(2) };
    for row in [full.clone(), refused.clone(), numbered(3)] {
        put(bench, row);
    }
    assert_eq!(load(bench, &[3, 1, 2, 9, 1]), [full, refused, numbered(3)]);
    assert_eq!(load(bench, &[]), []);
}

fn a_batch_is_its_organisations(bench: &Bench) {
    put(bench, numbered(1));
    for (organisation_id, number, found) in
        [(ORGANISATION, 1, Some(numbered(1))), (OrganisationId(id(77)), 1, None), (ORGANISATION, 2, None)]
    {
        assert_eq!(bench.read(move |tx| tx.find_batch(organisation_id, BatchId(id(number)))), found);
    }
}

fn what_is_decided_is_only_counted(bench: &Bench) {
    put(bench, QueueBatch { operations: 5, ..numbered(1) });
    count(bench, 1, 3, 0);
    count(bench, 99, 3, 0);
    // whoever takes its lines read it before
    let sealed = QueueBatch { operations: 8, bytes: 80, state: BatchState::Sealed, ..numbered(1) };
    put(bench, sealed.clone());
    assert_eq!(load(bench, &[1]), [QueueBatch { decided: 3, decided_bytes: 30, ..sealed.clone() }]);
    count(bench, 1, 5, 7);
    put(bench, sealed.clone());
    let finished = QueueBatch { decided: 8, decided_bytes: 80, finished_at: Some(NOW.plus_ms(7)), ..sealed };
    assert_eq!(load(bench, &[1]), [finished]);
}

fn a_sealed_batch_is_finished_with_its_last(bench: &Bench) {
    let finished = |number| load(bench, &[number])[0].finished_at;
    put(bench, QueueBatch { operations: 2, state: BatchState::Sealed, ..numbered(1) });
    count(bench, 1, 1, 1);
    assert_eq!(finished(1), None);
    count(bench, 1, 1, 2);
    assert_eq!(finished(1), Some(NOW.plus_ms(2)));
    count(bench, 1, 1, 3);
    assert_eq!(finished(1), Some(NOW.plus_ms(2)), "once");
    put(bench, QueueBatch { operations: 2, ..numbered(2) });
    count(bench, 2, 2, 1);
    assert_eq!(finished(2), None, "more may come");
    put(bench, QueueBatch { operations: 2, state: BatchState::Sealed, ..numbered(2) });
    count(bench, 2, 0, 4);
    assert_eq!(finished(2), Some(NOW.plus_ms(4)), "whoever seals it adds nothing");
}

fn counts_of_many_at_once_are_added(bench: &Bench) {
    let rows: Vec<_> = (1..=300).map(|number| QueueBatch { operations: 1, state: BatchState::Sealed, ..numbered(number) }).collect();
    bench.write(move |tx| rows.iter().try_for_each(|row| tx.put_batch(row)));
    let decided: Vec<_> = (1..=299).rev().map(|number| (BatchId(id(number)), 1, 5)).collect();
    bench.write(move |tx| {
        tx.count_decided(&decided, NOW)?;
        tx.count_decided(&[], NOW)
    });
    let all: Vec<_> = (1..=300).collect();
    let found = load(bench, &all);
    let finished: Vec<_> = found.iter().map(|batch| (batch.decided, batch.decided_bytes, batch.finished_at)).collect();
    let mut expected = vec![(1, 5, Some(NOW)); 299];
    expected.push((0, 0, None));
    assert_eq!(finished, expected);
}

fn a_devices_batches_latest_first(bench: &Bench) {
    let at = |number, ms| QueueBatch { received_at: NOW.plus_ms(ms), ..numbered(number) };
    for row in [at(1, 5), at(2, 9), at(3, 5), QueueBatch { device_id: PHONE, ..at(4, 7) }] {
        put(bench, row);
    }
    let list = |limit| bench.read(move |tx| tx.list_batches(TABLET, limit));
    assert_eq!(list(9), [at(2, 9), at(3, 5), at(1, 5)]);
    assert_eq!(list(1), [at(2, 9)]);
}

fn what_is_left_to_do_is_listed(bench: &Bench) {
    let at = |number, ms, state| QueueBatch { received_at: NOW.plus_ms(ms), state, ..numbered(number) };
    let atomic = |batch| QueueBatch { atomic: true, ..batch };
    let rows = [
        at(1, -1, BatchState::Open),
        at(2, 0, BatchState::Open),
        at(3, -9, BatchState::Sealed),
        atomic(at(4, -8, BatchState::Sealed)),
        atomic(at(5, -2, BatchState::Sealed)),
        atomic(at(6, 3, BatchState::Refused)),
        atomic(at(7, 5, BatchState::Open)),
        atomic(at(8, -7, BatchState::Refused)),
    ];
    for row in rows.clone() {
        put(bench, row);
    }
    let staged = |number: u32| QueueItem { batch_id: BatchId(id(number.into())), state: ItemState::Staged, ..item(number) };
    let ready = QueueItem { state: ItemState::Ready, ..staged(4) };
    insert(bench, vec![ready, staged(5), staged(6), staged(7)]);
    let list = |limit| bench.read(move |tx| tx.list_unfinished_batches(NOW, limit));
    assert_eq!(list(9), [rows[4].clone(), rows[0].clone(), rows[5].clone()]);
    assert_eq!(list(2), [rows[4].clone(), rows[0].clone()]);
}

fn what_is_over_is_dropped(bench: &Bench) {
    let finished = |number, ms| QueueBatch { state: BatchState::Sealed, finished_at: Some(NOW.plus_ms(ms)), ..numbered(number) };
    let refused = |number, ms| QueueBatch { state: BatchState::Refused, atomic: true, received_at: NOW.plus_ms(ms), ..numbered(number) };
    let rows = [finished(1, -1), finished(2, 0), refused(3, -1), refused(4, 0), refused(5, -2), numbered(6)];
    for row in rows {
        put(bench, row);
    }
    put(bench, QueueBatch { received_at: NOW.plus_ms(-9), ..numbered(7) });
    insert(bench, vec![QueueItem { batch_id: BatchId(id(5)), state: ItemState::Staged, ..item(5) }]);
    let drop = |limit| bench.write(move |tx| tx.drop_batches(NOW, limit));
    assert_eq!((drop(1), drop(9), drop(9)), (1, 1, 0));
    let left: Vec<_> = load(bench, &[1, 2, 3, 4, 5, 6, 7]).iter().map(|batch| batch.batch_id).collect();
    assert_eq!(left, [2, 4, 5, 6, 7].map(|number| BatchId(id(number))));
}
