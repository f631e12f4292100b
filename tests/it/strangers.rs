//! Another tenant's ids take the same statements and say the same as ids that nobody was given; so do emails that there are,
//! and such as there are not, at a login that fails. What an answer shows over HTTP is compared by `matrix.rs`; how long it
//! takes, by `tests/timing/run.py`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use serde_json::{Value, json};
use sync_core::protocol::v1::{SyncRequest, VerifyRequest, read_operation_line};
use sync_core::{BatchId, ConflictId, DeviceId, OpId, SpaceId, TaskId, UserId};
use sync_service::queue::batch::BatchHead;
use sync_service::queue::{BulkAction, PendingQuery};
use sync_service::{Caller, ConflictQuery, Service, ServiceError, ServiceResult};

use crate::database::Database;
use crate::server::op_id;
use crate::statements::{counted, enter, sync};

/// Ids of one of each.
struct Ids {
    space: SpaceId,
    operation: OpId,
    conflict: ConflictId,
    batch: BatchId,
    task: TaskId,
    device: DeviceId,
    user: UserId,
}

impl Ids {
    /// What an answer says of them, without them.
    fn without(&self, text: &str) -> String {
        let ids = [self.space.to_string(), self.operation.to_string(), self.conflict.to_string(), self.device.to_string()];
        let mut text = ids
            .into_iter()
            .chain([self.user.to_string(), self.batch.to_string()])
            .fold(text.to_owned(), |text, id| text.replace(&id, "ID"));
        while let Some(at) = text.find(OWN) {
            text.replace_range(at..at + 36, "OWN");
        }
        text
    }
}

/// How the ids of the caller's own operations begin.
const OWN: &str = "00000008-0000-7000-8000-";

