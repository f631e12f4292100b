//! Views: what a role may not see is not there for it.

use serde_json::{Value, json};

use crate::sync::{Pair, op, told, with};

fn event(operation: Value) -> Value {
    with(operation, json!({"collection": "timeline_events"}))
}

fn items(page: &Value) -> Vec<(&str, &str, &str)> {
    let of = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let list: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| (of(item, "collection"), of(item, "kind"), of(item, "document_id"))).collect();
    list.into_iter().map(|(a, b, c)| (&*a.leak(), &*b.leak(), &*c.leak())).collect()
}

#[test]
fn a_document_leaves_the_view_and_comes_back() {
    let pair = Pair::new(Some("wedding"));
    pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"title": "First look", "cue": "x".repeat(100)}))));
    let first = pair.pull(&pair.bo, None);
    assert_eq!(items(&first), [("timeline_events", "document", "e")]);
    pair.one(&pair.ana, event(op(2, "update", "e", 1, json!({"visibility": "private"}))));
    let second = pair.pull(&pair.bo, first["cursor"].as_str());
    assert_eq!(items(&second), [("timeline_events", "gone", "e")]);
    let gone = &second["items"][0];
    assert!(gone.get("by").is_none() && gone.get("document").is_none() && gone.get("patch").is_none(), "{gone}");
    assert_eq!(second["checksums"], json!({}));
    assert_ne!(pair.pull(&pair.ana, None)["checksums"], json!({}));
    // what happens to it there is not told
    pair.one(&pair.ana, event(op(3, "update", "e", 2, json!({"title": "Secret"}))));
    let third = pair.pull(&pair.bo, second["cursor"].as_str());
    assert_eq!(items(&third), []);
    pair.one(&pair.ana, event(op(4, "update", "e", 3, json!({"visibility": "everyone"}))));
    let fourth = pair.pull(&pair.bo, third["cursor"].as_str());
    assert_eq!(items(&fourth), [("timeline_events", "document", "e")]);
    assert_eq!(fourth["items"][0]["document"]["title"], "Secret");
    assert_eq!(fourth["checksums"], pair.pull(&pair.ana, None)["checksums"]);
    // gone, and deleted where nobody of this role sees it
    pair.one(&pair.ana, event(op(5, "update", "e", 4, json!({"visibility": "couple"}))));
    let fifth = pair.pull(&pair.bo, fourth["cursor"].as_str());
    pair.one(&pair.ana, event(op(6, "delete", "e", 5, Value::Null)));
    assert_eq!(items(&pair.pull(&pair.bo, fifth["cursor"].as_str())), []);
    assert_eq!(items(&pair.pull(&pair.bo, fourth["cursor"].as_str())), [("timeline_events", "gone", "e")]);
}

#[test]
fn what_was_never_visible_is_never_told() {
    let pair = Pair::new(Some("wedding"));
    let first = pair.pull(&pair.bo, None);
    let private = json!({"title": "Surprise", "visibility": "private"});
    pair.one(&pair.ana, event(op(1, "create", "e", 0, private.clone())));
    for (n, kind, base, patch) in
        [(2, "update", 1, json!({"title": "x"})), (3, "delete", 1, Value::Null), (4, "create", 0, private), (5, "restore", 1, Value::Null)]
    {
        let hidden = pair.one(&pair.bo, event(op(n, kind, "e", base, patch.clone())));
        let none = pair.one(&pair.bo, event(op(n + 10, kind, "none", base, patch)));
        assert_eq!(
            (told(&hidden), hidden.get("version"), hidden.get("document")),
            (("rejected", "unknown_document"), None, None),
            "{kind}"
        );
        if kind != "create" {
            assert_eq!(
                hidden["problem"]["detail"].as_str().unwrap().replace("\"e\"", "\"none\""),
                none["problem"]["detail"].as_str().unwrap()
            );
        }
    }
    pair.one(&pair.ana, event(op(6, "update", "e", 1, json!({"title": "Ana"}))));
    let asked = pair.one(&pair.ana, event(op(7, "update", "e", 1, json!({"title": "Ana too"}))));
    pair.one(&pair.ana, event(op(8, "delete", "e", 2, Value::Null)));
    let page = pair.pull(&pair.bo, first["cursor"].as_str());
    assert!(!page.to_string().contains("timeline_events/e") && items(&page).iter().all(|(_, _, id)| *id != "e"), "{page}");
    assert!(items(&page).iter().all(|(collection, _, _)| *collection != "_conflicts"));
    let answer = json!({"conflict_id": asked["conflict_id"], "version": 99});
    assert_eq!(
        told(&pair.resolve(&pair.bo, 20, &answer, json!({"fields": {"/title": {"choose": "ours"}}}))),
        ("rejected", "unknown_conflict")
    );
}

