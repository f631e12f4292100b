//! The conflict inbox over HTTP.

use actix_http::Request;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use serde_json::{Value, json};

use crate::harness::{Api, Login, api};

const LIST: &str = "/api/offline/conflict";
const PREFERENCES: &str = "/api/offline/conflict/preferences";

fn id(n: u32) -> String {
    format!("01890000-0000-7000-8000-{n:012x}")
}

/// Ana leads a party, Bo takes photographs at it.
struct Party<S> {
    api: Api<S>,
    ana: Login,
    bo: Login,
    space: String,
}

async fn party() -> Party<impl actix_web::dev::Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let bo = api.member("Studio Luz", "bo@luz.example").await;
    let text = |label: &str| json!({"type": "text", "label": label, "strategy": "ask"});
    let fields = json!({"title": text("Title"), "code": {"type": "text", "strategy": "ask", "sensitivity": 3, "mask": ["photographer"]}});
    let schema = json!({"name": "party", "version": 1, "collections": {"events": {"label": "title", "fields": fields}}});
    let body = json!({"name": "Amara & Joel", "event_date": "2026-06-20", "time_zone": "Europe/Lisbon", "schema": schema});
    let space = api.call(&ana.access_token, "POST", "/api/spaces", body).await.json()["space_id"].as_str().unwrap().to_owned();
    let member = format!("/api/spaces/{space}/members/{}", bo.user_id);
    assert_eq!(api.call(&ana.access_token, "PUT", &member, json!({"role": "photographer"})).await.status, 200);
    Party { api, ana, bo, space }
}

impl<S, B> Party<S>
where
    S: actix_web::dev::Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    async fn push(&self, login: &Login, n: u32, kind: &str, (document, base): (&str, i64), patch: Value) -> Value {
        let operation =
            json!({"op_id": id(n), "collection": "events", "document_id": document, "kind": kind, "base_version": base, "patch": patch});
        let body = json!({"protocol": 1, "space_id": self.space, "operations": [operation]});
        self.api.call(&login.access_token, "POST", "/api/offline/sync", body).await.json()["results"][0].clone()
    }

    /// A field that both write; the question's id.
    async fn asked(&self, from: u32, document: &str, field: &str) -> String {
        let made = self.push(&self.ana, from, "create", (document, 0), json!({field: "0"})).await["version"].as_i64().unwrap();
        self.push(&self.ana, from + 1, "update", (document, made), json!({field: "1"})).await;
        // what Bo does not read is disputed between two devices of Ana's
        let other = if field == "code" { self.api.login("ana@luz.example").await } else { self.bo.clone() };
        let asked = self.push(&other, from + 2, "update", (document, made), json!({field: "2"})).await;
        asked["conflict_id"].as_str().unwrap().to_owned()
    }

    async fn get(&self, login: &Login, path: &str) -> Value {
        let reply = self.api.call(&login.access_token, "GET", path, Value::Null).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    async fn answer(&self, n: u32, conflict: &str, choice: Value) -> Value {
        let version = self.get(&self.ana, &format!("{LIST}/{conflict}")).await["version"].clone();
        let mut resolution = json!({"op_id": id(n), "conflict_id": conflict, "version": version});
        resolution.as_object_mut().unwrap().extend(choice.as_object().unwrap().clone());
        let body = json!({"resolutions": [resolution]});
        let reply = self.api.call(&self.ana.access_token, "PUT", "/api/offline/sync/resolve", body).await;
        reply.json()["results"][0].clone()
    }
}

