//! What is left at the end of a day: figures, and what must hold.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

use serde_json::{Value, json};
use sync_core::Schema;
use sync_core::schema::DeletePolicy;
use testkit::device::Device;

use super::day::{Day, Done, OPERATIONS};

/// The figures of a day.
pub(crate) struct Figures {
    statuses: BTreeMap<String, usize>,
    /// The share of the documents that everybody works on, in percent of the operations.
    hot_percent: usize,
    /// Edits of a document that another device had changed unseen.
    concurrent: usize,
    /// Those of them that left a question.
    asked: usize,
    requests: usize,
    /// What somebody is to decide: kind, document and fields.
    pub(crate) questions: Vec<String>,
    /// Deletions of what somebody else edited: the edit stands, and whoever leads may still remove it.
    pub(crate) kept: Vec<String>,
}

impl Figures {
    pub(crate) fn of(day: &Day) -> Self {
        let mut statuses = BTreeMap::new();
        for done in day.done.values() {
            *statuses.entry(done.result["status"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        let unseen = Unseen::of(day);
        let (kept, questions): (Vec<Value>, Vec<Value>) = day.bodies("_conflicts").into_iter().partition(is_kept);
        let concurrent: Vec<&Done> = day.done.values().filter(|done| unseen.is_concurrent(day, done)).collect();
        Self {
            statuses,
            hot_percent: day.done.values().filter(|done| day.hot.contains(&done.key)).count() * 100 / OPERATIONS,
            concurrent: concurrent.len(),
            asked: concurrent.iter().filter(|done| !done.result["conflict_id"].is_null()).count(),
            requests: day.bodies("change_requests").len(),
            questions: questions.iter().map(in_short).collect(),
            kept: kept.iter().map(in_short).collect(),
        }
    }

    /// Concurrent edits of a document that ended without a question, in percent.
    pub(crate) fn resolved_percent(&self) -> f64 {
        let share = |part: usize| f64::from(u32::try_from(part).unwrap());
        100.0 * share(self.concurrent - self.asked) / share(self.concurrent)
    }
}

impl Display for Figures {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { statuses, hot_percent, concurrent, requests, questions, kept, asked: _ } = self;
        let statuses: Vec<String> = statuses.iter().map(|(status, count)| format!("{count} {status}")).collect();
        write!(
            out,
            "{} questions, {} deletions kept for a look, {requests} change requests; {concurrent} edits met others', {:.1} % of them resolved \
             without asking; {}; {hot_percent} % on 20 documents",
            questions.len(),
            kept.len(),
            self.resolved_percent(),
            statuses.join(", "),
        )?;
        let told = if out.alternate() { questions.iter().chain(kept).collect() } else { Vec::new() };
        told.into_iter().try_for_each(|question| write!(out, "\n        {question}"))
    }
}

/// Whether a deletion was kept because the schema lets edits win.
fn is_kept(conflict: &Value) -> bool {
    let deletion = ["delete_edit", "edit_delete"].iter().any(|kind| conflict["kind"] == *kind);
    let wedding = Schema::built_in("wedding").unwrap();
    let collection = wedding.collection(conflict["collection"].as_str().unwrap()).unwrap();
    deletion && collection.delete == DeletePolicy::EditWins
}

fn in_short(conflict: &Value) -> String {
    let fields: Vec<String> = conflict["fields"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, field)| format!("{path} {} | {} | {}", field["base"], field["ours"], field["theirs"]))
        .collect();
    let text = |name: &str| conflict[name].as_str().unwrap_or_default().to_owned();
    format!("{} {}/{}: {}", text("kind"), text("collection"), text("document_id"), fields.join("; "))
}

/// Who changed what when, by document.
struct Unseen(BTreeMap<String, Vec<(i64, sync_core::DeviceId)>>);

impl Unseen {
    fn of(day: &Day) -> Self {
        let mut changes: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for change in day.server.changes(day.space) {
            changes.entry(change.key.as_str().to_owned()).or_default().push((change.version, change.by.device_id));
        }
        Self(changes)
    }

    /// Whether another device had changed the document after what the sender saw, and before this was decided.
    fn is_concurrent(&self, day: &Day, done: &Done) -> bool {
        let device = day.phones[done.phone].caller.device_id;
        let until = done.result["decided_version"].as_i64().unwrap_or(done.head + 1);
        let unseen = |(version, by): &(i64, sync_core::DeviceId)| done.base_version < *version && *version < until && *by != device;
        done.base_version > 0 && self.0.get(&done.key).is_some_and(|changes| changes.iter().any(unseen))
    }
}

impl Day {
    fn bodies(&self, collection: &str) -> Vec<Value> {
        let rows = self.server.documents(self.space).into_iter();
        let live = rows.filter(|row| row.key.collection() == collection && !row.presence.deleted);
        live.map(|row| Value::Object(row.body.object())).collect()
    }

    /// Everything that was typed is somewhere: each operation has a result that keeps it, and each text that nobody took
    /// away stands in its document, in a question or in a request.
    pub(crate) fn has_everything(&self) {
        let rows = self.server.documents(self.space);
        let kept: BTreeMap<&str, (&str, bool)> =
            rows.iter().map(|row| (row.key.as_str(), (row.body.as_str(), row.presence.deleted))).collect();
        let aside: String = rows
            .iter()
            .filter(|row| ["_conflicts", "change_requests"].contains(&row.key.collection()))
            .map(|row| row.body.as_str())
            .collect();
        for (op_id, done) in &self.done {
            let status = done.result["status"].as_str().unwrap_or_default();
            if status == "quarantined" {
                // vendors write only contacts that are theirs
                assert!(done.key.as_str().starts_with("contacts/") && done.result["problem"]["code"] == "role_forbids", "{op_id} {done:?}");
                continue;
            }
            assert!(["applied", "merged", "noop", "conflict"].contains(&status), "{op_id} {done:?}");
            assert_eq!(done.result["held"], true, "{done:?}");
            let Some(token) = done.token.as_ref().filter(|token| !self.rewritten.contains(*token)) else { continue };
            let (body, deleted) = kept[done.key.as_str()];
            assert!(deleted || body.contains(token) || aside.contains(token), "{token} is lost: {done:?}\n{body}");
        }
    }

    /// A person's devices hold the same, and so does a new one. (Each device compares its checksums with the
    /// server's whenever it has read everything.)
    pub(crate) fn agrees(&self) {
        let mut views: BTreeMap<String, Value> = BTreeMap::new();
        for (index, phone) in self.phones.iter().enumerate() {
            assert!(phone.device.is_settled(), "{}: {:?}", phone.device.name(), phone.device.waiting());
            let held = self.image(&phone.device);
            let view = views.entry(phone.caller.user_id.to_string()).or_insert_with(|| self.image(&self.fresh(index)));
            assert!(held == *view, "{}, away {}, holds something else than a new device", phone.device.name(), self.away(index));
        }
    }

    fn image(&self, device: &Device) -> Value {
        let replica = device.replica(&self.space.to_string());
        json!([replica.checksums(), replica.all_live().collect::<Vec<_>>()])
    }
}
