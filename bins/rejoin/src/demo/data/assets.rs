//! The metadata of 650 photographs and clips, all taken before the snapshot: the engagement session, the recce,
//! the tasting, the eve of the wedding, and the morning. The scenes are written down; the frames of a scene, with their
//! times, sizes and exposure, are spread over it by arithmetic.

use super::{Body, Entry, mix, stand_in_sha256};

const RUI: &str = "contact-rui";
const MARTA: &str = "contact-second-shooter";
const BASTIEN: &str = "contact-film";

struct Session {
    /// Part of the ids and file names.
    name: &'static str,
    date: &'static str,
    /// Set on every frame of the session.
    flag: &'static str,
    scenes: &'static [Scene],
}

struct Scene {
    title: &'static str,
    /// Hour and minute (UTC) of the first frame.
    starts: (u64, u64),
    frames: u64,
    /// Seconds from one frame to the next.
    gap_s: u64,
    by: &'static str,
    lens: &'static Lens,
    light: &'static Light,
    keywords: &'static [&'static str],
    shot_ids: &'static [&'static str],
    event_id: &'static str,
}

struct Lens {
    name: &'static str,
    focal_mm: u64,
    aperture: f64,
}

struct Light {
    iso: u64,
    shutter: &'static [&'static str],
}

static WIDE: Lens = Lens { name: "35 mm f/1.4", focal_mm: 35, aperture: 2.2 };
static PORTRAIT: Lens = Lens { name: "85 mm f/1.8", focal_mm: 85, aperture: 1.8 };
static MACRO: Lens = Lens { name: "100 mm f/2.8 macro", focal_mm: 100, aperture: 5.6 };
static LONG: Lens = Lens { name: "70-200 mm f/2.8", focal_mm: 160, aperture: 3.2 };
static CINE: Lens = Lens { name: "24-70 mm f/2.8", focal_mm: 50, aperture: 2.8 };

static SUN: Light = Light { iso: 100, shutter: &["1/1000", "1/1250", "1/1600"] };
static SHADE: Light = Light { iso: 200, shutter: &["1/320", "1/400", "1/500"] };
static WINDOW: Light = Light { iso: 400, shutter: &["1/160", "1/200", "1/250"] };
static CANDLES: Light = Light { iso: 3200, shutter: &["1/80", "1/100", "1/125"] };
static VIDEO: Light = Light { iso: 800, shutter: &["1/50"] };

#[rustfmt::skip]
const ENGAGEMENT: &[Scene] = &[
    Scene { title: "Miradouro da Graça at opening light", starts: (6, 48), frames: 26, gap_s: 21, by: RUI, lens: &WIDE, light: &SUN,
        keywords: &["engagement", "Alfama", "sunrise"], shot_ids: &[], event_id: "" },
    Scene { title: "The box on the steps of Beco do Carneiro", starts: (7, 5), frames: 22, gap_s: 24, by: RUI, lens: &WIDE, light: &SHADE,
        keywords: &["engagement", "box", "tiles"], shot_ids: &[], event_id: "" },
    Scene { title: "Laundry, cat, and a neighbour's advice", starts: (7, 20), frames: 18, gap_s: 26, by: RUI, lens: &PORTRAIT,
        light: &SHADE, keywords: &["engagement", "street"], shot_ids: &[], event_id: "" },
    Scene { title: "Amara laughing at tile 14", starts: (7, 34), frames: 20, gap_s: 15, by: RUI, lens: &PORTRAIT, light: &SHADE,
        keywords: &["engagement", "portrait", "Amara"], shot_ids: &[], event_id: "" },
    Scene { title: "Joel on the tram step", starts: (7, 52), frames: 16, gap_s: 12, by: RUI, lens: &PORTRAIT, light: &SHADE,
        keywords: &["engagement", "portrait", "Joel"], shot_ids: &[], event_id: "" },
    Scene { title: "Coffee at Dona Odete's counter", starts: (8, 10), frames: 24, gap_s: 27, by: RUI, lens: &WIDE, light: &WINDOW,
        keywords: &["engagement", "bakery", "neighbours"], shot_ids: &[], event_id: "" },
    Scene { title: "Walking along the river wall", starts: (8, 45), frames: 28, gap_s: 18, by: RUI, lens: &LONG, light: &SUN,
        keywords: &["engagement", "river", "walking"], shot_ids: &[], event_id: "" },
    Scene { title: "Wind on the ferry", starts: (9, 12), frames: 26, gap_s: 22, by: RUI, lens: &WIDE, light: &SUN,
        keywords: &["engagement", "ferry", "wind"], shot_ids: &[], event_id: "" },
    Scene { title: "Hands and two ferry tickets", starts: (9, 31), frames: 20, gap_s: 14, by: RUI, lens: &MACRO, light: &SHADE,
        keywords: &["engagement", "hands", "detail"], shot_ids: &[], event_id: "" },
];

