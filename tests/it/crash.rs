//! `kill -9` under load: no acknowledged operation is missing, none is applied twice.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::database::Database;
use crate::server::{Client, Server, create, op_id, prepare};

const WRITERS: u32 = 8;

#[test]
fn nothing_acknowledged_is_lost_on_sqlite() {
    crash(&Database::sqlite());
}

#[test]
fn nothing_acknowledged_is_lost_on_postgres() {
    if let Some(database) = Database::postgres() {
        crash(&database);
    }
}

fn crashes() -> u32 {
    std::env::var("REJOIN_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

fn crash(database: &Database) {
    prepare(database);
    let mut server = Server::start(database);
    let space = server.client().space();
    let (mut acknowledged, mut open) = (0, 0);
    for round in 0..crashes() {
        let (client, sent, held) = (server.client(), AtomicU32::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| write_until_it_dies(&client, &space, round, &sent, &held));
            }
            // the moment of death wanders over the first third of a second, so that it meets every phase of a commit
            let death = Instant::now() + Duration::from_millis(u64::from(40 + (round * 53) % 300));
            while Instant::now() < death {
                std::thread::park_timeout(death - Instant::now());
            }
            server.kill();
        });
        server = Server::start(database);
        let (sent, held) = (sent.into_inner(), held.into_inner().unwrap());
        check_round(&server.client(), &space, round, sent, &held);
        acknowledged += held.len();
        open += sent as usize - held.len();
    }
    println!("{}: {} crashes, {acknowledged} operations acknowledged, {open} in the air", database.name, crashes());
    assert!(acknowledged > 100, "the load was real: {acknowledged}");
    assert!(open > 0, "the crashes met requests in the air");
    assert_eq!(server.wait_after_terminate(), Some(0));
}

fn write_until_it_dies(client: &Client, space: &str, round: u32, sent: &AtomicU32, held: &Mutex<Vec<String>>) {
    loop {
        let operations: Vec<Value> = (0..3).map(|_| create(round, sent.fetch_add(1, Ordering::Relaxed))).collect();
        let Ok(results) = client.push(space, &operations) else { return };
        let acknowledged =
            results.iter().filter(|result| result["held"] == true).map(|result| result["op_id"].as_str().unwrap().to_owned());
        held.lock().unwrap().extend(acknowledged);
    }
}

/// Everything acknowledged is held; everything sent again is known or applied, once.
fn check_round(client: &Client, space: &str, round: u32, sent: u32, held: &[String]) {
    let ids: Vec<&str> = held.iter().map(String::as_str).collect();
    for receipt in ids.chunks(10_000).flat_map(|ids| client.receipts(ids)) {
        assert_eq!(
            (&receipt["status"], &receipt["held"]),
            (&Value::from("applied"), &Value::from(true)),
            "lost after it was acknowledged: {receipt}"
        );
    }
    let all: Vec<Value> = (0..sent).map(|number| create(round, number)).collect();
    for result in all.chunks(500).flat_map(|operations| client.push(space, operations).unwrap()) {
        let known = result["status"] == "duplicate" && result["was"] == "applied";
        let lost = result["status"] == "applied" && !held.iter().any(|id| result["op_id"] == **id);
        assert!(known || lost, "sent again: {result}");
    }
    // each document was written by one operation: another version than that operation's would be a second application
    let prefix = format!("d-{round}-");
    let items = client.read_all(space);
    let versions: HashMap<&str, &Value> = items.iter().map(|item| (item["document_id"].as_str().unwrap(), &item["version"])).collect();
    assert_eq!(versions.keys().filter(|id| id.starts_with(&prefix)).count(), sent as usize);
    let ids: Vec<String> = (0..sent).map(|number| op_id(round, number)).collect();
    for (number, receipt) in client.receipts(&ids.iter().map(String::as_str).collect::<Vec<_>>()).iter().enumerate() {
        assert_eq!(versions[format!("{prefix}{number}").as_str()], &receipt["version"], "{receipt}");
    }
}
