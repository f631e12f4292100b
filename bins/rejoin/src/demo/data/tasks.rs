//! The planner's 210 tasks from the first call to the last invoice, by phase and by due date.

use serde_json::json;

use super::{Body, Entry};

const DAY: &str = "2026-06-20";

const PLANNER: &[&str] = &["contact-ana"];
const COUPLE: &[&str] = &["contact-amara-okafor", "contact-joel-moreau"];
const BRIDE: &[&str] = &["contact-amara-okafor"];
const GROOM: &[&str] = &["contact-joel-moreau"];
const VENUE: &[&str] = &["contact-ines"];
const PHOTO: &[&str] = &["contact-rui"];
const HONOUR: &[&str] = &["contact-chiamaka-okafor"];
const BEST: &[&str] = &["contact-tiago-nogueira"];
const WITH_COUPLE: &[&str] = &["contact-ana", "contact-amara-okafor", "contact-joel-moreau"];
const WITH_VENUE: &[&str] = &["contact-ana", "contact-ines"];
const WITH_PHOTO: &[&str] = &["contact-ana", "contact-rui"];

struct Task {
    id: &'static str,
    due: &'static str,
    title: &'static str,
    category: &'static str,
    assignees: &'static [&'static str],
    notes: &'static str,
    priority: u32,
    contact_id: &'static str,
    /// Empty: done when due before the day, open otherwise.
    status: &'static str,
    /// Empty: on the due date.
    completed_on: &'static str,
    checklist: &'static [(&'static str, bool)],
}

const fn task(
    due: &'static str,
    id: &'static str,
    category: &'static str,
    assignees: &'static [&'static str],
    title: &'static str,
    notes: &'static str,
) -> Task {
    Task { id, due, title, category, assignees, notes, priority: 2, contact_id: "", status: "", completed_on: "", checklist: &[] }
}

impl Task {
    const fn top(mut self) -> Self {
        self.priority = 1;
        self
    }

    const fn low(mut self) -> Self {
        self.priority = 3;
        self
    }

    const fn with(mut self, contact_id: &'static str) -> Self {
        self.contact_id = contact_id;
        self
    }

    const fn on(mut self, completed_on: &'static str) -> Self {
        self.completed_on = completed_on;
        self
    }

    const fn done(mut self) -> Self {
        self.status = "done";
        self
    }

    const fn open(mut self) -> Self {
        self.status = "open";
        self
    }

    const fn reopened(mut self) -> Self {
        self.status = "reopened";
        self
    }

    const fn list(mut self, checklist: &'static [(&'static str, bool)]) -> Self {
        self.checklist = checklist;
        self
    }
}

#[rustfmt::skip]
const FOUNDATIONS: &[Task] = &[
    task("2025-09-08", "task-first-call", "planning", WITH_COUPLE, "First call with Amara and Joel",
        "Ninety minutes. They finish each other's sentences except about the guest list.").top(),
    task("2025-09-10", "task-planning-contract", "legal", WITH_COUPLE, "Planning contract signed and first fee received",
        "Full planning, twelve meetings, one planner and one assistant on the day.").top(),
    task("2025-09-15", "task-priorities", "planning", COUPLE, "Each writes down three things that matter, separately",
        "Compared on the next call. Both wrote \"grandmothers comfortable\" first."),
    task("2025-09-17", "task-budget-frame", "budget", WITH_COUPLE, "Budget frame with 8 % reserve",
        "74,000 EUR all in, who pays what is written on the second sheet and stays with me.").top(),
    task("2025-09-22", "task-guest-long-list", "guests", COUPLE, "Long list of guests with addresses",
        "181 names at first. Rule agreed: nobody they have not spoken to in two years.").on("2025-09-25"),
    task("2025-09-24", "task-date-options", "planning", PLANNER, "Check three Saturdays against school holidays and flights",
        "13 June is Santo António, 27 June collides with a medical congress. The 20th is free."),
    task("2025-09-27", "task-venue-visits", "venue", WITH_COUPLE, "Visit three quintas in one day",
        "Vale, Penedo and Várzea. Rain at Várzea told us all about its roof.")
        .list(&[("Quinta do Vale, 10:00", true), ("Quinta do Penedo, 13:00", true), ("Quinta da Várzea, 16:30", true)]),
    task("2025-09-30", "task-venue-decide", "venue", COUPLE, "Decide on the venue",
        "Vale, because of the cork oak and because the barn is a real plan B.").top(),
    task("2025-10-02", "task-venue-contract", "legal", WITH_VENUE, "Contract with Quinta do Vale, read twice",
        "Curfew 02:00 moved into the contract body, corkage waived for palm wine.").top().with("contact-ines"),
    task("2025-10-04", "task-venue-insurance", "legal", PLANNER, "Ask the insurer about liability for the barn",
        "Candles are covered if the safety walk is signed. Cold sparks are not."),
    task("2025-10-06", "task-save-dates", "stationery", COUPLE, "Wording of the save-the-dates in three languages",
        "French from Camille, Portuguese from Helena, both corrected each other's."),
    task("2025-10-08", "task-photographer-book", "photo", WITH_COUPLE, "Book Rui and a second shooter",
        "Fourteen hours, engagement session included, gallery in eight weeks.").top().with("contact-rui"),
    task("2025-10-11", "task-engagement-session", "photo", PHOTO, "Engagement session in Alfama and at the river",
        "Start at opening light. Joel brings the box, the famous one.").with("contact-rui"),
    task("2025-10-14", "task-legal-route", "legal", PLANNER, "Clear the legal route with the registry",
        "Civil ceremony at the venue, registrar travels. Process opens at the earliest six months before.").top().with("contact-registrar"),
    task("2025-10-17", "task-caterer-shortlist", "food", PLANNER, "Shortlist caterers who cook jollof without embarrassment",
        "Three asked, two honest, one tasting with Ngozi on video."),
    task("2025-10-21", "task-save-dates-send", "stationery", COUPLE, "Send the save-the-dates",
        "Post for everybody over seventy, e-mail for the rest.").on("2025-10-23"),
    task("2025-10-24", "task-hotel-block", "accommodation", PLANNER, "Hold 48 rooms at Pátio das Camélias",
        "Release in three steps: 1 March, 15 April, 20 May. Two step-free rooms named.").with("contact-hotel"),
    task("2025-10-28", "task-caterer-book", "food", WITH_COUPLE, "Book Mesa Farta",
        "Their allergen desk answered within an hour, that decided it.").top().with("contact-caterer"),
    task("2025-10-31", "task-visa-letters", "guests", PLANNER, "Invitation letters for visa applications",
        "Nineteen letters for Lagos and Abuja with hotel confirmation and the couple's passports.")
        .list(&[("Okafor family, 8 letters", true), ("Nwosu family, 6 letters", true), ("Friends, 5 letters", true)]),
    task("2025-11-04", "task-film-book", "photo", PLANNER, "Book the film makers",
        "Bastien knows Joel from Lyon: friend's price, but a written contract.").with("contact-film"),
    task("2025-11-07", "task-officiant-meet", "ceremony", COUPLE, "Meet Teresa Amaral",
        "Three languages without saying everything three times. She had an answer for that.").with("contact-officiant"),
    task("2025-11-10", "task-quartet-listen", "music", COUPLE, "Hear Quarteto Alcântara live",
        "Concert at the Carmo ruins. Cellist laughed at the highlife idea and then asked for the score."),
    task("2025-11-13", "task-quartet-book", "music", PLANNER, "Book the quartet, with the shade clause",
        "No playing above 30 degrees in the sun, sail provided by the venue.").with("contact-quartet"),
    task("2025-11-18", "task-family-map", "family", PLANNER, "Draw the family map with its fault lines",
        "Three lines that are not to be crossed. The names stand in the sensitive fields and never in a task.").top(),
    task("2025-11-21", "task-dress-appointments", "attire", BRIDE, "First dress appointments",
        "London with Chiamaka, Lisbon with Helena. Nobody says a word about the price in front of Ngozi."),
    task("2025-11-25", "task-dj-book", "music", PLANNER, "Book Edson for both systems",
        "One contractor for lawn and barn, so that nobody blames the other's cable.").with("contact-dj"),
    task("2025-11-28", "task-website-outline", "guests", GROOM, "Outline of the wedding website",
        "Getting there, sleeping, eating, what to wear on grass. Joel builds it, Amara corrects it."),
];

