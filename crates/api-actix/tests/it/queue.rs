//! What waits in the queue, and what people do about it, over HTTP. Items are put where a worker would have left them.

mod studio;

use serde_json::{Value, json};
use sync_core::Timestamp;
use sync_core::json::RawJson;
use sync_core::ports::{Access, ItemState, QueueFigure, QueueItem};
use testkit::fake::START;
use uuid::Uuid;

use crate::harness::Login;

use self::studio::{id, ids, op, studio, transact};

#[actix_web::test]
async fn who_sees_what_waits() {
    let studio = studio().await;
    let (rui, ines) = (&studio.rui, &studio.ines);
    studio
        .put(vec![studio.item(1, rui, ItemState::Ready), studio.item(2, ines, ItemState::Parked), studio.item(3, ines, ItemState::Ready)])
        .await;
    let all = [id(1), id(2), id(3)];
    assert_eq!(ids(&studio.pending(&studio.ana, "").await), all, "an admin sees the organisation's");
    assert_eq!(ids(&studio.pending(rui, "").await), all, "a lead sees the space's");
    assert_eq!(ids(&studio.pending(ines, "").await), all[1..], "others see their own");
    assert_eq!(ids(&studio.pending(&studio.bo, "").await), [""; 0]);
    let ana = studio.pending(&studio.ana, "?payload=true").await;
    assert!(ana["items"].as_array().unwrap().iter().all(|item| item["payload"].is_null()), "an admin who is no lead reads no payload");
    let lead = studio.pending(rui, "?payload=true").await;
    assert_eq!(lead["items"][1]["payload"]["patch"]["fee"], 900);
    let own = studio.pending(ines, "?payload=true").await;
    assert_eq!(own["items"][0]["payload"]["patch"]["fee"], 900, "what somebody sent, they know");
    assert!(studio.pending(ines, "").await["items"][0]["payload"].is_null(), "nobody asked for it");
}

#[actix_web::test]
async fn what_waits_is_told_with_its_place() {
    let studio = studio().await;
    let ines = &studio.ines;
    let held = |n, behind: u128| QueueItem { waits_for: Some(op(behind)), ..studio.item(n, ines, ItemState::Held) };
    let urgent = QueueItem { lane: 0, rank: 5, ..studio.item(9, ines, ItemState::Ready) };
    studio.put(vec![studio.item(1, ines, ItemState::Ready), studio.item(2, ines, ItemState::Parked), held(3, 2), held(4, 1), urgent]).await;
    studio.put(vec![studio.item(5, ines, ItemState::Delayed), studio.item(6, ines, ItemState::Leased)]).await;
    let page = studio.pending(ines, "").await;
    let told: Vec<(i64, &str, &str)> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["position"].as_i64().unwrap_or(0), item["state"].as_str().unwrap(), item["status"].as_str().unwrap()))
        .collect();
    let expected = [
        (1, "ready", "queued"),
        (2, "ready", "queued"),
        (0, "parked", "parked"),
        (0, "held", "parked"),
        (0, "held", "queued"),
        (0, "delayed", "queued"),
        (3, "leased", "queued"),
    ];
    assert_eq!(told, expected, "what is held behind a dead letter is one to its device");
    let parked = &page["items"][2];
    assert_eq!(
        (&parked["reason"], &parked["problem"]["detail"], &parked["attempts"]),
        (&json!("internal"), &json!("deciding it panicked"), &json!(5))
    );
    assert_eq!(page["items"][3]["waits_for"], id(2));
    assert_eq!(page["items"][5]["next_try_at"], START.plus_ms(90_000).to_string());
    assert_eq!(page["totals"]["lanes"], json!({"0": 1, "1": 6}));
    assert_eq!(page["totals"]["states"], json!({"ready": 2, "parked": 1, "held": 2, "delayed": 1, "leased": 1}));

    for (query, count) in [("?state=parked", 1), ("?state=queued", 6), ("?lane=0", 1), ("?reason=internal", 2), ("?reason=other", 0)] {
        assert_eq!(ids(&studio.pending(ines, query).await).len(), count, "{query}");
    }
    let device = format!("?device={}&space={}", ines.device_id, studio.space);
    assert_eq!(ids(&studio.pending(ines, &device).await).len(), 7);
    assert_eq!(ids(&studio.pending(ines, "?space=nowhere").await).len(), 0);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = studio.pending(ines, &format!("?limit=3{after}")).await;
        seen.extend(ids(&page));
        assert_eq!(page["totals"]["items"], 7);
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ids(&page), "pages show everything once");
    let wrong = |query: &'static str| studio.api.call(&ines.access_token, "GET", query, Value::Null);
    wrong("/api/offline/queue/pending?state=lost").await.assert_problem(400, "malformed");
    wrong("/api/offline/queue/pending?after=lost").await.assert_problem(400, "malformed");
}

