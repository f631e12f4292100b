//! Pull: pages, patches, what is left out, checksums.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sync::{Pair, id, op, with};

/// A device's copy, kept as the protocol says.
#[derive(Default)]
pub(crate) struct Copy {
    pub(crate) rows: BTreeMap<(String, String), (i64, Value)>,
    pub(crate) cursor: Option<String>,
}

impl Copy {
    pub(crate) fn take(&mut self, page: &Value) {
        self.take_items(page);
        if page["has_more"] == false {
            assert_eq!(page["checksums"], json!(self.checksums()), "the sums are those of what the device holds");
        } else {
            assert!(page.get("checksums").is_none());
        }
    }

    /// Applies items, and moves to the cursor beside them.
    pub(crate) fn take_items(&mut self, page: &Value) {
        for item in page["items"].as_array().unwrap() {
            let key = (item["collection"].as_str().unwrap().to_owned(), item["document_id"].as_str().unwrap().to_owned());
            let version = item["version"].as_i64().unwrap();
            match item["kind"].as_str().unwrap() {
                "document" => drop(self.rows.insert(key, (version, item["document"].clone()))),
                "patch" => {
                    let row = self.rows.get_mut(&key).expect("a patch is of what the device holds");
                    row.0 = version;
                    for (name, value) in item["patch"].as_object().unwrap() {
                        match value {
                            Value::Null => drop(row.1.as_object_mut().unwrap().remove(name)),
                            value => row.1[name] = value.clone(),
                        }
                    }
                }
                _ => drop(self.rows.remove(&key)),
            }
        }
        self.cursor = page["cursor"].as_str().map(str::to_owned);
    }

    fn checksums(&self) -> BTreeMap<String, String> {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for ((collection, document), (version, _)) in &self.rows {
            let text = [document.as_bytes(), b"\0", version.to_string().as_bytes()].concat();
            let hash = ring::digest::digest(&ring::digest::SHA256, &text);
            let share = u64::from_be_bytes(*hash.as_ref().first_chunk().unwrap());
            let sum = sums.entry(collection.clone()).or_default();
            *sum = sum.wrapping_add(share);
        }
        sums.into_iter().map(|(collection, sum)| (collection, format!("{sum:016x}"))).collect()
    }
}

fn page(pair: &Pair, cursor: Option<&str>, bounds: &Value) -> Value {
    let mut pull = json!({"spaces": {&pair.space: {"cursor": cursor}}});
    for (name, value) in bounds.as_object().unwrap() {
        pull[name] = value.clone();
    }
    pair.sync(&pair.bo, json!({"pull": pull}))["changes"][&pair.space].clone()
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["document_id"].as_str().unwrap()).collect()
}

#[test]
fn pages_go_by_version_and_count_what_is_left() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!((1..=7).map(|n| op(n, "create", &format!("d{n}"), 0, json!({"n": n}))).collect::<Vec<_>>()));
    pair.push(&pair.ana, json!([op(11, "delete", "d1", 1, Value::Null), op(12, "delete", "d2", 2, Value::Null)]));
    let mut copy = Copy::default();
    let mut seen = Vec::new();
    loop {
        let page = page(&pair, copy.cursor.as_deref(), &json!({"max_changes": 2}));
        seen.push((page["items"].as_array().unwrap().len(), page["remaining"].as_i64().unwrap(), page["has_more"].as_bool().unwrap()));
        copy.take(&page);
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen, [(2, 3, true), (2, 1, true), (1, 0, false)], "what was deleted before is neither sent nor counted");
    // nothing new
    let rest = page(&pair, copy.cursor.as_deref(), &json!({}));
    assert_eq!((ids(&rest).len(), &rest["has_more"]), (0, &json!(false)));
    copy.take(&rest);
}

