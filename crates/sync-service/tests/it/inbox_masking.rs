//! Values that a role may not read are left out of questions and change requests, in every view; where the schema says
//! `mask`, it is told that they differ.

use serde_json::{Value, json};
use sync_core::Code;
use sync_core::protocol::v1::VerifyRequest;
use sync_service::{Caller, ConflictQuery};

use crate::inbox::{at_a_party, detail, disputed, list, of, party};
use crate::sync::{Pair, id, op, told, with};
use crate::world::{now, refused};

/// What nobody but those who may is to read.
const SECRETS: [&str; 3] = ["celiac", "nuts", "shellfish"];

/// The party, at which photographers are told that allergies differ.
fn masked_party() -> Value {
    let mut schema = party();
    schema["collections"]["events"]["fields"]["allergies"]["mask"] = json!(["photographer"]);
    schema
}

/// A question of which not everybody may read the values, between two devices of a lead.
fn asked(pair: &Pair, patches: [Value; 3]) -> Value {
    let [first, ours, theirs] = patches;
    let made = pair.one(&pair.ana, of("events", op(1, "create", "e", 0, first)));
    let base = made["version"].as_i64().unwrap();
    pair.one(&pair.ana, of("events", op(2, "update", "e", base, ours)));
    let third = pair.world.caller("ana@example.org");
    let result = pair.one(&third, of("events", op(3, "update", "e", base, theirs)));
    assert_eq!(result["status"], "conflict", "{result}");
    result["conflict_id"].clone()
}

fn asked_about_secrets(schema: Value) -> (Pair, Value) {
    let pair = Pair::with(schema);
    let id = asked(&pair, SECRETS.map(|what| json!({"allergies": what, "title": format!("Dinner ({})", what.len())})));
    (pair, id)
}

fn explained(pair: &Pair, caller: &Caller, op_id: u32) -> sync_service::ServiceResult<Value> {
    let explanation = now(pair.world.service.explain(caller, id(op_id).parse().unwrap()))?;
    Ok(serde_json::to_value(explanation).unwrap())
}

fn snapshot(pair: &Pair, caller: &Caller) -> String {
    let mut reader = now(pair.world.service.snapshot(caller, pair.space.parse().unwrap(), None)).unwrap();
    let mut lines = Vec::new();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while let std::task::Poll::Ready(Some(page)) = reader.poll_lines(&mut context) {
        lines.extend(page.unwrap());
    }
    String::from_utf8(lines).unwrap()
}

fn verify(pair: &Pair, caller: &Caller, body: Value) -> Value {
    let request = VerifyRequest::parse(body.to_string().as_bytes()).unwrap();
    serde_json::to_value(now(pair.world.service.verify(caller, request)).unwrap()).unwrap()
}

/// The lines and items about questions.
fn of_questions(text: &str) -> String {
    text.lines().filter(|line| line.contains("_conflicts")).collect()
}

