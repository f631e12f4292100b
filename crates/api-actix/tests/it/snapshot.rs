//! Snapshots over HTTP.

use actix_web::body::MessageBody;
use actix_web::dev::Service as _;
use actix_web::web::Bytes;
use serde_json::{Value, json};

use crate::harness::{Api, Login, api, request};

fn lines(body: &Bytes) -> Vec<Value> {
    body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// Makes documents of 250 kB, of which five fill a page.
async fn fill<S, B>(api: &Api<S>, login: &Login, space: &str, count: u32)
where
    S: actix_web::dev::Service<actix_http::Request, Response = actix_web::dev::ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    for n in 0..count {
        let op_id = format!("01890000-0000-7000-8000-{n:012x}");
        let operation = json!({"op_id": op_id, "collection": "notes", "document_id": format!("d{n:03}"), "kind": "create", "base_version": 0,
            "patch": {"text": "x".repeat(250_000)}});
        let body = json!({"protocol": 1, "space_id": space, "operations": [operation]});
        let reply = api.call(&login.access_token, "POST", "/api/offline/sync", body).await;
        assert_eq!(reply.json()["results"][0]["status"], "applied", "{reply:?}");
    }
}

#[actix_web::test]
async fn it_is_ndjson_and_resumes_after_every_mark() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    fill(&api, &ana, &space, 12).await;
    let path = format!("/api/offline/sync/snapshot?space={space}");
    let whole = api.call(&ana.access_token, "GET", &path, Value::Null).await;
    assert_eq!((whole.status.as_u16(), whole.header("content-type")), (200, "application/x-ndjson"));
    let all = lines(&whole.body);
    assert_eq!((&all[0]["type"], &all[0]["documents"]), (&json!("head"), &json!(12)));
    let marks: Vec<_> = all.iter().enumerate().filter(|(_, line)| line["type"] == "mark").collect();
    assert_eq!(marks.len(), 2);
    let documents = |lines: &[Value]| lines.iter().filter(|line| line["type"] == "document").cloned().collect::<Vec<_>>();
    for (place, mark) in marks {
        let reply = api.call(&ana.access_token, "GET", &format!("{path}&mark={}", mark["mark"].as_str().unwrap()), Value::Null).await;
        let resumed = lines(&reply.body);
        assert_eq!(resumed[0], all[0]);
        assert_eq!([documents(&all[..place]), documents(&resumed)].concat(), documents(&all));
        assert_eq!(resumed.last().unwrap()["sent"], 12);
    }
    let cursor = &all.last().unwrap()["cursor"];
    let body = json!({"protocol": 1, "pull": {"spaces": {&space: {"cursor": cursor}}}});
    let pulled = api.call(&ana.access_token, "POST", "/api/offline/sync", body).await.json();
    assert_eq!((&pulled["changes"][&space]["items"], &pulled["changes"][&space]["has_more"]), (&json!([]), &json!(false)));
}

#[actix_web::test]
async fn a_mark_that_can_not_be_used_is_gone() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    for mark in ["", "nonsense", "%F0%9F%92%8D"] {
        let path = format!("/api/offline/sync/snapshot?space={space}&mark={mark}");
        api.call(&ana.access_token, "GET", &path, Value::Null).await.assert_problem(410, "snapshot_gone");
    }
    api.call(&ana.access_token, "GET", "/api/offline/sync/snapshot", Value::Null).await.assert_problem(400, "malformed");
}

#[actix_web::test]
async fn whoever_is_shut_out_on_the_way_gets_a_problem_as_the_last_line() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    fill(&api, &ana, &space, 24).await;
    let path = format!("/api/offline/sync/snapshot?space={space}");
    let request = request("GET", &path)
        .insert_header(("authorization", format!("Bearer {}", ana.access_token)))
        .insert_header(("x-request-id", "barn-7"))
        .to_request();
    let response = api.app.call(request).await.unwrap_or_else(|error| panic!("{error}"));
    let mut body = Box::pin(response.into_body());
    let mut next = async || std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
    let Some(Ok(first)) = next().await else { panic!("a first chunk") };
    assert!(first.len() <= 65_536, "handed on in pieces: {}", first.len());
    assert_eq!(api.call(&ana.access_token, "POST", "/api/auth/logout", Value::Null).await.status, 204);
    let mut text = first.to_vec();
    while let Some(Ok(chunk)) = next().await {
        text.extend_from_slice(&chunk);
    }
    let lines = lines(&text.into());
    assert!(lines.iter().all(|line| line["type"] != "end"), "it is not complete");
    assert!(lines.iter().any(|line| line["type"] == "mark"));
    let last = lines.last().unwrap();
    assert_eq!((&last["type"], &last["code"], &last["status"]), (&json!("problem"), &json!("unauthenticated"), &json!(401)));
    assert_eq!((&last["request_id"], &last["outbox"]), (&json!("barn-7"), &json!("retain")));
}

#[actix_web::test]
async fn a_client_that_goes_away_ends_it() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    fill(&api, &ana, &space, 12).await;
    let path = format!("/api/offline/sync/snapshot?space={space}");
    let before = api.state.service().clone();
    let request = request("GET", &path).insert_header(("authorization", format!("Bearer {}", ana.access_token))).to_request();
    let response = api.app.call(request).await.unwrap_or_else(|error| panic!("{error}"));
    let mut body = Box::pin(response.into_body());
    assert!(std::future::poll_fn(|context| body.as_mut().poll_next(context)).await.is_some());
    drop(body);
    // the server goes on
    assert!(before.ready().await.is_ok());
    assert_eq!(api.call(&ana.access_token, "GET", &path, Value::Null).await.status, 200);
}
