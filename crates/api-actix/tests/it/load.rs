//! Under load: devices are told to come later and with less, and refusals spread.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use actix_web::{App, HttpServer, rt, web};
use serde_json::json;
use sync_core::ports::StoreLoad;

use crate::harness::{api, request};

fn waiting(writes: usize) -> StoreLoad {
    StoreLoad { waiting_writes: writes, most_waiting: 4_096, idle_connections: 1, ..StoreLoad::default() }
}

#[actix_web::test]
async fn batches_shrink_before_anything_is_refused() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    for (writes, most, reason) in [(0, 500, "idle"), (64, 250, "busy"), (300, 125, "busy"), (4_000, 31, "busy"), (0, 500, "idle")] {
        api.store.pretend_load(waiting(writes));
        let reply = api.call(&login.access_token, "POST", "/api/offline/sync", json!({"protocol":1})).await;
        let next = &reply.json()["next"];
        assert_eq!((&next["max_operations"], &next["reason"]), (&json!(most), &json!(reason)), "{writes} wait: {next}");
        assert!(next["sync_after_ms"].as_u64().unwrap() >= if reason == "busy" { 30_000 } else { 15_000 }, "{next}");
    }
}

#[actix_web::test]
async fn refusals_spread_the_wider_the_more_wait() {
    let api = api().await;
    api.state.begin_draining();
    for (writes, within_ms) in [(0, 4_000), (4_096, 64_000)] {
        api.store.pretend_load(waiting(writes));
        let mut waits = Vec::new();
        for _ in 0..200 {
            let reply = api.send(request("GET", "/readyz")).await;
            let wait_ms = reply.assert_problem(503, "unavailable")["retry_after_ms"].as_u64().unwrap();
            assert_eq!(reply.header("retry-after"), wait_ms.div_ceil(1_000).to_string());
            waits.push(wait_ms);
        }
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        // full jitter: over the whole time, from nothing on
        assert!((1..within_ms / 10).contains(least) && (within_ms * 9 / 10..=within_ms).contains(most), "{least} to {most} of {within_ms}");
    }
}

/// What a server says on a connection, until an answer is complete.
fn heard(stream: &mut TcpStream) -> String {
    let mut said = String::new();
    let mut buffer = [0; 4_096];
    while !said.contains("\r\n\r\n") || !said.ends_with('}') {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "it hung up: {said}");
        said.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    said
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn head(bytes: usize) -> String {
    format!("POST /api/offline/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ncontent-length: {bytes}\r\n\r\n")
}

#[actix_web::test]
async fn what_is_refused_for_now_is_not_read() {
    let api = api().await;
    api.store.pretend_load(waiting(4_096));
    let state = api.state.clone();
    let server = HttpServer::new(move || App::new().configure(|cfg| api_actix::configure_alone(cfg, state.clone())));
    let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    rt::spawn(running);
    web::block(move || {
        // a small body is dropped, and its connection can be used again
        let mut stream = connect(address);
        for _ in 0..3 {
            stream.write_all((head(30_000) + &" ".repeat(30_000)).as_bytes()).unwrap();
            let said = heard(&mut stream);
            assert!(said.starts_with("HTTP/1.1 503 ") && said.contains("\r\nretry-after: ") && said.contains("\"overloaded\""), "{said}");
        }
        // one that is not there is not waited for, nor is a large one: whoever sends it is answered, and hung up on
        for bytes in [30_000, 5_000_000] {
            let mut stream = connect(address);
            stream.write_all(head(bytes).as_bytes()).unwrap();
            assert!(heard(&mut stream).starts_with("HTTP/1.1 503 "));
            stream.write_all(" ".repeat(20_000).as_bytes()).unwrap();
            assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0, "it is closed in good order");
        }
    })
    .await
    .unwrap();
    handle.stop(false).await;
    // what is no sync goes on, and so does a sync once there is room
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let refused = api.call(&login.access_token, "POST", "/api/offline/sync", json!({"protocol":1})).await;
    refused.assert_problem(503, "overloaded");
    api.store.pretend_load(waiting(0));
    assert_eq!(api.call(&login.access_token, "POST", "/api/offline/sync", json!({"protocol":1})).await.status, 200);
}
