//! Replacing a space's schema over HTTP, and devices of two versions.

use serde_json::{Value, json};

use crate::harness::api;

#[actix_web::test]
async fn a_schema_is_replaced_and_old_devices_go_on() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let schema = |version: u32, lenses: Value, oldest: u32| {
        let collections = json!({"guests":{"fields":{if version == 1 { "mail" } else { "email" }:{"type":"text"}}}});
        json!({"name":"party","version":version,"oldest_readable":oldest,"lenses":lenses,"collections":collections})
    };
    let made = api.call(&ana.access_token, "POST", "/api/spaces", json!({"name":"x","schema":schema(1, json!([]), 1)})).await.json();
    assert_eq!(made["schema_version"], 1, "{made}");
    let space = made["space_id"].as_str().unwrap();
    let path = format!("/api/spaces/{space}");
    let operation = |n: u32, kind: &str, base: i64, patch: Value| {
        let op_id = format!("01890000-0000-7000-8000-{n:012x}");
        json!({"op_id":op_id,"collection":"guests","document_id":"g","kind":kind,"base_version":base,"patch":patch})
    };
    let sync = async |body: Value| {
        let mut body = body;
        (body["protocol"], body["space_id"]) = (json!(1), json!(space));
        let reply = api.call(&ana.access_token, "POST", "/api/offline/sync", body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    };
    sync(json!({"operations":[operation(1, "create", 0, json!({"mail":"a@b"}))]})).await;

    let rename = json!([{"to":2,"collections":{"guests":[{"move":"rename","field":"mail","to":"email"}]}}]);
    for (bad, pointer) in [
        (
            schema(2, json!([{"to":2,"collections":{"guests":[{"move":"rename","field":"mail"}]}}]), 1),
            "/schema/lenses/0/collections/guests/0",
        ),
        (schema(2, json!([{"to":3}]), 1), "/schema/lenses"),
        (
            json!({"name":"party","version":2,"collections":{"guests":{"fields":{"mail":{"type":"txt"}}}}}),
            "/schema/collections/guests/fields/mail/type",
        ),
        (json!({"name":"party","version":1,"collections":{}}), "/schema/version"),
    ] {
        let problem = api.call(&ana.access_token, "PUT", &path, json!({"schema":bad})).await.assert_problem(400, "malformed");
        assert_eq!(problem["pointer"], pointer, "{problem}");
    }
    let upgraded = api.call(&ana.access_token, "PUT", &path, json!({"schema":schema(2, rename.clone(), 2)})).await;
    assert_eq!((upgraded.status.as_u16(), &upgraded.json()["schema_version"]), (200, &json!(2)));
    let again = api.call(&ana.access_token, "PUT", &path, api.call(&ana.access_token, "GET", &path, Value::Null).await.json()).await;
    assert_eq!(again.json(), upgraded.json(), "what was read can be sent back");

    let pull = json!({"spaces":{space:{"cursor":null}}});
    let old = sync(json!({"schema":1,"operations":[operation(2, "update", 1, json!({"mail":"new@b"}))],"pull":pull})).await;
    assert_eq!((&old["results"][0]["status"], &old["results"][0]["document"]), (&json!("merged"), &json!({"email":"new@b"})), "{old}");
    let page = &old["changes"][space];
    assert_eq!((&page["upgrade_required"], &page["items"]), (&json!(true), &json!([])), "{page}");
    let new = sync(json!({"schema":2,"pull":pull})).await;
    assert_eq!(new["changes"][space]["items"][0]["document"], json!({"email":"new@b"}), "{new}");
    let faulty = json!({"protocol":1,"schema":"two"});
    let problem = api.call(&ana.access_token, "POST", "/api/offline/sync", faulty).await.assert_problem(400, "malformed");
    assert_eq!(problem["pointer"], "/schema");
}
