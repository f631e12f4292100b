//! Snapshots: lines in order, marks to resume by, and with the pull that follows the whole of the space.

use std::collections::BTreeMap;
use std::future::poll_fn;

use serde_json::{Value, json};
use sync_core::Code;
use sync_core::ports::{Access, Store, Tx};
use sync_service::{Caller, ServiceResult, SnapshotReader};

use crate::pull::Copy;
use crate::sync::{Pair, id, op, with};
use crate::world::{now, refused};

fn open(pair: &Pair, caller: &Caller, mark: Option<&str>) -> ServiceResult<SnapshotReader> {
    now(pair.world.service.snapshot(caller, pair.space.parse().unwrap(), mark))
}

/// The next lines; `None` after the last.
fn next(reader: &mut SnapshotReader) -> Option<ServiceResult<Vec<Value>>> {
    let lines = now(poll_fn(|context| reader.poll_lines(context)))?;
    Some(lines.map(|lines| {
        assert_eq!(lines.last(), Some(&b'\n'), "whole lines");
        lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap()).collect()
    }))
}

fn rest(mut reader: SnapshotReader) -> Vec<Value> {
    let mut lines = Vec::new();
    while let Some(more) = next(&mut reader) {
        lines.extend(more.unwrap());
    }
    lines
}

fn read(pair: &Pair, caller: &Caller, mark: Option<&str>) -> Vec<Value> {
    rest(open(pair, caller, mark).unwrap_or_else(|error| panic!("{error}")))
}

/// Lines of a type.
fn of<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == name).collect()
}

/// Puts documents' lines into a copy.
fn keep(copy: &mut Copy, lines: &[Value]) {
    for line in of(lines, "document") {
        let key = (line["collection"].as_str().unwrap().to_owned(), line["document_id"].as_str().unwrap().to_owned());
        assert!(copy.rows.insert(key, (line["version"].as_i64().unwrap(), line["document"].clone())).is_none(), "once: {line}");
    }
}

/// Pulls from a snapshot's cursor until nothing is left; the copy checks its sums.
fn finish(pair: &Pair, caller: &Caller, copy: &mut Copy, lines: &[Value]) {
    copy.cursor = lines.last().unwrap()["cursor"].as_str().map(str::to_owned);
    loop {
        let page = pair.pull(caller, copy.cursor.as_deref());
        assert!(page.get("reset").is_none_or(|reset| reset == false), "{page}");
        copy.take(&page);
        if page["has_more"] == false {
            return;
        }
    }
}

/// Documents of which about four fill a page.
fn large(pair: &Pair, count: u32) {
    for n in 0..count {
        let large = json!({"n": n, "text": "x".repeat(260_000)});
        let collection = if n % 2 == 0 { "notes" } else { "lists" };
        pair.one(&pair.ana, with(op(100 + n, "create", &format!("d{n:02}"), 0, large), json!({"collection": collection})));
    }
}

