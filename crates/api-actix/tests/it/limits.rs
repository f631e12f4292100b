//! How often somebody may ask, and what they may still say when they asked too often.

use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use api_actix::{Allowance, ApiConfig, Limits};
use serde_json::{Value, json};

use crate::harness::{Login, api_with, request};

fn limited(set: impl FnOnce(&mut Limits)) -> ApiConfig {
    let mut config = ApiConfig::default();
    set(&mut config.limits);
    config
}

fn authorized(login: &Login, method: &str, path: &str) -> TestRequest {
    request(method, path).insert_header(("authorization", format!("Bearer {}", login.access_token)))
}

#[actix_web::test]
async fn an_address_waits_before_anything_is_looked_at() {
    let mut config = limited(|limits| limits.address = Some(Allowance::new(3, 30)));
    config.proxies = "10.0.0.1".parse().unwrap();
    let api = api_with(config).await;
    let ask = |peer: &str, forwarded: &str, path: &str| {
        let request = request("POST", path).peer_addr(format!("{peer}:4711").parse().unwrap());
        request.insert_header(("x-forwarded-for", forwarded)).insert_header(("authorization", "Bearer none")).set_payload("{")
    };
    for left in [2, 1, 0] {
        let reply = api.send(ask("198.51.100.7", "", "/api/offline/sync")).await;
        reply.assert_problem(401, "unauthenticated");
        assert_eq!(reply.header("ratelimit-policy"), "\"address\";q=3;w=30");
        assert_eq!(reply.header("ratelimit"), format!("\"address\";r={left};t={}", 10 * (3 - left)));
    }
    for path in ["/api/offline/sync", "/api/auth/login", "/no/such/path"] {
        let reply = api.send(ask("198.51.100.7", "203.0.113.9", path)).await;
        let problem = reply.assert_problem(429, "rate_limited");
        assert_eq!((problem["retry_after_ms"].as_u64(), reply.header("retry-after")), (Some(10_000), "10"));
        assert_eq!(reply.header("ratelimit"), "\"address\";r=0;t=30");
    }
    for (peer, forwarded) in [("203.0.113.9", ""), ("10.0.0.1", "192.0.2.1"), ("10.0.0.1", "192.0.2.2"), ("2001:db8::1", "")] {
        let peer = if peer.contains(':') { format!("[{peer}]") } else { peer.into() };
        api.send(ask(&peer, forwarded, "/api/offline/sync")).await.assert_problem(401, "unauthenticated");
    }
    api.clock.advance_ms(-3_600_000);
    api.send(ask("198.51.100.7", "", "/api/offline/sync")).await.assert_problem(429, "rate_limited");
    api.clock.advance_ms(10_000);
    api.send(ask("198.51.100.7", "", "/api/offline/sync")).await.assert_problem(401, "unauthenticated");
    api.send(ask("198.51.100.7", "", "/api/offline/sync")).await.assert_problem(429, "rate_limited");
    assert_eq!(api.send(request("GET", "/healthz").peer_addr("198.51.100.7:1".parse().unwrap())).await.status, 200);
    for _ in 0..10 {
        api.send(ask("127.0.0.1", "", "/api/offline/sync")).await.assert_problem(401, "unauthenticated");
    }
}

#[actix_web::test]
async fn what_a_client_writes_into_the_chain_makes_it_nobody_else() {
    let mut config = limited(|limits| limits.address = Some(Allowance::new(1, 60)));
    config.proxies = "127.0.0.1".parse().unwrap();
    let api = api_with(config).await;
    let ask = |forwarded: &[u8]| {
        let request = request("GET", "/api/spaces").peer_addr("127.0.0.1:4711".parse().unwrap());
        request.insert_header(("x-forwarded-for", HeaderValue::from_bytes(forwarded).unwrap()))
    };
    api.send(ask(b"203.0.113.9")).await.assert_problem(401, "unauthenticated");
    for forwarded in [&b"203.0.113.9"[..], b"\xff, 203.0.113.9", b"198.51.100.7, \xe9, 203.0.113.9", b"127.0.0.1, 203.0.113.9"] {
        api.send(ask(forwarded)).await.assert_problem(429, "rate_limited");
    }
}