#[test]
fn a_page_has_an_item_if_there_is_one() {
    let pair = Pair::new(None);
    let deleted =
        (1..=20).flat_map(|n| [op(n, "create", &format!("d{n}"), 0, json!({})), op(n + 100, "delete", &format!("d{n}"), 0, Value::Null)]);
    pair.push(&pair.ana, json!(deleted.collect::<Vec<_>>()));
    pair.one(&pair.ana, op(200, "create", "live", 0, json!({"text": "x".repeat(5_000)})));
    pair.one(&pair.ana, op(201, "create", "more", 0, json!({"text": "x".repeat(5_000)})));
    let first = page(&pair, None, &json!({"max_changes": 1}));
    assert_eq!((ids(&first), &first["remaining"]), (vec!["live"], &json!(1)));
    let second = page(&pair, first["cursor"].as_str(), &json!({"max_bytes": 10}));
    assert_eq!((ids(&second), &second["has_more"]), (vec!["more"], &json!(false)), "larger than the bound, alone on its page");
    let small = page(&pair, None, &json!({"max_bytes": 5_500}));
    assert_eq!((ids(&small), &small["has_more"]), (vec!["live"], &json!(true)));
    // the bound is shared by the spaces of a request, but no space gets stuck
    let other = pair.second_space();
    pair.one(&pair.ana, with(op(300, "create", "there", 0, json!({})), json!({"space_id": other})));
    let body = json!({"pull": {"spaces": {&pair.space: {"cursor": null}, &other: {"cursor": null}}, "max_changes": 1}});
    let changes = pair.sync(&pair.ana, body)["changes"].clone();
    assert_eq!((ids(&changes[&pair.space]), ids(&changes[&other])), (vec!["live"], vec!["there"]));
}

#[test]
fn a_patch_carries_every_field_touched_with_its_whole_value() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1, "o": {"x": 1, "y": 1}, "gone": 1, "back": 1, "long": "x".repeat(100)})));
    let mut copy = Copy::default();
    copy.take(&page(&pair, None, &json!({})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"o": {"y": 2}, "gone": null, "back": 2})));
    pair.one(&pair.ana, op(3, "update", "a", 2, json!({"back": 1})));
    let next = page(&pair, copy.cursor.as_deref(), &json!({}));
    let item = &next["items"][0];
    // touched, not: that differs
    assert_eq!((item["kind"].as_str(), &item["patch"]), (Some("patch"), &json!({"o": {"x": 1, "y": 2}, "gone": null, "back": 1})));
    assert_eq!(item["by"], json!({"user_id": pair.ana.user_id, "device_id": pair.ana.device_id, "op_id": id(3)}));
    assert_eq!((&item["at"], &item["echo"]), (&json!("2026-06-20T14:00:00.000Z"), &json!(false)));
    copy.take(&next);
    // the whole document where it is smaller
    pair.one(&pair.ana, op(4, "update", "a", 3, json!({"o": null, "gone": null, "back": null, "long": null, "t": 2})));
    let next = page(&pair, copy.cursor.as_deref(), &json!({}));
    assert_eq!(next["items"][0]["document"], json!({"t": 2}));
    copy.take(&next);
    // and after it was deleted and came back
    pair.push(&pair.ana, json!([op(5, "delete", "a", 4, Value::Null), op(6, "restore", "a", 4, json!({"u": 1, "long": "y".repeat(99)}))]));
    let next = page(&pair, copy.cursor.as_deref(), &json!({}));
    assert_eq!(next["items"][0]["kind"], "document");
    copy.take(&next);
    pair.one(&pair.ana, op(7, "delete", "a", 6, Value::Null));
    let next = page(&pair, copy.cursor.as_deref(), &json!({}));
    assert_eq!((next["items"][0]["kind"].as_str(), next["items"][0].get("document")), (Some("delete"), None));
    copy.take(&next);
}

#[test]
fn a_run_of_pages_without_floor_tells_the_deletions_since_it_began() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!((1..=4).map(|n| op(n, "create", &format!("d{n}"), 0, json!({}))).collect::<Vec<_>>()));
    pair.one(&pair.ana, op(5, "delete", "d4", 4, Value::Null));
    let mut copy = Copy::default();
    copy.take(&page(&pair, None, &json!({"max_changes": 1})));
    pair.one(&pair.ana, op(6, "delete", "d1", 1, Value::Null));
    let rest = page(&pair, copy.cursor.as_deref(), &json!({}));
    assert_eq!(ids(&rest), ["d2", "d3", "d1"], "d4 was gone before");
    copy.take(&rest);
}

#[test]
fn own_operations_that_applied_are_left_out_of_their_requests_pull() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    let sync = |operations: Value, cursor: &Value| {
        let answer = pair.sync(&pair.bo, json!({"operations": operations, "pull": {"spaces": {&pair.space: {"cursor": cursor}}}}));
        answer["changes"][&pair.space].clone()
    };
    let operations =
        json!([op(2, "create", "b", 0, json!({})), op(3, "update", "b", 0, json!({"t": 1})), op(4, "update", "a", 1, json!({"t": 2}))]);
    let changes = sync(operations.clone(), &cursor);
    assert_eq!((ids(&changes).len(), &changes["has_more"]), (0, &json!(false)));
    // the reply was lost: the replay tells what they made, as an echo
    let changes = sync(operations, &cursor);
    assert_eq!(ids(&changes), ["b", "a"]);
    assert!(changes["items"].as_array().unwrap().iter().all(|item| item["echo"] == true));
    // a merge is sent, and so is anything with another's change above the floor
    pair.one(&pair.ana, op(5, "update", "a", 4, json!({"u": 1})));
    let changes = sync(json!([op(6, "update", "a", 5, json!({"v": 1}))]), &changes["cursor"]);
    assert_eq!((ids(&changes), &changes["items"][0]["echo"]), (vec!["a"], &json!(false)));
    // without a floor everything is sent
    assert_eq!(ids(&sync(json!([op(7, "create", "c", 0, json!({}))]), &Value::Null)), ["b", "a", "c"]);
}

