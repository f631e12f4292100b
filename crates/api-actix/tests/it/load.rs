//! Under load: devices are told to come later and with less, and refusals spread.

use serde_json::json;
use sync_core::ports::StoreLoad;

use crate::harness::{api, request};

fn waiting(writes: usize) -> StoreLoad {
    StoreLoad { waiting_writes: writes, most_waiting: 4_096, idle_connections: 1, ..StoreLoad::default() }
}

#[actix_web::test]
async fn batches_shrink_before_anything_is_refused() {
    let api = api().await;
    let login = api.member("Studio Luz", "ana@luz.example").await;
    for (writes, most, reason) in [(0, 500, "idle"), (64, 250, "busy"), (300, 125, "busy"), (4_000, 31, "busy"), (0, 500, "idle")] {
        api.store.pretend_load(waiting(writes));
        let reply = api.call(&login.access_token, "POST", "/api/offline/sync", json!({"protocol":1})).await;
        let next = &reply.json()["next"];
        assert_eq!((&next["max_operations"], &next["reason"]), (&json!(most), &json!(reason)), "{writes} wait: {next}");
        assert!(next["sync_after_ms"].as_u64().unwrap() >= if reason == "busy" { 30_000 } else { 15_000 }, "{next}");
    }
}

#[actix_web::test]
async fn refusals_spread_the_wider_the_more_wait() {
    let api = api().await;
    api.state.begin_draining();
    for (writes, within_ms) in [(0, 4_000), (4_096, 64_000)] {
        api.store.pretend_load(waiting(writes));
        let mut waits = Vec::new();
        for _ in 0..200 {
            let reply = api.send(request("GET", "/readyz")).await;
            let wait_ms = reply.assert_problem(503, "unavailable")["retry_after_ms"].as_u64().unwrap();
            assert_eq!(reply.header("retry-after"), wait_ms.div_ceil(1_000).to_string());
            waits.push(wait_ms);
        }
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        // full jitter: over the whole time, from nothing on
        assert!((1..within_ms / 10).contains(least) && (within_ms * 9 / 10..=within_ms).contains(most), "{least} to {most} of {within_ms}");
    }
}
