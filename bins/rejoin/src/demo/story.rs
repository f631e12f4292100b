//! The demo's plot: what three people do while they can't see each other's work, and what becomes of it.

use serde_json::{Value, json};

use super::data::wedding;
use super::tablet::{Http, Tablet, Told, text_of};
use crate::failure::Failure;

/// Tells a line of the story. Nobody may be listening any more, and that is no reason to stop.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

/// The demo's password, for all three. The server listens on the loopback only and its data is fiction.
pub(crate) const PASSWORD: &str = "amara-and-joel";
/// The demo's organisation.
pub(crate) const ORGANISATION: &str = "Alecrim Weddings";
/// Its first user, an administrator.
pub(crate) const ANA: &str = "ana@example.org";
const RUI: &str = "rui@example.org";
const INES: &str = "ines@example.org";

/// What the demo leaves behind.
pub(crate) struct Ending {
    pub(crate) space: String,
    pub(crate) token: String,
    pub(crate) converged: bool,
}

struct Cast {
    ana: Tablet,
    rui: Tablet,
    ines: Tablet,
    space: String,
}

/// Plays it through, telling it on standard output.
///
/// # Errors
/// [`Failure`] when the server answers anything but what the protocol promises.
pub(crate) fn play(url: &str) -> Result<Ending, Failure> {
    let http = Http::new(url);
    let mut cast = gather(&http)?;
    load(&mut cast)?;
    cast.rui.sync()?;
    three_weeks(&mut cast)?;
    offline(&mut cast);
    rejoin(&mut cast)?;
    answer(&http, &cast)?;
    let converged = compare(&http, &mut cast)?;
    Ok(Ending { space: cast.space, token: cast.ana.token, converged })
}

fn gather(http: &Http) -> Result<Cast, Failure> {
    let mut ana = Tablet::login(http, "Ana", ANA, PASSWORD, "Ana's laptop")?;
    for (email, name) in [(RUI, "Rui"), (INES, "Inês")] {
        http.call("POST", "/api/users", &ana.token, Some(&json!({"email": email, "password": PASSWORD, "name": name})))?;
    }
    let mut rui = Tablet::login(http, "Rui", RUI, PASSWORD, "Rui's phone")?;
    let mut ines = Tablet::login(http, "Inês", INES, PASSWORD, "the tablet of the venue")?;
    let space = json!({"name": "Amara & Joel", "event_date": "2026-06-20", "time_zone": "Europe/Lisbon", "schema": "wedding"});
    let space = text_of(&http.call("POST", "/api/spaces", &ana.token, Some(&space))?, "space_id").to_owned();
    for (tablet, role) in [(&rui, "photographer"), (&ines, "coordinator")] {
        http.call("PUT", &format!("/api/spaces/{space}/members/{}", tablet.user_id), &ana.token, Some(&json!({"role": role})))?;
    }
    for tablet in [&mut ana, &mut rui, &mut ines] {
        tablet.open(&space);
    }
    Ok(Cast { ana, rui, ines, space })
}

fn load(cast: &mut Cast) -> Result<(), Failure> {
    let logins = [("user-ana", cast.ana.user_id.clone()), ("user-rui", cast.rui.user_id.clone()), ("user-ines", cast.ines.user_id.clone())];
    for entry in wedding() {
        let mut body = Value::Object(entry.body);
        for (name, user_id) in &logins {
            replace(&mut body, name, user_id);
        }
        cast.ana.write("create", entry.collection, &entry.id, Some(body), "");
    }
    let told = cast.ana.sync()?;
    if let Some(odd) = told.iter().find(|told| told.status != "applied") {
        return Err(Failure::Failed(format!("loading the wedding: an operation answered {}", odd.status)));
    }
    cast.ines.sync()?;
    say!("Amara & Joel, Quinta do Vale, Saturday 20 June 2026: {} documents.", cast.ana.documents());
    say!("  Ana plans it (lead), Rui photographs (photographer), Inês runs the venue (coordinator).\n");
    Ok(())
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
        cast.ana.edit(
            "tasks",
            &entry.id,
            json!({"notes": format!("Gone through with the couple on day {} of the last three weeks.", day / 10 + 1)}),
            "",
        );
    }
    for (place, entry) in of("guests").enumerate().filter(|(place, _)| place % 3 == 0) {
        cast.ana.edit("guests", &entry.id, json!({"meal_card": format!("card {}", place + 1)}), "");
    }
    cast.ana.edit("contacts", "contact-shuttle", json!({"arrival_at": "2026-06-20T14:05"}), "");
    let mut made = cast.ana.sync()?.len();
    for entry in of("shots") {
        cast.rui.edit("shots", &entry.id, json!({"lens_plan": "checked at the recce"}), "");
    }
    made += cast.rui.sync()?.len();
    cast.ana.sync()?;
    say!("For three weeks the venue's tablet lies in a drawer, while {made} changes are made.\n");
    Ok(())
}

