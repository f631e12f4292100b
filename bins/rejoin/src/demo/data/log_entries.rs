//! The planner's log: 80 entries from the first site visit to five minutes before the snapshot at 14:05.

use super::{ANA, Body, Entry, INES, RUI};

struct Log {
    id: &'static str,
    at: &'static str,
    kind: &'static str,
    severity: &'static str,
    channel: &'static str,
    author_id: &'static str,
    text: &'static str,
    event_id: &'static str,
    related: &'static [&'static str],
}

/// An ordinary entry by Ana, from the app.
const fn log(id: &'static str, at: &'static str, kind: &'static str, text: &'static str) -> Log {
    Log { id, at, kind, severity: "info", channel: "app", author_id: ANA, text, event_id: "", related: &[] }
}

impl Log {
    const fn ines(mut self) -> Self {
        self.author_id = INES;
        self
    }

    const fn rui(mut self) -> Self {
        self.author_id = RUI;
        self
    }

    const fn warning(mut self) -> Self {
        self.severity = "warning";
        self
    }

    const fn serious(mut self) -> Self {
        self.severity = "serious";
        self
    }

    const fn via(mut self, channel: &'static str) -> Self {
        self.channel = channel;
        self
    }

    const fn event(mut self, event_id: &'static str) -> Self {
        self.event_id = event_id;
        self
    }

    const fn about(mut self, related: &'static [&'static str]) -> Self {
        self.related = related;
        self
    }
}

