//! Every path: who may call it, with what, and what stands in every response.

use serde_json::Value;

use crate::harness::{api, request};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Method, path, whether it needs a token, whether it reads a body.
fn routes() -> Vec<(&'static str, String, bool, bool)> {
    let fixed = [
        ("POST", "/api/offline/sync", true, true),
        ("POST", "/api/offline/sync/receipts", true, true),
        ("PUT", "/api/offline/sync/resolve", true, true),
        ("POST", "/api/offline/sync/verify", true, true),
        ("POST", "/api/offline/sync/purged", true, true),
        ("GET", "/api/offline/sync/explain/ID", true, false),
        ("GET", "/api/offline/config", false, false),
        ("GET", "/api/offline/sync/snapshot", true, false),
        ("GET", "/api/offline/realtime", true, false),
        ("POST", "/api/offline/realtime/ticket", true, false),
        ("GET", "/api/offline/events?space=ID", true, false),
        ("GET", "/api/offline/audit", true, false),
        ("GET", "/api/offline/audit/ID", true, false),
        ("POST", "/api/offline/audit/ID/reveal", true, true),
        ("GET", "/api/offline/audit/checkpoint", true, false),
        ("GET", "/api/offline/audit/proof", true, false),
        ("GET", "/api/offline/audit/export", true, false),
        ("GET", "/api/offline/conflict", true, false),
        ("POST", "/api/offline/conflict", true, true),
        ("GET", "/api/offline/conflict/ID", true, false),
        ("POST", "/api/offline/conflict/ID/undo", true, true),
        ("POST", "/api/offline/conflict/ID/reveal", true, true),
        ("GET", "/api/offline/conflict/preferences", true, false),
        ("PUT", "/api/offline/conflict/preferences", true, true),
        ("DELETE", "/api/offline/conflict/preferences", true, false),
        ("GET", "/api/offline/incident", true, false),
        ("POST", "/api/offline/incident", true, true),
        ("DELETE", "/api/offline/incident", true, false),
        ("GET", "/api/offline/incident/report", true, false),
        ("POST", "/api/auth/login", false, true),
        ("POST", "/api/auth/refresh", false, true),
        ("POST", "/api/auth/logout", true, false),
        ("POST", "/api/auth/oidc/token", false, true),
        ("GET", "/api/auth/oidc/ID/start", false, false),
        ("GET", "/api/auth/oidc/ID/callback", false, false),
        ("POST", "/api/auth/password", true, true),
        ("GET", "/api/auth/devices", true, false),
        ("GET", "/api/auth/devices/ID", true, false),
        ("PUT", "/api/auth/devices/ID", true, true),
        ("POST", "/api/auth/devices/ID/wipe", true, false),
        ("DELETE", "/api/auth/devices/ID", true, false),
        ("POST", "/api/users", true, true),
        ("GET", "/api/spaces", true, false),
        ("POST", "/api/spaces", true, true),
        ("GET", "/api/spaces/ID", true, false),
        ("PUT", "/api/spaces/ID", true, true),
        ("DELETE", "/api/spaces/ID", true, false),
        ("GET", "/api/spaces/ID/members", true, false),
        ("PUT", "/api/spaces/ID/members/ID", true, true),
        ("DELETE", "/api/spaces/ID/members/ID", true, false),
        ("GET", "/healthz", false, false),
        ("GET", "/readyz", false, false),
        ("GET", "/metrics", false, false),
        ("GET", "/api/openapi.json", false, false),
        ("GET", "/api/asyncapi.json", false, false),
        ("GET", "/docs", false, false),
        ("GET", "/docs/docs.js", false, false),
        ("GET", "/docs/docs.css", false, false),
    ];
    fixed.into_iter().map(|(method, path, token, body)| (method, path.replace("ID", ID), token, body)).collect()
}

#[actix_web::test]
async fn without_a_token_nobody_gets_in() {
    let api = api().await;
    for (method, path, _, _) in routes().into_iter().filter(|(.., token, _)| *token) {
        for authorization in ["", "Bearer", "Bearer ", "Bearer no-such-token", "Basic dXNlcjpwYXNz", "Bearer \u{fc}"] {
            let mut request = request(method, &path);
            if !authorization.is_empty() {
                request = request.insert_header(("authorization", authorization.as_bytes()));
            }
            let reply = api.send(request).await;
            let problem = reply.assert_problem(401, "unauthenticated");
            assert_eq!(problem["outbox"], "retain");
            assert!(reply.header("www-authenticate").starts_with("Bearer"), "{method} {path} {authorization:?}");
        }
    }
}