#[rustfmt::skip]
const RECCE: &[Scene] = &[
    Scene { title: "Cork oak and lawn, sun at three", starts: (15, 0), frames: 14, gap_s: 55, by: RUI, lens: &WIDE, light: &SUN,
        keywords: &["recce", "lawn", "light"], shot_ids: &[], event_id: "evt-ceremony" },
    Scene { title: "Orange grove, third row, light over the wall", starts: (15, 25), frames: 14, gap_s: 48, by: RUI, lens: &PORTRAIT,
        light: &SHADE, keywords: &["recce", "grove", "light"], shot_ids: &["shot-first-look"], event_id: "evt-first-look" },
    Scene { title: "Barn gallery, table grid from above", starts: (16, 2), frames: 12, gap_s: 60, by: RUI, lens: &WIDE, light: &WINDOW,
        keywords: &["recce", "barn", "floor plan"], shot_ids: &["shot-tables-empty"], event_id: "evt-reception-doors" },
    Scene { title: "Ridge path until the sun is gone", starts: (18, 2), frames: 20, gap_s: 72, by: RUI, lens: &PORTRAIT, light: &SUN,
        keywords: &["recce", "ridge", "sunset"], shot_ids: &["shot-golden-ridge"], event_id: "evt-golden-hour" },
];

#[rustfmt::skip]
const TASTING: &[Scene] = &[
    Scene { title: "Starters in a row, soup with and without fish", starts: (11, 40), frames: 12, gap_s: 40, by: RUI, lens: &MACRO,
        light: &WINDOW, keywords: &["tasting", "starter"], shot_ids: &[], event_id: "evt-dinner-starter" },
    Scene { title: "Veal cheek, sea bass, mushroom rice", starts: (12, 30), frames: 14, gap_s: 45, by: RUI, lens: &MACRO, light: &WINDOW,
        keywords: &["tasting", "main course"], shot_ids: &[], event_id: "evt-dinner-main" },
    Scene { title: "Ngozi on video, judging the jollof", starts: (13, 15), frames: 14, gap_s: 30, by: RUI, lens: &WIDE, light: &WINDOW,
        keywords: &["tasting", "family", "laughter"], shot_ids: &[], event_id: "" },
];

#[rustfmt::skip]
const EVE: &[Scene] = &[
    Scene { title: "Rehearsal, line-up under the arcade", starts: (16, 2), frames: 18, gap_s: 38, by: RUI, lens: &WIDE, light: &SHADE,
        keywords: &["rehearsal", "processional"], shot_ids: &[], event_id: "evt-processional-lineup" },
    Scene { title: "Léo drops the empty box", starts: (16, 18), frames: 14, gap_s: 9, by: MARTA, lens: &LONG, light: &SUN,
        keywords: &["rehearsal", "children", "Léo"], shot_ids: &[], event_id: "evt-ceremony" },
    Scene { title: "Rehearsal seen from the balcony", starts: (16, 26), frames: 8, gap_s: 75, by: BASTIEN, lens: &CINE, light: &VIDEO,
        keywords: &["rehearsal", "film"], shot_ids: &[], event_id: "evt-ceremony" },
    Scene { title: "Long tables in the hotel courtyard", starts: (18, 40), frames: 20, gap_s: 31, by: RUI, lens: &WIDE, light: &SHADE,
        keywords: &["welcome dinner", "courtyard"], shot_ids: &[], event_id: "" },
    Scene { title: "Grandmothers meet, no common language needed", starts: (19, 5), frames: 24, gap_s: 16, by: RUI, lens: &PORTRAIT,
        light: &SHADE, keywords: &["welcome dinner", "grandmothers", "family"], shot_ids: &["shot-grandmothers"], event_id: "" },
    Scene { title: "Uju shows the rescued gele", starts: (19, 40), frames: 16, gap_s: 19, by: MARTA, lens: &WIDE, light: &WINDOW,
        keywords: &["welcome dinner", "gele", "copper"], shot_ids: &["shot-gele-fabric"], event_id: "" },
    Scene { title: "Toasts, four languages, one microphone", starts: (20, 15), frames: 18, gap_s: 42, by: RUI, lens: &PORTRAIT,
        light: &CANDLES, keywords: &["welcome dinner", "toasts"], shot_ids: &[], event_id: "" },
    Scene { title: "Last candles in the courtyard", starts: (21, 30), frames: 12, gap_s: 65, by: MARTA, lens: &WIDE, light: &CANDLES,
        keywords: &["welcome dinner", "night"], shot_ids: &[], event_id: "" },
];

