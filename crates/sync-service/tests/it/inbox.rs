//! The conflict inbox: what a question tells, who may answer it, until when, and answers taken back.

use serde_json::{Value, json};
use sync_core::ports::ConflictFilter as Only;
use sync_core::{Code, Timestamp};
use sync_service::{Assigned, AuditQuery, Caller, ConflictFilter, ConflictQuery};

use crate::sync::{Pair, id, op, told, with};
use crate::world::{now, refused};

/// Events with a start, an owner and things that not everybody may read; songs are Bo's to decide.
pub(crate) fn party() -> Value {
    let text = |label: &str, sensitivity: u8| json!({"type": "text", "label": label, "strategy": "ask", "sensitivity": sensitivity});
    let owned = |owner: &str| json!({"authority": {"owners": ["role:lead", owner], "both": "ask"}});
    json!({"name": "party", "version": 1, "collections": {
        "events": {
            "label": "title", "delete": "edit_wins", "deadline": {"field": "starts_at", "before_min": 30},
            "fields": {
                "title": text("Title", 0), "notes": text("Notes", 0), "allergies": text("Allergies", 2),
                "starts_at": {"type": "local_time", "label": "Starts at", "strategy": owned("field:/owner_id")},
                "budget": {"type": "integer", "label": "Budget", "sensitivity": 3, "strategy": owned("space:bookkeeper")},
                "owner_id": {"type": "id"}
            }
        },
        "songs": {"label": "name", "asks": ["role:photographer"], "fields": {"name": text("Name", 0), "key": text("Key", 0)}}
    }})
}

/// A party of Ana (lead) and Bo (photographer).
pub(crate) fn at_a_party() -> Pair {
    Pair::with(party())
}

pub(crate) fn of(collection: &str, operation: Value) -> Value {
    with(operation, json!({"collection": collection}))
}

/// A document that both change: Ana first, Bo without having seen it. Gives the question's id.
pub(crate) fn disputed(pair: &Pair, from: u32, collection: &str, document: &str, values: [Value; 3]) -> Value {
    let [first, ours, theirs] = values;
    let made = pair.one(&pair.ana, of(collection, op(from, "create", document, 0, first)));
    let base = made["version"].as_i64().unwrap();
    assert_eq!(told(&pair.one(&pair.ana, of(collection, op(from + 1, "update", document, base, ours)))).0, "applied");
    let asked = pair.one(&pair.bo, of(collection, op(from + 2, "update", document, base, theirs)));
    assert_eq!(told(&asked).0, "conflict", "{asked}");
    asked["conflict_id"].clone()
}

/// An edit by somebody who has seen everything.
pub(crate) fn edit(pair: &Pair, caller: &Caller, n: u32, (collection, document): (&str, &str), patch: Value) -> Value {
    let page = pair.pull(caller, None);
    let is_it = |item: &&Value| item["collection"] == collection && item["document_id"] == document;
    let version = page["items"].as_array().unwrap().iter().find(is_it).unwrap()["version"].as_i64().unwrap();
    let result = pair.one(caller, of(collection, op(n, "update", document, version, patch)));
    assert_eq!(told(&result).0, "applied", "{result}");
    result
}

pub(crate) fn list(pair: &Pair, caller: &Caller, query: ConflictQuery) -> Vec<Value> {
    let list = now(pair.world.service.list_conflicts(caller, query)).unwrap();
    list.items.iter().map(|conflict| serde_json::to_value(conflict).unwrap()).collect()
}

pub(crate) fn detail(pair: &Pair, caller: &Caller, id: &Value) -> Value {
    let conflict = now(pair.world.service.load_conflict(caller, id.as_str().unwrap().parse().unwrap())).unwrap();
    serde_json::to_value(conflict).unwrap()
}

fn undo(pair: &Pair, caller: &Caller, n: u32, conflict: &Value) -> sync_service::ServiceResult<Value> {
    let undone = now(pair.world.service.undo_answer(caller, conflict.as_str().unwrap().parse().unwrap(), id(n).parse().unwrap()))?;
    Ok(serde_json::to_value(undone).unwrap())
}

fn choose(path: &str, side: &str) -> Value {
    json!({"fields": {path: {"choose": side}}})
}

