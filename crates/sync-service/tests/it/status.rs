//! How devices fare: what syncs and reports leave behind, who may look, and what is said of it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sync_core::Code;
use sync_core::ports::{Broadcaster, Listener, Signal};
use sync_core::protocol::v1::{DeviceReport, SyncRequest};
use sync_service::{Arrival, Caller, Service};

use crate::sync::{Pair, op};
use crate::world::{now, refused};

const MINUTE: i64 = 60_000;

fn status(service: &Service, caller: &Caller, of: &Caller) -> Value {
    serde_json::to_value(now(service.device_status(caller, of.device_id)).unwrap()).unwrap()
}

fn report(service: &Service, caller: &Caller, body: Value) -> Value {
    let report: DeviceReport = serde_json::from_value(body).unwrap();
    serde_json::to_value(now(service.report_device(caller, caller.device_id, report)).unwrap()).unwrap()
}

fn pull(pair: &Pair, caller: &Caller, cursor: &Value) -> Value {
    pair.sync(caller, json!({"pull": {"spaces": {&pair.space: {"cursor": cursor}}}}))["changes"][&pair.space]["cursor"].clone()
}

/// Hears what is told.
#[derive(Default)]
struct Ear(Mutex<Vec<Signal>>);

impl Listener for Ear {
    fn hear(&self, signals: &[Signal]) {
        self.0.lock().unwrap().extend_from_slice(signals);
    }

    fn lost(&self) {}
}

impl Ear {
    fn of(pair: &Pair) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        let listener: Arc<dyn Listener> = ear.clone();
        let broadcaster: &Arc<dyn Broadcaster> = pair.world.service.broadcaster();
        broadcaster.listen(&listener);
        ear
    }

    /// Whose presence was told since the last time.
    fn presence(&self) -> Vec<sync_core::DeviceId> {
        let heard = std::mem::take(&mut *self.0.lock().unwrap());
        heard.into_iter().filter_map(|signal| if let Signal::Presence(_, device_id) = signal { Some(device_id) } else { None }).collect()
    }
}

#[test]
fn a_sync_leaves_its_traces() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    let nothing = status(service, &pair.bo, &pair.bo);
    assert_eq!((&nothing["state"], &nothing["last_seen_at"], &nothing["spaces"]), (&json!("idle"), &json!(null), &json!({})), "{nothing}");
    assert_eq!(nothing["presence"]["text"], "bo (Rui's iPad) has never synced");

    let first = pull(&pair, &pair.bo, &Value::Null);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"n": 1})), op(2, "create", "b", 0, json!({"n": 1}))]));
    for flushed in [false, true] {
        if flushed {
            assert_eq!(now(service.flush_devices()).unwrap(), 2);
            assert_eq!(now(service.flush_devices()).unwrap(), 0);
        }
        let behind = status(service, &pair.bo, &pair.bo);
        assert_eq!(behind["spaces"][&pair.space], json!({"cursor_lag": 2, "head": 2, "floor": 0}), "{behind}");
        assert_eq!((&behind["state"], &behind["last_push_at"]), (&json!("behind"), &json!(null)));
        assert_eq!(behind["last_pull_at"], "2026-06-20T14:00:00.000Z");
        assert_eq!((&behind["next"]["reason"], &behind["next"]["sync_after_ms"]), (&json!("event_day"), &json!(5_000)));
        assert_eq!(behind["presence"]["text"], "bo (Rui's iPad) synced at 15:00", "local time of the space");
    }
    pull(&pair, &pair.bo, &first);
    let read = status(service, &pair.bo, &pair.bo);
    assert_eq!((&read["state"], &read["spaces"][&pair.space]["cursor_lag"]), (&json!("idle"), &json!(0)), "{read}");
    assert_eq!(status(service, &pair.ana, &pair.ana)["last_push_at"], "2026-06-20T14:00:00.000Z");
}

