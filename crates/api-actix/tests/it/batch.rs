//! Many operations at once, over HTTP.

use actix_web::http::header;
use serde_json::{Value, json};
use sync_core::limits::{MAX_BATCH_BYTES, MAX_LINE_BYTES};

use crate::harness::{Login, Reply, api, request};

fn op_id(n: usize) -> String {
    format!("01890a5d-ac96-774b-bcce-{n:012x}")
}

fn line(space: &str, n: usize) -> String {
    json!({"op_id": op_id(n), "space_id": space, "collection": "notes", "document_id": format!("n{n}"), "kind": "create", "base_version": 0,
        "patch": {"n": n}})
    .to_string()
}

macro_rules! send {
    ($api:expr, $login:expr, $path:expr, $body:expr) => {{
        let login: &Login = &$login;
        let request = request("POST", $path)
            .insert_header((header::AUTHORIZATION, format!("Bearer {}", login.access_token)))
            .insert_header((header::CONTENT_TYPE, "application/x-ndjson"))
            .set_payload($body);
        let reply: Reply = $api.send(request).await;
        reply
    }};
}

#[actix_web::test]
async fn lines_are_taken_and_their_progress_is_told() {
    let api = api().await;
    let ana = api.member("Alder & Rye", "ana@example.org").await;
    let space = api.space(&ana).await;
    let lines: Vec<String> = (0..1_300).map(|n| line(&space, n)).collect();
    let reply = send!(api, ana, "/api/offline/queue/batch", lines.join("\n"));
    assert_eq!(reply.status, 202, "{reply:?}");
    let answer = reply.json();
    assert_eq!((&answer["lines"], &answer["queued"], &answer["state"]), (&json!(1_300), &json!(1_300), &json!("queued")));
    let path = format!("/api/offline/queue/batch/{}", answer["batch_id"].as_str().unwrap());
    let progress = api.call(&ana.access_token, "GET", &path, Value::Null).await.json();
    assert_eq!((&progress["state"], &progress["operations"]), (&json!("queued"), &json!(1_300)));
    assert_eq!(api.held(&ana, &[&op_id(0), &op_id(1_299)]).await, 2);
    let other = api.member("Quinta Velha", "cy@example.org").await;
    api.call(&other.access_token, "GET", &path, Value::Null).await.assert_problem(404, "unknown_batch");
}

#[actix_web::test]
async fn a_line_at_fault_is_told_by_its_number() {
    let api = api().await;
    let ana = api.member("Alder & Rye", "ana@example.org").await;
    let space = api.space(&ana).await;
    let long = format!("{{\"op_id\":\"{}\",\"pad\":\"{}\"}}", op_id(3), "x".repeat(MAX_LINE_BYTES));
    let body = format!("{}\r\n\n{{\"no\":1}}\n[1]\n{{broken\n{long}\n\u{7f}\n{}", line(&space, 1), line(&space, 2));
    let answer = send!(api, ana, "/api/offline/queue/batch", body.clone()).json();
    assert_eq!((&answer["lines"], &answer["queued"], &answer["refused"]), (&json!(7), &json!(2), &json!(5)), "{answer}");
    let told: Vec<_> = answer["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["line"].as_i64().unwrap(), fault["problem"]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(2, "malformed"), (3, "malformed"), (4, "malformed_json"), (5, "too_large"), (6, "malformed_json")]);
    let answer = send!(api, ana, "/api/offline/queue/batch?mode=all", body);
    assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &json!("refused")));
}

#[actix_web::test]
async fn what_is_no_batch_is_refused_and_says_what_stands() {
    let api = api().await;
    let ana = api.member("Alder & Rye", "ana@example.org").await;
    let space = api.space(&ana).await;
    send!(api, ana, "/api/offline/queue/batch?mode=some", line(&space, 1)).assert_problem(400, "malformed");
    send!(api, ana, "/api/offline/queue/batch?sent_at=noon", line(&space, 1)).assert_problem(400, "malformed");
    let text = request("POST", "/api/offline/queue/batch")
        .insert_header((header::AUTHORIZATION, format!("Bearer {}", ana.access_token)))
        .insert_header((header::CONTENT_TYPE, "text/plain"))
        .set_payload(line(&space, 1));
    api.send(text).await.assert_problem(415, "unsupported_media_type");
    api.send(request("POST", "/api/offline/queue/batch")).await.assert_problem(401, "unauthenticated");
    let huge = request("POST", "/api/offline/queue/batch")
        .insert_header((header::AUTHORIZATION, format!("Bearer {}", ana.access_token)))
        .insert_header((header::CONTENT_TYPE, "application/x-ndjson"))
        .insert_header((header::CONTENT_LENGTH, (MAX_BATCH_BYTES + 1).to_string()));
    api.send(huge).await.assert_problem(413, "too_large");
    assert_eq!(api.held(&ana, &[&op_id(1)]).await, 0);
}

#[actix_web::test]
async fn a_sync_body_is_a_batch_too() {
    let api = api().await;
    let ana = api.member("Alder & Rye", "ana@example.org").await;
    let space = api.space(&ana).await;
    let operations: Vec<Value> = (0..3).map(|n| serde_json::from_str(&line(&space, n)).unwrap()).collect();
    let reply = api.call(&ana.access_token, "POST", "/api/offline/queue/batch", json!({"protocol": 1, "operations": operations})).await;
    let answer = reply.json();
    let statuses: Vec<_> = answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!((reply.status.as_u16(), statuses), (202, vec!["queued"; 3]));
}
