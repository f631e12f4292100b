//! One answer, and what everybody holds in the end.

use serde_json::{Value, json};

use super::super::tablet::{Tablet, new_op_id, text_of};
use super::{ANA, Cast, INES, PASSWORD, RUI, expect, say};
use crate::failure::Failure;

/// Lists what is asked, and answers one question.
pub(super) fn answer(cast: &mut Cast) -> Result<(), Failure> {
    let listed = cast.http.call("GET", &format!("/api/offline/conflict?space={}&state=open", cast.space), &cast.ana.token, None)?;
    let open = listed.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    expect(open.len() == 2, || format!("{} questions are open instead of two", open.len()))?;
    let confetti = open.iter().find(|conflict| text_of(conflict, "document_id") == "shot-confetti");
    let Some(confetti) = confetti else { return expect(false, || "the deletion is not asked about".into()) };
    say!("{} answers needed of Ana, of all that three people did without seeing each other.", open.len());
    let answer = json!({"resolutions": [{
        "conflict_id": confetti.get("conflict_id"), "op_id": new_op_id(), "version": confetti.get("version"),
        "fields": {"": {"choose": "theirs"}},
    }]});
    let answered = cast.http.call("PUT", "/api/offline/sync/resolve", &cast.ana.token, Some(&answer))?;
    let status = answered.pointer("/results/0/status").and_then(Value::as_str).unwrap_or_default();
    cast.ana.sync()?;
    let gone = cast.ana.document("shots", "shot-confetti").is_none();
    expect(status == "applied" && gone, || format!("the answer came back as {answered}"))?;
    say!("  She answers the third: Remove. The shot is gone, on every device.");
    Ok(())
}

/// Lets everybody sync once more, adds devices that were never there, and compares.
pub(super) fn compare(cast: &mut Cast) -> Result<(), Failure> {
    let mut new_for_ana = Tablet::login(&cast.http, "Ana, new", ANA, PASSWORD, "a new device")?;
    let mut new_for_ines = Tablet::login(&cast.http, "Inês, new", INES, PASSWORD, "a new device")?;
    let mut new_for_rui = Tablet::login(&cast.http, "Rui, new", RUI, PASSWORD, "a new device")?;
    for tablet in [&mut new_for_ana, &mut new_for_ines, &mut new_for_rui] {
        tablet.open(&cast.space);
    }
    for tablet in [&mut cast.ana, &mut cast.ines, &mut cast.rui, &mut new_for_ana, &mut new_for_ines, &mut new_for_rui] {
        tablet.sync()?;
    }
    let Cast { ana, rui, ines, .. } = &*cast;
    say!("Everybody syncs once more, and three new devices read everything from the beginning:");
    // money is sent to nobody but the planner, and what is private to her and the venue not to a photographer: everybody's sums
    // are those of their view
    let twins =
        [(ana, &new_for_ana), (&new_for_ana, ana), (ines, &new_for_ines), (&new_for_ines, ines), (rui, &new_for_rui), (&new_for_rui, rui)];
    for (tablet, twin) in twins {
        let own = tablet.own_checksums();
        let fits = own == tablet.checksums && own == twin.own_checksums() && tablet.holds_the_same_as(twin);
        let sum = own.get("timeline_events").map_or("none", String::as_str);
        expect(fits, || format!("{} and {} do not hold the same", tablet.owner, twin.owner))?;
        say!("  {:<9} {:>5} documents, timeline {sum}, {} checksums: the same", tablet.owner, tablet.documents(), own.len());
    }
    say!("  Nothing that anybody typed was lost.\n");
    Ok(())
}
