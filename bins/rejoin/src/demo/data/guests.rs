//! The 150 guests: 142 who come and have a seat, two who watch from afar, and six who declined or have not answered.
//! The couple is not among them: their two chairs at table 1 are theirs already.

use super::{Body, Entry};

const SHE: &str = "she/her";
const HE: &str = "he/him";
const THEY: &str = "they/them";

const VEAL: &str = "veal_cheek";
const BASS: &str = "sea_bass";
const RICE: &str = "mushroom_rice";
const CHILD: &str = "children_plate";

/// A circle of people who were invited together and travel alike.
struct Circle {
    group: &'static str,
    side: &'static str,
    language: &'static str,
    stay: &'static str,
    invited_to: &'static [&'static str],
    shuttle_out: &'static str,
    shuttle_home: &'static str,
}

/// The wedding day alone, with the late breakfast on Sunday, and with the welcome dinner on Friday as well.
const DAY: &[&str] = &["ceremony", "dinner"];
const DAY_AND_BREAKFAST: &[&str] = &["ceremony", "dinner", "late_breakfast"];
const WEEKEND: &[&str] = &["welcome_dinner", "ceremony", "dinner", "late_breakfast"];

const CAMELIAS: &str = "Hotel Pátio das Camélias";
const COACH_1: &str = "evt-shuttle-out-1";
const COACH_2: &str = "evt-shuttle-out-2";
const HOME_1: &str = "evt-shuttle-home-1";
const HOME_2: &str = "evt-shuttle-home-2";
const HOME_LAST: &str = "evt-last-shuttle";

#[rustfmt::skip]
mod circles {
    use super::{CAMELIAS, COACH_1, COACH_2, Circle, DAY, DAY_AND_BREAKFAST, HOME_1, HOME_2, HOME_LAST, WEEKEND};

    pub(super) static PARTY: Circle = Circle { group: "Wedding party", side: "both", language: "en", stay: "Quinta do Vale, mill house",
        invited_to: WEEKEND, shuttle_out: "", shuttle_home: "" };
    pub(super) static NWOSU: Circle = Circle { group: "Nwosu family", side: "amara", language: "en", stay: CAMELIAS, invited_to: WEEKEND,
        shuttle_out: COACH_2, shuttle_home: HOME_2 };
    pub(super) static OKAFOR: Circle = Circle { group: "Okafor family", side: "amara", language: "en", stay: "Hotel Serra Azul, Sintra",
        invited_to: WEEKEND, shuttle_out: "", shuttle_home: "" };
    pub(super) static TAVARES: Circle = Circle { group: "Tavares family", side: "joel", language: "pt", stay: "At home, Lisbon",
        invited_to: WEEKEND, shuttle_out: COACH_1, shuttle_home: HOME_1 };
    pub(super) static MOREAU: Circle = Circle { group: "Moreau family", side: "joel", language: "fr", stay: CAMELIAS, invited_to: WEEKEND,
        shuttle_out: COACH_1, shuttle_home: HOME_1 };
    pub(super) static SCHOOL: Circle = Circle { group: "Amara's school friends, London", side: "amara", language: "en", stay: CAMELIAS,
        invited_to: DAY_AND_BREAKFAST, shuttle_out: COACH_2, shuttle_home: HOME_LAST };
    pub(super) static PORTO: Circle = Circle { group: "Joel's university friends, Porto", side: "joel", language: "pt", stay: CAMELIAS,
        invited_to: DAY_AND_BREAKFAST, shuttle_out: COACH_2, shuttle_home: HOME_LAST };
    pub(super) static STUDIO: Circle = Circle { group: "Amara's architecture studio", side: "amara", language: "en",
        stay: "Casa do Pomar, Colares", invited_to: DAY_AND_BREAKFAST, shuttle_out: "", shuttle_home: HOME_LAST };
    pub(super) static LYON: Circle = Circle { group: "Cousins and friends from Lyon", side: "joel", language: "fr",
        stay: "Pensão Flor da Serra", invited_to: WEEKEND, shuttle_out: COACH_2, shuttle_home: HOME_2 };
    pub(super) static LAGOS: Circle = Circle { group: "Friends from Lagos", side: "amara", language: "en", stay: "Hotel Serra Azul, Sintra",
        invited_to: DAY_AND_BREAKFAST, shuttle_out: "", shuttle_home: HOME_LAST };
    pub(super) static SAILING: Circle = Circle { group: "Joel's sailing club, Cascais", side: "joel", language: "pt",
        stay: "At home, Cascais", invited_to: DAY, shuttle_out: "", shuttle_home: "" };
    pub(super) static STREET: Circle = Circle { group: "Cousins and neighbours, Campo de Ourique", side: "joel", language: "pt",
        stay: "At home, Lisbon", invited_to: DAY, shuttle_out: COACH_1, shuttle_home: HOME_1 };
    pub(super) static INSTITUTE: Circle = Circle { group: "Joel's marine institute", side: "joel", language: "pt", stay: CAMELIAS,
        invited_to: DAY_AND_BREAKFAST, shuttle_out: COACH_2, shuttle_home: HOME_2 };
    pub(super) static BOTH: Circle = Circle { group: "Friends of both", side: "both", language: "en", stay: CAMELIAS,
        invited_to: DAY_AND_BREAKFAST, shuttle_out: COACH_2, shuttle_home: HOME_LAST };
}
use circles::{BOTH, INSTITUTE, LAGOS, LYON, MOREAU, NWOSU, OKAFOR, PARTY, PORTO, SAILING, SCHOOL, STREET, STUDIO, TAVARES};

struct Guest {
    id: &'static str,
    given_name: &'static str,
    family_name: &'static str,
    pronouns: &'static str,
    circle: &'static Circle,
    relation: &'static str,
    /// As it goes on the place card, where that is not given and family name.
    display_name: &'static str,
    age_group: &'static str,
    language: &'static str,
    household: &'static str,
    plus_one_of: &'static str,
    rsvp: &'static str,
    attendance: &'static str,
    meal: &'static str,
    dietary_flags: &'static [&'static str],
    allergy_flags: &'static [&'static str],
    dietary_note: &'static str,
    access_needs: &'static str,
    /// Table number and seat; table 0 is no table.
    place: (u32, u32),
    photo_consent: &'static str,
    press_consent: &'static str,
    arrived_at: &'static str,
    notes: &'static str,
}

