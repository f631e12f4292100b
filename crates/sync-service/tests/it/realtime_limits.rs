//! Deadlines and limits of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use auth::{PasswordConfig, PasswordHasher};
use serde_json::json;
use sync_core::Code;
use sync_core::ports::{Access, Job, Signal, Store, StoreError, StoreLoad, Terms};
use sync_service::Service;
use sync_service::realtime::{Ending, Hub, HubLimits};
use testkit::fake::SeededEntropy;
use testkit::memory::MemoryStore;

use crate::line::{Line, hub, types};
use crate::realtime_queue::{batch, put, tell};
use crate::sync::{Pair, op};
use crate::world::{now, refused};

fn limits(connections: usize, of_user: usize, of_device: usize) -> HubLimits {
    let mut limits = HubLimits::default();
    (limits.connections, limits.of_user, limits.of_device) = (connections, of_user, of_device);
    limits
}

#[test]
fn no_more_are_taken_than_may_be() {
    let pair = Pair::new(None);
    let second = pair.world.caller("bo@example.org");
    for (limits, callers) in [
        (limits(2, 9, 9), [&pair.bo, &pair.ana, &second]),
        (limits(9, 2, 9), [&pair.bo, &second, &second]),
        (limits(9, 9, 2), [&pair.bo, &pair.bo, &pair.bo]),
    ] {
        let hub = Hub::new(&pair.world.service, limits);
        let first = Line::open(&hub, callers[0]);
        let _second = Line::open(&hub, callers[1]);
        assert_eq!(refused(hub.connect(callers[2], true).map(|_| ())), Code::Overloaded);
        assert_eq!(hub.figures().connections, 2);
        drop(first);
        assert!(hub.connect(callers[2], true).is_ok(), "who goes makes room");
    }
}

#[test]
fn a_heartbeat_goes_out_where_nothing_else_does() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, None);
    line.take_all();
    for (after_ms, beats) in [(24_999, 0), (1, 1), (24_999, 1), (1, 2)] {
        pair.world.clock.advance_ms(after_ms);
        line.feed.heard();
        hub.tick();
        assert_eq!((line.take(), line.beats), (None, beats));
    }
    pair.world.clock.advance_ms(20_000);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({})));
    assert_eq!(types(&line.take_all()), ["change"]);
    pair.world.clock.advance_ms(20_000);
    hub.tick();
    assert_eq!((line.take(), line.beats), (None, 2), "a frame is a sign of life");
}

#[test]
fn who_says_nothing_for_a_minute_is_let_go() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut socket = Line::open(&hub, &pair.bo);
    let mut stream = Line::of(hub.connect(&pair.bo, false).unwrap());
    for _ in 0..3 {
        socket.take();
        stream.take();
        pair.world.clock.advance_ms(20_000);
        hub.tick();
    }
    assert_eq!((socket.take(), socket.ended), (None, None));
    pair.world.clock.advance_ms(1);
    hub.tick();
    assert_eq!((socket.take(), socket.ended), (None, Some(Ending::Silent)));
    assert_eq!((stream.take(), stream.ended), (None, None), "whoever can't answer need not");
}

#[test]
fn who_takes_nothing_is_let_go_and_then_cut_off() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, None);
    let cut = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&cut);
    line.feed.cut_with(move || _ = counter.fetch_add(1, Ordering::SeqCst));
    let cuts = || cut.load(Ordering::SeqCst);
    // the poke is taken, and then nothing
    assert!(line.take().is_some());
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({})));
    pair.world.clock.advance_ms(30_000);
    line.feed.heard();
    hub.tick();
    pair.world.clock.advance_ms(1);
    hub.tick();
    assert_eq!(cuts(), 0);
    hub.tick();
    pair.world.clock.advance_ms(1_501);
    hub.tick();
    assert_eq!(cuts(), 1, "it did not even take the end");
    assert_eq!((line.take(), line.ended), (None, Some(Ending::TooSlow)));
}

#[test]
fn who_waits_for_something_is_not_slow() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut line = Line::open(&hub, &pair.bo);
    for _ in 0..10 {
        assert_eq!((line.take(), line.ended), (None, None));
        pair.world.clock.advance_ms(29_000);
        line.feed.heard();
        hub.tick();
    }
}

