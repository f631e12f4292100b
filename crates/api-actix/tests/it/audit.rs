//! The audit log over HTTP.

use serde_json::{Value, json};
use sync_service::{Keyring, SigningKey};

use crate::harness::{api, request};

const AUDIT: &str = "/api/offline/audit";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[actix_web::test]
async fn what_was_done_is_told_and_proved() {
    let api = api().await;
    let service = api.state.service();
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let get = async |path: &str| api.call(&ana.access_token, "GET", &format!("{AUDIT}{path}"), Value::Null).await;
    get("/checkpoint").await.assert_problem(503, "unavailable");
    service.use_audit_keys(Keyring::parse(&SigningKey::from_seed([7; 32]).unwrap().line()).unwrap());

    let create = request("POST", "/api/spaces")
        .insert_header(("authorization", format!("Bearer {}", ana.access_token)))
        .insert_header(("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01")))
        .set_json(json!({"name": "Amara & Joel"}));
    let space = api.send(create).await.json()["space_id"].clone();
    let list = get("?action=space.create&limit=5").await.json();
    let item = &list["items"][0];
    assert_eq!((&item["space_id"], &item["trace"], &item["state"]), (&space, &json!(TRACE), &json!("waiting")), "{list}");
    let record = item["record_id"].as_str().unwrap();

    let early = get(&format!("/proof?record={record}")).await;
    early.assert_problem(409, "not_yet_sequenced");
    assert!(!early.header("retry-after").is_empty(), "{early:?}");
    service.sequence_audit().await.unwrap();
    let checkpoint = get("/checkpoint").await.json();
    let size = checkpoint["size"].as_u64().unwrap();
    let proof = get(&format!("/proof?record={record}")).await.json();
    assert_eq!((&proof["size"], &proof["checkpoint"]), (&json!(size), &checkpoint["checkpoint"]), "{proof}");
    assert_eq!(get("/proof?from=1").await.json()["to"], json!(size));
    assert_eq!(get(&format!("/proof?index={}", size - 1)).await.status, 200);
    assert_eq!(get("/checkpoint?size=1").await.json()["size"], json!(1));
    assert_eq!(get(&format!("/{record}")).await.json()["state"], "sequenced");
    get(&format!("/proof?index={size}")).await.assert_problem(409, "not_yet_sequenced");
    for query in ["", "?record=x", "?index=1&from=1", "?size=1", "?to=1", "?index=-1"] {
        get(&format!("/proof{query}")).await.assert_problem(400, "malformed");
    }
    get("?op=x").await.assert_problem(400, "malformed");
    get("?users=x").await.assert_problem(400, "malformed");
    get("/01890000-0000-7000-8000-000000000001").await.assert_problem(404, "unknown_record");
    let stranger = api.member("Quinta Velha", "cy@velha.example").await;
    let foreign = format!("{AUDIT}/{record}");
    api.call(&stranger.access_token, "GET", &foreign, Value::Null).await.assert_problem(404, "unknown_record");
    let reveal = json!({"document": "guests/a", "field": "diet"});
    api.call(&stranger.access_token, "POST", &format!("{foreign}/reveal"), reveal.clone()).await.assert_problem(404, "unknown_record");
    api.call(&ana.access_token, "POST", &format!("{foreign}/reveal"), reveal).await.assert_problem(404, "unknown_document");
}

#[actix_web::test]
async fn a_device_hands_back_what_it_was_told() {
    let api = api().await;
    let service = api.state.service();
    service.use_audit_keys(Keyring::parse(&SigningKey::from_seed([8; 32]).unwrap().line()).unwrap());
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let sync = async |audit: Value| {
        let reply = api.call(&ana.access_token, "POST", "/api/offline/sync", json!({"protocol": 1, "audit": audit})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["audit"].clone()
    };
    assert_eq!(sync(json!({})).await, json!({"checkpoint": null, "consistency": [], "problem": null}));
    service.sequence_audit().await.unwrap();
    let first = sync(json!({})).await["checkpoint"].clone();
    let backup = api.store.save();
    let create = async || api.call(&ana.access_token, "POST", "/api/spaces", json!({"name": "x"})).await;
    create().await;
    service.sequence_audit().await.unwrap();
    let checkpoint = api.call(&ana.access_token, "GET", &format!("{AUDIT}/checkpoint"), Value::Null).await.json();
    let told = sync(json!({"checkpoint": first})).await;
    assert_eq!((&told["checkpoint"], &told["problem"]), (&checkpoint["checkpoint"], &Value::Null), "{told}");
    assert!(!told["consistency"].as_array().unwrap().is_empty());
    api.store.put_back(&backup);
    let told = sync(json!({"checkpoint": checkpoint["checkpoint"]})).await;
    assert_eq!(told["problem"]["code"], "audit_fork", "{told}");
    let metrics = api.send(request("GET", "/metrics")).await;
    assert!(String::from_utf8_lossy(&metrics.body).contains("rejoin_audit_forks_total 1"));
    assert_eq!(sync(json!({"checkpoint": "x"})).await["problem"]["code"], "malformed");
    for audit in [json!(7), json!({"checkpoint": 7})] {
        let reply = api.call(&ana.access_token, "POST", "/api/offline/sync", json!({"protocol": 1, "audit": audit})).await;
        reply.assert_problem(400, "malformed");
    }
}

#[actix_web::test]
async fn the_log_is_exported_as_lines() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    api.call(&ana.access_token, "POST", "/api/spaces", json!({"name": "x"})).await;
    let reply = api.call(&ana.access_token, "GET", &format!("{AUDIT}/export?action=space.create"), Value::Null).await;
    let lines: Vec<Value> = String::from_utf8_lossy(&reply.body).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["action"], &lines[1]), (2, &json!("space.create"), &json!({"type": "end", "records": 1})));
    for query in ["?limit=5", "?after=01890000-0000-7000-8000-000000000001"] {
        let reply = api.call(&ana.access_token, "GET", &format!("{AUDIT}/export{query}"), Value::Null).await;
        reply.assert_problem(400, "malformed");
    }
}
