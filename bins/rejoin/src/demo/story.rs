//! The demo's plot: what three people do while they can't see each other's work, and what becomes of it.

mod ending;
mod scenes;
mod words;

use serde_json::{Map, Value, json};

use super::data::wedding;
use super::tablet::{Http, Tablet, text_of};
use crate::failure::Failure;

/// Tells a line of the story. Nobody may be listening any more, and that is no reason to stop.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}
use say;

/// The demo's password, for all three. The server listens on the loopback only and its data is fiction.
pub(crate) const PASSWORD: &str = "amara-and-joel";
/// The demo's organisation.
pub(crate) const ORGANISATION: &str = "Alecrim Weddings";
/// Its first user, an administrator.
pub(crate) const ANA: &str = "ana@example.org";
const RUI: &str = "rui@example.org";
const INES: &str = "ines@example.org";

/// The run sheet.
const EVENTS: &str = "timeline_events";

/// What the demo leaves behind.
pub(crate) struct Ending {
    pub(crate) space: String,
    pub(crate) token: String,
}

struct Cast {
    http: Http,
    ana: Tablet,
    rui: Tablet,
    ines: Tablet,
    space: String,
}

/// What two people did to one thing without seeing each other: the ids of both operations.
struct Pair {
    one: String,
    other: String,
}

/// Everything that was done without signal.
struct Script {
    ceremony: Pair,
    delay: Pair,
    confetti: Pair,
    joao: Pair,
    driver: Pair,
    /// Two edits of different fields.
    portraits: Pair,
    /// A time that Rui gave a moment which both delays would move.
    cake: String,
    /// Written over a copy that is three weeks old.
    plan_b: String,
}

/// Plays it through, telling it on standard output. Every step is held against what is promised.
///
/// # Errors
/// [`Failure`] when the server answers anything else.
pub(crate) fn play(url: &str) -> Result<Ending, Failure> {
    let mut cast = gather(&Http::new(url))?;
    load(&mut cast)?;
    three_weeks(&mut cast)?;
    let script = offline(&mut cast);
    rejoin(&mut cast, &script)?;
    scenes::tell(&mut cast, &script)?;
    ending::answer(&mut cast)?;
    ending::compare(&mut cast)?;
    Ok(Ending { space: cast.space, token: cast.ana.token })
}

/// A promise of the story.
fn expect(holds: bool, promise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds {
        return Ok(());
    }
    Err(Failure::Failed(format!("{}; this should never happen, please report it with the lines above", promise())))
}

fn gather(http: &Http) -> Result<Cast, Failure> {
    let mut ana = Tablet::login(http, "Ana", ANA, PASSWORD, "Ana's laptop")?;
    for (email, name) in [(RUI, "Rui"), (INES, "Inês")] {
        http.call("POST", "/api/users", &ana.token, Some(&json!({"email": email, "password": PASSWORD, "name": name})))?;
    }
    let mut rui = Tablet::login(http, "Rui", RUI, PASSWORD, "Rui's phone")?;
    let mut ines = Tablet::login(http, "Inês", INES, PASSWORD, "the tablet of the venue")?;
    let space = json!({
        "name": "Amara & Joel", "event_date": "2026-06-20", "time_zone": "Europe/Lisbon", "schema": "wedding",
        "settings": {"venue_user": ines.user_id, "seating_owner": ana.user_id, "main_photographer": rui.user_id},
    });
    let space = text_of(&http.call("POST", "/api/spaces", &ana.token, Some(&space))?, "space_id").to_owned();
    for (tablet, role) in [(&rui, "photographer"), (&ines, "coordinator")] {
        http.call("PUT", &format!("/api/spaces/{space}/members/{}", tablet.user_id), &ana.token, Some(&json!({"role": role})))?;
    }
    for tablet in [&mut ana, &mut rui, &mut ines] {
        tablet.open(&space);
    }
    Ok(Cast { http: http.clone(), ana, rui, ines, space })
}

fn load(cast: &mut Cast) -> Result<(), Failure> {
    let logins = [("user-ana", cast.ana.user_id.clone()), ("user-rui", cast.rui.user_id.clone()), ("user-ines", cast.ines.user_id.clone())];
    let mut made = Vec::new();
    for entry in wedding() {
        let mut body = Value::Object(without_derived(entry.collection, entry.body));
        for (name, user_id) in &logins {
            replace(&mut body, name, user_id);
        }
        made.push(cast.ana.write("create", entry.collection, &entry.id, Some(body)));
    }
    cast.ana.sync()?;
    for op_id in &made {
        expect(cast.ana.status(op_id) == "applied", || format!("loading the wedding: {}", cast.ana.result(op_id)))?;
    }
    cast.ines.sync()?;
    cast.rui.sync()?;
    say!("Amara & Joel, Quinta do Vale, Saturday 20 June 2026: {} documents.", cast.ana.documents());
    say!("  Ana plans it (lead), Rui photographs (photographer), Inês runs the venue (coordinator).\n");
    Ok(())
}

/// What the server derives is not sent.
fn without_derived(collection: &str, mut body: Map<String, Value>) -> Map<String, Value> {
    let derived: &[&str] = match collection {
        "documents" => &["signed_state", "signers"],
        "payments" => &["status"],
        _ => &[],
    };
    body.retain(|name, _| !derived.contains(&name.as_str()));
    body
}

