//! Backups of a server that goes on, and what devices meet after a restore.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Served, furnished, rejoin, run};

const WITHIN: Duration = Duration::from_secs(30);

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Output {
    run(rejoin(folder, arguments), "")
}

fn done(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

fn op(n: u32, kind: &str, document: &str, base_version: i64, patch: &Value) -> Value {
    json!({"op_id": format!("01890000-0000-7000-8000-{n:012x}"), "collection": "notes", "document_id": document, "kind": kind,
        "base_version": base_version, "patch": patch})
}

fn sync(server: &Served, token: &str, space: &str, mut body: Value) -> Value {
    body["protocol"] = json!(1);
    body["space_id"] = json!(space);
    let (status, answer) = server.call("POST", "/api/offline/sync", token, &body.to_string());
    assert_eq!(status, 200, "{answer}");
    answer
}

#[test]
fn a_backup_of_a_running_server_is_restored_and_devices_bring_the_rest() {
    let folder = furnished();
    let here = |arguments: &[&str]| command(folder.path(), arguments);
    let mut server = Served::start(folder.path(), &[]);
    let token = server.login();
    let space = server.space(&token);
    let pull = |cursor: &Value| json!({"pull": {"spaces": {&space: {"cursor": cursor}}}});
    sync(&server, &token, &space, json!({"operations": [op(1, "create", "a", 0, &json!({"t": 1}))]}));
    let made = here(&["backup", "now.db"]);
    assert!(done(&made).starts_with("wrote now.db: 1 spaces, 1 documents, "), "{made:?}");
    // the server goes on; what it does now is not in the backup
    let lost = op(2, "update", "a", 1, &json!({"u": 2}));
    assert_eq!(sync(&server, &token, &space, json!({"operations": [lost]}))["results"][0]["status"], "applied");
    let read = sync(&server, &token, &space, pull(&Value::Null))["changes"][&space].clone();
    assert_eq!(read["items"][0]["document"], json!({"t": 1, "u": 2}));

    let busy = here(&["restore", "now.db", "--replace"]);
    assert_eq!(busy.status.code(), Some(1), "{busy:?}");
    assert!(text(&busy.stderr).contains("has it open"), "{busy:?}");
    server.signal("KILL");
    server.wait(WITHIN);
    let unasked = here(&["restore", "now.db"]);
    assert_eq!(unasked.status.code(), Some(2), "{unasked:?}");
    assert!(text(&unasked.stderr).contains("--replace"), "{unasked:?}");
    let restored = here(&["restore", "now.db", "--replace"]);
    let words = done(&restored);
    assert!(words.contains("restored now.db: 1 spaces, 1 documents") && words.contains("kept as rejoin.db.replaced-"), "{words}");

    let server = Served::start(folder.path(), &[]);
    let token = server.login();
    let page = sync(&server, &token, &space, pull(&read["cursor"]))["changes"][&space].clone();
    assert_eq!((&page["reset"], &page["reason"], &page["shared_until"]), (&json!(true), &json!("epoch"), &json!(1)));
    // the device sends again what it did above the fork, then reads anew
    let again = json!({"epochs": {&space: read["epoch"]}, "operations": [lost]});
    let result = sync(&server, &token, &space, again.clone())["results"][0].clone();
    assert_eq!((&result["status"], &result["held"]), (&json!("applied"), &json!(true)), "the restore lost it: {result}");
    assert_eq!(sync(&server, &token, &space, again)["results"][0]["status"], "duplicate");
    let read = sync(&server, &token, &space, pull(&Value::Null))["changes"][&space].clone();
    assert_eq!(read["items"][0]["document"], json!({"t": 1, "u": 2}));
    assert_eq!(read["epoch"], page["epoch"]);
}

#[test]
fn backups_are_checked_and_overwrite_nothing() {
    let folder = furnished();
    let here = |arguments: &[&str]| command(folder.path(), arguments);
    done(&here(&["backup", "one.db"]));
    assert_eq!(here(&["backup", "one.db"]).status.code(), Some(2), "it exists");
    let whole = here(&["backup", "verify", "one.db"]);
    assert!(done(&whole).starts_with("one.db is whole: 0 spaces, 0 documents, "), "{whole:?}");
    std::fs::write(folder.path().join("two.db"), "nothing of the kind").unwrap();
    assert_eq!(here(&["backup", "verify", "two.db"]).status.code(), Some(1));
    assert_eq!(here(&["backup", "verify", "none.db"]).status.code(), Some(2));
    assert_eq!(here(&["backup", "three.db", "--database", "sqlite:none.db"]).status.code(), Some(2));
    assert!(!folder.path().join("none.db").exists(), "a database that is not there is not made");
    let postgres = here(&["backup", "three.db", "--database", "postgres://u@127.0.0.1:1/x"]);
    assert_eq!(postgres.status.code(), Some(2));
    assert!(text(&postgres.stderr).contains("pg_dump"), "{postgres:?}");
    let elsewhere = here(&["restore", "one.db", "--database", "sqlite:other.db"]);
    assert!(done(&elsewhere).contains("restored one.db"), "{elsewhere:?}");
    assert_eq!(done(&here(&["restore", "--mark-restored", "--database", "sqlite:other.db"])).lines().count(), 1);
}
