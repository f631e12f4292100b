//! The eight change requests about moments that belong to somebody else.

use serde_json::{Value, json};

use super::{ANA, Body, Entry, INES, RUI};

/// A field's value before and after.
enum Change {
    StartsAt(&'static str, &'static str),
    DurationMin(u32, u32),
}

struct Request {
    id: &'static str,
    title: &'static str,
    event_id: &'static str,
    change: Change,
    reason: &'static str,
    requested_by: &'static str,
    requested_at: &'static str,
    state: &'static str,
    decided_at: &'static str,
    decision_note: &'static str,
}

#[rustfmt::skip]
const REQUESTS: &[Request] = &[
    Request {
        id: "req-ceremony-later", title: "Start the ceremony at 16:30", event_id: "evt-ceremony",
        change: Change::StartsAt("2026-06-20T16:00", "2026-06-20T16:30"),
        requested_by: INES, requested_at: "2026-03-12T10:20:00Z", state: "declined", decided_at: "2026-03-12T14:05:00Z",
        reason: "The left third of the lawn gets shade from the oak at 16:30 in June; at 16:00 the first rows on the right still sit in the sun, and \
            two of the grandmothers with them.",
        decision_note: "The registrar marries in Cascais at 18:30 and has to leave by 17:00. We turn the rows by twenty degrees and put parasols on \
            the right instead.",
    },
    Request {
        id: "req-first-look-later", title: "First look ten minutes later", event_id: "evt-first-look",
        change: Change::StartsAt("2026-06-20T14:20", "2026-06-20T14:30"),
        requested_by: RUI, requested_at: "2026-03-15T19:41:00Z", state: "approved", decided_at: "2026-03-16T08:12:00Z",
        reason: "At the recce the sun came over the wall of the orange grove at 14:25. Five minutes earlier half of her face is in leaf shadow.",
        decision_note: "Yes. Emeka's moment on the landing keeps its place, the breathing space after it shrinks.",
    },
    Request {
        id: "req-flip-longer", title: "Ten more minutes for the barn", event_id: "evt-room-flip", change: Change::DurationMin(60, 70),
        requested_by: INES, requested_at: "2026-05-23T16:02:00Z", state: "approved", decided_at: "2026-05-23T17:30:00Z",
        reason: "The drill took 41 minutes without candles. Sixteen tables with nine candles each are another twenty, and nobody may light them before 18:30.",
        decision_note: "Approved, it stays inside the cocktail hour. Florist has been told.",
    },
    Request {
        id: "req-golden-hour-earlier", title: "Golden hour at 20:20 instead of 20:30", event_id: "evt-golden-hour",
        change: Change::StartsAt("2026-06-20T20:30", "2026-06-20T20:20"),
        requested_by: RUI, requested_at: "2026-06-05T21:17:00Z", state: "approved", decided_at: "2026-06-06T07:50:00Z",
        reason: "Sunset is at 21:04, but the ridge hides the sun at 20:48. With three minutes in the buggy and twenty for pictures, 20:30 is too late \
            by exactly the good part.",
        decision_note: "Approved. Main course is served to the others meanwhile, Hélder keeps two plates.",
    },
    Request {
        id: "req-portraits-longer", title: "Portraits 45 minutes instead of 30", event_id: "evt-portraits",
        change: Change::DurationMin(30, 45),
        requested_by: RUI, requested_at: "2026-06-05T21:24:00Z", state: "declined", decided_at: "2026-06-06T07:58:00Z",
        reason: "Two places with a walk between them. Thirty minutes are enough if both arrive on time, and they will be stopped by every aunt on the terrace.",
        decision_note: "They want to be with their people during the cocktail hour, that is the one thing both wrote down. Camille walks ahead and \
            keeps the aunts away.",
    },
    Request {
        id: "req-coach-rest", title: "Second coach home at 00:45", event_id: "evt-shuttle-home-2",
        change: Change::StartsAt("2026-06-21T00:30", "2026-06-21T00:45"),
        requested_by: INES, requested_at: "2026-06-09T11:36:00Z", state: "approved", decided_at: "2026-06-09T11:52:00Z",
        reason: "Armindo rang the gatehouse: the driver of coach 1 is back from the first round at 00:00 and must stand for thirty minutes. He cannot \
            load before 00:30.",
        decision_note: "Approved, and printed like that on the cards. The sparklers move people to the avenue just before, which helps.",
    },
    Request {
        id: "req-cocktail-shorter", title: "Cocktail hour 80 minutes", event_id: "evt-cocktail", change: Change::DurationMin(100, 80),
        requested_by: INES, requested_at: "2026-06-10T09:05:00Z", state: "withdrawn", decided_at: "2026-06-11T08:40:00Z",
        reason: "Kitchen would like to send the starter at 19:00, since the soup has to be below eight degrees and the barn warms up with 144 people in it.",
        decision_note: "Withdrawn: Lurdes brings a second cold cabinet, and the soup waits in there.",
    },
    Request {
        id: "req-snack-earlier", title: "Late snack at 23:30", event_id: "evt-late-snack",
        change: Change::StartsAt("2026-06-20T23:45", "2026-06-20T23:30"),
        requested_by: INES, requested_at: "2026-06-20T12:47:00Z", state: "open", decided_at: "", decision_note: "",
        reason: "The first coach leaves at 23:30 with all the grandparents, and Dona Odete would like to see people eat her bread before she goes. \
            Kitchen says it can, if it hears by 21:00.",
    },
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    REQUESTS.iter().map(entry)
}

fn entry(request: &Request) -> Entry {
    let (field, before, after) = match request.change {
        Change::StartsAt(before, after) => ("starts_at", Value::from(before), Value::from(after)),
        Change::DurationMin(before, after) => ("duration_min", Value::from(before), Value::from(after)),
    };
    let body = Body::new()
        .put("title", request.title)
        .put("collection", "timeline_events")
        .put("document_id", request.event_id)
        .put("base", json!({ field: before }))
        .put("patch", json!({ field: after }))
        .put("reason", request.reason)
        .put("requested_by", request.requested_by)
        .put("requested_at", request.requested_at)
        .put("owner_role", "lead")
        .put("state", request.state)
        .text("decided_at", request.decided_at)
        .text("decision_note", request.decision_note);
    let decided_by = match request.state {
        "open" => "",
        "withdrawn" => request.requested_by,
        _ => ANA,
    };
    body.text("decided_by", decided_by).entry("change_requests", request.id)
}
