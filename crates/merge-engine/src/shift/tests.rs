use serde_json::json;

use super::*;

fn at(clock: &str) -> LocalTime {
    LocalTime::parse(&format!("2026-06-20T{clock}")).unwrap()
}

fn args(from: &str, to: Option<&str>, by_min: i64) -> ShiftArgs {
    ShiftArgs { from: at(from), to: to.map(at), by_min, reason: None }
}

/// What a shift by 15 minutes from 16:00 does to one document that starts then, or as the body says.
fn one(body: Value, meanwhile: Meanwhile, meeting: Meeting) -> String {
    told(&args("16:00", None, 15), body, meanwhile, meeting)
}

fn told(args: &ShiftArgs, body: Value, meanwhile: Meanwhile, meeting: Meeting) -> String {
    let Value::Object(body) = body else { panic!("an object") };
    let shifted = shift(&undeclared(), args, [Planned { id: "a", body: &body, meanwhile }], meeting);
    let moved = shifted.moved.iter().map(|moved| moved.to[11..].to_owned());
    let excluded = shifted.excluded.iter().map(|(_, reason)| reason.as_str().to_owned());
    let asks = shifted.asks.then(|| "?".to_owned());
    moved.chain(excluded).chain(asks).collect::<Vec<_>>().join(" ")
}

fn event(clock: &str) -> Value {
    json!({"starts_at": format!("2026-06-20T{clock}")})
}

const fn shifted(minutes: i64, lead: bool) -> Meanwhile {
    Meanwhile::Shifted { by_s: minutes * 60, lead }
}

#[test]
fn arguments_say_what_is_wrong_with_them() {
    let good = json!({"from": "2026-06-20T16:00", "to": null, "by_min": -1440, "reason": "shuttle late", "later": 1});
    let read = ShiftArgs::read(&good).unwrap();
    assert_eq!((read.from, read.to, read.by_min, read.reason.as_deref()), (at("16:00"), None, -1440, Some("shuttle late")));
    for (name, value, place) in [
        ("from", json!(null), "/from"),
        ("from", json!("16:00"), "/from"),
        ("from", json!("2026-06-20T16:00Z"), "/from"),
        ("to", json!("2026-06-20T16:00"), "/to"),
        ("to", json!("2026-06-20T15:59:59"), "/to"),
        ("to", json!(17), "/to"),
        ("by_min", json!(null), "/by_min"),
        ("by_min", json!(1.5), "/by_min"),
        ("by_min", json!(1441), "/by_min"),
        ("by_min", json!(i64::MIN), "/by_min"),
        ("by_min", json!("15"), "/by_min"),
        ("reason", json!(1), "/reason"),
        ("reason", json!("x".repeat(MAX_REASON_BYTES + 1)), "/reason"),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert_eq!(ShiftArgs::read(&bad).unwrap_err().pointer, place, "{bad}");
    }
    for bad in [json!(null), json!([]), json!("16:00")] {
        assert_eq!(ShiftArgs::read(&bad).unwrap_err().pointer, "", "{bad}");
    }
}

#[test]
fn moves_what_is_in_the_range() {
    for (from, to, by_min, start, result) in [
        ("16:00", None, 15, "16:00", "16:15"),
        ("16:00", None, 15, "15:59", ""),
        ("16:00", Some("18:00"), 15, "18:00", ""),
        ("16:00", Some("18:00"), 15, "17:59:59", "18:14:59"),
        ("16:00", None, -20, "16:10", "15:50"),
        ("16:00", None, 15, "23:50", "00:05"),
        ("16:00", None, 0, "16:00", ""),
    ] {
        let result_of = told(&args(from, to, by_min), event(start), Meanwhile::Nothing, Meeting::Ask);
        assert_eq!(result_of, result, "{from} {to:?} {by_min} {start}");
    }
    for start in [json!(null), json!("soon"), json!("2026-06-20"), json!(16), json!({"at": "2026-06-20T16:00"})] {
        assert_eq!(one(json!({"starts_at": start}), Meanwhile::Nothing, Meeting::Ask), "", "{start}");
    }
}

