//! What former answers suggest, and what they decide where somebody switched that on.

use serde_json::{Value, json};
use sync_core::Code;
use sync_service::{Caller, ConflictQuery, PreferenceQuery};

use crate::inbox::{at_a_party, detail, disputed, edit, list, of};
use crate::sync::{Pair, id, op, told};
use crate::world::{now, refused};

/// A question about the title of a new event.
fn ask(pair: &Pair, round: u32) -> Value {
    let values = ["0", "1", "2"].map(|title| json!({"title": title}));
    disputed(pair, 100 * round, "events", &format!("e{round}"), values)
}

fn answer(pair: &Pair, round: u32, asked: &Value, side: &str) -> Value {
    let choice = json!({"fields": {"/title": {"choose": side}}});
    let result = pair.resolve(&pair.ana, 100 * round + 50, &pair.conflict(&pair.ana, asked), choice);
    assert_eq!(told(&result).0, "applied", "{result}");
    result
}

fn suggestion(pair: &Pair, caller: &Caller, asked: &Value) -> Value {
    detail(pair, caller, asked)["fields"]["/title"]["suggestion"].clone()
}

fn preferences(pair: &Pair, caller: &Caller, scope: &str) -> Vec<Value> {
    let query = PreferenceQuery { scope: scope.into(), ..PreferenceQuery::default() };
    let list = now(pair.world.service.list_preferences(caller, query)).unwrap();
    list.items.iter().map(|item| serde_json::to_value(item).unwrap()).collect()
}

fn put(pair: &Pair, caller: &Caller, body: Value) -> sync_service::ServiceResult<Value> {
    let item = now(pair.world.service.put_preference(caller, serde_json::from_value(body).unwrap()))?;
    Ok(serde_json::to_value(item).unwrap())
}

const TITLES: &str = "events/title";

fn switch(pair: &Pair, caller: &Caller, enabled: bool) -> Value {
    put(pair, caller, json!({"scope": "person", "context": TITLES, "enabled": enabled})).unwrap()
}

#[test]
fn former_answers_are_suggested_with_their_reason() {
    let pair = at_a_party();
    for round in 1..=3 {
        let asked = ask(&pair, round);
        answer(&pair, round, &asked, if round == 2 { "ours" } else { "theirs" });
    }
    let asked = ask(&pair, 4);
    let told = suggestion(&pair, &pair.ana, &asked);
    let reason = "ana chose the sender's value in 2 of 3 questions about Title between ana and bo, on the day";
    assert_eq!((&told["choose"], &told["reason"], &told["samples"]), (&json!("theirs"), &json!(reason), &json!(3)));
    let confidence = told["confidence"].as_f64().unwrap();
    assert!(0.6 < confidence && confidence < 0.7, "{told}");
    // it travels with the question, for whoever is asked
    assert_eq!(pair.conflict(&pair.ana, &asked)["fields"]["/title"]["suggestion"], told);
    // it was learned from all that was answered, and Bo does not see all of such questions
    assert_eq!(pair.conflict(&pair.bo, &asked)["fields"]["/title"].get("suggestion"), None);
    // other fields, and other organisations, know nothing of it
    let notes = disputed(&pair, 900, "events", "n", ["0", "1", "2"].map(|notes| json!({"notes": notes})));
    let told = detail(&pair, &pair.ana, &notes)["fields"]["/notes"]["suggestion"].clone();
    assert_eq!(told["reason"], "People here chose the sender's value in 2 of 3 questions about Events");
    assert_eq!(list(&pair, &pair.ana, ConflictQuery::default()).len(), 2);
}

