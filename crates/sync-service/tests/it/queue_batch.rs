//! Many operations at once.

use serde_json::{Value, json};
use sync_core::limits::MAX_LINE_BYTES;
use sync_core::protocol::v1::{BatchAnswer, read_operation_line};
use sync_core::{Code, Problem};
use sync_service::queue::batch::BatchHead;

use crate::audit::{newest, tick};
use crate::queue_work::{queueing, receipt, work_off};
use crate::sync::{Pair, id, op, with};
use crate::world::now;

/// Sends lines as a batch of Ana's.
fn send(pair: &Pair, atomic: bool, lines: &[Value]) -> BatchAnswer {
    let head = BatchHead { atomic, ..BatchHead::default() };
    let mut writer = now(pair.world.service.open_batch(&pair.ana, head)).unwrap();
    for line in lines {
        let line = line.to_string();
        match read_operation_line(line.as_bytes(), Some(&pair.space), None) {
            Ok(operation) => now(writer.take(operation, line.len())).unwrap(),
            Err(problem) => writer.refuse_line(problem),
        }
    }
    now(writer.finish()).unwrap()
}

fn progress(pair: &Pair, answer: &BatchAnswer) -> Value {
    serde_json::to_value(now(pair.world.service.batch_progress(&pair.ana, answer.batch_id)).unwrap()).unwrap()
}

#[test]
fn a_large_batch_is_taken_part_by_part_and_tells_how_far_it_is() {
    let pair = queueing(1_000);
    let lines: Vec<Value> = (1..=1_200).map(|n| op(n, "create", &format!("d{n}"), 0, json!({"n": n}))).collect();
    let answer = send(&pair, false, &lines);
    assert_eq!((answer.state, answer.lines, answer.queued, answer.refused), ("queued", 1_200, 1_200, 0));
    assert!(answer.results.is_empty() && answer.faults.is_empty());
    let before = progress(&pair, &answer);
    assert_eq!((&before["state"], &before["operations"], &before["decided"]), (&json!("queued"), &json!(1_200), &json!(0)));
    let claim = now(pair.world.service.claim_work()).unwrap().unwrap();
    now(pair.world.service.run_step(&claim)).unwrap();
    now(pair.world.service.hand_back(&claim)).unwrap();
    let meanwhile = progress(&pair, &answer)["decided"].as_i64().unwrap();
    assert!((1..1_200).contains(&meanwhile), "{meanwhile}");
    work_off(&pair);
    let after = progress(&pair, &answer);
    assert_eq!((&after["state"], &after["decided"], &after["decided_bytes"]), (&json!("done"), &json!(1_200), &after["bytes"]));
    assert_eq!(pair.read(&pair.bo, "notes", "d1200"), json!({"n": 1_200}));
    // again: everything is known
    assert_eq!(send(&pair, false, &lines).duplicates, 1_200);
}

#[test]
fn each_line_is_taken_by_itself() {
    let pair = queueing(1_000);
    let lines = [
        op(1, "create", "a", 0, json!({})),
        json!({"kind": "create"}),
        op(2, "upsert", "b", 0, json!({})),
        with(op(3, "update", "a", 0, json!({"x": 1})), json!({"after": id(1)})),
        with(op(4, "update", "a", 0, json!({"x": 1})), json!({"after": id(98)})),
    ];
    let answer = send(&pair, false, &lines);
    assert_eq!((answer.lines, answer.queued, answer.refused, answer.waiting), (5, 2, 2, 1));
    let faults: Vec<_> = answer.faults.iter().map(|fault| (fault.line, fault.status.as_str())).collect();
    assert_eq!(faults, [(2, "rejected"), (3, "rejected"), (5, "waiting")]);
    work_off(&pair);
    assert_eq!(pair.read(&pair.bo, "notes", "a"), json!({"x": 1}));
}

#[test]
fn all_or_nothing_takes_nothing_when_something_is_at_fault() {
    let pair = queueing(1_000);
    let mut lines: Vec<Value> = (1..=700).map(|n| op(n, "create", &format!("d{n}"), 0, json!({}))).collect();
    lines.push(op(701, "upsert", "bad", 0, json!({})));
    let answer = send(&pair, true, &lines);
    assert_eq!((answer.state, answer.queued, answer.refused), ("refused", 0, 1));
    assert_eq!(answer.faults[0].line, 701);
    assert_eq!(progress(&pair, &answer)["state"], "refused");
    assert_eq!(work_off(&pair), 0);
    assert_eq!(receipt(&pair, &pair.ana, 1)["status"], "unknown", "the id is free again");
    // mended, it is taken as a whole, and nobody sees a part of it before
    lines.pop();
    let answer = send(&pair, true, &lines);
    assert_eq!((answer.state, answer.queued), ("queued", 700));
    work_off(&pair);
    assert_eq!(receipt(&pair, &pair.ana, 700)["status"], "applied");
}

#[test]
fn what_is_all_or_nothing_waits_for_its_end() {
    let pair = queueing(1_000);
    let head = BatchHead { atomic: true, ..BatchHead::default() };
    let mut writer = now(pair.world.service.open_batch(&pair.ana, head)).unwrap();
    let line =
        |n| read_operation_line(op(n, "create", &format!("d{n}"), 0, json!({})).to_string().as_bytes(), Some(&pair.space), None).unwrap();
    for n in 1..=500 {
        now(writer.take(line(n), 100)).unwrap();
    }
    assert_eq!(work_off(&pair), 0);
    // nobody may count on it before
    let held = receipt(&pair, &pair.ana, 1);
    assert_eq!((&held["status"], &held["held"]), (&json!("waiting"), &json!(false)));
    let again = pair.one(&pair.ana, op(1, "create", "d1", 0, json!({})));
    assert_eq!((again["status"].as_str(), again["held"].as_bool()), (Some("waiting"), Some(false)));
    // its sender went away: it is taken back
    drop(writer);
    while now(pair.world.service.tend_batches()).unwrap() {}
    assert_eq!((work_off(&pair), &receipt(&pair, &pair.ana, 1)["status"]), (0, &json!("unknown")));
}