/// A guest who comes for the whole day, eats anything and minds no camera.
const fn guest(
    id: &'static str,
    given_name: &'static str,
    family_name: &'static str,
    pronouns: &'static str,
    circle: &'static Circle,
) -> Guest {
    Guest {
        id,
        given_name,
        family_name,
        pronouns,
        circle,
        relation: "",
        display_name: "",
        age_group: "adult",
        language: "",
        household: "",
        plus_one_of: "",
        rsvp: "accepted",
        attendance: "full_day",
        meal: VEAL,
        dietary_flags: &[],
        allergy_flags: &[],
        dietary_note: "",
        access_needs: "",
        place: (0, 0),
        photo_consent: "yes",
        press_consent: "no",
        arrived_at: "",
        notes: "",
    }
}

impl Guest {
    /// Table and seat, meal, and who the guest is to the couple.
    const fn at(mut self, table: u32, seat: u32, meal: &'static str, relation: &'static str) -> Self {
        self.place = (table, seat);
        self.meal = meal;
        self.relation = relation;
        self
    }

    const fn diet(mut self, flags: &'static [&'static str]) -> Self {
        self.dietary_flags = flags;
        self
    }

    const fn allergy(mut self, flags: &'static [&'static str], note: &'static str) -> Self {
        self.allergy_flags = flags;
        self.dietary_note = note;
        self
    }

    const fn eats(mut self, note: &'static str) -> Self {
        self.dietary_note = note;
        self
    }

    const fn needs(mut self, access_needs: &'static str) -> Self {
        self.access_needs = access_needs;
        self
    }

    const fn note(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }

    /// Lives with, and was invited together with.
    const fn home(mut self, household: &'static str) -> Self {
        self.household = household;
        self
    }

    const fn plus_one_of(mut self, host: &'static str) -> Self {
        self.plus_one_of = host;
        self
    }

    const fn card(mut self, display_name: &'static str) -> Self {
        self.display_name = display_name;
        self
    }

    const fn aged(mut self, age_group: &'static str) -> Self {
        self.age_group = age_group;
        self
    }

    const fn speaks(mut self, language: &'static str) -> Self {
        self.language = language;
        self
    }

    const fn photos(mut self, photo_consent: &'static str) -> Self {
        self.photo_consent = photo_consent;
        self
    }

    const fn press(mut self) -> Self {
        self.press_consent = "yes";
        self
    }

    const fn arrived(mut self, arrived_at: &'static str) -> Self {
        self.arrived_at = arrived_at;
        self
    }

    const fn answer(mut self, rsvp: &'static str, attendance: &'static str) -> Self {
        self.rsvp = rsvp;
        self.attendance = attendance;
        self.meal = "";
        self
    }
}

