//! The run sheet: 55 moments from the opening of the gates to the last shuttle and the empty barn.

use serde_json::json;

use super::{ANA, Body, Entry, INES, RUI};

/// One character of an order key for each position: `a0`, `a1`, … `aZ`, `aa`, … as fractional indexing counts.
const ORDER_DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct Event {
    id: &'static str,
    title: &'static str,
    /// Wall-clock time in Lisbon, without the date; moments before 06:00 belong to Sunday the 21st.
    at: &'static str,
    min: u32,
    anchor: &'static str,
    category: &'static str,
    location: &'static str,
    owner_id: &'static str,
    assignees: &'static [&'static str],
    visibility: &'static str,
    cue: &'static str,
    notes: &'static str,
    /// Minutes from sunset, where the moment follows the light.
    from_sunset_min: Option<i32>,
    equipment: &'static [&'static str],
    plan_b: &'static str,
    status: &'static str,
    status_note: &'static str,
    actual_start: &'static str,
    actual_end: &'static str,
}

const EVENT: Event = Event {
    id: "",
    title: "",
    at: "",
    min: 0,
    anchor: "flex",
    category: "",
    location: "",
    owner_id: ANA,
    assignees: &[],
    visibility: "everyone",
    cue: "",
    notes: "",
    from_sunset_min: None,
    equipment: &[],
    plan_b: "",
    status: "planned",
    status_note: "",
    actual_start: "",
    actual_end: "",
};

