//! What is held stays as it is: nothing is worked, nothing expires, nothing is lost.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;
use sync_core::protocol::v1::incident::HoldRequest;
use sync_core::{Code, DeviceId};
use sync_service::AuditQuery;
use sync_service::incident::Authority;
use sync_service::realtime::Ending;

use crate::line::{Line, hub, types};
use crate::queue_work::{queueing, receipt, work_off};
use crate::sync::{Pair, op, statuses};
use crate::world::{added, now, refused};

pub(crate) fn hold(pair: &Pair, state: &str) {
    let request = HoldRequest { state: Some(state.into()), device_id: None, reason: "we look".into() };
    now(pair.world.service.hold(&Authority::Owner(pair.ana), pair.ana.organisation_id, request)).unwrap();
}

/// Whoever runs the installation speaks for two owners.
pub(crate) fn let_go(pair: &Pair) {
    let second = now(pair.world.service.bootstrap_user("Alder & Rye", added("di@example.org"), true)).unwrap();
    let by = Authority::Operator(vec![pair.ana.user_id, second.user_id]);
    assert_eq!(now(pair.world.service.let_tenant_go(&by, pair.ana.organisation_id)).unwrap().state, "active");
}

fn queued(pair: &Pair) {
    let push = json!([op(1, "create", "a", 0, json!({"n": 1})), op(2, "create", "b", 0, json!({})), op(3, "create", "c", 0, json!({}))]);
    assert_eq!(statuses(&pair.push(&pair.bo, push)), ["queued"; 3]);
}

#[test]
fn what_was_refused_is_not_recorded_as_done() {
    let pair = Pair::new(None);
    let suspend = |device_id: DeviceId| {
        let request = HoldRequest { state: None, device_id: Some(device_id), reason: "we look".into() };
        now(pair.world.service.hold(&Authority::Owner(pair.ana), pair.ana.organisation_id, request))
    };
    let recorded = || {
        let query = AuditQuery { action: Some("device.suspend".into()), limit: 10, ..AuditQuery::default() };
        now(pair.world.service.list_audit(&pair.ana, query)).unwrap().items.len()
    };
    assert_eq!(refused(suspend(DeviceId(uuid::Uuid::from_u128(7)))), Code::UnknownDevice);
    assert_eq!(recorded(), 0);
    for _ in 0..2 {
        suspend(pair.bo.device_id).unwrap();
        assert_eq!(recorded(), 1, "what held already is not done once more");
    }
}

#[test]
fn the_queue_of_a_held_tenant_waits_and_loses_nothing() {
    for state in ["read_only", "locked"] {
        let pair = queueing(2);
        queued(&pair);
        hold(&pair, state);
        assert_eq!(work_off(&pair), 0, "{state}");
        let_go(&pair);
        assert_eq!(work_off(&pair), 1);
        assert_eq!(receipt(&pair, &pair.bo, 3)["status"], "applied");
    }
}

#[test]
fn what_a_worker_had_when_its_tenant_was_held_is_put_back() {
    let pair = queueing(2);
    queued(&pair);
    let claim = now(pair.world.service.claim_work()).unwrap().unwrap();
    hold(&pair, "locked");
    now(pair.world.service.run_step(&claim)).unwrap();
    let_go(&pair);
    assert_eq!(receipt(&pair, &pair.bo, 1)["status"], "queued", "nothing of it was decided");
    pair.world.clock.advance_ms(60_000);
    work_off(&pair);
    assert_eq!(receipt(&pair, &pair.bo, 1)["status"], "applied");
}