#[test]
fn every_answer_is_counted_and_an_undone_one_is_not() {
    let pair = at_a_party();
    let asked = ask(&pair, 1);
    answer(&pair, 1, &asked, "theirs");
    let own = preferences(&pair, &pair.ana, "person");
    let contexts: Vec<&str> = own.iter().map(|item| item["context"].as_str().unwrap()).collect();
    assert_eq!(contexts[..3], [TITLES, "events/title/fields", "events/title/fields/lead>photographer"]);
    assert_eq!(contexts.len(), 5, "with the people and the day: {contexts:?}");
    assert!(own.iter().all(|item| item["theirs"] == 1 && item["samples"] == 1 && item["enabled"] == false), "{own:?}");
    assert_eq!(own[0]["reason"], "ana chose the sender's value in 1 of 1 question about Title");
    let of_role = preferences(&pair, &pair.bo, "role:lead");
    assert_eq!((of_role.len(), &of_role[0]["theirs"]), (2, &json!(1)), "whoever is here may see what is learned from all");
    assert_eq!(preferences(&pair, &pair.bo, "organisation").len(), 2);
    assert_eq!(preferences(&pair, &pair.bo, "person"), [Value::Null; 0]);
    assert_eq!(preferences(&pair, &pair.world.caller("cy@example.org"), "organisation"), [Value::Null; 0]);
    // a replay counts nothing, an answer that was first somebody else's neither
    let again = pair.resolve(&pair.ana, 150, &pair.conflict(&pair.ana, &asked), json!({"fields": {"/title": {"choose": "theirs"}}}));
    assert_eq!(told(&again).0, "duplicate");
    let late = pair.resolve(&pair.ana, 151, &pair.conflict(&pair.ana, &asked), json!({"fields": {"/title": {"choose": "ours"}}}));
    assert_eq!(told(&late).0, "noop");
    assert_eq!(preferences(&pair, &pair.ana, "person")[0]["samples"], 1);
    now(pair.world.service.undo_answer(&pair.ana, asked.as_str().unwrap().parse().unwrap(), id(152).parse().unwrap())).unwrap();
    assert!(preferences(&pair, &pair.ana, "person").iter().all(|item| item["samples"] == 0));
    let paged = PreferenceQuery { limit: 2, ..PreferenceQuery::default() };
    let first = now(pair.world.service.list_preferences(&pair.ana, paged.clone())).unwrap();
    let rest =
        now(pair.world.service.list_preferences(&pair.ana, PreferenceQuery { after: first.next.clone(), limit: 9, ..paged })).unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (2, 3, None));
}

