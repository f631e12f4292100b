//! Whoever is shut out is disconnected and told why: on each node, also where nothing tells it so.

use serde_json::json;
use sync_core::protocol::v1::incident::HoldRequest;
use sync_service::incident::Authority;
use sync_service::realtime::{Ending, Hub};

use crate::incident::hold;
use crate::line::{Line, hub};
use crate::sync::{Pair, op};
use crate::world::now;

/// What shuts Bo's device out, what its connections are told then, and how they end.
type Way = (fn(&Pair), &'static str, Ending);

const WAYS: [Way; 3] =
    [(suspend, "device_suspended", Ending::Suspended), (revoke, "session", Ending::Revoked), (lock, "organisation_locked", Ending::Locked)];

fn suspend(pair: &Pair) {
    let request = HoldRequest { state: None, device_id: Some(pair.bo.device_id), reason: "lost".into() };
    now(pair.world.service.hold(&Authority::Owner(pair.ana), pair.ana.organisation_id, request)).unwrap();
}

fn revoke(pair: &Pair) {
    now(pair.world.service.revoke_device(&pair.ana, pair.bo.device_id)).unwrap();
}

fn lock(pair: &Pair) {
    hold(pair, "locked");
}

/// Bo's connections: one that follows nothing, and one that follows the space from where it stands.
fn of_bo(pair: &Pair, hub: &Hub) -> [Line; 2] {
    let cursor = pair.pull(&pair.bo, None)["cursor"].as_str().unwrap().to_owned();
    let mut lines = [Line::open(hub, &pair.bo), Line::follow(hub, &pair.bo, &pair.space, Some(&cursor))];
    for line in &mut lines {
        assert_eq!((line.take(), line.ended), (None, None));
    }
    lines
}

fn assert_ends(line: &mut Line, what: &str, ending: Ending) {
    assert!(line.is_woken(), "{what}");
    assert_eq!(line.take_all(), [json!({"type": "revoked", "id": "1", "what": what})]);
    assert_eq!(line.ended, Some(ending), "{what}");
}

#[test]
fn a_node_that_hears_of_it_ends_them_at_once() {
    for (shut_out, what, ending) in WAYS {
        let pair = Pair::new(None);
        let hub = hub(&pair.world.service);
        let [_, mut line] = of_bo(&pair, &hub);
        shut_out(&pair);
        assert_ends(&mut line, what, ending);
    }
}

#[test]
fn a_node_that_hears_nothing_ends_connections_at_its_next_look() {
    for (shut_out, what, ending) in WAYS {
        let pair = Pair::new(None);
        let hub = hub(&pair.world.restarted());
        let (mut bos, mut anas) = (of_bo(&pair, &hub), Line::open(&hub, &pair.ana));
        now(hub.sweep()).unwrap();
        shut_out(&pair);
        for line in &mut bos {
            assert_eq!((line.take(), line.ended), (None, None), "{what}: nothing told the node");
        }
        assert_eq!(anas.take(), None);
        now(hub.sweep()).unwrap();
        for line in &mut bos {
            assert_ends(line, what, ending);
        }
        assert_eq!(anas.take().is_some(), ending == Ending::Locked, "{what}: of others only a lock ends any");
    }
}

#[test]
fn who_wants_to_follow_something_then_is_told_why_not() {
    for (shut_out, what, ending) in WAYS {
        let pair = Pair::new(None);
        let hub = hub(&pair.world.restarted());
        let mut line = Line::open(&hub, &pair.bo);
        assert_eq!(line.take(), None);
        shut_out(&pair);
        line.subscribe(&pair.space, None);
        assert_ends(&mut line, what, ending);
        assert_eq!(hub.figures().spaces, 0, "{what}");
    }
}

#[test]
fn what_changes_afterwards_is_not_told() {
    // in a locked organisation nothing changes
    for (shut_out, what, ending) in WAYS.into_iter().filter(|(_, _, ending)| *ending != Ending::Locked) {
        let mut pair = Pair::new(None);
        let elsewhere = pair.world.restarted();
        let hub = hub(&elsewhere);
        let [_, mut line] = of_bo(&pair, &hub);
        shut_out(&pair);
        // the node hears of this, and did not of that
        pair.world.service = elsewhere;
        pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
        assert_ends(&mut line, what, ending);
    }
}
