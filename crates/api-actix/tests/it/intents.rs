//! The intent `shift` over HTTP; every answer is held against the OpenAPI document.

use serde_json::{Value, json};

use crate::harness::api;

const EVENTS: &str = "timeline_events";

fn op_id(n: u32) -> String {
    format!("01890000-0000-7000-8000-{n:012x}")
}

fn event(n: u32, document: &str, clock: &str, anchor: &str) -> Value {
    let patch = json!({"title": document, "starts_at": format!("2026-06-20T{clock}"), "anchor": anchor});
    json!({"op_id": op_id(n), "collection": EVENTS, "document_id": document, "kind": "create", "base_version": 0, "patch": patch})
}

fn shift(n: u32, by_min: i64) -> Value {
    let args = json!({"from": "2026-06-20T16:00", "to": null, "by_min": by_min, "reason": "shuttle late"});
    json!({"op_id": op_id(n), "collection": EVENTS, "kind": "intent", "intent": {"name": "shift", "args": args}, "base_version": 2})
}

#[actix_web::test]
async fn a_delay_is_told_once_whoever_tells_it_twice() {
    let api = api().await;
    let ana = api.member("Alder & Rye", "ana@example.org").await;
    let space = api.space(&ana).await;
    let rui = api.member("Alder & Rye", "rui@example.org").await;
    let member = format!("/api/spaces/{space}/members/{}", rui.user_id);
    assert_eq!(api.call(&ana.access_token, "PUT", &member, json!({"role": "photographer"})).await.status, 200);
    let sync = async |login: &crate::harness::Login, operations: Value| {
        let body = json!({"protocol": 1, "space_id": &space, "operations": operations});
        api.call(&login.access_token, "POST", "/api/offline/sync", body).await.json()["results"].clone()
    };
    let made = sync(&ana, json!([event(1, "ceremony", "16:00", "fixed"), event(2, "dinner", "19:00", "flex")])).await;
    assert!(made.as_array().unwrap().iter().all(|result| result["status"] == "applied" && result["touched"] == json!([])));

    let first = sync(&rui, json!([shift(3, 10)])).await[0].clone();
    assert_eq!((&first["status"], &first["decided_version"]), (&json!("applied"), &json!(3)));
    assert_eq!(first["touched"], json!([{"collection": EVENTS, "document_id": "dinner", "version": 3}]));
    assert_eq!(first["excluded"], json!([{"document_id": "ceremony", "reason": "fixed"}]));
    let second = sync(&ana, json!([shift(4, 15)])).await[0].clone();
    assert_eq!((&second["status"], &second["touched"][0]["document_id"]), (&json!("conflict"), &json!("dinner")));

    let list = api.call(&rui.access_token, "GET", &format!("/api/offline/conflict?space={space}"), Value::Null).await.json();
    let question = &list["items"][0];
    assert_eq!((&question["conflict_id"], &question["intent"]["args"]["by_min"]), (&second["conflict_id"], &json!(10)));
    let field = &question["documents"][0]["fields"]["/starts_at"];
    assert_eq!((&field["ours"], &field["theirs"]), (&json!("2026-06-20T19:15"), &json!("2026-06-20T19:25")));
    let answer = json!({"op_id": op_id(5), "conflict_id": question["conflict_id"], "version": question["version"], "choose": "theirs"});
    let body = json!({"resolutions": [answer]});
    let answered = api.call(&ana.access_token, "PUT", "/api/offline/sync/resolve", body).await.json()["results"][0].clone();
    assert_eq!((&answered["status"], &answered["touched"][0]["document_id"]), (&json!("applied"), &json!("dinner")));

    let wrong = sync(&rui, json!([shift(6, 1_441)])).await[0].clone();
    assert_eq!((&wrong["problem"]["code"], &wrong["problem"]["pointer"]), (&json!("malformed"), &json!("/intent/args/by_min")));
    let explained = api.call(&rui.access_token, "GET", &format!("/api/offline/sync/explain/{}", op_id(3)), Value::Null).await.json();
    assert_eq!((&explained["kind"], &explained["collection"], &explained["version"]), (&json!("intent"), &json!(EVENTS), &json!(3)));
}