#[rustfmt::skip]
const DESIGN: &[Task] = &[
    task("2025-12-02", "task-mood-board", "design", WITH_COUPLE, "Mood board down to twelve pictures",
        "Moss, copper, bone, orange leaf. No macramé, said Amara, and looked at me."),
    task("2025-12-05", "task-florist-book", "flowers", PLANNER, "Book Flor de Esteva",
        "Local, seasonal, does not use foam. Price holds if the peonies are dropped.").with("contact-florist"),
    task("2025-12-09", "task-dress-order", "attire", BRIDE, "Order the dress",
        "Forty-two buttons. Delivery mid April, so two fittings are possible.").top(),
    task("2025-12-12", "task-light-concept", "design", WITH_VENUE, "Light concept for barn and terrace",
        "Sílvia came at dusk to see it for real. Festoon, pin spots, nothing coloured.").with("contact-lighting"),
    task("2025-12-15", "task-second-fee", "budget", COUPLE, "Second planning fee and deposits paid before Christmas",
        "Venue, caterer, photographer. Three transfers, three receipts in the folder.")
        .list(&[("Quinta do Vale", true), ("Mesa Farta", true), ("Luz Lenta", true)]),
    task("2025-12-18", "task-lighting-book", "design", PLANNER, "Book Pirilampo with the generator",
        "Generator is doubled with the venue's own, the second one costs less than a dark dinner."),
    task("2026-01-07", "task-new-year-call", "planning", WITH_COUPLE, "New year call: what changed",
        "Guest list is down to 156. Joel's institute moved offices, Amara got promoted."),
    task("2026-01-09", "task-drummers-find", "music", HONOUR, "Find talking drummers in Europe",
        "Three ensembles asked: Paris too dear, London free, Lisbon has Adewale."),
    task("2026-01-12", "task-drummers-book", "music", PLANNER, "Book Ìlù Ensemble",
        "Five players, entrance and money spray. Emeka insists on paying half.").with("contact-drummers"),
    task("2026-01-15", "task-hair-shortlist", "attire", BRIDE, "Find a hairdresser who knows her hair",
        "Two trials booked, Vanessa and one in Cascais. Photographs of both to Chiamaka."),
    task("2026-01-16", "task-makeup-book", "attire", BRIDE, "Book Folasade for make-up and gele",
        "Flies in from London on the Thursday, room at the hotel is part of the fee.").with("contact-makeup"),
    task("2026-01-20", "task-stationer-brief", "stationery", WITH_COUPLE, "Brief Margarida on the stationery",
        "The tile pattern becomes the border. Paper with enough tooth for a fountain pen.").with("contact-stationer"),
    task("2026-01-23", "task-rentals-quote", "design", PLANNER, "Quotes for chairs, tables and linen",
        "Cane chairs, no covers. Second quote was 30 % less and forgot the transport."),
    task("2026-01-27", "task-rentals-book", "design", PLANNER, "Book Aluguer da Serra with six spare chairs",
        "Spare chairs and one spare round table are on the order, not \"on request\".").with("contact-rentals"),
    task("2026-01-30", "task-aso-ebi-choose", "attire", BRIDE, "Choose the aso ebi cloth with both mothers",
        "Moss for Nwosu, copper for Okafor, Joel's side may choose. Sample posted to Lyon.").top(),
    task("2026-02-02", "task-cake-tasting", "food", COUPLE, "Cake tasting at Forno da Graça",
        "Orange blossom and almond won; nut-free tier on its own board, asked twice.").with("contact-cake"),
    task("2026-02-04", "task-hair-trial", "attire", BRIDE, "Hair trial with Vanessa",
        "Fuse went in the suite: two dryers on one circuit. Noted for the day.").with("contact-hair"),
    task("2026-02-06", "task-cake-book", "food", PLANNER, "Book the cake with the separate nut-free box",
        "Green ribbon is the sign. Written into the order so that nobody improvises."),
    task("2026-02-09", "task-invitation-proof", "stationery", COUPLE, "Proof-read the invitations",
        "Found one accent on the wrong e in French and a missing tilde in Conceição.").on("2026-02-11"),
    task("2026-02-11", "task-aso-ebi-order", "attire", HONOUR, "Order aso ebi by metre for 41 people",
        "Chiamaka keeps the list, deposits by mobile money. Ten per cent extra, always.")
        .list(&[("Moss, 22 orders", true), ("Copper, 19 orders", true), ("Cap cloth for the groomsmen", true)]),
    task("2026-02-13", "task-shuttle-quotes", "transport", PLANNER, "Quotes for two coaches and three returns",
        "Asked about the step height and the driver's rest time; only one firm had an answer."),
    task("2026-02-16", "task-invitations-print", "stationery", PLANNER, "Release the invitations for print",
        "165 pieces, 20 spare. Return address is the office, so that replies do not go to Joel's old flat.").with("contact-stationer"),
    task("2026-02-18", "task-shuttle-book", "transport", PLANNER, "Book Serra & Mar",
        "Coach 1 with 52 seats, coach 2 with 38. Standby coach can be called until 22:00.").with("contact-shuttle"),
    task("2026-02-20", "task-civil-process", "legal", COUPLE, "Open the marriage process at the registry",
        "Birth certificates with apostille: Amara's from Lagos took seven weeks.").top()
        .list(&[("Birth certificate, Amara", true), ("Birth certificate, Joel", true), ("Apostille Lagos", true), ("Witness cards", true)]),
    task("2026-02-23", "task-invitations-post", "stationery", COUPLE, "Post the invitations",
        "Lagos by courier, with Emeka's driver for the last mile."),
    task("2026-02-25", "task-rings-order", "attire", GROOM, "Order the rings and the engraving",
        "\"box 14\" inside his, the date of the wrong delivery inside hers.").on("2026-02-27"),
];

