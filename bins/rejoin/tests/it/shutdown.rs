//! SIGTERM: what was accepted is finished, what was acknowledged is there afterwards.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::process::{Served, furnished, head};

/// How many clients write at once.
const CLIENTS: u128 = 8;

/// One answer of a kept-alive connection; `None` when the server closed it between requests.
fn answer(stream: &mut TcpStream) -> Option<String> {
    let mut said = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) if said.is_empty() => return None,
            // a request that crossed the orderly end of an idle connection was never accepted
            Err(error) if said.is_empty() && error.kind() == ErrorKind::ConnectionReset => return None,
            Ok(0) => panic!("an answer broke off: {:?}", String::from_utf8_lossy(&said)),
            Ok(count) => said.extend_from_slice(&buffer[..count]),
            Err(error) => panic!("an answer broke off with {error}"),
        }
        let text = String::from_utf8_lossy(&said);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return Some(text.into_owned());
            }
        }
    }
}

/// Writes one operation after another until the server is gone; the ids that it acknowledged.
fn write_until_gone(mut stream: TcpStream, client: u128, token: &str, space_id: &str, acknowledged: &AtomicUsize) -> Vec<Uuid> {
    let mut held = Vec::new();
    for number in 0..100_000_u128 {
        let op_id = Uuid::from_u128((client << 64) + number + 1);
        let body = json!({"protocol":1,"operations":[{"op_id":op_id,"space_id":space_id,"collection":"log_entries","document_id":format!("entry-{client}-{number}"),
            "kind":"create","base_version":0,"patch":{"text":"the shuttle is here"}}]})
        .to_string();
        let request = [head("POST", "/api/offline/sync", token, body.len(), "keep-alive"), body.into_bytes()].concat();
        if stream.write_all(&request).is_err() {
            break;
        }
        let Some(said) = answer(&mut stream) else { break };
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("\"status\":\"applied\""), "{said}");
        held.push(op_id);
        acknowledged.fetch_add(1, Ordering::Relaxed);
        if said.contains("connection: close") {
            break;
        }
    }
    held
}

#[test]
fn under_load_nothing_acknowledged_is_lost() {
    let folder = furnished();
    let mut served = Served::start(folder.path(), &[]);
    let (token, acknowledged) = (served.login(), AtomicUsize::new(0));
    let space_id = served.space(&token);
    let held: Vec<Uuid> = thread::scope(|scope| {
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|client| {
                let (stream, token, space_id, acknowledged) = (served.connect(), &token, &space_id, &acknowledged);
                scope.spawn(move || write_until_gone(stream, client, token, space_id, acknowledged))
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < 100 {
            thread::yield_now();
        }
        served.signal("TERM");
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(served.wait(Duration::from_secs(30)).success());
    assert!(held.len() >= 100);

    let served = Served::start(folder.path(), &[]);
    let (status, answer) = served.call("POST", "/api/offline/sync/receipts", &served.login(), &json!({"op_ids":held}).to_string());
    assert_eq!(status, 200, "{answer}");
    for receipt in answer["receipts"].as_array().unwrap() {
        assert_eq!(receipt["held"], true, "{receipt}");
    }
}

#[test]
fn a_request_in_flight_is_finished_and_new_ones_are_not_taken() {
    let folder = furnished();
    let mut served = Served::start(folder.path(), &[]);
    let token = served.login();
    let mut idle = served.connect();
    let mut slow = served.connect();
    let body = r#"{"protocol":1}"#;
    slow.write_all(&head("POST", "/api/offline/sync", &token, body.len(), "keep-alive")).unwrap();
    slow.write_all(&body.as_bytes()[..5]).unwrap();
    // an answer on another connection: the server has seen both before it
    assert_eq!(served.call("GET", "/readyz", &token, "").0, 200);
    served.signal("TERM");
    // an idle connection is closed in order, and so is the listener
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0);
    while TcpStream::connect(served.address).is_ok() {
        thread::yield_now();
    }
    slow.write_all(&body.as_bytes()[5..]).unwrap();
    let said = answer(&mut slow).unwrap();
    assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("connection: close"), "{said}");
    assert!(served.wait(Duration::from_secs(10)).success());
}

#[test]
fn a_second_signal_waits_for_nothing() {
    let folder = furnished();
    let mut served = Served::start(folder.path(), &[]);
    let token = served.login();
    let mut slow = served.connect();
    slow.write_all(&head("POST", "/api/offline/sync", &token, 100, "keep-alive")).unwrap();
    assert_eq!(served.call("GET", "/readyz", &token, "").0, 200);
    served.signal("INT");
    while TcpStream::connect(served.address).is_ok() {
        thread::yield_now();
    }
    served.signal("INT");
    assert!(served.wait(Duration::from_secs(10)).success());
}
