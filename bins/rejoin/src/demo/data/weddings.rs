//! The wedding itself: one document.

use super::{ANA, Body, Entry};

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    let body = Body::new()
        .put("name", "Amara & Joel")
        .strings("couple", &["contact-amara-okafor", "contact-joel-moreau"])
        .strings(
            "style_tags",
            &["country house", "three languages", "long dinner", "talking drums", "no phones in the ceremony"],
        )
        .strings("palette", &["moss green", "copper", "bone white", "orange leaf"])
        .strings("languages", &["pt", "en", "fr", "ig"])
        .put("dress_code", "Garden formal, flat or block heels: the lawn is a lawn. Aso ebi in moss green or copper is welcome, not required.")
        .put("hashtag", "#AmaraEJoel")
        .put("website", "https://amara-joel.example.org")
        .put("livestream", "https://amara-joel.example.org/live, code on the card that Camille sent; starts at 15:45, chat is moderated by Obinna")
        .put(
            "notes",
            "They met over a wrongly delivered box of tiles, and the tiles are now the table numbers. What matters to them, in this order: that the \
             grandmothers are comfortable, that nobody feels placed by nationality, that dinner is long and the speeches are short. No surprises on \
             the dance floor, no garter, no bouquet toss. Phones away from the processional until the confetti.",
        )
        .put("date", "2026-06-20")
        .put("tz", "Europe/Lisbon")
        .put("ceremony_at", "2026-06-20T16:00")
        .put("reception_at", "2026-06-20T18:45")
        .put("sunset_at", "2026-06-20T21:04")
        .put("status", "live")
        .put("plan_b_state", "fair")
        .put("plan_b_call_at", "2026-06-20T13:00")
        .put(
            "emergency_plan",
            "1. Inês decides about the building, Dulce about people, Ana about the programme; when they disagree, Dulce wins.\n\
             2. Meeting point: the plane trees by the gatehouse. Chiamaka and Tiago count their lists, Hélder counts the crew.\n\
             3. Allergic reaction: radio channel 1, say \"red cloche\" and the table number. Pens: Dulce, the carers, the kitchen pass.\n\
             4. Fire: leave by the nearest door, not through the kitchen. Gas tap is behind the blue hatch, the key hangs on Inês's belt.\n\
             5. Thunder: everybody into the barn, lawn system off, nobody under the cork oak.\n\
             6. Missing child: gates shut first, then search. Carers keep the other seven in the old schoolroom.\n\
             7. Ambulances use the upper gate, the bridge by the mill carries only 3.5 t.",
        )
        .put("guest_count_final", 142)
        .put("venue_id", "venue-quinta-do-vale")
        .put("lead_id", ANA)
        .put("currency", "EUR")
        .put("budget_total", 7_400_000)
        .entry("weddings", "wedding");
    std::iter::once(body)
}
