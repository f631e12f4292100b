//! The service as it runs in production, over a store of one world, with the people who use it.

use std::future::{Future, poll_fn};
use std::sync::Arc;

use auth::{PasswordConfig, PasswordHasher};
use queue::sizing::Budget;
use serde_json::{Value, json};
use storage_diesel::{SqliteConfig, SqliteStore};
use sync_core::ports::{
    Access, ChangeRow, DocumentPage, DocumentRow, Head, History, Member, QueueFilter, QueueItem, Store, StoreResult, StoredOperation, Tx,
};
use sync_core::protocol::v1::identity::{AddUserRequest, LoginDevice, LoginRequest};
use sync_core::protocol::v1::{SyncRequest, VerifyRequest};
use sync_core::{Audience, OpId, Role, Schema, SpaceId};
use sync_service::queue::batch::BatchHead;
use sync_service::{Caller, QueueConfig, Service};
use tempfile::TempDir;
use testkit::device::WireError;
use testkit::fake::{FakeClock, SeededEntropy};
use testkit::memory::{Breaks, MemoryStore};

use crate::script::SchemaKind;
use crate::skew::schema;

/// Which store a world runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backing {
    Memory,
    Sqlite,
}

/// The roles that a member may have here, and `None`: removed.
pub(crate) const ROLES: [Option<Role>; 4] = [Some(Role::Coordinator), Some(Role::Photographer), Some(Role::Viewer), None];

/// A service, its store, and who is there.
pub(crate) struct Server {
    pub(crate) store: Arc<dyn Store>,
    memory: Option<Arc<MemoryStore>>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) service: Service,
    /// The first is the lead of every space.
    pub(crate) users: Vec<Caller>,
    pub(crate) spaces: Vec<SpaceId>,
    _folder: Option<TempDir>,
}

pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

const PASSWORD: &str = "correct horse";

fn hasher() -> Arc<PasswordHasher> {
    let mut config = PasswordConfig::default();
    (config.memory_kib, config.passes, config.workers, config.queue) = (8, 1, 1, 64);
    Arc::new(PasswordHasher::new(&config).unwrap())
}

