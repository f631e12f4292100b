//! Passwords over HTTP: how often they may be wrong, and what a new one ends.

use serde_json::json;

use crate::harness::{PASSWORD, api, request};

#[actix_web::test]
async fn wrong_passwords_wait() {
    let api = api().await;
    api.member("Studio Luz", "ana@luz.example").await;
    let attempt = async |peer: &str, forwarded: &str, password: &str| {
        let request = request("POST", "/api/auth/login").peer_addr(format!("{peer}:4711").parse().unwrap());
        let request = request.insert_header(("x-forwarded-for", forwarded)).insert_header(("content-type", "application/json"));
        api.send(request.set_payload(json!({"email":"ana@luz.example","password":password}).to_string())).await
    };
    for number in 0..5 {
        let forwarded = format!("192.0.2.{number}");
        let problem = attempt("203.0.113.9", &forwarded, "wrong").await.assert_problem(401, "wrong_credentials");
        assert_eq!(problem["outbox"], "retain");
    }
    let reply = attempt("203.0.113.9", "192.0.2.77", PASSWORD).await;
    let problem = reply.assert_problem(429, "rate_limited");
    assert_eq!((problem["retry_after_ms"].as_u64(), reply.header("retry-after")), (Some(1_000), "1"));
    assert_eq!(problem["retryable"], true);
    assert_eq!(attempt("198.51.100.7", "203.0.113.9", PASSWORD).await.status, 200, "nobody's word is taken for where they are");
    api.clock.advance_ms(1_000);
    assert_eq!(attempt("203.0.113.9", "", PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn a_login_is_turned_away_unread_while_too_many_wait() {
    let api = api().await;
    let no_json = || request("POST", "/api/auth/login").insert_header(("content-type", "application/json")).set_payload("no json");
    api.send(no_json()).await.assert_problem(400, "malformed_json");
    let taken: Vec<_> = std::iter::from_fn(|| api.hasher.reserve().ok()).collect();
    let reply = api.send(no_json()).await;
    let problem = reply.assert_problem(503, "overloaded");
    assert!(problem["retry_after_ms"].as_u64().is_some_and(|wait_ms| wait_ms > 0) && !reply.header("retry-after").is_empty());
    drop(taken);
    api.send(no_json()).await.assert_problem(400, "malformed_json");
}

#[actix_web::test]
async fn a_new_password_ends_other_logins() {
    let api = api().await;
    let (own, other) = (api.member("Studio Luz", "ana@luz.example").await, api.login("ana@luz.example").await);
    let change = async |old: &str, new: &str| {
        api.call(&own.access_token, "POST", "/api/auth/password", json!({"old_password":old,"new_password":new})).await
    };
    let problem = change("not this one", "staple correct horse").await.assert_problem(403, "wrong_password");
    assert_eq!((&problem["pointer"], &problem["outbox"]), (&json!("/old_password"), &json!("retain")));
    assert_eq!(change(PASSWORD, "short").await.assert_problem(400, "malformed")["pointer"], "/new_password");
    assert_eq!(change(PASSWORD, "staple correct horse").await.status, 204);
    let problem = api.call(&other.access_token, "GET", "/api/spaces", json!(null)).await.assert_problem(401, "unauthenticated");
    assert_eq!(problem["outbox"], "retain");
    assert_eq!(api.call(&own.access_token, "GET", "/api/spaces", json!(null)).await.status, 200);
    let old = json!({"email":"ana@luz.example","password":PASSWORD});
    api.call("", "POST", "/api/auth/login", old).await.assert_problem(401, "wrong_credentials");
}

#[actix_web::test]
async fn whoever_may_not_keeps_the_outbox() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let bo = json!({"email":"bo@luz.example","password":PASSWORD,"name":"Bo"});
    assert_eq!(api.call(&ana.access_token, "POST", "/api/users", bo).await.status, 201);
    let bo = api.login("bo@luz.example").await;
    let cy = json!({"email":"cy@luz.example","password":PASSWORD,"name":"Cy"});
    let problem = api.call(&bo.access_token, "POST", "/api/users", cy).await.assert_problem(403, "forbidden");
    assert_eq!(problem["outbox"], "retain");
}