#[actix_web::test]
async fn what_failed_is_tried_again() {
    let studio = studio().await;
    let ines = &studio.ines;
    studio
        .put(vec![
            studio.item(1, ines, ItemState::Parked),
            studio.item(2, ines, ItemState::Leased),
            studio.item(3, ines, ItemState::Delayed),
        ])
        .await;
    for _ in 0..2 {
        let reply = studio.retry(ines, 1, json!({})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json(), json!({"op_id": id(1), "status": "queued", "state": "ready", "attempts": 5, "edited": false}));
    }
    let row = studio.row().await;
    assert_eq!((row.due_at, row.rank), (Some(START), studio.item(1, ines, ItemState::Ready).rank), "a worker finds it");
    let at = START.plus_ms(3_600_000).to_string();
    let later = studio.retry(&studio.rui, 3, json!({"at": at, "reason": "after the ceremony"})).await.json();
    assert_eq!((&later["state"], &later["next_try_at"]), (&json!("delayed"), &json!(at)));
    assert_eq!(studio.records(3).await[0].reason.as_deref(), Some("after the ceremony"), "others' work is recorded");
    assert_eq!(studio.records(1).await, []);
    assert_eq!(studio.retry(ines, 3, json!({})).await.json()["state"], "ready", "sooner, after all");
    studio.retry(ines, 2, json!({})).await.assert_problem(409, "leased");
    studio.retry(&studio.bo, 1, json!({})).await.assert_problem(404, "unknown_operation");
    studio.retry(ines, 99, json!({})).await.assert_problem(404, "unknown_operation");
    studio.retry(ines, 1, json!({"when": "now"})).await.assert_problem(400, "malformed");
    let far = START.plus_ms(100 * 24 * 3_600_000).to_string();
    assert_eq!(studio.retry(ines, 1, json!({"at": far})).await.assert_problem(400, "malformed")["pointer"], "/at");
}

#[actix_web::test]
async fn a_dead_letter_is_edited() {
    let studio = studio().await;
    let (rui, ines) = (&studio.rui, &studio.ines);
    studio
        .put(vec![studio.item(1, ines, ItemState::Parked), studio.item(2, ines, ItemState::Ready), studio.item(3, ines, ItemState::Parked)])
        .await;
    for (body, status, code, pointer) in [
        (json!({"patch": {"minutes": "ten"}}), 422, "wrong_type", "/patch/minutes"),
        (json!({"patch": {"minutes": 9_007_199_254_740_993_i64}}), 422, "number_range", "/patch/minutes"),
        (json!({"operation": {"document_id": "other"}}), 400, "malformed", "/operation/document_id"),
        (json!({"operation": {"patch": {}}}), 400, "malformed", "/operation/base_version"),
        (json!({"operation": {"base_version": 1, "patch": {"minutes": true}}}), 422, "wrong_type", "/operation/patch/minutes"),
        (json!({"operation": {}, "patch": {}}), 400, "malformed", "/operation"),
    ] {
        assert_eq!(studio.retry(ines, 1, body).await.assert_problem(status, code)["pointer"], pointer);
    }
    assert_eq!(studio.find(1).await.unwrap(), studio.item(1, ines, ItemState::Parked), "nothing was changed");
    let edit = json!({"patch": {"title": "Ceremony", "fee": 100}, "reason": "a slip"});
    studio.retry(&studio.ana, 1, edit.clone()).await.assert_problem(403, "forbidden");
    for _ in 0..2 {
        let edited = studio.retry(rui, 1, edit.clone()).await.json();
        assert_eq!(edited, json!({"op_id": id(1), "status": "queued", "state": "ready", "attempts": 0, "edited": true}));
    }
    let (item, sent) = (studio.find(1).await.unwrap(), studio.item(1, ines, ItemState::Parked));
    assert_eq!((item.identity, item.user_id, item.original.as_ref()), (sent.identity, sent.user_id, Some(&sent.payload)));
    assert_eq!(item.payload.object()["patch"], edit["patch"]);
    assert!(!item.payload.object().contains_key("digest"), "it was that of what was sent");
    let records = studio.records(1).await;
    assert_eq!((records.len(), records[0].action.as_str(), records[0].reason.as_deref()), (1, "queue.edit", Some("a slip")));
    let own = studio.pending(ines, "?payload=true&state=ready").await;
    assert_eq!((&own["items"][0]["payload"]["patch"], &own["items"][0]["masked"]), (&json!({"title": "Ceremony"}), &json!(["fee"])));
    studio.retry(ines, 1, json!({"patch": {"title": "Dinner"}})).await.assert_problem(409, "not_failed");
    studio.retry(ines, 2, edit).await.assert_problem(409, "not_failed");
    let whole = json!({"operation": {"kind": "update", "base_version": 2, "patch": {"title": "Toast"}}});
    assert_eq!(studio.retry(ines, 3, whole).await.json()["edited"], true);
    assert_eq!(studio.find(3).await.unwrap().payload.object()["base_version"], 2);
}