#[rustfmt::skip]
const MORNING: &[Scene] = &[
    Scene { title: "Bridesmaids with coffee", starts: (10, 6), frames: 14, gap_s: 24, by: RUI, lens: &WIDE, light: &WINDOW,
        keywords: &["morning", "bridesmaids"], shot_ids: &["shot-bridesmaids-robes"], event_id: "evt-hair-makeup-party" },
    Scene { title: "Dress at the north window", starts: (10, 17), frames: 10, gap_s: 17, by: RUI, lens: &WIDE, light: &WINDOW,
        keywords: &["details", "dress"], shot_ids: &["shot-dress-window"], event_id: "evt-flat-lay" },
    Scene { title: "Invitation, shoes, and the tile with the ship", starts: (10, 22), frames: 18, gap_s: 22, by: RUI, lens: &MACRO,
        light: &WINDOW, keywords: &["details", "stationery", "shoes"], shot_ids: &["shot-invitation-suite", "shot-shoes-azulejo"],
        event_id: "evt-flat-lay" },
    Scene { title: "Coral beads in Ngozi's hands", starts: (10, 32), frames: 12, gap_s: 18, by: RUI, lens: &MACRO, light: &WINDOW,
        keywords: &["details", "coral", "Ngozi"], shot_ids: &["shot-coral-beads"], event_id: "evt-flat-lay" },
    Scene { title: "Veil, bouquet, folded letter", starts: (10, 37), frames: 16, gap_s: 48, by: RUI, lens: &MACRO, light: &WINDOW,
        keywords: &["details", "veil", "bouquet"], shot_ids: &["shot-veil-embroidery", "shot-bouquet", "shot-perfume"],
        event_id: "evt-flat-lay" },
    Scene { title: "Mill house, suits on their hooks", starts: (11, 6), frames: 10, gap_s: 35, by: MARTA, lens: &WIDE, light: &WINDOW,
        keywords: &["groom", "details"], shot_ids: &[], event_id: "evt-groom-prep" },
    Scene { title: "Cufflinks and two wrong knots", starts: (11, 19), frames: 20, gap_s: 31, by: MARTA, lens: &PORTRAIT, light: &WINDOW,
        keywords: &["groom", "Tiago", "tie"], shot_ids: &["shot-cufflinks", "shot-tie-knot"], event_id: "evt-groom-prep" },
    Scene { title: "Comb going in", starts: (11, 31), frames: 12, gap_s: 20, by: RUI, lens: &PORTRAIT, light: &WINDOW,
        keywords: &["bride", "hair"], shot_ids: &["shot-hair-back"], event_id: "evt-hair-makeup-amara" },
    Scene { title: "Five jackets in the mill doorway", starts: (11, 46), frames: 14, gap_s: 14, by: MARTA, lens: &WIDE, light: &SHADE,
        keywords: &["groom", "groomsmen"], shot_ids: &["shot-groomsmen-jackets"], event_id: "evt-groom-prep" },
    Scene { title: "Boutonnières, brother to brother", starts: (11, 53), frames: 10, gap_s: 15, by: MARTA, lens: &PORTRAIT, light: &SHADE,
        keywords: &["groom", "Obinna"], shot_ids: &["shot-boutonnieres"], event_id: "evt-groom-prep" },
    Scene { title: "Helena, the collar, and Avó Beatriz", starts: (12, 0), frames: 18, gap_s: 28, by: MARTA, lens: &PORTRAIT, light: &SHADE,
        keywords: &["groom", "family", "Beatriz"], shot_ids: &["shot-joel-mother", "shot-joel-beatriz"], event_id: "evt-groom-prep" },
    Scene { title: "Barn doors, empty tables, first candles set", starts: (12, 20), frames: 6, gap_s: 60, by: BASTIEN, lens: &CINE,
        light: &VIDEO, keywords: &["barn", "film"], shot_ids: &[], event_id: "evt-tables-set" },
    Scene { title: "Last touch of lipstick", starts: (12, 3), frames: 10, gap_s: 19, by: RUI, lens: &PORTRAIT, light: &WINDOW,
        keywords: &["bride", "make-up"], shot_ids: &["shot-makeup-last-touch"], event_id: "evt-hair-makeup-amara" },
    Scene { title: "The letter, from the door", starts: (12, 15), frames: 4, gap_s: 40, by: RUI, lens: &LONG, light: &WINDOW,
        keywords: &["bride", "letter"], shot_ids: &["shot-letter-reading"], event_id: "evt-hair-makeup-amara" },
    Scene { title: "Aunties, eleven gele, one mirror", starts: (12, 20), frames: 24, gap_s: 29, by: RUI, lens: &WIDE, light: &WINDOW,
        keywords: &["gele", "aunties", "family"], shot_ids: &["shot-gele-aunties"], event_id: "evt-gele-tying" },
    Scene { title: "Three generations, hands", starts: (12, 38), frames: 12, gap_s: 33, by: RUI, lens: &MACRO, light: &WINDOW,
        keywords: &["hands", "family", "Mama Grace"], shot_ids: &["shot-three-generations-hands"], event_id: "evt-gele-tying" },
    Scene { title: "Into the dress, against the light", starts: (12, 52), frames: 10, gap_s: 38, by: RUI, lens: &WIDE, light: &WINDOW,
        keywords: &["bride", "dress"], shot_ids: &["shot-stepping-in"], event_id: "evt-dress" },
];