#[test]
fn what_waits_in_a_batch_that_is_all_or_nothing_waits_for_its_end_too() {
    let pair = queueing(1);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({})), op(2, "create", "b", 0, json!({}))]));
    let chain = |from: u32| {
        vec![
            with(op(from, "update", "a", 0, json!({"n": from})), json!({"after": id(1)})),
            op(from + 1, "create", "c", 0, json!({})),
            op(from + 2, "update", "c", 0, json!({"n": from})),
        ]
    };
    let bad = [chain(10), vec![op(13, "upsert", "c", 0, json!({}))]].concat();
    assert_eq!(send(&pair, true, &bad).state, "refused");
    work_off(&pair);
    now(pair.world.service.mend_queue()).unwrap();
    work_off(&pair);
    for n in 10..=12 {
        assert_eq!(receipt(&pair, &pair.ana, n)["status"], "unknown", "{n}: nothing was taken");
    }
    assert_eq!(send(&pair, true, &chain(20)).queued, 3);
    work_off(&pair);
    for n in 20..=22 {
        assert_eq!(receipt(&pair, &pair.ana, n)["status"], "applied", "{n}");
    }
}

#[test]
fn a_batch_that_took_too_long_is_not_said_to_be_taken() {
    let pair = queueing(1_000);
    let mut writer = now(pair.world.service.open_batch(&pair.ana, BatchHead { atomic: true, ..BatchHead::default() })).unwrap();
    let line =
        |n| read_operation_line(op(n, "create", &format!("d{n}"), 0, json!({})).to_string().as_bytes(), Some(&pair.space), None).unwrap();
    now(writer.take(line(1), 100)).unwrap();
    pair.world.clock.advance_ms(3_600_001);
    while now(pair.world.service.tend_batches()).unwrap() {}
    now(writer.take(line(2), 100)).unwrap();
    assert!(now(writer.finish()).is_err());
    assert_eq!((work_off(&pair), &receipt(&pair, &pair.ana, 1)["status"]), (0, &json!("unknown")));
}

#[test]
fn a_group_is_not_torn_where_a_part_ends() {
    let pair = queueing(1_000);
    let line = |n: u32| {
        let operation = op(n, "create", &format!("d{n}"), 0, json!({}));
        // the first part ends inside a group, and the second is a group of its own that is larger than a part
        match n {
            490..=510 => with(operation, json!({"group": "first"})),
            520..=1_200 => with(operation, json!({"group": "second"})),
            _ => operation,
        }
    };
    let answer = send(&pair, false, &(1..=1_250).map(line).collect::<Vec<_>>());
    assert_eq!((answer.queued, answer.refused), (1_250, 0), "{:?}", answer.faults);
    work_off(&pair);
    for n in [1, 490, 510, 520, 1_200, 1_250] {
        assert_eq!(receipt(&pair, &pair.ana, n)["status"], "applied", "{n}");
    }
}

#[test]
fn a_batch_is_its_senders() {
    let pair = queueing(1_000);
    let answer = send(&pair, false, &[op(1, "create", "a", 0, json!({}))]);
    let refused = now(pair.world.service.batch_progress(&pair.bo, answer.batch_id)).unwrap_err();
    assert_eq!(refused.problem().code, Code::UnknownBatch);
    let long = format!("{{\"op_id\":\"{}\",\"pad\":\"{}\"}}", id(2), "x".repeat(MAX_LINE_BYTES));
    let read: Result<_, Problem> = read_operation_line(long.as_bytes(), Some(&pair.space), None);
    assert!(read.unwrap().content.is_err());
}

#[test]
fn what_is_taken_back_and_what_is_no_operation_is_recorded() {
    let pair = queueing(1_000);
    let lines = [op(1, "create", "a", 0, json!({})), json!({"kind": "create"}), op(2, "upsert", "b", 0, json!({}))];
    tick(&pair);
    let some = send(&pair, false, &lines);
    let record = newest(&pair, &pair.ana, "queue.batch");
    assert_eq!(record["details"], json!({"state": "queued", "lines": 3, "unreadable": 1}), "{record}");
    assert_eq!((&record["subject"], &record["user"]["name"]), (&json!(some.batch_id), &json!("ana")));
    let taken = &newest(&pair, &pair.ana, "sync.push")["details"]["results"];
    let statuses: Vec<_> = taken.as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["queued", "rejected"], "{taken}");
    tick(&pair);
    send(&pair, true, &[op(11, "create", "c", 0, json!({})), op(12, "upsert", "d", 0, json!({}))]);
    let record = newest(&pair, &pair.ana, "queue.batch");
    assert_eq!(record["details"], json!({"state": "refused", "lines": 2, "unreadable": 0}), "{record}");
    tick(&pair);
    send(&pair, true, &[op(21, "create", "e", 0, json!({}))]);
    assert_eq!(
        newest(&pair, &pair.ana, "queue.batch")["record_id"],
        record["record_id"],
        "one that is taken needs no more than its operations"
    );
}