/// Saturday, in the barn: no signal.
fn offline(cast: &mut Cast) {
    let Cast { ana, rui, ines, .. } = cast;
    // different fields of one document
    ana.edit(
        "timeline_events",
        "evt-portraits",
        json!({"location": "Olive terraces, upper path"}),
        "moves the couple portraits to the upper path",
    );
    rui.edit(
        "timeline_events",
        "evt-portraits",
        json!({"cue": "Rui waves a white cloth from the water tank"}),
        "rewrites the cue of the couple portraits",
    );
    // the same field
    ana.edit("timeline_events", "evt-ceremony", json!({"starts_at": "2026-06-20T16:15"}), "moves the ceremony to 16:15");
    rui.edit("timeline_events", "evt-ceremony", json!({"starts_at": "2026-06-20T16:30"}), "moves the ceremony to 16:30");
    // deleted by one, edited by the other
    ana.write("delete", "shots", "shot-confetti", None, "deletes the shot \"Confetti walk\"");
    rui.edit(
        "shots",
        "shot-confetti",
        json!({"notes": "Petals only, from the left: the light is there."}),
        "rewrites the notes of the shot \"Confetti walk\"",
    );
    // one reorders, the other retimes
    ana.edit("timeline_events", "evt-cake", json!({"order_key": "akV"}), "drags the cake behind the speeches");
    rui.edit("timeline_events", "evt-cake", json!({"starts_at": "2026-06-20T21:45"}), "starts the cake at 21:45");
    // two edits of the same thing in a row
    rui.edit(
        "shots",
        "shot-grandmothers",
        json!({"notes": "Chairs ready. Odette on the right."}),
        "shortens the notes of the four grandmothers",
    );
    rui.edit(
        "shots",
        "shot-grandmothers",
        json!({"notes": "Chairs ready. Odette on the right, she hears better there."}),
        "adds to the notes of the four grandmothers why that is",
    );
    // an allergy flag against a rewritten note
    let flags = flags_with(ana, "tree nuts");
    ana.edit("guests", "guest-joao-pires", json!({"allergy_flags": flags}), "adds tree nuts to João's allergies");
    ines.edit(
        "guests",
        "guest-joao-pires",
        json!({"dietary_note": "No meat, fish is fine. Asks about the fryer's oil."}),
        "rewrites João's dietary note",
    );
    // the same person entered twice
    let second_driver =
        || Some(json!({"name": "Fernanda Luz", "role": "Second driver", "phones": [{"label": "mobile", "value": "+44 7700 900188"}]}));
    ana.write("create", "contacts", "contact-fernanda-luz", second_driver(), "enters the second driver, Fernanda Luz");
    ines.write("create", "contacts", "contact-fernanda-luz-2", second_driver(), "enters the second driver, Fernanda Luz, too");
    // written over a copy that is three weeks old
    ines.edit(
        "timeline_events",
        "evt-sparkler-exit",
        json!({"plan_b": "Torches along the avenue, festoon on slow fade."}),
        "rewrites plan B of the sparkler exit",
    );
    ines.edit("contacts", "contact-shuttle", json!({"arrival_at": "2026-06-20T14:40"}), "puts the shuttle's arrival at 14:40");
    ines.edit("shots", "shot-rings", json!({"location": "Vestry, by the window"}), "moves the shot of the rings to the window");
    say!("In the barn there is no signal. Everybody keeps working:");
    for tablet in [&*ana, &*rui, &*ines] {
        say!("  {}: {} edits wait on the device.", tablet.owner, tablet.waiting());
    }
    say!();
}