#[test]
fn a_question_hides_its_values_in_every_view() {
    let (pair, asked) = asked_about_secrets(masked_party());
    let mut views = vec![
        ("list", list(&pair, &pair.bo, ConflictQuery::default())[0].to_string()),
        ("detail", detail(&pair, &pair.bo, &asked).to_string()),
        ("pull", pair.conflict(&pair.bo, &asked).to_string()),
        ("snapshot", of_questions(&snapshot(&pair, &pair.bo))),
    ];
    views.push(("explain", explained(&pair, &pair.bo, 3).unwrap().to_string()));
    // a copy that is compared gets the masked body, and it is the one that it is told to have
    let bucket = format!("{:02x}", bucket_of(asked.as_str().unwrap()));
    let rows = json!({"space_id": pair.space, "rows": {"_conflicts": {bucket: []}}, "deep": true});
    let repair = verify(&pair, &pair.bo, rows);
    views.push(("verify", repair.to_string()));
    for (view, text) in &views {
        assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{view}: {text}");
        assert!(text.contains(r#""masked":true"#), "{view}: {text}");
    }
    let field = &detail(&pair, &pair.bo, &asked)["fields"]["/allergies"];
    let there = ["base", "ours", "theirs", "suggestion", "consequences"].map(|name| field.get(name).is_some());
    assert_eq!((there, &field["label"]), ([false; 5], &json!("Allergies")), "it is said what it is about: {field}");
    // those who may read it do
    for role in ["coordinator", "couple", "lead"] {
        pair.give_bo(role);
        let text = pair.conflict(&pair.bo, &asked).to_string();
        assert!(SECRETS.iter().all(|secret| text.contains(secret)) && !text.contains(r#""masked":true"#), "{role}: {text}");
    }
}

fn bucket_of(id: &str) -> u8 {
    // the server's own answer names the bucket in which a row stands
    let pair = at_a_party();
    let wrong = |bucket: u8| {
        let body = json!({"space_id": pair.space, "rows": {"_conflicts": {format!("{bucket:02x}"): [[id, 1]]}}});
        now(pair.world.service.verify(&pair.ana, VerifyRequest::parse(body.to_string().as_bytes()).unwrap())).is_ok()
    };
    (0..=255).find(|bucket| wrong(*bucket)).unwrap()
}

#[test]
fn a_question_is_not_there_for_who_may_read_nothing_of_it() {
    let pair = at_a_party();
    let asked = asked(&pair, SECRETS.map(|what| json!({"allergies": what})));
    assert_eq!(list(&pair, &pair.bo, ConflictQuery::default()), Vec::<Value>::new());
    let id = asked.as_str().unwrap().parse().unwrap();
    assert_eq!(refused(now(pair.world.service.load_conflict(&pair.bo, id))), Code::UnknownConflict);
    assert_eq!(pair.conflict(&pair.bo, &asked), Value::Null);
    assert_eq!(refused(explained(&pair, &pair.bo, 3)), Code::UnknownOperation);
    let answer = json!({"conflict_id": asked, "version": 99});
    assert_eq!(told(&pair.resolve(&pair.bo, 9, &answer, json!({"choose": "ours"}))), ("rejected", "unknown_conflict"));
    let page = pair.pull(&pair.bo, None);
    assert_eq!((page["items"].as_array().unwrap().len(), page["checksums"].get("_conflicts")), (1, None), "{page}");
    assert!(!snapshot(&pair, &pair.bo).contains(asked.as_str().unwrap()));
    assert_eq!(pair.conflict(&pair.ana, &asked)["fields"]["/allergies"]["base"], "celiac");
}

#[test]
fn a_question_is_as_new_as_what_is_seen_of_it() {
    let (pair, asked) = asked_about_secrets(party());
    let first = pair.pull(&pair.bo, None);
    let seen = pair.conflict(&pair.bo, &asked);
    let names: Vec<&str> = seen["fields"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((names, &seen["state"]), (vec!["/title"], &json!("open")));
    assert!(!seen.to_string().contains("llergies"), "{seen}");
    // what is answered of the rest is told by nothing
    let whole = pair.conflict(&pair.ana, &asked);
    pair.resolve(&pair.ana, 5, &whole, json!({"fields": {"/allergies": {"choose": "ours"}}}));
    let second = pair.pull(&pair.bo, first["cursor"].as_str());
    assert_eq!((&second["items"], &second["checksums"]), (&json!([]), &first["checksums"]));
    assert_eq!(pair.conflict(&pair.bo, &asked), seen);
    // and the rest is closed for whoever sees only that
    let whole = pair.conflict(&pair.ana, &asked);
    assert_ne!(whole["version"], seen["version"]);
    let version = whole["version"].as_i64().unwrap();
    let third = pair.world.caller("ana@example.org");
    pair.one(&third, of("events", op(6, "update", "e", version, json!({"allergies": "milk"}))));
    pair.resolve(&pair.ana, 7, &whole, json!({"fields": {"/title": {"choose": "theirs"}}}));
    let third = pair.pull(&pair.bo, second["cursor"].as_str());
    assert_eq!(third["items"].as_array().unwrap().len(), 2, "{third}");
    assert_eq!(pair.conflict(&pair.bo, &asked)["state"], "resolved");
}

#[test]
fn a_copy_of_what_is_seen_is_right() {
    let (pair, asked) = asked_about_secrets(masked_party());
    let page = pair.pull(&pair.bo, None);
    let version = page["items"].as_array().unwrap().iter().find(|item| item["document_id"] == asked).unwrap()["version"].clone();
    let bucket = format!("{:02x}", bucket_of(asked.as_str().unwrap()));
    let held = json!([[asked, version, digest(&pair.conflict(&pair.bo, &asked))]]);
    let rows = json!({"space_id": pair.space, "rows": {"_conflicts": {bucket: held}}, "deep": true});
    assert_eq!(verify(&pair, &pair.bo, rows)["repair"]["_conflicts"], json!({"items": [], "drop": []}));
}

/// SHA-256 of a document in canonical form, as a device takes it.
fn digest(document: &Value) -> String {
    use base64::Engine;
    let hash = ring::digest::digest(&ring::digest::SHA256, sync_core::json::canonical(document).as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
}

#[test]
fn whoever_is_asked_reads_what_they_are_asked_about() {
    let pair = at_a_party();
    let settings = json!({"settings": {"bookkeeper": pair.bo.user_id}});
    now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), serde_json::from_value(settings).unwrap())).unwrap();
    let asked = disputed(&pair, 1, "events", "e", [100, 200, 300].map(|sum| json!({"budget": sum})));
    let answerable = detail(&pair, &pair.bo, &asked)["answerable"].clone();
    assert_eq!((&pair.conflict(&pair.bo, &asked)["fields"]["/budget"]["theirs"], &answerable), (&json!(300), &json!(true)));
    pair.give_bo("couple");
    let third = pair.world.caller("ana@example.org");
    assert_eq!(pair.conflict(&third, &asked)["fields"]["/budget"]["ours"], 200);
}

/// A ledger of which a bookkeeper decides what nobody owns, and reads the sums; notes are for leads.
fn ledger() -> Pair {
    let text = |sensitivity: u8| json!({"type": "text", "strategy": "ask", "sensitivity": sensitivity});
    let owned = |owner: &str| json!({"authority": {"owners": ["role:lead", owner], "both": "ask"}});
    let pair = Pair::with(json!({"name": "ledger", "version": 1, "collections": {"events": {
        "delete": "ask", "asks": ["space:bookkeeper"],
        "fields": {
            "sum": {"type": "integer", "sensitivity": 3, "strategy": owned("space:bookkeeper")}, "notes": text(3), "title": text(0)
        }
    }}}));
    let settings = json!({"settings": {"bookkeeper": pair.bo.user_id}});
    now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), serde_json::from_value(settings).unwrap())).unwrap();
    pair.give_bo("vendor");
    pair
}