fn replace(value: &mut Value, name: &str, user_id: &str) {
    match value {
        Value::String(text) if text == name => user_id.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, name, user_id)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, name, user_id)),
        _ => {}
    }
}

/// What the office and the photographer do while the venue's tablet lies in a drawer: three weeks of changes.
fn three_weeks(cast: &mut Cast) -> Result<(), Failure> {
    let entries = wedding();
    let of = |collection: &'static str| entries.iter().filter(move |entry| entry.collection == collection);
    for (day, entry) in of("tasks").enumerate() {
        let note = format!("Gone through with the couple on day {} of the last three weeks.", day / 10 + 1);
        cast.ana.edit("tasks", &entry.id, json!({"notes": note}));
    }
    for (place, entry) in of("guests").enumerate().filter(|(place, _)| place % 3 == 0) {
        cast.ana.edit("guests", &entry.id, json!({"meal_card": format!("card {}", place + 1)}));
    }
    for entry in of("shots") {
        cast.rui.edit("shots", &entry.id, json!({"lens_plan": "checked at the recce"}));
    }
    let made = cast.ana.sync()? + cast.rui.sync()?;
    cast.ana.sync()?;
    say!("For three weeks the venue's tablet lies in a drawer, while {made} changes are made.\n");
    Ok(())
}

/// Saturday, in the barn: no signal.
fn offline(cast: &mut Cast) -> Script {
    let Cast { ana, rui, ines, .. } = cast;
    let pair = |one, other| Pair { one, other };
    let starts = |time: &str| json!({"starts_at": format!("2026-06-20T{time}")});
    let driver =
        || Some(json!({"name": "Fernanda Luz", "role": "Second driver", "phones": [{"label": "mobile", "value": "+44 7700 900188"}]}));
    let allergy = json!({"allergy_flags": ["peanuts", "sesame", "tree nuts"]});
    let note = "No meat, fish is fine.\nDressing on the side, in a closed jug.\nReacts to peanut oil as well, ask which oil the fryer has.";
    let script = Script {
        ceremony: pair(ana.edit(EVENTS, "evt-ceremony", starts("16:15")), ines.edit(EVENTS, "evt-ceremony", starts("16:30"))),
        delay: pair(
            ana.shift("2026-06-20T18:30", 10, "The coach is late"),
            ines.shift("2026-06-20T18:30", 15, "The barn isn't ready, the coach is late"),
        ),
        confetti: pair(
            ana.write("delete", "shots", "shot-confetti", None),
            rui.edit("shots", "shot-confetti", json!({"notes": "Petals only, from the left: the light is there."})),
        ),
        joao: pair(ana.edit("guests", "guest-joao-pires", allergy), ines.edit("guests", "guest-joao-pires", json!({"dietary_note": note}))),
        driver: pair(
            ana.write("create", "contacts", "contact-fernanda-luz", driver()),
            ines.write("create", "contacts", "contact-fernanda-luz-2", driver()),
        ),
        portraits: pair(
            ana.edit(EVENTS, "evt-portraits", json!({"location": "Olive terraces, upper path"})),
            rui.edit(EVENTS, "evt-portraits", json!({"cue": "Rui waves a white cloth from the water tank"})),
        ),
        cake: rui.edit(EVENTS, "evt-cake", starts("21:50")),
        plan_b: ines.edit(EVENTS, "evt-sparkler-exit", json!({"plan_b": "Torches along the avenue, festoon on slow fade."})),
    };
    say!("In the barn there is no signal. Everybody keeps working:");
    for tablet in [&*ana, &*rui, &*ines] {
        say!("  {}: {} edits wait on the device.", tablet.owner, tablet.waiting());
    }
    say!();
    script
}

/// The signal comes back.
fn rejoin(cast: &mut Cast, script: &Script) -> Result<(), Failure> {
    let Cast { ana, rui, ines, .. } = cast;
    ana.sync()?;
    rui.sync_and_lose_the_answer()?;
    let again = rui.sync()?;
    let replays = [&script.confetti.other, &script.portraits.other, &script.cake];
    let counted = replays.iter().all(|op_id| text_of(rui.result(op_id), "status") == "duplicate");
    expect(counted && again == replays.len(), || "what was sent twice did not count once".into())?;
    ines.sync()?;
    say!("The signal comes back. Ana's laptop sends first.");
    say!(
        "  Rui's phone sends its edits, and the connection breaks before the answer. It sends all {again} again: they had arrived, and count once."
    );
    say!("  The venue's tablet has a copy that is three weeks old. It sends its edits over that, and reads {} documents.", ines.received);
    let merged = rui.status(&script.portraits.other) == "merged" && ines.status(&script.plan_b) == "merged";
    expect(merged, || format!("portraits: {}, plan B: {}", rui.result(&script.portraits.other), ines.result(&script.plan_b)))?;
    say!("  What two people changed in different places is simply there: the portraits have Ana's path and Rui's cue.\n");
    for tablet in [ana, rui] {
        tablet.sync()?;
    }
    Ok(())
}
