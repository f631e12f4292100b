//! A world while its script runs.

use std::collections::HashMap;

use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use sync_core::json::Object;
use sync_service::Caller;
use sync_service::queue::Claim;
use testkit::device::{Compose, Device, Edit};

use crate::coverage::Coverage;
use crate::edits::{Mint, changed, choice, patch_between, tokens, tokens_in};
use crate::ledger::{FOREIGN_EPOCH, Ledger, Typed};
use crate::script::{Change, Fate, Manner, Pick, SchemaKind, Script, Step, SyncHow};
use crate::server::{Backing, ROLES, Server};
use crate::skew;

pub(crate) type Check<T = ()> = Result<T, TestCaseError>;

/// A failed expectation, in words.
pub(crate) fn fail<T>(words: impl Into<String>) -> Check<T> {
    Err(TestCaseError::fail(words.into()))
}

/// A device with its login.
pub(crate) struct Phone {
    pub(crate) device: Device,
    pub(crate) caller: Caller,
    saved: Option<(Device, usize)>,
    /// The operations made on it, in order.
    made: Vec<String>,
    /// The version of the schemas that its app speaks, where it says so.
    pub(crate) app: Option<u32>,
}

/// A world.
pub(crate) struct World<'a> {
    pub(crate) server: Server,
    pub(crate) phones: Vec<Phone>,
    pub(crate) ledger: Ledger,
    pub(crate) coverage: &'a Coverage,
    mint: Mint,
    pub(crate) kinds: Vec<SchemaKind>,
    /// The version of each space's schema.
    pub(crate) versions: Vec<u32>,
    ids: u32,
    /// A push of more operations goes into the queue.
    pub(crate) inline: Option<usize>,
    /// By how much the clock is behind where it was once.
    pub(crate) behind_by: i64,
    /// Leases of workers, some of them long lost.
    pub(crate) claims: Vec<Claim>,
    /// Requests that were given up and are still under way.
    pub(crate) air: Vec<(usize, Value)>,
    /// Every request that reached the server, with its sender.
    pub(crate) heard: Vec<(usize, Value)>,
}

/// Documents by number: the last ones are in a collection that only an open space has, or exist seldom.
const DOCUMENTS: [(&str, &str); 10] = [
    ("notes", "a"),
    ("veiled", "a"),
    ("notes", "b"),
    ("veiled", "b"),
    ("notes", "c"),
    ("veiled", "c"),
    ("notes", "d"),
    ("nowhere", "x"),
    ("notes", "ghost"),
    ("veiled", "ghost"),
];

impl<'a> World<'a> {
    pub(crate) fn new(backing: Backing, script: &Script, coverage: &'a Coverage) -> Self {
        let server = Server::new(backing, script.users, &script.schemas, script.inline);
        let spaces: Vec<String> = server.spaces.iter().map(ToString::to_string).collect();
        let app = skew::is_skewed(&script.steps).then_some(1);
        let phone = |index: usize| {
            let user = index % script.users;
            let device = Device::new(&format!("device {index} of user {user}"), spaces.iter().map(String::as_str));
            Phone { device, caller: server.log_in(user), saved: None, made: Vec::new(), app }
        };
        let phones = (0..script.devices).map(phone).collect();
        let (kinds, versions) = (script.schemas.clone(), vec![1; script.schemas.len()]);
        let (ledger, mint, ids, claims, air, heard) = Default::default();
        Self { server, phones, ledger, coverage, mint, kinds, versions, ids, inline: script.inline, behind_by: 0, claims, air, heard }
    }