fn flags_with(tablet: &Tablet, flag: &str) -> Value {
    let known = tablet.document("guests", "guest-joao-pires").and_then(|guest| guest.get("allergy_flags")).and_then(Value::as_array);
    let mut flags = known.cloned().unwrap_or_default();
    flags.push(flag.into());
    Value::Array(flags)
}

fn rejoin(cast: &mut Cast) -> Result<(), Failure> {
    let Cast { ana, rui, ines, .. } = cast;
    say!("The signal comes back.");
    let told = ana.sync()?;
    tell(ana, &told);
    rui.sync_and_lose_the_answer()?;
    say!("  Rui's phone sends its edits, and the connection breaks before the answer arrives. It sends the same again:");
    let told = rui.sync()?;
    tell(rui, &told);
    let told = ines.sync()?;
    say!("  The venue's tablet has a copy that is three weeks old. It sends its edits over that, and reads {} documents:", ines.received);
    tell(ines, &told);
    say!();
    Ok(())
}

fn tell(tablet: &Tablet, told: &[Told]) {
    for one in told {
        let again = if one.status == "duplicate" { "; it had arrived the first time, and counts once" } else { "" };
        let outcome = match if one.status == "duplicate" { one.was.as_str() } else { one.status.as_str() } {
            "applied" => "saved as sent, nobody else had touched it",
            "merged" => "merged, others had changed something else in it",
            "noop" => "nothing to do, it stands like that already",
            "conflict" => "asked, because somebody else decided differently",
            "quarantined" => "kept for the lead",
            _ => "refused, and kept",
        };
        say!("  {} {}: {outcome}{again}.", tablet.owner, one.words);
    }
}

/// Shows what is asked, and answers one question.
fn answer(http: &Http, cast: &Cast) -> Result<(), Failure> {
    let listed = http.call("GET", &format!("/api/offline/conflict?space={}&state=open", cast.space), &cast.ana.token, None)?;
    let open = listed.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    say!("{} questions are left. Each is asked of the lead, Ana; until she answers, what is live stays:", open.len());
    for conflict in &open {
        say!("  {}", in_words(conflict, cast));
    }
    let Some(ceremony) = open.iter().find(|conflict| text_of(conflict, "document_id") == "evt-ceremony") else {
        return Err(Failure::Failed("the two times of the ceremony were not asked about".into()));
    };
    let entropy: std::sync::Arc<dyn sync_core::ports::Entropy> = std::sync::Arc::new(crate::system::SystemEntropy::new());
    let op_id = entropy.uuid_v7(sync_core::ports::Clock::now(&crate::system::SystemClock)).to_string();
    let answer = json!({"resolutions": [{
        "conflict_id": ceremony.get("conflict_id"), "op_id": op_id, "version": ceremony.get("version"),
        "fields": {"/starts_at": {"choose": "ours"}},
    }]});
    let answered = http.call("PUT", "/api/offline/sync/resolve", &cast.ana.token, Some(&answer))?;
    let status = answered.pointer("/results/0/status").and_then(Value::as_str).unwrap_or_default();
    if status != "applied" {
        return Err(Failure::Failed(format!("the answer to the question about the ceremony came back as {status}")));
    }
    say!("  Ana answers the one about the ceremony: 16:15. The others are left for you.\n");
    Ok(())
}

