//! The OpenAPI document and the page that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sync_core::Code;

use crate::contract::compiled;
use crate::harness::{PASSWORD, api, request};

const ROUTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes");

/// Every path that the sources mount.
fn mounted() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for file in fs::read_dir(Path::new(ROUTES)).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for call in source.split("mount(cfg,").skip(1) {
            paths.insert(call.split('"').nth(1).unwrap().to_owned());
        }
    }
    assert!(paths.len() > 15, "the sources were read: {paths:?}");
    paths
}

#[actix_web::test]
async fn every_route_is_documented_and_nothing_else() {
    let api = api().await;
    let paths = api.contract.document["paths"].as_object().unwrap();
    assert_eq!(paths.keys().cloned().collect::<BTreeSet<_>>(), mounted());
    for (path, methods) in paths {
        let reply = api.send(request("TRACE", path)).await;
        reply.assert_problem(405, "method_not_allowed");
        let allowed: BTreeSet<String> =
            reply.header("allow").split(", ").map(str::to_lowercase).filter(|method| method != "head").collect();
        assert_eq!(methods.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), allowed, "{path}");
    }
}

#[actix_web::test]
async fn who_needs_a_token_is_documented() {
    let api = api().await;
    for (path, methods) in api.contract.document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let reply = api.send(request(&method.to_uppercase(), path)).await;
            let open = operation["security"] == json!([]);
            let refused = reply.status == 401 && reply.json()["code"] == "unauthenticated";
            assert_eq!(refused, !open, "{method} {path}: {reply:?}");
        }
    }
}

#[actix_web::test]
async fn the_document_is_well_formed() {
    let api = api().await;
    let document = &api.contract.document;
    // by somebody else's reader of OpenAPI 3.1
    let read = oas3::from_json(document.to_string()).unwrap();
    assert_eq!(read.info.version, env!("CARGO_PKG_VERSION"));
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    let tags: BTreeSet<&str> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let named: BTreeSet<&str> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        for operation in methods.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "path");
            assert_eq!(parameters.map(|parameter| parameter["name"].as_str().unwrap()).collect::<BTreeSet<_>>(), named, "{path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap(), path).is_none(), "{path}: its operationId is taken");
            assert!(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(tag.as_str().unwrap())), "{path}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"], json!(codes));
}

#[actix_web::test]
async fn examples_fit_and_work() {
    let api = api().await;
    let document = &api.contract.document;
    let mut bodies: BTreeMap<&str, &Value> = BTreeMap::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let content = &operation["requestBody"]["content"]["application/json"];
            if content.is_null() {
                continue;
            }
            let id = operation["operationId"].as_str().unwrap();
            let errors: Vec<String> = compiled(&content["schema"], &document["components"])
                .iter_errors(&content["example"])
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{id}: {errors:?}");
            bodies.insert(id, &content["example"]);
        }
    }
    let problem = &document["components"]["responses"]["Problem"]["content"]["application/problem+json"];
    assert!(compiled(&problem["schema"], &document["components"]).is_valid(&problem["example"]));
    // the page offers them as they are
    api.member("Studio Luz", bodies["login"]["email"].as_str().unwrap()).await;
    assert_eq!(bodies["login"]["password"], PASSWORD);
    let grant = api.call("", "POST", "/api/auth/login", bodies["login"].clone()).await.json();
    let token = grant["access_token"].as_str().unwrap();
    for (path, id) in [("/api/users", "addUser"), ("/api/spaces", "createSpace")] {
        assert_eq!(api.call(token, "POST", path, bodies[id].clone()).await.status, 201, "{id}");
    }
    for (method, path, id) in [
        ("POST", "/api/offline/sync", "sync"),
        ("POST", "/api/offline/sync/receipts", "receipts"),
        ("PUT", "/api/offline/sync/resolve", "resolve"),
    ] {
        assert_eq!(api.call(token, method, path, bodies[id].clone()).await.status, 200, "{id}");
    }
}

#[actix_web::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let api = api().await;
    for (path, content_type) in [("/docs", "text/html"), ("/docs/docs.js", "text/javascript"), ("/docs/docs.css", "text/css")] {
        let reply = api.send(request("GET", path)).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), format!("{content_type}; charset=utf-8"));
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'; style-src 'self'"));
        let text = std::str::from_utf8(&reply.body).unwrap();
        assert!(!text.contains("://"), "{path} names another place");
        // what the policy would forbid is not there
        assert!(!text.contains("<style") && !text.contains("style=") && !text.contains(" onclick="), "{path}");
        for script in text.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"docs/docs.js\""), "{script}");
        }
        // every file that it names is there
        for part in text.split("src=\"").skip(1).chain(text.split("href=\"").skip(1)) {
            let file = part.split('"').next().unwrap();
            if !file.starts_with("data:") {
                assert_eq!(api.send(request("GET", &format!("/{file}"))).await.status, 200, "{file}");
            }
        }
    }
}

#[actix_web::test]
async fn metrics_elsewhere_are_not_in_the_document() {
    let api = api().await;
    let mut config = api_actix::ApiConfig::default();
    config.metrics = false;
    let state = api_actix::ApiState::new(api.state.service().clone(), std::sync::Arc::new(testkit::fake::SeededEntropy::new(2)), config);
    let other = actix_web::test::init_service(actix_web::App::new().configure(|cfg| api_actix::configure_alone(cfg, state))).await;
    let document: Value = actix_web::test::call_and_read_body_json(&other, request("GET", "/api/openapi.json").to_request()).await;
    assert!(document["paths"]["/metrics"].is_null() && document["paths"]["/healthz"].is_object());
    let response = actix_web::test::call_service(&other, request("GET", "/metrics").to_request()).await;
    assert_eq!(response.status().as_u16(), 404);
}
