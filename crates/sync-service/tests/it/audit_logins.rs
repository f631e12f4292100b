//! Each act of who comes and goes, takes data out or lets go of it leaves one record: what it was, about what, and by whom.

use serde_json::{Value, json};
use sync_core::Code;
use sync_core::protocol::v1::identity::{PasswordRequest, RefreshRequest};
use sync_core::protocol::v1::queue::BulkFilter;
use sync_service::{AuditQuery, Caller};

use crate::audit::{listed, tick};
use crate::queue_work::{queueing, work_off};
use crate::sync::{Pair, op, statuses};
use crate::world::{PASSWORD, added, credentials, now, refused};

const NEW: &str = "staple correct horse";

/// What a record is to say: about what, by whom, on which device.
type Said = [Value; 3];

/// What somebody does, once or, where that changes nothing, twice.
type Doing = fn(&Pair) -> Said;

const ACTS: [(&str, Doing); 14] = [
    ("session.login", login),
    ("session.login_failed", fail_to_login),
    ("session.refresh_reuse", refresh_with_an_old_token),
    ("session.logout", logout),
    ("password.change", change_password),
    ("password.reset", reset_password),
    ("device.wipe", wipe),
    ("device.wiped", confirm_wipe),
    ("purge.confirm", confirm_purge),
    ("export.queue", export_queue),
    ("export.snapshot", export_snapshot),
    ("export.audit", export_audit),
    ("preferences.forget", forget_preferences),
    ("queue.decide", decide_what_is_queued),
];

fn by(caller: &Caller, subject: Value) -> Said {
    [subject, json!(caller.user_id), json!(caller.device_id)]
}

/// Done by nobody who is logged in.
fn by_nobody(subject: Value) -> Said {
    [subject, Value::Null, Value::Null]
}

fn login(pair: &Pair) -> Said {
    let caller = pair.world.caller("bo@example.org");
    by(&caller, json!(caller.session_id))
}

fn fail_to_login(pair: &Pair) -> Said {
    let wrong = now(pair.world.service.login(credentials("bo@example.org", "wrong horse")));
    assert_eq!(refused(wrong), Code::WrongCredentials);
    by_nobody(json!(pair.bo.user_id))
}

fn refresh_with_an_old_token(pair: &Pair) -> Said {
    let service = &pair.world.service;
    let first = pair.world.login("bo@example.org");
    let caller = now(service.authenticate(&first.access_token)).unwrap();
    let refresh = |token: &str| now(service.refresh(RefreshRequest { refresh_token: token.into() }));
    let second = refresh(&first.refresh_token).unwrap();
    refresh(&second.refresh_token).unwrap();
    assert_eq!(refused(refresh(&first.refresh_token)), Code::InvalidRefreshToken);
    by_nobody(json!(caller.session_id))
}

fn logout(pair: &Pair) -> Said {
    for _ in 0..2 {
        now(pair.world.service.logout(&pair.bo)).unwrap();
    }
    by(&pair.bo, json!(pair.bo.session_id))
}

fn change_password(pair: &Pair) -> Said {
    let request = PasswordRequest { old_password: PASSWORD.into(), new_password: NEW.into() };
    now(pair.world.service.change_password(&pair.bo, request, None)).unwrap();
    by(&pair.bo, json!(pair.bo.user_id))
}

fn reset_password(pair: &Pair) -> Said {
    now(pair.world.service.reset_password("bo@example.org", NEW)).unwrap();
    by_nobody(json!(pair.bo.user_id))
}

/// Ana orders Bo's device to drop what it holds; the id of the order.
fn order_wipe(pair: &Pair) -> Value {
    let told = now(pair.world.service.wipe_device(&pair.ana, pair.bo.device_id)).unwrap();
    serde_json::to_value(told).unwrap()["wipe"]["purge_id"].clone()
}

fn wipe(pair: &Pair) -> Said {
    assert_eq!(order_wipe(pair), order_wipe(pair), "ordered once");
    by(&pair.ana, json!(pair.bo.device_id))
}

