//! The 90 pictures that somebody asked for, in the order in which they can be taken.

use serde_json::{Value, json};

use super::{Body, Entry, RUI};

const MAIN: &str = "contact-rui";
const SECOND: &str = "contact-second-shooter";
const AMARA: &str = "contact-amara-okafor";
const JOEL: &str = "contact-joel-moreau";
const CHIAMAKA: &str = "guest-chiamaka-okafor";
const CAMILLE: &str = "guest-camille-moreau";
const ZAINAB: &str = "guest-zainab-bello";
const HARRIET: &str = "guest-harriet-whitcombe";
const TIAGO: &str = "guest-tiago-nogueira";
const MATHIEU: &str = "guest-mathieu-moreau";
const OBINNA: &str = "guest-obinna-okafor";
const SAMIR: &str = "guest-samir-haddad";
const RODRIGO: &str = "guest-rodrigo-sampaio";
const NGOZI: &str = "guest-ngozi-nwosu";
const EMEKA: &str = "guest-emeka-okafor";
const BISI: &str = "guest-bisi-okafor";
const HELENA: &str = "guest-helena-tavares";
const LUC: &str = "guest-luc-moreau";
const CLAIRE: &str = "guest-claire-dubois";
const ETIENNE: &str = "guest-etienne-moreau";
const GRACE: &str = "guest-grace-nwosu";
const ADAEZE: &str = "guest-adaeze-okafor";
const BEATRIZ: &str = "guest-beatriz-tavares";
const ODETTE: &str = "guest-odette-moreau";
const KOSI: &str = "guest-kosi-okafor";
const LEO: &str = "guest-leo-moreau";

/// Two people who are not to be put into one frame, and why.
type Apart = (&'static str, &'static str, &'static str);

const NGOZI_AND_BISI: Apart = (NGOZI, BISI, "Former and present wife of Emeka; both agreed to separate frames");
const NGOZI_AND_EMEKA: Apart = (NGOZI, EMEKA, "Divorced in 2019; one frame with Amara between them, no other");
const LUC_AND_ETIENNE: Apart = (LUC, ETIENNE, "Brothers who do not speak since the house in Annecy was sold");
const LUC_AND_HELENA: Apart = (LUC, HELENA, "Divorced, friendly; Helena asks for no frame as a couple");
const MARTA_AND_DUARTE: Apart = ("guest-marta-lopes", "guest-duarte-lopes", "Divorced last autumn; fine in a crowd, not in a small group");

/// A part of the day's list, with what its shots have in common.
struct Section {
    name: &'static str,
    event_id: &'static str,
    location: &'static str,
    caller_id: &'static str,
}

#[rustfmt::skip]
mod sections {
    use super::Section;

    pub(super) static DETAILS: Section = Section { name: "Details", event_id: "evt-flat-lay", location: "Bridal suite, north window",
        caller_id: "contact-chiamaka-okafor" };
    pub(super) static AMARA_PREP: Section = Section { name: "Getting ready, Amara", event_id: "evt-dress", location: "Bridal suite",
        caller_id: "contact-chiamaka-okafor" };
    pub(super) static JOEL_PREP: Section = Section { name: "Getting ready, Joel", event_id: "evt-groom-prep", location: "Mill house",
        caller_id: "contact-tiago-nogueira" };
    pub(super) static FIRST_LOOK: Section = Section { name: "First look and wedding party", event_id: "evt-wedding-party-photos",
        location: "Orange grove and mill steps", caller_id: "contact-chiamaka-okafor" };
    pub(super) static CEREMONY: Section = Section { name: "Ceremony", event_id: "evt-ceremony", location: "Lawn, cork oak arch",
        caller_id: "contact-ana" };
    pub(super) static FORMALS: Section = Section { name: "Family", event_id: "evt-family-formals", location: "Chapel steps",
        caller_id: "contact-chiamaka-okafor" };
    pub(super) static PORTRAITS: Section = Section { name: "Couple", event_id: "evt-portraits", location: "Olive terraces",
        caller_id: "contact-chiamaka-okafor" };
    pub(super) static EVENING: Section = Section { name: "Dinner and party", event_id: "evt-grand-entrance", location: "Stone barn",
        caller_id: "contact-ana" };
}
use sections::{AMARA_PREP, CEREMONY, DETAILS, EVENING, FIRST_LOOK, FORMALS, JOEL_PREP, PORTRAITS};

struct Shot {
    id: &'static str,
    title: &'static str,
    section: &'static Section,
    people: &'static [&'static str],
    notes: &'static str,
    apart: &'static [Apart],
    must_have: bool,
    priority: u32,
    duration_min: u32,
    assignee: &'static str,
    event_id: &'static str,
    location: &'static str,
    /// When it was ticked off, if it was.
    done_at: &'static str,
    skipped: bool,
}

