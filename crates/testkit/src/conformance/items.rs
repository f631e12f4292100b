use sync_core::ports::{ItemPlace, ItemState, QueueItem, StoreError};
use sync_core::{BatchId, DeviceId, DocumentKey, OpId, Timestamp, UserId};

use super::Case;
use super::bench::{ANA, Bench, NOW, ORGANISATION, OTHER_ORGANISATION, SECOND_SPACE, SPACE, STRANGER, TABLET, id, key, raw};

pub(super) const CASES: &[Case] = &[
    ("every_column_survives", every_column_survives),
    ("a_place_is_an_item_without_what_was_sent", a_place_is_an_item_without_what_was_sent),
    ("an_id_waits_once", an_id_waits_once),
    ("items_are_put_over_others", items_are_put_over_others),
    ("strands_are_told_by_number", strands_are_told_by_number),
    ("items_are_listed_by_rank_and_number", items_are_listed_by_rank_and_number),
    ("a_group_is_found_whole", a_group_is_found_whole),
    ("a_thousand_at_once_and_none", a_thousand_at_once_and_none),
    ("a_stale_fence_drops_nothing", a_stale_fence_drops_nothing),
];

/// Ready, of Ana's tablet, number and rank as the id's.
pub(super) fn item(number: u32) -> QueueItem {
    QueueItem {
        organisation_id: ORGANISATION,
        op_id: op(number),
        identity: [7; 32],
        space_id: SPACE,
        user_id: ANA,
        device_id: TABLET,
        batch_id: BATCH,
        seq: number.into(),
        key: format!("guests/g{number}"),
        group: None,
        lane: 1,
        rank: number.into(),
        state: ItemState::Ready,
        waits_for: None,
        attempts: 0,
        not_before: None,
        fence: None,
        size_bytes: 100,
        accepted_at: NOW,
        code: None,
        problem: None,
        payload: raw(r#"{"kind":"create"}"#),
        original: None,
    }
}

pub(super) const BATCH: BatchId = BatchId(id(700));

pub(super) fn op(number: u32) -> OpId {
    OpId(id(number.into()))
}

pub(super) fn numbers(items: &[QueueItem]) -> Vec<i64> {
    items.iter().map(|item| item.seq).collect()
}

pub(super) fn insert(bench: &Bench, items: Vec<QueueItem>) {
    bench.write(move |tx| tx.insert_items(&items));
}

/// The items among these ids, by id.
pub(super) fn load(bench: &Bench, numbers: impl IntoIterator<Item = u32>) -> Vec<QueueItem> {
    let op_ids: Vec<_> = numbers.into_iter().map(op).collect();
    let mut found = bench.read(move |tx| tx.load_items(ORGANISATION, &op_ids));
    found.sort_by_key(|item| item.op_id);
    found
}

fn full() -> QueueItem {
    QueueItem {
        identity: [0xff; 32],
        seq: i64::MAX,
        key: "guests/\u{0} Ñ 💍".into(),
        group: Some("\u{0}g".into()),
        lane: i32::MAX,
        rank: i64::MIN,
        state: ItemState::Held,
        waits_for: Some(op(2)),
        attempts: 5,
        not_before: Some(Timestamp::from_millis(-1)),
        fence: Some(i64::MAX),
        size_bytes: i32::MAX,
        accepted_at: Timestamp::from_millis(i64::MAX),
        code: Some("schema_invalid".into()),
        problem: Some(raw(r#"{"code":"schema_invalid","detail":"Ñ"}"#)),
        payload: raw(r#"{"fields":{"note":"\u0000 💍"}}"#),
        original: Some(raw("{}")),
        ..item(1)
    }
}

fn every_column_survives(bench: &Bench) {
    let mut rows = vec![full()];
    rows.extend(ItemState::ALL.into_iter().zip(2..).map(|(state, number)| QueueItem { state, ..item(number) }));
    insert(bench, rows.clone());
    assert_eq!(load(bench, 1..100), rows);
}

fn a_place_is_an_item_without_what_was_sent(bench: &Bench) {
    let foreign = QueueItem { organisation_id: OTHER_ORGANISATION, user_id: STRANGER, ..item(3) };
    insert(bench, vec![full(), item(2), foreign]);
    let place = |item: QueueItem| ItemPlace {
        op_id: item.op_id,
        identity: item.identity,
        space_id: item.space_id,
        user_id: item.user_id,
        device_id: item.device_id,
        batch_id: item.batch_id,
        key: item.key,
        group: item.group,
        seq: item.seq,
        lane: item.lane,
        rank: item.rank,
        state: item.state,
        waits_for: item.waits_for,
        accepted_at: item.accepted_at,
        problem: item.problem,
    };
    let places = |op_ids: Vec<OpId>| {
        let mut found = bench.read(move |tx| tx.load_places(ORGANISATION, &op_ids));
        found.sort_by_key(|place| place.op_id);
        found
    };
    assert_eq!(places(vec![op(2), op(1), op(3), op(9), op(2)]), [place(full()), place(item(2))], "each once");
    assert_eq!(places(vec![]), []);
}

fn an_id_waits_once(bench: &Bench) {
    insert(bench, vec![item(1)]);
    let again = bench.try_write(|tx| tx.insert_items(&[item(2), QueueItem { seq: 9, ..item(1) }]));
    assert!(matches!(again, Err(StoreError::Busy(_))), "{again:?}");
    assert_eq!(load(bench, [1, 2]), [item(1)], "nothing of the second was kept");
    bench.write(|tx| tx.insert_items(&[QueueItem { organisation_id: OTHER_ORGANISATION, ..item(1) }]));
    assert_eq!(load(bench, [1]), [item(1)], "another organisation has ids of its own");
}

fn items_are_put_over_others(bench: &Bench) {
    let foreign = QueueItem { organisation_id: OTHER_ORGANISATION, ..item(1) };
    insert(bench, vec![item(1), foreign.clone()]);
    let edited = QueueItem { user_id: UserId(id(12)), device_id: DeviceId(id(22)), ..full() };
    let put = [edited.clone(), item(2)];
    bench.write(move |tx| {
        tx.put_items(&put)?;
        tx.put_items(&[])
    });
    assert_eq!(load(bench, [1, 2]), [edited, item(2)]);
    assert_eq!(bench.read(|tx| tx.load_items(OTHER_ORGANISATION, &[op(1)])), [foreign]);
}

fn strands_are_told_by_number(bench: &Bench) {
    let on = |number, key: &str| QueueItem { key: key.into(), ..item(number) };
    let elsewhere = QueueItem { space_id: SECOND_SPACE, ..on(4, "guests/a") };
    let parked = QueueItem { state: ItemState::Parked, ..on(1, "guests/a") };
    insert(bench, vec![on(3, "guests/a"), on(2, "guests/b"), parked, elsewhere, on(5, "guests/A"), on(6, "guests/")]);
    let device = item(1).device_id;
    let strands_of = |device_id: DeviceId, keys: Vec<DocumentKey>, stopped| {
        let found = bench.read(move |tx| tx.list_strands(SPACE, device_id, &keys, stopped));
        found.into_iter().map(|place| place.seq).collect::<Vec<_>>()
    };
    let strands = |keys: Vec<DocumentKey>| strands_of(device, keys, false);
    assert_eq!(strands(vec![key("guests", "b"), key("guests", "a"), key("guests", "c")]), [1, 2, 3]);
    assert_eq!(strands_of(device, vec![key("guests", "b"), key("guests", "a")], true), [1], "what is ready goes on by itself");
    assert_eq!(strands_of(DeviceId(id(990)), vec![key("guests", "b"), key("guests", "a")], false), Vec::<i64>::new());
    assert_eq!(strands(vec![]), Vec::<i64>::new());
}

fn items_are_listed_by_rank_and_number(bench: &Bench) {
    let of = |number, state, rank| QueueItem { state, rank, ..item(number) };
    insert(
        bench,
        vec![
            of(1, ItemState::Ready, 50),
            of(3, ItemState::Ready, -7),
            of(2, ItemState::Ready, -7),
            of(4, ItemState::Leased, -100),
            of(5, ItemState::Parked, 0),
            QueueItem { space_id: SECOND_SPACE, ..item(6) },
        ],
    );
    let list = |state, limit| numbers(&bench.read(move |tx| tx.list_items(SPACE, state, limit)));
    assert_eq!(list(ItemState::Ready, 10), [2, 3, 1]);
    assert_eq!(list(ItemState::Ready, 2), [2, 3]);
    assert_eq!((list(ItemState::Leased, 10), list(ItemState::Parked, 10)), (vec![4], vec![5]));
    assert_eq!((list(ItemState::Held, 10), list(ItemState::Ready, 0)), (vec![], vec![]));
}

fn a_group_is_found_whole(bench: &Bench) {
    let of = |number, group: &str| QueueItem { group: Some(group.into()), rank: -i64::from(number), ..item(number) };
    let elsewhere = QueueItem { space_id: SECOND_SPACE, ..of(5, "g") };
    insert(bench, vec![of(2, "g"), of(1, "g"), of(3, "h"), of(4, "G"), elsewhere, item(6)]);
    let groups = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        numbers(&bench.read(move |tx| tx.list_items_of_groups(SPACE, &names)))
    };
    assert_eq!(groups(&["h", "g", "g"]), [1, 2, 3]);
    assert_eq!((groups(&["i"]), groups(&[])), (vec![], vec![]));
}

fn a_thousand_at_once_and_none(bench: &Bench) {
    let rows: Vec<_> = (1..=1_000).map(item).collect();
    insert(bench, rows.clone());
    insert(bench, vec![]);
    assert_eq!(load(bench, 1..=10_000), rows, "10,000 ids are asked at once");
    let all: Vec<_> = (1..=2_000).map(op).collect();
    let dropped = bench.write(move |tx| Ok((tx.drop_items(ORGANISATION, &[], None)?, tx.drop_items(ORGANISATION, &all, None)?)));
    assert_eq!((dropped, load(bench, 1..=1_000)), ((0, 1_000), vec![]));
}

fn a_stale_fence_drops_nothing(bench: &Bench) {
    let taken = |number, fence| QueueItem { state: ItemState::Leased, fence: Some(fence), ..item(number) };
    let back = QueueItem { state: ItemState::Ready, ..taken(3, 5) };
    let foreign = QueueItem { organisation_id: OTHER_ORGANISATION, ..taken(1, 5) };
    insert(bench, vec![taken(1, 5), taken(2, 6), back.clone(), item(4), foreign]);
    let drop = |fence| {
        let all: Vec<_> = (1..=5).map(op).collect();
        bench.write(move |tx| tx.drop_items(ORGANISATION, &all, fence))
    };
    assert_eq!(drop(Some(4)), 0);
    assert_eq!(drop(Some(5)), 1, "what was given back is not taken under it any more");
    assert_eq!(load(bench, 1..=5), [taken(2, 6), back, item(4)]);
    assert_eq!(drop(None), 3);
    assert_eq!(bench.read(|tx| tx.load_items(OTHER_ORGANISATION, &[op(1)])).len(), 1);
}
