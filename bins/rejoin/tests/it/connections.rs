//! Connections that misbehave end in time, and their owners still get their answer.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{Served, furnished, head};

/// Sends one byte each 100 ms, as a chunk where the body is chunked, until the server hangs up; how long that took and
/// what it said.
fn dribble(mut stream: TcpStream, chunked: bool) -> (Duration, String) {
    let began = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut said = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        // writing fails once the server is gone; reading tells
        let _ = stream.write_all(if chunked { b"1\r\n \r\n" } else { b" " });
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => said.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        assert!(began.elapsed() < Duration::from_secs(20), "still open: {:?}", String::from_utf8_lossy(&said));
    }
    (began.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn slow_bodies_end_whoever_sends_them() {
    let folder = furnished();
    let served = Served::start(folder.path(), &["--body-deadline-s", "2"]);
    let token = served.login();
    let chunked = |token: &str, path: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes()
    };
    let cases = [
        ("408", false, head("POST", "/api/offline/sync", &token, 5_000, "keep-alive")),
        ("408", true, chunked(&token, "/api/offline/sync")),
        ("401", false, head("POST", "/api/offline/sync", "none", 5_000, "keep-alive")),
        ("401", true, chunked("none", "/api/offline/sync")),
        ("404", true, chunked("none", "/nowhere")),
        ("405", true, chunked("none", "/healthz")),
    ];
    let dribbles = cases.map(|(status, is_chunked, head)| {
        let mut stream = served.connect();
        stream.write_all(&head).unwrap();
        (status, thread::spawn(move || dribble(stream, is_chunked)))
    });
    for (status, dribbling) in dribbles {
        let (took, said) = dribbling.join().unwrap();
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        assert!(took < Duration::from_secs(12), "{took:?}");
    }
}

#[test]
fn too_large_a_body_gets_its_answer() {
    let folder = furnished();
    let served = Served::start(folder.path(), &[]);
    let token = served.login();
    let megabyte = vec![b' '; 1_048_576];
    // announced, and sent in spite of the answer
    let mut stream = served.connect();
    stream.write_all(&head("POST", "/api/offline/sync", &token, 16 * megabyte.len(), "close")).unwrap();
    for _ in 0..16 {
        stream.write_all(&megabyte).unwrap();
    }
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 413 ") && said.contains("too_large"), "{said}");
    // chunked: the length is known only when it is too much
    let mut stream = served.connect();
    stream
        .write_all(
            format!("POST /api/offline/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n")
                .as_bytes(),
        )
        .unwrap();
    for _ in 0..16 {
        stream.write_all(b"100000\r\n").unwrap();
        stream.write_all(&megabyte).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    let mut said = String::new();
    // the server may hang up at once or let the client end the body
    let _ = stream.write_all(b"0\r\n\r\n");
    stream.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
}
