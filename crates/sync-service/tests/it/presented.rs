//! How far devices have shown that they read: noted by pulls, written by a flush.

use serde_json::{Value, json};
use sync_core::SpaceId;
use sync_core::ports::{Access, Presented, Store};
use sync_service::Caller;

use crate::sync::{Pair, op};
use crate::world::now;

fn pull(pair: &Pair, caller: &Caller, cursor: &Value) -> Value {
    pair.sync(caller, json!({"pull": {"spaces": {&pair.space: {"cursor": cursor}}}}))["changes"][&pair.space]["cursor"].clone()
}

fn presented(pair: &Pair) -> Vec<(sync_core::DeviceId, i64)> {
    let space_id: SpaceId = pair.space.parse().unwrap();
    let store: &dyn Store = &*pair.world.store;
    let rows: Vec<Presented> = now(store.transact(Access::Read, move |tx| tx.list_presented(space_id))).unwrap();
    rows.into_iter().map(|row| (row.device_id, row.floor)).collect()
}

#[test]
fn a_floor_counts_when_its_cursor_is_shown() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"n": 1}))]));
    let first = pull(&pair, &pair.bo, &Value::Null);
    assert_eq!(now(pair.world.service.flush_presented()).unwrap(), 0, "a device that got a page may not have kept it");
    pull(&pair, &pair.bo, &first);
    pair.push(&pair.ana, json!([op(2, "create", "b", 0, json!({"n": 1}))]));
    let second = pull(&pair, &pair.bo, &first);
    pull(&pair, &pair.bo, &second);
    assert_eq!(presented(&pair), [], "a pull writes nothing");
    assert_eq!(now(pair.world.service.flush_presented()).unwrap(), 1, "of each device only the last one");
    assert_eq!(presented(&pair), [(pair.bo.device_id, 2)]);
    assert_eq!(now(pair.world.service.flush_presented()).unwrap(), 0);
}

#[test]
fn what_could_not_be_flushed_is_kept() {
    let pair = Pair::new(None);
    let cursor = pull(&pair, &pair.ana, &Value::Null);
    pull(&pair, &pair.ana, &cursor);
    pair.world.store.lose_next_commit(false);
    assert!(now(pair.world.service.flush_presented()).is_err());
    assert_eq!(presented(&pair), []);
    assert_eq!(now(pair.world.service.flush_presented()).unwrap(), 1);
    assert_eq!(presented(&pair), [(pair.ana.device_id, 0)]);
}