#[actix_web::test]
async fn a_group_goes_as_a_whole() {
    let studio = studio().await;
    let member = |n| QueueItem { group: Some("seats".into()), ..studio.item(n, &studio.ines, ItemState::Parked) };
    studio.put(vec![member(1), member(2), studio.item(3, &studio.ines, ItemState::Parked)]).await;
    // now, as it is, needs no body
    assert_eq!(studio.retry(&studio.ines, 2, Value::Null).await.status, 200);
    assert_eq!([studio.find(1).await.unwrap().state, studio.find(3).await.unwrap().state], [ItemState::Ready, ItemState::Parked]);
    studio.put(vec![member(1), member(2)]).await;
    assert_eq!(studio.discard(&studio.ines, 1, "").await.status, 204);
    assert_eq!((studio.find(2).await, studio.find(3).await.is_some()), (None, true));
}

#[actix_web::test]
async fn what_failed_is_moved_into_another_lane() {
    let studio = studio().await;
    let held = QueueItem { waits_for: Some(op(1)), ..studio.item(2, &studio.ines, ItemState::Held) };
    studio.put(vec![studio.item(1, &studio.ines, ItemState::Parked), held.clone()]).await;
    studio.retry(&studio.ines, 1, json!({"lane": 0})).await.assert_problem(403, "forbidden");
    assert_eq!(studio.retry(&studio.rui, 1, json!({"lane": 4})).await.assert_problem(400, "malformed")["pointer"], "/lane");
    for _ in 0..2 {
        assert_eq!(studio.retry(&studio.rui, 1, json!({"lane": 0})).await.status, 200);
        let item = studio.find(1).await.unwrap();
        // two minutes, and half of two more for its tries and its size
        assert_eq!((item.state, item.lane, item.rank), (ItemState::Ready, 0, START.millis() + 168_000));
    }
    assert_eq!(studio.retry(&studio.rui, 2, json!({"lane": 0})).await.status, 200);
    assert_eq!(studio.find(2).await.unwrap(), held, "what only waits keeps its place");
}

#[actix_web::test]
async fn what_failed_is_discarded() {
    let studio = studio().await;
    let (rui, ines) = (&studio.rui, &studio.ines);
    let behind = QueueItem { waits_for: Some(op(1)), ..studio.item(2, ines, ItemState::Held) };
    studio
        .put(vec![
            studio.item(1, ines, ItemState::Parked),
            behind.clone(),
            studio.item(3, ines, ItemState::Leased),
            studio.item(4, ines, ItemState::Ready),
        ])
        .await;
    studio.discard(&studio.bo, 1, "").await.assert_problem(404, "unknown_operation");
    assert_eq!(studio.discard(rui, 1, "").await.assert_problem(400, "malformed")["pointer"], "/reason");
    assert_eq!(studio.discard(ines, 2, "").await.assert_problem(409, "not_failed")["op_id"], id(1), "it names what is to be done first");
    studio.discard(ines, 3, "").await.assert_problem(409, "leased");
    studio.discard(ines, 4, "").await.assert_problem(409, "not_failed");
    let path = format!("/api/offline/sync/queue/{}", id(1));
    for _ in 0..2 {
        let reply = studio.api.call(&rui.access_token, "DELETE", &path, json!({"reason": "sent twice"})).await;
        assert_eq!(reply.status, 204, "{reply:?}");
    }
    assert_eq!(studio.find(1).await, None);
    assert_eq!(studio.find(2).await.unwrap().state, ItemState::Ready, "what waited for it goes on");
    let row = studio.row().await;
    assert_eq!((row.due_at, row.rank), (Some(START), behind.rank), "and a worker finds it");
    let records = studio.records(1).await;
    assert_eq!((records.len(), records[0].action.as_str(), records[0].reason.as_deref()), (1, "queue.discard", Some("sent twice")));
    let receipts = studio.api.call(&ines.access_token, "POST", "/api/offline/sync/receipts", json!({"op_ids": [id(1)]})).await.json();
    let receipt = &receipts["receipts"][0];
    assert_eq!(
        (&receipt["status"], &receipt["held"], &receipt["problem"]["code"]),
        (&json!("rejected"), &json!(true), &json!("discarded"))
    );
    let late = studio.retry(ines, 1, json!({})).await;
    assert_eq!((late.status.as_u16(), &late.json()["receipt"]["status"]), (200, &json!("rejected")), "{late:?}");
    studio.retry(&studio.bo, 1, json!({})).await.assert_problem(404, "unknown_operation");
    studio.discard(&studio.bo, 1, "?reason=x").await.assert_problem(404, "unknown_operation");
}

