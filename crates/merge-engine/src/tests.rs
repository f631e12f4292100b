//! Examples.

use serde_json::{Value, json};
use sync_core::json::Object;
use sync_core::operation::Hint;

use crate::{Context, Policy, SuggestedSide, get, merge_objects, remove, set};

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "a table of cases reads better without &")]
fn check(base: Value, ours: Value, theirs: Value, merged: Value, disputed: &[&str]) {
    let outcome = merge_objects(&object(base), &object(ours), &object(theirs), &Policy::default(), &Context::default());
    assert_eq!(outcome.merged, merged);
    assert_eq!(outcome.disputes.iter().map(|dispute| dispute.path.as_str()).collect::<Vec<_>>(), disputed);
}

#[test]
fn objects_merge_by_member_at_every_depth() {
    check(
        json!({"a":1,"place":{"hall":"A","floor":1}}),
        json!({"a":2,"place":{"hall":"B","floor":1}}),
        json!({"a":1,"place":{"hall":"A","floor":2},"new":true}),
        json!({"a":2,"place":{"hall":"B","floor":2},"new":true}),
        &[],
    );
    check(json!({"p":{"x":1}}), json!({"p":{"x":2}}), json!({"p":{"x":3}}), json!({"p":{"x":2}}), &["/p/x"]);
    check(json!({}), json!({"p":{"x":1}}), json!({"p":{"y":2}}), json!({"p":{"x":1,"y":2}}), &[]);
}

#[test]
fn removal_against_edit_is_asked() {
    check(json!({"a":1}), json!({}), json!({"a":2}), json!({}), &["/a"]);
    check(json!({"a":1}), json!({"a":2}), json!({}), json!({"a":2}), &["/a"]);
    check(json!({"a":1}), json!({}), json!({}), json!({}), &[]);
}

#[test]
fn arrays_without_ids_take_what_both_put_in() {
    check(json!({"t":["a"]}), json!({"t":["a","b"]}), json!({"t":["a","c"]}), json!({"t":["a","b","c"]}), &[]);
    check(json!({"t":["a"]}), json!({"t":["a","b"]}), json!({"t":["a","b"]}), json!({"t":["a","b"]}), &[]);
    check(json!({"t":["a","b"]}), json!({"t":["b"]}), json!({"t":["a","b","c"]}), json!({"t":["b","c"]}), &[]);
    // both put something else in the same place
    check(json!({"t":["a"]}), json!({"t":["b"]}), json!({"t":["c"]}), json!({"t":["b"]}), &["/t"]);
    // coordinates make sense only together
    check(json!({"t":[1,2]}), json!({"t":[3,2]}), json!({"t":[1,4]}), json!({"t":[3,2]}), &["/t"]);
    check(json!({"t":[[1],[1]]}), json!({"t":[[1],[2],[1]]}), json!({"t":[[1],[1],[3]]}), json!({"t":[[1],[2],[1],[3]]}), &[]);
    // sorted arrays stay sorted
    check(json!({"t":["b","d"]}), json!({"t":["b","d","e"]}), json!({"t":["a","b","c","d"]}), json!({"t":["a","b","c","d","e"]}), &[]);
}

#[test]
fn lists_keyed_by_id_merge_item_by_item() {
    let item = |id: &str, text: &str| json!({"id":id,"text":text});
    check(
        json!({"l":[item("a","1"), item("b","1"), item("c","1")]}),
        json!({"l":[item("a","1"), item("x","ours"), item("b","2"), item("c","1")]}),
        json!({"l":[item("a","3"), item("b","1"), item("y","theirs")]}),
        json!({"l":[item("a","3"), item("x","ours"), item("b","2"), item("y","theirs")]}),
        &[],
    );
    // the same item edited by both, and one deleted against an edit
    check(
        json!({"l":[item("a","1"), item("b","1")]}),
        json!({"l":[item("a","2"), item("b","2")]}),
        json!({"l":[item("a","3")]}),
        json!({"l":[item("a","2"), item("b","2")]}),
        &["/l/a/text", "/l/b"],
    );
}

