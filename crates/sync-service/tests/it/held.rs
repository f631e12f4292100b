//! What is held is kept: nothing of it is let go of and no question of it runs out, however long that takes.

use serde_json::{Value, json};
use sync_core::SpaceId;
use sync_core::ports::{Access, Store, Tx};

use crate::audit::actions;
use crate::inbox::{at_a_party, disputed, of};
use crate::incident::{hold, let_go};
use crate::sync::{Pair, op, told};
use crate::world::now;

const DAY_MS: i64 = 86_400_000;
/// How long history is kept, in days.
const KEPT_DAYS: i64 = 400;

/// A party at which a song was deleted, and a question asked that has a deadline.
fn party() -> Pair {
    let pair = at_a_party();
    let song = pair.one(&pair.ana, of("songs", op(1, "create", "s", 0, json!({"name": "First dance"}))));
    let gone = pair.one(&pair.ana, of("songs", op(2, "delete", "s", song["version"].as_i64().unwrap(), Value::Null)));
    assert_eq!(told(&gone).0, "applied", "{gone}");
    let first = json!({"title": "0", "starts_at": "2026-06-20T18:00"});
    disputed(&pair, 11, "events", "e", [first, json!({"title": "1"}), json!({"title": "2"})]);
    pair
}

/// What is due by now, as the store has it: changes that need not be kept, deleted documents, questions whose deadline has
/// passed, and what was sent of decided operations.
fn due(pair: &Pair) -> [usize; 4] {
    let (space_id, time): (SpaceId, _) = (pair.space.parse().unwrap(), pair.world.service.now());
    let since = time.plus_ms(-KEPT_DAYS * DAY_MS);
    let store: &dyn Store = &*pair.world.store;
    let count = move |tx: &mut dyn Tx| {
        let changes = tx.list_history(space_id, 1_000)?.into_iter().filter(|entry| entry.at < since).count();
        let deleted = tx.list_tombstones(space_id, 0, 1_000)?.len();
        let questions = tx.list_due_conflicts(time, None, 1_000)?.len();
        let sent = tx.list_results(None, since, 1_000)?.into_iter().filter(|entry| entry.is_due).count();
        Ok([changes, deleted, questions, sent])
    };
    now(store.transact(Access::Read, count)).unwrap()
}

/// Goes through everything: a round that came to the last space begins anew with the one after it.
fn maintain(pair: &Pair) {
    for _ in 0..4 {
        now(pair.world.service.maintain()).unwrap();
    }
}

/// What is recorded of what ran out or is kept no longer, each action once.
fn ran_out(pair: &Pair) -> Vec<String> {
    let mut found = actions(pair);
    found.retain(|action| action.starts_with("retention.") || action == "conflict.expire");
    found.sort();
    found.dedup();
    found
}

#[test]
fn what_is_held_is_kept_and_runs_out_once_it_is_let_go() {
    for state in ["read_only", "locked"] {
        let pair = party();
        hold(&pair, state);
        pair.world.clock.advance_ms((KEPT_DAYS + 1) * DAY_MS);
        let before = due(&pair);
        assert!(before.iter().all(|rows| *rows > 0), "{state}: {before:?}");
        maintain(&pair);
        assert_eq!((due(&pair), ran_out(&pair)), (before, Vec::<String>::new()), "{state}");
        let_go(&pair);
        maintain(&pair);
        assert_eq!(due(&pair), [0; 4], "{state}");
        assert_eq!(ran_out(&pair), ["conflict.expire", "retention.documents", "retention.history", "retention.operations"], "{state}");
    }
}