#[test]
fn owners_leads_and_admins_look_and_nobody_else() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    let (stranger, other) = (pair.world.caller("cy@example.org"), pair.world.caller("bo@example.org"));
    let looks = |caller: &Caller, of: &Caller| now(service.device_status(caller, of.device_id));
    // Bo on another device; Ana leads the space and manages the organisation
    assert!(looks(&other, &pair.bo).is_ok() && looks(&pair.ana, &pair.bo).is_ok());
    for (caller, of) in [(&pair.bo, &pair.ana), (&stranger, &pair.bo), (&pair.bo, &stranger)] {
        assert_eq!(refused(looks(caller, of)), Code::UnknownDevice);
    }
    // a lead who manages nothing sees what is of their spaces, and the device's others not
    let lead = Caller { admin: false, ..pair.ana };
    pair.give_bo("photographer");
    let own =
        now(service.create_space(&pair.bo, serde_json::from_value(json!({"name": "Bo's own"})).unwrap())).unwrap().space_id.to_string();
    pair.sync(&pair.bo, json!({"pull": {"spaces": {&pair.space: {"cursor": null}, &own: {"cursor": null}}}}));
    let spaces = |caller: &Caller| status(service, caller, &pair.bo)["spaces"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(spaces(&lead), [pair.space.as_str()]);
    assert_eq!(spaces(&pair.bo).len(), 2);
    now(service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    assert_eq!(refused(looks(&lead, &pair.bo)), Code::UnknownDevice, "they share no space any more");
    assert!(looks(&pair.ana, &pair.bo).is_ok(), "she manages the organisation");
}

#[test]
fn a_device_reports_of_itself_alone() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    let told = report(
        service,
        &pair.bo,
        json!({
            "outbox": {"operations": 3, "bytes": 900, "oldest_at": "2026-06-20T13:00:00.000Z"},
            "link": {"rtt_ms": 400, "down_kbps": 700, "ect": "3g", "save_data": true},
            "storage": {"quota_bytes": 1000, "used_bytes": 950, "persisted": false},
            "battery": {"level": 0.2, "saver": true}, "app_version": "2.1.0", "schema": 2
        }),
    );
    assert_eq!(told["state"], "syncing", "{told}");
    assert_eq!(
        told["outbox"],
        json!({"depth": 3, "bytes": 900, "oldest_at": "2026-06-20T13:00:00.000Z", "trend": "unknown", "reported_at": "2026-06-20T14:00:00.000Z"})
    );
    assert_eq!(told["link"], json!({"rtt_ms": 400, "up_kbps": null, "down_kbps": 700, "ect": "3g", "save_data": true}));
    assert_eq!((&told["app_version"], &told["schema"], &told["battery"]["level"]), (&json!("2.1.0"), &json!(2), &json!(0.2)));
    assert_eq!(told["notices"][0]["code"], "storage_low");
    assert_eq!(
        (&told["next"]["max_operations"], &told["next"]["sync_after_ms"]),
        (&json!(200), &json!(4_000)),
        "1 s, saved thrice: {told}"
    );

    let report = || serde_json::from_value::<DeviceReport>(json!({})).unwrap();
    let sent = |caller: &Caller, of: &Caller| now(service.report_device(caller, of.device_id, report()));
    assert_eq!(refused(sent(&pair.ana, &pair.bo)), Code::Forbidden);
    assert_eq!(refused(sent(&pair.bo, &pair.ana)), Code::UnknownDevice);
    let faulty = serde_json::from_value(json!({"battery": {"level": 2}})).unwrap();
    assert_eq!(refused(now(service.report_device(&pair.bo, pair.bo.device_id, faulty))), Code::Malformed);
    now(service.revoke_device(&pair.ana, pair.bo.device_id)).unwrap();
    assert_eq!(status(service, &pair.ana, &pair.bo)["state"], "revoked");
}

