//! The day: twelve devices, 1,500 operations, each device out of reach twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sync_core::{Role, SpaceId, Timestamp};
use sync_service::Caller;
use testkit::device::{Compose, Device, Edit};

use super::dice::Dice;
use super::hands::{Deed, deed, hot, patch, target, whose};
use super::plan::{clock, morning};
use crate::server::Server;

/// Operations of a busy day.
pub(crate) const OPERATIONS: usize = 1_500;
/// From ten in the morning to midnight.
const DAY_S: (i64, i64) = (10 * 3_600, 24 * 3_600);
/// A device within reach looks for news so often.
const POLL_S: i64 = 120;
/// The people: each one's role, and how many devices they hold.
const CREW: [(Role, usize); 10] = [
    (Role::Lead, 2),
    (Role::Lead, 1),
    (Role::Coordinator, 2),
    (Role::Coordinator, 1),
    (Role::Photographer, 1),
    (Role::Photographer, 1),
    (Role::Vendor, 1),
    (Role::Vendor, 1),
    (Role::Vendor, 1),
    (Role::Couple, 1),
];

/// A device in somebody's hands.
pub(crate) struct Phone {
    pub(crate) device: Device,
    pub(crate) caller: Caller,
    pub(crate) role: Role,
    /// When it is out of reach, in seconds of the day.
    away: [(i64, i64); 2],
    /// How far its clock is off.
    skew_ms: i64,
}

/// What was done, and what the server said of it.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) phone: usize,
    pub(crate) key: String,
    /// The text that only this one wrote.
    pub(crate) token: Option<String>,
    pub(crate) base_version: i64,
    pub(crate) result: Value,
    /// The head when it had been decided.
    pub(crate) head: i64,
}

/// A day while it runs.
pub(crate) struct Day {
    pub(crate) server: Server,
    pub(crate) space: SpaceId,
    pub(crate) phones: Vec<Phone>,
    pub(crate) hot: BTreeSet<String>,
    pub(crate) done: BTreeMap<String, Done>,
    /// Texts that somebody wrote and somebody who saw them took away.
    pub(crate) rewritten: BTreeSet<String>,
    dice: Dice,
}

/// What a device does at some second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Poll,
    Write(Deed),
}