#[test]
fn moves_of_both_sides_come_together() {
    let list = |ids: &str| json!({"l": ids.chars().map(|id| json!({"id": id.to_string()})).collect::<Vec<_>>()});
    check(list("abc"), list("abcx"), list("cab"), list("cabx"), &[]);
    check(list("abc"), list("bac"), list("abc"), list("bac"), &[]);
    check(list("abc"), list("bac"), list("bac"), list("bac"), &[]);
    // an item that both moved stands where ours has it
    check(list("abcdef"), list("bcdefa"), list("bcdaef"), list("bcdefa"), &[]);
}

#[test]
fn a_hint_becomes_a_suggestion() {
    let (base, ours, theirs) = (object(json!({"a":1})), object(json!({"a":2})), object(json!({"a":3})));
    for (hint, side) in [(Hint::Mine, Some(SuggestedSide::Theirs)), (Hint::Theirs, Some(SuggestedSide::Ours)), (Hint::Ask, None)] {
        let outcome = merge_objects(&base, &ours, &theirs, &Policy::default(), &Context::with_hint(hint));
        assert_eq!(outcome.disputes[0].suggested, side);
    }
}

#[test]
fn a_path_means_the_member_that_identifies_the_list() {
    let list = |a: &str, b: &str| json!({"l": [{"id":"a","key":"b","t":a},{"id":"b","key":"c","t":b}]});
    check(list("1", "1"), list("1", "2"), list("1", "3"), list("1", "2"), &["/l/b/t"]);
    let mut document = object(list("1", "2"));
    assert!(set(&mut document, "/l/b/t", json!("3"), &Policy::default()));
    assert_eq!(Value::Object(document), list("1", "3"));
}

#[test]
fn a_decision_lands_where_the_dispute_was() {
    let policy = Policy::default();
    let mut document = object(json!({"l":[{"id":"a","n":{"x":1}},{"id":7}],"s":"x"}));
    assert_eq!(get(&document, "/l/a/n/x", &policy), Some(json!(1)));
    assert!(set(&mut document, "/l/a/n/x", json!(2), &policy));
    assert!(set(&mut document, "/l/new", json!({"id":"new"}), &policy));
    assert!(set(&mut document, "/fresh/deep", json!(1), &policy));
    assert!(remove(&mut document, "/l/7", &policy));
    assert!(!remove(&mut document, "/l/7", &policy));
    assert!(!set(&mut document, "/s/deeper", json!(1), &policy));
    assert_eq!(Value::Object(document), json!({"l":[{"id":"a","n":{"x":2}},{"id":"new"}],"s":"x","fresh":{"deep":1}}));
}

#[test]
fn a_place_inside_a_list_is_owned_whoever_changed_it() {
    use sync_core::{OpId, Role, Schema, Stamp, UserId};
    let rules = json!({"name": "x", "version": 1, "collections": {"c": {"paths": [{"path": "/menu/*/price", "strategy": {"authority": {"owners": ["role:lead"]}}}]}}});
    let policy = Policy::of(&Schema::from_value(&rules).unwrap(), "c");
    let id = "0197f6a2-0000-7000-8000-000000000001";
    let actor = crate::Actor { user_id: id.parse::<UserId>().unwrap(), role: Role::Vendor };
    let sender = crate::Writer { actor: Some(actor), stamp: Stamp(1, 0, id.parse::<OpId>().unwrap()) };
    let menu = |course: &str, price: u32| object(json!({"menu": [{"id": "cake", "course": course, "price": price}]}));
    let context = Context { sender: Some(sender), ..Context::default() };
    let outcome = merge_objects(&menu("last", 5), &menu("last", 5), &menu("first", 6), &policy, &context);
    assert_eq!(outcome.merged, Value::Object(menu("first", 5)));
    assert_eq!(outcome.proposals[0].path, "/menu/cake/price");
}
