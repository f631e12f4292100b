//! Realtime: who is connected is told what they would pull, once, and in order.

use serde_json::{Value, json};
use sync_core::Code;
use sync_core::ports::Signal;
use sync_service::realtime::{Ending, Wanted};

use crate::lenses::{first, second, upgrade};
use crate::line::{Line, apply, hub, types, wanted};
use crate::pull::Copy;
use crate::sync::{Pair, id, op};
use crate::world::{now, refused};

/// A device that pulled everything.
fn caught_up(pair: &Pair, caller: &sync_service::Caller) -> Copy {
    let mut copy = Copy::default();
    loop {
        let page = pair.pull(caller, copy.cursor.as_deref());
        copy.take(&page);
        if page["has_more"] == false {
            return copy;
        }
    }
}

fn create(n: u32) -> Value {
    op(n, "create", &format!("d{n}"), 0, json!({"n": n}))
}

#[test]
fn a_push_reaches_whoever_follows() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut copy = caught_up(&pair, &pair.bo);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, copy.cursor.as_deref());
    assert_eq!(line.take(), None);
    pair.one(&pair.ana, create(1));
    assert!(line.is_woken());
    let frame = line.take().unwrap();
    assert_eq!((&frame["type"], &frame["id"], &frame["space_id"]), (&json!("change"), &json!("1"), &json!(pair.space)));
    assert_eq!((&frame["items"][0]["document"], &frame["items"][0]["echo"]), (&json!({"n": 1}), &json!(false)));
    assert!(apply(&mut copy, &frame));
    pair.one(&pair.ana, op(2, "update", "d1", 1, json!({"more": true})));
    let next = line.take().unwrap();
    assert_eq!((&next["since"], &next["items"][0]["kind"]), (&frame["cursor"], &json!("patch")));
    assert!(apply(&mut copy, &next));
    assert_eq!(line.take(), None);
    assert_eq!(copy.rows, caught_up(&pair, &pair.bo).rows);
    // the cursor is one to pull with
    let page = pair.pull(&pair.bo, copy.cursor.as_deref());
    copy.take(&page);
    assert_eq!((&page["items"], &page["has_more"], &page["reset"]), (&json!([]), &json!(false), &json!(false)));
}

#[test]
fn what_came_while_nobody_was_connected_comes_first() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut copy = caught_up(&pair, &pair.bo);
    pair.push(&pair.ana, json!([create(1), create(2)]));
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, copy.cursor.as_deref());
    let frames = line.take_all();
    assert_eq!((types(&frames), frames[0]["items"].as_array().unwrap().len()), (vec!["change"], 2));
    assert!(apply(&mut copy, &frames[0]));
    drop(line);
    pair.one(&pair.ana, create(3));
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, copy.cursor.as_deref());
    let frames = line.take_all();
    assert!(apply(&mut copy, &frames[0]));
    assert_eq!((frames.len(), copy.rows.len()), (1, 3));
}

#[test]
fn ones_own_change_is_an_echo() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut lines = [&pair.ana, &pair.bo].map(|caller| Line::follow(&hub, caller, &pair.space, caught_up(&pair, caller).cursor.as_deref()));
    pair.push(&pair.bo, json!([create(1), create(2)]));
    let frames = lines.each_mut().map(|line| line.take().unwrap());
    let echoes = frames.map(|frame| frame["items"].as_array().unwrap().iter().map(|item| item["echo"] == true).collect::<Vec<_>>());
    assert_eq!(echoes, [vec![false, false], vec![true, true]]);
}

#[test]
fn ten_connections_cost_one_look() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let cursor = caught_up(&pair, &pair.ana).cursor;
    let mut lines: Vec<Line> =
        (0..5).map(|_| Line::follow(&hub, &pair.world.caller("ana@example.org"), &pair.space, cursor.as_deref())).collect();
    let cursor = caught_up(&pair, &pair.bo).cursor;
    lines.extend((0..5).map(|_| Line::follow(&hub, &pair.world.caller("bo@example.org"), &pair.space, cursor.as_deref())));
    for line in &mut lines {
        assert_eq!(line.take(), None);
    }
    let before = hub.figures().looks;
    for n in 1..=20 {
        pair.one(&pair.ana, create(n));
        for line in &mut lines {
            assert_eq!(types(&line.take_all()), ["change"]);
        }
    }
    assert_eq!(hub.figures().looks - before, 20);
}

