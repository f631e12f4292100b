//! Traces, as a collector receives them.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{EMAIL, PASSWORD, Served, furnished};

/// A collector on the loopback: what it was sent, as path and body.
fn collector() -> (SocketAddr, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (received, taken) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let received = received.clone();
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                // one request after another, as long as the connection is kept
                while let Some((path, body)) = read_request(&mut reader) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}").unwrap();
                    // the test may be over
                    let _ = received.send((path, body));
                }
            });
        }
    });
    (address, taken)
}

fn read_request(reader: &mut impl std::io::BufRead) -> Option<(String, Value)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, serde_json::from_slice(&body).unwrap()))
}

fn spans(exports: &[(String, Value)]) -> Vec<Value> {
    let each = exports.iter().flat_map(|(_, body)| body["resourceSpans"].as_array().unwrap().iter());
    each.flat_map(|resource| resource["scopeSpans"][0]["spans"].as_array().unwrap().clone()).collect()
}

fn attribute<'a>(span: &'a Value, name: &str) -> &'a Value {
    let found = span["attributes"].as_array().unwrap().iter().find(|attribute| attribute["key"] == name);
    found.map_or(&Value::Null, |attribute| &attribute["value"])
}

/// Sends a login in a trace and ends the server, which sends what it has.
fn traced(arguments: &[&str], traceparent: &str) -> u16 {
    let folder = furnished();
    let mut served = Served::start(folder.path(), arguments);
    let body = json!({"email":EMAIL,"password":PASSWORD}).to_string();
    let mut stream = served.connect();
    let head = format!(
        "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: traced-1\r\n{traceparent}connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    served.signal("TERM");
    assert!(served.wait(Duration::from_secs(30)).success());
    reply[9..12].parse().unwrap()
}

#[test]
fn a_request_is_a_trace_of_its_use_case_and_its_transactions() {
    let (address, taken) = collector();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let endpoint = format!("http://{address}");
    assert_eq!(traced(&["--otel-endpoint", &endpoint], &format!("traceparent: 00-{trace}-b7ad6b7169203331-01\r\n")), 200);
    let exports: Vec<(String, Value)> = taken.try_iter().collect();
    assert!(exports.iter().all(|(path, _)| path == "/v1/traces"));
    assert_eq!(attribute(&exports[0].1["resourceSpans"][0]["resource"], "service.name"), &json!({"stringValue":"rejoin"}));
    let spans = spans(&exports);
    let named = |name: &str| spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
    let request = named("POST /api/auth/login");
    assert_eq!((&request["parentSpanId"], &request["kind"]), (&json!("b7ad6b7169203331"), &json!(2)));
    assert_eq!(attribute(request, "request.id"), &json!({"stringValue":"traced-1"}));
    assert_eq!(attribute(request, "http.response.status_code"), &json!({"intValue":"200"}));
    let (login, transaction) = (named("login"), named("transaction"));
    assert_eq!(login["parentSpanId"], request["spanId"]);
    assert_eq!(transaction["parentSpanId"], login["spanId"]);
    for span in [request, login, transaction] {
        assert_eq!(span["traceId"], trace);
        let time = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(time("startTimeUnixNano") > 1_763_000_000_000_000_000 && time("endTimeUnixNano") > time("startTimeUnixNano"));
    }
}

#[test]
fn what_is_not_sampled_is_not_sent() {
    let (address, taken) = collector();
    let endpoint = format!("http://{address}");
    assert_eq!(traced(&["--otel-endpoint", &endpoint, "--otel-sample", "0"], ""), 200);
    let refused = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n";
    assert_eq!(traced(&["--otel-endpoint", &endpoint], refused), 200);
    assert_eq!(spans(&taken.try_iter().collect::<Vec<_>>()), Vec::<Value>::new());
    // a trace that begins here has an id of its own
    assert_eq!(traced(&["--otel-endpoint", &endpoint], "traceparent: nonsense\r\n"), 200);
    let own = spans(&taken.try_iter().collect::<Vec<_>>());
    assert!(own.iter().any(|span| span["parentSpanId"] == "" && span["traceId"].as_str().unwrap().len() == 32), "{own:?}");
}

#[test]
fn a_collector_that_is_not_there_harms_nobody() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(traced(&["--otel-endpoint", &format!("http://{nobody}")], ""), 200);
}
