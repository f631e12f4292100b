//! The drill: an organisation is locked, and both nodes are quiet within five seconds, whether or not they hear of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::database::Database;
use crate::server::{Client, Server, create, prepare, run};
use crate::socket::{Said, Socket};

/// Until when every node is quiet.
const QUIET_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn a_lock_quiets_both_nodes() {
    if let Some(database) = Database::postgres() {
        prepare(&database);
        let (here, there) = (Server::start(&database), Server::start(&database));
        let owner = here.client();
        let lock = |reason: &str| {
            owner.call("POST", "/api/offline/incident", &json!({"reason": reason})).unwrap();
        };
        drill(&database, &here, &there, &lock);
    }
}

/// The command line tells nobody: that a signal is lost makes no difference.
#[test]
fn a_lock_that_nobody_is_told_of_quiets_both_nodes() {
    if let Some(database) = Database::postgres() {
        prepare(&database);
        let (here, there) = (Server::start(&database), Server::start(&database));
        let lock = |reason: &str| {
            run(&database, &["incident", "lock", "--organisation", "Alder", "--reason", reason]);
        };
        drill(&database, &here, &there, &lock);
    }
}

fn drill(database: &Database, here: &Server, there: &Server, lock: &dyn Fn(&str)) {
    let writer = here.client();
    let space = writer.space();
    let (reader, _) = there.log_in("ana@example.org");
    let mut sockets = [Socket::follow(&writer, &space), Socket::follow(&reader, &space)];
    writer.push(&space, &[create(1, 0)]).unwrap();
    for socket in &mut sockets {
        let Said::Frame(frame) = socket.hear() else { panic!("closed") };
        assert_eq!(frame["type"], "change", "{frame}");
    }

    lock("a drill");
    let locked = Instant::now();
    for client in [&writer, &reader] {
        refused(client, &space);
    }
    for socket in &mut sockets {
        let mut last = Value::Null;
        let closed = loop {
            match socket.hear() {
                Said::Frame(frame) => last = frame,
                Said::Closed(status) => break status,
            }
        };
        assert_eq!((&last["type"], &last["what"], closed), (&json!("revoked"), &json!("organisation_locked"), 1008), "{last}");
    }
    assert!(locked.elapsed() < QUIET_WITHIN, "{:?}", locked.elapsed());

    let report = run(database, &["incident", "report", "--organisation", "Alder", "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["status"]["state"], &report["report"]["operations"]), (&json!("locked"), &json!(1)), "{report}");
}

/// What is asked after a lock is refused, and stays with the device.
fn refused(client: &Client, space: &str) {
    let operation = create(1, 1);
    let body = json!({"protocol": 1, "space_id": space, "operations": [operation]});
    let refusal = client.call("POST", "/api/offline/sync", &body).unwrap_err();
    let problem = refusal.strip_prefix("403 Forbidden: ").unwrap_or_else(|| panic!("{refusal}"));
    let problem: Value = serde_json::from_str(problem).unwrap();
    assert_eq!((&problem["code"], &problem["outbox"]), (&json!("organisation_locked"), &json!("retain")), "{problem}");
}
