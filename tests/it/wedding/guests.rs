//! Guests and contacts: what they eat, where they sit, how they are reached, who is there twice.

use serde_json::{Value, json};

use super::day::{AMARA, ANA, Day, FLORIST, INES, Logins, RUI};

const GUESTS: &str = "guests";
const CONTACTS: &str = "contacts";

fn joao() -> Value {
    json!({
        "given_name": "João", "family_name": "Pires", "allergy_flags": ["peanuts", "sesame"], "dietary_flags": ["no_meat"],
        "dietary_note": "No meat.\nFish is fine.\nAsks about the oil of the fryer.", "table_id": "table-01", "seat": 3,
    })
}

/// The strings of an array, sorted.
fn sorted(value: &Value) -> Vec<&str> {
    let mut texts: Vec<&str> = value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    texts.sort_unstable();
    texts
}

pub(super) fn allergy_and_note(logins: &Logins) -> String {
    let mut day = Day::new(logins, &[INES, AMARA], &json!({}), &[(GUESTS, "joao", joao())]);
    let added = day.at("15:00").edit(AMARA, GUESTS, "joao", json!({"allergy_flags": ["peanuts", "sesame", "tree nuts"]}));
    let note = "No meat.\nFish is fine, grilled.\nAsks about the oil of the fryer.";
    let rewritten = day.at("15:05").edit(INES, GUESTS, "joao", json!({"dietary_note": note}));
    // a merge never drops one: who is no owner of the list can't, even by rewriting it
    let dropped = day.at("15:06").edit(INES, GUESTS, "joao", json!({"allergy_flags": ["sesame", "mustard"]}));
    for part in [AMARA, INES] {
        day.sync(part);
    }
    assert_eq!([&added, &rewritten].map(|op_id| day.status(op_id)), ["applied", "merged"]);
    let guest = day.live(GUESTS, "joao");
    assert_eq!(sorted(&guest["allergy_flags"]), ["mustard", "peanuts", "sesame", "tree nuts"], "{}", day.told(&dropped));
    assert_eq!(guest["dietary_note"], note);
    assert_eq!(day.questions(ANA), Vec::<Value>::new());
    day.converges();
    "the flags of both, the new note, nothing asked".into()
}

pub(super) fn two_notes(logins: &Logins) -> String {
    let mut day = Day::new(logins, &[INES, AMARA, RUI], &json!({}), &[(GUESTS, "joao", joao())]);
    let note = |fish: &str| json!({"dietary_note": format!("No meat.\n{fish}\nAsks about the oil of the fryer.")});
    let flags = json!({"allergy_flags": ["peanuts", "sesame", "tree nuts"]});
    day.at("15:00").edit(AMARA, GUESTS, "joao", note("Fish only from the grill."));
    day.at("15:05").edit(INES, GUESTS, "joao", note("No fish either, says his sister."));
    day.at("15:06").edit(INES, GUESTS, "joao", flags);
    day.sync(AMARA);
    day.sync(INES);
    let guest = day.live(GUESTS, "joao");
    let text = guest["dietary_note"].as_str().unwrap();
    assert!(
        text.contains("Fish only from the grill.") && text.contains("No fish either, says his sister."),
        "the kitchen reads both: {text}"
    );
    assert_eq!(sorted(&guest["allergy_flags"]), ["peanuts", "sesame", "tree nuts"], "the flag is not held up by the note");
    let question = day.the_question();
    assert!(question["fields"]["/dietary_note"].is_object(), "{question}");
    day.converges();
    "both lines stand, one question about the note".into()
}

fn seat(table: &str, seat: u32) -> Value {
    json!({"table_id": table, "seat": seat})
}

/// Who of two sits a guest down, given who owns the seating; `venue_last`: the venue's edit is the newer one.
fn seated(logins: &Logins, settings: &Value, venue_last: bool) -> Value {
    let mut day = Day::new(logins, &[INES, RUI], settings, &[(GUESTS, "joao", joao())]);
    let (venue, planner) = if venue_last { ("15:05", "15:00") } else { ("15:00", "15:05") };
    day.at(venue).edit(INES, GUESTS, "joao", seat("table-02", 7));
    day.at(planner).edit(ANA, GUESTS, "joao", seat("table-16", 1));
    day.sync(INES);
    day.sync(ANA);
    let guest = day.live(GUESTS, "joao");
    day.nothing_is_asked();
    day.converges();
    json!([guest["table_id"], guest["seat"]])
}

pub(super) fn two_tables(logins: &Logins) -> String {
    let owner = |id: &str| json!({"seating_owner": id});
    for venue_last in [true, false] {
        assert_eq!(seated(logins, &owner(logins.id(INES)), venue_last), json!(["table-02", 7]), "the owner of the seating wins");
        assert_eq!(seated(logins, &owner(logins.id(ANA)), venue_last), json!(["table-16", 1]), "the owner of the seating wins");
        // nobody owns the seating but a third person: of two others the newer one
        let newest = if venue_last { json!(["table-02", 7]) } else { json!(["table-16", 1]) };
        assert_eq!(seated(logins, &owner(logins.id(RUI)), venue_last), newest);
    }
    "the owner of the seating wins, else the newest; table and seat together".into()
}