#[rustfmt::skip]
const SESSIONS: &[Session] = &[
    Session { name: "engagement", date: "2025-10-11", flag: "delivered", scenes: ENGAGEMENT },
    Session { name: "recce", date: "2026-03-14", flag: "internal", scenes: RECCE },
    Session { name: "tasting", date: "2026-04-18", flag: "internal", scenes: TASTING },
    Session { name: "eve", date: "2026-06-19", flag: "unedited", scenes: EVE },
    Session { name: "morning", date: "2026-06-20", flag: "unedited", scenes: MORNING },
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    SESSIONS.iter().flat_map(|session| {
        let frames = session.scenes.iter().flat_map(|scene| (0..scene.frames).map(move |frame| (scene, frame)));
        frames.zip(1..).map(move |((scene, frame), number)| entry(session, scene, frame, number))
    })
}

/// The metadata of one frame: `frame` counts within the scene from 0, `number` within the session from 1.
fn entry(session: &Session, scene: &Scene, frame: u64, number: u64) -> Entry {
    let id = format!("asset-{}-{number:03}", session.name);
    let film = scene.by == BASTIEN;
    // Any fixed number will do here, as long as it differs from frame to frame.
    let dice = mix(number, scene.frames * 100 + frame);
    let upright = dice.is_multiple_of(3) && !film;
    let (long, short) = if film { (3840_u64, 2160_u64) } else { (6048, 4024) };
    let (width, height) = if upright { (short, long) } else { (long, short) };
    let megabytes = if film { 180 + dice % 240 } else { 7 + dice % 9 };
    let (extension, media_type) = if film { ("mp4", "video/mp4") } else { ("jpg", "image/jpeg") };
    let maker = match scene.by {
        MARTA => "MQ",
        BASTIEN => "OM",
        _ => "RB",
    };

    let body = Body::new()
        .put("title", format!("{}, {} of {}", scene.title, frame + 1, scene.frames))
        .put("file_name", format!("{maker}_{}_{number:04}.{extension}", session.date.replace('-', "")))
        .put("media_type", media_type)
        .put("sha256", stand_in_sha256(&id))
        .put("size_bytes", megabytes * 1_048_576 + dice % 1_048_576)
        .put("width_px", width)
        .put("height_px", height)
        .put("taken_at", taken_at(session, scene, frame, dice))
        .put("photographer_id", scene.by)
        .put("camera", if film { "Film camera A" } else { "Full-frame body, 24 megapixels" })
        .put("lens", scene.lens.name)
        .put("focal_mm", scene.lens.focal_mm)
        .put("aperture", scene.lens.aperture)
        .put("iso", scene.light.iso * (1 + dice % 2))
        .put("rating", 2 + dice % 3 + (dice / 3) % 2)
        .put("flags", flags(session, dice))
        .strings("shot_ids", scene.shot_ids)
        .text("event_id", scene.event_id)
        .strings("keywords", scene.keywords);
    let body = match scene.light.shutter.iter().cycle().nth(usize::from(frame.is_multiple_of(2))) {
        Some(&shutter) => body.put("shutter", shutter),
        None => body,
    };
    let body = if film { body.put("duration_ms", 9_000 + dice % 38_000) } else { body };
    body.entry("assets", &id)
}

/// Frames follow each other at the scene's pace, each up to half a gap late, so that none overtakes the next.
fn taken_at(session: &Session, scene: &Scene, frame: u64, dice: u64) -> String {
    let (hour, minute) = scene.starts;
    let second = hour * 3_600 + minute * 60 + frame * scene.gap_s + dice % (scene.gap_s / 2);
    format!("{}T{:02}:{:02}:{:02}Z", session.date, second / 3_600, second / 60 % 60, second % 60)
}

fn flags(session: &Session, dice: u64) -> Vec<&'static str> {
    let mut flags = vec![session.flag];
    if dice.is_multiple_of(4) {
        flags.push("pick");
    }
    if dice.is_multiple_of(9) {
        flags.push("black_and_white");
    }
    if dice.is_multiple_of(17) {
        flags.push("check_consent");
    }
    flags
}