#[actix_web::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let api = api().await;
    let routes = routes();
    for (_, path, ..) in &routes {
        let mut allowed: Vec<&str> = routes.iter().filter(|(_, other, ..)| other == path).map(|(method, ..)| *method).collect();
        if let Some(at) = allowed.iter().position(|method| *method == "GET") {
            allowed.insert(at + 1, "HEAD");
        }
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].into_iter().filter(|method| !allowed.contains(method)) {
            let reply = api.send(request(method, path)).await;
            reply.assert_problem(405, "method_not_allowed");
            assert_eq!(reply.header("allow"), allowed.join(", "), "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn a_body_of_another_type_is_not_read() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    for (method, path, _, _) in routes().into_iter().filter(|(.., body)| *body) {
        for (name, value) in [
            ("content-type", "text/plain"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-type", "application/json; charset=latin1"),
            ("content-encoding", "deflate"),
            ("content-encoding", "gzip, zstd"),
        ] {
            let mut request = request(method, &path).insert_header(("authorization", format!("Bearer {}", login.access_token)));
            request = request.insert_header(("content-type", "application/json")).insert_header((name, value)).set_payload("{}");
            api.send(request).await.assert_problem(415, "unsupported_media_type");
        }
    }
}

#[actix_web::test]
async fn unknown_paths_are_problems_too() {
    let api = api().await;
    for path in
        ["/", "/api", "/api/offline", "/api/offline/nothing", "/api/spaces/", "/api/offline/sync/", "/metrics/", "/%ff", "/api/auth"]
    {
        for method in ["GET", "POST"] {
            api.send(request(method, path)).await.assert_problem(404, "not_found");
        }
    }
}

#[actix_web::test]
async fn every_response_says_what_it_is() {
    let api = api().await;
    for (method, path) in [("GET", "/healthz"), ("GET", "/nowhere"), ("PUT", "/healthz"), ("GET", "/api/spaces")] {
        let reply = api.send(request(method, path)).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("x-request-id").len(), 36, "{reply:?}");
    }
    let reply = api.send(request("GET", "/nowhere").insert_header(("x-request-id", "trace_7-B"))).await;
    assert_eq!(reply.header("x-request-id"), "trace_7-B");
    assert_eq!(reply.json()["request_id"], "trace_7-B");
    let reply = api.send(request("GET", "/healthz").insert_header(("x-request-id", "no spaces please"))).await;
    assert_eq!(reply.header("x-request-id").len(), 36);
}

#[actix_web::test]
async fn ready_until_it_drains_and_healthy_all_along() {
    let api = api().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(api.send(request("GET", path)).await.status, 200);
        assert_eq!(api.send(request("HEAD", path)).await.status, 200);
    }
    api.state.begin_draining();
    let reply = api.send(request("GET", "/readyz")).await;
    let problem = reply.assert_problem(503, "unavailable");
    let wait_ms = problem["retry_after_ms"].as_u64().unwrap();
    assert!((1..=4_000).contains(&wait_ms), "{wait_ms}");
    assert_eq!(reply.header("retry-after"), wait_ms.div_ceil(1_000).to_string());
    assert_eq!(api.send(request("GET", "/healthz")).await.status, 200);
}

#[actix_web::test]
async fn an_embedder_keeps_the_other_paths() {
    let api = api().await;
    let state = api.state.clone();
    let host = actix_web::App::new()
        .configure(|cfg| api_actix::configure(cfg, state))
        .route("/mine", actix_web::web::get().to(|| async { "mine" }));
    let host = actix_web::test::init_service(host).await;
    let mine = actix_web::test::call_and_read_body(&host, request("GET", "/mine").to_request()).await;
    assert_eq!(mine, "mine");
    let health: Value = actix_web::test::call_and_read_body_json(&host, request("GET", "/healthz").to_request()).await;
    assert_eq!(health["status"], "ok");
}