#[test]
fn a_question_tells_who_what_and_what_for() {
    let pair = at_a_party();
    let [first, ours, theirs] = ["Toast", "Speeches", "Toasts"].map(|title| json!({"title": title}));
    let asked = disputed(&pair, 1, "events", "e", [first, ours, theirs]);
    let told = detail(&pair, &pair.ana, &asked);
    assert_eq!((told["title"].as_str(), told["fields"]["/title"]["label"].as_str()), (Some("Speeches"), Some("Title")));
    let [ours, theirs] = [&told["ours_by"], &told["theirs_by"]];
    assert_eq!((&ours["name"], &ours["role"], &ours["device"]), (&json!("ana"), &json!("lead"), &json!("Rui's iPad")));
    assert_eq!((&theirs["name"], &theirs["role"]), (&json!("bo"), &json!("photographer")));
    assert_eq!((&told["assigned_to"], &told["waiting_for"], &told["answerable"]), (&json!("role:lead"), &json!("ana"), &json!(true)));
    assert_eq!(told["fields"]["/title"]["asks"], json!(["role:lead"]));
    let consequences = json!({"ours": "Title stays Speeches", "theirs": "Title becomes Toasts", "base": "Title becomes Toast"});
    assert_eq!(told["fields"]["/title"]["consequences"], consequences);
    assert!(told["fields"]["/title"]["reason"].is_string() && told["if_ignored"].is_string());
    assert_eq!(detail(&pair, &pair.bo, &asked)["answerable"], false, "Bo waits for Ana");
    // the same travels to devices, but for what depends on who reads
    let pulled = pair.conflict(&pair.bo, &asked);
    assert_eq!((&pulled["waiting_for"], &pulled["title"], pulled.get("answerable")), (&json!("ana"), &json!("Speeches"), None));
    let nobody = refused(now(pair.world.service.load_conflict(&pair.ana, id(99).parse().unwrap())));
    assert_eq!(nobody, Code::UnknownConflict);
}

#[test]
fn a_list_is_filtered_and_paged() {
    let pair = at_a_party();
    let values = |field: &str| [json!({field: "0"}), json!({field: "1"}), json!({field: "2"})];
    let title = disputed(&pair, 1, "events", "e1", values("title"));
    pair.world.clock.advance_ms(60_000);
    let name = disputed(&pair, 11, "songs", "s1", values("name"));
    pair.world.clock.advance_ms(1);
    let notes = disputed(&pair, 21, "events", "e2", values("notes"));
    let ids = |caller: &Caller, query: ConflictQuery| {
        let names = [(&title, "title"), (&name, "name"), (&notes, "notes")];
        let name_of = |conflict: &Value| names.iter().find(|(id, _)| **id == conflict["conflict_id"]).unwrap().1;
        list(&pair, caller, query).iter().map(name_of).collect::<Vec<_>>()
    };
    let all = ["title", "name", "notes"];
    let every = ConflictQuery::default;
    let only = |only: Only| ConflictQuery { only, ..every() };
    assert_eq!(ids(&pair.ana, every()), all);
    assert_eq!(ids(&pair.ana, only(Only { collection: Some("songs".into()), ..Only::default() })), ["name"]);
    let document = sync_core::DocumentKey::new("events", "e2");
    assert_eq!(ids(&pair.ana, only(Only { document, ..Only::default() })), ["notes"]);
    assert_eq!(ids(&pair.ana, only(Only { kind: Some(sync_core::conflict::ConflictKind::Group), ..Only::default() })), [""; 0]);
    assert_eq!(ids(&pair.ana, only(Only { who: Some(pair.bo.user_id), ..Only::default() })), all);
    let later = Some(testkit::fake::START.plus_ms(60_000));
    assert_eq!(ids(&pair.ana, only(Only { opened_from: later, ..Only::default() })), ["name", "notes"]);
    assert_eq!(ids(&pair.ana, only(Only { opened_before: later, ..Only::default() })), ["title"]);
    let mine = || ConflictQuery { assigned: Some(Assigned::Me), ..every() };
    assert_eq!(ids(&pair.ana, mine()), ["title", "notes"]);
    assert_eq!(ids(&pair.bo, mine()), ["name"]);
    let to = |ask: &str| ConflictQuery { assigned: Some(Assigned::To(ask.into())), ..every() };
    assert_eq!(ids(&pair.ana, to("role:photographer")), ["name"]);
    // page by page
    let first = now(pair.world.service.list_conflicts(&pair.ana, ConflictQuery { limit: 2, ..every() })).unwrap();
    assert_eq!(first.items.len(), 2);
    let rest = now(pair.world.service.list_conflicts(&pair.ana, ConflictQuery { limit: 2, after: first.next, ..every() })).unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    let conflict = detail(&pair, &pair.bo, &name);
    pair.resolve(&pair.bo, 90, &conflict, choose("/name", "ours"));
    let resolved = ConflictQuery { state: ConflictFilter::Resolved, ..every() };
    assert_eq!((ids(&pair.ana, resolved), ids(&pair.ana, every())), (vec!["name"], vec!["title", "notes"]));
    let space = Some(id(99).parse().unwrap());
    assert_eq!(refused(now(pair.world.service.list_conflicts(&pair.ana, ConflictQuery { space, ..every() }))), Code::UnknownSpace);
    let cy = pair.world.caller("cy@example.org");
    assert_eq!(list(&pair, &cy, every()), [Value::Null; 0], "another tenant has no questions here");
}

