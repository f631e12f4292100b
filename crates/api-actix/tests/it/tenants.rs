//! Another tenant's ids answer exactly as ids that nobody was given, and as what is no id at all.

use serde_json::{Value, json};

use crate::harness::{Api, Login, Reply, api};

const NOBODYS: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// What an answer says, without what names the request itself.
fn told(reply: &Reply, id: &str) -> (u16, String, Value) {
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("request_id");
        members.remove("server_time");
    }
    let body = serde_json::from_str(&body.to_string().replace(id, "ID")).unwrap();
    (reply.status.as_u16(), reply.header("content-type").to_owned(), body)
}

#[actix_web::test]
async fn foreign_ids_do_not_exist() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let eve = api.member("Quinta Eve", "eve@eve.example").await;
    let space_id = api.space(&ana).await;
    for (method, path, body) in [
        ("GET", "/api/spaces/ID", json!(null)),
        ("PUT", "/api/spaces/ID", json!({"name":"mine now"})),
        ("DELETE", "/api/spaces/ID", json!(null)),
        ("GET", "/api/spaces/ID/members", json!(null)),
        ("PUT", &format!("/api/spaces/ID/members/{}", eve.user_id), json!({"role":"lead"})),
        ("DELETE", &format!("/api/spaces/ID/members/{}", eve.user_id), json!(null)),
        ("GET", "/api/offline/conflict?space=ID", json!(null)),
        (
            "POST",
            "/api/offline/conflict",
            json!({"op_id":NOBODYS,"filter":{"space_id":"ID","collection":"guests","kind":"fields"},"choose":"ours"}),
        ),
        ("GET", "/api/offline/sync/snapshot?space=ID", json!(null)),
        ("POST", "/api/offline/sync/verify", json!({"space_id":"ID","cursor":null})),
        ("POST", "/api/offline/sync/verify", json!({"space_id":"ID","rows":{"guests":{}}})),
        ("POST", "/api/offline/sync/purged", json!({"space_id":"ID","purge_id":NOBODYS})),
        ("POST", "/api/offline/sync", json!({"protocol":1,"pull":{"spaces":{"ID":{"cursor":null}}}})),
    ] {
        assert_alike(&api, &eve, &space_id, (method, path, &body)).await;
    }
    for method in ["GET", "DELETE"] {
        assert_alike(&api, &eve, &ana.device_id, (method, "/api/auth/devices/ID", &json!(null))).await;
    }
    let op_id = "01890000-0000-7000-8000-000000000001";
    let operation = json!({"op_id": op_id, "collection": "notes", "document_id": "a", "kind": "create", "base_version": 0, "patch": {}});
    let body = json!({"protocol": 1, "space_id": space_id, "operations": [operation]});
    assert_eq!(api.call(&ana.access_token, "POST", "/api/offline/sync", body).await.json()["results"][0]["status"], "applied");
    let path = format!("/api/offline/sync/explain/{op_id}");
    let told = api.call(&ana.access_token, "GET", &path, json!(null)).await.json();
    assert_eq!((&told["status"], &told["version"], &told["base"]["source"]), (&json!("applied"), &json!(1), &json!("none")));
    assert_alike(&api, &eve, op_id, ("GET", "/api/offline/sync/explain/ID", &json!(null))).await;
    assert_alike(&api, &eve, NOBODYS, ("GET", "/api/offline/conflict/ID", &json!(null))).await;
    assert_alike(&api, &eve, NOBODYS, ("POST", "/api/offline/conflict/ID/undo", &json!({"op_id":op_id}))).await;
    let mine = api.space(&eve).await;
    let member = format!("/api/spaces/{mine}/members/ID");
    for (method, body) in [("PUT", json!({"role":"lead"})), ("DELETE", json!(null))] {
        assert_alike(&api, &eve, &ana.user_id, (method, &member, &body)).await;
    }
    // nothing of it reached Ana
    assert_eq!(api.call(&ana.access_token, "GET", &format!("/api/spaces/{space_id}"), json!(null)).await.json()["name"], "Amara & Joel");
}

async fn assert_alike<S, B>(api: &Api<S>, caller: &Login, foreign: &str, (method, path, body): (&str, &str, &Value))
where
    S: actix_web::dev::Service<actix_http::Request, Response = actix_web::dev::ServiceResponse<B>, Error = actix_web::Error>,
    B: actix_web::body::MessageBody,
{
    let mut answers = Vec::new();
    for id in [foreign, NOBODYS, "no-uuid"] {
        let body = serde_json::from_str(&body.to_string().replace("ID", id)).unwrap();
        let reply = api.call(&caller.access_token, method, &path.replace("ID", id), body).await;
        answers.push(told(&reply, id));
    }
    assert_eq!(answers[0], answers[1], "{method} {path}");
    assert_eq!(answers[2], answers[1], "{method} {path}");
}
