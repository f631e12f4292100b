//! A wedding for one situation: a space of its own, people with a device each, and what the server told them.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use testkit::device::{Compose, Device, Edit};

use crate::server::{Client, Server, op_id};

/// What all devices say the time is when they sync.
const SENT_AT: &str = "2026-06-20T18:00:00.000Z";

/// Who there may be: a first name or a trade, and the role.
pub(crate) type Part = (&'static str, &'static str);

/// The planner.
pub(crate) const ANA: Part = ("ana", "lead");
/// A second planner.
pub(crate) const PARTNER: Part = ("partner", "lead");
/// The venue.
pub(crate) const INES: Part = ("ines", "coordinator");
/// The main photographer.
pub(crate) const RUI: Part = ("rui", "photographer");
/// The second photographer.
pub(crate) const SECOND: Part = ("second", "photographer");
/// A vendor.
pub(crate) const FLORIST: Part = ("florist", "vendor");
/// One of the couple.
pub(crate) const AMARA: Part = ("amara", "couple");
/// Everybody.
pub(crate) const EVERYBODY: [Part; 7] = [ANA, PARTNER, INES, RUI, SECOND, FLORIST, AMARA];

/// A login of everybody, good for the whole run.
pub(crate) struct Logins {
    people: BTreeMap<&'static str, (Client, String)>,
    /// How many weddings there were: the next one's operations have ids of their own.
    rounds: Cell<u32>,
}

impl Logins {
    /// Makes everybody but Ana, who is there, and logs all of them in.
    pub(crate) fn new(server: &Server) -> Self {
        let (ana, ana_id) = server.log_in("ana@example.org");
        for (name, _) in &EVERYBODY[1..] {
            ana.add_user(&format!("{name}@example.org"));
        }
        let others = EVERYBODY[1..].iter().map(|(name, _)| (*name, server.log_in(&format!("{name}@example.org"))));
        Self { people: others.chain([("ana", (ana, ana_id))]).collect(), rounds: Cell::new(100) }
    }

    /// The id of a person's user.
    pub(crate) fn id(&self, (name, _): Part) -> &str {
        &self.people[name].1
    }

    fn client(&self, (name, _): Part) -> &Client {
        &self.people[name].0
    }
}

/// A person with the device that they hold.
struct Person {
    part: Part,
    client: Client,
    device: Device,
    /// Named intents that wait beside the device's operations.
    intents: Vec<Value>,
}

/// A wedding for one situation.
pub(crate) struct Day<'a> {
    pub(crate) logins: &'a Logins,
    pub(crate) space: String,
    people: Vec<Person>,
    round: u32,
    made: u32,
    time: String,
    results: BTreeMap<String, Value>,
}

