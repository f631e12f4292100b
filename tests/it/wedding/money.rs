//! Payments.

use serde_json::json;

use super::day::{ANA, Day, INES, Logins, PARTNER, RUI};

pub(super) fn paid_twice(logins: &Logins) -> String {
    let instalment = json!({"title": "Flowers, second half", "instalment": 2, "amount": 120_000, "currency": "EUR", "entries": []});
    let bookkeeper = json!({"bookkeeper": logins.id(INES)});
    let mut day = Day::new(logins, &[PARTNER, INES, RUI], &bookkeeper, &[("payments", "flowers-2", instalment)]);
    let paid = |key: &str, method: &str| json!({"entries": [{"key": key, "paid_on": "2026-06-20", "amount": 120_000, "method": method}]});
    let first = day.at("15:00").edit(ANA, "payments", "flowers-2", paid("entry-ana", "transfer"));
    let second = day.at("15:05").edit(INES, "payments", "flowers-2", paid("entry-ines", "cash"));
    day.sync(ANA);
    day.sync(INES);
    assert_eq!((day.status(&first), day.status(&second)), ("applied", "conflict"), "{}", day.told(&second));
    let entries = day.live("payments", "flowers-2")["entries"].clone();
    let keys: Vec<&str> = entries.as_array().unwrap().iter().map(|entry| entry["key"].as_str().unwrap()).collect();
    assert!(keys.len() == 2 && keys.contains(&"entry-ana") && keys.contains(&"entry-ines"), "both are kept: {entries}");
    let question = day.the_question();
    assert_eq!((&question["collection"], &question["document_id"]), (&json!("payments"), &json!("flowers-2")));
    let asked = question["assigned_to"].as_str().unwrap();
    assert!(asked.contains("lead"), "{asked}");
    day.converges();
    "both are kept, lead and bookkeeper are asked whether it is one".into()
}