#[test]
fn a_rule_decides_only_where_it_was_switched_on() {
    let pair = at_a_party();
    let asked = ask(&pair, 1);
    answer(&pair, 1, &asked, "theirs");
    assert_eq!(pair.conflict(&pair.ana, &ask(&pair, 2))["state"], "open", "nobody asked for that");
    let item = switch(&pair, &pair.ana, true);
    assert_eq!((&item["enabled"], &item["enabled_choose"]), (&json!(true), &json!("theirs")));
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    let asked = ask(&pair, 3);
    let conflict = pair.conflict(&pair.ana, &asked);
    let field = &conflict["fields"]["/title"];
    assert_eq!((&conflict["state"], &conflict["automatic"], &field["decided"]), (&json!("resolved"), &json!(true), &json!("theirs")));
    let by = pair.ana.user_id;
    assert_eq!(field["rule"], json!({"user_id": by, "scope": format!("user:{by}"), "context": TITLES}));
    assert_eq!((&conflict["resolved_by"]["name"], &field["decided_by"]["role"]), (&json!("ana"), &json!("lead")));
    assert_eq!(pair.read(&pair.ana, "events", "e3")["title"], "2");
    // the sender's device gets the value and the question, and its copy is right
    let page = pair.pull(&pair.bo, cursor.as_str());
    let items = page["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["document_id"] == "e3" && item["document"]["title"] == "2"), "{page}");
    // what a rule decided teaches nothing
    assert_eq!(preferences(&pair, &pair.ana, "person")[0]["samples"], 1);
    let automatic = |automatic| {
        let only = sync_core::ports::ConflictFilter { automatic: Some(automatic), ..Default::default() };
        list(&pair, &pair.ana, ConflictQuery { state: sync_service::ConflictFilter::All, only, ..ConflictQuery::default() }).len()
    };
    assert_eq!((automatic(true), automatic(false)), (1, 2));
    // undone in one call, it is a question
    let undone =
        now(pair.world.service.undo_answer(&pair.ana, asked.as_str().unwrap().parse().unwrap(), id(390).parse().unwrap())).unwrap();
    let conflict = serde_json::to_value(undone.conflict).unwrap();
    assert_eq!((&conflict["state"], conflict.get("automatic"), &conflict["fields"]["/title"]["ours"]), (&json!("open"), None, &json!("1")));
    assert_eq!(pair.read(&pair.ana, "events", "e3")["title"], "1");
    assert_eq!((automatic(true), automatic(false)), (0, 3));
    switch(&pair, &pair.ana, false);
    assert_eq!(pair.conflict(&pair.ana, &ask(&pair, 4))["state"], "open");
}

#[test]
fn a_rule_decides_in_the_request_that_opened_the_question() {
    let pair = at_a_party();
    let asked = ask(&pair, 1);
    answer(&pair, 1, &asked, "theirs");
    switch(&pair, &pair.ana, true);
    let made = pair.one(&pair.ana, of("events", op(201, "create", "x", 0, json!({"title": "0"}))))["version"].as_i64().unwrap();
    edit(&pair, &pair.ana, 202, ("events", "x"), json!({"title": "1"}));
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    // a plain edit first, then the one that meets Ana's
    let operations = json!([
        of("events", op(203, "update", "x", made, json!({"notes": "n"}))),
        of("events", op(204, "update", "x", made, json!({"title": "2"}))),
    ]);
    let body = json!({"operations": operations, "pull": {"spaces": {&pair.space: {"cursor": cursor}}}});
    let answer = pair.sync(&pair.bo, body);
    let result = &answer["results"][1];
    assert_eq!((told(result).0, &result["document"]["title"]), ("conflict", &json!("2")), "{result}");
    let page = &answer["changes"][&pair.space];
    let item = page["items"].as_array().unwrap().iter().find(|item| item["document_id"] == "x");
    assert_eq!(item.map(|item| (&item["version"], &item["document"]["title"])), Some((&result["version"], &json!("2"))), "{page}");
}

#[test]
fn a_rule_counts_for_what_is_theirs_to_decide() {
    let pair = at_a_party();
    let asked = ask(&pair, 1);
    answer(&pair, 1, &asked, "theirs");
    // Bo may switch on what all have learned, for what is Bo's: titles are not
    put(&pair, &pair.bo, json!({"scope": "organisation", "context": "events", "enabled": true})).unwrap();
    assert_eq!(pair.conflict(&pair.ana, &ask(&pair, 2))["state"], "open");
    put(&pair, &pair.ana, json!({"scope": "organisation", "context": "events", "enabled": true})).unwrap();
    assert_eq!(pair.conflict(&pair.ana, &ask(&pair, 3))["state"], "resolved");
    // two who may decide and want different things: it is asked
    put(&pair, &pair.ana, json!({"scope": "organisation", "context": "events", "enabled": false})).unwrap();
    switch(&pair, &pair.ana, true);
    pair.give_bo("lead");
    let answered = pair.conflict(&pair.bo, &list(&pair, &pair.bo, ConflictQuery::default())[0]["conflict_id"]);
    pair.resolve(&pair.bo, 290, &answered, json!({"fields": {"/title": {"choose": "ours"}}}));
    assert_eq!(pair.conflict(&pair.ana, &ask(&pair, 4))["state"], "resolved");
    switch(&pair, &pair.bo, true);
    assert_eq!(pair.conflict(&pair.ana, &ask(&pair, 5))["state"], "open");
}

#[test]
fn a_rule_rests_when_answers_no_longer_speak_for_it() {
    let pair = at_a_party();
    let asked = ask(&pair, 1);
    answer(&pair, 1, &asked, "theirs");
    switch(&pair, &pair.ana, true);
    let asked = ask(&pair, 2);
    now(pair.world.service.undo_answer(&pair.ana, asked.as_str().unwrap().parse().unwrap(), id(290).parse().unwrap())).unwrap();
    answer(&pair, 2, &asked, "ours");
    // 1 of 2 speaks for neither
    let asked = ask(&pair, 3);
    assert_eq!(pair.conflict(&pair.ana, &asked)["state"], "open");
    answer(&pair, 3, &asked, "theirs");
    assert_eq!(pair.conflict(&pair.ana, &ask(&pair, 4))["state"], "resolved", "it is still on");
}

#[test]
fn whoever_says_careful_is_always_asked() {
    let pair = at_a_party();
    let asked = ask(&pair, 1);
    answer(&pair, 1, &asked, "theirs");
    switch(&pair, &pair.ana, true);
    for (mode, state) in [("careful", "open"), ("assisted", "resolved")] {
        let settings = serde_json::from_value(json!({"settings": {"merge_mode": mode}})).unwrap();
        now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), settings)).unwrap();
        let round = if mode == "careful" { 2 } else { 3 };
        assert_eq!(pair.conflict(&pair.ana, &ask(&pair, round))["state"], state, "{mode}");
    }
}