impl Server {
    /// `inline`: pushes of more operations go into the queue.
    pub(crate) fn new(backing: Backing, users: usize, schemas: &[SchemaKind], inline: Option<usize>) -> Self {
        let mut server = match backing {
            Backing::Memory => {
                let memory = Arc::new(MemoryStore::new());
                Self { memory: Some(memory.clone()), ..Self::over(memory, users, schemas) }
            }
            Backing::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let mut config = SqliteConfig::new(folder.path().join("sim.db"));
                config.readers = 1;
                let store = Arc::new(SqliteStore::open(&config).unwrap());
                Self { _folder: Some(folder), ..Self::over(store, users, schemas) }
            }
        };
        if let Some(operations) = inline {
            let mut config = QueueConfig::default();
            config.inline = Budget::of(operations, 1 << 20, 60_000);
            // so few that a step does not take everything
            config.step_items = 3;
            server.service = server.service.with_queue(config);
        }
        server
    }

    /// A document can't be read, or breaks who reads it, or is well again; where the store can.
    pub(crate) fn break_document(&self, key: &str, breaks: Option<Breaks>) {
        if let Some(memory) = &self.memory {
            memory.break_document(key, breaks);
        }
    }

    /// Operations for the queue, and the answer.
    pub(crate) fn batch(&self, caller: &Caller, body: &Value, atomic: bool) -> Result<Value, WireError> {
        let request = SyncRequest::parse(body.to_string().as_bytes()).unwrap_or_else(|problem| panic!("{problem}: {body}"));
        let head = BatchHead { atomic, sent_at: request.sent_at, epochs: request.epochs };
        let answer = now(async {
            let mut writer = self.service.open_batch(caller, head).await?;
            for operation in request.operations {
                writer.take(operation, 0).await?;
            }
            writer.finish().await
        });
        match answer {
            Ok(answer) => Ok(serde_json::to_value(&answer).unwrap()),
            Err(error) => Err(WireError::Refused(serde_json::to_value(error.problem()).unwrap())),
        }
    }

    /// What is in the queue, in the order of its ranks.
    pub(crate) fn queue(&self) -> Vec<QueueItem> {
        let organisation = self.users[0].organisation_id;
        self.read(move |tx| tx.list_queue(organisation, &QueueFilter::default(), None, 1_000_000))
    }

    /// A service over memory, with so many users and no space.
    pub(crate) fn in_memory(users: usize) -> Self {
        Self::over(Arc::new(MemoryStore::new()), users, &[])
    }

    /// A space with the schema `wedding`, these settings, and all users in these roles.
    pub(crate) fn make_wedding(&mut self, settings: &Value, roles: &[Role]) -> SpaceId {
        let request = json!({
            "name": "Amara & Joel", "event_date": "2026-06-20", "time_zone": "Europe/Lisbon", "schema": "wedding", "settings": settings,
        });
        let space = now(self.service.create_space(&self.users[0], serde_json::from_value(request).unwrap())).unwrap().space_id;
        for (user, role) in self.users.iter().zip(roles).skip(1) {
            self.put_role(space, user, Some(*role));
        }
        self.spaces.push(space);
        space
    }

    /// A service over any store.
    pub(crate) fn over(store: Arc<dyn Store>, users: usize, schemas: &[SchemaKind]) -> Self {
        let clock = Arc::new(FakeClock::new());
        let service = Service::new(store.clone(), clock.clone(), Arc::new(SeededEntropy::new(1)), hasher());
        let mut server = Self { store, memory: None, clock, service, users: Vec::new(), spaces: Vec::new(), _folder: None };
        for user in 0..users {
            let email = format!("user{user}@example.org");
            let added = AddUserRequest { email: email.clone(), password: PASSWORD.into(), name: email };
            now(server.service.bootstrap_user("Alder & Rye", added, user == 0)).unwrap();
            let caller = server.log_in(user);
            server.users.push(caller);
        }
        server.spaces = schemas.iter().map(|kind| server.make_space(*kind)).collect();
        server
    }

    /// A login of a user on a new device.
    pub(crate) fn log_in(&self, user: usize) -> Caller {
        let device = LoginDevice { id: None, name: None, platform: None };
        let request = LoginRequest { email: format!("user{user}@example.org"), password: PASSWORD.into(), device };
        let grant = now(self.service.login(request)).unwrap();
        now(self.service.authenticate(&grant.access_token)).unwrap()
    }

    fn make_space(&self, kind: SchemaKind) -> SpaceId {
        let request = json!({"name": "Amara & Joel", "event_date": "2026-06-20", "time_zone": "Europe/Lisbon", "schema": schema(kind, 1)});
        let space = now(self.service.create_space(&self.users[0], serde_json::from_value(request).unwrap())).unwrap();
        for (user, role) in self.users.iter().zip([Role::Lead, Role::Coordinator, Role::Photographer]).skip(1) {
            self.put_role(space.space_id, user, Some(role));
        }
        space.space_id
    }

    /// Puts a newer schema in a space's place.
    pub(crate) fn replace_schema(&self, space: SpaceId, schema: &Value) {
        let request = serde_json::from_value(json!({"schema": schema})).unwrap();
        now(self.service.update_space(&self.users[0], space, request)).unwrap();
    }

    /// Whether a change is one of the schema's own.
    pub(crate) fn is_upgrade(&self, space: SpaceId, version: i64) -> bool {
        let caller = self.users[0];
        let schema = self.read(move |tx| Ok(tx.load_access(caller.organisation_id, caller.user_id, &[space])?.pop().unwrap().space.schema));
        Schema::of_space(schema.as_deref()).unwrap().is_upgrade(version)
    }

    /// Gives a user a role in a space, or takes their access away.
    pub(crate) fn put_role(&self, space: SpaceId, user: &Caller, role: Option<Role>) {
        match role {
            Some(role) => {
                let request = serde_json::from_value(json!({"role": role})).unwrap();
                now(self.service.put_member(&self.users[0], space, user.user_id, request)).unwrap();
            }
            // one who is none already stays none
            None => drop(now(self.service.remove_member(&self.users[0], space, user.user_id))),
        }
    }

    /// A request as it comes over the wire, and its answer as it goes.
    pub(crate) fn sync(&self, caller: &Caller, body: &Value) -> Result<Value, WireError> {
        let request = SyncRequest::parse(body.to_string().as_bytes()).unwrap_or_else(|problem| panic!("{problem}: {body}"));
        match now(self.service.sync(caller, request)) {
            Ok(response) => Ok(serde_json::from_str(&serde_json::to_string(&response).unwrap()).unwrap()),
            Err(error) => Err(WireError::Refused(serde_json::to_value(error.problem()).unwrap())),
        }
    }

    /// One step of a comparison.
    pub(crate) fn verify(&self, caller: &Caller, body: &Value) -> Value {
        let request = VerifyRequest::parse(body.to_string().as_bytes()).unwrap_or_else(|problem| panic!("{problem}: {body}"));
        let answer = now(self.service.verify(caller, request)).unwrap_or_else(|error| panic!("{error}: {body}"));
        serde_json::from_str(&serde_json::to_string(&answer).unwrap()).unwrap()
    }

    /// The lines of a snapshot.
    pub(crate) fn snapshot(&self, caller: &Caller, space: &str) -> Vec<Value> {
        let mut reader = now(self.service.snapshot(caller, space.parse().unwrap(), None)).unwrap_or_else(|error| panic!("{error}"));
        let mut lines = Vec::new();
        while let Some(more) = now(poll_fn(|context| reader.poll_lines(context))) {
            let more = more.unwrap_or_else(|error| panic!("{error}"));
            lines.extend(
                more.split(|byte| *byte == b'\n')
                    .filter(|line| !line.is_empty())
                    .map(|line| serde_json::from_slice::<Value>(line).unwrap()),
            );
        }
        lines
    }

    /// The next commit loses its connection; `false` where the store can't.
    pub(crate) fn lose_next_commit(&self, kept: bool) -> bool {
        self.memory.as_ref().map(|memory| memory.lose_next_commit(kept)).is_some()
    }

    /// Takes back a loss that no commit met.
    pub(crate) fn lose_nothing(&self) {
        let _ = now(self.store.transact(Access::Write, |_| Ok(())));
    }

    fn read<T: Send + 'static>(&self, work: impl FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static) -> T {
        now(self.store.transact(Access::Read, work)).unwrap()
    }

    /// The membership of a user in a space, as it is now.
    pub(crate) fn member(&self, space: SpaceId, user: &Caller) -> Member {
        let caller = *user;
        self.read(move |tx| Ok(tx.load_access(caller.organisation_id, caller.user_id, &[space])?.pop().unwrap().member))
    }

    /// The role in which a user reads a space now.
    pub(crate) fn role(&self, space: SpaceId, user: &Caller) -> Option<Role> {
        let member = self.member(space, user);
        member.removed_at.is_none().then_some(member.role)
    }

    pub(crate) fn head(&self, space: SpaceId) -> Head {
        let caller = self.users[0];
        self.read(move |tx| Ok(tx.load_access(caller.organisation_id, caller.user_id, &[space])?.pop().unwrap().head))
    }

    /// Every document of a space, tombstones and conflicts too.
    pub(crate) fn documents(&self, space: SpaceId) -> Vec<DocumentRow> {
        self.read(move |tx| {
            tx.list_documents(DocumentPage {
                space_id: space,
                above: 0,
                seen_by: Audience::EVERYONE,
                deleted_above: 0,
                left_above: 0,
                limit: 1_000_000,
            })
        })
    }

    /// The whole change log of a space, oldest first.
    pub(crate) fn changes(&self, space: SpaceId) -> Vec<ChangeRow> {
        let whole: Vec<_> = self.documents(space).into_iter().map(|row| History { from: row.version, above: 0 }).collect();
        let mut changes = self.read(move |tx| tx.list_changes(space, &whole));
        changes.sort_by_key(|change| change.version);
        changes
    }

    /// The stored operations among these.
    pub(crate) fn operations(&self, op_ids: Vec<OpId>) -> Vec<StoredOperation> {
        let organisation = self.users[0].organisation_id;
        self.read(move |tx| tx.load_operations(organisation, &op_ids))
    }
}