#[test]
fn who_reads_slowly_is_read_for_once() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut copy = caught_up(&pair, &pair.bo);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, copy.cursor.as_deref());
    assert_eq!(line.take(), None);
    pair.one(&pair.ana, create(1));
    // taken, and not asked for more: the transport is full
    assert!(apply(&mut copy, &line.take().unwrap()));
    let before = hub.figures().looks;
    for n in 2..=50 {
        pair.one(&pair.ana, create(n));
    }
    assert_eq!(hub.figures().looks, before, "nothing is read for whoever takes nothing");
    let frames = line.take_all();
    assert_eq!((types(&frames), frames[0]["items"].as_array().unwrap().len()), (vec!["change"], 49));
    assert!(apply(&mut copy, &frames[0]));
    assert_eq!(copy.rows, caught_up(&pair, &pair.bo).rows);
}

#[test]
fn who_is_far_behind_is_told_to_pull() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut copy = caught_up(&pair, &pair.bo);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, copy.cursor.as_deref());
    for n in 1..=201 {
        pair.one(&pair.ana, create(n));
    }
    let frames = line.take_all();
    assert_eq!(frames, [json!({"type": "change", "id": "1", "space_id": pair.space, "since": copy.cursor, "reason": "behind"})]);
    // and again for whatever comes, until it follows from what it pulled: one that waits, one for all that came meanwhile
    for n in 202..=210 {
        pair.one(&pair.ana, create(n));
    }
    assert_eq!(types(&line.take_all()), ["change", "change"]);
    assert_eq!(line.take(), None);
    copy.take(&pair.pull(&pair.bo, copy.cursor.as_deref()));
    line.subscribe(&pair.space, copy.cursor.as_deref());
    assert_eq!(line.take(), None);
    pair.one(&pair.ana, create(211));
    assert!(apply(&mut copy, &line.take().unwrap()));
    assert_eq!(copy.rows.len(), 211);
}

#[test]
fn a_large_change_is_pulled() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, caught_up(&pair, &pair.bo).cursor.as_deref());
    pair.push(
        &pair.ana,
        json!([op(1, "create", "a", 0, json!({"t": "x".repeat(150_000)})), op(2, "create", "b", 0, json!({"t": "x".repeat(150_000)}))]),
    );
    assert_eq!(line.take().unwrap()["reason"], "behind");
    // and so are many, however large those are that come last
    let cursor = caught_up(&pair, &pair.bo).cursor;
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, cursor.as_deref());
    let small = (3..12).map(|n| op(n, "create", &format!("d{n}"), 0, json!({"t": n})));
    let large = (12..16).map(|n| op(n, "create", &format!("d{n}"), 0, json!({"t": "x".repeat(100_000)})));
    pair.push(&pair.ana, small.chain(large).collect());
    assert_eq!(line.take().unwrap()["reason"], "behind");
}

#[test]
fn without_a_finished_cursor_one_is_only_poked() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    pair.push(&pair.ana, json!([create(1), create(2), create(3)]));
    let half = pair.sync(&pair.bo, json!({"pull": {"spaces": {&pair.space: {"cursor": null}}, "max_changes": 1}}));
    let half = half["changes"][&pair.space]["cursor"].as_str().unwrap().to_owned();
    for (cursor, reason) in [(None, "behind"), (Some(half.as_str()), "behind"), (Some("AAAA"), "reset")] {
        let mut line = Line::follow(&hub, &pair.bo, &pair.space, cursor);
        let frames = line.take_all();
        assert_eq!((frames.len(), &frames[0]["reason"]), (1, &json!(reason)));
        assert!(frames[0].get("items").is_none() && frames[0].get("cursor").is_none());
        pair.one(
            &pair.ana,
            json!({"op_id": id(100 + u32::try_from(reason.len()).unwrap() + u32::from(cursor.is_none())), "collection": "notes",
            "document_id": format!("x{cursor:?}").replace(['"', '(', ')'], "."), "kind": "create", "base_version": 0, "patch": {}}),
        );
        assert_eq!(types(&line.take_all()), ["change"]);
    }
}

#[test]
fn a_changed_role_is_told_as_a_poke_and_pull_says_reset() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let copy = caught_up(&pair, &pair.bo);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, copy.cursor.as_deref());
    assert_eq!(line.take(), None);
    pair.give_bo("vendor");
    let frames = line.take_all();
    assert_eq!((frames.len(), &frames[0]["reason"], &frames[0]["items"]), (1, &json!("rights"), &Value::Null));
    let page = pair.pull(&pair.bo, copy.cursor.as_deref());
    assert_eq!((&page["reset"], &page["reason"]), (&json!(true), &json!("rights")));
    // the former cursor is told the same
    line.subscribe(&pair.space, copy.cursor.as_deref());
    assert_eq!(line.take().unwrap()["reason"], "rights");
}