#[test]
fn lines_come_by_tier_collection_and_id_with_their_counts() {
    let pair = Pair::new(Some("wedding"));
    let made = [("tasks", "t1"), ("guests", "b"), ("guests", "B"), ("assets", "a"), ("timeline_events", "e"), ("timeline_events", "f")];
    for (n, (collection, document)) in (1..).zip(made) {
        pair.one(&pair.ana, with(op(n, "create", document, 0, json!({})), json!({"collection": collection})));
    }
    pair.one(&pair.ana, with(op(10, "update", "f", 6, json!({"visibility": "private"})), json!({"collection": "timeline_events"})));
    pair.one(&pair.ana, with(op(11, "delete", "t1", 1, Value::Null), json!({"collection": "tasks"})));
    pair.one(
        &pair.ana,
        with(op(12, "update", "e", 5, json!({"anchor": "fixed", "duration_min": 5})), json!({"collection": "timeline_events"})),
    );
    pair.one(&pair.bo, with(op(13, "update", "e", 5, json!({"duration_min": 10})), json!({"collection": "timeline_events"})));
    let lines = read(&pair, &pair.bo, None);
    let places: Vec<_> =
        of(&lines, "document").iter().map(|line| (line["collection"].as_str().unwrap(), line["document_id"].clone())).collect();
    let conflict = places[0].1.clone();
    assert_eq!(
        places,
        [("_conflicts", conflict), ("guests", json!("B")), ("guests", json!("b")), ("timeline_events", json!("e")), ("assets", json!("a"))]
    );
    let epoch = pair.pull(&pair.bo, None)["epoch"].clone();
    let tiers = json!([{"tier": 0, "documents": 4}, {"tier": 3, "documents": 1}]);
    let head = json!({"type": "head", "space_id": pair.space, "epoch": epoch, "schema": 3, "documents": 5, "tiers": tiers});
    assert_eq!(lines[0], head, "the view's, not the space's");
    assert_eq!(lines.last().unwrap()["type"], "end");
    assert_eq!(lines.last().unwrap()["sent"], 5);
    assert_eq!(of(&read(&pair, &pair.ana, None), "document").len(), 6);
    let mut copy = Copy::default();
    keep(&mut copy, &lines);
    finish(&pair, &pair.bo, &mut copy, &lines);
}

#[test]
fn an_empty_space_is_a_head_and_an_end() {
    let pair = Pair::new(None);
    let lines = read(&pair, &pair.ana, None);
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["documents"], &lines[0]["tiers"], &lines[1]["sent"]), (&json!(0), &json!([]), &json!(0)));
    finish(&pair, &pair.ana, &mut Copy::default(), &lines);
}

#[test]
fn a_mark_comes_with_every_thousand_documents() {
    let pair = Pair::new(None);
    for batch in 0..3 {
        let operations = (0..700).map(|n| op(batch * 700 + n, "create", &format!("d{batch}-{n}"), 0, json!({})));
        pair.push(&pair.ana, json!(operations.collect::<Vec<_>>()));
    }
    let lines = read(&pair, &pair.bo, None);
    assert_eq!(of(&lines, "mark").iter().map(|line| line["sent"].as_i64().unwrap()).collect::<Vec<_>>(), [1_000, 2_000]);
    assert_eq!((lines[1_001]["type"].as_str(), lines.last().unwrap()["sent"].as_i64()), (Some("mark"), Some(2_100)));
}

#[test]
fn resumed_after_every_mark_while_others_write() {
    for broken_at in 1..=2 {
        let pair = Pair::new(None);
        large(&pair, 12);
        assert_eq!(of(&read(&pair, &pair.bo, None), "mark").len(), 2);
        let mut copy = Copy::default();
        let mut first = open(&pair, &pair.bo, None).unwrap();
        let mut mark = None;
        for _ in 0..broken_at {
            let lines = next(&mut first).unwrap().unwrap();
            keep(&mut copy, &lines);
            mark = of(&lines, "mark").first().map(|line| line["mark"].as_str().unwrap().to_owned());
        }
        drop(first);
        // others go on: a change, a creation in a collection behind and before, a deletion of what was sent and what was not
        let n = 1_000 * u32::try_from(broken_at).unwrap();
        let of_notes = copy.rows.len();
        pair.one(&pair.ana, op(n, "update", "d00", 12, json!({"n": n})));
        pair.one(&pair.ana, op(n + 1, "create", &format!("new{n}"), 0, json!({})));
        pair.one(&pair.ana, with(op(n + 2, "create", &format!("new{n}"), 0, json!({})), json!({"collection": "a_first"})));
        for (place, document) in [(3, format!("d{:02}", 2 * broken_at)), (4, format!("d{:02}", 12 - 2 * broken_at))] {
            pair.one(&pair.ana, with(op(n + place, "delete", &document, 12, Value::Null), json!({"collection": "notes"})));
        }
        let resumed = read(&pair, &pair.bo, mark.as_deref());
        assert_eq!(resumed[0]["type"], "head");
        assert!(copy.rows.len() >= of_notes);
        keep(&mut copy, &resumed);
        assert_eq!(resumed.last().unwrap()["sent"], copy.rows.len(), "all that was sent since the beginning");
        finish(&pair, &pair.bo, &mut copy, &resumed);
        let bodies: BTreeMap<_, _> = copy.rows.into_iter().map(|(key, (_, body))| (key, body)).collect();
        let mut fresh = Copy::default();
        let lines = read(&pair, &pair.ana, None);
        keep(&mut fresh, &lines);
        assert_eq!(bodies, fresh.rows.into_iter().map(|(key, (_, body))| (key, body)).collect());
    }
}