#[test]
fn whoever_is_asked_about_a_document_sees_of_it_what_they_read() {
    let pair = ledger();
    let made = json!({"sum": 100, "notes": "celiac", "title": "Cake"});
    let base = pair.one(&pair.ana, of("events", op(1, "create", "e", 0, made)))["version"].as_i64().unwrap();
    pair.one(&pair.ana, of("events", op(2, "update", "e", base, json!({"notes": "nuts", "sum": 200}))));
    let third = pair.world.caller("ana@example.org");
    let asked = pair.one(&third, of("events", op(3, "delete", "e", base, Value::Null)))["conflict_id"].clone();
    let seen = pair.conflict(&pair.bo, &asked);
    let field = &seen["fields"][""];
    assert_eq!((&field["ours"], &field["masked"]), (&json!({"sum": 200, "title": "Cake"}), &json!(false)), "{seen}");
    let views = [seen.clone(), detail(&pair, &pair.bo, &asked), explained(&pair, &pair.bo, 3).unwrap(), snapshot(&pair, &pair.bo).into()];
    for view in views.map(|view| view.to_string()) {
        assert!(SECRETS.iter().all(|secret| !view.contains(secret)), "{view}");
    }
    assert_eq!(told(&pair.resolve(&pair.bo, 4, &seen, json!({"fields": {"": {"choose": "theirs"}}}))).0, "applied");
}

#[test]
fn whoever_is_asked_about_what_they_do_not_read_is_told_that_it_differs() {
    let pair = ledger();
    let asked = asked(&pair, SECRETS.map(|what| json!({"notes": what})));
    let seen = pair.conflict(&pair.bo, &asked);
    let field = &seen["fields"]["/notes"];
    assert_eq!((&field["masked"], field.get("ours"), field.get("theirs")), (&json!(true), None, None), "{seen}");
    for view in [seen.to_string(), detail(&pair, &pair.bo, &asked).to_string(), snapshot(&pair, &pair.bo)] {
        assert!(SECRETS.iter().all(|secret| !view.contains(secret)), "{view}");
    }
    assert_eq!(refused(reveal(&pair, &pair.bo, &asked, json!({"field": "/notes"}))), Code::Forbidden);
    // somebody has to decide it: a side is chosen unseen, and nothing of it comes back
    let result = pair.resolve(&pair.bo, 4, &seen, json!({"fields": {"/notes": {"choose": "theirs"}}}));
    assert_eq!(told(&result).0, "applied", "{result}");
    assert!(SECRETS.iter().all(|secret| !result.to_string().contains(secret)), "{result}");
    assert_eq!(pair.read(&pair.ana, "events", "e")["notes"], "shellfish");
}

