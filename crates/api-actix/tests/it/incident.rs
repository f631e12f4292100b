//! An organisation that is locked, and let go by two owners; a device that is suspended.

use actix_http::Request;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use serde_json::{Value, json};

use crate::harness::{Api, Login, PASSWORD, Reply, api};

const PATH: &str = "/api/offline/incident";

async fn push<S, B>(api: &Api<S>, login: &Login, space_id: &str, op_id: &str) -> Reply
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let operation =
        json!({"op_id":op_id,"collection":"notes","document_id":op_id,"kind":"create","base_version":0,"patch":{"title":"secret"}});
    let body = json!({"protocol":1,"space_id":space_id,"operations":[operation],"pull":{"spaces":{space_id:{"cursor":null}}}});
    api.call(&login.access_token, "POST", "/api/offline/sync", body).await
}

fn op_id(number: u32) -> String {
    format!("01890a5d-ac96-774b-bcce-{number:012x}")
}

#[actix_web::test]
async fn a_locked_organisation_is_quiet_until_two_owners_let_it_go() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let rui = api.member("Studio Luz", "rui@luz.example").await;
    let space_id = api.space(&ana).await;
    assert_eq!(push(&api, &ana, &space_id, &op_id(1)).await.json()["results"][0]["status"], "applied");

    let held = api.call(&ana.access_token, "POST", PATH, json!({"reason":"a tablet is gone"})).await.json();
    assert_eq!((&held["state"], &held["by"], &held["reason"]), (&json!("locked"), &json!(ana.user_id), &json!("a tablet is gone")));
    let problem = push(&api, &ana, &space_id, &op_id(2)).await.assert_problem(403, "organisation_locked");
    assert_eq!((&problem["outbox"], &problem["retryable"]), (&json!("retain"), &json!(true)));
    let reply = api.call(&rui.access_token, "GET", "/api/spaces", json!(null)).await;
    assert!(reply.header("retry-after").parse::<u64>().is_ok());
    reply.assert_problem(403, "organisation_locked");
    // less than what holds already changes nothing
    let less = api.call(&ana.access_token, "POST", PATH, json!({"state":"read_only","reason":"calmer"})).await.json();
    assert_eq!(less["state"], "locked");

    let first = api.call(&ana.access_token, "DELETE", PATH, json!(null)).await.json();
    assert_eq!((&first["state"], &first["unlock"]["by"]), (&json!("locked"), &json!(ana.user_id)));
    api.call(&ana.access_token, "DELETE", PATH, json!(null)).await.assert_problem(409, "same_owner");
    let report = api.call(&rui.access_token, "GET", &format!("{PATH}/report"), json!(null)).await.json();
    assert_eq!(report["devices"][0]["touched"][0]["fields"], json!(["title"]), "{report}");
    assert!(!report.to_string().contains("secret"));
    let second = api.call(&rui.access_token, "DELETE", PATH, json!(null)).await.json();
    assert_eq!((&second["state"], &second["unlock"]), (&json!("active"), &Value::Null));
    assert_eq!(push(&api, &ana, &space_id, &op_id(2)).await.json()["results"][0]["status"], "applied");
}

#[actix_web::test]
async fn a_read_only_organisation_is_read_and_what_is_sent_waits() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space_id = api.space(&ana).await;
    push(&api, &ana, &space_id, &op_id(1)).await;
    let held = api.call(&ana.access_token, "POST", PATH, json!({"state":"read_only","reason":"we look"})).await.json();
    assert_eq!(held["state"], "read_only");
    let answer = push(&api, &ana, &space_id, &op_id(2)).await.json();
    let result = &answer["results"][0];
    assert_eq!((&result["status"], &result["held"]), (&json!("waiting"), &json!(false)));
    assert_eq!(result["problem"]["code"], "organisation_read_only");
    assert_eq!(answer["changes"][&space_id]["items"].as_array().unwrap().len(), 1, "it is read as ever");
    let problem =
        api.call(&ana.access_token, "POST", "/api/spaces", json!({"name":"x"})).await.assert_problem(403, "organisation_read_only");
    assert_eq!((&problem["outbox"], &problem["retryable"]), (&json!("retain"), &json!(true)));
}

#[actix_web::test]
async fn a_suspended_device_keeps_its_outbox_and_others_go_on() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space_id = api.space(&ana).await;
    let tablet = api.login("ana@luz.example").await;
    let body = json!({"device_id":tablet.device_id,"reason":"lost, perhaps"});
    assert_eq!(api.call(&ana.access_token, "POST", PATH, body).await.json()["state"], "active");
    let problem = push(&api, &tablet, &space_id, &op_id(1)).await.assert_problem(403, "device_suspended");
    assert_eq!((&problem["outbox"], &problem["retryable"]), (&json!("retain"), &json!(true)));
    api.call(&tablet.access_token, "GET", PATH, json!(null)).await.assert_problem(403, "device_suspended");
    assert_eq!(push(&api, &ana, &space_id, &op_id(2)).await.status, 200);
    let path = format!("{PATH}?device={}", tablet.device_id);
    assert_eq!(api.call(&ana.access_token, "DELETE", &path, json!(null)).await.status, 200);
    assert_eq!(push(&api, &tablet, &space_id, &op_id(1)).await.json()["results"][0]["status"], "applied");
}