impl Day {
    /// The morning of a seed: the documents are there, and every device has read them.
    pub(crate) fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let mut server = Server::in_memory(CREW.len());
        let users: Vec<String> = server.users.iter().map(|caller| caller.user_id.to_string()).collect();
        let settings = json!({
            "venue_user": users[2], "seating_owner": users[2], "main_photographer": users[4], "bookkeeper": users[1],
        });
        let space = server.make_wedding(&settings, &CREW.map(|(role, _)| role));
        let hot = hot(&dice);
        let phone = |(user, role): (usize, Role)| Phone {
            device: Device::new(&format!("{} {user}", role.as_str()), [space.to_string().as_str()]),
            caller: server.log_in(user),
            role,
            away: away(&dice),
            skew_ms: dice.between(-90_000, 90_000),
        };
        let holders = CREW.iter().enumerate().flat_map(|(user, (role, count))| std::iter::repeat_n((user, *role), *count));
        let phones: Vec<Phone> = holders.map(phone).collect();
        let mut day = Self { server, space, phones, hot, done: BTreeMap::new(), rewritten: BTreeSet::new(), dice };
        day.set_clock(DAY_S.0);
        for (number, (collection, id, body)) in morning(&day.dice, &users[..6]).into_iter().enumerate() {
            day.edit(0, format!("01890000-0000-7000-8001-{number:012x}"), (collection, &id), "create", body.as_object().cloned());
        }
        (0..day.phones.len()).for_each(|phone| day.sync(phone));
        day
    }

    /// Runs it to its end, when everybody is within reach again and has read everything.
    pub(crate) fn run(&mut self) {
        for (second, phone, act) in self.acts() {
            self.set_clock(second);
            if let Act::Write(deed) = act {
                self.write(phone, second, deed);
            }
            if self.within_reach(phone, second) {
                self.sync(phone);
            }
        }
        self.set_clock(DAY_S.1 + 3_600);
        (0..2 * self.phones.len()).for_each(|phone| self.sync(phone % self.phones.len()));
    }

    /// What happens when: each operation, the last look for news before it, and each return.
    fn acts(&self) -> Vec<(i64, usize, Act)> {
        let roles: Vec<Role> = self.phones.iter().map(|phone| phone.role).collect();
        let mut acts = Vec::new();
        for _ in 0..OPERATIONS {
            let deed = deed(&self.dice);
            let (second, phone) = (self.dice.between(DAY_S.0 + POLL_S, DAY_S.1), whose(&self.dice, deed, &roles));
            acts.push((second, phone, Act::Write(deed)));
            acts.push((second - self.dice.between(1, POLL_S), phone, Act::Poll));
        }
        for (index, phone) in self.phones.iter().enumerate() {
            acts.extend(phone.away.map(|(_, end)| (end, index, Act::Poll)));
        }
        acts.sort_unstable();
        acts
    }

    fn within_reach(&self, phone: usize, second: i64) -> bool {
        !self.phones[phone].away.iter().any(|(from, to)| (*from..*to).contains(&second))
    }

    fn set_clock(&self, second: i64) {
        let midnight = Timestamp::parse("2026-06-20T00:00:00Z").unwrap();
        self.server.clock.set(midnight.plus_ms(second * 1_000));
    }

    fn write(&mut self, phone: usize, second: i64, deed: Deed) {
        let number = self.done.len();
        let op_id = format!("01890000-0000-7000-8002-{number:012x}");
        let token = format!("~{number}~");
        let who = self.phones[phone].caller.user_id.to_string();
        let entry = target(&self.dice, deed, &self.phones[phone].device, &self.space.to_string(), &self.hot);
        let patch = patch(&self.dice, deed, &entry, &who, second / 60, &token);
        let (collection, id, body) = &entry;
        let patch = patch.as_object().unwrap().clone();
        let (id, kind) = match deed {
            Deed::Log => (format!("log-new-{number}"), "create"),
            Deed::Delete => (id.clone(), "delete"),
            _ => (id.clone(), "update"),
        };
        let typed = patch.values().any(|value| value.as_str().is_some_and(|text| text.contains(&token)));
        if kind == "update" {
            self.rewritten.extend(patch.iter().flat_map(|(name, value)| taken_away(body.get(name), value)));
        }
        let done = Done {
            phone,
            key: format!("{collection}/{id}"),
            token: (typed && kind != "delete").then_some(token),
            base_version: 0,
            result: Value::Null,
            head: 0,
        };
        self.done.insert(op_id.clone(), done);
        let collection = collection.clone();
        self.edit(phone, op_id, (&collection, &id), kind, (kind != "delete").then_some(patch));
    }

    fn device_time(&self, phone: usize) -> String {
        sync_core::ports::Clock::now(&*self.server.clock).plus_ms(self.phones[phone].skew_ms).to_string()
    }

    fn edit(&mut self, phone: usize, op_id: String, (collection, id): (&str, &str), kind: &'static str, patch: Option<Map<String, Value>>) {
        let (space_id, created_at) = (self.space.to_string(), Some(self.device_time(phone)));
        let (collection, document_id) = (collection.to_owned(), id.to_owned());
        self.phones[phone].device.edit(Edit { op_id, space_id, collection, document_id, kind, patch, created_at, ..Edit::default() });
    }

    /// A device sends what waits, and reads until nothing is left.
    fn sync(&mut self, phone: usize) {
        loop {
            let how = Compose { sent_at: Some(self.device_time(phone)), max_changes: Some(1_000), ..Compose::default() };
            let Phone { device, caller, .. } = &mut self.phones[phone];
            let body = device.compose(&how);
            let answer = self.server.sync(caller, &body).unwrap_or_else(|error| panic!("{error:?}"));
            device.absorb(&answer).unwrap_or_else(|broken| panic!("{broken}"));
            let head = self.server.head(self.space).version;
            for (sent, result) in body["operations"].as_array().unwrap().iter().zip(answer["results"].as_array().unwrap()) {
                if let Some(done) = self.done.get_mut(sent["op_id"].as_str().unwrap()) {
                    (done.base_version, done.result, done.head) = (sent["base_version"].as_i64().unwrap(), result.clone(), head);
                }
                self.is_no_conflict_with_itself(phone, result);
            }
            if self.phones[phone].device.replica(&self.space.to_string()).is_complete() {
                return;
            }
        }
    }

    /// A question that an operation opens is about what another device wrote.
    fn is_no_conflict_with_itself(&self, phone: usize, result: &Value) {
        let Some(id) = result["conflict_id"].as_str() else { return };
        let Phone { device, caller, .. } = &self.phones[phone];
        let conflict = device.replica(&self.space.to_string()).live("_conflicts", id).unwrap_or_else(|| panic!("no question: {result}"));
        let opened = conflict["op_id"] == result["op_id"];
        let by_it = |side: &str| conflict.get(side).is_some_and(|by| by["device_id"] == caller.device_id.to_string());
        // a later operation of the same request may have been merged into what is live since
        let later = conflict.get("ours_by").is_some_and(|by| by["op_id"].as_str() > result["op_id"].as_str());
        let own = by_it("ours_by") && by_it("theirs_by") && !later;
        assert!(!(opened && own), "a device is in conflict with itself: {result}\n{}", Value::Object(conflict.clone()));
    }

    /// A new device of somebody's that reads everything from the beginning.
    pub(crate) fn fresh(&self, phone: usize) -> Device {
        let space = self.space.to_string();
        let mut device = Device::new("a new device", [space.as_str()]);
        while !device.replica(&space).is_complete() {
            let body = device.compose(&Compose { max_changes: Some(200), ..Compose::default() });
            let answer = self.server.sync(&self.phones[phone].caller, &body).unwrap();
            device.absorb(&answer).unwrap_or_else(|broken| panic!("{broken}"));
        }
        device
    }

    /// When somebody's device was out of reach, for the figures.
    pub(crate) fn away(&self, phone: usize) -> String {
        let times = self.phones[phone].away.map(|(from, to)| format!("{}–{}", &clock(from / 60)[11..], &clock(to / 60)[11..]));
        times.join(", ")
    }
}

/// Twice 20 to 90 minutes, once in each half of the day.
fn away(dice: &Dice) -> [(i64, i64); 2] {
    let half = (DAY_S.1 - DAY_S.0) / 2;
    [DAY_S.0, DAY_S.0 + half].map(|begin| {
        let length = dice.between(20, 90) * 60;
        let from = begin + dice.between(0, half - length);
        (from, from + length)
    })
}

/// The tokens that a text had and has no more.
fn taken_away(before: Option<&Value>, after: &Value) -> Vec<String> {
    let tokens = |text: &str| {
        text.split_inclusive('~')
            .filter_map(|part| part.strip_suffix('~').and_then(|part| part.parse::<usize>().ok()))
            .map(|number| format!("~{number}~"))
            .collect::<Vec<_>>()
    };
    let (Some(before), Some(after)) = (before.and_then(Value::as_str), after.as_str()) else { return Vec::new() };
    tokens(before).into_iter().filter(|token| !after.contains(token)).collect()
}