#[test]
fn an_outbox_that_does_not_drain_is_told() {
    let pair = Pair::new(None);
    let (service, ear) = (&pair.world.service, Ear::of(&pair));
    let mut cursor = Value::Null;
    for _ in 0..4 {
        cursor = pull(&pair, &pair.bo, &cursor);
        report(service, &pair.bo, json!({"outbox": {"operations": 7}}));
        now(service.flush_devices()).unwrap();
        pair.world.clock.advance_ms(MINUTE);
    }
    assert_eq!(ear.presence(), [pair.bo.device_id, pair.bo.device_id], "once as it came, once as it got stuck");
    let told = status(service, &Caller { admin: false, ..pair.ana }, &pair.bo);
    assert_eq!((&told["state"], &told["outbox"]["trend"]), (&json!("blocked"), &json!("stuck")), "{told}");
    assert_eq!(told["notices"][0]["code"], "outbox_stuck");
    let said = told["notices"][0]["detail"].as_str().unwrap();
    assert!(said.contains("7 changes on it have not gone out since 15:00"), "{said}");
    let health = now(service.list_device_health(&pair.ana)).unwrap();
    assert_eq!((health.len(), health[0].stuck_since.is_some(), health[0].outbox), (1, true, Some(7)));
    assert_eq!(now(service.list_device_health(&pair.world.caller("cy@example.org"))).unwrap(), []);
    let next = pair.sync(&pair.bo, json!({}))["next"].clone();
    assert_eq!(next["sync_after_ms"], 5_000, "what is stuck does not make it come every second");

    report(service, &pair.bo, json!({"outbox": {"operations": 2}}));
    now(service.flush_devices()).unwrap();
    assert_eq!(ear.presence(), [pair.bo.device_id]);
    assert_eq!(status(service, &pair.bo, &pair.bo)["outbox"]["trend"], "shrinking");
}

#[test]
fn who_goes_and_who_comes_back_is_told_once() {
    let pair = Pair::new(None);
    let (service, ear, clock) = (&pair.world.service, Ear::of(&pair), &pair.world.clock);
    let space = pair.space.parse().unwrap();
    let said = |caller: &Caller| {
        let list = now(service.list_presence(caller, space)).unwrap();
        list.items.into_iter().map(|one| one.text).collect::<Vec<_>>()
    };
    pull(&pair, &pair.bo, &Value::Null);
    assert!(said(&pair.ana).is_empty(), "it is not written down yet");
    now(service.flush_devices()).unwrap();
    assert_eq!((ear.presence(), said(&pair.ana)), (vec![pair.bo.device_id], vec!["bo synced at 15:00".to_owned()]));
    assert_eq!(now(service.sweep_presence()).unwrap(), 0);
    for (minutes, told) in [(2, 0), (1, 1), (1, 0), (11, 0), (1, 1), (400, 0)] {
        clock.advance_ms(minutes * MINUTE);
        assert_eq!(now(service.sweep_presence()).unwrap(), told, "{minutes} more minutes");
        assert_eq!(ear.presence().len(), told);
    }
    assert_eq!(said(&pair.bo), ["bo has not synced since 15:00"], "members see it too");
    assert_eq!(status(service, &pair.ana, &pair.bo)["state"], "silent");
    pull(&pair, &pair.bo, &Value::Null);
    now(service.flush_devices()).unwrap();
    assert_eq!(ear.presence(), [pair.bo.device_id], "it is back");
    let stranger = pair.world.caller("cy@example.org");
    assert_eq!(refused(now(service.list_presence(&stranger, space))), Code::UnknownSpace);
}

#[test]
fn after_a_restart_those_are_watched_whose_presence_was_asked() {
    let pair = Pair::new(None);
    pull(&pair, &pair.bo, &Value::Null);
    now(pair.world.service.flush_devices()).unwrap();
    let restarted = pair.world.restarted();
    let list = now(restarted.list_presence(&pair.ana, pair.space.parse().unwrap())).unwrap();
    assert_eq!(list.items.len(), 1);
    assert_eq!(now(restarted.sweep_presence()).unwrap(), 0);
    pair.world.clock.advance_ms(20 * MINUTE);
    // meanwhile it synced at the other one
    pull(&pair, &pair.bo, &Value::Null);
    now(pair.world.service.flush_devices()).unwrap();
    assert_eq!(now(restarted.sweep_presence()).unwrap(), 0, "the database is asked first");
    pair.world.clock.advance_ms(20 * MINUTE);
    assert_eq!(now(restarted.sweep_presence()).unwrap(), 1);
}