#[test]
fn what_a_sender_makes_outside_their_own_view_is_dropped_by_them() {
    let pair = Pair::new(Some("wedding"));
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    let created = event(op(1, "create", "e", 0, json!({"visibility": "couple"})));
    for result in [pair.one(&pair.bo, created.clone()), pair.one(&pair.bo, created)] {
        assert_eq!((result.get("document"), &result["version"]), (Some(&Value::Null), &json!(1)), "{result}");
    }
    pair.one(&pair.ana, event(op(2, "create", "f", 0, json!({}))));
    let body = json!({"operations": [event(op(3, "update", "f", 2, json!({"visibility": "couple"})))], "pull": {"spaces": {&pair.space: {"cursor": cursor}}}});
    let answer = pair.sync(&pair.bo, body);
    assert_eq!((told(&answer["results"][0]).0, answer["results"][0].get("document")), ("applied", Some(&Value::Null)));
    assert_eq!(items(&answer["changes"][&pair.space]), [("timeline_events", "gone", "f")]);
}

#[test]
fn conflicts_share_the_fate_of_their_document() {
    let pair = Pair::new(Some("wedding"));
    for document in ["open", "closed"] {
        let n = if document == "open" { 0 } else { 10 };
        let created = pair.one(&pair.ana, event(op(n + 1, "create", document, 0, json!({"title": "0"}))))["version"].as_i64().unwrap();
        pair.one(&pair.ana, event(op(n + 2, "update", document, created, json!({"title": "1"}))));
        let asked = pair.one(&pair.bo, event(op(n + 3, "update", document, created, json!({"title": "2"}))));
        if document == "closed" {
            let conflict = pair.conflict(&pair.ana, &asked["conflict_id"]);
            pair.resolve(&pair.ana, n + 4, &conflict, json!({"fields": {"/title": {"choose": "ours"}}}));
        }
    }
    let before = pair.pull(&pair.bo, None);
    assert_eq!(items(&before).len(), 4);
    pair.push(
        &pair.ana,
        json!([
            event(op(21, "update", "open", 99, json!({"visibility": "private"}))),
            event(op(22, "update", "closed", 99, json!({"visibility": "private"}))),
        ]),
    );
    let after = pair.pull(&pair.bo, before["cursor"].as_str());
    assert_eq!(items(&after).iter().map(|(_, kind, _)| *kind).collect::<Vec<_>>(), ["gone"; 4], "{after}");
    assert_eq!(after["checksums"], json!({}));
    assert_eq!(items(&pair.pull(&pair.bo, None)), [], "nothing of it for whoever begins anew");
    let query = sync_service::ConflictQuery { state: sync_service::ConflictFilter::All, ..Default::default() };
    assert_eq!(crate::world::now(pair.world.service.list_conflicts(&pair.bo, query)).unwrap().items.len(), 0);
    for (n, document) in [(23, "open"), (24, "closed")] {
        let version = pair.one(&pair.ana, event(op(n + 10, "restore", document, 0, Value::Null)))["version"].as_i64().unwrap();
        pair.one(&pair.ana, event(op(n, "update", document, version, json!({"visibility": "everyone"}))));
    }
    assert_eq!(items(&pair.pull(&pair.bo, after["cursor"].as_str())).iter().map(|(_, kind, _)| *kind).collect::<Vec<_>>(), ["document"; 4]);
}

