//! Bodies: how much, how long, how well formed.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_core::Stream;
use serde_json::json;
use sync_core::limits::{MAX_BODY_BYTES, MAX_SMALL_BODY_BYTES, MAX_SPACE_BODY_BYTES};

use crate::harness::{api, request};

const OP: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A body without an announced length: chunks of spaces before the closing brace.
struct Chunks {
    head: Option<Bytes>,
    left: usize,
    polled: usize,
}

impl Stream for Chunks {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(head)));
        }
        self.polled += 1;
        if self.left == 0 {
            return Poll::Ready(None);
        }
        assert!(self.polled < 200, "it goes on reading a body that is too large");
        self.left -= 1;
        Poll::Ready(Some(Ok(Bytes::from(vec![b' '; 65_536]))))
    }
}

/// A body that begins and never goes on.
struct Stalled(Option<Bytes>);

impl Stream for Stalled {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.take().map_or(Poll::Pending, |head| Poll::Ready(Some(Ok(head))))
    }
}

fn operation(space_id: &str) -> String {
    json!({"protocol":1,"operations":[{"op_id":OP,"space_id":space_id,"collection":"timeline_events","document_id":"evt-1","kind":"create","base_version":0,
        "patch":{"title":"Ceremony"}}]})
    .to_string()
}

#[actix_web::test]
async fn too_large_a_body_is_cut_off_and_nothing_is_stored() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let good = operation(&api.space(&login).await);
    let sync = || request("POST", "/api/offline/sync").insert_header(("authorization", format!("Bearer {}", login.access_token)));
    let padded = |size: usize| format!("{good}{}", " ".repeat(size - good.len()));

    // announced
    api.send(sync().set_payload(padded(MAX_BODY_BYTES + 1))).await.assert_problem(413, "too_large");
    // announced and not there
    let reply = api.send(sync().insert_header(("content-length", "9000000000"))).await;
    reply.assert_problem(413, "too_large");
    // chunked: the rest of an endless body is never asked for
    let endless = Chunks { head: Some(good.clone().into()), left: 1_000_000, polled: 0 };
    api.send_chunks(sync(), endless).await.assert_problem(413, "too_large");
    assert_eq!(api.held(&login, &[OP]).await, 0);

    // at the limit
    let reply = api.send(sync().set_payload(padded(MAX_BODY_BYTES))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[actix_web::test]
async fn each_route_reads_as_much_as_it_needs() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let space = format!("/api/spaces/{}", api.space(&login).await);
    let member = format!("{space}/members/{}", login.user_id);
    let with_token = |method, path: &str| request(method, path).insert_header(("authorization", format!("Bearer {}", login.access_token)));
    for (method, path, limit) in [
        ("POST", "/api/users", MAX_SMALL_BODY_BYTES),
        ("PUT", member.as_str(), MAX_SMALL_BODY_BYTES),
        ("POST", "/api/spaces", MAX_SPACE_BODY_BYTES),
        ("PUT", space.as_str(), MAX_SPACE_BODY_BYTES),
        ("POST", "/api/offline/sync", MAX_BODY_BYTES),
        ("POST", "/api/offline/sync/receipts", MAX_BODY_BYTES),
        ("PUT", "/api/offline/sync/resolve", MAX_BODY_BYTES),
    ] {
        let problem = api.send(with_token(method, path).set_payload(" ".repeat(limit + 1))).await.assert_problem(413, "too_large");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("{limit} bytes")), "{method} {path}: {problem}");
        // at the limit it is read: there is only nothing in it
        api.send(with_token(method, path).set_payload(" ".repeat(limit))).await.assert_problem(400, "malformed_json");
    }
    // nobody's token is needed to make the server read these
    for path in ["/api/auth/login", "/api/auth/refresh"] {
        let limit = MAX_SMALL_BODY_BYTES;
        let announced = request("POST", path).set_payload(" ".repeat(limit + 1));
        let problem = api.send(announced).await.assert_problem(413, "too_large");
        assert!(problem["detail"].as_str().unwrap().contains("16384 bytes"), "{path}: {problem}");
        let chunks = Chunks { head: None, left: 1_000_000, polled: 0 };
        api.send_chunks(request("POST", path), chunks).await.assert_problem(413, "too_large");
        api.send(request("POST", path).set_payload(" ".repeat(limit))).await.assert_problem(400, "malformed_json");
    }
}

#[actix_web::test]
async fn a_schema_of_ones_own_has_a_limit() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let body = |bytes: usize| json!({"name":"x","schema":{"name":"x".repeat(bytes),"version":1,"collections":{}}});
    let reply = api.call(&login.access_token, "POST", "/api/spaces", body(100_000)).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let problem = api.call(&login.access_token, "POST", "/api/spaces", body(140_000)).await.assert_problem(413, "too_large");
    assert_eq!(problem["pointer"], "/schema");
}

