//! The record of what was done: what is recorded, who reads it, and what proves it.

use audit_log::{Checkpoint, Hash, Keyring, SigningKey, VerifyingKey, leaf_hash, verify_consistency, verify_inclusion};
use serde_json::{Value, json};
use sync_core::Code;
use sync_core::ports::{Access, AuditFilter, AuditRecord, AuditTile, Store, StoreResult, Tx};
use sync_core::protocol::v1::SyncRequest;
use sync_service::{AuditQuery, Caller, Included, Service};

use crate::inbox::{at_a_party, disputed, of};
use crate::sync::{Pair, id, op};
use crate::world::{World, added, now, refused};

/// Gives a service a key that signs checkpoints.
pub(crate) fn signs(service: &Service) -> VerifyingKey {
    let key = SigningKey::from_seed([7; 32]).unwrap();
    service.use_audit_keys(Keyring::parse(&key.line()).unwrap());
    key.verifying_key()
}

fn transact<T: Send + 'static>(
    world: &World,
    work: impl FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static,
) -> sync_core::ports::Transaction<T> {
    let store: &dyn Store = &*world.store;
    store.transact(Access::Read, work)
}

/// What is recorded, oldest first.
fn records(pair: &Pair) -> Vec<AuditRecord> {
    let organisation_id = pair.ana.organisation_id;
    let list = move |tx: &mut dyn Tx| tx.list_audit_records(organisation_id, &AuditFilter::default(), None, 1_000);
    let mut found = now(transact(&pair.world, list)).unwrap();
    found.reverse();
    found
}

pub(crate) fn actions(pair: &Pair) -> Vec<String> {
    records(pair).into_iter().map(|record| record.action).collect()
}

pub(crate) fn listed(pair: &Pair, caller: &Caller, query: AuditQuery) -> Value {
    serde_json::to_value(now(pair.world.service.list_audit(caller, AuditQuery { limit: 100, ..query })).unwrap()).unwrap()
}

pub(crate) fn newest(pair: &Pair, caller: &Caller, action: &str) -> Value {
    listed(pair, caller, AuditQuery { action: Some(action.into()), ..AuditQuery::default() })["items"][0].clone()
}

/// What stays when the clock stands still: the time after each act is another.
pub(crate) fn tick(pair: &Pair) {
    pair.world.clock.advance_ms(1);
}

#[test]
fn a_push_is_recorded_once_with_the_list_of_its_results() {
    let pair = at_a_party();
    tick(&pair);
    let operations = json!([
        of("events", op(1, "create", "e", 0, json!({"title": "Dinner", "allergies": "celiac"}))),
        of("nowhere", op(2, "create", "x", 0, json!({"a": 1}))),
    ]);
    let body = json!({"operations": operations});
    pair.sync(&pair.ana, body.clone());
    let of_push = newest(&pair, &pair.ana, "sync.push");
    assert_eq!(
        of_push["details"],
        json!({"results": [
            {"op_id": id(1), "status": "applied", "version": 1, "kind": "create", "document": "events/e", "fields": ["allergies", "title"]},
            {"op_id": id(2), "status": "rejected", "code": "unknown_collection", "kind": "create", "document": "nowhere/x", "fields": ["a"]},
        ]})
    );
    assert_eq!((&of_push["user"]["name"], &of_push["space_id"], &of_push["state"]), (&json!("ana"), &json!(pair.space), &json!("waiting")));
    // what is known already has its record
    let before = actions(&pair).len();
    pair.sync(&pair.ana, body);
    assert_eq!(actions(&pair).len(), before);
    // the leaf of it commits to who and what, and says neither
    let record = records(&pair).into_iter().find(|record| record.action == "sync.push").unwrap();
    let details = record.details.as_ref().unwrap().object();
    let particulars = audit_log::Particulars {
        user_id: record.user_id,
        device_id: record.device_id,
        subject: None,
        reason: None,
        trace: None,
        details: &details,
    };
    assert_eq!(audit_log::commitment(&record.salt.unwrap(), &particulars).as_bytes(), &record.commitment.unwrap());
    assert!(!record.details.unwrap().as_str().contains("celiac"), "never a value");
}

#[test]
fn what_fails_leaves_no_record() {
    let pair = Pair::new(None);
    let before = actions(&pair);
    pair.world.store.lose_next_commit(false);
    let request = json!({"protocol": 1, "space_id": pair.space, "operations": [op(1, "create", "n", 0, json!({"a": 1}))]});
    let request = SyncRequest::parse(request.to_string().as_bytes()).unwrap();
    assert!(now(pair.world.service.sync(&pair.ana, request)).is_err());
    assert_eq!(actions(&pair), before);
}