impl<'a> Day<'a> {
    /// A space with these people, led by Ana, and these documents, which everybody has read.
    pub(crate) fn new(logins: &'a Logins, parts: &[Part], settings: &Value, documents: &[(&'static str, &str, Value)]) -> Self {
        let ana = logins.client(ANA);
        let made = json!({
            "name": "Amara & Joel", "event_date": "2026-06-20", "time_zone": "Europe/Lisbon", "schema": "wedding", "settings": settings,
        });
        let space = ana.call("POST", "/api/spaces", &made).unwrap()["space_id"].as_str().unwrap().to_owned();
        for part in parts {
            let member = format!("/api/spaces/{space}/members/{}", logins.id(*part));
            ana.call("PUT", &member, &json!({"role": part.1})).unwrap();
        }
        let person = |part: Part| Person {
            part,
            client: logins.client(part).clone(),
            device: Device::new(part.0, [space.as_str()]),
            intents: Vec::new(),
        };
        let people = [ANA].iter().chain(parts).map(|part| person(*part)).collect();
        let (made, results) = Default::default();
        let round = logins.rounds.replace(logins.rounds.get() + 1);
        let mut day = Self { logins, space, people, round, made, time: String::new(), results };
        day.at("12:00");
        for (collection, id, body) in documents {
            day.write(ANA, "create", collection, id, Some(body.clone()));
        }
        day.sync(ANA);
        assert!(day.results.values().all(|result| result["status"] == "applied"), "{:?}", day.results);
        for part in parts {
            day.sync(*part);
        }
        day
    }

    /// From now on it is so late, on everybody's device.
    pub(crate) fn at(&mut self, time: &str) -> &mut Self {
        self.time = format!("2026-06-20T{time}:00.000Z");
        self
    }

    fn person(&mut self, part: Part) -> &mut Person {
        self.people.iter_mut().find(|person| person.part.0 == part.0).unwrap()
    }

    fn next_id(&mut self) -> String {
        self.made += 1;
        op_id(self.round, self.made)
    }

    /// A person writes; the operation waits on their device. Its id.
    pub(crate) fn write(&mut self, part: Part, kind: &'static str, collection: &str, id: &str, patch: Option<Value>) -> String {
        let (op_id, space_id, created_at) = (self.next_id(), self.space.clone(), Some(self.time.clone()));
        let patch = patch.map(|patch| patch.as_object().unwrap().clone());
        let (collection, document_id) = (collection.to_owned(), id.to_owned());
        let edit = Edit { op_id: op_id.clone(), space_id, collection, document_id, kind, patch, created_at, ..Edit::default() };
        self.person(part).device.edit(edit);
        op_id
    }

    /// A person changes members of a document.
    pub(crate) fn edit(&mut self, part: Part, collection: &str, id: &str, patch: Value) -> String {
        self.write(part, "update", collection, id, Some(patch))
    }

    /// A person deletes a document.
    pub(crate) fn delete(&mut self, part: Part, collection: &str, id: &str) -> String {
        self.write(part, "delete", collection, id, None)
    }

    /// A person moves what begins at `from` or later by so many minutes.
    pub(crate) fn shift(&mut self, part: Part, from: &str, by_min: i64) -> String {
        let (op_id, space, created_at) = (self.next_id(), self.space.clone(), self.time.clone());
        let person = self.person(part);
        let seen = person.device.replica(&space).all_live().map(|(_, _, version, _)| version).max();
        person.intents.push(json!({
            "op_id": op_id, "collection": "timeline_events", "kind": "intent", "base_version": seen.unwrap_or_default(), "created_at": created_at,
            "intent": {"name": "shift", "args": {"from": format!("2026-06-20T{from}"), "by_min": by_min, "reason": "the shuttle is late"}},
        }));
        op_id
    }

    /// A person answers a question with these choices for its fields.
    pub(crate) fn answer(&mut self, part: Part, conflict_id: &str, fields: &Value) -> String {
        let (op_id, space) = (self.next_id(), self.space.clone());
        let choice = json!({"fields": fields}).as_object().unwrap().clone();
        self.person(part).device.answer(&op_id, &space, conflict_id, &choice);
        op_id
    }

    /// A person's device comes back: it sends what waits and reads until nothing is left.
    pub(crate) fn sync(&mut self, part: Part) {
        let space = self.space.clone();
        for _ in 0..10 {
            let person = self.person(part);
            let mut body = person.device.compose(&Compose { sent_at: Some(SENT_AT.into()), ..Compose::default() });
            let intents = std::mem::take(&mut person.intents);
            let sent = body["operations"].as_array().unwrap().len();
            body["space_id"] = space.as_str().into();
            body["operations"].as_array_mut().unwrap().extend(intents.iter().cloned());
            let mut answer = person.client.call("POST", "/api/offline/sync", &body).unwrap();
            let results = answer["results"].as_array_mut().unwrap();
            let told = results.clone();
            // the device knows nothing of what was sent beside its own
            results.drain(sent..sent + intents.len());
            person.device.absorb(&answer).unwrap_or_else(|broken| panic!("{broken}\nafter {body}\nthe answer was {answer}"));
            let page = &answer["changes"][&space];
            let done = person.device.is_settled() && (page["has_more"] == false || page["purge"] == true);
            self.results.extend(told.into_iter().map(|result| (result["op_id"].as_str().unwrap().to_owned(), result)));
            if done {
                return;
            }
        }
        panic!("{}'s device never settles", part.0);
    }

    /// A person whose access was taken away sends what waits, and drops the copy; they are no part of the day any more.
    pub(crate) fn sync_removed(&mut self, part: Part) {
        self.sync(part);
        let space = self.space.clone();
        assert!(self.person(part).device.replica(&space).is_blank(), "the copy is dropped once all is held");
        self.people.retain(|person| person.part.0 != part.0);
    }

    /// What the server answered to an operation.
    pub(crate) fn told(&self, op_id: &str) -> &Value {
        self.results.get(op_id).unwrap_or_else(|| panic!("{op_id} was never answered"))
    }

    /// The status that the server answered to an operation.
    pub(crate) fn status(&self, op_id: &str) -> &str {
        self.told(op_id)["status"].as_str().unwrap()
    }

    /// A document as a person's device holds it.
    pub(crate) fn seen_by(&mut self, part: Part, collection: &str, id: &str) -> Option<Map<String, Value>> {
        let space = self.space.clone();
        self.person(part).device.replica(&space).live(collection, id).cloned()
    }

    /// A document as it is live, read by Ana.
    pub(crate) fn live(&mut self, collection: &str, id: &str) -> Value {
        self.sync(ANA);
        Value::Object(self.seen_by(ANA, collection, id).unwrap_or_else(|| panic!("{collection}/{id} is gone")))
    }

    /// All documents of a collection as they are live, read by Ana.
    pub(crate) fn all_live(&mut self, collection: &str) -> Vec<Value> {
        self.sync(ANA);
        let space = self.space.clone();
        self.person(ANA).device.replica(&space).live_in(collection).map(|(_, body)| Value::Object(body.clone())).collect()
    }

    /// The ids of a collection's live documents, as Ana's device holds them.
    pub(crate) fn ids(&mut self, collection: &str) -> Vec<String> {
        let space = self.space.clone();
        self.person(ANA).device.replica(&space).live_in(collection).map(|(id, _)| id.to_owned()).collect()
    }

    /// A call of the API by a person.
    pub(crate) fn call(&self, part: Part, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.logins.client(part).call(method, path, body)
    }

    /// The questions that are open, as a person's list shows them.
    pub(crate) fn questions(&self, part: Part) -> Vec<Value> {
        let path = format!("/api/offline/conflict?space={}&state=open", self.space);
        self.call(part, "GET", &path, &Value::Null).unwrap()["items"].as_array().unwrap().clone()
    }

    /// The one question that is open.
    pub(crate) fn the_question(&self) -> Value {
        let open = self.questions(ANA);
        assert_eq!(open.len(), 1, "one question is expected: {open:#?}");
        open[0].clone()
    }

    /// The change requests that wait.
    pub(crate) fn requests(&mut self) -> Vec<Value> {
        self.all_live("change_requests").into_iter().filter(|request| request["state"] == "open").collect()
    }

    /// Nobody is asked anything.
    pub(crate) fn nothing_is_asked(&mut self) {
        assert_eq!((self.questions(ANA), self.requests()), (vec![], vec![]));
    }

    /// Everybody syncs until it is quiet: then everybody holds of what Ana holds what their role reads, and leads all of it;
    /// and a device that begins anew holds the same as theirs, with the same checksums. (Each device compares its own
    /// checksums with the server's whenever it has read everything.)
    pub(crate) fn converges(&mut self) {
        let parts: Vec<Part> = self.people.iter().map(|person| person.part).collect();
        for part in parts.iter().chain(&parts) {
            self.sync(*part);
        }
        let all = self.image(ANA);
        for part in &parts {
            let held = self.image(*part);
            assert!(held == all || part.1 != ANA.1 && is_part_of(&held, &all), "{} holds something else than Ana: {held}\n{all}", part.0);
            let space = self.space.clone();
            self.person(*part).device = Device::new("a new one", [space.as_str()]);
            self.sync(*part);
            assert_eq!(self.image(*part), held, "a new device of {} holds something else", part.0);
        }
    }

    /// What a person's device holds: checksums and documents, questions aside, whose values are masked for some.
    fn image(&mut self, part: Part) -> Value {
        let space = self.space.clone();
        let replica = self.person(part).device.replica(&space);
        let documents = replica.all_live().filter(|(collection, ..)| *collection != "_conflicts");
        let mut sums = replica.checksums();
        sums.remove("_conflicts");
        json!([sums, documents.collect::<Vec<_>>()])
    }
}

/// Whether each document of an image is in the other with the same values, as far as it has them.
fn is_part_of(held: &Value, all: &Value) -> bool {
    let documents = |image: &Value| image[1].as_array().unwrap().clone();
    let same_document = |one: &Value, other: &Value| one[0] == other[0] && one[1] == other[1];
    let all = documents(all);
    documents(held).iter().all(|document| {
        let members = document[3].as_object().unwrap();
        all.iter().any(|other| same_document(document, other) && members.iter().all(|(name, value)| other[3][name] == *value))
    })
}