#[actix_web::test]
async fn a_wiped_device_is_told_so_and_confirms_it() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let space_id = api.space(&ana).await;
    let tablet = api.login("ana@luz.example").await;
    let path = format!("/api/auth/devices/{}", tablet.device_id);
    let named = api.call(&ana.access_token, "PUT", &path, json!({"name":"The lost one"})).await.json();
    assert_eq!((&named["name"], &named["state"], &named["wipe"]), (&json!("The lost one"), &json!("active"), &Value::Null));
    let ordered = api.call(&ana.access_token, "POST", &format!("{path}/wipe"), json!(null)).await.json();
    assert_eq!((&ordered["state"], &ordered["wipe"]["confirmed_at"]), (&json!("revoked"), &Value::Null));
    let purge_id = ordered["wipe"]["purge_id"].clone();
    assert_eq!(api.call(&ana.access_token, "POST", &format!("{path}/wipe"), json!(null)).await.json()["wipe"]["purge_id"], purge_id);

    // its token is good for nothing else, also after it was bought anew
    api.call(&tablet.access_token, "GET", "/api/spaces", json!(null)).await.assert_problem(401, "unauthenticated");
    let fresh = api.call("", "POST", "/api/auth/refresh", json!({"refresh_token":tablet.refresh_token})).await;
    assert_eq!(fresh.status, 200, "{fresh:?}");
    let token = fresh.json()["access_token"].as_str().unwrap().to_owned();
    api.call(&token, "GET", "/api/spaces", json!(null)).await.assert_problem(401, "unauthenticated");
    let comes = Login { access_token: token.clone(), ..tablet };
    let told = push(&api, &comes, &space_id, &op_id(1)).await.json();
    assert_eq!((&told["wipe"], &told["results"][0]["status"], &told["results"][0]["held"]), (&purge_id, &json!("waiting"), &json!(false)));
    let space = &told["changes"][&space_id];
    assert_eq!(
        (&space["revoked"], &space["purge"], &space["wipe"], &space["purge_id"]),
        (&json!(true), &json!(true), &json!(true), &purge_id)
    );
    assert_eq!(api.held(&ana, &[&op_id(1)]).await, 0, "nothing of it was taken");

    let other = json!({"purge_id":op_id(9)});
    api.call(&token, "POST", "/api/offline/sync/purged", other).await.assert_problem(404, "unknown_purge");
    let body = json!({"purge_id":purge_id,"documents":3,"outbox_left":1});
    let confirmed = api.call(&token, "POST", "/api/offline/sync/purged", body.clone()).await.json();
    assert_eq!(api.call(&token, "POST", "/api/offline/sync/purged", body).await.json(), confirmed, "the same receipt");
    let listed = api.call(&ana.access_token, "GET", &path, json!(null)).await.json();
    assert_eq!((&listed["wipe"]["confirmed_at"], &listed["wipe"]["outbox_left"]), (&confirmed["recorded_at"], &json!(1)));
    push(&api, &comes, &space_id, &op_id(1)).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn who_logs_out_says_first_what_was_not_sent() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let unsent = json!({"outbox":{"operations":3,"bytes":900}});
    let problem = api.call(&ana.access_token, "POST", "/api/auth/logout", unsent.clone()).await.assert_problem(409, "unsent_work");
    assert!(problem["detail"].as_str().unwrap().contains("3 operations of 900 bytes"), "{problem}");
    assert_eq!(api.call(&ana.access_token, "GET", "/api/spaces", json!(null)).await.status, 200, "still logged in");
    let forced = json!({"outbox":{"operations":3,"bytes":900},"force":true});
    let told = api.call(&ana.access_token, "POST", "/api/auth/logout", forced).await;
    assert_eq!((told.status.as_u16(), told.json()), (200, unsent));
    api.call(&ana.access_token, "GET", "/api/spaces", json!(null)).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn only_owners_hold_and_only_what_is_theirs() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let cy = api.member("Quinta Velha", "cy@velha.example").await;
    let rui = json!({"email":"rui@luz.example","password":PASSWORD,"name":"Rui"});
    api.call(&ana.access_token, "POST", "/api/users", rui).await;
    let rui = api.login("rui@luz.example").await;
    for (method, path) in [("GET", PATH), ("DELETE", PATH), ("GET", "/api/offline/incident/report")] {
        api.call(&rui.access_token, method, path, json!(null)).await.assert_problem(403, "forbidden");
    }
    api.call(&rui.access_token, "POST", PATH, json!({"reason":"no"})).await.assert_problem(403, "forbidden");
    let foreign = json!({"device_id":ana.device_id,"reason":"no"});
    api.call(&cy.access_token, "POST", PATH, foreign).await.assert_problem(404, "unknown_device");
    api.call(&ana.access_token, "POST", PATH, json!({"state":"active","reason":"no"})).await.assert_problem(400, "malformed");
    api.call(&ana.access_token, "POST", PATH, json!({"reason":""})).await.assert_problem(400, "malformed");
}