/// An ordinary shot for the main photographer: priority 2, two minutes.
const fn shot(
    section: &'static Section,
    id: &'static str,
    title: &'static str,
    people: &'static [&'static str],
    notes: &'static str,
) -> Shot {
    Shot {
        id,
        title,
        section,
        people,
        notes,
        apart: &[],
        must_have: false,
        priority: 2,
        duration_min: 2,
        assignee: MAIN,
        event_id: section.event_id,
        location: section.location,
        done_at: "",
        skipped: false,
    }
}

impl Shot {
    const fn must(mut self) -> Self {
        self.must_have = true;
        self.priority = 1;
        self
    }

    const fn nice(mut self) -> Self {
        self.priority = 3;
        self
    }

    const fn marta(mut self) -> Self {
        self.assignee = SECOND;
        self
    }

    const fn takes(mut self, duration_min: u32) -> Self {
        self.duration_min = duration_min;
        self
    }

    const fn during(mut self, event_id: &'static str, location: &'static str) -> Self {
        self.event_id = event_id;
        self.location = location;
        self
    }

    const fn apart(mut self, pairs: &'static [Apart]) -> Self {
        self.apart = pairs;
        self
    }

    const fn done(mut self, at: &'static str) -> Self {
        self.done_at = at;
        self
    }

    const fn skipped(mut self) -> Self {
        self.skipped = true;
        self
    }
}