#[rustfmt::skip]
const EVENTS: &[Event] = &[
    // Morning: everything is carried in.
    Event {
        id: "evt-gates-open", title: "Gates open, generator and water check", at: "07:00", min: 30, category: "venue",
        location: "Gatehouse and yard",
        owner_id: INES, assignees: &["contact-ines"], visibility: "vendors", cue: "Gatehouse radios \"gates green\" on channel 1",
        notes: "Run the generator under load for ten minutes. Read the well gauge: below 60 % we call the water lorry before 08:00, not after.",
        equipment: &["Radios 1-8", "Gate remote"], status: "done", actual_start: "2026-06-20T05:55:00Z", actual_end: "2026-06-20T06:24:00Z",
        ..EVENT
    },
    Event {
        id: "evt-load-in-rentals", title: "Furniture and linen in", at: "07:30", min: 45, category: "load-in",
        location: "Stone barn, south doors",
        owner_id: INES, assignees: &["contact-rentals", "contact-ines"], visibility: "vendors", cue: "Lorry past the plane trees",
        notes: "Count on the ramp: 150 cane chairs and 6 spare, 13 round tables, 3 long. Two chairs had loose seats last time, check before signing.",
        status: "done", status_note: "One long table with a split edge, swapped from the quinta's own stock.",
        actual_start: "2026-06-20T06:38:00Z", actual_end: "2026-06-20T07:31:00Z", ..EVENT
    },
    Event {
        id: "evt-load-in-florals", title: "Flowers: arch, aisle meadow, tables", at: "08:00", min: 150, category: "load-in",
        location: "Lower lawn, then barn",
        assignees: &["contact-florist"], visibility: "vendors", cue: "Arch frame stands and is pegged",
        notes: "Arch first while the lawn is in shade, tables last and from the cold room. White esteva petals drop in wind: leave the peg bag with Inês.",
        equipment: &["Arch frame", "24 water tubes", "Boards for the grass"],
        plan_b: "Arch goes to the barn's east wall, aisle meadow becomes a hedge along the first row.",
        status: "done", actual_start: "2026-06-20T07:22:00Z", actual_end: "2026-06-20T10:05:00Z", ..EVENT
    },
    Event {
        id: "evt-hair-makeup-party", title: "Hair and make-up: bridesmaids and mothers", at: "08:30", min: 180, category: "preparation",
        location: "Bridal suite",
        assignees: &["contact-hair", "contact-makeup", "contact-chiamaka-okafor"], cue: "Chiamaka in chair one, Camille in chair two",
        notes: "Order: Chiamaka, Camille, Zainab, Harriet, Helena, Ngozi. Ngozi asked for no lashes; the bottle of setting spray marked H is \
            Harriet's and nobody else's.",
        status: "done", status_note: "Finished seven minutes late, taken from Amara's slack.",
        actual_start: "2026-06-20T07:28:00Z", actual_end: "2026-06-20T10:37:00Z", ..EVENT
    },
    Event {
        id: "evt-kitchen-load-in", title: "Kitchen in, cold chain checked", at: "09:15", min: 60, category: "load-in",
        location: "Kitchen yard",
        owner_id: INES, assignees: &["contact-caterer", "contact-ines"], visibility: "vendors", cue: "Refrigerated van plugged in",
        notes: "Thermometer reading of both vans goes into the log with a photo. The nut-free bench is the one under the window and has its own \
            boards and knives.",
        status: "done", actual_start: "2026-06-20T08:19:00Z", actual_end: "2026-06-20T09:12:00Z", ..EVENT
    },
    Event {
        id: "evt-safety-walk", title: "Safety walk", at: "09:45", min: 30, anchor: "fixed", category: "safety", location: "Whole site",
        owner_id: INES, assignees: &["contact-ines", "contact-ana", "contact-lighting"], visibility: "vendors",
        cue: "Meet at the fire panel",
        notes: "Exits unlocked and free, extinguishers in date, cables under mats, candle distances from the linen. Both sign the sheet; without it \
            the barn does not open.",
        equipment: &["Checklist", "Two hi-vis vests"], status: "done",
        status_note: "North exit was blocked by a flight case, cleared at 10:02.",
        actual_start: "2026-06-20T08:50:00Z", actual_end: "2026-06-20T09:20:00Z", ..EVENT
    },
    Event {
        id: "evt-sound-install", title: "Sound: lawn system and barn", at: "10:15", min: 75, category: "load-in", location: "Lawn and barn",
        assignees: &["contact-dj", "contact-film"], visibility: "vendors", cue: "Level check with the celebrant's headset",
        notes: "Lawn first, then barn. Bastien takes a line from the desk; two spare batteries for the headset stay in the lectern.",
        status: "done", actual_start: "2026-06-20T09:27:00Z", actual_end: "2026-06-20T10:44:00Z", ..EVENT
    },
    Event {
        id: "evt-tables-set", title: "Tables laid, place cards out", at: "10:30", min: 120, category: "set-up", location: "Stone barn",
        assignees: &["contact-banquet-captain", "contact-florist", "contact-ana"], visibility: "vendors",
        cue: "Hélder calls table 1 complete",
        notes: "Cards against the printed plan, not against memory. Red dot under the card means allergy, green dot means vegetarian or vegan. Tables \
            5 and 9 are not to be swapped, whatever anybody says.",
        status: "done", status_note: "Two cards reprinted: Oisín and Célia.",
        actual_start: "2026-06-20T09:41:00Z", actual_end: "2026-06-20T11:38:00Z", ..EVENT
    },
    Event {
        id: "evt-photo-arrival", title: "Photographers and film arrive", at: "11:00", min: 15, category: "photo",
        location: "Main house, side door",
        owner_id: RUI, assignees: &["contact-rui", "contact-second-shooter", "contact-film"], cue: "Rui rings Chiamaka before going up",
        notes: "Synchronise all clocks, cameras and recorders, against Ana's phone. Rui stays with Amara, Marta crosses to the mill house.",
        status: "done", actual_start: "2026-06-20T09:56:00Z", actual_end: "2026-06-20T10:14:00Z", ..EVENT
    },
    // Preparation.
    Event {
        id: "evt-flat-lay", title: "Details: invitation, shoes, coral, perfume", at: "11:15", min: 40, category: "photo",
        location: "Bridal suite, north window",
        owner_id: RUI, assignees: &["contact-rui", "contact-chiamaka-okafor"], cue: "Chiamaka hands over the detail box",
        notes: "Box is packed and labelled. The rings are not in it: Tiago keeps them until 15:40, they are photographed at the ring check.",
        equipment: &["Detail box", "Linen backdrop", "100 mm macro"], status: "done",
        actual_start: "2026-06-20T10:17:00Z", actual_end: "2026-06-20T10:55:00Z", ..EVENT
    },
    Event {
        id: "evt-hair-makeup-amara", title: "Hair and make-up: Amara", at: "11:30", min: 90, category: "preparation",
        location: "Bridal suite",
        assignees: &["contact-hair", "contact-makeup"], cue: "Room cleared to six people",
        notes: "Low bun with the coral comb, veil pinned separately so that it comes off for the gele later. Phone stays with Chiamaka.",
        status: "done", actual_start: "2026-06-20T10:39:00Z", actual_end: "2026-06-20T12:10:00Z", ..EVENT
    },
    Event {
        id: "evt-groom-prep", title: "Joel and groomsmen dress", at: "12:00", min: 60, category: "preparation", location: "Mill house",
        assignees: &["contact-tiago-nogueira", "contact-second-shooter"], cue: "Tiago opens the mill house",
        notes: "Boutonnières are in the mill house fridge, pins in the lid. Mathieu's jacket was let out on Tuesday and hangs on its own hook.",
        status: "done", actual_start: "2026-06-20T11:04:00Z", actual_end: "2026-06-20T12:12:00Z", ..EVENT
    },
    Event {
        id: "evt-suite-lunch", title: "Light lunch, both houses", at: "12:15", min: 25, category: "food",
        location: "Bridal suite and mill house",
        owner_id: INES, assignees: &["contact-ines", "contact-banquet-captain"], visibility: "couple",
        cue: "Trolleys leave the kitchen together",
        notes: "Things that do not drip. Straws for everyone in lipstick. Amara eats before the dress, and Chiamaka makes sure of it.",
        status: "done", actual_start: "2026-06-20T11:18:00Z", actual_end: "2026-06-20T11:44:00Z", ..EVENT
    },
    Event {
        id: "evt-crew-lunch", title: "Crew lunch, first sitting", at: "12:30", min: 45, category: "food", location: "Barn, table 16",
        owner_id: INES, assignees: &["contact-banquet-captain"], visibility: "vendors", cue: "Hélder rings the small bell",
        notes: "Florist, sound, lighting, hair. Photographers eat at 19:30 while the guests have their starter, nobody wants pictures of chewing.",
        status: "done", actual_start: "2026-06-20T11:32:00Z", actual_end: "2026-06-20T12:17:00Z", ..EVENT
    },
    Event {
        id: "evt-cake-delivery", title: "Cake delivered and stacked", at: "13:00", min: 40, category: "load-in",
        location: "Cold room, then barn",
        assignees: &["contact-cake", "contact-banquet-captain"], visibility: "vendors", cue: "Green ribbon box first",
        notes: "The box with the green ribbon is nut-free and goes on its own shelf. Two tiers are stacked in the cold room, the rest after 20:00 \
            when the barn is cooler.",
        status: "done", status_note: "Van six minutes late, brought the reprinted place cards.",
        actual_start: "2026-06-20T12:06:00Z", actual_end: "2026-06-20T12:41:00Z", ..EVENT
    },
    Event {
        id: "evt-gele-tying", title: "Gele tying with the aunties", at: "13:10", min: 35, category: "preparation",
        location: "Library, ground floor",
        assignees: &["contact-makeup", "contact-ngozi-nwosu"], cue: "Auntie Ifeoma starts singing, then everybody is there",
        notes: "Eleven gele, two helpers, one mirror too few. The moss green is Ngozi's side, the copper is Emeka's; do not mix the bags.",
        status: "done", actual_start: "2026-06-20T12:13:00Z", actual_end: "2026-06-20T12:52:00Z", ..EVENT
    },
    Event {
        id: "evt-dress", title: "Into the dress", at: "13:45", min: 30, category: "preparation", location: "Bridal suite",
        assignees: &["contact-chiamaka-okafor", "contact-ngozi-nwosu", "contact-rui"],
        cue: "Window curtain open, bags and hangers out of the frame",
        notes: "Forty-two covered buttons: the crochet hook hangs from the mirror. Ngozi closes the last three, that is the photograph.",
        equipment: &["Crochet hook", "Steamer"], status: "started", actual_start: "2026-06-20T12:50:00Z", ..EVENT
    },
    Event {
        id: "evt-father-reveal", title: "Emeka sees his daughter", at: "14:15", min: 10, category: "photo", location: "Upper landing",
        assignees: &["contact-emeka-okafor", "contact-rui"], visibility: "vendors", cue: "Emeka waits with his back to the stairs",
        notes: "Only Rui and Bastien on the landing. Ngozi leaves by the back stairs before Emeka comes up, Chiamaka knows.",
        ..EVENT
    },
    Event {
        id: "evt-first-look", title: "First look", at: "14:30", min: 15, category: "photo", location: "Orange grove, third row",
        owner_id: RUI, assignees: &["contact-rui", "contact-second-shooter", "contact-film"],
        cue: "Joel faces the wall, Amara comes from the well",
        notes: "Nobody else in the grove, gardeners included. Marta shoots over Joel's shoulder, Rui stays with Amara's face, Bastien is wide and far away.",
        equipment: &["85 mm", "35 mm"], plan_b: "Arcade behind the chapel, light comes from the left.", ..EVENT
    },
    Event {
        id: "evt-shuttle-out-1", title: "Coach 1 leaves the hotel", at: "14:45", min: 25, category: "transport",
        location: "Hotel Pátio das Camélias",
        assignees: &["contact-shuttle", "contact-hotel", "contact-tiago-nogueira"], cue: "Driver sends the head count before moving off",
        notes: "52 seats: Moreau family, Lyon friends, Tavares. The two passenger lists are on the clipboard and are not to be mixed.",
        ..EVENT
    },
    Event {
        id: "evt-wedding-party-photos", title: "Wedding party photographs", at: "14:50", min: 30, category: "photo",
        location: "Mill steps and meadow",
        owner_id: RUI, assignees: &["contact-rui", "contact-second-shooter"], cue: "Harriet gathers the women, Rodrigo the men",
        notes: "Walk, laugh, stop. Five set-ups, six minutes each, shade of the mill first because of the make-up.",
        plan_b: "Library and staircase.", ..EVENT
    },
    Event {
        id: "evt-quartet-soundcheck", title: "Quartet set up and sound check", at: "14:55", min: 20, category: "music",
        location: "Lawn, under the cork oak",
        assignees: &["contact-quartet", "contact-dj"], visibility: "vendors", cue: "Shade sail is up",
        notes: "Four chairs without arms. One pass of the processional with Teresa's headset open, to find the feedback now.",
        plan_b: "Barn gallery; the cello needs the lift.", ..EVENT
    },
    Event {
        id: "evt-shuttle-out-2", title: "Coach 2 leaves the hotel", at: "15:10", min: 25, category: "transport",
        location: "Hotel Pátio das Camélias",
        assignees: &["contact-shuttle", "contact-hotel"], cue: "Reception calls the rooms that are missing",
        notes: "38 seats, last coach before the ceremony. Anyone later takes a taxi from the rank and is met at the gatehouse.",
        ..EVENT
    },
    // Ceremony.
    Event {
        id: "evt-hide-couple", title: "Couple out of sight, touch-ups", at: "15:20", min: 20, anchor: "buffer", category: "buffer",
        location: "Library, shutters closed",
        assignees: &["contact-chiamaka-okafor", "contact-hair", "contact-makeup"], visibility: "vendors",
        notes: "Guests come past the windows from 15:25. Ten minutes can be taken from here, the other ten are for the veil.", ..EVENT
    },
    Event {
        id: "evt-guest-seating", title: "Guests arrive, lemonade, seating", at: "15:25", min: 30, category: "ceremony", location: "Lawn",
        assignees: &["contact-ana", "contact-bar", "contact-banquet-captain"], cue: "Quartet begins when the first coach unloads",
        notes: "Fans and programmes in the baskets. Amara's side, row one: Ngozi and Grace at the aisle, Obinna between, Emeka, Bisi and Adaeze at \
            the far end. Joel's side: Helena at the aisle, Luc two seats further, Beatriz's wheelchair at the end with the flat ground.",
        plan_b: "Barn seating plan B is taped inside the lectern.", ..EVENT
    },
    Event {
        id: "evt-ring-check", title: "Rings, passports, witnesses", at: "15:40", min: 5, anchor: "fixed", category: "ceremony",
        location: "Vestry behind the chapel",
        assignees: &["contact-tiago-nogueira", "contact-registrar", "contact-ana"], visibility: "vendors",
        cue: "Tiago puts the box on the table, lid open",
        notes: "Four passports, two witness cards, two rings. Rui takes the ring picture here: three minutes, window light, no more.",
        ..EVENT
    },
    Event {
        id: "evt-processional-lineup", title: "Line-up for the processional", at: "15:50", min: 10, anchor: "fixed", category: "ceremony",
        location: "Chapel arcade",
        assignees: &["contact-ana", "contact-chiamaka-okafor"], cue: "Ana raises her hand, Leonor nods back",
        notes: "Order: grandmothers with Obinna and Mathieu, Helena and Luc, party in pairs, Léo, Kosi, then Amara between her parents. Ngozi left, \
            Emeka right, agreed by both in writing.",
        ..EVENT
    },
    Event {
        id: "evt-ceremony", title: "Ceremony", at: "16:00", min: 40, anchor: "fixed", category: "ceremony", location: "Lawn, cork oak arch",
        assignees: &["contact-officiant", "contact-registrar", "contact-quartet", "contact-rui"],
        cue: "Quartet starts the processional on Ana's hand signal",
        notes: "Doors of the arcade close at 15:55 and latecomers wait for the first song. The registrar must leave by 17:00.",
        equipment: &["Lectern at 1.10 m", "Headset and two spare batteries", "Kola nut bowl"],
        plan_b: "Stone barn, east wall, decision by 13:00.", ..EVENT
    },
    Event {
        id: "evt-signing", title: "Signing of the register", at: "16:40", min: 8, anchor: "fixed", category: "ceremony",
        location: "Table beside the arch",
        assignees: &["contact-registrar", "contact-tiago-nogueira", "contact-chiamaka-okafor"], cue: "Quartet: the slow Fauré",
        notes: "Witnesses: Chiamaka and Tiago. Photographs of the hands only, the registrar does not wish his face in any picture.", ..EVENT
    },
    Event {
        id: "evt-confetti", title: "Confetti walk", at: "16:50", min: 10, category: "ceremony", location: "Aisle to the terrace",
        assignees: &["contact-ana", "contact-rui", "contact-second-shooter"], cue: "Harriet shouts \"now\"",
        notes: "Dried petals only, the cones are under the last row. Walk slowly, stop twice, kiss once in the middle.",
        equipment: &["150 petal cones"], ..EVENT
    },
    Event {
        id: "evt-group-photo", title: "Everybody, from the balcony", at: "17:00", min: 8, category: "photo",
        location: "Courtyard below the balcony",
        owner_id: RUI, assignees: &["contact-rui", "contact-ana"], cue: "Edson plays the bell over the lawn system",
        notes: "Children in front, wheelchair on the flat stones, grandmothers get chairs. Three frames, then the drinks open.", ..EVENT
    },
    // Afternoon.
    Event {
        id: "evt-cocktail", title: "Cocktail hour", at: "17:05", min: 100, category: "reception", location: "Upper terrace",
        assignees: &["contact-bar", "contact-caterer", "contact-quartet"], cue: "First trays leave as the group photograph ends",
        notes: "Chin-chin, bolinhos de bacalhau, gougères, suya skewers on the grill by the wall. The peanut suya stays on the grill station with its \
            sign and is not carried round.",
        plan_b: "Barn north half, screens already hung.", ..EVENT
    },
    Event {
        id: "evt-family-formals", title: "Family photographs", at: "17:10", min: 30, category: "photo", location: "Chapel steps",
        owner_id: RUI, assignees: &["contact-rui", "contact-second-shooter", "contact-chiamaka-okafor", "contact-tiago-nogueira"],
        cue: "Chiamaka calls names from the list, Tiago fetches",
        notes: "Fourteen combinations, two minutes each, grandmothers first so that they can sit down. Read the \"do not combine\" notes before, not during.",
        equipment: &["Printed list, two copies", "Two chairs"], plan_b: "Library, flash bounced off the ceiling.", ..EVENT
    },
    Event {
        id: "evt-room-flip", title: "Arch flowers move to the barn, candles lit", at: "17:20", min: 70, category: "set-up",
        location: "Stone barn",
        owner_id: INES, assignees: &["contact-florist", "contact-lighting", "contact-banquet-captain"], visibility: "vendors",
        cue: "Lawn is empty",
        notes: "Arch meadow becomes the front of the top table. Candles last, no earlier than 18:30, two people with extinguishers in the room.",
        ..EVENT
    },
    Event {
        id: "evt-portraits", title: "Couple portraits", at: "17:45", min: 30, category: "photo", location: "Olive terraces",
        owner_id: RUI, assignees: &["contact-rui", "contact-film"], cue: "Rui fetches the couple himself, no shouting across the terrace",
        notes: "Two places, no more: the olive terraces and the water tank. Marta covers the cocktail hour meanwhile.",
        equipment: &["35 mm", "85 mm", "Small reflector"], plan_b: "Mill house, upstairs window.", ..EVENT
    },
    Event {
        id: "evt-buffer-cocktail", title: "Slack before dinner", at: "18:15", min: 15, anchor: "buffer", category: "buffer",
        location: "Upper terrace",
        visibility: "vendors",
        notes: "Drone window for Bastien. Couple gets a plate and ten minutes alone in the library, door guarded by Camille.", ..EVENT
    },
    Event {
        id: "evt-quiet-word", title: "Quiet word: seats at tables 5 and 9", at: "18:30", min: 5, category: "private",
        location: "Wherever Luc is",
        assignees: &["contact-ana"], visibility: "private",
        notes: "Tell Luc that Étienne sits with his back to him, and that nobody will ask them to stand together. Then tell Étienne the same.",
        ..EVENT
    },
    // Evening.
    Event {
        id: "evt-reception-doors", title: "Guests to their tables", at: "18:45", min: 15, category: "reception", location: "Stone barn",
        assignees: &["contact-banquet-captain", "contact-ines", "contact-dj"], cue: "Gong on the terrace, twice",
        notes: "Grandmothers first by the ramp. Seating plan stands on both sides of the door so that nobody queues in the sun.", ..EVENT
    },
    Event {
        id: "evt-grand-entrance", title: "Grand entrance with talking drums", at: "19:00", min: 10, anchor: "fixed", category: "reception",
        location: "Stone barn, east doors",
        assignees: &["contact-drummers", "contact-dj", "contact-rui", "contact-film"], cue: "East doors open on the third call",
        notes: "Parents first, one couple at a time: Helena with Rogério, Luc with Claire, Ngozi with Chukwudi, Emeka with Bisi. Then the party, then \
            the two of them.",
        ..EVENT
    },
    Event {
        id: "evt-kola-nut", title: "Breaking of the kola nut", at: "19:10", min: 10, category: "reception", location: "Top table",
        assignees: &["contact-emeka-okafor", "contact-banquet-captain"], cue: "Bowl comes from Emeka's car at 18:50",
        notes: "Emeka speaks in Igbo, Obinna translates. Waiters stand still. The kola nut is passed to the eldest first: Nne Adaeze.",
        ..EVENT
    },
    Event {
        id: "evt-dinner-starter", title: "Starter", at: "19:20", min: 35, category: "food", location: "Stone barn",
        assignees: &["contact-caterer", "contact-banquet-captain"], cue: "Hélder releases table 1",
        notes: "Chilled tomato soup with or without fish. Red cloches go first and are named at the table. Crew eat at 19:30 and 20:10, in two groups.",
        ..EVENT
    },
    Event {
        id: "evt-speech-fathers", title: "Words from Luc and Emeka", at: "19:55", min: 12, category: "speeches", location: "Stone barn",
        assignees: &["contact-luc-moreau", "contact-emeka-okafor", "contact-dj"], cue: "Hélder nods, plates are down",
        notes: "Luc first, four minutes in French, cards with the translation are on the tables. Hand-held microphone, he turns away from a stand.",
        ..EVENT
    },
    Event {
        id: "evt-golden-hour", title: "Golden hour portraits", at: "20:20", min: 20, category: "photo",
        location: "Ridge above the vineyard",
        owner_id: RUI, assignees: &["contact-rui", "contact-chiamaka-okafor"], cue: "Rui taps Joel on the shoulder between two courses",
        notes: "Buggy waits at the cedar, three minutes up. The sun is behind the ridge at 20:48, so this does not move later whatever happens.",
        from_sunset_min: Some(-44), equipment: &["85 mm", "Buggy key", "Flat shoes for Amara"],
        plan_b: "Skip, and take ten minutes in the candle-lit barn after the cake.", ..EVENT
    },
    Event {
        id: "evt-dinner-main", title: "Main course", at: "20:25", min: 35, category: "food", location: "Stone barn",
        assignees: &["contact-caterer", "contact-banquet-captain"], cue: "Speeches over, couple is with Rui",
        notes: "Veal cheek, sea bass, mushroom rice, children's plates ten minutes earlier. The couple's plates are held until they are back.",
        ..EVENT
    },
    Event {
        id: "evt-speeches", title: "Speeches: Chiamaka and Tiago", at: "21:05", min: 20, category: "speeches", location: "Stone barn",
        assignees: &["contact-chiamaka-okafor", "contact-tiago-nogueira", "contact-dj"],
        cue: "Glasses are filled, Edson fades at the knife on the glass",
        notes: "Ten minutes each and a light on the back wall that turns amber at eight. Sunset is at 21:04: festoon on, candles already burning.",
        from_sunset_min: Some(1), ..EVENT
    },
    Event {
        id: "evt-cake", title: "Cutting of the cake", at: "21:35", min: 10, category: "reception", location: "Barn, under the gallery",
        assignees: &["contact-banquet-captain", "contact-rui", "contact-dj"], cue: "Sílvia dims to the pin spot",
        notes: "Top tier is nut-free and is cut first with the clean knife. The rest contains almonds: Hélder says it aloud before it is served.",
        equipment: &["Two knives, white and green handle"], ..EVENT
    },
    Event {
        id: "evt-outfit-change", title: "Second outfit: moss green and copper", at: "21:45", min: 15, category: "preparation",
        location: "Bridal suite",
        assignees: &["contact-makeup", "contact-chiamaka-okafor"], visibility: "couple", cue: "Folasade waits at the stairs from 21:40",
        notes: "Veil off, gele on, coral on. Joel's cap and beads are on the chair by the door.", ..EVENT
    },
    Event {
        id: "evt-first-dance", title: "First dance", at: "22:00", min: 8, category: "party", location: "Barn, dance floor",
        assignees: &["contact-dj", "contact-rui", "contact-film", "contact-lighting"],
        cue: "Edson: \"make a circle\", house light down to ten",
        notes: "Morna for two minutes, then it turns into highlife and everybody comes in. No cold sparks: the venue said no in April.",
        ..EVENT
    },
    Event {
        id: "evt-money-spray", title: "Money spray", at: "22:10", min: 25, category: "party", location: "Barn, dance floor",
        assignees: &["contact-drummers", "contact-dj", "contact-chiamaka-okafor"], cue: "Drums call Amara's name",
        notes: "Harriet and Zainab collect in the two woven bags, Obinna takes them to the safe with Inês. Small notes can be had from Camille.",
        ..EVENT
    },
    Event {
        id: "evt-open-floor", title: "Dance floor, everybody", at: "22:35", min: 70, category: "party", location: "Barn, dance floor",
        assignees: &["contact-dj", "contact-bar"], cue: "Edson takes over from the drums without a gap",
        notes: "Afrobeats, kizomba, one block of French eighties for Luc's cousins. Requests through Camille, not at the desk. Limiter drops to 92 dB \
            at midnight.",
        ..EVENT
    },
    Event {
        id: "evt-shuttle-home-1", title: "First coach home", at: "23:30", min: 30, category: "transport", location: "Gatehouse loop",
        assignees: &["contact-shuttle", "contact-ines"], cue: "Edson announces it at 23:15, in Portuguese and English",
        notes: "For grandparents and families. Carers bring the sleeping children to the loop; car seats are already in rows 2 and 3.",
        ..EVENT
    },
    Event {
        id: "evt-late-snack", title: "Caldo verde, bifanas, suya rolls", at: "23:45", min: 45, category: "food", location: "Upper terrace",
        assignees: &["contact-caterer", "contact-bar"], cue: "Grill smoke is the announcement",
        notes: "Caldo verde without chouriço in the white pot. The suya rolls carry peanuts: red flag on the tray, and the medic stands near for the \
            first ten minutes.",
        plan_b: "Barn gallery, cold version.", ..EVENT
    },
    Event {
        id: "evt-sparkler-exit", title: "Sparkler exit", at: "00:30", min: 10, category: "party", location: "Plane tree avenue",
        assignees: &["contact-ana", "contact-rui", "contact-lighting", "contact-ines"], cue: "Sand buckets in place, Inês says \"go\"",
        notes: "Eighty sparklers, two lines, nobody under sixteen holds one. Forbidden above 25 km/h of wind: Inês reads the meter at 00:15.",
        equipment: &["80 sparklers", "6 sand buckets", "4 gas lighters"], plan_b: "Torches and the festoon on slow fade.", ..EVENT
    },
    Event {
        id: "evt-shuttle-home-2", title: "Second coach home", at: "00:45", min: 30, category: "transport", location: "Gatehouse loop",
        assignees: &["contact-shuttle", "contact-ines"], cue: "Straight after the sparklers, people are already in the avenue",
        notes: "Coach 1 again, 52 seats. Driver's rest ends at 00:30, so it cannot leave earlier even if everybody sits.", ..EVENT
    },
    Event {
        id: "evt-last-shuttle", title: "Music off, last coach home, barn emptied", at: "02:00", min: 45, anchor: "fixed",
        category: "transport", location: "Gatehouse loop and barn",
        owner_id: INES, assignees: &["contact-shuttle", "contact-ines", "contact-ana", "contact-dj"],
        cue: "House light up at 01:58, doors open",
        notes: "Curfew is 02:00 on the limiter's clock. Ana walks barn, terrace and both houses for what people forget, then the generator goes off.",
        ..EVENT
    },
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    EVENTS.iter().zip(ORDER_DIGITS.chars()).map(|(event, digit)| entry(event, digit))
}

fn entry(event: &Event, order_digit: char) -> Entry {
    let date = if event.at < "06:00" { "2026-06-21" } else { "2026-06-20" };
    let body = Body::new()
        .put("title", event.title)
        .put("starts_at", format!("{date}T{}", event.at))
        .put("duration_min", event.min)
        .put("anchor", event.anchor)
        .put("order_key", format!("a{order_digit}"))
        .put("category", event.category)
        .put("location", event.location)
        .put("owner_id", event.owner_id)
        .strings("assignees", event.assignees)
        .put("visibility", event.visibility)
        .text("cue", event.cue)
        .put("notes", event.notes)
        .strings("equipment", event.equipment)
        .text("plan_b", event.plan_b)
        .put("status", event.status)
        .text("status_note", event.status_note)
        .text("actual_start", event.actual_start)
        .text("actual_end", event.actual_end);
    let body = match event.from_sunset_min {
        Some(offset_min) => body.put("sun_rule", json!({ "from": "sunset", "offset_min": offset_min })),
        None => body,
    };
    body.entry("timeline_events", event.id)
}