#[test]
fn only_those_who_are_asked_may_answer() {
    let pair = at_a_party();
    let asked = disputed(&pair, 1, "events", "e", [json!({"title": "0"}), json!({"title": "1"}), json!({"title": "2"})]);
    let conflict = pair.conflict(&pair.bo, &asked);
    let refusal = pair.resolve(&pair.bo, 80, &conflict, choose("/title", "theirs"));
    assert_eq!((told(&refusal), &refusal["held"]), (("rejected", "not_asked"), &json!(true)), "{refusal}");
    assert!(refusal["problem"]["detail"].as_str().unwrap().contains("Title is for ana to decide"), "{refusal}");
    assert_eq!(told(&pair.resolve(&pair.bo, 81, &conflict, json!({"choose": "ours"}))), ("rejected", "not_asked"));
    assert_eq!(told(&pair.resolve(&pair.ana, 82, &conflict, choose("/title", "theirs"))).0, "applied");
    // somebody whose role is asked, and no lead who is not
    let song = disputed(&pair, 11, "songs", "s", [json!({"name": "0"}), json!({"name": "1"}), json!({"name": "2"})]);
    let conflict = pair.conflict(&pair.ana, &song);
    assert_eq!(conflict["assigned_to"], "role:photographer");
    assert_eq!(told(&pair.resolve(&pair.ana, 83, &conflict, choose("/name", "ours"))), ("rejected", "not_asked"));
    assert_eq!(told(&pair.resolve(&pair.bo, 84, &conflict, choose("/name", "ours"))).0, "applied");
    // a role that nobody has any more leaves it to the leads
    let song = disputed(&pair, 21, "songs", "t", [json!({"name": "0"}), json!({"name": "1"}), json!({"name": "2"})]);
    pair.give_bo("vendor");
    let conflict = pair.conflict(&pair.ana, &song);
    assert_eq!(told(&pair.resolve(&pair.bo, 85, &conflict, choose("/name", "ours"))), ("rejected", "not_asked"));
    assert_eq!(told(&pair.resolve(&pair.ana, 86, &conflict, choose("/name", "ours"))).0, "applied");
}

#[test]
fn who_may_decide_a_part_takes_back_no_answer_about_the_rest() {
    let pair = at_a_party();
    let bo = pair.bo.user_id;
    let both = |title: &str, starts_at: &str| json!({"title": title, "starts_at": starts_at});
    let first = json!({"title": "0", "starts_at": "2026-06-21T10:00", "owner_id": bo});
    let asked = disputed(&pair, 1, "events", "e", [first, both("1", "2026-06-21T11:00"), both("2", "2026-06-21T12:00")]);
    let conflict = pair.conflict(&pair.ana, &asked);
    assert_eq!(told(&pair.resolve(&pair.ana, 80, &conflict, json!({"choose": "theirs"}))).0, "applied");
    assert_eq!(refused(undo(&pair, &pair.bo, 81, &asked)), Code::NotAsked);
    assert_eq!(undo(&pair, &pair.ana, 82, &asked).unwrap()["conflict"]["state"], "open");
}

#[test]
fn the_owners_of_a_field_are_asked() {
    let pair = at_a_party();
    let bo = pair.bo.user_id.to_string();
    let [first, ours, theirs] = ["16:00", "16:15", "16:30"].map(|at| format!("2026-06-21T{at}"));
    let values = [json!({"starts_at": first, "owner_id": bo}), json!({"starts_at": ours}), json!({"starts_at": theirs})];
    let asked = disputed(&pair, 1, "events", "e", values);
    let conflict = pair.conflict(&pair.bo, &asked);
    assert_eq!(conflict["fields"]["/starts_at"]["asks"], json!(["role:lead", format!("user:{bo}")]));
    assert_eq!(conflict["waiting_for"], "ana or bo");
    let mine = ConflictQuery { assigned: Some(Assigned::Me), ..ConflictQuery::default() };
    assert_eq!(list(&pair, &pair.bo, mine).len(), 1);
    assert_eq!(told(&pair.resolve(&pair.bo, 80, &conflict, choose("/starts_at", "theirs"))).0, "applied");
    // one of a space's settings
    let bookkeeper = json!({"settings": {"bookkeeper": bo}});
    now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), serde_json::from_value(bookkeeper).unwrap())).unwrap();
    let asked = disputed(&pair, 11, "events", "f", [json!({"budget": 1}), json!({"budget": 2}), json!({"budget": 3})]);
    assert_eq!(pair.conflict(&pair.ana, &asked)["fields"]["/budget"]["asks"], json!(["role:lead", format!("user:{bo}")]));
}

