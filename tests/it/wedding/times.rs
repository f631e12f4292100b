//! The run sheet: fixed and flexible moments, shifts, taps.

use serde_json::{Value, json};

use super::day::{ANA, Day, INES, Logins, PARTNER, RUI};

const EVENTS: &str = "timeline_events";

/// A moment of the run sheet that Ana owns.
fn moment(logins: &Logins, title: &str, time: &str, anchor: &str) -> Value {
    json!({
        "title": title, "starts_at": format!("2026-06-20T{time}"), "duration_min": 30, "anchor": anchor, "owner_id": logins.id(ANA),
        "status": "planned", "order_key": "a1", "visibility": "everyone",
    })
}

fn ceremony(logins: &Logins) -> Value {
    moment(logins, "Ceremony", "16:00", "fixed")
}

fn starts(time: &str) -> Value {
    json!({"starts_at": format!("2026-06-20T{time}")})
}

/// When a moment begins.
fn time_of(day: &mut Day<'_>, id: &str) -> String {
    day.live(EVENTS, id)["starts_at"].as_str().unwrap().trim_start_matches("2026-06-20T").to_owned()
}

/// What is asked of the planner about the ceremony's time: one open request of the venue's.
fn is_requested(day: &mut Day<'_>, time: &str) -> Value {
    let requests = day.requests();
    assert_eq!(requests.len(), 1, "{requests:#?}");
    let request = requests[0].clone();
    assert_eq!(request["patch"], starts(time));
    assert_eq!((&request["collection"], &request["document_id"]), (&json!(EVENTS), &json!("ceremony")));
    assert_eq!(request["requested_by"], day.logins.id(INES));
    assert!(request["title"].as_str().is_some_and(|title| !title.is_empty()), "{request}");
    request
}

fn assert_is_proposal(day: &Day<'_>, op_id: &str) {
    let told = day.told(op_id);
    assert_eq!((&told["status"], &told["conflict_id"]), (&json!("noop"), &Value::Null), "{told}");
    assert_eq!(told["proposed"], json!(["/starts_at"]), "{told}");
}

pub(super) fn two_move_the_ceremony(logins: &Logins) -> String {
    let mut day = Day::new(logins, &[INES, RUI], &json!({}), &[(EVENTS, "ceremony", ceremony(logins))]);
    let planner = day.at("15:00").edit(ANA, EVENTS, "ceremony", starts("16:15"));
    let venue = day.at("15:05").edit(INES, EVENTS, "ceremony", starts("16:30"));
    day.sync(ANA);
    day.sync(INES);
    assert_eq!(day.status(&planner), "applied");
    assert_is_proposal(&day, &venue);
    assert_eq!(time_of(&mut day, "ceremony"), "16:15");
    let request = is_requested(&mut day, "16:30");
    assert_eq!(request["base"], starts("16:00"), "what the venue had seen");
    assert_eq!(day.questions(ANA), Vec::<Value>::new());
    day.converges();
    "16:15 stays, 16:30 is a change request".into()
}

pub(super) fn the_venue_is_first(logins: &Logins) -> String {
    let mut day = Day::new(logins, &[INES, RUI], &json!({}), &[(EVENTS, "ceremony", ceremony(logins))]);
    let planner = day.at("15:00").edit(ANA, EVENTS, "ceremony", starts("16:15"));
    let venue = day.at("15:05").edit(INES, EVENTS, "ceremony", starts("16:30"));
    day.sync(INES);
    assert_is_proposal(&day, &venue);
    assert_eq!(time_of_for_ines(&mut day), "2026-06-20T16:00", "nobody's time changes by asking");
    day.sync(ANA);
    assert_eq!(day.status(&planner), "applied");
    assert_eq!(time_of(&mut day, "ceremony"), "16:15");
    is_requested(&mut day, "16:30");
    assert_eq!(day.questions(ANA), Vec::<Value>::new());
    day.converges();
    "the same, in the other order".into()
}

fn time_of_for_ines(day: &mut Day<'_>) -> Value {
    day.seen_by(INES, EVENTS, "ceremony").unwrap()["starts_at"].clone()
}

/// A day on which the venue's request waits.
fn requested(logins: &Logins) -> (Day<'_>, String) {
    let mut day = Day::new(logins, &[INES, RUI], &json!({}), &[(EVENTS, "ceremony", ceremony(logins))]);
    day.at("15:05").edit(INES, EVENTS, "ceremony", starts("16:30"));
    day.sync(INES);
    is_requested(&mut day, "16:30");
    let id = day.ids("change_requests").remove(0);
    (day, id)
}

