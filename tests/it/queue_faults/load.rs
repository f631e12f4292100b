//! What writers put into the queue in a round, and what must have become of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::nodes::{Nodes, pause};
use crate::server::{Client, op_id};

pub(super) const WRITERS: usize = 4;
/// Counters of a space, to which all writers add, each an amount of its own: so nobody ever writes what stands there, and
/// the sum tells how often each did.
const COUNTERS: usize = 2;
/// Requests of a writer in a round: of these sizes, by turns as a batch and as a push.
const SIZES: [u32; 4] = [18, 8, 18, 8];

/// A schema in which nobody is ever in conflict, and every addition counts.
pub(super) fn schema() -> Value {
    json!({"name": "faults", "version": 1, "collections": {
        "notes": {"fields": {"text": {"type": "text"}}},
        "counters": {"fields": {"n": {"type": "integer", "strategy": "counter"}}},
    }})
}

/// A request of a writer.
struct Request {
    space: usize,
    operations: Vec<Value>,
}

/// A round's operations.
pub(super) struct Load {
    spaces: Vec<String>,
    by_writer: Vec<Vec<Request>>,
    /// Made before the round, with the version of each: they are decided already.
    made: Vec<(usize, String)>,
    pub(super) accepted: AtomicU32,
    /// Requests that were sent again, because nobody answered or somebody said so.
    pub(super) repeated: AtomicU32,
}

impl Load {
    /// Makes the counters of a round, and what writers will send.
    pub(super) fn new(round: u32, spaces: &[String], client: &Client) -> Self {
        let mut number = 0;
        let mut next_id = || {
            number += 1;
            op_id(round + 1, number)
        };
        let mut made = Vec::new();
        let mut bases: HashMap<(usize, usize), Value> = HashMap::new();
        for (space, name) in spaces.iter().enumerate() {
            let create = |counter: usize, op_id: String| json!({"op_id": op_id, "collection": "counters", "document_id": format!("c-{round}-{counter}"), "kind": "create", "base_version": 0, "patch": {"n": 0}});
            let creates: Vec<Value> = (0..COUNTERS).map(|counter| create(counter, next_id())).collect();
            for (counter, result) in client.push(name, &creates).unwrap().iter().enumerate() {
                assert_eq!(result["status"], "applied", "{result}");
                bases.insert((space, counter), result["version"].clone());
                made.push((space, result["op_id"].as_str().unwrap().to_owned()));
            }
        }
        let by_writer = (0..WRITERS).map(|writer| requests(round, writer, spaces.len(), &bases, &mut next_id)).collect();
        Self { spaces: spaces.to_vec(), by_writer, made, accepted: AtomicU32::new(0), repeated: AtomicU32::new(0) }
    }

    /// How many operations writers send.
    pub(super) fn len() -> u32 {
        SIZES.iter().sum::<u32>() * u32::try_from(WRITERS).unwrap()
    }

    /// One writer sends what it has, each request until it is accepted.
    pub(super) fn write(&self, writer: usize, client: &Client, nodes: &Nodes<'_>, deadline: Instant) {
        let mut turn = writer;
        for request in &self.by_writer[writer] {
            while !self.is_accepted(request, &client.at(&nodes.address(turn))) {
                assert!(Instant::now() < deadline, "a writer gave up");
                self.repeated.fetch_add(1, Ordering::Relaxed);
                turn += 1;
                pause(20);
            }
            self.accepted.fetch_add(u32::try_from(request.operations.len()).unwrap(), Ordering::Relaxed);
        }
    }

    fn is_accepted(&self, request: &Request, client: &Client) -> bool {
        let space = &self.spaces[request.space];
        let results = if request.operations.len() > 10 {
            client.batch(space, &request.operations).map(|answer| answer["results"].as_array().cloned().unwrap_or_default())
        } else {
            client.push(space, &request.operations)
        };
        let Ok(results) = results else { return false };
        if let Some(refused) = results.iter().find(|result| ["rejected", "quarantined"].contains(&result["status"].as_str().unwrap())) {
            panic!("nothing of this is at fault: {refused}");
        }
        results.len() == request.operations.len() && results.iter().all(|result| result["held"] == true)
    }

    fn sent(&self) -> impl Iterator<Item = (usize, usize, &Value)> {
        let requests =
            self.by_writer.iter().enumerate().flat_map(|(writer, requests)| requests.iter().map(move |request| (writer, request)));
        requests.flat_map(|(writer, request)| request.operations.iter().map(move |operation| (writer, request.space, operation)))
    }