#[test]
fn a_second_edit_by_the_same_device_joins_its_question() {
    let pair = at_a_party();
    let asked = disputed(&pair, 1, "events", "e", [json!({"title": "0"}), json!({"title": "1"}), json!({"title": "2"})]);
    // without saying that it builds on the first
    let again = pair.one(&pair.bo, of("events", op(9, "update", "e", 1, json!({"title": "3", "notes": "n"}))));
    assert_eq!((told(&again).0, &again["conflict_id"]), ("conflict", &asked));
    assert_eq!(pair.conflict(&pair.ana, &asked)["fields"]["/title"]["theirs"], "3");
    assert_eq!(list(&pair, &pair.ana, ConflictQuery::default()).len(), 1);
    // another device of the same person is another voice
    let second = pair.world.caller("bo@example.org");
    let other = pair.one(&second, of("events", op(10, "update", "e", 1, json!({"title": "4"}))));
    assert_eq!(told(&other).0, "conflict");
    assert_ne!(other["conflict_id"], asked);
    // and an edit by who has seen what is live takes the waiting one back
    edit(&pair, &pair.bo, 11, ("events", "e"), json!({"title": "5"}));
    assert_eq!(pair.conflict(&pair.ana, &asked)["state"], "resolved");
}

/// Instants as milliseconds after 14:00 UTC on the day of the event.
fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn deadline(pair: &Pair, asked: &Value) -> Value {
    pair.conflict(&pair.ana, asked)["deadline_at"].clone()
}

#[test]
fn a_deadline_follows_the_document() {
    let pair = at_a_party();
    let first = json!({"title": "0", "starts_at": "2026-06-20T18:00"});
    let asked = disputed(&pair, 1, "events", "e", [first, json!({"title": "1"}), json!({"title": "2"})]);
    // 18:00 in Lisbon is 17:00 UTC
    assert_eq!(deadline(&pair, &asked), "2026-06-20T16:30:00.000Z");
    let before = pair.conflict(&pair.ana, &asked)["version"].as_i64();
    edit(&pair, &pair.ana, 5, ("events", "e"), json!({"starts_at": "2026-06-20T19:00"}));
    assert_eq!(deadline(&pair, &asked), "2026-06-20T17:30:00.000Z");
    assert!(pair.conflict(&pair.ana, &asked)["version"].as_i64() > before, "devices hear of it");
    edit(&pair, &pair.ana, 6, ("events", "e"), json!({"starts_at": null}));
    assert_eq!(deadline(&pair, &asked), Value::Null);
    let soon =
        ConflictQuery { only: Only { deadline_before: Some(at("2026-06-21T00:00:00Z")), ..Only::default() }, ..ConflictQuery::default() };
    assert_eq!(list(&pair, &pair.ana, soon.clone()).len(), 0);
    edit(&pair, &pair.ana, 7, ("events", "e"), json!({"starts_at": "2026-06-20T20:00"}));
    assert_eq!(list(&pair, &pair.ana, soon).len(), 1);
}

