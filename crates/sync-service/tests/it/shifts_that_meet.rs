//! Two shifts of the same time, of people who had not seen each other's.

use serde_json::json;

use crate::shift::{Day, at, event, excluded, moved, range, set, shift, touched};
use crate::sync::{id, told};

#[test]
fn the_second_of_two_asks_and_no_is_the_default() {
    let day = Day::new();
    let first = day.bo(shift(8, 4, "16:00", 10));
    let second = day.pair.one(&day.bo, shift(9, 4, "16:00", 15));
    assert_eq!((told(&first).0, told(&second).0, touched(&second)), ("applied", "conflict", vec![]));
    assert_eq!(day.starts(), ["15:00", "16:00", "17:10", "19:10"]);
    let question = day.open_questions().remove(0);
    assert_eq!((&question["conflict_id"], &question["kind"], &question["op_id"]), (&second["conflict_id"], &json!("group"), &json!(id(9))));
    assert_eq!((&question["if_ignored"], &question["intent"]["args"]["by_min"]), (&json!("Nothing is shifted again."), &json!(15)));
    assert_eq!((&question["ours_by"]["op_id"], &question["theirs_by"]["op_id"]), (&json!(id(8)), &json!(id(9))));
    let field = &question["documents"][0]["fields"]["/starts_at"];
    assert_eq!(
        (&field["base"], &field["ours"], &field["theirs"], &field["suggestion"]["choose"]),
        (&json!(at("17:00")), &json!(at("17:10")), &json!(at("17:25")), &json!("ours"),)
    );
    // a replay tells the same question
    let again = day.pair.one(&day.bo, shift(9, 4, "16:00", 15));
    assert_eq!((&again["was"], &again["conflict_id"]), (&json!("conflict"), &second["conflict_id"]));
    assert_eq!(told(&day.answer(20, "ours")).0, "applied");
    assert_eq!((day.starts(), day.open_questions().len()), (vec!["15:00".into(), "16:00".into(), "17:10".into(), "19:10".into()], 0));
}

#[test]
fn both_shifts_where_somebody_says_so() {
    let day = Day::new();
    day.bo(shift(8, 4, "16:00", 10));
    day.pair.one(&day.bo, shift(9, 4, "15:00", 15));
    // what anybody gave another time since then keeps it, whoever it was
    day.pair.one(&day.bo, set(10, "dinner", 6, json!({"starts_at": at("20:00")})));
    day.ana(event(11, "toast", "21:00", json!({})));
    let answer = day.answer(20, "theirs");
    assert_eq!((told(&answer).0, excluded(&answer)), ("applied", vec![("ceremony", "fixed"), ("dinner", "edited")]));
    assert_eq!(moved(&answer), ["drinks", "portraits", "toast"]);
    assert_eq!(day.starts_of(&["drinks", "portraits", "dinner", "toast"]), ["15:15", "17:25", "20:00", "21:15"]);
    assert_eq!(day.open_questions().len(), 0);
    // the answer is a shift as well: one that has not seen it asks again
    assert_eq!(told(&day.bo(range(21, 6, ("17:00", Some("18:00")), 5))).0, "conflict");
}

#[test]
fn an_answer_that_has_not_seen_the_news_asks_again() {
    let day = Day::new();
    day.bo(shift(8, 4, "16:00", 10));
    day.pair.one(&day.bo, shift(9, 4, "16:00", 15));
    let seen = day.open_questions().remove(0);
    day.ana(set(10, "portraits", 5, json!({"starts_at": at("17:45")})));
    let stale = day.pair.resolve(&day.pair.ana, 20, &seen, json!({"choose": "theirs"}));
    assert_eq!((told(&stale).0, day.starts()[2].as_str()), ("conflict", "17:45"));
    let news = day.open_questions().remove(0);
    assert_eq!(news["documents"][0]["fields"]["/starts_at"]["ours"], at("17:45"));
    let answer = day.pair.resolve(&day.pair.ana, 21, &news, json!({"choose": "theirs"}));
    assert_eq!(day.starts()[2..], ["17:45", "19:25"]);
    let again = day.pair.resolve(&day.pair.ana, 21, &news, json!({"choose": "theirs"}));
    assert_eq!((&again["was"], &again["touched"], &again["excluded"]), (&json!("applied"), &answer["touched"], &answer["excluded"]));
}

