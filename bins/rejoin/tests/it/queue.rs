//! `rejoin queue` on a database in which something failed.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use storage_diesel::DatabaseConfig;
use sync_core::json::RawJson;
use sync_core::ports::{Access, ItemState, QueueItem};
use sync_core::{BatchId, DeviceId, OpId, SpaceId, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

use crate::process::{EMAIL, furnished, rejoin, run, text};

const ACCEPTED: Timestamp = Timestamp::from_millis(1_781_964_000_000);

fn op(n: u128) -> OpId {
    OpId(Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0000 + n))
}

/// A folder whose database holds three dead letters and an operation that waits.
fn with_dead_letters() -> TempDir {
    let folder = furnished();
    let added = run(rejoin(folder.path(), &["space", "add", "--name", "Amara & Joel", "--lead", EMAIL]), "");
    let space_id: SpaceId = text(&added.stdout).trim().strip_prefix("space_id ").unwrap().parse().unwrap();
    let store = storage_diesel::open(&DatabaseConfig::new(format!("sqlite:{}", folder.path().join("rejoin.db").display()))).unwrap();
    let work = move |tx: &mut dyn sync_core::ports::Tx| {
        let user = tx.find_user_by_email(EMAIL)?.unwrap();
        let item = |n: u128, state| QueueItem {
            organisation_id: user.organisation_id,
            op_id: op(n),
            identity: [7; 32],
            space_id,
            user_id: user.user_id,
            device_id: DeviceId(Uuid::from_u128(5)),
            batch_id: BatchId(Uuid::from_u128(6)),
            seq: i64::try_from(n).unwrap(),
            key: format!("events/e{n}"),
            group: None,
            lane: 1,
            rank: ACCEPTED.millis() + i64::try_from(n).unwrap(),
            state,
            waits_for: None,
            attempts: i32::from(state == ItemState::Parked) * 5,
            not_before: None,
            fence: None,
            size_bytes: 2_048,
            accepted_at: ACCEPTED,
            code: (state == ItemState::Parked).then(|| "internal".into()),
            problem: (state == ItemState::Parked).then(|| RawJson::of(&json!({"code": "internal", "detail": "deciding it panicked"}))),
            payload: RawJson::of(&json!({"op_id": op(n), "space_id": space_id, "collection": "events", "document_id": format!("e{n}"),
                "kind": "update", "base_version": 1, "patch": {"title": format!("Event {n}")}})),
            original: None,
        };
        tx.lock_queue_space(user.organisation_id, space_id)?;
        tx.insert_items(&[item(1, ItemState::Parked), item(2, ItemState::Parked), item(3, ItemState::Parked), item(4, ItemState::Ready)])
    };
    pollster::block_on(store.transact(Access::Write, work)).unwrap();
    folder
}

fn queue(folder: &Path, arguments: &[&str]) -> Output {
    run(rejoin(folder, &[&["queue"], arguments, &["--user", EMAIL]].concat()), "")
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_waits_is_listed_and_shown() {
    let folder = with_dead_letters();
    let here = |arguments: &[&str]| queue(folder.path(), arguments);
    let listed = here(&["list"]);
    let lines: Vec<&str> = text(&listed.stdout).lines().collect();
    assert!(lines[0].starts_with("OP_ID ") && lines[1].contains("parked") && lines[1].contains("events/e1"), "{lines:?}");
    assert_eq!(lines[5], "4 in all", "{lines:?}");
    let parked = json_of(&here(&["list", "--state", "parked", "--code", "internal", "--limit", "2", "--json"]));
    assert_eq!((parked["items"].as_array().unwrap().len(), &parked["totals"]["items"], &parked["more"]), (2, &json!(3), &json!(true)));
    let one = op(1).to_string();
    let shown = json_of(&here(&["show", &one, "--json"]));
    assert_eq!((&shown["payload"]["patch"]["title"], &shown["problem"]["detail"]), (&json!("Event 1"), &json!("deciding it panicked")));
    assert!(text(&here(&["show", &one]).stdout).contains("deciding it panicked"));
    let unknown = here(&["show", &op(99).to_string()]);
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    assert!(text(&unknown.stderr).starts_with("rejoin: there is no operation "), "{unknown:?}");
    assert_eq!(here(&["list", "--state", "lost"]).status.code(), Some(2), "what was given is at fault");
}

#[test]
fn what_failed_is_retried_and_discarded() {
    let folder = with_dead_letters();
    let here = |arguments: &[&str]| queue(folder.path(), arguments);
    let one = op(1).to_string();
    let retried = json_of(&here(&["retry", &one, "--patch", "{\"title\":\"Ceremony\"}", "--json"]));
    assert_eq!((&retried["state"], &retried["edited"]), (&json!("ready"), &json!(true)));
    assert_eq!(text(&here(&["retry", "--code", "internal", "--preview"]).stdout), "2 operations are meant; nothing was done\n");
    let two = op(2).to_string();
    let later = here(&["retry", &two, "--at", "2099-06-20T18:00:00Z"]);
    assert_eq!((later.status.code(), text(&later.stderr).contains("within 90 days")), (Some(2), true), "{later:?}");
    assert_eq!(text(&here(&["discard", &two, "--reason", "sent twice"]).stdout), format!("{two} is discarded\n"));
    let without = here(&["discard", "--code", "internal"]);
    assert!(text(&without.stderr).contains("say why"), "{without:?}");
    assert_eq!(text(&here(&["retry"]).stdout), "retry: 1 of 1 operations; 0 were left as they are\n");
    let left = json_of(&here(&["list", "--json"]));
    assert_eq!(left["totals"]["states"], json!({"ready": 3}));
}

#[test]
fn it_is_exported_and_told_how_it_went() {
    let folder = with_dead_letters();
    let exported = queue(folder.path(), &["export", "--state", "parked"]);
    let lines: Vec<Value> = text(&exported.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[3], &lines[0]["payload"]["kind"]), (4, &json!({"type": "end", "items": 3}), &json!("update")));
    let stats = queue(folder.path(), &["stats"]);
    assert!(text(&stats.stdout).starts_with("4 operations wait (8.0 KiB): 3 parked, 1 ready\n"), "{stats:?}");
    let told = json_of(&queue(folder.path(), &["stats", "--json"]));
    assert_eq!((&told["waiting"]["items"], &told["series"]), (&json!(4), &json!([])));
}