    /// Waits until a server says that every operation has its result; their versions. Panics when it takes longer than
    /// until the deadline. `look` is called again and again meanwhile.
    pub(super) fn settle(
        &self,
        clients: &[Client],
        (nodes, node): (&Nodes<'_>, usize),
        deadline: Instant,
        look: &mut dyn FnMut(),
    ) -> HashMap<String, i64> {
        let mut versions = HashMap::new();
        loop {
            look();
            let late = Instant::now() > deadline;
            let mut open = None;
            for (writer, client) in clients.iter().enumerate() {
                let of_writer =
                    self.sent().filter(|(by, _, _)| *by == writer).map(|(_, _, operation)| operation["op_id"].as_str().unwrap());
                let left: Vec<&str> = of_writer.filter(|op_id| !versions.contains_key(*op_id)).collect();
                for receipt in client.at(&nodes.address_of(node)).receipts(&left) {
                    match receipt["status"].as_str().unwrap() {
                        "applied" | "merged" => {
                            versions.insert(receipt["op_id"].as_str().unwrap().to_owned(), receipt["version"].as_i64().unwrap());
                        }
                        "queued" => open = Some(receipt),
                        status => panic!("{status}: {receipt}"),
                    }
                }
            }
            let Some(open) = open else { return versions };
            let left = Self::len() as usize - versions.len();
            assert!(!late, "{left} are stuck, such as {open}; {:?}", nodes.leases());
            pause(5);
        }
    }

    /// Every operation counted once: it has one change, at the version that its receipt tells; documents hold what was
    /// sent, counters the sum of what was; and what a device sent on a document was decided in the order of sending.
    pub(super) fn check(&self, nodes: &Nodes<'_>, before: &[i64], versions: &HashMap<String, i64>) {
        for (space, name) in self.spaces.iter().enumerate() {
            let (rows, changes) = nodes.log_above(name, before[space]);
            let in_log: Vec<(String, i64)> = changes.iter().map(|change| (change.by.op_id.to_string(), change.version)).collect();
            let made = self.made.iter().filter(|(of, _)| *of == space).map(|(_, op_id)| op_id.as_str());
            let sent = self.sent().filter(|(_, of, _)| *of == space).map(|(_, _, operation)| operation["op_id"].as_str().unwrap());
            let expected: BTreeSet<&str> = made.chain(sent).collect();
            let found: BTreeSet<&str> = in_log.iter().map(|(op_id, _)| op_id.as_str()).collect();
            assert_eq!((in_log.len(), found), (expected.len(), expected), "each operation made one change");
            for (op_id, version) in &in_log {
                assert!(versions.get(op_id).is_none_or(|told| told == version), "{op_id} was told another version than {version}");
            }
            let bodies: BTreeMap<&str, Value> = rows.iter().map(|row| (row.key.as_str(), Value::Object(row.body.object()))).collect();
            let (mut counts, mut last) = (BTreeMap::<String, i64>::new(), HashMap::new());
            for (writer, _, operation) in self.sent().filter(|(_, of, _)| *of == space) {
                let key = format!("{}/{}", operation["collection"].as_str().unwrap(), operation["document_id"].as_str().unwrap());
                let version = versions[operation["op_id"].as_str().unwrap()];
                let earlier = last.insert((writer, key.clone()), version);
                assert!(earlier.is_none_or(|earlier| earlier < version), "{operation} was decided before what was sent before it");
                if operation["kind"] == "create" {
                    assert_eq!(bodies[key.as_str()], operation["patch"]);
                } else {
                    *counts.entry(key).or_default() += amount(writer);
                }
            }
            assert_eq!(counts.len(), COUNTERS);
            for (key, count) in counts {
                assert_eq!(bodies[key.as_str()]["n"], count, "{key}");
            }
        }
    }
}

fn amount(writer: usize) -> i64 {
    1_000_i64.pow(u32::try_from(writer).unwrap())
}

/// What a writer sends in a round: notes of its own, and every third operation an addition to a counter that all share.
fn requests(
    round: u32,
    writer: usize,
    spaces: usize,
    bases: &HashMap<(usize, usize), Value>,
    next_id: &mut impl FnMut() -> String,
) -> Vec<Request> {
    // by counter: what was added here, and by which operation last
    let mut own: HashMap<(usize, usize), (i64, Option<String>)> = HashMap::new();
    let operations = |(turn, size): (usize, &u32)| {
        let space = (writer + turn) % spaces;
        let operation = |number: u32| {
            let id = next_id();
            if number % 3 != 2 {
                return json!({"op_id": id, "collection": "notes", "document_id": format!("d-{id}"), "kind": "create", "base_version": 0, "patch": {"text": format!("{round}, {writer}, {number}")}});
            }
            let counter = (space, number as usize / 3 % COUNTERS);
            let (count, last) = own.entry(counter).or_default();
            *count += amount(writer);
            let mut increment = json!({"op_id": id, "collection": "counters", "document_id": format!("c-{round}-{}", counter.1), "kind": "update", "base_version": bases[&counter], "patch": {"n": *count}});
            if let Some(last) = last.replace(id) {
                increment["after"] = last.into();
            }
            increment
        };
        Request { space, operations: (0..*size).map(operation).collect() }
    };
    SIZES.iter().enumerate().map(operations).collect()
}

/// Panics unless something comes about before the deadline.
pub(crate) fn until(deadline: Instant, what: &str, mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