#[test]
fn who_loses_the_membership_is_told_and_nothing_more() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, caught_up(&pair, &pair.bo).cursor.as_deref());
    assert_eq!(line.take(), None);
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    pair.one(&pair.ana, create(1));
    assert_eq!(line.take_all(), [json!({"type": "revoked", "id": "1", "space_id": pair.space, "what": "membership"})]);
    assert_eq!((line.feed.followed(), hub.figures().spaces), (0, 0));
    pair.one(&pair.ana, create(2));
    assert_eq!((line.take(), line.ended), (None, None), "the login stands");
    // asked again, the same; and what never was theirs does not exist
    line.subscribe(&pair.space, None);
    assert_eq!(line.take().unwrap()["type"], "revoked");
    line.subscribe(&pair.second_space(), None);
    let frame = line.take().unwrap();
    assert_eq!((&frame["type"], &frame["problem"]["code"]), (&json!("failed"), &json!("unknown_space")));
    assert_eq!(hub.figures().spaces, 0);
}

#[test]
fn a_login_that_ends_ends_its_connections_at_once() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let other = pair.world.caller("bo@example.org");
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, None);
    let mut others = Line::follow(&hub, &other, &pair.space, None);
    line.take_all();
    others.take_all();
    now(pair.world.service.logout(&pair.bo)).unwrap();
    assert_eq!(types(&line.take_all()), ["revoked"]);
    assert_eq!((line.ended, others.take(), others.ended), (Some(Ending::Revoked), None, None));
    now(pair.world.service.revoke_device(&other, other.device_id)).unwrap();
    assert_eq!(others.take(), Some(json!({"type": "revoked", "id": "2", "what": "session"})));
    assert_eq!((others.take(), others.ended), (None, Some(Ending::Revoked)));
}

#[test]
fn questions_are_told_beside_their_documents() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
    let mut line = Line::follow(&hub, &pair.ana, &pair.space, caught_up(&pair, &pair.ana).cursor.as_deref());
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1})));
    let asked = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"t": 2})));
    let frames = line.take_all();
    assert_eq!(types(&frames).last(), Some(&"conflict"), "{frames:?}");
    let told = frames.last().unwrap();
    assert_eq!((&told["conflict_id"], &told["document_id"], &told["kind"]), (&asked["conflict_id"], &json!("a"), &json!("fields")));
    let conflict = pair.conflict(&pair.ana, &asked["conflict_id"]);
    assert_eq!(told["version"], conflict["version"]);
    pair.resolve(&pair.ana, 9, &conflict, json!({"fields": {"/t": {"choose": "theirs"}}}));
    let frames = line.take_all();
    assert_eq!(types(&frames), ["change", "resolved"]);
}

#[test]
fn a_new_schema_is_told_and_who_speaks_an_older_one_is_told_to_pull() {
    let pair = Pair::with(first());
    let hub = hub(&pair.world.service);
    let cursor = caught_up(&pair, &pair.bo).cursor;
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, cursor.as_deref());
    assert_eq!(line.take(), None);
    let mut newest = second();
    newest["oldest_readable"] = json!(2);
    upgrade(&pair, &newest);
    let cache = json!({"type": "cache", "id": "1", "space_id": pair.space, "what": "schema", "version": 2});
    assert_eq!(line.take_all(), [cache]);
    let mut old = Line::open(&hub, &pair.bo);
    now(old.feed.follow(vec![Wanted { schema: Some(1), ..wanted(&pair.space, cursor.as_deref()) }])).unwrap();
    assert_eq!(old.take().unwrap()["reason"], "upgrade");
    now(old.feed.follow(vec![Wanted { schema: Some(2), ..wanted(&pair.space, cursor.as_deref()) }])).unwrap();
    assert_eq!(old.take(), None);
}

#[test]
fn a_lost_signal_is_made_good_by_the_next_sweep() {
    let pair = Pair::new(None);
    // the hub hears nothing of what this service tells
    let deaf = pair.world.service.clone().with_broadcaster(std::sync::Arc::new(Nobody));
    let hub = hub(&deaf);
    let mut copy = caught_up(&pair, &pair.bo);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, copy.cursor.as_deref());
    assert_eq!(line.take(), None);
    now(hub.sweep()).unwrap();
    assert_eq!(line.take(), None);
    pair.one(&pair.ana, create(1));
    assert_eq!(line.take(), None);
    now(hub.sweep()).unwrap();
    assert!(apply(&mut copy, &line.take().unwrap()));
    pair.give_bo("vendor");
    now(hub.sweep()).unwrap();
    assert_eq!(line.take().unwrap()["reason"], "rights");
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    now(hub.sweep()).unwrap();
    assert_eq!(types(&line.take_all()), ["revoked"]);
    now(pair.world.service.logout(&pair.bo)).unwrap();
    now(hub.sweep()).unwrap();
    assert_eq!((types(&line.take_all()), line.ended), (vec!["revoked"], Some(Ending::Revoked)));
}

