//! The five conflicts: what two people did, what the server made of it, who is asked and what happens if nobody answers.

use serde_json::{Value, json};

use super::super::tablet::{Tablet, text_of};
use super::words::{asked, clock, name, reason};
use super::{Cast, EVENTS, Script, expect, say};
use crate::failure::Failure;

/// Tells all five.
pub(super) fn tell(cast: &mut Cast, script: &Script) -> Result<(), Failure> {
    ceremony(cast, script)?;
    delay(cast, script)?;
    confetti(cast, script)?;
    joao(cast, script)?;
    driver(cast, script)
}

/// A member of a document as Ana's laptop holds it, which has read everything.
fn live<'a>(cast: &'a Cast, collection: &str, id: &str, member: &str) -> &'a Value {
    cast.ana.document(collection, id).and_then(|body| body.get(member)).unwrap_or(&Value::Null)
}

/// The open question that a result names.
fn question<'a>(cast: &'a Cast, result: &Value) -> Result<&'a serde_json::Map<String, Value>, Failure> {
    let id = text_of(result, "conflict_id");
    cast.ana.document("_conflicts", id).ok_or_else(|| Failure::Failed(format!("nothing is asked, and a question was expected: {result}")))
}

fn text<'a>(body: &'a serde_json::Map<String, Value>, member: &str) -> &'a str {
    body.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Tells that a question waits, and what happens meanwhile.
fn tell_question(cast: &Cast, question: &serde_json::Map<String, Value>, choices: &str) {
    say!("   {} is asked: {choices}", asked(cast, text(question, "assigned_to")));
    say!("   If nobody answers: {}\n", text(question, "if_ignored"));
}

fn ceremony(cast: &Cast, script: &Script) -> Result<(), Failure> {
    let (planner, venue) = (&script.ceremony.one, &script.ceremony.other);
    let told = cast.ines.result(venue);
    expect(cast.ana.status(planner) == "applied" && live(cast, EVENTS, "evt-ceremony", "starts_at") == "2026-06-20T16:15", || {
        format!("the planner's time does not count: {}", cast.ana.result(planner))
    })?;
    expect(told.get("proposed") == Some(&json!(["/starts_at"])), || format!("the venue's time is no proposal: {told}"))?;
    let request = cast.ana.find("change_requests", |body| {
        text(body, "document_id") == "evt-ceremony" && text(body, "state") == "open" && text(body, "requested_by") == cast.ines.user_id
    });
    let Some(request) = request else { return expect(false, || "the venue's time is kept nowhere".into()) };
    let wanted = request.get("patch").and_then(|patch| patch.get("starts_at")).unwrap_or(&Value::Null);
    expect(clock(wanted) == "16:30", || format!("the request is about something else: {wanted}"))?;
    say!("1. Ana moved the ceremony to 16:15. Inês moved it to 16:30.");
    say!(
        "   It is at {}. Why: {}.",
        clock(live(cast, EVENTS, "evt-ceremony", "starts_at")),
        reason(cast, &cast.ines.token, venue, "/starts_at")?
    );
    say!("   Inês's 16:30 is not lost: \"{}\" waits for {}, who approves or declines it.", text(request, "title"), cast.ana.owner);
    say!("   If nobody answers: the ceremony stays at 16:15.\n");
    Ok(())
}

fn delay(cast: &Cast, script: &Script) -> Result<(), Failure> {
    let (planner, venue) = (cast.ana.result(&script.delay.one), cast.ines.result(&script.delay.other));
    let count = |result: &Value, member: &str| result.get(member).and_then(Value::as_array).map_or(0, Vec::len);
    let once = live(cast, EVENTS, "evt-golden-hour", "starts_at") == "2026-06-20T20:30";
    expect(once, || format!("two shifts were added up, or none counts: {planner}"))?;
    expect(live(cast, EVENTS, "evt-grand-entrance", "starts_at") == "2026-06-20T19:00", || "a fixed moment moved".into())?;
    expect(live(cast, EVENTS, "evt-cake", "starts_at") == "2026-06-20T21:50", || {
        format!("Rui's time of the cake does not count: {}", cast.rui.result(&script.cake))
    })?;
    let question = question(cast, venue)?;
    say!("2. Ana moved everything from 18:30 on by 10 minutes. Inês moved it by 15, for the same delay.");
    say!("   Two people who tell one delay don't make it 25: it is 10, the planner's. {} moments moved.", count(planner, "touched"));
    say!(
        "   {} stayed, because they are fixed: the entrance at 19:00. The cake is at 21:50, because Rui said so.",
        count(planner, "excluded")
    );
    tell_question(cast, question, "also move it by 15 minutes?  No / Yes");
    Ok(())
}

fn confetti(cast: &Cast, script: &Script) -> Result<(), Failure> {
    let told = cast.rui.result(&script.confetti.other);
    let question = question(cast, told)?;
    let kept = live(cast, "shots", "shot-confetti", "notes") == "Petals only, from the left: the light is there.";
    expect(kept && text(question, "kind") == "edit_delete", || format!("an edit was lost to a deletion: {told}"))?;
    let by = question.get("theirs_by").map(|by| text_of(by, "user_id")).unwrap_or_default();
    say!("3. {} removed the shot \"Confetti walk\". Rui changed its notes.", name(cast, by));
    say!("   It is there, with Rui's notes: work is never lost to a deletion.");
    tell_question(cast, question, "removed by Ana, kept because Rui changed it.  Remove / Keep");
    Ok(())
}

fn joao(cast: &Cast, script: &Script) -> Result<(), Failure> {
    let flags = live(cast, "guests", "guest-joao-pires", "allergy_flags");
    let note = live(cast, "guests", "guest-joao-pires", "dietary_note");
    let status = cast.ines.status(&script.joao.other);
    expect(*flags == json!(["peanuts", "sesame", "tree nuts"]) && status == "merged", || {
        format!("an allergy was lost: {flags}, {status}")
    })?;
    expect(note.as_str().is_some_and(|note| note.contains("in a closed jug")), || format!("a note was lost: {note}"))?;
    say!("4. Ana added tree nuts to João's allergies. Inês rewrote his note for the kitchen.");
    let flags: Vec<&str> = flags.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    say!("   The kitchen reads both: {}; and Inês's note. Nobody is asked, and no merge ever drops an allergy.\n", flags.join(", "));
    Ok(())
}

fn driver(cast: &Cast, script: &Script) -> Result<(), Failure> {
    let told = cast.ines.result(&script.driver.other);
    let warnings = told.get("warnings").and_then(Value::as_array);
    let warning = warnings.into_iter().flatten().find(|warning| text_of(warning, "code") == "duplicate");
    let there =
        |tablet: &Tablet| ["contact-fernanda-luz", "contact-fernanda-luz-2"].iter().all(|id| tablet.document("contacts", id).is_some());
    expect(there(&cast.ana) && cast.ines.status(&script.driver.other) == "applied", || format!("a contact was lost: {told}"))?;
    let Some(warning) = warning else { return expect(false, || format!("a double is not noticed: {told}")) };
    say!("5. Ana and Inês both entered the second driver, Fernanda Luz.");
    say!("   Both are kept, nothing is merged by guessing. Inês's tablet says: \"{}\"\n", text_of(warning, "detail"));
    Ok(())
}
