//! How devices fare, over HTTP.

use serde_json::{Value, json};

use crate::harness::{api, request};

#[actix_web::test]
async fn a_device_reports_and_is_told() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&ana).await;
    let path = format!("/api/offline/sync/status/{}", ana.device_id);
    let never = api.call(&ana.access_token, "GET", &path, Value::Null).await;
    assert_eq!((never.status.as_u16(), &never.json()["last_seen_at"]), (200, &Value::Null), "{never:?}");
    let report = json!({"outbox":{"operations":2},"link":{"ect":"2g"},"battery":{"level":1}});
    let told = api.call(&ana.access_token, "POST", &path, report).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!((&told.json()["outbox"]["depth"], &told.json()["next"]["max_operations"]), (&json!(2), &json!(50)));
    let pull = json!({"protocol":1,"pull":{"spaces":{&space:{"cursor":null}}}});
    assert_eq!(api.call(&ana.access_token, "POST", "/api/offline/sync", pull).await.status, 200);
    let lag = api.call(&ana.access_token, "GET", &path, Value::Null).await.json()["spaces"][&space].clone();
    assert_eq!(lag, json!({"cursor_lag":0,"head":0,"floor":0}));
    let presence = api.call(&ana.access_token, "GET", &format!("/api/spaces/{space}/presence"), Value::Null).await;
    assert_eq!(presence.json(), json!({"items":[]}), "nothing is written down yet");
    api.state.service().flush_devices().await.unwrap();
    let presence = api.call(&ana.access_token, "GET", &format!("/api/spaces/{space}/presence"), Value::Null).await.json();
    assert_eq!((&presence["items"][0]["state"], &presence["items"][0]["device_id"]), (&json!("here"), &json!(ana.device_id)), "{presence}");
}

#[actix_web::test]
async fn reports_are_strict_and_of_the_device_itself() {
    let api = api().await;
    let (ana, other) = (api.member("Studio Luz", "ana@luz.example").await, api.login("ana@luz.example").await);
    let stranger = api.member("Quinta Velha", "cy@velha.example").await;
    let path = format!("/api/offline/sync/status/{}", ana.device_id);
    for (body, pointer) in [
        (json!([]), ""),
        (json!({"outbox":7}), "/outbox"),
        (json!({"outbox":{}}), "/outbox/operations"),
        (json!({"outbox":{"operations":"7"}}), "/outbox/operations"),
        (json!({"outbox":{"operations":9_007_199_254_740_992_u64,"bytes":-1}}), "/outbox/bytes"),
        (json!({"link":{"ect":"5g"}}), "/link/ect"),
        (json!({"link":{"rtt_ms":600_001}}), "/link/rtt_ms"),
        (json!({"battery":{"level":1.5}}), "/battery/level"),
        (json!({"app_version":"x".repeat(65)}), "/app_version"),
        (json!({"at":"noon"}), "/at"),
    ] {
        let problem = api.call(&ana.access_token, "POST", &path, body.clone()).await.assert_problem(400, "malformed");
        assert_eq!(problem["pointer"], pointer, "{body}: {problem}");
    }
    api.call(&other.access_token, "POST", &path, json!({})).await.assert_problem(403, "forbidden");
    for (method, body) in [("GET", Value::Null), ("POST", json!({}))] {
        api.call(&stranger.access_token, method, &path, body.clone()).await.assert_problem(404, "unknown_device");
        api.call(&ana.access_token, method, "/api/offline/sync/status/me", body.clone()).await.assert_problem(404, "unknown_device");
        api.call("", method, &path, body).await.assert_problem(401, "unauthenticated");
    }
    let large = json!({"app_version":"x".repeat(20_000)});
    api.call(&ana.access_token, "POST", &path, large).await.assert_problem(413, "too_large");
}

#[actix_web::test]
async fn client_hints_are_heeded() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let sync = request("POST", "/api/offline/sync")
        .insert_header(("authorization", format!("Bearer {}", ana.access_token)))
        .insert_header(("ect", "slow-2g"))
        .insert_header(("rtt", "3000"))
        .insert_header(("downlink", "0.05"))
        .insert_header(("save-data", "on"))
        .insert_header(("user-agent", "Rejoin/2.1 (iPad)"))
        .set_payload(json!({"protocol":1}).to_string());
    let next = api.send(sync).await.json()["next"].clone();
    assert_eq!(next, json!({"sync_after_ms":45_000,"max_operations":20,"reason":"idle"}));
    let path = format!("/api/offline/sync/status/{}", ana.device_id);
    let told = api.call(&ana.access_token, "GET", &path, Value::Null).await.json();
    assert_eq!(told["link"], json!({"rtt_ms":3000,"up_kbps":null,"down_kbps":50,"ect":"slow-2g","save_data":true}));
    assert_eq!(told["app_version"], "Rejoin/2.1 (iPad)");
}