#[test]
fn a_connection_lasts_a_day() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut line = Line::open(&hub, &pair.bo);
    line.take();
    pair.world.clock.advance_ms(24 * 60 * 60 * 1_000 + 1);
    line.feed.heard();
    hub.tick();
    assert_eq!((line.take(), line.ended), (None, Some(Ending::Aged)));
}

#[test]
fn a_server_that_stops_sends_everybody_elsewhere_at_their_own_time() {
    let pair = Pair::new(None);
    let hub = hub(&pair.world.service);
    let mut lines: Vec<Line> = (0..4).map(|_| Line::open(&hub, &pair.bo)).collect();
    hub.drain();
    let waits: std::collections::BTreeSet<u64> = lines
        .iter_mut()
        .map(|line| {
            let frame = line.take().unwrap();
            assert_eq!((&frame["type"], &frame["reason"]), (&json!("backoff"), &json!("draining")));
            assert_eq!((line.take(), line.ended), (None, Some(Ending::Draining)));
            frame["retry_after_ms"].as_u64().unwrap()
        })
        .collect();
    assert!(waits.len() > 1 && waits.iter().all(|wait| (1..=5_000).contains(wait)), "{waits:?}");
    assert_eq!(refused(hub.connect(&pair.bo, true).map(|_| ())), Code::Overloaded);
}

/// A store whose reads are refused while it is told so.
struct Busy {
    inner: Arc<MemoryStore>,
    refuses: AtomicBool,
}

impl Store for Busy {
    fn submit(&self, terms: Terms, job: Box<dyn Job>) {
        if terms.access == Access::Read && self.refuses.load(Ordering::SeqCst) {
            return job.finish(Err(StoreError::Overloaded));
        }
        self.inner.submit(terms, job);
    }

    fn load(&self) -> StoreLoad {
        self.inner.load()
    }
}

/// A hub over the pair's database, and what makes that refuse to read.
fn busy(pair: &Pair) -> (Hub, Arc<Busy>) {
    let store = Arc::new(Busy { inner: Arc::clone(&pair.world.store), refuses: AtomicBool::new(false) });
    let mut config = PasswordConfig::default();
    (config.memory_kib, config.passes) = (8, 1);
    let (clock, hasher) = (Arc::clone(&pair.world.clock), Arc::new(PasswordHasher::new(&config).unwrap()));
    let service = Service::new(store.clone(), clock, Arc::new(SeededEntropy::new(3)), hasher);
    (hub(&service.with_broadcaster(Arc::clone(pair.world.service.broadcaster()))), store)
}

#[test]
fn what_could_not_be_looked_up_is_asked_again() {
    let pair = Pair::new(None);
    let (hub, store) = busy(&pair);
    let mut line = Line::open(&hub, &pair.bo);
    assert_eq!(line.take(), None);
    put(&pair, &[batch(&pair.bo, 1, 40)], &[]);
    store.refuses.store(true, Ordering::SeqCst);
    tell(&pair, &[Signal::Batch(pair.bo.device_id, batch(&pair.bo, 1, 40).batch_id)]);
    assert_eq!(line.take(), None);
    hub.tick();
    assert_eq!(line.take(), None);
    store.refuses.store(false, Ordering::SeqCst);
    hub.tick();
    assert!(line.is_woken());
    assert_eq!(types(&line.take_all()), ["progress"]);
}

#[test]
fn a_database_that_is_busy_is_told_and_made_good() {
    let pair = Pair::new(None);
    let (hub, store) = busy(&pair);
    let cursor = pair.pull(&pair.bo, None)["cursor"].as_str().unwrap().to_owned();
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, Some(&cursor));
    assert_eq!(line.take(), None);
    store.refuses.store(true, Ordering::SeqCst);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({})));
    let frames = line.take_all();
    assert_eq!((types(&frames), &frames[0]["reason"]), (vec!["backoff"], &json!("busy")));
    assert!(frames[0]["retry_after_ms"].as_u64().unwrap() <= 4_000);
    assert!(now(hub.sweep()).is_err());
    assert_eq!(line.take(), None, "it is not asked again and again");
    store.refuses.store(false, Ordering::SeqCst);
    now(hub.sweep()).unwrap();
    let frames = line.take_all();
    assert_eq!((types(&frames), &frames[0]["since"]), (vec!["change"], &json!(cursor)));
}
