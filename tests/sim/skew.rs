//! Spaces whose schema moves on while apps of older versions are still about.

use serde_json::{Value, json};
use sync_core::json::Object;

use crate::script::{SchemaKind, Step};
use crate::world::World;

/// The last version of a space's schema.
pub(crate) const LAST: u32 = 3;

/// The names of fields by version, where they have another than at first.
const NAMES: [(&str, [&str; 3]); 2] = [("title", ["title", "heading", "headline"]), ("notes", ["notes", "notes", "remarks"])];

/// The schema of a kind in a version, as a request names it.
pub(crate) fn schema(kind: SchemaKind, version: u32) -> Value {
    let policy = match kind {
        SchemaKind::Open => return Value::Null,
        SchemaKind::EditWins => "edit_wins",
        SchemaKind::Ask => "ask",
        SchemaKind::DeleteWins => "delete_wins",
    };
    let second = json!([
        {"move": "rename", "field": "title", "to": "heading"},
        {"move": "wrap", "field": "who"},
        {"move": "default", "field": "form", "value": "second"},
    ]);
    let third = json!([
        {"move": "rename", "field": "heading", "to": "headline"},
        {"move": "rename", "field": "notes", "to": "remarks"},
        {"move": "map", "field": "form", "values": {"second": "third"}},
    ]);
    let steps = [second, third].into_iter().zip(2..=version);
    let lenses: Vec<Value> = steps.map(|(moves, to)| json!({"to": to, "collections": {"notes": moves, "veiled": moves}})).collect();
    let fields = json!({"count": {"type": "integer"}});
    json!({"name": "sim", "version": version, "oldest_readable": version.saturating_sub(1).max(1), "lenses": lenses, "collections": {
        "notes": {"delete": policy, "fields": fields},
        "veiled": {"delete": policy, "fields": fields,
            "visibility": {"field": "veil", "audiences": {"drawn": ["lead", "coordinator"]}}},
    }})
}

/// Whether schemas move on in a world.
pub(crate) fn is_skewed(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Upgrade(_) | Step::Update(_)))
}

/// A document as an app of a version shows it, in the words of the first one.
pub(crate) fn understood(app: Option<u32>, mut body: Object) -> Object {
    for (first, names) in NAMES {
        if let Some(value) = body.remove(name_in(app, &names)) {
            body.insert(first.to_owned(), value);
        }
    }
    body
}

/// A patch in the words of the first version, as an app of a later one says it.
pub(crate) fn said(app: Option<u32>, mut patch: Object) -> Object {
    for (first, names) in NAMES {
        if let Some(value) = patch.remove(first) {
            patch.insert(name_in(app, &names).to_owned(), value);
        }
    }
    if app >= Some(2)
        && let Some(who @ Value::String(_)) = patch.get_mut("who")
    {
        *who = json!([who.take()]);
    }
    patch
}

fn name_in(app: Option<u32>, names: &[&'static str; 3]) -> &'static str {
    names[app.unwrap_or(1) as usize - 1]
}

impl World<'_> {
    /// The lead replaces a space's schema by its next version.
    pub(crate) fn upgrade(&mut self, space: usize) {
        let space = space % self.versions.len();
        let (kind, version) = (self.kinds[space], self.versions[space] + 1);
        if kind == SchemaKind::Open || version > LAST {
            return;
        }
        self.versions[space] = version;
        self.server.replace_schema(self.server.spaces[space], &schema(kind, version));
        self.coverage.hit("schema replaced");
    }

    /// A device gets the newest app that every space can be used with.
    pub(crate) fn update_app(&mut self, device: usize) {
        let spoken = self.kinds.iter().zip(&self.versions).filter(|(kind, _)| **kind != SchemaKind::Open).map(|(_, version)| *version);
        let spoken = spoken.min().unwrap_or(1);
        let count = self.phones.len();
        let phone = &mut self.phones[device % count];
        phone.app = phone.app.map(|_| spoken);
    }

    /// Everybody gets an app that reads everything.
    pub(crate) fn update_all(&mut self) {
        if self.phones.iter().all(|phone| phone.app.is_none()) {
            return;
        }
        for space in 0..self.versions.len() {
            while self.kinds[space] != SchemaKind::Open && self.versions[space] < LAST {
                self.upgrade(space);
            }
        }
        (0..self.phones.len()).for_each(|device| self.update_app(device));
    }
}
