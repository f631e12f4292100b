//! Purges: told until they are confirmed, by each device for itself.

use serde_json::{Value, json};
use sync_core::Code;
use sync_core::protocol::v1::PurgedResponse;
use sync_service::{Caller, ServiceResult};

use crate::sync::{Pair, id, op};
use crate::world::{now, refused};

fn confirm(pair: &Pair, caller: &Caller, purge_id: &Value, space: &str) -> ServiceResult<PurgedResponse> {
    let body = json!({"purge_id": purge_id, "space_id": space, "purged_at": "2026-06-20T14:02:11.120Z", "documents": 1357, "assets": 12,
        "outbox_left": 0});
    now(pair.world.service.purged(caller, serde_json::from_value(body).unwrap()))
}

fn told(pair: &Pair, caller: &Caller) -> (Value, Value, Value) {
    let page = pair.pull(caller, None);
    (page["revoked"].clone(), page["purge_id"].clone(), page["problem"]["code"].clone())
}

fn remove_bo(pair: &Pair) {
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
}

#[test]
fn told_until_confirmed_and_once_for_each_device() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({})));
    assert_eq!(refused(confirm(&pair, &pair.bo, &json!(id(1)), &pair.space)), Code::UnknownPurge, "a member has none");
    remove_bo(&pair);
    let (revoked, purge_id, _) = told(&pair, &pair.bo);
    assert_eq!(revoked, true);
    // whoever was removed still logs in
    let phone = pair.world.caller("bo@example.org");
    assert_eq!(told(&pair, &phone).1, purge_id);
    for (caller, purge, space) in [
        (&pair.ana, &purge_id, pair.space.as_str()),
        (&pair.world.caller("cy@example.org"), &purge_id, &pair.space),
        (&pair.bo, &json!(id(1)), &pair.space),
        (&pair.bo, &json!("no uuid"), &pair.space),
        (&pair.bo, &purge_id, &id(1)),
        (&pair.bo, &purge_id, "no uuid"),
    ] {
        assert_eq!(refused(confirm(&pair, caller, purge, space)), Code::UnknownPurge);
    }
    let first = confirm(&pair, &pair.bo, &purge_id, &pair.space).unwrap();
    assert_eq!(first.purge_id.to_string(), purge_id.as_str().unwrap());
    pair.world.clock.advance_ms(1_000);
    assert_eq!(confirm(&pair, &pair.bo, &purge_id, &pair.space), Ok(first.clone()), "again: the same");
    assert_eq!(told(&pair, &pair.bo), (json!(false), Value::Null, json!("unknown_space")), "as if never granted");
    assert_eq!(told(&pair, &phone).1, purge_id, "the other device still has its copy");
    let second = confirm(&pair, &phone, &purge_id, &pair.space).unwrap();
    assert_ne!((second.receipt, second.recorded_at), (first.receipt.clone(), first.recorded_at));
    // back, and gone again: another purge
    pair.give_bo("viewer");
    assert_eq!(pair.pull(&pair.bo, None)["items"].as_array().unwrap().len(), 1);
    assert_eq!(confirm(&pair, &pair.bo, &purge_id, &pair.space), Ok(first), "a late replay");
    remove_bo(&pair);
    let (revoked, again, _) = told(&pair, &pair.bo);
    assert_eq!(revoked, true);
    assert_ne!(again, purge_id);
}

#[test]
fn a_deleted_space_has_a_purge_for_each_user() {
    let pair = Pair::new(None);
    now(pair.world.service.delete_space(&pair.ana, pair.space.parse().unwrap())).unwrap();
    let (anas, bos) = (told(&pair, &pair.ana).1, told(&pair, &pair.bo).1);
    assert!(anas != bos && anas != pair.space.as_str() && bos != pair.space.as_str());
    assert_eq!(refused(confirm(&pair, &pair.bo, &anas, &pair.space)), Code::UnknownPurge);
    assert_eq!(refused(confirm(&pair, &pair.bo, &json!(pair.space), &pair.space)), Code::UnknownPurge);
    assert!(confirm(&pair, &pair.bo, &bos, &pair.space).is_ok());
    assert_eq!((told(&pair, &pair.bo).2, told(&pair, &pair.ana).1), (json!("unknown_space"), anas));
}

#[test]
fn what_a_former_member_sends_is_kept_also_after_the_purge() {
    let pair = Pair::new(None);
    remove_bo(&pair);
    confirm(&pair, &pair.bo, &told(&pair, &pair.bo).1, &pair.space).unwrap();
    assert_eq!(pair.one(&pair.bo, op(1, "create", "late", 0, json!({})))["status"], "quarantined");
}