#[actix_web::test]
async fn many_are_retried_and_discarded_by_a_task() {
    let studio = studio().await;
    let (rui, ines) = (&studio.rui, &studio.ines);
    let parked = (1..=1_200).map(|n| studio.item(n, ines, ItemState::Parked));
    studio.put(parked.chain([studio.item(2_000, ines, ItemState::Ready), studio.item(2_001, rui, ItemState::Parked)]).collect()).await;
    let call = |login: &Login, what: &str, body: Value| {
        let (token, path) = (login.access_token.clone(), format!("/api/offline/queue/{what}"));
        let api = &studio.api;
        async move { api.call(&token, "POST", &path, body).await }
    };
    let preview = call(ines, "retry", json!({"filter": {"reason": "internal"}, "preview": true})).await.json();
    assert_eq!((&preview["count"], &preview["op_ids"][0], preview["op_ids"].as_array().unwrap().len()), (&json!(1_200), &json!(id(1)), 20));
    assert_eq!(studio.find(1).await.unwrap().state, ItemState::Parked, "nothing was done");
    call(ines, "discard", json!({"filter": {}})).await.assert_problem(400, "malformed");
    call(ines, "retry", json!({"filter": {"state": "ready"}})).await.assert_problem(400, "malformed");
    call(ines, "retry", json!({"filter": {"resaon": "internal"}})).await.assert_problem(400, "malformed");

    let begun = call(ines, "retry", json!({"filter": {"reason": "internal"}})).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let task = format!("/api/offline/queue/tasks/{}", begun.json()["task_id"].as_str().unwrap());
    let progress = |login: &Login| {
        let (token, path, api) = (login.access_token.clone(), task.clone(), &studio.api);
        async move { api.call(&token, "GET", &path, Value::Null).await }
    };
    // one of them was taken by a worker meanwhile
    studio.put(vec![studio.item(7, ines, ItemState::Leased)]).await;
    let service = studio.api.state.service();
    assert_eq!(service.run_queue_tasks().await.unwrap(), 1);
    let half = progress(ines).await.json();
    assert_eq!((&half["total"], &half["done"], &half["finished_at"]), (&json!(1_200), &json!(500), &Value::Null));
    while service.run_queue_tasks().await.unwrap() > 0 {}
    let end = progress(ines).await.json();
    assert_eq!((&end["done"], &end["skipped"], end["finished_at"].is_string()), (&json!(1_199), &json!(0), true), "{end}");
    assert_eq!(studio.find(1_200).await.unwrap().state, ItemState::Ready);
    assert_eq!(studio.find(2_001).await.unwrap().state, ItemState::Parked, "others' are not meant");
    progress(&studio.bo).await.assert_problem(404, "unknown_task");
    assert_eq!(progress(&studio.ana).await.status, 200);

    studio.put((1..=3).map(|n| studio.item(n, ines, ItemState::Parked)).collect()).await;
    let begun = call(rui, "discard", json!({"filter": {"space_id": studio.space, "user_id": ines.user_id}, "reason": "a test run"})).await;
    assert_eq!((begun.status.as_u16(), &begun.json()["count"]), (202, &json!(3)));
    while service.run_queue_tasks().await.unwrap() > 0 {}
    assert_eq!((studio.find(3).await, studio.records(3).await[0].reason.as_deref()), (None, Some("a test run")));
    assert_eq!(studio.api.held(ines, &[&id(1), &id(2), &id(3)]).await, 3);
}