type Call = (&'static str, fn(&Service, &Caller, &Ids) -> String);

/// Every use case that takes an id over HTTP.
const CALLS: [Call; 25] = [
    ("get_space", |service, caller, ids| said(service.get_space(caller, ids.space))),
    ("update_space", |service, caller, ids| said(service.update_space(caller, ids.space, of(json!({"name": "mine"}))))),
    ("delete_space", |service, caller, ids| said(service.delete_space(caller, ids.space))),
    ("list_members", |service, caller, ids| said(service.list_members(caller, ids.space))),
    ("list_presence", |service, caller, ids| said(service.list_presence(caller, ids.space))),
    ("put_member", |service, caller, ids| said(service.put_member(caller, ids.space, ids.user, of(json!({"role": "lead"}))))),
    ("remove_member", |service, caller, ids| said(service.remove_member(caller, ids.space, ids.user))),
    ("pull", |service, caller, ids| {
        said(service.sync(caller, request(&json!({"pull": {"spaces": {ids.space.to_string(): {"cursor": null}}}}))))
    }),
    ("push", |service, caller, ids| said(service.sync(caller, request(&json!({"operations": [operation(ids, &json!({}))]}))))),
    ("push after", |service, caller, ids| {
        said(service.sync(caller, request(&json!({"operations": [operation(ids, &json!({"after": ids.operation}))]}))))
    }),
    ("push depending", |service, caller, ids| {
        said(service.sync(caller, request(&json!({"operations": [operation(ids, &json!({"depends_on": [ids.operation]}))]}))))
    }),
    ("snapshot", |service, caller, ids| refused(pollster::block_on(service.snapshot(caller, ids.space, None)).map(drop))),
    ("verify", |service, caller, ids| {
        let body = json!({"space_id": ids.space, "cursor": null}).to_string();
        said(service.verify(caller, VerifyRequest::parse(body.as_bytes()).unwrap()))
    }),
    ("receipts", |service, caller, ids| said(service.receipts(caller, vec![ids.operation]))),
    ("explain", |service, caller, ids| said(service.explain(caller, ids.operation))),
    ("device_status", |service, caller, ids| said(service.device_status(caller, ids.device))),
    ("purged", |service, caller, ids| said(service.purged(caller, of(json!({"space_id": ids.space, "purge_id": ids.operation}))))),
    ("list_conflicts", |service, caller, ids| {
        said(service.list_conflicts(caller, ConflictQuery { space: Some(ids.space), ..ConflictQuery::default() }))
    }),
    ("load_conflict", |service, caller, ids| said(service.load_conflict(caller, ids.conflict))),
    ("undo_answer", |service, caller, ids| said(service.undo_answer(caller, ids.conflict, op_id(9, 1).parse().unwrap()))),
    ("list_pending", |service, caller, ids| {
        let filter = of(json!({"space_id": ids.space, "batch_id": ids.batch, "device_id": ids.device, "user_id": ids.user}));
        said(service.list_pending(caller, PendingQuery { filter, payload: true, limit: 10, after: None }))
    }),
    ("retry_operation", |service, caller, ids| said(service.retry_operation(caller, ids.operation, of(json!({}))))),
    ("batch_progress", |service, caller, ids| said(service.batch_progress(caller, ids.batch))),
    ("load_task", |service, caller, ids| said(service.load_task(caller, ids.task))),
    ("get_device", |service, caller, ids| said(service.get_device(caller, ids.device))),
];

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn request(members: &Value) -> SyncRequest {
    let mut body = json!({"protocol": 1});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    SyncRequest::parse(body.to_string().as_bytes()).unwrap()
}

fn operation(ids: &Ids, more: &Value) -> Value {
    static SENT: AtomicU32 = AtomicU32::new(1);
    let mut made = json!({"op_id": op_id(8, SENT.fetch_add(1, Ordering::Relaxed)), "space_id": ids.space, "collection": "notes", "document_id": "a", "kind": "update",
        "base_version": 1, "patch": {"text": "mine"}});
    made.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    made
}

fn said<T: Serialize>(work: impl Future<Output = ServiceResult<T>>) -> String {
    refused(pollster::block_on(work).map(|answer| serde_json::to_string(&answer).unwrap()))
}

fn refused<T: std::fmt::Debug>(result: ServiceResult<T>) -> String {
    match result {
        Ok(answer) => format!("{answer:?}"),
        Err(ServiceError::Problem(problem)) => format!("{problem:?}"),
        Err(error) => panic!("{error}"),
    }
}

/// Another organisation with something of everything.
fn stranger(service: &Service) -> Ids {
    let eve = of(json!({"email": "eve@example.com", "password": "correct horse", "name": "Eve"}));
    let added = pollster::block_on(service.bootstrap_user("Birch", eve, true)).unwrap();
    let login = of(json!({"email": "eve@example.com", "password": "correct horse", "device": {"name": "hers"}}));
    let grant = pollster::block_on(service.login(login)).unwrap();
    let caller = pollster::block_on(service.authenticate(&grant.access_token)).unwrap();
    let space = pollster::block_on(service.create_space(&caller, of(json!({"name": "Hers"})))).unwrap().space_id;
    let write = |number: u32, kind: &str, base: i64| {
        let one = json!({"op_id": op_id(7, number), "collection": "notes", "document_id": "a", "kind": kind, "base_version": base,
            "patch": {"text": number}});
        sync(service, &caller, &space.to_string(), &[one]).remove(0)
    };
    let made = write(1, "create", 0).decided_version.unwrap();
    write(2, "update", made);
    let conflict = write(3, "update", made).conflict_id.unwrap();
    let task = pollster::block_on(service.begin_bulk(&caller, BulkAction::Retry, of(json!({"filter": {"space_id": space}})))).unwrap();
    Ids {
        space,
        operation: op_id(7, 1).parse().unwrap(),
        conflict,
        batch: batch(service, &caller, space),
        task: task.task_id.unwrap(),
        device: grant.device_id,
        user: added.user_id,
    }
}

fn batch(service: &Service, caller: &Caller, space: SpaceId) -> BatchId {
    let line = json!({"op_id": op_id(7, 4), "collection": "notes", "document_id": "b", "kind": "create", "base_version": 0, "patch": {}});
    let line = line.to_string();
    let received = read_operation_line(line.as_bytes(), Some(&space.to_string()), None).unwrap();
    let head = BatchHead { atomic: false, sent_at: None, epochs: BTreeMap::new() };
    let mut writer = pollster::block_on(service.open_batch(caller, head)).unwrap();
    pollster::block_on(writer.take(received, line.len())).unwrap();
    pollster::block_on(writer.finish()).unwrap().batch_id
}

fn nobodys() -> Ids {
    let id = |number: u32| op_id(0x0bad_c0de, number);
    Ids {
        space: id(1).parse().unwrap(),
        operation: id(2).parse().unwrap(),
        conflict: id(3).parse().unwrap(),
        batch: id(4).parse().unwrap(),
        task: id(5).parse().unwrap(),
        device: id(6).parse().unwrap(),
        user: id(7).parse().unwrap(),
    }
}

#[test]
fn a_foreign_id_takes_the_statements_of_one_that_nobody_was_given() {
    let Some(database) = Database::postgres() else { return };
    let (store, service) = counted(&database);
    let (caller, _) = enter(&service, &Value::Null);
    let (foreign, missing) = (stranger(&service), nobodys());
    let ask = |call: fn(&Service, &Caller, &Ids) -> String, ids: &Ids| {
        let before = store.statements();
        let said = ids.without(&call(&service, &caller, ids));
        (said, store.statements() - before)
    };
    for (name, call) in CALLS {
        // a first look at everything that is looked up once
        ask(call, &missing);
        assert_eq!(ask(call, &foreign), ask(call, &missing), "{name}");
    }
}

#[test]
fn a_failed_login_takes_the_statements_of_one_by_an_email_that_nobody_has() {
    let Some(database) = Database::postgres() else { return };
    let (store, service) = counted(&database);
    enter(&service, &Value::Null);
    stranger(&service);
    let fail = |email: &str| {
        let login = of(json!({"email": email, "password": "wrong horse", "device": {"name": "a"}}));
        let before = store.statements();
        let said = refused(pollster::block_on(service.login_from(login, Some([198, 51, 100, 7].into()))).map(drop));
        (said, store.statements() - before)
    };
    // a first look at everything that is looked up once
    fail("nobody0@example.com");
    let (known, unknown) = (fail("eve@example.com"), fail("nobody@example.com"));
    assert_eq!(known, unknown);
    assert_eq!((fail("eve@example.com"), fail("nobody@example.com")), (known, unknown), "and once more");
}
