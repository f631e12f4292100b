use std::sync::Arc;

use auth::{PasswordConfig, PasswordHasher};
use pollster::block_on;
use queue::eta::Eta;
use sync_core::ports::Store;
use sync_core::{DeviceId, OpId, SpaceId, Status};
use testkit::fake::{FakeClock, SeededEntropy};
use testkit::memory::MemoryStore;

use super::*;
use crate::queue::recorder::{AcceptedItem, DecidedItem, Step};

const ORGANISATION: OrganisationId = OrganisationId(Uuid::from_u128(1));
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(2));

/// Two services on one database.
struct Nodes {
    store: Arc<MemoryStore>,
    clock: Arc<FakeClock>,
    services: [Service; 2],
}

impl Nodes {
    fn new() -> Self {
        let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(FakeClock::new()));
        let mut passwords = PasswordConfig::default();
        (passwords.memory_kib, passwords.passes) = (8, 1);
        let hasher = Arc::new(PasswordHasher::new(&passwords).unwrap());
        let node = |seed| Service::new(store.clone(), clock.clone(), Arc::new(SeededEntropy::new(seed)), hasher.clone());
        Self { services: [node(1), node(2)], store, clock }
    }

    fn figures(&self, step_s: i32) -> Vec<(QueueFigure, Span)> {
        let store: &dyn Store = &*self.store;
        let span = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
        let rows = block_on(store.transact(Access::Read, move |tx| tx.list_figures(Some(ORGANISATION), step_s, span))).unwrap();
        rows.into_iter().map(|row| (row.clone(), Span::read(&row.body))).collect()
    }

    /// Counts so many that came and were decided at a node.
    fn count(&self, node: usize, operations: u128) {
        let service = &self.services[node];
        let (now, lane) = (service.now(), 1);
        for n in 0..operations {
            let accepted =
                AcceptedItem { organisation_id: ORGANISATION, op_id: OpId(Uuid::from_u128(n)), device_id: DEVICE, lane, size_bytes: 100 };
            let decided = DecidedItem {
                organisation_id: ORGANISATION,
                op_id: OpId(Uuid::from_u128(n)),
                device_id: DEVICE,
                lane,
                accepted_at: now.plus_ms(-700),
                status: Status::Applied,
            };
            service.recorder.accepted(&[accepted], now);
            service.recorder.decided(&[decided], now);
        }
    }
}

#[test]
fn what_is_counted_is_written_once_a_node_and_minute() {
    let services = Nodes::new();
    services.count(0, 3);
    services.count(1, 2);
    for node in &services.services {
        assert_eq!(block_on(node.flush_queue_figures()).unwrap(), 1);
        assert_eq!(block_on(node.flush_queue_figures()).unwrap(), 0, "nothing changed");
    }
    services.count(0, 1);
    block_on(services.services[0].flush_queue_figures()).unwrap();
    let minutes = services.figures(MINUTE_S);
    let mut counts: Vec<(u64, u64)> = minutes.iter().map(|(_, span)| (span.accepted, span.decided_count())).collect();
    counts.sort_unstable();
    assert_eq!(counts, [(2, 2), (4, 4)], "the same minute is written over");
    assert_eq!(minutes[0].1.wait.quantile(500), Some(700));
    services.clock.advance_ms(60_000);
    services.count(0, 1);
    block_on(services.services[0].flush_queue_figures()).unwrap();
    assert_eq!(services.figures(MINUTE_S).len(), 3);
}

#[test]
fn minutes_become_hours_and_end() {
    let services = Nodes::new();
    for minute in 0..90 {
        services.count(0, 2);
        services.count(1, 1);
        services.clock.advance_ms(60_000);
        if minute % 30 == 29 {
            for node in &services.services {
                block_on(node.flush_queue_figures()).unwrap();
            }
        }
    }
    assert_eq!(services.figures(MINUTE_S).len(), 180);
    assert_eq!(block_on(services.services[0].roll_queue_figures_up()).unwrap(), 0, "they are young");
    services.clock.advance_ms(MINUTES_KEPT_MS + HOUR_MS);
    assert_eq!(block_on(services.services[0].roll_queue_figures_up()).unwrap(), 180);
    assert_eq!(block_on(services.services[1].roll_queue_figures_up()).unwrap(), 0, "the other node finds nothing left");
    let hours = services.figures(HOUR_S);
    assert_eq!((services.figures(MINUTE_S).len(), hours.len()), (0, 2));
    assert_eq!(hours.iter().map(|(_, span)| span.accepted).collect::<Vec<_>>(), [180, 90]);
    assert!(hours.iter().all(|(row, span)| row.node_id.is_nil() && span.devices[&DEVICE] == (span.accepted, span.accepted)));
    // hours end when the next minutes are added up
    services.clock.advance_ms(HOURS_KEPT_MS - MINUTES_KEPT_MS);
    services.count(0, 1);
    block_on(services.services[0].flush_queue_figures()).unwrap();
    services.clock.advance_ms(MINUTES_KEPT_MS + HOUR_MS);
    block_on(services.services[0].roll_queue_figures_up()).unwrap();
    assert_eq!(services.figures(HOUR_S).len(), 1);
}

#[test]
fn estimates_are_learned_and_scored() {
    let services = Nodes::new();
    let recorder = &services.services[0].recorder;
    let (space_id, now) = (SpaceId(Uuid::from_u128(3)), services.services[0].now());
    let step = Step { organisation_id: ORGANISATION, space_id, items: [0, 50, 0, 0], took_us: 20_000, since_last_us: 25_000 };
    for _ in 0..40 {
        recorder.stepped(&step, now);
    }
    assert_eq!(recorder.rates(space_id).eta(1, 1_999).unwrap().expected_ms, 1_000);
    assert_eq!(recorder.rates(SpaceId(Uuid::from_u128(4))), recorder.rates(space_id), "an unknown space goes as all do");
    let eta = Eta { expected_ms: 1_000, low_ms: 800, high_ms: 1_200 };
    recorder.estimated(OpId(Uuid::from_u128(0)), eta, now);
    services.clock.advance_ms(1_100);
    services.count(0, 2);
    block_on(services.services[0].flush_queue_figures()).unwrap();
    let score = services.figures(MINUTE_S)[0].1.eta;
    assert_eq!((score.estimates, score.within, score.off), (1, 1, 90), "the other one was not told anything");
}

#[test]
fn a_failure_is_a_retry_or_the_last_one() {
    let services = Nodes::new();
    let recorder = &services.services[0].recorder;
    let now = services.services[0].now();
    recorder.failed(ORGANISATION, 2, "overloaded", false, now);
    recorder.failed(ORGANISATION, 2, "processing_failed", true, now);
    recorder.waiting(ORGANISATION, 2, 40, now);
    recorder.workers(4, true, now);
    recorder.workers(4, false, now.plus_ms(3_000));
    recorder.workers(2, false, now.plus_ms(9_000));
    block_on(services.services[0].flush_queue_figures()).unwrap();
    let mut all = Span::default();
    for (_, span) in services.figures(MINUTE_S) {
        all.merge(&span);
    }
    assert_eq!((all.retries, all.parked, all.reasons.len(), all.parked_reasons.len()), (1, 1, 2, 1));
    assert_eq!((all.depth, all.looks, all.saturated_ms, all.watched_ms), (40, 1, 3_000, 9_000));
    assert_eq!(recorder.most_workers(), 4);
}