pub(super) fn the_last_seat(logins: &Logins) -> String {
    let guest = |name: &str| json!({"given_name": name, "family_name": "Moreau"});
    let documents = [
        ("tables", "table-01", json!({"name": "Azulejo", "capacity": 2})),
        (GUESTS, "odette", json!({"given_name": "Odette", "family_name": "Moreau", "table_id": "table-01", "seat": 1})),
        (GUESTS, "luc", guest("Luc")),
        (GUESTS, "camille", guest("Camille")),
    ];
    let mut day = Day::new(logins, &[INES, RUI], &json!({"seating_owner": logins.id(INES)}), &documents);
    let first = day.at("15:00").edit(ANA, GUESTS, "luc", seat("table-01", 2));
    let second = day.at("15:01").edit(INES, GUESTS, "camille", seat("table-01", 2));
    day.sync(ANA);
    day.sync(INES);
    assert_eq!(day.told(&first)["warnings"], json!([]));
    let warnings = day.told(&second)["warnings"].as_array().unwrap().clone();
    assert!(warnings.iter().any(|warning| warning["code"] == "capacity"), "{}", day.told(&second));
    let named = warnings.iter().flat_map(|warning| warning["documents"].as_array().unwrap());
    let named: Vec<&str> = named.map(|document| document["document_id"].as_str().unwrap()).collect();
    assert!(named.contains(&"table-01"), "{warnings:?}");
    for id in ["luc", "camille"] {
        assert_eq!(day.live(GUESTS, id)["table_id"], "table-01", "nobody is sent away");
    }
    day.nothing_is_asked();
    day.converges();
    "both sit there, the second is told that the table is over capacity".into()
}

pub(super) fn two_phones(logins: &Logins) -> String {
    let phone = |number: &str| json!({"value": number, "label": "mobile"});
    let florist = json!({"name": "Hera Flores", "kind": "vendor", "phones": [phone("+44 7700 900101")], "owner_id": logins.id(FLORIST)});
    let mut day = Day::new(logins, &[FLORIST, INES], &json!({}), &[(CONTACTS, "florist", florist)]);
    let older = day.at("15:00").edit(FLORIST, CONTACTS, "florist", json!({"phones": [phone("+44 7700 900102")]}));
    let newer = day.at("15:05").edit(INES, CONTACTS, "florist", json!({"phones": [phone("+44 7700 900103")]}));
    day.sync(FLORIST);
    day.sync(INES);
    assert_eq!((day.status(&older), day.status(&newer)), ("applied", "merged"));
    let contact = day.live(CONTACTS, "florist");
    let mut numbers: Vec<&str> = contact["phones"].as_array().unwrap().iter().map(|phone| phone["value"].as_str().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["+44 7700 900102", "+44 7700 900103"], "{contact}");
    day.nothing_is_asked();
    day.converges();
    "both new numbers are kept".into()
}

pub(super) fn entered_twice(logins: &Logins) -> String {
    let mut day = Day::new(logins, &[INES, RUI], &json!({}), &[]);
    let guest = |email: &str| json!({"given_name": "Fernanda", "family_name": "Luz", "email": email});
    let first = day.at("15:00").write(ANA, "create", GUESTS, "fernanda-1", Some(guest("fernanda@example.org")));
    let second = day.at("15:01").write(INES, "create", GUESTS, "fernanda-2", Some(guest("Fernanda@Example.org ")));
    day.sync(ANA);
    day.sync(INES);
    assert_eq!((day.status(&first), day.status(&second)), ("applied", "applied"));
    assert_eq!(day.told(&first)["warnings"], json!([]));
    let warnings = &day.told(&second)["warnings"];
    assert_eq!(warnings[0]["code"], "duplicate", "{warnings}");
    let mut named: Vec<&str> =
        warnings[0]["documents"].as_array().unwrap().iter().map(|document| document["document_id"].as_str().unwrap()).collect();
    named.sort_unstable();
    assert!(named.contains(&"fernanda-1"), "{warnings}");
    assert_eq!(day.all_live(GUESTS).len(), 2, "never merged by itself");
    let driver = |number: &str| json!({"name": "Second driver", "phones": [{"value": number, "label": "mobile"}]});
    day.at("15:10").write(ANA, "create", CONTACTS, "driver-1", Some(driver("+44 7700 900188")));
    let again = day.at("15:11").write(INES, "create", CONTACTS, "driver-2", Some(driver("+44 (7700) 900188")));
    day.sync(ANA);
    day.sync(INES);
    assert_eq!(day.told(&again)["warnings"][0]["code"], "duplicate", "{}", day.told(&again));
    day.nothing_is_asked();
    day.converges();
    "both are kept, the second is told of the first".into()
}