#[test]
fn a_suspended_devices_queue_waits_and_others_go_on() {
    let pair = queueing(2);
    queued(&pair);
    let by = Authority::Owner(pair.ana);
    let request = HoldRequest { state: None, device_id: Some(pair.bo.device_id), reason: "lost".into() };
    now(pair.world.service.hold(&by, pair.ana.organisation_id, request)).unwrap();
    let push = json!([op(11, "create", "x", 0, json!({})), op(12, "create", "y", 0, json!({})), op(13, "create", "z", 0, json!({}))]);
    assert_eq!(statuses(&pair.push(&pair.ana, push)), ["queued"; 3]);
    work_off(&pair);
    assert_eq!(receipt(&pair, &pair.ana, 13)["status"], "applied");
    now(pair.world.service.let_device_go(&by, pair.ana.organisation_id, pair.bo.device_id, None)).unwrap();
    assert_eq!(receipt(&pair, &pair.bo, 3)["status"], "queued");
    pair.world.clock.advance_ms(60_000);
    work_off(&pair);
    assert_eq!(receipt(&pair, &pair.bo, 3)["status"], "applied");
}

#[test]
fn what_was_asked_before_a_lock_does_nothing_after_it() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    hold(&pair, "locked");
    // their token was read before, and is remembered for a moment
    let body = json!({"protocol": 1, "space_id": pair.space, "operations": [op(2, "create", "b", 0, json!({}))]});
    let request = sync_core::protocol::v1::SyncRequest::parse(body.to_string().as_bytes()).unwrap();
    assert_eq!(refused(now(pair.world.service.sync(&pair.bo, request))), Code::OrganisationLocked);
    let pull = json!({"protocol": 1, "pull": {"spaces": {&pair.space: {"cursor": null}}}});
    let request = sync_core::protocol::v1::SyncRequest::parse(pull.to_string().as_bytes()).unwrap();
    assert_eq!(refused(now(pair.world.service.sync(&pair.bo, request))), Code::OrganisationLocked);
    let space = pair.space.parse().unwrap();
    assert_eq!(refused(now(pair.world.service.delete_space(&pair.ana, space))), Code::OrganisationLocked);
}

/// Whoever locks tells the connections of their own process before they are answered.
#[test]
fn a_lock_ends_connections_and_returns() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut lines = [&pair.ana, &pair.bo].map(|caller| Line::follow(&hub, caller, &pair.space, None));
    for line in &mut lines {
        line.take_all();
    }
    let (service, ana) = (pair.world.service.clone(), pair.ana);
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let request = HoldRequest { state: None, device_id: None, reason: "lost".into() };
        done.send(now(service.hold(&Authority::Owner(ana), ana.organisation_id, request)).unwrap().state).unwrap();
    });
    assert_eq!(is_done.recv_timeout(Duration::from_secs(60)), Ok("locked"), "it waits for itself");
    for line in &mut lines {
        assert!(line.is_woken());
        let last = line.take_all();
        assert_eq!((types(&last), &last[0]["what"]), (vec!["revoked"], &json!("organisation_locked")));
        assert_eq!(line.ended, Some(Ending::Locked));
    }
}

#[test]
fn the_report_says_who_touched_what() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    let since = pair.world.service.now().plus_ms(1);
    pair.world.clock.advance_ms(10);
    pair.one(&pair.bo, op(2, "update", "a", 1, json!({"t": 2, "u": 3})));
    pair.one(&pair.bo, op(3, "update", "nowhere", 1, json!({"t": 2})));
    let report = now(pair.world.service.incident_report(&Authority::Owner(pair.ana), pair.ana.organisation_id, None, since)).unwrap();
    let told = serde_json::to_value(&report).unwrap();
    assert_eq!((&told["operations"], &told["complete"]), (&json!(2), &json!(true)));
    assert_eq!(told["devices"].as_array().unwrap().len(), 1, "Ana's came before");
    let device = &told["devices"][0];
    assert_eq!((&device["device_id"], &device["users"]), (&json!(pair.bo.device_id), &json!([pair.bo.user_id])));
    let touched = &device["touched"][0];
    assert_eq!((&touched["space_id"], &touched["documents"], &touched["fields"]), (&json!(pair.space), &json!(2), &json!(["t", "u"])));
    assert_eq!(touched["statuses"], json!({"applied": 1, "rejected": 1}));
}