#[test]
fn what_nobody_answers_in_time_stays_and_the_leads_are_told() {
    let pair = at_a_party();
    let first = json!({"name": "0"});
    let song = disputed(&pair, 1, "songs", "s", [first, json!({"name": "1"}), json!({"name": "2"})]);
    let first = json!({"title": "0", "starts_at": "2026-06-20T18:00"});
    let asked = disputed(&pair, 11, "events", "e", [first, json!({"title": "1"}), json!({"title": "2"})]);
    let cursor = pair.pull(&pair.ana, None)["cursor"].clone();
    pair.world.clock.set(at("2026-06-20T16:29:59Z"));
    assert_eq!(now(pair.world.service.maintain()).unwrap().expired, 0);
    pair.world.clock.set(at("2026-06-20T16:30:00Z"));
    assert_eq!(now(pair.world.service.maintain()).unwrap().expired, 1);
    assert_eq!(now(pair.world.service.maintain()).unwrap().expired, 0, "once");
    let query = AuditQuery { action: Some("conflict.expire".into()), limit: 10, ..AuditQuery::default() };
    let acts = serde_json::to_value(now(pair.world.service.list_audit(&pair.ana, query)).unwrap()).unwrap();
    assert_eq!((&acts["items"][0]["details"]["results"][0]["conflict_id"], acts["items"].as_array().unwrap().len()), (&asked, 1));
    let page = pair.pull(&pair.ana, cursor.as_str());
    let told_to_devices = page["items"].as_array().unwrap();
    assert_eq!(told_to_devices.len(), 1, "the document stays as it is: {page}");
    let conflict = &told_to_devices[0]["document"];
    let field = &conflict["fields"]["/title"];
    assert_eq!(
        (&conflict["state"], &field["decided"], &conflict["assigned_to"]),
        (&json!("resolved"), &json!("expired"), &json!("role:lead"))
    );
    assert_eq!(conflict["escalated_at"], "2026-06-20T16:30:00.000Z");
    assert_eq!(pair.read(&pair.ana, "events", "e")["title"], "1");
    assert_eq!(pair.conflict(&pair.ana, &song)["state"], "open", "what has no deadline waits");
    // it can still be answered: taken back, it has no deadline any more
    let undone = undo(&pair, &pair.ana, 70, &asked).unwrap();
    assert_eq!((&undone["result"]["status"], &undone["conflict"]["state"]), (&json!("applied"), &json!("open")));
    assert_eq!(deadline(&pair, &asked), Value::Null);
    let answer = pair.resolve(&pair.ana, 71, &undone["conflict"], choose("/title", "theirs"));
    assert_eq!((told(&answer).0, &answer["document"]["title"]), ("applied", &json!("2")));
}

#[test]
fn a_question_that_comes_late_is_due_at_once_and_afterwards_never() {
    for (starts_at, expired) in [("2026-06-20T15:15", 1), ("2026-06-20T14:59", 0)] {
        // it is 15:00 in Lisbon
        let pair = at_a_party();
        let first = json!({"title": "0", "starts_at": starts_at});
        disputed(&pair, 1, "events", "e", [first, json!({"title": "1"}), json!({"title": "2"})]);
        assert_eq!(now(pair.world.service.maintain()).unwrap().expired, expired, "{starts_at}");
    }
}

#[test]
fn after_the_deadline_leads_may_answer_for_those_who_were_asked() {
    let mut schema = party();
    schema["collections"]["events"]["asks"] = json!(["role:photographer"]);
    let pair = Pair::with(schema);
    let first = json!({"title": "0", "starts_at": "2026-06-20T18:00"});
    let asked = disputed(&pair, 1, "events", "e", [first, json!({"title": "1"}), json!({"title": "2"})]);
    let conflict = pair.conflict(&pair.ana, &asked);
    assert_eq!(told(&pair.resolve(&pair.ana, 70, &conflict, choose("/title", "theirs"))), ("rejected", "not_asked"));
    pair.world.clock.set(at("2026-06-20T16:30:00Z"));
    now(pair.world.service.maintain()).unwrap();
    let undone = undo(&pair, &pair.ana, 71, &asked).unwrap();
    assert_eq!(told(&pair.resolve(&pair.ana, 72, &undone["conflict"], choose("/title", "theirs"))).0, "applied");
}

#[test]
fn fields_that_make_sense_only_together_are_answered_together() {
    let schema = json!({"name": "plan", "version": 1, "collections": {"tables": {
        "groups": {"spot": {"fields": ["x", "y"], "strategy": "ask"}}, "fields": {"x": {"type": "integer"}, "y": {"type": "integer"}}}}});
    let pair = Pair::with(schema);
    let asked = disputed(&pair, 1, "tables", "t", [json!({"x": 0, "y": 0}), json!({"x": 1, "y": 1}), json!({"x": 2, "y": 2})]);
    let conflict = pair.conflict(&pair.ana, &asked);
    let mixed = json!({"fields": {"/x": {"choose": "ours"}, "/y": {"choose": "theirs"}}});
    assert_eq!(told(&pair.resolve(&pair.ana, 80, &conflict, mixed)), ("rejected", "malformed"));
    let half = json!({"fields": {"/x": {"choose": "value", "value": 5}}});
    assert_eq!(told(&pair.resolve(&pair.ana, 81, &conflict, half)), ("rejected", "malformed"));
    let one = pair.resolve(&pair.ana, 82, &conflict, choose("/x", "theirs"));
    assert_eq!((told(&one).0, &one["document"]), ("applied", &json!({"x": 2, "y": 2})), "one answer for both");
}
