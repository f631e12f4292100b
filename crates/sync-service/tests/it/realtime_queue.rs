//! What connections are told of batches and dead letters, each device of its own, and of who comes and goes.

use serde_json::{Value, json};
use sync_core::json::RawJson;
use sync_core::ports::{Access, BatchState, ItemState, QueueBatch, QueueItem, Signal, Store};
use sync_core::{BatchId, OpId, Timestamp};
use sync_service::Caller;

use crate::line::{Line, hub, types};
use crate::sync::{Pair, id};
use crate::world::now;

const AT: Timestamp = testkit::fake::START;

pub(crate) fn batch(caller: &Caller, n: u32, decided: i64) -> QueueBatch {
    QueueBatch {
        batch_id: BatchId(id(n).parse().unwrap()),
        organisation_id: caller.organisation_id,
        user_id: caller.user_id,
        device_id: caller.device_id,
        sent_at: None,
        received_at: AT,
        epochs: RawJson::of(&json!({})),
        atomic: false,
        state: BatchState::Sealed,
        operations: 100,
        bytes: 5_000,
        decided,
        decided_bytes: decided * 50,
        finished_at: (decided == 100).then_some(AT),
    }
}

pub(crate) fn parked(pair: &Pair, caller: &Caller, n: u32) -> QueueItem {
    QueueItem {
        organisation_id: caller.organisation_id,
        op_id: OpId(id(n).parse().unwrap()),
        identity: [0; 32],
        space_id: pair.space.parse().unwrap(),
        user_id: caller.user_id,
        device_id: caller.device_id,
        batch_id: BatchId(id(1).parse().unwrap()),
        seq: i64::from(n),
        key: format!("notes/d{n}"),
        group: None,
        lane: 1,
        rank: 0,
        state: ItemState::Parked,
        waits_for: None,
        attempts: 5,
        not_before: None,
        fence: None,
        size_bytes: 10,
        accepted_at: AT,
        code: Some("internal".into()),
        problem: None,
        payload: RawJson::of(&json!({})),
        original: None,
    }
}

pub(crate) fn put(pair: &Pair, rows: &[QueueBatch], items: &[QueueItem]) {
    let (rows, items) = (rows.to_vec(), items.to_vec());
    let store: &dyn Store = &*pair.world.store;
    let write = store.transact(Access::Write, move |tx| {
        rows.iter().try_for_each(|row| tx.put_batch(row))?;
        tx.insert_items(&items)
    });
    now(write).unwrap();
}

pub(crate) fn tell(pair: &Pair, signals: &[Signal]) {
    pair.world.service.broadcaster().publish(signals);
}

#[test]
fn a_device_is_told_how_far_its_batches_are() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let (mut own, mut other) = (Line::open(&hub, &pair.bo), Line::open(&hub, &pair.ana));
    assert_eq!((own.take(), other.take()), (None, None));
    let signal = Signal::Batch(pair.bo.device_id, BatchId(id(1).parse().unwrap()));
    put(&pair, &[batch(&pair.bo, 1, 40)], &[]);
    // told often, looked up once
    tell(&pair, &[signal; 3]);
    let progress =
        json!({"type": "progress", "id": "1", "batch_id": id(1), "operations": 100, "decided": 40, "bytes": 5_000, "decided_bytes": 2_000});
    assert_eq!(own.take_all(), [progress]);
    put(&pair, &[batch(&pair.bo, 1, 100)], &[]);
    tell(&pair, &[signal]);
    assert_eq!(types(&own.take_all()), ["completed"]);
    // another's batch is nobody's business, whatever a signal says
    tell(&pair, &[Signal::Batch(pair.ana.device_id, BatchId(id(1).parse().unwrap()))]);
    assert_eq!((own.take(), other.take()), (None, None));
}