#[test]
fn what_is_fixed_over_or_has_another_time_stays() {
    let with = |name: &str, value: &str| {
        let mut body = event("16:00");
        body[name] = json!(value);
        body
    };
    for (body, result) in [
        (with("anchor", "fixed"), "fixed"),
        (with("anchor", "buffer"), "16:15"),
        (with("status", "started"), "done"),
        (with("status", "done"), "done"),
        (with("status", "skipped"), "done"),
        (with("status", "planned"), "16:15"),
    ] {
        assert_eq!(one(body.clone(), Meanwhile::Nothing, Meeting::Ask), result, "{body}");
        // whoever moved it meanwhile: that it is fixed, or over, is the reason
        let stays = if result == "16:15" { "edited" } else { result };
        assert_eq!(one(body, Meanwhile::Edited { was: None }, Meeting::Ask), stays);
    }
    // told also where the edit took it out of the range that it was in, and not where it never was
    let edited = |was: &str| one(event("15:00"), Meanwhile::Edited { was: Some(at(was)) }, Meeting::Ask);
    assert_eq!((edited("17:00").as_str(), edited("15:30").as_str()), ("edited", ""));
}

#[test]
fn two_shifts_for_one_delay_do_not_add_up() {
    for (meanwhile, meeting, result) in [
        (shifted(10, false), Meeting::Ask, "16:25 ?"),
        (shifted(10, true), Meeting::Ask, "16:25 ?"),
        (shifted(10, false), Meeting::Replace, "16:15"),
        (shifted(10, true), Meeting::Replace, "16:25 ?"),
        (shifted(10, true), Meeting::Add, "16:25"),
    ] {
        assert_eq!(one(event("16:10"), meanwhile, meeting), result, "{meanwhile:?} {meeting:?}");
    }
    // the range is where the sender saw things: 15:55 is not in it, wherever the other shift took it
    assert_eq!(one(event("16:05"), shifted(10, false), Meeting::Ask), "");
    // what the sender saw in the range is, even where the other shift took it out
    assert_eq!(one(event("15:50"), shifted(-10, false), Meeting::Replace), "16:15");
}

#[test]
fn changes_add_up_to_what_happened_meanwhile() {
    use Hand::{Other, OtherShift, Own, OwnShift, Unknown};
    let step = |hand, before: &str, after: &str| Step { hand, before: LocalTime::parse(before), after: Some(at(after)) };
    let (four, ten_past, half_past) = ("2026-06-20T16:00", "2026-06-20T16:10", "2026-06-20T16:30");
    let ours = OtherShift { lead: false };
    for (steps, result) in [
        (vec![], Meanwhile::Nothing),
        (vec![step(Own, four, "16:30")], Meanwhile::Nothing),
        (vec![step(OwnShift, four, "16:10")], Meanwhile::Nothing),
        (vec![step(Other, four, "16:30")], Meanwhile::Edited { was: Some(at("16:00")) }),
        // a time that somebody gave to what had none is not another one
        (vec![step(Other, "", "16:30")], Meanwhile::Nothing),
        (vec![step(ours, four, "16:10")], shifted(10, false)),
        (vec![step(OtherShift { lead: true }, ten_past, "16:30"), step(ours, four, "16:10")], shifted(30, true)),
        (vec![step(ours, ten_past, "16:30"), step(OwnShift, four, "16:10")], shifted(20, false)),
        // the sender's own time stands for all that came before it
        (vec![step(ours, half_past, "16:40"), step(Own, ten_past, "16:30"), step(ours, four, "16:10")], shifted(10, false)),
        (vec![step(ours, half_past, "16:40"), step(Other, four, "16:30")], Meanwhile::Edited { was: Some(at("16:00")) }),
        (vec![step(ours, four, "16:10"), step(Other, "", "16:00")], shifted(10, false)),
        (vec![step(Unknown, four, "16:10")], shifted(0, true)),
    ] {
        assert_eq!(Meanwhile::of(steps.clone()), result, "{steps:?}");
    }
}