struct Nobody;

impl sync_core::ports::Broadcaster for Nobody {
    fn publish(&self, _: &[Signal]) {}

    fn listen(&self, _: &std::sync::Arc<dyn sync_core::ports::Listener>) {}
}

#[test]
fn many_spaces_come_a_few_at_a_time() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let spaces: Vec<String> = (0..12).map(|_| pair.second_space()).collect();
    let mut line = Line::open(&hub, &pair.ana);
    let cursor = |space: &String| {
        let answer = pair.sync(&pair.ana, json!({"pull": {"spaces": {space: {"cursor": null}}}}));
        answer["changes"][space]["cursor"].as_str().unwrap().to_owned()
    };
    let cursors: Vec<String> = spaces.iter().map(cursor).collect();
    now(line.feed.follow(spaces.iter().zip(&cursors).map(|(space, cursor)| wanted(space, Some(cursor))).collect())).unwrap();
    assert_eq!(line.take(), None);
    for (n, space) in (1..).zip(&spaces) {
        let mut operation = create(n);
        operation["space_id"] = json!(space);
        pair.one(&pair.ana, operation);
    }
    assert!(hub.figures().looks <= 4, "no more is read than may wait: {:?}", hub.figures());
    let frames = line.take_all();
    let mut told: Vec<&str> = frames.iter().map(|frame| frame["space_id"].as_str().unwrap()).collect();
    told.sort_unstable();
    let mut expected: Vec<&str> = spaces.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(told, expected);
    line.feed.unfollow(&[spaces[0].parse().unwrap()]);
    assert_eq!((line.feed.followed(), hub.figures().spaces), (11, 11));
}

#[test]
fn spaces_that_were_lost_starve_no_others() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut spaces: Vec<String> = (0..7).map(|_| pair.second_space()).collect();
    // those that come first are the lost ones
    spaces.sort_unstable();
    let kept = spaces.pop().unwrap();
    let role = || serde_json::from_value(json!({"role": "coordinator"})).unwrap();
    let mut line = Line::open(&hub, &pair.bo);
    for space in spaces.iter().chain([&kept]) {
        now(pair.world.service.put_member(&pair.ana, space.parse().unwrap(), pair.bo.user_id, role())).unwrap();
        let answer = pair.sync(&pair.bo, json!({"pull": {"spaces": {space: {"cursor": null}}}}));
        line.subscribe(space, answer["changes"][space]["cursor"].as_str());
    }
    assert_eq!(line.take(), None);
    let change = |n: u32, space: &String| {
        let mut operation = create(n);
        operation["space_id"] = json!(space);
        pair.one(&pair.ana, operation);
    };
    for space in &spaces {
        now(pair.world.service.remove_member(&pair.ana, space.parse().unwrap(), pair.bo.user_id)).unwrap();
    }
    assert_eq!(types(&line.take_all()), ["revoked"; 6]);
    change(1, &kept);
    assert_eq!(line.take().unwrap()["space_id"], json!(kept));
    // it has room for nothing more at this moment
    for (n, space) in (2..).zip(&spaces) {
        change(n, space);
    }
    change(20, &kept);
    let frames = line.take_all();
    assert_eq!((types(&frames), &frames[0]["space_id"]), (vec!["change"], &json!(kept)));
}

#[test]
fn a_ticket_is_good_once_and_not_for_long() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    let ticket = || now(service.issue_ticket(&pair.bo)).unwrap().ticket;
    let first = ticket();
    assert_eq!(now(service.redeem_ticket(&first)).unwrap(), pair.bo);
    assert_eq!(refused(now(service.redeem_ticket(&first))), Code::Unauthenticated);
    let late = ticket();
    pair.world.clock.advance_ms(30_000);
    assert_eq!(refused(now(service.redeem_ticket(&late))), Code::Unauthenticated);
    let ended = ticket();
    now(service.logout(&pair.bo)).unwrap();
    for bad in [ended.as_str(), "", "rjt_", "rjt_AAAA", "rja_AAAA"] {
        assert_eq!(refused(now(service.redeem_ticket(bad))), Code::Unauthenticated);
    }
}
