//! `/metrics`, read as Prometheus would.

use std::collections::BTreeMap;

use serde_json::json;

use crate::harness::{api, request};

/// Samples by their name with labels. Checks the form of every line.
pub(crate) fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(types.insert(name, kind).is_none(), "{name} is told twice");
            assert!(kind != "counter" || name.ends_with("_total"), "{name}");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            let name = series.split('{').next().unwrap();
            let family =
                ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).filter(|name| types.contains_key(name));
            assert!(types.contains_key(family.unwrap_or(name)), "{line:?} belongs to no family");
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{series} twice");
        }
    }
    samples
}

#[actix_web::test]
async fn what_happened_is_counted() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    let space = api.space(&login).await;
    let operation = |id: u32, title: &str| {
        json!({"op_id":format!("01890a5d-ac96-774b-bcce-{id:012x}"),"space_id":space,"collection":"timeline_events","document_id":"evt-1",
            "kind":if id == 1 { "create" } else { "update" },"base_version":u32::from(id > 1),"patch":{"title":title}})
    };
    for operations in
        [json!([operation(1, "Ceremony")]), json!([operation(1, "Ceremony")]), json!([operation(2, "A")]), json!([operation(3, "B")])]
    {
        let reply = api.call(&login.access_token, "POST", "/api/offline/sync", json!({"protocol":1,"operations":operations})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    api.call(&login.access_token, "GET", &format!("/api/spaces/{space}"), json!(null)).await;
    api.send(request("GET", "/no/such/path")).await;
    api.send(request("BREW", "/healthz")).await;

    let reply = api.send(request("GET", "/metrics")).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let samples = samples(std::str::from_utf8(&reply.body).unwrap());
    let value = |series: &str| *samples.get(series).unwrap_or_else(|| panic!("{series} is not among {:#?}", samples.keys()));
    for (series, expected) in [
        ("rejoin_http_requests_total{method=\"POST\",path=\"/api/offline/sync\",status=\"200\"}", 4.0),
        ("rejoin_http_requests_total{method=\"GET\",path=\"/api/spaces/{space_id}\",status=\"200\"}", 1.0),
        ("rejoin_http_requests_total{method=\"GET\",path=\"unmatched\",status=\"404\"}", 1.0),
        ("rejoin_http_requests_total{method=\"other\",path=\"/healthz\",status=\"405\"}", 1.0),
        ("rejoin_http_request_duration_seconds_count{method=\"POST\",path=\"/api/offline/sync\"}", 4.0),
        ("rejoin_http_request_duration_seconds_bucket{method=\"POST\",path=\"/api/offline/sync\",le=\"+Inf\"}", 4.0),
        // this one
        ("rejoin_http_requests_in_flight", 1.0),
        ("rejoin_operations_total{status=\"applied\"}", 2.0),
        ("rejoin_operations_total{status=\"duplicate\"}", 1.0),
        ("rejoin_operations_total{status=\"conflict\"}", 1.0),
        ("rejoin_operations_total{status=\"waiting\"}", 0.0),
        ("rejoin_conflicts_opened_total", 1.0),
        ("rejoin_passwords_waiting", 0.0),
        ("rejoin_syncs_in_flight", 0.0),
        ("rejoin_syncs_in_flight_limit", 256.0),
        ("rejoin_store_waiting_jobs{lane=\"write\"}", 0.0),
        ("rejoin_store_waiting_jobs{lane=\"read\"}", 0.0),
        ("rejoin_store_connections{state=\"busy\"}", 0.0),
        ("rejoin_store_connections{state=\"idle\"}", 1.0),
    ] {
        assert!((value(series) - expected).abs() < f64::EPSILON, "{series} is {}", value(series));
    }
    let commits = value("rejoin_commits_total");
    assert!(commits >= 5.0);
    for series in ["rejoin_commit_jobs_count", "rejoin_commit_jobs_sum", "rejoin_commit_jobs_bucket{le=\"1\"}"] {
        assert!((value(series) - commits).abs() < f64::EPSILON, "{series}");
    }
    if cfg!(target_os = "linux") {
        assert!(value("process_resident_memory_bytes") > 1_000_000.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }
}

#[actix_web::test]
async fn strangers_make_no_series() {
    let api = api().await;
    let count = || async { samples(std::str::from_utf8(&api.send(request("GET", "/metrics")).await.body).unwrap()).len() };
    count().await;
    api.send(request("GET", "/api/spaces/one")).await;
    api.send(request("PURGE", "/nothing")).await;
    let before = count().await;
    for number in 0..50 {
        api.send(request("GET", &format!("/api/spaces/{number}?x={number}"))).await;
        api.send(request(&format!("METHOD{number}"), &format!("/{number}/nothing"))).await;
    }
    assert_eq!(count().await, before);
}

#[actix_web::test]
async fn an_address_of_their_own_shows_metrics_and_nothing_else() {
    let api = api().await;
    let state = api.state.clone();
    let own = actix_web::test::init_service(actix_web::App::new().configure(|cfg| api_actix::configure_metrics(cfg, state))).await;
    for (path, status) in [("/metrics", 200), ("/healthz", 404), ("/api/spaces", 404)] {
        let response = actix_web::test::call_service(&own, request("GET", path).to_request()).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
}