#[rustfmt::skip]
const SHOTS: &[Shot] = &[
    shot(&DETAILS, "shot-dress-window", "The dress at the north window", &[],
        "On the wooden hanger from the detail box, not the plastic one. Curtain open, lamp off.").must().done("2026-06-20T10:19:00Z"),
    shot(&DETAILS, "shot-invitation-suite", "Invitation, menu, translation card", &[],
        "All three languages readable, a sprig of orange leaf for scale.").done("2026-06-20T10:24:00Z"),
    shot(&DETAILS, "shot-shoes-azulejo", "Shoes on the blue tiles", &[], "Landing of the back stairs, the tile with the ship.")
        .done("2026-06-20T10:28:00Z"),
    shot(&DETAILS, "shot-coral-beads", "Coral beads and comb", &[NGOZI],
        "The strand was Mama Grace's wedding strand. Ngozi lays it out herself and would like her hands in one frame.").must()
        .done("2026-06-20T10:35:00Z"),
    shot(&DETAILS, "shot-perfume", "Perfume and the folded letter", &[], "Letter stays folded. Really.").nice()
        .done("2026-06-20T10:38:00Z"),
    shot(&DETAILS, "shot-veil-embroidery", "Embroidery on the veil's edge", &[],
        "Sixteen small boats in white thread, Joel does not know yet: keep off the shared gallery until Monday.")
        .done("2026-06-20T10:43:00Z"),
    shot(&DETAILS, "shot-bouquet", "Bouquet alone", &[], "Stems still wet is fine, ribbon ends forward.").done("2026-06-20T10:47:00Z"),
    shot(&DETAILS, "shot-gele-fabric", "Moss and copper cloth, folded", &[],
        "Both bags side by side on the library table before the tying starts.").nice().done("2026-06-20T10:52:00Z"),
    shot(&DETAILS, "shot-rings", "The rings in the wooden box", &[TIAGO],
        "Macro, engraving inside Joel's ring readable: \"box 14\". Tiago opens the lid, vestry window, three minutes before he pockets them again.")
        .must().takes(3).during("evt-ring-check", "Vestry behind the chapel"),
    shot(&DETAILS, "shot-tables-empty", "Barn laid and empty", &[],
        "From the gallery before anybody walks in, candles lit, all sixteen tables.").must().marta().takes(5).during("evt-reception-doors",
        "Barn gallery"),
    shot(&DETAILS, "shot-tile-numbers", "A hand-painted table tile", &[], "Table 7, the almond. These are the tiles of the wrong box.")
        .marta().during("evt-room-flip", "Stone barn"),
    shot(&DETAILS, "shot-cake-whole", "Cake before the knife", &[],
        "Once with the room dark behind it, once with the florist's orange leaves lit from the side.").marta().during("evt-cake",
        "Barn, under the gallery"),

    shot(&AMARA_PREP, "shot-bridesmaids-robes", "Bridesmaids in robes, coffee in hand", &[CHIAMAKA, CAMILLE, ZAINAB, HARRIET],
        "Laughing, not lined up. Zainab's hair is covered or she is out of the frame: ask her first.").done("2026-06-20T10:12:00Z"),
    shot(&AMARA_PREP, "shot-hair-back", "Hair from behind, comb going in", &[AMARA], "Vanessa's hands, mirror soft in the background.")
        .during("evt-hair-makeup-amara", "Bridal suite").done("2026-06-20T11:34:00Z"),
    shot(&AMARA_PREP, "shot-makeup-last-touch", "Last touch of lipstick", &[AMARA],
        "Folasade would like one for her own page, consent is written in the contract.").during("evt-hair-makeup-amara", "Bridal suite")
        .done("2026-06-20T12:06:00Z"),
    shot(&AMARA_PREP, "shot-letter-reading", "Amara reads Joel's letter", &[AMARA], "From the door, long lens, then leave the room.").must()
        .takes(4).done("2026-06-20T12:18:00Z"),
    shot(&AMARA_PREP, "shot-gele-aunties", "Aunties tying gele", &[NGOZI, "guest-ifeoma-nwosu", "guest-patience-eze", "guest-uju-okafor"],
        "The row in the mirror. Uju stands on Emeka's side of the room, that is how they like it.")
        .must().during("evt-gele-tying", "Library, ground floor").done("2026-06-20T12:31:00Z").takes(6),
    shot(&AMARA_PREP, "shot-three-generations-hands", "Three generations, hands only", &[AMARA, NGOZI, GRACE],
        "Mama Grace sits. On the moss cloth, rings off, coral on.").must().during("evt-gele-tying", "Library, ground floor")
        .done("2026-06-20T12:44:00Z"),
    shot(&AMARA_PREP, "shot-stepping-in", "Stepping into the dress", &[AMARA, CHIAMAKA], "Backlit by the window, decent by a mile.")
        .done("2026-06-20T12:55:00Z"),
    shot(&AMARA_PREP, "shot-buttons", "The last three buttons", &[AMARA, NGOZI],
        "Forty-two buttons, Ngozi does the last three with the crochet hook. Close, then her face in the mirror.").must().takes(4),
    shot(&AMARA_PREP, "shot-mother-daughter-mirror", "Mother and daughter in the mirror", &[AMARA, NGOZI],
        "Straight after the buttons, nobody else in the room.").must(),
    shot(&AMARA_PREP, "shot-bridesmaids-reaction", "Bridesmaids see her", &[AMARA, CHIAMAKA, CAMILLE, ZAINAB, HARRIET],
        "They wait on the landing with their eyes shut, Chiamaka counts to three."),
    shot(&AMARA_PREP, "shot-father-reveal", "Emeka turns round", &[AMARA, EMEKA],
        "Back to the stairs until she touches his sleeve. One frame of his hands if he cries, not the face.").must().takes(5)
        .during("evt-father-reveal", "Upper landing").apart(&[NGOZI_AND_EMEKA]),
    shot(&AMARA_PREP, "shot-bride-alone-stairs", "Amara alone on the stairs", &[AMARA],
        "Full length, train down three steps, window above her left shoulder.").during("evt-father-reveal", "Main staircase"),

    shot(&JOEL_PREP, "shot-cufflinks", "Cufflinks, grandfather's", &[JOEL, MATHIEU],
        "Luc was to fasten them but rides the coach at 14:45; Mathieu stands in. Luc's picture is moved to the cocktail hour.").marta()
        .done("2026-06-20T11:21:00Z"),
    shot(&JOEL_PREP, "shot-tie-knot", "Tiago ties Joel's tie", &[JOEL, TIAGO], "He gets it wrong twice, keep shooting.").marta()
        .done("2026-06-20T11:29:00Z"),
    shot(&JOEL_PREP, "shot-groomsmen-jackets", "Jackets on, all five", &[TIAGO, MATHIEU, OBINNA, SAMIR, RODRIGO],
        "In the mill doorway, walking out into the light.").marta().done("2026-06-20T11:48:00Z"),
    shot(&JOEL_PREP, "shot-boutonnieres", "Pinning the boutonnières", &[JOEL, OBINNA], "Obinna pins Joel's, brother to brother.").marta()
        .done("2026-06-20T11:55:00Z"),
    shot(&JOEL_PREP, "shot-joel-mother", "Helena straightens his collar", &[JOEL, HELENA], "She does it anyway, just be ready.").must()
        .marta().done("2026-06-20T12:02:00Z"),
    shot(&JOEL_PREP, "shot-joel-beatriz", "Joel kneels by Avó Beatriz", &[JOEL, BEATRIZ],
        "Shade of the mill, eye level with the chair. She speaks first.").must().marta().takes(4).done("2026-06-20T12:08:00Z"),
    shot(&JOEL_PREP, "shot-vow-book", "Vow book in the inside pocket", &[JOEL],
        "Left pocket. The second copy is with Tiago, do not photograph both together.").marta().nice().done("2026-06-20T12:11:00Z"),
    shot(&JOEL_PREP, "shot-dominoes", "The domino game before lunch", &[JOEL, TIAGO, SAMIR],
        "Replaced by a card game, dominoes stayed in Lisbon.").marta().nice().skipped(),

    shot(&FIRST_LOOK, "shot-first-look", "First look", &[AMARA, JOEL],
        "Joel faces the wall at the end of the third row, Amara comes from the well. Rui keeps her face, Marta his. No talking, no direction.")
        .must().takes(6).during("evt-first-look", "Orange grove, third row"),
    shot(&FIRST_LOOK, "shot-first-look-hands", "Hands meet", &[AMARA, JOEL], "Low, through the leaves, 85 mm wide open.").marta()
        .during("evt-first-look", "Orange grove, third row"),
    shot(&FIRST_LOOK, "shot-first-look-wide", "Grove from the wall, two small figures", &[AMARA, JOEL],
        "From the ladder by the well. Bastien is out of frame behind the trough.").during("evt-first-look", "Orange grove, third row"),
    shot(&FIRST_LOOK, "shot-party-all", "Wedding party, everybody",
        &[AMARA, JOEL, CHIAMAKA, CAMILLE, ZAINAB, HARRIET, TIAGO, MATHIEU, OBINNA, SAMIR, RODRIGO, KOSI, LEO],
        "Mill steps, tallest behind. Children last, they have ninety seconds.").must().takes(5),
    shot(&FIRST_LOOK, "shot-party-walking", "Wedding party walking through the meadow",
        &[AMARA, JOEL, CHIAMAKA, CAMILLE, ZAINAB, HARRIET, TIAGO, MATHIEU, OBINNA, SAMIR, RODRIGO],
        "Path is mown, avoid the bee boxes on the left.").takes(4),
    shot(&FIRST_LOOK, "shot-bridesmaids", "Amara and the bridesmaids", &[AMARA, CHIAMAKA, CAMILLE, ZAINAB, HARRIET],
        "Close together, bouquets low. One with eyes shut, Chiamaka's idea.").must().takes(4),
    shot(&FIRST_LOOK, "shot-groomsmen", "Joel and the groomsmen", &[JOEL, TIAGO, MATHIEU, OBINNA, SAMIR, RODRIGO],
        "On the mill wall, Samir at the end because of the sling on his shoulder.").must().marta().takes(4),
    shot(&FIRST_LOOK, "shot-chiamaka-amara", "The sisters", &[AMARA, CHIAMAKA],
        "Foreheads together, as in the picture from 2001 on the shared board."),
    shot(&FIRST_LOOK, "shot-flower-girl", "Kosi with her basket", &[KOSI], "At her height. She stops being shy if asked about the petals.")
        .marta(),
    shot(&FIRST_LOOK, "shot-ring-bearer", "Léo and the empty box", &[LEO], "He may open it, it is empty, he thinks that is very funny.")
        .marta(),

    shot(&CEREMONY, "shot-arch-before", "Arch and empty chairs", &[], "At 15:20, before the first coach. Fans in the baskets visible.")
        .marta().during("evt-guest-seating", "Lawn"),
    shot(&CEREMONY, "shot-grandmothers-walk-in", "Grandmothers are walked in", &[GRACE, ADAEZE, BEATRIZ, ODETTE, OBINNA, MATHIEU],
        "Slowly. Beatriz comes in the wheelchair, pushed by Mathieu.").must().during("evt-processional-lineup", "Aisle"),
    shot(&CEREMONY, "shot-joel-waiting", "Joel waiting", &[JOEL, TIAGO], "From the balcony, long, before the quartet changes the tune.")
        .must().marta(),
    shot(&CEREMONY, "shot-aisle-parents", "Amara between her parents", &[AMARA, NGOZI, EMEKA],
        "The one frame with the three of them. Ngozi left, Emeka right, from the end of the aisle, and stay until they let go.").must()
        .takes(3).apart(&[NGOZI_AND_EMEKA]),
    shot(&CEREMONY, "shot-joel-sees-her", "Joel's face, again", &[JOEL], "He has seen her an hour before and will cry anyway.").must()
        .marta(),
    shot(&CEREMONY, "shot-guests-fans", "Rows of guests with fans", &[],
        "From the cork oak. Eleanor and George in row five wear white wristbands: not in any picture.").marta(),
    shot(&CEREMONY, "shot-blessing-obi", "Rev. Obi's blessing", &["guest-anthony-obi", AMARA, JOEL],
        "Hands on both heads, short; no shutter during the prayer itself.").must(),
    shot(&CEREMONY, "shot-vows", "Vows, each of them", &[AMARA, JOEL], "Two angles, silent shutter. Marta from behind the quartet.").must()
        .takes(6),
    shot(&CEREMONY, "shot-ring-exchange", "Rings on", &[AMARA, JOEL], "Teresa steps left for it, she has been asked.").must(),
    shot(&CEREMONY, "shot-first-kiss", "First kiss", &[AMARA, JOEL], "Both cameras, Rui tight, Marta wide with the guests standing up.")
        .must(),
    shot(&CEREMONY, "shot-signing-hands", "Signing, hands only", &[AMARA, JOEL, CHIAMAKA, TIAGO],
        "Registrar's face stays out of every picture, he asked for it in writing.").must().during("evt-signing", "Table beside the arch"),
    shot(&CEREMONY, "shot-confetti", "Confetti walk", &[AMARA, JOEL],
        "Backwards down the aisle, burst, 35 mm. Harriet shouts \"now\"; petals only, so the air is empty after four seconds.").must()
        .takes(3).during("evt-confetti", "Aisle to the terrace"),
    shot(&CEREMONY, "shot-confetti-children", "Children pick up the petals", &[KOSI, LEO, "guest-ayo-balogun", "guest-jade-fontaine"],
        "Tomé is not to be photographed: yellow shirt.").marta().nice().during("evt-confetti", "Aisle to the terrace"),
    shot(&CEREMONY, "shot-everyone-balcony", "Everybody, from the balcony", &[AMARA, JOEL],
        "Three frames. Eleanor and George stand behind the pillar on the left, they know.").must().takes(5).during("evt-group-photo",
        "Balcony").apart(&[LUC_AND_ETIENNE]),

    shot(&FORMALS, "shot-grandmothers", "The four grandmothers with the couple", &[AMARA, JOEL, GRACE, ADAEZE, BEATRIZ, ODETTE],
        "First of all combinations, they have been up since six. Chairs ready, Beatriz in the middle with her wheelchair, couple behind. Odette sits \
            on the right, she hears better there.").must().takes(4),
    shot(&FORMALS, "shot-formal-ngozi", "Couple with Ngozi and Mama Grace", &[AMARA, JOEL, NGOZI, GRACE],
        "Grace stays seated from the frame before.").must().apart(&[NGOZI_AND_BISI, NGOZI_AND_EMEKA]),
    shot(&FORMALS, "shot-formal-nwosu", "The Nwosu side",
        &[AMARA, JOEL, NGOZI, GRACE, "guest-chukwudi-nwosu", "guest-ifeoma-nwosu", "guest-adaora-nwosu", "guest-kelechi-nwosu"],
        "Moss green together. Patience and Festus if they are near.").must().apart(&[NGOZI_AND_BISI]).takes(3),
    shot(&FORMALS, "shot-formal-emeka", "Couple with Emeka, Bisi and Nne Adaeze", &[AMARA, JOEL, EMEKA, BISI, ADAEZE],
        "Ngozi is at the terrace by then, Chiamaka sees to it.").must().apart(&[NGOZI_AND_BISI, NGOZI_AND_EMEKA]),
    shot(&FORMALS, "shot-formal-okafor", "The Okafor side",
        &[AMARA, JOEL, EMEKA, BISI, ADAEZE, "guest-ikenna-okafor", "guest-uju-okafor", "guest-somto-okafor", "guest-nnamdi-okafor"],
        "Copper together, chiefs in the middle.").must().apart(&[NGOZI_AND_BISI]).takes(3),
    shot(&FORMALS, "shot-formal-bisi-amara", "Amara with Bisi", &[AMARA, BISI], "Bisi would never ask. Make it look like an accident.")
        .apart(&[NGOZI_AND_BISI]),
    shot(&FORMALS, "shot-formal-siblings-okafor", "Amara, Chiamaka, Obinna", &[AMARA, CHIAMAKA, OBINNA],
        "Order of age from the left, as in the frame in Ngozi's hall.").must(),
    shot(&FORMALS, "shot-formal-helena", "Couple with Helena and Avó Beatriz", &[AMARA, JOEL, HELENA, BEATRIZ],
        "Everybody comes down to the wheelchair's height.").must().apart(&[LUC_AND_HELENA]),
    shot(&FORMALS, "shot-formal-tavares", "The Tavares side",
        &[AMARA, JOEL, HELENA, BEATRIZ, "guest-rogerio-tavares", "guest-fatima-tavares", "guest-sofia-tavares", "guest-nuno-brandao", "guest-conceicao-vasconcelos"],
        "Tia São stands in front, she is 1.48 m and knows it.").must().takes(3),
    shot(&FORMALS, "shot-formal-luc", "Couple with Luc, Claire and Mémé Odette", &[AMARA, JOEL, LUC, CLAIRE, ODETTE],
        "Speak to Luc from his right.").must().apart(&[LUC_AND_ETIENNE, LUC_AND_HELENA]),
    shot(&FORMALS, "shot-formal-moreau-luc", "Moreau side with Luc and the Garniers",
        &[AMARA, JOEL, LUC, CLAIRE, ODETTE, "guest-sylvie-garnier", "guest-bernard-garnier", "guest-elodie-garnier", "guest-baptiste-garnier"],
        "Étienne's family is called ten minutes later, not before Luc has gone for a drink.").must().apart(&[LUC_AND_ETIENNE]).takes(3),
    shot(&FORMALS, "shot-formal-moreau-etienne", "Moreau side with Étienne",
        &[AMARA, JOEL, ODETTE, ETIENNE, "guest-brigitte-moreau", "guest-antoine-moreau", "guest-manon-moreau"],
        "Odette gets both her sons on paper this way, on two papers.").must().apart(&[LUC_AND_ETIENNE]).takes(3),
    shot(&FORMALS, "shot-formal-siblings-moreau", "Joel, Camille, Mathieu", &[JOEL, CAMILLE, MATHIEU],
        "With Léo on somebody's shoulders in the second frame.").must(),
    shot(&FORMALS, "shot-formal-godparents", "Couple with Madrinha and Padrinho",
        &[AMARA, JOEL, "guest-lurdes-carvalhal", "guest-antonio-carvalhal"], "Short. António sits down between frames."),

    shot(&PORTRAITS, "shot-olive-walk", "Walking between the olives", &[AMARA, JOEL],
        "Away from the camera, then one look back. Film crew stays at the wall.").must().takes(6),
    shot(&PORTRAITS, "shot-water-tank", "Reflection in the water tank", &[AMARA, JOEL],
        "Only without wind; otherwise the stone bench behind it.").takes(6),
    shot(&PORTRAITS, "shot-portrait-amara", "Amara alone", &[AMARA],
        "Half length, coral comb in profile. She likes her left side and says so.").must().takes(4),
    shot(&PORTRAITS, "shot-portrait-joel", "Joel alone", &[JOEL], "Hands in pockets until he forgets them.").must().takes(3),
    shot(&PORTRAITS, "shot-veil-wind", "Veil in the wind", &[AMARA, JOEL], "Terrace edge, Chiamaka throws and ducks.").nice().takes(4),
    shot(&PORTRAITS, "shot-golden-ridge", "Ridge at golden hour", &[AMARA, JOEL],
        "Sun behind them on the ridge path, flare welcome, stop at 20:40 whatever happens.").must().takes(8).during("evt-golden-hour",
        "Ridge above the vineyard"),
    shot(&PORTRAITS, "shot-golden-vineyard", "In the last row of vines", &[AMARA, JOEL],
        "Our side of the path. The neighbour waves, he is nice, he is not in the picture.").takes(5).during("evt-golden-hour",
        "Ridge above the vineyard"),
    shot(&PORTRAITS, "shot-blue-hour-house", "House at blue hour, two silhouettes", &[AMARA, JOEL],
        "21:25 between the speeches and the cake, tripod is set since 20:00 beside the cedar.").takes(5).during("evt-speeches",
        "Cedar lawn"),

    shot(&EVENING, "shot-cocktail-candids", "Cocktail hour, people as they are", &[],
        "Every table at least once. Mixed groups first, the couple asked for exactly that. White wristbands are left out.").must().marta()
        .takes(40).during("evt-cocktail", "Upper terrace").apart(&[MARTA_AND_DUARTE]),
    shot(&EVENING, "shot-luc-cufflinks", "Luc and the cufflinks, caught up", &[JOEL, LUC],
        "Instead of the morning. Two minutes at the sundial.").during("evt-cocktail", "Sundial").must(),
    shot(&EVENING, "shot-drummers-entrance", "Drummers through the east doors", &[AMARA, JOEL],
        "From table 10, low. Adewale looks into the lens on the third beat, agreed.").must().takes(5),
    shot(&EVENING, "shot-kola-nut", "Breaking of the kola nut", &[EMEKA, ADAEZE, OBINNA],
        "Bowl, then hands, then Nne Adaeze receiving the first piece.").must().takes(5).during("evt-kola-nut", "Top table"),
    shot(&EVENING, "shot-speech-luc", "Luc speaking, Joel listening", &[LUC, JOEL, CLAIRE], "Joel's face matters more than Luc's.").must()
        .during("evt-speech-fathers", "Stone barn").apart(&[LUC_AND_ETIENNE]),
    shot(&EVENING, "shot-speech-chiamaka", "Chiamaka's speech and the room", &[CHIAMAKA, AMARA],
        "Marta stays on the room, the story about the tiles gets them all.").must().marta().during("evt-speeches", "Stone barn"),
    shot(&EVENING, "shot-cake-cut", "Cutting of the cake", &[AMARA, JOEL],
        "Green-handled knife on the top tier first, it is the nut-free one. Then the laugh, not the blade.").must().during("evt-cake",
        "Barn, under the gallery"),
    shot(&EVENING, "shot-first-dance", "First dance, two minutes of morna", &[AMARA, JOEL],
        "One light, from behind. Change sides when the highlife starts and everybody comes in.").must().takes(6).during("evt-first-dance",
        "Barn, dance floor"),
    shot(&EVENING, "shot-ngozi-joel-dance", "Ngozi dances with Joel", &[NGOZI, JOEL], "Right after the first dance, she has waited for it.")
        .must().during("evt-first-dance", "Barn, dance floor"),
    shot(&EVENING, "shot-money-spray", "Money spray", &[AMARA, JOEL, HARRIET, ZAINAB],
        "Shutter slow enough for the notes to fly. Numbers on the notes should not be readable.").must().takes(8).during("evt-money-spray",
        "Barn, dance floor"),
    shot(&EVENING, "shot-night-snack", "Queue at the caldo verde", &["guest-odete-ramalho", "guest-anibal-ramalho"],
        "If Dona Odete is still awake: she made the bread.").nice().during("evt-late-snack", "Upper terrace"),
    shot(&EVENING, "shot-sparkler-exit", "Sparkler exit", &[AMARA, JOEL],
        "Plane trees, 1/60, they walk it twice. Callum's kilt stands back.").must().takes(6).during("evt-sparkler-exit",
        "Plane tree avenue"),
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    SHOTS.iter().zip(0..).map(|(shot, position)| entry(shot, position))
}

fn entry(shot: &Shot, position: u32) -> Entry {
    let apart = shot.apart.iter().map(|(a, b, why)| json!({ "a": a, "b": b, "why": why })).collect();
    let done_by: Vec<Value> = if shot.done_at.is_empty() { Vec::new() } else { vec![json!({ "who": RUI, "at": shot.done_at })] };
    let status = match (done_by.is_empty(), shot.skipped) {
        (false, _) => "done",
        (true, true) => "skipped",
        (true, false) => "open",
    };
    Body::new()
        .put("title", shot.title)
        .put("section", shot.section.name)
        .strings("people", shot.people)
        .array("do_not_combine", apart)
        .put("must_have", shot.must_have)
        .put("priority", shot.priority)
        .put("assignee", shot.assignee)
        .put("event_id", shot.event_id)
        .put("location", shot.location)
        .put("duration_min", shot.duration_min)
        .put("caller_id", shot.section.caller_id)
        .put("order_key", format!("b{position:02}"))
        .put("status", status)
        .array("done_by", done_by)
        .put("notes", shot.notes)
        .entry("shots", shot.id)
}