#[test]
fn an_answer_may_be_remembered_as_a_rule() {
    let pair = at_a_party();
    let asked = ask(&pair, 1);
    let choice = json!({"fields": {"/title": {"choose": "theirs"}}, "remember": true});
    pair.resolve(&pair.ana, 150, &pair.conflict(&pair.ana, &asked), choice);
    let on: Vec<Value> = preferences(&pair, &pair.ana, "person").into_iter().filter(|item| item["enabled"] == true).collect();
    assert_eq!((on.len(), &on[0]["context"]), (1, &json!("events/title/fields")));
    assert_eq!(pair.conflict(&pair.ana, &ask(&pair, 2))["automatic"], true);
    // something typed by hand is no rule
    let pair = at_a_party();
    let asked = ask(&pair, 1);
    let choice = json!({"fields": {"/title": {"choose": "value", "value": "x"}}, "remember": true});
    pair.resolve(&pair.ana, 150, &pair.conflict(&pair.ana, &asked), choice);
    assert!(preferences(&pair, &pair.ana, "person").iter().all(|item| item["enabled"] == false && item["value"] == 1));
}

#[test]
fn preferences_are_switched_and_forgotten_by_whose_they_are() {
    let pair = at_a_party();
    let unknown = put(&pair, &pair.ana, json!({"scope": "person", "context": TITLES, "enabled": true}));
    assert_eq!(refused(unknown), Code::UnknownPreference);
    let asked = ask(&pair, 1);
    answer(&pair, 1, &asked, "theirs");
    let asked = ask(&pair, 2);
    answer(&pair, 2, &asked, "ours");
    let divided = put(&pair, &pair.ana, json!({"scope": "person", "context": TITLES, "enabled": true}));
    assert_eq!(refused(divided), Code::Malformed, "one each suggests nothing");
    put(&pair, &pair.ana, json!({"scope": "person", "context": TITLES, "enabled": true, "choose": "ours"})).unwrap();
    let wrong = PreferenceQuery { scope: "user:x".into(), ..PreferenceQuery::default() };
    assert_eq!(refused(now(pair.world.service.list_preferences(&pair.ana, wrong))), Code::Malformed);
    let forget = |caller: &Caller, scope: &str, context: Option<&str>| {
        now(pair.world.service.forget_preferences(caller, scope, context.map(str::to_owned)))
    };
    forget(&pair.ana, "person", Some(TITLES)).unwrap();
    assert!(preferences(&pair, &pair.ana, "person").iter().all(|item| item["context"] != TITLES && item["enabled"] == false));
    forget(&pair.ana, "person", Some(TITLES)).unwrap();
    forget(&pair.ana, "person", None).unwrap();
    assert_eq!(preferences(&pair, &pair.ana, "person"), [Value::Null; 0]);
    assert_eq!(refused(forget(&pair.bo, "organisation", None)), Code::Forbidden);
    forget(&pair.ana, "organisation", None).unwrap();
    assert_eq!(preferences(&pair, &pair.bo, "organisation"), [Value::Null; 0]);
    assert_eq!(preferences(&pair, &pair.bo, "role:lead").len(), 2);
}