#[test]
fn whom_a_document_names_as_owner_reads_what_they_are_asked_about() {
    let mut schema = party();
    schema["collections"]["events"]["fields"]["starts_at"]["sensitivity"] = json!(3);
    let pair = Pair::with(schema);
    let made = json!({"owner_id": pair.bo.user_id, "starts_at": "2026-06-20T10:00"});
    let base = pair.one(&pair.ana, of("events", op(1, "create", "e", 0, made)))["version"].as_i64().unwrap();
    pair.one(&pair.ana, of("events", op(2, "update", "e", base, json!({"starts_at": "2026-06-20T11:00"}))));
    let third = pair.world.caller("ana@example.org");
    let asked = pair.one(&third, of("events", op(3, "update", "e", base, json!({"starts_at": "2026-06-20T12:00"}))))["conflict_id"].clone();
    let seen = pair.conflict(&pair.bo, &asked);
    assert_eq!(seen["fields"]["/starts_at"]["ours"], "2026-06-20T11:00", "{seen}");
}

#[test]
fn a_question_about_a_whole_document_hides_some_of_its_members() {
    let pair = at_a_party();
    let base =
        pair.one(&pair.ana, of("events", op(1, "create", "e", 0, json!({"title": "Dinner", "allergies": "nuts"}))))["version"].clone();
    let base = base.as_i64().unwrap();
    pair.one(&pair.ana, of("events", op(2, "update", "e", base, json!({"title": "Supper"}))));
    let asked = pair.one(&pair.bo, of("events", op(3, "delete", "e", base, Value::Null)))["conflict_id"].clone();
    let field = &detail(&pair, &pair.bo, &asked)["fields"][""];
    assert_eq!((&field["ours"], &field["masked"]), (&json!({"title": "Supper"}), &json!(false)), "{field}");
    assert_eq!(pair.conflict(&pair.ana, &asked)["fields"][""]["ours"]["allergies"], "nuts");
    // in a list they are left out for those who read them, too, until they ask
    let field = &detail(&pair, &pair.ana, &asked)["fields"][""];
    assert_eq!((&field["ours"], &field["masked"]), (&json!({"title": "Supper"}), &json!(true)), "{field}");
    assert_eq!(reveal(&pair, &pair.ana, &asked, json!({"field": ""})).unwrap()["ours"]["allergies"], "nuts");
}

fn reveal(pair: &Pair, caller: &Caller, asked: &Value, request: Value) -> sync_service::ServiceResult<Value> {
    let (id, request) = (asked.as_str().unwrap().parse().unwrap(), serde_json::from_value(request).unwrap());
    Ok(serde_json::to_value(now(pair.world.service.reveal_conflict(caller, id, request))?).unwrap())
}

#[test]
fn sensitive_values_of_a_question_are_left_out_until_they_are_revealed() {
    let (pair, asked) = asked_about_secrets(masked_party());
    let lists = [list(&pair, &pair.ana, ConflictQuery::default())[0].clone(), detail(&pair, &pair.ana, &asked)];
    for seen in lists {
        assert!(SECRETS.iter().all(|secret| !seen.to_string().contains(secret)), "{seen}");
        let (field, title) = (&seen["fields"]["/allergies"], &seen["fields"]["/title"]);
        assert_eq!((&field["masked"], &field["label"], field["asks"].is_array()), (&json!(true), &json!("Allergies"), true), "{field}");
        assert_eq!((&title["masked"], &title["ours"]), (&json!(false), &json!("Dinner (4)")), "{title}");
        assert_eq!(seen["theirs_by"]["user_id"], json!(pair.ana.user_id), "who wrote it is told: {seen}");
    }
    // nothing was revealed so far
    let acts = || {
        let query = sync_service::AuditQuery { action: Some("field.reveal".into()), limit: 9, ..sync_service::AuditQuery::default() };
        serde_json::to_value(now(pair.world.service.list_audit(&pair.ana, query)).unwrap()).unwrap()["items"].clone()
    };
    assert_eq!(acts(), json!([]));
    let wanted = json!({"field": "/allergies", "document": "events/e", "reason": "the caterer asked"});
    let shown = reveal(&pair, &pair.ana, &asked, wanted.clone()).unwrap();
    let sides = ["base", "ours", "theirs"].map(|side| shown[side].as_str().unwrap());
    assert_eq!((sides, &shown["masked"]), (SECRETS, &json!(false)));
    let act = acts()[0].clone();
    assert_eq!((&act["subject"], &act["reason"]), (&asked, &json!("the caterer asked")), "{act}");
    assert_eq!(act["details"], json!({"document": "events/e", "field": "/allergies"}));
    // whoever is only told that it differs has nothing revealed, and whoever sees nothing of it is told nothing
    assert_eq!(refused(reveal(&pair, &pair.bo, &asked, wanted)), Code::Forbidden);
    assert_eq!(refused(reveal(&pair, &pair.ana, &asked, json!({"field": "/nothing"}))), Code::UnknownConflict);
    pair.give_bo("viewer");
    assert_eq!(refused(reveal(&pair, &pair.bo, &asked, json!({"field": "/allergies"}))), Code::UnknownConflict);
    assert_eq!(acts().as_array().unwrap().len(), 1);
}

