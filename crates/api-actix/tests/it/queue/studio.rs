//! A studio in whose queue items are put where a worker would have left them.

use std::sync::Arc;

use actix_http::Request;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use serde_json::{Value, json};
use sync_core::json::RawJson;
use sync_core::ports::{Access, AuditFilter, AuditRecord, ItemState, QueueItem, QueueSpace, Store, StoreResult, Tx};
use sync_core::{BatchId, DeviceId, OpId, OrganisationId, SpaceId, UserId};
use testkit::fake::START;
use testkit::memory::MemoryStore;
use uuid::Uuid;

use crate::harness::{Api, Login, PASSWORD, Reply, api};

pub(super) const PENDING: &str = "/api/offline/queue/pending";

pub(super) fn id(n: u128) -> String {
    Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0000 + n).to_string()
}

pub(super) fn op(n: u128) -> OpId {
    id(n).parse().unwrap()
}

/// Ana manages the studio, Rui leads a wedding at which Inês takes photographs; Bo belongs to none of it.
pub(super) struct Studio<S> {
    pub(super) api: Api<S>,
    pub(super) organisation_id: OrganisationId,
    pub(super) ana: Login,
    pub(super) rui: Login,
    pub(super) ines: Login,
    pub(super) bo: Login,
    pub(super) space: SpaceId,
}

pub(super) async fn studio() -> Studio<impl actix_web::dev::Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
    let api = api().await;
    let ana = api.member("Studio Luz", "ana@luz.example").await;
    for email in ["rui@luz.example", "ines@luz.example", "bo@luz.example"] {
        let added = json!({"email": email, "password": PASSWORD, "name": email});
        assert_eq!(api.call(&ana.access_token, "POST", "/api/users", added).await.status, 201);
    }
    let [rui, ines, bo] = [api.login("rui@luz.example").await, api.login("ines@luz.example").await, api.login("bo@luz.example").await];
    let fields = json!({"title": {"type": "text"}, "minutes": {"type": "integer"}, "fee": {"type": "integer", "sensitivity": 3}});
    let schema = json!({"name": "party", "version": 1, "collections": {"events": {"fields": fields}}});
    let made = api.call(&rui.access_token, "POST", "/api/spaces", json!({"name": "Amara & Joel", "schema": schema})).await.json();
    let space: SpaceId = made["space_id"].as_str().unwrap().parse().unwrap();
    let member = format!("/api/spaces/{space}/members/{}", ines.user_id);
    assert_eq!(api.call(&rui.access_token, "PUT", &member, json!({"role": "photographer"})).await.status, 200);
    let work = |tx: &mut dyn Tx| tx.find_user_by_email("ana@luz.example");
    let user = transact(&api.store, Access::Read, work).await.unwrap();
    Studio { api, organisation_id: user.organisation_id, ana, rui, ines, bo, space }
}

pub(super) async fn transact<T, F>(store: &Arc<MemoryStore>, access: Access, work: F) -> T
where
    T: Send + 'static,
    F: FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static,
{
    let store: &dyn Store = &**store;
    store.transact(access, work).await.unwrap()
}

impl<S, B> Studio<S>
where
    S: actix_web::dev::Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    /// An item of a sender's, in a state.
    pub(super) fn item(&self, n: u128, of: &Login, state: ItemState) -> QueueItem {
        let patch = json!({"title": format!("Event {n}"), "fee": 900});
        let payload = json!({"op_id": id(n), "space_id": self.space, "collection": "events", "document_id": format!("e{n}"),
            "kind": "update", "base_version": 1, "patch": patch, "digest": "as sent"});
        let payload = RawJson::of(&payload);
        let failed = matches!(state, ItemState::Parked | ItemState::Delayed);
        QueueItem {
            organisation_id: self.organisation_id,
            op_id: op(n),
            identity: [7; 32],
            space_id: self.space,
            user_id: UserId(of.user_id.parse().unwrap()),
            device_id: DeviceId(of.device_id.parse().unwrap()),
            batch_id: BatchId(Uuid::from_u128(40)),
            seq: i64::try_from(n).unwrap(),
            key: format!("events/e{n}"),
            group: None,
            lane: 1,
            rank: START.millis() + i64::try_from(n).unwrap(),
            state,
            waits_for: None,
            attempts: if failed { 5 } else { 0 },
            not_before: (state == ItemState::Delayed).then(|| START.plus_ms(90_000)),
            fence: None,
            size_bytes: i32::try_from(payload.as_str().len()).unwrap(),
            accepted_at: START,
            code: failed.then(|| "internal".into()),
            problem: failed.then(|| RawJson::of(&json!({"code": "internal", "detail": "deciding it panicked"}))),
            payload,
            original: None,
        }
    }

    pub(super) async fn put(&self, items: Vec<QueueItem>) {
        let (organisation_id, space) = (self.organisation_id, self.space);
        let work = move |tx: &mut dyn Tx| {
            tx.lock_queue_space(organisation_id, space)?;
            tx.put_items(&items)
        };
        transact(&self.api.store, Access::Write, work).await;
    }

    pub(super) async fn find(&self, n: u128) -> Option<QueueItem> {
        let organisation_id = self.organisation_id;
        transact(&self.api.store, Access::Read, move |tx| tx.load_items(organisation_id, &[op(n)])).await.pop()
    }

    pub(super) async fn row(&self) -> QueueSpace {
        let space = self.space;
        transact(&self.api.store, Access::Write, move |tx| tx.try_lock_queue_space(space)).await.unwrap()
    }

    pub(super) async fn records(&self, n: u128) -> Vec<AuditRecord> {
        let organisation_id = self.organisation_id;
        let about = AuditFilter { subject: Some(id(n)), ..AuditFilter::default() };
        transact(&self.api.store, Access::Read, move |tx| tx.list_audit_records(organisation_id, &about, None, 100)).await
    }

    pub(super) async fn pending(&self, login: &Login, query: &str) -> Value {
        let reply = self.api.call(&login.access_token, "GET", &format!("{PENDING}{query}"), Value::Null).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    pub(super) async fn retry(&self, login: &Login, n: u128, body: Value) -> Reply {
        self.api.call(&login.access_token, "PUT", &format!("/api/offline/queue/retry/{}", id(n)), body).await
    }

    pub(super) async fn discard(&self, login: &Login, n: u128, query: &str) -> Reply {
        let path = format!("/api/offline/sync/queue/{}{query}", id(n));
        self.api.call(&login.access_token, "DELETE", &path, Value::Null).await
    }
}

pub(super) fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}
