//! The two venues: the quinta, and the hotel where most guests sleep.

use serde_json::json;

use super::{Body, Entry};

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    [quinta(), hotel()].into_iter()
}

fn quinta() -> Entry {
    Body::new()
        .put("name", "Quinta do Vale")
        .put("address", "Estrada do Vale 14, Colares, Sintra, Portugal")
        .put("geo", json!({ "lat": 38.802, "lng": -9.449, "gate": "upper gate, second turning after the fountain" }))
        .put(
            "access",
            "Navigation leads to the mill gate, which is 2.4 m wide: send everybody to the upper gate. Cars park in the olive field, coaches turn in the gatehouse \
             loop. From the loop to the lawn are 180 m of compacted gravel, flat; the buggy goes round every five minutes from 15:15.",
        )
        .put(
            "load_in",
            "From 07:00 by the upper gate, one lorry in the yard at a time, list at the gatehouse. Nothing with wheels on the terracotta, boards are in the cart \
             shed. Engines off in the courtyard after 15:00.",
        )
        .put("curfew", "2026-06-21T02:00")
        .put("noise_limit", "Outdoors unamplified after 22:00. Barn 98 dB until midnight, 92 dB after; the limiter cuts the power for 30 s at the \
            third warning.")
        .put(
            "rain_plan",
            "Called at 13:00 by Ana after the 12:30 radar. Ceremony at the east wall of the barn, cocktail in the north half behind the screens, flip in 45 minutes \
             while the guests are in the chapel arcade. 60 white umbrellas in the gatehouse.",
        )
        .put("hospital", "Hospital de Santa Eufémia, emergency department, 24 minutes by day and 19 by night. Ambulance by 112, the gatehouse opens \
            the upper gate and sends a car ahead.")
        .put("first_aid", "Old schoolroom, left door, open from 14:45 with Dulce. Defibrillator in the barn beside the north doors and in the \
            gatehouse. Burn kit in the kitchen yard.")
        .put("exits", "Barn: north and south doors, east doors onto the terrace, gallery stairs. All unlocked from the safety walk on. The small west \
            door is a cupboard, it is marked as such.")
        .put("power", "63 A three-phase in the barn, 32 A on the lawn, 40 kVA generator behind the cedar takes over within 12 s. Coffee machines and \
            the warming cabinet never on one circuit.")
        .put("parking", "70 places in the olive field, 6 with a firm surface for wheelchairs at the mill. Cars may stay until Sunday 13:00, keys at \
            the gatehouse.")
        .put(
            "rooms",
            json!([
                { "id": "barn", "name": "Stone barn", "seats": 180, "note": "No mobile signal inside, wireless network reaches the gallery only" },
                { "id": "lawn", "name": "Lawn with the cork oak", "seats": 160, "note": "Shade from 15:30 on the left third" },
                { "id": "terrace", "name": "Upper terrace", "seats": 150, "note": "Festoon, wall grill, wind from the north-west after six" },
                { "id": "chapel", "name": "Chapel and arcade", "seats": 40, "note": "Vestry is used for the ring check" },
                { "id": "suite", "name": "Bridal suite", "seats": 12, "note": "Two circuits: window side and bathroom side" },
                { "id": "mill", "name": "Mill house", "seats": 14, "note": "Step-free ground floor, accessible toilet" },
                { "id": "schoolroom", "name": "Old schoolroom", "seats": 16, "note": "Children's corner, first aid behind the left door" },
            ]),
        )
        .put("capacity_seated", 180)
        .put("photo_rules", "Drone only with the permit on paper and between 18:15 and 18:30. No smoke, no cold sparks. The neighbour's vineyard \
            belongs to the neighbour, up to the ridge path is ours.")
        .put("contact_id", "contact-ines")
        .put("gate_code", "4-0-7-1 then the bell")
        .put("wifi_name", "Quinta do Vale Eventos")
        .put("wifi_secret", "laranjeira-em-flor-2026")
        .entry("venues", "venue-quinta-do-vale")
}

fn hotel() -> Entry {
    Body::new()
        .put("name", "Hotel Pátio das Camélias")
        .put("address", "Rua das Camélias 3, Sintra, Portugal")
        .put("geo", json!({ "lat": 38.797, "lng": -9.388, "gate": "coach bay opposite the pharmacy" }))
        .put(
            "access",
            "20 minutes from the quinta by the ridge road, 30 when the road through the village is full. Two rooms step-free: 004 and 006, \
            both booked for us.",
        )
        .put("load_in", "Welcome bags through the side entrance in Rua da Fonte, before 11:00 or after 14:00.")
        .put("curfew", "2026-06-21T03:00")
        .put("noise_limit", "Quiet in the courtyard after 23:00, the neighbours' bedrooms face it.")
        .put("rain_plan", "Guests wait in the winter garden, coaches drive under the canopy one at a time.")
        .put("hospital", "Health centre in Sintra until 22:00, after that Hospital de Santa Eufémia, 22 minutes.")
        .put("first_aid", "Kit and defibrillator behind the reception desk, night porter is trained.")
        .put("exits", "Main door, courtyard gate, Rua da Fonte. The courtyard gate is locked from 00:00, the room card opens it.")
        .put("parking", "30 places below ground, 1.9 m high. Rental cars over that park at the station.")
        .put(
            "rooms",
            json!([{ "id": "winter-garden", "name": "Winter garden", "seats": 60, "note": "Late breakfast on Sunday until 12:00" }]),
        )
        .put("capacity_seated", 60)
        .put("contact_id", "contact-hotel")
        .put("wifi_name", "Camelias Guests")
        .put("wifi_secret", "room number and surname")
        .entry("venues", "venue-patio-das-camelias")
}