    pub(crate) fn step(&mut self, step: &Step) -> Check {
        match step {
            Step::Edit { device, doc, changes, manner } => self.edit(*device, *doc, changes, *manner, None),
            Step::Create { device, doc, changes, manner } => self.edit(*device, *doc, changes, *manner, Some("create")),
            Step::Delete { device, doc, manner } => self.delete(*device, *doc, *manner),
            Step::Restore { device, doc, changes, manner } => self.edit(*device, *doc, changes, *manner, Some("restore")),
            Step::Group { device, parts, manner } => self.group(*device, parts, *manner),
            Step::Blind { device, doc, change, manner } => self.edit(*device, *doc, &[*change], *manner, Some("update")),
            Step::Resolve { device, which, pick } => self.resolve(*device, *which, *pick),
            Step::Sync { device, fate, how } => return self.sync(*device % self.phones.len(), *fate, how),
            Step::Arrive(which) => return self.arrive(*which),
            Step::Clock(ms) => {
                self.coverage.hit(if *ms < 0 { "fault clock back" } else { "fault clock forward" });
                self.server.clock.advance_ms(*ms);
                self.behind_by = (self.behind_by - ms).max(0);
            }
            Step::Member { user, space, role } => self.change_member(*user, *space, *role),
            Step::Save(device) => {
                let phone = self.phone(*device);
                phone.saved = Some((phone.device.clone(), phone.made.len()));
            }
            Step::Rewind(device) => self.rewind(*device),
            Step::Damage { device, space } => self.damage(*device, *space),
            Step::Upgrade(space) => self.upgrade(*space),
            Step::Update(device) => self.update_app(*device),
            Step::Reuse { device, which } => return self.reuse(*device, *which),
            Step::Batch { device, atomic, how } => return self.batch(*device % self.phones.len(), *atomic, how),
            Step::Work(work) => return self.work(*work),
            Step::Letter { which, discard } => return self.letter(*which, *discard),
        }
        Ok(())
    }

    fn phone(&mut self, device: usize) -> &mut Phone {
        let count = self.phones.len();
        &mut self.phones[device % count]
    }

    fn new_id(&mut self) -> String {
        self.ids += 1;
        format!("01890000-0000-7000-8000-{:012x}", self.ids)
    }

    pub(crate) fn place(&self, doc: usize) -> (String, &'static str, &'static str) {
        let (collection, id) = DOCUMENTS[doc % DOCUMENTS.len()];
        let space = self.server.spaces[doc % DOCUMENTS.len() / 3 % self.server.spaces.len()];
        (space.to_string(), collection, id)
    }

    fn edit(&mut self, device: usize, doc: usize, changes: &[Change], manner: Manner, kind: Option<&'static str>) {
        let (space, collection, id) = self.place(doc);
        // nobody makes a second one of what they see; one who is alone knows what they deleted
        let alone = self.phones.len() == 1;
        let device_state = &self.phone(device).device;
        let screen = device_state.screen(&space, collection, id);
        let known_as_gone = device_state.knows_as_gone(&space, collection, id);
        let kind = match (kind, &screen) {
            (Some("create"), Some(_)) => return,
            (Some("restore"), Some(_)) => "update",
            (Some("restore"), None) if !known_as_gone => return,
            (Some(kind), _) => kind,
            (None, Some(_)) => "update",
            (None, None) if known_as_gone => "restore",
            (None, None) => "create",
        };
        let before = screen.filter(|_| kind != "create").unwrap_or_default();
        let patch = self.patch(device, before, changes);
        let manner = Manner { continues: manner.continues || alone && kind == "create", ..manner };
        self.make(device, doc, kind, Some(patch), manner, None);
    }

    /// What a person's changes say, in the words of the device's app.
    fn patch(&mut self, device: usize, before: Object, changes: &[Change]) -> Object {
        let app = self.phone(device).app;
        let before = skew::understood(app, before);
        let after = changed(before.clone(), changes, &mut self.mint);
        skew::said(app, patch_between(&before, &after))
    }

    fn delete(&mut self, device: usize, doc: usize, manner: Manner) {
        let (space, collection, id) = self.place(doc);
        if self.phone(device).device.screen(&space, collection, id).is_some() {
            self.make(device, doc, "delete", None, manner, None);
        }
    }