#[rustfmt::skip]
const GUESTS: &[Task] = &[
    task("2026-03-02", "task-rsvp-form", "guests", PLANNER, "Reply form: flags and a free text for food",
        "Tick boxes alone lie. Free text is asked in the guest's own language."),
    task("2026-03-04", "task-privacy-note", "legal", PLANNER, "Privacy note on the reply form",
        "What we ask about health, who reads it, when it is deleted. Four plain sentences."),
    task("2026-03-06", "task-hotel-release-1", "accommodation", PLANNER, "First release of hotel rooms", "Six rooms given back, 42 stay.")
        .on("2026-03-01").with("contact-hotel"),
    task("2026-03-09", "task-photo-consent", "photo", WITH_PHOTO, "Photo consent on the reply form",
        "Yes, ask first, no. Children by their parents, and the answer travels with the guest record."),
    task("2026-03-11", "task-registrar-date", "legal", PLANNER, "Registrar confirms the afternoon",
        "Dr. Pestana has another marriage in Cascais at 18:30. He must leave by 17:00.").top().with("contact-registrar"),
    task("2026-03-14", "task-venue-recce", "photo", WITH_PHOTO, "Recce at the quinta with Rui",
        "Walked the light at 15:00 and at sunset, March sun scaled to June. Ridge path is ours, vineyard is not.").with("contact-rui"),
    task("2026-03-16", "task-flower-sample", "flowers", PLANNER, "Sample table from the florist",
        "Wilted by four o'clock. Esteva needs water tubes, credit of 85 EUR agreed.").with("contact-florist"),
    task("2026-03-18", "task-menu-draft", "food", WITH_COUPLE, "First draft of the menu",
        "Three mains, one children's plate, suya on the terrace as a wall grill.").with("contact-caterer"),
    task("2026-03-20", "task-music-list", "music", COUPLE, "Songs that must and songs that must not",
        "Must: eleven. Must not: one, and Mathieu will ask for it."),
    task("2026-03-23", "task-childcare-book", "guests", PLANNER, "Book two carers for eight children",
        "Old schoolroom beside the barn, beds from 21:30, carers eat at table 14.").with("contact-childcare"),
    task("2026-03-25", "task-bar-book", "food", PLANNER, "Book Bar Medronho",
        "Alcohol-free list as long as the other one. Blue jugs never contain alcohol.").with("contact-bar"),
    task("2026-03-27", "task-welcome-dinner", "reception", PLANNER, "Welcome dinner on Friday: place and number",
        "Courtyard of the hotel, 64 people, long tables, quiet from 23:00.").with("contact-hotel"),
    task("2026-03-30", "task-medic-book", "safety", PLANNER, "Book an event medic",
        "Four guests carry pens, two are over eighty-five. Dulce and a car, 14:45 to 02:30.").top().with("contact-medic"),
    task("2026-04-01", "task-aunties-arrivals", "transport", HONOUR, "Flights of the aunties, one table",
        "Eleven people, five flights, two airports. Nnamdi arrives on the morning of the 19th."),
    task("2026-04-03", "task-ceremony-outline", "ceremony", COUPLE, "Outline of the ceremony with Teresa",
        "Thirty-six minutes on paper, forty in life. Blessing in Igbo after the vows.").with("contact-officiant"),
    task("2026-04-07", "task-rsvp-chase-1", "guests", PLANNER, "First reminder to the silent ones",
        "Thirty-one names. Phone for the older half, message for the younger."),
    task("2026-04-08", "task-cold-sparks", "safety", WITH_VENUE, "Ask the venue about cold sparks",
        "No. The barn's roof is oak from 1780. Sparklers on the avenue instead, with sand.").with("contact-ines"),
    task("2026-04-10", "task-dress-fitting-1", "attire", BRIDE, "First fitting",
        "Hem 2 cm up for the flat shoes. Buttons counted: forty-two."),
    task("2026-04-13", "task-vendor-contracts-check", "legal", PLANNER, "Every vendor contract in the folder, countersigned",
        "Quartet's copy was missing page two.")
        .list(&[("Quinta do Vale", true), ("Mesa Farta", true), ("Luz Lenta", true), ("Onze Mètres", true), ("Quarteto Alcântara", true), ("Flor de Esteva", true), ("Maré Alta", true)]),
    task("2026-04-15", "task-hotel-release-2", "accommodation", PLANNER, "Second release of hotel rooms",
        "Nothing to give back, three more wanted, two found.").with("contact-hotel"),
    task("2026-04-17", "task-suits-measure", "attire", GROOM, "Measure the groomsmen",
        "Mathieu claims his old size. Take the tape anyway."),
    task("2026-04-18", "task-menu-tasting", "food", WITH_COUPLE, "Menu tasting for six",
        "Veal cheek stays, the cod goes, the mushroom rice surprised the meat eaters.").top().with("contact-caterer"),
    task("2026-04-20", "task-allergen-desk", "food", PLANNER, "First list to the allergen desk",
        "Fourteen entries. Separate fryer oil asked, answer wanted in writing.").with("contact-caterer"),
    task("2026-04-22", "task-drone-permit", "legal", PHOTO, "Drone permit for Bastien",
        "Window 18:15 to 18:30, height 60 m, printed copy on site.").with("contact-film"),
    task("2026-04-24", "task-rsvp-deadline", "guests", PLANNER, "Replies closed",
        "139 yes, 5 no, 6 still silent. Claire will ring the French ones."),
    task("2026-04-27", "task-livestream-plan", "guests", BEST, "Livestream for those who cannot come",
        "One camera on a tripod, sound from the desk, Obinna moderates. Test from the lawn first."),
    task("2026-04-29", "task-passports-check", "legal", COUPLE, "Passports valid on the day and for the trip",
        "Joel's expires in October, airline wants six months: renewed.").top().on("2026-05-04"),
];