#[test]
fn a_leads_shift_stands_whichever_came_first() {
    for lead_is_first in [true, false] {
        let day = Day::new();
        let (lead, other) = (shift(8, 4, "16:00", 15), shift(9, 4, "16:00", 10));
        let results = if lead_is_first { [day.ana(lead), day.bo(other)] } else { [day.bo(other), day.ana(lead)] };
        assert_eq!(results.each_ref().map(|result| told(result).0), ["applied", "conflict"]);
        assert_eq!(day.starts(), ["15:00", "16:00", "17:15", "19:15"], "lead first: {lead_is_first}");
        let question = day.open_questions().remove(0);
        assert_eq!((&question["theirs_by"]["op_id"], &question["intent"]["args"]["by_min"]), (&json!(id(9)), &json!(10)));
        assert_eq!((&question["ours_by"]["op_id"], &question["ours_by"]["user_id"]), (&json!(id(8)), &json!(day.pair.ana.user_id)));
        let field = &question["documents"][0]["fields"]["/starts_at"];
        assert_eq!((&field["base"], &field["ours"], &field["theirs"]), (&json!(at("17:00")), &json!(at("17:15")), &json!(at("17:25"))));
        let answer = day.answer(20, "theirs");
        assert_eq!(moved(&answer), ["portraits", "dinner"]);
        assert_eq!((day.starts()[2..].to_vec(), day.open_questions().len()), (vec!["17:25".to_owned(), "19:25".to_owned()], 0));
    }
}

#[test]
fn a_leads_shift_stands_only_where_both_meet() {
    let day = Day::new();
    day.bo(shift(8, 4, "15:00", 10));
    let lead = day.ana(range(9, 4, ("17:00", Some("18:00")), 10));
    // by as much as the other did already: nothing changes, and whether both are meant is asked all the same
    assert_eq!((told(&lead).0, touched(&lead)), ("conflict", vec![]));
    assert_eq!(day.starts(), ["15:10", "16:00", "17:10", "19:10"]);
    day.ana(set(10, "drinks", 5, json!({"starts_at": at("15:30")})));
    assert_eq!(moved(&day.answer(20, "theirs")), ["portraits"]);
    assert_eq!(day.starts(), ["15:30", "16:00", "17:20", "19:10"]);
}

#[test]
fn two_leads_are_asked() {
    let day = Day::new();
    day.ana(shift(8, 4, "16:00", 10));
    let second = day.pair.world.caller("ana@example.org");
    assert_eq!(told(&day.pair.one(&second, shift(9, 4, "16:00", 15))).0, "conflict");
    assert_eq!(day.starts()[2..], ["17:10", "19:10"]);
}

#[test]
fn ranges_that_do_not_meet_do_not_ask() {
    let day = Day::new();
    day.bo(range(8, 4, ("15:00", Some("18:00")), 90));
    // portraits were not in this range when its sender looked, wherever they are now
    let second = day.pair.one(&day.bo, shift(9, 4, "18:00", 15));
    assert_eq!((told(&second).0, touched(&second)), ("applied", vec![("dinner", 7)]));
    assert_eq!(day.starts(), ["16:30", "16:00", "18:30", "19:15"]);
}

#[test]
fn a_base_that_is_not_known_is_asked_about() {
    let day = Day::new();
    day.ana(set(8, "dinner", 4, json!({"title": "Dinner"})));
    let result = day.bo(shift(9, 999, "16:00", 15));
    assert_eq!((told(&result).0, day.starts()[3].as_str()), ("conflict", "19:00"));
    assert_eq!(told(&day.answer(20, "theirs")).0, "applied");
    assert_eq!(day.starts(), ["15:00", "16:00", "17:15", "19:15"]);
}