#[test]
fn a_mark_is_good_for_its_user_space_view_and_epoch() {
    let pair = Pair::new(Some("wedding"));
    let other = pair.second_space();
    for n in 0..9 {
        let event = json!({"title": "x".repeat(250_000)});
        pair.one(&pair.ana, with(op(n, "create", &format!("e{n}"), 0, event), json!({"collection": "timeline_events"})));
    }
    let lines = read(&pair, &pair.bo, None);
    let mark = of(&lines, "mark")[0]["mark"].as_str().unwrap().to_owned();
    let code = |caller: &Caller, space: &str, mark: &str| {
        refused(now(pair.world.service.snapshot(caller, space.parse().unwrap(), Some(mark))).map(drop))
    };
    assert_eq!(code(&pair.ana, &pair.space, &mark), Code::SnapshotGone);
    assert_eq!(code(&pair.ana, &other, &mark), Code::SnapshotGone);
    assert_eq!(code(&pair.bo, &pair.space, "nonsense"), Code::SnapshotGone);
    assert_eq!(code(&pair.bo, &pair.space, lines.last().unwrap()["cursor"].as_str().unwrap()), Code::SnapshotGone, "a cursor is no mark");
    assert_eq!(pair.pull(&pair.bo, Some(&mark))["reason"], "cursor", "a mark is no cursor");
    assert!(open(&pair, &pair.bo, Some(&mark)).is_ok());
    let horizons = |kept_from: i64| {
        let space_id = pair.space.parse().unwrap();
        let store: &dyn Store = &*pair.world.store;
        let work = move |tx: &mut dyn Tx| tx.lock_head(space_id).and_then(|_| tx.put_horizons(space_id, kept_from, 0));
        now(store.transact(Access::Write, work)).unwrap();
    };
    pair.one(&pair.ana, with(op(20, "create", "later", 0, json!({})), json!({"collection": "timeline_events"})));
    horizons(9);
    assert!(open(&pair, &pair.bo, Some(&mark)).is_ok(), "the log tells what happened since");
    horizons(10);
    assert_eq!(code(&pair.bo, &pair.space, &mark), Code::SnapshotGone, "and now it does not");
    horizons(0);
    pair.give_bo("vendor");
    assert_eq!(code(&pair.bo, &pair.space, &mark), Code::SnapshotGone);
    assert_eq!(code(&pair.bo, &other, &mark), Code::UnknownSpace);
    assert_eq!(code(&pair.bo, &id(1), &mark), Code::UnknownSpace);
}

#[test]
fn whoever_is_removed_on_the_way_reads_no_further() {
    let pair = Pair::new(None);
    large(&pair, 24);
    let mut reader = open(&pair, &pair.bo, None).unwrap();
    next(&mut reader).unwrap().unwrap();
    next(&mut reader).unwrap().unwrap(); // and one more is read ahead
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    let mut codes = Vec::new();
    while let Some(lines) = next(&mut reader) {
        codes.extend(lines.err().map(|error| error.problem().code));
    }
    assert_eq!(codes, [Code::UnknownSpace]);
    // a session that ended, and another role
    let mut reader = open(&pair, &pair.ana, None).unwrap();
    now(pair.world.service.logout(&pair.ana)).unwrap();
    next(&mut reader).unwrap().unwrap();
    next(&mut reader).unwrap().unwrap();
    assert_eq!(refused(next(&mut reader).unwrap()), Code::Unauthenticated);
    assert!(next(&mut reader).is_none());
}