#[test]
fn change_requests_hide_what_they_propose() {
    let mut schema = masked_party();
    schema["collections"]["change_requests"] = json!({"fields": {"patch": {"type": "object"}}});
    let pair = Pair::with(schema);
    let request = json!({"title": "Dinner", "collection": "events", "document_id": "e", "requested_by": pair.ana.user_id,
        "patch": {"allergies": "nuts", "title": "Supper"}, "base": {"allergies": "none", "title": "Dinner"}, "state": "open"});
    let made = pair.one(&pair.ana, of("change_requests", op(1, "create", "r", 0, request.clone())));
    let version = made["version"].as_i64().unwrap();
    let first = pair.pull(&pair.bo, None);
    let seen = pair.read(&pair.bo, "change_requests", "r");
    let mut hidden = with(request.clone(), json!({"patch": {"title": "Supper"}, "base": {"title": "Dinner"}, "masked": ["allergies"]}));
    hidden.as_object_mut().unwrap().remove("title");
    assert_eq!(seen, hidden);
    assert_eq!(pair.read(&pair.ana, "change_requests", "r"), request);
    assert!(!snapshot(&pair, &pair.bo).contains("nuts"));
    // in what is sent of a change too, and in results
    pair.one(&pair.ana, of("change_requests", op(2, "update", "r", version, json!({"note": "x".repeat(200)}))));
    let page = pair.pull(&pair.bo, first["cursor"].as_str());
    assert!(!page.to_string().contains("nuts") && page.to_string().contains("xxx"), "{page}");
    let result = pair.one(&pair.bo, of("change_requests", op(3, "update", "r", version, json!({"seen": true}))));
    assert_eq!(result["status"], "merged");
    assert!(!result.to_string().contains("nuts"), "{result}");
    assert_eq!(pair.read(&pair.ana, "change_requests", "r")["patch"]["allergies"], "nuts", "what is hidden is not lost");
}

#[test]
fn what_was_masked_stays_masked_when_its_field_is_renamed() {
    let pair = Pair::with(masked_party());
    let base =
        pair.one(&pair.ana, of("events", op(1, "create", "e", 0, json!({"title": "Dinner", "allergies": "none"}))))["version"].clone();
    let base = base.as_i64().unwrap();
    pair.one(&pair.ana, of("events", op(2, "update", "e", base, json!({"allergies": "nuts"}))));
    let asked = pair.one(&pair.ana, of("events", op(3, "update", "e", base, json!({"allergies": "milk"}))))["conflict_id"].clone();
    let conflict = pair.conflict(&pair.ana, &asked);
    pair.resolve(&pair.ana, 4, &conflict, json!({"choose": "ours"}));
    let mut schema = masked_party();
    schema["version"] = json!(schema["version"].as_i64().unwrap() + 1);
    let fields = schema["collections"]["events"]["fields"].as_object_mut().unwrap();
    let allergies = fields.remove("allergies").unwrap();
    fields.insert("allergy".into(), allergies);
    schema["lenses"] =
        json!([{"to": schema["version"], "collections": {"events": [{"move": "rename", "field": "allergies", "to": "allergy"}]}}]);
    crate::lenses::upgrade(&pair, &schema);
    assert!(pair.conflict(&pair.ana, &asked).to_string().contains("nuts"));
    let seen = detail(&pair, &pair.bo, &asked).to_string();
    assert!(!seen.contains("nuts") && !seen.contains("milk"), "{seen}");
}