#[actix_web::test]
async fn a_body_that_stalls_ends_at_the_deadline() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let request = request("POST", "/api/offline/sync").insert_header(("authorization", format!("Bearer {}", login.access_token)));
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let problem = api.send_chunks(request, Stalled(Some("{".into()))).await.assert_problem(408, "request_timeout");
    assert_eq!(problem["retryable"], true);
    let waited = before.elapsed();
    assert!((Duration::from_secs(20)..Duration::from_secs(21)).contains(&waited), "{waited:?}");
}

#[actix_web::test]
async fn malformed_bodies_are_told_where() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let good = operation(&api.space(&login).await);
    for (body, place) in [
        (&b""[..], "line 1, column 0"),
        (b"{\"protocol\":1,\n \"operations\":[}", "line 2, column 16"),
        (b"{\"protocol\":1,\"protocol\":1}", "duplicate member \"protocol\" at line 1, column"),
        (b"{\"protocol\":1,\"operations\":[{\"op_id\":\"\xff\"}]}", "line 1, column"),
        (b"{\"protocol\":1,\"x\":\"\\ud800\"}", "line 1, column"),
        (b"{\"protocol\":1} {}", "line 1, column 16"),
        (&[b'['; 128], "line 1, column 128"),
    ] {
        let request = request("POST", "/api/offline/sync").insert_header(("authorization", format!("Bearer {}", login.access_token)));
        let problem = api.send(request.set_payload(body.to_vec())).await.assert_problem(400, "malformed_json");
        assert!(problem["detail"].as_str().unwrap().contains(place), "{problem}");
    }
    let doubled = good.replace("\"title\":", "\"title\":\"x\",\"title\":");
    let request = request("POST", "/api/offline/sync").insert_header(("authorization", format!("Bearer {}", login.access_token)));
    api.send(request.set_payload(doubled)).await.assert_problem(400, "malformed_json");
    assert_eq!(api.held(&login, &[OP]).await, 0);
}

#[actix_web::test]
async fn wrong_members_are_pointed_at() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let token = &login.access_token;
    for (method, path, body, code, pointer) in [
        ("POST", "/api/offline/sync", json!([]), "malformed", Some("")),
        ("POST", "/api/offline/sync", (0..127).fold(json!(1), |inner, _| json!([inner])), "malformed", Some("")),
        ("POST", "/api/offline/sync", json!({"protocol":2}), "unsupported_protocol", Some("/protocol")),
        ("POST", "/api/offline/sync", json!({"protocol":1,"operations":[{}]}), "malformed", Some("/operations/0/op_id")),
        ("POST", "/api/offline/sync/receipts", json!({"op_ids":["x"]}), "malformed", Some("/op_ids/0")),
        ("POST", "/api/auth/login", json!({"email":"a@b"}), "malformed", Some("/password")),
        ("POST", "/api/auth/login", json!({"email":1,"password":"x"}), "malformed", Some("/email")),
        ("POST", "/api/auth/login", json!({"email":"a@b","password":"x","device":{"id":"x"}}), "malformed", Some("/device/id")),
        ("POST", "/api/spaces", json!("name"), "malformed", Some("")),
        ("POST", "/api/spaces", json!({"name":"x","event_date":"soon"}), "malformed", Some("/event_date")),
    ] {
        let problem = api.call(token, method, path, body.clone()).await.assert_problem(400, code);
        assert_eq!(problem["pointer"].as_str(), pointer, "{method} {path} {body}: {problem}");
    }
    for (path, query, words) in [
        ("/api/offline/conflict", "limit=many", "limit is to be a whole number"),
        ("/api/offline/conflict", "after=x", "after is to be a UUID"),
        ("/api/offline/conflict", "state=closed", "state is to be open or resolved or all; \"closed\" is none of them"),
        ("/api/offline/conflict", "sapce=x", "there is no parameter \"sapce\" here; this path takes space, state, collection, document"),
        ("/api/offline/conflict", "limit=1&limit=2", "limit is there twice"),
        ("/api/offline/conflict", "kind=odd", "kind is to be fields or delete_edit"),
        ("/api/offline/conflict", "assigned=ana", "assigned is to be me, role:NAME or user:UUID"),
        ("/api/offline/conflict", "who=ana", "who is to be a UUID"),
        ("/api/offline/conflict", "opened_after=noon", "RFC 3339"),
        ("/api/offline/conflict", "document=e", "document needs its collection"),
        ("/api/offline/conflict/preferences", "scop=x", "this path takes scope, limit, after"),
        ("/api/spaces", "limit=-1", "limit is to be a whole number, not negative, and not -1"),
    ] {
        let problem = api.call(token, "GET", &format!("{path}?{query}"), json!(null)).await.assert_problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{query}: {problem}");
    }
    for (body, words) in [
        (json!({"email":"a@b"}), "password is missing"),
        (json!({"email":1,"password":"x"}), "email is to be a string, and not 1"),
        (json!({"email":"a@b","password":"x","device":{"id":"x"}}), "device.id is to be a UUID"),
    ] {
        let problem = api.call("", "POST", "/api/auth/login", body).await.assert_problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
}
