//! The list of pictures: two photographers tick and untick.

use serde_json::{Value, json};

use super::day::{ANA, Day, INES, Logins, RUI, SECOND};

const SHOTS: &str = "shots";

fn shot(must_have: bool) -> Value {
    json!({"title": "The four grandmothers", "status": "open", "must_have": must_have, "notes": "Odette on the right."})
}

fn ticked(who: &str, at: &str) -> Value {
    json!({"who": who, "at": format!("2026-06-20T{at}:00Z")})
}

pub(super) fn both_mark_done(logins: &Logins) -> String {
    let mut day = Day::new(logins, &[RUI, SECOND], &json!({}), &[(SHOTS, "grandmothers", shot(true))]);
    let by = |who, at| json!({"status": "done", "done_by": [ticked(who, at)]});
    let first = day.at("15:05").edit(RUI, SHOTS, "grandmothers", by("rui", "15:05"));
    let second = day.at("15:04").edit(SECOND, SHOTS, "grandmothers", by("second", "15:04"));
    day.sync(RUI);
    day.sync(SECOND);
    assert_eq!((day.status(&first), day.status(&second)), ("applied", "merged"));
    let shot = day.live(SHOTS, "grandmothers");
    let done_by = shot["done_by"].as_array().unwrap();
    assert_eq!((shot["status"].as_str(), done_by.len()), (Some("done"), 2), "{shot}");
    assert!(done_by.contains(&ticked("rui", "15:05")) && done_by.contains(&ticked("second", "15:04")), "{shot}");
    day.nothing_is_asked();
    day.converges();
    "done, by both".into()
}

/// A shot that is done is opened again by one, and marked done once more by another who didn't see that.
fn reopened(logins: &Logins, must_have: bool, reopened_first: bool) -> Value {
    let mut day = Day::new(logins, &[RUI, SECOND, INES], &json!({}), &[(SHOTS, "grandmothers", shot(must_have))]);
    day.at("14:00").edit(INES, SHOTS, "grandmothers", json!({"status": "skipped"}));
    day.sync(INES);
    day.sync(RUI);
    day.sync(SECOND);
    day.at("15:00").edit(RUI, SHOTS, "grandmothers", json!({"status": "open"}));
    day.at("15:05").edit(SECOND, SHOTS, "grandmothers", json!({"status": "done"}));
    for part in if reopened_first { [RUI, SECOND] } else { [SECOND, RUI] } {
        day.sync(part);
    }
    let status = day.live(SHOTS, "grandmothers")["status"].clone();
    day.nothing_is_asked();
    day.converges();
    // somebody who saw the outcome may change it
    day.at("15:30").edit(ANA, SHOTS, "grandmothers", json!({"status": "done"}));
    day.sync(ANA);
    assert_eq!(day.live(SHOTS, "grandmothers")["status"], "done");
    status
}

pub(super) fn done_and_reopened(logins: &Logins) -> String {
    for reopened_first in [true, false] {
        assert_eq!(reopened(logins, true, reopened_first), "open", "a must-have stays open");
        assert_eq!(reopened(logins, false, reopened_first), "done", "any other is done");
    }
    "a must-have stays open, any other is done, in either order".into()
}