#[rustfmt::skip]
const GUESTS: &[Guest] = &[
    // Table 1, Laranjeira: the wedding party. Seats 1 and 2 are the couple's.
    guest("guest-chiamaka-okafor", "Chiamaka", "Okafor", SHE, &PARTY).at(1, 3, BASS, "Sister of the bride, maid of honour").press()
        .arrived("2026-06-20T07:25:00Z")
        .note("Speech at 21:05. Wants the hand-held microphone, not the stand."),
    guest("guest-tiago-nogueira", "Tiago", "Nogueira", HE, &PARTY).at(1, 4, VEAL, "Best man").speaks("pt").home("Nogueira").press()
        .arrived("2026-06-20T10:41:00Z")
        .note("Keeps the rings. Speech after Chiamaka; do not let him change the order."),
    guest("guest-camille-moreau", "Camille", "Moreau", SHE, &PARTY).at(1, 5, BASS, "Sister of the groom, bridesmaid").speaks("fr")
        .home("Moreau, Lyon").arrived("2026-06-20T07:40:00Z")
        .diet(&["pescatarian"]).note("Keeps the float of small notes for the money spray. Léo sleeps in her room."),
    guest("guest-mathieu-moreau", "Mathieu", "Moreau", HE, &PARTY).at(1, 6, VEAL, "Brother of the groom, groomsman").speaks("fr")
        .arrived("2026-06-20T10:20:00Z")
        .note("Walks Nne Adaeze in. Jacket was let out on Tuesday."),
    guest("guest-obinna-okafor", "Obinna", "Okafor", HE, &PARTY).at(1, 7, VEAL, "Brother of the bride, groomsman")
        .arrived("2026-06-20T09:50:00Z")
        .note("Translates the kola nut blessing. Takes the money bags to the safe with Inês."),
    guest("guest-zainab-bello", "Zainab", "Bello", SHE, &PARTY).at(1, 8, BASS, "Bridesmaid, flatmate from Manchester").home("Bello")
        .arrived("2026-06-20T07:31:00Z")
        .diet(&["halal", "no_alcohol"]).eats("Halal; sea bass without the white wine sauce. Cordial from the blue jug for the toasts.")
        .photos("ask_first"),
    guest("guest-samir-haddad", "Samir", "Haddad", HE, &PARTY).at(1, 9, RICE, "Groomsman, first flat in Lisbon").card("Samir Haddad")
        .home("Haddad").arrived("2026-06-20T10:44:00Z")
        .diet(&["vegetarian"]).note("Says a few words in Arabic at the top table, not on the run sheet, under a minute."),
    guest("guest-harriet-whitcombe", "Harriet", "Whitcombe", SHE, &PARTY).at(1, 10, VEAL, "Bridesmaid, school").home("Whitcombe")
        .arrived("2026-06-20T07:33:00Z")
        .note("Skin reacts to the alcohol-based setting spray; the bottle marked H is hers. Gives the confetti shout."),
    guest("guest-rodrigo-sampaio", "Rodrigo", "Sampaio", HE, &PARTY).at(1, 11, VEAL, "Groomsman, sailing").speaks("pt").home("Sampaio")
        .arrived("2026-06-20T10:52:00Z").press()
        .note("Gathers the men for the wedding party pictures, has the loudest whistle of the club."),
    guest("guest-louise-perret", "Louise", "Perret", SHE, &PARTY).at(1, 12, RICE, "Mathieu's fiancée").speaks("fr")
        .plus_one_of("guest-mathieu-moreau").arrived("2026-06-20T10:20:00Z")
        .diet(&["vegetarian", "pregnancy_safe"]).eats("24 weeks pregnant: no raw-milk cheese, no cured meat, still water.")
        .needs("A chair at the ceremony line-up, she does not stand long."),

    // Table 2, Sobreiro: Ngozi's side.
    guest("guest-ngozi-nwosu", "Ngozi", "Nwosu", SHE, &NWOSU).at(2, 1, BASS, "Mother of the bride").card("Dr Ngozi Nwosu").press()
        .arrived("2026-06-20T07:34:00Z")
        .diet(&["diabetic"]).eats("Type 2 diabetes: no sweet glaze, fruit instead of cake, she carries her own insulin.")
        .note("Gets the first slice of nothing and the first dance with Joel."),
    guest("guest-grace-nwosu", "Grace", "Nwosu", SHE, &NWOSU).at(2, 2, BASS, "Grandmother of the bride, mother's side").card("Mama Grace")
        .aged("senior").arrived("2026-06-20T11:52:00Z")
        .diet(&["soft_food"]).eats("Soft food, small portions, nothing spicy after eight.")
        .needs("Walking stick, slow on gravel. Seat with arms, back to the wall."),
    guest("guest-chukwudi-nwosu", "Chukwudi", "Nwosu", HE, &NWOSU).at(2, 3, VEAL, "Uncle of the bride").home("Nwosu, Enugu")
        .note("Walks in with Ngozi at 19:00."),
    guest("guest-ifeoma-nwosu", "Ifeoma", "Nwosu", SHE, &NWOSU).at(2, 4, VEAL, "Aunt of the bride").home("Nwosu, Enugu")
        .arrived("2026-06-20T11:52:00Z").note("Leads the singing at the gele tying. Will start it again at the bar."),
    guest("guest-adaora-nwosu", "Adaora", "Nwosu", SHE, &NWOSU).at(2, 5, RICE, "Cousin of the bride").home("Nwosu, Enugu").diet(&["vegan"])
        .eats("Vegan: the mushroom rice without butter is plated separately.")
        .note("First-year medical student, reads the Igbo part of the programme aloud for those who cannot."),
    guest("guest-kelechi-nwosu", "Kelechi", "Nwosu", HE, &NWOSU).at(2, 6, VEAL, "Cousin of the bride").home("Nwosu, Enugu")
        .note("Arranged the processional for the quartet. Wants to stand where he sees the cellist."),
    guest("guest-patience-eze", "Patience", "Eze", SHE, &NWOSU).at(2, 7, BASS, "Aunt of the bride").card("Auntie Patience")
        .home("Eze, Peckham").aged("senior").arrived("2026-06-20T11:52:00Z")
        .needs("Hearing loop does not reach the barn: seat towards the speaker."),
    guest("guest-festus-eze", "Festus", "Eze", HE, &NWOSU).at(2, 8, VEAL, "Uncle of the bride").card("Uncle Festus").home("Eze, Peckham")
        .aged("senior")
        .diet(&["low_salt"]).eats("Low salt, doctor's orders, he will deny it."),
    guest("guest-blessing-umeh", "Blessing", "Umeh", SHE, &NWOSU).at(2, 9, VEAL, "Ngozi's oldest friend").allergy(&["crustaceans"],
        "Shrimp make her throat swell; the bisque garnish must not touch her plate. Pen in her bag."),
    guest("guest-anthony-obi", "Anthony", "Obi", HE, &NWOSU).at(2, 10, BASS, "Family priest, reads the blessing").card("Rev. Anthony Obi")
        .photos("yes")
        .note("Needs the reading in 16 point, printed on one side. Stands left of Teresa."),

    // Table 3, Oliveira: Emeka's side.
    guest("guest-emeka-okafor", "Emeka", "Okafor", HE, &OKAFOR).at(3, 1, VEAL, "Father of the bride").card("Chief Emeka Okafor")
        .home("Okafor, Ikoyi").press().arrived("2026-06-20T12:50:00Z")
        .note("Brings the kola nut bowl in his own car. Speech at 19:55 after Luc."),
    guest("guest-bisi-okafor", "Bisi", "Adeyemi-Okafor", SHE, &OKAFOR).at(3, 2, BASS, "Emeka's wife").home("Okafor, Ikoyi")
        .photos("ask_first").arrived("2026-06-20T12:50:00Z")
        .note("Not in a frame with Ngozi. Would like one picture with Amara alone and will not ask for it herself."),
    guest("guest-adaeze-okafor", "Adaeze", "Okafor", SHE, &OKAFOR).at(3, 3, BASS, "Grandmother of the bride, father's side")
        .card("Nne Adaeze").aged("senior").home("Okafor, Ikoyi").speaks("ig")
        .diet(&["soft_food", "lactose_free"]).needs("Needs an arm on stairs. Sits out of the draught, blanket is in Emeka's car."),
    guest("guest-ikenna-okafor", "Ikenna", "Okafor", HE, &OKAFOR).at(3, 4, VEAL, "Uncle of the bride").home("Okafor, Abuja")
        .note("Brings the talking points for the kola nut in case Emeka loses his thread. He will not."),
    guest("guest-uju-okafor", "Uju", "Okafor", SHE, &OKAFOR).at(3, 5, VEAL, "Aunt of the bride").home("Okafor, Abuja")
        .arrived("2026-06-20T12:01:00Z").note("Brought four extra copper gele, for anybody who wants one."),
    guest("guest-somto-okafor", "Somtochukwu", "Okafor", HE, &OKAFOR).at(3, 6, VEAL, "Cousin of the bride").card("Somto Okafor")
        .home("Okafor, Abuja").aged("teen")
        .diet(&["no_alcohol"]).eats("Fifteen: no wine at the table, whatever he says."),
    guest("guest-nnamdi-okafor", "Nnamdi", "Okafor", HE, &OKAFOR).at(3, 7, VEAL, "Cousin of the bride").home("Okafor, Houston")
        .note("Flies in on the morning of the 19th, allow for a nap."),
    guest("guest-babatunde-adeyemi", "Babatunde", "Adeyemi", HE, &OKAFOR).at(3, 8, VEAL, "Bisi's father").card("Chief Babatunde Adeyemi")
        .aged("senior").home("Adeyemi")
        .note("Greeted before the younger chief: Obinna does it at the door."),
    guest("guest-folake-adeyemi", "Folake", "Adeyemi", SHE, &OKAFOR).at(3, 9, BASS, "Bisi's mother").aged("senior").home("Adeyemi")
        .allergy(&["sesame"], "Sesame; pen in the small bag. The flatbread basket has it."),
    guest("guest-olusegun-ajayi", "Olusegun", "Ajayi", HE, &OKAFOR).at(3, 10, VEAL, "Emeka's business partner").card("Dr Olusegun Ajayi")
        .press()
        .note("Leaves for Frankfurt at five in the morning, so the 02:00 coach is out: taxi at one is booked."),

    // Table 4, Limoeiro: Helena's side.
    guest("guest-helena-tavares", "Helena", "Tavares", SHE, &TAVARES).at(4, 1, BASS, "Mother of the groom").arrived("2026-06-20T10:52:00Z")
        .note("Drives Beatriz herself, not on the coach. Walks in with Rogério."),
    guest("guest-beatriz-tavares", "Beatriz", "Tavares", SHE, &TAVARES).at(4, 2, BASS, "Grandmother of the groom, mother's side")
        .card("Avó Beatriz").aged("senior").arrived("2026-06-20T10:52:00Z")
        .diet(&["soft_food", "low_salt"]).eats("Fish off the bone, cut in the kitchen. Takes her tablets with the starter.")
        .needs("Wheelchair, 68 cm wide. Ramp to the barn, place without a chair at the aisle end, accessible toilet is in the mill house."),
    guest("guest-rogerio-tavares", "Rogério", "Tavares", HE, &TAVARES).at(4, 3, VEAL, "Uncle of the groom").home("Tavares, Estrela")
        .note("Walks in with Helena at 19:00. Has a toast in his pocket and has promised to keep it there."),
    guest("guest-fatima-tavares", "Fátima", "Tavares", SHE, &TAVARES).at(4, 4, BASS, "Aunt of the groom").home("Tavares, Estrela")
        .diet(&["gluten_free"])
        .allergy(&["gluten"], "Coeliac, not a preference: own toaster, own board, no croutons in the soup.")
        .note("Made the corsage cushions for all four grandmothers."),
    guest("guest-sofia-tavares", "Sofia", "Tavares", SHE, &TAVARES).at(4, 5, RICE, "Cousin of the groom").home("Tavares, Estrela")
        .diet(&["vegetarian"])
        .note("Speaks all four languages and likes being sent from table to table."),
    guest("guest-nuno-brandao", "Nuno", "Tavares Brandão", HE, &TAVARES).at(4, 6, VEAL, "Cousin of the groom")
        .note("Drives two carloads back to Lisbon at one o'clock, drinks nothing."),
    guest("guest-lurdes-carvalhal", "Lurdes", "Carvalhal", SHE, &TAVARES).at(4, 7, BASS, "Joel's godmother").card("Madrinha Lurdes")
        .aged("senior").home("Carvalhal")
        .note("Brings the medal that Joel wore at his christening; it goes on the inside of his jacket."),
    guest("guest-antonio-carvalhal", "António", "Carvalhal", HE, &TAVARES).at(4, 8, VEAL, "Joel's godfather").card("Padrinho António")
        .aged("senior").home("Carvalhal")
        .needs("Pacemaker: keep clear of the wireless charging plates on the bar."),
    guest("guest-graca-meireles", "Graça", "Meireles", SHE, &TAVARES).at(4, 9, BASS, "Helena's cousin").diet(&["lactose_free"])
        .eats("Hard cheese is fine, cream is not.")
        .note("Sings fado after the second glass, and well."),
    guest("guest-conceicao-vasconcelos", "Maria da Conceição", "de Vasconcelos", SHE, &TAVARES).at(4, 10, BASS, "Helena's great-aunt")
        .aged("senior")
        .card("Maria da Conceição Francisca Xavier de Assis Tavares de Albuquerque e Castro Pereira da Silva Menezes de Vasconcelos Bragança")
        .note("The place card carries the whole name, on two lines: she counts the words. Everybody calls her Tia São."),

    // Table 5, Figueira: Luc's side. Étienne is at table 9 and stays there.
    guest("guest-luc-moreau", "Luc", "Moreau", HE, &MOREAU).at(5, 1, VEAL, "Father of the groom").home("Moreau, Annecy")
        .needs("Deaf on the left ear: nobody important to his left.")
        .note("Back to table 9. Speech at 19:55, in French."),
    guest("guest-claire-dubois", "Claire", "Dubois", SHE, &MOREAU).at(5, 2, BASS, "Luc's partner").home("Moreau, Annecy")
        .allergy(&["molluscs"], "Mussels and squid, mild but unpleasant.")
        .note("Rang the silent French guests in June. Walks in with Luc."),
    guest("guest-odette-moreau", "Odette", "Moreau", SHE, &MOREAU).at(5, 3, BASS, "Grandmother of the groom, father's side")
        .card("Mémé Odette").aged("senior").home("Moreau, Annecy")
        .eats("A glass of red before anything else, then everything.").needs("Gets cold after nine, heater behind her chair.")
        .note("Wants to be asked to dance by Joel, and then by somebody younger."),
    guest("guest-sylvie-garnier", "Sylvie", "Moreau-Garnier", SHE, &MOREAU).at(5, 4, BASS, "Aunt of the groom").home("Garnier")
        .note("The only one who speaks to both brothers. Ask her first."),
    guest("guest-bernard-garnier", "Bernard", "Garnier", HE, &MOREAU).at(5, 5, VEAL, "Uncle of the groom").home("Garnier")
        .note("Films everything on his telephone. Has been told about the ceremony twice."),
    guest("guest-elodie-garnier", "Élodie", "Garnier", SHE, &MOREAU).at(5, 6, RICE, "Cousin of the groom").home("Garnier").diet(&["vegan"])
        .eats("Vegan since March, her mother still answers for her: trust the flag.")
        .note("Shares room 312 with Sofia, they met on Friday and are inseparable."),
    guest("guest-baptiste-garnier", "Baptiste", "Garnier", HE, &MOREAU).at(5, 7, VEAL, "Cousin of the groom").home("Garnier")
        .allergy(&["eggs"], "Raw and soft egg only; baked in cake is fine."),
    guest("guest-gerard-lefevre", "Gérard", "Lefèvre", HE, &MOREAU).at(5, 8, VEAL, "Luc's oldest friend").card("Parrain Gérard")
        .aged("senior").home("Lefèvre")
        .note("Taught Joel to sail a dinghy in 1999, brings the photograph."),
    guest("guest-monique-lefevre", "Monique", "Lefèvre", SHE, &MOREAU).at(5, 9, BASS, "Luc's oldest friend's wife").aged("senior")
        .home("Lefèvre").needs("New hip: aisle seat on coach 1, no bar stools."),
    guest("guest-jeanne-perret", "Jeanne", "Perret", SHE, &MOREAU).at(5, 10, BASS, "Louise's mother")
        .note("Does not know everybody: next to Monique on purpose."),

    // Table 6, Nespereira: school friends.
    guest("guest-priya-raghunathan", "Priya", "Raghunathan", SHE, &SCHOOL).at(6, 1, RICE, "School friend").diet(&["vegetarian"])
        .eats("Vegetarian, eggs are fine, gelatine is not.")
        .note("Knows every word of the school song and has threatened to use it."),
    guest("guest-tom-ashdown", "Tom", "Ashdown", HE, &SCHOOL).at(6, 2, VEAL, "School friend").plus_one_of("guest-priya-raghunathan")
        .note("New since February. Introduce him, he is shy for the first hour."),
    guest("guest-eleanor-fairweather", "Eleanor", "Fairweather", SHE, &SCHOOL).at(6, 3, BASS, "School friend").home("Fairweather")
        .photos("no")
        .note("No photographs at all: a court order protects her address. White wristband, Rui and Bastien know."),
    guest("guest-george-fairweather", "George", "Fairweather", HE, &SCHOOL).at(6, 4, VEAL, "Eleanor's husband").home("Fairweather")
        .photos("no"),
    guest("guest-imogen-clarke", "Imogen", "Clarke", SHE, &SCHOOL).at(6, 5, BASS, "School friend").allergy(&["tree_nuts"],
        "Tree nuts, carries a pen. Dessert from the green ribbon box.")
        .note("Was Amara's first flatmate; the perfume in the detail box is from her."),
    guest("guest-dev-malhotra", "Dev", "Malhotra", HE, &SCHOOL).at(6, 6, RICE, "School friend").home("Malhotra")
        .diet(&["vegetarian", "no_alcohol"])
        .note("Zara is at the children's table until nine, then she falls asleep on him."),
    guest("guest-sadie-oconnell", "Sadie", "O'Connell", SHE, &SCHOOL).at(6, 7, VEAL, "School friend")
        .note("Sang at their engagement. Would say yes to one song after ten."),
    guest("guest-marcus-bright", "Marcus", "Bright", HE, &SCHOOL).at(6, 8, VEAL, "School friend").home("Bright")
        .note("Allowed to start the clapping at the end of the speeches."),
    guest("guest-hannah-bright", "Hannah", "Bright", SHE, &SCHOOL).at(6, 9, BASS, "Marcus's wife").home("Bright").diet(&["pregnancy_safe"])
        .eats("Not public yet: same glass as the others, filled from the blue jug."),

    // Table 7, Amendoeira: Joel's year in Porto. Duarte's former wife Marta sits at table 13.
    guest("guest-joao-pires", "João", "Pires", HE, &PORTO).at(7, 1, BASS, "Shared the flat in Rua do Almada").home("Pires")
        .diet(&["pescatarian", "lactose_free"])
        .allergy(&["peanuts", "sesame"], "No meat, fish is fine.\nDressing on the side.\nReacts to peanut oil as well, ask which oil the fryer has.")
        .needs("Sits near the exit, migraine with strobe light.")
        .note("Matilde is his daughter, at the children's table. Plays guitar, hide it before midnight."),
    guest("guest-mariana-pires", "Mariana", "Pires", SHE, &PORTO).at(7, 2, BASS, "João's wife").home("Pires")
        .note("Takes Matilde home to the hotel with the first coach if she is tired."),
    guest("guest-duarte-lopes", "Duarte", "Lopes", HE, &PORTO).at(7, 3, VEAL, "University friend")
        .note("Divorced from Marta (table 13). Civil, not in the same small group, please."),
    guest("guest-catarina-seixas", "Catarina", "Seixas", SHE, &PORTO).at(7, 4, RICE, "University friend").home("Seixas")
        .diet(&["vegetarian"])
        .note("Was in the kitchen when Joel told everybody about the box of tiles."),
    guest("guest-bruno-seixas", "Bruno", "Seixas", HE, &PORTO).at(7, 5, VEAL, "Catarina's husband").home("Seixas")
        .note("Offered to carry chairs. Say yes, he means it."),
    guest("guest-vasco-amorim", "Vasco", "Amorim", HE, &PORTO).at(7, 6, VEAL, "University friend").home("Amorim").allergy(&["sulphites"],
        "Red wine gives him asthma, white from the second fridge is without added sulphites.")
        .note("Runs the quiz that is not on the run sheet and is not going to happen."),
    guest("guest-leonor-amorim", "Leonor", "Amorim", SHE, &PORTO).at(7, 7, BASS, "Vasco's wife").home("Amorim"),
    guest("guest-goncalo-teles", "Gonçalo", "Teles", HE, &PORTO).at(7, 8, VEAL, "University friend").card("Gonçalo 🎸 Teles")
        .note("The guitar is part of his name since 2014."),
    guest("guest-rita-fontes", "Rita", "Fontes", SHE, &PORTO).at(7, 9, BASS, "University friend").photos("ask_first")
        .note("Arrives straight from the night shift, room 215 is ready from ten."),

    // Table 8, Alfarrobeira: the studio.
    guest("guest-olivia-hartnell", "Olivia", "Hartnell", SHE, &STUDIO).at(8, 1, BASS, "Partner at the studio").press()
        .note("Gave Amara the three weeks off. Sits with a view of the dance floor."),
    guest("guest-benedict-shaw", "Benedict", "Shaw", HE, &STUDIO).at(8, 2, VEAL, "Colleague").plus_one_of("guest-olivia-hartnell")
        .note("Draws people on napkins. Collect the napkins."),
    guest("guest-yusuf-karimi", "Yusuf", "Karimi", HE, &STUDIO).at(8, 3, RICE, "Colleague, models").card("یوسف کریمی").speaks("fa")
        .diet(&["halal", "vegetarian"]).note("Place card in Persian, he checked the spelling himself."),
    guest("guest-mei-ling-zhou", "Mei-Ling", "Zhou", SHE, &STUDIO).at(8, 4, BASS, "Colleague").card("周美玲 Mei-Ling").allergy(&["soya"],
        "Soya in any form; check the gravy browning.")
        .note("Lettered the seating plan by hand, both copies."),
    guest("guest-frances-abbott", "Frances", "Abbott", THEY, &STUDIO).at(8, 5, RICE, "Colleague").diet(&["vegan"])
        .note("They/them also in speeches, Tiago has been told."),
    guest("guest-callum-reid", "Callum", "Reid", HE, &STUDIO).at(8, 6, VEAL, "Colleague")
        .note("Wears a kilt. The sparklers are not for him."),
    guest("guest-sophie-laurent", "Sophie", "Laurent", SHE, &STUDIO).at(8, 7, BASS, "Colleague, Paris office").speaks("fr")
        .note("Keeps the translation cards for tables 8 and 9 and hands them out before Luc speaks."),
    guest("guest-patrick-doyle", "Patrick", "Doyle", HE, &STUDIO).at(8, 8, VEAL, "First boss").aged("senior")
        .needs("Low vision: large-print menu at his place."),
    guest("guest-tobi-ogunleye", "Tobi", "Ogunleye", HE, &STUDIO).at(8, 9, VEAL, "Colleague").press()
        .note("Took the picture on the invitation."),

    // Table 9, Cedro: cousins and friends from Lyon.
    guest("guest-etienne-moreau", "Étienne", "Moreau", HE, &LYON).at(9, 1, VEAL, "Uncle of the groom").home("Moreau, Lyon sixth")
        .note("Does not speak to Luc. Coach 2, table 9, back to table 5."),
    guest("guest-brigitte-moreau", "Brigitte", "Moreau", SHE, &LYON).at(9, 2, BASS, "Aunt of the groom").home("Moreau, Lyon sixth"),
    guest("guest-antoine-moreau", "Antoine", "Moreau", HE, &LYON).at(9, 3, VEAL, "Cousin of the groom").home("Moreau, Lyon sixth")
        .note("Carries Odette's cushion and has strict orders about it."),
    guest("guest-manon-moreau", "Manon", "Moreau", SHE, &LYON).at(9, 4, RICE, "Cousin of the groom").home("Moreau, Lyon sixth")
        .diet(&["vegetarian"]).aged("teen"),
    guest("guest-hugo-fontaine", "Hugo", "Fontaine", HE, &LYON).at(9, 5, VEAL, "Childhood friend").home("Fontaine")
        .note("Has known Joel since the sandpit. Jade sits with the children, hearing aids charged."),
    guest("guest-lea-fontaine", "Léa", "Fontaine", SHE, &LYON).at(9, 6, BASS, "Hugo's wife").home("Fontaine").diet(&["gluten_free"])
        .eats("Avoids gluten, not coeliac: a crumb does no harm."),
    guest("guest-julien-mercier", "Julien", "Mercier", HE, &LYON).at(9, 7, VEAL, "Rowing club").home("Mercier")
        .note("Drives the second rental car, can take four to the station on Sunday at ten."),
    guest("guest-amelie-mercier", "Amélie", "Mercier", SHE, &LYON).at(9, 8, BASS, "Julien's wife").home("Mercier").allergy(&["celery"],
        "Celery and celeriac, also in stock cubes."),
    guest("guest-raphael-blanc", "Raphaël", "Blanc", HE, &LYON).at(9, 9, BASS, "Cousin by choice").diet(&["kosher"])
        .eats("Sealed kosher meal ordered from Lisbon, served with its seal intact and plastic cutlery."),

    // Table 10, Medronheiro: Lagos.
    guest("guest-temitope-balogun", "Temitope", "Balogun", SHE, &LAGOS).at(10, 1, BASS, "Secondary school, Lagos").card("Temi Balogun")
        .home("Balogun")
        .note("Brought the palm wine, customs papers and all. Cátia has it in the second fridge."),
    guest("guest-kunle-balogun", "Kunle", "Balogun", HE, &LAGOS).at(10, 2, VEAL, "Temi's husband").home("Balogun")
        .note("Referee of the money spray: no notes under the shoes."),
    guest("guest-chidera-anyanwu", "Chidera", "Anyanwu", SHE, &LAGOS).at(10, 3, VEAL, "Secondary school, Lagos").home("Anyanwu")
        .note("Runs the money spray count with Harriet."),
    guest("guest-ebuka-anyanwu", "Ebuka", "Anyanwu", HE, &LAGOS).at(10, 4, VEAL, "Chidera's husband").home("Anyanwu"),
    guest("guest-hadiza-musa", "Hadiza", "Musa", SHE, &LAGOS).at(10, 5, BASS, "Internship year").home("Musa").diet(&["halal", "no_alcohol"])
        .photos("ask_first")
        .note("Did the henna on Thursday night, four hands, no photographs of her own face please."),
    guest("guest-ibrahim-musa", "Ibrahim", "Musa", HE, &LAGOS).at(10, 6, BASS, "Hadiza's husband").home("Musa")
        .diet(&["halal", "no_alcohol"]).needs("A quiet room for prayer around 21:15: the library, Inês has the key."),
    guest("guest-ronke-fashola", "Ronke", "Fashola", SHE, &LAGOS).at(10, 7, BASS, "Neighbour in Yaba").home("Fashola, Yaba")
        .note("Cooked the pepper sauce. Two jars, very small spoons."),
    guest("guest-dami-fashola", "Damilola", "Fashola", SHE, &LAGOS).at(10, 8, RICE, "Neighbour in Yaba").card("Dami ✨")
        .home("Fashola, Yaba").diet(&["vegetarian"]).press(),
    guest("guest-ejiro-oghene", "Ejiro", "Oghene", HE, &LAGOS).at(10, 9, VEAL, "Choir").allergy(&["mustard"],
        "Mustard, also hidden in the vinaigrette."),
    guest("guest-seun-bankole", "Oluwaseun", "Bankole", HE, &LAGOS).at(10, 10, VEAL, "Choir").card("Seun 🎷 Bankole")
        .note("Sits in with the drummers at the money spray, agreed with Adewale."),

    // Table 11, Romãzeira: the sailing club.
    guest("guest-francisco-valadares", "Francisco", "Valadares", HE, &SAILING).at(11, 1, BASS, "Skipper").home("Valadares")
        .note("Joel's skipper for eleven years; stands up when the drummers call \"captain\"."),
    guest("guest-teresa-valadares", "Teresa", "Valadares", SHE, &SAILING).at(11, 2, BASS, "Francisco's wife").home("Valadares")
        .note("Drives home with Tomé before the sparklers."),
    guest("guest-pedro-quintela", "Pedro", "Quintela", HE, &SAILING).at(11, 3, VEAL, "Crew").home("Quintela")
        .note("Left his boots at the mill house on Friday."),
    guest("guest-joana-quintela", "Joana", "Quintela", SHE, &SAILING).at(11, 4, RICE, "Crew").home("Quintela")
        .diet(&["vegetarian", "lactose_free"]),
    guest("guest-miguel-sottomayor", "Miguel", "Sottomayor", HE, &SAILING).at(11, 5, VEAL, "Club secretary").home("Sottomayor")
        .note("Writes for the club magazine and has asked for one picture with a credit."),
    guest("guest-benedita-sottomayor", "Benedita", "Sottomayor", SHE, &SAILING).at(11, 6, BASS, "Miguel's wife").home("Sottomayor"),
    guest("guest-william-pemberton", "William", "Pemberton", HE, &SAILING).at(11, 7, VEAL, "Crew").speaks("en").home("Pemberton")
        .allergy(&["fish"], "Fish, but not shellfish; no anchovy in the starter."),
    guest("guest-rosalind-pemberton", "Rosalind", "Pemberton", SHE, &SAILING).at(11, 8, RICE, "William's wife").speaks("en")
        .home("Pemberton").diet(&["vegetarian"]).needs("Uses a rollator, parks on the flat side of the mill."),
    guest("guest-henrique-leitao", "Henrique", "Leitão", HE, &SAILING).at(11, 9, VEAL, "Boatbuilder")
        .note("Made the wooden ring box. Thank him by name."),

    // Table 12, Castanheiro: cousins and the street.
    guest("guest-carlos-meireles", "Carlos", "Meireles", HE, &STREET).at(12, 1, VEAL, "Cousin of the groom").home("Meireles")
        .note("Drives Dona Odete's bread up at noon, leaves it with Hélder."),
    guest("guest-susana-meireles", "Susana", "Meireles", SHE, &STREET).at(12, 2, BASS, "Carlos's wife").home("Meireles"),
    guest("guest-filipe-tavares", "Filipe", "Tavares", HE, &STREET).at(12, 3, VEAL, "Cousin of the groom").home("Tavares, Benfica")
        .note("Lent the cart for the umbrellas."),
    guest("guest-andreia-tavares", "Andreia", "Tavares", SHE, &STREET).at(12, 4, RICE, "Filipe's wife").home("Tavares, Benfica")
        .diet(&["vegan"]).allergy(&["lupin"], "Lupin: the tremoços bowls stay off this table."),
    guest("guest-alice-figueira", "Alice", "Figueira", SHE, &STREET).at(12, 5, BASS, "Third floor left").home("Figueira")
        .note("Kept the spare keys of the flat for four years and never used them."),
    guest("guest-manuel-figueira", "Manuel", "Figueira", HE, &STREET).at(12, 6, VEAL, "Third floor left").home("Figueira")
        .note("Feeds the cat while they are away, so leaves with the first coach."),
    guest("guest-odete-ramalho", "Odete", "Ramalho", SHE, &STREET).at(12, 7, BASS, "The baker downstairs").card("Dona Odete").aged("senior")
        .home("Ramalho").note("Her bread is in the baskets. Say so on the menu."),
    guest("guest-anibal-ramalho", "Aníbal", "Ramalho", HE, &STREET).at(12, 8, VEAL, "The baker downstairs").card("Senhor Aníbal")
        .aged("senior").home("Ramalho").diet(&["diabetic"]).needs("Early dinner tray at 19:00 if anything slips: insulin."),
    guest("guest-paulo-brandao", "Paulo", "Brandão", HE, &STREET).at(12, 9, VEAL, "Cousin of the groom")
        .note("Late by nature: told 15:00, so that he is there at 15:25."),

    // Table 13, Nogueira: the institute.
    guest("guest-marta-lopes", "Marta", "Lopes", SHE, &INSTITUTE).at(13, 1, BASS, "Colleague")
        .note("Divorced from Duarte (table 7). Asked for coach 2, front."),
    guest("guest-astrid-solheim", "Astrid", "Solheim", SHE, &INSTITUTE).at(13, 2, RICE, "Head of the department").card("Dr Astrid Solheim")
        .speaks("en").diet(&["pescatarian"]).press(),
    guest("guest-jorge-vilhena", "Jorge", "Vilhena", HE, &INSTITUTE).at(13, 3, VEAL, "Colleague").home("Vilhena")
        .note("On call for the research ship until six, may step outside."),
    guest("guest-celia-vilhena", "Célia", "Vilhena", SHE, &INSTITUTE).at(13, 4, BASS, "Jorge's wife").home("Vilhena").diet(&["gluten_free"])
        .allergy(&["gluten"], "Coeliac, carries her own bread, plate under a red cloche."),
    guest("guest-layla-haddad", "Layla", "Haddad", SHE, &INSTITUTE).at(13, 5, RICE, "Colleague, Samir's sister").card("ليلى حداد")
        .speaks("ar").home("Haddad").diet(&["vegetarian"]),
    guest("guest-oisin-byrne", "Oisín", "Byrne", HE, &INSTITUTE).at(13, 6, VEAL, "Colleague").speaks("en")
        .note("Pronounced \"uh-SHEEN\", for the drummers too."),
    guest("guest-priscila-antunes", "Priscila", "Antunes", SHE, &INSTITUTE).at(13, 7, BASS, "Colleague").home("Antunes")
        .note("Made the marble run of plankton slides that stands on the gift table."),
    guest("guest-ricardo-antunes", "Ricardo", "Antunes", HE, &INSTITUTE).at(13, 8, VEAL, "Priscila's husband").home("Antunes")
        .needs("Left knee in a brace, end of the row."),
    guest("guest-kofi-mensah", "Kofi", "Mensah", HE, &INSTITUTE).at(13, 9, VEAL, "Colleague, research ship").speaks("en")
        .note("Came in from the Azores on Thursday, flies back on Monday with the ship's mail."),

    // Table 14, Pinheiro Manso: the children, with the carers from the old schoolroom.
    guest("guest-kosi-okafor", "Kosisochukwu", "Okafor", SHE, &PARTY).at(14, 1, CHILD, "Flower girl, Obinna's daughter").card("Kosi 🌼")
        .aged("child").arrived("2026-06-20T09:50:00Z")
        .note("Five. Brave until people look at her; Zainab waits at the arch with a hand out."),
    guest("guest-leo-moreau", "Léo", "Moreau", HE, &PARTY).at(14, 2, CHILD, "Ring bearer, Camille's son").card("Léo 🦖").aged("child")
        .speaks("fr").home("Moreau, Lyon").arrived("2026-06-20T07:40:00Z")
        .allergy(&["milk"], "Cow's milk, no ice cream, oat pudding instead.")
        .note("Six. Carries an empty box, the real rings stay with Tiago."),
    guest("guest-zara-malhotra", "Zara", "Malhotra", SHE, &SCHOOL).at(14, 3, CHILD, "Dev's daughter").aged("child").home("Malhotra")
        .diet(&["vegetarian"]).photos("ask_first"),
    guest("guest-matilde-pires", "Matilde", "Pires", SHE, &PORTO).at(14, 4, CHILD, "João's daughter").aged("child").home("Pires")
        .allergy(&["peanuts"], "Peanut, like her father; second pen with the carers."),
    guest("guest-afonso-seixas", "Afonso", "Seixas", HE, &PORTO).at(14, 5, CHILD, "Catarina's son").aged("child").home("Seixas")
        .note("Eight. Reads at table, leave him."),
    guest("guest-ayo-balogun", "Ayomide", "Balogun", HE, &LAGOS).at(14, 6, CHILD, "Temi's son").card("Ayo").aged("child").home("Balogun")
        .note("Six. Has prepared a joke for the microphone, and Temi has a veto."),
    guest("guest-tome-valadares", "Tomé", "Valadares", HE, &SAILING).at(14, 7, CHILD, "Francisco's son").aged("child").home("Valadares")
        .photos("no").note("Parents asked for no pictures of him online or in the album."),
    guest("guest-jade-fontaine", "Jade", "Fontaine", SHE, &LYON).at(14, 8, CHILD, "Hugo's daughter").aged("child").home("Fontaine")
        .needs("Wears hearing aids, likes to sit where she sees faces."),

    // Table 15, Jacarandá: friends of both, and the partners of the wedding party.
    guest("guest-isabel-cordeiro", "Isabel", "Cordeiro", SHE, &BOTH).at(15, 1, BASS, "Introduced them").speaks("pt").press()
        .note("Sits where both can see her when the story is told."),
    guest("guest-nathaniel-whitcombe", "Nathaniel", "Whitcombe", HE, &BOTH).at(15, 2, VEAL, "Harriet's husband").home("Whitcombe")
        .note("Plays the bagpipes. They are in London."),
    guest("guest-abdul-rahman-bello", "Abdul-Rahman", "Bello", HE, &BOTH).at(15, 3, BASS, "Zainab's husband").home("Bello")
        .diet(&["halal", "no_alcohol"])
        .note("Takes pictures on film, one roll, has asked Rui first."),
    guest("guest-laura-sampaio", "Laura", "Sampaio", SHE, &BOTH).at(15, 4, BASS, "Rodrigo's wife").speaks("pt").home("Sampaio")
        .note("Knows where the spare boutonnière pins are."),
    guest("guest-filipa-nogueira", "Filipa", "Nogueira", SHE, &BOTH).at(15, 5, RICE, "Tiago's wife").speaks("pt").home("Nogueira")
        .diet(&["vegetarian"]).needs("Nursing: the small room behind the bridal suite, any time."),
    guest("guest-chinedu-eze", "Chinedu", "Eze", HE, &BOTH).at(15, 6, VEAL, "Amara's cousin, Joel's running partner").home("Eze, Lisbon")
        .note("Ran the half marathon with Joel on the day before he proposed."),
    guest("guest-adaku-eze", "Adaku", "Eze", SHE, &BOTH).at(15, 7, BASS, "Chinedu's wife").home("Eze, Lisbon")
        .note("Teaches the aunties the line dance at half past ten."),
    guest("guest-victor-hollis", "Victor", "Hollis", HE, &BOTH).at(15, 8, VEAL, "Landlord of the first flat").home("Hollis")
        .note("Forgave the tiles in the hallway. Gets a tile."),
    guest("guest-georgia-hollis", "Georgia", "Hollis", SHE, &BOTH).at(15, 9, RICE, "Victor's wife").home("Hollis").diet(&["vegan"])
        .allergy(&["soya", "tree_nuts"], "Vegan without soya and nuts: chickpea plate, agreed with the allergen desk."),
    guest("guest-emmanuel-okoro", "Emmanuel", "Okoro", HE, &BOTH).at(15, 10, VEAL, "Sunday football").home("Okoro")
        .note("Collects the bow ties at the end, they are rented."),
    guest("guest-simone-okoro", "Simone", "Okoro", SHE, &BOTH).at(15, 11, BASS, "Emmanuel's wife").home("Okoro").speaks("fr"),

    // Not in the barn: two by livestream, five who declined, one who never answered.
    guest("guest-beatrix-van-houten", "Beatrix", "van Houten", SHE, &BOTH).answer("accepted", "livestream")
        .note("Broke her ankle on 11 June, watches from Utrecht. Link sent, place card kept for her as a present."),
    guest("guest-ugochi-nwosu", "Ugochi", "Nwosu", SHE, &NWOSU).answer("accepted", "livestream")
        .note("No visa in time. Sings the last verse by video, Edson has the file."),
    guest("guest-gabriel-okafor", "Gabriel", "Okafor", HE, &OKAFOR).answer("declined", "none")
        .note("On call in Port Harcourt. Sent palm oil and a letter to be read, or not."),
    guest("guest-pauline-girard", "Pauline", "Girard", SHE, &LYON).answer("declined", "none").note("Due date is the 22nd."),
    guest("guest-simon-hathaway", "Simon", "Hathaway", HE, &STUDIO).answer("declined", "none")
        .note("Site opening the same weekend; comes to the London dinner in July."),
    guest("guest-luisa-seabra", "Luísa", "Seabra", SHE, &PORTO).answer("declined", "none")
        .note("Living in Dili, wrote a very long e-mail that Joel keeps."),
    guest("guest-arnaldo-cunha", "Arnaldo", "Cunha", HE, &SAILING).answer("declined", "none").note("Regatta in Lagos, the other Lagos."),
    guest("guest-theo-marchetti", "Théo", "Marchetti", HE, &MOREAU).answer("no_answer", "unknown")
        .note("Three reminders, Claire rang on 3 June. Counts as no since the 12th."),
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    GUESTS.iter().zip(200..).map(|(guest, number)| entry(guest, number))
}

