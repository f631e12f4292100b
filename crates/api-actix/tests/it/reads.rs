//! Comparing copies, confirming purges, and what a client may count on, over HTTP.

use serde_json::{Value, json};

use crate::harness::{api, request};

#[actix_web::test]
async fn a_purge_is_confirmed_by_whom_it_was_told() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let bo = api.member("Studio Luz", "bo@luz.example").await;
    let space = api.space(&ana).await;
    let member = format!("/api/spaces/{space}/members/{}", bo.user_id);
    assert_eq!(api.call(&ana.access_token, "PUT", &member, json!({"role": "vendor"})).await.status, 200);
    assert_eq!(api.call(&ana.access_token, "DELETE", &member, Value::Null).await.status, 204);
    let bo = api.login("bo@luz.example").await;
    let pull = json!({"protocol": 1, "pull": {"spaces": {&space: {"cursor": null}}}});
    let told = api.call(&bo.access_token, "POST", "/api/offline/sync", pull.clone()).await.json()["changes"][&space].clone();
    assert_eq!((&told["revoked"], &told["purge"]), (&json!(true), &json!(true)));
    let body = json!({"purge_id": told["purge_id"], "space_id": space, "purged_at": "2026-06-20T14:00:00Z", "documents": 7, "assets": 0,
        "outbox_left": 0});
    let path = "/api/offline/sync/purged";
    api.call(&ana.access_token, "POST", path, body.clone()).await.assert_problem(404, "unknown_purge");
    let first = api.call(&bo.access_token, "POST", path, body.clone()).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.json()["purge_id"], told["purge_id"]);
    assert!(first.json()["receipt"].is_string() && first.json()["recorded_at"].is_string());
    assert_eq!(api.call(&bo.access_token, "POST", path, body.clone()).await.body, first.body, "replayed");
    let after = api.call(&bo.access_token, "POST", "/api/offline/sync", pull).await.json()["changes"][&space].clone();
    assert_eq!((&after["revoked"], &after["problem"]["code"]), (&json!(false), &json!("unknown_space")));
    for (member, wrong) in [("purge_id", json!(1)), ("documents", json!(-1)), ("outbox_left", json!("x"))] {
        let mut body = body.clone();
        body[member] = wrong;
        let problem = api.call(&bo.access_token, "POST", path, body).await.assert_problem(400, "malformed");
        assert_eq!(problem["pointer"], format!("/{member}"));
    }
    let large = json!({"purge_id": "x".repeat(20_000), "space_id": space});
    api.call(&bo.access_token, "POST", path, large).await.assert_problem(413, "too_large");
}

#[actix_web::test]
async fn config_needs_no_token_and_is_true() {
    let api = api().await;
    let reply = api.send(request("GET", "/api/offline/config")).await;
    let config = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!((&config["protocol"], &config["server_version"]), (&json!([1]), &json!(env!("CARGO_PKG_VERSION"))));
    let limits = json!({"max_operations":1000,"max_document_bytes":262_144,"max_body_bytes":8_388_608,"max_depth":32,"max_changes":5000,
        "max_receipts":10000,"max_dependencies":32});
    for (name, value) in limits.as_object().unwrap() {
        assert_eq!(&config["limits"][name], value, "{name}");
    }
    assert_eq!(
        (&config["keep_acknowledged_s"], &config["tombstone_days"], &config["history_days"]),
        (&json!(3_024_000), &json!([90, 400]), &json!(400))
    );
    assert_eq!(config["checksum"], "sha256-64-sum/1");
    let features: Vec<&str> = config["features"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(["snapshot", "verify", "purged"].iter().all(|name| features.contains(name)), "{features:?}");
    assert_eq!(config["encodings"], json!(api_actix::ENCODINGS));
}

#[actix_web::test]
async fn a_copy_is_compared_by_sums_then_rows() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let operation = json!({"op_id": "01890000-0000-7000-8000-000000000001", "collection": "notes", "document_id": "a", "kind": "create",
        "base_version": 0, "patch": {"t": 1}});
    api.call(&ana.access_token, "POST", "/api/offline/sync", json!({"protocol": 1, "space_id": space, "operations": [operation]})).await;
    let path = "/api/offline/sync/verify";
    let sums = api.call(&ana.access_token, "POST", path, json!({"space_id": space, "cursor": null})).await;
    assert_eq!((sums.status.as_u16(), sums.json()["buckets"]["notes"].as_array().unwrap().len()), (200, 256));
    // SHA-256 of "a" begins with ca
    let rows = json!({"space_id": space, "rows": {"notes": {"ca": []}}, "deep": false});
    let repair = api.call(&ana.access_token, "POST", path, rows).await.json()["repair"]["notes"].clone();
    assert_eq!(
        (&repair["items"][0]["document"], &repair["items"][0]["version"], &repair["drop"]),
        (&json!({"t": 1}), &json!(1), &json!([]))
    );
    let many: Vec<Value> = (0..10_001).map(|n| json!([format!("d{n}"), 1])).collect();
    let over = json!({"space_id": space, "rows": {"notes": {"ca": many}}});
    assert_eq!(api.call(&ana.access_token, "POST", path, over).await.assert_problem(413, "too_large")["pointer"], "/rows");
    let wrong = json!({"space_id": space, "rows": {"notes": {"00": [["a", 1]]}}});
    assert_eq!(api.call(&ana.access_token, "POST", path, wrong).await.assert_problem(400, "malformed")["pointer"], "/rows/notes/00/0");
}
