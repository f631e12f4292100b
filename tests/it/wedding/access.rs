//! Documents and people that are taken away.

use serde_json::{Value, json};

use super::day::{ANA, Day, FLORIST, INES, Logins, RUI};

/// Where an edit wins over a deletion, with what the photographer changes.
fn deletable(logins: &Logins) -> [(&'static str, Value, Value); 3] {
    let event = json!({"title": "Sparkler exit", "starts_at": "2026-06-20T23:30", "anchor": "flex", "owner_id": logins.id(ANA)});
    [
        ("timeline_events", event, json!({"cue": "Rui counts down from five."})),
        ("shots", json!({"title": "Confetti walk", "status": "open"}), json!({"notes": "Petals only, from the left."})),
        ("guests", json!({"given_name": "Kosi", "family_name": "Okafor"}), json!({"pronouns": "they/them"})),
    ]
}

fn deleted(logins: &Logins, deleted_first: bool) {
    for (collection, body, edit) in deletable(logins) {
        let mut day = Day::new(logins, &[INES, RUI], &json!({}), &[(collection, "it", body)]);
        let deletion = day.at("15:00").delete(ANA, collection, "it");
        let change = day.at("15:05").edit(RUI, collection, "it", edit.clone());
        for part in if deleted_first { [ANA, RUI] } else { [RUI, ANA] } {
            day.sync(part);
        }
        let statuses = (day.status(&deletion), day.status(&change));
        assert_eq!(statuses, if deleted_first { ("applied", "conflict") } else { ("conflict", "applied") }, "{collection}");
        let live = day.live(collection, "it");
        for (member, value) in edit.as_object().unwrap() {
            assert_eq!(live[member], *value, "the edit wins in {collection}");
        }
        let question = day.the_question();
        assert_eq!(question["kind"], if deleted_first { "edit_delete" } else { "delete_edit" });
        assert_eq!(question["assigned_to"], "role:lead", "{collection}");
        day.converges();
    }
}

pub(super) fn delete_and_edit(logins: &Logins) -> String {
    deleted(logins, true);
    "event, shot and guest live with the edit, the deletion is a proposal".into()
}

pub(super) fn edit_and_delete(logins: &Logins) -> String {
    deleted(logins, false);
    "the same, in the other order".into()
}

pub(super) fn removed_while_offline(logins: &Logins) -> String {
    let contact = json!({"name": "Hera Flores", "kind": "vendor", "owner_id": logins.id(FLORIST), "arrival_at": "2026-06-20T09:00"});
    let mut day = Day::new(logins, &[INES, FLORIST], &json!({}), &[("contacts", "florist", contact.clone())]);
    let edit = day.at("15:00").edit(FLORIST, "contacts", "florist", json!({"arrival_at": "2026-06-20T08:00"}));
    let entry = json!({"kind": "note", "text": "The arch stands.", "at": "2026-06-20T15:01:00Z"});
    let log = day.at("15:01").write(FLORIST, "create", "log_entries", "log-florist", Some(entry));
    let member = format!("/api/spaces/{}/members/{}", day.space, logins.id(FLORIST));
    day.call(ANA, "DELETE", &member, &Value::Null).unwrap();
    day.sync_removed(FLORIST);
    for op_id in [&edit, &log] {
        let told = day.told(op_id);
        assert_eq!((&told["status"], &told["held"]), (&json!("quarantined"), &json!(true)), "{told}");
        assert_eq!(told["problem"]["code"], "former_member");
        let receipts = day.call(FLORIST, "POST", "/api/offline/sync/receipts", &json!({"op_ids": [op_id]})).unwrap();
        assert_eq!(receipts["receipts"][0]["status"], "quarantined", "not lost: {receipts}");
    }
    assert_eq!(day.live("contacts", "florist"), contact, "not applied");
    assert_eq!(day.all_live("log_entries"), Vec::<Value>::new());
    day.converges();
    "both operations are kept for the lead, nothing is applied".into()
}

pub(super) fn late_after_the_archive(logins: &Logins) -> String {
    let venue = json!({"name": "Quinta do Vale", "parking": "The olive field."});
    let mut day = Day::new(logins, &[INES, RUI], &json!({}), &[("venues", "quinta", venue.clone())]);
    let edit = day.at("15:00").edit(INES, "venues", "quinta", json!({"parking": "The field behind the mill."}));
    let path = format!("/api/spaces/{}", day.space);
    day.call(ANA, "PUT", &path, &json!({"status": "archived"})).unwrap();
    day.sync(INES);
    let told = day.told(&edit);
    assert_eq!((&told["status"], &told["problem"]["code"]), (&json!("quarantined"), &json!("space_archived")), "{told}");
    assert_eq!(day.live("venues", "quinta"), venue, "not applied");
    day.nothing_is_asked();
    day.converges();
    "kept for the lead, nothing is applied".into()
}