fn confirm_wipe(pair: &Pair) -> Said {
    let body = json!({"purge_id": order_wipe(pair), "documents": 3});
    for _ in 0..2 {
        now(pair.world.service.wiped(&pair.bo, serde_json::from_value(body.clone()).unwrap())).unwrap();
    }
    by(&pair.bo, json!(pair.bo.device_id))
}

fn confirm_purge(pair: &Pair) -> Said {
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    let purge_id = pair.pull(&pair.bo, None)["purge_id"].clone();
    let body = json!({"purge_id": purge_id, "space_id": pair.space, "documents": 3});
    for _ in 0..2 {
        now(pair.world.service.purged(&pair.bo, serde_json::from_value(body.clone()).unwrap())).unwrap();
    }
    by(&pair.bo, purge_id)
}

fn export_queue(pair: &Pair) -> Said {
    drop(now(pair.world.service.export_queue(&pair.bo, BulkFilter::default())).unwrap());
    by(&pair.bo, Value::Null)
}

fn export_snapshot(pair: &Pair) -> Said {
    drop(now(pair.world.service.snapshot(&pair.bo, pair.space.parse().unwrap(), None)).unwrap());
    by(&pair.bo, Value::Null)
}

fn export_audit(pair: &Pair) -> Said {
    drop(now(pair.world.service.export_audit(&pair.bo, AuditQuery::default())).unwrap());
    by(&pair.bo, Value::Null)
}

fn forget_preferences(pair: &Pair) -> Said {
    now(pair.world.service.forget_preferences(&pair.bo, "person", None)).unwrap();
    by(&pair.bo, json!(format!("user:{}", pair.bo.user_id)))
}

fn decide_what_is_queued(pair: &Pair) -> Said {
    let push = json!([op(1, "create", "a", 0, json!({})), op(2, "create", "b", 0, json!({})), op(3, "create", "c", 0, json!({}))]);
    assert_eq!(statuses(&pair.push(&pair.bo, push)), ["queued"; 3]);
    assert_eq!(work_off(pair), 1);
    by(&pair.bo, Value::Null)
}

/// The records of an action that Ana's organisation has, newest first.
fn recorded(pair: &Pair, action: &str) -> Vec<Value> {
    let list = listed(pair, &pair.ana, AuditQuery { action: Some(action.into()), ..AuditQuery::default() });
    list["items"].as_array().unwrap().clone()
}

#[test]
fn each_act_leaves_one_record_that_says_who_did_what() {
    for (action, act) in ACTS {
        // what is more than two operations is left to a worker
        let pair = queueing(2);
        let before = recorded(&pair, action).len();
        tick(&pair);
        let said = act(&pair);
        let records = recorded(&pair, action);
        assert_eq!(records.len(), before + 1, "{action}: {records:?}");
        let record = &records[0];
        assert_eq!([&record["subject"], &record["user"]["user_id"], &record["device_id"]], said.each_ref(), "{action}: {record}");
    }
}

#[test]
fn who_has_no_account_has_no_log() {
    let pair = Pair::new(None);
    // somebody with the right to read it in each organisation
    let cy = pair.world.caller("cy@example.org");
    let all = || {
        let of = |caller: &Caller| listed(&pair, caller, AuditQuery::default())["items"].as_array().unwrap().len();
        (of(&pair.ana), of(&cy))
    };
    let before = all();
    for email in ["nobody@example.org", "no email at all"] {
        assert_eq!(refused(now(pair.world.service.login(credentials(email, PASSWORD)))), Code::WrongCredentials);
    }
    assert_eq!(all(), before);
    // the same try is recorded once there is such an account
    now(pair.world.service.add_user(&pair.ana, added("nobody@example.org"))).unwrap();
    assert_eq!(refused(now(pair.world.service.login(credentials("nobody@example.org", "wrong horse")))), Code::WrongCredentials);
    assert_eq!(recorded(&pair, "session.login_failed").len(), 1);
}