#[test]
fn what_a_new_schema_gives_and_takes_is_recorded_by_role() {
    let schema = |version: u32, email: Value| {
        json!({"name": "party", "version": version, "collections": {
            "guests": {"fields": {"name": {"type": "text"}, "email": email, "note": {"type": "text", "read": [], "write": []}}}}})
    };
    let pair = Pair::with(schema(1, json!({"type": "text"})));
    let replace = |version: u32, email: Value| {
        tick(&pair);
        let request = serde_json::from_value(json!({"schema": schema(version, email)})).unwrap();
        now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), request)).unwrap();
    };
    replace(2, json!({"type": "text"}));
    assert!(actions(&pair).iter().all(|action| !action.starts_with("rights.")), "the same rights are no act");
    replace(3, json!({"type": "text", "read": ["coordinator", "vendor"], "write": ["coordinator"]}));
    let taken = newest(&pair, &pair.ana, "rights.revoke");
    let both = json!(["guests/email read", "guests/email write"]);
    let roles = json!({"vendor": ["guests/email write"], "photographer": both, "couple": both, "viewer": ["guests/email read"]});
    assert_eq!((&taken["details"]["roles"], &taken["space_id"]), (&roles, &json!(pair.space)), "{taken}");
    assert_eq!(newest(&pair, &pair.ana, "rights.grant"), Value::Null);
    replace(4, json!({"type": "text", "read": ["coordinator", "vendor", "viewer"], "write": ["coordinator"]}));
    let given = newest(&pair, &pair.ana, "rights.grant");
    assert_eq!(given["details"]["roles"], json!({"viewer": ["guests/email read"]}), "{given}");
    assert_eq!(actions(&pair).iter().filter(|action| action.starts_with("rights.")).count(), 2);
}

#[test]
fn rights_and_spaces_are_recorded_from_what_to_what() {
    let pair = Pair::new(None);
    tick(&pair);
    pair.give_bo("coordinator");
    let granted = newest(&pair, &pair.ana, "member.grant");
    assert_eq!(granted["details"], json!({"changes": {"role": {"from": "photographer", "to": "coordinator"}}}));
    assert_eq!(granted["subject"], json!(pair.bo.user_id));
    let space = pair.space.parse().unwrap();
    let service = &pair.world.service;
    tick(&pair);
    now(service.remove_member(&pair.ana, space, pair.bo.user_id)).unwrap();
    assert_eq!(newest(&pair, &pair.ana, "member.revoke")["details"], json!({"changes": {"role": {"from": "coordinator", "to": null}}}));
    let renamed = |name: &str| serde_json::from_value(json!({"name": name})).unwrap();
    now(service.update_space(&pair.ana, space, renamed("A & J"))).unwrap();
    now(service.update_space(&pair.ana, space, renamed("A & J"))).unwrap();
    assert_eq!(newest(&pair, &pair.ana, "space.update")["details"], json!({"changes": {"name": {"from": "Amara & Joel", "to": "A & J"}}}));
    assert_eq!(actions(&pair).iter().filter(|action| *action == "space.update").count(), 1, "what changes nothing is no act");
    now(service.delete_space(&pair.ana, space)).unwrap();
    assert_eq!(newest(&pair, &pair.ana, "space.delete")["space_id"], json!(pair.space));
    assert_eq!(newest(&pair, &pair.ana, "user.add")["user"], Value::Null, "the command line is nobody");
}

#[test]
fn answers_are_recorded_by_their_choice() {
    let pair = at_a_party();
    let asked = disputed(&pair, 1, "events", "e", ["a", "b", "c"].map(|title| json!({"title": title})));
    tick(&pair);
    let question = pair.conflict(&pair.ana, &asked);
    pair.resolve(&pair.ana, 9, &question, json!({"fields": {"/title": {"choose": "theirs"}}}));
    let answered = newest(&pair, &pair.ana, "conflict.resolve");
    let result = &answered["details"]["results"][0];
    assert_eq!((&result["conflict_id"], &result["choices"]), (&asked, &json!({"/title": "theirs"})), "{answered}");
    tick(&pair);
    now(pair.world.service.undo_answer(&pair.ana, asked.as_str().unwrap().parse().unwrap(), id(10).parse().unwrap())).unwrap();
    let undone = newest(&pair, &pair.ana, "conflict.undo");
    assert_eq!(undone["details"]["results"][0]["undo"], json!(true), "{undone}");
}