#[test]
fn a_groups_conflict_is_seen_by_those_who_see_all_of_it() {
    let pair = Pair::new(Some("wedding"));
    pair.push(
        &pair.ana,
        json!([
            event(op(1, "create", "a", 0, json!({"title": "0"}))),
            event(op(2, "create", "b", 0, json!({"title": "0", "visibility": "private"}))),
        ]),
    );
    pair.push(
        &pair.ana,
        json!([event(op(3, "update", "a", 1, json!({"title": "1"}))), event(op(4, "update", "b", 2, json!({"title": "1"})))]),
    );
    let second = pair.world.caller("ana@example.org");
    let grouped = |operation| with(event(operation), json!({"group": "g"}));
    let results = pair.push(
        &second,
        json!([grouped(op(5, "update", "a", 1, json!({"title": "2"}))), grouped(op(6, "update", "b", 2, json!({"title": "secret"})))]),
    );
    assert_eq!(told(&results[0]).0, "conflict");
    assert!(!pair.pull(&pair.bo, None).to_string().contains("secret"));
    // an edit of the visible one leaves it so
    pair.one(&pair.bo, event(op(7, "update", "a", 3, json!({"title": "3"}))));
    assert!(!pair.pull(&pair.bo, None).to_string().contains("secret"));
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    assert_eq!(conflict["documents"][0]["fields"]["/title"]["ours"], "3");
}

#[test]
fn no_base_shows_what_its_sender_could_not_see() {
    for (kind, base_version) in [("delete", 1), ("update", 1), ("delete", 2), ("update", 2)] {
        let pair = Pair::new(Some("wedding"));
        pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"title": "t", "notes": "secret", "visibility": "private"}))));
        pair.one(&pair.ana, event(op(2, "update", "e", 1, json!({"title": "u"}))));
        pair.one(&pair.ana, event(op(3, "update", "e", 2, json!({"notes": null, "visibility": "everyone"}))));
        let patch = if kind == "delete" { Value::Null } else { json!({"notes": "bo", "title": "bo"}) };
        let result = pair.one(&pair.bo, event(op(4, kind, "e", base_version, patch)));
        assert_eq!(told(&result).0, "conflict", "{result}");
        assert!(!format!("{result}{}", pair.pull(&pair.bo, None)).contains("secret"), "{kind} over {base_version}");
    }
    // what they say they saw counts, as over any base that is not known
    let pair = Pair::new(Some("wedding"));
    pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"title": "t", "visibility": "private"}))));
    pair.one(&pair.ana, event(op(2, "update", "e", 1, json!({"visibility": "everyone"}))));
    let inline = with(event(op(3, "update", "e", 1, json!({"title": "bo"}))), json!({"base": {"title": "t"}}));
    assert_eq!(told(&pair.one(&pair.bo, inline)).0, "merged");
}

/// The question holds values of the time when the document was hidden.
#[test]
fn what_was_disputed_in_private_stays_private() {
    let pair = Pair::new(Some("wedding"));
    let created = json!({"title": "surprise for the couple", "visibility": "private"});
    let version = pair.one(&pair.ana, event(op(1, "create", "e", 0, created)))["version"].as_i64().unwrap();
    pair.one(&pair.ana, event(op(2, "update", "e", version, json!({"title": "fireworks"}))));
    let second = pair.world.caller("ana@example.org");
    let asked = pair.one(&second, event(op(3, "update", "e", version, json!({"title": "a brass band"}))));
    assert_eq!(asked["status"], "conflict", "{asked}");
    let seen =
        pair.pull(&pair.ana, None)["items"].as_array().unwrap().iter().find(|item| item["document_id"] == "e").unwrap()["version"].clone();
    let shown = json!({"title": "Speeches", "visibility": "everyone"});
    pair.one(&pair.ana, event(op(4, "update", "e", seen.as_i64().unwrap(), shown)));
    let page = pair.pull(&pair.bo, None);
    assert_eq!(items(&page), [("timeline_events", "document", "e")], "{page}");
    assert!(!page.to_string().contains("brass") && !page.to_string().contains("surprise"));
    assert_eq!(pair.pull(&second, None)["items"].as_array().unwrap().len(), 2, "the lead still has the question");
}