#[rustfmt::skip]
const DETAILS: &[Task] = &[
    task("2026-05-01", "task-table-names", "design", COUPLE, "Names of the tables: sixteen trees of the quinta",
        "Painted on the tiles from the wrong box. Joel paints, Amara letters."),
    task("2026-05-04", "task-seating-first", "guests", WITH_COUPLE, "First seating plan",
        "Parents host a table each. Tables 5 and 9 as far apart as the room allows.").top(),
    task("2026-05-05", "task-shot-list-draft", "photo", WITH_PHOTO, "First shot list, then cut by half",
        "From 164 to 90. Fourteen family combinations, not one more.").with("contact-rui"),
    task("2026-05-06", "task-translation-cards", "stationery", PLANNER, "Cards with the translation of Luc's speech",
        "Luc sends the text on the 1st of June, no earlier, he says."),
    task("2026-05-06", "task-ring-box", "ceremony", GROOM, "Wooden ring box from Henrique's workshop",
        "Cork oak from a fallen branch of the quinta, lid without a hinge. No invoice, he insists.").low(),
    task("2026-05-07", "task-transport-elderly", "transport", PLANNER, "Who cannot climb a 35 cm step",
        "Four names, marked in their access needs. Helena's car has the ramp, the buggy does the rest."),
    task("2026-05-08", "task-wheelchair-route", "safety", VENUE, "Wheelchair route measured with a real chair",
        "68 cm wide, ramp at the barn 6 %, gravel at the chapel needs two boards.").with("contact-ines"),
    task("2026-05-11", "task-hair-makeup-order", "attire", HONOUR, "Order of hair and make-up, in half hours",
        "Seven heads, two chairs, finished by 11:30 with twenty minutes of slack."),
    task("2026-05-12", "task-readings", "ceremony", COUPLE, "Choose the readings and who reads",
        "Isabel tells how they met. Rev. Obi blesses. Nobody sings except at the end."),
    task("2026-05-12", "task-barn-network", "venue", VENUE, "Try the network in the barn with a real tablet",
        "Gallery works, floor does not. Everybody's plan has to be on the device before they go in.").with("contact-ines"),
    task("2026-05-13", "task-gift-list", "guests", COUPLE, "Gift page: travel fund and the sailing school",
        "No fondue sets, written kindly."),
    task("2026-05-14", "task-menu-final", "food", WITH_COUPLE, "Final menu text in three languages",
        "\"Palm-wine cordial\" explained in half a line, bread credited to Dona Odete.").with("contact-caterer"),
    task("2026-05-15", "task-noise-permit", "legal", VENUE, "Noise licence from the municipality",
        "Until 02:00, limiter sealed by the venue, letter to the three neighbours.").top().with("contact-ines"),
    task("2026-05-15", "task-guest-map", "stationery", BRIDE, "Hand-drawn map for the website and the bags",
        "Upper gate in red, mill gate crossed out twice. Scale is \"roughly\"."),
    task("2026-05-18", "task-suits-fitting", "attire", BEST, "Suits fitted, all five",
        "Mathieu's jacket to be let out. He blames the tape.").on("2026-05-20"),
    task("2026-05-19", "task-first-dance-lessons", "music", COUPLE, "Second dance lesson", "Morna for two minutes, then no rules at all."),
    task("2026-05-19", "task-children-menu", "food", PLANNER, "Children's plates agreed with the carers",
        "Pasta, fish fingers, fruit. Oat pudding once, nothing with peanut in the room.").with("contact-childcare"),
    task("2026-05-20", "task-hotel-final", "accommodation", PLANNER, "Final rooming list to the hotel",
        "44 rooms, two families on different floors, both step-free rooms given out.").with("contact-hotel"),
    task("2026-05-21", "task-vows-reminder", "ceremony", COUPLE, "Remind both to write their vows",
        "Two minutes each, read aloud once to somebody who is not the other."),
    task("2026-05-21", "task-shade-sail", "music", VENUE, "Shade sail over four chairs and a cello",
        "Six by four metres, hung from the oak's second branch, tested at four in the afternoon.").with("contact-quartet"),
    task("2026-05-22", "task-rain-plan-drill", "safety", WITH_VENUE, "Walk through plan B with a stopwatch",
        "Lawn to barn in 41 minutes with eleven people. Decision at 13:00 holds.").with("contact-ines"),
    task("2026-05-25", "task-emergency-plan", "safety", WITH_VENUE, "Emergency plan on one page",
        "Who decides what, meeting point, pens, upper gate for the ambulance.").top()
        .list(&[("Inês: building", true), ("Dulce: people", true), ("Printed for every radio holder", true)]),
    task("2026-05-26", "task-programme-print", "stationery", PLANNER, "Ceremony programmes and fans for print",
        "One piece that does both jobs. 150 and 20 spare.").with("contact-stationer"),
    task("2026-05-27", "task-parking-plan", "transport", VENUE, "Parking plan for the olive field",
        "Seventy cars in rows of ten, six firm places at the mill for wheelchairs and rollators."),
    task("2026-05-28", "task-crew-list", "crew", PLANNER, "List of everybody who works that day",
        "57 names with arrival times, meals and car plates for the gatehouse."),
    task("2026-05-28", "task-terrace-insects", "venue", VENUE, "Fans and citronella for the upper terrace",
        "Four standing fans on the wall side. Candles with scent only outside.").low(),
    task("2026-05-29", "task-dress-fitting-2", "attire", BRIDE, "Second fitting with the veil",
        "Boats on the edge of the veil are a secret until she walks. Bustle practised four times."),
];