pub(super) fn a_request_is_approved(logins: &Logins) -> String {
    let (mut day, request) = requested(logins);
    // who asked doesn't decide
    day.at("15:10").edit(INES, "change_requests", &request, json!({"state": "approved"}));
    day.sync(INES);
    assert_eq!(day.live("change_requests", &request)["state"], "open");
    assert_eq!(time_of(&mut day, "ceremony"), "16:00");
    let approval =
        day.at("15:12").edit(ANA, "change_requests", &request, json!({"state": "approved", "decision_note": "The registrar agrees."}));
    day.sync(ANA);
    assert!(["applied", "merged"].contains(&day.status(&approval)), "{}", day.told(&approval));
    let decided = day.live("change_requests", &request);
    assert_eq!((&decided["state"], &decided["decision_note"]), (&json!("approved"), &json!("The registrar agrees.")));
    assert_eq!(decided["decided_by"], logins.id(ANA));
    assert_eq!(time_of(&mut day, "ceremony"), "16:30");
    day.converges();
    "16:30 by one answer of the planner's".into()
}

pub(super) fn a_request_is_declined(logins: &Logins) -> String {
    let (mut day, request) = requested(logins);
    day.at("15:12").edit(ANA, "change_requests", &request, json!({"state": "declined", "decision_note": "The registrar has to leave."}));
    day.sync(ANA);
    let decided = day.live("change_requests", &request);
    assert_eq!((&decided["state"], &decided["decided_by"]), (&json!("declined"), &json!(logins.id(ANA))));
    assert_eq!(time_of(&mut day, "ceremony"), "16:00");
    day.nothing_is_asked();
    day.converges();
    "16:00 stays, with a note for the venue".into()
}

pub(super) fn two_leads_move_the_ceremony(logins: &Logins) -> String {
    let mut day = Day::new(logins, &[PARTNER, RUI], &json!({}), &[(EVENTS, "ceremony", ceremony(logins))]);
    let first = day.at("15:05").edit(ANA, EVENTS, "ceremony", starts("16:15"));
    let second = day.at("15:00").edit(PARTNER, EVENTS, "ceremony", starts("16:30"));
    day.sync(ANA);
    day.sync(PARTNER);
    assert_eq!((day.status(&first), day.status(&second)), ("applied", "conflict"));
    assert_eq!(time_of(&mut day, "ceremony"), "16:15", "the first to arrive stays live");
    let question = day.the_question();
    let field = &question["fields"]["/starts_at"];
    let said = (&field["base"], &field["ours"], &field["theirs"]);
    assert_eq!(said, (&json!("2026-06-20T16:00"), &json!("2026-06-20T16:15"), &json!("2026-06-20T16:30")));
    assert_eq!(question["assigned_to"], "role:lead");
    assert_eq!(day.requests(), Vec::<Value>::new());
    let id = question["conflict_id"].as_str().unwrap().to_owned();
    let answer = day.at("15:20").answer(PARTNER, &id, &json!({"/starts_at": {"choose": "theirs"}}));
    day.sync(PARTNER);
    assert_eq!(day.status(&answer), "applied");
    assert_eq!(time_of(&mut day, "ceremony"), "16:30");
    day.nothing_is_asked();
    day.converges();
    "16:15 stays, both leads are asked".into()
}

pub(super) fn reorder_and_retime(logins: &Logins) -> String {
    let cake = moment(logins, "Cake", "21:30", "flex");
    let mut day = Day::new(logins, &[INES], &json!({}), &[(EVENTS, "cake", cake)]);
    let order = day.at("15:00").edit(ANA, EVENTS, "cake", json!({"order_key": "a1V"}));
    let time = day.at("15:05").edit(INES, EVENTS, "cake", starts("21:45"));
    day.sync(ANA);
    day.sync(INES);
    assert_eq!((day.status(&order), day.status(&time)), ("applied", "merged"));
    let cake = day.live(EVENTS, "cake");
    assert_eq!((&cake["order_key"], &cake["starts_at"]), (&json!("a1V"), &json!("2026-06-20T21:45")));
    day.nothing_is_asked();
    day.converges();
    "both apply, nobody sees anything".into()
}

/// An afternoon: before the delay, a fixed moment, one that is over, and two that may move.
fn afternoon(logins: &Logins) -> Day<'_> {
    let mut over = moment(logins, "First look", "16:05", "flex");
    over["status"] = "done".into();
    let documents = [
        (EVENTS, "lunch", moment(logins, "Lunch", "13:00", "flex")),
        (EVENTS, "ceremony", moment(logins, "Ceremony", "16:30", "fixed")),
        (EVENTS, "first-look", over),
        (EVENTS, "portraits", moment(logins, "Portraits", "17:00", "flex")),
        (EVENTS, "cocktail", moment(logins, "Cocktail", "17:30", "buffer")),
    ];
    Day::new(logins, &[INES, RUI], &json!({}), &documents)
}

/// The reason why a moment did not move with a shift.
fn excluded<'a>(told: &'a Value, id: &str) -> &'a str {
    let list = told["excluded"].as_array().unwrap_or_else(|| panic!("no list of what did not move: {told}"));
    let entry = list.iter().find(|entry| entry["document_id"] == id);
    entry.unwrap_or_else(|| panic!("{id} is not listed: {told}"))["reason"].as_str().unwrap()
}

