//! The 32 people and companies that the day depends on: the couple and their closest family, the three who log in,
//! and the vendors.

use serde_json::json;

use super::{ANA, Body, Entry, INES, RUI};

struct Contact {
    id: &'static str,
    name: &'static str,
    company: &'static str,
    kind: &'static str,
    role: &'static str,
    languages: &'static [&'static str],
    /// Number and label.
    phones: &'static [(&'static str, &'static str)],
    /// Address and label.
    emails: &'static [(&'static str, &'static str)],
    owner_id: &'static str,
    arrival_at: &'static str,
    setup_min: u32,
    departs_at: &'static str,
    load_in: &'static str,
    vehicle: &'static str,
    crew_meals: u32,
    checked_in_at: &'static str,
    for_emergencies: bool,
    notes: &'static str,
    private_note: &'static str,
}

const CONTACT: Contact = Contact {
    id: "",
    name: "",
    company: "",
    kind: "vendor",
    role: "",
    languages: &["pt", "en"],
    phones: &[],
    emails: &[],
    owner_id: "",
    arrival_at: "",
    setup_min: 0,
    departs_at: "",
    load_in: "",
    vehicle: "",
    crew_meals: 0,
    checked_in_at: "",
    for_emergencies: false,
    notes: "",
    private_note: "",
};