#[rustfmt::skip]
const FINAL_MONTH: &[Task] = &[
    task("2026-06-01", "task-luc-speech", "ceremony", PLANNER, "Luc's speech for translation",
        "Arrived at 23:58 on the 1st, as promised. Four minutes exactly.").on("2026-06-02"),
    task("2026-06-01", "task-run-sheet-1", "planning", PLANNER, "Run sheet, first complete version",
        "55 entries. To Rui and Inês for comment, everybody else gets it in prep mode later.").top(),
    task("2026-06-02", "task-quartet-score", "music", PLANNER, "Score of the processional to the quartet",
        "Arranged by Kelechi. Leonor asked for one bar more at the end of the aisle.").with("contact-quartet"),
    task("2026-06-02", "task-insurance-certs", "legal", PLANNER, "Insurance certificates of all vendors",
        "Drummers' was in Dutch and valid. Bar's had expired in May, renewed."),
    task("2026-06-03", "task-rsvp-last-calls", "guests", PLANNER, "Last calls to three silent guests",
        "Two said yes after all, Théo never picked up. Claire tried as well."),
    task("2026-06-03", "task-vendor-meals", "crew", PLANNER, "Crew meals ordered with their allergies",
        "Two vegetarians, one without pork, quartet eats before the ceremony.").with("contact-caterer"),
    task("2026-06-04", "task-kola-bowl", "ceremony", BRIDE, "Kola nut bowl and who brings it",
        "Emeka brings it in his own car, wrapped in copper cloth. Not with the florist."),
    task("2026-06-04", "task-seating-second", "guests", WITH_COUPLE, "Second seating plan after the last replies",
        "Jeanne moves next to Monique, one chair at table 15 stays free on purpose."),
    task("2026-06-05", "task-shot-list-final", "photo", WITH_PHOTO, "Final shot list with the notes on who not to combine",
        "Read aloud with Chiamaka and Tiago, who call the names.").top().with("contact-rui"),
    task("2026-06-05", "task-place-cards", "stationery", PLANNER, "Place card file to the stationer",
        "Two cards right to left, one in Chinese, one with nineteen words on two lines.").with("contact-stationer"),
    task("2026-06-08", "task-pronunciation", "music", HONOUR, "Names with pronunciation for the drummers",
        "Recorded by voice message, \"uh-SHEEN\" for Oisín, slow for Maria da Conceição.").with("contact-drummers"),
    task("2026-06-08", "task-run-sheet-2", "planning", WITH_VENUE, "Run sheet, version two with the venue's comments",
        "Candles half an hour later, gong instead of a shout, sparklers tied to the wind meter."),
    task("2026-06-09", "task-electric-load", "safety", VENUE, "Electrical load plan signed",
        "Warming cabinet and coffee machine on different phases. Seriously.").with("contact-lighting"),
    task("2026-06-09", "task-coach-manifest", "transport", BEST, "Passenger lists for both coaches",
        "Two lists that are not to be mixed, in large print for the drivers.").with("contact-shuttle"),
    task("2026-06-10", "task-welcome-bags-order", "guests", PLANNER, "Contents of the welcome bags",
        "Water, plasters, a map, dried figs, insect spray. No nuts in any of them."),
    task("2026-06-10", "task-envelope-tips", "budget", PLANNER, "Envelopes for tips and for drivers",
        "Names on the envelopes, amounts inside, list in my bag only."),
    task("2026-06-11", "task-beatrix-livestream", "guests", BEST, "Livestream access for Beatrix",
        "Cannot travel after all. Link by message, password by voice.").low(),
    task("2026-06-11", "task-teresa-script", "ceremony", PLANNER, "Read Teresa's script for names and order",
        "She had Bisi as \"mother of the bride\" once. Corrected, nobody else saw it.").top().with("contact-officiant"),
    task("2026-06-12", "task-final-count", "food", PLANNER, "Final count to the caterer: 142",
        "134 adults, 8 children, plus the couple. After today every cover costs.").top().with("contact-caterer"),
    task("2026-06-12", "task-allergen-final", "food", PLANNER, "Allergy sheet by table and seat",
        "Seventeen people, red cloches, printed for pass, bar, carers and medic.").top().with("contact-caterer")
        .list(&[("Kitchen pass", true), ("Bar", true), ("Carers' door", true), ("Dulce", true)]),
    task("2026-06-12", "task-seating-final", "guests", WITH_COUPLE, "Seating plan frozen",
        "Changes from now on only through Ana. Says Ana.").top(),
    task("2026-06-12", "task-balance-venue", "budget", COUPLE, "Balances due before the event",
        "Venue, caterer, rentals. Rest on Monday after.").on("2026-06-11"),
    task("2026-06-13", "task-honeymoon-bag", "attire", COUPLE, "Bags for the trip packed before the week starts",
        "Leaves from the quinta on Sunday at 13:30, passports are in Tiago's safe until then.").low(),
    task("2026-06-13", "task-sparkler-count", "safety", VENUE, "Sparklers and sand buckets counted",
        "Eighty long ones, six buckets, four gas lighters, one wind meter.").on("2026-06-15"),
];