#[test]
fn two_nodes_add_to_what_the_other_wrote() {
    let pair = Pair::new(None);
    let (here, there) = (&pair.world.service, pair.world.restarted());
    pair.push(&pair.bo, json!([op(1, "create", "a", 0, json!({"n": 1}))]));
    now(there.report_device(&pair.bo, pair.bo.device_id, serde_json::from_value(json!({"outbox": {"operations": 4}})).unwrap())).unwrap();
    now(here.flush_devices()).unwrap();
    pair.world.store.lose_next_commit(false);
    assert!(now(there.flush_devices()).is_err());
    assert_eq!(status(here, &pair.bo, &pair.bo)["outbox"], json!(null));
    assert_eq!(now(there.flush_devices()).unwrap(), 1, "what could not be written is kept");
    let told = status(here, &pair.bo, &pair.bo);
    assert_eq!((&told["outbox"]["depth"], told["last_push_at"].is_string()), (&json!(4), true), "{told}");
}

#[test]
fn a_clock_that_is_off_is_flagged() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    let sent = |at: &str, body_ms: u64| {
        let body = json!({"protocol": 1, "sent_at": at}).to_string();
        let mut arrival = Arrival::default();
        arrival.body_ms = body_ms;
        now(service.sync_arrived(&pair.bo, SyncRequest::parse(body.as_bytes()).unwrap(), arrival)).unwrap();
        pair.world.clock.advance_ms(1);
        let told = status(service, &pair.bo, &pair.bo);
        (told["clock_skew_ms"].as_i64(), told["clock_flagged"].as_bool().unwrap())
    };
    // the body took ten minutes: the clock is right
    assert_eq!(sent("2026-06-20T13:50:00.000Z", 600_000), (Some(0), false));
    // after three readings the first is forgotten
    assert_eq!(sent("2026-06-20T14:10:00.000Z", 0), (Some(0), false));
    assert_eq!(sent("2026-06-20T14:10:00.000Z", 0), (Some(0), false));
    let (skew, flagged) = sent("2026-06-20T14:10:00.000Z", 0);
    assert!(flagged && skew.is_some_and(|skew| (-600_000..-599_000).contains(&skew)), "{skew:?}");
    let told = status(service, &pair.bo, &pair.bo);
    assert_eq!(told["notices"][0]["code"], "clock_off", "{told}");
}

#[test]
fn advice_follows_link_power_and_backlog() {
    let pair = Pair::new(None);
    let sync = |edit: &dyn Fn(&mut Arrival)| {
        let mut arrival = Arrival::default();
        edit(&mut arrival);
        let request = SyncRequest::parse(json!({"protocol": 1}).to_string().as_bytes()).unwrap();
        let answer = now(pair.world.service.sync_arrived(&pair.bo, request, arrival)).unwrap();
        (answer.next.sync_after_ms, answer.next.max_operations, answer.next.reason)
    };
    assert_eq!(sync(&|_| {}), (15_000, 500, "idle"), "nothing is known of its spaces");
    pull(&pair, &pair.bo, &Value::Null);
    assert_eq!(sync(&|_| {}), (5_000, 500, "event_day"), "a push alone is told what the last pull told");
    assert_eq!(sync(&|arrival| arrival.link.save_data = Some(true)), (10_000, 500, "event_day"));
    assert_eq!(sync(&|arrival| arrival.link.save_data = Some(false)), (5_000, 500, "event_day"));
    // 40 kB in 8 s are 40 kbit/s: 50 operations of 1 kB in 10 s
    assert_eq!(sync(&|arrival| (arrival.body_bytes, arrival.body_ms) = (40_000, 8_000)), (5_000, 50, "event_day"));
    report(&pair.world.service, &pair.bo, json!({"outbox": {"operations": 5}}));
    assert_eq!(sync(&|_| {}), (1_000, 50, "event_day"));
}