#[actix_web::test]
async fn a_network_is_one_address() {
    let api = api_with(limited(|limits| limits.address = Some(Allowance::new(1, 60)))).await;
    let ask = |peer: &str| request("GET", "/api/spaces").peer_addr(format!("[{peer}]:4711").parse().unwrap());
    api.send(ask("2001:db8::1")).await.assert_problem(401, "unauthenticated");
    api.send(ask("2001:db8::ffff")).await.assert_problem(429, "rate_limited");
    api.send(ask("2001:db8:0:1::1")).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn devices_people_and_organisations_have_budgets_of_their_own() {
    let api = api_with(limited(|limits| {
        limits.device = Some(Allowance::new(2, 60));
        limits.account = Some(Allowance::new(3, 60));
        limits.organisation = Some(Allowance::new(4, 60));
    }))
    .await;
    let (tablet, phone) = (api.member("Studio Luz", "ana@luz.example").await, api.login("ana@luz.example").await);
    let (bo, cy) = (api.member("Studio Luz", "bo@luz.example").await, api.member("Abadia", "cy@abadia.example").await);
    let ask = async |login: &Login| {
        let reply = api.send(authorized(login, "GET", "/api/spaces")).await;
        (reply.status.as_u16(), reply.header("ratelimit").to_owned())
    };
    assert_eq!(ask(&tablet).await, (200, "\"device\";r=1;t=30".into()));
    assert_eq!(ask(&tablet).await, (200, "\"device\";r=0;t=60".into()));
    assert_eq!(ask(&tablet).await, (429, "\"device\";r=0;t=60".into()));
    assert_eq!(ask(&phone).await, (200, "\"account\";r=0;t=60".into()));
    assert_eq!(ask(&phone).await, (429, "\"account\";r=0;t=60".into()));
    assert_eq!(ask(&bo).await, (200, "\"organisation\";r=0;t=60".into()));
    assert_eq!(ask(&bo).await, (429, "\"organisation\";r=0;t=60".into()));
    assert_eq!(ask(&cy).await.0, 200, "another organisation");
}

fn operation(id: u8, collection: &str, patch: &Value) -> Value {
    let op_id = format!("01890a5d-ac96-774b-bcce-b302099a80{id:02}");
    json!({"op_id":op_id,"collection":collection,"document_id":format!("doc-{id}"),"kind":"create","base_version":0,"patch":patch})
}

#[actix_web::test]
async fn what_is_urgent_goes_on() {
    let api = api_with(limited(|limits| {
        limits.device = Some(Allowance::new(1, 3_600));
        limits.urgent = Some(Allowance::new(4, 3_600));
    }))
    .await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let made = api.call(&ana.access_token, "POST", "/api/spaces", json!({"name":"Amara & Joel","schema":"wedding"})).await;
    let space_id = made.json()["space_id"].as_str().unwrap().to_owned();
    let sync = async |operations: Vec<Value>| {
        let body = json!({"protocol":1,"space_id":space_id,"operations":operations}).to_string();
        let request = authorized(&ana, "POST", "/api/offline/sync").insert_header(("content-length", body.len()));
        api.send(request.insert_header(("content-type", "application/json")).set_payload(body)).await
    };
    let safety = |id| operation(id, "timeline_events", &json!({"duration_min":30}));
    let note = |id| operation(id, "tasks", &json!({"title":"Flowers"}));
    let reply = sync(vec![safety(1)]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("ratelimit"), "\"urgent\";r=3;t=900");
    sync(vec![safety(2), note(3)]).await.assert_problem(429, "rate_limited");
    let problem = sync(vec![]).await.assert_problem(429, "rate_limited");
    assert_eq!(problem["retry_after_ms"], 3_600_000, "the wait is that of the device's own budget");
    let reply = sync(vec![safety(4)]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    sync(vec![safety(5)]).await.assert_problem(429, "rate_limited");
    let ids: Vec<String> = [1, 2, 3, 4, 5].map(|id| format!("01890a5d-ac96-774b-bcce-b302099a80{id:02}")).into();
    api.clock.advance_ms(3_600_000);
    let other = api.login("ana@luz.example").await;
    assert_eq!(api.held(&other, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await, 2, "nothing else was taken");
}

#[actix_web::test]
async fn a_large_body_is_never_urgent() {
    let api = api_with(limited(|limits| limits.device = Some(Allowance::new(1, 3_600)))).await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let send = async |length: usize| {
        let request = authorized(&ana, "POST", "/api/offline/sync").insert_header(("content-length", length));
        api.send(request.insert_header(("content-type", "application/json")).set_payload("{".repeat(length))).await
    };
    send(10).await.assert_problem(400, "malformed_json");
    send(65_536).await.assert_problem(400, "malformed_json");
    send(65_537).await.assert_problem(429, "rate_limited");
    let chunks = TestRequest::default().method(actix_web::http::Method::POST).uri("/api/offline/sync");
    let chunks = chunks.insert_header(("authorization", format!("Bearer {}", ana.access_token)));
    api.send(chunks).await.assert_problem(429, "rate_limited");
}
