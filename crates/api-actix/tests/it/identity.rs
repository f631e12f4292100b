//! From login to a synced document and out again.

use serde_json::json;

use crate::harness::{PASSWORD, api};

#[actix_web::test]
async fn login_space_sync_logout() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let token = &login.access_token;
    let space_id = api.space(&login).await;

    let body = json!({"protocol":1,"space_id":space_id,
        "operations":[{"op_id":"01890a5d-ac96-774b-bcce-b302099a8057","collection":"timeline_events","document_id":"evt-1","kind":"create","base_version":0,"patch":{"title":"Ceremony"}}],
        "pull":{"spaces":{&space_id:{"cursor":null}}}});
    let reply = api.call(token, "POST", "/api/offline/sync", body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/json");
    let answer = reply.json();
    assert_eq!(answer["results"][0]["status"], "applied", "{answer}");
    assert!(answer["changes"][&space_id].is_object(), "{answer}");

    let reply = api.call(token, "GET", &format!("/api/spaces/{space_id}"), json!(null)).await;
    assert_eq!((reply.status.as_u16(), reply.json()["role"].clone()), (200, json!("lead")));
    let reply = api.call(token, "PUT", &format!("/api/spaces/{space_id}"), json!({"status":"archived"})).await;
    assert_eq!((reply.status.as_u16(), reply.json()["status"].clone()), (200, json!("archived")));
    let settings = json!({"merge_mode":"assisted","venue_user":login.user_id,"colour":"moss","seats":7});
    let reply = api.call(token, "PUT", &format!("/api/spaces/{space_id}"), json!({"settings":settings})).await;
    assert_eq!(reply.json()["settings"], settings);
    let bold = json!({"settings":{"merge_mode":"bold"}});
    let problem = api.call(token, "PUT", &format!("/api/spaces/{space_id}"), bold).await.assert_problem(400, "malformed");
    assert_eq!(problem["pointer"], "/settings/merge_mode");
    let reply = api.call(token, "GET", "/api/spaces?limit=1", json!(null)).await;
    assert_eq!((reply.status.as_u16(), reply.json()["items"][0]["space_id"].clone()), (200, json!(space_id)));
    let reply = api.call(token, "DELETE", &format!("/api/spaces/{space_id}"), json!(null)).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (204, 0));
    api.call(token, "GET", &format!("/api/spaces/{space_id}"), json!(null)).await.assert_problem(404, "unknown_space");

    assert_eq!(api.call(token, "POST", "/api/auth/logout", json!(null)).await.status, 204);
    api.call(token, "GET", "/api/spaces", json!(null)).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn people_and_their_roles() {
    let api = api().await;
    let lead = api.member("Studio Luz", "ana@luz.example").await;
    let space_id = api.space(&lead).await;
    let rui = json!({"email":"Rui@Luz.example","password":PASSWORD,"name":"Rui"});
    let reply = api.call(&lead.access_token, "POST", "/api/users", rui.clone()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let rui_id = reply.json()["user_id"].as_str().unwrap().to_owned();
    api.call(&lead.access_token, "POST", "/api/users", rui).await.assert_problem(409, "email_taken");

    let member = format!("/api/spaces/{space_id}/members/{rui_id}");
    let reply = api.call(&lead.access_token, "PUT", &member, json!({"role":"photographer"})).await;
    assert_eq!((reply.status.as_u16(), reply.json()["role"].clone()), (200, json!("photographer")));
    let problem = api.call(&lead.access_token, "PUT", &member, json!({"role":"king"})).await.assert_problem(400, "malformed");
    assert_eq!(problem["pointer"], "/role");
    let members = api.call(&lead.access_token, "GET", &format!("/api/spaces/{space_id}/members"), json!(null)).await.json();
    assert_eq!(members["items"].as_array().unwrap().len(), 2);

    let rui = api.login("rui@luz.example").await;
    api.call(&rui.access_token, "POST", "/api/users", json!({"email":"x@y.example","password":PASSWORD,"name":"x"}))
        .await
        .assert_problem(403, "forbidden");
    api.call(&rui.access_token, "DELETE", &format!("/api/spaces/{space_id}"), json!(null)).await.assert_problem(403, "forbidden");
    assert_eq!(api.call(&lead.access_token, "DELETE", &member, json!(null)).await.status, 204);
    let own = format!("/api/spaces/{space_id}/members/{}", lead.user_id);
    api.call(&lead.access_token, "DELETE", &own, json!(null)).await.assert_problem(409, "last_lead");
}

#[actix_web::test]
async fn tokens_turn_and_devices_are_revoked() {
    let api = api().await;
    let first = api.member("Studio Luz", "ana@luz.example").await;
    let reply = api.call("", "POST", "/api/auth/refresh", json!({"refresh_token":first.refresh_token})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let problem =
        api.call("", "POST", "/api/auth/refresh", json!({"refresh_token":"made up"})).await.assert_problem(401, "invalid_refresh_token");
    assert_eq!(problem["outbox"], "retain");
    let wrong = json!({"email":"ana@luz.example","password":"not this one"});
    api.call("", "POST", "/api/auth/login", wrong).await.assert_problem(401, "wrong_credentials");

    let second = api.login("ana@luz.example").await;
    let devices = api.call(&first.access_token, "GET", "/api/auth/devices", json!(null)).await.json();
    assert_eq!(devices["items"].as_array().unwrap().len(), 2, "{devices}");
    let path = format!("/api/auth/devices/{}", second.device_id);
    assert_eq!(api.call(&first.access_token, "GET", &path, json!(null)).await.status, 200);
    assert_eq!(api.call(&first.access_token, "DELETE", &path, json!(null)).await.status, 204);
    api.call(&second.access_token, "GET", "/api/spaces", json!(null)).await.assert_problem(401, "unauthenticated");

    api.clock.advance_ms(16 * 60 * 1_000);
    api.call(&first.access_token, "GET", "/api/spaces", json!(null)).await.assert_problem(401, "unauthenticated");
}