#[test]
fn the_device_that_made_a_document_is_told_of_its_deletion() {
    let pair = Pair::new(None);
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    // made without a pull, deleted by somebody else before the next one
    assert_eq!(pair.one(&pair.bo, op(1, "create", "a", 0, json!({})))["status"], "applied");
    pair.one(&pair.ana, op(2, "delete", "a", 1, Value::Null));
    let next = pair.pull(&pair.bo, cursor.as_str());
    assert_eq!((ids(&next), next["items"][0]["kind"].as_str()), (vec!["a"], Some("delete")));
}

#[test]
fn conflicts_travel_as_documents() {
    let pair = Pair::new(None);
    let mut copy = Copy::default();
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
    copy.take(&page(&pair, None, &json!({})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1})));
    let asked = pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": 2})));
    let next = page(&pair, copy.cursor.as_deref(), &json!({}));
    let item = next["items"].as_array().unwrap().iter().find(|item| item["collection"] == "_conflicts").unwrap().clone();
    assert_eq!((&item["document_id"], &item["document"]["version"]), (&asked["conflict_id"], &item["version"]));
    copy.take(&next);
    pair.resolve(&pair.ana, 9, &item["document"], json!({"fields": {"/t": {"choose": "theirs"}}}));
    let next = page(&pair, copy.cursor.as_deref(), &json!({}));
    assert_eq!(ids(&next), ["a", asked["conflict_id"].as_str().unwrap()]);
    copy.take(&next);
    assert_eq!(next["items"][1]["document"]["state"], "resolved");
}

#[test]
fn cursors_that_are_of_no_use_reset() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({})));
    let good = pair.pull(&pair.bo, None)["cursor"].clone();
    let foreign = pair.pull(&pair.ana, None)["cursor"].clone();
    for cursor in ["nonsense", "", foreign.as_str().unwrap()] {
        let answer = pair.pull(&pair.bo, Some(cursor));
        assert_eq!(
            (&answer["reset"], &answer["reason"], answer["items"].as_array().unwrap().len()),
            (&json!(true), &json!("cursor"), 0),
            "{cursor}"
        );
        assert!(answer["epoch"].is_string() && answer["shared_until"].is_i64() && answer.get("cursor").is_none());
    }
    pair.give_bo("vendor");
    let answer = pair.pull(&pair.bo, good.as_str());
    assert_eq!((&answer["reset"], &answer["reason"]), (&json!(true), &json!("rights")));
    pair.give_bo("photographer");
    assert_eq!(pair.pull(&pair.bo, good.as_str())["reset"], false);
}

#[test]
fn a_random_history_leaves_device_and_server_alike() {
    let pair = Pair::new(None);
    let mut copy = Copy::default();
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for n in 0..400_u32 {
        let caller = if next(2) == 0 { &pair.ana } else { &pair.bo };
        let document = format!("d{}", next(6));
        let base = i64::try_from(next(u64::from(n) + 1)).unwrap();
        let patch = json!({format!("f{}", next(3)): if next(4) == 0 { Value::Null } else { json!(next(5)) }, "long": "x".repeat(60)});
        let operation = match next(8) {
            0 => op(n, "create", &document, 0, patch),
            1 => op(n, "delete", &document, base, Value::Null),
            2 => op(n, "restore", &document, base, patch),
            _ => op(n, "update", &document, base, patch),
        };
        pair.one(caller, operation);
        if next(3) == 0 {
            copy.take(&page(&pair, copy.cursor.as_deref(), &json!({"max_changes": 3})));
        }
    }
    while copy.cursor.is_some() {
        let page = page(&pair, copy.cursor.as_deref(), &json!({}));
        copy.take(&page);
        if page["has_more"] == false {
            break;
        }
    }
    let mut whole = Copy::default();
    whole.take(&page(&pair, None, &json!({"max_changes": 5_000, "max_bytes": 8_000_000})));
    assert_eq!(copy.rows, whole.rows);
}
