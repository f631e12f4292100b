//! Verify: whatever became of a device's copy, one run puts it right, and a right one is left alone.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use sync_core::Code;
use sync_core::protocol::v1::VerifyRequest;
use sync_service::{Caller, ServiceResult};
use testkit::device::{Compose, Device, Documents, Held};

use crate::sync::{Pair, id, op, with};
use crate::world::{now, refused};

fn try_verify(pair: &Pair, caller: &Caller, body: &Value) -> ServiceResult<Value> {
    let request = VerifyRequest::parse(body.to_string().as_bytes()).unwrap();
    now(pair.world.service.verify(caller, request)).map(|answer| serde_json::to_value(answer).unwrap())
}

fn verify(pair: &Pair, caller: &Caller, body: &Value) -> Value {
    try_verify(pair, caller, body).unwrap_or_else(|error| panic!("{error}"))
}

const COLLECTIONS: [&str; 3] = ["guests", "timeline_events", "tables"];

/// A space with documents, private ones and a question among them, and Bo's device with a right copy.
struct Scene {
    pair: Pair,
    device: Device,
}

impl Scene {
    fn new() -> Self {
        let pair = Pair::new(Some("wedding"));
        let made = (1..=40).map(|n| {
            let visibility = if n % 5 == 0 { json!("private") } else { Value::Null };
            let patch = json!({"title": format!("t{n}"), "name": "x".repeat(60), "visibility": visibility});
            with(op(n, "create", &format!("d{n}"), 0, patch), json!({"collection": COLLECTIONS[usize::try_from(n % 3).unwrap()]}))
        });
        pair.push(&pair.ana, json!(made.collect::<Vec<_>>()));
        let both = |n, title| with(op(n, "update", "d1", 2, json!({"title": title})), json!({"collection": COLLECTIONS[1]}));
        pair.one(&pair.ana, both(50, "a"));
        assert_eq!(pair.one(&pair.bo, both(51, "b"))["status"], "conflict");
        let mut device = Device::new("bo", [pair.space.as_str()]);
        sync(&pair, &mut device);
        Self { pair, device }
    }

    /// Compares a device's copy, and gives how much was put right.
    fn compare(&self, device: &mut Device, deep: bool) -> usize {
        let mut call = |body: &Value| verify(&self.pair, &self.pair.bo, body);
        device.verify(&self.pair.space, deep, &mut call).unwrap_or_else(|broken| panic!("{broken}"))
    }

    fn live(&self, device: &Device) -> Vec<(String, String, i64, Value)> {
        let live = device.replica(&self.pair.space).all_live();
        live.map(|(collection, id, version, body)| (collection.to_owned(), id.to_owned(), version, json!(body))).collect()
    }
}

fn sync(pair: &Pair, device: &mut Device) {
    let body = device.compose(&Compose::default());
    let answer = pair.sync(&pair.bo, body);
    device.absorb(&answer).unwrap_or_else(|broken| panic!("{broken}"));
}

// made once: a case only reads it
static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);

/// What a faulty disk or program does.
#[derive(Debug, Clone)]
enum Harm {
    Lose(usize),
    Invent(usize, u8),
    Move(usize, i64),
    Bury(usize),
    Rewrite(usize),
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let harm = prop_oneof![
        any::<usize>().prop_map(Harm::Lose),
        (any::<usize>(), any::<u8>()).prop_map(|(collection, n)| Harm::Invent(collection, n)),
        (any::<usize>(), prop_oneof![Just(-3_i64), Just(1), Just(1_000_000)]).prop_map(|(place, by)| Harm::Move(place, by)),
        any::<usize>().prop_map(Harm::Bury),
        any::<usize>().prop_map(Harm::Rewrite),
    ];
    proptest::collection::vec(harm, 0..12)
}

