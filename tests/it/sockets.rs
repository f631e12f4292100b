//! Sockets of the real server: what one device pushes reaches the others, on every node, and who is shut out is gone.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::database::Database;
use crate::server::{Server, create, prepare};
use crate::socket::{Said, Socket};

/// Until when somebody who was shut out is told, on every node.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn what_is_pushed_is_heard_on_sqlite() {
    let database = Database::sqlite();
    prepare(&database);
    let server = Server::start(&database);
    is_heard(&server, &server);
    ends(server);
}

#[test]
fn what_is_pushed_is_heard_on_another_node() {
    if let Some(database) = Database::postgres() {
        prepare(&database);
        let (here, there) = (Server::start(&database), Server::start(&database));
        is_heard(&here, &there);
        ends(there);
    }
}

fn is_heard(here: &Server, there: &Server) {
    let writer = here.client();
    let space = writer.space();
    let (reader, _) = there.log_in("ana@example.org");
    let mut socket = Socket::follow(&reader, &space);
    let mut since = None;
    for number in 0..20 {
        writer.push(&space, &[create(1, number)]).unwrap();
        let Said::Frame(frame) = socket.hear() else { panic!("closed") };
        assert_eq!((&frame["type"], &frame["items"][0]["document_id"]), (&json!("change"), &json!(format!("d-1-{number}"))), "{frame}");
        let before = since.replace(frame["cursor"].clone());
        assert!(before.is_none_or(|cursor| cursor == frame["since"]));
    }
    // gone everywhere, in time
    let devices = reader.call("GET", "/api/auth/devices", &json!({})).unwrap();
    let current = devices["items"].as_array().unwrap().iter().find(|device| device["current"] == true).unwrap();
    let revoked = Instant::now();
    writer.call("DELETE", &format!("/api/auth/devices/{}", current["device_id"].as_str().unwrap()), &json!({})).unwrap();
    let Said::Frame(last) = socket.hear() else { panic!("closed without a word") };
    assert_eq!((&last["type"], &last["what"]), (&json!("revoked"), &json!("session")));
    assert_eq!(socket.hear(), Said::Closed(1008));
    assert!(revoked.elapsed() < REVOKED_WITHIN, "{:?}", revoked.elapsed());
}

/// A server that stops tells everybody, and waits for nobody who stays.
fn ends(server: Server) {
    let client = server.client();
    let space = client.space();
    let mut sockets: Vec<Socket> = (0..5).map(|_| Socket::follow(&client, &space)).collect();
    server.terminate();
    for socket in &mut sockets {
        let Said::Frame(frame) = socket.hear() else { panic!("closed without a word") };
        assert_eq!((&frame["type"], &frame["reason"]), (&json!("backoff"), &json!("draining")));
        assert_eq!(socket.hear(), Said::Closed(1001));
    }
    let asked = Instant::now();
    assert_eq!(server.wait(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    drop(sockets);
}