fn touched(told: &Value) -> Vec<&str> {
    let mut ids: Vec<&str> = told["touched"].as_array().unwrap().iter().map(|entry| entry["document_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// When the moments of an afternoon begin, in the order of [`afternoon`].
fn times(day: &mut Day<'_>) -> [String; 5] {
    ["lunch", "ceremony", "first-look", "portraits", "cocktail"].map(|id| time_of(day, id))
}

pub(super) fn shift_and_edit(logins: &Logins) -> String {
    // whichever of the two was typed first
    for typed in ["15:05", "14:55"] {
        let mut day = afternoon(logins);
        let shift = day.at("15:00").shift(ANA, "16:00", 15);
        let edit = day.at(typed).edit(RUI, EVENTS, "portraits", starts("17:40"));
        day.sync(ANA);
        day.sync(RUI);
        assert_eq!(day.status(&shift), "applied");
        assert_eq!(touched(day.told(&shift)), ["cocktail", "portraits"]);
        assert_eq!(excluded(day.told(&shift), "ceremony"), "fixed");
        assert_eq!(excluded(day.told(&shift), "first-look"), "done");
        assert_eq!(day.status(&edit), "merged");
        assert_eq!(times(&mut day), ["13:00", "16:30", "16:05", "17:40", "17:45"], "the edit wins for its item");
        day.nothing_is_asked();
        day.converges();
    }
    "the rest moves, the edited item keeps its time, fixed and done ones are listed".into()
}

pub(super) fn edit_and_shift(logins: &Logins) -> String {
    let mut day = afternoon(logins);
    let shift = day.at("15:00").shift(ANA, "16:00", 15);
    let edit = day.at("15:05").edit(RUI, EVENTS, "portraits", starts("17:40"));
    day.sync(RUI);
    day.sync(ANA);
    assert_eq!((day.status(&edit), day.status(&shift)), ("applied", "merged"));
    assert_eq!(touched(day.told(&shift)), ["cocktail"]);
    assert_eq!(excluded(day.told(&shift), "portraits"), "edited");
    assert_eq!(excluded(day.told(&shift), "ceremony"), "fixed");
    assert_eq!(times(&mut day), ["13:00", "16:30", "16:05", "17:40", "17:45"], "as in the other order");
    day.nothing_is_asked();
    day.converges();
    "the same, the edited item is listed".into()
}

pub(super) fn two_shifts(logins: &Logins) -> String {
    let mut day = afternoon(logins);
    let planner = day.at("15:00").shift(ANA, "16:00", 10);
    let venue = day.at("15:01").shift(INES, "16:00", 15);
    day.sync(ANA);
    day.sync(INES);
    assert_eq!((day.status(&planner), day.status(&venue)), ("applied", "conflict"), "{}", day.told(&venue));
    assert_eq!(times(&mut day), ["13:00", "16:30", "16:05", "17:10", "17:40"], "the planner's, and never both");
    let question = day.the_question();
    assert_eq!(question["conflict_id"], day.told(&venue)["conflict_id"]);
    assert_eq!(question["assigned_to"], "role:lead");
    day.converges();
    assert_eq!(times(&mut day), ["13:00", "16:30", "16:05", "17:10", "17:40"], "and it stays so where nobody answers");
    "10 minutes, not 25; one question: also the venue's?".into()
}

pub(super) fn two_shifts_venue_first(logins: &Logins) -> String {
    let mut day = afternoon(logins);
    let planner = day.at("15:00").shift(ANA, "16:00", 10);
    let venue = day.at("15:01").shift(INES, "16:00", 15);
    day.sync(INES);
    assert_eq!(day.status(&venue), "applied");
    day.sync(ANA);
    assert_eq!(times(&mut day), ["13:00", "16:30", "16:05", "17:10", "17:40"], "as in the other order");
    let question = day.the_question();
    assert_eq!(question["conflict_id"], day.told(&planner)["conflict_id"]);
    assert_eq!(question["assigned_to"], "role:lead");
    day.converges();
    "the same, in the other order".into()
}

pub(super) fn done_and_skipped(logins: &Logins) -> String {
    for planner_first in [true, false] {
        let toast = moment(logins, "Toast", "19:30", "flex");
        let mut day = Day::new(logins, &[INES, RUI], &json!({}), &[(EVENTS, "toast", toast)]);
        day.at("15:00").edit(RUI, EVENTS, "toast", json!({"status": "done", "status_note": "Said on the terrace."}));
        day.at("15:05").edit(INES, EVENTS, "toast", json!({"status": "skipped", "status_note": "No microphone in the barn."}));
        for part in if planner_first { [RUI, INES] } else { [INES, RUI] } {
            day.sync(part);
        }
        let toast = day.live(EVENTS, "toast");
        assert_eq!(toast["status"], "done");
        let note = toast["status_note"].as_str().unwrap();
        assert!(note.contains("Said on the terrace.") && note.contains("No microphone in the barn."), "both reasons are kept: {note}");
        day.nothing_is_asked();
        day.converges();
    }
    "done, with both reasons, in either order".into()
}