fn in_words(conflict: &Value, cast: &Cast) -> String {
    let name = |side: &str| {
        let user = conflict.pointer(&format!("/{side}/user_id")).and_then(Value::as_str).unwrap_or_default();
        let people = [&cast.ana, &cast.rui, &cast.ines];
        people.iter().find(|tablet| tablet.user_id == user).map_or("Somebody", |tablet| tablet.owner)
    };
    let title = cast
        .rui
        .document(text_of(conflict, "collection"), text_of(conflict, "document_id"))
        .and_then(|body| body.get("title").or(body.get("name")));
    let title = title.and_then(Value::as_str).unwrap_or(text_of(conflict, "document_id")).to_owned();
    let (ours, theirs) = (name("ours_by"), name("theirs_by"));
    match text_of(conflict, "kind") {
        "edit_delete" => format!("{title}: {theirs} removed it, {ours} changed it. It is kept with the change. Remove it, or keep it?"),
        "delete_edit" => format!("{title}: {theirs} removed it, {ours} changed it. It is kept. Remove it, or keep it?"),
        _ => {
            let fields = conflict.get("fields").and_then(Value::as_object).into_iter().flatten();
            let sides = fields.map(|(path, field)| {
                let shown = |side: &str| {
                    field.get(side).map_or("nothing".into(), |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                };
                format!("{}: {ours} says {}, {theirs} says {}", path.trim_start_matches('/'), shown("ours"), shown("theirs"))
            });
            format!("{title}, {}.", sides.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Lets everybody sync once more, adds devices that were never there, and compares.
fn compare(http: &Http, cast: &mut Cast) -> Result<bool, Failure> {
    let mut new_for_ana = Tablet::login(http, "Ana, new", ANA, PASSWORD, "a new device")?;
    let mut new_for_rui = Tablet::login(http, "Rui, new", RUI, PASSWORD, "a new device")?;
    new_for_ana.open(&cast.space);
    new_for_rui.open(&cast.space);
    for tablet in [&mut cast.ana, &mut cast.ines, &mut cast.rui, &mut new_for_ana, &mut new_for_rui] {
        tablet.sync()?;
    }
    let Cast { ana, rui, ines, .. } = &*cast;
    let mut converged = true;
    say!("Everybody syncs once more, and two new devices read everything from the beginning:");
    // what is private to the planner and the venue is not sent to a photographer: his sums are those of his view
    for (tablet, twin) in [(ana, &new_for_ana), (ines, &new_for_ana), (&new_for_ana, ana), (rui, &new_for_rui), (&new_for_rui, rui)] {
        let own = tablet.own_checksums();
        let fits = own == tablet.checksums && own == twin.own_checksums() && tablet.holds_the_same_as(twin);
        converged &= fits;
        let sum = own.get("timeline_events").map_or("none", String::as_str);
        let verdict = if fits { "the same" } else { "DIFFERENT" };
        say!("  {:<9} {:>5} documents, timeline {sum}, {} checksums: {verdict}", tablet.owner, tablet.documents(), own.len());
    }
    let kept = kept_everything(&new_for_ana);
    say!("  {}\n", if kept { "Nothing that anybody typed was lost." } else { "SOMETHING WAS LOST." });
    Ok(converged && kept)
}

/// Every edit of the plot is in the documents, except those that are asked about.
fn kept_everything(tablet: &Tablet) -> bool {
    let stands = |collection: &str, id: &str, member: &str, value: Value| {
        tablet.document(collection, id).and_then(|body| body.get(member)) == Some(&value)
    };
    stands("timeline_events", "evt-portraits", "location", json!("Olive terraces, upper path"))
        && stands("timeline_events", "evt-portraits", "cue", json!("Rui waves a white cloth from the water tank"))
        && stands("timeline_events", "evt-ceremony", "starts_at", json!("2026-06-20T16:15"))
        && stands("timeline_events", "evt-cake", "order_key", json!("akV"))
        && stands("timeline_events", "evt-cake", "starts_at", json!("2026-06-20T21:45"))
        && stands("shots", "shot-confetti", "notes", json!("Petals only, from the left: the light is there."))
        && stands("shots", "shot-grandmothers", "notes", json!("Chairs ready. Odette on the right, she hears better there."))
        && stands("shots", "shot-rings", "location", json!("Vestry, by the window"))
        && stands("guests", "guest-joao-pires", "dietary_note", json!("No meat, fish is fine. Asks about the fryer's oil."))
        && stands("guests", "guest-joao-pires", "allergy_flags", json!(["peanuts", "sesame", "tree nuts"]))
        && stands("timeline_events", "evt-sparkler-exit", "plan_b", json!("Torches along the avenue, festoon on slow fade."))
        && tablet.document("contacts", "contact-fernanda-luz").is_some()
        && tablet.document("contacts", "contact-fernanda-luz-2").is_some()
}