#[actix_web::test]
async fn questions_are_listed_with_filters_and_shown() {
    let party = party().await;
    let asked = party.asked(1, "e", "title").await;
    let one = party.get(&party.ana, &format!("{LIST}/{asked}")).await;
    assert_eq!((&one["title"], &one["theirs_by"]["name"], &one["answerable"]), (&json!("1"), &json!("bo@luz.example"), &json!(true)));
    assert_eq!(one["fields"]["/title"]["consequences"]["theirs"], "Title becomes 2");
    for (query, found) in [
        (String::new(), 1),
        (format!("?space={}&state=all&collection=events&kind=fields", party.space), 1),
        ("?assigned=me".into(), 1),
        ("?assigned=role:lead&automatic=false".into(), 1),
        (format!("?assigned=user:{}", party.bo.user_id), 0),
        (format!("?who={}&collection=events&document=e", party.bo.user_id), 1),
        ("?opened_after=2026-06-20T14:00:00Z&opened_before=2026-06-20T14:00:01Z".into(), 1),
        ("?deadline_before=2099-01-01T00:00:00Z".into(), 0),
        ("?state=resolved".into(), 0),
    ] {
        let items = party.get(&party.ana, &format!("{LIST}{query}")).await["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), found, "{query}");
    }
    // what Bo's role may not read is not told
    let secret = party.asked(11, "f", "code").await;
    let hidden = party.get(&party.bo, &format!("{LIST}/{secret}")).await;
    assert_eq!((&hidden["fields"]["/code"]["masked"], hidden["fields"]["/code"].get("ours")), (&json!(true), None));
    let refused = party.push(&party.bo, 30, "update", ("nowhere", 1), json!({})).await;
    assert_eq!(refused["status"], "rejected");
}

#[actix_web::test]
async fn many_are_answered_at_once_and_taken_back_one_by_one() {
    let party = party().await;
    let first = party.asked(1, "e", "title").await;
    party.asked(11, "f", "title").await;
    let token = &party.ana.access_token;
    let filter = json!({"space_id": party.space, "collection": "events", "kind": "fields", "field": "/title"});
    let preview = party.api.call(token, "POST", LIST, json!({"filter": filter, "choose": "theirs", "preview": true})).await.json();
    assert_eq!((&preview["count"], &preview["items"][1]["fields"]["/title"]["to"]), (&json!(2), &json!("2")));
    let body = json!({"filter": filter, "choose": "theirs", "op_id": id(50)});
    let told = party.api.call(token, "POST", LIST, body.clone()).await.json();
    assert_eq!((&told["count"], &told["results"][0]["status"]), (&json!(2), &json!("applied")));
    let again = party.api.call(token, "POST", LIST, body).await.json();
    assert_eq!((&again["count"], &again["results"][1]["status"]), (&json!(2), &json!("duplicate")), "replayed");
    party
        .api
        .call(token, "POST", LIST, json!({"filter": filter, "choose": "ours", "op_id": id(50)}))
        .await
        .assert_problem(422, "op_id_reuse");
    let undo = format!("{LIST}/{first}/undo");
    let undone = party.api.call(token, "POST", &undo, json!({"op_id": id(60)})).await.json();
    assert_eq!((&undone["result"]["status"], &undone["conflict"]["state"]), (&json!("applied"), &json!("open")));
    let again = party.api.call(token, "POST", &undo, json!({"op_id": id(60)})).await.json();
    assert_eq!(again["result"]["status"], "duplicate");
    party.api.call(token, "POST", &undo, json!({"op_id": id(61)})).await.assert_problem(409, "nothing_to_undo");
    let seen = party.push(&party.ana, 70, "update", ("f", 99), json!({"title": "9"})).await;
    assert_eq!(seen["status"], "conflict", "a base that is not known");
}

#[actix_web::test]
async fn refusals_say_why() {
    let party = party().await;
    let asked = party.asked(1, "e", "title").await;
    let (ana, bo) = (&party.ana.access_token, &party.bo.access_token);
    let undo = format!("{LIST}/{asked}/undo");
    let reveal = format!("{LIST}/{asked}/reveal");
    let shown = party.api.call(ana, "POST", &reveal, json!({"field": "/title", "reason": "to be sure"})).await.json();
    assert_eq!((&shown["masked"], shown.get("ours").is_some()), (&json!(false), true), "{shown}");
    party.api.call(ana, "POST", &reveal, json!({"field": "/nothing"})).await.assert_problem(404, "unknown_conflict");
    assert_eq!(party.answer(40, &asked, json!({"fields": {"/title": {"choose": "theirs"}}})).await["status"], "applied");
    party.api.call(bo, "POST", &undo, json!({"op_id": id(41)})).await.assert_problem(403, "not_asked");
    let version = party.get(&party.ana, &format!("{LIST}/{asked}")).await["version"].as_i64().unwrap();
    assert_eq!(party.push(&party.bo, 42, "update", ("e", version), json!({"title": "7"})).await["status"], "applied");
    let problem = party.api.call(ana, "POST", &undo, json!({"op_id": id(43)})).await.assert_problem(409, "changed_since");
    assert!(problem["detail"].as_str().unwrap().contains("Title"), "{problem}");
    let nowhere = format!("{LIST}/{}/undo", id(99));
    party.api.call(ana, "POST", &nowhere, json!({"op_id": id(44)})).await.assert_problem(404, "unknown_conflict");
    for (body, place) in [(json!({}), "/op_id"), (json!({"op_id": "x"}), "/op_id")] {
        assert_eq!(party.api.call(ana, "POST", &undo, body).await.assert_problem(400, "malformed")["pointer"], place);
    }
    let filter = json!({"space_id": party.space, "collection": "events", "kind": "fields"});
    for (change, place) in [
        (json!({"choose": "value"}), "/choose"),
        (json!({"filter": {"space_id": party.space, "collection": "events"}}), "/filter/kind"),
        (json!({"filter": {"space_id": party.space, "collection": "events", "kind": "fields", "feild": "/x"}}), "/filter/feild"),
        (json!({"op_id": null}), "/op_id"),
        (json!({"after": "x"}), "/after"),
    ] {
        let mut body = json!({"filter": filter, "choose": "ours", "op_id": id(45)});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(party.api.call(ana, "POST", LIST, body).await.assert_problem(400, "malformed")["pointer"], place, "{change}");
    }
    let large = json!({"filter": filter, "choose": "ours", "op_id": id(46), "padding": "x".repeat(20_000)});
    party.api.call(ana, "POST", LIST, large).await.assert_problem(413, "too_large");
    let elsewhere = json!({"filter": {"space_id": id(98), "collection": "events", "kind": "fields"}, "choose": "ours", "op_id": id(47)});
    party.api.call(ana, "POST", LIST, elsewhere).await.assert_problem(404, "unknown_space");
}

#[actix_web::test]
async fn preferences_are_listed_switched_and_forgotten() {
    let party = party().await;
    let token = &party.ana.access_token;
    let first = party.asked(1, "e", "title").await;
    party.answer(40, &first, json!({"fields": {"/title": {"choose": "theirs"}}})).await;
    let items = party.get(&party.ana, &format!("{PREFERENCES}?limit=1")).await;
    assert_eq!((&items["items"][0]["context"], &items["next"]), (&json!("events/title"), &json!("events/title")));
    let put = json!({"scope": "person", "context": "events/title", "enabled": true});
    let on = party.api.call(token, "PUT", PREFERENCES, put.clone()).await.json();
    assert_eq!(
        (&on["enabled"], &on["enabled_choose"], &on["reason"]),
        (&json!(true), &json!("theirs"), &json!("ana@luz.example chose the sender's value in 1 of 1 question about Title"))
    );
    let second = party.asked(11, "f", "title").await;
    let decided = party.get(&party.ana, &format!("{LIST}?state=all&automatic=true")).await["items"].clone();
    assert_eq!((&decided[0]["conflict_id"], &decided[0]["state"]), (&json!(second), &json!("resolved")));
    let other = party.api.login("bo@luz.example").await;
    party.api.call(&other.access_token, "PUT", PREFERENCES, put).await.assert_problem(404, "unknown_preference");
    let unnamed = party.api.call(token, "DELETE", PREFERENCES, Value::Null).await;
    unnamed.assert_problem(400, "malformed");
    for query in ["?context=events%2Ftitle", "?context=events%2Ftitle", "?all=true", "?scope=organisation&all=true"] {
        assert_eq!(party.api.call(token, "DELETE", &format!("{PREFERENCES}{query}"), Value::Null).await.status, 204, "{query}");
    }
    assert_eq!(party.get(&party.ana, PREFERENCES).await["items"], json!([]));
    party
        .api
        .call(token, "PUT", PREFERENCES, json!({"scope": "all", "context": "x", "enabled": true}))
        .await
        .assert_problem(400, "malformed");
}