    fn group(&mut self, device: usize, parts: &[(usize, u8, Change)], manner: Manner) {
        let group = self.new_id();
        let (space, _, _) = self.place(parts[0].0);
        for (doc, kind, change) in parts {
            let (other, collection, id) = self.place(*doc);
            if other != space {
                continue;
            }
            let screen = self.phone(device).device.screen(&space, collection, id);
            let known_as_gone = self.phone(device).device.knows_as_gone(&space, collection, id);
            match screen {
                Some(_) if kind % 4 == 0 => self.make(device, *doc, "delete", None, manner, Some(&group)),
                None if known_as_gone => {}
                screen => {
                    let kind = if screen.is_some() { "update" } else { "create" };
                    let before = screen.unwrap_or_default();
                    let patch = self.patch(device, before, &[*change]);
                    self.make(device, *doc, kind, Some(patch), manner, Some(&group));
                }
            }
        }
    }

    /// A person makes an operation.
    fn make(&mut self, device: usize, doc: usize, kind: &'static str, patch: Option<Object>, manner: Manner, group: Option<&String>) {
        let (space, collection, id) = self.place(doc);
        let op_id = self.new_id();
        let now = sync_core::ports::Clock::now(&*self.server.clock);
        let phone = self.phone(device);
        let depends_on = manner.depends.and_then(|back| phone.made.iter().rev().nth(back).cloned()).into_iter().collect();
        let edit = Edit {
            op_id: op_id.clone(),
            space_id: space.clone(),
            collection: collection.into(),
            document_id: id.into(),
            kind,
            patch: patch.clone(),
            group: group.cloned(),
            depends_on,
            continues: manner.continues,
            hint: [None, Some("mine"), Some("theirs"), Some("ask")].get(usize::from(manner.hint)).copied().flatten(),
            inline_base: manner.inline_base,
            created_at: manner.skew.map(|skew| now.plus_ms(skew).to_string()),
            schema: phone.app,
        };
        let mut seen = phone.device.screen(&space, collection, id).map(|screen| tokens_in(&screen)).unwrap_or_default();
        seen.extend(phone.device.replica(&space).live(collection, id).map(tokens_in).unwrap_or_default());
        phone.device.edit(edit);
        phone.made.push(op_id.clone());
        let typed = patch.as_ref().map(tokens_in).unwrap_or_default().into_iter().filter(|token| !seen.contains(token)).collect();
        let device = device % self.phones.len();
        self.ledger.typed(op_id, Typed { device, space, key: format!("{collection}/{id}"), kind, typed, seen: seen.into_iter().collect() });
    }

    fn resolve(&mut self, device: usize, which: usize, pick: Pick) {
        let op_id = self.new_id();
        let token = self.mint.token();
        let device = device % self.phones.len();
        let phone = &mut self.phones[device];
        let spaces = self.server.spaces.iter().map(ToString::to_string);
        let open: Vec<(String, Object)> = spaces
            .flat_map(|space| {
                phone.device.open_conflicts(&space).into_iter().map(|conflict| (space.clone(), conflict.clone())).collect::<Vec<_>>()
            })
            .collect();
        let Some((space, conflict)) = open.get(which % open.len().max(1)) else { return };
        let conflict_id = conflict["conflict_id"].as_str().unwrap();
        let value = matches!(pick, Pick::Value) && conflict["kind"] != "group";
        phone.device.answer(&op_id, space, conflict_id, &choice(conflict, pick, &token));
        let key = format!("{}/{}", conflict["collection"].as_str().unwrap(), conflict["document_id"].as_str().unwrap());
        let mut seen = tokens_in(conflict);
        for (collection, id) in DOCUMENTS {
            seen.extend(phone.device.screen(space, collection, id).map(|screen| tokens_in(&screen)).unwrap_or_default());
        }
        let typed = if value { tokens(&token) } else { Vec::new() };
        self.ledger.typed(op_id, Typed { device, space: space.clone(), key, kind: "resolve", typed, seen: seen.into_iter().collect() });
    }