#[actix_web::test]
async fn what_waits_is_exported_as_lines() {
    let studio = studio().await;
    studio.put((1..=250).map(|n| studio.item(n, &studio.ines, ItemState::Parked)).collect()).await;
    let export = |query: &str| {
        let (token, path, api) = (studio.ines.access_token.clone(), format!("/api/offline/queue/export{query}"), &studio.api);
        async move { api.call(&token, "GET", &path, Value::Null).await }
    };
    let reply = export("").await;
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> =
        reply.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[250]), (251, &json!({"type": "end", "items": 250})));
    assert_eq!((&lines[249]["op_id"], &lines[249]["payload"]["patch"]["title"]), (&json!(id(250)), &json!("Event 250")));
    assert_eq!(export("?state=ready").await.body, "{\"type\":\"end\",\"items\":0}\n");
    export("?limit=3").await.assert_problem(400, "malformed");
}

#[actix_web::test]
async fn how_it_went_is_told_with_advice() {
    let studio = studio().await;
    studio.put(vec![QueueItem { accepted_at: START.plus_ms(-50 * 3_600_000), ..studio.item(1, &studio.ines, ItemState::Parked) }]).await;
    let organisation_id = studio.organisation_id;
    let figure = |minute: i64, node: u128, body: Value| QueueFigure {
        organisation_id,
        step_s: 60,
        at: Timestamp::from_millis(START.millis() - minute * 60_000),
        lane: 0,
        node_id: Uuid::from_u128(node),
        body: RawJson::of(&body),
    };
    let counted = json!({"accepted": 400, "decided": {"applied": 150, "merged": 30, "conflict": 20}, "retries": 3, "parked": 6,
        "reasons": {"internal": 9}, "parked_reasons": {"internal": 6}, "depth": 30, "looks": 2,
        "devices": {studio.ines.device_id.clone(): [100, 10]}, "eta": {"estimates": 4, "within": 2, "off": 1000}});
    let figures = vec![figure(3, 1, counted.clone()), figure(3, 2, counted), figure(200, 1, json!({"accepted": 5}))];
    transact(&studio.api.store, Access::Write, move |tx| tx.put_figures(&figures)).await;
    let ask = |login: &Login, query: &str| {
        let (token, path, api) = (login.access_token.clone(), format!("/api/offline/queue/analytics{query}"), &studio.api);
        async move { api.call(&token, "GET", &path, Value::Null).await }
    };
    ask(&studio.ines, "").await.assert_problem(403, "forbidden");
    let told = ask(&studio.ana, "").await.json();
    assert_eq!(
        told["series"],
        json!([{"at": START.plus_ms(-180_000).to_string(), "lane": 0, "accepted": 800, "decided": 400, "retries": 6, "parked": 12, "depth": 15}])
    );
    assert_eq!((&told["conflict_rate"], &told["auto_resolution_rate"]), (&json!(0.1), &json!(0.6)));
    assert_eq!(told["reasons"], json!([{"code": "internal", "failures": 18, "parked": 12}]));
    assert_eq!(told["eta"], json!({"estimates": 8, "mean_off": 0.25, "within_range": 0.5}));
    assert_eq!((&told["devices"][0]["accepted"], &told["devices"][0]["behind"][7]), (&json!(200), &json!(180)));
    let advice: Vec<&str> = told["advice"].as_array().unwrap().iter().map(|advice| advice["code"].as_str().unwrap()).collect();
    assert_eq!(advice, ["lanes_useless", "poison_repeats", "parked_waits"]);
    assert_eq!(told["waiting"]["states"], json!({"parked": 1}));
    let lead = ask(&studio.rui, "?step=hour").await.json();
    assert_eq!([&lead["devices"], &lead["series"], &lead["lanes"], &lead["reasons"]], [&json!([]); 4], "{lead}");
    assert_eq!((&lead["waiting"]["states"], &lead["advice"][0]["code"]), (&json!({"parked": 1}), &json!("parked_waits")));
    let from = START.plus_ms(-60 * 24 * 3_600_000).to_string();
    ask(&studio.ana, &format!("?from={from}")).await.assert_problem(400, "malformed");
    assert_eq!(ask(&studio.ana, &format!("?from={from}&step=hour")).await.status, 200);
}