fn harm(documents: &mut Documents, harm: &Harm) {
    let keys: Vec<_> = documents.keys().cloned().collect();
    let key = |place: &usize| keys[place % keys.len()].clone();
    match harm {
        Harm::Lose(place) => drop(documents.remove(&key(place))),
        Harm::Invent(collection, n) => {
            let collection = ["guests", "timeline_events", "nowhere"][collection % 3];
            let held = Held { version: i64::from(*n), body: json!({"made": "up"}).as_object().cloned() };
            documents.insert((collection.to_owned(), format!("invented{n}")), held);
        }
        Harm::Move(place, by) => {
            if let Some(held) = documents.get_mut(&key(place)) {
                held.version += by;
            }
        }
        Harm::Bury(place) => {
            if let Some(held) = documents.get_mut(&key(place)) {
                held.body = None;
            }
        }
        Harm::Rewrite(place) => {
            if let Some(body) = documents.get_mut(&key(place)).and_then(|held| held.body.as_mut()) {
                body.insert("title".into(), json!("not what it was"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_copy_is_put_right_by_one_deep_run(harms in harms()) {
        let scene = &*SCENE;
        let right = scene.live(&scene.device);
        let mut device = scene.device.clone();
        device.damage(&scene.pair.space, |documents| harms.iter().for_each(|one| harm(documents, one)));
        let differs = scene.live(&device) != right;
        let repaired = scene.compare(&mut device, true);
        prop_assert_eq!(scene.live(&device), right);
        prop_assert_eq!(repaired > 0, differs, "and nothing else was sent");
        prop_assert_eq!(scene.compare(&mut device, true), 0);
    }

    #[test]
    fn what_is_missing_extra_or_of_another_version_shows_without_contents(harms in harms()) {
        let scene = &*SCENE;
        let right = scene.live(&scene.device);
        let mut device = scene.device.clone();
        let harms: Vec<_> = harms.into_iter().filter(|one| !matches!(one, Harm::Rewrite(_))).collect();
        device.damage(&scene.pair.space, |documents| harms.iter().for_each(|one| harm(documents, one)));
        scene.compare(&mut device, false);
        prop_assert_eq!(scene.live(&device), right);
    }
}

#[test]
fn a_right_copy_needs_nothing() {
    let scene = &*SCENE;
    let mut device = scene.device.clone();
    assert_eq!((scene.compare(&mut device, false), scene.compare(&mut device, true)), (0, 0));
    let cursor = scene.pair.pull(&scene.pair.bo, None)["cursor"].clone();
    let answer =
        verify(&scene.pair, &scene.pair.bo, &json!({"space_id": scene.pair.space, "cursor": cursor, "collections": ["guests", "tasks"]}));
    assert_eq!(answer["changes"]["items"], json!([]));
    assert_eq!(answer["changes"]["checksums"], scene.pair.pull(&scene.pair.bo, None)["checksums"]);
    let sum = |name: &str| {
        let sums = answer["buckets"][name].as_array().unwrap().iter().map(|sum| u64::from_str_radix(sum.as_str().unwrap(), 16).unwrap());
        (answer["buckets"][name].as_array().unwrap().len(), format!("{:016x}", sums.fold(0, u64::wrapping_add)))
    };
    assert_eq!(sum("guests"), (256, answer["changes"]["checksums"]["guests"].as_str().unwrap().to_owned()), "they add up");
    assert_eq!(sum("tasks"), (256, "0".repeat(16)), "an empty collection has empty buckets");
    assert!(answer["buckets"].get("timeline_events").is_none(), "only what was asked for");
}

#[test]
fn sums_come_once_there_is_nothing_more() {
    let pair = Pair::new(None);
    let large = |n| op(n, "create", &format!("d{n}"), 0, json!({"text": "x".repeat(250_000)}));
    for n in 1..=6 {
        pair.one(&pair.ana, large(n));
    }
    let first = verify(&pair, &pair.bo, &json!({"space_id": pair.space, "cursor": null}));
    assert_eq!((&first["changes"]["has_more"], first.get("buckets")), (&json!(true), None));
    let second = verify(&pair, &pair.bo, &json!({"space_id": pair.space, "cursor": first["changes"]["cursor"]}));
    assert_eq!(second["changes"]["has_more"], false);
    assert_eq!(second["buckets"]["notes"].as_array().unwrap().len(), 256);
    let reset = verify(&pair, &pair.bo, &json!({"space_id": pair.space, "cursor": "nonsense"}));
    assert_eq!((&reset["changes"]["reset"], &reset["changes"]["reason"], reset.get("buckets")), (&json!(true), &json!("cursor"), None));
}

#[test]
fn what_is_out_of_view_is_dropped_and_never_sent() {
    let scene = &*SCENE;
    // d5 is private: Bo can't see it; its bucket says so
    let hidden = [("timeline_events", "d25"), ("timeline_events", "d40"), ("guests", "no such")];
    for (collection, id) in hidden {
        let bucket = format!("{:02x}", ring::digest::digest(&ring::digest::SHA256, id.as_bytes()).as_ref()[0]);
        let body = json!({"space_id": scene.pair.space, "rows": {collection: {&bucket: [[id, 5, null]]}}});
        let repair = verify(&scene.pair, &scene.pair.bo, &body)["repair"][collection].clone();
        assert_eq!(repair["drop"], json!([id]));
        assert!(repair["items"].as_array().unwrap().iter().all(|item| item["document_id"] != id));
    }
}

#[test]
fn rows_stand_in_their_own_bucket_once() {
    let scene = &*SCENE;
    for rows in [json!({"00": [["d1", 5]]}), json!({"0e": [["d1", 1], ["d1", 2]], "0f": [["d1", 1]]})] {
        let error = try_verify(&scene.pair, &scene.pair.bo, &json!({"space_id": scene.pair.space, "rows": {"guests": rows}})).unwrap_err();
        let problem = error.problem();
        assert_eq!(problem.code, Code::Malformed);
        assert!(problem.pointer.unwrap().starts_with("/rows/guests/"));
    }
}

#[test]
fn strangers_and_former_members_read_nothing() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    let stranger = pair.world.caller("cy@example.org");
    let bodies = |space: &str| [json!({"space_id": space, "cursor": null}), json!({"space_id": space, "rows": {"notes": {}}})];
    for body in bodies(&pair.space).into_iter().chain(bodies(&id(9))).chain(bodies("no-uuid")) {
        assert_eq!(refused(try_verify(&pair, &stranger, &body)), Code::UnknownSpace);
    }
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    let [sums, rows] = bodies(&pair.space);
    let answer = verify(&pair, &pair.bo, &sums);
    assert_eq!((&answer["changes"]["revoked"], answer.get("buckets")), (&json!(true), None));
    assert_eq!(refused(try_verify(&pair, &pair.bo, &rows)), Code::UnknownSpace);
}