#[test]
fn admins_see_all_leads_their_spaces_and_everybody_their_own() {
    let pair = Pair::new(None);
    tick(&pair);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"a": 1})));
    tick(&pair);
    pair.one(&pair.bo, op(2, "create", "b", 0, json!({"a": 1})));
    let pushes = |caller: &Caller, query: AuditQuery| {
        let list = listed(&pair, caller, AuditQuery { action: Some("sync.push".into()), ..query });
        list["items"].as_array().unwrap().iter().map(|item| item["details"]["results"][0]["op_id"].clone()).collect::<Vec<_>>()
    };
    let any = AuditQuery::default;
    assert_eq!(pushes(&pair.ana, any()), [json!(id(2)), json!(id(1))]);
    assert_eq!(pushes(&pair.bo, any()), [json!(id(2))]);
    assert_eq!(pushes(&pair.bo, AuditQuery { user: Some(pair.ana.user_id), ..any() }), Vec::<Value>::new());
    let lead = Caller { admin: false, ..pair.ana };
    assert_eq!(pushes(&lead, any()), [json!(id(2)), json!(id(1))]);
    pair.second_space();
    let stranger = pair.world.caller("cy@example.org");
    assert_eq!(pushes(&stranger, any()), Vec::<Value>::new());
    assert_eq!(pushes(&pair.ana, AuditQuery { device: Some(pair.bo.device_id), ..any() }), [json!(id(2))]);
    // by an operation, its push and what people did to it
    let of_op = listed(&pair, &pair.ana, AuditQuery { op: Some(id(2).parse().unwrap()), ..any() });
    assert_eq!(of_op["items"].as_array().unwrap().len(), 1, "{of_op}");
    let by_others = listed(&pair, &pair.bo, AuditQuery { op: Some(id(1).parse().unwrap()), ..any() });
    assert_eq!(by_others["items"], json!([]));
    // page by page, newest first
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = now(pair.world.service.list_audit(&pair.ana, AuditQuery { limit: 2, after, ..any() })).unwrap();
        seen.extend(page.items.iter().map(|item| item.record_id));
        after = page.next.map(|next| next.parse().unwrap());
        if after.is_none() {
            break;
        }
    }
    let mut all: Vec<_> = records(&pair).iter().map(|record| record.record_id).collect();
    all.reverse();
    assert_eq!(seen, all);
}

#[test]
fn a_damaged_log_holds_up_no_other() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    signs(service);
    now(service.sequence_audit()).unwrap();
    let ana = pair.ana.organisation_id;
    let damage = move |tx: &mut dyn Tx| tx.put_audit_tiles(ana, &[AuditTile { level: 0, tile_index: 0, hashes: vec![0] }]);
    let store: &dyn Store = &*pair.world.store;
    now(store.transact(Access::Write, damage)).unwrap();
    pair.one(&pair.ana, op(1, "create", "n", 0, json!({})));
    let others = ["Birch", "Cedar"].map(|name| {
        now(service.bootstrap_user(name, added(&format!("{name}@example.org")), true)).unwrap();
        now(service.load_tenant(name)).unwrap().organisation_id
    });
    now(service.sequence_audit()).unwrap();
    for other in others {
        let list = move |tx: &mut dyn Tx| {
            let records = tx.list_audit_records(other, &AuditFilter::default(), None, 10)?;
            Ok((records, tx.find_audit_checkpoint(other, None)?))
        };
        let (records, checkpoint) = now(transact(&pair.world, list)).unwrap();
        assert!(!records.is_empty() && records.iter().all(|record| record.leaf_index.is_some()), "{records:?}");
        assert!(checkpoint.is_some(), "and is vouched for");
    }
    assert!(records(&pair).iter().any(|record| record.leaf_index.is_none()), "it waits");
}

