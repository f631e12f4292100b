use sync_core::ports::{ItemCount, ItemState, QueueFilter, QueueItem, Visible};
use sync_core::{BatchId, SpaceId};

use super::Case;
use super::batches::batch;
use super::bench::{
    ANA, BO, Bench, FOREIGN_SPACE, NOW, ORGANISATION, OTHER_ORGANISATION, PHONE, SECOND_SPACE, SPACE, STRANGER, STRANGERS_DEVICE, TABLET,
    id,
};
use super::items::{BATCH, insert, item, numbers};

pub(super) const CASES: &[Case] = &[
    ("each_filter_finds_its_own", each_filter_finds_its_own),
    ("a_person_sees_their_own_and_what_they_lead", a_person_sees_their_own_and_what_they_lead),
    ("pages_leave_nothing_out", pages_leave_nothing_out),
    ("items_are_counted_by_lane_and_state", items_are_counted_by_lane_and_state),
    ("who_stands_before_whom", who_stands_before_whom),
];

/// Bo's.
const OTHER_BATCH: BatchId = BatchId(id(701));

/// Ana's and Bo's in two spaces, one of another organisation's; numbers count up in the order of (space, rank).
fn furnish(bench: &Bench) {
    let of_bo = |number| QueueItem { user_id: BO, device_id: PHONE, batch_id: OTHER_BATCH, ..item(number) };
    let rows = vec![
        item(1),
        QueueItem { state: ItemState::Leased, lane: 0, ..item(2) },
        QueueItem { state: ItemState::Parked, code: Some("gone".into()), ..item(3) },
        QueueItem { state: ItemState::Parked, code: Some("too_large".into()), lane: 3, size_bytes: 7, ..of_bo(4) },
        QueueItem { accepted_at: NOW.plus_ms(-1), ..of_bo(5) },
        QueueItem { space_id: SECOND_SPACE, rank: -9, state: ItemState::Held, ..of_bo(6) },
        QueueItem { space_id: SECOND_SPACE, rank: -8, ..item(7) },
        QueueItem { space_id: SECOND_SPACE, state: ItemState::Parked, ..of_bo(8) },
        QueueItem {
            organisation_id: OTHER_ORGANISATION,
            space_id: FOREIGN_SPACE,
            user_id: STRANGER,
            device_id: STRANGERS_DEVICE,
            ..item(9)
        },
    ];
    insert(bench, rows);
    bench.write(|tx| {
        tx.put_batch(&batch(BATCH))?;
        tx.put_batch(&sync_core::ports::QueueBatch { user_id: BO, device_id: PHONE, ..batch(OTHER_BATCH) })?;
        for space_id in [SPACE, SECOND_SPACE] {
            tx.lock_queue_space(ORGANISATION, space_id)?;
        }
        Ok(())
    });
}

fn list(bench: &Bench, filter: QueueFilter) -> Vec<i64> {
    numbers(&bench.read(move |tx| tx.list_queue(ORGANISATION, &filter, None, 100)))
}

/// How many there are, whatever they are.
fn total(bench: &Bench, filter: QueueFilter) -> i64 {
    bench.read(move |tx| tx.count_queue(ORGANISATION, &filter)).iter().map(|count| count.items).sum()
}