#[test]
fn what_a_slow_reader_missed_is_told_once() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut line = Line::open(&hub, &pair.bo);
    let signal = |n: u32| Signal::Batch(pair.bo.device_id, BatchId(id(n).parse().unwrap()));
    // it takes nothing yet
    put(&pair, &[batch(&pair.bo, 1, 10), batch(&pair.bo, 2, 11)], &[]);
    for _ in 0..2 {
        let store: &dyn Store = &*pair.world.store;
        let decided = [1, 2].map(|n| (BatchId(id(n).parse().unwrap()), 10, 500));
        now(store.transact(Access::Write, move |tx| tx.count_decided(&decided, AT))).unwrap();
        tell(&pair, &[signal(1), signal(2)]);
    }
    let frames = line.take_all();
    assert_eq!(frames.iter().map(|frame| frame["decided"].as_i64().unwrap()).collect::<Vec<_>>(), [30, 31]);
}

#[test]
fn a_device_is_told_of_its_dead_letters() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let (mut own, mut other) = (Line::open(&hub, &pair.bo), Line::open(&hub, &pair.ana));
    assert_eq!((own.take(), other.take()), (None, None));
    put(&pair, &[], &[parked(&pair, &pair.bo, 7), parked(&pair, &pair.bo, 8), parked(&pair, &pair.ana, 9)]);
    let space_id = pair.space.parse().unwrap();
    tell(&pair, &[Signal::DeadLetter(pair.bo.device_id, space_id)]);
    let frames = own.take_all();
    assert_eq!((types(&frames), &frames[0]["parked"], &frames[0]["op_ids"]), (vec!["failed"], &json!(2), &json!([id(7), id(8)])));
    assert_eq!(other.take(), None);
    // and that they are gone
    let (store, ids): (&dyn Store, _) = (&*pair.world.store, [7, 8].map(|n| OpId(id(n).parse().unwrap())));
    let organisation_id = pair.bo.organisation_id;
    now(store.transact(Access::Write, move |tx| tx.drop_items(organisation_id, &ids, None))).unwrap();
    tell(&pair, &[Signal::DeadLetter(pair.bo.device_id, space_id)]);
    let frames = own.take_all();
    assert_eq!((&frames[0]["parked"], &frames[0]["op_ids"]), (&json!(0), &Value::Null));
}

#[test]
fn members_are_told_who_comes_and_goes() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let second = pair.second_space();
    let mut lines: Vec<Line> = [(&pair.ana, &pair.space), (&pair.bo, &pair.space), (&pair.ana, &second)]
        .map(|(caller, space)| Line::follow(&hub, caller, space, None))
        .into();
    for line in &mut lines {
        line.take_all();
    }
    pair.pull(&pair.bo, None);
    now(pair.world.service.flush_devices()).unwrap();
    tell(&pair, &[Signal::Presence(pair.bo.user_id, pair.bo.device_id)]);
    let frames = lines[0].take_all();
    assert_eq!((types(&frames), frames[0]["devices"].as_array().unwrap().len()), (vec!["presence"], 1));
    let device = &frames[0]["devices"][0];
    assert_eq!(
        (&device["user_id"], &device["device_id"], &device["state"]),
        (&json!(pair.bo.user_id), &json!(pair.bo.device_id), &json!("here"))
    );
    assert!(device["text"].as_str().unwrap().starts_with("bo"), "{device}");
    assert_eq!((lines[1].take(), lines[2].take()), (None, None), "neither the device itself nor who does not share the space");
    // what is not true is not told
    tell(&pair, &[Signal::Presence(pair.ana.user_id, pair.bo.device_id)]);
    assert_eq!(lines[0].take(), None);
    // nor is anything to a former member
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    lines[1].take_all();
    pair.pull(&pair.ana, None);
    now(pair.world.service.flush_devices()).unwrap();
    tell(&pair, &[Signal::Presence(pair.ana.user_id, pair.ana.device_id)]);
    assert_eq!(lines[1].take(), None);
}
