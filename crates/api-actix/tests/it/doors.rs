//! What browsers are told: of whom to believe what, and which pages may read an answer.

use api_actix::ApiConfig;
use serde_json::json;

use crate::harness::{Reply, api, api_with, request};

const APP: &str = "https://app.example";

#[actix_web::test]
async fn every_answer_is_strict() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let check = |reply: &Reply, what: &str| {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", ""),
            ("set-cookie", ""),
            ("access-control-allow-origin", ""),
            ("vary", if reply.header("content-encoding").is_empty() { reply.header("vary") } else { "accept-encoding" }),
        ] {
            assert_eq!(reply.header(name), value, "{what}: {name}");
        }
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
        assert!(!policy.contains("unsafe"), "{what}: {policy}");
    };
    for path in ["/docs", "/docs/docs.js", "/docs/docs.css", "/api/openapi.json", "/api/offline/config", "/healthz", "/readyz", "/metrics"]
    {
        let reply = api.send(request("GET", path).insert_header(("origin", APP))).await;
        assert_eq!(reply.status, 200, "{path}");
        check(&reply, path);
    }
    for (method, path, status) in
        [("GET", "/api/spaces", 200), ("GET", "/no/such/path", 404), ("PATCH", "/api/spaces", 405), ("POST", "/api/spaces", 400)]
    {
        let reply = api.call(&ana.access_token, method, path, json!(null)).await;
        assert_eq!(reply.status, status, "{path}");
        check(&reply, path);
    }
    check(&api.send(request("GET", "/api/spaces")).await, "without a token");
}

#[actix_web::test]
async fn over_tls_browsers_are_to_come_no_other_way() {
    let mut config = ApiConfig::default();
    config.tls = true;
    let api = api_with(config).await;
    assert_eq!(api.send(request("GET", "/healthz")).await.header("strict-transport-security"), "max-age=31536000");
}

#[actix_web::test]
async fn pages_of_named_origins_may_read() {
    let mut config = ApiConfig::default();
    config.origins = vec![APP.into(), "http://localhost:5173".into()];
    let api = api_with(config).await;
    let asked = |origin: &str| {
        let request = request("OPTIONS", "/api/offline/sync").insert_header(("origin", origin.to_owned()));
        request.insert_header(("access-control-request-method", "POST")).insert_header(("access-control-request-headers", "authorization"))
    };
    let reply = api.send(asked(APP)).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin"), reply.header("vary")), (204, APP, "origin"));
    assert!(reply.header("access-control-allow-methods").contains("POST"), "{reply:?}");
    assert!(reply.header("access-control-allow-headers").contains("authorization"), "{reply:?}");
    assert_eq!(reply.header("access-control-allow-credentials"), "", "there are no cookies to send");
    for origin in ["https://evil.example", "https://app.example.evil.example", "null", "https://app.example:444"] {
        let reply = api.send(asked(origin)).await;
        assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (405, ""), "{origin}");
        let reply = api.send(request("GET", "/api/offline/config").insert_header(("origin", origin.to_owned()))).await;
        assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (200, ""), "{origin}");
    }
    let reply = api.send(request("GET", "/api/spaces").insert_header(("origin", APP))).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (401, APP), "refusals are read as well");
    assert!(reply.header("access-control-expose-headers").contains("retry-after"), "{reply:?}");
}

#[actix_web::test]
async fn a_cookie_or_a_form_does_nothing_in_anybodys_name() {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    let cookie = format!("access_token={}; authorization=Bearer {}", ana.access_token, ana.access_token);
    let forged = request("POST", "/api/spaces").insert_header(("cookie", cookie)).insert_header(("content-type", "application/json"));
    api.send(forged.set_payload(json!({"name":"Forged"}).to_string())).await.assert_problem(401, "unauthenticated");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let form = request("POST", "/api/auth/login").insert_header(("content-type", content_type));
        let body = json!({"email":"ana@luz.example","password":crate::harness::PASSWORD}).to_string();
        api.send(form.set_payload(body)).await.assert_problem(415, "unsupported_media_type");
    }
}
