//! Two histories of one log, and one that was rolled back: devices find out at the first exchange.

use serde_json::{Value, json};
use sync_core::ports::Entropy as _;
use testkit::fake::SeededEntropy;

use crate::audit::{hashes, signs};
use crate::sync::{Pair, op};
use crate::world::now;

/// A log with two devices that read it.
struct Log {
    pair: Pair,
    made: u32,
}

impl Log {
    fn new() -> Self {
        let pair = Pair::new(None);
        signs(&pair.world.service);
        Self { pair, made: 0 }
    }

    /// Somebody does so many things, and they get their places.
    fn grow(&mut self, acts: usize) {
        for _ in 0..acts {
            self.made += 1;
            self.pair.one(&self.pair.ana, op(self.made, "create", &format!("n{}", self.made), 0, json!({"a": 1})));
        }
        now(self.pair.world.service.sequence_audit()).unwrap();
    }

    /// What a device is told when it hands back what it was told before.
    fn exchange(&self, bo: bool, checkpoint: &Value) -> Value {
        let caller = if bo { &self.pair.bo } else { &self.pair.ana };
        self.pair.sync(caller, json!({"audit": {"checkpoint": checkpoint}}))["audit"].clone()
    }

    /// What is vouched for now.
    fn checkpoint(&self) -> Value {
        json!(now(self.pair.world.service.audit_checkpoint(&self.pair.ana, None)).unwrap().checkpoint)
    }

    fn forks(&self) -> u64 {
        self.pair.world.service.figures().audit_forks
    }
}

fn code(answer: &Value) -> &str {
    answer["problem"]["code"].as_str().unwrap_or_default()
}

#[test]
fn a_log_that_only_grows_is_proved_to_every_device() {
    let mut log = Log::new();
    log.grow(3);
    let first = log.checkpoint();
    assert_eq!(log.exchange(false, &Value::Null), json!({"checkpoint": first, "consistency": [], "problem": null}));
    log.grow(300);
    let second = log.checkpoint();
    let told = log.exchange(true, &first);
    assert_eq!((&told["checkpoint"], &told["problem"]), (&second, &Value::Null));
    let read = |note: &Value| audit_log::Checkpoint::read_unverified(note.as_str().unwrap()).unwrap();
    let (older, newer) = (read(&first), read(&second));
    let proof: Vec<String> = serde_json::from_value(told["consistency"].clone()).unwrap();
    audit_log::verify_consistency((older.size, older.root), (newer.size, newer.root), &hashes(&proof)).unwrap();
    assert_eq!(log.forks(), 0);
    assert!(log.pair.sync(&log.pair.ana, json!({})).get("audit").is_none(), "who does not ask is not told");
}

#[test]
fn two_histories_are_found_at_the_first_exchange() {
    for seed in 1..=20 {
        let entropy = SeededEntropy::new(seed);
        let draw = |most: u64| usize::try_from(entropy.next_u64() % most).unwrap();
        let mut log = Log::new();
        log.grow(1 + draw(5));
        let shared = log.pair.world.store.save();
        let before = log.checkpoint();
        // one device is shown this history, the other that one
        log.grow(1 + draw(80));
        let shown_to_ana = log.checkpoint();
        let mut salt = [0; 8];
        entropy.fill(&mut salt);
        log.pair.world.store.put_back(&shared);
        log.grow(1 + draw(80));
        let shown_to_bo = log.checkpoint();
        assert_eq!(code(&log.exchange(true, &shown_to_bo)), "", "seed {seed}");
        assert_eq!(code(&log.exchange(true, &before)), "", "seed {seed}: both share their beginning");
        assert_eq!(code(&log.exchange(false, &shown_to_ana)), "audit_fork", "seed {seed}");
        assert_eq!(log.forks(), 1, "seed {seed}");
    }
}

#[test]
fn an_older_backup_is_found_at_the_first_exchange() {
    let mut log = Log::new();
    log.grow(4);
    let backup = log.pair.world.store.save();
    log.grow(5);
    let seen = log.checkpoint();
    log.pair.world.store.put_back(&backup);
    let told = log.exchange(true, &seen);
    assert_eq!(code(&told), "audit_fork");
    assert!(told["problem"]["detail"].as_str().unwrap().contains("rolled back"), "{told}");
    // it is told every time, and recorded once
    log.exchange(true, &seen);
    let query = sync_service::AuditQuery { action: Some("audit.fork".into()), limit: 9, ..Default::default() };
    let recorded = now(log.pair.world.service.list_audit(&log.pair.ana, query)).unwrap();
    assert_eq!((recorded.items.len(), log.forks()), (1, 2));
    assert_eq!(recorded.items[0].device_id, Some(log.pair.bo.device_id));
    // also after it has grown beyond what the device saw
    log.grow(50);
    assert_eq!(code(&log.exchange(true, &seen)), "audit_fork");
}

#[test]
fn what_anybody_may_write_down_accuses_nobody() {
    let mut log = Log::new();
    log.grow(3);
    let real = log.checkpoint();
    let note = real.as_str().unwrap();
    let forged = note.replacen('\n', "\n9", 1);
    let foreign = note.replacen("rejoin/", "rejoin/x", 1);
    for note in ["", "x", &forged, &foreign] {
        let told = log.exchange(true, &json!(note));
        assert_eq!((code(&told), &told["checkpoint"]), ("malformed", &real), "{note:?}");
    }
    assert_eq!(log.forks(), 0);
}