#[rustfmt::skip]
const WEEK: &[Task] = &[
    task("2026-06-15", "task-weather-watch", "planning", PLANNER, "Start of the weather watch, twice a day",
        "North-west wind, 24 degrees, haze in the morning. Chance of rain 10 %."),
    task("2026-06-15", "task-vendor-confirm", "crew", PLANNER, "Ring every vendor and confirm the arrival time",
        "By voice, not by e-mail. Bar wanted 14:30, stays at 13:30.")
        .list(&[("Kitchen, bar, cake", true), ("Sound, light, quartet, drums", true), ("Flowers, furniture", true), ("Coaches", true), ("Registrar, celebrant", true)]),
    task("2026-06-15", "task-print-run-sheet", "planning", PLANNER, "Run sheet for release",
        "Prep mode off at 18:00. Couple's version without loading times and without buffers.").top(),
    task("2026-06-16", "task-mathieu-jacket", "attire", BEST, "Collect Mathieu's jacket from the tailor",
        "Two centimetres let out, hangs on its own hook in the mill house."),
    task("2026-06-16", "task-cash-for-gele", "budget", HONOUR, "Cash for the two gele helpers",
        "60 EUR each, envelope with Folasade's name."),
    task("2026-06-16", "task-flowers-confirm-stems", "flowers", PLANNER, "Stem list against availability",
        "Esteva yes, white foxglove no, replaced by wild carrot. Amara agreed by picture.").with("contact-florist"),
    task("2026-06-16", "task-radio-check", "crew", VENUE, "Radios charged, eight of them, channels set",
        "1 for the programme and safety, 2 for the kitchen, 3 nobody."),
    task("2026-06-17", "task-emergency-kit", "safety", HONOUR, "Pack the bridal emergency kit",
        "Pins, plasters, thread in bone and copper, antihistamines, two crochet hooks.")
        .list(&[("Safety pins", true), ("Plasters", true), ("Crochet hooks, two", true), ("Antihistamines", true), ("Flat shoes", true)]),
    task("2026-06-17", "task-welcome-bags-fill", "guests", PLANNER, "Fill 90 welcome bags",
        "Kitchen table, three people, two hours, figs counted by Joel."),
    task("2026-06-17", "task-detail-box", "photo", BRIDE, "Detail box for Rui packed and labelled",
        "Invitation, menu, perfume, letter, shoes, hanger. No rings.").with("contact-rui"),
    task("2026-06-17", "task-steam-dress", "attire", HONOUR, "Dress travels and is steamed on arrival",
        "In the long bag, on the back seat, with its own seat belt."),
    task("2026-06-17", "task-batteries", "photo", PHOTO, "Batteries, cards and a spare body",
        "Twelve cards, labelled by part of the day, backup on two drives before sleep."),
    task("2026-06-18", "task-welcome-bags-hotel", "guests", PLANNER, "Welcome bags to the hotel",
        "Side entrance, after 14:00, one bag a room and the rest behind the desk.").with("contact-hotel"),
    task("2026-06-18", "task-arrivals-lagos", "transport", HONOUR, "Meet the Lagos flight",
        "Fourteen people, one lost suitcase: copper gele inside, traced to Casablanca, arrives Friday."),
    task("2026-06-18", "task-folasade-arrival", "transport", PLANNER, "Folasade's flight and room",
        "Landed 16:20, kit in hand luggage, nothing lost.").with("contact-makeup"),
    task("2026-06-18", "task-table-tiles-dry", "design", GROOM, "Table tiles varnished and dry",
        "Number 9 chipped, repainted, dry by Friday noon."),
    task("2026-06-18", "task-guest-shuttle-notice", "guests", PLANNER, "Message to all guests: coaches, shoes, sun",
        "One screen long, four languages, pinned in the group."),
    task("2026-06-18", "task-wind-forecast", "safety", VENUE, "Wind forecast for the sparklers",
        "18 km/h at midnight, gusts 24. Limit is 25. Decide at 00:15 by the meter."),
    task("2026-06-19", "task-rehearsal", "ceremony", PLANNER, "Rehearsal on the lawn at 17:00",
        "Forty minutes. Léo dropped the empty box twice, which is why it is empty.").top(),
    task("2026-06-19", "task-nnamdi-nap", "guests", HONOUR, "Nnamdi lands 06:10 and gets a room to sleep", "Early check-in paid, 408.")
        .low().with("contact-hotel"),
    task("2026-06-19", "task-suitcase-gele", "attire", HONOUR, "Lost suitcase with the copper gele",
        "Delivered to the hotel at 15:45. Uju counted, all there."),
    task("2026-06-19", "task-lawn-mow", "venue", VENUE, "Lawn mown and meadow path cut",
        "In the afternoon, so that it does not smell of petrol and does not stain hems."),
    task("2026-06-19", "task-registrar-papers", "legal", PLANNER, "Papers for the registrar in one envelope",
        "Process number, passports list, witness cards. Original envelope stays with Ana.").top().with("contact-registrar"),
    task("2026-06-19", "task-welcome-dinner-run", "reception", PLANNER, "Run the welcome dinner",
        "64 people, quiet at 22:55, nobody lost, and one good evening that nobody had expected.").with("contact-hotel"),
    task("2026-06-19", "task-ring-handover", "ceremony", GROOM, "Rings handed to Tiago", "Box 14 in a box. He sleeps with it, he says.")
        .on("2026-06-19"),
    task("2026-06-19", "task-clocks-sync-note", "photo", WITH_PHOTO, "Remind everybody to set camera clocks by Ana's phone",
        "Last time an hour was missing between two photographers, and nobody could sort the album."),
    task("2026-06-19", "task-early-night", "planning", COUPLE, "Couple in bed before midnight, different houses",
        "Amara 23:40. Joel 00:25, close enough.").low(),
];