    fn change_member(&mut self, user: usize, space: usize, role: usize) {
        if self.server.users.len() < 2 {
            return;
        }
        let user = self.server.users[1 + user % (self.server.users.len() - 1)];
        let space = self.server.spaces[space % self.server.spaces.len()];
        // mostly somebody who may write
        let role = ROLES.get(role).copied().unwrap_or(Some(sync_core::Role::Coordinator));
        self.coverage.hit(if role.is_some() { "fault role changed" } else { "fault member removed" });
        self.server.put_role(space, &user, role);
    }

    fn rewind(&mut self, device: usize) {
        let coverage = self.coverage;
        let phone = self.phone(device);
        if let Some((saved, made)) = phone.saved.clone() {
            coverage.hit("fault device rewound");
            phone.device = saved;
            phone.made.truncate(made);
        }
    }

    fn damage(&mut self, device: usize, space: usize) {
        self.coverage.hit("fault cursor damaged");
        let space = self.server.spaces[space % self.server.spaces.len()].to_string();
        self.phone(device).device.damage_cursor(&space, "bm8");
    }

    pub(crate) fn compose(&self, how: &SyncHow) -> Compose {
        let now = sync_core::ports::Clock::now(&*self.server.clock);
        Compose {
            without_pull: how.without_pull,
            max_changes: how.max_changes,
            max_bytes: how.max_bytes,
            skip: how.skip,
            take: how.take,
            explicit_after: how.explicit_after,
            scatter: how.scatter,
            ask: how.ask,
            without_base: how.without_base,
            foreign_epoch: how.foreign_epoch.then(|| FOREIGN_EPOCH.to_owned()),
            sent_at: Some(now.to_string()),
            schema: None,
            for_batch: false,
        }
    }

    /// A device syncs, once or until it has read everything.
    pub(crate) fn sync(&mut self, device: usize, fate: Fate, how: &SyncHow) -> Check {
        for _ in 0..200 {
            let compose = Compose { schema: self.phones[device].app, ..self.compose(how) };
            let body = self.phones[device].device.compose(&compose);
            self.mark(how, &body);
            let Some(response) = self.carry(device, body, fate)? else { return Ok(()) };
            self.absorb(device, &response)?;
            let more = response["changes"].as_object().is_some_and(|changes| changes.values().any(|page| page["has_more"] == true));
            if !how.to_the_end || !more {
                return Ok(());
            }
        }
        fail("a run of pages does not end")
    }

    /// An op_id is used again for something else, by its owner or by another.
    fn reuse(&mut self, device: usize, which: usize) -> Check {
        let device = device % self.phones.len();
        let Some((op_id, space)) = self.ledger.nth_stored(which) else { return Ok(()) };
        self.coverage.hit("fault op_id reused");
        let operation = json!({"op_id": op_id, "collection": "notes", "document_id": "reused", "kind": "create", "base_version": 0, "patch": {"title": "other"}});
        let body = json!({"protocol": 1, "space_id": space, "operations": [operation]});
        let response = self.server.sync(&self.phones[device].caller, &body);
        let Ok(response) = response else { return fail(format!("{response:?}")) };
        let result = &response["results"][0];
        if result["status"] != "rejected" || result["held"] != false || result["problem"]["code"] != "op_id_reuse" {
            return fail(format!("an op_id of something else was taken: {result}"));
        }
        self.coverage.hit("problem op_id_reuse");
        Ok(())
    }

    fn mark(&self, how: &SyncHow, body: &Value) {
        let several = body["operations"].as_array().is_some_and(|operations| operations.len() > 1);
        let marks: HashMap<&str, bool> = HashMap::from([
            ("sync without pull", how.without_pull),
            ("sync out of order", how.scatter != 0 && several),
            ("sync leaves operations out", how.skip > 0 && several),
            ("sync asks for receipts", body["ask"].as_array().is_some_and(|asked| !asked.is_empty())),
            ("fault foreign epoch", how.foreign_epoch),
        ]);
        marks.into_iter().filter(|(_, hit)| *hit).for_each(|(mark, _)| self.coverage.hit(mark));
    }
}