#[rustfmt::skip]
const LOG: &[Log] = &[
    // The months before.
    log("log-site-visit", "2025-09-27T10:40:00Z", "note",
        "Site visit at Vale. Amara stood under the cork oak for ten minutes and did not say anything. I think that is the venue.")
        .about(&["venue-quinta-do-vale"]),
    log("log-fuse-trial", "2026-02-04T11:15:00Z", "incident",
        "Hair trial in the suite: two dryers on the window circuit, fuse out, main panel is behind a painting. Inês has marked the sockets since.")
        .warning().about(&["contact-hair", "venue-quinta-do-vale"]),
    log("log-apostille-arrived", "2026-02-18T16:30:00Z", "decision",
        "Apostille from Lagos arrived after seven weeks. We open the marriage process on the 20th, two days before it would have become tight.")
        .about(&["contact-registrar"]),
    log("log-recce-light", "2026-03-14T18:40:00Z", "note",
        "Recce: sun over the grove wall at 14:25, behind the ridge sixteen minutes before sunset. Both scaled to June with the app, error maybe five minutes.")
        .rui().event("evt-golden-hour"),
    log("log-sample-wilted", "2026-03-16T15:10:00Z", "incident",
        "Flower sample wilted by four. Joaquina saw it herself, offered 85 EUR and water tubes for the day before I had finished the sentence.")
        .about(&["contact-florist"]),
    log("log-cold-sparks-no", "2026-04-08T09:25:00Z", "decision",
        "No cold sparks in the barn, the roof is oak from 1780 and the insurer agrees with the roof. Sparklers on the avenue, with sand and a wind limit.")
        .ines().event("evt-sparkler-exit"),
    log("log-tasting-notes", "2026-04-18T14:20:00Z", "decision",
        "Tasting: cod goes, veal cheek stays, mushroom rice moves from \"for the others\" to the same line as the rest. Ngozi on video approved the jollof.")
        .via("meeting").about(&["contact-caterer"]),
    log("log-fryer-oil", "2026-04-21T08:45:00Z", "message",
        "Allergen desk answers: the event fryer runs on sunflower oil, the shop fryer on peanut oil. Only the event fryer comes to us. In writing.")
        .about(&["contact-caterer", "guest-joao-pires"]),
    log("log-emeka-cash", "2026-05-03T18:05:00Z", "message",
        "Emeka wants to pay his half of the drummers in cash on the night. Noted, receipt goes to him and not into the couple's view.")
        .via("phone").about(&["contact-drummers", "contact-emeka-okafor"]),
    log("log-family-frames", "2026-05-09T19:30:00Z", "decision",
        "Call with Ngozi, then with Emeka. One frame with Amara between them, at the aisle. Both said yes, both in writing, neither asked about the other.")
        .via("phone").event("evt-family-formals").about(&["contact-ngozi-nwosu", "contact-emeka-okafor"]),
    log("log-rain-drill", "2026-05-22T12:10:00Z", "checkpoint",
        "Plan B drill: lawn to barn in 41 minutes with eleven people. The lectern is the bottleneck, it needs two.").ines()
        .event("evt-ceremony"),
    log("log-neighbours-letter", "2026-05-26T09:00:00Z", "note",
        "Letters to three neighbours delivered by hand with a bottle each. Senhor Vasco of the vineyard asked what time he should dance.")
        .ines(),
    log("log-bar-insurance", "2026-06-02T10:35:00Z", "incident",
        "Bar's insurance expired on 14 May. Cátia renewed within two hours, new certificate is in the bundle.").warning()
        .about(&["contact-bar", "doc-insurance-vendors"]),
    log("log-theo-no-answer", "2026-06-03T20:15:00Z", "note",
        "Claire rang Théo three times. He counts as no; chair removed from table 5, Jeanne moves up.").about(&["guest-theo-marchetti"]),
    log("log-script-bisi", "2026-06-11T13:50:00Z", "incident",
        "Teresa's script called Bisi \"mother of the bride\" in the welcome. Corrected before anybody else read it. Checked every other name twice.")
        .serious().event("evt-ceremony").about(&["contact-officiant", "guest-bisi-okafor"]),
    log("log-beatrix-ankle", "2026-06-11T21:05:00Z", "message",
        "Beatrix broke her ankle on the stairs of Utrecht station. Livestream access sent, her place card will be posted.")
        .about(&["guest-beatrix-van-houten"]),
    log("log-count-final", "2026-06-12T11:00:00Z", "decision",
        "Final count is out: 142 guests, 8 of them children, plus the couple. Lurdes confirmed within the hour.")
        .about(&["contact-caterer"]),
    log("log-seating-frozen", "2026-06-12T17:45:00Z", "decision",
        "Seating is frozen at version five. One chair at table 15 stays free on purpose, that is not a mistake, please leave it.")
        .about(&["doc-seating-plan"]),
    log("log-calls-done", "2026-06-15T12:30:00Z", "checkpoint",
        "All vendors reached by voice. Bar wanted to come an hour later, stays at 13:30. Quartet brings its own pegs.").via("phone"),
    log("log-run-sheet-released", "2026-06-15T17:00:00Z", "checkpoint",
        "Run sheet released. Prep mode off for vendors and couple, private entries stay with Inês and me.").about(&["doc-run-sheet"]),
    log("log-foxglove", "2026-06-16T10:20:00Z", "decision",
        "No white foxglove on the market. Wild carrot instead, Amara said yes to a picture within four minutes.")
        .about(&["contact-florist"]),
    log("log-mathieu-jacket", "2026-06-16T18:40:00Z", "note",
        "Jacket collected, two centimetres let out. Mathieu says the tailor's tape is metric and that this is the problem.")
        .about(&["guest-mathieu-moreau"]),
    log("log-suitcase-lost", "2026-06-18T19:25:00Z", "incident",
        "Lagos flight landed, fourteen people, one suitcase missing: the copper gele. Traced to Casablanca, promised for Friday afternoon.")
        .warning().about(&["guest-uju-okafor"]),
    log("log-tile-nine", "2026-06-18T20:50:00Z", "note",
        "Joel chipped tile number 9 while varnishing. Repainted, looks better than before, nobody will know except everybody he tells.")
        .about(&["table-09"]),
    log("log-wind-forecast", "2026-06-18T21:10:00Z", "weather",
        "Wind for Saturday midnight: 18 km/h, gusts 24. Limit is 25. I read the meter at 00:15 and that decides.").ines()
        .event("evt-sparkler-exit"),
    // The day before.
    log("log-friday-nnamdi", "2026-06-19T05:55:00Z", "checkpoint",
        "Nnamdi landed early, room 408 was ready, he is asleep. Hotel did not charge the early check-in.")
        .about(&["contact-hotel", "guest-nnamdi-okafor"]),
    log("log-friday-suitcase", "2026-06-19T14:50:00Z", "checkpoint",
        "Suitcase delivered at 15:45. Uju counted the gele in the lobby, aloud, with applause.").about(&["guest-uju-okafor"]),
    log("log-friday-rehearsal", "2026-06-19T16:45:00Z", "checkpoint",
        "Rehearsal in forty minutes. Processional needs twelve seconds more than the music, Leonor's extra bar covers it. Léo dropped the box twice.")
        .event("evt-processional-lineup"),
    log("log-friday-lawn", "2026-06-19T17:10:00Z", "note",
        "Lawn mown, meadow path cut a metre wide, bee boxes marked with ribbon so that nobody poses there.").ines()
        .event("evt-wedding-party-photos"),
    log("log-friday-rings", "2026-06-19T18:20:00Z", "checkpoint", "Rings handed from Joel to Tiago, I saw it. Box 14 in the wooden box.")
        .event("evt-ring-check").about(&["contact-tiago-nogueira"]),
    log("log-friday-brothers", "2026-06-19T20:35:00Z", "note",
        "Luc and Étienne said good evening to each other at the buffet. Nobody breathed. Still: separate coaches, separate tables, as planned.")
        .about(&["guest-luc-moreau", "guest-etienne-moreau"]),
    log("log-friday-quiet", "2026-06-19T21:58:00Z", "checkpoint", "Courtyard quiet at 22:55. Sixty-four fed, nobody lost, hotel happy.")
        .about(&["contact-hotel"]),
    log("log-friday-backup", "2026-06-19T22:40:00Z", "checkpoint",
        "Cards of the evening copied twice. Cameras are set to Ana's phone, difference under a second.").rui(),
    // The day.
    log("log-gates-green", "2026-06-20T05:58:00Z", "checkpoint",
        "Gates green. Generator ran ten minutes under load, well gauge 72 %, no water lorry.").ines().via("radio 1")
        .event("evt-gates-open"),
    log("log-lorry-in", "2026-06-20T06:38:00Z", "delivery",
        "Lorry in the yard eight minutes late, detour behind the bakery. Counting on the ramp.").ines().event("evt-load-in-rentals"),
    log("log-chairs-counted", "2026-06-20T07:12:00Z", "delivery",
        "150 chairs and 6 spare. Two with loose seats are in the cart shed with red tape, so four spare that can be sat on.").ines()
        .event("evt-load-in-rentals").about(&["contact-rentals"]),
    log("log-split-table", "2026-06-20T07:24:00Z", "incident",
        "One long table has a split edge. Swapped for the quinta's own, same height, 3 cm narrower: table 15 gets it, runner covers it.")
        .warning().ines().event("evt-load-in-rentals").about(&["table-15"]),
    log("log-florist-in", "2026-06-20T07:23:00Z", "delivery",
        "Flower van at the mill gate first, reversed out, now at the lower lawn. Twenty minutes lost, arch stands before the sun does.")
        .event("evt-load-in-florals").about(&["contact-florist"]),
    log("log-harriet-spray", "2026-06-20T07:50:00Z", "note",
        "The bottle marked H is on the left of the mirror. Folasade has tried it on her own wrist as well.").event("evt-hair-makeup-party")
        .about(&["guest-harriet-whitcombe"]),
    log("log-cold-chain", "2026-06-20T08:26:00Z", "checkpoint",
        "Van 1 at 2.8 degrees, van 2 at 3.4. Photographs of both displays attached to the sheet.").ines().event("evt-kitchen-load-in")
        .about(&["contact-caterer"]),
    log("log-nut-bench", "2026-06-20T08:49:00Z", "checkpoint",
        "Nut-free bench under the window is set: own boards, own knives with green handles, sign on the wall in Portuguese.").ines()
        .event("evt-kitchen-load-in"),
    log("log-north-exit", "2026-06-20T09:02:00Z", "incident",
        "North exit blocked by a flight case. Moved, floor taped, Edson's people apologised.").warning().ines().via("radio 1")
        .event("evt-safety-walk").about(&["contact-dj"]),
    log("log-safety-signed", "2026-06-20T09:20:00Z", "checkpoint", "Safety walk signed by both of us. Barn may open.").ines()
        .event("evt-safety-walk"),
    log("log-feedback-headset", "2026-06-20T09:48:00Z", "note",
        "Feedback at the arch when the headset faces left. Left speaker turned by a hand's width, gone.").event("evt-sound-install")
        .about(&["contact-dj", "contact-officiant"]),
    log("log-photo-arrived", "2026-06-20T09:57:00Z", "checkpoint",
        "Marta and I are in, Bastien at the gate. Rang Chiamaka, going up at 11:05.").rui().event("evt-photo-arrival"),
    log("log-clocks-set", "2026-06-20T10:12:00Z", "checkpoint", "Five cameras and two recorders on Ana's time.").rui()
        .event("evt-photo-arrival"),
    log("log-groom-arrived", "2026-06-20T10:44:00Z", "checkpoint",
        "Mill house complete: Joel, Tiago, Mathieu, Obinna, Samir. Rodrigo is parking. Tiago has shown me the box without being asked.")
        .event("evt-groom-prep"),
    log("log-makeup-late", "2026-06-20T10:38:00Z", "note",
        "Bridesmaids finished seven minutes late. I take it from Amara's slack, nothing else moves.").event("evt-hair-makeup-party"),
    log("log-helena-arrived", "2026-06-20T10:54:00Z", "checkpoint",
        "Helena and Avó Beatriz are here, car with the ramp is on the firm place at the mill. Beatriz inspected the ramp and approves.")
        .ines().about(&["guest-beatriz-tavares", "guest-helena-tavares"]),
    log("log-cards-reprint", "2026-06-20T10:58:00Z", "message",
        "Two place cards to reprint: Oisín lost his accent and Célia's card had the wrong table. Margarida prints, cake van brings them.")
        .event("evt-tables-set").about(&["guest-oisin-byrne", "guest-celia-vilhena", "contact-stationer"]),
    log("log-well-eaten", "2026-06-20T11:40:00Z", "note",
        "Amara has eaten: half a sandwich and a whole peach. Chiamaka asks that this be recorded.").event("evt-suite-lunch"),
    log("log-red-dot-missing", "2026-06-20T11:31:00Z", "incident",
        "Red dot missing at table 12, seat 4 (lupin). Added, all other red dots read aloud against the sheet once more with Hélder.")
        .serious().event("evt-tables-set").about(&["guest-andreia-tavares", "table-12", "contact-banquet-captain"]),
    log("log-table-one", "2026-06-20T11:38:00Z", "checkpoint",
        "Hélder calls table 1 complete. Tables are done, eight minutes behind the sheet and nobody has noticed.").via("radio 2")
        .event("evt-tables-set"),
    log("log-radar", "2026-06-20T11:36:00Z", "weather",
        "Radar at 12:30 local: nothing west of us for 200 km. Wind north-west 14 km/h on the lawn, 24 degrees.").event("evt-ceremony"),
    log("log-fair-call", "2026-06-20T12:02:00Z", "decision",
        "Plan B is off: fair. Ceremony on the lawn. Said on channel 1, written in the group, Teresa and the quartet have confirmed.")
        .via("radio 1").event("evt-ceremony"),
    log("log-cake-in", "2026-06-20T12:08:00Z", "delivery",
        "Cake van in, six minutes late, with the reprinted cards. Green ribbon box is on its own shelf, I put it there myself.").ines()
        .event("evt-cake-delivery").about(&["contact-cake"]),
    log("log-ifeoma-sings", "2026-06-20T12:14:00Z", "note",
        "Auntie Ifeoma has started singing. The library is full, the mirror is one too few, everybody is happy.").event("evt-gele-tying"),
    log("log-hands-picture", "2026-06-20T12:45:00Z", "note",
        "Three generations, hands on the moss cloth: done. Mama Grace held still for six minutes and then asked for tea.").rui()
        .event("evt-gele-tying").about(&["shot-three-generations-hands"]),
    log("log-obinna-room", "2026-06-20T11:12:00Z", "message",
        "Kosi wants to see her dress on. Obinna brings her up at 13:40 and not before, otherwise we wash it.")
        .about(&["guest-kosi-okafor"]),
    log("log-bar-arrived", "2026-06-20T12:36:00Z", "delivery",
        "Bar is in, six minutes behind, ice through the hatch. Blue jugs are lined up on their own and labelled in two languages.").ines()
        .about(&["contact-bar"]),
    log("log-livestream-sound", "2026-06-20T12:31:00Z", "incident",
        "Livestream test: picture fine, sound from the wrong microphone. Edson re-patches after the quartet's check, I have reopened the task.")
        .warning().event("evt-ceremony").about(&["contact-dj", "guest-beatrix-van-houten", "guest-ugochi-nwosu"]),
    log("log-coach-standing", "2026-06-20T12:40:00Z", "message",
        "Dispatcher says coach 1 stands at the hotel from 14:25 with air conditioning on. Luc already asked which one is his.").via("phone")
        .event("evt-shuttle-out-1").about(&["contact-shuttle"]),
    log("log-snack-request", "2026-06-20T12:47:00Z", "message",
        "Asked for the late snack at 23:30, because of Dona Odete. Kitchen can if it hears by 21:00.").ines().event("evt-late-snack")
        .about(&["req-snack-earlier"]),
    log("log-dress-started", "2026-06-20T12:51:00Z", "checkpoint",
        "Dress started five minutes late. Landing is clear, Ngozi knows about the back stairs.").event("evt-dress"),
    log("log-parasols", "2026-06-20T12:20:00Z", "checkpoint",
        "Four parasols on the right-hand rows, weighted, below the sight line of the balcony. Rui has seen them.").ines()
        .event("evt-guest-seating"),
    log("log-florist-lunch", "2026-06-20T10:07:00Z", "checkpoint",
        "Arch, aisle and tables done. Joaquina rests until the flip at 17:20 and has left the peg bag with me.").ines()
        .event("evt-load-in-florals"),
    log("log-generator-hum", "2026-06-20T11:05:00Z", "note",
        "Generator can be heard at the arch when the wind drops. Sílvia turned it and hung two blankets on the cedar side. Gone.")
        .event("evt-ceremony").about(&["contact-lighting"]),
    log("log-wheelchair-boards", "2026-06-20T11:58:00Z", "note",
        "Boards for the chapel gravel lean behind the vestry door. They go down at 17:00 and not earlier, otherwise people trip in the processional.")
        .ines().event("evt-family-formals").about(&["guest-beatriz-tavares"]),
    log("log-joel-letter", "2026-06-20T12:18:00Z", "note",
        "Amara has read the letter. I took four frames from the door and left. No further questions.").rui().event("evt-hair-makeup-amara")
        .about(&["shot-letter-reading"]),
    log("log-barn-signal", "2026-06-20T12:27:00Z", "note",
        "No signal on the barn floor, as always. I sync on the terrace; if I am silent for half an hour, I am in there.").rui(),
    log("log-fans-found", "2026-06-20T12:39:00Z", "note",
        "Two of the six fan baskets are still in the library under the moss cloth. Nobody can get in there now, so after the singing.")
        .event("evt-guest-seating"),
    log("log-kosi-petals", "2026-06-20T12:43:00Z", "message",
        "Kosi has used up her petals on the stairs. Joaquina left a second bag in the cold room, blue lid.").about(&["guest-kosi-okafor"]),
    log("log-registrar-call", "2026-06-20T12:56:00Z", "message",
        "Dr. Pestana rang: on his way, upper gate at 15:20, and once more that he has to leave by 17:00.").via("phone")
        .event("evt-ceremony").about(&["contact-registrar"]),
    log("log-emeka-gate", "2026-06-20T12:50:00Z", "checkpoint",
        "Emeka and Bisi through the gate. Kola nut bowl is in the boot, wrapped, he showed it to the guard.").ines()
        .about(&["guest-emeka-okafor", "guest-bisi-okafor"]),
    log("log-steamer", "2026-06-20T12:57:00Z", "incident",
        "Steamer dripped on the hem lining, size of a coin, inside, dries. Chiamaka says Amara does not know and need not.").warning().rui()
        .event("evt-dress"),
    log("log-quartet-shade", "2026-06-20T12:33:00Z", "checkpoint",
        "Shade sail is up. 25 degrees under it, 29 in the sun beside it, so within the quartet's clause.").ines()
        .event("evt-quartet-soundcheck"),
    log("log-lemonade", "2026-06-20T12:59:00Z", "note",
        "Cátia asks to put the lemonade out at 15:05 because of the heat. Yes, but water first and in the shade.")
        .event("evt-guest-seating").about(&["contact-bar"]),
    log("log-readiness", "2026-06-20T13:00:00Z", "checkpoint",
        "Two o'clock: five minutes behind with the dress, everything else on time or early. Two hours to the ceremony.")
        .event("evt-ceremony"),
    log("log-hotel-lobby", "2026-06-20T13:02:00Z", "message",
        "Constança: lobby is full of copper and green, everybody is early, coach 1 could leave with 40 already. It waits for 14:45 all the same.")
        .via("phone").event("evt-shuttle-out-1").about(&["contact-hotel"]),
    log("log-grove-closed", "2026-06-20T13:04:00Z", "checkpoint",
        "Orange grove is closed, gardener sits at the gate with a newspaper. Nobody goes in before Joel.").ines().event("evt-first-look"),
];

/// The log in the order in which it happened; entries above may stand in the order in which they were written down.
pub(super) fn entries() -> impl Iterator<Item = Entry> {
    let mut log: Vec<&Log> = LOG.iter().collect();
    log.sort_by_key(|log| log.at);
    log.into_iter().map(entry)
}

fn entry(log: &Log) -> Entry {
    Body::new()
        .put("at", log.at)
        .put("kind", log.kind)
        .put("severity", log.severity)
        .put("channel", log.channel)
        .put("author_id", log.author_id)
        .put("text", log.text)
        .text("event_id", log.event_id)
        .strings("related", log.related)
        .entry("log_entries", log.id)
}