fn each_filter_finds_its_own(bench: &Bench) {
    furnish(bench);
    let all = QueueFilter::default();
    let parked = QueueFilter { states: vec![ItemState::Parked], ..all.clone() };
    let cases = [
        (all.clone(), vec![1, 2, 3, 4, 5, 6, 7, 8]),
        (QueueFilter { space_id: Some(SECOND_SPACE), ..all.clone() }, vec![6, 7, 8]),
        (QueueFilter { space_id: Some(FOREIGN_SPACE), ..all.clone() }, vec![]),
        (QueueFilter { device_id: Some(PHONE), ..all.clone() }, vec![4, 5, 6, 8]),
        (QueueFilter { device_id: Some(STRANGERS_DEVICE), ..all.clone() }, vec![]),
        (QueueFilter { user_id: Some(ANA), ..all.clone() }, vec![1, 2, 3, 7]),
        (QueueFilter { batch_id: Some(OTHER_BATCH), ..all.clone() }, vec![4, 5, 6, 8]),
        (QueueFilter { batch_id: Some(BatchId(id(799))), ..all.clone() }, vec![]),
        (QueueFilter { lane: Some(0), ..all.clone() }, vec![2]),
        (QueueFilter { states: vec![ItemState::Ready], ..all.clone() }, vec![1, 5, 7]),
        (QueueFilter { states: vec![ItemState::Leased, ItemState::Held], ..all.clone() }, vec![2, 6]),
        (QueueFilter { states: vec![ItemState::Ready, ItemState::Leased], space_id: Some(SPACE), ..all.clone() }, vec![1, 2, 5]),
        (parked.clone(), vec![3, 4, 8]),
        (QueueFilter { space_id: Some(SPACE), ..parked.clone() }, vec![3, 4]),
        (QueueFilter { code: Some("gone".into()), ..all.clone() }, vec![3]),
        (QueueFilter { accepted_before: Some(NOW), ..all.clone() }, vec![5]),
        (QueueFilter { user_id: Some(BO), device_id: Some(PHONE), space_id: Some(SECOND_SPACE), ..parked.clone() }, vec![8]),
        (QueueFilter { user_id: Some(ANA), device_id: Some(PHONE), ..all }, vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(list(bench, filter.clone()), expected, "{filter:?}");
        assert_eq!(total(bench, filter.clone()), i64::try_from(expected.len()).unwrap(), "{filter:?}");
    }
}

fn visible(space_ids: &[SpaceId]) -> QueueFilter {
    QueueFilter { visible: Some(Visible { user_id: ANA, space_ids: space_ids.to_vec() }), ..QueueFilter::default() }
}

fn a_person_sees_their_own_and_what_they_lead(bench: &Bench) {
    furnish(bench);
    let cases = [
        (visible(&[]), vec![1, 2, 3, 7]),
        (visible(&[SECOND_SPACE]), vec![1, 2, 3, 6, 7, 8]),
        (visible(&[SECOND_SPACE, SPACE, FOREIGN_SPACE]), vec![1, 2, 3, 4, 5, 6, 7, 8]),
        (QueueFilter { space_id: Some(SECOND_SPACE), ..visible(&[]) }, vec![7]),
        (QueueFilter { space_id: Some(SECOND_SPACE), ..visible(&[SECOND_SPACE]) }, vec![6, 7, 8]),
        (QueueFilter { device_id: Some(PHONE), ..visible(&[SECOND_SPACE]) }, vec![6, 8]),
        (QueueFilter { device_id: Some(TABLET), ..visible(&[SECOND_SPACE]) }, vec![1, 2, 3, 7]),
        (QueueFilter { user_id: Some(ANA), ..visible(&[SECOND_SPACE]) }, vec![1, 2, 3, 7]),
        (QueueFilter { user_id: Some(BO), ..visible(&[SECOND_SPACE]) }, vec![6, 8]),
        (QueueFilter { states: vec![ItemState::Parked], ..visible(&[SECOND_SPACE]) }, vec![3, 8]),
    ];
    for (filter, expected) in cases {
        assert_eq!(list(bench, filter.clone()), expected, "{filter:?}");
        assert_eq!(total(bench, filter.clone()), i64::try_from(expected.len()).unwrap(), "{filter:?}");
    }
}

fn pages_leave_nothing_out(bench: &Bench) {
    furnish(bench);
    insert(bench, (10..30).map(|number| QueueItem { rank: 5, ..item(number) }).collect());
    let filters = [
        QueueFilter::default(),
        QueueFilter { space_id: Some(SPACE), ..QueueFilter::default() },
        QueueFilter { states: vec![ItemState::Parked], ..QueueFilter::default() },
        visible(&[]),
        visible(&[SECOND_SPACE, SPACE]),
    ];
    for filter in filters {
        let all = list(bench, filter.clone());
        for limit in 1..=4 {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let filter = filter.clone();
                let page = bench.read(move |tx| tx.list_queue(ORGANISATION, &filter, after.as_ref(), limit));
                let Some(last) = page.last() else { break };
                after = Some((last.space_id, last.rank, last.seq));
                seen.extend(numbers(&page));
            }
            assert_eq!(seen, all, "{filter:?} in pages of {limit}");
        }
    }
    assert_eq!(bench.read(|tx| tx.list_queue(ORGANISATION, &QueueFilter::default(), None, 0)), []);
}

fn items_are_counted_by_lane_and_state(bench: &Bench) {
    furnish(bench);
    let count = |lane, state, items, bytes| ItemCount { lane, state, items, bytes, oldest: NOW };
    let counted = |filter: QueueFilter| bench.read(move |tx| tx.count_queue(ORGANISATION, &filter));
    let early = NOW.plus_ms(-1);
    assert_eq!(
        counted(QueueFilter::default()),
        [
            count(0, ItemState::Leased, 1, 100),
            ItemCount { oldest: early, ..count(1, ItemState::Ready, 3, 300) },
            count(1, ItemState::Held, 1, 100),
            count(1, ItemState::Parked, 2, 200),
            count(3, ItemState::Parked, 1, 7),
        ]
    );
    assert_eq!(
        counted(visible(&[SPACE])),
        [
            count(0, ItemState::Leased, 1, 100),
            ItemCount { oldest: early, ..count(1, ItemState::Ready, 3, 300) },
            count(1, ItemState::Parked, 1, 100),
            count(3, ItemState::Parked, 1, 7),
        ],
        "Ana's own in both spaces and Bo's in one are added up"
    );
    assert_eq!(counted(QueueFilter { lane: Some(9), ..QueueFilter::default() }), []);
}

fn who_stands_before_whom(bench: &Bench) {
    furnish(bench);
    insert(bench, vec![QueueItem { rank: 5, lane: 2, ..item(10) }]);
    let ahead = |place, most| bench.read(move |tx| tx.count_ahead(SPACE, place, most));
    assert_eq!(ahead((5, 5), 100), 2, "what is parked stands in nobody's way");
    assert_eq!(ahead((5, 10), 100), 3);
    assert_eq!(ahead((6, 0), 100), 4);
    assert_eq!((ahead((6, 0), 3), ahead((6, 0), 0), ahead((i64::MIN, 0), 9)), (3, 0, 0));
    let ranks = |from, to, limit| bench.read(move |tx| tx.list_ranks(SPACE, from, to, limit));
    assert_eq!(ranks((2, 2), (5, 10), 9), [(2, 2, 0), (5, 5, 1), (5, 10, 2)], "both ends are included");
    assert_eq!(ranks((2, 3), (5, 9), 9), [(5, 5, 1)]);
    assert_eq!(ranks((i64::MIN, i64::MIN), (i64::MAX, i64::MAX), 2), [(1, 1, 1), (2, 2, 0)]);
    assert_eq!(ranks((5, 11), (5, 12), 9), []);
}