/// `number` is the last three digits of the guest's telephone number.
fn entry(guest: &Guest, number: u32) -> Entry {
    let circle = guest.circle;
    let card = format!("{} {}", guest.given_name, guest.family_name);
    let comes = guest.rsvp == "accepted" && guest.attendance == "full_day";
    let body = Body::new()
        .put("given_name", guest.given_name)
        .put("family_name", guest.family_name)
        .put("display_name", if guest.display_name.is_empty() { &card } else { guest.display_name })
        .put("pronouns", guest.pronouns)
        .put("group", circle.group)
        .put("side", circle.side)
        .strings("invited_to", circle.invited_to)
        .text("relation", guest.relation)
        .put("age_group", guest.age_group)
        .put("language", if guest.language.is_empty() { circle.language } else { guest.language })
        .text("household", guest.household)
        .text("plus_one_of", guest.plus_one_of)
        .put("rsvp", guest.rsvp)
        .put("attendance", guest.attendance)
        .text("meal", guest.meal)
        .put("dietary_flags", guest.dietary_flags.to_vec())
        .put("allergy_flags", guest.allergy_flags.to_vec())
        .text("dietary_note", guest.dietary_note)
        .text("access_needs", guest.access_needs)
        .put("photo_consent", guest.photo_consent)
        .put("press_consent", guest.press_consent)
        .text("arrived_at", guest.arrived_at)
        .text("notes", guest.notes);
    let body = if guest.age_group == "child" {
        body
    } else {
        let name = guest.id.trim_start_matches("guest-").replace('-', ".");
        body.put("email", format!("{name}@example.org")).put("phone", format!("+44 7700 900{number}"))
    };
    let body = if comes {
        // Who is here already needs no coach to come.
        let shuttle_out = if guest.arrived_at.is_empty() { circle.shuttle_out } else { "" };
        body.put("stay", circle.stay).text("shuttle_out", shuttle_out).text("shuttle_home", circle.shuttle_home)
    } else {
        body
    };
    let (table, seat) = guest.place;
    let body = if table == 0 { body } else { body.put("table_id", format!("table-{table:02}")).put("seat", seat) };
    body.entry("guests", guest.id)
}