#[rustfmt::skip]
const CONTACTS: &[Contact] = &[
    // The couple and their families.
    Contact {
        id: "contact-amara-okafor", name: "Amara Okafor", kind: "couple", role: "Bride", languages: &["en", "ig"],
        phones: &[("+44 7700 900101", "mobile, with Chiamaka from 11:00")], emails: &[("amara@example.org", "personal")],
        notes: "Bridal suite from Friday night. Nothing on the timeline goes to her phone on the day: ask Chiamaka.",
        ..CONTACT
    },
    Contact {
        id: "contact-joel-moreau", name: "Joel Tavares Moreau", kind: "couple", role: "Groom", languages: &["pt", "fr", "en"],
        phones: &[("+44 7700 900102", "mobile, with Tiago from 11:00")], emails: &[("joel@example.org", "personal")],
        notes: "Dresses in the mill house. Has the second copy of the vows in his jacket, left inside pocket.",
        ..CONTACT
    },
    Contact {
        id: "contact-ngozi-nwosu", name: "Dr Ngozi Nwosu", kind: "family", role: "Mother of the bride", languages: &["en", "ig"],
        phones: &[("+44 7700 900103", "mobile"), ("+44 7700 900104", "WhatsApp only")], emails: &[("ngozi.nwosu@example.org", "personal")],
        arrival_at: "2026-06-20T08:30", checked_in_at: "2026-06-20T07:34:00Z",
        notes: "Walks Amara down the aisle on the left side. Decides everything about the gele and the coral beads.",
        private_note: "Divorced from Emeka in 2019, he remarried in 2022. Civil, but one frame only, and never next to Bisi.",
        ..CONTACT
    },
    Contact {
        id: "contact-emeka-okafor", name: "Chief Emeka Okafor", kind: "family", role: "Father of the bride", languages: &["en", "ig"],
        phones: &[("+44 7700 900105", "mobile")], emails: &[("emeka.okafor@example.org", "office")],
        arrival_at: "2026-06-20T13:45", checked_in_at: "2026-06-20T12:50:00Z",
        notes: "Walks Amara down the aisle on the right side. Breaks the kola nut; the bowl travels in his car, not with the florist.",
        private_note: "Pays the second half of the drummers in cash himself. Wants no mention of it in the couple's view.",
        ..CONTACT
    },
    Contact {
        id: "contact-helena-tavares", name: "Helena Tavares", kind: "family", role: "Mother of the groom", languages: &["pt", "fr"],
        phones: &[("+44 7700 900106", "mobile")], emails: &[("helena.tavares@example.org", "personal")],
        arrival_at: "2026-06-20T12:00", checked_in_at: "2026-06-20T10:52:00Z",
        notes: "Drives Avó Beatriz in the car with the ramp. Prefers Portuguese; French works, English only on a good day.",
        ..CONTACT
    },
    Contact {
        id: "contact-luc-moreau", name: "Luc Moreau", kind: "family", role: "Father of the groom", languages: &["fr", "en"],
        phones: &[("+44 7700 900107", "mobile")], emails: &[("luc.moreau@example.org", "personal")],
        arrival_at: "2026-06-20T14:45",
        notes: "Speech in French, four minutes, printed translation on every table. Stand on his right when you speak to him.",
        private_note: "Has not spoken to his brother Étienne since the house in Annecy was sold. Separate tables, separate frames, separate shuttles.",
        ..CONTACT
    },
    Contact {
        id: "contact-chiamaka-okafor", name: "Chiamaka Okafor", kind: "family", role: "Maid of honour", languages: &["en"],
        phones: &[("+44 7700 900108", "mobile")], emails: &[("chiamaka.okafor@example.org", "personal")],
        checked_in_at: "2026-06-20T07:25:00Z", for_emergencies: true,
        notes: "The one number for anything about Amara. Carries the emergency kit: safety pins, blister plasters, the antihistamines.",
        ..CONTACT
    },
    Contact {
        id: "contact-tiago-nogueira", name: "Tiago Nogueira", kind: "family", role: "Best man", languages: &["pt", "en", "fr"],
        phones: &[("+44 7700 900109", "mobile")], emails: &[("tiago.nogueira@example.org", "personal")],
        checked_in_at: "2026-06-20T10:41:00Z", for_emergencies: true,
        notes: "Has the rings until the ring check at 15:40. Counts heads on the shuttles together with the driver.",
        ..CONTACT
    },
    // The three who log in.
    Contact {
        id: "contact-ana", name: "Ana Figueiredo", company: "Figueiredo & Filhas, wedding planning", kind: "team", role: "Lead planner",
        languages: &["pt", "en", "fr"], phones: &[("+44 7700 900110", "mobile"), ("+44 7700 900111", "office, until 13:00 on Saturdays")],
        emails: &[("ana@example.org", "work")], owner_id: ANA, arrival_at: "2026-06-20T06:45", departs_at: "2026-06-21T03:00",
        vehicle: "Grey estate, emergency kit and spare umbrellas in the boot", crew_meals: 2,
        checked_in_at: "2026-06-20T05:48:00Z", for_emergencies: true,
        notes: "Radio channel 1. On the lawn from 15:30 until the couple is out of the confetti; for anything urgent, walk, do not ring.",
        ..CONTACT
    },
    Contact {
        id: "contact-rui", name: "Rui Bettencourt", company: "Luz Lenta, fotografia", role: "Lead photographer",
        phones: &[("+44 7700 900112", "mobile, silent during the ceremony")], emails: &[("rui@example.org", "work")], owner_id: RUI,
        arrival_at: "2026-06-20T11:00", departs_at: "2026-06-21T01:15", load_in: "Side door of the main house, one lift-sized case",
        vehicle: "White hatchback, leaves by the mill gate", crew_meals: 1, checked_in_at: "2026-06-20T09:56:00Z",
        notes: "Two bodies, no flash in the ceremony. No signal inside the stone barn: he syncs when he comes out to the terrace.",
        private_note: "Overtime after 01:15 is 180 EUR an hour, ask Ana before, not after.",
        ..CONTACT
    },
    Contact {
        id: "contact-ines", name: "Inês Sobral", company: "Quinta do Vale", kind: "venue", role: "Venue coordinator",
        phones: &[("+44 7700 900113", "mobile"), ("+44 7700 900114", "gatehouse, always staffed")], emails: &[("ines@example.org", "work")],
        owner_id: INES, arrival_at: "2026-06-20T06:30", departs_at: "2026-06-21T03:30", crew_meals: 3,
        checked_in_at: "2026-06-20T05:31:00Z", for_emergencies: true,
        notes: "Radio channel 1 and 2. Keys to everything, fire panel, generator, and the final word on the curfew.",
        ..CONTACT
    },
    // Vendors, in the order in which they were booked.
    Contact {
        id: "contact-caterer", name: "Lurdes Patrício", company: "Mesa Farta Catering", role: "Caterer",
        phones: &[("+44 7700 900115", "mobile"), ("+44 7700 900116", "kitchen van")],
        emails: &[("eventos.mesafarta@example.org", "events"), ("alergias.mesafarta@example.org", "allergen desk")],
        arrival_at: "2026-06-20T09:15", setup_min: 60, departs_at: "2026-06-21T02:30",
        load_in: "Kitchen yard, vans one at a time; refrigerated van stays plugged in",
        vehicle: "Two vans, one refrigerated", crew_meals: 17, checked_in_at: "2026-06-20T08:19:00Z",
        notes: "Final count 142 guests plus the couple, 8 of them children. Plates for allergies leave the pass under a red cloche with the guest's name.",
        private_note: "Deducts 38 EUR for every cover cancelled before 12 June, nothing after.",
        ..CONTACT
    },
    Contact {
        id: "contact-banquet-captain", name: "Hélder Simões", company: "Mesa Farta Catering", role: "Banquet captain",
        phones: &[("+44 7700 900117", "mobile")], emails: &[("helder.simoes@example.org", "work")],
        arrival_at: "2026-06-20T10:30", departs_at: "2026-06-21T02:00", load_in: "With the caterer", checked_in_at: "2026-06-20T09:33:00Z",
        notes: "Radio channel 2. He releases courses, nobody else; wait for his nod before any speech starts. Fourteen waiters, four in the bar relay.",
        ..CONTACT
    },
    Contact {
        id: "contact-florist", name: "Joaquina Serrano", company: "Flor de Esteva", role: "Florist",
        phones: &[("+44 7700 900118", "mobile")], emails: &[("flordeesteva@example.org", "studio")],
        arrival_at: "2026-06-20T08:00", setup_min: 150, departs_at: "2026-06-20T18:30",
        load_in: "Lower lawn by the orange grove, boards on the grass",
        vehicle: "Long-wheelbase van, 5.9 m: does not pass the mill gate", crew_meals: 4, checked_in_at: "2026-06-20T07:22:00Z",
        notes: "Arch, aisle meadow, sixteen tables, 6 boutonnières, 5 bouquets, corsages for the mothers and grandmothers. Comes back at 17:15 for the flip.",
        private_note: "Still owes the 85 EUR credit for the wilted sample in March.",
        ..CONTACT
    },
    Contact {
        id: "contact-second-shooter", name: "Marta Quaresma", company: "Luz Lenta, fotografia", role: "Second photographer",
        phones: &[("+44 7700 900119", "mobile")], emails: &[("marta.quaresma@example.org", "work")],
        arrival_at: "2026-06-20T11:30", departs_at: "2026-06-20T23:00", vehicle: "Rides with Rui", crew_meals: 1,
        checked_in_at: "2026-06-20T09:56:00Z",
        notes: "Mill house with the groom until 14:15, then the balcony for the processional. Long lens during the ceremony, from the cork oak.",
        ..CONTACT
    },
    Contact {
        id: "contact-film", name: "Bastien Roux", company: "Onze Mètres Films", role: "Film maker", languages: &["fr", "en"],
        phones: &[("+44 7700 900120", "mobile")], emails: &[("bastien.roux@example.org", "work")],
        arrival_at: "2026-06-20T11:00", setup_min: 40, departs_at: "2026-06-21T00:30", load_in: "Side door of the main house",
        crew_meals: 2, checked_in_at: "2026-06-20T10:09:00Z",
        notes: "Two operators. Takes the sound from the desk by cable and hides one recorder in the arch; drone only between 18:15 and 18:30, permit \
            in the documents.",
        ..CONTACT
    },
    Contact {
        id: "contact-officiant", name: "Teresa Amaral", company: "", role: "Celebrant", languages: &["pt", "en", "fr"],
        phones: &[("+44 7700 900121", "mobile")], emails: &[("teresa.amaral@example.org", "work")],
        arrival_at: "2026-06-20T14:50", setup_min: 10, departs_at: "2026-06-20T17:30", crew_meals: 0,
        notes: "Three languages in one ceremony, the Igbo blessing is read by Rev. Obi. Wears a headset, needs the lectern at 1.10 m.",
        ..CONTACT
    },
    Contact {
        id: "contact-registrar", name: "Dr. Fernando Pestana", company: "Conservatória do Registo Civil", role: "Registrar",
        languages: &["pt"],
        phones: &[("+44 7700 900122", "office mobile")], emails: &[("registo.civil@example.org", "office")],
        arrival_at: "2026-06-20T15:20", setup_min: 10, departs_at: "2026-06-20T17:00",
        notes: "Another marriage in Cascais at 18:30: cannot start later than 16:30. Needs four passports and the witnesses' cards at the ring check.",
        ..CONTACT
    },
    Contact {
        id: "contact-quartet", name: "Leonor Vilar", company: "Quarteto Alcântara", role: "String quartet",
        phones: &[("+44 7700 900123", "leader's mobile")], emails: &[("quarteto.alcantara@example.org", "bookings")],
        arrival_at: "2026-06-20T14:30", setup_min: 25, departs_at: "2026-06-20T18:45",
        load_in: "Lawn path; shade over the instruments is in the contract",
        vehicle: "Two cars", crew_meals: 4,
        notes: "Processional is the couple's arrangement of a highlife tune, sheet music confirmed 2 June. No playing in direct sun above 30 degrees.",
        ..CONTACT
    },
    Contact {
        id: "contact-dj", name: "Edson Monteiro", company: "Maré Alta Sound", role: "DJ and sound", languages: &["pt", "en"],
        phones: &[("+44 7700 900124", "mobile")], emails: &[("edson.monteiro@example.org", "work")],
        arrival_at: "2026-06-20T10:15", setup_min: 75, departs_at: "2026-06-21T03:00",
        load_in: "Barn, north doors, ramp is inside on the left",
        vehicle: "Van, 2.6 m high", crew_meals: 2, checked_in_at: "2026-06-20T09:27:00Z",
        notes: "Lawn system first, barn second. Limiter at 92 dB after midnight; the sealed box belongs to the venue and stays sealed.",
        ..CONTACT
    },
    Contact {
        id: "contact-drummers", name: "Adewale Ojo", company: "Ìlù Ensemble", role: "Talking drums", languages: &["en", "yo"],
        phones: &[("+44 7700 900125", "mobile")], emails: &[("ilu.ensemble@example.org", "bookings")],
        arrival_at: "2026-06-20T17:45", setup_min: 15, departs_at: "2026-06-20T23:00", vehicle: "Minibus, five players", crew_meals: 5,
        notes: "Entrance at 19:00 from the lower terrace, again for the money spray. They call people by name: list with pronunciation sent on 8 June.",
        ..CONTACT
    },
    Contact {
        id: "contact-hair", name: "Vanessa Pimentel", company: "Atelier Pimentel", role: "Hair",
        phones: &[("+44 7700 900126", "mobile")], emails: &[("atelier.pimentel@example.org", "salon")],
        arrival_at: "2026-06-20T08:15", setup_min: 15, departs_at: "2026-06-20T15:45", load_in: "Bridal suite, first floor", crew_meals: 2,
        checked_in_at: "2026-06-20T07:11:00Z",
        notes: "Seven heads, bridesmaids first, Amara from 11:30. Two sockets on different circuits or the fuse goes, as at the trial.",
        ..CONTACT
    },
    Contact {
        id: "contact-makeup", name: "Folasade Coker", company: "Coker Beauty", role: "Make-up and gele", languages: &["en", "yo"],
        phones: &[("+44 7700 900127", "mobile")], emails: &[("folasade.coker@example.org", "work")],
        arrival_at: "2026-06-20T08:15", setup_min: 15, departs_at: "2026-06-20T22:15", load_in: "Bridal suite, north window", crew_meals: 1,
        checked_in_at: "2026-06-20T07:14:00Z",
        notes: "Make-up for seven, then gele for eleven aunties. Stays for the outfit change at 21:45.",
        ..CONTACT
    },
    Contact {
        id: "contact-rentals", name: "Nelson Baptista", company: "Aluguer da Serra", role: "Furniture and linen",
        phones: &[("+44 7700 900128", "mobile"), ("+44 7700 900129", "warehouse")], emails: &[("alugueresdaserra@example.org", "orders")],
        arrival_at: "2026-06-20T07:30", setup_min: 45, departs_at: "2026-06-20T10:45",
        load_in: "Barn, south doors, no trolleys on the terracotta",
        vehicle: "7.5 t lorry", crew_meals: 0, checked_in_at: "2026-06-20T06:38:00Z",
        notes: "150 cane chairs plus six spare, 13 round tables, 3 long. Collects on Sunday from 11:00; everything stacked in the south bay by then.",
        ..CONTACT
    },
    Contact {
        id: "contact-lighting", name: "Sílvia Rebelo", company: "Pirilampo Lighting", role: "Lighting and power",
        phones: &[("+44 7700 900130", "mobile")], emails: &[("pirilampo@example.org", "production")],
        arrival_at: "2026-06-20T08:30", setup_min: 240, departs_at: "2026-06-21T02:45",
        load_in: "Barn, north doors, after the lorry has left",
        vehicle: "Van with generator trailer", crew_meals: 3, checked_in_at: "2026-06-20T07:41:00Z",
        notes: "Festoon over the terrace, pin spots on every table, 40 kVA generator behind the cedar. Lawn path lit from 20:30.",
        ..CONTACT
    },
    Contact {
        id: "contact-bar", name: "Cátia Rosado", company: "Bar Medronho", role: "Bar",
        phones: &[("+44 7700 900131", "mobile")], emails: &[("bar.medronho@example.org", "events")],
        arrival_at: "2026-06-20T13:30", setup_min: 90, departs_at: "2026-06-21T02:15", load_in: "Kitchen yard, ice through the side hatch",
        vehicle: "Van", crew_meals: 5, checked_in_at: "2026-06-20T12:36:00Z",
        notes: "Lemonade and water on the lawn from 15:15. Alcohol-free palm-wine cordial in the blue jugs; nothing blue contains alcohol.",
        ..CONTACT
    },
    Contact {
        id: "contact-cake", name: "Graça Montenegro", company: "Forno da Graça", role: "Cake",
        phones: &[("+44 7700 900132", "mobile")], emails: &[("fornodagraca@example.org", "bakery")],
        arrival_at: "2026-06-20T13:00", setup_min: 30, departs_at: "2026-06-20T13:45", load_in: "Kitchen yard, straight into the cold room",
        vehicle: "Small refrigerated van", checked_in_at: "2026-06-20T12:06:00Z",
        notes: "Four tiers, orange blossom and almond. The top tier and the 20 cupcakes are made without nuts in a separate box with a green ribbon.",
        ..CONTACT
    },
    Contact {
        id: "contact-shuttle", name: "Armindo Pacheco", company: "Serra & Mar Transfers", role: "Guest shuttles",
        phones: &[("+44 7700 900133", "dispatcher"), ("+44 7700 900134", "driver, coach 1")],
        emails: &[("transfers.serramar@example.org", "bookings")],
        arrival_at: "2026-06-20T14:25", setup_min: 10, departs_at: "2026-06-21T02:30",
        load_in: "Gatehouse loop, no coaches past the plane trees",
        vehicle: "Coach 1 with 52 seats, coach 2 with 38 seats, both with a step of 35 cm", crew_meals: 2,
        notes: "Out at 14:45 and 15:10 from the hotel, home at 23:30, 00:45 and 02:00. Ring the dispatcher for delays, the driver only when the coach \
            is in sight.",
        private_note: "Third coach on standby costs 210 EUR; must be called before 22:00.",
        ..CONTACT
    },
    Contact {
        id: "contact-stationer", name: "Margarida Lencastre", company: "Papel & Pedra", role: "Stationer",
        phones: &[("+44 7700 900135", "studio")], emails: &[("papelepedra@example.org", "studio")],
        notes: "Invitations, menus, place cards, table names, translation cards. Prints replacement place cards until Saturday 12:00, by e-mail, \
            delivered by the cake van.",
        ..CONTACT
    },
    Contact {
        id: "contact-childcare", name: "Rosarinho Neto", company: "Baloiço, childcare at events", role: "Children's corner",
        phones: &[("+44 7700 900136", "mobile")], emails: &[("baloico@example.org", "office")],
        arrival_at: "2026-06-20T14:45", setup_min: 30, departs_at: "2026-06-21T00:15", load_in: "Old schoolroom beside the barn",
        crew_meals: 2,
        notes: "Two carers for eight children, beds from 21:30. Allergy sheet pinned inside the door; nothing edible passes without it.",
        ..CONTACT
    },
    Contact {
        id: "contact-hotel", name: "Constança Vaz", company: "Hotel Pátio das Camélias", kind: "venue", role: "Hotel reception lead",
        languages: &["pt", "en", "fr"], phones: &[("+44 7700 900137", "reception"), ("+44 7700 900138", "night porter")],
        emails: &[("reservas.camelias@example.org", "reservations")],
        notes: "44 rooms under \"Okafor Moreau\". Late breakfast on Sunday until 12:00, luggage room free of charge, night porter counts the \
            returning coaches.",
        ..CONTACT
    },
    Contact {
        id: "contact-medic", name: "Enf. Dulce Carmona", company: "Socorro Sintra", kind: "emergency", role: "Event medic",
        phones: &[("+44 7700 900139", "mobile"), ("+44 7700 900140", "dispatch desk")],
        emails: &[("socorro.sintra@example.org", "dispatch")],
        arrival_at: "2026-06-20T14:45", setup_min: 10, departs_at: "2026-06-21T02:30", vehicle: "Response car at the gatehouse",
        crew_meals: 1,
        for_emergencies: true,
        notes: "Radio channel 1. Two adrenaline pens, defibrillator, knows the four guests who carry pens by table. First aid room: old \
            schoolroom, left door.",
        ..CONTACT
    },
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    CONTACTS.iter().map(entry)
}

fn entry(contact: &Contact) -> Entry {
    let labelled = |values: &[(&str, &str)]| values.iter().map(|(value, label)| json!({ "value": value, "label": label })).collect();
    Body::new()
        .text("name", contact.name)
        .text("company", contact.company)
        .text("kind", contact.kind)
        .text("role", contact.role)
        .strings("languages", contact.languages)
        .array("phones", labelled(contact.phones))
        .array("emails", labelled(contact.emails))
        .text("owner_id", contact.owner_id)
        .text("arrival_at", contact.arrival_at)
        .count("setup_min", contact.setup_min)
        .text("departs_at", contact.departs_at)
        .text("load_in", contact.load_in)
        .text("vehicle", contact.vehicle)
        .count("crew_meals", contact.crew_meals)
        .text("checked_in_at", contact.checked_in_at)
        .put("is_emergency_contact", contact.for_emergencies)
        .text("notes", contact.notes)
        .text("private_note", contact.private_note)
        .entry("contacts", contact.id)
}