#[rustfmt::skip]
const ON_THE_DAY: &[Task] = &[
    task(DAY, "task-day-well-gauge", "venue", VENUE, "Read the well gauge at seven", "72 %, no water lorry needed.").done(),
    task(DAY, "task-day-chair-count", "venue", VENUE, "Chairs counted on the ramp",
        "150 and 6. Two with loose seats stay in the cart shed.").done().with("contact-rentals"),
    task(DAY, "task-day-cold-chain", "food", VENUE, "Cold chain reading with a photo", "Van 1: 2.8 degrees, van 2: 3.4 degrees.").done()
        .with("contact-caterer"),
    task(DAY, "task-day-safety-sheet", "safety", WITH_VENUE, "Safety sheet signed by both", "North exit cleared at 10:02, then signed.")
        .done().top(),
    task(DAY, "task-day-place-cards-check", "guests", PLANNER, "Place cards against the plan, by reading aloud",
        "Two to reprint, came with the cake van at 13:06.").done(),
    task(DAY, "task-day-red-dots", "food", PLANNER, "Red dots under 17 cards",
        "Second pair of eyes: Hélder. One was missing at table 12, seat 4.").done().top().with("contact-banquet-captain"),
    task(DAY, "task-day-rain-call", "planning", PLANNER, "Plan B decision at 13:00",
        "Fair. Told everybody on channel 1 and in the group at 13:02.").done().top(),
    task(DAY, "task-day-amara-eats", "family", HONOUR, "Amara eats before the dress", "Half a sandwich and a whole peach.").done(),
    task(DAY, "task-day-livestream-test", "guests", BEST, "Livestream test from the lawn",
        "Picture fine, sound came from the wrong microphone. Reopened until Edson has re-patched it.").reopened(),
    task(DAY, "task-day-fans-baskets", "ceremony", PLANNER, "Fans and programmes in six baskets",
        "Four stand on the lawn, two are still in the library.").open(),
    task(DAY, "task-day-petal-cones", "ceremony", HONOUR, "Petal cones under the last row",
        "150 in two crates, lids off only at 16:30 because of the wind.").open(),
    task(DAY, "task-day-headset-battery", "music", PLANNER, "Fresh batteries in the headset, spares in the lectern",
        "After the sound check, not before.").open().with("contact-dj"),
    task(DAY, "task-day-registrar-met", "legal", PLANNER, "Meet the registrar at the upper gate",
        "15:20. If he is not there at 15:30, ring his office mobile.").open().top().with("contact-registrar"),
    task(DAY, "task-day-coach-count", "transport", BEST, "Head count from both coaches",
        "Driver sends it before moving off; missing names go to Constança.").open().with("contact-shuttle"),
    task(DAY, "task-day-wheelchair-boards", "safety", VENUE, "Two boards on the gravel by the chapel",
        "Before the family photographs. They lean behind the vestry door.").open(),
    task(DAY, "task-day-heater", "guests", VENUE, "Heater behind Mémé Odette's chair",
        "Gas off until 21:00, she will not admit to being cold.").open(),
    task(DAY, "task-day-luc-etienne", "family", PLANNER, "Quiet word before the barn opens",
        "At 18:30, as in the private entry of the run sheet.").open(),
    task(DAY, "task-day-couple-plate", "food", PLANNER, "Plate for the couple in the library",
        "One of everything from the trays, before the trays are empty.").open().with("contact-banquet-captain"),
    task(DAY, "task-day-prayer-room", "guests", VENUE, "Library free and clean at 21:15", "For whoever asks. Key with Inês.").open(),
    task(DAY, "task-day-safe", "budget", VENUE, "Money bags into the safe",
        "Obinna and Inês together, receipt with the time, nobody alone.").open(),
    task(DAY, "task-day-wind-meter", "safety", VENUE, "Read the wind at 00:15", "Above 25 km/h: torches and the slow fade, no discussion.")
        .open().top(),
    task(DAY, "task-day-standby-coach", "transport", PLANNER, "Decide on the standby coach before 22:00",
        "If more than 45 names want the 00:45.").open().with("contact-shuttle"),
    task(DAY, "task-day-sleeping-children", "transport", VENUE, "Car seats in rows 2 and 3 of the first coach home",
        "Carers walk them to the loop, parents are fetched by name.").open().with("contact-childcare"),
    task(DAY, "task-day-lost-property", "venue", PLANNER, "Last walk through barn, terrace, both houses",
        "Crate for what people forget, photographed, list in the group on Sunday.").open(),
];