#[test]
fn records_get_their_places_and_are_proved() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    let key = signs(service);
    for n in 1..=300 {
        pair.one(&pair.ana, op(n, "create", &format!("n{n}"), 0, json!({"a": n})));
    }
    let first = records(&pair)[0].record_id;
    assert_eq!(refused(now(service.audit_inclusion(&pair.ana, Included::Record(first), None))), Code::NotYetSequenced);
    assert_eq!(refused(now(service.audit_checkpoint(&pair.ana, Some(1)))), Code::NotYetSequenced);
    let total = records(&pair).len();
    assert!(now(service.sequence_audit()).unwrap() >= total);
    assert_eq!(now(service.sequence_audit()).unwrap(), 0);
    let all = records(&pair);
    assert_eq!(
        all.iter().map(|record| record.leaf_index.unwrap()).collect::<Vec<_>>(),
        (0..i64::try_from(total).unwrap()).collect::<Vec<_>>()
    );
    let told = now(service.audit_checkpoint(&pair.ana, None)).unwrap();
    let checkpoint = Checkpoint::open(&told.checkpoint, &[key]).unwrap();
    assert_eq!(checkpoint.size, u64::try_from(total).unwrap());
    assert_eq!(told.keys, [key.vkey(&checkpoint.origin)]);
    for record in [&all[0], &all[255], &all[256], &all[total - 1]] {
        let proof = now(service.audit_inclusion(&pair.ana, Included::Record(record.record_id), None)).unwrap();
        let leaf = leaf_hash(proof.leaf.as_ref().unwrap().as_bytes());
        assert!(proof.leaf.unwrap().contains(&record.record_id.to_string()));
        verify_inclusion(leaf, proof.index, proof.size, &hashes(&proof.proof), checkpoint.root).unwrap();
        let by_index = now(service.audit_inclusion(&pair.bo, Included::Index(proof.index), Some(proof.size))).unwrap();
        assert_eq!((by_index.proof, by_index.leaf), (proof.proof, None));
    }
    let older = now(service.audit_checkpoint(&pair.ana, Some(100))).unwrap();
    let older = Checkpoint::open(&older.checkpoint, &[key]).unwrap();
    let grown = now(service.audit_consistency(&pair.bo, 100, None)).unwrap();
    verify_consistency((older.size, older.root), (checkpoint.size, checkpoint.root), &hashes(&grown.proof)).unwrap();
    assert_eq!(refused(now(service.audit_inclusion(&pair.ana, Included::Index(7), Some(3)))), Code::Malformed, "it never will be");
    assert_eq!(refused(now(service.audit_consistency(&pair.ana, 9, Some(8)))), Code::Malformed);
    assert_eq!(refused(now(service.audit_consistency(&pair.ana, 1, Some(999)))), Code::NotYetSequenced);
    assert_eq!(refused(now(service.audit_inclusion(&pair.bo, Included::Record(first), None))), Code::UnknownRecord);
}

pub(crate) fn hashes(texts: &[String]) -> Vec<Hash> {
    texts.iter().map(|text| Hash::parse(text).unwrap()).collect()
}

#[test]
fn checkpoints_come_by_themselves() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    signs(service);
    let stored = || {
        let organisation_id = pair.ana.organisation_id;
        let find = move |tx: &mut dyn Tx| tx.find_audit_checkpoint(organisation_id, None);
        now(transact(&pair.world, find)).unwrap().map(|checkpoint| checkpoint.size)
    };
    now(service.sequence_audit()).unwrap();
    let first = stored().unwrap();
    pair.one(&pair.ana, op(1, "create", "n", 0, json!({"a": 1})));
    now(service.sequence_audit()).unwrap();
    assert_eq!(stored(), Some(first), "not for every one");
    pair.world.clock.advance_ms(60_000);
    now(service.sequence_audit()).unwrap();
    assert_eq!(stored(), Some(first + 1), "but within a minute");
}

#[test]
fn who_stores_no_key_keeps_the_log_and_vouches_for_nothing() {
    let pair = Pair::new(None);
    assert!(now(pair.world.service.sequence_audit()).unwrap() > 0);
    assert_eq!(refused(now(pair.world.service.audit_checkpoint(&pair.ana, None))), Code::Unavailable);
}

#[test]
fn an_export_is_whole_and_recorded() {
    let pair = Pair::new(None);
    for n in 1..=250 {
        pair.one(&pair.ana, op(n, "create", &format!("n{n}"), 0, json!({"a": n})));
    }
    tick(&pair);
    let mut export = now(pair.world.service.export_audit(&pair.ana, AuditQuery::default())).unwrap();
    let mut lines = Vec::new();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while let std::task::Poll::Ready(Some(page)) = export.poll_lines(&mut context) {
        lines.extend(page.unwrap());
    }
    let lines: Vec<Value> = String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let total = records(&pair).len();
    assert_eq!(lines.len(), total + 1);
    assert_eq!(lines[0]["action"], "export.audit");
    assert_eq!(lines[total], json!({"type": "end", "records": total}));
}