#[rustfmt::skip]
const AFTERWARDS: &[Task] = &[
    task("2026-06-21", "task-after-backup", "photo", PHOTO, "Two backups before anybody sleeps", "Two drives, two rooms.").top()
        .with("contact-rui"),
    task("2026-06-21", "task-after-breakfast", "reception", PLANNER, "Late breakfast in the winter garden",
        "Until 12:00, 80 expected, coffee for 120.").with("contact-hotel"),
    task("2026-06-21", "task-after-rentals-out", "venue", VENUE, "Furniture stacked in the south bay by 11:00",
        "Count again on the ramp, photograph of the damage list.").with("contact-rentals"),
    task("2026-06-21", "task-after-flowers-home", "flowers", PLANNER, "Flowers to the care home in Colares",
        "They know, they have vases, they asked for the arch."),
    task("2026-06-21", "task-after-departure", "transport", BEST, "Passports out of the safe, car at 13:30",
        "Airport by 15:00. The rings go on fingers, the box stays with Henrique.").top(),
    task("2026-06-21", "task-after-keys", "venue", VENUE, "Car keys from the gatehouse given back",
        "Cars may stay until 13:00, after that Armindo knows somebody.").low(),
    task("2026-06-22", "task-after-thanks-vendors", "crew", PLANNER, "Thank-you message to every vendor, by name",
        "With one true sentence each. Not a template.")
        .list(&[("Kitchen and bar", false), ("Sound, light, music", false), ("Pictures and film", false), ("Coaches, carers, medic", false)]),
    task("2026-06-22", "task-after-balances", "budget", PLANNER, "Release the balances due after the event",
        "Film, drummers, light, childcare, coaches. Check overtime against the log first.").top(),
    task("2026-06-22", "task-after-lost-list", "guests", PLANNER, "Lost property list to the group",
        "With pictures. Unclaimed goes to Inês until September.").low(),
    task("2026-06-23", "task-after-registry", "legal", PLANNER, "Ask the registry when the certificate is ready",
        "Two copies, one with translation for Lagos.").with("contact-registrar"),
    task("2026-06-24", "task-after-sneak-peek", "photo", PHOTO, "Thirty pictures for the families",
        "Consent filter on, checked by two people. Grandmothers first.").with("contact-rui"),
    task("2026-06-25", "task-after-deposit", "budget", VENUE, "Venue's damage deposit settled", "1,500 EUR, protocol signed by Ana.")
        .with("contact-ines"),
    task("2026-06-26", "task-after-livestream-file", "guests", BEST, "Recording for Beatrix and Ugochi",
        "Cut off the ten minutes of empty lawn at the start.").low(),
    task("2026-06-29", "task-after-money-count", "budget", COUPLE, "Money spray counted and thanked",
        "Chidera's list says who, not how much. That is how they want it."),
    task("2026-06-30", "task-after-debrief", "planning", WITH_VENUE, "Debrief with Inês and Rui",
        "What we would do again, what never. One page, shared."),
    task("2026-07-02", "task-after-reviews", "crew", COUPLE, "Reviews for the vendors who asked",
        "When they are back. No more than five, says Joel.").low(),
    task("2026-07-03", "task-after-dress-clean", "attire", HONOUR, "Dress to the cleaner",
        "Grass on the hem for certain. Tell them about the boats on the veil."),
    task("2026-07-06", "task-after-thank-you-cards", "stationery", COUPLE, "Choose the picture for the thank-you cards",
        "The balcony picture if everybody's eyes are open.").with("contact-stationer"),
    task("2026-07-08", "task-after-london-dinner", "guests", PLANNER, "Dinner in London for those who could not come",
        "Simon, Gabriel on a screen, twenty others. Table booked under Okafor."),
    task("2026-07-10", "task-after-health-data", "legal", PLANNER, "Delete the dietary and health data",
        "As promised on the reply form: three weeks after the day.").top(),
    task("2026-07-13", "task-after-final-invoice", "budget", PLANNER, "Final planning invoice with the hours",
        "Flat fee held. Attach the budget as it ended."),
    task("2026-07-15", "task-after-certificate", "legal", COUPLE, "Certificate to Lagos for registration",
        "Apostille again, this time in the other direction."),
    task("2026-07-20", "task-after-thank-you-post", "stationery", COUPLE, "Post the thank-you cards",
        "142 and two by e-mail. Dona Odete's is delivered by hand."),
    task("2026-08-10", "task-after-name-change", "legal", BRIDE, "Documents with the new name, if she still wants it",
        "She said: maybe, and not before the summer is over.").low(),
    task("2026-08-15", "task-after-gallery", "photo", PHOTO, "Full gallery delivered",
        "About 650 pictures, eight weeks after the day. Consent filter checked twice.").with("contact-rui"),
    task("2026-09-01", "task-after-album", "photo", COUPLE, "Choose 80 pictures for the album",
        "Each parent's album has its own order, ask me before printing.").low(),
    task("2026-09-15", "task-after-film", "photo", COUPLE, "Watch the film together, then approve",
        "Colour and music notes in one message, not in nine.").with("contact-film"),
    task("2026-10-01", "task-after-archive", "planning", PLANNER, "Archive the wedding",
        "Keep contracts ten years, everything else goes. Retention dry run first."),
];

/// The phases in order, each with its tasks by due date.
const PHASES: &[(&str, &[Task])] = &[
    ("Foundations", FOUNDATIONS),
    ("Design", DESIGN),
    ("Guests", GUESTS),
    ("Details", DETAILS),
    ("Final month", FINAL_MONTH),
    ("Wedding week", WEEK),
    ("On the day", ON_THE_DAY),
    ("Afterwards", AFTERWARDS),
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    PHASES.iter().flat_map(|(phase, tasks)| tasks.iter().map(|task| entry(phase, task)))
}

fn entry(phase: &str, task: &Task) -> Entry {
    let status = match task.status {
        "" if task.due < DAY => "done",
        "" => "open",
        status => status,
    };
    let completed_on = match (status, task.completed_on) {
        ("done", "") => task.due,
        ("done", date) => date,
        _ => "",
    };
    let checklist = task.checklist.iter().zip(1_u32..);
    let checklist = checklist.map(|((text, done), number)| json!({ "id": format!("c{number}"), "text": text, "done": done })).collect();
    Body::new()
        .put("title", task.title)
        .put("notes", task.notes)
        .put("due", task.due)
        .strings("assignees", task.assignees)
        .put("phase", phase)
        .put("category", task.category)
        .put("priority", task.priority)
        .text("contact_id", task.contact_id)
        .put("status", status)
        .text("completed_on", completed_on)
        .array("checklist", checklist)
        .entry("tasks", task.id)
}
